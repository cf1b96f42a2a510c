// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers as qcow2 stores them: most significant byte first. Source: qcow2 specification, "General".
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace qr {

template <class T>
T load_be(const void* p) {
    T v;
    std::memcpy(&v, p, sizeof v);
    if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(v));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(v));
    if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(v));
    return v;
}

template <class T>
void store_be(void* p, T v) {
    if constexpr (sizeof(T) == 2) v = static_cast<T>(__builtin_bswap16(v));
    if constexpr (sizeof(T) == 4) v = static_cast<T>(__builtin_bswap32(v));
    if constexpr (sizeof(T) == 8) v = static_cast<T>(__builtin_bswap64(v));
    std::memcpy(p, &v, sizeof v);
}

}  // namespace qr
