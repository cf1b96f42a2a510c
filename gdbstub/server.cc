// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/server.h"

#include <utility>

namespace qr {

GdbServer::~GdbServer() { forget_later(); }

void GdbServer::close() {
    if (!backend_) return;
    session_.use(nullptr);
    chardevs_.release(*std::exchange(backend_, nullptr));
}

void GdbServer::forget_later() {
    if (!later_) return;
    g_source_destroy(later_);
    g_source_unref(later_);
    later_ = nullptr;
}

Result<void> GdbServer::listen(const std::string& device, const std::string& option) {
    forget_later();
    if (session_.inside()) {
        device_ = device;
        option_ = option;
        later_ = g_idle_source_new();
        g_source_set_callback(
            later_,
            [](gpointer self) -> gboolean {
                auto& server = *static_cast<GdbServer*>(self);
                if (const auto done = server.listen(std::string(server.device_), std::string(server.option_)); !done)
                    server.notice_(done.error().message);
                return G_SOURCE_REMOVE;
            },
            this, nullptr);
        g_source_attach(later_, io_);
        return {};
    }
    close();
    if (device == "none") return {};
    // As QEMU has it: gdb comes when it likes.
    const std::string spec = device.starts_with("tcp:") ? device + ",wait=off,nodelay=on,server=on" : device;
    auto backend = chardevs_.use(spec, "gdb", option);
    if (!backend) return backend.error();
    backend_ = *backend;
    session_.use(backend_);
    return {};
}

}  // namespace qr
