// SPDX-License-Identifier: GPL-2.0-or-later
//
// -trace: what is told of accesses to devices and of interrupts, a line each, by the names of events. Every run of
// registers has two, one for reads and one for writes. A line begins with the instruction count and virtual time, so that
// a recording's trace and its replay's are the same, byte for byte. Only takes notes. VM thread.
// Source: QEMU's documentation of the option.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "exec/io.h"
#include "monitor/target.h"
#include "util/result.h"

namespace qr {

std::string trace_events_help();
// A file of patterns, a line each; "-" before one switches off, "#" begins a comment.
Result<std::vector<std::string>> read_trace_patterns(const std::string& file);

class TraceLog final : public IoTracer, public TraceEvents {
  public:
    // file: empty: stderr.
    static Result<std::unique_ptr<TraceLog>> open(const std::string& file);
    ~TraceLog() override;

    // Before the machine runs: where it looks on, if anything is switched on.
    void attach(PcBoard& board, const VirtualClock& clock);
    // "cpu_*", "-cpu_in". False: no event fits.
    bool enable(const std::string& pattern);

    // ---- TraceEvents ----
    std::vector<Event> events() const override;
    bool set(const std::string& pattern, bool on) override;

    // ---- IoTracer ----
    void port(bool write, uint16_t port, unsigned size, uint32_t value) override;
    void region(bool write, const IoRegion& region, uint64_t address, unsigned size, uint64_t value) override;
    void interrupt(int pin, bool level) override;

  private:
    struct Named {
        std::string name;
        bool enabled = false;
    };
    explicit TraceLog(std::FILE* file) : file_(file) {}
    size_t find(const std::string& name);
    size_t of_region(const IoRegion& region);
    void say(const Named& event, const std::string& text);
    void look_on();

    std::FILE* file_;
    std::vector<Named> events_;
    std::unordered_map<const IoRegion*, size_t> regions_;  // the event of its reads; its writes' is the next
    PcBoard* board_ = nullptr;
    const VirtualClock* clock_ = nullptr;
};

}  // namespace qr
