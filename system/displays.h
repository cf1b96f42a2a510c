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
#include "ui/vnc_server.h"
#include "util/result.h"

namespace qr {

class Displays {
  public:
    struct Host {
        GMainContext* io;
        std::function<void()> quit;  // the user closed the window; any thread
        std::function<void(const std::string&)> notice;
    };

    // Before the machine runs; null if nobody is to see it.
    static Result<std::unique_ptr<Displays>> open(const Options& options, Machine& machine, const Host& host);
    ~Displays();

    Console& console() { return console_; }
    VncServer* vnc() { return vnc_.get(); }  // null without -vnc

  private:
    Displays(Machine& machine, PictureSource& picture);

    Console console_;
    std::unique_ptr<VncServer> vnc_;
};

}  // namespace qr
