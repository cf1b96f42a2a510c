// SPDX-License-Identifier: GPL-2.0-or-later
//
// A recording that begins and ends in the middle of a run, as people ask for it. VM thread only, at a boundary.
// Source: none (docs/replay.rst, "Recording a part of a run").
#pragma once

#include <string>

#include "util/result.h"

namespace qr {

class RecordingControl {
  public:
    virtual ~RecordingControl() = default;

    // From here on what enters the machine goes into a log, which begins with the machine as it is. Nothing changes if it
    // fails.
    virtual Result<void> start(const std::string& file) = 0;
    // The log gets its end; the machine goes on.
    virtual Result<void> stop() = 0;
};

}  // namespace qr
