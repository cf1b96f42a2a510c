// SPDX-License-Identifier: GPL-2.0-or-later
//
// The decoder against Zydis, on random bytes and on every opcode with every ModRM byte; and the instruction
// table against itself.
// Source: Intel SDM volume 2, chapter 2 (Zydis as an independent reading of it).

#include <Zydis/Zydis.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>

#include "target/i386/encoding.h"
#include "target/i386/insn.h"

namespace qr::i386 {
namespace {

class DecodeTest : public testing::TestWithParam<bool> {
  protected:
    DecodeTest() : model_(*parse_cpu_model("max")), code32_(GetParam()) {
        ZydisDecoderInit(&zydis_,
                         code32_ ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16,
                         code32_ ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16);
        for (auto mode : {ZYDIS_DECODER_MODE_KNC, ZYDIS_DECODER_MODE_CET, ZYDIS_DECODER_MODE_MPX,
                          ZYDIS_DECODER_MODE_LZCNT, ZYDIS_DECODER_MODE_TZCNT, ZYDIS_DECODER_MODE_WBNOINVD,
                          ZYDIS_DECODER_MODE_CLDEMOTE})
            ZydisDecoderEnableMode(&zydis_, mode, ZYAN_FALSE);
    }

    static bool ours(const ZydisDecodedInstruction& z) {
        if (z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) return false;
        // SYSCALL is AMD's alone in legacy mode.
        if (z.mnemonic == ZYDIS_MNEMONIC_SYSCALL || z.mnemonic == ZYDIS_MNEMONIC_SYSRET) return false;
        switch (z.meta.isa_ext) {
            case ZYDIS_ISA_EXT_BASE:
            case ZYDIS_ISA_EXT_MMX:
            case ZYDIS_ISA_EXT_SSE:
            case ZYDIS_ISA_EXT_SSE2:
            case ZYDIS_ISA_EXT_SSE3:
            case ZYDIS_ISA_EXT_X87: return true;
            default: return false;
        }
    }

    void compare(std::span<const uint8_t> bytes) {
        Insn insn;
        const DecodeStatus status = decode(bytes, code32_, model_, insn);
        ZydisDecodedInstruction z;
        const bool valid =
            ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&zydis_, nullptr, bytes.data(), bytes.size(), &z));
        ++compared_;
        if (status == DecodeStatus::kOk && valid) {
            if (insn.length != z.length) complain(bytes, "length", insn, z.mnemonic);
            return;
        }
        // MOV CR6 or MOV CS have a length here: their handler raises #UD.
        if (status == DecodeStatus::kOk && !valid && row_name(insn.row) != "mov") complain(bytes, "not for Zydis", insn, ZYDIS_MNEMONIC_INVALID);
        if (status == DecodeStatus::kUndefined && valid && ours(z)) complain(bytes, "undefined", insn, z.mnemonic);
    }
    void complain(std::span<const uint8_t> bytes, const char* what, const Insn& insn, ZydisMnemonic z) {
        const char* mnemonic = z == ZYDIS_MNEMONIC_INVALID ? "-" : ZydisMnemonicGetString(z);
        const std::string_view name = what[0] == 'u' ? "-" : row_name(insn.row);
        std::string& example = differences_[std::string(what) + ": " + std::string(name) + " / " + mnemonic];
        if (!example.empty()) return;
        for (uint8_t b : bytes.first(8)) {
            char text[4];
            std::snprintf(text, sizeof text, "%02x ", b);
            example += text;
        }
    }
    void report() {
        for (const auto& [what, example] : differences_) ADD_FAILURE() << what << "   " << example;
        EXPECT_GT(compared_, 1000u);
    }

    CpuModel model_;
    bool code32_;
    ZydisDecoder zydis_;
    uint64_t compared_ = 0;
    std::map<std::string, std::string> differences_;
};

TEST_P(DecodeTest, Systematic) {
    for (unsigned map = 0; map < 4; ++map) {
        for (unsigned opcode = 0; opcode < 256; ++opcode) {
            for (unsigned modrm = 0; modrm < 256; ++modrm) {
                for (uint8_t prefix : {0x90, 0x66, 0x67, 0xf2, 0xf3, 0xf0}) {
                    std::array<uint8_t, 16> bytes{};
                    size_t at = 0;
                    if (prefix != 0x90) bytes[at++] = prefix;
                    if (map) bytes[at++] = 0x0f;
                    if (map > 1) bytes[at++] = map == 2 ? 0x38 : 0x3a;
                    bytes[at++] = static_cast<uint8_t>(opcode);
                    bytes[at++] = static_cast<uint8_t>(modrm);
                    bytes[at] = static_cast<uint8_t>(modrm * 7 + 5);  // SIB, or displacement
                    compare(std::span(bytes).first(15));
                }
            }
        }
    }
    report();
}

TEST_P(DecodeTest, Random) {
    std::mt19937 random(7);
    for (unsigned n = 0; n < 2'000'000; ++n) {
        std::array<uint8_t, 15> bytes;
        for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
        compare(bytes);
    }
    report();
}

// A shorter view never gives another instruction: it only asks for more.
TEST_P(DecodeTest, Prefixes) {
    std::mt19937 random(8);
    for (unsigned n = 0; n < 200'000; ++n) {
        std::array<uint8_t, 15> bytes;
        for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
        Insn whole, part;
        const DecodeStatus status = decode(bytes, code32_, model_, whole);
        if (status != DecodeStatus::kOk) continue;
        for (size_t size = 0; size < whole.length; ++size)
            ASSERT_EQ(decode(std::span(bytes).first(size), code32_, model_, part), DecodeStatus::kTooShort);
        ASSERT_EQ(decode(std::span(bytes).first(whole.length), code32_, model_, part), DecodeStatus::kOk);
    }
}

INSTANTIATE_TEST_SUITE_P(CodeSizes, DecodeTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Code32" : "Code16"; });

TEST(InsnTable, RowsAreSound) {
    for (const std::string& problem : decode_tables().problems) ADD_FAILURE() << problem;
}

// Every row can be reached: some bytes decode to it.
TEST(InsnTable, EveryRowDecodesToItself) {
    const CpuModel model = *parse_cpu_model("max");
    const DecodeTables& tables = decode_tables();
    for (size_t n = 0; n < tables.rows.size(); ++n) {
        const Encoding& e = tables.rows[n].encoding;
        if (!model.has(tables.rows[n].row->feature)) continue;
        bool found = false;
        for (unsigned modrm = 0; modrm < 256 && !found; ++modrm) {
            std::array<uint8_t, 15> bytes{};
            size_t at = 0;
            if (e.prefix == Mandatory::k66) bytes[at++] = 0x66;
            if (e.prefix == Mandatory::kF3) bytes[at++] = 0xf3;
            if (e.prefix == Mandatory::kF2) bytes[at++] = 0xf2;
            if (e.map) bytes[at++] = 0x0f;
            if (e.map > 1) bytes[at++] = e.map == 2 ? 0x38 : 0x3a;
            // The first of eight may have a row of its own (90 is NOP).
            bytes[at++] = static_cast<uint8_t>(e.opcode + (e.plus_r ? 1 : 0));
            if (e.modrm) bytes[at] = static_cast<uint8_t>(modrm);
            Insn insn;
            found = decode(bytes, true, model, insn) == DecodeStatus::kOk && insn.row == n;
            if (!e.modrm) break;
        }
        EXPECT_TRUE(found) << tables.rows[n].row->name << " '" << tables.rows[n].row->encoding << "'";
    }
}

}  // namespace
}  // namespace qr::i386
