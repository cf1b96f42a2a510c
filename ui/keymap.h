// SPDX-License-Identifier: GPL-2.0-or-later
// Which key bears a symbol, for clients that send symbols ("-k"): layouts are those of X's keyboard database, under
// QEMU's names. Needs the files of xkb-data.
// Source: X11 keysymdef.h; libxkbcommon.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "hw/keycode.h"
#include "util/result.h"

namespace qr {

class Keymap {
  public:
    struct Place {
        Key key = Key::kNone;
        // The symbol is on the key's upper half; meaningless for keys that have the same on both.
        bool shift = false;
        bool shiftable = false;
        bool letter = false;  // Caps Lock turns it around
    };

    // name: QEMU's ("en-us", "de", "fr-ch"). What the layout lacks is looked for in en-us.
    static Result<std::shared_ptr<const Keymap>> load(const std::string& name);

    std::optional<Place> find(uint32_t keysym) const;

  private:
    bool add(const std::string& layout, const std::string& variant);
    std::unordered_map<uint32_t, Place> places_;
};

}  // namespace qr
