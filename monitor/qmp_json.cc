// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/qmp_json.h"

#include <cctype>

#include <fmt/format.h>

namespace qr {

namespace {

constexpr size_t kLongest = 1 << 20;
constexpr unsigned kDeepest = 256;

void write(const Json& value, bool pretty, unsigned indent, std::string& out) {
    const auto line = [&](unsigned n) {
        if (pretty) out += '\n' + std::string(size_t{4} * n, ' ');
    };
    const bool array = value.is_array();
    if ((!array && !value.is_object()) || value.empty()) {
        out += value.dump(-1, ' ', true, Json::error_handler_t::replace);
        return;
    }
    out += array ? '[' : '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
        if (!first) out += pretty ? "," : ", ";
        first = false;
        line(indent + 1);
        if (!array) out += Json(key).dump(-1, ' ', true, Json::error_handler_t::replace) + ": ";
        write(member, pretty, indent + 1, out);
    }
    line(indent);
    out += array ? ']' : '}';
}

bool ends_word(char c) {
    return std::isspace(static_cast<unsigned char>(c)) || std::string_view("{}[]:,\"'").find(c) != std::string_view::npos;
}

}  // namespace

std::string to_text(const Json& value, bool pretty) {
    std::string out;
    write(value, pretty, 0, out);
    return out;
}

void JsonStream::reset() { *this = JsonStream(); }

JsonStream::Item JsonStream::take() {
    Item item{std::move(text_), {}};
    reset();
    return item;
}

JsonStream::Item JsonStream::fail(std::string why) {
    reset();
    return {{}, "JSON parse error, " + why};
}

std::optional<JsonStream::Item> JsonStream::feed(char c) {
    if (drop_) {
        if (c == '\n') drop_ = false;
        return std::nullopt;
    }
    if (text_.size() >= kLongest) {
        Item item = fail("the value is too long");
        drop_ = c != '\n';
        return item;
    }
    if (!quote_) return plain(c);
    // In a string. What would need a backslash in the other kind of quotes gets or loses it.
    if (escaped_) {
        escaped_ = false;
        if (c == '\'') text_.back() = c;
        else text_ += c;
    } else if (c == quote_) {
        text_ += '"';
        quote_ = 0;
        if (!depth_) return take();
    } else if (c == '\n' || c == '\r') {
        return fail("a string isn't closed");
    } else {
        escaped_ = c == '\\';
        if (c == '"') text_ += '\\';
        text_ += c;
    }
    return std::nullopt;
}

std::optional<JsonStream::Item> JsonStream::plain(char c) {
    if (word_) {
        if (!ends_word(c)) {
            text_ += c;
            return std::nullopt;
        }
        // A value of its own, which QMP has no use for; what ended it is lost with it.
        return Json::accept(text_) ? take() : fail(fmt::format("invalid keyword '{}'", text_));
    }
    if (c == '"' || c == '\'') {
        quote_ = c;
        text_ += '"';
    } else if (c == '{' || c == '[') {
        if (++depth_ > kDeepest) {
            Item item = fail("the value is nested too deeply");
            drop_ = true;
            return item;
        }
        text_ += c;
    } else if (c == '}' || c == ']') {
        if (!depth_) return fail("expecting value");
        text_ += c;
        if (!--depth_) return take();
    } else if (depth_) {
        text_ += c;
    } else if (!std::isspace(static_cast<unsigned char>(c))) {
        if (ends_word(c)) return fail("expecting value");
        word_ = true;
        text_ += c;
    }
    return std::nullopt;
}

}  // namespace qr
