// SPDX-License-Identifier: GPL-2.0-or-later
// A writer of ACPI Machine Language. Source: ACPI specification 6.4, chapter 20.2 (grammar and
// opcodes), 6.4.2 (small resource items), 6.4.3 (large resource items), 6.1.5 (EISA identifiers).
#include "hw/i386/aml.h"

#include <cassert>

#include "util/bits.h"

namespace qr::aml {

namespace {

constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDWordPrefix = 0x0c;
constexpr uint8_t kStringPrefix = 0x0d;
constexpr uint8_t kQWordPrefix = 0x0e;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kMethodOp = 0x14;
constexpr uint8_t kDualNamePrefix = 0x2e;
constexpr uint8_t kMultiNamePrefix = 0x2f;
constexpr uint8_t kExtOpPrefix = 0x5b;
constexpr uint8_t kLocal0Op = 0x60;
constexpr uint8_t kArg0Op = 0x68;
constexpr uint8_t kStoreOp = 0x70;
constexpr uint8_t kAndOp = 0x7b;
constexpr uint8_t kOrOp = 0x7d;
constexpr uint8_t kCreateDWordFieldOp = 0x8a;
constexpr uint8_t kIfOp = 0xa0;
constexpr uint8_t kReturnOp = 0xa4;
constexpr uint8_t kExtRegionOp = 0x80;
constexpr uint8_t kExtFieldOp = 0x81;
constexpr uint8_t kExtDeviceOp = 0x82;
constexpr uint8_t kExtProcessorOp = 0x83;
constexpr uint8_t kNullName = 0x00;

constexpr size_t kSegmentSize = 4;

void put(Code& to, const Code& part) {
    to.bytes.insert(to.bytes.end(), part.bytes.begin(), part.bytes.end());
}

template <class T>
void put_le(Code& to, T value) {
    const size_t at = to.bytes.size();
    to.bytes.resize(at + sizeof value);
    store_le(to.bytes.data() + at, value);
}

// 20.2.4: one byte of 6 bits, or a byte with the count of further bytes and the low 4 bits.
Code encode_length(size_t length) {
    Code code;
    if (length < 0x40) {
        put_le(code, static_cast<uint8_t>(length));
        return code;
    }
    const unsigned more = length < 0x1000 ? 1 : length < 0x100000 ? 2 : 3;
    assert(length < 0x10000000);
    put_le(code, static_cast<uint8_t>(more << 6 | (length & 0x0f)));
    for (unsigned i = 0; i < more; ++i) put_le(code, static_cast<uint8_t>(length >> (4 + 8 * i)));
    return code;
}

// A package's length counts its own encoding too.
Code with_length(const Code& body) {
    size_t own = 1;
    if (body.bytes.size() + 1 >= 0x40) own = 2;
    if (own == 2 && body.bytes.size() + 2 >= 0x1000) own = 3;
    if (own == 3 && body.bytes.size() + 3 >= 0x100000) own = 4;
    Code code = encode_length(body.bytes.size() + own);
    assert(code.bytes.size() == own);
    put(code, body);
    return code;
}

Code block(std::initializer_list<uint8_t> opcode, const Code& head, const Codes& terms) {
    Code body = head;
    put(body, sequence(terms));
    Code code{opcode};
    put(code, with_length(body));
    return code;
}

Code segment(std::string_view text) {
    assert(!text.empty() && text.size() <= kSegmentSize);
    Code code;
    code.bytes.assign(text.begin(), text.end());
    code.bytes.resize(kSegmentSize, '_');
    return code;
}

// Word, double and quad word address space descriptors share one shape (6.4.3.5).
template <class T>
Code address_space(uint8_t tag, uint8_t kind, uint8_t kind_flags, T first, T last) {
    // Minimum and maximum are fixed; positively decoded; the bridge produces the range.
    constexpr uint8_t kFixedProducer = 0x0c;
    assert(first <= last);
    Code code;
    put_le(code, tag);
    put_le(code, static_cast<uint16_t>(3 + 5 * sizeof(T)));
    put_le(code, kind);
    put_le(code, kFixedProducer);
    put_le(code, kind_flags);
    put_le(code, T{0});  // granularity
    put_le(code, first);
    put_le(code, last);
    put_le(code, T{0});  // translation
    put_le(code, static_cast<T>(last - first + 1));
    return code;
}

constexpr uint8_t kMemoryKind = 0;
constexpr uint8_t kIoKind = 1;
constexpr uint8_t kBusKind = 2;

uint8_t memory_flags(Cacheable cacheable) {
    return static_cast<uint8_t>(static_cast<unsigned>(cacheable) << 1 | 1);  // writable
}

}  // namespace

Code sequence(const Codes& parts) {
    Code code;
    for (const Code& part : parts) put(code, part);
    return code;
}

Code path(std::string_view name) {
    Code code;
    while (!name.empty() && (name[0] == '\\' || name[0] == '^')) {
        code.bytes.push_back(static_cast<uint8_t>(name[0]));
        name.remove_prefix(1);
    }
    Codes segments;
    while (!name.empty()) {
        const size_t dot = name.find('.');
        segments.push_back(segment(name.substr(0, dot)));
        name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    if (segments.empty()) {
        code.bytes.push_back(kNullName);
    } else if (segments.size() == 2) {
        code.bytes.push_back(kDualNamePrefix);
    } else if (segments.size() > 2) {
        code.bytes.push_back(kMultiNamePrefix);
        code.bytes.push_back(static_cast<uint8_t>(segments.size()));
    }
    put(code, sequence(segments));
    return code;
}

Code integer(uint64_t value) {
    Code code;
    if (value <= 1) {
        put_le(code, value ? kOneOp : kZeroOp);
    } else if (value <= 0xff) {
        put_le(code, kBytePrefix);
        put_le(code, static_cast<uint8_t>(value));
    } else if (value <= 0xffff) {
        put_le(code, kWordPrefix);
        put_le(code, static_cast<uint16_t>(value));
    } else if (value <= 0xffffffff) {
        put_le(code, kDWordPrefix);
        put_le(code, static_cast<uint32_t>(value));
    } else {
        put_le(code, kQWordPrefix);
        put_le(code, value);
    }
    return code;
}

Code string(std::string_view text) {
    Code code{{kStringPrefix}};
    code.bytes.insert(code.bytes.end(), text.begin(), text.end());
    code.bytes.push_back(0);
    return code;
}

Code buffer(std::span<const uint8_t> bytes) {
    Code content;
    content.bytes.assign(bytes.begin(), bytes.end());
    return block({kBufferOp}, integer(bytes.size()), {content});
}

Code package(const Codes& elements) {
    assert(elements.size() <= 0xff);
    Code head;
    put_le(head, static_cast<uint8_t>(elements.size()));
    return block({kPackageOp}, head, elements);
}

Code eisa_id(std::string_view id) {
    assert(id.size() == 7);
    uint32_t value = 0;
    for (size_t i = 0; i < 3; ++i) value = value << 5 | (static_cast<uint32_t>(id[i]) & 0x1f);
    for (size_t i = 3; i < 7; ++i) {
        const char c = id[i];
        const int digit = c >= 'A' ? c - 'A' + 10 : c - '0';
        value = value << 4 | static_cast<uint32_t>(digit);
    }
    Code code{{kDWordPrefix}};
    put_le(code, __builtin_bswap32(value));
    return code;
}

Code name(std::string_view where, const Code& value) {
    return sequence({Code{{kNameOp}}, path(where), value});
}

Code scope(std::string_view where, const Codes& terms) {
    return block({kScopeOp}, path(where), terms);
}

Code device(std::string_view where, const Codes& terms) {
    return block({kExtOpPrefix, kExtDeviceOp}, path(where), terms);
}

Code processor(std::string_view where, uint8_t id, uint32_t block_address, uint8_t block_length) {
    Code head = path(where);
    put_le(head, id);
    put_le(head, block_address);
    put_le(head, block_length);
    return block({kExtOpPrefix, kExtProcessorOp}, head, {});
}

Code method(std::string_view where, unsigned args, Serialize serialize, const Codes& terms) {
    assert(args <= 7);
    Code head = path(where);
    put_le(head, static_cast<uint8_t>(args | static_cast<unsigned>(serialize) << 3));
    return block({kMethodOp}, head, terms);
}

Code op_region(std::string_view where, RegionSpace space, uint64_t offset, uint64_t length) {
    Code code{{kExtOpPrefix, kExtRegionOp}};
    put(code, path(where));
    put_le(code, static_cast<uint8_t>(space));
    put(code, integer(offset));
    put(code, integer(length));
    return code;
}

Code byte_field(std::string_view region, std::initializer_list<FieldUnit> units) {
    constexpr uint8_t kByteAccess = 1;  // lock rule and update rule: zero
    Code head = path(region);
    put_le(head, kByteAccess);
    Codes list;
    for (const FieldUnit& unit : units) {
        list.push_back(segment(unit.name));
        list.push_back(encode_length(unit.bits));
    }
    return block({kExtOpPrefix, kExtFieldOp}, head, list);
}

Code create_dword_field(const Code& buffer, unsigned byte_index, std::string_view where) {
    return sequence({Code{{kCreateDWordFieldOp}}, buffer, integer(byte_index), path(where)});
}

Code arg(unsigned n) {
    assert(n <= 6);
    return Code{{static_cast<uint8_t>(kArg0Op + n)}};
}

Code local(unsigned n) {
    assert(n <= 7);
    return Code{{static_cast<uint8_t>(kLocal0Op + n)}};
}

Code ret(const Code& value) { return sequence({Code{{kReturnOp}}, value}); }

Code store(const Code& value, const Code& to) {
    return sequence({Code{{kStoreOp}}, value, to});
}

Code bit_and(const Code& a, const Code& b) { return bit_and(a, b, Code{{kNullName}}); }

Code bit_and(const Code& a, const Code& b, const Code& to) {
    return sequence({Code{{kAndOp}}, a, b, to});
}

Code bit_or(const Code& a, const Code& b, const Code& to) {
    return sequence({Code{{kOrOp}}, a, b, to});
}

Code if_then(const Code& condition, const Codes& terms) {
    return block({kIfOp}, condition, terms);
}

Code call(std::string_view where, const Codes& args) {
    return sequence({path(where), sequence(args)});
}

Code resource_template(const Codes& descriptors) {
    // The end tag's checksum of zero means "not checked" (6.4.2.9).
    const Code all = sequence({sequence(descriptors), Code{{0x79, 0x00}}});
    return buffer(all.bytes);
}

Code io(uint16_t first, uint16_t last, uint8_t align, uint8_t length) {
    constexpr uint8_t kDecode16 = 1;
    Code code{{0x47, kDecode16}};
    put_le(code, first);
    put_le(code, last);
    put_le(code, align);
    put_le(code, length);
    return code;
}

Code irq_no_flags(unsigned irq) {
    assert(irq < 16);
    Code code{{0x22}};
    put_le(code, static_cast<uint16_t>(1u << irq));
    return code;
}

Code dma(unsigned channel) {
    assert(channel < 8);
    // Compatibility timing, no bus master, 8-bit transfers.
    return Code{{0x2a, static_cast<uint8_t>(1u << channel), 0x00}};
}

Code memory32_fixed(uint32_t base, uint32_t length, bool writable) {
    Code code{{0x86, 0x09, 0x00, static_cast<uint8_t>(writable)}};
    put_le(code, base);
    put_le(code, length);
    return code;
}

Code interrupt(std::initializer_list<uint32_t> irqs) {
    constexpr uint8_t kConsumerLevelHighShared = 0x09;
    Code code{{0x89}};
    put_le(code, static_cast<uint16_t>(2 + 4 * irqs.size()));
    put_le(code, kConsumerLevelHighShared);
    put_le(code, static_cast<uint8_t>(irqs.size()));
    for (const uint32_t irq : irqs) put_le(code, irq);
    return code;
}

Code bus_numbers(uint16_t first, uint16_t last) {
    return address_space<uint16_t>(0x88, kBusKind, 0, first, last);
}

Code io_window(uint16_t first, uint16_t last) {
    constexpr uint8_t kEntireRange = 3;
    return address_space<uint16_t>(0x88, kIoKind, kEntireRange, first, last);
}

Code memory_window32(uint32_t first, uint32_t last, Cacheable cacheable) {
    return address_space<uint32_t>(0x87, kMemoryKind, memory_flags(cacheable), first, last);
}

Code memory_window64(uint64_t first, uint64_t last, Cacheable cacheable) {
    return address_space<uint64_t>(0x8a, kMemoryKind, memory_flags(cacheable), first, last);
}

}  // namespace qr::aml
