// SPDX-License-Identifier: GPL-2.0-or-later
//
// -blockdev's argument; see block_node.h.
#include "block/block_node.h"

#include <nlohmann/json.hpp>

#include "util/keyval.h"

namespace qr {

namespace {

using nlohmann::json;
constexpr unsigned kDeepest = 32;

void flatten(const json& value, const std::string& name, std::map<std::string, std::string>& to, unsigned depth) {
    if (depth > kDeepest) return;
    if (value.is_object()) {
        for (const auto& [key, child] : value.items()) flatten(child, name.empty() ? key : name + '.' + key, to, depth + 1);
    } else if (value.is_array()) {
        for (size_t i = 0; i < value.size(); ++i) flatten(value[i], name + '.' + std::to_string(i), to, depth + 1);
    } else if (value.is_boolean()) {
        to[name] = value.get<bool>() ? "on" : "off";
    } else if (value.is_string()) {
        to[name] = value.get<std::string>();
    } else if (value.is_null()) {
        to[name] = "";
    } else {
        to[name] = value.dump();
    }
}

}  // namespace

Result<std::map<std::string, std::string>> parse_block_node(const std::string& text) {
    std::map<std::string, std::string> node;
    if (!text.starts_with('{')) {
        const KeyVal options = KeyVal::parse(text, "driver");
        for (const auto& [key, value] : options.pairs()) node[key] = value;
        return node;
    }
    const json parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return Error{"JSON parse error: expected an object such as {\"driver\": \"file\", ...}"};
    flatten(parsed, "", node, 0);
    return node;
}

}  // namespace qr
