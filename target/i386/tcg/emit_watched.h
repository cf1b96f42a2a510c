// SPDX-License-Identifier: GPL-2.0-or-later
//
// Stores to pages that hold code, or page tables, beside what is written to (Tlb::WatchedPage): straight to memory if
// the granules are free, without going through a handler. Data next to code are common in small programs.
// Source: none (docs/translator.rst).
#pragma once

#include <xbyak/xbyak.h>

#include <cstdint>

#include "target/i386/cpu.h"

namespace qr::i386 {

// Code that blocks call. eax: linear address of the first byte, r10d: of the last one. ZF: the host's address is
// r11 + rax; else a handler has to do it. Changes r10, r11; C++ code that it calls doesn't use the x87.
const uint8_t* emit_watched_write(Xbyak::CodeGenerator& as, const Cpu& cpu, bool user);

}  // namespace qr::i386
