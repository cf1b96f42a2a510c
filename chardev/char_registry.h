// SPDX-License-Identifier: GPL-2.0-or-later
//
// All character devices of a run by name, each opened once: those of -chardev, and those that -serial, -monitor and
// their like make for themselves ("serial0", "compat_monitor0"). I/O thread, or before it runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chardev/char_backend.h"
#include "chardev/char_mux.h"

namespace qr {

class CharRegistry {
  public:
    explicit CharRegistry(CharHost host) : host_(std::move(host)) {}

    // -chardev: `spec` in the long form, "chardev:socket,path=...".
    Result<void> add(const std::string& id, const std::string& spec);

    // A backend for one front. spec: as the user wrote it, "chardev:ID" among others. label: what it is called if
    // it is made here. option: for messages ("-serial 0").
    Result<CharBackend*> use(const std::string& spec, const std::string& label, const std::string& option);
    // One more front on a device that is multiplexed.
    Result<CharBackend*> share(const std::string& id, const std::string& option);

    // Its front is there no more. What use() made for it is closed; one of -chardev can be used again.
    void release(CharBackend& backend);

    bool stdio_used() const { return stdio_used_; }
    // Once every front is connected.
    void start();
    // At the end: what monitors still have to say goes out.
    void drain();

    struct Entry {
        std::string label;
        std::string filename;
        bool used;
    };
    std::vector<Entry> list() const;

  private:
    struct Device {
        std::string label;
        std::unique_ptr<CharBackend> backend;  // or
        std::unique_ptr<CharMux> mux;
        bool used = false;
        bool own = false;  // of -chardev
        bool stdio = false;
    };
    Device* find(const std::string& label);
    Result<Device*> open(const std::string& spec, const std::string& label, const std::string& option);

    CharHost host_;
    std::vector<std::unique_ptr<Device>> devices_;
    bool stdio_used_ = false;
};

}  // namespace qr
