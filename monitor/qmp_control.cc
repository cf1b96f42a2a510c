// SPDX-License-Identifier: GPL-2.0-or-later
//
// QMP commands that do something.
#include <algorithm>

#include "monitor/handlers.h"
#include "monitor/memory_dump.h"
#include "monitor/monitor.h"
#include "monitor/qmp_call.h"

namespace qr::qmp {

// The session does these itself.
void nothing(QmpCall&) {}

void stop(QmpCall& call) { call.target.run.stop(); }
void cont(QmpCall& call) { call.check(call.target.run.resume()); }
void quit(QmpCall& call) { call.target.run.quit_because("host-qmp-quit"); }
void system_reset(QmpCall& call) { call.target.requests.reset(); }
void system_powerdown(QmpCall& call) { call.target.requests.press_power_button(); }
void system_wakeup(QmpCall& call) { call.fail("Unable to wake up: guest is not in suspended state"); }
void inject_nmi(QmpCall& call) { call.target.requests.nmi(); }

namespace {

// A KeyValue: {"type": "qcode"|"number", "data": ...}.
std::optional<Key> key_of(QmpCall& call, const Json& value) {
    if (!value.is_object() || !value.contains("type") || !value["type"].is_string()) {
        call.fail("Parameter 'type' is missing");
        return std::nullopt;
    }
    const std::string type = value["type"];
    if (type != "qcode" && type != "number") {
        call.fail(fmt::format("Parameter 'type' does not accept value '{}'", type));
        return std::nullopt;
    }
    const Json data = value.value("data", Json());
    std::optional<Key> key;
    if (type == "qcode" ? data.is_string() : data.is_number_integer())
        key = type == "qcode" ? key_by_name(data.get<std::string>()) : key_by_number(data.get<unsigned>());
    else
        call.fail(fmt::format("Invalid parameter type for 'data', expected: {}", type == "qcode" ? "string" : "integer"));
    if (!key && call.error.empty()) {
        call.fail(fmt::format("Parameter 'data' does not accept value '{}'",
                              data.is_string() ? data.get<std::string>() : data.dump()));
    }
    return key;
}

}  // namespace

void send_key(QmpCall& call) {
    std::vector<Key> keys;
    for (const Json& value : call.args["keys"]) {
        const auto key = key_of(call, value);
        if (!key) return;
        keys.push_back(*key);
    }
    const int64_t hold = call.args.value("hold-time", int64_t{KeySender::kHoldMs});
    if (hold < 0 || hold > 3'600'000) return call.fail("Parameter 'hold-time' expects 0 to 3600000");
    call.monitor.keys().chord(keys, static_cast<unsigned>(hold));
}

constexpr int64_t kAbsMax = 0x7fff;  // of QMP's absolute axes

// All events are looked at before the first one enters.
void input_send_event(QmpCall& call) {
    if (call.target.run.run_state() != RunState::kRunning) return call.fail("VM not running");
    struct Step {
        std::optional<KeyInput> key;
        MouseInput mouse;
        std::optional<PointerInput> pointer;
    };
    std::vector<Step> steps;
    // Positions go to the pointer that takes them, and so do the buttons that come after them.
    PointerInput pointer = call.monitor.pointer();
    bool absolute = false;
    uint32_t buttons = call.monitor.buttons();
    for (const Json& event : call.args["events"]) {
        const Json data = event.is_object() ? event.value("data", Json()) : Json();
        const std::string type = event.is_object() && event.contains("type") && event["type"].is_string()
                                     ? event["type"].get<std::string>() : "";
        Step step;
        if (!data.is_object()) return call.fail("Parameter 'data' is missing");
        const Json down = data.value("down", Json());
        if ((type == "key" || type == "btn") && !down.is_boolean())
            return call.fail("Invalid parameter type for 'down', expected: boolean");
        if (type == "key") {
            const auto key = key_of(call, data.value("key", Json::object()));
            if (!key) return;
            step.key = KeyInput{static_cast<uint16_t>(*key), down.get<bool>()};
        } else if (type == "btn") {
            const Json button = data.value("button", Json());
            const std::string name = button.is_string() ? button.get<std::string>() : "";
            constexpr std::pair<std::string_view, uint32_t> kButtons[] = {
                {"left", MouseInput::kLeft}, {"right", MouseInput::kRight}, {"middle", MouseInput::kMiddle},
                {"side", MouseInput::kSide}, {"extra", MouseInput::kExtra}};
            uint32_t bit = 0;
            for (const auto& [known, value] : kButtons)
                if (known == name) bit = value;
            if (name == "wheel-up" || name == "wheel-down") step.mouse.dz = !down.get<bool>() ? 0 : name == "wheel-up" ? -1 : 1;
            else if (!bit) return call.fail(fmt::format("Parameter 'button' does not accept value '{}'", name));
            buttons = down.get<bool>() ? buttons | bit : buttons & ~bit;
        } else if (type == "rel") {
            const Json axis = data.value("axis", Json()), value = data.value("value", Json());
            if (!value.is_number_integer()) return call.fail("Invalid parameter type for 'value', expected: integer");
            if (axis == "x") step.mouse.dx = value;
            else if (axis == "y") step.mouse.dy = value;
            else return call.fail("Parameter 'axis' expects x or y");
        } else if (type == "abs") {
            const Json axis = data.value("axis", Json()), value = data.value("value", Json());
            if (!value.is_number_integer()) return call.fail("Invalid parameter type for 'value', expected: integer");
            if (!call.target.board.pointer()) return call.fail("no input device of this machine takes absolute positions");
            const auto scaled = static_cast<uint16_t>(std::clamp<int64_t>(value, 0, kAbsMax) * 65535 / kAbsMax);
            if (axis == "x") pointer.x = scaled;
            else if (axis == "y") pointer.y = scaled;
            else return call.fail("Parameter 'axis' expects x or y");
            absolute = true;
        } else {
            return call.fail(fmt::format("Parameter 'type' does not accept value '{}'", type));
        }
        step.mouse.buttons = buttons;
        if (absolute && type != "key") {
            pointer.buttons = buttons;
            pointer.dz = step.mouse.dz;
            step.pointer = pointer;
        }
        steps.push_back(step);
    }
    call.monitor.set_buttons(buttons);
    call.monitor.pointer() = pointer;
    for (const Step& step : steps) {
        if (step.key) call.target.board.keyboard().submit(*step.key);
        else if (step.pointer) call.target.board.pointer()->submit(*step.pointer);
        else call.target.board.mouse().submit(step.mouse);
    }
}

namespace {
void save(QmpCall& call, bool physical) {
    if (call.args.value("cpu-index", int64_t{0}))
        return call.fail("Parameter 'cpu-index' expects a CPU number");
    const int64_t size = call.args["size"];
    if (size < 0) return call.fail("Parameter 'size' expects a number that isn't negative");
    call.check(save_memory(call.target, static_cast<uint64_t>(call.args["val"].get<int64_t>()),
                           static_cast<uint64_t>(size), physical, call.args["filename"]));
}
std::string drive_of(QmpCall& call) {
    for (const char* name : {"id", "device"})
        if (call.args.contains(name)) return call.args[name];
    return {};
}
uint64_t icount_of(QmpCall& call) { return static_cast<uint64_t>(call.args["icount"].get<int64_t>()); }
}  // namespace

void memsave(QmpCall& call) { save(call, false); }
void pmemsave(QmpCall& call) { save(call, true); }

void eject(QmpCall& call) {
    const std::string id = drive_of(call);
    if (id.empty()) return call.fail("Parameter 'id' is missing");
    call.check(eject_drive(call.target, id, call.args.value("force", false)));
}

void change_medium(QmpCall& call) {
    const std::string id = drive_of(call);
    if (id.empty()) return call.fail("Parameter 'id' is missing");
    call.check(change_drive(call.target, id, call.args["filename"], call.args.value("format", std::string())));
}

void screendump(QmpCall& call) {
    if (call.args.value("head", int64_t{0})) return call.fail("Parameter 'head' expects 0: there is one screen");
    call.check(call.target.screendump(call.args["filename"], call.args.value("format", std::string("ppm"))));
}

void replay_break(QmpCall& call) { call.check(call.target.run.break_at(icount_of(call))); }
void replay_delete_break(QmpCall& call) {
    std::optional<uint64_t> icount;
    if (call.args.contains("icount")) icount = icount_of(call);
    call.check(call.target.run.delete_break(icount));
}
void replay_seek(QmpCall& call) { call.check(call.target.run.seek(icount_of(call))); }

void record_start(QmpCall& call) {
    const std::string file = call.args.at("filename");
    const auto done = call.target.recording->start(file);
    if (done) call.target.log_file = file;
    call.check(done);
}

void record_stop(QmpCall& call) { call.check(call.target.recording->stop()); }

void replay_live(QmpCall& call) {
    Result<void> done = call.target.run.go_live();
    const std::string file = call.args.value("filename", std::string());
    if (done && !file.empty()) {
        done = call.target.recording->start(file);
        if (done) call.target.log_file = file;
        else done = Error{"the machine is live, and isn't recorded: " + done.error().message};
    }
    call.check(done);
}

void replay_set_speed(QmpCall& call) {
    const auto speed = parse_replay_speed(call.args["speed"].get<std::string>());
    call.check(speed ? call.target.run.set_replay_speed(*speed) : Result<void>(speed.error()));
}

void trace_event_get_state(QmpCall& call) {
    const std::string name = call.args["name"];
    call.result = Json::array();
    for (const TraceEvents::Event& event : call.target.trace->events()) {
        if (!g_pattern_match_simple(name.c_str(), event.name.c_str())) continue;
        call.result.push_back({{"name", event.name}, {"vcpu", false}, {"state", event.enabled ? "enabled" : "disabled"}});
    }
    if (call.result.empty() && name.find_first_of("*?") == name.npos) call.fail(fmt::format("unknown event \"{}\"", name));
}

void trace_event_set_state(QmpCall& call) {
    const std::string name = call.args["name"];
    if (!call.target.trace->set(name, call.args["enable"]) && name.find_first_of("*?") == name.npos)
        call.fail(fmt::format("unknown event \"{}\"", name));
}

}  // namespace qr::qmp
