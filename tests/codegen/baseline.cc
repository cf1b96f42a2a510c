// SPDX-License-Identifier: GPL-2.0-or-later
//
// See baseline.h. Source: Intel SDM volume 1, chapter 5; Zydis' API.
#include "tests/codegen/baseline.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include "target/i386/tcg/listing.h"
#include "util/disassemble.h"

namespace qr::codegen {

namespace {

constexpr ZydisISASet kBaseline[] = {
    ZYDIS_ISA_SET_I86,         ZYDIS_ISA_SET_I186,       ZYDIS_ISA_SET_I386,     ZYDIS_ISA_SET_I486REAL,
    ZYDIS_ISA_SET_PENTIUMREAL, ZYDIS_ISA_SET_PPRO,       ZYDIS_ISA_SET_CMOV,     ZYDIS_ISA_SET_FAT_NOP,
    ZYDIS_ISA_SET_X87,         ZYDIS_ISA_SET_FCMOV,      ZYDIS_ISA_SET_FXSAVE,   ZYDIS_ISA_SET_FXSAVE64,
    ZYDIS_ISA_SET_PENTIUMMMX,  ZYDIS_ISA_SET_SSE,        ZYDIS_ISA_SET_SSEMXCSR, ZYDIS_ISA_SET_SSE2,
    ZYDIS_ISA_SET_SSE2MMX,     ZYDIS_ISA_SET_LONGMODE,   ZYDIS_ISA_SET_PAUSE,    ZYDIS_ISA_SET_SSE_PREFETCH,
    ZYDIS_ISA_SET_LAHF,  // without it there is no translator: Translator::host_suits()
};

// Beyond it, if the host's CPUID says so.
bool host_has([[maybe_unused]] ZydisISASet set) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        return (set == ZYDIS_ISA_SET_SSE3 || set == ZYDIS_ISA_SET_SSE3X87) && (c & 1);
#endif
    return false;
}

}  // namespace

void BaselineWatch::look_at(std::span<const uint8_t> code, const std::string& where) {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    while (!code.empty()) {
        ZydisDecodedInstruction insn;
        if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, nullptr, code.data(), code.size(), &insn))) {
            offenders_.emplace("no instruction", where + ": " + hex_bytes(code.first(std::min<size_t>(code.size(), 15))));
            return;
        }
        ++instructions_;
        if (std::ranges::find(kBaseline, insn.meta.isa_set) == std::end(kBaseline) && !host_has(insn.meta.isa_set)) {
            offenders_.emplace(fmt::format("{} ({})", ZydisMnemonicGetString(insn.mnemonic),
                                           ZydisISASetGetString(insn.meta.isa_set)),
                               where);
        }
        code = code.subspan(insn.length);
    }
}

void BaselineWatch::restarted(std::span<const i386::ObservedThunk> thunks) {
    for (const i386::ObservedThunk& t : thunks)
        look_at({reinterpret_cast<const uint8_t*>(t.address), t.size}, t.name);
}

void BaselineWatch::translated(const i386::ObservedBlock& block) {
    const std::string name = i386::block_name(block);
    look_at(block.code.bytes, name);
    look_at(block.cold.bytes, name);
}

}  // namespace qr::codegen
