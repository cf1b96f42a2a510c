// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random guest programs for comparing two ways of executing them: instructions more or less well-formed, of the kinds
// that have fast forms or emitters, with interrupt gates that lead anywhere.
// Source: Intel SDM volume 2.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/unit/cpu_fixture.h"

namespace qr::i386::test {

using qr::test::CpuFixture;

constexpr uint32_t kCode = 0x10000, kCodeSize = 0x3000, kData = 0x20000, kIdt = 0x2000;

// Writes instructions of the kinds that have fast forms, more or less well-formed.
class Generator {
  public:
    explicit Generator(uint32_t seed) : random_(seed) {}

    std::vector<uint8_t> program() {
        while (code_.size() < kCodeSize - 16) instruction();
        code_.resize(kCodeSize, 0x90);
        return code_;
    }
    uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_()) % below; }

  private:
    void byte(uint32_t b) { code_.push_back(static_cast<uint8_t>(b)); }
    void word(uint32_t v, unsigned size) {
        for (unsigned i = 0; i < size; ++i) byte(v >> (8 * i));
    }
    // A register, or memory that is mostly in the data area.
    void modrm(unsigned reg, bool memory_only = false) {
        switch (memory_only ? 1 + number(4) : number(8)) {
            case 1: {  // base, displacement
                const unsigned base = number(2) ? kEsi : kEbx;
                byte(0x80 | reg << 3 | base);
                return word(number(64), 4);
            }
            case 2:  // base, scaled index, small displacement
                byte(0x44 | reg << 3);
                byte(number(4) << 6 | (number(2) ? kEdi : kEbp) << 3 | kEsi);
                return byte(number(256));
            case 3:  // plain address, sometimes anywhere
                byte(0x05 | reg << 3);
                return word(number(16) ? kData + number(0x4000) : static_cast<uint32_t>(random_()), 4);
            case 4:  // stack
                byte(0x44 | reg << 3);
                byte(0x24);
                return byte(number(64));
            default: return byte(0xc0 | reg << 3 | number(8));
        }
    }
    void branch_offset(unsigned size) {
        const uint32_t at = static_cast<uint32_t>(code_.size()) + size;
        uint32_t by = number(40);
        if (number(4) == 0) by = 0u - number(std::min(at, 100u) + 1);
        word(by, size);
    }
    void instruction() {
        if (number(12) == 0) byte(0x66);
        if (number(20) == 0) byte(number(2) ? 0x64 : 0x26);
        if (number(60) == 0) byte(number(2) ? 0xf3 : 0xf0);
        const unsigned reg = number(8);
        switch (number(40)) {
            case 0: case 1: case 2: case 3:
                byte(number(8) << 3 | number(4));
                return modrm(reg);
            case 4:
                byte(number(8) << 3 | 4);
                return byte(number(256));
            case 5:
                byte(number(2) ? 0x80 : 0x83);
                modrm(reg);
                return byte(number(256));
            case 6: case 7:  // compare and jump
                byte(number(2) ? 0x39 : 0x3b);
                modrm(reg);
                byte(0x70 | number(16));
                return branch_offset(1);
            case 8:
                byte(0x84 | number(2));
                byte(0xc0 | reg << 3 | number(8));
                byte(0x70 | number(16));
                return branch_offset(1);
            case 9:
                byte(0x83);
                modrm(7);
                byte(number(256));
                byte(0x70 | number(16));
                return branch_offset(1);
            case 10:
                byte(number(2) ? 0x3c : 0xa8);
                byte(number(256));
                byte(0x70 | number(16));
                return branch_offset(1);
            case 11:
                byte(0x48 | reg);
                byte(0x70 | number(16));
                return branch_offset(1);
            case 12: case 13: case 14:
                byte(0x88 | number(4));
                return modrm(reg);
            case 15:
                byte(0xb0 | reg);
                return byte(number(256));
            case 16:
                byte(0xc6);
                modrm(0);
                return byte(number(256));
            case 17:
                byte(number(2) ? 0xc1 : 0xc0);
                modrm(reg);
                return byte(number(256));
            case 18:
                byte(0xd0 | number(4));
                return modrm(reg);
            case 19:
                byte(0x0f);
                byte((number(2) ? 0xb6 : 0xbe) | number(2));
                return modrm(reg);
            case 20:
                byte(0x0f);
                byte(0x40 | number(16));
                return modrm(reg);
            case 21:
                byte(0x0f);
                byte(0x90 | number(16));
                return modrm(0);
            case 22:
                byte(0x8d);
                return modrm(reg, true);
            case 23:
                byte(0x40 | number(32));
                return;
            case 24:
                byte(0xff);
                return modrm(number(2));
            case 25:
                byte(0xff);
                return modrm(6);
            case 26:
                byte(number(2) ? 0xeb : 0x70 | number(16));
                return branch_offset(1);
            case 27:
                byte(number(2) ? 0xe8 : 0xe9);
                return branch_offset(4);
            case 28: {
                static constexpr uint8_t kSome[] = {0xc3, 0xc9, 0x90, 0x98, 0x99, 0xf8, 0xf9, 0xf5, 0xfc, 0xe2, 0xa4, 0xab};
                return byte(kSome[number(std::size(kSome))]);
            }
            case 29:  // NOT, NEG, MUL, IMUL, DIV, IDIV
                byte(0xf6 | number(2));
                return modrm(2 + number(6));
            case 30:
                byte(0x0f);
                byte(0xaf);
                return modrm(reg);
            case 31:
                byte(number(2) ? 0x6b : 0x69);
                modrm(reg);
                if (code_.back() == 0) return;  // the immediate is whatever follows
                return byte(number(256));
            case 32:  // BT, BTS, BTR, BTC
                byte(0x0f);
                byte(0xa3 | number(4) << 3);
                return modrm(reg);
            case 33:
                byte(0x0f);
                byte(0xba);
                modrm(4 + number(4));
                return byte(number(256));
            case 34:
                byte(0x0f);
                byte(0xbc | number(2));
                return modrm(reg);
            case 35:  // SHLD, SHRD
                byte(0x0f);
                byte(0xa4 | number(2) << 3);
                modrm(reg);
                return byte(number(64));
            case 36:  // CMPXCHG, XADD
                byte(0x0f);
                byte((number(2) ? 0xb0 : 0xc0) | number(2));
                return modrm(reg);
            case 37:
                byte(0x86 | number(2));
                return modrm(reg);
            case 38:
                if (number(2)) {
                    byte(0x0f);
                    return byte(0xc8 | reg);
                }
                if (number(4) == 0) {  // RDTSC
                    byte(0x0f);
                    return byte(0x31);
                }
                return byte(number(2) ? 0x90 | reg : number(2) ? 0x9e : 0x9f);
            default:  // registers back to where data are
                byte(0xb8 | (number(2) ? kEsi : number(2) ? kEbx : kEsp));
                return word(kData + number(0x3000), 4);
        }
    }

    std::mt19937 random_;
    std::vector<uint8_t> code_;
};

inline void set_up(CpuFixture& m, uint32_t seed) {
    Generator g(seed);
    m.put(kCode, g.program());
    m.flat32(kCode);
    for (uint32_t vector = 0; vector < 256; ++vector) {
        const uint32_t target = kCode + g.number(kCodeSize - 0x100);
        m.poke<uint64_t>(kIdt + 8 * vector, 0x00008f0000080000 | (target & 0xffff) |
                                                uint64_t{target & 0xffff0000} << 32);
    }
    m.cpu.idtr = {kIdt, 0x7ff};
    for (uint64_t& r : m.cpu.gpr) r = g.number(0x400);
    m.cpu.gpr[kNoRegister] = 0;
    m.cpu.gpr[kEsi] = kData;
    m.cpu.gpr[kEbx] = kData + 0x1000;
    m.cpu.gpr[kEsp] = kData + 0x3000;
}

// Paging for a program that is set up: linear addresses are physical ones, some pages of data can't be written to, some
// are absent, and so is what lies above RAM.
inline void set_up_pages(CpuFixture& m, uint32_t seed) {
    constexpr uint32_t kDirectory = 0x40000, kTable = 0x41000, kPages = 0x100, kPresent = 1, kWritable = 2;
    std::mt19937 random(seed);
    m.poke<uint32_t>(kDirectory, kTable | kPresent | kWritable);
    for (uint32_t page = 0; page < kPages; ++page) {
        uint32_t rights = kPresent | kWritable;
        const uint32_t data = page - (kData >> 12);
        if (data == 1 && random() % 4 == 0) rights = kPresent;
        if (data >= 3 && data < 8) rights = random() % 3 ? (random() % 2 ? kPresent : 0) : rights;
        m.poke<uint32_t>(kTable + page * 4, page << 12 | rights);
    }
    m.cpu.cr3 = kDirectory;
    m.cpu.cr0 |= kCr0PG | kCr0WP;
    m.cpu.flush_tlb();
}

inline void compare(CpuFixture& a, CpuFixture& b, uint32_t seed) {
    a.cpu.settle_flags();
    b.cpu.settle_flags();
    ASSERT_EQ(a.cpu.eip, b.cpu.eip) << "seed " << seed;
    ASSERT_EQ(a.cpu.eflags, b.cpu.eflags) << "seed " << seed;
    ASSERT_EQ(a.cpu.gpr, b.cpu.gpr) << "seed " << seed;
    ASSERT_EQ(a.cpu.cr2, b.cpu.cr2) << "seed " << seed;
    ASSERT_EQ(a.countdown.icount(), b.countdown.icount()) << "seed " << seed;
    ASSERT_EQ(std::memcmp(a.ram->data(), b.ram->data(), a.ram->size()), 0) << "seed " << seed;
}

}  // namespace qr::i386::test
