// SPDX-License-Identifier: GPL-2.0-or-later
// The log's JSON header: writing it, and reading one that may say anything. See
// replay/log_header.h. The only file of this folder that knows the JSON library. Source:
// docs/replay-format.rst, "HEAD".
#include "replay/log_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "replay/varint.h"

namespace qr {

using Json = nlohmann::json;

namespace {

constexpr std::array<std::string_view, 8> kTypeNames = {"bool", "u8",  "u16",   "u32",
                                                        "u64",  "i64", "bytes", "text"};
constexpr size_t kMaxPorts = 4096;
constexpr size_t kMaxBlobs = 4096;
constexpr int kMaxDepth = 64;

// The library's writer is recursive: text that nests without end must not reach it.
bool depth_ok(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxDepth) return false;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return true;
}

Json parse(std::string_view text) {
    return depth_ok(text) ? Json::parse(text, nullptr, false) : Json(Json::value_t::discarded);
}

// A member of the right kind, or null.
const Json* find(const Json& object, const char* key, Json::value_t kind) {
    const auto at = object.find(key);
    return at != object.end() && at->type() == kind ? &*at : nullptr;
}

bool read_text(const Json& object, const char* key, std::string& to) {
    const Json* j = find(object, key, Json::value_t::string);
    if (j) to = j->get<std::string>();
    return j;
}

bool read_number(const Json& object, const char* key, uint64_t limit, uint64_t& to) {
    const Json* j = find(object, key, Json::value_t::number_unsigned);
    if (!j || j->get<uint64_t>() > limit) return false;
    to = j->get<uint64_t>();
    return true;
}

bool read_fields(const Json& list, std::vector<FieldSchema>& fields) {
    for (const Json& item : list) {
        FieldSchema field;
        std::string type;
        if (!item.is_object() || !read_text(item, "name", field.name) ||
            !read_text(item, "type", type))
            return false;
        const auto at = std::ranges::find(kTypeNames, type);
        if (at == kTypeNames.end()) return false;
        field.type = static_cast<FieldType>(at - kTypeNames.begin());
        fields.push_back(std::move(field));
    }
    return true;
}

bool read_ports(const Json& list, std::vector<PortSchema>& ports) {
    if (list.size() > kMaxPorts) return false;
    std::set<std::string> names;
    for (const Json& item : list) {
        PortSchema port;
        uint64_t number = 0;
        const Json* fields = nullptr;
        if (!item.is_object() || !read_text(item, "name", port.name) ||
            !read_number(item, "number", kMaxPorts, number) || number != ports.size() ||
            !(fields = find(item, "fields", Json::value_t::array)) ||
            !read_fields(*fields, port.fields) || !names.insert(port.name).second)
            return false;
        ports.push_back(std::move(port));
    }
    return true;
}

bool read_blobs(const Json& list, std::vector<BlobInfo>& blobs) {
    if (list.size() > kMaxBlobs) return false;
    std::set<std::string> names;
    for (const Json& item : list) {
        BlobInfo blob;
        if (!item.is_object() || !read_text(item, "name", blob.name) ||
            !read_number(item, "size", INT64_MAX, blob.size) ||
            !read_text(item, "xxh3_128", blob.hash) || !names.insert(blob.name).second)
            return false;
        blobs.push_back(std::move(blob));
    }
    return true;
}

}  // namespace

std::string_view field_type_name(FieldType type) { return kTypeNames[static_cast<size_t>(type)]; }

Result<std::string> LogHeader::to_json() const {
    Json machine_json = parse(machine);
    if (!machine_json.is_object()) return Error{"the machine's description is not a JSON object"};
    Json ports_json = Json::array();
    for (size_t i = 0; i < ports.size(); ++i) {
        Json fields = Json::array();
        for (const FieldSchema& f : ports[i].fields)
            fields.push_back({{"name", f.name}, {"type", field_type_name(f.type)}});
        ports_json.push_back(
            {{"number", i}, {"name", ports[i].name}, {"fields", std::move(fields)}});
    }
    Json blobs_json = Json::array();
    for (const BlobInfo& b : blobs)
        blobs_json.push_back({{"name", b.name}, {"size", b.size}, {"xxh3_128", b.hash}});
    Json all = {
        {"creator", creator},
        {"behaviour", {{"version", behaviour}, {"name", behaviour_name}}},
        {"boundary", boundary},
        {"clock", {{"start_ns", static_cast<uint64_t>(clock_start_ns)}, {"rate", clock_rate}}},
        {"ports", std::move(ports_json)},
        {"blobs", std::move(blobs_json)},
        {"machine", std::move(machine_json)},
    };
    if (start) all["start"] = {{"icount", start->icount}, {"ordinal", start->ordinal}};
    return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<LogHeader> LogHeader::from_json(std::string_view text) {
    const Json all = parse(text);
    if (!all.is_object()) return Error{"is not a JSON object"};
    LogHeader h;
    const auto part = [&](const char* key, Json::value_t kind) { return find(all, key, kind); };
    const auto bad = [](const char* what) {
        return Error{fmt::format("has no valid \"{}\"", what)};
    };
    uint64_t number = 0;
    if (!read_text(all, "creator", h.creator)) return bad("creator");
    const Json* behaviour = part("behaviour", Json::value_t::object);
    if (!behaviour || !read_number(*behaviour, "version", UINT32_MAX, number) ||
        !read_text(*behaviour, "name", h.behaviour_name))
        return bad("behaviour");
    h.behaviour = static_cast<uint32_t>(number);
    if (!read_text(all, "boundary", h.boundary)) return bad("boundary");
    const Json* clock = part("clock", Json::value_t::object);
    if (!clock || !read_number(*clock, "start_ns", INT64_MAX, number) ||
        !read_number(*clock, "rate", UINT64_MAX, h.clock_rate))
        return bad("clock");
    h.clock_start_ns = static_cast<int64_t>(number);
    if (all.contains("start")) {
        const Json* start = part("start", Json::value_t::object);
        uint64_t ordinal = 0;
        if (!start || !read_number(*start, "icount", INT64_MAX, number) ||
            !read_number(*start, "ordinal", UINT32_MAX, ordinal))
            return bad("start");
        h.start = Position{number, static_cast<uint32_t>(ordinal)};
    }
    const Json* ports = part("ports", Json::value_t::array);
    if (!ports || !read_ports(*ports, h.ports)) return bad("ports");
    const Json* blobs = part("blobs", Json::value_t::array);
    if (!blobs || !read_blobs(*blobs, h.blobs)) return bad("blobs");
    const Json* machine = part("machine", Json::value_t::object);
    if (!machine) return bad("machine");
    h.machine = machine->dump(-1, ' ', false, Json::error_handler_t::replace);
    return h;
}

namespace {

std::string describe_bytes(std::span<const uint8_t> bytes) {
    constexpr size_t kShown = 32;
    std::string text =
        fmt::format("{:02x}", fmt::join(bytes.first(std::min(bytes.size(), kShown)), " "));
    if (bytes.size() > kShown) text += fmt::format(" ... ({} bytes)", bytes.size());
    return text.empty() ? "(empty)" : text;
}

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto u = static_cast<uint8_t>(c);
        if (u < 0x20 || u == 0x7F || c == '"' || c == '\\')
            out += fmt::format("\\x{:02x}", u);
        else
            out += c;
    }
    return out + '"';
}

}  // namespace

std::string describe_payload(const PortSchema& schema, std::span<const uint8_t> payload) {
    ByteReader reader(payload);
    std::string text;
    for (const FieldSchema& field : schema.fields) {
        std::string value;
        switch (field.type) {
            case FieldType::kBool: value = reader.varint() ? "true" : "false"; break;
            case FieldType::kU8:
            case FieldType::kU16:
            case FieldType::kU32:
            case FieldType::kU64: value = std::to_string(reader.varint()); break;
            case FieldType::kI64: value = std::to_string(unzigzag(reader.varint())); break;
            case FieldType::kBytes: value = describe_bytes(reader.bytes()); break;
            case FieldType::kText: value = quote(reader.text()); break;
        }
        if (!reader.ok()) return text + (text.empty() ? "" : " ") + "(does not decode)";
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", field.name, value);
    }
    return reader.at_end() ? text : text + " (and more bytes than its fields)";
}

}  // namespace qr
