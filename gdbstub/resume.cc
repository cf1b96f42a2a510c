// SPDX-License-Identifier: GPL-2.0-or-later
//
// Going on, forward and backward, and where to stop. Source: GDB manual, E.2 (packets), E.3 (stop replies).
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "gdbstub/packet.h"
#include "gdbstub/protocol.h"

namespace qr {

namespace {

// gdb's own numbers of signals.
constexpr int kSigInt = 2, kSigQuit = 3, kSigTrap = 5;
constexpr uint64_t kLinearEnd = uint64_t{1} << 32;
// More than anybody sets by hand; a client that goes wild doesn't get all memory.
constexpr size_t kMostStops = 10'000;

// "AA" or "AA;ADDRESS": a signal, which a machine hasn't, and where to go on.
bool take_signal(std::string_view& text) {
    if (text.size() < 2 || !from_hex(text.substr(0, 2))) return false;
    text.remove_prefix(2);
    return text.empty() || take(text, ";");
}

}  // namespace

bool GdbProtocol::running() const {
    const RunState state = target_.run.run_state();
    return state == RunState::kRunning || state == RunState::kSuspended;
}

void GdbProtocol::interrupt() {
    if (attached_ && running()) target_.run.stop();
}

void GdbProtocol::when_arrived(std::function<void()> told) {
    arrived_ = std::move(told);
    look_whether_arrived();
}

void GdbProtocol::look_whether_arrived() {
    if (!arrived_ || (running() && target_.run.seeking())) return;
    std::exchange(arrived_, nullptr)();
}

// ---- going on ----

GdbProtocol::Reply GdbProtocol::resume(const Go& how, bool joins) {
    if (running()) {
        if (joins) return awaited_ = true, std::nullopt;
        target_.run.stop();
    }
    awaited_ = true;
    const auto gone = how(target_.debug);
    if (gone) return std::nullopt;
    awaited_ = false;
    // Behind the end of a recording there is nothing: it is there still.
    if (target_.run.log_view().at_end) {
        tell_divergence();
        return stop_reply(last_ = {DebugStop::Why::kReplayEnd, {}});
    }
    return gdb_error(gone.error().message);
}

GdbProtocol::Reply GdbProtocol::resume_at(std::string_view text, const Go& how, bool joins) {
    if (!text.empty()) {
        const auto address = take_hex(text);
        if (!address || !text.empty() || *address >= kLinearEnd) return kBadPacket;
        constexpr size_t kEipNumber = 8;
        uint8_t value[4];
        store_le(value, static_cast<uint32_t>(*address));
        if (const Reply changed = change_register(kEipNumber, value); changed != "OK") return changed;
    }
    return resume(how, joins);
}

GdbProtocol::Reply GdbProtocol::go_on(std::string_view text) {
    return resume_at(text, &DebugControl::debug_continue, true);
}
GdbProtocol::Reply GdbProtocol::step(std::string_view text) { return resume_at(text, &DebugControl::debug_step); }
GdbProtocol::Reply GdbProtocol::go_on_with_signal(std::string_view text) {
    return take_signal(text) ? go_on(text) : kBadPacket;
}
GdbProtocol::Reply GdbProtocol::step_with_signal(std::string_view text) {
    return take_signal(text) ? step(text) : kBadPacket;
}
GdbProtocol::Reply GdbProtocol::reverse_step(std::string_view) { return resume(&DebugControl::reverse_step); }
GdbProtocol::Reply GdbProtocol::reverse_continue(std::string_view) { return resume(&DebugControl::reverse_continue); }

// "START,END": on while EIP is in there (END isn't), also by way of a jump.
GdbProtocol::Go GdbProtocol::range_step(std::string_view& text) const {
    const auto start = take_hex(text);
    if (!start || !take(text, ",")) return nullptr;
    const auto end = take_hex(text);
    if (!end) return nullptr;
    return [this, start = *start, end = *end](DebugControl& debug) {
        return debug.debug_step_while([this, start, end] {
            return attached_ && target_.cpu.eip >= start && target_.cpu.eip < end;
        });
    };
}

// "c:1;s:p1.1": of the actions that name our thread the first one counts.
GdbProtocol::Reply GdbProtocol::go_by_actions(std::string_view text) {
    Go first;
    bool joins = false;
    do {
        const char action = text.empty() ? 0 : text[0];
        if (!action) return kBadPacket;
        text.remove_prefix(1);
        Go how;
        switch (action) {
            case 'C':
            case 'S':
                if (text.size() < 2 || !from_hex(text.substr(0, 2))) return kBadPacket;
                text.remove_prefix(2);
                [[fallthrough]];
            case 'c':
            case 's':
                how = action == 'c' || action == 'C' ? &DebugControl::debug_continue : &DebugControl::debug_step;
                break;
            case 'r': how = range_step(text); break;
            default: break;
        }
        if (!how) return kBadPacket;
        // Other threads there are none: naming one is an error.
        if (take(text, ":") && !names_us(text)) return kBadPacket;
        if (first) continue;
        first = std::move(how);
        joins = action == 'c' || action == 'C';
    } while (take(text, ";"));
    return text.empty() ? resume(first, joins) : kBadPacket;
}

// ---- stop replies ----

void GdbProtocol::stopped(const DebugStop& stop) {
    last_ = stop;
    quiet_start_ = false;
    look_whether_arrived();
    if (!awaited_) return;
    awaited_ = false;
    if (stop.why == DebugStop::Why::kReplayEnd) tell_divergence();
    if (told_) told_(stop_reply(stop));
}

// The end that isn't one: "nothing after this" says too little. The client must be waiting for a stop reply.
void GdbProtocol::tell_divergence() {
    const std::string text = target_.run.log_view().divergence;
    if (text.empty() || !told_) return;
    told_("O" + to_hex(std::string_view(text).substr(0, kPacketSize / 2 - 4)) + to_hex(std::string_view("\n")));
}

GdbProtocol::Reply GdbProtocol::why_stopped(std::string_view) { return stop_reply(last_); }

std::string GdbProtocol::watch_reason(const DebugHit& hit) const {
    const auto covers = [&](const Stop& s) {
        if (s.type < '2' || hit.address - s.address >= s.length) return false;
        return s.type == '4' || (s.type == '2') == hit.written;
    };
    // Of several the one that asked for just this.
    const auto found = std::ranges::min_element(stops_, {}, [&](const Stop& s) { return covers(s) ? s.type : 'z'; });
    const char* kind = found == stops_.end() || !covers(*found) ? (hit.written ? "watch" : "rwatch")
                       : found->type == '2'                     ? "watch"
                       : found->type == '3'                     ? "rwatch"
                                                                : "awatch";
    return fmt::format("{}:{:08x};", kind, hit.address);
}

std::string GdbProtocol::stop_reply(const DebugStop& stop) const {
    using Why = DebugStop::Why;
    int signal = kSigTrap;
    std::string reason;
    switch (stop.why) {
        case Why::kPaused:
            if (!quiet_start_ && target_.run.run_state() != RunState::kDebug) signal = kSigInt;
            break;
        case Why::kBreakpoint:
            // gdb looks for its breakpoint at EIP. Where CS has a base (real mode) there is none, and it would go on.
            if (target_.cpu.eip != stop.hit.address) break;
            if (knows_hardware_ && std::ranges::find(stops_, Stop{'1', stop.hit.address, 0}) != stops_.end())
                reason = "hwbreak:;";
            else if (knows_software_)
                reason = "swbreak:;";
            break;
        case Why::kWatchpoint: reason = watch_reason(stop.hit); break;
        case Why::kReplayBegin: reason = "replaylog:begin;"; break;
        case Why::kReplayEnd: reason = "replaylog:end;"; break;
        case Why::kShutdown: signal = kSigQuit; break;
        case Why::kStep: break;
    }
    return fmt::format("T{:02x}{}thread:{};", signal, reason, thread());
}

// ---- where to stop ----

// "TYPE,ADDRESS,KIND": of a watchpoint KIND is its length. Conditions weren't offered.
std::optional<GdbProtocol::Stop> GdbProtocol::parse_stop(std::string_view text) const {
    if (text.size() < 2) return std::nullopt;
    Stop stop{text[0], 0, 0};
    text.remove_prefix(1);
    if (!take(text, ",")) return std::nullopt;
    const auto address = take_hex(text);
    if (!address || *address >= kLinearEnd || !take(text, ",")) return std::nullopt;
    const auto kind = take_hex(text);
    if (!kind || !text.empty()) return std::nullopt;
    stop.address = *address;
    if (stop.type < '2') return stop;
    if (*kind == 0 || *kind > kLinearEnd - *address) return std::nullopt;
    stop.length = *kind;
    return stop;
}

void GdbProtocol::set_stops() {
    DebugStops stops;
    for (const Stop& s : stops_) {
        if (s.type < '2') stops.breakpoints.push_back(s.address);
        else stops.watchpoints.push_back({s.address, s.length, s.type != '2', s.type != '3'});
    }
    std::ranges::sort(stops.breakpoints);
    const auto repeated = std::ranges::unique(stops.breakpoints);
    stops.breakpoints.erase(repeated.begin(), repeated.end());
    target_.debug.set_debug_stops(std::move(stops));
}

// Inserting one twice, and removing one that isn't there, changes nothing.
GdbProtocol::Reply GdbProtocol::insert_stop(std::string_view text) {
    if (!text.empty() && (text[0] < '0' || text[0] > '4')) return "";
    const auto stop = parse_stop(text);
    if (!stop) return kBadPacket;
    if (std::ranges::find(stops_, *stop) != stops_.end()) return "OK";
    if (stops_.size() >= kMostStops) return gdb_error("too many breakpoints and watchpoints");
    stops_.push_back(*stop);
    set_stops();
    return "OK";
}

GdbProtocol::Reply GdbProtocol::remove_stop(std::string_view text) {
    if (!text.empty() && (text[0] < '0' || text[0] > '4')) return "";
    const auto stop = parse_stop(text);
    if (!stop) return kBadPacket;
    if (std::erase(stops_, *stop)) set_stops();
    return "OK";
}

}  // namespace qr
