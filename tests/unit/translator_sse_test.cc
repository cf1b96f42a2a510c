// SPDX-License-Identifier: GPL-2.0-or-later
//
// The translator's MMX and SSE against the instruction table's handlers: random programs of all their rows, on floats
// of every kind, in slices of translated code and an instruction at a time.
// Source: Intel SDM volume 1, chapters 9 to 12; volume 2.

#include "target/i386/encoding.h"
#include "tests/unit/random_code.h"
#include "tests/unit/slices.h"
#include "tests/unit/softfloat_host.h"

namespace qr::i386 {
namespace {

using namespace test;
using softfloat::test::Operands;

constexpr uint32_t kRepair = 0x1000, kDataSize = 0x3000, kMxcsrs = 0x24000, kMxcsrCount = 16;

class SseGenerator {
  public:
    // calm: no unmasked exceptions, hardly any fault, so that blocks run to their ends.
    SseGenerator(uint32_t seed, bool calm) : operands_(seed * 2 + calm), calm_(calm) {
        const DecodeTables& tables = decode_tables();
        for (const DecodeTables::RowInfo& r : tables.rows) {
            if ((r.row->attr & (kMmx | kSse)) && r.encoding.map == 1) rows_.push_back(&r);
        }
    }
    std::vector<uint8_t> program() {
        while (code_.size() < kCodeSize - 32) instruction();
        code_.resize(kCodeSize, 0x90);
        return code_;
    }
    // What most exceptions lead to: state that gives no more of them, and on at another place.
    std::vector<uint8_t> repair() {
        code_.clear();
        byte(0x0f), byte(0x06);  // CLTS
        byte(0xdb), byte(0xe3);  // FNINIT
        load_mxcsr();
        for (const auto& [reg, value] :
             {std::pair{kEsp, kData + 0x2800}, {kEsi, kData}, {kEbx, kData + 0x1000}, {kEdi, 64u}})
            byte(0xb8 | reg), word(value, 4);
        byte(0x0f), byte(0x31);                                          // RDTSC
        byte(0x69), byte(0xc0), word(0x9e3779b1, 4);                     // IMUL EAX, EAX, ...
        byte(0xc1), byte(0xe8), byte(19);                                // SHR EAX, 19
        byte(0x05), word(kCode, 4);                                      // ADD EAX, kCode
        byte(0xff), byte(0xe0);                                          // JMP EAX
        return code_;
    }
    uint32_t number(uint32_t below) { return operands_.below(below); }
    uint64_t value() {
        switch (number(4)) {
            case 0: return operands_.f64().bits;
            case 1: return operands_.fraction();
            default: return operands_.f32().bits | uint64_t{operands_.f32().bits} << 32;
        }
    }
    uint32_t mxcsr() {
        const auto bits = static_cast<uint32_t>(operands_.bits());
        const uint32_t masks = calm_ || number(4) ? 0x1f80 : operands_.bits() & 0x1f80;
        return masks | (number(2) ? bits & 0xe040 : 0) | (number(2) ? bits & 0x3f : 0);
    }

  private:
    void byte(uint32_t b) { code_.push_back(static_cast<uint8_t>(b)); }
    void word(uint32_t v, unsigned size) {
        for (unsigned i = 0; i < size; ++i) byte(v >> (8 * i));
    }
    // Not what addresses are made of.
    uint32_t general() {
        static constexpr uint8_t kSome[] = {kEax, kEcx, kEdx, kEdi, kEbp};
        return kSome[number(std::size(kSome))];
    }
    uint32_t displacement(unsigned range) {
        uint32_t d = number(range) & ~15u;
        if (number(calm_ ? 200 : 20) == 0) d += number(16);
        return d;
    }
    void memory(unsigned reg) {
        switch (number(8)) {
            case 0:
                byte(0x05 | reg << 3);
                return word(number(calm_ ? 500 : 50) ? kData + displacement(kDataSize)
                                                     : static_cast<uint32_t>(operands_.bits()), 4);
            case 1:
                byte(0x44 | reg << 3);
                byte(0x24);
                return byte(displacement(64));
            case 2:  // with an index, which is mostly a multiple of 4
                byte(0x84 | reg << 3);
                byte(2 << 6 | kEdi << 3 | kEsi);
                return word(displacement(256), 4);
            default:
                byte(0x80 | reg << 3 | (number(2) ? kEsi : kEbx));
                return word(displacement(number(4) ? 0x80 : 0x1000), 4);
        }
    }
    void simd() {
        const DecodeTables::RowInfo& r = *rows_[number(static_cast<uint32_t>(rows_.size()))];
        const Encoding& e = r.encoding;
        if (r.row->name == "ldmxcsr") {
            if (number(2)) return load_mxcsr();
            return;
        }
        if (number(calm_ ? 300 : 30) == 0) byte(number(2) ? 0x64 : 0x26);
        if (e.prefix == Mandatory::k66) byte(0x66);
        if (e.prefix == Mandatory::kF3) byte(0xf3);
        if (e.prefix == Mandatory::kF2) byte(0xf2);
        byte(0x0f);
        byte(e.opcode);
        if (!e.modrm) return;
        const std::string_view operands = r.row->operands;
        const unsigned reg = e.digit >= 0               ? static_cast<unsigned>(e.digit)
                             : operands.starts_with('G') ? general()
                                                         : number(8);
        if (e.mem_only || (!e.reg_only && number(2)))
            memory(reg);
        else
            byte(0xc0 | reg << 3 | (operands.starts_with('E') ? general() : number(8)));
        if (e.imm[0] != Imm::kNone) byte(number(256));
    }
    void load_mxcsr() {
        byte(0x0f);
        byte(0xae);
        byte(0x15);
        word(kMxcsrs + 4 * number(kMxcsrCount), 4);
    }
    void x87() {
        switch (number(6)) {
            case 0: byte(0xdd), memory(0); return;             // FLD m64
            case 1: byte(0xdd), memory(3); return;             // FSTP m64
            case 2: byte(calm_ ? 0xd8 | number(2) << 2 : 0xd8 | number(8)), memory(number(8)); return;
            case 3: byte(0xdb), byte(0xe3); return;            // FNINIT
            case 4: byte(0xd9), byte(0xc8 | number(8)); return;  // FXCH
            default:
                if (calm_) return;
                byte(0xd9), byte(0x2d), word(kMxcsrs + 4 * number(kMxcsrCount), 4);  // FLDCW
        }
    }
    void branch() {
        const uint32_t at = static_cast<uint32_t>(code_.size()) + 2;
        byte(0x70 | number(16));
        byte(number(5) ? number(30) : 0u - number(std::min(at, 100u) + 1));
    }
    void instruction() {
        const uint32_t reg = general();
        switch (number(60)) {
            case 0: case 1: return branch();
            case 2: byte(number(2) ? 0x01 : 0x29), byte(0xc0 | general() << 3 | reg); return;
            case 3: byte(0x40 | number(2) << 3 | reg); return;
            case 4: byte(0x89 | number(2) << 1), memory(reg); return;
            case 5: byte(0xc1), byte(0xe0 | reg), byte(2); return;
            case 6: byte(0x0f), byte(0x90 | number(16)), byte(0xc0 | number(4)); return;
            case 7: byte(0xbf), word(number(64) * 4, 4); return;
            case 8: byte(0xb8 | (number(2) ? kEsi : kEbx)), word(kData + number(2) * 0x1000, 4); return;
            case 9: byte(0xb8 | kEsp), word(kData + 0x2800, 4); return;
            case 10: case 11: return x87();
            case 12: byte(0x0f), byte(0x77); return;  // EMMS
            case 13: byte(0x0f), byte(0xa2); return;  // CPUID: a handler
            case 14: byte(0x80 | number(2) * 3), byte(0xf8 | reg), byte(number(256)); return;
            case 15:
                if (number(4)) return;
                byte(0x0f), byte(0x06);  // CLTS
                return;
            case 16:
                if (calm_ || number(6)) return;
                byte(0x0f), byte(0x20), byte(0xc0 | reg);        // MOV reg, CR0; XOR reg, TS; MOV CR0, reg
                byte(0x83), byte(0xf0 | reg), byte(8);
                byte(0x0f), byte(0x22), byte(0xc0 | reg);
                return;
            case 17:
                if (number(4) == 0) load_mxcsr();
                return;
            default: return simd();
        }
    }

    Operands operands_;
    bool calm_;
    std::vector<const DecodeTables::RowInfo*> rows_;
    std::vector<uint8_t> code_;
};

void set_up_sse(CpuFixture& m, uint32_t seed) {
    const bool calm = seed % 4 != 0;
    SseGenerator g(seed, calm);
    m.put(kCode, g.program());
    m.flat32(kCode);
    for (uint32_t vector = 0; vector < 256; ++vector) {
        const uint32_t target = vector % 2 == 0 || calm ? kRepair : kCode + g.number(kCodeSize - 0x100);
        m.poke<uint64_t>(kIdt + 8 * vector, 0x00008f0000080000 | (target & 0xffff) |
                                                uint64_t{target & 0xffff0000} << 32);
    }
    m.cpu.idtr = {kIdt, 0x7ff};
    m.put(kRepair, g.repair());
    for (uint32_t at = 0; at < kDataSize; at += 8) m.poke<uint64_t>(kData + at, g.value());
    for (uint32_t n = 0; n < kMxcsrCount; ++n) m.poke<uint32_t>(kMxcsrs + 4 * n, g.mxcsr());
    for (uint64_t& r : m.cpu.gpr) r = g.number(0x100) * 4;
    m.cpu.gpr[kNoRegister] = 0;
    m.cpu.gpr[kEsi] = kData;
    m.cpu.gpr[kEbx] = kData + 0x1000;
    m.cpu.gpr[kEsp] = kData + 0x2800;
    m.cpu.cr0 |= kCr0NE;
    m.cpu.cr4 |= kCr4OSFXSR | kCr4OSXMMEXCPT;
    for (Xmm& x : m.cpu.fpu.xmm) {
        x.set<uint64_t>(0, g.value());
        x.set<uint64_t>(1, g.value());
    }
    for (auto& r : m.cpu.fpu.regs) r = {g.value(), static_cast<uint16_t>(g.number(0x10000))};
    m.cpu.fpu.mxcsr = g.mxcsr();
}

std::string text_of(const Xmm& x) { return fmt::format("{:016x}{:016x}", x.get<uint64_t>(1), x.get<uint64_t>(0)); }
std::string text_of(const softfloat::Float80& f) { return fmt::format("{:04x}:{:016x}", f.sign_exponent, f.mantissa); }

// What differs; empty if nothing does.
std::string difference(CpuFixture& a, CpuFixture& b) {
    a.cpu.settle_flags();
    b.cpu.settle_flags();
    const Cpu &x = a.cpu, &y = b.cpu;
    if (x.eip != y.eip) return fmt::format("eip {:x} {:x}", x.eip, y.eip);
    if (x.eflags != y.eflags) return fmt::format("eflags {:x} {:x}", x.eflags, y.eflags);
    for (unsigned n = 0; n < 8; ++n) {
        if (x.gpr[n] != y.gpr[n]) return fmt::format("gpr{} {:x} {:x}", n, x.gpr[n], y.gpr[n]);
        if (x.fpu.xmm[n].bytes != y.fpu.xmm[n].bytes)
            return fmt::format("xmm{} {} {}", n, text_of(x.fpu.xmm[n]), text_of(y.fpu.xmm[n]));
        if (!(x.fpu.regs[n] == y.fpu.regs[n]))
            return fmt::format("x87 {} {} {}", n, text_of(x.fpu.regs[n]), text_of(y.fpu.regs[n]));
    }
    if (x.fpu.mxcsr != y.fpu.mxcsr) return fmt::format("mxcsr {:x} {:x}", x.fpu.mxcsr, y.fpu.mxcsr);
    if (x.fpu.status != y.fpu.status) return fmt::format("status {:x} {:x}", x.fpu.status, y.fpu.status);
    if (x.fpu.control != y.fpu.control) return fmt::format("control {:x} {:x}", x.fpu.control, y.fpu.control);
    if (x.fpu.empty != y.fpu.empty) return fmt::format("empty {:x} {:x}", x.fpu.empty, y.fpu.empty);
    if (x.fpu.fip != y.fpu.fip || x.fpu.fdp != y.fpu.fdp || x.fpu.opcode != y.fpu.opcode) return "x87 pointers";
    return machine_difference(a, b);
}

struct SsePrograms {
    static constexpr uint32_t kSeeds = 200, kLeast = 700;
    static void set_up(CpuFixture& m, uint32_t seed) { set_up_sse(m, seed); }
    static uint64_t slice(unsigned part) { return 50 + part; }
    static std::string text(CpuFixture& m) { return m.cpu.describe(); }
    static std::string difference(CpuFixture& a, CpuFixture& b) { return i386::difference(a, b); }
};

TEST(TranslatorSse, SameAsOneByOne) { same_as_one_by_one<SsePrograms>(); }

}  // namespace
}  // namespace qr::i386
