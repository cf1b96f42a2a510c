// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a row's `encoding` and `operands` strings say, parsed; and the look-up tables that the decoder
// makes of all rows.
// Source: Intel SDM volume 2, 2.1 and 3.1.1.1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "target/i386/insn.h"

namespace qr::i386 {

// How the bytes after ModRM are read.
enum class Imm : uint8_t { kNone, kByte, kSignedByte, kWord, kSized, kFar, kOffset };

enum class Mandatory : uint8_t { kAny, kNone, k66, kF3, kF2 };

struct Encoding {
    uint8_t map = 0;  // 0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A
    uint8_t opcode = 0;
    Mandatory prefix = Mandatory::kAny;
    bool plus_r = false;      // opcode .. opcode + 7
    bool modrm = false;
    int digit = -1;           // ModRM.reg
    int fixed = -1;           // whole ModRM byte, or the first of eight
    bool fixed_plus_i = false;
    bool mem_only = false;
    bool reg_only = false;
    bool force_reg = false;   // ModRM.mod is ignored: always a register (MOV CRn)
    Imm imm[2] = {Imm::kNone, Imm::kNone};

    // Does this row's ModRM condition hold?
    bool accepts(uint8_t modrm_byte) const;
    // Where several rows accept the same bytes, the most specific one is meant.
    int specificity() const;
};

// Parses; `why` gets what is wrong with a row that can't be (the tests look at it).
bool parse_encoding(const Row& row, Encoding& out, std::string& why);

struct DecodeTables {
    static constexpr uint16_t kNothing = 0xffff;
    static constexpr uint16_t kByModrm = 0x8000;  // the rest is an index of by_modrm

    struct Opcode {
        bool modrm = false;
        std::array<uint16_t, 4> by_prefix{kNothing, kNothing, kNothing, kNothing};  // none, 66, F3, F2
    };
    struct RowInfo {
        const Row* row;
        Encoding encoding;
    };
    std::vector<RowInfo> rows;  // by number
    std::array<std::array<Opcode, 256>, 4> opcodes;
    std::vector<std::array<uint16_t, 256>> by_modrm;
    std::vector<std::string> problems;  // rows that can't be parsed or told apart; empty

    DecodeTables();
};

const DecodeTables& decode_tables();

}  // namespace qr::i386
