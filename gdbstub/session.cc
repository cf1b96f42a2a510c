// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/session.h"

#include <algorithm>

#include <fmt/format.h>

namespace qr {

namespace {

constexpr size_t kMostInput = 4 * kPacketSize;
// With more than this unsent, nothing more is worked on.
constexpr size_t kMostUnsent = 4 * kPacketSize;
// Of a monitor's answer in one packet: two digits a character.
constexpr size_t kConsolePart = kPacketSize / 2 - 2;
// gdb waits 2 s for an answer (set remotetimeout), and again after each packet.
constexpr unsigned kPatienceMs = 1000;
constexpr uint8_t kPacketBegins = '$';

}  // namespace

GdbSession::GdbSession(GdbTarget target, GMainContext* io)
    : target_(std::move(target)), io_(io), protocol_(target_), room_(kMostInput) {}

void GdbSession::use(CharBackend* backend) {
    if (backend_) closed();
    backend_ = backend;
    if (!backend) return;
    connecting_ = true;
    backend->connect(*this);
    connecting_ = false;
}

void GdbSession::on_io(std::function<void()> work) {
    g_main_context_invoke_full(
        io_, G_PRIORITY_DEFAULT,
        [](gpointer data) -> gboolean {
            (*static_cast<std::function<void()>*>(data))();
            return G_SOURCE_REMOVE;
        },
        new std::function<void()>(std::move(work)),
        [](gpointer data) { delete static_cast<std::function<void()>*>(data); });
}

void GdbSession::on_vm(bool looks, std::function<void()> work) {
    Mailbox& mailbox = target_.door.mailbox();
    if (looks) mailbox.post_look(std::move(work));
    else mailbox.post(std::move(work));
}

void GdbSession::opened() {
    if (!backend_) return;
    lazy_ = connecting_ && backend_->filename().starts_with("pty:");
    if (!lazy_) begin();
}

void GdbSession::begin() {
    lazy_ = false;
    ++connection_;
    reader_.reset();
    input_.clear();
    last_.clear();
    room_ = kMostInput;
    acks_ = true;
    busy_ = false;
    open_ = true;
    on_vm(false, [this, connection = connection_] {
        protocol_.attach([this, connection](std::string stop) {
            on_io([this, connection, stop = std::move(stop)] {
                if (connection == connection_ && open_) reply(stop);
            });
        });
    });
}

void GdbSession::closed() {
    if (!open_) return;
    ++connection_;
    open_ = busy_ = false;
    be_patient(false);
    input_.clear();
    room_ = kMostInput;
    on_vm(false, [this] { protocol_.detach(); });
}

void GdbSession::say_goodbye(int status) {
    if (!open_) return;
    // The line was `quit`, say.
    if (patience_) reply("OK");
    backend_->send(packet_of(fmt::format("W{:02x}", status & 0xff)));
}

void GdbSession::receive(std::span<const uint8_t> data) {
    if (!backend_) return;
    if (lazy_) begin();
    input_.insert(input_.end(), data.begin(), data.end());
    go_on();
}

void GdbSession::go_on() {
    if (inside_) return;
    inside_ = true;
    while (open_ && !busy_ && !input_.empty() && backend_->unsent() <= kMostUnsent) {
        const uint8_t byte = input_.front();
        input_.pop_front();
        take_byte(byte);
    }
    // A monitor's line may take long, and can be interrupted.
    while (patience_ && !input_.empty() && input_.front() != kPacketBegins) {
        const uint8_t byte = input_.front();
        input_.pop_front();
        take_byte(byte);
    }
    inside_ = false;
    const bool was_full = !room_;
    room_ = kMostInput - std::min(kMostInput, input_.size());
    if (!backend_) return;
    if (was_full && room_) backend_->wake();
    if (!busy_ && input_.empty()) backend_->finished();
}

void GdbSession::take_byte(uint8_t byte) {
    using Event = PacketReader::Event;
    switch (reader_.feed(byte)) {
        case Event::kNothing: return;
        case Event::kInterrupt: return on_vm(false, [this] { protocol_.interrupt(); });
        case Event::kAgain:
            if (acks_ && !last_.empty()) backend_->send(last_);
            return;
        case Event::kBroken:
            if (acks_) backend_->send("-");
            return;
        case Event::kTooLong:
            if (acks_) backend_->send("+");
            return reply(kBadPacket);
        case Event::kPacket:
            if (acks_) backend_->send("+");
            return execute(reader_.data());
    }
}

void GdbSession::execute(const std::string& packet) {
    std::string_view text = packet;
    last_.clear();
    if (packet == "QStartNoAckMode") {
        reply("OK");
        acks_ = false;
        return reader_.ignore_checksums();
    }
    if (take(text, "qRcmd,")) return run_monitor_line(text);
    busy_ = true;
    on_vm(GdbProtocol::only_looks(packet), [this, packet, connection = connection_] {
        on_io([this, connection, answer = protocol_.answer(packet)] {
            if (connection != connection_) return;
            busy_ = false;
            if (answer) reply(*answer);
            go_on();
        });
    });
}

void GdbSession::run_monitor_line(std::string_view hex) {
    const auto bytes = from_hex(hex);
    if (!bytes) return reply(kBadPacket);
    if (!target_.monitor) return reply("");
    busy_ = true;
    target_.monitor(std::string(bytes->begin(), bytes->end()), [this, connection = connection_](std::string text) {
        if (connection != connection_) return;
        for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(rest.size(), kConsolePart)))
            reply("O" + to_hex(rest.substr(0, kConsolePart)));
        // What is done already has moved nothing.
        if (inside_) return end_monitor_line();
        on_vm(true, [this, connection] {
            protocol_.when_arrived([this, connection] {
                on_io([this, connection] {
                    if (connection == connection_) end_monitor_line();
                });
            });
        });
    });
    if (busy_) be_patient(true);
}

void GdbSession::end_monitor_line() {
    be_patient(false);
    reply("OK");
    busy_ = false;
    if (!inside_) go_on();
}

void GdbSession::be_patient(bool patient) {
    if (patience_) {
        g_source_destroy(patience_);
        g_source_unref(patience_);
        patience_ = nullptr;
    }
    if (!patient) return;
    patience_ = g_timeout_source_new(kPatienceMs);
    g_source_set_callback(
        patience_,
        [](gpointer self) -> gboolean {
            static_cast<GdbSession*>(self)->still_working();
            return G_SOURCE_CONTINUE;
        },
        this, nullptr);
    g_source_attach(patience_, io_);
}

void GdbSession::still_working() {
    reply("O");
    on_vm(true, [this] { protocol_.look_whether_arrived(); });
}

void GdbSession::reply(std::string_view data) {
    last_ = packet_of(data);
    backend_->send(last_);
}

}  // namespace qr
