// SPDX-License-Identifier: GPL-2.0-or-later
//
// Packets of GDB's remote serial protocol: $data#checksum, with acknowledgements and escapes between bytes and what
// they mean. Source: GDB manual, appendix E.1 (overview), E.10 (interrupts).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qr {

// As we say in PacketSize: data characters of a packet, escapes included.
constexpr size_t kPacketSize = 0x4000;

// Bytes in, one at a time. Holds at most one packet; whatever lies between packets is skipped.
class PacketReader {
  public:
    enum class Event : uint8_t {
        kNothing,
        kPacket,     // data() has it, without escapes
        kBroken,     // one with a wrong checksum: the other end is to send it again
        kTooLong,    // more than kPacketSize
        kInterrupt,  // Ctrl-C
        kAgain,      // the other end wants our last packet again
    };
    Event feed(uint8_t byte);
    const std::string& data() const { return data_; }
    // A new connection.
    void reset() { *this = PacketReader(); }
    // Without acknowledgements a checksum says nothing that the transport doesn't.
    void ignore_checksums() { checked_ = false; }

  private:
    Event end_of_packet();

    enum class At : uint8_t { kOutside, kData, kEscape, kFirstDigit, kSecondDigit } at_ = At::kOutside;
    std::string data_;
    size_t length_ = 0;
    uint8_t sum_ = 0;
    int sent_sum_ = 0;  // as far as read; negative: no hexadecimal number
    bool checked_ = true;
};

// The packet with this data.
std::string packet_of(std::string_view data);

std::string to_hex(std::span<const uint8_t> bytes);
inline std::string to_hex(std::string_view text) {
    return to_hex(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}
// nullopt: not an even number of hexadecimal digits.
std::optional<std::vector<uint8_t>> from_hex(std::string_view text);
// Takes a hexadecimal number off the front. nullopt: there is none, or it has more than 64 bits.
std::optional<uint64_t> take_hex(std::string_view& text);
// Takes `what` off the front, if it is there.
bool take(std::string_view& text, std::string_view what);

}  // namespace qr
