// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ports of the door by which the machine's buttons are pressed, and a debugger writes. Source: none (docs/architecture.rst).
#pragma once

#include <string>
#include <vector>

#include "hw/i386/pc.h"
#include "hw/machine_requests.h"
#include "sysemu/replay.h"
#include "system/run_loop.h"

namespace qr {

struct ButtonInput {
    template <class V>
    void fields(V&) {}
};

struct PortAccessInput {
    uint16_t port = 0;
    uint8_t size = 1;
    bool write = false;
    uint32_t value = 0;  // written
    template <class V>
    void fields(V& v) {
        v("port", port);
        v("size", size);
        v("write", write);
        v("value", value);
    }
};

struct DebugMemoryInput {
    uint64_t address = 0;
    bool physical = false;
    std::vector<uint8_t> data;
    template <class V>
    void fields(V& v) {
        v("address", address);
        v("physical", physical);
        v("data", data);
    }
};

struct DebugRegisterInput {
    std::string name;
    std::vector<uint8_t> value;
    template <class V>
    void fields(V& v) {
        v("name", name);
        v("value", value);
    }
};

class HostRequests final : public MachineRequests {
  public:
    HostRequests(Door& door, PcBoard& board, RunLoop& loop);

    void reset() override { enter(reset_, ButtonInput{}); }
    void press_power_button() override { enter(power_, ButtonInput{}); }
    void nmi() override { enter(nmi_, ButtonInput{}); }
    uint32_t read_port(uint16_t port, unsigned size) override;
    void write_port(uint16_t port, unsigned size, uint32_t value) override;
    bool write_memory(uint64_t address, bool physical, std::span<const uint8_t> data) override;
    bool write_register(std::string_view name, std::span<const uint8_t> value) override;

  private:
    template <class Payload>
    void enter(InputPort<Payload>& port, Payload payload) {
        PayloadWriter bytes;
        payload.fields(bytes);
        door_.enter(port, bytes.take());
    }
    void access_port(const PortAccessInput& in);

    Door& door_;
    PcBoard& board_;
    InputPort<ButtonInput> reset_, power_, nmi_;
    InputPort<PortAccessInput> access_;
    InputPort<DebugMemoryInput> memory_;
    InputPort<DebugRegisterInput> register_;
    // For whoever asked: what the last access gave, and whether the last write was possible.
    uint32_t read_ = 0;
    bool written_ = false;
};

}  // namespace qr
