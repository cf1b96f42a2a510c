// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8259A. Source: data sheet 231468-003; sections are named in the comments.
//
//   A0=0 write  D4=1: ICW1          read  IRR or ISR (OCW3), or the poll byte
//               D4=0 D3=0: OCW2
//               D4=0 D3=1: OCW3
//   A0=1 write  ICW2, ICW3, ICW4 in turn after ICW1, else OCW1 (IMR)
//        read   IMR, or the poll byte
//
// A request is an IR line that is high and, if edge triggered, has gone up since it was last taken.
// So a line that goes down before it is acknowledged takes its request back, and the acknowledge
// that may already be under way is answered with IR7 ("Interrupt sequence", default IR7).
//
// Not modelled: timing within a bus cycle, and the third INTA of an 8085 system (the x86 has two).
#include "hw/intc/i8259.h"

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint8_t kIcw1 = 0x10;
constexpr uint8_t kOcw3 = 0x08;

std::string hex2(uint8_t value) {
    constexpr char digits[] = "0123456789abcdef";
    return {digits[value >> 4], digits[value & 15]};
}

}  // namespace

// ---- one chip -----------------------------------------------------------------------------------

void I8259::reset() {
    // The chip has no reset pin; software starts it with ICW1. What a board with a cleared chip
    // has.
    armed_ = irr_ = isr_ = imr_ = elcr_ = 0;
    lowest_ = 7;
    expect_ = Expect::kNothing;
    needs_icw4_ = single_ = ltim_ = interval4_ = false;
    icw1_address_ = icw2_ = icw3_ = 0;
    x86_mode_ = auto_eoi_ = rotate_auto_eoi_ = false;
    buffered_ = buffered_master_ = special_nested_ = special_mask_ = false;
    read_isr_ = poll_ = false;
}

void I8259::state(StateVisitor& v) {
    v("lines", lines_);
    v("edge_sense", armed_);
    v("irr", irr_);
    v("isr", isr_);
    v("imr", imr_);
    v("elcr", elcr_);
    v("lowest_priority", lowest_);
    v("expect", expect_);
    v("needs_icw4", needs_icw4_);
    v("single", single_);
    v("ltim", ltim_);
    v("interval4", interval4_);
    v("icw1_address", icw1_address_);
    v("icw2", icw2_);
    v("icw3", icw3_);
    v("upm", x86_mode_);
    v("aeoi", auto_eoi_);
    v("rotate_aeoi", rotate_auto_eoi_);
    v("buffered", buffered_);
    v("buffered_master", buffered_master_);
    v("sfnm", special_nested_);
    v("smm", special_mask_);
    v("read_isr", read_isr_);
    v("poll", poll_);
    if (v.loading() && lowest_ > 7) v.fail("lowest_priority is out of range");
}

void I8259::set_line(unsigned ir, bool level) {
    const uint8_t mask = static_cast<uint8_t>(1u << ir);
    if (level) {
        if (!(lines_ & mask)) armed_ |= mask;
        lines_ |= mask;
        if ((armed_ | level_triggered()) & mask) irr_ |= mask;
    } else {
        lines_ &= ~mask;
        armed_ &= ~mask;
        irr_ &= ~mask;
    }
}

void I8259::set_elcr(uint8_t value) {
    elcr_ = value & elcr_mask_;
    irr_ = lines_ & (armed_ | level_triggered());
}

bool I8259::cascades(int ir) const {
    return is_master() && !single_ && ir >= 0 && bit(icw3_, static_cast<unsigned>(ir));
}

// The IR in service with the highest priority, -1 for none.
int I8259::highest_in_service(uint8_t among) const {
    for (int i = 1; i <= 8; ++i) {
        const int ir = (lowest_ + i) & 7;
        if (bit(among, static_cast<unsigned>(ir))) return ir;
    }
    return -1;
}

// "Fully nested mode", "Special mask mode", "The special fully nested mode".
int I8259::pending() const {
    const uint8_t requests = irr_ & ~imr_;
    if (!requests) return -1;
    // In special mask mode a masked level that is in service inhibits nobody but itself.
    const uint8_t in_service = special_mask_ ? isr_ & ~imr_ : isr_;
    for (int i = 1; i <= 8; ++i) {
        const int ir = (lowest_ + i) & 7;
        const unsigned n = static_cast<unsigned>(ir);
        if (bit(in_service, n)) {
            // The same slave may interrupt again with something more urgent.
            return special_nested_ && cascades(ir) && bit(requests, n) ? ir : -1;
        }
        if (bit(requests, n)) return ir;
    }
    return -1;
}

int I8259::begin_acknowledge() {
    const int ir = pending();
    if (ir < 0) return -1;
    const uint8_t mask = static_cast<uint8_t>(1u << ir);
    isr_ |= mask;
    armed_ &= ~mask;
    if (!(level_triggered() & mask)) irr_ &= ~mask;
    return ir;
}

uint8_t I8259::end_acknowledge(int ir) {
    const unsigned level = ir < 0 ? 7u : static_cast<unsigned>(ir);
    if (ir >= 0 && auto_eoi_) end_of_interrupt(ir, rotate_auto_eoi_);
    if (x86_mode_) return static_cast<uint8_t>((icw2_ & 0xF8) | level);
    // The low byte of the address in an 8080's CALL ("Interrupt sequence", table of intervals).
    return interval4_ ? static_cast<uint8_t>((icw1_address_ & 0xE0) | level << 2)
                      : static_cast<uint8_t>((icw1_address_ & 0xC0) | level << 3);
}

void I8259::end_of_interrupt(int ir, bool rotate) {
    isr_ &= ~(1u << ir);
    if (rotate) lowest_ = static_cast<uint8_t>(ir);
}

uint8_t I8259::peek(unsigned a0) const {
    if (poll_) {
        const int ir = pending();
        return ir < 0 ? 0 : static_cast<uint8_t>(0x80 | ir);
    }
    if (a0) return imr_;
    return read_isr_ ? isr_ : irr_;
}

uint8_t I8259::read(unsigned a0) {
    const uint8_t value = peek(a0);
    if (poll_) {
        // "Poll command": the read is the acknowledge.
        poll_ = false;
        const int ir = begin_acknowledge();
        if (ir >= 0 && auto_eoi_) end_of_interrupt(ir, rotate_auto_eoi_);
    }
    return value;
}

void I8259::initialize(uint8_t icw1) {
    // "Initialization command word 1": a through f.
    armed_ = 0;
    isr_ = 0;
    imr_ = 0;
    lowest_ = 7;
    special_mask_ = false;
    read_isr_ = false;
    poll_ = false;
    rotate_auto_eoi_ = false;
    needs_icw4_ = bit(icw1, 0);
    single_ = bit(icw1, 1);
    interval4_ = bit(icw1, 2);
    ltim_ = bit(icw1, 3);
    icw1_address_ = icw1 & 0xE0;
    x86_mode_ = auto_eoi_ = buffered_ = buffered_master_ = special_nested_ = false;
    icw3_ = is_master() ? 0 : 7;
    irr_ = lines_ & level_triggered();
    expect_ = Expect::kIcw2;
}

void I8259::command(uint8_t ocw2) {
    const int level = ocw2 & 7;
    switch (ocw2 >> 5) {  // R, SL, EOI
        case 0: rotate_auto_eoi_ = false; break;
        case 4: rotate_auto_eoi_ = true; break;
        case 1:  // non-specific EOI
        case 5:  // rotate on non-specific EOI
        {
            // In special mask mode a masked level is not cleared this way ("End of interrupt").
            const int ir = highest_in_service(special_mask_ ? isr_ & ~imr_ : isr_);
            if (ir >= 0) end_of_interrupt(ir, ocw2 >> 5 == 5);
            break;
        }
        case 3: end_of_interrupt(level, false); break;
        case 7: end_of_interrupt(level, true); break;
        case 6: lowest_ = static_cast<uint8_t>(level); break;
        default: break;  // 2: no operation
    }
}

void I8259::write(unsigned a0, uint8_t value) {
    if (!a0) {
        if (value & kIcw1) {
            initialize(value);
        } else if (value & kOcw3) {
            poll_ = bit(value, 2);
            if (bit(value, 1)) read_isr_ = bit(value, 0);
            if (bit(value, 6)) special_mask_ = bit(value, 5);
        } else {
            command(value);
        }
        return;
    }
    switch (expect_) {
        case Expect::kNothing: imr_ = value; break;
        case Expect::kIcw2:
            icw2_ = value;
            expect_ = !single_ ? Expect::kIcw3 : needs_icw4_ ? Expect::kIcw4 : Expect::kNothing;
            break;
        case Expect::kIcw3:
            icw3_ = value;
            expect_ = needs_icw4_ ? Expect::kIcw4 : Expect::kNothing;
            break;
        case Expect::kIcw4:
            x86_mode_ = bit(value, 0);
            auto_eoi_ = bit(value, 1);
            buffered_master_ = bit(value, 2);
            buffered_ = bit(value, 3);
            special_nested_ = bit(value, 4);
            expect_ = Expect::kNothing;
            break;
    }
}

std::string I8259::describe() const {
    return "irr=" + hex2(irr_) + " imr=" + hex2(imr_) + " isr=" + hex2(isr_) +
           " hprio=" + std::to_string((lowest_ + 1) & 7) + " irq_base=" + hex2(icw2_ & 0xF8) +
           " rr_sel=" + (read_isr_ ? "1" : "0") + " elcr=" + hex2(elcr_) +
           " fnm=" + (special_nested_ ? "1" : "0");
}

// ---- the pair -----------------------------------------------------------------------------------

namespace {

constexpr int kCascade = 2;
// IRQ0, 1, 2 and IRQ8, 13 are always edge triggered (PIIX3, ELCR1 and ELCR2).
constexpr uint8_t kMasterElcrMask = 0xF8;
constexpr uint8_t kSlaveElcrMask = 0xDE;

}  // namespace

I8259Pair::I8259Pair(IrqLine intr)
    : Device("i8259"),
      master_(true, kMasterElcrMask),
      slave_(false, kSlaveElcrMask),
      intr_(intr),
      master_region_("pic", 2,
                     {.read = [this](uint64_t a, unsigned) { return read_chip(master_, a & 1); },
                      .write =
                          [this](uint64_t a, unsigned, uint64_t value) {
                              master_.write(a & 1, static_cast<uint8_t>(value));
                              update();
                          },
                      .peek = [this](uint64_t a, unsigned) { return master_.peek(a & 1); },
                      .min_size = 1,
                      .max_size = 1}),
      slave_region_("pic2", 2,
                    {.read = [this](uint64_t a, unsigned) { return read_chip(slave_, a & 1); },
                     .write =
                         [this](uint64_t a, unsigned, uint64_t value) {
                             slave_.write(a & 1, static_cast<uint8_t>(value));
                             update();
                         },
                     .peek = [this](uint64_t a, unsigned) { return slave_.peek(a & 1); },
                     .min_size = 1,
                     .max_size = 1}),
      elcr_region_("elcr", 2,
                   {.read = [this](uint64_t a, unsigned) { return (a ? slave_ : master_).elcr(); },
                    .write =
                        [this](uint64_t a, unsigned, uint64_t value) {
                            (a ? slave_ : master_).set_elcr(static_cast<uint8_t>(value));
                            update();
                        },
                    .peek = [this](uint64_t a, unsigned) { return (a ? slave_ : master_).elcr(); },
                    .min_size = 1,
                    .max_size = 1}) {}

void I8259Pair::reset() {
    master_.reset();
    slave_.reset();
    update();
}

void I8259Pair::state(StateVisitor& v) {
    v("master", master_);
    v("slave", slave_);
}

void I8259Pair::update() {
    master_.set_line(kCascade, slave_.output());
    intr_.set(master_.output());
}

void I8259Pair::set_irq(int pin, bool level) {
    if (pin < 0 || pin > 15 || pin == kCascade) return;
    if (pin < 8)
        master_.set_line(static_cast<unsigned>(pin), level);
    else
        slave_.set_line(static_cast<unsigned>(pin - 8), level);
    update();
}

uint8_t I8259Pair::read_chip(I8259& chip, unsigned a0) {
    if (!chip.polling()) return chip.read(a0);
    const uint8_t value = chip.read(a0);
    // A poll acknowledges: INT goes down for the time of it, which makes an edge for what is next.
    if (&chip == &slave_) master_.set_line(kCascade, false);
    update();
    return value;
}

uint8_t I8259Pair::acknowledge() {
    const int ir = master_.begin_acknowledge();
    uint8_t vector = master_.end_acknowledge(ir);
    if (master_.cascades(ir)) {
        vector = 0xFF;  // nobody drives the bus
        if (ir == kCascade && !slave_.is_master() && slave_.slave_id() == kCascade) {
            vector = slave_.end_acknowledge(slave_.begin_acknowledge());
            master_.set_line(kCascade, false);
        }
    }
    update();
    return vector;
}

std::string I8259Pair::describe() const {
    return "pic1: " + slave_.describe() + "\npic0: " + master_.describe() + "\n";
}

}  // namespace qr
