// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's end of a character device: where a guest's serial port, or a monitor, leads to. Input is read on the
// I/O thread and given to the front; a guest's output is written by the VM thread, a monitor's by the I/O thread.
//
// Specifications are QEMU's, short ("stdio", "pty", "file:F", "pipe:F", "tcp:H:P,server=on,wait=off",
// "telnet:H:P,server=on", "unix:F,server=on", "null", "mon:SPEC") and long ("socket,host=H,port=P,...",
// "file,path=F,input-path=G").
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

// Whoever uses a backend. I/O thread, but for room().
class CharFront {
  public:
    virtual ~CharFront() = default;
    virtual size_t room() = 0;  // bytes that it takes now; any thread
    virtual void receive(std::span<const uint8_t> data) = 0;
    virtual void line_break() {}
    // Somebody is at the other end from here on (maybe from connect() on), or nobody is any more.
    virtual void opened() {}
    virtual void closed() {}
    // On a multiplexed backend: what is typed comes here from now on, or goes elsewhere.
    virtual void focus_changed(bool) {}
    // All that was unsent has gone.
    virtual void sent() {}
    // The other end sends nothing more. False: the front still has something to say, and calls
    // CharBackend::finished() after that.
    virtual bool input_ended() { return true; }
};

class CharBackend : public OutputSink {
  public:
    // name: for messages ("serial0"). Errors name the specification.
    static Result<std::unique_ptr<CharBackend>> open(std::string_view spec, const std::string& name,
                                                     const CharHost& host);
    ~CharBackend() override;

    // Before the machine runs; one of them. What is connected must outlive the backend's use.
    virtual void connect(CharFront& front) = 0;
    void connect(CharEnd& end);

    // The front has room again; any thread.
    virtual void wake() = 0;
    // I/O thread: output that isn't the guest's. Never waits, drops nothing.
    virtual void send(std::string_view text) = 0;
    virtual size_t unsent() const { return 0; }
    // At the program's end: gives what is unsent this many milliseconds.
    virtual void drain(int) {}
    // See CharFront::input_ended().
    virtual void finished() {}
    // As `info chardev` shows it: "unix:/tmp/x,server=on".
    virtual std::string filename() const = 0;

  private:
    std::unique_ptr<CharFront> device_;  // the front of a CharEnd
};

}  // namespace qr
