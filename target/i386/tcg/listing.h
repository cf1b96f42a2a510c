// SPDX-License-Identifier: GPL-2.0-or-later
//
// A translated block as text: for `-d in_asm,op,out_asm`, and for tests/codegen's golden files.
// Source: docs/translator.rst.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "target/i386/tcg/observer.h"

namespace qr::i386 {

// "c0123456 pc.ram+123456 flat32 cpl0": what a block is called.
std::string block_name(const ObservedBlock& block);

// The guest's instructions, a line each.
std::string list_guest(const ObservedBlock& block);
// The same with what the translator made of each: whether it has code of its own, which flags it has to leave.
std::string list_operations(const ObservedBlock& block);

struct HostListing {
    std::vector<ObservedThunk> thunks;  // are called by their names
    // Without addresses and bytes nothing is in the text that depends on where things are in the host's memory.
    bool addresses = true;
};
struct HostText {
    std::string text;
    unsigned instructions = 0;  // that are executed if nothing rare happens
    unsigned out_of_line = 0;
};
// The host's instructions, under the guest's for which they are.
HostText list_host(const ObservedBlock& block, const HostListing& listing);

}  // namespace qr::i386
