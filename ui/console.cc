// SPDX-License-Identifier: GPL-2.0-or-later
//
// Looks at the machine and what comes back; see console.h. Source: none.
#include "ui/console.h"

#include <algorithm>

namespace qr {

namespace {

std::shared_ptr<const PictureUpdate> copy_parts(const Surface& surface, const std::vector<Rect>& parts) {
    auto update = std::make_shared<PictureUpdate>();
    update->width = surface.width();
    update->height = surface.height();
    update->parts = parts;
    size_t size = 0;
    for (const Rect& part : parts) size += size_t{part.width} * part.height;
    update->pixels.reserve(size);
    for (const Rect& part : parts) {
        for (unsigned y = part.y; y < part.y + part.height; ++y) {
            const uint32_t* from = surface.row(y) + part.x;
            update->pixels.insert(update->pixels.end(), from, from + part.width);
        }
    }
    return update;
}

}  // namespace

void PictureUpdate::apply_to(uint32_t* frame, size_t stride) const {
    const uint32_t* from = pixels.data();
    for (const Rect& part : parts) {
        for (unsigned y = part.y; y < part.y + part.height; ++y, from += part.width)
            std::copy_n(from, part.width, frame + y * stride + part.x);
    }
}

void Console::add(DisplayListener& listener) {
    std::lock_guard lock(listeners_mutex_);
    listeners_.push_back(&listener);
}

void Console::remove(DisplayListener& listener) {
    std::lock_guard lock(listeners_mutex_);
    std::erase(listeners_, &listener);
}

void Console::look(bool whole) {
    if (whole) whole_.store(true);
    if (asked_.exchange(true)) return;
    machine_.mailbox.post_look([this] { refresh(); });
}

void Console::refresh() {
    asked_.store(false);
    changed_.clear();
    machine_.picture.refresh(surface_, changed_, machine_.idled_ns());
    if (whole_.exchange(false)) changed_ = {{0, 0, surface_.width(), surface_.height()}};
    const auto update = copy_parts(surface_, changed_);
    std::lock_guard lock(listeners_mutex_);
    for (DisplayListener* listener : listeners_) listener->updated(update);
}

void Console::key(Key key, bool down) { machine_.keyboard.submit({static_cast<uint16_t>(key), down}); }

void Console::move(int dx, int dy, int wheel, uint32_t buttons) {
    machine_.mouse.submit({dx, dy, wheel, buttons});
}

void Console::point(int x, int y, unsigned width, unsigned height, int wheel, uint32_t buttons) {
    const auto scale = [](int at, unsigned size) {
        const int64_t last = std::max<int64_t>(size, 2) - 1;
        return static_cast<uint16_t>(std::clamp<int64_t>(at, 0, last) * 0xffff / last);
    };
    if (machine_.pointer) machine_.pointer->submit({scale(x, width), scale(y, height), wheel, buttons});
}

void Console::set_absolute(bool absolute) {
    if (absolute_.exchange(absolute) == absolute) return;
    std::lock_guard lock(listeners_mutex_);
    for (DisplayListener* listener : listeners_) listener->pointer_changed();
}

}  // namespace qr
