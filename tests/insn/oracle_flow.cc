// SPDX-License-Identifier: GPL-2.0-or-later
//
// Branches in random sequences: forward over a few instructions, and one loop around most of them. So a sequence is
// several blocks, some of which are executed more than once, with flags that are read in another block than they are
// written in. Source: Intel SDM volume 2.
#include "target/i386/cpu.h"
#include "tests/insn/oracle_build.h"

namespace qr::oracle {

using namespace i386;

bool Builder::skip(const Plan& plan) {
    const bool counts = plan.name().starts_with("loop");  // changes ECX
    if (skip_.over || (loop_ && counts) || (plan.reads & info_.undefined.back())) return false;
    if (count() + 4 > kMaxInsns) return false;
    Bytes bytes;
    if (plan.encoding.map) bytes.put(0x0f, 1);
    bytes.put(plan.encoding.opcode, 1);
    const unsigned at = bytes.size, size = plan.has("Jb") ? 1 : c_.code32 ? 4 : 2;
    bytes.put(0, size);
    Insn insn;
    if (decode({bytes.data, bytes.size}, c_.code32, model_, insn) != DecodeStatus::kOk ||
        insn.row != plan.number || insn.length != bytes.size)
        return false;
    skip_ = {c_.code_length + at, size, 1 + rng_.below(4), info_.undefined.back()};
    append(insn, bytes, info_.undefined.back());
    return true;
}

// The branch goes to where the next instruction will be.
void Builder::land() {
    const unsigned by = c_.code_length - (skip_.at + skip_.size);
    for (unsigned i = 0; i < skip_.size; ++i)
        c_.code[skip_.at + i] = static_cast<uint8_t>(by >> (8 * i));
    info_.undefined.back() |= skip_.undefined;
    skip_ = {};
}

void Builder::begin_loop() {
    if (!c_.code32) return;
    Bytes bytes;
    bytes.put(0xb8 + kEcx, 1);
    bytes.put(2 + rng_.below(6), 4);
    Insn insn;
    if (decode({bytes.data, bytes.size}, true, model_, insn) != DecodeStatus::kOk) return;
    append(insn, bytes, info_.undefined.back());
    pinned_ |= 1u << kEcx;
    loop_ = c_.code_length;
}

// SUB ECX, 1; JNZ. SUB leaves all flags defined, so that they are at the loop's start, too.
void Builder::end_loop() {
    if (skip_.over) land();
    const unsigned by = c_.code_length + 5 - loop_;
    if (!loop_ || by > 128) return;
    Bytes count, jump;
    count.put(0x01e983, 3);
    jump.put(0x75 | (0x100 - by) << 8, 2);
    Insn insn;
    for (const Bytes* bytes : {&count, &jump}) {
        if (decode({bytes->data, bytes->size}, true, model_, insn) != DecodeStatus::kOk) return;
        append(insn, *bytes, 0);
    }
}

}  // namespace qr::oracle
