// SPDX-License-Identifier: GPL-2.0-or-later
// A PIIX3 IDE function with a disk and a CD-ROM drive on the primary channel, driven through ports as a driver does.
#pragma once

#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "hw/ide/ata_disk.h"
#include "hw/ide/atapi_cdrom.h"
#include "hw/ide/piix3_ide.h"
#include "tests/unit/chip_fixture.h"
#include "tests/unit/memory_drive.h"

namespace qr::test {

struct IdeMachine {
    static constexpr unsigned kDevfn = pci_devfn(1, 1);
    static constexpr uint16_t kCommandBlock = 0x1f0, kControl = 0x3f6, kBusMaster = 0xc000;
    static constexpr uint64_t kSectors = 40'000, kBlocks = 1000;
    static constexpr uint32_t kTable = 0x1000;

    explicit IdeMachine(bool with_disk = true, bool with_cdrom = true) {
        for (size_t i = 0; i < disk.medium.size(); ++i) disk.medium[i] = static_cast<uint8_t>(i * 7 + i / 512);
        for (size_t i = 0; i < disc.medium.size(); ++i) disc.medium[i] = static_cast<uint8_t>(i * 5 + i / 2048);
        ide::Channel& channel = chip.channel(0);
        if (with_disk)
            channel.attach(0, std::make_unique<ide::AtaDisk>(channel.wires(), 0, "ide.0.0", time.clock, disk,
                                                             ide::Identity{.model = {}, .serial = "SN1"}));
        if (with_cdrom)
            channel.attach(1, std::make_unique<ide::AtapiCdrom>(channel.wires(), 1, "ide.0.1", time.clock, disc,
                                                                ide::Identity{.model = {}, .serial = "QM2"}));
        bus.ports.map(kCommandBlock, channel.command_region());
        bus.ports.map(kControl, channel.control_region());
        chip.reset();
        bus.write(kDevfn, 0x20, 4, kBusMaster);
        bus.write(kDevfn, 0x04, 2, 5);
    }

    uint8_t in(unsigned reg) { return static_cast<uint8_t>(bus.ports.port_read(static_cast<uint16_t>(kCommandBlock + reg), 1)); }
    void out(unsigned reg, uint8_t value) { bus.ports.port_write(static_cast<uint16_t>(kCommandBlock + reg), 1, value); }
    uint8_t alternate() { return static_cast<uint8_t>(bus.ports.port_read(kControl, 1)); }
    void control(uint8_t value) { bus.ports.port_write(kControl, 1, value); }
    bool irq() { return wires.level(14); }
    void settle() { time.run(1'000'000'000 / 100); }

    // A command with a 28-bit address; device 0 unless its bit is given.
    void command(uint8_t opcode, uint32_t lba = 0, uint8_t count = 1, uint8_t feature = 0, uint8_t device = 0) {
        out(6, static_cast<uint8_t>(0xe0 | device | (lba >> 24 & 15)));
        out(1, feature);
        out(2, count);
        for (unsigned i = 0; i < 3; ++i) out(3 + i, static_cast<uint8_t>(lba >> 8 * i));
        out(7, opcode);
    }
    void command48(uint8_t opcode, uint64_t lba, uint16_t count) {
        out(6, 0xe0);
        for (const unsigned high : {1u, 0u}) {
            out(2, static_cast<uint8_t>(count >> 8 * high));
            for (unsigned i = 0; i < 3; ++i) out(3 + i, static_cast<uint8_t>(lba >> (24 * high + 8 * i)));
        }
        out(7, opcode);
    }
    std::vector<uint8_t> read_words(size_t bytes) {
        std::vector<uint8_t> data;
        for (size_t i = 0; i < bytes; i += 2) {
            const uint32_t word = bus.ports.port_read(kCommandBlock, 2);
            data.push_back(static_cast<uint8_t>(word));
            data.push_back(static_cast<uint8_t>(word >> 8));
        }
        return data;
    }
    void write_words(std::span<const uint8_t> data) {
        for (size_t i = 0; i + 1 < data.size(); i += 2)
            bus.ports.port_write(kCommandBlock, 2, data[i] | data[i + 1] << 8);
    }
    std::vector<uint8_t> sectors(uint64_t lba, size_t count) const {
        const auto first = disk.medium.begin() + static_cast<ptrdiff_t>(lba * 512);
        return {first, first + static_cast<ptrdiff_t>(count * 512)};
    }

    // A descriptor table of regions, the last one ending it.
    void table(const std::vector<std::pair<uint32_t, uint32_t>>& regions) {
        for (size_t i = 0; i < regions.size(); ++i) {
            const uint32_t words[2] = {regions[i].first,
                                       (regions[i].second & 0xffff) | (i + 1 == regions.size() ? 0x80000000 : 0)};
            std::memcpy(&bus.dma.memory[kTable + 8 * i], words, 8);
        }
        bus.ports.port_write(kBusMaster + 4, 4, kTable);
    }
    void master(uint8_t command) { bus.ports.port_write(kBusMaster, 1, command); }
    uint8_t master_status() { return static_cast<uint8_t>(bus.ports.port_read(kBusMaster + 2, 1)); }

    // A packet by PIO to device 1; its data, with status in 7 afterwards.
    std::vector<uint8_t> packet(std::vector<uint8_t> bytes, unsigned limit = 0xfffe) {
        bytes.resize(12);
        out(6, 0xb0);
        out(1, 0);
        out(4, static_cast<uint8_t>(limit));
        out(5, static_cast<uint8_t>(limit >> 8));
        out(7, 0xa0);
        write_words(bytes);
        std::vector<uint8_t> data;
        for (settle(); alternate() & 8; settle()) {
            const size_t size = in(4) | size_t{in(5)} << 8;
            const auto part = read_words(size);
            data.insert(data.end(), part.begin(), part.end());
        }
        return data;
    }
    // Key, code, qualifier.
    std::vector<uint8_t> sense() {
        const auto data = packet({3, 0, 0, 0, 18});
        return data.size() < 18 ? std::vector<uint8_t>{} : std::vector<uint8_t>{data[2], data[12], data[13]};
    }

    void state(StateVisitor& v) {
        v("chip", chip);
        v("disk", static_cast<Drive&>(disk));
        v("disc", static_cast<Drive&>(disc));
        v("clock", time.clock);
    }

    TestTime time;
    Wires wires;
    TestBus bus;
    MemoryDrive disk{kSectors * 512, "ide0-hd0"};
    MemoryDrive disc{kBlocks * 2048, "ide0-cd1"};
    Piix3Ide chip{bus.pci, kDevfn, {wires.line(14), wires.line(15)}};
};

}  // namespace qr::test
