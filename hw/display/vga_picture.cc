// SPDX-License-Identifier: GPL-2.0-or-later
//
// From registers to a picture's parameters. Source: IBM PS/2 Hardware Interface Technical Reference, "Video
// subsystem"; Bochs VBE extension documentation.
#include "hw/display/vga_picture.h"

#include <algorithm>

#include "hw/display/vga.h"
#include "util/bits.h"

namespace qr {

namespace {

// What is shown until somebody sets a mode.
constexpr unsigned kBlankWidth = 720, kBlankHeight = 400;
// Frames that the cursor and characters are seen, and aren't.
constexpr unsigned kCursorFrames = 8, kCharacterFrames = 16;

constexpr uint64_t kPlaneMask = 0xffff;  // 64 KiB a plane

// Where fonts are in plane 2, by SR03's three bits. The fifth to eighth are between the others.
unsigned font_offset(unsigned select) { return (select & 3) * 0x4000 + (select >> 2) * 0x2000; }

// A DAC of 6 bits; the low bit fills up, so that full is full.
uint32_t widen(uint8_t six) { return static_cast<uint32_t>(six << 2 | (six & 1 ? 3 : 0)); }

}  // namespace

VgaPicture VgaPicture::of(const Vga& vga, int64_t ahead_ns) {
    VgaPicture p;
    const VgaRegs& regs = vga.regs();
    const uint64_t frame = regs.frames(ahead_ns);
    p.hide_cursor = frame & kCursorFrames;
    p.hide_blinking = frame & kCharacterFrames;
    p.set_colors(vga);
    if (vga.vbe().enabled()) {
        if (vga.vbe().planar())
            p.set_planar_vbe(vga);
        else
            p.set_linear(vga);
    } else if (!regs.crtc(0x01)) {
        p.width = kBlankWidth;
        p.height = kBlankHeight;
    } else {
        p.set_scan(vga);
    }
    // Where these matter, other fields have it by now.
    if (!p.blinks) p.hide_blinking = false;
    p.hide_cursor = false;
    // The palette isn't connected, or the sequencer leaves memory to the CPU.
    if (!regs.screen_on() || regs.seq(1) & 0x20) p.kind = Kind::kBlank;
    return p;
}

void VgaPicture::set_colors(const Vga& vga) {
    const VgaRegs& regs = vga.regs();
    for (unsigned i = 0; i < palette.size(); ++i) {
        const auto [r, g, b] = regs.color(i & regs.pel_mask());
        palette[i] = regs.wide_dac() ? static_cast<uint32_t>(r << 16 | g << 8 | b)
                                     : widen(r) << 16 | widen(g) << 8 | widen(b);
    }
    const uint8_t mode = regs.attribute(0x10), select = regs.attribute(0x14);
    for (unsigned i = 0; i < attributes.size(); ++i) {
        unsigned color = regs.attribute(i) & 0x3f;
        if (mode & 0x80) color = (color & 0x0f) | (select & 3u) << 4;
        attributes[i] = palette[color | (select >> 2 & 3u) << 6];
    }
    planes = regs.attribute(0x12) & 0x0f;
}

void VgaPicture::set_linear(const Vga& vga) {
    const VgaVbe& vbe = vga.vbe();
    kind = Kind::kLinear;
    width = vbe.width();
    height = vbe.height();
    depth = vbe.bits_per_pixel();
    big_endian = vga.big_endian();
    start = vbe.start();
    pitch = vbe.pitch();
}

// Groups of planes one after the other; the CRT controller's registers have no say.
void VgaPicture::set_planar_vbe(const Vga& vga) {
    const VgaVbe& vbe = vga.vbe();
    kind = Kind::kPlanar;
    width = vbe.width();
    height = vbe.height();
    columns = width / 8;
    addressing.linear = true;
    const uint64_t first = vbe.start();
    lines.resize(height);
    for (unsigned y = 0; y < height; ++y)
        lines[y] = {(first + uint64_t{y} * vbe.pitch()) / 4, 0, static_cast<uint8_t>(first % 4 * 2)};
}

// The CRT controller's counters, line by line.
void VgaPicture::set_scan(const Vga& vga) {
    const VgaRegs& regs = vga.regs();
    const uint8_t mode = regs.crtc(0x17);
    addressing.shift = regs.crtc(0x14) & 0x40 ? 2 : mode & 0x40 ? 0 : 1;
    addressing.wrap15 = mode & 0x20;
    addressing.row0_to_13 = !(mode & 1);
    addressing.row1_to_14 = !(mode & 2);
    addressing.slow = regs.crtc(0x14) & 0x20 ? 2 : mode & 0x08 ? 1 : 0;
    addressing.chain4 = regs.seq(4) & 0x08;

    const bool text = !(regs.graphics(6) & 1);
    kind = text                       ? Kind::kText
           : regs.graphics(5) & 0x40 ? Kind::kBytes
           : regs.graphics(5) & 0x20 ? Kind::kPairs
                                     : Kind::kPlanar;
    columns = regs.crtc(0x01) + 1u;
    dots = text && !(regs.seq(1) & 1) ? 9 : 8;
    stretch = regs.seq(1) & 8 ? 2 : 1;
    // CR17 bit 2: everything vertical counts pairs of lines.
    const unsigned pair = mode & 4 ? 2 : 1;
    width = columns * dots * stretch;
    height = (regs.vertical_display_end() + 1) * pair;
    if (kind != Kind::kText && regs.attribute(0x10) & 8 && hide_blinking) invert = 8;
    if (text) set_text(vga);

    unsigned pan = regs.attribute(0x13) & 0x0f;
    if (dots == 9)
        pan = pan < 8 ? pan + 1 : 0;
    else
        pan &= 7;
    const unsigned byte_pan = bits(regs.crtc(0x08), 5, 2);
    const bool split_still = regs.attribute(0x10) & 0x20;  // panning ends at the split
    const unsigned last_row = regs.crtc(0x09) & 0x1f;
    const unsigned repeat = (regs.crtc(0x09) & 0x80 ? 2 : 1) * pair;
    const unsigned next = regs.crtc(0x13) * 2u;

    Line line{regs.start_address() + byte_pan, static_cast<uint8_t>(regs.crtc(0x08) & 0x1f),
              static_cast<uint8_t>(pan)};
    unsigned repeated = 0;
    lines.reserve(height);
    for (unsigned y = 0; y < height; ++y) {
        lines.push_back(line);
        if ((y + 1) % pair == 0 && y / pair == regs.line_compare()) {
            line = {split_still ? 0 : byte_pan, 0, split_still ? uint8_t{0} : line.pan};
            repeated = 0;
        } else if (++repeated == repeat) {
            repeated = 0;
            if (line.row == last_row) {
                line.row = 0;
                line.start += next;
            } else {
                line.row = (line.row + 1) & 0x1f;
            }
        }
    }
}

void VgaPicture::set_text(const Vga& vga) {
    const VgaRegs& regs = vga.regs();
    const uint8_t mode = regs.attribute(0x10), select = regs.seq(3);
    blinks = mode & 8;
    line_graphics = mode & 4;
    underline = regs.crtc(0x14) & 0x1f;
    const uint8_t first = regs.crtc(0x0a), last = regs.crtc(0x0b);
    cursor.shown = !(first & 0x20) && !hide_cursor;
    cursor.at = static_cast<uint16_t>((regs.crtc(0x0e) << 8 | regs.crtc(0x0f)) + (last >> 5 & 3));
    cursor.first = first & 0x1f;
    cursor.last = last & 0x1f;

    unsigned b = bits(select, 0, 2) | bits(select, 4, 1) << 2;
    unsigned a = bits(select, 2, 2) | bits(select, 5, 1) << 2;
    if (!(regs.seq(4) & 2)) a = b = 0;  // 64 KiB of memory hold one font
    fonts.resize(1);
    const uint8_t* plane2 = vga.vram().data() + 2;
    const auto copy = [plane2](unsigned offset, auto& font) {
        for (size_t i = 0; i < font.size(); ++i) font[i] = plane2[((offset + i) & kPlaneMask) * 4];
    };
    copy(font_offset(b), fonts[0][0]);
    if (a == b)
        fonts[0][1] = fonts[0][0];
    else
        copy(font_offset(a), fonts[0][1]);
}

// ---- where a line comes from ----

uint64_t VgaPicture::group(const Line& line, unsigned column, uint64_t size) const {
    if (addressing.linear) return (line.start + column) & (size / 4 - 1);
    const uint64_t counter = (line.start + (column >> addressing.slow)) & 0xffff;
    uint64_t address = counter << addressing.shift;
    if (addressing.shift == 1) address |= (addressing.wrap15 ? counter >> 15 : counter >> 13) & 1;
    if (addressing.shift == 2) address |= counter >> 12 & 3;
    if (addressing.row0_to_13) address = (address & ~0x2000ull) | (line.row & 1u) << 13;
    if (addressing.row1_to_14) address = (address & ~0x4000ull) | (line.row >> 1 & 1u) << 14;
    address &= kPlaneMask;
    return addressing.chain4 ? address >> 2 : address;
}

std::pair<uint64_t, uint64_t> VgaPicture::memory_of(unsigned y, uint64_t size) const {
    if (kind == Kind::kBlank) return {0, 0};
    if (kind == Kind::kLinear) {
        const uint64_t first = (start + y * pitch) & (size - 1);
        const uint64_t length = uint64_t{width} * ((depth + 7) / 8);
        return first + length > size ? std::pair{uint64_t{0}, size} : std::pair{first, length};
    }
    const Line& line = lines[y];
    const uint64_t first = group(line, 0, size), last = group(line, columns, size);
    const uint64_t steps = (columns >> addressing.slow) << (addressing.chain4 ? 0 : addressing.shift);
    // Only if it counts up evenly; bits of the counter that come in at the bottom may add a little.
    if (last < first || last - first > steps + 3) return {0, addressing.linear ? size : uint64_t{4} << 16};
    return {first * 4, (last - first + 4) * 4};
}

}  // namespace qr
