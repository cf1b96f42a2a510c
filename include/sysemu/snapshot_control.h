// SPDX-License-Identifier: GPL-2.0-or-later
//
// Snapshots of the whole machine, as people ask for them: savevm, loadvm, delvm, by name. VM thread only, at a boundary.
// Source: none (docs/monitor.rst, "Snapshots").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace qr {

class SnapshotControl {
  public:
    virtual ~SnapshotControl() = default;

    // Replaces one of this name. Empty: a name is made of the date.
    virtual Result<void> save(const std::string& name) = 0;
    // The machine and its disks are as they were then; nothing changes if it fails.
    virtual Result<void> load(const std::string& name) = 0;
    // One that isn't there is no error.
    virtual Result<void> remove(const std::string& name) = 0;

    struct Entry {
        std::string id, name;
        uint64_t vm_bytes = 0;
        int64_t date_s = 0;  // since 1970
        uint64_t vm_clock_ns = 0;
        std::optional<uint64_t> icount;
    };
    struct List {
        std::vector<Entry> loadable;
        struct Partial {
            std::string drive;
            std::vector<Entry> entries;
        };
        std::vector<Partial> partial;  // some drive lacks them
    };
    // Fails if there is nowhere for them.
    virtual Result<List> list() = 0;
};

}  // namespace qr
