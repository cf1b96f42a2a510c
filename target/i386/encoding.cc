// SPDX-License-Identifier: GPL-2.0-or-later
//
// Parses the instruction table's strings and builds the decoder's look-up tables.
// Source: Intel SDM volume 2, 3.1.1.1 (the notation), appendix A.

#include "target/i386/encoding.h"

#include <charconv>
#include <string_view>

namespace qr::i386 {
namespace {

std::vector<std::string_view> words(std::string_view s) {
    std::vector<std::string_view> out;
    while (!s.empty()) {
        const size_t end = std::min(s.find(' '), s.size());
        if (end) out.push_back(s.substr(0, end));
        s.remove_prefix(std::min(end + 1, s.size()));
    }
    return out;
}

// Two hex digits, exactly.
bool hex_byte(std::string_view s, uint8_t& out) {
    unsigned value = 0;
    if (s.size() != 2) return false;
    const auto [end, error] = std::from_chars(s.data(), s.data() + 2, value, 16);
    if (error != std::errc{} || end != s.data() + 2) return false;
    out = static_cast<uint8_t>(value);
    return true;
}

Imm immediate_of(std::string_view form) {
    if (form == "Ib" || form == "Ub") return Imm::kByte;
    if (form == "Ibs" || form == "Jb") return Imm::kSignedByte;
    if (form == "Iw") return Imm::kWord;
    if (form == "Iz" || form == "Iv" || form == "Jz") return Imm::kSized;
    if (form == "Ap") return Imm::kFar;
    if (form == "Ob" || form == "Ov") return Imm::kOffset;
    return Imm::kNone;
}

bool parse_opcode(const std::vector<std::string_view>& parts, size_t& at, Encoding& e) {
    auto next = [&](uint8_t& b) { return at < parts.size() && hex_byte(parts[at], b) && ++at; };
    if (at < parts.size()) {
        if (parts[at] == "NP") e.prefix = Mandatory::kNone;
        // A lone 66, F2 or F3 is a prefix only if an opcode follows.
        uint8_t following;
        const bool more = at + 1 < parts.size() && hex_byte(parts[at + 1], following);
        if (more && parts[at] == "66") e.prefix = Mandatory::k66;
        if (more && parts[at] == "F3") e.prefix = Mandatory::kF3;
        if (more && parts[at] == "F2") e.prefix = Mandatory::kF2;
        if (e.prefix != Mandatory::kAny) ++at;
    }
    if (!next(e.opcode)) return false;
    if (e.opcode == 0x0f) {
        e.map = 1;
        if (!next(e.opcode)) return false;
        if (e.opcode == 0x38 || e.opcode == 0x3a) {
            e.map = e.opcode == 0x38 ? 2 : 3;
            if (!next(e.opcode)) return false;
        }
    }
    return true;
}

bool parse_suffix(std::string_view part, Encoding& e) {
    uint8_t byte;
    if (part == "/r") {
        e.modrm = true;
    } else if (part.size() == 2 && part[0] == '/' && part[1] >= '0' && part[1] <= '7') {
        e.modrm = true;
        e.digit = part[1] - '0';
    } else if (part == "+r") {
        e.plus_r = true;
    } else if (part == "mem") {
        e.mem_only = true;
    } else if (part == "reg") {
        e.reg_only = true;
    } else if (hex_byte(part.substr(0, 2), byte) && (part.size() == 2 || part.substr(2) == "+i")) {
        e.modrm = true;
        e.fixed = byte;
        e.fixed_plus_i = part.size() > 2;
    } else {
        return false;
    }
    return true;
}

}  // namespace

bool parse_encoding(const Row& row, Encoding& e, std::string& why) {
    e = {};
    const auto parts = words(row.encoding);
    size_t at = 0;
    if (!parse_opcode(parts, at, e)) {
        why = "no opcode";
        return false;
    }
    for (; at < parts.size(); ++at) {
        if (!parse_suffix(parts[at], e)) {
            why = "bad part '" + std::string(parts[at]) + "'";
            return false;
        }
    }
    unsigned immediates = 0;
    for (std::string_view operand : words(row.operands)) {
        const std::string_view form = operand.substr(0, operand.find(':'));
        if (form == "Rd" && e.modrm && !e.reg_only) e.force_reg = true;
        const Imm imm = immediate_of(form);
        if (imm == Imm::kNone) continue;
        if (immediates == 2) {
            why = "too many immediates";
            return false;
        }
        e.imm[immediates++] = imm;
    }
    return true;
}

bool Encoding::accepts(uint8_t byte) const {
    if (fixed >= 0) return fixed_plus_i ? (byte & 0xf8) == fixed : byte == fixed;
    if (digit >= 0 && ((byte >> 3) & 7) != digit) return false;
    const bool memory = byte < 0xc0;
    if (mem_only) return memory;
    return !reg_only || !memory;
}

int Encoding::specificity() const {
    int n = prefix != Mandatory::kAny ? 1 : 0;
    if (!plus_r) n += 2;
    if (mem_only || reg_only) n += 4;
    if (digit >= 0) n += 8;
    if (fixed >= 0) n += fixed_plus_i ? 16 : 32;
    return n;
}

namespace {

// The four prefix columns a row stands in.
bool stands_in(Mandatory prefix, unsigned column) {
    return prefix == Mandatory::kAny || static_cast<unsigned>(prefix) - 1 == column;
}

class Builder {
  public:
    explicit Builder(DecodeTables& tables) : t_(tables) {}

    void place(uint16_t number) {
        const Encoding& e = t_.rows[number].encoding;
        for (unsigned i = 0; i < (e.plus_r ? 8u : 1u); ++i) {
            auto& opcode = t_.opcodes[e.map][e.opcode + i];
            const bool first = opcode.by_prefix == DecodeTables::Opcode{}.by_prefix;
            if (first) opcode.modrm = e.modrm;
            if (opcode.modrm != e.modrm) complain(number, "has ModRM where others of its opcode have none");
            for (unsigned column = 0; column < 4; ++column) {
                if (stands_in(e.prefix, column)) place(number, opcode.by_prefix[column]);
            }
        }
    }

  private:
    void place(uint16_t number, uint16_t& slot) {
        const Encoding& e = t_.rows[number].encoding;
        if (!e.modrm) {
            choose(number, slot);
            return;
        }
        if (slot == DecodeTables::kNothing) {
            slot = static_cast<uint16_t>(DecodeTables::kByModrm | t_.by_modrm.size());
            t_.by_modrm.emplace_back().fill(DecodeTables::kNothing);
        }
        auto& forms = t_.by_modrm[slot & ~DecodeTables::kByModrm];
        for (unsigned byte = 0; byte < 256; ++byte) {
            if (e.accepts(static_cast<uint8_t>(byte))) choose(number, forms[byte]);
        }
    }
    void choose(uint16_t number, uint16_t& slot) {
        if (slot == DecodeTables::kNothing) {
            slot = number;
            return;
        }
        const int old_rank = t_.rows[slot].encoding.specificity();
        const int new_rank = t_.rows[number].encoding.specificity();
        if (old_rank == new_rank && slot != number)
            complain(number, "can't be told from '" + std::string(t_.rows[slot].row->encoding) + "'");
        if (new_rank > old_rank) slot = number;
    }
    void complain(uint16_t number, const std::string& what) {
        const Row& row = *t_.rows[number].row;
        t_.problems.push_back(std::string(row.name) + " '" + std::string(row.encoding) + "' " + what);
    }
    DecodeTables& t_;
};

}  // namespace

DecodeTables::DecodeTables() {
    for (const Row* row : table()) {
        RowInfo info{row, {}};
        std::string why;
        if (!parse_encoding(*row, info.encoding, why))
            problems.push_back(std::string(row->name) + " '" + std::string(row->encoding) + "': " + why);
        rows.push_back(info);
    }
    Builder builder(*this);
    for (size_t n = 0; n < rows.size(); ++n) builder.place(static_cast<uint16_t>(n));
    // A column that has one row for all ModRM bytes needs no second step.
    for (auto& map : opcodes) {
        for (Opcode& opcode : map) {
            for (uint16_t& slot : opcode.by_prefix) {
                if (slot == kNothing || !(slot & kByModrm)) continue;
                const auto& forms = by_modrm[slot & ~kByModrm];
                bool uniform = forms[0] != kNothing;
                for (uint16_t form : forms) uniform = uniform && form == forms[0];
                if (uniform) slot = forms[0];
            }
        }
    }
}

const DecodeTables& decode_tables() {
    static const DecodeTables tables;
    return tables;
}

}  // namespace qr::i386
