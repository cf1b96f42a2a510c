// SPDX-License-Identifier: GPL-2.0-or-later
//
// Registers and memory. Looking changes nothing; what is written is an input of the machine, which goes through the
// door: a recording has it, and a replay takes none. Source: GDB manual, E.2 (g, G, p, P, m, M, X).
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "gdbstub/packet.h"
#include "gdbstub/protocol.h"
#include "target/i386/mmu.h"

namespace qr {

namespace {

constexpr uint64_t kLinearEnd = uint64_t{1} << 32;
constexpr uint64_t kPhysicalEnd = uint64_t{1} << kPhysBits;
constexpr const char* kNoInputs =
    "the machine is replaying a recording, which has all its inputs: 'monitor replay_live' makes it a live one";

const AddressSpace& memory_of(const i386::Cpu& cpu) { return cpu.smm ? cpu.wiring.smm_memory : cpu.wiring.memory; }

// "ADDRESS,LENGTH"
struct Range {
    uint64_t address, length;
};
std::optional<Range> take_range(std::string_view& text) {
    const auto address = take_hex(text);
    if (!address || !take(text, ",")) return std::nullopt;
    const auto length = take_hex(text);
    if (!length) return std::nullopt;
    return Range{*address, *length};
}

}  // namespace

// ---- registers ----

GdbProtocol::Reply GdbProtocol::read_registers(std::string_view) {
    std::string out;
    for (size_t n = 0; n < shown_registers(); ++n) out += *read_register(fmt::format("{:x}", n));
    return out;
}

GdbProtocol::Reply GdbProtocol::read_register(std::string_view text) {
    const auto number = take_hex(text);
    if (!number || !text.empty()) return kBadPacket;
    if (*number >= registers_.count()) return kBadAddress;
    const i386::DebugRegister& r = registers_[*number];
    uint8_t value[i386::kLargestDebugRegister];
    r.read(target_.cpu, r.index, value);
    return to_hex(std::span(value, r.size));
}

GdbProtocol::Reply GdbProtocol::change_register(size_t number, std::span<const uint8_t> value) {
    const i386::DebugRegister& r = registers_[number];
    uint8_t now[i386::kLargestDebugRegister];
    r.read(target_.cpu, r.index, now);
    if (std::ranges::equal(value, std::span(now, r.size))) return "OK";
    if (target_.door.replaying()) return gdb_error(kNoInputs);
    if (!r.write) return gdb_error(fmt::format("{} can't be changed", r.name));
    if (target_.requests.write_register(r.name, value)) return "OK";
    return gdb_error(fmt::format("{} can't have this value now", r.name));
}

GdbProtocol::Reply GdbProtocol::write_register(std::string_view text) {
    const auto number = take_hex(text);
    if (!number || !take(text, "=")) return kBadPacket;
    if (*number >= registers_.count()) return kBadAddress;
    const auto value = from_hex(text);
    if (!value || value->size() != registers_[*number].size) return kBadPacket;
    return change_register(*number, *value);
}

// As many as `g` shows; those that differ are changed, in order, up to one that can't be.
GdbProtocol::Reply GdbProtocol::write_registers(std::string_view text) {
    const auto values = from_hex(text);
    size_t size = 0;
    for (size_t n = 0; n < shown_registers(); ++n) size += registers_[n].size;
    if (!values || values->size() != size) return kBadPacket;
    std::span<const uint8_t> rest = *values;
    for (size_t n = 0; n < shown_registers(); ++n) {
        const size_t bytes = registers_[n].size;
        if (const Reply changed = change_register(n, rest.first(bytes)); changed != "OK") return changed;
        rest = rest.subspan(bytes);
    }
    return "OK";
}

// ---- memory ----

// As much as can be read from the beginning.
GdbProtocol::Reply GdbProtocol::read_memory(std::string_view text) {
    const auto range = take_range(text);
    if (!range || !text.empty()) return kBadPacket;
    if (range->length > kPacketSize / 2) return kBadPacket;
    const uint64_t end = physical_ ? kPhysicalEnd : kLinearEnd;
    if (range->address >= end) return kBadAddress;
    std::vector<uint8_t> bytes(std::min<uint64_t>(range->length, end - range->address));
    size_t done = 0;
    while (done < bytes.size()) {
        const uint64_t at = range->address + done;
        const auto part = std::span(bytes).subspan(done, std::min<uint64_t>(bytes.size() - done, kPageSize - at % kPageSize));
        const bool read = physical_ ? memory_of(target_.cpu).peek(at, part)
                                    : i386::peek_linear(target_.cpu, static_cast<uint32_t>(at), part);
        if (!read) break;
        done += part.size();
    }
    if (!done && !bytes.empty()) return kBadAddress;
    return to_hex(std::span(bytes).first(done));
}

GdbProtocol::Reply GdbProtocol::write_memory(std::string_view text) {
    const auto range = take_range(text);
    if (!range || !take(text, ":")) return kBadPacket;
    const auto data = from_hex(text);
    if (!data || data->size() != range->length) return kBadPacket;
    return store(range->address, *data);
}

GdbProtocol::Reply GdbProtocol::write_memory_binary(std::string_view text) {
    const auto range = take_range(text);
    if (!range || !take(text, ":") || text.size() != range->length) return kBadPacket;
    return store(range->address, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

GdbProtocol::Reply GdbProtocol::store(uint64_t address, std::span<const uint8_t> data) {
    const uint64_t end = physical_ ? kPhysicalEnd : kLinearEnd;
    // gdb asks by an empty write whether it may send binary data.
    if (data.empty()) return "OK";
    if (address >= end || data.size() > end - address) return kBadAddress;
    if (target_.door.replaying()) {
        // Of an error here gdb shows no more than that there was one.
        if (!said_how_to_write_ && target_.notice) target_.notice(fmt::format("gdb: memory wasn't written: {}", kNoInputs));
        said_how_to_write_ = true;
        return gdb_error(kNoInputs);
    }
    return target_.requests.write_memory(address, physical_, data) ? "OK" : kBadAddress;
}

}  // namespace qr
