// SPDX-License-Identifier: GPL-2.0-or-later
//
// The search for the first difference; see search.h. Source: fork(2).
#include "tests/lockstep/search.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/lockstep/private_code.h"

namespace qr::lockstep {

namespace {

// A window is cut into so many parts, of which the first that ends in a difference is cut again.
constexpr uint64_t kParts = 16;
// Status of a child that could not even begin.
constexpr int kNoCopy = kDied - 1;
// Instructions that an engine may run as one. More are not looked for.
constexpr uint64_t kLongestBlock = 512;

class Search {
  public:
    Search(Pair& pair, uint64_t equal) : pair_(pair), equal_(equal) {}

    // Both run without a stop from where they agree. Other than 0: they differ then.
    int differ_at(uint64_t to) {
        return in_child([&] {
            pair_.run_to(to);
            return pair_.compare().any() ? 1 : 0;
        });
    }
    // The same, with B stopping once on the way. A difference before that is none of the latter part's. To look for one
    // takes a further copy: it has pages watched again, and the next store to them takes another way than it had.
    int differ_after_stop(uint64_t stop, uint64_t to) {
        return in_child([&] {
            pair_.run_to(stop);
            if (in_child([&] { return pair_.compare().any() ? 1 : 0; })) return 0;
            pair_.run_to(to);
            return pair_.compare().any() ? 1 : 0;
        });
    }

    // The first position in (equal, different] with a difference.
    uint64_t narrow(uint64_t different) {
        uint64_t equal = equal_;
        while (different - equal > 1) {
            const uint64_t step = std::max<uint64_t>(1, (different - equal) / kParts);
            uint64_t at = equal + step;
            while (at < different && !differ_at(at)) at += step;
            equal = at - step;
            different = std::min(at, different);
        }
        return different;
    }
    // The last position before `to` from which B still goes wrong.
    uint64_t narrow_start(uint64_t to) {
        const uint64_t lowest = to - std::min(to - equal_, kLongestBlock);
        for (uint64_t from = to - 1; from > lowest; --from)
            if (differ_after_stop(from, to)) return from;
        return lowest > equal_ && differ_after_stop(lowest, to) ? lowest : equal_;
    }

  private:
    Pair& pair_;
    uint64_t equal_;
};

}  // namespace

int in_child(const std::function<int()>& work) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        std::perror("lockstep: fork");
        std::exit(2);
    }
    if (!child) {
        if (!unshare_code()) {
            std::perror("lockstep: copying generated code");
            _exit(kNoCopy);
        }
        const int status = work();
        std::fflush(nullptr);
        _exit(status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoCopy) std::exit(2);
    return WIFSIGNALED(status) ? kDied + WTERMSIG(status) : WEXITSTATUS(status);
}

std::optional<Finding> find_first(Pair& pair, const Course& course, Window window) {
    // The same stops and comparisons as the first time: they may be part of what goes wrong.
    for (uint64_t at = course.next(0); at <= window.equal; at = course.next(at)) {
        pair.run_to(at);
        pair.compare();
    }
    Search search(pair, window.equal);
    if (!search.differ_at(window.different)) return {};
    Finding found;
    found.to = search.narrow(window.different);
    found.from = search.narrow_start(found.to);
    const int status = search.differ_after_stop(found.from, found.to);
    if (status >= kDied) found.died = status - kDied;
    return found;
}

}  // namespace qr::lockstep
