// SPDX-License-Identifier: GPL-2.0-or-later
// The machine's screen, keyboard and pointer as those who show them see it: a window, a VNC client. They ask for a
// look when they are ready to show something; the VM thread draws what changed between two instructions and hands
// it out by value. What people do goes to the ports of the door, which drop it in a replay.
// Source: none (docs/architecture.rst, "Threads").
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "hw/input_events.h"
#include "sysemu/mailbox.h"
#include "sysemu/replay.h"
#include "ui/picture.h"

namespace qr {

// What changed in a picture of this size.
struct PictureUpdate {
    unsigned width = 0, height = 0;
    std::vector<Rect> parts;
    std::vector<uint32_t> pixels;  // of all parts, one after the other, line by line

    // Puts it into a frame of the same size. stride: pixels from line to line.
    void apply_to(uint32_t* frame, size_t stride) const;
};

// Called on the VM thread, which is waiting meanwhile: take it and return.
class DisplayListener {
  public:
    virtual ~DisplayListener() = default;
    // After every look, also if nothing changed.
    virtual void updated(std::shared_ptr<const PictureUpdate> update) = 0;
    // The guest wants positions on the screen instead of movements, or the other way round.
    virtual void pointer_changed() = 0;
};

class Console {
  public:
    struct Machine {
        Mailbox& mailbox;
        PictureSource& picture;
        InputPort<KeyInput>& keyboard;
        InputPort<MouseInput>& mouse;
        InputPort<PointerInput>* pointer;      // null: there is none that takes positions
        std::function<int64_t()> idled_ns;  // see RunLoop::idled_ns()
    };
    explicit Console(Machine machine) : machine_(std::move(machine)) {}

    // ---- any thread ----
    void add(DisplayListener& listener);
    // No call to it is under way afterwards.
    void remove(DisplayListener& listener);

    // Asks for what changed since the last look of anybody; `whole`: for everything. Every listener gets it. Does
    // nothing while a look is under way.
    void look(bool whole);

    void key(Key key, bool down);
    // Movement in pixels, notches of the wheel, and the buttons held (MouseInput::Button).
    void move(int dx, int dy, int wheel, uint32_t buttons);

    // The guest wants positions in the picture, by point(), instead of movements.
    bool absolute() const { return absolute_.load(std::memory_order_relaxed); }
    void point(int x, int y, unsigned width, unsigned height, int wheel, uint32_t buttons);
    // VM thread
    void set_absolute(bool absolute);

    // Keyboard LEDs as the guest set them: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock.
    uint8_t leds() const { return leds_.load(std::memory_order_relaxed); }
    void set_leds(uint8_t leds) { leds_.store(leds, std::memory_order_relaxed); }

  private:
    void refresh();

    Machine machine_;
    std::atomic<bool> asked_ = false;
    std::atomic<bool> whole_ = false;
    std::atomic<uint8_t> leds_ = 0;
    std::atomic<bool> absolute_ = false;
    std::mutex listeners_mutex_;
    std::vector<DisplayListener*> listeners_;

    // VM thread
    Surface surface_;
    std::vector<Rect> changed_;
};

}  // namespace qr
