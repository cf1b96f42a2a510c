// SPDX-License-Identifier: GPL-2.0-or-later
//
// What packets ask and how they are answered, once they are here whole: all of the remote serial protocol that looks
// at the machine or steers it. VM thread, at a boundary. Source: GDB manual, appendix E (packets, general queries,
// stop replies, errors); "qqemu." queries: what QEMU answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gdbstub/registers.h"
#include "gdbstub/target.h"

namespace qr {

class GdbProtocol {
  public:
    explicit GdbProtocol(GdbTarget& target) : target_(target) {}

    // A client is there: the machine stops. told: gets stop replies that nobody asked for.
    void attach(std::function<void(std::string)> told);
    // It has left: nothing of it remains, and a machine that stands still goes on standing.
    void detach();
    // The answer; nothing: there will be a stop reply.
    std::optional<std::string> answer(std::string_view packet);
    // Ctrl-C.
    void interrupt();
    // The machine may be on its way to somewhere (a monitor's replay_seek): told once, when it has got there, or stands
    // still elsewhere. Now, if it isn't.
    void when_arrived(std::function<void()> told);
    // It may have been kept from ever getting there (a monitor's loadvm, replay_live).
    void look_whether_arrived();

    // Whether it does no more than look.
    static bool only_looks(std::string_view packet);

  private:
    struct Row;
    static const Row kRows[];

    struct Stop {
        char type;  // as in Z packets: '0' to '4'
        uint64_t address;
        uint64_t length;  // watchpoints
        bool operator==(const Stop&) const = default;
    };
    using Reply = std::optional<std::string>;
    using Go = std::function<Result<void>(DebugControl&)>;

    // protocol.cc
    Reply supported(std::string_view text);
    Reply why_stopped(std::string_view text);
    Reply select_thread(std::string_view text);
    Reply thread_alive(std::string_view text);
    Reply thread_info(std::string_view text);
    Reply let_go(std::string_view text);
    Reply end_machine(std::string_view text);
    Reply kill_process(std::string_view text);
    Reply single_step_mask(std::string_view text);
    Reply physical_memory(std::string_view text);
    Reply show_physical_memory(std::string_view text);
    Reply description(std::string_view text);

    // resume.cc
    Reply go_on(std::string_view text);
    Reply step(std::string_view text);
    Reply go_on_with_signal(std::string_view text);
    Reply step_with_signal(std::string_view text);
    Reply go_by_actions(std::string_view text);
    Reply reverse_step(std::string_view text);
    Reply reverse_continue(std::string_view text);
    Reply insert_stop(std::string_view text);
    Reply remove_stop(std::string_view text);
    // joins: if somebody else has let it go already, it is on its way.
    Reply resume(const Go& how, bool joins = false);
    Reply resume_at(std::string_view text, const Go& how, bool joins = false);
    Go range_step(std::string_view& text) const;
    void stopped(const DebugStop& stop);
    void tell_divergence();
    std::string stop_reply(const DebugStop& stop) const;
    std::string watch_reason(const DebugHit& hit) const;
    std::optional<Stop> parse_stop(std::string_view text) const;
    void set_stops();
    bool running() const;

    // access.cc
    Reply read_registers(std::string_view text);
    Reply write_registers(std::string_view text);
    Reply read_register(std::string_view text);
    Reply write_register(std::string_view text);
    Reply read_memory(std::string_view text);
    Reply write_memory(std::string_view text);
    Reply write_memory_binary(std::string_view text);
    Reply store(uint64_t address, std::span<const uint8_t> data);
    Reply change_register(size_t number, std::span<const uint8_t> value);
    size_t shown_registers() const { return described_ ? registers_.count() : kWellKnownRegisters; }
    std::string thread() const { return multiprocess_ ? "p01.01" : "01"; }
    bool names_us(std::string_view& text) const;

    GdbTarget& target_;
    GdbRegisters registers_;
    std::function<void(std::string)> told_;
    std::function<void()> arrived_;
    std::vector<Stop> stops_;
    DebugStop last_;
    bool quiet_start_ = false;  // it stood at its beginning when the client came
    bool attached_ = false;
    bool awaited_ = false;      // the client waits for a stop reply
    bool multiprocess_ = false, knows_software_ = false, knows_hardware_ = false;
    bool described_ = false;    // the client has read the description
    bool physical_ = false;     // memory by physical addresses
    bool said_how_to_write_ = false;
};

// As the client shows it, if it can: "E.what is wrong".
inline std::string gdb_error(const std::string& text) { return "E." + text; }
// What was sent makes no sense; memory can't be reached.
constexpr const char* kBadPacket = "E22";
constexpr const char* kBadAddress = "E14";

}  // namespace qr
