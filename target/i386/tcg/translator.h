// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator: keeps host code for blocks that are executed often, links it, and runs it (docs/translator.rst).
// It is the Native of accel/interp/interpreter.h, whose blocks it translates. VM thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "target/i386/chain.h"
#include "util/exec_memory.h"

namespace qr::i386 {

struct TranslatorOptions {
    uint64_t cache_bytes = uint64_t{64} << 20;
    unsigned threshold = 30;  // executions before a block is translated; 0 and 1: at once
};

// What `info jit` shows. Counts since the start.
struct TranslatorStatistics {
    uint64_t blocks = 0;
    uint64_t instructions = 0;
    uint64_t guest_bytes = 0;
    uint64_t host_bytes = 0;
    uint64_t flushes = 0;
    uint64_t invalidations = 0;
    uint64_t links = 0;
    uint64_t entries = 0;   // from C++ into host code
    uint64_t handlers = 0;  // calls of a row's handler out of host code
};

class Translator {
  public:
    static constexpr bool kPresent = true;

    explicit Translator(const TranslatorOptions& options);
    ~Translator();

    // Whether this host's processor does what emitted code takes for granted.
    static bool host_suits();

    unsigned threshold() const { return options_.threshold; }
    void adopt(Cpu& cpu, CodeBlock& block);
    bool hot(const CodeBlock& block) const { return code_ && block.heat >= options_.threshold; }
    bool prepare(Cpu& cpu, CodeBlock& block);
    void run(Cpu& cpu, Chaining& c, CodeBlock& block);
    void forget_link() { pending_link_ = 0; }
    void killed(CodeBlock& block);
    void clear();

    const TranslatorStatistics& statistics() const { return statistics_; }

  private:
    struct Code;
    void link(const Cpu& cpu, uint32_t number, CodeBlock& to);
    void patch(uint32_t jump, const void* to);  // to: in the executable view
    static uint64_t call_exact(Cpu& cpu, uint32_t site);
    bool exact(Cpu& cpu, uint32_t site);

    TranslatorOptions options_;
    TranslatorStatistics statistics_;
    std::unique_ptr<Code> code_;
    Chaining* chaining_ = nullptr;
    uint32_t pending_link_ = 0;
};

}  // namespace qr::i386
