// SPDX-License-Identifier: GPL-2.0-or-later
// Motorola MC146818 real-time clock with 128 bytes of CMOS RAM, as an AT has it at ports 70H and
// 71H (Motorola data sheet; PIIX3 290550 for the NMI mask).
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "exec/io.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

class Mc146818 final : public Device {
  public:
    // epoch_seconds: what the clock shows at virtual time zero, seconds since 1970 in whatever zone
    // the guest expects. nmi_mask: bit 7 of port 70H, high while NMI is masked. slew: periodic interrupts that came
    // while the one before was unanswered are made up for, one after each reading of register C.
    Mc146818(VirtualClock& clock, int64_t epoch_seconds, IrqLine irq8, IrqLine nmi_mask, bool slew = false);

    void reset() override;
    void state(StateVisitor& v) override;

    IoRegion& region() { return region_; }  // ports 70H-71H

    // RAM bytes (0EH-7FH), for the board: memory sizes, floppy types, boot order. Survive a reset.
    void preset(uint8_t index, uint8_t value);
    uint8_t cmos(uint8_t index) const { return peek_register(index & 0x7F); }

    // Sets time and date, as seconds since 1970.
    void set_time(int64_t epoch_seconds);
    // Puts it forward or back, in the middle of a second as it is. Not while software is setting it, and not if what
    // it shows is no date. Alarms between then and now are missed.
    void advance(int64_t seconds);
    // What the clock shows, as seconds since 1970; for `info` and RTC_CHANGE.
    int64_t time() const;
    // Called when software has set the time, with how many seconds ahead that is of the clock as it would be otherwise.
    // Must only tell somebody.
    void on_set(std::function<void(int64_t offset)> told) { told_ = std::move(told); }

  private:
    struct Date {
        int year, month, day, weekday;  // weekday: 0 is Sunday
        int hour, minute, second;
    };

    uint8_t encode(int value) const;
    int decode(uint8_t value) const;
    uint8_t encode_hour(int hour) const;
    int decode_hour(uint8_t value) const;
    Date date() const;
    void set_date(const Date& d);
    bool shows_date() const;
    void tell_setting() const;

    bool divider_runs() const;
    bool divider_reset() const;
    unsigned periodic_ticks() const;
    uint64_t chain_tick(int64_t ns) const;
    int64_t chain_ns(uint64_t tick) const;
    int64_t next_update() const;
    bool update_in_progress() const;
    bool periodic_flag() const;

    uint8_t read_data();
    uint8_t peek_register(uint8_t index) const;
    void write_data(uint8_t value);
    void write_a(uint8_t value);
    void write_b(uint8_t value);

    void catch_up();
    void tick();
    void advance_second();
    bool alarm_matches() const;
    void update();
    void arm_update();
    void arm_periodic();
    void acknowledge();

    VirtualClock& clock_;
    IrqLine irq8_;
    IrqLine nmi_mask_;
    IoRegion region_;
    Timer update_timer_;
    Timer periodic_timer_;

    uint8_t index_ = 0;
    bool nmi_masked_ = false;
    std::array<uint8_t, 128> ram_{};  // 0-9, A, B and the rest; C and D are elsewhere
    uint8_t flags_ = 0;               // PF, AF, UF of register C
    int64_t chain_origin_ns_ = 0;     // a second's beginning, by the divider chain
    uint64_t periodic_from_ = 0;      // chain tick after which an edge sets PF
    const bool slew_;
    uint32_t lost_ticks_ = 0;         // slew: to be made up for
    bool made_up_ = false;            // PF stands for one of them
    bool dst_done_ = false;           // October's hour was repeated
    const int64_t epoch_;
    int64_t put_forward_ = 0;         // by advance(), in all. Only for who is told
    std::function<void(int64_t)> told_;
};

}  // namespace qr
