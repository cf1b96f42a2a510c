// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator for the x86 guest: the interpreter's loop, with host code for blocks that are hot.
// Source: docs/translator.rst.

#include "accel/interp/interpreter.h"
#include "accel/tcg/tcg.h"
#include "target/i386/fetch.h"
#include "target/i386/tcg/translator.h"

namespace qr {

bool tcg_supported() { return i386::Translator::host_suits(); }

std::unique_ptr<i386::Engine> make_i386_translator(const TcgOptions& options) {
    if (!tcg_supported()) return nullptr;
    return std::make_unique<Interpreter<i386::InterpreterGuest, i386::Translator>>(
        i386::TranslatorOptions{options.cache_bytes, options.threshold});
}

}  // namespace qr
