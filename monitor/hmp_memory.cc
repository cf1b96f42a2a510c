// SPDX-License-Identifier: GPL-2.0-or-later
//
// HMP commands over memory and ports. Reading memory leaves no trace; a port access is an input of the machine.
#include "monitor/handlers.h"
#include "monitor/memory_dump.h"
#include "monitor/monitor.h"
#include "target/i386/mmu.h"

namespace qr::hmp {

void examine(HmpCall& call) {
    call.out += dump_memory(call.target, call.args.format, static_cast<uint64_t>(call.args.number("addr")), false);
}

void examine_physical(HmpCall& call) {
    call.out += dump_memory(call.target, call.args.format, static_cast<uint64_t>(call.args.number("addr")), true);
}

void virtual_to_physical(HmpCall& call) {
    const auto address = static_cast<uint32_t>(call.args.number("addr"));
    const auto found = i386::peek_translate(call.target.board.cpu(), address);
    if (!found) return call.out += "Unmapped\n", void();
    call.print("gpa: {:#x}\n", *found);
}

void print(HmpCall& call) { call.print("{}\n", format_value(call.args.format, call.args.number("val"))); }

// The sum that BSD's sum makes, over physical memory.
void sum(HmpCall& call) {
    const auto start = static_cast<uint64_t>(call.args.number("start"));
    const auto size = static_cast<uint64_t>(call.args.number("size"));
    uint16_t value = 0;
    for (uint64_t i = 0; i < std::min<uint64_t>(size, uint64_t{1} << kPhysBits); ++i) {
        uint8_t byte = 0xff;
        call.target.board.memory().peek(start + i, {&byte, 1});
        value = static_cast<uint16_t>((value >> 1 | value << 15) + byte);
    }
    call.print("{:05}\n", value);
}

namespace {
struct PortWidth {
    unsigned size;
    char suffix;
};
PortWidth port_width(unsigned size) {
    if (size == 1) return {1, 'b'};
    if (size == 2) return {2, 'w'};
    return {4, 'l'};
}
}  // namespace

void port_read(HmpCall& call) {
    const PortWidth width = port_width(call.args.format.size);
    auto port = static_cast<uint16_t>(call.args.number("addr"));
    if (call.args.has("index")) {
        // An index goes to the port first, its data are behind it.
        call.target.requests.write_port(port, 1, static_cast<uint8_t>(call.args.number("index")));
        ++port;
    }
    const uint32_t value = call.target.requests.read_port(port, width.size);
    call.print("port{}[0x{:04x}] = 0x{:0{}x}\n", width.suffix, port, value, width.size * 2);
}

void port_write(HmpCall& call) {
    const PortWidth width = port_width(call.args.format.size);
    call.target.requests.write_port(static_cast<uint16_t>(call.args.number("addr")), width.size,
                                    static_cast<uint32_t>(call.args.number("val")));
}

namespace {
void save(HmpCall& call, bool physical) {
    const int64_t size = call.args.number("size");
    if (size < 0) return call.fail(Error{"the size must not be negative"});
    const auto saved = save_memory(call.target, static_cast<uint64_t>(call.args.number("val")),
                                   static_cast<uint64_t>(size), physical, call.args.text("filename"));
    if (!saved) call.fail(saved.error());
}
}  // namespace

void memsave(HmpCall& call) { save(call, false); }
void pmemsave(HmpCall& call) { save(call, true); }

}  // namespace qr::hmp
