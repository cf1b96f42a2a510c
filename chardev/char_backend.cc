// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a specification to a backend, and a guest's device as its front.
#include "chardev/char_backend.h"

#include <fmt/format.h>

#include "chardev/char_open.h"

namespace qr {

namespace {

class NullBackend final : public CharBackend {
  public:
    void connect(CharFront&) override {}
    void wake() override {}
    void write(std::span<const uint8_t>) override {}
    void send(std::string_view) override {}
    std::string filename() const override { return "null"; }
};

Result<std::unique_ptr<CharBackend>> open_null(const CharSpec&, const std::string&, const CharHost&) {
    return std::unique_ptr<CharBackend>(std::make_unique<NullBackend>());
}

// In the order of CharSpec::Kind.
constexpr decltype(&open_null) kOpen[] = {open_null, open_stdio, open_pty,   open_file,
                                          open_pipe, open_socket, open_socket};

class DeviceFront final : public CharFront {
  public:
    explicit DeviceFront(CharEnd& end) : end_(end) {}
    size_t room() override { return end_.rx.room(); }
    void receive(std::span<const uint8_t> data) override { end_.rx.submit({{data.begin(), data.end()}, false}); }
    void line_break() override { end_.rx.submit({{}, true}); }

  private:
    CharEnd& end_;
};

}  // namespace

CharBackend::~CharBackend() = default;

void CharBackend::connect(CharEnd& end) {
    device_ = std::make_unique<DeviceFront>(end);
    end.rx.on_room([this] { wake(); });
    end.tx.connect(this);
    connect(*device_);
}

Result<std::unique_ptr<CharBackend>> CharBackend::open(std::string_view text, const std::string& name,
                                                       const CharHost& host) {
    const auto spec = parse_char_spec(text);
    if (!spec) return Error{fmt::format("{} {}: {}", name, text, spec.error().message)};
    auto backend = kOpen[static_cast<size_t>(spec->kind)](*spec, name, host);
    if (!backend) return Error{fmt::format("{} {}: {}", name, text, backend.error().message)};
    return backend;
}

}  // namespace qr
