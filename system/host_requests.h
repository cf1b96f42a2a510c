// SPDX-License-Identifier: GPL-2.0-or-later
//
// The ports of the door by which the machine's buttons are pressed. Source: none (docs/architecture.rst).
#pragma once

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

class HostRequests final : public MachineRequests {
  public:
    HostRequests(Door& door, PcBoard& board, RunLoop& loop);

    void reset() override { enter(reset_, ButtonInput{}); }
    void press_power_button() override { enter(power_, ButtonInput{}); }
    void nmi() override { enter(nmi_, ButtonInput{}); }
    uint32_t read_port(uint16_t port, unsigned size) override;
    void write_port(uint16_t port, unsigned size, uint32_t value) override;

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
    uint32_t read_ = 0;  // for the monitor: what the last access gave
};

}  // namespace qr
