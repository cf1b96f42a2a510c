// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction that a CPU executes next; see disassemble.h. Source: none.
#include "tests/lockstep/disassemble.h"

#include <array>
#include <span>

#include <fmt/format.h>

#include "target/i386/mmu.h"
#include "util/disassemble.h"

namespace qr::lockstep {

std::string next_instruction(const i386::Cpu& cpu) {
    const auto linear = static_cast<uint32_t>(cpu.program_counter());
    std::array<uint8_t, 15> bytes{};
    // What can't be read shows as ff.
    i386::peek_linear(cpu, linear, bytes);
    const auto width = cpu.seg[i386::kCs].db() ? CodeWidth::k32 : CodeWidth::k16;
    const Disassembly d = disassemble(bytes, width, linear);
    return fmt::format("{:08x}  {:<30}  {}", linear, hex_bytes(std::span(bytes).first(d.length ? d.length : 8)),
                       d.length ? d.text : "(not an instruction)");
}

}  // namespace qr::lockstep
