// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who shows the machine's picture and takes keys and pointers for it, as -display and -vnc say.
// Source: none (docs/architecture.rst).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <glib.h>

#include "system/machine.h"
#include "system/options.h"
#include "ui/console.h"
#include "ui/sdl_window.h"
#include "ui/vnc_server.h"
#include "util/result.h"

namespace qr {

class Displays {
  public:
    struct Host {
        GMainContext* io;
        std::function<void()> quit;  // the user closed the window; any thread
        std::function<void(const std::string&)> notice;
        // I/O thread: VNC's clients come and go.
        std::function<void(VncServer::Event, const VncServer::Peer&)> vnc_event{};
    };

    // Before the machine runs; null if nobody is to see it. terminal: it has its terminal on the first serial port,
    // and nobody expects a window.
    static Result<std::unique_ptr<Displays>> open(const Options& options, Machine& machine, bool terminal,
                                                  const Host& host);
    ~Displays();

    Console& console() { return console_; }
    // The main one, by -display's name.
    const char* kind() const { return window_ ? "sdl" : "none"; }
    VncServer* vnc() { return vnc_.get(); }  // null without -vnc

  private:
    Displays(Machine& machine, PictureSource& picture);
    Result<void> open_vnc(const Options& options, const std::string& title, const Host& host);

    Console console_;
    std::unique_ptr<VncServer> vnc_;
    std::unique_ptr<SdlWindow> window_;
};

}  // namespace qr
