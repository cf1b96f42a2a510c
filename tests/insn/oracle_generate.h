// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes random test cases from the instruction table.
// Source: none (docs/testing.rst).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "target/i386/encoding.h"
#include "target/i386/insn.h"
#include "tests/insn/oracle.h"

namespace qr::oracle {

// xoshiro256**, seeded by splitmix64.
class Random {
  public:
    explicit Random(uint64_t seed);
    uint64_t next();
    uint32_t below(uint32_t n) { return static_cast<uint32_t>((next() >> 32) * n >> 32); }
    bool percent(uint32_t p) { return below(100) < p; }
    template <class T, size_t N>
    T of(const T (&list)[N]) {
        return list[below(N)];
    }

  private:
    uint64_t s_[4];
};

struct Operand {
    std::string_view form;
    bool read = false, write = false;
};

// A row as the generator wants it.
struct Plan {
    const i386::Row* row = nullptr;
    uint16_t number = 0;
    i386::Encoding encoding;
    std::vector<Operand> operands;
    uint32_t reads = 0, writes = 0, undefined = 0;  // EFLAGS
    std::string excluded;                           // why it can't be tested so; empty: it is
    bool in_sequences = false;
    bool memory = false, registers = false;  // ModRM forms that there are
    bool operand_size = false;               // depends on it

    bool has(std::string_view form) const {
        for (const Operand& o : operands)
            if (o.form == form) return true;
        return false;
    }
    std::string_view name() const { return row->name; }
    bool far() const;
    bool loads_ss() const;
};

// What the comparison has to know of a case.
struct CaseInfo {
    uint64_t number = 0;
    unsigned slice = 1;           // instructions that are granted at a time
    unsigned native_slice = 200;  // to the translator: mostly enough for whole blocks
    bool move = false;            // its data, between two runs
    std::vector<uint32_t> starts;  // offsets in CS of the instructions
    std::vector<i386::Insn> insns;
    std::vector<uint32_t>
        undefined;  // EFLAGS bits that are undefined before instruction i, and at the end
    uint32_t memory_operand = 0;  // linear, of a single instruction
};

class Generator {
  public:
    explicit Generator(const i386::CpuModel& model);

    std::span<const Plan> plans() const { return plans_; }
    // A case of one instruction of this row, and one of a sequence.
    void single(const Plan& plan, uint64_t seed, Case& c, CaseInfo& info) const;
    void sequence(uint64_t seed, Case& c, CaseInfo& info) const;

    // The contents of the data pages.
    static void fill_data(uint64_t seed, std::span<uint64_t> words);

  private:
    Plan make_plan(uint16_t number) const;
    const i386::CpuModel& model_;
    std::vector<Plan> plans_;
    std::vector<const Plan*> integer_, x87_, simd_;  // those that may stand in a sequence
    std::vector<const Plan*> branches_;              // relative ones, the same
};

uint32_t flag_mask(std::string_view letters);

}  // namespace qr::oracle
