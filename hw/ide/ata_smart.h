// SPDX-License-Identifier: GPL-2.0-or-later
//
// SMART (B0H): ATA/ATAPI-6 (T13/1410D), 8.55. A disk that never fails: constant attributes, self-tests pass at
// once and are logged, the error log is empty. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sysemu/state.h"

namespace qr::ide {

class Smart {
  public:
    bool enabled() const { return enabled_; }
    void set_enabled(bool on) { enabled_ = on; }
    void set_autosave(bool on) { autosave_ = on; }
    void set_off_line(bool on) { off_line_ = on; }

    std::vector<uint8_t> values() const;
    std::vector<uint8_t> thresholds() const;
    // Nothing if there is no such log. sectors: how many are asked for.
    std::optional<std::vector<uint8_t>> log(uint8_t address, unsigned sectors) const;
    // EXECUTE OFF-LINE IMMEDIATE. False: no such test.
    bool run_test(uint8_t kind);

    void state(StateVisitor& v);

  private:
    bool enabled_ = true;
    bool autosave_ = true;
    bool off_line_ = true;   // automatic off-line data collection
    uint8_t tests_ = 0;      // how many of the log's 21 places were filled, 21 at most
    uint8_t newest_ = 0;     // index of the newest, from 1; 0: none
    std::array<uint8_t, 21> kinds_{};
};

}  // namespace qr::ide
