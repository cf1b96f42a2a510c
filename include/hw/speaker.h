// SPDX-License-Identifier: GPL-2.0-or-later
// What the PC speaker's driver stage is fed with: the AND of port 61H bit 1 and counter 2 of the
// 8254. Port 61H tells a SpeakerSink each time the signal's description changes. VM thread only.
#pragma once

#include <cstdint>

namespace qr {

struct SpeakerSignal {
    bool data_enable = false;  // port 61H bit 1
    bool gate = false;         // port 61H bit 0, counter 2's GATE
    uint8_t mode = 0;          // counter 2's mode, 0-5
    bool out = false;          // counter 2's OUT now
    uint32_t count = 0;        // 1-65536: in modes 2 and 3 the period in ticks of 1193182 Hz
    int64_t at_ns = 0;         // since when, virtual time

    bool operator==(const SpeakerSignal&) const = default;
};

class SpeakerSink {
  public:
    virtual ~SpeakerSink() = default;
    virtual void speaker_changed(const SpeakerSignal& signal) = 0;
};

}  // namespace qr
