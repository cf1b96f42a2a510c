// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator for x86-64 hosts: `-accel tcg`. Source: docs/translator.rst.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "target/i386/cpu.h"
#include "target/i386/tcg/observer.h"
#include "target/i386/tcg/statistics.h"

namespace qr {

struct TcgOptions {
    uint64_t cache_bytes = uint64_t{64} << 20;  // host code that is kept; 256 KiB at least
    unsigned threshold = 30;  // executions before a block is translated; 0: at once
    unsigned block_insns = 64;  // in a block, at most: 1 to 64
    std::vector<i386::TranslationObserver*> observers{};  // outlive the engine
    std::function<uint64_t()> clock{};  // nanoseconds of the host, if the time that translation takes is wanted
};

// Whether this build and this host's processor have it.
bool tcg_supported();
// Null where it isn't supported.
std::unique_ptr<i386::Engine> make_i386_translator(const TcgOptions& options);
// Nothing if the engine isn't a translator.
std::optional<i386::TranslatorStatistics> translator_statistics(const i386::Engine& engine);

}  // namespace qr
