// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 82093AA. Source: data sheet 290566-001, section 3.
//
//   memory: 00H IOREGSEL   10H IOWIN   40H EOI (version 20H)
//   index:  00H IOAPICID (27:24)   01H IOAPICVER   02H IOAPICARB
//           10H-3FH redirection entries, low and high half in turn:
//           63:56 destination, 16 mask, 15 level triggered, 14 remote IRR (ro), 13 active low,
//           12 delivery status (ro), 11 logical destination, 10:8 delivery mode, 7:0 vector
//
// Polarity: an IrqLine carries "asks for service", whatever the wire's electrical sense is, and
// each board wires its sources so that the polarity its firmware tables announce is the right one.
// INTPOL is kept and reads back, and changes nothing.
//
// A message is delivered at once, so delivery status always reads idle. An edge on a masked pin is
// lost, as the data sheet says.
#include "hw/intc/ioapic.h"

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint64_t kMasked = 1u << 16;
constexpr uint64_t kLevel = 1u << 15;
constexpr uint64_t kRemoteIrr = 1u << 14;
constexpr uint64_t kDestinationBits = uint64_t{0xFF} << 56;
constexpr uint64_t kWritable = kDestinationBits | 0x1AFFF;
constexpr uint8_t kVersion = 0x20;

std::string hex(uint64_t value, unsigned digits) {
    std::string text(digits, '0');
    for (unsigned i = 0; i < digits; ++i)
        text[digits - 1 - i] = "0123456789abcdef"[(value >> (4 * i)) & 15];
    return text;
}

}  // namespace

IoApic::IoApic(ApicBus& bus)
    : Device("ioapic"),
      bus_(bus),
      region_("ioapic", 0x1000,
              {.read = [this](uint64_t offset, unsigned) { return read(offset); },
               .write = [this](uint64_t offset, unsigned,
                               uint64_t value) { write(offset, static_cast<uint32_t>(value)); },
               .peek = [this](uint64_t offset, unsigned) { return read(offset); },
               .min_size = 4,
               .max_size = 4}) {
    entries_.fill(kMasked);
}

void IoApic::reset() {
    select_ = 0;
    id_ = 0;
    entries_.fill(kMasked);
}

void IoApic::state(StateVisitor& v) {
    v("ioregsel", select_);
    v("id", id_);
    v("lines", lines_);
    v("entry", entries_);
}

bool IoApic::send(unsigned pin) {
    const uint64_t entry = entries_[pin];
    ApicMessage m;
    m.destination = static_cast<uint8_t>(entry >> 56);
    m.logical = bit(entry, 11);
    m.delivery = static_cast<ApicDelivery>(bits(entry, 8, 3));
    m.vector = static_cast<uint8_t>(entry);
    m.level_triggered = bit(entry, 15);
    return bus_.deliver(m);
}

// Remote IRR is set when a local APIC accepted the interrupt; one that nobody took stays pending on
// the wire, and is offered again at the next change of the wire or of the entry.
void IoApic::service_level(unsigned pin) {
    if (!bit(lines_, pin)) return;
    if ((entries_[pin] & (kMasked | kLevel | kRemoteIrr)) != kLevel) return;
    if (send(pin)) entries_[pin] |= kRemoteIrr;
}

void IoApic::set_irq(int pin, bool level) {
    if (pin < 0 || pin >= static_cast<int>(kPins)) return;
    const unsigned n = static_cast<unsigned>(pin);
    const bool was = bit(lines_, n);
    if (level)
        lines_ |= 1u << n;
    else
        lines_ &= ~(1u << n);
    if (entries_[n] & kLevel)
        service_level(n);
    else if (level && !was && !(entries_[n] & kMasked))
        send(n);
}

void IoApic::eoi(uint8_t vector) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
        uint64_t& entry = entries_[pin];
        if ((entry & (kLevel | kRemoteIrr)) != (kLevel | kRemoteIrr)) continue;
        if (static_cast<uint8_t>(entry) != vector) continue;
        entry &= ~kRemoteIrr;
        service_level(pin);
    }
}

void IoApic::write_entry(unsigned pin, uint64_t value) {
    uint64_t& entry = entries_[pin];
    entry = (value & kWritable) | (entry & kRemoteIrr);
    // Software clears a stale Remote IRR by going through edge mode.
    if (!(entry & kLevel)) entry &= ~kRemoteIrr;
    service_level(pin);
}

uint32_t IoApic::read_indirect() const {
    switch (select_) {
        case 0:
        case 2: return uint32_t{id_} << 24;  // the arbitration ID is loaded with the ID
        case 1: return (kPins - 1) << 16 | kVersion;
        default: break;
    }
    if (select_ < 0x10 || select_ >= 0x10 + 2 * kPins) return 0;
    const uint64_t entry = entries_[(select_ - 0x10) / 2];
    return static_cast<uint32_t>(select_ & 1 ? entry >> 32 : entry);
}

void IoApic::write_indirect(uint32_t value) {
    if (select_ == 0) id_ = static_cast<uint8_t>(bits(value, 24, 4));
    if (select_ < 0x10 || select_ >= 0x10 + 2 * kPins) return;
    const unsigned pin = (select_ - 0x10u) / 2;
    const uint64_t entry = entries_[pin];
    write_entry(pin, select_ & 1 ? (entry & 0xFFFFFFFF) | uint64_t{value} << 32
                                 : (entry & ~uint64_t{0xFFFFFFFF}) | value);
}

uint32_t IoApic::read(uint64_t offset) const {
    switch (offset) {
        case 0x00: return select_;
        case 0x10: return read_indirect();
        default: return 0;
    }
}

void IoApic::write(uint64_t offset, uint32_t value) {
    switch (offset) {
        case 0x00: select_ = static_cast<uint8_t>(value); break;
        case 0x10: write_indirect(value); break;
        case 0x40: eoi(static_cast<uint8_t>(value)); break;
        default: break;
    }
}

std::string IoApic::describe() const {
    static constexpr const char* kModes[] = {"fixed", "lowest", "SMI", "...",
                                             "NMI",   "INIT",   "...", "ExtINT"};
    std::string text = "ioapic0: ver=0x" + hex(kVersion, 2) + " id=0x" + hex(id_, 2) + " sel=0x" +
                       hex(select_, 2) + "\n";
    for (unsigned pin = 0; pin < kPins; ++pin) {
        const uint64_t e = entries_[pin];
        text += "  pin " + std::to_string(pin) + (pin < 10 ? " " : "") + " 0x" + hex(e, 16) +
                " dest=" + std::to_string(e >> 56) + " vec=" + std::to_string(e & 0xFF) +
                (bit(e, 13) ? " active-lo" : " active-hi") + (bit(e, 15) ? " level" : " edge") +
                (bit(e, 16) ? " masked " : " ") + kModes[bits(e, 8, 3)] +
                (bit(e, 11) ? " logical" : " physical") + (bit(lines_, pin) ? " asserted" : "") +
                (bit(e, 14) ? " remote-irr" : "") + "\n";
    }
    return text;
}

}  // namespace qr
