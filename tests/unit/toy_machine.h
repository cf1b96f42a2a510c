// SPDX-License-Identifier: GPL-2.0-or-later
// A machine small enough for tests of record and replay: a counter that computes, writes to RAM,
// halts, is fed by two ports and a timer, and has the run loop that docs/replay.rst describes.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "exec/memory.h"
#include "replay/recorder.h"
#include "replay/replayer.h"
#include "sysemu/clock.h"
#include "sysemu/mailbox.h"
#include "sysemu/replay.h"
#include "sysemu/state_root.h"
#include "util/bits.h"

namespace qr {

struct ToyInput {
    std::vector<uint8_t> data;
    uint32_t code = 0;
    template <class V>
    void fields(V& v) {
        v("data", data);
        v("code", code);
    }
};

struct ToyWarp {
    int64_t ns = 0;
    template <class V>
    void fields(V& v) {
        v("ns", ns);
    }
};

class ToyMachine {
  public:
    static constexpr uint64_t kRamSize = 1 << 20;

    explicit ToyMachine(bool sleep = false)
        : ram_(std::move(*RamBlock::create("ram", kRamSize, false))),
          serial(door, "serial0.rx", [this](ToyInput& in) { take(in); }),
          keys(door, "keyboard", [this](ToyInput& in) { take(in); }),
          warp(door, "clock.warp", [this](ToyWarp& in) { clock.warp(in.ns); }),
          out(door, "serial0.tx"),
          timer_(clock, "toy.timer", [this] { expire(); }),
          sleep_(sleep) {
        memory.register_block(*ram_);
        root.add("clock", [this](StateVisitor& v) { clock.state(v); });
        root.add("door", [this](StateVisitor& v) { door.state(v); });
        root.add("cpu", [this](StateVisitor& v) {
            v("x", x);
            v("halted", halted_);
            v("icount", icount_);
            v("queue", queue_);
            v("ticks", ticks_);
            // What a run loop would set up after a restore: the countdown stands where the clock
            // was.
            if (v.loading()) {
                countdown.target = icount_;
                countdown.remaining = 0;
            }
        });
        door.settle_by([this] { clock.run_expired(); });
        timer_.arm(1000);
    }

    // Runs until `until`, as a live machine or under a recorder. Inputs come at random.
    void record(uint64_t until, unsigned seed, Recorder* recorder, bool with_input = true) {
        std::mt19937 random(seed);
        while (clock.icount() < until) {
            door.set_icount(clock.icount());
            clock.run_expired();
            mailbox.run_pending();
            clock.run_expired();
            if (recorder) recorder->tick();
            if (halted_) {
                if (sleep_)
                    warp.submit({std::min<int64_t>(clock.next_deadline() - clock.now_ns(),
                                                   static_cast<int64_t>(random() % 3000))});
                else
                    jump();
            } else {
                run(std::min<uint64_t>(until - clock.icount(), 1 + random() % 5000));
            }
            if (with_input && random() % 8 == 0) {
                for (unsigned n = random() % 3 + 1; n; --n) {
                    ToyInput in;
                    in.data.resize(random() % 20);
                    for (auto& b : in.data) b = static_cast<uint8_t>(random());
                    in.code = random();
                    (random() % 2 ? serial : keys).submit(std::move(in));
                }
            }
        }
        door.set_icount(clock.icount());
        clock.run_expired();
    }

    // Runs a replay to its end. False: it diverged or failed.
    bool replay(Replayer& replayer, unsigned seed, uint64_t until = UINT64_MAX) {
        std::mt19937 random(seed);
        for (;;) {
            door.set_icount(clock.icount());
            for (;;) {
                clock.run_expired();
                if (!replayer.check()) return false;
                if (replayer.at_end()) return true;
                if (!door.deliver_next()) break;
            }
            if (clock.icount() >= until) return true;
            if (halted_) {
                if (sleep_) return false;  // the log should have had a warp here
                jump();
                continue;
            }
            const uint64_t stop = std::min({door.next_icount(), replayer.next_stop(), until,
                                            clock.icount() + 1 + random() % 5000});
            run(stop - clock.icount());
        }
    }

    Countdown countdown;
    VirtualClock clock{countdown};
    Mailbox mailbox;
    Door door{mailbox};
    AddressSpace memory;
    StateRoot root;

  private:
    std::unique_ptr<RamBlock> ram_;

  public:
    InputPort<ToyInput> serial;
    InputPort<ToyInput> keys;
    InputPort<ToyWarp> warp;
    OutputStream out;
    uint64_t x = 1;
    RamBlock& ram() { return *ram_; }

  private:
    void jump() {
        clock.warp(std::max<int64_t>(0, clock.next_deadline() - clock.now_ns()));
        door.bump();
    }
    void take(ToyInput& in) {
        queue_.insert(queue_.end(), in.data.begin(), in.data.end());
        x += in.code;
        halted_ = false;
    }
    void expire() {
        ++ticks_;
        x ^= ticks_;
        halted_ = false;
        timer_.arm(clock.now_ns() + 777 + static_cast<int64_t>(x % 20'000));
        if (!queue_.empty()) {
            out.write(queue_.front());
            queue_.pop_front();
        }
    }
    void run(uint64_t n) {
        const int64_t deadline = clock.next_deadline();
        n = std::min(n, clock.icount_at(deadline) - clock.icount());
        countdown.grant(n);
        while (countdown.remaining > 0 && !halted_) {
            --countdown.remaining;
            x = x * 6364136223846793005 + 1442695040888963407;
            if (x >> 56 == 0) {
                const uint64_t at = (x >> 20) % (kRamSize / 2) & ~uint64_t{7};
                store_le(ram_->data() + at, x);
                ram_->set_dirty(at, 8);
            }
            if (x >> 48 == 0) halted_ = true;
        }
        countdown.leave();
        icount_ = clock.icount();
    }

    Timer timer_;
    bool sleep_;
    bool halted_ = false;
    uint64_t icount_ = 0;
    uint64_t ticks_ = 0;
    std::deque<uint8_t> queue_;
};

}  // namespace qr
