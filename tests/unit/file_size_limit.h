// SPDX-License-Identifier: GPL-2.0-or-later
// A host on which files can't grow, for tests.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <csignal>

namespace qr {

// Writes beyond so many bytes of a file fail, with EFBIG. RLIM_INFINITY: they work again.
inline void limit_file_size(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limits{};
    getrlimit(RLIMIT_FSIZE, &limits);
    limits.rlim_cur = std::min(bytes, limits.rlim_max);
    setrlimit(RLIMIT_FSIZE, &limits);
}

}  // namespace qr
