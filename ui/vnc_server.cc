// SPDX-License-Identifier: GPL-2.0-or-later
//
// Listening for VNC clients; see vnc_server.h.
#include "ui/vnc_server.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace qr {

namespace {

constexpr size_t kMostClients = 64;
constexpr int kBacklog = 16;

struct Bound {
    std::vector<int> sockets;
    int error = 0;  // why there are none
    std::string failure;
};

void close_all(std::vector<int>& sockets) {
    for (const int fd : sockets) ::close(fd);
    sockets.clear();
}

// Every address that the name stands for, or none.
Bound bind_tcp(const VncOptions& options, unsigned port) {
    Bound bound;
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = options.ipv4 && options.ipv6 ? AF_UNSPEC : options.ipv4 ? AF_INET : AF_INET6;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(options.host.empty() ? nullptr : options.host.c_str(),
                                   std::to_string(port).c_str(), &hints, &found);
    if (failed) {
        bound.failure = gai_strerror(failed);
        return bound;
    }
    for (const addrinfo* a = found; a; a = a->ai_next) {
        const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) continue;  // a host without IPv6
        const int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) {
            bound.sockets.push_back(fd);
            continue;
        }
        const int why = errno;
        ::close(fd);
        if (why == EADDRNOTAVAIL && a->ai_family == AF_INET6) continue;
        bound.error = why;
        close_all(bound.sockets);
        break;
    }
    freeaddrinfo(found);
    if (bound.sockets.empty()) bound.failure = std::strerror(bound.error ? bound.error : EADDRNOTAVAIL);
    return bound;
}

// Of one end of a connection.
std::optional<VncServer::Peer> numbers(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (ask(fd, plain, &length) != 0) return std::nullopt;
    if (address.ss_family == AF_UNIX) {
        const auto* path = reinterpret_cast<const sockaddr_un*>(&address)->sun_path;
        const size_t room = length - std::min<size_t>(length, offsetof(sockaddr_un, sun_path));
        return VncServer::Peer{"unix", "", std::string(path, strnlen(path, room))};
    }
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    getnameinfo(plain, length, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
    return VncServer::Peer{address.ss_family == AF_INET6 ? "ipv6" : "ipv4", host, service};
}

}  // namespace

VncServer::VncServer(const VncOptions& options, Console& console, std::shared_ptr<const Keymap> keymap,
                     const std::string& title, GMainContext* io)
    : options_(options),
      io_(io),
      host_{console,
            std::move(keymap),
            title,
            options_,
            [this] {
                std::lock_guard lock(mutex_);
                return std::time(nullptr) < expires_ ? password_ : std::string();
            },
            [this](VncClient* one) { end_others(one); },
            [this] {
                const uint64_t one = 1;
                [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
            }},
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

VncServer::~VncServer() {
    for (GSource* source : sources_) {
        g_source_destroy(source);
        g_source_unref(source);
    }
    close_all(listeners_);
    if (!options_.path.empty()) unlink(options_.path.c_str());
    // Threads ask for the password under the lock: don't wait for them with it.
    std::vector<Connected> clients;
    {
        std::lock_guard lock(mutex_);
        clients.swap(clients_);
    }
    for (const auto& c : clients) c.client->end();
    clients.clear();
    ::close(event_);
}

Result<std::unique_ptr<VncServer>> VncServer::open(const VncOptions& options, Console& console,
                                                   std::shared_ptr<const Keymap> keymap, const std::string& title,
                                                   GMainContext* io) {
    std::unique_ptr<VncServer> server(new VncServer(options, console, std::move(keymap), title, io));
    if (const auto done = options.path.empty() ? server->listen() : server->listen_unix(); !done)
        return done.error();
    for (const int fd : server->listeners_) {
        server->watch(fd, +[](gint from, GIOCondition, gpointer self) -> gboolean {
            static_cast<VncServer*>(self)->accept(from);
            return G_SOURCE_CONTINUE;
        });
    }
    server->watch(server->event_, +[](gint, GIOCondition, gpointer self) -> gboolean {
        static_cast<VncServer*>(self)->reap();
        return G_SOURCE_CONTINUE;
    });
    return server;
}

void VncServer::watch(int fd, GUnixFDSourceFunc call) {
    GSource* source = g_unix_fd_source_new(fd, G_IO_IN);
    g_source_set_callback(source, G_SOURCE_FUNC(call), this, nullptr);
    g_source_attach(source, io_);
    sources_.push_back(source);
}

Result<void> VncServer::listen() {
    const std::string name = options_.host.find(':') == std::string::npos ? options_.host : '[' + options_.host + ']';
    for (unsigned display = options_.display;; ++display) {
        port_ = VncOptions::kFirstPort + display;
        Bound bound = bind_tcp(options_, port_);
        if (!bound.sockets.empty()) {
            listeners_ = std::move(bound.sockets);
            where_ = fmt::format("{}:{}", name, port_);
            break;
        }
        if (bound.error != EADDRINUSE || display == options_.last)
            return Error{fmt::format("could not listen on {}:{}: {}", name, port_, bound.failure)};
    }
    if (!options_.web_port) return {};
    const unsigned web = *options_.web_port ? *options_.web_port
                                            : VncOptions::kFirstWebPort + port_ - VncOptions::kFirstPort;
    Bound bound = bind_tcp(options_, web);
    if (bound.sockets.empty())
        return Error{fmt::format("could not listen on {}:{} for WebSockets: {}", name, web, bound.failure)};
    listeners_.insert(listeners_.end(), bound.sockets.begin(), bound.sockets.end());
    return {};
}

Result<void> VncServer::listen_unix() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (options_.path.size() >= sizeof address.sun_path)
        return Error{fmt::format("unix:{}: the path is longer than {} bytes", options_.path, sizeof address.sun_path - 1)};
    options_.path.copy(address.sun_path, sizeof address.sun_path - 1);
    struct stat status {};
    if (stat(options_.path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) unlink(options_.path.c_str());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, kBacklog) != 0) {
        const int why = errno;
        if (fd >= 0) ::close(fd);
        return Error{fmt::format("could not listen on unix:{}: {}", options_.path, std::strerror(why))};
    }
    listeners_.push_back(fd);
    where_ = "unix:" + options_.path;
    return {};
}

void VncServer::accept(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a Unix socket has no such thing
    reap();
    const Peer peer = numbers(fd, getpeername).value_or(Peer{});
    {
        std::lock_guard lock(mutex_);
        if (clients_.size() >= kMostClients) {
            ::close(fd);
            return;
        }
        clients_.push_back({std::make_unique<VncClient>(host_, fd), peer});
    }
    tell(Event::kConnected, peer);
}

void VncServer::reap() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(event_, &count, sizeof count);
    std::vector<Connected> finished;
    std::vector<std::pair<Event, Peer>> news;
    {
        std::lock_guard lock(mutex_);
        for (Connected& c : clients_) {
            const bool over = c.client->finished();
            if (c.client->initialized() && !std::exchange(c.told_initialized, true))
                news.emplace_back(Event::kInitialized, c.peer);
            if (!over) continue;
            news.emplace_back(Event::kDisconnected, c.peer);
            finished.push_back(std::move(c));
        }
        std::erase_if(clients_, [](const Connected& c) { return !c.client; });
    }
    for (const auto& [event, peer] : news) tell(event, peer);
}

void VncServer::end_others(VncClient* one) {
    std::lock_guard lock(mutex_);
    for (const Connected& c : clients_)
        if (c.client.get() != one) c.client->end();
}

void VncServer::set_password(const std::string& password) {
    std::lock_guard lock(mutex_);
    password_ = password;
}

void VncServer::expire_password(int64_t seconds_since_1970) {
    std::lock_guard lock(mutex_);
    expires_ = seconds_since_1970;
}

std::vector<VncServer::Peer> VncServer::peers() const {
    std::vector<Peer> all;
    std::lock_guard lock(mutex_);
    for (const Connected& c : clients_)
        if (!c.client->finished()) all.push_back(c.peer);
    return all;
}

VncServer::Peer VncServer::address() const {
    const auto own = listeners_.empty() ? std::nullopt : numbers(listeners_[0], getsockname);
    return own ? *own : Peer{};
}

}  // namespace qr
