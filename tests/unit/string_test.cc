// SPDX-License-Identifier: GPL-2.0-or-later
//
// Repeated string instructions: many iterations at once against an iteration at a time.
// Source: Intel SDM volume 2, REP.

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/cpu_fixture.h"

namespace qr::i386 {
namespace {

using test::CpuFixture;

constexpr uint32_t kCode = 0x10000, kFrom = 0x20000, kTo = 0x24000, kBytes = 0x3000;

TEST(RepeatedStrings, AtOnceAsOneByOne) {
    std::mt19937 random(1);
    const auto below = [&random](uint32_t n) { return static_cast<uint32_t>(random()) % n; };
    for (unsigned round = 0; round < 600; ++round) {
        static constexpr uint8_t kOpcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
        const uint8_t opcode = kOpcodes[below(std::size(kOpcodes))];
        std::vector<uint8_t> code;
        if (below(3) == 0) code.push_back(0x66);
        code.push_back(below(2) ? 0xf3 : 0xf2);
        code.push_back(opcode);
        code.push_back(0xf4);

        // Mostly equal, or mostly not, with a few elements that aren't so.
        std::vector<uint8_t> from(kBytes), to(kBytes);
        const bool equal = below(2);
        const auto fill = static_cast<uint8_t>(below(256));
        for (uint32_t i = 0; i < kBytes; ++i) {
            from[i] = below(2) ? fill : static_cast<uint8_t>(below(256));
            to[i] = equal ? (opcode >= 0xae ? fill : from[i]) : static_cast<uint8_t>(from[i] + 1 + below(255));
        }
        for (unsigned n = below(4); n > 0; --n) {
            const uint32_t at = below(kBytes);
            to[at] = equal ? static_cast<uint8_t>(to[at] + 1) : from[at];
        }
        const bool down = below(4) == 0;
        const uint32_t count = below(800), offset = below(kBytes - 0x1000) + (down ? 0xe00 : 0);
        const uint32_t accumulator = fill * 0x01010101u;

        CpuFixture whole("max", 1 << 20), single("max", 1 << 20);
        for (CpuFixture* m : {&whole, &single}) {
            m->put(kCode, code);
            m->put(kFrom, from);
            m->put(kTo, to);
            m->flat32(kCode);
            m->cpu.gpr[kEax] = accumulator;
            m->cpu.gpr[kEcx] = count;
            m->cpu.gpr[kEsi] = kFrom + offset;
            m->cpu.gpr[kEdi] = kTo + offset;
            if (down) m->cpu.eflags |= kDFlag;
        }
        const uint64_t n = whole.run(1000);
        for (uint64_t i = 0; i < n; ++i) single.run(1);
        whole.cpu.settle_flags();
        single.cpu.settle_flags();
        ASSERT_EQ(whole.cpu.gpr, single.cpu.gpr) << "round " << round;
        ASSERT_EQ(whole.cpu.eip, single.cpu.eip) << "round " << round;
        ASSERT_EQ(whole.cpu.eflags, single.cpu.eflags) << "round " << round;
        ASSERT_EQ(whole.countdown.icount(), single.countdown.icount()) << "round " << round;
        ASSERT_EQ(std::memcmp(whole.ram->data(), single.ram->data(), whole.ram->size()), 0) << "round " << round;
    }
}

}  // namespace
}  // namespace qr::i386
