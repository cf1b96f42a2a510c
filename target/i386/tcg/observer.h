// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who wants to see translated code: dumps, perf's map file, tests. The translator tells, and does no more for it than
// to note where each instruction's code begins; without an observer not even that. VM thread only.
// Source: docs/translator.rst.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "target/i386/cpu.h"
#include "target/i386/insn.h"

namespace qr::i386 {

struct ObservedInsn {
    const Insn* insn;
    uint32_t begin;  // offset of its code in the block's
    uint32_t live;   // arithmetic flags that matter after it
    bool emitted;    // false: its row's handler is called
};

struct ObservedBlock {
    const Cpu& cpu;
    uint32_t linear;               // where the guest came upon it first
    const std::string& ram;        // name of the memory that it lies in, and where there
    uint64_t ram_offset;
    uint32_t mode;                 // CodeBlock::mode
    std::span<const uint8_t> guest;
    std::span<const ObservedInsn> insns;
    uint32_t end;                  // offset: behind the last instruction's code; ways out and rare cases follow
    std::span<const uint8_t> code;
    uint64_t address;              // of the code where it is executed
};

// A piece of code that blocks share.
struct ObservedThunk {
    const char* name;
    uint64_t address;
    uint32_t size;
};

class TranslationObserver {
  public:
    virtual ~TranslationObserver() = default;
    // The code memory is empty but for these. Called at the start and after each flush.
    virtual void restarted(std::span<const ObservedThunk> thunks) = 0;
    virtual void translated(const ObservedBlock& block) = 0;
};

// "flat32 cpl3 fpu": a block's mode, for people.
std::string mode_text(uint32_t mode);

}  // namespace qr::i386
