// SPDX-License-Identifier: GPL-2.0-or-later
// What tests of single devices need: a clock that they move, wires that they look at, and a state
// that can be saved, compared and loaded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hw/irq.h"
#include "sysemu/clock.h"
#include "sysemu/state.h"

namespace qr::test {

// Virtual time at one nanosecond per instruction, or as given.
struct TestTime {
    explicit TestTime(uint64_t ns_per_instruction = 1) : clock(countdown) {
        clock.set_rate(ns_per_instruction << 32);
    }

    // Runs as the machine does: up to each deadline, and serves it there.
    void run_to(int64_t ns) {
        const uint64_t end = clock.icount_at(ns);
        while (countdown.icount() < end) {
            uint64_t stop = end;
            if (clock.next_deadline() != kNoDeadline)
                stop = std::min(end, clock.icount_at(clock.next_deadline()));
            if (stop > countdown.icount()) pass(stop - countdown.icount());
            clock.run_expired();
        }
        clock.run_expired();
    }
    void run(int64_t ns) { run_to(clock.now_ns() + ns); }
    // One instruction, whose semantics are still to come: timers that became due have not run.
    void begin_instruction() { pass(1); }
    int64_t now() const { return clock.now_ns(); }

    Countdown countdown;
    VirtualClock clock;

  private:
    void pass(uint64_t instructions) {
        countdown.leave();
        countdown.grant(instructions);
        countdown.remaining = 0;
    }
};

// Remembers the level of each pin, and counts its rising edges.
class Wires final : public IrqSink {
  public:
    void set_irq(int pin, bool level) override {
        if (level && !levels_[pin]) ++rises_[pin];
        levels_[pin] = level;
    }
    bool level(int pin) { return levels_[pin]; }
    int rises(int pin) { return rises_[pin]; }
    IrqLine line(int pin) { return IrqLine(*this, pin); }

  private:
    std::map<int, bool> levels_;
    std::map<int, int> rises_;
};

// Fields by path. Saves into itself, or loads from itself.
class StateMap final : public StateVisitor {
  public:
    template <class T>
    static StateMap of(T& object) {
        StateMap m;
        object.state(m);
        return m;
    }
    template <class T>
    void load_into(T& object) {
        loading_ = true;
        object.state(*this);
        loading_ = false;
    }

    bool loading() const override { return loading_; }
    void scalar(std::string_view name, uint64_t& value, unsigned) override {
        auto& field = fields_[path(name)];
        if (loading_)
            value = field.empty() ? 0 : field[0];
        else
            field = {value};
    }
    void blob(std::string_view name, std::span<uint8_t> bytes) override {
        auto& field = fields_[path(name)];
        if (loading_) {
            for (size_t i = 0; i < bytes.size() && i < field.size(); ++i)
                bytes[i] = static_cast<uint8_t>(field[i]);
        } else {
            field.assign(bytes.begin(), bytes.end());
        }
    }
    void enter(std::string_view name) override { path_.push_back(std::string(name) + '.'); }
    void leave() override { path_.pop_back(); }
    void fail(std::string_view why) override { failure_ = why; }

    const std::string& failure() const { return failure_; }
    // The first field that differs, for messages; empty if none does.
    std::string difference(const StateMap& other) const {
        for (const auto& [name, value] : fields_) {
            const auto it = other.fields_.find(name);
            if (it == other.fields_.end() || it->second != value) return name;
        }
        return fields_.size() == other.fields_.size() ? "" : "number of fields";
    }
    void set(const std::string& name, uint64_t value) { fields_[name] = {value}; }

  private:
    std::string path(std::string_view name) const {
        std::string full;
        for (const std::string& part : path_) full += part;
        return full + std::string(name);
    }
    std::map<std::string, std::vector<uint64_t>> fields_;
    std::vector<std::string> path_;
    std::string failure_;
    bool loading_ = false;
};

}  // namespace qr::test
