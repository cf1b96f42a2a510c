// SPDX-License-Identifier: GPL-2.0-or-later
// One client of a VNC server, with a thread, a copy of the picture and a libvncserver screen of its own: one that
// stalls, sends half a message or nonsense harms nobody else.
// Source: RFC 6143; rfbproto for QEMU's extensions (key events by scan code, relative pointers).
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "ui/console.h"
#include "ui/keymap.h"
#include "ui/vnc_options.h"

struct _rfbScreenInfo;
struct _rfbClientRec;

namespace qr {

class VncClient final : public DisplayListener {
  public:
    struct Host {
        Console& console;
        std::shared_ptr<const Keymap> keymap;
        std::string title;
        const VncOptions& options;
        std::function<std::string()> password;        // empty: nobody gets in. Any thread.
        std::function<void(VncClient*)> alone;        // end everybody else. Client's thread.
        std::function<void()> changed;                // initialized() or finished(). Client's thread
    };

    // Takes the socket, and begins.
    VncClient(const Host& host, int socket);
    ~VncClient() override;

    // Any thread: end soon.
    void end();
    bool finished() const { return finished_.load(); }
    // It has shown who it is, and gets pictures.
    bool initialized() const { return initialized_.load(); }
    int socket() const { return control_; }

    // ---- DisplayListener ----
    void updated(std::shared_ptr<const PictureUpdate> update) override;
    void pointer_changed() override;

    // ---- called by libvncserver, on the client's thread ----
    void key_symbol(uint32_t symbol, bool down);
    void key_code(uint32_t code, bool down);
    void pointer(int x, int y, unsigned mask);
    bool check_password(const uint8_t* response, int length) const;
    void gone() { client_ = nullptr; }
    void use_relative_pointer();
    void announce_key_codes();

  private:
    using Clock = std::chrono::steady_clock;

    void run();
    bool open();
    void close();
    void wait();
    void look();
    void take_updates();
    void apply(const PictureUpdate& update);
    bool wants_picture() const;
    void check_sharing();
    void queue_key(Key key, bool down);
    void send_keys();
    void send_pseudo_rectangle(int32_t encoding, uint16_t x);
    void wake();

    const Host& host_;
    int socket_;
    int control_;  // the same socket, for end()
    int event_;    // an eventfd
    std::atomic<bool> ending_ = false, finished_ = false, initialized_ = false;

    std::mutex mutex_;  // what the VM thread brings
    std::deque<std::shared_ptr<const PictureUpdate>> updates_;
    bool lost_ = false;  // too slow: updates were dropped
    bool pointer_changed_ = false;

    // The client's thread
    _rfbScreenInfo* screen_ = nullptr;
    _rfbClientRec* client_ = nullptr;
    std::vector<uint32_t> frame_;
    unsigned width_ = 0, height_ = 0;
    bool sharing_checked_ = false;
    bool whole_ = true;  // everything is wanted with the next look
    bool looking_ = false;  // an answer is due
    Clock::time_point next_look_{}, next_key_{};
    std::deque<std::pair<Key, bool>> keys_;
    std::set<Key> pressed_;
    int last_x_ = -1, last_y_ = -1;
    unsigned last_mask_ = 0;
    bool relative_ = false;

    std::thread thread_;  // last: everything is there when it begins
};

}  // namespace qr
