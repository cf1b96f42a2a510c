// SPDX-License-Identifier: GPL-2.0-or-later
// IA-PC HPET. Source: IA-PC HPET specification 1.0a, sections 2.3 and 2.4.
//
//   000 capabilities and ID    010 configuration: 1 legacy replacement, 0 enable
//   020 interrupt status       0F0 main counter
//   100+20n timer configuration: 63:32 routes (ro), 15 FSB capable (ro), 14 FSB enable, 13:9 route,
//           8 32-bit mode, 6 set accumulator, 5 64-bit capable (ro), 4 periodic capable (ro),
//           3 periodic, 2 interrupt enable, 1 level triggered
//   108+20n comparator        110+20n FSB interrupt route: 63:32 address, 31:0 data
//
// A comparator fires when the counter becomes equal to it, not when it is already past. The line of
// an edge-triggered timer goes down and up at each interrupt and stays up, so that an 8259A, which
// wants its input high until the acknowledge, sees what an I/O APIC sees.
#include "hw/timer/hpet.h"

#include <string>

#include "util/bits.h"

namespace qr {

namespace {

// 10,000,000 fs; vendor 8086H, legacy capable, 64-bit counter, three timers, revision 1.
constexpr uint64_t kCapabilities = uint64_t{10'000'000} << 32 | 0x8086A201;

constexpr uint64_t kLevelTriggered = 1 << 1;
constexpr uint64_t kInterruptEnable = 1 << 2;
constexpr uint64_t kPeriodic = 1 << 3;
constexpr uint64_t kPeriodicCapable = 1 << 4;
constexpr uint64_t k64BitCapable = 1 << 5;
constexpr uint64_t kSetAccumulator = 1 << 6;
constexpr uint64_t k32Bit = 1 << 8;
constexpr uint64_t kRoute = 0x3E00;
constexpr uint64_t kFsbEnable = 1 << 14;
constexpr uint64_t kFsbCapable = 1 << 15;
constexpr uint64_t kTimerWritable =
    kLevelTriggered | kInterruptEnable | kPeriodic | kSetAccumulator | k32Bit | kRoute;

}  // namespace

Hpet::Hpet(Config config, VirtualClock& clock, IrqSink& interrupts, IrqLine pit_inhibit,
           ApicBus* msi)
    : Device("hpet"),
      hardware_(config),
      clock_(clock),
      interrupts_(interrupts),
      pit_inhibit_(pit_inhibit),
      msi_(msi),
      region_("hpet", 0x400,
              {.read = [this](uint64_t offset, unsigned size) { return read(offset, size); },
               .write = [this](uint64_t offset, unsigned size,
                               uint64_t value) { write(offset, size, value); },
               .peek = [this](uint64_t offset, unsigned size) { return read(offset, size); },
               .min_size = 4,
               .max_size = 8}) {
    for (unsigned n = 0; n < kTimers; ++n)
        clocks_[n] = std::make_unique<Timer>(clock, "hpet.timer" + std::to_string(n),
                                             [this, n] { expired(n); });
}

void Hpet::reset() {
    release_all();
    config_ = status_ = count_ = 0;
    since_ns_ = 0;
    timers_ = {};
    schedule_all();
    pit_inhibit_.lower();
    interrupts_.set_irq(8, rtc_);
}

void Hpet::Comparator::state(StateVisitor& v) {
    v("config", config);
    v("comparator", comparator);
    v("period", period);
    v("fsb", fsb);
    v("high", high);
}

void Hpet::state(StateVisitor& v) {
    v("config", config_);
    v("status", status_);
    v("count", count_);
    v("since_ns", since_ns_);
    v("timer", timers_);
    v("rtc", rtc_);
}

// ---- counting -----------------------------------------------------------------------------------

uint64_t Hpet::counter_at(int64_t ns) const {
    return enabled() ? count_ + static_cast<uint64_t>((ns - since_ns_) / kTickNs) : count_;
}

uint64_t Hpet::counter() const { return counter_at(clock_.now_ns()); }

// Arms the clock for the next match. One that is due on this very tick counts unless it was just
// served.
void Hpet::schedule(unsigned n, bool served) {
    if (!enabled()) {
        clocks_[n]->disarm();
        return;
    }
    const uint64_t now = counter();
    uint64_t ticks = timers_[n].comparator - now;
    if (is_32bit(n)) {
        ticks &= 0xFFFFFFFF;
        if (!ticks && served) ticks = uint64_t{1} << 32;
    }
    // A match beyond the reach of virtual time (292 years) never comes.
    const uint64_t elapsed = static_cast<uint64_t>((clock_.now_ns() - since_ns_) / kTickNs);
    constexpr uint64_t kReach = static_cast<uint64_t>(kNoDeadline / kTickNs / 2);
    if ((!ticks && served) || ticks > kReach || elapsed + ticks > kReach) {
        clocks_[n]->disarm();
        return;
    }
    clocks_[n]->arm(since_ns_ + static_cast<int64_t>(elapsed + ticks) * kTickNs);
}

void Hpet::schedule_all() {
    for (unsigned n = 0; n < kTimers; ++n) schedule(n);
}

void Hpet::expired(unsigned n) {
    Comparator& t = timers_[n];
    if (is_periodic(n) && t.period) {
        // Periods that went by within one instruction melt into one interrupt.
        const uint64_t mask = is_32bit(n) ? 0xFFFFFFFF : ~uint64_t{0};
        const uint64_t period = t.period & mask;
        const uint64_t late = (counter() - t.comparator) & mask;
        if (period) t.comparator = (t.comparator + (late / period + 1) * period) & mask;
    }
    raise(n);
    schedule(n, true);
}

// ---- interrupts ---------------------------------------------------------------------------------
// ----------------------------------------------------------------

// -1: nowhere.
int Hpet::input_of(unsigned n) const {
    if (legacy() && n < 2) return n == 0 ? 0 : 8;
    const unsigned route = static_cast<unsigned>(bits(timers_[n].config, 9, 5));
    return bit(hardware_.routes, route) ? static_cast<int>(route) : -1;
}

void Hpet::drive(unsigned n, bool level) {
    const int input = input_of(n);
    if (input < 0) return;
    timers_[n].high = level;
    interrupts_.set_irq(input, level);
}

void Hpet::raise(unsigned n) {
    Comparator& t = timers_[n];
    // The status bit of a level-triggered timer is set even while its interrupt is disabled.
    if (t.config & kLevelTriggered) status_ |= uint64_t{1} << n;
    if (!(t.config & kInterruptEnable)) return;
    if (t.config & kFsbEnable) {
        if (msi_) msi_->deliver(decode_msi(t.fsb >> 32, static_cast<uint32_t>(t.fsb)));
        return;
    }
    if (!(t.config & kLevelTriggered)) drive(n, false);
    drive(n, true);
}

// Takes every line back before something changes where they lead.
void Hpet::release_all() {
    for (unsigned n = 0; n < kTimers; ++n)
        if (timers_[n].high) drive(n, false);
}

void Hpet::drive_again() {
    for (unsigned n = 0; n < kTimers; ++n) {
        const uint64_t config = timers_[n].config;
        if ((config & kLevelTriggered) && (config & kInterruptEnable) && !(config & kFsbEnable) &&
            enabled() && bit(status_, n))
            drive(n, true);
    }
}

void Hpet::set_irq(int pin, bool level) {
    if (pin != 0) return;
    rtc_ = level;
    if (!legacy()) interrupts_.set_irq(8, level);
}

// ---- registers ----------------------------------------------------------------------------------

uint64_t Hpet::read64(uint64_t offset) const {
    switch (offset) {
        case 0x000: return kCapabilities;
        case 0x010: return config_;
        case 0x020: return status_;
        case 0x0F0: return counter();
        default: break;
    }
    if (offset < 0x100 || offset >= 0x100 + 0x20 * kTimers) return 0;
    const Comparator& t = timers_[(offset - 0x100) / 0x20];
    switch (offset & 0x1F) {
        case 0x00:
            return t.config | kPeriodicCapable | k64BitCapable | (hardware_.msi ? kFsbCapable : 0) |
                   uint64_t{hardware_.routes} << 32;
        case 0x08: return t.comparator;
        case 0x10: return t.fsb;
        default: return 0;
    }
}

uint64_t Hpet::read(uint64_t offset, unsigned size) const {
    const uint64_t value = read64(offset & ~uint64_t{7});
    return offset & 4 ? value >> 32 : value & ones(size);
}

void Hpet::write_general(uint64_t value) {
    const uint64_t changed = config_ ^ (value & 3);
    if (!changed) return;
    const int64_t now = clock_.now_ns();
    release_all();
    if (changed & 1) {
        if (enabled()) {
            count_ = counter_at(now);
            since_ns_ = 0;
        } else {
            since_ns_ = now;
        }
    }
    if (changed & 2) {
        if (value & 2) interrupts_.set_irq(8, false);
        config_ = value & 3;
        pit_inhibit_.set(legacy());
        if (!legacy()) interrupts_.set_irq(8, rtc_);
    }
    config_ = value & 3;
    drive_again();
    schedule_all();
}

void Hpet::write_status(uint64_t value) {
    for (unsigned n = 0; n < kTimers; ++n) {
        if (!bit(value, n) || !bit(status_, n)) continue;
        status_ &= ~(uint64_t{1} << n);
        if (timers_[n].high && (timers_[n].config & kLevelTriggered)) drive(n, false);
    }
}

void Hpet::write_counter(uint64_t value) {
    count_ = value;
    if (enabled()) since_ns_ = clock_.now_ns();
    schedule_all();
}

void Hpet::write_timer_config(unsigned n, uint64_t value) {
    Comparator& t = timers_[n];
    value &= kTimerWritable | (hardware_.msi ? kFsbEnable : 0);
    // A route that the timer cannot use does not read back (Tn_INT_ROUTE_CNF).
    if (!bit(hardware_.routes, static_cast<unsigned>(bits(value, 9, 5)))) value &= ~kRoute;
    const uint64_t wiring = kLevelTriggered | kInterruptEnable | kFsbEnable | kRoute;
    if (t.high && ((t.config ^ value) & wiring)) drive(n, false);
    t.config = value;
    if (!(t.config & kPeriodic)) t.config &= ~kSetAccumulator;
    if (t.config & k32Bit) {
        t.comparator &= 0xFFFFFFFF;
        t.period &= 0xFFFFFFFF;
    }
    drive_again();
    schedule(n);
}

// In periodic mode a write goes to the period; with the set-accumulator bit to the
// comparator as well. The bit clears itself.
void Hpet::write_comparator(unsigned n, uint64_t value, uint64_t lanes) {
    Comparator& t = timers_[n];
    if (is_32bit(n)) {
        value &= 0xFFFFFFFF;
        lanes &= 0xFFFFFFFF;
    }
    if (!is_periodic(n) || (t.config & kSetAccumulator))
        t.comparator = (t.comparator & ~lanes) | (value & lanes);
    t.period = (t.period & ~lanes) | (value & lanes);
    t.config &= ~kSetAccumulator;
    schedule(n);
}

void Hpet::write(uint64_t offset, unsigned size, uint64_t value) {
    // The instruction that is being executed may already see the time at which a match is due.
    for (unsigned n = 0; n < kTimers; ++n) {
        if (!clocks_[n]->armed() || clocks_[n]->deadline_ns() > clock_.now_ns()) continue;
        clocks_[n]->disarm();
        expired(n);
    }
    const uint64_t at = offset & ~uint64_t{7};
    const uint64_t lanes = size == 8 ? ~uint64_t{0} : offset & 4 ? ~uint64_t{0} << 32 : 0xFFFFFFFF;
    const uint64_t placed = size < 8 && (offset & 4) ? value << 32 : value;
    const auto merged = [&](uint64_t old) { return (old & ~lanes) | (placed & lanes); };
    switch (at) {
        case 0x010: write_general(merged(config_)); return;
        case 0x020: write_status(placed & lanes); return;
        case 0x0F0: write_counter(merged(counter())); return;
        default: break;
    }
    if (at < 0x100 || at >= 0x100 + 0x20 * kTimers) return;
    const unsigned n = static_cast<unsigned>((at - 0x100) / 0x20);
    switch (at & 0x1F) {
        case 0x00: write_timer_config(n, merged(timers_[n].config)); break;
        case 0x08: write_comparator(n, placed, lanes); break;
        case 0x10: timers_[n].fsb = merged(timers_[n].fsb); break;
        default: break;
    }
}

}  // namespace qr
