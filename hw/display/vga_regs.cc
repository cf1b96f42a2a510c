// SPDX-License-Identifier: GPL-2.0-or-later
//
// VGA register file. Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem":
// general, sequencer, CRT controller, graphics controller, attribute controller registers, video
// DAC.
#include "hw/display/vga_regs.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

// Bits that exist.
constexpr std::array<uint8_t, 8> kSeqBits = {0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0x00, 0x00, 0xff};
constexpr std::array<uint8_t, 9> kGraphicsBits = {0x0f, 0x0f, 0x0f, 0x1f, 0x03,
                                                  0x7b, 0x0f, 0x0f, 0xff};
constexpr uint8_t kMiscBits = 0xef;
constexpr uint8_t kFeatureBits = 0x10;

constexpr uint8_t kAttributePas = 1 << 5;
constexpr uint8_t kCrtcProtect = 1 << 7;         // CR11
constexpr uint8_t kCrtcInterruptOff = 1 << 5;    // CR11
constexpr uint8_t kCrtcInterruptKeep = 1 << 4;   // CR11: 0 clears the latch
constexpr uint8_t kLineCompare8 = 1 << 4;        // CR07

uint8_t attribute_bits(unsigned index) {
    if (index < 0x10) return 0x3f;
    static constexpr uint8_t kControl[] = {0xef, 0xff, 0x3f, 0x0f, 0x0f};
    return kControl[index - 0x10];
}

// Ports of the CRT controller and its neighbours move with bit 0 of the miscellaneous output
// register.
enum PortClass { kCommon, kMonochrome, kColor };
PortClass port_class(uint16_t port) {
    if (port < 0x3c0) return kMonochrome;
    return port >= 0x3d0 ? kColor : kCommon;
}

}  // namespace

VgaRegs::VgaRegs(VirtualClock& clock, std::function<void()> on_memory_mode)
    : clock_(clock), on_memory_mode_(std::move(on_memory_mode)) {}

// ---- timing ----

unsigned VgaRegs::vertical_display_end() const {
    return static_cast<unsigned>(crtc_[0x12] | bits(crtc_[0x07], 1, 1) << 8 |
                                 bits(crtc_[0x07], 6, 1) << 9);
}

unsigned VgaRegs::line_compare() const {
    return static_cast<unsigned>(crtc_[0x18] | bits(crtc_[0x07], 4, 1) << 8 |
                                 bits(crtc_[0x09], 6, 1) << 9);
}

VgaRegs::Timing VgaRegs::timing() const {
    // Until somebody programs the CRT controller: 80x25 text at 70 Hz.
    unsigned total = 449, display = 400, start = 412, end = 414;
    int64_t line_ns = 31'778, display_ns = 25'422;

    const unsigned chars = crtc_[0x00] + 5u;
    const unsigned programmed = static_cast<unsigned>(
        crtc_[0x06] | bits(crtc_[0x07], 0, 1) << 8 | bits(crtc_[0x07], 5, 1) << 9) + 2;
    const unsigned retrace = static_cast<unsigned>(crtc_[0x10] | bits(crtc_[0x07], 2, 1) << 8 |
                                                   bits(crtc_[0x07], 7, 1) << 9);
    if (chars > 20 && programmed > 100 && retrace < programmed) {
        const uint64_t dot_hz = bits(misc_, 2, 2) == 1 ? 28'322'000 : 25'175'000;
        const unsigned dots = (seq_[1] & 1 ? 8 : 9) * (seq_[1] & 8 ? 2 : 1);
        line_ns = static_cast<int64_t>(muldiv(chars * dots, kNsPerSecond, dot_hz));
        display_ns =
            static_cast<int64_t>(muldiv((crtc_[0x01] + 1u) * dots, kNsPerSecond, dot_hz));
        total = programmed;
        display = vertical_display_end() + 1;
        start = retrace;
        // The end is compared in its low four bits only.
        const unsigned length = ((crtc_[0x11] & 15u) - start) & 15u;
        end = start + (length ? length : 16);
    }
    return {line_ns, line_ns * total, total, display, start, std::min(end, total), display_ns};
}

uint8_t VgaRegs::input_status_1() const {
    const Timing t = timing();
    const int64_t in_frame = clock_.now_ns() % t.frame_ns;
    const unsigned line = static_cast<unsigned>(in_frame / t.line_ns);
    const bool retrace = line >= t.retrace_start && line < t.retrace_end;
    const bool blank = line >= t.display_lines || in_frame % t.line_ns >= t.display_ns;
    return static_cast<uint8_t>((retrace ? 0x08 : 0) | (blank || retrace ? 0x01 : 0));
}

uint64_t VgaRegs::retraces_until(int64_t ns) const {
    const Timing t = timing();
    const int64_t start = t.line_ns * t.retrace_start;
    return static_cast<uint64_t>(ns / t.frame_ns) + (ns % t.frame_ns >= start ? 1 : 0);
}

// Bit 7: a vertical retrace began since CR11 last cleared the latch. Its interrupt leads nowhere on
// a PCI adapter.
uint8_t VgaRegs::input_status_0() const {
    if (!(crtc_[0x11] & kCrtcInterruptKeep) || crtc_[0x11] & kCrtcInterruptOff) return 0;
    return retraces_until(clock_.now_ns()) != retraces_until(retrace_seen_ns_) ? 0x80 : 0;
}

// ---- reads ----

uint8_t VgaRegs::read(uint16_t port) {
    const PortClass where = port_class(port);
    if (where != kCommon && color_decode() != (where == kColor)) return 0xff;
    if (port == 0x3c9) return read_dac();
    if (port == 0x3ba || port == 0x3da) attribute_data_ = false;
    return peek(port);
}

uint8_t VgaRegs::peek(uint16_t port) const {
    const PortClass where = port_class(port);
    if (where != kCommon && color_decode() != (where == kColor)) return 0xff;
    switch (port) {
        case 0x3c0:
            return static_cast<uint8_t>(attribute_index_ | (palette_enabled_ ? kAttributePas : 0));
        case 0x3c1: return attribute_index_ < attribute_.size() ? attribute_[attribute_index_] : 0;
        case 0x3c2: return input_status_0();
        case 0x3c4: return seq_index_;
        case 0x3c5: return seq_[seq_index_];
        case 0x3c6: return pel_mask_;
        case 0x3c7: return dac_reading_ ? 3 : 0;
        case 0x3c8: return dac_write_index_;
        case 0x3c9: return dac_[3u * dac_read_index_ + dac_component_];
        case 0x3ca: return feature_;
        case 0x3cc: return misc_;
        case 0x3ce: return graphics_index_;
        case 0x3cf: return graphics_index_ < graphics_.size() ? graphics_[graphics_index_] : 0;
        case 0x3b4: case 0x3d4: return crtc_index_;
        case 0x3b5: case 0x3d5: return crtc_index_ < crtc_.size() ? crtc_[crtc_index_] : 0;
        case 0x3ba: case 0x3da: return input_status_1();
        case 0x3c3: case 0x3cb: case 0x3cd: return 0;
        default: return 0xff;
    }
}

// ---- writes ----

void VgaRegs::write(uint16_t port, uint8_t value) {
    const PortClass where = port_class(port);
    if (where != kCommon && color_decode() != (where == kColor)) return;
    switch (port) {
        case 0x3c0: return write_attribute(value);
        case 0x3c2:
            misc_ = value & kMiscBits;
            return on_memory_mode_();
        case 0x3c4: seq_index_ = value & 7; return;
        case 0x3c5: return write_sequencer(value);
        case 0x3c6: pel_mask_ = value; return;
        case 0x3c7:
            dac_read_index_ = value;
            dac_component_ = 0;
            dac_reading_ = true;
            return;
        case 0x3c8:
            dac_write_index_ = value;
            dac_component_ = 0;
            dac_reading_ = false;
            return;
        case 0x3c9: return write_dac(value);
        case 0x3ce: graphics_index_ = value & 0x0f; return;
        case 0x3cf: return write_graphics(value);
        case 0x3b4: case 0x3d4: crtc_index_ = value; return;
        case 0x3b5: case 0x3d5: return write_crtc(value);
        case 0x3ba: case 0x3da: feature_ = value & kFeatureBits; return;
        default: return;
    }
}

void VgaRegs::write_attribute(uint8_t value) {
    attribute_data_ = !attribute_data_;
    if (attribute_data_) {
        attribute_index_ = value & 0x1f;
        palette_enabled_ = value & kAttributePas;
        return;
    }
    if (attribute_index_ >= attribute_.size()) return;
    if (attribute_index_ < 0x10 && palette_enabled_) return;
    attribute_[attribute_index_] = value & attribute_bits(attribute_index_);
}

void VgaRegs::write_sequencer(uint8_t value) {
    value &= kSeqBits[seq_index_];
    if (seq_[seq_index_] == value) return;
    seq_[seq_index_] = value;
    if (seq_index_ == 2 || seq_index_ == 4) on_memory_mode_();
}

void VgaRegs::write_graphics(uint8_t value) {
    if (graphics_index_ >= graphics_.size()) return;
    value &= kGraphicsBits[graphics_index_];
    if (graphics_[graphics_index_] == value) return;
    graphics_[graphics_index_] = value;
    on_memory_mode_();
}

void VgaRegs::write_crtc(uint8_t value) {
    if (crtc_index_ >= crtc_.size()) return;
    if (crtc_[0x11] & kCrtcProtect && crtc_index_ < 8) {
        // CR00-CR07 are write-protected, but for one bit of the line compare value.
        if (crtc_index_ == 7)
            crtc_[7] = static_cast<uint8_t>((crtc_[7] & ~kLineCompare8) | (value & kLineCompare8));
        return;
    }
    crtc_[crtc_index_] = value;
    if (crtc_index_ == 0x11 && !(value & kCrtcInterruptKeep)) retrace_seen_ns_ = clock_.now_ns();
}

void VgaRegs::write_dac(uint8_t value) {
    dac_pending_[dac_component_] = wide_dac_ ? value : value & 0x3f;
    if (++dac_component_ < 3) return;
    // A colour changes as a whole, with its third component.
    dac_component_ = 0;
    std::copy(dac_pending_.begin(), dac_pending_.end(), dac_.begin() + 3 * dac_write_index_++);
}

uint8_t VgaRegs::read_dac() {
    const uint8_t value = dac_[3u * dac_read_index_ + dac_component_];
    if (++dac_component_ == 3) {
        dac_component_ = 0;
        // Both index registers are one: 0x3C8 then shows the next colour.
        dac_write_index_ = ++dac_read_index_;
    }
    return value;
}

void VgaRegs::show_graphics(unsigned width, unsigned height, unsigned pitch, bool packed) {
    graphics_[6] = static_cast<uint8_t>((graphics_[6] & ~0x0c) | 0x05);
    graphics_[5] = static_cast<uint8_t>((graphics_[5] & ~0x60) | (packed ? 0x40 : 0));
    crtc_[0x17] |= 3;
    crtc_[0x13] = static_cast<uint8_t>(pitch >> 3);
    crtc_[0x01] = static_cast<uint8_t>((width >> 3) - 1);
    crtc_[0x12] = static_cast<uint8_t>(height - 1);
    crtc_[0x07] = static_cast<uint8_t>((crtc_[0x07] & ~0x42) | ((height - 1) >> 7 & 0x02) |
                                       ((height - 1) >> 3 & 0x40));
    crtc_[0x09] &= 0x60;  // no double scan
    on_memory_mode_();
}

// ---- life ----

void VgaRegs::reset() {
    seq_ = {};
    crtc_ = {};
    graphics_ = {};
    attribute_ = {};
    dac_ = {};
    misc_ = feature_ = 0;
    seq_index_ = crtc_index_ = graphics_index_ = attribute_index_ = 0;
    attribute_data_ = palette_enabled_ = false;
    pel_mask_ = 0xff;
    dac_write_index_ = dac_read_index_ = dac_component_ = 0;
    dac_reading_ = wide_dac_ = false;
    dac_pending_ = {};
    retrace_seen_ns_ = 0;
    on_memory_mode_();
}

void VgaRegs::state(StateVisitor& v) {
    v("seq", seq_);
    v("crtc", crtc_);
    v("graphics", graphics_);
    v("attribute", attribute_);
    v("dac", dac_);
    v("misc", misc_);
    v("feature", feature_);
    v("seq_index", seq_index_);
    v("crtc_index", crtc_index_);
    v("graphics_index", graphics_index_);
    v("attribute_index", attribute_index_);
    v("attribute_data", attribute_data_);
    v("palette_enabled", palette_enabled_);
    v("pel_mask", pel_mask_);
    v("dac_write_index", dac_write_index_);
    v("dac_read_index", dac_read_index_);
    v("dac_component", dac_component_);
    v("dac_reading", dac_reading_);
    v("wide_dac", wide_dac_);
    v("dac_pending", dac_pending_);
    v("retrace_seen_ns", retrace_seen_ns_);
    if (v.loading() && (seq_index_ >= seq_.size() || dac_component_ > 2)) {
        v.fail("vga: index out of range");
        seq_index_ = dac_component_ = 0;
    }
}

}  // namespace qr
