// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator for the x86 guest: the interpreter's loop, with host code for blocks that are hot.
// Source: docs/translator.rst.

#include "accel/interp/interpreter.h"
#include "accel/tcg/tcg.h"
#include "target/i386/fetch.h"
#include "target/i386/tcg/translator.h"

namespace qr {

namespace {
using TranslatingEngine = Interpreter<i386::InterpreterGuest, i386::Translator>;
}  // namespace

bool tcg_supported() { return i386::Translator::host_suits(); }

std::unique_ptr<i386::Engine> make_i386_translator(const TcgOptions& options) {
    if (!tcg_supported()) return nullptr;
    return std::make_unique<TranslatingEngine>(
        i386::TranslatorOptions{options.cache_bytes, options.threshold, options.block_insns, options.observers,
                                options.clock});
}

std::optional<i386::TranslatorStatistics> translator_statistics(const i386::Engine& engine) {
    const auto* translating = dynamic_cast<const TranslatingEngine*>(&engine);
    if (!translating) return std::nullopt;
    return translating->native().statistics();
}

}  // namespace qr
