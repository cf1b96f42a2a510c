// SPDX-License-Identifier: GPL-2.0-or-later
//
// From options to displays; see displays.h.
#include "system/displays.h"

#include <cstdlib>

#include <fmt/format.h>

#include "ui/keymap.h"

namespace qr {

namespace {

// What isn't said otherwise: a window where there is a desktop to show it.
bool on_desktop(Machine& machine) {
    const auto set = [](const char* name) {
        const char* value = std::getenv(name);
        return value && *value;
    };
    return SdlWindow::built_in() && machine.board().picture() && (set("DISPLAY") || set("WAYLAND_DISPLAY"));
}

}  // namespace

Displays::Displays(Machine& machine, PictureSource& picture)
    : console_({machine.door().mailbox(), picture, machine.board().keyboard(), machine.board().mouse(),
                machine.board().pointer(), [&machine] { return machine.loop().idled_ns(); }}) {
    machine.board().on_absolute([this](bool absolute) { console_.set_absolute(absolute); });
    machine.board().on_leds([this](uint8_t leds) { console_.set_leds(leds); });
}

Displays::~Displays() = default;

Result<void> Displays::open_vnc(const Options& options, const std::string& title, const Host& host) {
    auto keymap = Keymap::load(options.keymap);
    if (!keymap) return Error{"-k: " + keymap.error().message};
    auto server = VncServer::open(*options.vnc, console_, *keymap, title, host.io);
    if (!server) return Error{"-vnc: " + server.error().message};
    vnc_ = std::move(*server);
    vnc_->on_event(host.vnc_event);
    if (options.vnc->last != options.vnc->display)
        host.notice(fmt::format("VNC server running on {}", vnc_->where()));
    return {};
}

Result<std::unique_ptr<Displays>> Displays::open(const Options& options, Machine& machine, bool terminal,
                                                 const Host& host) {
    const bool vnc = options.vnc && !options.vnc->none;
    const bool wanted = options.display == "sdl";
    const bool sdl = wanted || (options.display.empty() && !vnc && !terminal && options.qtest.empty() &&
                                on_desktop(machine));
    if (!vnc && !sdl) return std::unique_ptr<Displays>();
    PictureSource* picture = machine.board().picture();
    if (!picture) {
        return Error{fmt::format("{}: the machine has no display adapter: leave out -vga none",
                                 vnc ? "-vnc" : "-display sdl")};
    }
    std::unique_ptr<Displays> displays(new Displays(machine, *picture));
    const std::string title = options.name.empty() ? "QEMU" : fmt::format("QEMU ({})", options.name);
    if (vnc) {
        if (const auto done = displays->open_vnc(options, title, host); !done) return done.error();
    }
    if (sdl) {
        const SdlWindow::Settings settings{title, options.full_screen, options.window_close};
        auto window = SdlWindow::open(displays->console_, settings, host.quit);
        if (!window && wanted) return Error{"-display sdl: " + window.error().message};
        if (!window) host.notice("no window: " + window.error().message);
        if (window) displays->window_ = std::move(*window);
    }
    return displays;
}

}  // namespace qr
