// SPDX-License-Identifier: GPL-2.0-or-later
//
// A connection of gdb: bytes to packets, acknowledgements, and the way to the VM thread and back. One packet at a
// time; what comes meanwhile waits, and what the client doesn't read holds it back. I/O thread.
// Source: GDB manual, E.1, E.11 (acknowledgements).
#pragma once

#include <atomic>
#include <deque>

#include <glib.h>

#include "chardev/char_backend.h"
#include "gdbstub/packet.h"
#include "gdbstub/protocol.h"

namespace qr {

class GdbSession final : public CharFront {
  public:
    GdbSession(GdbTarget target, GMainContext* io);
    ~GdbSession() override { be_patient(false); }

    // The next connections come from here. null: from nowhere; one that there is ends.
    void use(CharBackend* backend);
    // Any thread.
    bool attached() const { return open_.load(std::memory_order_acquire); }
    // The program ends, and the machine with it.
    void say_goodbye(int status);
    // A packet is being worked on, on this thread: the backend can't go now.
    bool inside() const { return inside_; }

    size_t room() override { return room_.load(std::memory_order_acquire); }
    void receive(std::span<const uint8_t> data) override;
    void opened() override;
    void closed() override;
    void sent() override { go_on(); }
    bool input_ended() override { return !busy_ && input_.empty(); }

  private:
    void begin();
    void go_on();
    void take_byte(uint8_t byte);
    void execute(const std::string& packet);
    void run_monitor_line(std::string_view hex);
    void end_monitor_line();
    void be_patient(bool patient);
    void still_working();
    void reply(std::string_view data);
    void on_vm(bool looks, std::function<void()> work);
    void on_io(std::function<void()> work);

    GdbTarget target_;
    GMainContext* io_;
    GdbProtocol protocol_;  // VM thread
    CharBackend* backend_ = nullptr;
    PacketReader reader_;
    std::deque<uint8_t> input_;
    std::string last_;  // packet, in case it is wanted again
    std::atomic<size_t> room_;
    std::atomic<bool> open_ = false;
    bool connecting_ = false;  // use() is on the stack
    bool lazy_ = false;        // it opened by itself: somebody is there once something comes
    bool acks_ = true;
    bool busy_ = false;        // a packet isn't answered yet
    GSource* patience_ = nullptr;  // that packet is a monitor's line
    bool inside_ = false;
    uint64_t connection_ = 0;  // an answer to one that is gone is dropped
};

}  // namespace qr
