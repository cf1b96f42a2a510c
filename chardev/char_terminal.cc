// SPDX-License-Identifier: GPL-2.0-or-later
//
// The terminal, and pseudo-terminals.
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/char_fd.h"
#include "chardev/char_open.h"

namespace qr {

namespace {

class StdioBackend final : public FdBackend {
  public:
    StdioBackend(const CharSpec& spec, const std::string& name, const CharHost& host)
        : FdBackend(name, host, FdChannel::Output::kWait) {
        if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved_) == 0) {
            termios raw = saved_;
            raw.c_iflag &= static_cast<tcflag_t>(~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
                                                   ICRNL | IXON));
            raw.c_lflag &= static_cast<tcflag_t>(~(ECHO | ECHONL | ICANON | IEXTEN));
            if (!spec.signal) raw.c_lflag &= static_cast<tcflag_t>(~ISIG);
            raw.c_cflag &= static_cast<tcflag_t>(~(CSIZE | PARENB));
            raw.c_cflag |= CS8;
            raw.c_cc[VMIN] = 1;
            raw.c_cc[VTIME] = 0;
            restore_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
        }
    }
    ~StdioBackend() override {
        channel_.detach();
        if (restore_) tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
    }

    void connect(CharFront& front) override {
        front_ = &front;
        attach(STDIN_FILENO, STDOUT_FILENO);
    }
    std::string filename() const override { return "stdio"; }

  private:
    bool restore_ = false;
    termios saved_{};
};

class PtyBackend final : public FdBackend {
  public:
    PtyBackend(const std::string& name, const CharHost& host, std::string path, OwnedFd master, OwnedFd slave)
        : FdBackend(name, host, FdChannel::Output::kDrop),
          path_(std::move(path)),
          master_(std::move(master)),
          slave_(std::move(slave)) {}
    ~PtyBackend() override { channel_.detach(); }

    void connect(CharFront& front) override {
        front_ = &front;
        attach(master_.get(), master_.get());
    }
    std::string filename() const override { return "pty:" + path_; }

  private:
    const std::string path_;
    OwnedFd master_;
    OwnedFd slave_;  // kept open, so that a reader may come and go
};

}  // namespace

void OwnedFd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<std::unique_ptr<CharBackend>> open_stdio(const CharSpec& spec, const std::string& name,
                                                const CharHost& host) {
    return std::unique_ptr<CharBackend>(std::make_unique<StdioBackend>(spec, name, host));
}

Result<std::unique_ptr<CharBackend>> open_pty(const CharSpec&, const std::string& name,
                                              const CharHost& host) {
    OwnedFd master(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    char path[128];
    if (!master || grantpt(master.get()) || unlockpt(master.get()) ||
        ptsname_r(master.get(), path, sizeof path))
        return Error{fmt::format("no pseudo-terminal is to be had: {}", g_strerror(errno))};
    OwnedFd slave(::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios raw;
    if (slave && tcgetattr(slave.get(), &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(slave.get(), TCSAFLUSH, &raw);
    }
    host.notice(fmt::format("char device redirected to {} (label {})", path, name));
    return std::unique_ptr<CharBackend>(
        std::make_unique<PtyBackend>(name, host, path, std::move(master), std::move(slave)));
}

}  // namespace qr
