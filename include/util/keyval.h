// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's option strings: "value,key=value,flag,key=a,,b" (a doubled comma stands for one).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/result.h"

namespace qr {

class KeyVal {
  public:
    // implied: the key of a first part that has no '='; empty: none. A later part without '=' is "on", and
    // "off" if it begins with "no".
    static KeyVal parse(std::string_view text, std::string_view implied);

    bool has(std::string_view key) const {
        for (const auto& pair : pairs_)
            if (pair.first == key) return true;
        return false;
    }
    // The last value given for the key; taken values are known to the caller, see unknown().
    std::optional<std::string> take(std::string_view key);
    // Error "Parameter 'key' expects 'on' or 'off'".
    Result<bool> take_bool(std::string_view key, bool otherwise);
    // Decimal, 0x.., with an optional suffix k M G T (bytes). Error names key and value.
    Result<uint64_t> take_size(std::string_view key, uint64_t otherwise, char default_suffix = 0);
    // A key that nobody took, if any is left.
    std::optional<std::string> unknown() const;
    const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

// "64", "512M", "0x10", "1.5G"; default_suffix applies to a bare number ('M' for -m). nullopt if malformed.
std::optional<uint64_t> parse_size(std::string_view text, char default_suffix = 0);

}  // namespace qr
