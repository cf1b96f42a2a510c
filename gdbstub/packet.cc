// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/packet.h"

#include <algorithm>

namespace qr {

namespace {

constexpr char kEscape = '}';
constexpr char kEscapeBit = 0x20;
constexpr uint8_t kCtrlC = 3;
constexpr char kDigits[] = "0123456789abcdef";

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

PacketReader::Event PacketReader::feed(uint8_t byte) {
    const auto c = static_cast<char>(byte);
    // A packet that begins within another one: the first was cut.
    if (c == '$') {
        at_ = At::kData;
        data_.clear();
        length_ = sum_ = 0;
        return Event::kNothing;
    }
    switch (at_) {
        case At::kOutside:
            if (byte == kCtrlC) return Event::kInterrupt;
            return c == '-' ? Event::kAgain : Event::kNothing;
        case At::kData:
        case At::kEscape:
            if (c == '#') {
                at_ = At::kFirstDigit;
                return Event::kNothing;
            }
            sum_ = static_cast<uint8_t>(sum_ + byte);
            if (++length_ > kPacketSize) return Event::kNothing;
            if (at_ == At::kEscape) {
                data_ += static_cast<char>(c ^ kEscapeBit);
                at_ = At::kData;
            } else if (c == kEscape) {
                at_ = At::kEscape;
            } else {
                data_ += c;
            }
            return Event::kNothing;
        case At::kFirstDigit:
            sent_sum_ = digit(c);
            at_ = At::kSecondDigit;
            return Event::kNothing;
        case At::kSecondDigit:
            sent_sum_ = sent_sum_ < 0 || digit(c) < 0 ? -1 : sent_sum_ * 16 + digit(c);
            return end_of_packet();
    }
    return Event::kNothing;
}

PacketReader::Event PacketReader::end_of_packet() {
    at_ = At::kOutside;
    if (checked_ && sent_sum_ != sum_) return Event::kBroken;
    return length_ > kPacketSize ? Event::kTooLong : Event::kPacket;
}

std::string packet_of(std::string_view data) {
    std::string out = "$";
    for (const char c : data) {
        // '*' would be a run's length.
        const bool special = c == '$' || c == '#' || c == kEscape || c == '*';
        if (special) out += kEscape;
        out += special ? static_cast<char>(c ^ kEscapeBit) : c;
    }
    uint8_t sum = 0;
    for (const char c : std::string_view(out).substr(1)) sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(c));
    out += '#';
    out += kDigits[sum >> 4];
    out += kDigits[sum & 15];
    return out;
}

std::string to_hex(std::span<const uint8_t> bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

std::optional<std::vector<uint8_t>> from_hex(std::string_view text) {
    if (text.size() % 2 || !std::ranges::all_of(text, [](char c) { return digit(c) >= 0; })) return std::nullopt;
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < text.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(digit(text[i]) * 16 + digit(text[i + 1])));
    return bytes;
}

std::optional<uint64_t> take_hex(std::string_view& text) {
    uint64_t value = 0;
    size_t n = 0;
    for (; n < text.size() && digit(text[n]) >= 0; ++n) {
        if (value >> 60) return std::nullopt;
        value = value << 4 | static_cast<uint64_t>(digit(text[n]));
    }
    if (!n) return std::nullopt;
    text.remove_prefix(n);
    return value;
}

bool take(std::string_view& text, std::string_view what) {
    if (!text.starts_with(what)) return false;
    text.remove_prefix(what.size());
    return true;
}

}  // namespace qr
