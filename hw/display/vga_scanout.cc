// SPDX-License-Identifier: GPL-2.0-or-later
//
// Drawing what changed. Source: none.
#include "hw/display/vga_scanout.h"

#include <algorithm>

#include "hw/display/vga.h"

namespace qr {

namespace {

// Consecutive lines make one rectangle.
void add_line(std::vector<Rect>& changed, size_t first_of_call, unsigned y, unsigned left, unsigned right) {
    if (changed.size() > first_of_call) {
        Rect& last = changed.back();
        if (last.y + last.height == y) {
            const unsigned end = std::max(last.x + last.width, right);
            last.x = std::min(last.x, left);
            last.width = end - last.x;
            ++last.height;
            return;
        }
    }
    changed.push_back({left, y, right - left, 1});
}

bool same_line(const VgaPicture& p, unsigned y) {
    return y && !p.lines.empty() && p.lines[y] == p.lines[y - 1] && p.kind != VgaPicture::Kind::kText;
}

}  // namespace

void VgaScanout::draw(Surface& to, int64_t ahead_ns) const {
    const VgaPicture picture = VgaPicture::of(vga_, ahead_ns);
    to.resize(picture.width, picture.height);
    const std::span<const uint8_t> memory(vga_.vram().data(), vga_.vram().size());
    std::vector<uint32_t> line(picture.line_room());
    for (unsigned y = 0; y < picture.height; ++y) {
        picture.draw_line(memory, y, line.data());
        std::copy_n(line.begin(), picture.width, to.row(y));
    }
}

// What was written since the last time. Pages that aren't shown stay as they are.
void VgaScanout::take_dirty(const VgaPicture& picture) {
    RamBlock& vram = vga_.vram();
    dirty_.assign(vram.page_count(), false);
    uint64_t next = 0;
    for (unsigned y = 0; y < picture.height; ++y) {
        const auto [offset, length] = picture.memory_of(y, vram.size());
        if (!length) continue;
        // Lines follow each other: don't look at a page twice, unless they go back.
        uint64_t page = offset >> kPageShift;
        if (page < next && page + 1 >= next) page = next;
        for (; page << kPageShift < offset + length; ++page) {
            if (!(vram.dirty(page) & kDirtyDisplay)) continue;
            dirty_[page] = true;
            memory_.clear_dirty(vram, page, kDirtyDisplay);
        }
        next = page;
    }
}

bool VgaScanout::written(uint64_t offset, uint64_t length) const {
    for (uint64_t page = offset >> kPageShift; page << kPageShift < offset + length; ++page)
        if (dirty_[page]) return true;
    return false;
}

void VgaScanout::refresh(Surface& surface, std::vector<Rect>& changed, int64_t ahead_ns) {
    VgaPicture picture = VgaPicture::of(vga_, ahead_ns);
    const std::span<const uint8_t> memory(vga_.vram().data(), vga_.vram().size());
    take_dirty(picture);
    const bool resized = surface.width() != picture.width || surface.height() != picture.height;
    if (resized) surface.resize(picture.width, picture.height);
    const bool everything = resized || picture != drawn_;
    const size_t before = changed.size();
    line_.resize(picture.line_room());
    bool line_is_previous = false;  // line_ has what belongs into the line before this one
    for (unsigned y = 0; y < picture.height; ++y) {
        const auto [offset, length] = picture.memory_of(y, memory.size());
        if (!everything && !written(offset, length)) {
            line_is_previous = false;
            continue;
        }
        if (!line_is_previous || !same_line(picture, y)) picture.draw_line(memory, y, line_.data());
        line_is_previous = true;
        uint32_t* row = surface.row(y);
        const auto end = line_.begin() + picture.width;
        const auto first = std::mismatch(line_.begin(), end, row).first;
        if (first == end) continue;
        unsigned right = picture.width;
        const unsigned left = static_cast<unsigned>(first - line_.begin());
        while (line_[right - 1] == row[right - 1]) --right;
        std::copy(first, line_.begin() + right, row + left);
        add_line(changed, before, y, left, right);
    }
    if (resized) {
        changed.resize(before);
        changed.push_back({0, 0, picture.width, picture.height});
    }
    drawn_ = std::move(picture);
}

}  // namespace qr
