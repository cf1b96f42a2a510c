// SPDX-License-Identifier: GPL-2.0-or-later
// Recording; see replay/recorder.h. Source: docs/replay.rst.
#include "replay/recorder.h"

#include <algorithm>

namespace qr {

namespace {
constexpr std::chrono::seconds kLongestGap{5};  // between digests, however long they take
}

Recorder::Recorder(Door& door, VirtualClock& clock, StateRoot& root, AddressSpace& memory,
                   LogWriter& log)
    : Recorder(door, clock, root, memory, log, Options{}) {}

Recorder::Recorder(Door& door, VirtualClock& clock, StateRoot& root, AddressSpace& memory,
                   LogWriter& log, Options options)
    : door_(door),
      clock_(clock),
      root_(root),
      log_(log),
      options_(options),
      pages_(memory),
      encoder_(std::make_shared<DigestEncoder>()),
      last_digest_ns_(clock.now_ns()),
      checkpoints_(root, memory, options.changes),
      next_checkpoint_(std::chrono::steady_clock::now() + options.checkpoint_interval) {
    door_.record_to(*this);
}

Recorder::~Recorder() {
    if (door_.recording()) door_.detach();
}

void Recorder::record(Position position, uint32_t port, std::span<const uint8_t> payload) {
    log_.event(position, port, payload);
}

bool Recorder::digest_due() const {
    const int64_t interval = options_.digest_interval_ns;
    return clock_.now_ns() / interval != last_digest_ns_ / interval &&
           std::chrono::steady_clock::now() >= next_digest_;
}

void Recorder::tick() {
    if (log_.failed()) return;
    if (digest_due()) digest_now();
    if (options_.checkpoint_interval.count() && std::chrono::steady_clock::now() >= next_checkpoint_ && log_.checkpoint_room())
        checkpoint();
    log_.tick(door_.position(), clock_.now_ns());
}

void Recorder::digest_now(bool key) {
    if (log_.failed()) return;
    const auto begin = std::chrono::steady_clock::now();
    door_.settle();
    last_digest_ns_ = clock_.now_ns();
    auto digest = std::make_shared<Digest>();
    digest->position = door_.position();
    digest->virtual_ns = last_digest_ns_;
    dump_state([this](StateVisitor& v) { root_.state(v); }, digest->state);
    digest->ram = pages_.update();
    log_.digest(digest->position, digest->virtual_ns,
                [digest, key, encoder = encoder_] { return encoder->encode(*digest, key); });
    if (!options_.digest_share) return;
    const auto end = std::chrono::steady_clock::now();
    next_digest_ = end + std::min<std::chrono::steady_clock::duration>(
                             (end - begin) * 1000 / options_.digest_share, kLongestGap);
}

void Recorder::checkpoint() {
    const auto begin = std::chrono::steady_clock::now();
    if (auto data = checkpoints_.make(options_.ring)) {
        log_.checkpoint(door_.position(), clock_.now_ns(), std::move(*data));
        // What begins here is compared from here on.
        if (options_.ring) digest_now(true);
    }
    // What can't be taken now (a disk has too much that is new) can't be later: events and digests are what counts.
    const auto end = std::chrono::steady_clock::now();
    next_checkpoint_ = end + std::max<std::chrono::steady_clock::duration>(options_.checkpoint_interval, (end - begin) * 100);
}

Result<void> Recorder::finish(const std::string& reason) {
    digest_now();
    const auto done = log_.finish(door_.position(), clock_.now_ns(), reason);
    door_.detach();
    return done;
}

}  // namespace qr
