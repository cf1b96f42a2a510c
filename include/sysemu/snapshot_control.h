// SPDX-License-Identifier: GPL-2.0-or-later
//
// Snapshots of the whole machine, as people ask for them: savevm, loadvm, delvm, by name, and as programs do: on drives
// that they choose. VM thread only, at a boundary.
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

    // On these drives alone, by the names of their block nodes; the machine's state is kept in vmstate, which is one of
    // them. A log's snapshots have all drives, whatever is said here.
    struct Choice {
        std::string vmstate;
        std::vector<std::string> devices;
    };
    // One that exists isn't replaced.
    virtual Result<void> save_on(const Choice& choice, const std::string& name) = 0;
    // The drives that aren't chosen stay as they are.
    virtual Result<void> load_from(const Choice& choice, const std::string& name) = 0;
    virtual Result<void> remove_from(const std::vector<std::string>& devices, const std::string& name) = 0;

    struct Entry {
        std::string id, name;
        uint64_t vm_bytes = 0;
        int64_t date_s = 0;  // since 1970
        uint32_t date_ns = 0;
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
    // Those that a drive has.
    virtual std::vector<Entry> of_drive(const std::string& id) = 0;
};

}  // namespace qr
