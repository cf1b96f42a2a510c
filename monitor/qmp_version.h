// SPDX-License-Identifier: GPL-2.0-or-later
//
// What greeting and query-version say. The version is that of the QEMU whose protocol this is, for clients that
// choose by it; the package is who we are.
#pragma once

#include "monitor/qmp_json.h"
#include "monitor/target.h"

namespace qr {

inline Json qmp_version(const MonitorTarget& target) {
    return {{"qemu", {{"micro", 0}, {"minor", 2}, {"major", 7}}}, {"package", "qemu-replay " + target.version}};
}

}  // namespace qr
