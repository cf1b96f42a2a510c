// SPDX-License-Identifier: GPL-2.0-or-later
//
// The types of QMP arguments: checked, and told by query-qmp-schema. Source: QEMU's QMP reference, "QAPI schema
// introspection".
#include "monitor/qmp_call.h"

#include "sysemu/run_control.h"

namespace qr {

namespace {

struct Builtin {
    std::string_view kind;
    std::string_view said;  // in messages
    bool (*fits)(const Json& value);
};

constexpr Builtin kBuiltins[] = {
    {"str", "string", [](const Json& v) { return v.is_string(); }},
    {"int", "integer", [](const Json& v) { return v.is_number_integer(); }},
    {"bool", "boolean", [](const Json& v) { return v.is_boolean(); }},
    {"any", "value", [](const Json&) { return true; }},
};

const Builtin* builtin(std::string_view kind) {
    for (const Builtin& b : kBuiltins)
        if (b.kind == kind) return &b;
    return nullptr;
}

std::string wrong_type(std::string_view name, std::string_view said) {
    return fmt::format("Invalid parameter type for '{}', expected: {}", name, said);
}

}  // namespace

std::string check_qmp_args(const Command& command, const Json& args) {
    size_t known = 0;
    ArgSpec spec;
    for (std::string_view rest = command.qmp_args; next_arg(rest, spec);) {
        const auto found = args.find(spec.name);
        if (found == args.end()) {
            if (!spec.optional) return fmt::format("Parameter '{}' is missing", spec.name);
            continue;
        }
        ++known;
        if (spec.kind.starts_with('[')) {
            if (!found->is_array()) return wrong_type(spec.name, "array");
            const Builtin* type = builtin(spec.kind.substr(1, spec.kind.size() - 2));
            for (const Json& element : *found)
                if (type && !type->fits(element)) return wrong_type(spec.name, type->said);
        } else if (const Builtin* type = builtin(spec.kind); type && !type->fits(*found)) {
            return wrong_type(spec.name, type->said);
        }
    }
    if (known == args.size()) return {};
    for (const auto& [key, value] : args.items()) {
        bool expected = false;
        for (std::string_view rest = command.qmp_args; next_arg(rest, spec);) expected |= spec.name == key;
        if (!expected) return fmt::format("Parameter '{}' is unexpected", key);
    }
    return {};
}

// Types that are no builtins are objects whose members aren't told; they have the names of QEMU's reference.
Json qmp_schema() {
    Json schema = Json::array();
    Json types = Json::array();
    const auto add_type = [&types](const Json& type) {
        for (const Json& known : types)
            if (known["name"] == type["name"]) return;
        types.push_back(type);
    };
    add_type({{"name", "q_empty"}, {"members", Json::array()}, {"meta-type", "object"}});
    for (const auto& [kind, json] : {std::pair{"str", "string"}, {"int", "int"}, {"bool", "boolean"}, {"any", "value"}})
        add_type({{"name", kind}, {"json-type", json}, {"meta-type", "builtin"}});
    for (const auto table : {monitor_commands(), info_commands()}) {
        for (const Command& command : table) {
            if (command.qmp_name.empty()) continue;
            Json members = Json::array();
            ArgSpec spec;
            for (std::string_view rest = command.qmp_args; next_arg(rest, spec);) {
                Json member = {{"name", spec.name}, {"type", spec.kind}};
                if (spec.optional) member["default"] = nullptr;
                members.push_back(member);
                if (!spec.kind.starts_with('[')) continue;
                const std::string_view element = spec.kind.substr(1, spec.kind.size() - 2);
                add_type({{"name", spec.kind}, {"element-type", element}, {"meta-type", "array"}});
                if (!builtin(element))
                    add_type({{"name", element}, {"members", Json::array()}, {"meta-type", "object"}});
            }
            const std::string type = members.empty() ? "q_empty" : fmt::format("{}-arg", command.qmp_name);
            if (!members.empty()) add_type({{"name", type}, {"members", members}, {"meta-type", "object"}});
            schema.push_back({{"name", command.qmp_name},
                              {"ret-type", command.qmp_name.starts_with("query-") ? "any" : "q_empty"},
                              {"meta-type", "command"},
                              {"arg-type", type}});
        }
    }
    using Kind = RunEvent::Kind;
    for (const Kind kind : {Kind::kStop, Kind::kResume, Kind::kReset, Kind::kShutdown, Kind::kPowerdown, Kind::kSuspend,
                            Kind::kWakeup}) {
        const bool has_reason = kind == Kind::kReset || kind == Kind::kShutdown;
        schema.push_back({{"name", run_event_name(kind)}, {"meta-type", "event"},
                          {"arg-type", has_reason ? "q_event-reason" : "q_empty"}});
    }
    add_type({{"name", "q_event-reason"},
              {"members", {{{"name", "guest"}, {"type", "bool"}}, {{"name", "reason"}, {"type", "str"}}}},
              {"meta-type", "object"}});
    schema.push_back({{"name", "JOB_STATUS_CHANGE"}, {"meta-type", "event"}, {"arg-type", "q_event-job"}});
    add_type({{"name", "q_event-job"},
              {"members", {{{"name", "id"}, {"type", "str"}}, {{"name", "status"}, {"type", "str"}}}},
              {"meta-type", "object"}});
    for (Json& type : types) schema.push_back(std::move(type));
    return schema;
}

}  // namespace qr
