// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/host_requests.h"

#include "target/i386/debug_registers.h"
#include "target/i386/mmu.h"

namespace qr {

HostRequests::HostRequests(Door& door, PcBoard& board, RunLoop& loop)
    : door_(door),
      board_(board),
      reset_(door, "machine.reset", [&loop](ButtonInput&) { loop.reset_by_user(); }),
      power_(door, "machine.power_button",
             [&board, &loop](ButtonInput&) {
                 board.press_power_button();
                 loop.tell({RunEvent::Kind::kPowerdown});
             }),
      nmi_(door, "machine.nmi", [&board](ButtonInput&) { board.inject_nmi(); }),
      access_(door, "machine.port_access", [this](PortAccessInput& in) { access_port(in); }),
      memory_(door, "debug.memory",
              [this, &board](DebugMemoryInput& in) {
                  i386::Cpu& cpu = board.cpu();
                  written_ = in.physical ? cpu.memory().poke(in.address, in.data)
                                         : i386::poke_linear(cpu, static_cast<uint32_t>(in.address), in.data);
              }),
      register_(door, "debug.register", [this, &board](DebugRegisterInput& in) {
          written_ = i386::write_debug_register(board.cpu(), in.name, in.value);
      }) {}

void HostRequests::access_port(const PortAccessInput& in) {
    // A log is believed only as far as it makes sense.
    if (in.size != 1 && in.size != 2 && in.size != 4) return;
    if (in.write) board_.ports().port_write(in.port, in.size, in.value);
    else read_ = board_.ports().port_read(in.port, in.size);
}

uint32_t HostRequests::read_port(uint16_t port, unsigned size) {
    enter(access_, PortAccessInput{port, static_cast<uint8_t>(size), false, 0});
    return read_;
}

void HostRequests::write_port(uint16_t port, unsigned size, uint32_t value) {
    enter(access_, PortAccessInput{port, static_cast<uint8_t>(size), true, value});
}

bool HostRequests::write_memory(uint64_t address, bool physical, std::span<const uint8_t> data) {
    enter(memory_, DebugMemoryInput{address, physical, {data.begin(), data.end()}});
    return written_;
}

bool HostRequests::write_register(std::string_view name, std::span<const uint8_t> value) {
    enter(register_, DebugRegisterInput{std::string(name), {value.begin(), value.end()}});
    return written_;
}

}  // namespace qr
