// SPDX-License-Identifier: GPL-2.0-or-later
//
// Plain files (output, and input from another file) and named pipes (NAME, or NAME.in and NAME.out).
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "chardev/char_fd.h"
#include "chardev/char_open.h"

namespace qr {

namespace {

class FileBackend final : public FdBackend {
  public:
    FileBackend(const CharSpec& spec, const std::string& name, const CharHost& host, OwnedFd in, OwnedFd out)
        : FdBackend(name, host, FdChannel::Output::kWait),
          filename_((spec.kind == CharSpec::Kind::kFile ? "file:" : "pipe:") + spec.path),
          in_(std::move(in)),
          out_(std::move(out)) {}
    ~FileBackend() override { channel_.detach(); }

    void connect(CharFront& front) override {
        front_ = &front;
        attach(in_.get(), out_.get());
    }
    std::string filename() const override { return filename_; }

  private:
    const std::string filename_;
    OwnedFd in_, out_;
};

Error could_not_open(const std::string& path) {
    return Error{fmt::format("Could not open '{}': {}", path, g_strerror(errno))};
}

}  // namespace

Result<std::unique_ptr<CharBackend>> open_file(const CharSpec& spec, const std::string& name,
                                               const CharHost& host) {
    OwnedFd in;
    if (!spec.input_path.empty()) {
        in = OwnedFd(::open(spec.input_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!in) return could_not_open(spec.input_path);
    }
    OwnedFd out(::open(spec.path.c_str(),
                       O_WRONLY | O_CREAT | O_CLOEXEC | (spec.append ? O_APPEND : O_TRUNC), 0666));
    if (!out) return could_not_open(spec.path);
    return std::unique_ptr<CharBackend>(
        std::make_unique<FileBackend>(spec, name, host, std::move(in), std::move(out)));
}

Result<std::unique_ptr<CharBackend>> open_pipe(const CharSpec& spec, const std::string& name,
                                               const CharHost& host) {
    OwnedFd in(::open((spec.path + ".in").c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    OwnedFd out(::open((spec.path + ".out").c_str(), O_RDWR | O_CLOEXEC));
    if (!in || !out) {
        in = OwnedFd(::open(spec.path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
        if (!in) return could_not_open(spec.path);
        out = OwnedFd(::dup(in.get()));
    }
    return std::unique_ptr<CharBackend>(
        std::make_unique<FileBackend>(spec, name, host, std::move(in), std::move(out)));
}

}  // namespace qr
