// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator for x86-64 hosts: `-accel tcg`. Source: docs/translator.rst.
#pragma once

#include <cstdint>
#include <memory>

#include "target/i386/cpu.h"

namespace qr {

struct TcgOptions {
    uint64_t cache_bytes = uint64_t{64} << 20;  // host code that is kept
    unsigned threshold = 30;  // executions before a block is translated; 0: at once
};

// Whether this build and this host's processor have it.
bool tcg_supported();
// Null where it isn't supported.
std::unique_ptr<i386::Engine> make_i386_translator(const TcgOptions& options);

}  // namespace qr
