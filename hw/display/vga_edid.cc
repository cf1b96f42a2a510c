// SPDX-License-Identifier: GPL-2.0-or-later
//
// EDID 1.4 base block. Source: VESA Enhanced EDID Standard release A2, 3; VESA Coordinated Video
// Timings for the numbers of 1280x800.
#include "hw/display/vga_edid.h"

#include <initializer_list>
#include <string_view>

namespace qr {

namespace {

class Block {
  public:
    void put(unsigned at, std::initializer_list<int> values) {
        for (const int value : values) bytes_[at++] = static_cast<uint8_t>(value);
    }
    // Display descriptor (3.10.3): tag, then text that ends with a line feed and is padded by
    // spaces.
    void text(unsigned at, uint8_t tag, std::string_view words) {
        put(at, {0, 0, 0, tag, 0});
        for (unsigned i = 0; i < 13; ++i)
            bytes_[at + 5 + i] = i < words.size()    ? static_cast<uint8_t>(words[i])
                                 : i == words.size() ? uint8_t{'\n'}
                                                     : uint8_t{' '};
    }
    // Standard timing (3.9). aspect: 0 is 16:10, 1 is 4:3, 2 is 5:4, 3 is 16:9.
    void standard(unsigned n, unsigned width, unsigned aspect, unsigned hz) {
        put(38 + 2 * n,
            {static_cast<int>(width / 8 - 31), static_cast<int>(aspect << 6 | (hz - 60))});
    }
    std::array<uint8_t, 128> finish() {
        uint8_t sum = 0;
        for (const uint8_t byte : bytes_) sum = static_cast<uint8_t>(sum + byte);
        bytes_[127] = static_cast<uint8_t>(-sum);
        return bytes_;
    }

  private:
    std::array<uint8_t, 128> bytes_{};
};

}  // namespace

std::array<uint8_t, 128> vga_edid() {
    Block b;
    b.put(0, {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0});
    b.put(8, {0x49, 0x14});               // manufacturer "RHT", as drivers know this monitor
    b.put(10, {0x34, 0x12, 0, 0, 0, 0});  // product, serial number
    b.put(16, {0, 24, 1, 4});            // made in 2014; EDID 1.4
    b.put(20, {0xa5, 32, 20, 120, 0x06});  // digital, 8 bits, DisplayPort; 32x20 cm; gamma 2.2
    b.put(25, {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54});  // sRGB primaries
    b.put(35, {0x21, 0x08, 0x00});       // 640x480, 800x600, 1024x768 at 60 Hz
    b.standard(0, 1920, 3, 60);
    b.standard(1, 1920, 0, 60);
    b.standard(2, 1680, 0, 60);
    b.standard(3, 1600, 1, 60);
    b.standard(4, 1440, 0, 60);
    b.standard(5, 1280, 2, 60);
    b.standard(6, 1280, 0, 60);
    b.standard(7, 1152, 1, 60);
    // 1280x800 at 60 Hz: 83.5 MHz, 1280+72+128+200, 800+3+6+22.
    b.put(54, {0x9e, 0x20, 0x00, 0x90, 0x51, 0x20, 0x1f, 0x30, 0x48, 0x80, 0x36, 0x00, 0x40, 0xc8,
               0x10, 0x00, 0x00, 0x18});
    // Range limits: 50-125 Hz, 30-160 kHz, 250 MHz, no secondary formula.
    b.put(72, {0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 25, 1, '\n', ' ', ' ', ' ', ' ', ' ', ' '});
    b.text(90, 0xfc, "QEMU Monitor");
    b.put(108, {0, 0, 0, 0x10, 0});      // unused
    return b.finish();
}

}  // namespace qr
