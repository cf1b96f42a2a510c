// SPDX-License-Identifier: GPL-2.0-or-later
// Small helpers on bits and bytes. Everything here is little-endian, as the guests are.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace qr {

static_assert(std::endian::native == std::endian::little,
              "register files and RAM are accessed in place as little-endian values");

constexpr bool bit(uint64_t value, unsigned n) { return (value >> n) & 1; }

// Bits first .. first+count-1 of value, shifted down to bit 0.
constexpr uint64_t bits(uint64_t value, unsigned first, unsigned count) {
    return (value >> first) & (count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1);
}

template <class T>
T load_le(const void* p) {
    static_assert(std::is_trivially_copyable_v<T>);
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

template <class T>
void store_le(void* p, T v) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(p, &v, sizeof v);
}

// All ones in the low `size` bytes; what an unmapped port or address reads as.
constexpr uint64_t ones(unsigned size) {
    return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (size * 8)) - 1;
}

}  // namespace qr
