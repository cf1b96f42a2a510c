// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's option strings.
#include "util/keyval.h"

#include <cstdlib>

#include <fmt/format.h>

namespace qr {

KeyVal KeyVal::parse(std::string_view text, std::string_view implied) {
    KeyVal result;
    std::vector<std::string> parts(1);
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ',') {
            parts.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == ',') {
            parts.back() += ',';
            ++i;
        } else {
            parts.emplace_back();
        }
    }
    for (size_t i = 0; i < parts.size(); ++i) {
        const std::string& part = parts[i];
        const size_t equals = part.find('=');
        if (equals != std::string::npos)
            result.pairs_.emplace_back(part.substr(0, equals), part.substr(equals + 1));
        else if (i == 0 && !implied.empty() && !part.empty())
            result.pairs_.emplace_back(implied, part);
        else if (part.starts_with("no") && part.size() > 2)
            result.pairs_.emplace_back(part.substr(2), "off");
        else if (!part.empty())
            result.pairs_.emplace_back(part, "on");
    }
    return result;
}

std::optional<std::string> KeyVal::take(std::string_view key) {
    std::optional<std::string> value;
    std::erase_if(pairs_, [&](const auto& pair) {
        if (pair.first != key) return false;
        value = pair.second;
        return true;
    });
    return value;
}

Result<bool> KeyVal::take_bool(std::string_view key, bool otherwise) {
    const auto value = take(key);
    if (!value) return otherwise;
    if (*value == "on" || *value == "yes" || *value == "true") return true;
    if (*value == "off" || *value == "no" || *value == "false") return false;
    return Error{fmt::format("Parameter '{}' expects 'on' or 'off'", key)};
}

Result<uint64_t> KeyVal::take_size(std::string_view key, uint64_t otherwise, char default_suffix) {
    const auto value = take(key);
    if (!value) return otherwise;
    if (const auto size = parse_size(*value, default_suffix)) return *size;
    return Error{fmt::format("Parameter '{}' expects a size such as 512M or 1G, not '{}'", key, *value)};
}

std::optional<std::string> KeyVal::unknown() const {
    if (pairs_.empty()) return std::nullopt;
    return pairs_.front().first;
}

std::optional<uint64_t> parse_size(std::string_view text, char default_suffix) {
    const std::string copy(text);
    if (copy.empty() || copy[0] < '0' || copy[0] > '9') return std::nullopt;
    const bool hex = copy.starts_with("0x") || copy.starts_with("0X");
    char* end = nullptr;
    errno = 0;
    double fraction = 0;
    uint64_t whole = std::strtoull(copy.c_str(), &end, hex ? 16 : 10);
    if (errno) return std::nullopt;
    if (!hex && *end == '.') fraction = std::strtod(end, &end);
    char suffix = *end ? *end++ : default_suffix;
    if (*end) return std::nullopt;
    uint64_t unit = 1;
    switch (suffix) {
        case 0:
        case 'b':
        case 'B': break;
        case 'k':
        case 'K': unit = uint64_t{1} << 10; break;
        case 'm':
        case 'M': unit = uint64_t{1} << 20; break;
        case 'g':
        case 'G': unit = uint64_t{1} << 30; break;
        case 't':
        case 'T': unit = uint64_t{1} << 40; break;
        default: return std::nullopt;
    }
    if (whole > UINT64_MAX / unit) return std::nullopt;
    return whole * unit + static_cast<uint64_t>(fraction * static_cast<double>(unit));
}

}  // namespace qr
