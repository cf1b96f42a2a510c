// SPDX-License-Identifier: GPL-2.0-or-later
// The table of devices, and the drivers of those that need one; see board_pokes.h.
#include "tests/unit/board_pokes.h"

#include <cstring>

namespace qr::test {

namespace {

using enum PokeWindow::Space;

// Where set_up() puts PCI functions.
constexpr uint32_t kBusMaster = 0xc000, kVirtioPorts = 0xc100, kPm = 0x600, kSmbus = 0x700;
constexpr uint32_t kFrameBuffer = 0xe0000000, kVgaMmio = 0xf0000000, kVirtioMsix = 0xf0010000, kVirtioModern = 0xf0014000;
constexpr unsigned kHost = 0, kIsa = 8, kIde = 9, kPower = 11, kVga = 16, kVirtio = 24;

// RAM that drivers use.
constexpr uint32_t kArea = 0x10000, kAreaSize = 0x10000, kPrdTable = 0x20000, kRing = 0x30000, kQueueSize = 256,
                   kAvailable = kRing + 16 * kQueueSize, kUsed = (kAvailable + 4 + 2 * kQueueSize + 2 + 4095) & ~4095u;

constexpr PokeWindow kDma[] = {{kPort, 0x00, 16}, {kPort, 0xc0, 32}, {kPort, 0x80, 16}};
constexpr PokeWindow kPic[] = {{kPort, 0x20, 2}, {kPort, 0xa0, 2}, {kPort, 0x4d0, 2}};
constexpr PokeWindow kPit[] = {{kPort, 0x40, 4}, {kPort, 0x61, 1}};
constexpr PokeWindow kRtc[] = {{kPort, 0x70, 2}};
constexpr PokeWindow kKeyboard[] = {{kPort, 0x60, 1}, {kPort, 0x64, 1}, {kPort, 0x92, 1}};
constexpr PokeWindow kSerials[] = {{kPort, 0x3f8, 8}, {kPort, 0x2f8, 8}, {kPort, 0x3e8, 8}, {kPort, 0x2e8, 8}};
constexpr PokeWindow kParallels[] = {{kPort, 0x378, 8}, {kPort, 0x278, 8}, {kPort, 0x3bc, 4}};
constexpr PokeWindow kDebugPorts[] = {{kPort, 0x402, 1}, {kPort, 0x501, 2}};
constexpr PokeWindow kFloppies[] = {{kPort, 0x3f0, 6}, {kPort, 0x3f7, 1}};
constexpr PokeWindow kDisks[] = {{kPort, 0x1f0, 8}, {kPort, 0x3f6, 1}, {kPort, kBusMaster, 8}};
constexpr PokeWindow kDiscs[] = {{kPort, 0x170, 8}, {kPort, 0x376, 1}, {kPort, kBusMaster + 8, 8}};
constexpr PokeWindow kBusMasters[] = {{kPort, kBusMaster, 16}};
constexpr PokeWindow kHostBridge[] = {{kPort, 0xcf8, 8}, {kConfig, kHost, 256}, {kMemory, 0xa0000, 0x60000}};
constexpr PokeWindow kIsaBridge[] = {{kConfig, kIsa, 256}, {kPort, 0xcf9, 1}, {kPort, 0x4d0, 2}};
constexpr PokeWindow kFunctions[] = {{kConfig, kIde, 256}, {kConfig, kPower, 256}, {kConfig, kVga, 256},
                                     {kConfig, kVirtio, 256}, {kPort, 0xcf8, 8}};
constexpr PokeWindow kPowers[] = {{kPort, kPm, 64}, {kPort, 0xb2, 2}, {kPort, 0xafe0, 4}};
constexpr PokeWindow kSmbuses[] = {{kPort, kSmbus, 64}};
constexpr PokeWindow kFwCfg[] = {{kPort, 0x510, 12}};
constexpr PokeWindow kVgaRegisters[] = {{kPort, 0x3b0, 48}, {kMemory, 0xa0000, 0x20000}, {kMemory, kFrameBuffer, 0x40000}};
constexpr PokeWindow kVbe[] = {{kPort, 0x1ce, 4}, {kMemory, kVgaMmio, 0x1000}, {kMemory, kFrameBuffer, 0x1000000}};
constexpr PokeWindow kVmPort[] = {{kPort, 0x5658, 4}};
constexpr PokeWindow kHpet[] = {{kMemory, 0xfed00000, 0x200}, {kMemory, 0xfed00000, 0x400}};
constexpr PokeWindow kIoApic[] = {{kMemory, 0xfec00000, 0x50}, {kMemory, 0xfec00000, 0x14}};
constexpr PokeWindow kApic[] = {{kMemory, 0xfee00000, 0x400}, {kMemory, 0xfee00000, 0x1000}};
constexpr PokeWindow kVirtioLegacy[] = {{kPort, kVirtioPorts, 0x80}};
constexpr PokeWindow kVirtioModernBars[] = {{kMemory, kVirtioModern, 0x40}, {kMemory, kVirtioModern, 0x4000},
                                            {kMemory, kVirtioMsix, 0x1000}};
constexpr PokeWindow kNothing[] = {{kPort, 0, 0x10000}, {kMemory, 0x900000, 0x10000}, {kConfig, 0xf8, 256}};

constexpr PokedDevice kDevices[] = {
    {"i8237", kDma, &Pokes::drive_dma},
    {"i8259", kPic, nullptr},
    {"i8254", kPit, nullptr},
    {"mc146818", kRtc, nullptr},
    {"i8042", kKeyboard, &Pokes::drive_i8042},
    {"serial", kSerials, &Pokes::drive_serial},
    {"parallel", kParallels, &Pokes::drive_parallel},
    {"debug_ports", kDebugPorts, nullptr},
    {"fdc", kFloppies, &Pokes::drive_floppy},
    {"ata", kDisks, &Pokes::drive_ide},
    {"atapi", kDiscs, &Pokes::drive_atapi},
    {"bus_master", kBusMasters, &Pokes::drive_ide},
    {"i440fx", kHostBridge, nullptr},
    {"piix3", kIsaBridge, nullptr},
    {"pci", kFunctions, &Pokes::drive_config},
    {"piix4_pm", kPowers, nullptr},
    {"smbus", kSmbuses, nullptr},
    {"fw_cfg", kFwCfg, &Pokes::drive_fw_cfg},
    {"vga", kVgaRegisters, nullptr},
    {"vbe", kVbe, nullptr},
    {"vmmouse", kVmPort, &Pokes::drive_vmport},
    {"hpet", kHpet, nullptr},
    {"ioapic", kIoApic, nullptr},
    {"apic", kApic, nullptr},
    {"virtio_legacy", kVirtioLegacy, &Pokes::drive_virtio},
    {"virtio_modern", kVirtioModernBars, &Pokes::drive_virtio},
    {"nothing", kNothing, nullptr},
};

void write_config(LoneBoard& board, unsigned devfn, unsigned offset, unsigned size, uint32_t value) {
    board.board->ports().port_write(0xcf8, 4, 0x80000000 | devfn << 8 | (offset & 0xfc));
    board.board->ports().port_write(static_cast<uint16_t>(0xcfc + (offset & 3)), size, value);
}

}  // namespace

std::span<const PokedDevice> poked_devices() { return kDevices; }

BoardKind poked_board() {
    BoardKind kind{"poked", true, true, 4, 3, true, "qemu32", true};
    kind.both = true;
    return kind;
}

void Pokes::set_up(LoneBoard& board) {
    struct Setting {
        unsigned devfn, offset, size;
        uint32_t value;
    };
    constexpr Setting kSettings[] = {
        {kIde, 0x20, 4, kBusMaster},     {kIde, 0x40, 4, 0x80008000},      {kPower, 0x40, 4, kPm | 1},
        {kPower, 0x80, 1, 1},            {kPower, 0x90, 4, kSmbus | 1},    {kPower, 0xd2, 1, 9},
        {kVga, 0x10, 4, kFrameBuffer},   {kVga, 0x18, 4, kVgaMmio},        {kVirtio, 0x10, 4, kVirtioPorts},
        {kVirtio, 0x14, 4, kVirtioMsix}, {kVirtio, 0x20, 4, kVirtioModern}, {kVirtio, 0x24, 4, 0},
        {kIde, 4, 2, 7},                 {kPower, 4, 2, 1},                {kVga, 4, 2, 3},
        {kVirtio, 4, 2, 7},
    };
    for (const Setting& s : kSettings) write_config(board, s.devfn, s.offset, s.size, s.value);
}

uint64_t Pokes::peek_all(LoneBoard& board) {
    uint64_t sum = 0;
    for (const PokedDevice& device : kDevices)
        for (const PokeWindow& window : device.windows)
            for (uint64_t at = window.base; at < window.base + std::min(window.size, 0x1000u); ++at) {
                uint8_t byte[4] = {};
                if (window.space == kPort) sum += board.board->ports().port_peek(static_cast<uint16_t>(at), 1 << (at & 1));
                if (window.space == kMemory && board.board->memory().peek(at, byte)) sum += byte[0];
            }
    return sum;
}

uint32_t Pokes::address() {
    constexpr uint32_t kEdges[] = {0,          0x7ffff0,     0x800000,    0xffffff0, 0xa0000,       0xc0000,
                                   0xfee00000, 0xfffffff0,   kVgaMmio,    kFrameBuffer, kVirtioModern, kVirtioModern + 0x3000,
                                   0xfed00000, 0xfec00000,   0xfffc0000,  kUsed,     kRing,         kAvailable};
    if (choices_.one_in(8)) return kEdges[choices_.below(std::size(kEdges))] + choices_.below(4);
    return kArea + choices_.below(kAreaSize / 16) * 16 + (choices_.one_in(8) ? choices_.below(16) : 0);
}

uint32_t Pokes::value() {
    switch (choices_.below(8)) {
        case 0: return 0;
        case 1: return ~0u;
        case 2: return 1u << choices_.below(32);
        case 3: return choices_.below(16);
        case 4: return choices_.below(256);
        case 5: return address();
        default: return choices_.number();
    }
}

uint32_t Pokes::in(uint16_t port, unsigned size) {
    uint32_t value = 0;
    board_.instruction([&] { value = board_.board->ports().port_read(port, size); });
    note(value);
    return value;
}

void Pokes::out(uint16_t port, uint32_t value, unsigned size) {
    board_.instruction([&] { board_.board->ports().port_write(port, size, value); });
}

uint64_t Pokes::read(uint64_t at, unsigned size) {
    uint64_t value = 0;
    board_.instruction([&] { value = board_.board->memory().read(at, size); });
    note(value);
    return value;
}

void Pokes::write(uint64_t at, unsigned size, uint64_t value) {
    board_.instruction([&] { board_.board->memory().write(at, size, value); });
}

void Pokes::fill(uint64_t at, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i += 4) board_.board->memory().write(at + i, 4, value());
}

void Pokes::access(const PokeWindow& window) {
    const unsigned size = choices_.one_in(4) ? 2u << choices_.below(2) : 1;
    const unsigned natural = window.space == kPort ? size : choices_.one_in(4) ? size : 4;
    uint32_t offset = choices_.below(window.size);
    if (!choices_.one_in(8)) offset &= ~(natural - 1);
    const bool reads = choices_.one_in(3);
    switch (window.space) {
        case kPort: {
            const auto port = static_cast<uint16_t>(window.base + offset);
            if (reads)
                in(port, size);
            else
                out(port, value(), size);
            break;
        }
        case kMemory: {
            const uint64_t at = window.base + offset;
            const unsigned fits = (at & kPageMask) + natural > kPageSize ? 1 : natural;
            if (reads)
                read(at, fits);
            else
                write(at, fits, value());
            break;
        }
        case kConfig: {
            out(0xcf8, 0x80000000 | static_cast<uint32_t>(window.base) << 8 | (offset & 0xfc), 4);
            const auto port = static_cast<uint16_t>(0xcfc + (offset & 3));
            if (reads)
                in(port, size);
            else
                out(port, value(), size);
            break;
        }
    }
}

void Pokes::pass_time() {
    constexpr int64_t kSpans[] = {0, 100, 3'000, 50'000, 900'000, 20'000'000, 300'000'000, 3'000'000'000};
    board_.pass(kSpans[choices_.below(std::size(kSpans))]);
}

template <class Payload>
void Pokes::enter(InputPort<Payload>& port, Payload payload) {
    PayloadWriter writer;
    payload.fields(writer);
    board_.door.enter(port, writer.take());
}

void Pokes::poke() {
    const uint32_t kind = choices_.below(20);
    if (kind < 2) return pass_time();
    if (kind == 2) return fill(address() & ~15u, 16);
    if (kind < 9 && device_.driver) return (this->*device_.driver)();
    access(device_.windows[choices_.below(static_cast<uint32_t>(device_.windows.size()))]);
}

// A table of a few regions, and the start bit.
void Pokes::begin_bus_master(uint16_t base, bool to_memory) {
    const uint32_t regions = 1 + choices_.below(4);
    for (uint32_t n = 0; n < regions; ++n) {
        const uint32_t length = choices_.one_in(4) ? value() & 0xffff : 512u << choices_.below(4);
        board_.board->memory().write(kPrdTable + 8 * n, 4, address());
        board_.board->memory().write(kPrdTable + 8 * n + 4, 4, length | (n + 1 == regions ? 0x80000000 : 0));
    }
    out(base, 0);
    out(static_cast<uint16_t>(base + 4), choices_.one_in(16) ? address() : kPrdTable, 4);
    out(static_cast<uint16_t>(base + 2), 6);
    out(base, to_memory ? 9 : 1);
}

void Pokes::soft_reset(uint16_t control) {
    out(control, 4);
    out(control, 0);
    board_.pass(3'000'000);
}

void Pokes::drive_ide() {
    constexpr uint8_t kCommands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x06, 0x08, 0x10,
                                     0x70, 0x90, 0x91, 0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe0, 0xe1, 0xe2, 0xe3,
                                     0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xef, 0xf8, 0x27, 0xa0, 0xa1};
    const uint8_t command = kCommands[choices_.below(std::size(kCommands))];
    if (choices_.one_in(3)) soft_reset(0x3f6);
    out(0x1f6, choices_.one_in(8) ? value() : 0xe0);
    for (uint16_t n = 1; n < 4; ++n) out(static_cast<uint16_t>(0x1f0 + n), value());
    for (uint16_t n = 4; n < 6; ++n) out(static_cast<uint16_t>(0x1f0 + n), choices_.one_in(8) ? value() : choices_.below(2) * (5 - n));
    if (command == 0xb0) {
        out(0x1f1, 0xd0 + choices_.below(12));
        out(0x1f4, 0x4f);
        out(0x1f5, 0xc2);
    }
    out(0x1f7, command);
    if (choices_.one_in(2)) begin_bus_master(kBusMaster, command != 0xca && command != 0x35 && command != 0x06);
    if (choices_.one_in(2)) board_.pass(1'000'000);
    for (uint32_t n = choices_.below(600); n; --n) {
        if (!choices_.one_in(16)) {
            note(board_.board->ports().port_read(0x1f0, 2));
        } else {
            board_.board->ports().port_write(0x1f0, 2, choices_.number() & 0xffff);
        }
    }
    if (choices_.one_in(2)) board_.pass(100'000);
}

void Pokes::drive_atapi() {
    constexpr uint8_t kPackets[] = {0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x23, 0x25, 0x28, 0x2b, 0x35, 0x42, 0x43, 0x44,
                                    0x46, 0x4a, 0x51, 0x52, 0x5a, 0x5c, 0xa8, 0xac, 0xad, 0xb9, 0xbb, 0xbd, 0xbe};
    const bool dma = choices_.one_in(2);
    if (choices_.one_in(3)) soft_reset(0x376);
    out(0x176, choices_.one_in(16) ? value() : 0xa0);
    out(0x171, dma);
    out(0x174, value());
    out(0x175, value());
    out(0x177, choices_.one_in(16) ? 0xa1 : 0xa0);
    board_.pass(1'000'000);
    std::array<uint8_t, 12> packet{};
    for (uint8_t& byte : packet)
        if (choices_.one_in(5)) byte = static_cast<uint8_t>(value());
    packet[0] = kPackets[choices_.below(std::size(kPackets))];
    if (choices_.one_in(3)) {
        // A read of a few sectors that are there.
        constexpr uint8_t kReads[] = {0x28, 0xa8, 0xbe};
        packet = {kReads[choices_.below(3)]};
        packet[5] = static_cast<uint8_t>(choices_.below(128));
        packet[packet[0] == 0xa8 ? 9 : 8] = static_cast<uint8_t>(choices_.below(4));
        if (packet[0] == 0xbe) packet[9] = choices_.one_in(2) ? 0x10 : 0xf8;
    }
    if (packet[0] == 0x1b && choices_.one_in(2)) packet[4] = static_cast<uint8_t>(choices_.below(4));
    for (size_t n = 0; n < 12; n += 2) out(0x170, packet[n] | packet[n + 1] << 8, 2);
    if (dma) begin_bus_master(kBusMaster + 8, true);
    if (choices_.one_in(2)) board_.pass(10'000'000);
    for (uint32_t n = choices_.below(1200); n; --n) note(board_.board->ports().port_read(0x170, 2));
}

void Pokes::drive_floppy() {
    // Commands and how many bytes follow each.
    constexpr uint8_t kCommands[][2] = {{0x06, 8}, {0x05, 8}, {0x0c, 8}, {0x09, 8}, {0x02, 8}, {0x16, 8}, {0x0d, 5},
                                        {0x0a, 1}, {0x07, 1}, {0x08, 0}, {0x03, 2}, {0x04, 1}, {0x0f, 2}, {0x13, 3},
                                        {0x0e, 0}, {0x10, 0}, {0x12, 1}, {0x14, 0}, {0x18, 0}, {0x8f, 2}, {0x2e, 0}};
    if (choices_.one_in(3)) {
        out(0x3f2, 0x18);
        out(0x3f2, choices_.one_in(8) ? value() : 0x1c);
        out(0x3f7, 0);
        board_.pass(1'000'000);
        for (unsigned n = 0; n < 4; ++n) {
            out(0x3f5, 8);
            in(0x3f5);
            in(0x3f5);
        }
        for (const uint8_t byte : {0x03, 0xaf, 0x02 | static_cast<uint8_t>(choices_.below(2)), 0x07, 0x00}) out(0x3f5, byte);
        board_.pass(300'000'000);
        out(0x3f5, 8);
        in(0x3f5);
        in(0x3f5);
    }
    if (choices_.one_in(3)) {
        // A channel of the 8237 that takes what the controller gives.
        out(0x0a, 6);
        out(0x0c, 0);
        out(0x0b, choices_.one_in(2) ? 0x46 : 0x4a);
        out(0x08, 0);
        out(0xd0, 0);
        out(0xd6, 0xc0);
        out(0xd4, 0);
        out(0x04, address() & 0xff);
        out(0x04, choices_.below(256));
        out(0x81, choices_.below(4));
        out(0x05, value());
        out(0x05, choices_.below(16));
        out(0x0a, 2);
    }
    const auto& command = kCommands[choices_.below(std::size(kCommands))];
    out(0x3f5, command[0] | (choices_.one_in(2) ? 0x40 : 0) | (choices_.one_in(8) ? 0x80 : 0));
    const uint8_t address[] = {static_cast<uint8_t>(choices_.below(2) * 4), static_cast<uint8_t>(choices_.one_in(6)),
                               static_cast<uint8_t>(choices_.below(2)), static_cast<uint8_t>(1 + choices_.below(18)), 2, 18,
                               0x1b, 0xff};
    for (uint8_t n = 0; n < command[1]; ++n) out(0x3f5, choices_.one_in(12) ? value() : address[n]);
    if (choices_.one_in(2)) board_.pass(1'000'000);
    for (uint32_t n = choices_.below(600); n; --n) {
        if ((in(0x3f4) & 0xc0) == 0xc0)
            in(0x3f5);
        else if (choices_.one_in(4))
            out(0x3f5, choices_.below(256));
    }
    if (choices_.one_in(64)) {
        // The state of the disk change line as well.
        in(0x3f7);
    }
}

void Pokes::drive_fw_cfg() {
    if (choices_.one_in(2)) {
        constexpr uint16_t kKeys[] = {0, 1, 2, 5, 0x19, 0x20, 0x21, 0x22, 0x24, 0x28, 0x8003, 0x8001, 0xffff, 0x4000};
        out(0x510, kKeys[choices_.below(std::size(kKeys))], 2);
        for (uint32_t n = choices_.below(40); n; --n) in(0x511);
        return;
    }
    const uint64_t at = address() & ~3u;
    const uint32_t control = (0x18 + choices_.below(20)) << 16 | (choices_.one_in(8) ? value() : 8 | 1u << choices_.below(5));
    const uint32_t length = choices_.one_in(4) ? value() : choices_.below(0x2000);
    if (at < kAreaSize + kArea) {
        board_.board->memory().write(at, 4, __builtin_bswap32(control));
        board_.board->memory().write(at + 4, 4, __builtin_bswap32(length));
        board_.board->memory().write(at + 8, 4, choices_.one_in(8) ? value() : 0);
        board_.board->memory().write((at + 12), 4, __builtin_bswap32(address()));
    }
    if (choices_.one_in(8)) out(0x514, value(), 4);
    out(0x518, __builtin_bswap32(static_cast<uint32_t>(at)), 4);
    note(board_.board->memory().read(at, 4));
}

void Pokes::drive_virtio() {
    AddressSpace& memory = board_.board->memory();
    if (choices_.one_in(3)) {
        const bool modern = choices_.one_in(2);
        const auto status = [&](uint32_t bits) {
            if (modern)
                write(kVirtioModern + 20, 1, bits);
            else
                out(kVirtioPorts + 18, bits);
        };
        status(0);
        for (uint32_t n = 0; n < kUsed + 0x1000 - kRing; n += 8) memory.write(kRing + n, 8, 0);
        status(1);
        status(3);
        if (modern) {
            for (uint32_t half = 0; half < 2; ++half) {
                write(kVirtioModern + 8, 4, half);
                write(kVirtioModern + 12, 4, choices_.one_in(4) ? value() : half ? 1 : choices_.number() & 0x30006e54);
            }
            status(0xb);
            write(kVirtioModern + 22, 2, choices_.one_in(8) ? value() : 0);
            write(kVirtioModern + 24, 2, choices_.one_in(4) ? value() : kQueueSize);
            constexpr uint32_t kParts[][2] = {{32, kRing}, {40, kAvailable}, {48, kUsed}};
            for (const auto& part : kParts) {
                write(kVirtioModern + part[0], 4, choices_.one_in(16) ? address() : part[1]);
                write(kVirtioModern + part[0] + 4, 4, choices_.one_in(16) ? value() : 0);
            }
            write(kVirtioModern + 28, 2, 1);
            status(0xf);
        } else {
            out(kVirtioPorts + 4, choices_.number() & 0x30006e54, 4);
            out(kVirtioPorts + 14, 0, 2);
            out(kVirtioPorts + 8, choices_.one_in(16) ? value() : kRing >> 12, 4);
            status(7);
        }
        return;
    }
    // Up to a few chains of descriptors, most of them requests as they should be.
    uint32_t index = static_cast<uint32_t>(memory.read(kAvailable + 2, 2));
    for (uint32_t chain = 1 + choices_.below(3); chain; --chain) {
        const uint32_t head = choices_.below(64) * 4, header = kArea + 64 * choices_.below(64);
        constexpr uint32_t kKinds[] = {0, 1, 4, 8, 11, 13};
        memory.write(header, 4, choices_.one_in(8) ? value() : kKinds[choices_.below(std::size(kKinds))]);
        memory.write(header + 4, 4, 0);
        memory.write(header + 8, 8, choices_.one_in(8) ? uint64_t{value()} << choices_.below(32) : choices_.below(1024));
        const uint32_t data = address();
        const uint32_t table[][3] = {{header, 16, 1}, {data, 512u << choices_.below(5), choices_.one_in(2) ? 3u : 1u},
                                     {header + 32, 1, 2}};
        for (uint32_t n = 0; n < 3; ++n) {
            const uint64_t at = kRing + 16 * (head + n);
            memory.write(at, 8, table[n][0]);
            memory.write(at + 8, 4, choices_.one_in(16) ? value() : table[n][1]);
            memory.write(at + 12, 2, choices_.one_in(16) ? choices_.below(8) : table[n][2]);
            memory.write(at + 14, 2, choices_.one_in(16) ? value() : head + n + 1);
        }
        memory.write(kAvailable + 4 + 2 * (index % kQueueSize), 2, choices_.one_in(32) ? value() : head);
        ++index;
    }
    memory.write(kAvailable + 2, 2, choices_.one_in(64) ? value() : index);
    if (choices_.one_in(2))
        out(kVirtioPorts + 16, choices_.one_in(8) ? value() : 0, 2);
    else
        write(kVirtioModern + 0x3000, 2, choices_.one_in(8) ? value() : 0);
    if (choices_.one_in(2)) board_.pass(100'000);
}

void Pokes::drive_vmport() {
    i386::Cpu& cpu = board_.board->cpu();
    constexpr uint32_t kNumbers[] = {10, 20, 39, 40, 41, 23, 17};
    cpu.set_reg<uint32_t>(i386::kEax, choices_.one_in(16) ? value() : 0x564d5868);
    constexpr uint32_t kWords[] = {0x45414552, 0xf5, 0x53424152, 0x4c455252, 1, 4, 0};
    cpu.set_reg<uint32_t>(i386::kEbx, choices_.one_in(8) ? value() : kWords[choices_.below(std::size(kWords))]);
    cpu.set_reg<uint32_t>(i386::kEcx, choices_.one_in(16) ? value() : kNumbers[choices_.below(std::size(kNumbers))]);
    in(0x5658, 4);
    if (choices_.one_in(2)) {
        const PointerInput pointer{static_cast<uint16_t>(choices_.number()), static_cast<uint16_t>(choices_.number()),
                                   static_cast<int64_t>(choices_.below(5)) - 2, choices_.below(32)};
        enter(*board_.board->pointer(), pointer);
    }
}

void Pokes::drive_dma() {
    // Memory to memory isn't on a PC; requests by software are.
    const bool high = choices_.one_in(2);
    const uint16_t command = high ? 0xd0 : 0x08, step = high ? 2 : 1;
    for (uint16_t n = 0; n < 8; ++n) out(static_cast<uint16_t>(command + n * step), value() & 0xff);
}

void Pokes::drive_i8042() {
    switch (choices_.below(4)) {
        case 0: {
            const KeyInput key{static_cast<uint16_t>(choices_.below(200)), choices_.one_in(2)};
            return enter(board_.board->keyboard(), key);
        }
        case 1: {
            const MouseInput mouse{static_cast<int32_t>(value()), static_cast<int64_t>(choices_.below(9)) - 4,
                                   static_cast<int64_t>(choices_.below(5)) - 2, choices_.below(32)};
            return enter(board_.board->mouse(), mouse);
        }
        case 2:
            // A command to the mouse, with its parameter.
            out(0x64, 0xd4);
            out(0x60, 0xe6 + choices_.below(26));
            out(0x64, 0xd4);
            return out(0x60, value());
        default:
            out(0x60, 0xed + choices_.below(19));
            return out(0x60, value());
    }
}

void Pokes::drive_serial() {
    CharInput input{std::vector<uint8_t>(choices_.below(40)), choices_.one_in(8)};
    for (uint8_t& byte : input.data) byte = static_cast<uint8_t>(choices_.below(256));
    enter(board_.board->serial(choices_.below(4))->rx, input);
}

void Pokes::drive_parallel() {
    CharInput input{std::vector<uint8_t>(choices_.below(40), 7), false};
    enter(board_.board->parallel(choices_.below(3))->rx, input);
}

void Pokes::drive_config() { set_up(board_); }

}  // namespace qr::test
