// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/protocol.h"

#include <algorithm>

#include <fmt/format.h>

#include "gdbstub/packet.h"

namespace qr {

// What a packet begins with, or is.
struct GdbProtocol::Row {
    enum Form : uint8_t { kWhole, kBegins };
    std::string_view name;
    Form form;
    bool looks;
    Reply (GdbProtocol::*handler)(std::string_view text);  // gets what comes after the name
    std::string_view answer{};                             // if there is no handler
};

// The first one that fits counts.
constexpr GdbProtocol::Row GdbProtocol::kRows[] = {
    {"?", Row::kWhole, true, &GdbProtocol::why_stopped},
    {"bc", Row::kWhole, false, &GdbProtocol::reverse_continue},
    {"bs", Row::kWhole, false, &GdbProtocol::reverse_step},
    {"c", Row::kBegins, false, &GdbProtocol::go_on},
    {"C", Row::kBegins, false, &GdbProtocol::go_on_with_signal},
    {"D", Row::kBegins, false, &GdbProtocol::let_go},
    {"g", Row::kWhole, true, &GdbProtocol::read_registers},
    {"G", Row::kBegins, false, &GdbProtocol::write_registers},
    {"H", Row::kBegins, true, &GdbProtocol::select_thread},
    {"k", Row::kWhole, false, &GdbProtocol::end_machine},
    {"m", Row::kBegins, true, &GdbProtocol::read_memory},
    {"M", Row::kBegins, false, &GdbProtocol::write_memory},
    {"p", Row::kBegins, true, &GdbProtocol::read_register},
    {"P", Row::kBegins, false, &GdbProtocol::write_register},
    {"qAttached", Row::kBegins, true, nullptr, "1"},
    {"qC", Row::kWhole, true, &GdbProtocol::thread_info},
    {"qfThreadInfo", Row::kWhole, true, &GdbProtocol::thread_info},
    {"qsThreadInfo", Row::kWhole, true, nullptr, "l"},
    {"qSupported", Row::kBegins, true, &GdbProtocol::supported},
    {"qThreadExtraInfo,", Row::kBegins, true, &GdbProtocol::thread_info},
    {"qXfer:features:read:", Row::kBegins, true, &GdbProtocol::description},
    {"qqemu.PhyMemMode", Row::kWhole, true, &GdbProtocol::show_physical_memory},
    {"qqemu.Supported", Row::kWhole, true, nullptr, "sstepbits;sstep;PhyMemMode"},
    // A step masks neither interrupts nor timers: it would be another run.
    {"qqemu.sstepbits", Row::kWhole, true, nullptr, "ENABLE=1"},
    {"qqemu.sstep", Row::kWhole, true, nullptr, "0x1"},
    {"Qqemu.PhyMemMode:", Row::kBegins, true, &GdbProtocol::physical_memory},
    {"Qqemu.sstep=", Row::kBegins, true, &GdbProtocol::single_step_mask},
    {"s", Row::kBegins, false, &GdbProtocol::step},
    {"S", Row::kBegins, false, &GdbProtocol::step_with_signal},
    {"T", Row::kBegins, true, &GdbProtocol::thread_alive},
    {"vCont?", Row::kWhole, true, nullptr, "vCont;c;C;s;S;r"},
    {"vCont;", Row::kBegins, false, &GdbProtocol::go_by_actions},
    {"vKill", Row::kBegins, false, &GdbProtocol::kill_process},
    {"X", Row::kBegins, false, &GdbProtocol::write_memory_binary},
    {"z", Row::kBegins, false, &GdbProtocol::remove_stop},
    {"Z", Row::kBegins, false, &GdbProtocol::insert_stop},
};

namespace {
template <class Rows>
auto* row_of(const Rows& rows, std::string_view packet) {
    const auto fits = [&](const auto& row) {
        return row.form == row.kWhole ? packet == row.name : packet.starts_with(row.name);
    };
    const auto found = std::ranges::find_if(rows, fits);
    return found == std::end(rows) ? nullptr : &*found;
}
}  // namespace

bool GdbProtocol::only_looks(std::string_view packet) {
    const Row* row = row_of(kRows, packet);
    return !row || row->looks;
}

std::optional<std::string> GdbProtocol::answer(std::string_view packet) {
    // Whoever has let the machine go may come back by the same connection.
    if (!told_) return "";
    if (!attached_) attach(told_);
    const Row* row = row_of(kRows, packet);
    if (!row) return "";
    if (!row->handler) return std::string(row->answer);
    return (this->*row->handler)(packet.substr(packet.starts_with("q") || packet.starts_with("Q") ? 0 : row->name.size()));
}

void GdbProtocol::attach(std::function<void(std::string)> told) {
    told_ = std::move(told);
    attached_ = true;
    awaited_ = multiprocess_ = knows_software_ = knows_hardware_ = described_ = physical_ = said_how_to_write_ = false;
    stops_.clear();
    quiet_start_ = target_.run.run_state() == RunState::kPrelaunch;
    last_ = {};
    target_.debug.on_debug_stop([this](const DebugStop& stop) { stopped(stop); });
    if (running()) target_.run.stop();
}

void GdbProtocol::detach() {
    attached_ = awaited_ = false;
    if (!stops_.empty()) {
        stops_.clear();
        set_stops();
    }
    target_.debug.on_debug_stop(nullptr);
    told_ = nullptr;
    arrived_ = nullptr;
    // A recording's end was kept for looking at.
    const bool alone = !target_.watched || !target_.watched();
    if (alone && target_.run.log_view().at_end) target_.run.quit_because("host-ui");
}

// ---- queries. Their text is the whole packet ----

GdbProtocol::Reply GdbProtocol::supported(std::string_view text) {
    const auto asked = [text](std::string_view feature) {
        for (size_t at = text.find(feature); at != text.npos; at = text.find(feature, at + 1)) {
            const char before = at ? text[at - 1] : ';';
            const size_t end = at + feature.size();
            if ((before == ':' || before == ';') && (end == text.size() || text[end] == ';')) return true;
        }
        return false;
    };
    multiprocess_ = asked("multiprocess+");
    knows_software_ = asked("swbreak+");
    knows_hardware_ = asked("hwbreak+");
    std::string out = fmt::format("PacketSize={:x};qXfer:features:read+;vContSupported+;QStartNoAckMode+", kPacketSize);
    if (multiprocess_) out += ";multiprocess+";
    if (knows_software_) out += ";swbreak+";
    if (knows_hardware_) out += ";hwbreak+";
    if (target_.door.replaying()) out += ";ReverseStep+;ReverseContinue+";
    return out;
}

GdbProtocol::Reply GdbProtocol::description(std::string_view text) {
    take(text, "qXfer:features:read:");
    const size_t colon = text.find(':');
    if (colon == text.npos) return kBadPacket;
    const std::string_view annex = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    const auto offset = take_hex(text);
    if (!offset || !take(text, ",")) return kBadPacket;
    const auto length = take_hex(text);
    if (!length || !text.empty()) return kBadPacket;
    // Unnamed, it is the one that there is.
    if (!annex.empty() && annex != "target.xml") return "E00";
    described_ = true;
    const std::string_view all = registers_.description();
    if (*offset >= all.size()) return "l";
    // Half of a packet, if every character were escaped.
    const std::string_view part = all.substr(*offset, std::min<uint64_t>(*length, kPacketSize / 2 - 1));
    return (*offset + part.size() == all.size() ? 'l' : 'm') + std::string(part);
}

GdbProtocol::Reply GdbProtocol::thread_info(std::string_view text) {
    if (text == "qC") return "QC" + thread();
    if (text == "qfThreadInfo") return "m" + thread();
    take(text, "qThreadExtraInfo,");
    if (!names_us(text) || !text.empty()) return kBadPacket;
    return to_hex(std::string_view(target_.cpu.halted() ? "CPU#0 [halted ]" : "CPU#0 [running]"));
}

GdbProtocol::Reply GdbProtocol::show_physical_memory(std::string_view) { return physical_ ? "1" : "0"; }

GdbProtocol::Reply GdbProtocol::physical_memory(std::string_view text) {
    take(text, "Qqemu.PhyMemMode:");
    const auto mode = take_hex(text);
    if (!mode || !text.empty()) return kBadPacket;
    physical_ = *mode != 0;
    return "OK";
}

GdbProtocol::Reply GdbProtocol::single_step_mask(std::string_view text) {
    take(text, "Qqemu.sstep=");
    take(text, "0x");
    const auto mask = take_hex(text);
    return mask == 1 && text.empty() ? "OK" : kBadPacket;
}

// ---- threads: one CPU, which is thread 1 of process 1 ----

// Takes a thread's name off the front: "1", "0" (any), "-1" (all), "p1", "p1.1" ...
bool GdbProtocol::names_us(std::string_view& text) const {
    const auto one = [&text] {
        if (take(text, "-1")) return true;
        const auto number = take_hex(text);
        return number && *number <= 1;
    };
    if (!take(text, "p")) return one();
    return one() && (!take(text, ".") || one());
}

GdbProtocol::Reply GdbProtocol::select_thread(std::string_view text) {
    if (!take(text, "g") && !take(text, "c")) return kBadPacket;
    return names_us(text) && text.empty() ? "OK" : kBadPacket;
}

GdbProtocol::Reply GdbProtocol::thread_alive(std::string_view text) {
    return names_us(text) && text.empty() ? "OK" : kBadPacket;
}

// ---- the end ----

GdbProtocol::Reply GdbProtocol::let_go(std::string_view text) {
    if (take(text, ";")) {
        if (take_hex(text) != 1) return kBadPacket;
    }
    if (!text.empty()) return kBadPacket;
    auto told = std::move(told_);
    detach();
    told_ = std::move(told);
    if (target_.run.log_view().at_end) return "OK";
    if (const auto gone = target_.run.resume(); !gone && target_.notice) target_.notice("gdb: " + gone.error().message);
    return "OK";
}

GdbProtocol::Reply GdbProtocol::end_machine(std::string_view) {
    target_.run.quit_because("host-ui");
    return std::nullopt;
}

GdbProtocol::Reply GdbProtocol::kill_process(std::string_view text) {
    if (!take(text, ";") || take_hex(text) != 1 || !text.empty()) return kBadPacket;
    target_.run.quit_because("host-ui");
    return "OK";
}

}  // namespace qr
