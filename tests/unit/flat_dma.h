// SPDX-License-Identifier: GPL-2.0-or-later
// A bus of flat memory for tests of bus masters: reads ones and drops writes beyond its end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "exec/ioport.h"

namespace qr::test {

class FlatDma final : public DmaBus {
  public:
    explicit FlatDma(size_t size) : memory(size) {}

    void dma_read(uint64_t address, std::span<uint8_t> to) override {
        for (uint8_t& byte : to) {
            byte = address < memory.size() ? memory[address] : 0xff;
            ++address;
        }
    }
    void dma_write(uint64_t address, std::span<const uint8_t> from) override {
        for (const uint8_t byte : from) {
            if (address < memory.size()) memory[address] = byte;
            ++address;
        }
    }

    std::vector<uint8_t> memory;
};

}  // namespace qr::test
