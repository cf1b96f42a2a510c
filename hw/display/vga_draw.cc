// SPDX-License-Identifier: GPL-2.0-or-later
//
// Lines of a VGA's picture, from memory to colours: what serializers, character generator and attribute controller
// do. Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem": sequencer, graphics controller
// (mode register), attribute controller.
#include <algorithm>
#include <cstring>

#include "hw/display/vga_picture.h"
#include "util/bits.h"

namespace qr {

namespace {

// Bit n of a plane to bit 4n: eight pixels of one plane, to be put together with the other three.
constexpr auto kSpreadBits = [] {
    std::array<uint32_t, 256> table{};
    for (unsigned byte = 0; byte < 256; ++byte)
        for (unsigned bit = 0; bit < 8; ++bit)
            if (byte >> bit & 1) table[byte] |= 1u << 4 * bit;
    return table;
}();

uint32_t* put(uint32_t* out, uint32_t color, unsigned times) {
    *out++ = color;
    if (times == 2) *out++ = color;
    return out;
}

// 5 or 6 bits to 8: full is full.
uint32_t widen5(uint32_t v) { return v << 3 | v >> 2; }
uint32_t widen6(uint32_t v) { return v << 2 | v >> 4; }

}  // namespace

void VgaPicture::draw_line(std::span<const uint8_t> memory, unsigned y, uint32_t* out) const {
    switch (kind) {
        case Kind::kBlank: std::fill_n(out, width, 0u); return;
        case Kind::kLinear: return draw_linear(memory, y, out);
        case Kind::kText: draw_text(memory, lines[y], out); break;
        case Kind::kPlanar: draw_planar(memory, lines[y], out); break;
        case Kind::kPairs: draw_pairs(memory, lines[y], out); break;
        case Kind::kBytes: draw_bytes(memory, lines[y], out); break;
    }
    if (const unsigned pan = lines[y].pan * stretch) std::memmove(out, out + pan, width * sizeof *out);
}

void VgaPicture::draw_text(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const {
    const bool cursor_row = cursor.shown && line.row >= cursor.first && line.row <= cursor.last;
    const unsigned room = columns + (line.pan ? 1 : 0);
    for (unsigned column = 0; column < room; ++column) {
        const uint64_t at = group(line, column, memory.size()) * 4;
        const uint8_t code = memory[at], attribute = memory[at + 1];
        unsigned background = attribute >> 4;
        if (blinks) background &= 7;
        const uint32_t back = attributes[background & planes];
        const uint32_t front = attributes[attribute & 0x0f & planes];

        unsigned pattern = fonts[0][attribute >> 3 & 1][code * 32u + line.row] << 1;
        if (line_graphics && code >= 0xc0 && code <= 0xdf) pattern |= pattern >> 1 & 1;
        if (line.row == underline && (attribute & 0x77) == 0x01) pattern = 0x1ff;
        if (blinks && hide_blinking && attribute & 0x80) pattern = 0;
        if (cursor_row && ((line.start + (column >> addressing.slow)) & 0xffff) == cursor.at) pattern = 0x1ff;
        for (unsigned dot = 0; dot < dots; ++dot) out = put(out, pattern >> (8 - dot) & 1 ? front : back, stretch);
    }
}

void VgaPicture::draw_planar(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const {
    const unsigned room = columns + (line.pan ? 1 : 0);
    for (unsigned column = 0; column < room; ++column) {
        const uint8_t* byte = &memory[group(line, column, memory.size()) * 4];
        const uint32_t pixels = kSpreadBits[byte[0]] | kSpreadBits[byte[1]] << 1 | kSpreadBits[byte[2]] << 2 |
                                kSpreadBits[byte[3]] << 3;
        for (int shift = 28; shift >= 0; shift -= 4)
            out = put(out, attributes[(pixels >> shift & planes) ^ invert], stretch);
    }
}

// The first four pixels from planes 0 and 2, the others from 1 and 3.
void VgaPicture::draw_pairs(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const {
    const unsigned room = columns + (line.pan ? 1 : 0);
    for (unsigned column = 0; column < room; ++column) {
        const uint8_t* byte = &memory[group(line, column, memory.size()) * 4];
        for (unsigned half = 0; half < 2; ++half) {
            for (int shift = 6; shift >= 0; shift -= 2) {
                const unsigned pixel = (byte[half] >> shift & 3u) | (byte[half + 2] >> shift & 3u) << 2;
                out = put(out, attributes[(pixel & planes) ^ invert], stretch);
            }
        }
    }
}

// A pixel takes two dots, and there are four in a group.
void VgaPicture::draw_bytes(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const {
    const unsigned room = columns + (line.pan ? 1 : 0);
    for (unsigned column = 0; column < room; ++column) {
        const uint8_t* byte = &memory[group(line, column, memory.size()) * 4];
        for (unsigned i = 0; i < 4; ++i) {
            out = put(out, palette[byte[i]], stretch);
            out = put(out, palette[byte[i]], stretch);
        }
    }
}

void VgaPicture::draw_linear(std::span<const uint8_t> memory, unsigned y, uint32_t* out) const {
    const uint64_t mask = memory.size() - 1;
    const unsigned step = (depth + 7) / 8;
    uint64_t at = start + y * pitch;
    for (unsigned x = 0; x < width; ++x, at += step) {
        uint32_t value = 0;
        for (unsigned i = 0; i < step; ++i)
            value |= uint32_t{memory[(at + i) & mask]} << 8 * (big_endian ? step - 1 - i : i);
        switch (depth) {
            case 8: value = palette[value]; break;
            case 15:
                value = widen5(value >> 10 & 31) << 16 | widen5(value >> 5 & 31) << 8 | widen5(value & 31);
                break;
            case 16:
                value = widen5(value >> 11) << 16 | widen6(value >> 5 & 63) << 8 | widen5(value & 31);
                break;
            default: value &= 0xffffff;
        }
        out[x] = value;
    }
}

}  // namespace qr
