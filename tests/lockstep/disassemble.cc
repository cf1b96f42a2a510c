// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction that a CPU executes next; see disassemble.h. Zydis has nothing to do with our decoder, so
// that an instruction that is decoded wrong shows. Source: Zydis' API.
#include "tests/lockstep/disassemble.h"

#include <array>

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include "target/i386/mmu.h"

namespace qr::lockstep {

std::string next_instruction(const i386::Cpu& cpu) {
    const auto linear = static_cast<uint32_t>(cpu.program_counter());
    std::array<uint8_t, ZYDIS_MAX_INSTRUCTION_LENGTH> bytes{};
    // What can't be read shows as ff.
    i386::peek_linear(cpu, linear, bytes);
    const bool code32 = cpu.seg[i386::kCs].db();
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, code32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                     code32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char text[128] = "(not an instruction)";
    unsigned length = 8;
    if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &insn, operands))) {
        length = insn.length;
        ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, text,
                                        sizeof text, linear, nullptr);
    }
    std::string hex;
    for (unsigned n = 0; n < length; ++n) hex += fmt::format("{:02x} ", bytes[n]);
    return fmt::format("{:08x}  {:<30} {}", linear, hex, text);
}

}  // namespace qr::lockstep
