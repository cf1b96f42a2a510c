// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator: keeps host code for blocks that are executed often, links it, and runs it (docs/translator.rst).
// It is the Native of accel/interp/interpreter.h, whose blocks it translates. VM thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "target/i386/chain.h"
#include "target/i386/tcg/observer.h"
#include "target/i386/tcg/statistics.h"
#include "util/exec_memory.h"

namespace qr::i386 {

struct TranslatorOptions {
    uint64_t cache_bytes = uint64_t{64} << 20;
    unsigned threshold = 30;  // executions before a block is translated; 0 and 1: at once
    unsigned block_insns = 64;  // in a block, at most
    std::vector<TranslationObserver*> observers{};
    std::function<uint64_t()> clock{};  // nanoseconds, to measure translation by; the core has none of its own
};

enum class GoOn : uint8_t;
struct Site;

class Translator {
  public:
    static constexpr bool kPresent = true;

    explicit Translator(const TranslatorOptions& options);
    ~Translator();

    // Whether this host's processor does what emitted code takes for granted.
    static bool host_suits();

    unsigned threshold() const { return options_.threshold; }
    unsigned longest_block() const { return options_.block_insns; }
    void adopt(Cpu& cpu, CodeBlock& block);
    bool hot(const CodeBlock& block) const { return code_ && block.heat >= options_.threshold; }
    bool may_continue(const CodeBlock& block) const;
    bool worth(const CodeBlock& next) const { return eager() || next.heat * 2 >= options_.threshold; }
    bool eager() const { return options_.threshold <= 1; }
    bool prepare(Cpu& cpu, CodeBlock& block);
    void run(Cpu& cpu, Chaining& c, CodeBlock& block);
    struct Rest {
        CodeBlock* block = nullptr;
        const Insn* insn = nullptr;
    };
    Rest rest() const { return rest_; }
    void forget_link() { pending_link_ = 0; }
    void killed(CodeBlock& block);
    void clear();

    TranslatorStatistics statistics() const;

  private:
    struct Code;
    void restart();
    void translate(Cpu& cpu, CodeBlock& block);
    void link(const Cpu& cpu, uint32_t number, CodeBlock& to);
    void unlink(CodeBlock& block);
    void strayed(CodeBlock& block, uint64_t icount);
    void scatter(const Site& site);
    void follow_tlb(const Cpu& cpu);
    void expect_x87_faults(CodeBlock& block);
    void patch(uint32_t jump, const void* to);  // to: in the executable view
    static uint64_t call_exact(Cpu& cpu, Site& site);
    GoOn exact(Cpu& cpu, const Site& site);
    static uint64_t call_light(Cpu& cpu, Site& site);
    [[gnu::noinline]] static uint64_t not_light(Cpu& cpu, Site& site);
    [[gnu::noinline]] static uint64_t after_light(Cpu& cpu, const Site& site, bool goes_on);
    GoOn elsewhere(Cpu& cpu);
    void count_calls(std::vector<TranslatorStatistics::RowCalls>& rows, uint64_t& all) const;

    TranslatorOptions options_;
    TranslatorStatistics statistics_;
    std::vector<ObservedInsn> notes_;
    std::unique_ptr<Code> code_;
    Chaining* chaining_ = nullptr;
    uint32_t pending_link_ = 0;
    Rest rest_;
};

}  // namespace qr::i386
