// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where gdb can be: a character device, which may change while the machine runs. I/O thread, or before it runs.
// Source: none (docs/gdb.rst).
#pragma once

#include <string>

#include "chardev/char_registry.h"
#include "gdbstub/session.h"

namespace qr {

class GdbServer {
  public:
    GdbServer(GdbTarget target, CharRegistry& chardevs, GMainContext* io)
        : chardevs_(chardevs), io_(io), notice_(target.notice), session_(std::move(target), io) {}
    ~GdbServer();

    // device: as -gdb has it, "none" among others. option: for messages. A connection that there is ends; if it is the
    // one that asks for this, a little later.
    Result<void> listen(const std::string& device, const std::string& option);
    // Any thread: somebody is there, who could go on with a machine that stopped.
    bool attached() const { return session_.attached(); }
    // The machine's end: tells the client.
    void say_goodbye(int status) { session_.say_goodbye(status); }

  private:
    void close();
    void forget_later();

    CharRegistry& chardevs_;
    GMainContext* io_;
    std::function<void(const std::string&)> notice_;
    GSource* later_ = nullptr;
    std::string device_, option_;  // for later
    GdbSession session_;
    CharBackend* backend_ = nullptr;
};

}  // namespace qr
