// SPDX-License-Identifier: GPL-2.0-or-later
//
// CPU models and features: what CPUID says and which rows of the instruction table exist.
// Source: SDM 2A, CPUID; 3A 22 (architecture compatibility).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace qr::i386 {

// Bits 0-31: CPUID.1:EDX by their numbers. 32-63: CPUID.1:ECX. 64-95: CPUID.80000001:EDX. Then our own.
enum class Feature : uint8_t {
    kFpu = 0, kVme = 1, kDe = 2, kPse = 3, kTsc = 4, kMsr = 5, kPae = 6, kMce = 7, kCx8 = 8, kApic = 9,
    kSep = 11, kMtrr = 12, kPge = 13, kMca = 14, kCmov = 15, kPat = 16, kPse36 = 17, kClflush = 19,
    kMmx = 23, kFxsr = 24, kSse = 25, kSse2 = 26,
    kSse3 = 32, kMonitor = 35, kSsse3 = 41, kCx16 = 45, kSse41 = 51, kSse42 = 52, kPopcnt = 55,
    kRdrand = 62, kHypervisor = 63,
    kNx = 84,
    kBase = 96,   // every model
    k486 = 97,    // 486 and later (BSWAP, CMPXCHG, XADD, INVLPG, CPUID): every model we have
};

struct CpuModel {
    std::string name;
    std::string vendor;      // 12 characters
    std::string brand;       // CPUID.80000002-4, up to 48
    uint32_t signature = 0;  // CPUID.1:EAX
    uint32_t level = 0;      // highest basic leaf
    uint32_t extended_level = 0;  // 0 or 0x8000000x
    uint64_t features[2] = {};    // by Feature number
    uint64_t tsc_hz = 1'000'000'000;

    bool has(Feature f) const {
        const auto n = static_cast<unsigned>(f);
        return n >= 96 || ((features[n / 64] >> (n % 64)) & 1);
    }
};

// spec: "qemu32", "pentium3,+sse2,-apic", "max,sse3=off" (QEMU's spellings).
Result<CpuModel> parse_cpu_model(std::string_view spec);
std::vector<std::string> cpu_model_names();
std::vector<std::string> cpu_feature_names();

}  // namespace qr::i386
