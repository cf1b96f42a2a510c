// SPDX-License-Identifier: GPL-2.0-or-later
// A VGA as a source of pictures: keeps in mind what was drawn last, and draws again only lines whose memory was
// written or whose parameters changed. Holds nothing of the machine: a snapshot doesn't know it. VM thread only.
// Source: none; include/ui/picture.h.
#pragma once

#include "exec/memory.h"
#include "hw/display/vga_picture.h"
#include "ui/picture.h"

namespace qr {

class VgaScanout final : public PictureSource {
  public:
    VgaScanout(Vga& vga, AddressSpace& memory) : vga_(vga), memory_(memory) {}

    void draw(Surface& to, int64_t ahead_ns) const override;
    void refresh(Surface& surface, std::vector<Rect>& changed, int64_t ahead_ns) override;

  private:
    void take_dirty(const VgaPicture& picture);
    bool written(uint64_t offset, uint64_t length) const;

    Vga& vga_;
    AddressSpace& memory_;
    VgaPicture drawn_;
    std::vector<bool> dirty_;  // by page of video memory
    std::vector<uint32_t> line_;
};

}  // namespace qr
