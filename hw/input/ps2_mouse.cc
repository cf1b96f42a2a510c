// SPDX-License-Identifier: GPL-2.0-or-later
//
// PS/2 mouse. Source: IBM PS/2 Hardware Interface Technical Reference, "Auxiliary device";
// Microsoft's description of the IntelliMouse's packets and detection sequence.
#include "hw/input/ps2_mouse.h"

#include <algorithm>

namespace qr {

namespace {

enum Command : uint8_t {
    kScale1 = 0xe6,
    kScale2 = 0xe7,
    kSetResolution = 0xe8,
    kStatusRequest = 0xe9,
    kSetStream = 0xea,
    kReadData = 0xeb,
    kResetWrap = 0xec,
    kSetWrap = 0xee,
    kSetRemote = 0xf0,
    kReadId = 0xf2,
    kSetRate = 0xf3,
    kEnable = 0xf4,
    kDisable = 0xf5,
    kSetDefault = 0xf6,
    kResend = 0xfe,
    kReset = 0xff,
};

constexpr uint8_t kAck = 0xfa;
constexpr uint8_t kError = 0xfc;
constexpr uint8_t kSelfTestPassed = 0xaa;
constexpr int64_t kSelfTestNs = 10'000'000;
constexpr uint8_t kThreeButtons = 0x07;
constexpr uint8_t kFiveButtons = 0x1f;
constexpr int32_t kCountLimit = 1 << 20;

// 2:1 scaling, in stream mode only.
int32_t scaled(int32_t count) {
    static constexpr int32_t kSmall[] = {0, 1, 1, 3, 6, 9};
    const int32_t magnitude = std::abs(count);
    const int32_t out = magnitude < 6 ? kSmall[magnitude] : 2 * magnitude;
    return count < 0 ? -out : out;
}

// Takes what fits out of an accumulator; the rest waits for the next packet.
int32_t draw(int32_t& counter, int32_t low, int32_t high) {
    const int32_t part = std::clamp(counter, low, high);
    counter -= part;
    return part;
}

}  // namespace

Ps2Mouse::Ps2Mouse(Door& door, VirtualClock& clock)
    : Ps2Device("ps2mouse"),
      clock_(clock),
      sample_timer_(clock, "ps2mouse.sample", [this] { sample(); }),
      self_test_(clock, "ps2mouse.self_test", [this] { reply({kSelfTestPassed, 0x00}); }),
      port_(door, "mouse", [this](MouseInput& input) { moved(input); }),
      reports_(1) {
    port_.set_room(kReportsLimit);
}

// ---- movement ----

void Ps2Mouse::moved(MouseInput& input) {
    const auto counts = [](int64_t n) {
        return static_cast<int32_t>(std::clamp<int64_t>(n, -kCountLimit, kCountLimit));
    };
    const uint8_t buttons = static_cast<uint8_t>(input.buttons & kFiveButtons);
    // A click may be shorter than a sample: each change of the buttons gets a packet of its own.
    if (buttons != reports_.back().buttons && reports_.size() < kReportsLimit)
        reports_.push_back({0, 0, 0, buttons});
    Report& report = reports_.back();
    report.buttons = buttons;
    report.dx = std::clamp(report.dx + counts(input.dx), -kCountLimit, kCountLimit);
    report.dy = std::clamp(report.dy - counts(input.dy), -kCountLimit, kCountLimit);
    if (id_) report.dz = std::clamp(report.dz + counts(input.dz), -kCountLimit, kCountLimit);
    if (!reporting_) {
        // Counters of a silent mouse don't run.
        reports_.assign(1, {0, 0, 0, buttons});
        return;
    }
    schedule();
}

void Ps2Mouse::nudge() {
    if (!reporting_) return;
    nudged_ = true;
    schedule();
}

bool Ps2Mouse::something_new() const {
    const uint8_t shown = id_ == 4 ? kFiveButtons : kThreeButtons;
    const Report& report = reports_.front();
    return nudged_ || reports_.size() > 1 || report.dx || report.dy || report.dz ||
           (report.buttons ^ sent_buttons_) & shown;
}

// One packet in a sample interval, and only after the last one has left.
void Ps2Mouse::schedule() {
    if (!streaming() || sample_timer_.armed() || !events_.empty() || !something_new()) return;
    sample_timer_.arm(std::max(clock_.now_ns(), next_sample_ns_));
}

void Ps2Mouse::sample() {
    if (!streaming() || !events_.empty() || !something_new()) return;
    next_sample_ns_ = clock_.now_ns() + kNsPerSecond / std::max<int64_t>(rate_, 1);
    packet(false);
}

void Ps2Mouse::packet(bool as_reply) {
    // Front reports that say nothing new any more.
    while (reports_.size() > 1 && !reports_[0].dx && !reports_[0].dy && !reports_[0].dz &&
           reports_[0].buttons == sent_buttons_)
        reports_.pop_front();
    Report& report = reports_.front();
    const bool twice = double_scale_ && !as_reply;
    const int32_t limit = twice ? 127 : 255;
    int32_t dx = draw(report.dx, -limit - 1, limit), dy = draw(report.dy, -limit - 1, limit);
    if (twice) {
        dx = std::clamp(scaled(dx), -256, 255);
        dy = std::clamp(scaled(dy), -256, 255);
    }
    sent_buttons_ = report.buttons;
    nudged_ = false;
    const uint8_t first = static_cast<uint8_t>(0x08 | (report.buttons & kThreeButtons) |
                                               (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0));
    const uint8_t x = static_cast<uint8_t>(dx), y = static_cast<uint8_t>(dy);
    uint8_t z = 0;
    if (id_ == 3) z = static_cast<uint8_t>(draw(report.dz, -128, 127));
    if (id_ == 4)
        z = static_cast<uint8_t>((draw(report.dz, -8, 7) & 0x0f) | (report.buttons & 0x18) << 1);
    if (reports_.size() > 1 && !report.dx && !report.dy && !report.dz) reports_.pop_front();
    if (as_reply)
        id_ ? reply({first, x, y, z}) : reply({first, x, y});
    else
        id_ ? queue_event({first, x, y, z}) : queue_event({first, x, y});
}

void Ps2Mouse::taken(uint8_t byte) {
    last_sent_ = byte;
    schedule();
}

// ---- commands ----

void Ps2Mouse::receive(uint8_t byte) {
    if (wrap_ && byte != kReset && byte != kResetWrap) return reply({byte});
    // Any byte from the host stops the packet that is on its way.
    events_.clear();
    if (pending_command_)
        argument(byte);
    else
        command(byte);
    schedule();
}

// The first bad byte is asked for again, the second is an error.
void Ps2Mouse::reject() {
    reply({rejected_ ? kError : uint8_t{kResend}});
    rejected_ = !rejected_;
}

void Ps2Mouse::command(uint8_t byte) {
    switch (byte) {
        case kScale1: double_scale_ = false; break;
        case kScale2: double_scale_ = true; break;
        case kSetResolution:
        case kSetRate: pending_command_ = byte; break;
        case kStatusRequest: {
            const uint8_t held = reports_.back().buttons;
            const uint8_t status = static_cast<uint8_t>(
                (remote_ ? 0x40 : 0) | (reporting_ ? 0x20 : 0) | (double_scale_ ? 0x10 : 0) |
                (held & MouseInput::kLeft ? 4 : 0) | (held & MouseInput::kMiddle ? 2 : 0) |
                (held & MouseInput::kRight ? 1 : 0));
            rejected_ = false;
            return reply({kAck, status, resolution_, rate_});
        }
        case kSetStream: remote_ = false; break;
        case kReadData:
            rejected_ = false;
            reply({kAck});
            return packet(true);
        case kResetWrap: wrap_ = false; break;
        case kSetWrap: wrap_ = true; break;
        case kSetRemote: remote_ = true; break;
        case kReadId:
            rejected_ = false;
            return reply({kAck, id_});
        case kEnable: reporting_ = true; break;
        case kDisable: reporting_ = false; break;
        case kSetDefault: set_defaults(); break;
        case kResend: return reply({last_sent_});
        case kReset:
            replies_.clear();
            set_defaults();
            id_ = 0;
            self_test_.arm(clock_.now_ns() + kSelfTestNs);
            break;
        default: return reject();
    }
    rejected_ = false;
    reply({kAck});
}

void Ps2Mouse::argument(uint8_t byte) {
    const uint8_t command = pending_command_;
    pending_command_ = 0;
    if (command == kSetResolution) {
        if (byte > 3) return reject();
        resolution_ = byte;
    } else {
        if (byte == 0) return reject();
        set_rate(byte);
    }
    rejected_ = false;
    reply({kAck});
}

// Three sample rates in a row are a knock: 200, 100, 80 asks for the wheel, 200, 200, 80 for five
// buttons.
void Ps2Mouse::set_rate(uint8_t rate) {
    rate_ = rate;
    knock_ = {knock_[1], knock_[2], rate};
    if (knock_ == std::array<uint8_t, 3>{200, 100, 80}) id_ = 3;
    if (knock_ == std::array<uint8_t, 3>{200, 200, 80}) id_ = 4;
}

void Ps2Mouse::set_defaults() {
    remote_ = wrap_ = reporting_ = double_scale_ = rejected_ = nudged_ = false;
    resolution_ = 2;
    rate_ = 100;
    pending_command_ = 0;
    knock_ = {};
    events_.clear();
    reports_.assign(1, {0, 0, 0, reports_.back().buttons});
    sent_buttons_ = reports_.back().buttons;
    sample_timer_.disarm();
    next_sample_ns_ = 0;
}

// ---- life ----

void Ps2Mouse::reset() {
    replies_.clear();
    set_defaults();
    self_test_.disarm();
    id_ = 0;
    last_sent_ = 0;
}

void Ps2Mouse::state(StateVisitor& v) {
    Ps2Device::state(v);
    v("remote", remote_);
    v("wrap", wrap_);
    v("reporting", reporting_);
    v("double_scale", double_scale_);
    v("rejected", rejected_);
    v("resolution", resolution_);
    v("rate", rate_);
    v("id", id_);
    v("pending_command", pending_command_);
    v("last_sent", last_sent_);
    v("sent_buttons", sent_buttons_);
    v("knock", knock_);
    v("reports", reports_, kReportsLimit);
    v("nudged", nudged_);
    v("next_sample_ns", next_sample_ns_);
    if (v.loading() && reports_.empty()) {
        v.fail("ps2mouse: no report");
        reports_.resize(1);
    }
}

}  // namespace qr
