// SPDX-License-Identifier: GPL-2.0-or-later
// ISA DMA as a device on the bus sees it: DREQ, DACK cycles and terminal count. The 8237A pair
// implements IsaDma, a device with a DMA channel implements IsaDmaClient. VM thread only. Source:
// 8237A data sheet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace qr {

enum class IsaDmaDirection : uint8_t {
    kVerify = 0,    // addresses and counts move, memory is not touched
    kToMemory = 1,  // "write transfer": device to memory
    kToDevice = 2,  // "read transfer": memory to device
};

struct IsaDmaResult {
    size_t bytes = 0;             // how many moved
    bool terminal_count = false;  // TC was pulsed with the last of them
    IsaDmaDirection direction = IsaDmaDirection::kVerify;
};

class IsaDmaClient {
  public:
    virtual ~IsaDmaClient() = default;
    // The channel could transfer now: DREQ is held, and the guest has just programmed, unmasked or
    // enabled it. Called from within the guest's register write; the client may call transfer(), or
    // wait for its own time. A client that calls set_dreq() looks at ready() itself.
    virtual void dma_ready(unsigned channel) = 0;
};

class IsaDma {
  public:
    virtual ~IsaDma() = default;

    // channel: 0-3 are 8 bits wide, 5-7 16 bits.
    virtual void register_channel(unsigned channel, IsaDmaClient& client) = 0;
    virtual void set_dreq(unsigned channel, bool level) = 0;
    // DREQ is held, the channel is unmasked and not in cascade mode, and its controller is enabled.
    virtual bool ready(unsigned channel) const = 0;
    virtual IsaDmaDirection direction(unsigned channel) const = 0;

    // DACK cycles until `data` is used up or the channel reaches terminal count, whichever is
    // first. kToDevice fills `data`, kToMemory takes it. On 16-bit channels the size must be even.
    // Moves nothing if the channel is not ready().
    virtual IsaDmaResult transfer(unsigned channel, std::span<uint8_t> data) = 0;
};

}  // namespace qr
