// SPDX-License-Identifier: GPL-2.0-or-later
//
// Intel 82371SB (PIIX3) function 0. Data sheet 290550: PCI configuration registers of function 0,
// reset control register, advanced power management registers.
#include "hw/isa/piix3.h"

#include <cassert>

#include "util/bits.h"

namespace qr {

namespace {

constexpr unsigned kPirqRoute = 0x60;
constexpr unsigned kSmiControl = 0xa0;
constexpr unsigned kSmiEnable = 0xa2;
constexpr unsigned kSystemEventEnable = 0xa4;
constexpr unsigned kFastOffTimer = 0xa8;
constexpr unsigned kSmiRequest = 0xaa;

constexpr uint8_t kRouteDisabled = 0x80;
constexpr uint8_t kSmiGate = 1 << 0;
constexpr uint32_t kFastOffSmiEnable = 1u << 31;

// Bits of SMIEN and SMIREQ.
constexpr unsigned kSmiFastOff = 5;
constexpr unsigned kSmiApmc = 7;

constexpr uint8_t kRcrHard = 1 << 1;
constexpr uint8_t kRcrResetCpu = 1 << 2;

struct Register {
    uint8_t offset;
    uint8_t size;
    uint32_t reset;
    uint32_t writable;
    uint32_t clear_by_one;
};

constexpr Register kRegisters[] = {
    {pci::kCommand, 2, 0x0007, 0x0008, 0},      // I/O, memory, master are fixed; special cycles
    {pci::kStatus, 2, 0x0200, 0, 0x7800},       // medium DEVSEL
    {0x4c, 1, 0x4d, 0xff, 0},                   // IORT
    {0x4e, 2, 0x0003, 0x01ff, 0},               // XBCS
    {kPirqRoute, 4, 0x80808080, 0x8f8f8f8f, 0}, // PIRQRC[A:D]
    {0x69, 1, 0x02, 0xfe, 0},                   // TOM
    {0x6a, 2, 0x0000, 0x0094, 0x8000},          // MSTAT
    {0x70, 1, 0x80, 0xef, 0},                   // MBIRQ0
    {0x76, 2, 0x0c0c, 0x8f8f, 0},               // MBDMA[1:0]
    {0x78, 2, 0x0002, 0xffff, 0},               // PCSC
    {0x80, 1, 0x00, 0x7f, 0},                   // APICBASE
    {0x82, 1, 0x00, 0x0f, 0},                   // DLC
    {kSmiControl, 1, 0x08, 0x1f, 0},            // SMICNTL
    {kSmiEnable, 2, 0x0000, 0x01ff, 0},         // SMIEN
    {kSystemEventEnable, 4, 0, 0xe000fffb, 0},  // SEE
    {kFastOffTimer, 1, 0x0f, 0xff, 0},          // FTMR
    {kSmiRequest, 2, 0x0000, 0x00ff, 0},        // SMIREQ
    {0xac, 1, 0x00, 0xff, 0},                   // CTLTMR
    {0xae, 1, 0x00, 0xff, 0},                   // CTHTMR
};

// SMI sources that are interrupts: bit of SMIEN for IRQ 1, 3, 4, 8 and 12.
int smi_source_of_irq(unsigned irq) {
    switch (irq) {
        case 1: return 0;
        case 3: return 1;
        case 4: return 2;
        case 8: return 3;
        case 12: return 4;
        default: return -1;
    }
}

}  // namespace

Piix3::Piix3(PciBus& bus, unsigned devfn, VirtualClock& clock, MachineControl& control,
             const std::array<IrqLine, 16>& isa_irqs, IrqLine smi)
    : PciDevice("piix3", bus, devfn,
                {.vendor = 0x8086, .device = 0x7000, .revision = 0x00, .class_code = 0x060100}),
      control_(control),
      clock_(clock),
      isa_irqs_(isa_irqs),
      smi_(smi),
      pirq_(*this),
      isa_(*this),
      fast_off_(clock, "piix3.fast_off", [this] { fast_off_expired(); }),
      rcr_region_("piix3-reset-control", 1,
                  {.read = [this](uint64_t, unsigned) { return rcr_; },
                   .write = [this](uint64_t, unsigned,
                                   uint64_t v) { write_rcr(static_cast<uint8_t>(v)); },
                   .peek = [this](uint64_t, unsigned) { return rcr_; },
                   .max_size = 1}),
      apm_region_("apm-io", 2,
                  {.read = [this](uint64_t o, unsigned) { return read_apm(o); },
                   .write = [this](uint64_t o, unsigned,
                                   uint64_t v) { write_apm(o, static_cast<uint8_t>(v)); },
                   .peek = [this](uint64_t o, unsigned) { return read_apm(o); },
                   .max_size = 1}) {
    for (const Register& r : kRegisters)
        define(r.offset, r.size, r.reset, r.writable, r.clear_by_one);
}

// ---- interrupt steering ----

IrqLine Piix3::isa_irq(unsigned irq) {
    assert(irq < 16 && source_count_[irq] < 32);
    return IrqLine(isa_, static_cast<int>(irq | unsigned{source_count_[irq]++} << 4));
}

void Piix3::isa_changed(int pin, bool level) {
    const unsigned irq = static_cast<unsigned>(pin) & 15;
    const uint32_t source = 1u << (pin >> 4);
    if (!level && !(isa_level_[irq] & source)) return;  // devices say so at each access
    const bool rises = level && !(isa_level_[irq] & source);
    isa_level_[irq] = level ? isa_level_[irq] | source : isa_level_[irq] & ~source;
    drive(irq);
    if (rises) system_event(irq);
}

void Piix3::pirq_changed(int pin, bool level) {
    assert(pin >= 0 && pin < 4);
    if (pirq_level_[pin] == level) return;
    pirq_level_[pin] = level;
    const uint32_t route = config(kPirqRoute + static_cast<unsigned>(pin), 1);
    if (!(route & kRouteDisabled)) drive(route & 15);
}

// PIRQRC: each PIRQ goes to one ISA interrupt or none; several may share one.
void Piix3::drive(unsigned irq) {
    bool level = isa_level_[irq] != 0;
    for (unsigned pin = 0; pin < 4; ++pin) {
        const uint32_t route = config(kPirqRoute + pin, 1);
        if (pirq_level_[pin] && !(route & kRouteDisabled) && (route & 15) == irq) level = true;
    }
    isa_irqs_[irq].set(level);
}

// ---- configuration ----

void Piix3::write_config_byte(unsigned offset, uint8_t value) {
    if (offset == kSmiRequest || offset == kSmiRequest + 1) {
        // Software clears requests by writing zeros; it can't make them.
        set_config(offset, 1, config(offset, 1) & value);
        return;
    }
    PciDevice::write_config_byte(offset, value);
}

void Piix3::config_written(unsigned offset, unsigned size) {
    PciDevice::config_written(offset, size);
    const auto touches = [&](unsigned first, unsigned length) {
        return offset < first + length && first < offset + size;
    };
    if (touches(kPirqRoute, 4))
        for (unsigned irq = 0; irq < 16; ++irq) drive(irq);
    if (touches(kSmiControl, 1) || touches(kFastOffTimer, 1)) start_fast_off();
}

// ---- reset control ----

void Piix3::write_rcr(uint8_t value) {
    const bool rises = value & ~rcr_ & kRcrResetCpu;
    rcr_ = value & (kRcrHard | kRcrResetCpu);
    // Soft reset (INIT) or hard: this machine has no cache or FPU state outside the CPU's own reset
    // that would tell them apart, and firmware expects devices to be reset by either.
    if (rises) control_.request_reset();
}

// ---- APM and SMI ----

uint64_t Piix3::read_apm(uint64_t offset) const { return offset == 0 ? apmc_ : apms_; }

void Piix3::write_apm(uint64_t offset, uint8_t value) {
    if (offset == 1) {
        apms_ = value;
        return;
    }
    apmc_ = value;
    if (apm_sink_) apm_sink_->apm_command(value);
    request_smi(kSmiApmc);
}

void Piix3::request_smi(unsigned source) {
    if (!bit(config(kSmiEnable, 2), source)) return;
    set_config(kSmiRequest, 2, config(kSmiRequest, 2) | 1u << source);
    if (config(kSmiControl, 1) & kSmiGate) smi_.pulse();
}

// An interrupt is an SMI source, and activity that starts the fast-off timer afresh (SEE).
void Piix3::system_event(unsigned irq) {
    if (bit(config(kSystemEventEnable, 4), irq)) start_fast_off();
    const int source = smi_source_of_irq(irq);
    if (source >= 0) request_smi(static_cast<unsigned>(source));
}

// SMICNTL bits 4:3 give the count's unit, or freeze it.
void Piix3::start_fast_off() {
    int64_t unit = 0;
    switch (bits(config(kSmiControl, 1), 3, 2)) {
        case 0: unit = 60 * kNsPerSecond; break;
        case 2: unit = 30; break;
        case 3: unit = kNsPerSecond / 1000; break;
        default: fast_off_.disarm(); return;
    }
    fast_off_.arm(clock_.now_ns() + unit * (config(kFastOffTimer, 1) + 1));
}

void Piix3::fast_off_expired() {
    if (config(kSystemEventEnable, 4) & kFastOffSmiEnable) request_smi(kSmiFastOff);
    start_fast_off();
}

// ---- life ----

void Piix3::reset() {
    PciDevice::reset();
    rcr_ = apmc_ = apms_ = 0;
    fast_off_.disarm();
    for (unsigned irq = 0; irq < 16; ++irq) drive(irq);
}

void Piix3::state(StateVisitor& v) {
    PciDevice::state(v);
    v("pirq_level", pirq_level_);
    v("isa_level", isa_level_);
    v("rcr", rcr_);
    v("apmc", apmc_);
    v("apms", apms_);
}

}  // namespace qr
