// SPDX-License-Identifier: GPL-2.0-or-later
//
// What repeated string instructions do to a stretch of plain memory, 16 bytes at a time where the host has SSE2 (every
// x86-64 one has). The results are those of one element after the other. Source: Intel SDM volume 2, REP.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "util/bits.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace qr::i386 {

// n elements of a value, upwards from d.
template <class T>
void fill_elements(uint8_t* d, uint32_t n, T value) {
    if constexpr (sizeof(T) == 1) {
        std::memset(d, value, n);
        return;
    }
    size_t at = 0;
    const size_t bytes = size_t{n} * sizeof(T);
#ifdef __SSE2__
    if (bytes >= 16) {
        const __m128i all = sizeof(T) == 2 ? _mm_set1_epi16(static_cast<int16_t>(value)) : _mm_set1_epi32(static_cast<int32_t>(value));
        const auto put = [d, &all](size_t offset) { _mm_storeu_si128(reinterpret_cast<__m128i*>(d + offset), all); };
        for (; at + 64 <= bytes; at += 64) {
            put(at);
            put(at + 16);
            put(at + 32);
            put(at + 48);
        }
        for (; at + 16 <= bytes; at += 16) put(at);
        // The rest is the end of 16 bytes of whole elements, too.
        put(bytes - 16);
        return;
    }
#endif
    for (; at < bytes; at += sizeof(T)) store_le<T>(d + at, value);
}

// Of n elements upwards from a, how many are compared before one ends it: with while_equal the first that differs from
// the other operand's, else the first that equals it. n if none does.
// Other: the other operand, element(i) and, with SSE2, vector(offset in bytes).
template <class T, class Other>
uint32_t elements_before_end(const uint8_t* a, uint32_t n, bool while_equal, const Other& other) {
    uint32_t i = 0;
#ifdef __SSE2__
    constexpr uint32_t kElements = 16 / sizeof(T);
    const unsigned go_on = while_equal ? 0xffff : 0;
    for (; n - i >= kElements; i += kElements) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i * sizeof(T)));
        const __m128i y = other.vector(i * sizeof(T));
        __m128i equal;
        if constexpr (sizeof(T) == 1)
            equal = _mm_cmpeq_epi8(x, y);
        else if constexpr (sizeof(T) == 2)
            equal = _mm_cmpeq_epi16(x, y);
        else
            equal = _mm_cmpeq_epi32(x, y);
        const unsigned ends = static_cast<unsigned>(_mm_movemask_epi8(equal)) ^ go_on;
        if (ends) return i + static_cast<uint32_t>(std::countr_zero(ends)) / sizeof(T);
    }
#endif
    while (i < n && (load_le<T>(a + i * sizeof(T)) == other.element(i)) == while_equal) ++i;
    return i;
}

// The other operand of SCAS: one value.
template <class T>
struct SameValue {
    explicit SameValue(T v) : value(v) {
#ifdef __SSE2__
        if constexpr (sizeof(T) == 1)
            all = _mm_set1_epi8(static_cast<int8_t>(v));
        else if constexpr (sizeof(T) == 2)
            all = _mm_set1_epi16(static_cast<int16_t>(v));
        else
            all = _mm_set1_epi32(static_cast<int32_t>(v));
#endif
    }
    T element(uint32_t) const { return value; }
    T value;
#ifdef __SSE2__
    __m128i vector(size_t) const { return all; }
    __m128i all;
#endif
};
// That of CMPS: memory.
template <class T>
struct OtherMemory {
    T element(uint32_t i) const { return load_le<T>(from + i * sizeof(T)); }
    const uint8_t* from;
#ifdef __SSE2__
    __m128i vector(size_t offset) const { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + offset)); }
#endif
};

}  // namespace qr::i386
