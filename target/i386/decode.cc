// SPDX-License-Identifier: GPL-2.0-or-later
//
// The instruction decoder: prefixes, opcode maps, ModRM, SIB, displacement and immediates.
// Source: Intel SDM volume 2, chapter 2.

#include <algorithm>

#include "target/i386/cpu.h"
#include "target/i386/encoding.h"
#include "target/i386/insn.h"

namespace qr::i386 {
namespace {

constexpr size_t kMaxLength = 15;

class Decoder {
  public:
    Decoder(std::span<const uint8_t> bytes, bool code32, Insn& out)
        : data_(bytes.data()), size_(std::min(bytes.size(), kMaxLength)), code32_(code32), out_(out) {}

    DecodeStatus run(const CpuModel& model);

  private:
    // Little-endian, 1, 2 or 4 bytes. Past the end: zero, and short_.
    uint32_t take(unsigned n) {
        if (at_ + n > size_) {
            short_ = true;
            at_ = size_;
            return 0;
        }
        uint32_t v = 0;
        for (unsigned i = 0; i < n; ++i) v |= static_cast<uint32_t>(data_[at_ + i]) << (8 * i);
        at_ += n;
        return v;
    }
    uint32_t take_signed_byte() { return static_cast<uint32_t>(static_cast<int8_t>(take(1))); }
    DecodeStatus ran_out() const {
        return size_ == kMaxLength ? DecodeStatus::kTooLong : DecodeStatus::kTooShort;
    }

    uint8_t prefixes();
    void memory16(unsigned mod, unsigned rm);
    void memory32(unsigned mod, unsigned rm);
    void immediate(Imm kind, bool second);

    const uint8_t* data_;
    size_t size_;
    size_t at_ = 0;
    bool code32_;
    bool short_ = false;
    bool op16_prefix_ = false;
    bool address32_ = false;
    uint8_t override_ = kSegCount;
    Insn& out_;
};

// Returns the first byte that is no prefix.
uint8_t Decoder::prefixes() {
    bool address_prefix = false;
    for (;;) {
        const uint8_t b = static_cast<uint8_t>(take(1));
        switch (b) {
            case 0x26: override_ = kEs; continue;
            case 0x2e: override_ = kCs; continue;
            case 0x36: override_ = kSs; continue;
            case 0x3e: override_ = kDs; continue;
            case 0x64: override_ = kFs; continue;
            case 0x65: override_ = kGs; continue;
            case 0x66: op16_prefix_ = true; continue;
            case 0x67: address_prefix = true; continue;
            case 0xf0: out_.lock = true; continue;
            case 0xf2:
            case 0xf3: out_.rep = b; continue;
            default: break;
        }
        out_.op_size = code32_ != op16_prefix_ ? 4 : 2;
        address32_ = code32_ != address_prefix;
        out_.ea_mask = address32_ ? 0xffffffff : 0xffff;
        return b;
    }
}

void Decoder::memory16(unsigned mod, unsigned rm) {
    static constexpr uint8_t kBase[8] = {kEbx, kEbx, kEbp, kEbp, kNoRegister, kNoRegister, kEbp, kEbx};
    static constexpr uint8_t kIndex[8] = {kEsi, kEdi, kEsi, kEdi, kEsi, kEdi, kNoRegister, kNoRegister};
    if (mod == 0 && rm == 6) {
        out_.disp = take(2);
        return;
    }
    out_.base = kBase[rm];
    out_.index = kIndex[rm];
    if (out_.base == kEbp) out_.seg = kSs;
    if (mod == 1) out_.disp = take_signed_byte();
    if (mod == 2) out_.disp = take(2);
}

void Decoder::memory32(unsigned mod, unsigned rm) {
    unsigned base = rm;
    if (rm == 4) {
        const uint32_t sib = take(1);
        base = sib & 7;
        out_.scale = static_cast<uint8_t>(sib >> 6);
        if (((sib >> 3) & 7) != kEsp) out_.index = (sib >> 3) & 7;
    }
    if (mod == 0 && base == kEbp) {
        out_.disp = take(4);
        return;
    }
    out_.base = static_cast<uint8_t>(base);
    if (base == kEsp || base == kEbp) out_.seg = kSs;
    if (mod == 1) out_.disp = take_signed_byte();
    if (mod == 2) out_.disp = take(4);
}

void Decoder::immediate(Imm kind, bool second) {
    uint32_t v = 0;
    switch (kind) {
        case Imm::kNone: return;
        case Imm::kByte: v = take(1); break;
        case Imm::kSignedByte: v = take_signed_byte(); break;
        case Imm::kWord: v = take(2); break;
        case Imm::kSized: v = take(out_.op_size); break;
        case Imm::kFar:
            out_.imm = take(out_.op_size);
            out_.imm2 = static_cast<uint16_t>(take(2));
            return;
        case Imm::kOffset: out_.disp = take(address32_ ? 4 : 2); return;
    }
    if (second)
        out_.imm2 = static_cast<uint16_t>(v);
    else
        out_.imm = v;
}

DecodeStatus Decoder::run(const CpuModel& model) {
    const DecodeTables& tables = decode_tables();
    out_ = Insn{};
    out_.base = kNoRegister;
    out_.index = kNoRegister;
    out_.seg = kDs;

    uint8_t opcode = prefixes();
    unsigned map = 0;
    if (opcode == 0x0f) {
        map = 1;
        opcode = static_cast<uint8_t>(take(1));
        if (opcode == 0x38 || opcode == 0x3a) {
            map = opcode == 0x38 ? 2 : 3;
            opcode = static_cast<uint8_t>(take(1));
        }
    }
    if (short_) return ran_out();

    const DecodeTables::Opcode& entry = tables.opcodes[map][opcode];
    const unsigned column = out_.rep ? (out_.rep == 0xf3 ? 2 : 3) : (op16_prefix_ ? 1 : 0);
    uint16_t number = entry.by_prefix[column];
    if (number == DecodeTables::kNothing) return DecodeStatus::kUndefined;
    if (entry.modrm) {
        out_.modrm = static_cast<uint8_t>(take(1));
        if (short_) return ran_out();
        if (number & DecodeTables::kByModrm)
            number = tables.by_modrm[number & ~DecodeTables::kByModrm][out_.modrm];
        if (number == DecodeTables::kNothing) return DecodeStatus::kUndefined;
    }
    const DecodeTables::RowInfo& info = tables.rows[number];
    const Encoding& e = info.encoding;
    const Row& row = *info.row;
    if (!model.has(row.feature)) return DecodeStatus::kUndefined;
    out_.row = number;

    if (e.modrm) {
        out_.reg = (out_.modrm >> 3) & 7;
        out_.rm = out_.modrm & 7;
        const unsigned mod = e.force_reg ? 3u : out_.modrm >> 6;
        if (mod != 3) {
            out_.has_mem = true;
            if (address32_)
                memory32(mod, out_.rm);
            else
                memory16(mod, out_.rm);
        } else if (e.fixed_plus_i) {
            out_.reg = out_.rm;
        }
        if (row.attr & kFpu) out_.imm2 = static_cast<uint16_t>((opcode & 7) << 8 | out_.modrm);
    } else if (e.plus_r) {
        out_.reg = opcode & 7;
        out_.rm = out_.reg;
    }
    if (override_ != kSegCount) out_.seg = override_;
    immediate(e.imm[0], false);
    immediate(e.imm[1], true);
    if (short_) return ran_out();
    if (out_.lock && !((row.attr & kLockable) && out_.has_mem)) return DecodeStatus::kUndefined;

    out_.length = static_cast<uint8_t>(at_);
    out_.exec = row.exec.handler[out_.has_mem][out_.op_size == 4];
    return DecodeStatus::kOk;
}

}  // namespace

DecodeStatus decode(std::span<const uint8_t> bytes, bool code32, const CpuModel& model, Insn& out) {
    return Decoder(bytes, code32, out).run(model);
}

uint32_t row_attr(uint16_t row) { return decode_tables().rows[row].row->attr; }

}  // namespace qr::i386
