// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's end of a character device: where a guest's serial port leads to. Input is read on the I/O
// thread and submitted to the guest device's port; output is written by the VM thread.
//
// Specifications are QEMU's, short ("stdio", "pty", "file:F", "pipe:F", "tcp:H:P,server=on,wait=off",
// "unix:F,server=on", "null", "mon:stdio") and long ("socket,host=H,port=P,...", "file,path=F,input-path=G").
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <glib.h>

#include "chardev/char.h"
#include "util/result.h"

namespace qr {

// What backends need of the program around them.
struct CharHost {
    GMainContext* io = nullptr;         // the I/O thread's
    std::function<void()> quit;         // the user asked to leave (Ctrl-A x); any thread
    std::function<void(const std::string&)> notice;  // a line for the user ("char device redirected to ..")
};

class CharBackend : public OutputSink {
  public:
    // name: for messages ("serial0"). Errors name the specification.
    static Result<std::unique_ptr<CharBackend>> open(std::string_view spec, const std::string& name,
                                                     const CharHost& host);

    // Before the machine runs. The end must outlive the backend.
    virtual void connect(CharEnd& end) = 0;
};

}  // namespace qr
