// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP's JSON: a stream of values without anything between them, strings also in single quotes, and QEMU's way of
// writing values. Source: QEMU Machine Protocol Specification; RFC 8259.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace qr {

using Json = nlohmann::ordered_json;

// Finds the values in a stream. What it gives is not parsed yet.
class JsonStream {
  public:
    struct Item {
        std::string text;   // of one value, in double quotes
        std::string error;  // or why there is none
    };
    // At most one item for a byte.
    std::optional<Item> feed(char c);
    void reset();

  private:
    std::optional<Item> plain(char c);
    Item take();
    Item fail(std::string why);

    std::string text_;
    unsigned depth_ = 0;
    char quote_ = 0;
    bool escaped_ = false;
    bool word_ = false;  // a keyword or a number, outside of everything
    bool drop_ = false;  // too long: up to the end of the line
};

// {"a": 1, "b": [2, 3]}; pretty: on lines of their own, indented by four.
std::string to_text(const Json& value, bool pretty);

}  // namespace qr
