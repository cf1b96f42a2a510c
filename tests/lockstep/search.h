// SPDX-License-Identifier: GPL-2.0-or-later
//
// From two positions, at one of which two machines agree and at the other not, to the instruction between
// them that makes the difference. Every try is a child process: a copy of both machines as they are, with
// all that their engines have cached, so that what fails once fails again. Source: fork(2).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "tests/lockstep/pair.h"

namespace qr::lockstep {

// icounts. The machines agree at `equal`, and differ at `different`.
struct Window {
    uint64_t equal = 0;
    uint64_t different = 0;
};

// Does work() in a copy of this process. Gives its exit status, or 128 and the signal that it died of.
constexpr int kDied = 128;
int in_child(const std::function<int()>& work);

// Where the two agree at from the start on: every `every` instructions.
class Course {
  public:
    explicit Course(uint64_t every) : every_(every) {}
    uint64_t next(uint64_t icount) const { return (icount / every_ + 1) * every_; }

  private:
    uint64_t every_;
};

struct Finding {
    // Stopped at `from`, B is right; run on from there it is wrong at `to`. With to = from + 1 that is one
    // instruction; if B has to run several as one to go wrong, it is one of these.
    uint64_t from = 0;
    uint64_t to = 0;
    int died = 0;  // of this signal, on the way; 0: it didn't
};

// The machines haven't run yet. Leaves them where they agreed last. Nothing: they don't differ again.
std::optional<Finding> find_first(Pair& pair, const Course& course, Window window);

}  // namespace qr::lockstep
