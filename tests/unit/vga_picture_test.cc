// SPDX-License-Identifier: GPL-2.0-or-later
// The VGA's picture in every mode, against pixels worked out here from what the program wrote, and what of it is
// drawn again. Modes are those of IBM's BIOS (PS/2 and PC BIOS Interface Technical Reference, "Video").
#include <gtest/gtest.h>

#include "hw/display/vga.h"
#include "hw/display/vga_scanout.h"
#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

using test::StateMap;
using test::TestBus;
using test::TestTime;

struct Mode {
    uint8_t misc;
    std::vector<uint8_t> seq, crtc, graphics, control;
};
const std::vector<uint8_t> kCrtc80 = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e,
                                      0x00, 0x00, 0x00, 0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
const Mode kText80{0x67, {3, 0, 3, 0, 2}, kCrtc80, {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff}, {0x0c, 0, 0x0f, 8, 0}};
const Mode k640x480{0xe3, {3, 1, 15, 0, 6},
                    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0, 0, 0,
                     0, 0, 0, 0xea, 0x0c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff},
                    {0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff}, {0x01, 0, 0x0f, 0, 0}};
const Mode k320x200x16{0x63, {3, 9, 15, 0, 6},
                       {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc0, 0, 0, 0,
                        0, 0, 0, 0x9c, 0x0e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xe3, 0xff},
                       {0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff}, {0x01, 0, 0x0f, 0, 0}};
const Mode kCga4{0x63, {3, 9, 3, 0, 2},
                 {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0,
                  0, 0, 0, 0x9c, 0x0e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff},
                 {0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff}, {0x01, 0, 0x03, 0, 0}};
const Mode kCga2{0x63, {3, 1, 1, 0, 6},
                 {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0,
                  0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xc2, 0xff},
                 {0, 0, 0, 0, 0, 0x00, 0x0d, 0, 0xff}, {0x01, 0, 0x01, 0, 0}};
const Mode k320x200x256{0x63, {3, 1, 15, 0, 14},
                        {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0,
                         0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
                        {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff}, {0x41, 0, 0x0f, 0, 0}};

struct VgaPictureTest : testing::Test {
    static constexpr unsigned kDevfn = pci_devfn(2, 0);
    static constexpr uint64_t kFrame = 14'268'322;  // of a mode with 400 lines
    TestTime time;
    TestBus bus;
    std::unique_ptr<Vga> vga =
        std::move(*Vga::create(bus.pci, kDevfn, bus.memory, bus.ports, time.clock, nullptr));
    VgaScanout scanout{*vga, bus.memory};
    Surface shown;
    std::vector<Rect> changed;

    void SetUp() override { vga->reset(); }
    void out(uint16_t port, uint8_t value) { bus.ports.port_write(port, 1, value); }
    void indexed(uint16_t port, uint8_t index, uint8_t value) {
        bus.ports.port_write(port, 2, value << 8 | index);
    }
    void crtc(uint8_t index, uint8_t value) { indexed(0x3d4, index, value); }
    void seq(uint8_t index, uint8_t value) { indexed(0x3c4, index, value); }
    void gr(uint8_t index, uint8_t value) { indexed(0x3ce, index, value); }
    void control(uint8_t index, uint8_t value) {
        bus.ports.port_read(0x3da, 1);
        out(0x3c0, index);
        out(0x3c0, value);
        out(0x3c0, 0x20);
    }
    void set_dac(unsigned index, uint8_t r, uint8_t g, uint8_t b) {
        out(0x3c8, static_cast<uint8_t>(index));
        out(0x3c9, r);
        out(0x3c9, g);
        out(0x3c9, b);
    }
    // Palette registers count up; DAC entry n is as dac(n) says.
    void set(const Mode& mode) {
        out(0x3c2, mode.misc);
        for (uint8_t i = 0; i < mode.seq.size(); ++i) seq(i, mode.seq[i]);
        crtc(0x11, 0);
        for (uint8_t i = 0; i < mode.crtc.size(); ++i) crtc(i, mode.crtc[i]);
        for (uint8_t i = 0; i < mode.graphics.size(); ++i) gr(i, mode.graphics[i]);
        for (uint8_t i = 0; i < 16; ++i) control(i, i);
        for (uint8_t i = 0; i < mode.control.size(); ++i)
            control(static_cast<uint8_t>(0x10 + i), mode.control[i]);
        for (unsigned i = 0; i < 256; ++i)
            set_dac(i, static_cast<uint8_t>(i & 0x3f), static_cast<uint8_t>(i >> 2),
                    static_cast<uint8_t>(63 - (i & 0x3f)));
    }
    static uint32_t wide(unsigned v) { return v * 4 + (v % 2 ? 3 : 0); }
    static uint32_t dac(unsigned i) { return wide(i & 0x3f) << 16 | wide(i >> 2) << 8 | wide(63 - (i & 0x3f)); }

    void dispi(uint16_t index, uint16_t value) {
        bus.ports.port_write(0x1ce, 2, index);
        bus.ports.port_write(0x1cf, 2, value);
    }
    void vbe(uint16_t width, uint16_t height, uint16_t depth) {
        dispi(4, 0);
        dispi(1, width);
        dispi(2, height);
        dispi(3, depth);
        dispi(4, 0x41);
        out(0x3c0, 0x20);
    }
    void poke(uint64_t address, uint8_t value) { bus.memory.write(address, 1, value); }
    // A pixel of 640x480x16 or 320x200x16, by the planes it sets.
    void plot(unsigned x, unsigned y, unsigned pitch, unsigned color) {
        const uint64_t at = 0xa0000 + y * pitch + x / 8;
        gr(8, static_cast<uint8_t>(0x80 >> x % 8));
        bus.memory.read(at, 1);
        gr(5, 2);
        poke(at, static_cast<uint8_t>(color));
        gr(5, 0);
    }
    Surface picture() const {
        Surface surface;
        scanout.draw(surface, 0);
        return surface;
    }
    uint32_t pixel(unsigned x, unsigned y) const { return picture().row(y)[x]; }
    // Calls expected(x, y) for every pixel.
    template <class F>
    void expect(unsigned width, unsigned height, F expected) {
        const Surface surface = picture();
        ASSERT_EQ(surface.width(), width);
        ASSERT_EQ(surface.height(), height);
        for (unsigned y = 0; y < height; ++y)
            for (unsigned x = 0; x < width; ++x)
                ASSERT_EQ(surface.row(y)[x], expected(x, y)) << "at " << x << ", " << y;
    }
    // Refreshes; the result must be what a whole drawing gives.
    std::vector<Rect> refresh() {
        changed.clear();
        scanout.refresh(shown, changed, 0);
        EXPECT_EQ(shown, picture());
        return changed;
    }

    // --- text ---
    // Glyph rows in both fonts: code, mixed with the row.
    static uint8_t glyph(unsigned font, unsigned code, unsigned row) {
        return static_cast<uint8_t>(code * 5 + row * 17 + font * 99);
    }
    void load_font(unsigned font, unsigned offset) {
        seq(2, 4);
        seq(4, 6);
        gr(5, 0);
        gr(6, 4);
        for (unsigned code = 0; code < 256; ++code)
            for (unsigned row = 0; row < 32; ++row) poke(0xa0000 + offset + code * 32 + row, glyph(font, code, row));
        seq(2, 3);
        seq(4, 2);
        gr(5, 0x10);
        gr(6, 0x0e);
    }
    void put(unsigned column, unsigned line, uint8_t code, uint8_t attribute) {
        poke(0xb8000 + (line * 80 + column) * 2, code);
        poke(0xb8000 + (line * 80 + column) * 2 + 1, attribute);
    }
    void text() {
        set(kText80);
        load_font(0, 0);
        for (unsigned i = 0; i < 2000; ++i) put(i % 80, i / 80, code(i % 80, i / 80), attribute(i % 80, i / 80));
        crtc(0x0a, 0x20);  // no cursor
    }
    static uint8_t code(unsigned column, unsigned line) { return static_cast<uint8_t>(column * 7 + line * 31); }
    static uint8_t attribute(unsigned column, unsigned line) {
        return static_cast<uint8_t>((column * 3 + line * 11) & 0x7f);
    }
    static bool glyph_dot(unsigned font, unsigned code, unsigned row, unsigned dot) {
        if (dot == 8) return code >= 0xc0 && code <= 0xdf && (glyph(font, code, row) & 1);
        return glyph(font, code, row) & 0x80 >> dot;
    }
    static uint32_t cell(unsigned column, unsigned line, unsigned row, unsigned dot) {
        const unsigned a = attribute(column, line);
        return dac(glyph_dot(0, code(column, line), row, dot) ? a & 15 : a >> 4);
    }
};

TEST_F(VgaPictureTest, NothingIsBlack) {
    expect(720, 400, [](unsigned, unsigned) { return 0u; });
}

TEST_F(VgaPictureTest, TextOfNineDots) {
    text();
    expect(720, 400, [](unsigned x, unsigned y) { return cell(x / 9, y / 16, y % 16, x % 9); });
}

TEST_F(VgaPictureTest, TextOfEightDotsAndFortyColumns) {
    text();
    seq(1, 1);
    expect(640, 400, [](unsigned x, unsigned y) { return cell(x / 8, y / 16, y % 16, x % 8); });
    seq(1, 9);
    crtc(0x01, 39);
    expect(640, 400, [](unsigned x, unsigned y) { return cell(x / 16, y / 16, y % 16, x / 2 % 8); });
}

TEST_F(VgaPictureTest, LineGraphicsCanBeOff) {
    text();
    put(0, 0, 0xc3, 0x07);
    for (unsigned row = 0; row < 16; ++row)
        EXPECT_EQ(pixel(8, row), dac(glyph(0, 0xc3, row) & 1 ? 7 : 0));
    control(0x10, 0x08);
    for (unsigned row = 0; row < 16; ++row) EXPECT_EQ(pixel(8, row), dac(0));
}

TEST_F(VgaPictureTest, TwoFonts) {
    text();
    load_font(1, 0x6000);  // the sixth place
    put(0, 0, 'A', 0x08);
    put(1, 0, 'A', 0x07);
    seq(3, 0x20 | 1 << 2);  // font A, for bit 3 set
    for (unsigned row = 0; row < 16; ++row) {
        for (unsigned dot = 0; dot < 8; ++dot) {
            EXPECT_EQ(pixel(dot, row), dac(glyph_dot(1, 'A', row, dot) ? 8 : 0));
            EXPECT_EQ(pixel(9 + dot, row), dac(glyph_dot(0, 'A', row, dot) ? 7 : 0));
        }
    }
    seq(4, 0);  // less memory: the first font, whatever is selected
    EXPECT_EQ(pixel(1, 0), dac(glyph_dot(0, 'A', 0, 1) ? 8 : 0));
}

TEST_F(VgaPictureTest, BlinkingByVirtualTime) {
    text();
    put(0, 0, 0x33, 0x97);  // 0xff in row 0
    ASSERT_EQ(glyph(0, 0x33, 0), 0xff);
    unsigned front = 0;
    for (unsigned frame = 0; frame < 64; ++frame) {
        const uint32_t color = pixel(0, 0);
        EXPECT_TRUE(color == dac(7) || color == dac(1));
        front += color == dac(7);
        time.run(kFrame);
    }
    EXPECT_NEAR(front, 32, 1);
    control(0x10, 0x04);
    for (unsigned frame = 0; frame < 40; ++frame) {
        EXPECT_EQ(pixel(0, 0), dac(7));
        EXPECT_EQ(pixel(8, 0), dac(9));  // an intense background
        time.run(kFrame);
    }
}

TEST_F(VgaPictureTest, Cursor) {
    text();
    const unsigned at = 3 * 80 + 5;
    put(5, 3, 0, 0x24);
    crtc(0x0e, at >> 8);
    crtc(0x0f, at & 0xff);
    crtc(0x0a, 13);
    crtc(0x0b, 14);
    const auto solid = [&](unsigned column, unsigned row) {
        bool all = true;
        for (unsigned dot = 0; dot < 9; ++dot) all = all && pixel(column * 9 + dot, 3 * 16 + row) == dac(4);
        return all;
    };
    EXPECT_FALSE(solid(5, 12));
    EXPECT_TRUE(solid(5, 13));
    EXPECT_TRUE(solid(5, 14));
    EXPECT_FALSE(solid(5, 15));
    unsigned on = 0;
    for (unsigned frame = 0; frame < 32; ++frame) {
        on += solid(5, 13);
        time.run(kFrame);
    }
    EXPECT_NEAR(on, 16, 1);
    while (!solid(5, 13)) time.run(kFrame);
    put(6, 3, 0, 0x24);
    crtc(0x0b, 0x20 | 14);  // a character later
    EXPECT_FALSE(solid(5, 13));
    EXPECT_TRUE(solid(6, 13));
    crtc(0x0b, 12);  // ends before it begins
    EXPECT_FALSE(solid(5, 13));
    crtc(0x0b, 14);
    crtc(0x0a, 0x20 | 13);
    EXPECT_FALSE(solid(5, 13));
}

TEST_F(VgaPictureTest, Underline) {
    text();
    crtc(0x14, 0x0c);
    put(0, 0, 0, 0x01);
    put(1, 0, 0, 0x02);
    ASSERT_NE(glyph(0, 0, 12), 0xff);
    for (unsigned dot = 0; dot < 9; ++dot) {
        EXPECT_EQ(pixel(dot, 12), dac(1));
        EXPECT_EQ(pixel(9 + dot, 12), dac(glyph_dot(0, 0, 12, dot) ? 2 : 0));
    }
}

TEST_F(VgaPictureTest, TextScrollsSmoothly) {
    text();
    crtc(0x0d, 80);    // a line down
    crtc(0x08, 5);     // five rows
    control(0x13, 2);  // three dots
    const Surface s = picture();
    for (unsigned y = 0; y < 22 * 16; ++y) {
        for (unsigned x = 0; x < 720; ++x) {
            const unsigned dot = x + 3, row = y + 5, character = (1 + row / 16) * 80 + dot / 9;
            ASSERT_EQ(s.row(y)[x], cell(character % 80, character / 80, row % 16, dot % 9)) << x << ", " << y;
        }
    }
}

TEST_F(VgaPictureTest, SplitScreenStartsAtZero) {
    text();
    crtc(0x0d, 160);
    control(0x13, 3);
    crtc(0x18, 199);
    crtc(0x07, 0x0f);
    crtc(0x09, 0x0f);
    const Surface a = picture();
    EXPECT_EQ(a.row(0)[0], cell(0, 2, 0, 4));
    EXPECT_EQ(a.row(199)[0], cell(0, 2 + 199 / 16, 199 % 16, 4));
    EXPECT_EQ(a.row(200)[0], cell(0, 0, 0, 4));
    EXPECT_EQ(a.row(217)[18], cell(2, 1, 1, 4));
    control(0x10, 0x2c);  // panning ends at the split
    const Surface b = picture();
    EXPECT_EQ(b.row(199)[0], cell(0, 2 + 199 / 16, 199 % 16, 4));
    EXPECT_EQ(b.row(200)[0], cell(0, 0, 0, 0));
}

TEST_F(VgaPictureTest, PlanarSixteenColors) {
    set(k640x480);
    const auto color = [](unsigned x, unsigned y) { return (x * 3 + y * 5 + x * y / 64) & 15; };
    for (unsigned y = 0; y < 480; y += 7)
        for (unsigned x = 0; x < 640; ++x) plot(x, y, 80, color(x, y));
    expect(640, 480, [&](unsigned x, unsigned y) { return dac(y % 7 ? 0 : color(x, y)); });
    control(0x12, 0x05);
    expect(640, 480, [&](unsigned x, unsigned y) { return dac(y % 7 ? 0 : color(x, y) & 5); });
}

TEST_F(VgaPictureTest, PlanarPanning) {
    set(k640x480);
    crtc(0x13, 50);  // 800 dots a line
    const auto color = [](unsigned x, unsigned y) { return (x / 3 + y) & 15; };
    for (unsigned y = 0; y < 30; ++y)
        for (unsigned x = 0; x < 800; ++x) plot(x, y, 100, color(x, y));
    crtc(0x0d, 207);      // 2 lines and 7 bytes
    crtc(0x08, 0x40);     // 2 bytes
    control(0x13, 5);     // 5 dots
    const Surface s = picture();
    for (unsigned y = 0; y < 28; ++y)
        for (unsigned x = 0; x < 640; ++x) ASSERT_EQ(s.row(y)[x], dac(color(x + 77, y + 2))) << x << ", " << y;
}

TEST_F(VgaPictureTest, DoubledDotsAndLines) {
    set(k320x200x16);
    const auto color = [](unsigned x, unsigned y) { return (x + 2 * y) & 15; };
    for (unsigned y = 0; y < 200; ++y)
        for (unsigned x = 0; x < 320; x += 3) plot(x, y, 40, color(x, y));
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(x / 2 % 3 ? 0 : color(x / 2, y / 2)); });
    // Counting pairs of lines instead of scanning twice gives the same.
    crtc(0x09, 0x40);
    crtc(0x17, 0xe7);
    crtc(0x12, 199);
    crtc(0x07, 0x1d);
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(x / 2 % 3 ? 0 : color(x / 2, y / 2)); });
}

TEST_F(VgaPictureTest, CgaFourColors) {
    set(kCga4);
    const auto color = [](unsigned x, unsigned y) { return (x + y * 3 + x / 7) & 3; };
    for (unsigned y = 0; y < 200; ++y)
        for (unsigned x = 0; x < 320; x += 4) {
            uint8_t byte = 0;
            for (unsigned i = 0; i < 4; ++i) byte = static_cast<uint8_t>(byte << 2 | color(x + i, y));
            poke(0xb8000 + (y % 2) * 0x2000 + y / 2 * 80 + x / 4, byte);
        }
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(color(x / 2, y / 2)); });
}

TEST_F(VgaPictureTest, CgaTwoColors) {
    set(kCga2);
    const auto lit = [](unsigned x, unsigned y) { return (x * x + y) / 5 & 1; };
    for (unsigned y = 0; y < 200; ++y)
        for (unsigned x = 0; x < 640; x += 8) {
            uint8_t byte = 0;
            for (unsigned i = 0; i < 8; ++i) byte = static_cast<uint8_t>(byte << 1 | lit(x + i, y));
            poke(0xb8000 + (y % 2) * 0x2000 + y / 2 * 80 + x / 8, byte);
        }
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(lit(x, y / 2)); });
}

TEST_F(VgaPictureTest, FourBanksOfLines) {  // as Hercules has them
    set(kCga2);
    gr(6, 5);
    crtc(0x17, 0xc0);
    crtc(0x09, 0xc3);
    for (unsigned bank = 0; bank < 4; ++bank) poke(0xa0000 + bank * 0x2000, static_cast<uint8_t>(0x80 >> bank));
    for (unsigned y = 0; y < 8; ++y)
        for (unsigned x = 0; x < 8; ++x) EXPECT_EQ(pixel(x, y), dac(x == y / 2)) << x << ", " << y;
}

TEST_F(VgaPictureTest, Chain4) {
    set(k320x200x256);
    const auto color = [](unsigned x, unsigned y) { return (x * 3 + y * 7) & 0xff; };
    for (unsigned y = 0; y < 200; ++y)
        for (unsigned x = 0; x < 320; ++x) poke(0xa0000 + y * 320 + x, static_cast<uint8_t>(color(x, y)));
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(color(x / 2, y / 2)); });
    out(0x3c6, 0x0f);
    expect(640, 400, [&](unsigned x, unsigned y) { return dac(color(x / 2, y / 2) & 15); });
    out(0x3c6, 0xff);
    control(0x13, 4);  // two pixels
    crtc(0x0d, 80);    // one line
    const Surface s = picture();
    for (unsigned y = 0; y < 398; ++y)
        for (unsigned x = 0; x < 636; ++x) ASSERT_EQ(s.row(y)[x], dac(color(x / 2 + 2, y / 2 + 1)));
}

TEST_F(VgaPictureTest, ModeX) {  // 320x240, planes unchained
    set(k320x200x256);
    seq(4, 6);
    out(0x3c2, 0xe3);
    for (const auto& [index, value] : std::vector<std::pair<int, int>>{{6, 0x0d}, {7, 0x3e}, {0x10, 0xea},
             {0x11, 0x0c}, {0x12, 0xdf}, {0x14, 0}, {0x15, 0xe7}, {0x16, 6}, {0x17, 0xe3}})
        crtc(static_cast<uint8_t>(index), static_cast<uint8_t>(value));
    const auto color = [](unsigned x, unsigned y) { return (x * 5 + y * 3) & 0xff; };
    for (unsigned plane = 0; plane < 4; ++plane) {
        seq(2, static_cast<uint8_t>(1 << plane));
        for (unsigned y = 0; y < 240; ++y)
            for (unsigned x = plane; x < 320; x += 4)
                poke(0xa0000 + y * 80 + x / 4, static_cast<uint8_t>(color(x, y)));
    }
    expect(640, 480, [&](unsigned x, unsigned y) { return dac(color(x / 2, y / 2)); });
    crtc(0x0c, 0xff);  // 64 KiB of a plane wrap around
    crtc(0x0d, 0xb0);
    EXPECT_EQ(pixel(0, 2), dac(color(0, 0)));
}

TEST_F(VgaPictureTest, AttributeColorSelect) {
    set(k640x480);
    plot(0, 0, 80, 3);
    control(3, 0x2a);
    EXPECT_EQ(pixel(0, 0), dac(0x2a));
    control(0x14, 0x0c);
    EXPECT_EQ(pixel(0, 0), dac(0xea));
    control(0x14, 0x09);
    control(0x10, 0x81);
    EXPECT_EQ(pixel(0, 0), dac(0x9a));
}

TEST_F(VgaPictureTest, GraphicsBlinkPlane3) {
    set(k640x480);
    control(0x10, 0x09);
    plot(0, 0, 80, 4);
    unsigned lit = 0;
    for (unsigned frame = 0; frame < 64; ++frame) {
        const uint32_t color = pixel(0, 0);
        EXPECT_TRUE(color == dac(4) || color == dac(12));
        lit += color == dac(4);
        time.run(16'683'217);
    }
    EXPECT_NEAR(lit, 32, 1);
}

TEST_F(VgaPictureTest, ScreenOff) {
    set(k640x480);
    plot(0, 0, 80, 15);
    EXPECT_EQ(pixel(0, 0), dac(15));
    seq(1, 0x21);
    EXPECT_EQ(pixel(0, 0), 0u);
    seq(1, 0x01);
    bus.ports.port_read(0x3da, 1);
    out(0x3c0, 0);
    expect(640, 480, [](unsigned, unsigned) { return 0u; });
}

struct Depth {
    uint16_t bits;
    uint32_t color, memory;
};
struct VbeDepth : VgaPictureTest, testing::WithParamInterface<Depth> {};
TEST_P(VbeDepth, Colors) {
    set(k640x480);
    bus.write(kDevfn, 0x10, 4, 0xe0000000);
    bus.write(kDevfn, 4, 2, 2);
    const auto [bits, color, memory] = GetParam();
    vbe(800, 600, bits);
    const unsigned step = (bits + 7u) / 8;
    const auto store = [&, memory = memory](unsigned x, unsigned y, unsigned pitch) {
        for (unsigned i = 0; i < step; ++i)
            poke(0xe0000000 + y * pitch + x * step + i, static_cast<uint8_t>(memory >> 8 * i));
    };
    store(0, 0, 800 * step);
    store(799, 599, 800 * step);
    store(13, 7, 800 * step);
    expect(800, 600, [&, color = color](unsigned x, unsigned y) {
        const bool here = (x == 0 && y == 0) || (x == 799 && y == 599) || (x == 13 && y == 7);
        return here ? color : bits == 8 ? dac(0) : 0;
    });
    dispi(6, 1024);
    dispi(8, 16);
    dispi(9, 3);
    store(16 + 5, 3 + 2, 1024 * step);
    EXPECT_EQ(pixel(5, 2), color);
}
INSTANTIATE_TEST_SUITE_P(All, VbeDepth,
                         testing::Values(Depth{8, VgaPictureTest::dac(0x5a), 0x5a}, Depth{15, 0x39ef84, 0x1fb0},
                                         Depth{16, 0x5255ad, 0x52b5}, Depth{24, 0x123456, 0x123456},
                                         Depth{32, 0x89abcd, 0xff89abcd}),
                         [](const auto& info) { return "Bits" + std::to_string(info.param.bits); });

TEST_F(VgaPictureTest, VbeBigEndian) {
    vbe(640, 480, 32);
    bus.write(kDevfn, 0x18, 4, 0xe1000000);
    bus.write(kDevfn, 4, 2, 2);
    bus.memory.write(0xe1000604, 4, 0xbebebebe);
    bus.memory.write(0xa0000, 4, 0x33221100);
    EXPECT_EQ(pixel(0, 0), 0x112233u);
}

TEST_F(VgaPictureTest, VbeEightBitDac) {
    vbe(640, 480, 8);
    dispi(4, 0x61);
    set_dac(7, 0x81, 0x42, 0xfe);
    poke(0xa0000, 7);
    EXPECT_EQ(pixel(0, 0), 0x8142feu);
}

TEST_F(VgaPictureTest, VbePlanar) {
    set(k640x480);
    vbe(800, 600, 4);
    seq(2, 15);
    seq(4, 6);
    for (unsigned x = 0; x < 800; x += 3) plot(x, 600 - 13, 100, x & 15);
    expect(800, 600, [](unsigned x, unsigned y) { return dac(y == 587 && x % 3 == 0 ? x & 15 : 0); });
}

// ---- drawing again ----

TEST_F(VgaPictureTest, RefreshDrawsWhatWasWritten) {
    vbe(1024, 768, 32);
    bus.write(kDevfn, 0x10, 4, 0xe0000000);
    bus.write(kDevfn, 4, 2, 2);
    EXPECT_EQ(refresh(), (std::vector<Rect>{{0, 0, 1024, 768}}));
    EXPECT_TRUE(refresh().empty());
    bus.memory.write(0xe0000000 + 4096 * 100 + 40, 4, 0x123456);
    bus.memory.write(0xe0000000 + 4096 * 100 + 80, 4, 0x123456);
    bus.memory.write(0xe0000000 + 4096 * 700, 4, 0);  // as it was
    EXPECT_EQ(refresh(), (std::vector<Rect>{{10, 100, 11, 1}}));
    EXPECT_TRUE(refresh().empty());
    dispi(9, 100);
    EXPECT_EQ(refresh(), (std::vector<Rect>{{10, 0, 11, 1}, {10, 100, 11, 1}}));
}

TEST_F(VgaPictureTest, RefreshFollowsTextFontsPaletteAndCursor) {
    text();
    refresh();
    EXPECT_TRUE(refresh().empty());
    put(3, 2, 0x33, 0x0f);
    auto parts = refresh();
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(parts[0].x / 9, 3u);
    EXPECT_LE(parts[0].width, 9u);
    EXPECT_EQ(parts[0].y / 16, 2u);
    load_font(0, 0);  // the same: nothing
    EXPECT_TRUE(refresh().empty());
    load_font(1, 0);
    EXPECT_FALSE(refresh().empty());
    set_dac(1, 1, 2, 3);
    EXPECT_FALSE(refresh().empty());
    crtc(0x0a, 0);
    crtc(0x0b, 15);
    refresh();
    time.run(9 * kFrame);
    for (const Rect& part : refresh()) {
        EXPECT_LE(part.x + part.width, 9u);
        EXPECT_LE(part.y + part.height, 16u);
    }
}

TEST_F(VgaPictureTest, RefreshFollowsEveryGraphicsMode) {
    uint8_t value = 1;
    for (const Mode* mode : {&k640x480, &k320x200x16, &kCga4, &kCga2, &k320x200x256}) {
        set(*mode);
        refresh();
        const uint64_t base = mode->graphics[6] & 8 ? 0xb8000 : 0xa0000;
        unsigned seen = 0;
        for (unsigned i = 0; i < 50; ++i) {
            const Surface before = picture();
            poke(base + i * 331, value = static_cast<uint8_t>(value * 5 + 37));
            EXPECT_EQ(refresh().empty(), picture() == before);
            seen += picture() != before;
        }
        EXPECT_GT(seen, 20u);
    }
}

TEST_F(VgaPictureTest, LookingLeavesNoTrace) {
    text();
    const StateMap before = StateMap::of(*vga);
    picture();
    refresh();
    EXPECT_EQ(StateMap::of(*vga).difference(before), "");
}

}  // namespace
}  // namespace qr
