// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs test cases on the host's CPU, in a child process.
// Source: none (docs/testing.rst).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/insn/oracle.h"

namespace qr::oracle {

class Native {
  public:
    // The arrays must be in memory shared with children. `pristine`: kWords words, and `read_only`:
    // a page.
    Native(const Case* cases, Result* results, const uint64_t* pristine, const uint8_t* read_only);
    ~Native();
    Native(const Native&) = delete;

    // Starts the process. An error message if this host can't do it, else empty.
    std::string start();
    // Begins to run cases [first, first + count); finish() waits for the end. False: the process
    // died.
    void begin(unsigned first, unsigned count);
    bool finish();
    std::string death();  // how it died

  private:
    [[noreturn]] void child(int from, int to);
    const Case* cases_;
    Result* results_;
    const uint64_t* pristine_;
    const uint8_t* read_only_;
    int to_child_ = -1, from_child_ = -1;
    int pid_ = -1;
};

}  // namespace qr::oracle
