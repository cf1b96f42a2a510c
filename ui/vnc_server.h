// SPDX-License-Identifier: GPL-2.0-or-later
// "-vnc": listens, and gives each client a thread of its own (vnc_client.h). A client that begins with an HTTP
// request is a WebSocket's, on any of the ports. I/O thread, but for what says otherwise.
// Source: RFC 6143; QEMU's documentation of the option.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <glib-unix.h>

#include "ui/console.h"
#include "ui/keymap.h"
#include "ui/vnc_client.h"
#include "ui/vnc_options.h"
#include "util/result.h"

namespace qr {

class VncServer {
  public:
    // title: how clients call the window. Errors: an address that can't be had.
    static Result<std::unique_ptr<VncServer>> open(const VncOptions& options, Console& console,
                                                   std::shared_ptr<const Keymap> keymap, const std::string& title,
                                                   GMainContext* io);
    ~VncServer();

    struct Peer {
        std::string family;   // "ipv4", "ipv6", "unix"
        std::string host;     // of a Unix socket: empty
        std::string service;  // a port, or the socket's path
    };
    enum class Event : uint8_t { kConnected, kInitialized, kDisconnected };
    // Whom to tell of clients that come and go. I/O thread.
    void on_event(std::function<void(Event, const Peer& client)> tell) { tell_ = std::move(tell); }
    // Any thread: where it listens, and who is connected.
    Peer address() const;
    std::vector<Peer> peers() const;

    // Any thread. Without one nobody gets in while password=on.
    void set_password(const std::string& password);
    // Any thread: from then on nobody gets in, by the host's clock.
    void expire_password(int64_t seconds_since_1970);

    const VncOptions& options() const { return options_; }

    // The port of the first address; 0 for a Unix socket.
    unsigned port() const { return port_; }
    // Where it listens, as a line for people.
    const std::string& where() const { return where_; }

  private:
    VncServer(const VncOptions& options, Console& console, std::shared_ptr<const Keymap> keymap,
              const std::string& title, GMainContext* io);
    Result<void> listen();
    Result<void> listen_unix();
    void watch(int fd, GUnixFDSourceFunc call);
    void accept(int listener);
    void reap();
    void tell(Event event, const Peer& client) const {
        if (tell_) tell_(event, client);
    }
    void end_others(VncClient* one);

    const VncOptions options_;
    std::function<void(Event, const Peer&)> tell_;
    GMainContext* io_;
    VncClient::Host host_;
    std::string where_;
    unsigned port_ = 0;
    int event_ = -1;  // a client's thread has got on
    std::vector<int> listeners_;
    std::vector<GSource*> sources_;

    mutable std::mutex mutex_;  // for clients' threads
    std::string password_;
    int64_t expires_ = std::numeric_limits<int64_t>::max();  // seconds since 1970
    struct Connected {
        std::unique_ptr<VncClient> client;
        Peer peer;
        bool told_initialized = false;
    };
    std::vector<Connected> clients_;
};

}  // namespace qr
