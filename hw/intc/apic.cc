// SPDX-License-Identifier: GPL-2.0-or-later
// Local APIC. Source: SDM volume 3A, chapter 10; section numbers are in the comments.
//
//   020 ID        030 version   080 TPR   090 APR   0A0 PPR   0B0 EOI   0C0 RRD   0D0 LDR   0E0 DFR
//   0F0 SVR       100 ISR       180 TMR   200 IRR (8 words each)        280 ESR
//   300 ICR low   310 ICR high  320 LVT timer  330 thermal  340 performance  350 LINT0  360 LINT1
//   370 LVT error 380 initial count            390 current count        3E0 divide configuration
//
// Not modelled: the serial APIC bus and its errors (ESR bits 0 to 3), remote read, x2APIC. Messages
// are delivered at once, so delivery status always reads idle.
// Longer than most files: one chip whose registers, priorities, timer and messages all act on each other.
#include "hw/intc/apic.h"

#include <algorithm>
#include <bit>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint32_t kVersion = 0x00050014;  // six LVT entries, integrated
constexpr uint32_t kMasked = 1u << 16;
constexpr uint32_t kRemoteIrr = 1u << 14;
constexpr uint32_t kLevel = 1u << 15;
constexpr uint8_t kSendIllegalVector = 0x20;
constexpr uint8_t kReceiveIllegalVector = 0x40;
constexpr uint8_t kIllegalRegister = 0x80;

constexpr unsigned kOneShot = 0;
constexpr unsigned kPeriodic = 1;
constexpr unsigned kTscDeadline = 2;

constexpr ApicDelivery lvt_delivery(uint32_t lvt) {
    return static_cast<ApicDelivery>(bits(lvt, 8, 3));
}

std::string hex(uint64_t value, unsigned digits) {
    std::string text(digits, '0');
    for (unsigned i = 0; i < digits; ++i)
        text[digits - 1 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15];
    return text;
}

}  // namespace

int LocalApic::VectorSet::highest() const {
    for (int i = 7; i >= 0; --i) {
        const uint32_t word = words[static_cast<unsigned>(i)];
        if (word) return i * 32 + 31 - std::countl_zero(word);
    }
    return -1;
}

LocalApic::LocalApic(LocalApicConfig config, VirtualClock& clock, ApicBus& bus,
                     InterruptAcknowledge& pic)
    : Device("apic" + std::to_string(config.id)),
      config_(std::move(config)),
      clock_(clock),
      bus_(bus),
      pic_(pic),
      region_(name(), 0x1000,
              {.read = [this](uint64_t offset, unsigned) { return read(offset); },
               .write = [this](uint64_t offset, unsigned,
                               uint64_t value) { write(offset, static_cast<uint32_t>(value)); },
               .peek =
                   [this](uint64_t offset, unsigned) {
                       bool exists;
                       return peek(offset, exists);
                   },
               .min_size = 4,
               .max_size = 4}),
      timer_(clock, name() + ".timer", [this] { timer_fired(); }) {
    power_up();
}

// 10.4.7.1: the state after power-up, reset, INIT and global disabling, but for ID and base.
void LocalApic::power_up() {
    extint_ = false;
    tpr_ = 0;
    ldr_ = 0;
    dfr_ = 0xF;
    svr_ = 0xFF;
    isr_ = tmr_ = irr_ = VectorSet{};
    esr_ = errors_ = 0;
    icr_low_ = icr_high_ = 0;
    lvt_.fill(kMasked);
    divide_ = 0;
    initial_count_ = count_at_load_ = 0;
    load_ns_ = 0;
    tsc_deadline_ = 0;
    timer_.disarm();
}

void LocalApic::reset() {
    power_up();
    id_ = config_.id;
    base_ = 0xFEE00000 | kBaseEnable | (config_.bootstrap ? kBaseBsp : 0);
    if (!config_.present) base_ = 0;
    if (remap_) remap_();
    update();
}

void LocalApic::init() {
    power_up();
    update();
}

void LocalApic::state(StateVisitor& v) {
    v("base", base_);
    v("intr", intr_);
    v("lint", lint_);
    v("extint", extint_);
    v("id", id_);
    v("tpr", tpr_);
    v("ldr", ldr_);
    v("dfr", dfr_);
    v("svr", svr_);
    v("isr", isr_.words);
    v("tmr", tmr_.words);
    v("irr", irr_.words);
    v("esr", esr_);
    v("errors", errors_);
    v("icr_low", icr_low_);
    v("icr_high", icr_high_);
    v("lvt", lvt_);
    v("divide", divide_);
    v("initial_count", initial_count_);
    v("count_at_load", count_at_load_);
    v("load_ns", load_ns_);
    v("tsc_deadline", tsc_deadline_);
}

// ---- requests, priorities, and what the CPU is told (10.8) --------------------------------------

uint8_t LocalApic::processor_priority() const {
    const int in_service = isr_.highest();
    const uint8_t isrv = in_service < 0 ? 0 : static_cast<uint8_t>(in_service & 0xF0);
    return (tpr_ & 0xF0) >= isrv ? tpr_ : isrv;
}

// 10.6.2.4; the register exists on Pentium and P6 processors.
uint8_t LocalApic::arbitration_priority() const {
    const int irrv = irr_.highest() < 0 ? 0 : irr_.highest() & 0xF0;
    const int isrv = isr_.highest() < 0 ? 0 : isr_.highest() & 0xF0;
    const int task = tpr_ & 0xF0;
    if (task >= irrv && task > isrv) return tpr_;
    return static_cast<uint8_t>(std::max(task & isrv, irrv));
}

// The requested vector that the processor's priority lets through, -1 for none.
int LocalApic::deliverable() const {
    if (!software_enabled()) return -1;
    const int vector = irr_.highest();
    return vector >= 0 && (vector & 0xF0) > (processor_priority() & 0xF0) ? vector : -1;
}

// An ExtINT pin follows the 8259A's INTR: the wire itself is the request.
bool LocalApic::extint_from_lint0() const {
    const uint32_t lvt = lvt_[kLvtLint0];
    return lint_[kLint0] && !(lvt & kMasked) && lvt_delivery(lvt) == ApicDelivery::kExtInt;
}

void LocalApic::update() {
    const bool level =
        apic_enabled() ? deliverable() >= 0 || extint_ || extint_from_lint0() : lint_[kLint0];
    if (level == intr_) return;
    intr_ = level;
    if (cpu_) cpu_->set_intr(level);
}

uint8_t LocalApic::acknowledge() {
    if (!apic_enabled()) return pic_.acknowledge();
    const int vector = deliverable();
    if (vector >= 0) {
        irr_.clear(static_cast<unsigned>(vector));
        isr_.set(static_cast<unsigned>(vector));
        update();
        return static_cast<uint8_t>(vector);
    }
    if (extint_ || extint_from_lint0()) {
        extint_ = false;
        const uint8_t external = pic_.acknowledge();
        update();
        return external;
    }
    return static_cast<uint8_t>(svr_);  // spurious (10.9)
}

void LocalApic::request(uint8_t vector, bool level) {
    if (vector < 16) {
        error(kReceiveIllegalVector);
        return;
    }
    irr_.set(vector);
    if (level)
        tmr_.set(vector);
    else
        tmr_.clear(vector);
    update();
}

void LocalApic::set_cr8(uint8_t value) {
    tpr_ = static_cast<uint8_t>(value << 4);
    update();
}

// 10.8.5
void LocalApic::end_of_interrupt() {
    const int vector = isr_.highest();
    if (vector < 0) return;
    const unsigned n = static_cast<unsigned>(vector);
    isr_.clear(n);
    if (tmr_.test(n)) {
        if ((lvt_[kLvtLint0] & kRemoteIrr) && (lvt_[kLvtLint0] & 0xFF) == n) {
            lvt_[kLvtLint0] &= ~kRemoteIrr;
            evaluate_lint0_level();
        }
        bus_.broadcast_eoi(static_cast<uint8_t>(n));
    }
    update();
}

// 10.5.3
void LocalApic::error(uint8_t bits) {
    const bool first = errors_ == 0;
    errors_ |= bits;
    // Writing the ESR re-arms the mechanism. An illegal vector in the entry itself must not
    // recurse.
    if (first && !(lvt_[kError] & kMasked) && (lvt_[kError] & 0xFF) >= 16)
        request(static_cast<uint8_t>(lvt_[kError]), false);
}

// ---- local interrupts (10.5) --------------------------------------------------------------------

void LocalApic::local_interrupt(unsigned index) {
    const uint32_t lvt = lvt_[index];
    if (lvt & kMasked) return;
    const bool has_mode = index != kTimer && index != kError;
    switch (has_mode ? lvt_delivery(lvt) : ApicDelivery::kFixed) {
        case ApicDelivery::kFixed: request(static_cast<uint8_t>(lvt), false); break;
        case ApicDelivery::kSmi:
            if (cpu_) cpu_->raise_smi();
            break;
        case ApicDelivery::kNmi:
            if (cpu_) cpu_->raise_nmi();
            break;
        case ApicDelivery::kInit:
            init();
            if (cpu_) cpu_->raise_init();
            break;
        case ApicDelivery::kExtInt:
            if (index == kLvtLint1) extint_ = true;
            update();
            break;
        default: break;
    }
}

// LINT0 in fixed mode, level triggered: held off by remote IRR until the EOI. (LINT1 is always
// edge.)
void LocalApic::evaluate_lint0_level() {
    uint32_t& lvt = lvt_[kLvtLint0];
    if (!lint_[kLint0] || (lvt & (kMasked | kLevel | kRemoteIrr)) != kLevel) return;
    if (lvt_delivery(lvt) != ApicDelivery::kFixed) return;
    lvt |= kRemoteIrr;
    request(static_cast<uint8_t>(lvt), true);
}

void LocalApic::set_irq(int pin, bool level) {
    if (pin != kLint0 && pin != kLint1) return;
    const bool rising = level && !lint_[static_cast<size_t>(pin)];
    lint_[static_cast<size_t>(pin)] = level;
    if (!apic_enabled()) {
        if (pin == kLint1 && rising && cpu_) cpu_->raise_nmi();
        update();
        return;
    }
    if (pin == kLint1) {
        if (rising) local_interrupt(kLvtLint1);
        return;
    }
    const uint32_t lvt = lvt_[kLvtLint0];
    if (lvt_delivery(lvt) == ApicDelivery::kFixed && (lvt & kLevel))
        evaluate_lint0_level();
    else if (rising)
        local_interrupt(kLvtLint0);
    update();
}

// ---- messages (10.6) ----------------------------------------------------------------------------

bool LocalApic::matches(uint8_t destination, bool logical) const {
    if (!apic_enabled()) return false;
    if (destination == 0xFF) return true;
    if (!logical) return destination == id_;
    if (dfr_ == 0xF) return destination & ldr_;  // flat
    // Cluster model; the low half names members of the cluster.
    return destination >> 4 == ldr_ >> 4 && (destination & ldr_ & 0xF);
}

bool LocalApic::accepts_vectors() const { return apic_enabled() && software_enabled(); }

bool LocalApic::is_focus(uint8_t vector) const {
    return !bit(svr_, 9) && (irr_.test(vector) || isr_.test(vector));
}

bool LocalApic::accept(const ApicMessage& m) {
    switch (m.delivery) {
        case ApicDelivery::kFixed:
        case ApicDelivery::kLowestPriority:
            if (!accepts_vectors()) return false;
            request(m.vector, m.level_triggered);
            return true;
        case ApicDelivery::kSmi:
            if (cpu_) cpu_->raise_smi();
            return true;
        case ApicDelivery::kNmi:
            if (cpu_) cpu_->raise_nmi();
            return true;
        case ApicDelivery::kInit:
            // The level de-assert form only synchronizes arbitration IDs.
            if (!m.assert_level) return true;
            init();
            if (cpu_) cpu_->raise_init();
            return true;
        case ApicDelivery::kStartup:
            if (cpu_) cpu_->start_up(m.vector);
            return true;
        case ApicDelivery::kExtInt:
            extint_ = true;
            update();
            return true;
        default: return false;
    }
}

void LocalApic::send_ipi() {
    ApicMessage m;
    m.vector = static_cast<uint8_t>(icr_low_);
    m.delivery = lvt_delivery(icr_low_);
    m.logical = bit(icr_low_, 11);
    m.destination = static_cast<uint8_t>(icr_high_ >> 24);
    const bool fixed =
        m.delivery == ApicDelivery::kFixed || m.delivery == ApicDelivery::kLowestPriority;
    if (m.delivery == ApicDelivery::kReserved || m.delivery == ApicDelivery::kExtInt) return;
    if (fixed && m.vector < 16) {
        error(kSendIllegalVector);
        return;
    }
    // Level and trigger mode mean something only to INIT.
    if (m.delivery == ApicDelivery::kInit && bit(icr_low_, 15)) m.assert_level = bit(icr_low_, 14);
    switch (bits(icr_low_, 18, 2)) {
        case 0: bus_.deliver(m); break;
        case 1:  // self
            if (m.delivery == ApicDelivery::kFixed) accept(m);
            break;
        case 2:  // all including self
            m.destination = 0xFF;
            bus_.deliver(m);
            break;
        case 3:  // all excluding self
            m.destination = 0xFF;
            bus_.deliver(m, this);
            break;
    }
}

// ---- timer (10.5.4) -----------------------------------------------------------------------------

unsigned LocalApic::timer_shift() const { return ((divide_ & 3) + ((divide_ >> 1) & 4) + 1) & 7; }

uint32_t LocalApic::current_count() const {
    if (!count_at_load_ || timer_mode() == kTscDeadline) return 0;
    const uint64_t elapsed = static_cast<uint64_t>(clock_.now_ns() - load_ns_) >> timer_shift();
    if (elapsed < count_at_load_) return static_cast<uint32_t>(count_at_load_ - elapsed);
    if (timer_mode() != kPeriodic || !initial_count_) return 0;
    return static_cast<uint32_t>(initial_count_ - (elapsed - count_at_load_) % initial_count_);
}

void LocalApic::restart_timer(uint32_t count) {
    count_at_load_ = count;
    load_ns_ = count ? clock_.now_ns() : 0;
    if (count)
        timer_.arm(load_ns_ + (int64_t{count} << timer_shift()));
    else
        timer_.disarm();
}

void LocalApic::timer_fired() {
    if (timer_mode() == kTscDeadline) {
        tsc_deadline_ = 0;
    } else if (timer_mode() == kPeriodic && initial_count_) {
        // Periods that went by within one instruction melt into one interrupt, as in the IRR.
        load_ns_ += int64_t{count_at_load_} << timer_shift();
        count_at_load_ = initial_count_;
        const int64_t period = int64_t{initial_count_} << timer_shift();
        const int64_t late = clock_.now_ns() - load_ns_;
        if (late > 0) load_ns_ += late / period * period;
        timer_.arm(load_ns_ + period);
    } else {
        count_at_load_ = 0;
        load_ns_ = 0;
    }
    local_interrupt(kTimer);
}

void LocalApic::arm_tsc_deadline() {
    const int64_t deadline =
        tsc_deadline_ && config_.ns_at_tsc ? config_.ns_at_tsc(tsc_deadline_) : kNoDeadline;
    if (deadline == kNoDeadline)
        timer_.disarm();
    else
        timer_.arm(deadline);
}

void LocalApic::set_tsc_deadline(uint64_t value) {
    if (!apic_enabled() || timer_mode() != kTscDeadline) return;
    tsc_deadline_ = value;
    arm_tsc_deadline();
}

void LocalApic::tsc_changed() {
    if (tsc_deadline_) arm_tsc_deadline();
}

// ---- registers ----------------------------------------------------------------------------------

bool LocalApic::set_apic_base(uint64_t value) {
    if (!config_.present || (value & ~(uint64_t{0xFFFFFF000} | kBaseEnable | kBaseBsp)))
        return false;
    const bool was_enabled = apic_enabled();
    base_ = (value & ~kBaseBsp) | (base_ & kBaseBsp);
    if (was_enabled && !apic_enabled()) {  // 10.4.3: all is lost
        power_up();
        id_ = config_.id;
    }
    if (remap_) remap_();
    update();
    return true;
}

void LocalApic::write_lvt(unsigned index, uint32_t value) {
    static constexpr std::array<uint32_t, kLvtCount> kWritable = {0x300FF, 0x107FF, 0x107FF,
                                                                  0x1A7FF, 0x1A7FF, 0x100FF};
    uint32_t writable = kWritable[index];
    if (index == kTimer && config_.tsc_deadline) writable |= 1u << 18;
    value &= writable;
    if (!software_enabled()) value |= kMasked;  // 10.4.7.2
    const unsigned old_mode = timer_mode();
    lvt_[index] = value | (lvt_[index] & kRemoteIrr);
    if (index == kTimer) {
        // Between deadline and count modes the timer is disarmed; one-shot and periodic share the
        // count.
        if ((old_mode == kTscDeadline) != (timer_mode() == kTscDeadline)) {
            tsc_deadline_ = 0;
            initial_count_ = 0;
            restart_timer(0);
        }
    } else if (index == kLvtLint0) {
        if (!(value & kLevel)) lvt_[index] &= ~kRemoteIrr;
        evaluate_lint0_level();
    }
    update();
}

void LocalApic::write_svr(uint32_t value) {
    svr_ = value & 0x3FF;
    if (!software_enabled())
        for (uint32_t& lvt : lvt_) lvt |= kMasked;
    update();
}

uint32_t LocalApic::peek(uint64_t offset, bool& exists) const {
    exists = (offset & 15) == 0;
    if (!exists) return 0;
    if (offset >= 0x100 && offset < 0x280) {
        const VectorSet& set = offset < 0x180 ? isr_ : offset < 0x200 ? tmr_ : irr_;
        return set.words[(offset >> 4) & 7];
    }
    switch (offset) {
        case 0x020: return uint32_t{id_} << 24;
        case 0x030: return kVersion;
        case 0x080: return tpr_;
        case 0x090: return arbitration_priority();
        case 0x0A0: return processor_priority();
        case 0x0B0: return 0;
        case 0x0C0: return 0;
        case 0x0D0: return uint32_t{ldr_} << 24;
        case 0x0E0: return uint32_t{dfr_} << 28 | 0x0FFFFFFF;
        case 0x0F0: return svr_;
        case 0x280: return esr_;
        case 0x300: return icr_low_;
        case 0x310: return icr_high_;
        case 0x320: return lvt_[kTimer];
        case 0x330: return lvt_[kThermal];
        case 0x340: return lvt_[kPerformance];
        case 0x350: return lvt_[kLvtLint0];
        case 0x360: return lvt_[kLvtLint1];
        case 0x370: return lvt_[kError];
        case 0x380: return initial_count_;
        case 0x390: return current_count();
        case 0x3E0: return divide_;
        default: exists = false; return 0;
    }
}

uint32_t LocalApic::read(uint64_t offset) {
    bool exists;
    const uint32_t value = peek(offset, exists);
    if (!exists) error(kIllegalRegister);
    return value;
}

void LocalApic::write(uint64_t offset, uint32_t value) {
    // The instruction that is being executed may already see the time at which the timer is due.
    if (timer_.armed() && timer_.deadline_ns() <= clock_.now_ns()) {
        timer_.disarm();
        timer_fired();
    }
    // The first register is reserved to the CPU; what arrives here is a message-signalled interrupt
    // that a bus master sends to APIC 0.
    if (offset < 0x10) {
        bus_.deliver(decode_msi(offset, value));
        return;
    }
    switch (offset) {
        case 0x020: id_ = static_cast<uint8_t>(value >> 24); break;
        case 0x080:
            tpr_ = static_cast<uint8_t>(value);
            update();
            break;
        case 0x0B0: end_of_interrupt(); break;
        case 0x0D0: ldr_ = static_cast<uint8_t>(value >> 24); break;
        case 0x0E0: dfr_ = static_cast<uint8_t>(value >> 28); break;
        case 0x0F0: write_svr(value); break;
        case 0x280:  // 10.5.3: a write shows what was collected, and begins anew
            esr_ = errors_;
            errors_ = 0;
            break;
        case 0x300:
            icr_low_ = value & 0xCCFFF;
            send_ipi();
            break;
        case 0x310: icr_high_ = value & 0xFF000000; break;
        case 0x320:
        case 0x330:
        case 0x340:
        case 0x350:
        case 0x360:
        case 0x370: write_lvt(static_cast<unsigned>(offset - 0x320) >> 4, value); break;
        case 0x380:
            if (timer_mode() == kTscDeadline) break;
            initial_count_ = value;
            restart_timer(value);
            break;
        case 0x3E0: {
            const uint32_t count = current_count();
            divide_ = value & 0xB;
            if (timer_mode() != kTscDeadline) restart_timer(count);
            break;
        }
        case 0x030:
        case 0x090:
        case 0x0A0:
        case 0x0C0:
        case 0x390: break;
        default:
            if ((offset & 15) || offset < 0x100 || offset >= 0x280) error(kIllegalRegister);
            break;
    }
}

std::string LocalApic::describe() const {
    static constexpr const char* kNames[] = {"LVTT", "LVTTHMR", "LVTPC", "LVT0", "LVT1", "LVTERR"};
    static constexpr const char* kModes[] = {"Fixed", "Lowest", "SMI",  "...",
                                             "NMI",   "INIT",   "SIPI", "ExtINT"};
    std::string text = "dumping local APIC state for CPU " + std::to_string(config_.id) + "\n\n";
    for (unsigned i = 0; i < kLvtCount; ++i) {
        const uint32_t e = lvt_[i];
        text += std::string(kNames[i]) + "\t 0x" + hex(e, 8) +
                (bit(e, 13) ? " active-lo" : " active-hi") + (bit(e, 15) ? " level" : " edge") +
                (bit(e, 16) ? " masked" : "");
        if (i == kTimer)
            text += timer_mode() == kOneShot    ? " one-shot"
                    : timer_mode() == kPeriodic ? " periodic"
                                                : " tsc-deadline";
        text +=
            std::string(" ") + kModes[bits(e, 8, 3)] + " (vec " + std::to_string(e & 0xFF) + ")\n";
    }
    text += "Timer\t DCR=0x" + hex(divide_, 1) +
            " initial_count = " + std::to_string(initial_count_) +
            " current_count = " + std::to_string(current_count()) + "\n";
    text += "SPIV\t 0x" + hex(svr_, 8) + " APIC " + (software_enabled() ? "enabled" : "disabled") +
            "\n";
    text += "ICR\t 0x" + hex(icr_low_, 8) + "\nICR2\t 0x" + hex(icr_high_, 8) + "\nESR\t 0x" +
            hex(esr_, 8) + "\n";
    for (const auto& [label, set] : {std::pair{"ISR", &isr_}, std::pair{"IRR", &irr_}}) {
        text += std::string(label) + "\t";
        bool any = false;
        for (unsigned n = 0; n < 256; ++n) {
            if (!set->test(n)) continue;
            any = true;
            text += " " + std::to_string(n) + (set == &isr_ && tmr_.test(n) ? "(level)" : "");
        }
        text += any ? "\n" : " (none)\n";
    }
    text += "\nAPR 0x" + hex(arbitration_priority(), 2) + " TPR 0x" + hex(tpr_, 2) + " DFR 0x" +
            hex(dfr_, 2) + " LDR 0x" + hex(ldr_, 2) + " PPR 0x" + hex(processor_priority(), 2) +
            "\n";
    return text;
}

}  // namespace qr
