// SPDX-License-Identifier: GPL-2.0-or-later
//
// Backends over descriptors that are open from the start (terminal, pty, files, pipes), and sockets.
#pragma once

#include <memory>

#include "chardev/char_backend.h"
#include "chardev/char_spec.h"

namespace qr {

Result<std::unique_ptr<CharBackend>> open_stdio(const CharSpec& spec, const std::string& name,
                                                const CharHost& host);
Result<std::unique_ptr<CharBackend>> open_pty(const CharSpec& spec, const std::string& name,
                                              const CharHost& host);
Result<std::unique_ptr<CharBackend>> open_file(const CharSpec& spec, const std::string& name,
                                               const CharHost& host);
Result<std::unique_ptr<CharBackend>> open_pipe(const CharSpec& spec, const std::string& name,
                                               const CharHost& host);
Result<std::unique_ptr<CharBackend>> open_socket(const CharSpec& spec, const std::string& name,
                                                 const CharHost& host);

}  // namespace qr
