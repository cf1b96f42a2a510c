// SPDX-License-Identifier: GPL-2.0-or-later
//
// x87, MMX and SSE registers. MMX registers are the mantissas of the physical x87 registers (SDM 1, 9.2.1).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "sysemu/state.h"
#include "target/i386/softfloat/softfloat.h"

namespace qr::i386 {

struct Xmm {
    alignas(16) std::array<uint8_t, 16> bytes{};

    // Element i, as lanes of T.
    template <class T>
    T get(unsigned i) const {
        T v;
        std::memcpy(&v, bytes.data() + i * sizeof(T), sizeof(T));
        return v;
    }
    template <class T>
    void set(unsigned i, T v) {
        std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
    }
};

struct FpuState {
    std::array<softfloat::Float80, 8> regs{};  // physical: ST(i) is regs[(top + i) & 7]
    uint16_t control = 0x37f;
    uint16_t status = 0;       // TOP (bits 11-13) included
    uint8_t empty = 0xff;      // bit n: physical register n is empty (the full tag word is computed)
    uint16_t opcode = 0;       // FOP, 11 bits
    uint32_t fip = 0, fdp = 0;
    uint16_t fcs = 0, fds = 0;
    std::array<Xmm, 8> xmm{};
    uint32_t mxcsr = 0x1f80;

    unsigned top() const { return (status >> 11) & 7; }
    void set_top(unsigned t) { status = (status & ~0x3800) | ((t & 7) << 11); }
    uint64_t mmx(unsigned n) const { return regs[n].mantissa; }
    // A write also sets the sign and exponent to ones.
    void set_mmx(unsigned n, uint64_t v) { regs[n] = {v, 0xffff}; }
    // Any MMX instruction but EMMS: TOP = 0, all tags valid.
    void enter_mmx() {
        set_top(0);
        empty = 0;
    }
    void state(StateVisitor& v);
};

}  // namespace qr::i386
