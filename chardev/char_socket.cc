// SPDX-License-Identifier: GPL-2.0-or-later
//
// TCP and UNIX sockets, as client or as server with one connection at a time.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chardev/char_fd.h"
#include "chardev/char_open.h"

namespace qr {

namespace {

class SocketBackend final : public FdBackend {
  public:
    SocketBackend(const CharSpec& spec, const std::string& name, const CharHost& host)
        : FdBackend(name, host, FdChannel::Output::kDrop), spec_(spec) {}

    ~SocketBackend() override {
        channel_.detach();
        stop_listening();
        if (listener_ && spec_.kind == CharSpec::Kind::kUnix) ::unlink(spec_.path.c_str());
    }

    Result<void> open() {
        auto fd = spec_.kind == CharSpec::Kind::kUnix ? open_unix() : open_tcp();
        if (!fd) return fd.error();
        if (!spec_.server) {
            connection_ = std::move(*fd);
            prepare();
            return {};
        }
        listener_ = std::move(*fd);
        if (!spec_.wait) return {};
        host_.notice(fmt::format("QEMU waiting for connection on: disconnected:{}", spec_.text));
        pollfd wait{listener_.get(), POLLIN, 0};
        while (poll(&wait, 1, -1) < 0 && errno == EINTR) {}
        connection_ = OwnedFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection_) return Error{fmt::format("no connection: {}", g_strerror(errno))};
        prepare();
        return {};
    }

    void connect(CharEnd& end) override {
        FdBackend::connect(end);
        if (connection_)
            channel_.attach(connection_.get(), connection_.get());
        else
            listen_for_next();
    }

  private:
    Result<OwnedFd> open_unix() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (spec_.path.size() >= sizeof address.sun_path) {
            return Error{fmt::format("the path has {} characters: a UNIX socket's can have {}",
                                     spec_.path.size(), sizeof address.sun_path - 1)};
        }
        std::strcpy(address.sun_path, spec_.path.c_str());
        return use(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }

    Result<OwnedFd> open_tcp() {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = spec_.server ? AI_PASSIVE : 0;
        addrinfo* found = nullptr;
        const int failed = getaddrinfo(spec_.host.empty() ? nullptr : spec_.host.c_str(),
                                       spec_.port.c_str(), &hints, &found);
        if (failed) {
            return Error{fmt::format("address resolution failed for {}:{}: {}", spec_.host, spec_.port,
                                     gai_strerror(failed))};
        }
        Result<OwnedFd> result = Error{"no address"};
        for (const addrinfo* a = found; a; a = a->ai_next) {
            result = use(a->ai_family, a->ai_addr, a->ai_addrlen);
            if (result) break;
        }
        freeaddrinfo(found);
        return result;
    }

    // Binds and listens, or connects.
    Result<OwnedFd> use(int family, const sockaddr* address, socklen_t length) {
        OwnedFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd) return Error{fmt::format("no socket: {}", g_strerror(errno))};
        if (!spec_.server) {
            if (::connect(fd.get(), address, length) == 0) return fd;
            return Error{fmt::format("Failed to connect to '{}': {}", where(), g_strerror(errno))};
        }
        const int on = 1;
        setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (family == AF_UNIX) ::unlink(spec_.path.c_str());
        if (::bind(fd.get(), address, length) || ::listen(fd.get(), 1)) {
            return Error{fmt::format("Failed to listen on '{}': {}: choose another address", where(),
                                     g_strerror(errno))};
        }
        return fd;
    }

    std::string where() const {
        return spec_.kind == CharSpec::Kind::kUnix ? spec_.path : spec_.host + ':' + spec_.port;
    }

    void prepare() {
        fcntl(connection_.get(), F_SETFL, fcntl(connection_.get(), F_GETFL) | O_NONBLOCK);
        const int on = 1;
        if (spec_.nodelay) setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    void closed() override {
        channel_.detach();
        connection_.reset();
        if (listener_) listen_for_next();
    }

    void listen_for_next() {
        stop_listening();
        if (!listener_) return;
        accept_ = g_unix_fd_source_new(listener_.get(), G_IO_IN);
        g_source_set_callback(
            accept_,
            reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(
                +[](gint, GIOCondition, gpointer self) -> gboolean {
                    return static_cast<SocketBackend*>(self)->accept_one();
                })),
            this, nullptr);
        g_source_attach(accept_, host_.io);
    }

    gboolean accept_one() {
        OwnedFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!fd) return G_SOURCE_CONTINUE;
        connection_ = std::move(fd);
        prepare();
        stop_listening();
        channel_.attach(connection_.get(), connection_.get());
        return G_SOURCE_REMOVE;
    }

    void stop_listening() {
        if (!accept_) return;
        g_source_destroy(accept_);
        g_source_unref(accept_);
        accept_ = nullptr;
    }

    CharSpec spec_;
    OwnedFd listener_, connection_;
    GSource* accept_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<CharBackend>> open_socket(const CharSpec& spec, const std::string& name,
                                                 const CharHost& host) {
    auto backend = std::make_unique<SocketBackend>(spec, name, host);
    if (const auto opened = backend->open(); !opened) return opened.error();
    return std::unique_ptr<CharBackend>(std::move(backend));
}

}  // namespace qr
