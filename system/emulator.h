// SPDX-License-Identifier: GPL-2.0-or-later
//
// One run of the program: builds the machine that the command line or the recording describes, connects the
// outer world to it, and lets the VM thread and the I/O thread run.
#pragma once

#include "system/options.h"
#include "util/result.h"

namespace qr {

// program: argv[0]'s last part, for messages. Returns the exit status.
int run_emulator(const Options& options, const std::string& program);

}  // namespace qr
