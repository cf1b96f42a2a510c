// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/monitor.h"

#include <chrono>

#include "monitor/hmp_session.h"
#include "monitor/qmp_session.h"

namespace qr {

namespace {
// Looking for less than this isn't worth correcting the machine's idea of the time for.
constexpr int64_t kShortLookNs = 100'000;

std::string_view take_name(std::string_view& line) {
    const auto skip = [&line] {
        while (!line.empty() && std::isspace(static_cast<unsigned char>(line[0]))) line.remove_prefix(1);
    };
    skip();
    size_t n = 0;
    // "x/4xw" is x, with something behind it.
    while (n < line.size() && !std::isspace(static_cast<unsigned char>(line[n])) && line[n] != '/') ++n;
    const std::string_view name = line.substr(0, n);
    line.remove_prefix(n);
    skip();
    return name;
}
}  // namespace

Monitor::Monitor(MonitorTarget target, GMainContext* io)
    : target_(std::move(target)), io_(io), keys_(io, target_.board.keyboard()), jobs_([this](const std::string& id, std::string_view status) {
          job_event(id, status);
      }) {}
Monitor::~Monitor() = default;

void Monitor::add_readline(CharBackend& backend, bool implicit) {
    sessions_.push_back(std::make_unique<HmpSession>(*this, backend, implicit));
    backend.connect(*sessions_.back());
}

void Monitor::add_control(CharBackend& backend, bool pretty) {
    sessions_.push_back(std::make_unique<QmpSession>(*this, backend, pretty));
    backend.connect(*sessions_.back());
}

void Monitor::on_io(std::function<void()> work) {
    g_main_context_invoke_full(
        io_, G_PRIORITY_DEFAULT,
        [](gpointer data) -> gboolean {
            (*static_cast<std::function<void()>*>(data))();
            return G_SOURCE_REMOVE;
        },
        new std::function<void()>(std::move(work)),
        [](gpointer data) { delete static_cast<std::function<void()>*>(data); });
}

void Monitor::on_vm(Effect effect, std::function<void()> work, std::function<void()> done) {
    auto request = [this, work = std::move(work), done = std::move(done)]() mutable {
        const auto begin = std::chrono::steady_clock::now();
        work();
        const int64_t took = (std::chrono::steady_clock::now() - begin) / std::chrono::nanoseconds(1);
        if (took > kShortLookNs) target_.run.discount(took);
        on_io(std::move(done));
    };
    Mailbox& mailbox = target_.door.mailbox();
    if (effect == Effect::kLooks) mailbox.post_look(std::move(request));
    else mailbox.post(std::move(request));
}

void Monitor::attachment_changed(bool now) {
    attached_ += now ? 1 : -1;
    if (!now) target_.door.mailbox().post_look([this] { target_.run.left_alone(); });
}

void Monitor::event(const RunEvent& event) {
    if (sessions_.empty()) return;
    const int64_t when = g_get_real_time();
    on_io([this, event, when] {
        for (const auto& session : sessions_) session->event(event, when);
    });
}

void Monitor::announce(std::string name, std::string data) {
    if (sessions_.empty()) return;
    const int64_t when = g_get_real_time();
    on_io([this, name = std::move(name), data = std::move(data), when] {
        for (const auto& session : sessions_) session->announce(name, data, when);
    });
}

void Monitor::rtc_set(int64_t offset) {
    announce("RTC_CHANGE", fmt::format("{{\"offset\": {}, \"qom-path\": \"/machine/unattached/device[9]\"}}", offset));
}

std::optional<Error> Monitor::refusal(const Command& command) const {
    if (command.effect != Effect::kChanges || !target_.door.replaying()) return std::nullopt;
    return Error{fmt::format("{}: the machine is replaying a recording, which has all its inputs: nothing can be added",
                             command.name.empty() ? command.qmp_name : first_name(command))};
}

void Monitor::run_line(const std::string& line, std::span<const std::string> history, Done done) {
    std::string_view rest = line;
    std::string name(take_name(rest));
    if (name.empty()) return done({});
    const Command* command = find_command(monitor_commands(), name);
    std::string_view behind = rest;
    const std::string item(take_name(behind));
    const std::string both = name + ' ' + item;
    const Command* longer = find_command(monitor_commands(), both);
    if (command && command->name == "info" && !item.empty()) {
        command = find_command(info_commands(), item);
        name = both;
        rest = behind;
    } else if (longer) {
        command = longer;
        name = both;
        rest = behind;
    }
    if (!command) return done({fmt::format("unknown command: '{}'\n", name)});
    if (const auto refused = refusal(*command)) return done({"Error: " + refused->message + '\n'});

    const std::string tail(rest);
    const auto execute = [this, command, name, tail](std::span<const std::string> typed, const i386::Cpu* cpu) {
        // On the I/O thread the format isn't ours to remember.
        DumpFormat scratch;
        const auto args = parse_hmp_args(*command, tail, cpu, cpu ? format_ : scratch);
        if (!args)
            return HmpAnswer{fmt::format("{}\nTry \"help {}\" for more information\n", args.error().message, name)};
        HmpCall call{*this, target_, *args, {}, typed};
        command->hmp(call);
        return HmpAnswer{std::move(call.out), std::move(call.secret)};
    };
    if (command->where == Where::kIo) return done(execute(history, nullptr));
    auto answer = std::make_shared<HmpAnswer>();
    on_vm(command->effect, [this, execute, answer] { *answer = execute({}, &target_.board.cpu()); },
          [answer, done = std::move(done)] { done(std::move(*answer)); });
}

}  // namespace qr
