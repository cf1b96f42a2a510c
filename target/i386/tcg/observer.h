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

struct ObservedCode {
    std::span<const uint8_t> bytes;  // to be read
    uint64_t address;                // where they are executed

    bool contains(uint64_t a) const { return a >= address && a < address + bytes.size(); }
};

struct ObservedBlock {
    const Cpu& cpu;
    uint32_t linear;               // where the guest came upon it first
    const std::string& ram;        // name of the memory that it lies in, and where there
    uint64_t ram_offset;
    uint32_t mode;                 // CodeBlock::mode
    std::span<const uint8_t> guest;
    std::span<const ObservedInsn> insns;
    ObservedCode code;             // what is executed if nothing rare happens
    ObservedCode cold;             // the rest
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
