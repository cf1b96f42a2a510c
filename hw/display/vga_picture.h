// SPDX-License-Identifier: GPL-2.0-or-later
// The picture that a VGA's registers describe: which memory each line comes from, and how it becomes colours.
// IBM PS/2 Hardware Interface Technical Reference, "Video subsystem": CRT controller, attribute controller, video
// DAC. What a monitor would show of it: pixels of half the dot rate and lines scanned twice are that large.
//
// Not modelled: borders, skews other than the cursor's, the blanking registers, serializers that load every second
// or fourth character (SR01 bits 2 and 4), and the palette registers' part in 256-colour modes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace qr {

class Vga;

struct VgaPicture {
    enum class Kind : uint8_t {
        kBlank,
        kText,
        kPlanar,  // a bit of each plane makes a pixel
        kPairs,   // two bits of a byte, CGA's four colours
        kBytes,   // 256 colours
        kLinear,  // VBE but for its planar modes
    };
    struct Line {
        uint64_t start = 0;  // the memory address counter at its left edge
        uint8_t row = 0;     // the row scan counter
        uint8_t pan = 0;     // dots that are cut off at the left
        bool operator==(const Line&) const = default;
    };
    // Counter to address of a group of four planes. CR17, CR14, SR04.
    struct Addressing {
        uint8_t shift = 0;    // byte, word, doubleword
        bool wrap15 = false;  // word mode: which bit comes in at the bottom
        bool row0_to_13 = false, row1_to_14 = false;
        uint8_t slow = 0;     // the counter counts every 2^slow characters
        bool chain4 = false;  // see vga_memory.h
        bool linear = false;  // VBE: no mapping at all
        bool operator==(const Addressing&) const = default;
    };
    struct Cursor {
        bool shown = false;
        uint16_t at = 0;
        uint8_t first = 0, last = 0;
        bool operator==(const Cursor&) const = default;
    };
    using Fonts = std::array<std::array<uint8_t, 256 * 32>, 2>;  // for attribute bit 3 clear and set

    Kind kind = Kind::kBlank;
    unsigned width = 0, height = 0;
    unsigned columns = 0;  // characters, of 8 dots but in text modes
    unsigned dots = 8;
    unsigned stretch = 1;  // pixels that a dot makes
    Addressing addressing;
    std::vector<Line> lines;  // but for kLinear

    std::array<uint32_t, 16> attributes{};  // the attribute controller's colours
    std::array<uint32_t, 256> palette{};    // the DAC's, behind the pel mask
    uint8_t planes = 0;                     // AR12
    uint8_t invert = 0;                     // what blinking does to a pixel now

    // Text
    std::vector<Fonts> fonts;  // one
    Cursor cursor;
    bool blinks = false;        // attribute bit 7 isn't a colour
    bool hide_blinking = false, hide_cursor = false;
    bool line_graphics = false;
    uint8_t underline = 0;      // the row

    // VBE
    unsigned depth = 0;
    bool big_endian = false;
    uint64_t start = 0, pitch = 0;  // bytes

    bool operator==(const VgaPicture&) const = default;

    // ahead_ns: see PictureSource.
    static VgaPicture of(const Vga& vga, int64_t ahead_ns);

    // The group of planes of a character in this line; `size`: of video memory.
    uint64_t group(const Line& line, unsigned column, uint64_t size) const;
    // The bytes that line y comes from: offset and length. A line that wraps around claims everything.
    std::pair<uint64_t, uint64_t> memory_of(unsigned y, uint64_t size) const;

    // Pixels of line y into out, which has room for line_room().
    void draw_line(std::span<const uint8_t> memory, unsigned y, uint32_t* out) const;
    size_t line_room() const { return width + 64; }

  private:
    void set_colors(const Vga& vga);
    void set_linear(const Vga& vga);
    void set_planar_vbe(const Vga& vga);
    void set_scan(const Vga& vga);
    void set_text(const Vga& vga);

    void draw_text(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const;
    void draw_planar(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const;
    void draw_pairs(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const;
    void draw_bytes(std::span<const uint8_t> memory, const Line& line, uint32_t* out) const;
    void draw_linear(std::span<const uint8_t> memory, unsigned y, uint32_t* out) const;
};

}  // namespace qr
