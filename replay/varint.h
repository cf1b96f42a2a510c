// SPDX-License-Identifier: GPL-2.0-or-later
// LEB128 varints: seven bits a byte, lowest first, the top bit says that more follow. A number has
// one encoding only: the shortest. Source: docs/replay-format.rst, "Numbers".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace qr {

constexpr size_t kMaxVarintBytes = 10;

// Writes at most kMaxVarintBytes to `to`, returns how many.
inline size_t encode_varint(uint8_t* to, uint64_t value) {
    size_t n = 0;
    while (value >= 0x80) {
        to[n++] = static_cast<uint8_t>(value | 0x80);
        value >>= 7;
    }
    to[n++] = static_cast<uint8_t>(value);
    return n;
}

inline void put_varint(std::vector<uint8_t>& to, uint64_t value) {
    uint8_t bytes[kMaxVarintBytes];
    to.insert(to.end(), bytes, bytes + encode_varint(bytes, value));
}

inline void put_bytes(std::vector<uint8_t>& to, std::span<const uint8_t> bytes) {
    put_varint(to, bytes.size());
    to.insert(to.end(), bytes.begin(), bytes.end());
}

inline std::span<const uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

constexpr uint64_t zigzag(int64_t v) {
    return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int64_t unzigzag(uint64_t v) {
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}

// Reads from bytes that may be anything. After the first failure every read gives zero or nothing,
// and ok() stays false: a caller may check once, at the end of a group.
class ByteReader {
  public:
    explicit ByteReader(std::span<const uint8_t> bytes) : all_(bytes), left_(bytes) {}

    bool ok() const { return ok_; }
    bool at_end() const { return left_.empty(); }
    size_t remaining() const { return left_.size(); }
    size_t offset() const { return all_.size() - left_.size(); }

    uint64_t varint() {
        uint64_t value = 0;
        for (unsigned i = 0; i < kMaxVarintBytes && i < left_.size(); ++i) {
            const uint8_t byte = left_[i];
            if (i == kMaxVarintBytes - 1 && byte > 1) break;
            value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
            if (byte & 0x80) continue;
            if (i && !byte) break;  // not the shortest form
            left_ = left_.subspan(i + 1);
            return value;
        }
        fail();
        return 0;
    }
    // A varint that must not exceed `limit`.
    uint64_t varint_up_to(uint64_t limit) {
        const uint64_t value = varint();
        if (value <= limit) return value;
        fail();
        return 0;
    }
    std::span<const uint8_t> take(uint64_t length) {
        if (length > left_.size()) {
            fail();
            return {};
        }
        const auto bytes = left_.first(length);
        left_ = left_.subspan(length);
        return bytes;
    }
    std::span<const uint8_t> bytes() { return take(varint()); }
    std::string_view text() {
        const auto b = bytes();
        return {reinterpret_cast<const char*>(b.data()), b.size()};
    }
    uint64_t little_endian(unsigned width) {
        uint64_t value = 0;
        const auto b = take(width);
        for (size_t i = 0; i < b.size(); ++i) value |= static_cast<uint64_t>(b[i]) << (8 * i);
        return value;
    }

  private:
    void fail() {
        ok_ = false;
        left_ = {};
        all_ = {};
    }
    std::span<const uint8_t> all_;
    std::span<const uint8_t> left_;
    bool ok_ = true;
};

inline void put_little_endian(std::vector<uint8_t>& to, uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) to.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace qr
