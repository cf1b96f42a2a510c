// SPDX-License-Identifier: GPL-2.0-or-later
// MC146818. Source: Motorola data sheet, "Address map", "Time, calendar and alarm
// locations", "Update cycle", "Interrupts", "Registers".
//
//   00 seconds 01 alarm  02 minutes 03 alarm  04 hours 05 alarm  06 day of week (1 is Sunday)
//   07 day 08 month 09 year  32 century (where an AT's firmware keeps it; 37 is the PS/2's place)
//   0A UIP, DV2-0, RS3-0     0B SET PIE AIE UIE SQWE DM 24/12 DSE
//   0C IRQF PF AF UF         0D VRT
//
// The divider chain counts 32768 Hz from its origin; the second ends with an update cycle, of which
// UIP warns 244 us ahead. The clock bytes change at its end. The square wave output leads nowhere
// in a PC.
#include "hw/rtc/mc146818.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint8_t kSeconds = 0, kSecondsAlarm = 1, kMinutes = 2, kMinutesAlarm = 3, kHours = 4,
                  kHoursAlarm = 5, kWeekday = 6, kDay = 7, kMonth = 8, kYear = 9, kA = 0x0A,
                  kB = 0x0B, kC = 0x0C, kD = 0x0D, kCentury = 0x32, kPs2Century = 0x37;

constexpr uint8_t kUip = 0x80;
constexpr uint8_t kSet = 0x80, kPie = 0x40, kAie = 0x20, kUie = 0x10, kSqwe = 0x08, kBinary = 0x04,
                  k24Hour = 0x02, kDse = 0x01;
constexpr uint8_t kIrqf = 0x80, kPf = 0x40, kAf = 0x20, kUf = 0x10;
constexpr uint8_t kValidRam = 0x80;
constexpr uint8_t kDontCare = 0xC0;  // alarm bytes C0-FF match anything

constexpr uint64_t kChainHz = 32768;
// With a 32768 Hz time base: t_BUC = 244 us, then t_UC = 1984 us of update.
constexpr int64_t kUipNs = (244 + 1984) * 1000;

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int year, int month) {
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12) return 31;
    return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01 in the proleptic Gregorian calendar: years are counted from March, so that
// the leap day comes last.
int64_t days_from_date(int64_t year, int month, int day) {
    if (month < 3) --year;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

}  // namespace

Mc146818::Mc146818(VirtualClock& clock, int64_t epoch_seconds, IrqLine irq8, IrqLine nmi_mask, bool slew)
    : Device("mc146818"),
      clock_(clock),
      irq8_(irq8),
      nmi_mask_(nmi_mask),
      region_("rtc", 2,
              {.read = [this](uint64_t offset, unsigned) -> uint64_t {
                   return offset ? read_data() : 0xFF;
               },
               .write =
                   [this](uint64_t offset, unsigned, uint64_t value) {
                       if (offset) {
                           write_data(static_cast<uint8_t>(value));
                           return;
                       }
                       index_ = value & 0x7F;
                       nmi_masked_ = bit(value, 7);
                       nmi_mask_.set(nmi_masked_);
                   },
               .peek = [this](uint64_t offset, unsigned) -> uint64_t {
                   return offset ? peek_register(index_) : 0xFF;
               },
               .min_size = 1,
               .max_size = 1}),
      update_timer_(clock, "mc146818.update", [this] { tick(); }),
      periodic_timer_(clock, "mc146818.periodic", [this] { update(); }),
      slew_(slew),
      epoch_(epoch_seconds) {
    ram_[kA] = 0x26;  // 32768 Hz, 1024 Hz periodic
    ram_[kB] = k24Hour;
    set_time(epoch_seconds);
}

void Mc146818::reset() {
    // RESET#: enables and flags are cleared; time, RAM and register A run on from the battery.
    ram_[kB] &= ~(kPie | kAie | kUie | kSqwe);
    flags_ = 0;
    lost_ticks_ = 0;
    made_up_ = false;
    periodic_from_ = chain_tick(clock_.now_ns());
    index_ = 0;
    nmi_masked_ = false;
    nmi_mask_.lower();
    arm_update();
    update();
}

void Mc146818::state(StateVisitor& v) {
    // PF is kept lazily, see periodic_flag().
    if (!v.loading() && periodic_flag()) flags_ |= kPf;
    v("index", index_);
    v("nmi_masked", nmi_masked_);
    v("ram", ram_);
    v("flags", flags_);
    v("chain_origin_ns", chain_origin_ns_);
    v("periodic_from", periodic_from_);
    v("dst_done", dst_done_);
    if (slew_) {
        v("lost_ticks", lost_ticks_);
        v("made_up", made_up_);
    }
    if (v.loading() && index_ > 0x7F) v.fail("index is out of range");
}

// ---- time and date ------------------------------------------------------------------------------

uint8_t Mc146818::encode(int value) const {
    return static_cast<uint8_t>(ram_[kB] & kBinary ? value : value / 10 * 16 + value % 10);
}

int Mc146818::decode(uint8_t value) const {
    return ram_[kB] & kBinary ? value : (value >> 4) * 10 + (value & 15);
}

uint8_t Mc146818::encode_hour(int hour) const {
    if (ram_[kB] & k24Hour) return encode(hour);
    return static_cast<uint8_t>(encode(hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0));
}

int Mc146818::decode_hour(uint8_t value) const {
    if (ram_[kB] & k24Hour) return decode(value);
    return decode(value & 0x7F) % 12 + (value & 0x80 ? 12 : 0);
}

Mc146818::Date Mc146818::date() const {
    return {decode(ram_[kCentury]) * 100 + decode(ram_[kYear]),
            decode(ram_[kMonth]),
            decode(ram_[kDay]),
            decode(ram_[kWeekday]) - 1,
            decode_hour(ram_[kHours]),
            decode(ram_[kMinutes]),
            decode(ram_[kSeconds])};
}

void Mc146818::set_date(const Date& d) {
    ram_[kSeconds] = encode(d.second);
    ram_[kMinutes] = encode(d.minute);
    ram_[kHours] = encode_hour(d.hour);
    ram_[kWeekday] = encode(d.weekday + 1);
    ram_[kDay] = encode(d.day);
    ram_[kMonth] = encode(d.month);
    ram_[kYear] = encode(d.year % 100);
    ram_[kCentury] = encode(d.year / 100 % 100);
}

void Mc146818::set_time(int64_t epoch_seconds) {
    constexpr int64_t kDaySeconds = 86400;
    int64_t days = epoch_seconds / kDaySeconds;
    int64_t rest = epoch_seconds % kDaySeconds;
    if (rest < 0) {
        rest += kDaySeconds;
        --days;
    }
    Date d{};
    d.second = static_cast<int>(rest % 60);
    d.minute = static_cast<int>(rest / 60 % 60);
    d.hour = static_cast<int>(rest / 3600);
    d.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);  // 1970 began on a Thursday
    // Years of 365.2425 days give a first guess that is at most one off.
    int64_t year = 1970 + days * 400 / 146097;
    while (days_from_date(year, 1, 1) > days) --year;
    while (days_from_date(year + 1, 1, 1) <= days) ++year;
    d.year = static_cast<int>(std::clamp<int64_t>(year, 0, 9999));
    int64_t day_of_year = days - days_from_date(year, 1, 1);
    d.month = 1;
    while (day_of_year >= days_in_month(d.year, d.month)) {
        day_of_year -= days_in_month(d.year, d.month);
        ++d.month;
    }
    d.day = static_cast<int>(day_of_year) + 1;
    set_date(d);
    arm_update();
}

bool Mc146818::shows_date() const {
    const Date d = date();
    return d.year >= 1970 && d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= days_in_month(d.year, d.month) &&
           d.hour < 24 && d.minute < 60 && d.second < 60;
}

void Mc146818::advance(int64_t seconds) {
    catch_up();
    put_forward_ += seconds;
    if (shows_date() && !(ram_[kB] & kSet)) set_time(time() + seconds);
}

void Mc146818::tell_setting() const {
    if (told_ && shows_date()) told_(time() - (epoch_ + put_forward_ + clock_.now_ns() / kNsPerSecond));
}

int64_t Mc146818::time() const {
    const Date d = date();
    return ((days_from_date(d.year, d.month, d.day) * 24 + d.hour) * 60 + d.minute) * 60 + d.second;
}

void Mc146818::preset(uint8_t index, uint8_t value) {
    index &= 0x7F;
    if (index > kD) ram_[index] = value;
}

// ---- the divider chain --------------------------------------------------------------------------

// DV: 000, 001 and 010 name the crystal, and a PC's fits 010; 11x hold the chain in reset; the rest
// are for testing the chip.
bool Mc146818::divider_runs() const { return (ram_[kA] & 0x70) <= 0x20; }
bool Mc146818::divider_reset() const { return (ram_[kA] & 0x60) == 0x60; }

// Period of the selected tap in 32768 Hz ticks, 0 for none.
unsigned Mc146818::periodic_ticks() const {
    const unsigned rs = ram_[kA] & 15;
    if (!rs || !divider_runs()) return 0;
    return rs <= 2 ? 64u << rs : 1u << (rs - 1);
}

uint64_t Mc146818::chain_tick(int64_t ns) const {
    return muldiv(static_cast<uint64_t>(ns - chain_origin_ns_), kChainHz, kNsPerSecond);
}

int64_t Mc146818::chain_ns(uint64_t tick) const {
    return chain_origin_ns_ + static_cast<int64_t>(muldiv_up(tick, kNsPerSecond, kChainHz));
}

// The end of the update cycle that comes next.
int64_t Mc146818::next_update() const {
    const int64_t now = clock_.now_ns();
    return now + kNsPerSecond - (now - chain_origin_ns_) % kNsPerSecond;
}

bool Mc146818::update_in_progress() const {
    return divider_runs() && !(ram_[kB] & kSet) && next_update() - clock_.now_ns() <= kUipNs;
}

// Whether the selected tap had an edge since PF was last cleared. No timer runs for it unless PIE
// wants an interrupt.
bool Mc146818::periodic_flag() const {
    if (flags_ & kPf) return true;
    const unsigned period = periodic_ticks();
    return period && chain_tick(clock_.now_ns()) / period > periodic_from_ / period;
}

void Mc146818::arm_update() {
    if (divider_runs() && !(ram_[kB] & kSet))
        update_timer_.arm(next_update());
    else
        update_timer_.disarm();
}

void Mc146818::arm_periodic() {
    const unsigned period = periodic_ticks();
    if (!period || !(ram_[kB] & kPie) || (flags_ & kPf)) {
        periodic_timer_.disarm();
        return;
    }
    periodic_timer_.arm(chain_ns((chain_tick(clock_.now_ns()) / period + 1) * period));
}

// ---- update cycle and interrupts ----------------------------------------------------------------

bool Mc146818::alarm_matches() const {
    const auto matches = [this](uint8_t alarm, uint8_t time) {
        return ram_[alarm] >= kDontCare || ram_[alarm] == ram_[time];
    };
    return matches(kSecondsAlarm, kSeconds) && matches(kMinutesAlarm, kMinutes) &&
           matches(kHoursAlarm, kHours);
}

void Mc146818::advance_second() {
    const Date before = date();
    Date d = before;
    if (ram_[kB] & kDse) {
        // "DSE": last Sundays of April and October, at 1:59:59.
        const bool at_two = d.hour == 1 && d.minute == 59 && d.second == 59;
        const bool last_sunday = d.weekday == 0 && d.day + 7 > days_in_month(d.year, d.month);
        if (at_two && last_sunday && d.month == 4) {
            d.hour = 2;  // the carry below makes it three
        } else if (at_two && last_sunday && d.month == 10 && !dst_done_) {
            dst_done_ = true;
            d.hour = 0;
        } else if (at_two) {
            dst_done_ = false;
        }
    }
    // Counters that hold nonsense carry when they reach their limit or are beyond it.
    if (++d.second >= 60) {
        d.second = 0;
        if (++d.minute >= 60) {
            d.minute = 0;
            if (++d.hour >= 24) {
                d.hour = 0;
                d.weekday = d.weekday >= 6 ? 0 : d.weekday + 1;
                if (++d.day > days_in_month(d.year, d.month)) {
                    d.day = 1;
                    if (++d.month > 12) {
                        d.month = 1;
                        ++d.year;
                    }
                }
            }
        }
    }
    // Bytes that don't count on keep what software put there, sense or not.
    ram_[kSeconds] = encode(d.second);
    if (d.minute != before.minute) ram_[kMinutes] = encode(d.minute);
    if (d.hour != before.hour) ram_[kHours] = encode_hour(d.hour);
    if (d.weekday != before.weekday) ram_[kWeekday] = encode(d.weekday + 1);
    if (d.day != before.day) ram_[kDay] = encode(d.day);
    if (d.month != before.month) ram_[kMonth] = encode(d.month);
    if (d.year != before.year) ram_[kYear] = encode(d.year % 100);
    if (d.year / 100 != before.year / 100) ram_[kCentury] = encode(d.year / 100 % 100);
}

// The instruction that is being executed may already see the time at which an update is due; the
// update comes first.
void Mc146818::catch_up() {
    if (!update_timer_.armed() || update_timer_.deadline_ns() > clock_.now_ns()) return;
    update_timer_.disarm();
    tick();
}

// The end of an update cycle.
void Mc146818::tick() {
    advance_second();
    flags_ |= kUf;
    if (alarm_matches()) flags_ |= kAf;
    arm_update();
    update();
}

// Flags and enables changed: IRQ#, and the periodic clock.
void Mc146818::update() {
    if ((ram_[kB] & kPie) && periodic_flag()) flags_ |= kPf;
    irq8_.set(flags_ & ram_[kB] & (kPf | kAf | kUf));
    arm_periodic();
}

// ---- registers ----------------------------------------------------------------------------------

uint8_t Mc146818::peek_register(uint8_t index) const {
    switch (index) {
        case kA:
            return static_cast<uint8_t>((ram_[kA] & ~kUip) | (update_in_progress() ? kUip : 0));
        case kC: {
            const uint8_t flags = static_cast<uint8_t>(flags_ | (periodic_flag() ? kPf : 0));
            return static_cast<uint8_t>(flags | (flags & ram_[kB] & (kPf | kAf | kUf) ? kIrqf : 0));
        }
        case kD: return kValidRam;
        case kPs2Century: return ram_[kCentury];
        default: return ram_[index];
    }
}

uint8_t Mc146818::read_data() {
    catch_up();
    const uint8_t value = peek_register(index_);
    if (index_ == kC) acknowledge();
    return value;
}

void Mc146818::acknowledge() {
    constexpr uint64_t kMostLost = 1 << 16;
    const uint64_t now = chain_tick(clock_.now_ns());
    if (const unsigned period = periodic_ticks(); slew_ && period && (ram_[kB] & kPie)) {
        // All that came since the last time, but for the one that is answered now.
        const uint64_t came = now / period - periodic_from_ / period;
        const uint64_t lost = lost_ticks_ + came - (came && !made_up_);
        lost_ticks_ = static_cast<uint32_t>(std::min(lost, kMostLost));
    } else {
        lost_ticks_ = 0;
    }
    flags_ = 0;
    periodic_from_ = now;
    made_up_ = lost_ticks_ > 0;
    update();
    if (!made_up_) return;
    --lost_ticks_;
    flags_ |= kPf;
    update();
}

void Mc146818::write_a(uint8_t value) {
    if (periodic_flag()) flags_ |= kPf;
    const bool was_reset = divider_reset();
    ram_[kA] = value & ~kUip;
    const int64_t now = clock_.now_ns();
    // "The first update cycle begins one-half second after the divider is released."
    if (was_reset && !divider_reset()) chain_origin_ns_ = now - kNsPerSecond / 2;
    periodic_from_ = chain_tick(now);
    arm_update();
    update();
}

void Mc146818::write_b(uint8_t value) {
    if (periodic_flag()) flags_ |= kPf;
    if (value & kSet) value &= ~kUie;
    const bool set = ram_[kB] & ~value & kSet;
    ram_[kB] = value;
    arm_update();
    update();
    if (set && divider_runs()) tell_setting();
}

void Mc146818::write_data(uint8_t value) {
    catch_up();
    switch (index_) {
        case kA: write_a(value); break;
        case kB: write_b(value); break;
        case kC:
        case kD: break;
        case kPs2Century: ram_[kCentury] = value; break;
        default: ram_[index_] = value; break;
    }
    constexpr uint8_t kTime[] = {kSeconds, kMinutes, kHours, kWeekday, kDay, kMonth, kYear, kCentury, kPs2Century};
    if (std::ranges::find(kTime, index_) != std::end(kTime) && !(ram_[kB] & kSet) && divider_runs()) tell_setting();
}

}  // namespace qr
