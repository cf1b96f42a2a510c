// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disassembly by Zydis, which has nothing to do with our decoder. Source: Zydis' API.
#include "tests/insn/oracle_disassemble.h"

#include <Zydis/Zydis.h>

namespace qr::oracle {

std::string disassemble(const uint8_t* bytes, size_t size, bool code32, uint32_t address) {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, code32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                     code32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &insn, operands)))
        return "(not known)";
    char text[128];
    if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
                                                      insn.operand_count_visible, text, sizeof text,
                                                      address, nullptr)))
        return "(not known)";
    return text;
}

}  // namespace qr::oracle
