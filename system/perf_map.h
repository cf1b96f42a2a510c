// SPDX-License-Identifier: GPL-2.0-or-later
//
// -perfmap: /tmp/perf-PID.map, from which `perf report` has names for code that no file has. A line is address and
// size in hexadecimal, then the name. Source: tools/perf/Documentation/jit-interface.txt of Linux.
// VM thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "target/i386/tcg/observer.h"
#include "util/result.h"

namespace qr {

class PerfMap final : public i386::TranslationObserver {
  public:
    static Result<std::unique_ptr<PerfMap>> create();

    void restarted(std::span<const i386::ObservedThunk> thunks) override;
    void translated(const i386::ObservedBlock& block) override;

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    void add(uint64_t address, uint64_t size, const std::string& name);

    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace qr
