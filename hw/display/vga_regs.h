// SPDX-License-Identifier: GPL-2.0-or-later
// The register file of a VGA: sequencer, CRT controller, graphics and attribute controllers, DAC
// and the external registers, with retrace timing from virtual time. IBM PS/2 Hardware Interface
// Technical Reference, "Video subsystem". Single-threaded, no side effects outside but for
// `on_memory_mode`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "sysemu/clock.h"
#include "sysemu/state.h"

namespace qr {

class VgaRegs {
  public:
    // on_memory_mode: called after a write that may change what the CPU sees in the video window.
    VgaRegs(VirtualClock& clock, std::function<void()> on_memory_mode);

    // port: 0x3B0 to 0x3DF. A port that isn't decoded reads as ones.
    uint8_t read(uint16_t port);
    uint8_t peek(uint16_t port) const;
    void write(uint16_t port, uint8_t value);

    void reset();
    void state(StateVisitor& v);

    // --- what the memory path and the picture need ---
    uint8_t seq(unsigned n) const { return seq_[n]; }
    uint8_t crtc(unsigned n) const { return crtc_[n]; }
    uint8_t graphics(unsigned n) const { return graphics_[n]; }
    uint8_t attribute(unsigned n) const { return attribute_[n]; }
    uint8_t misc() const { return misc_; }
    uint8_t pel_mask() const { return pel_mask_; }
    bool screen_on() const { return palette_enabled_; }
    // Colour as red, green, blue; 6 bits each, or 8 while wide_dac().
    std::array<uint8_t, 3> color(unsigned n) const {
        return {dac_[3 * n], dac_[3 * n + 1], dac_[3 * n + 2]};
    }
    bool wide_dac() const { return wide_dac_; }
    void set_wide_dac(bool wide) { wide_dac_ = wide; }

    // 10-bit values that are spread over several registers.
    unsigned vertical_display_end() const;
    unsigned line_compare() const;
    // Frames that will have begun at a time from now.
    uint64_t frames(int64_t ahead_ns) const {
        return static_cast<uint64_t>((clock_.now_ns() + ahead_ns) / timing().frame_ns);
    }
    unsigned start_address() const { return static_cast<unsigned>(crtc_[0x0c] << 8 | crtc_[0x0d]); }

    // Sets what VBE sets behind the guest's back; see vga_vbe.h.
    void show_graphics(unsigned width, unsigned height, unsigned pitch, bool packed);

  private:
    struct Timing {
        int64_t line_ns;
        int64_t frame_ns;
        unsigned lines;
        unsigned display_lines;
        unsigned retrace_start;
        unsigned retrace_end;
        int64_t display_ns;  // of a line
    };
    Timing timing() const;
    uint8_t input_status_0() const;
    uint8_t input_status_1() const;
    uint64_t retraces_until(int64_t ns) const;

    bool color_decode() const { return misc_ & 1; }
    void write_attribute(uint8_t value);
    void write_sequencer(uint8_t value);
    void write_graphics(uint8_t value);
    void write_crtc(uint8_t value);
    void write_dac(uint8_t value);
    uint8_t read_dac();

    VirtualClock& clock_;
    std::function<void()> on_memory_mode_;

    std::array<uint8_t, 8> seq_{};
    std::array<uint8_t, 0x19> crtc_{};
    std::array<uint8_t, 9> graphics_{};
    std::array<uint8_t, 0x15> attribute_{};
    std::array<uint8_t, 3 * 256> dac_{};
    uint8_t misc_ = 0;
    uint8_t feature_ = 0;
    uint8_t seq_index_ = 0;
    uint8_t crtc_index_ = 0;
    uint8_t graphics_index_ = 0;
    uint8_t attribute_index_ = 0;
    bool attribute_data_ = false;     // the flip-flop: the next write to 0x3C0 is data
    bool palette_enabled_ = false;    // PAS: the screen shows, the palette can't be written
    uint8_t pel_mask_ = 0xff;
    uint8_t dac_write_index_ = 0;
    uint8_t dac_read_index_ = 0;
    uint8_t dac_component_ = 0;
    bool dac_reading_ = false;
    bool wide_dac_ = false;
    std::array<uint8_t, 3> dac_pending_{};
    int64_t retrace_seen_ns_ = 0;  // the interrupt latch was released then
};

}  // namespace qr
