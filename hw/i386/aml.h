// SPDX-License-Identifier: GPL-2.0-or-later
// A writer of ACPI Machine Language: each function returns the byte code of one construct, built
// from the byte code of its parts. Source: ACPI specification 6.4, chapter 20 (AML) and 6.4
// (resource descriptors). Pure functions; names are given as in ASL ("\\_SB.PCI0", "^PIRA",
// "_HID").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace qr::aml {

struct Code {
    std::vector<uint8_t> bytes;
};
using Codes = std::vector<Code>;

// One after the other.
Code sequence(const Codes& parts);

// --- names and data (20.2.2, 20.2.3) ---
Code path(std::string_view name);
Code integer(uint64_t value);
Code string(std::string_view text);
Code buffer(std::span<const uint8_t> bytes);
Code package(const Codes& elements);
// "PNP0A03" as the compressed 32-bit number that _HID and _CID want.
Code eisa_id(std::string_view id);

// --- declarations (20.2.5.1, 20.2.5.2) ---
Code name(std::string_view path, const Code& value);
Code scope(std::string_view path, const Codes& terms);
Code device(std::string_view path, const Codes& terms);
Code processor(std::string_view path, uint8_t id, uint32_t block_address, uint8_t block_length);
enum class Serialize : uint8_t { kNo, kYes };
Code method(std::string_view path, unsigned args, Serialize serialize, const Codes& terms);
enum class RegionSpace : uint8_t { kMemory = 0, kIo = 1, kPciConfig = 2 };
Code op_region(std::string_view path, RegionSpace space, uint64_t offset, uint64_t length);
struct FieldUnit {
    std::string_view name;  // four characters
    unsigned bits;
};
// Byte access, no lock, unwritten bits preserved.
Code byte_field(std::string_view region, std::initializer_list<FieldUnit> units);
Code create_dword_field(const Code& buffer, unsigned byte_index, std::string_view name);

// --- statements and expressions (20.2.5.3, 20.2.5.4, 20.2.6) ---
Code arg(unsigned n);
Code local(unsigned n);
Code ret(const Code& value);
Code store(const Code& value, const Code& to);
Code bit_and(const Code& a, const Code& b);  // the value alone
Code bit_and(const Code& a, const Code& b, const Code& to);
Code bit_or(const Code& a, const Code& b, const Code& to);
Code if_then(const Code& condition, const Codes& terms);
Code call(std::string_view method, const Codes& args);

// --- resource descriptors (6.4.2, 6.4.3) ---
Code resource_template(const Codes& descriptors);
Code io(uint16_t first, uint16_t last, uint8_t align, uint8_t length);
Code irq_no_flags(unsigned irq);
Code dma(unsigned channel);
Code memory32_fixed(uint32_t base, uint32_t length, bool writable);
// A PCI interrupt: level, active high (as it leaves the PIIX3's inverters), shared.
Code interrupt(std::initializer_list<uint32_t> irqs);
// Windows that a bridge passes on; first and last are inclusive.
Code bus_numbers(uint16_t first, uint16_t last);
Code io_window(uint16_t first, uint16_t last);
enum class Cacheable : uint8_t { kNo = 0, kYes = 1 };
Code memory_window32(uint32_t first, uint32_t last, Cacheable cacheable);
Code memory_window64(uint64_t first, uint64_t last, Cacheable cacheable);

}  // namespace qr::aml
