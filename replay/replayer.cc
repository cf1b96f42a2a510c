// SPDX-License-Identifier: GPL-2.0-or-later
// Replaying; see replay/replayer.h. Source: docs/replay.rst.
#include "replay/replayer.h"

#include <fmt/format.h>

#include <algorithm>

namespace qr {

namespace {

// A log of before there was a field, or of when there was one that is gone.
bool excused(const FieldDifference& d, std::span<const StateChange> changes) {
    return (d.recorded == kAbsent && find_state_change(changes, 0, true, d.path)) ||
           (d.replayed == kAbsent && find_state_change(changes, 0, false, d.path));
}

}  // namespace

Replayer::Replayer(const LogReader& log, Door& door, VirtualClock& clock, StateRoot& root,
                   AddressSpace& memory)
    : log_(log),
      door_(door),
      clock_(clock),
      root_(root),
      reader_(log),
      digest_reader_(log),
      pages_(memory) {
    next_digest_ = digest_reader_.next_position();
}

Result<std::unique_ptr<Replayer>> Replayer::create(const LogReader& log, Door& door,
                                                   VirtualClock& clock, StateRoot& root,
                                                   AddressSpace& memory) {
    if (auto known = log.check_behaviour(); !known) return known.error();
    std::string missing;
    if (!door.bind(log.header().ports, &missing))
        return Error{
            fmt::format("log '{}' has input for '{}', which this machine does not have or "
                        "has with other fields",
                        log.name(), missing)};
    std::unique_ptr<Replayer> replayer(new Replayer(log, door, clock, root, memory));
    door.replay_from(*replayer);
    return replayer;
}

Replayer::~Replayer() {
    if (door_.replaying()) door_.detach();
}

const EventSource::Event* Replayer::peek() {
    const Event* event = reader_.peek();
    if (!event && reader_.error() && !error_) error_ = reader_.error();
    return event;
}

void Replayer::pop() {
    if (const Event* event = reader_.peek()) {
        last_position_ = event->position;
        last_port_ = event->port;
        last_payload_.assign(event->payload.begin(), event->payload.end());
        last_event_known_ = true;
        delivered_ = reader_.number() + 1;
    }
    reader_.pop();
}

uint64_t Replayer::stop_at(Position position) const {
    const Position here = door_.position();
    return position <= here ? here.icount : std::max(position.icount, here.icount + 1);
}

uint64_t Replayer::next_stop() const {
    const uint64_t end = stop_at(log_.end().position);
    return next_digest_ ? std::min(end, stop_at(*next_digest_)) : end;
}

bool Replayer::check() {
    if (divergence_ || error_) return false;
    if (!door_.mismatch().empty()) {
        diverge(door_.mismatch());
        return false;
    }
    const Position here = door_.position();
    if (!next_digest_ || *next_digest_ > here) return true;
    // Known to agree: on the way to somewhere it needn't be shown again.
    while (hurrying_ && next_digest_ && *next_digest_ == here && verified_ && *verified_ >= here) {
        digest_reader_.skip();
        last_good_ = here;
        next_digest_ = digest_reader_.next_position();
    }
    return !next_digest_ || *next_digest_ > here || compare();
}

bool Replayer::compare() {
    const Position here = door_.position();
    if (*next_digest_ < here) {
        diverge(
            fmt::format("the recording was at instruction {} (ordinal {}), which this replay "
                        "passed without",
                        next_digest_->icount, next_digest_->ordinal));
        return false;
    }
    // Several may have been taken here; timers run before each, as when they were taken.
    while (next_digest_ && *next_digest_ == here) {
        door_.settle();
        const auto recorded = digest_reader_.read();
        if (!recorded) {
            error_ = recorded.error();
            return false;
        }
        const StateDump state = dump_state([this](StateVisitor& v) { root_.state(v); });
        const auto ram = pages_.update();
        auto fields = compare_dumps(recorded->state, state,
                                    kStateChanges.empty() ? kShownDifferences : SIZE_MAX);
        const bool other_shape =
            std::erase_if(fields, [](const auto& d) { return excused(d, kStateChanges); }) > 0;
        auto memory = compare_ram(recorded->ram, ram, pages_);
        if (!fields.empty() || !memory.empty() ||
            (!other_shape && recorded->state.hash() != state.hash())) {
            diverge(fields.empty() && memory.empty() ? "the state's fields have another order"
                                                     : "");
            divergence_->fields = std::move(fields);
            divergence_->ram = std::move(memory);
            return false;
        }
        if (!verified_ || *verified_ < here) {
            ++digests_;
            verified_ = here;
        }
        last_good_ = here;
        next_digest_ = digest_reader_.next_position();
    }
    return true;
}

bool Replayer::at_end() {
    const Position here = door_.position();
    if (here < log_.end().position || (next_digest_ && *next_digest_ <= here)) return false;
    const Event* event = peek();
    return !event || event->position > here;
}

void Replayer::diverge(std::string mismatch) {
    if (divergence_) return;
    Divergence d;
    d.position = door_.position();
    d.virtual_ns = clock_.now_ns();
    d.last_good = last_good_;
    d.mismatch = std::move(mismatch);
    if (last_event_known_) {
        const PortSchema& port = log_.header().ports[last_port_];
        d.last_event =
            fmt::format("{} at instruction {} (ordinal {}): {}", port.name, last_position_.icount,
                        last_position_.ordinal, describe_payload(port, last_payload_));
    }
    divergence_ = std::move(d);
}

void Replayer::seek() {
    const Position here = door_.position();
    reader_.seek(here);
    digest_reader_.seek(here);
    next_digest_ = digest_reader_.next_position();
    last_good_.reset();
    divergence_.reset();
    error_.reset();
    reader_.peek();
    delivered_ = reader_.number();
    last_event_known_ = false;
}

std::string describe(const Divergence& d, std::string_view pc) {
    constexpr size_t kShown = 20;
    std::string text = fmt::format(
        "the replay diverged from its recording at instruction {} (ordinal {}), {:.9f} s",
        d.position.icount, d.position.ordinal, static_cast<double>(d.virtual_ns) / kNsPerSecond);
    if (!pc.empty()) text += fmt::format(", {}", pc);
    if (!d.mismatch.empty()) text += "\n  " + d.mismatch;
    for (size_t i = 0; i < d.fields.size() && i < kShown; ++i)
        text += "\n  " + describe(d.fields[i]);
    if (d.fields.size() > kShown)
        text += fmt::format("\n  and {} more fields", d.fields.size() - kShown);
    for (const RamDifference& ram : d.ram) text += "\n  " + describe(ram);
    if (d.last_good)
        text += fmt::format("\n  they agreed at instruction {} (ordinal {})", d.last_good->icount,
                            d.last_good->ordinal);
    text += "\n  last event: " + (d.last_event.empty() ? "none" : d.last_event);
    return text;
}

}  // namespace qr
