// SPDX-License-Identifier: GPL-2.0-or-later
//
// TCP and UNIX sockets, as client or as server with one connection at a time; with TCP, telnet at the other end:
// character at a time, binary, the echo is ours (RFC 854, 856, 857, 858).
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

    void connect(CharFront& front) override {
        front_ = &front;
        if (connection_)
            begin();
        else
            listen_for_next();
    }

    void write(std::span<const uint8_t> data) override {
        if (!spec_.telnet) return FdBackend::write(data);
        std::vector<uint8_t> escaped;
        for (const uint8_t byte : data) {
            escaped.push_back(byte);
            if (byte == kIac) escaped.push_back(kIac);
        }
        FdBackend::write(escaped);
    }

    std::string filename() const override {
        const char* type = spec_.kind == CharSpec::Kind::kUnix ? "unix" : spec_.telnet ? "telnet" : "tcp";
        return fmt::format("{}{}:{}{}", connection_ ? "" : "disconnected:", type, where(),
                           spec_.server ? ",server=on" : "");
    }

  private:
    // RFC 854.
    static constexpr uint8_t kIac = 255, kDont = 254, kWill = 251, kSubBegin = 250, kSubEnd = 240;
    static constexpr uint8_t kBinary = 0, kEcho = 1, kSuppressGoAhead = 3, kDo = 253;

    void begin() {
        telnet_ = Telnet::kData;
        FdBackend::attach(connection_.get(), connection_.get());
    }

    // Data without telnet's commands, which need no answer: what we want was said at the beginning.
    void received(std::span<const uint8_t> data) override {
        if (!spec_.telnet) return FdBackend::received(data);
        std::vector<uint8_t> plain;
        for (const uint8_t byte : data) {
            switch (telnet_) {
                case Telnet::kData:
                    if (byte == kIac) telnet_ = Telnet::kCommand;
                    // A carriage return comes with a NUL or a line feed, which doesn't count.
                    else if (byte != 0 && !(byte == '\n' && last_ == '\r')) plain.push_back(byte);
                    last_ = byte;
                    break;
                case Telnet::kCommand:
                    if (byte == kIac) plain.push_back(byte);
                    telnet_ = byte >= kWill && byte <= kDont ? Telnet::kOption
                              : byte == kSubBegin            ? Telnet::kSub
                                                             : Telnet::kData;
                    break;
                case Telnet::kOption: telnet_ = Telnet::kData; break;
                case Telnet::kSub:
                    if (byte == kIac) telnet_ = Telnet::kSubCommand;
                    break;
                case Telnet::kSubCommand: telnet_ = byte == kSubEnd ? Telnet::kData : Telnet::kSub; break;
            }
        }
        FdBackend::received(plain);
    }

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
        if (!spec_.telnet) return;
        constexpr uint8_t kWants[] = {kIac, kWill, kEcho, kIac, kWill, kSuppressGoAhead,
                                      kIac, kWill, kBinary, kIac, kDo, kBinary};
        // A few bytes into an empty socket.
        if (::send(connection_.get(), kWants, sizeof kWants, MSG_NOSIGNAL) < 0) return;
    }

    void closed() override {
        channel_.detach();
        connection_.reset();
        FdBackend::closed();
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
        begin();
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
    enum class Telnet : uint8_t { kData, kCommand, kOption, kSub, kSubCommand } telnet_ = Telnet::kData;
    uint8_t last_ = 0;
};

}  // namespace

Result<std::unique_ptr<CharBackend>> open_socket(const CharSpec& spec, const std::string& name,
                                                 const CharHost& host) {
    auto backend = std::make_unique<SocketBackend>(spec, name, host);
    if (const auto opened = backend->open(); !opened) return opened.error();
    return std::unique_ptr<CharBackend>(std::move(backend));
}

}  // namespace qr
