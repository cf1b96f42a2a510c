// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is decided about a block before it is emitted: which memory accesses share one check, and which flags have to
// be kept where (docs/translator.rst).
//
// Registers are followed symbolically: a value is a root that nobody knows plus a number. Accesses to the same root lie
// in a known distance of each other, whatever registers they go by; a group of them needs one check, that the whole
// range is in one page that may be accessed. The check is made by the group's first access.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "target/i386/insn.h"
#include "target/i386/tcg/deferred_flags.h"
#include "target/i386/tcg/flag_use.h"

namespace qr::i386 {

constexpr unsigned kNoGroup = 0xff;
constexpr unsigned kGroupRegisters = 2;  // of the host's, so that as many groups are in use at a time

struct MemoryAccess {
    bool present = false;
    bool write = false;
    uint8_t size = 0;
    uint8_t base = 0;        // register; kNoRegister: an absolute address
    uint8_t group = kNoGroup;
    bool leads = false;      // makes its group's check
    int32_t disp = 0;        // from the register as it is before the instruction
    uint32_t root = 0;
    int32_t offset = 0;      // from the root
};

struct AccessGroup {
    uint32_t root = 0;
    int32_t first = 0, end = 0;  // offsets: of the first byte, behind the last byte
    bool write = false;          // of any of them: all are checked for writing
    uint16_t begin = 0, last = 0;  // indices of the first and the last instruction that uses it
    uint16_t count = 0;          // of accesses
    uint8_t reg = 0;             // < kGroupRegisters
    bool used = false;           // there was a register
};

// A register that has root + offset in it.
struct Anchor {
    uint8_t reg = 0;
    int32_t offset = 0;
    bool known = false;
};

struct InsnPlan {
    MemoryAccess memory, stack;
    FlagUse flags;
    uint32_t live = 0;        // flags that matter after it
    DeferredFlags deferred;   // its own flags, if they needn't be kept
    bool in_host = false;     // its own flags are read from the host's alone, or by the stubs of side exits
    bool side_exit = false;   // a conditional branch after which the block goes on
    uint16_t writes = 0;      // general registers
    bool emitted = false;
    // By register: the group that is still used after it, and where its root then is.
    std::array<uint8_t, kGroupRegisters> group = {kNoGroup, kNoGroup};
    std::array<Anchor, kGroupRegisters> anchor;
    // Another group whose check is made with the one that this instruction leads, and where its root is before it.
    uint8_t also = kNoGroup;
    Anchor also_anchor;
};

struct BlockPlan {
    std::vector<InsnPlan> insns;
    std::vector<AccessGroup> groups;
};

// emits: whether the translator has code for an instruction. merge: look for groups.
void plan_block(std::span<const Insn> insns, bool (*emits)(const Insn&), bool merge, BlockPlan& plan);

}  // namespace qr::i386
