// SPDX-License-Identifier: GPL-2.0-or-later
//
// CPUID and the time-stamp counter. Source: Intel SDM 2A, CPUID; 3B, 17.17 (time-stamp counter). Leaves
// at 40000000H are the hypervisor's; they say what QEMU's say.
#include "target/i386/cpu.h"

namespace qr::i386 {

namespace {

struct Leaf {
    uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

uint32_t word(const std::string& text, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && at + i < text.size(); ++i)
        value |= uint32_t{static_cast<uint8_t>(text[at + i])} << (i * 8);
    return value;
}

// Deterministic cache parameters (leaf 4): L1 data, L1 instruction, L2, L3; lines of 64 bytes.
Leaf cache_leaf(uint32_t index) {
    struct Cache {
        uint32_t type, level, ways, sets, flags;
    };
    constexpr Cache kCaches[] = {{1, 1, 8, 64, 1}, {2, 1, 8, 64, 1}, {3, 2, 16, 4096, 1}, {3, 3, 16, 16384, 6}};
    if (index >= std::size(kCaches)) return {};
    const Cache& c = kCaches[index];
    return {c.type | c.level << 5 | 1 << 8, (c.ways - 1) << 22 | 63, c.sets - 1, c.flags};
}

uint32_t feature_word(const Cpu& cpu, unsigned word) {
    return static_cast<uint32_t>(cpu.model.features[word / 2] >> (32 * (word % 2)));
}

Leaf leaf(const Cpu& cpu, uint32_t index, uint32_t sub) {
    const CpuModel& m = cpu.model;
    switch (index) {
        case 0: return {m.level, word(m.vendor, 0), word(m.vendor, 8), word(m.vendor, 4)};
        case 1: {
            uint32_t edx = feature_word(cpu, 0);
            const InterruptController* pic = cpu.wiring.interrupts;
            if (!pic || !pic->apic_enabled()) edx &= ~(1u << static_cast<unsigned>(Feature::kApic));
            return {m.signature, 8 << 8, feature_word(cpu, 1), edx};
        }
        case 2: return {1, 0, 0x4d, 0x2c307d};
        case 4: return cache_leaf(sub);
        case 0x40000000: return {0x40000001, word("TCGT", 0), word("CGTC", 0), word("GTCG", 0)};
        case 0x80000000:
            return {m.extended_level, word(m.vendor, 0), word(m.vendor, 8), word(m.vendor, 4)};
        case 0x80000001: return {m.signature, 0, 0, feature_word(cpu, 2)};
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const size_t at = (index - 0x80000002) * 16;
            return {word(m.brand, at), word(m.brand, at + 4), word(m.brand, at + 8), word(m.brand, at + 12)};
        }
        // First-level caches and TLBs, second-level caches, in AMD's encoding.
        case 0x80000005: return {0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140};
        case 0x80000006: return {0, 0x42004200, 0x02008140, 0x00808140};
        case 0x80000008: return {m.has(Feature::kPse36) ? 36u : 32u, 0, 0, 0};
        default: return {};
    }
}

}  // namespace

void Cpu::cpuid() {
    uint32_t index = reg<uint32_t>(kEax);
    const bool hypervisor = index >> 30 == 1 && model.has(Feature::kHypervisor);
    const uint32_t last = index & 0x80000000 ? model.extended_level : model.level;
    // Beyond the last leaf there are the contents of the last basic one.
    if (!hypervisor && index > last) index = model.level;
    const Leaf l = leaf(*this, index, reg<uint32_t>(kEcx));
    set_reg<uint32_t>(kEax, l.eax);
    set_reg<uint32_t>(kEbx, l.ebx);
    set_reg<uint32_t>(kEcx, l.ecx);
    set_reg<uint32_t>(kEdx, l.edx);
}

uint64_t Cpu::tsc() const {
    const auto ns = static_cast<uint64_t>(wiring.clock.now_ns());
    if (model.tsc_hz == kNsPerSecond) return ns + tsc_offset;
    return muldiv(ns, model.tsc_hz, kNsPerSecond) + tsc_offset;
}

}  // namespace qr::i386
