// SPDX-License-Identifier: GPL-2.0-or-later
//
// The monitor, whatever it is connected to: runs command lines, tells sessions of events. It lives on the I/O thread;
// what looks at the machine or steers it is posted to the VM thread, and its result comes back. A session has one
// command at a time. Source: none (docs/monitor.rst).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <glib.h>

#include "monitor/command.h"
#include "monitor/jobs.h"
#include "monitor/key_sender.h"
#include "monitor/target.h"

namespace qr {

// One connection's end. I/O thread.
class MonitorSession : public CharFront {
  public:
    // when: microseconds since 1970.
    virtual void event(const RunEvent& event, int64_t when) = 0;
    // One of the program around the machine. data: JSON.
    virtual void announce(std::string_view name, const std::string& data, int64_t when) = 0;
    // Somebody is there, who could go on with a machine that stopped.
    virtual bool attached() const = 0;
    virtual void flush() = 0;
};

class Monitor {
  public:
    Monitor(MonitorTarget target, GMainContext* io);
    ~Monitor();

    // Before the machine runs. implicit: nobody asked for it (-nographic).
    void add_readline(CharBackend& backend, bool implicit);
    void add_control(CharBackend& backend, bool pretty);

    // Any thread.
    bool attached() const { return attached_.load(std::memory_order_acquire) > 0; }
    void event(const RunEvent& event);
    void disk_failed(const HostDrive::Failure& failure);
    void rtc_set(int64_t offset);
    // I/O thread: of VNC's clients. what: "CONNECTED", "INITIALIZED", "DISCONNECTED".
    void vnc_event(std::string_view what, const MonitorTarget::VncAddress& client);

    // ---- for sessions and handlers; I/O thread unless noted ----
    MonitorTarget& target() { return target_; }
    KeySender& keys() { return keys_; }
    DumpFormat& format() { return format_; }  // VM thread, as all that use it
    // The mouse buttons that monitors hold.
    uint32_t buttons() const { return buttons_; }
    void set_buttons(uint32_t buttons) { buttons_ = buttons; }

    // An HMP line: `done` gets what it prints.
    using Done = std::function<void(HmpAnswer answer)>;
    void run_line(const std::string& line, std::span<const std::string> history, Done done);
    // A refusal in replay, or nothing.
    std::optional<Error> refusal(const Command& command) const;
    // Runs `work` on the VM thread, then `done` on the I/O thread.
    void on_vm(Effect effect, std::function<void()> work, std::function<void()> done);
    // A session's attached() has changed.
    void attachment_changed(bool now);

    Jobs& jobs() { return jobs_; }  // VM thread

    // VM thread: where monitors last put the pointer, 0 to 65535.
    PointerInput& pointer() { return pointer_; }

  private:
    void on_io(std::function<void()> work);
    // Any thread: to all sessions. data: JSON.
    void announce(std::string name, std::string data);
    void job_event(const std::string& id, std::string_view status);

    MonitorTarget target_;
    GMainContext* io_;
    KeySender keys_;
    DumpFormat format_;
    Jobs jobs_;
    std::vector<std::unique_ptr<MonitorSession>> sessions_;
    std::atomic<int> attached_ = 0;
    std::atomic<uint32_t> buttons_ = 0;
    PointerInput pointer_;
};

}  // namespace qr
