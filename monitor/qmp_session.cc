// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/qmp_session.h"

#include "monitor/qmp_call.h"
#include "monitor/qmp_version.h"

namespace qr {

namespace {
constexpr size_t kReadAhead = 4096;
constexpr size_t kMostUnsent = 1 << 20;
constexpr std::string_view kNegotiate = "qmp_capabilities";
}  // namespace

struct QmpSession::State {
    JsonStream stream;
    Json id;  // of the command that is being worked on

    static Json error(const std::string& name, const std::string& text) {
        return {{"error", {{"class", name}, {"desc", text}}}};
    }
    void send(QmpSession& session, const Json& value) {
        session.backend_.send(to_text(value, session.pretty_) + "\r\n");
    }
    void answer(QmpSession& session, Json value) {
        if (!id.is_null()) value["id"] = id;
        send(session, value);
    }
};

QmpSession::QmpSession(Monitor& monitor, CharBackend& backend, bool pretty)
    : monitor_(monitor), backend_(backend), pretty_(pretty), state_(std::make_unique<State>()) {}
QmpSession::~QmpSession() = default;

size_t QmpSession::room() { return full_ ? 0 : kReadAhead; }
bool QmpSession::input_ended() { return !busy_ && input_.empty(); }
bool QmpSession::attached() const { return open_ && negotiated_; }

void QmpSession::update() {
    full_ = busy_ || backend_.unsent() > kMostUnsent;
    if (attached() == told_attached_) return;
    told_attached_ = !told_attached_;
    monitor_.attachment_changed(told_attached_);
}

void QmpSession::opened() {
    closed();
    open_ = true;
    state_->send(*this, {{"QMP", {{"version", qmp_version(monitor_.target())}, {"capabilities", Json::array()}}}});
}

void QmpSession::closed() {
    ++connection_;
    open_ = negotiated_ = busy_ = false;
    input_.clear();
    state_->stream.reset();
    state_->id = nullptr;
    update();
}

void QmpSession::event(const RunEvent& event, int64_t when) {
    const std::string data =
        event.reason.empty() ? "" : Json{{"guest", event.by_guest}, {"reason", event.reason}}.dump();
    announce(run_event_name(event.kind), data, when);
}

void QmpSession::announce(std::string_view name, const std::string& data, int64_t when) {
    // Who doesn't read gets no more of them.
    if (!attached() || backend_.unsent() > kMostUnsent) return;
    Json message = {{"timestamp", {{"seconds", when / 1'000'000}, {"microseconds", when % 1'000'000}}}, {"event", name}};
    if (!data.empty()) message["data"] = Json::parse(data);
    state_->send(*this, message);
}

void QmpSession::receive(std::span<const uint8_t> data) {
    input_.insert(input_.end(), data.begin(), data.end());
    go_on();
}

void QmpSession::go_on() {
    while (open_ && !busy_ && !input_.empty()) {
        const char c = static_cast<char>(input_.front());
        input_.pop_front();
        const auto item = state_->stream.feed(c);
        if (!item) continue;
        state_->id = nullptr;
        if (!item->error.empty()) state_->send(*this, State::error("GenericError", item->error));
        else take(item->text);
    }
    update();
    if (!full_) backend_.wake();
    if (!busy_) backend_.finished();
}

void QmpSession::take(const std::string& text) {
    const auto refuse = [this](std::string why, const char* name = "GenericError") {
        state_->answer(*this, State::error(name, why));
    };
    const Json message = Json::parse(text, nullptr, false);
    if (message.is_discarded()) return refuse("JSON parse error, expecting value");
    if (!message.is_object()) return refuse("QMP input must be a JSON object");
    if (message.contains("id")) state_->id = message["id"];
    for (const auto& [key, value] : message.items()) {
        if (key == "execute") {
            if (!value.is_string()) return refuse("QMP input member 'execute' must be a string");
        } else if (key == "arguments") {
            if (!value.is_object()) return refuse("QMP input member 'arguments' must be an object");
        } else if (key != "id") {
            return refuse(fmt::format("QMP input member '{}' is unexpected", key));
        }
    }
    if (!message.contains("execute")) return refuse("QMP input lacks member 'execute'");
    const std::string name = message["execute"];
    if (!negotiated_ && name != kNegotiate)
        return refuse(fmt::format("Expecting capabilities negotiation with '{}'", kNegotiate), "CommandNotFound");
    if (negotiated_ && name == kNegotiate)
        return refuse("Capabilities negotiation is already complete, command ignored", "CommandNotFound");
    const Command* command = find_qmp_command(name);
    if (!command) return refuse(fmt::format("The command {} has not been found", name), "CommandNotFound");
    auto args = std::make_shared<const Json>(message.value("arguments", Json::object()));
    if (const std::string wrong = check_qmp_args(*command, *args); !wrong.empty()) return refuse(wrong);
    if (const auto refused = monitor_.refusal(*command)) return refuse(refused->message);

    if (name == kNegotiate) {
        if (args->contains("enable") && !(*args)["enable"].empty()) {
            return refuse(fmt::format("Capability '{}' not available", (*args)["enable"][0].get<std::string>()));
        }
        negotiated_ = true;
        return state_->answer(*this, {{"return", Json::object()}});
    }
    busy_ = running_ = true;
    const auto reply = [this, connection = connection_](Json answer) {
        if (connection != connection_) return;
        state_->answer(*this, std::move(answer));
        busy_ = false;
        if (!running_) go_on();
    };
    if (name == "human-monitor-command") {
        monitor_.run_line((*args)["command-line"], {}, [reply](const HmpAnswer& answer) {
            std::string lines;
            const std::string& out = answer.secret ? std::string("terminal does not support password prompting\n")
                                                   : answer.text;
            for (const char c : out) lines += c == '\n' ? std::string("\r\n") : std::string(1, c);
            reply({{"return", lines}});
        });
    } else {
        auto call = std::make_shared<QmpCall>(QmpCall{monitor_, monitor_.target(), *args});
        const auto work = [command, call, args] { command->qmp(*call); };
        const auto done = [call, reply] {
            if (call->error.empty()) reply({{"return", std::move(call->result)}});
            else reply(State::error(call->error_class, call->error));
        };
        if (command->where == Where::kVm) {
            monitor_.on_vm(command->effect, work, done);
        } else {
            work();
            done();
        }
    }
    running_ = false;
}

}  // namespace qr
