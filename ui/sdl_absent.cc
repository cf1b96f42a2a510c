// SPDX-License-Identifier: GPL-2.0-or-later
//
// In a build without SDL. Source: none.
#include "ui/sdl_window.h"

namespace qr {

bool SdlWindow::built_in() { return false; }

Result<std::unique_ptr<SdlWindow>> SdlWindow::open(Console&, const Settings&, std::function<void()>) {
    return Error{"this build has no SDL: expected none or vnc=DISPLAY"};
}

}  // namespace qr
