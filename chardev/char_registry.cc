// SPDX-License-Identifier: GPL-2.0-or-later
#include "chardev/char_registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "chardev/char_spec.h"

namespace qr {

namespace {
constexpr int kDrainMs = 1000;
}

CharRegistry::Device* CharRegistry::find(const std::string& label) {
    for (const auto& device : devices_)
        if (device->label == label) return device.get();
    return nullptr;
}

Result<CharRegistry::Device*> CharRegistry::open(const std::string& text, const std::string& label,
                                                 const std::string& option) {
    const auto spec = parse_char_spec(text);
    if (!spec) return Error{fmt::format("{} {}: {}", option, text, spec.error().message)};
    if (spec->kind == CharSpec::Kind::kStdio) {
        if (stdio_used_) {
            return Error{fmt::format("{} {}: cannot use stdio by multiple character devices: share it by mon:stdio, "
                                     "or by -chardev stdio,id=ID,mux=on",
                                     option, text)};
        }
        stdio_used_ = true;
    }
    // Of a multiplexed backend's fronts several may send; "mon:" is ours to take off.
    const bool mon = text.starts_with("mon:");
    auto backend = CharBackend::open(text, option, host_);
    if (!backend) return backend.error();
    auto device = std::make_unique<Device>();
    device->label = label;
    device->stdio = spec->kind == CharSpec::Kind::kStdio;
    if (spec->mux || mon)
        device->mux = std::make_unique<CharMux>(std::move(*backend), host_);
    else
        device->backend = std::move(*backend);
    devices_.push_back(std::move(device));
    return devices_.back().get();
}

Result<void> CharRegistry::add(const std::string& id, const std::string& spec) {
    const auto device = open(spec, id, "-chardev");
    if (!device) return device.error();
    (*device)->own = true;
    return {};
}

Result<CharBackend*> CharRegistry::share(const std::string& id, const std::string& option) {
    Device* device = find(id);
    if (!device) {
        return Error{fmt::format("{} chardev:{}: Device '{}' not found: add -chardev ...,id={}", option, id, id, id)};
    }
    if (device->mux) {
        device->used = true;
        return &device->mux->add_port();
    }
    if (device->used) {
        return Error{fmt::format("{} chardev:{}: Device '{}' is in use: -chardev ...,id={},mux=on can be shared", option,
                                 id, id, id)};
    }
    device->used = true;
    return device->backend.get();
}

Result<CharBackend*> CharRegistry::use(const std::string& spec, const std::string& label, const std::string& option) {
    if (spec.starts_with("chardev:") && spec.find(',') == std::string::npos) return share(spec.substr(8), option);
    const auto device = open(spec, label, option);
    if (!device) return device.error();
    return share(label, option);
}

void CharRegistry::release(CharBackend& backend) {
    const auto device = std::ranges::find_if(devices_, [&](const auto& d) { return d->backend.get() == &backend; });
    if (device == devices_.end()) return;
    if ((*device)->own) return (*device)->used = false, void();
    if ((*device)->stdio) stdio_used_ = false;
    devices_.erase(device);
}

void CharRegistry::start() {
    for (const auto& device : devices_)
        if (device->mux) device->mux->start();
}

void CharRegistry::drain() {
    for (const auto& device : devices_) {
        if (device->mux) device->mux->drain(kDrainMs);
        else device->backend->drain(kDrainMs);
    }
}

std::vector<CharRegistry::Entry> CharRegistry::list() const {
    std::vector<Entry> all;
    for (const auto& device : devices_)
        all.push_back({device->label, device->mux ? device->mux->filename() : device->backend->filename(), device->used});
    std::ranges::sort(all, {}, &Entry::label);
    return all;
}

}  // namespace qr
