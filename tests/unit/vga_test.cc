// SPDX-License-Identifier: GPL-2.0-or-later
// VGA: register file, memory path in all its modes, Bochs display interface, retrace timing, text.
#include "hw/display/vga.h"

#include <gtest/gtest.h>

#include "tests/unit/chip_fixture.h"

namespace qr {
namespace {

using test::StateMap;
using test::TestBus;
using test::TestTime;

struct VgaTest : testing::Test {
    static constexpr unsigned kDevfn = pci_devfn(2, 0);
    TestTime time;
    TestBus bus;
    std::unique_ptr<Vga> vga =
        std::move(*Vga::create(bus.pci, kDevfn, bus.memory, bus.ports, time.clock, nullptr));
    void SetUp() override {
        vga->reset();
        out(0x3c2, 0x67);
    }
    void out(uint16_t port, uint8_t value) { bus.ports.port_write(port, 1, value); }
    uint8_t in(uint16_t port) { return static_cast<uint8_t>(bus.ports.port_read(port, 1)); }
    void seq(uint8_t index, uint8_t value) { bus.ports.port_write(0x3c4, 2, value << 8 | index); }
    void gr(uint8_t index, uint8_t value) { bus.ports.port_write(0x3ce, 2, value << 8 | index); }
    void crtc(uint8_t index, uint8_t value) { bus.ports.port_write(0x3d4, 2, value << 8 | index); }
    void dispi(uint16_t index, uint16_t value) {
        bus.ports.port_write(0x1ce, 2, index);
        bus.ports.port_write(0x1cf, 2, value);
    }
    uint16_t dispi(uint16_t index) {
        bus.ports.port_write(0x1ce, 2, index);
        return static_cast<uint16_t>(bus.ports.port_read(0x1cf, 2));
    }
    void poke(uint64_t address, uint8_t value) { bus.memory.write(address, 1, value); }
    uint8_t peek(uint64_t address) { return static_cast<uint8_t>(bus.memory.read(address, 1)); }
    uint8_t vram(uint64_t offset) { return vga->vram().data()[offset]; }
    // 640x480x16: planar at A0000.
    void planar() {
        seq(2, 0x0f);
        seq(4, 0x06);
        gr(5, 0x00);
        gr(6, 0x05);
        gr(8, 0xff);
        gr(7, 0x0f);
    }
    void text_mode() {
        seq(1, 0x00);
        seq(2, 0x03);
        seq(4, 0x02);
        gr(5, 0x10);
        gr(6, 0x0e);
        gr(8, 0xff);
        const uint8_t values[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00,
                                  0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x0e,
                                  0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
        for (uint8_t i = 0; i < sizeof values; ++i) crtc(i, values[i]);
    }
};

TEST_F(VgaTest, RegisterMasks) {
    const uint8_t seq_bits[] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
    for (uint8_t i = 0; i < 5; ++i) {
        seq(i, 0xff);
        EXPECT_EQ(in(0x3c5), seq_bits[i]);
    }
    const uint8_t gr_bits[] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
    for (uint8_t i = 0; i < 9; ++i) {
        gr(i, 0xff);
        EXPECT_EQ(in(0x3cf), gr_bits[i]);
    }
    out(0x3c2, 0xff);
    EXPECT_EQ(in(0x3cc), 0xef);
}

TEST_F(VgaTest, CrtcPortsMoveWithMisc) {
    crtc(0x0e, 0x12);
    EXPECT_EQ(in(0x3d5), 0x12);
    EXPECT_EQ(in(0x3b5), 0xff);
    out(0x3c2, 0x66);
    EXPECT_EQ(in(0x3d5), 0xff);
    EXPECT_EQ(in(0x3b5), 0x12);
}

TEST_F(VgaTest, CrtcProtection) {
    crtc(0x11, 0x00);
    crtc(0x00, 0x5f);
    crtc(0x07, 0x00);
    crtc(0x11, 0x80);
    crtc(0x00, 0x11);
    EXPECT_EQ(in(0x3d5), 0x5f);
    crtc(0x07, 0xff);
    EXPECT_EQ(in(0x3d5), 0x10);
    crtc(0x0c, 0x34);
    EXPECT_EQ(in(0x3d5), 0x34);
}

TEST_F(VgaTest, AttributeFlipFlop) {
    in(0x3da);
    out(0x3c0, 0x05);
    out(0x3c0, 0x2a);
    out(0x3c0, 0x10);
    out(0x3c0, 0x0c);
    out(0x3c0, 0x05);
    EXPECT_EQ(in(0x3c1), 0x2a);
    in(0x3da);
    out(0x3c0, 0x10);
    EXPECT_EQ(in(0x3c1), 0x0c);
    in(0x3da);
    out(0x3c0, 0x25);  // the palette is in use and can't be written
    out(0x3c0, 0x3f);
    EXPECT_EQ(in(0x3c1), 0x2a);
    EXPECT_TRUE(vga->regs().screen_on());
}

TEST_F(VgaTest, Dac) {
    out(0x3c8, 5);
    EXPECT_EQ(in(0x3c7), 0);
    for (const uint8_t v : {0x3f, 0x12, 0x41, 0x01, 0x02, 0x03}) out(0x3c9, v);
    out(0x3c7, 5);
    EXPECT_EQ(in(0x3c7), 3);
    for (const uint8_t v : {0x3f, 0x12, 0x01, 0x01, 0x02, 0x03}) EXPECT_EQ(in(0x3c9), v);
    EXPECT_EQ(vga->regs().color(6), (std::array<uint8_t, 3>{1, 2, 3}));
    out(0x3c8, 9);  // an unfinished colour changes nothing
    out(0x3c9, 0x3f);
    out(0x3c7, 9);
    EXPECT_EQ(in(0x3c9), 0);
}

TEST_F(VgaTest, WriteMode0) {
    planar();
    poke(0xa0001, 0xa5);
    for (unsigned p = 0; p < 4; ++p) EXPECT_EQ(vram(4 + p), 0xa5);
    seq(2, 0x02);
    poke(0xa0001, 0xff);
    EXPECT_EQ(vram(4), 0xa5);
    EXPECT_EQ(vram(5), 0xff);
    seq(2, 0x0f);
    gr(0, 0x05);
    gr(1, 0x0d);  // planes 0, 2, 3 from set/reset
    poke(0xa0002, 0x33);
    EXPECT_EQ(vram(8), 0xff);
    EXPECT_EQ(vram(9), 0x33);
    EXPECT_EQ(vram(10), 0xff);
    EXPECT_EQ(vram(11), 0x00);
    gr(1, 0);
    peek(0xa0002);  // latches
    gr(8, 0x0f);
    poke(0xa0003, 0xa5);
    EXPECT_EQ(vram(12), 0xf5);
    EXPECT_EQ(vram(13), 0x35);
    gr(8, 0xff);
    gr(3, 0x18 | 4);  // XOR, rotate by 4
    poke(0xa0004, 0x12);
    EXPECT_EQ(vram(16), 0xff ^ 0x21);
    EXPECT_EQ(vram(17), 0x33 ^ 0x21);
    gr(3, 0x08);
    poke(0xa0004, 0x0f);
    EXPECT_EQ(vram(17), 0x03);
    gr(3, 0x10);
    poke(0xa0004, 0x0c);
    EXPECT_EQ(vram(17), 0x3f);
}

TEST_F(VgaTest, WriteModes123) {
    planar();
    seq(2, 0x01);
    poke(0xa0000, 0x11);
    seq(2, 0x08);
    poke(0xa0000, 0x88);
    seq(2, 0x0f);
    peek(0xa0000);
    gr(5, 1);
    poke(0xa0010, 0xee);
    EXPECT_EQ(vram(0x40), 0x11);
    EXPECT_EQ(vram(0x41), 0x00);
    EXPECT_EQ(vram(0x43), 0x88);
    gr(5, 2);
    gr(8, 0x80);
    poke(0xa0010, 0x0a);
    EXPECT_EQ(vram(0x40), 0x11);
    EXPECT_EQ(vram(0x41), 0x80);
    EXPECT_EQ(vram(0x43), 0x88);
    gr(5, 3);
    gr(8, 0x3c);
    gr(0, 0x04);
    poke(0xa0010, 0xf0);  // mask 0x30
    EXPECT_EQ(vram(0x40), 0x01);
    EXPECT_EQ(vram(0x41), 0x00);
    EXPECT_EQ(vram(0x42), 0x30);
    EXPECT_EQ(vram(0x43), 0x88);
}

TEST_F(VgaTest, ReadModes) {
    planar();
    const uint8_t planes[] = {0xf0, 0xcc, 0xaa, 0x00};
    for (uint8_t p = 0; p < 4; ++p) {
        seq(2, static_cast<uint8_t>(1 << p));
        poke(0xa0000, planes[p]);
    }
    for (uint8_t p = 0; p < 4; ++p) {
        gr(4, p);
        EXPECT_EQ(peek(0xa0000), planes[p]);
    }
    gr(5, 8);
    gr(2, 0x07);  // where planes 0 to 2 are set
    gr(7, 0x07);
    EXPECT_EQ(peek(0xa0000), 0x80);
    gr(7, 0x01);
    EXPECT_EQ(peek(0xa0000), 0xf0);
    gr(7, 0x00);
    EXPECT_EQ(peek(0xa0000), 0xff);
}

TEST_F(VgaTest, WindowsAndRamEnable) {
    planar();
    poke(0xa1234, 0x77);
    gr(6, 0x09);  // B0000-B7FFF
    EXPECT_EQ(peek(0xa1234), 0xff);
    EXPECT_EQ(peek(0xb1234), 0x77);
    EXPECT_EQ(peek(0xb8000), 0xff);
    gr(6, 0x0d);  // B8000-BFFFF
    EXPECT_EQ(peek(0xb9234), 0x77);
    gr(6, 0x01);  // A0000-BFFFF
    EXPECT_EQ(peek(0xa1234), 0x77);
    out(0x3c2, 0x65);
    EXPECT_EQ(peek(0xa1234), 0xff);
}

TEST_F(VgaTest, Chain4IsMappedWhilePlain) {
    seq(2, 0x0f);
    seq(4, 0x0e);
    gr(5, 0x40);
    gr(6, 0x05);
    gr(8, 0xff);
    EXPECT_NE(bus.memory.page_view(0xa0000).block, nullptr);
    bus.memory.write(0xa0004, 4, 0x44332211);
    EXPECT_EQ(vram(5), 0x22);
    gr(3, 0x18);  // XOR: needs the latches
    EXPECT_EQ(bus.memory.page_view(0xa0000).block, nullptr);
    EXPECT_EQ(peek(0xa0005), 0x22);
    poke(0xa0005, 0x0f);
    EXPECT_EQ(vram(5), 0x2d);
    EXPECT_EQ(vram(4), 0x11);
    gr(3, 0x00);
    seq(2, 0x01);  // only every fourth byte
    poke(0xa0004, 0x99);
    poke(0xa0005, 0x99);
    EXPECT_EQ(vram(4), 0x99);
    EXPECT_EQ(vram(5), 0x2d);
    seq(2, 0x0f);
    EXPECT_NE(bus.memory.page_view(0xa0000).block, nullptr);
}

TEST_F(VgaTest, TextScreen) {
    text_mode();
    const std::string hello = "Hello \xc4\xb3";
    for (size_t i = 0; i < hello.size(); ++i) {
        poke(0xb8000 + 160 + 2 * i, static_cast<uint8_t>(hello[i]));
        poke(0xb8000 + 160 + 2 * i + 1, 0x07);
    }
    EXPECT_EQ(peek(0xb8000 + 160), 'H');
    EXPECT_EQ(peek(0xb8000 + 161), 0x07);
    auto lines = vga->text_screen();
    ASSERT_EQ(lines.size(), 25u);
    EXPECT_EQ(lines[0], "");
    EXPECT_EQ(lines[1], "Hello ─│");
    crtc(0x0d, 80);  // scrolled by a line
    EXPECT_EQ(vga->text_screen()[0], "Hello ─│");
    gr(6, 0x05);
    EXPECT_TRUE(vga->text_screen().empty());
}

TEST_F(VgaTest, RetraceTiming) {
    text_mode();  // 70.09 Hz: 449 lines of 31.78 us, retrace in lines 412 and 413
    int edges = 0;
    int64_t in_retrace = 0, displayed = 0;
    bool before = false;
    constexpr int64_t kStep = 2000, kTotal = 1'000'000'000;
    for (int64_t t = 0; t < kTotal; t += kStep) {
        time.run(kStep);
        const uint8_t status = in(0x3da);
        const bool retrace = status & 8;
        edges += retrace && !before;
        before = retrace;
        in_retrace += retrace ? kStep : 0;
        displayed += status & 1 ? 0 : kStep;
    }
    EXPECT_NEAR(edges, 70, 1);
    EXPECT_NEAR(static_cast<double>(in_retrace), 70.0 * 2 * 31778, 500'000);
    EXPECT_NEAR(static_cast<double>(displayed) / kTotal, 400.0 / 449 * 80 / 100, 0.01);
}

TEST_F(VgaTest, RetraceLatch) {
    text_mode();
    crtc(0x11, 0x00);
    crtc(0x11, 0x10);
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
    time.run(15'000'000);
    EXPECT_EQ(in(0x3c2) & 0x80, 0x80);
    crtc(0x11, 0x00);
    crtc(0x11, 0x10);
    EXPECT_EQ(in(0x3c2) & 0x80, 0);
}

TEST_F(VgaTest, DispiIdentity) {
    EXPECT_EQ(dispi(0), 0xb0c5);
    dispi(0, 0xb0c2);
    EXPECT_EQ(dispi(0), 0xb0c2);
    dispi(0, 0x1234);
    EXPECT_EQ(dispi(0), 0xb0c2);
    EXPECT_EQ(dispi(10), 0x100);
    dispi(4, 2);
    EXPECT_EQ(dispi(1), 16000);
    EXPECT_EQ(dispi(2), 12000);
    EXPECT_EQ(dispi(3), 32);
}

TEST_F(VgaTest, DispiModes) {
    dispi(1, 801);
    dispi(2, 600);
    dispi(3, 32);
    dispi(4, 0x41);
    EXPECT_EQ(dispi(1), 800);
    EXPECT_EQ(dispi(6), 800);
    EXPECT_EQ(dispi(7), 0x147a);
    EXPECT_EQ(vga->vbe().pitch(), 3200u);
    dispi(6, 1024);
    EXPECT_EQ(dispi(7), 0x1000);
    dispi(8, 8);
    dispi(9, 2);
    EXPECT_EQ(vga->vbe().start(), 2u * 4096 + 32);
    dispi(6, 100);
    EXPECT_EQ(dispi(6), 800);
    dispi(4, 0);
    dispi(1, 16000);
    dispi(2, 12000);
    dispi(4, 0x41);
    EXPECT_EQ(dispi(2), 0x106);
    dispi(4, 0);
    dispi(1, 0);
    dispi(2, 0);
    dispi(3, 9);
    dispi(4, 1);
    EXPECT_EQ(dispi(1), 8);
    EXPECT_EQ(dispi(2), 1);
    EXPECT_EQ(dispi(3), 8);
}

TEST_F(VgaTest, DispiMemory) {
    bus.write(kDevfn, 0x10, 4, 0xe0000000);
    bus.write(kDevfn, 4, 2, 2);
    bus.memory.write(0xe0000000, 4, 0x01020304);
    dispi(1, 640);
    dispi(2, 480);
    dispi(3, 8);
    dispi(4, 0xc1);  // without clearing
    EXPECT_EQ(bus.memory.read(0xe0000000, 4), 0x01020304u);
    EXPECT_EQ(bus.memory.read(0xa0000, 4), 0x01020304u);
    dispi(5, 3);
    bus.memory.write(0xa0010, 4, 0x11223344);
    EXPECT_EQ(bus.memory.read(0xe0030010, 4), 0x11223344u);
    dispi(5, 0);
    dispi(4, 0);
    dispi(4, 0x41);
    EXPECT_EQ(bus.memory.read(0xe0000000, 4), 0u);
    EXPECT_EQ(bus.memory.read(0xe0030010, 4), 0u);
    dispi(4, 0x61);
    out(0x3c8, 0);
    for (int i = 0; i < 3; ++i) out(0x3c9, 0xff);
    EXPECT_EQ(vga->regs().color(0)[0], 0xff);
}

TEST_F(VgaTest, Mmio) {
    bus.write(kDevfn, 0x18, 4, 0xe1000000);
    bus.write(kDevfn, 4, 2, 2);
    EXPECT_EQ(bus.memory.read(0xe1000000, 8), 0x00ffffffffffff00u);
    uint8_t sum = 0;
    for (uint64_t i = 0; i < 128; ++i) sum = static_cast<uint8_t>(sum + peek(0xe1000000 + i));
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(bus.memory.read(0xe1000500, 2), 0xb0c5u);
    bus.memory.write(0xe1000502, 2, 320);
    EXPECT_EQ(dispi(1), 320);
    bus.memory.write(0xe1000402, 1, 0x66);  // miscellaneous output
    EXPECT_EQ(in(0x3cc), 0x66);
    EXPECT_EQ(bus.memory.read(0xe1000600, 4), 8u);
    EXPECT_EQ(bus.memory.read(0xe1000604, 4), 0x1e1e1e1eu);
    bus.memory.write(0xe1000604, 4, 0xbebebebe);
    EXPECT_TRUE(vga->big_endian());
}

TEST_F(VgaTest, PciHeader) {
    EXPECT_EQ(bus.read(kDevfn, 0, 4), 0x11111234u);
    EXPECT_EQ(bus.read(kDevfn, 8, 4), 0x03000002u);
    EXPECT_EQ(bus.read(kDevfn, 0x10, 4), 8u);
    bus.write(kDevfn, 0x10, 4, 0xffffffff);
    EXPECT_EQ(bus.read(kDevfn, 0x10, 4), 0xff000008u);
    bus.write(kDevfn, 0x18, 4, 0xffffffff);
    EXPECT_EQ(bus.read(kDevfn, 0x18, 4), 0xfffff000u);
}

TEST_F(VgaTest, WritesAreSeenAsDirty) {
    planar();
    bus.memory.clear_dirty(vga->vram(), 0, kDirtyDisplay);
    poke(0xa0000, 1);
    EXPECT_TRUE(vga->vram().dirty(0) & kDirtyDisplay);
}

TEST_F(VgaTest, StateRestoresMapping) {
    seq(2, 0x0f);
    seq(4, 0x0e);
    gr(5, 0x40);
    gr(6, 0x05);
    gr(8, 0xff);
    StateMap saved = StateMap::of(*vga);
    vga->reset();
    EXPECT_EQ(bus.memory.page_view(0xa0000).block, nullptr);
    saved.load_into(*vga);
    vga->after_load();
    EXPECT_NE(bus.memory.page_view(0xa0000).block, nullptr);
    EXPECT_EQ(saved.difference(StateMap::of(*vga)), "");
}

TEST(VgaCreate, RefusesOddSizes) {
    TestTime time;
    TestBus bus;
    const auto vga = Vga::create(bus.pci, 16, bus.memory, bus.ports, time.clock, nullptr, 3 << 20);
    ASSERT_FALSE(vga);
    EXPECT_NE(vga.error().message.find("power of two"), std::string::npos);
}

}  // namespace
}  // namespace qr
