// SPDX-License-Identifier: GPL-2.0-or-later
#include "chardev/char_mux.h"

#include <algorithm>

#include <fmt/format.h>

namespace qr {

namespace {
constexpr uint8_t kEscape = 0x01;  // Ctrl-A
constexpr size_t kKeep = 4096;     // bytes typed ahead
constexpr std::string_view kHelp =
    "\r\nC-a h    print this help\r\n"
    "C-a x    exit emulator\r\n"
    "C-a s    save disk data back to file (if -snapshot)\r\n"
    "C-a t    toggle console timestamps\r\n"
    "C-a b    send break (magic sysrq)\r\n"
    "C-a c    switch between console and monitor\r\n"
    "C-a C-a  sends C-a\r\n";
}  // namespace

class CharMux::Port final : public CharBackend {
  public:
    explicit Port(CharMux& mux) : mux_(mux) {}
    void connect(CharFront& front) override { front_ = &front; }
    void wake() override { mux_.wake(); }
    void write(std::span<const uint8_t> data) override {
        if (!mux_.stamps_) return mux_.backend_->write(data);
        std::string text;
        for (const uint8_t byte : data) {
            if (mux_.line_start_) text += mux_.stamp();
            mux_.line_start_ = byte == '\n';
            text += static_cast<char>(byte);
        }
        mux_.backend_->write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
    void send(std::string_view text) override { mux_.backend_->send(text); }
    size_t unsent() const override { return mux_.backend_->unsent(); }
    void drain(int ms) override { mux_.backend_->drain(ms); }
    void finished() override { mux_.backend_->finished(); }
    std::string filename() const override { return mux_.filename(); }

    CharFront* front() { return front_; }

  private:
    CharMux& mux_;
    CharFront* front_ = nullptr;
};

CharMux::CharMux(std::unique_ptr<CharBackend> backend, const CharHost& host)
    : host_(host), backend_(std::move(backend)) {}
CharMux::~CharMux() = default;

CharBackend& CharMux::add_port() {
    ports_.push_back(std::make_unique<Port>(*this));
    return *ports_.back();
}

void CharMux::start() { backend_->connect(*this); }

CharMux::Port* CharMux::focused() const { return focus_ < ports_.size() ? ports_[focus_].get() : nullptr; }

// The first byte of an escape must get in even if the front is busy: whoever is stuck wants Ctrl-A x.
size_t CharMux::room() { return kept_.size() < kKeep ? kKeep - kept_.size() : 0; }

void CharMux::give(std::vector<uint8_t>& plain) {
    Port* port = focused();
    if (!port || !port->front()) {
        plain.clear();
        return;
    }
    kept_.insert(kept_.end(), plain.begin(), plain.end());
    plain.clear();
    const size_t n = std::min(kept_.size(), port->front()->room());
    if (!n) return;
    std::vector<uint8_t> now(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(n));
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(n));
    port->front()->receive(now);
}

void CharMux::receive(std::span<const uint8_t> data) {
    std::vector<uint8_t> plain;
    for (const uint8_t byte : data) {
        if (!escaped_ && byte == kEscape) {
            escaped_ = true;
        } else if (escaped_ && byte != kEscape) {
            escaped_ = false;
            give(plain);
            command(byte);
        } else {
            escaped_ = false;
            plain.push_back(byte);
        }
    }
    give(plain);
}

void CharMux::wake() {
    g_main_context_invoke(
        host_.io,
        [](gpointer self) -> gboolean {
            std::vector<uint8_t> nothing;
            static_cast<CharMux*>(self)->give(nothing);
            return G_SOURCE_REMOVE;
        },
        this);
    backend_->wake();
}

void CharMux::command(uint8_t byte) {
    switch (byte) {
        case 'x':
            backend_->send("QEMU: Terminated\r\n");
            return host_.quit();
        case 'b':
            if (Port* port = focused(); port && port->front()) port->front()->line_break();
            return;
        case 'c': return focus(focus_ + 1 < ports_.size() ? focus_ + 1 : 0);
        case 't':
            stamps_from_ = -1;
            line_start_ = false;
            stamps_ = !stamps_;
            return;
        // No disk here has data that isn't in its file or overlay already.
        case 's': return;
        case 'h':
        case '?': return backend_->send(kHelp);
        default: return;
    }
}

void CharMux::line_break() {
    if (Port* port = focused(); port && port->front()) port->front()->line_break();
}

void CharMux::focus(size_t index) {
    if (index == focus_) return;
    Port* before = focused();
    focus_ = index;
    if (before && before->front()) before->front()->focus_changed(false);
    if (Port* now = focused(); now && now->front()) now->front()->focus_changed(true);
}

void CharMux::opened() {
    for (size_t i = 0; i < ports_.size(); ++i) {
        CharFront* front = ports_[i]->front();
        if (!front) continue;
        if (i != focus_) front->focus_changed(false);
        front->opened();
    }
}

void CharMux::closed() {
    for (const auto& port : ports_)
        if (port->front()) port->front()->closed();
}

void CharMux::sent() {
    for (const auto& port : ports_)
        if (port->front()) port->front()->sent();
}

bool CharMux::input_ended() {
    bool all = true;
    for (const auto& port : ports_)
        if (port->front() && !port->front()->input_ended()) all = false;
    return all;
}

// [hours:minutes:seconds.milliseconds] since stamps were switched on.
std::string CharMux::stamp() {
    const gint64 now = g_get_monotonic_time() / 1000;
    if (stamps_from_ < 0) stamps_from_ = now;
    const gint64 ms = now - stamps_from_;
    return fmt::format("[{:02}:{:02}:{:02}.{:03}] ", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

}  // namespace qr
