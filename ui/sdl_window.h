// SPDX-License-Identifier: GPL-2.0-or-later
// "-display sdl": the screen in a window of this desktop. A click into it catches keyboard and pointer, Ctrl-Alt-G
// lets them go, Ctrl-Alt-F fills the desktop. A thread of its own does everything that concerns SDL.
// Source: SDL 2's documentation.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ui/console.h"
#include "util/result.h"

namespace qr {

class SdlWindow {
  public:
    struct Settings {
        std::string title;
        bool full_screen = false;
        bool close_quits = true;
    };

    // False: this build lacks SDL, and open() says so.
    static bool built_in();
    // quit: the user closed the window; called on the window's thread. Errors: there is no desktop.
    static Result<std::unique_ptr<SdlWindow>> open(Console& console, const Settings& settings,
                                                   std::function<void()> quit);
    virtual ~SdlWindow() = default;
};

}  // namespace qr
