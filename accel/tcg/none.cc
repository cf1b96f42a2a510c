// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where there is no translator: on other hosts, and in builds without it.

#include "accel/tcg/tcg.h"

namespace qr {

bool tcg_supported() { return false; }

std::unique_ptr<i386::Engine> make_i386_translator(const TcgOptions&) { return nullptr; }

std::optional<i386::TranslatorStatistics> translator_statistics(const i386::Engine&) { return std::nullopt; }

}  // namespace qr
