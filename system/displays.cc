// SPDX-License-Identifier: GPL-2.0-or-later
//
// From options to displays; see displays.h.
#include "system/displays.h"

#include <fmt/format.h>

#include "ui/keymap.h"

namespace qr {

Displays::Displays(Machine& machine, PictureSource& picture)
    : console_({machine.door().mailbox(), picture, machine.board().keyboard(), machine.board().mouse(),
                [&machine] { return machine.loop().idled_ns(); }}) {
    machine.board().on_leds([this](uint8_t leds) { console_.set_leds(leds); });
}

Displays::~Displays() = default;

Result<std::unique_ptr<Displays>> Displays::open(const Options& options, Machine& machine, const Host& host) {
    const bool vnc = options.vnc && !options.vnc->none;
    if (!vnc) return std::unique_ptr<Displays>();
    PictureSource* picture = machine.board().picture();
    if (!picture) return Error{"-vnc: the machine has no display adapter: leave out -vga none"};
    auto keymap = Keymap::load(options.keymap);
    if (!keymap) return Error{"-k: " + keymap.error().message};
    std::unique_ptr<Displays> displays(new Displays(machine, *picture));
    const std::string title = options.name.empty() ? "QEMU" : fmt::format("QEMU ({})", options.name);
    auto server = VncServer::open(*options.vnc, displays->console_, *keymap, title, host.io);
    if (!server) return Error{"-vnc: " + server.error().message};
    displays->vnc_ = std::move(*server);
    if (options.vnc->last != options.vnc->display)
        host.notice(fmt::format("VNC server running on {}", displays->vnc_->where()));
    return displays;
}

}  // namespace qr
