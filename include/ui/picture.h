// SPDX-License-Identifier: GPL-2.0-or-later
// What a display adapter shows, as those who show it to people take it: a surface of pixels, the parts of it that
// changed, and where to get them from. VM thread only, but for a Surface that somebody keeps for himself.
// Source: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qr {

struct Rect {
    unsigned x = 0, y = 0, width = 0, height = 0;
    bool operator==(const Rect&) const = default;
};

// Pixels are 0x00RRGGBB in the host's byte order, without space between lines.
class Surface {
  public:
    unsigned width() const { return width_; }
    unsigned height() const { return height_; }
    uint32_t* row(unsigned y) { return pixels_.data() + size_t{y} * width_; }
    const uint32_t* row(unsigned y) const { return pixels_.data() + size_t{y} * width_; }
    const std::vector<uint32_t>& pixels() const { return pixels_; }

    // All black.
    void resize(unsigned width, unsigned height) {
        width_ = width;
        height_ = height;
        pixels_.assign(size_t{width} * height, 0);
    }
    bool operator==(const Surface&) const = default;

  private:
    unsigned width_ = 0, height_ = 0;
    std::vector<uint32_t> pixels_;
};

// An adapter. Neither function is noticed by the guest. ahead_ns: blinking is shown as of this much later than
// virtual time now; see RunLoop::idled_ns().
class PictureSource {
  public:
    virtual ~PictureSource() = default;
    // The whole picture of this moment. `to` takes its size.
    virtual void draw(Surface& to, int64_t ahead_ns) const = 0;
    // Brings up to date what the last call left in `surface`, and appends what changed. Draws only what the guest
    // touched: there is one caller, who keeps one surface. Another size changes everything.
    virtual void refresh(Surface& surface, std::vector<Rect>& changed, int64_t ahead_ns) = 0;
};

}  // namespace qr
