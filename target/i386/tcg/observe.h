// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the translator tells its observers; see observer.h. Source: docs/translator.rst.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "target/i386/chain.h"
#include "target/i386/tcg/observer.h"
#include "target/i386/tcg/thunks.h"
#include "util/exec_memory.h"

namespace qr::i386 {

// In the order of their addresses. end: of the last one, in the writable view.
std::vector<ObservedThunk> list_thunks(const ThunkSet& thunks, const uint8_t* end, ExecMemory& memory);

void show_block(std::span<TranslationObserver* const> observers, const Cpu& cpu, const CodeBlock& block,
                std::span<const ObservedInsn> insns, const ObservedCode& code, const ObservedCode& cold);

}  // namespace qr::i386
