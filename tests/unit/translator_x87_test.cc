// SPDX-License-Identifier: GPL-2.0-or-later
//
// Translated x87 code against the instruction table's handlers: random programs in slices of translated code and an
// instruction at a time, with all rounding and precision modes, masked and unmasked exceptions, every kind of operand,
// and stack faults; data between code, too.
// Source: Intel SDM volume 1, chapter 8; volume 2.

#include <random>

#include "tests/unit/slices.h"
#include "tests/unit/softfloat_host.h"

namespace qr::i386 {
namespace {

using namespace test;

constexpr uint32_t kCode = 0x10000, kCodeSize = 0x2000, kData = 0x20000, kDataSize = 0x4000, kIdt = 0x2000;
constexpr uint32_t kControls = kData + kDataSize, kControlCount = 64, kStack = 0x30000;
// Handlers of #NM and #MF.
constexpr uint32_t kNoMath = 0x3000, kMathFault = 0x3100;

class X87Generator {
  public:
    explicit X87Generator(uint32_t seed) : random_(seed), operands_(seed) {
        unmasked_ = number(4) == 0 ? 2 + number(6) : 0;
        islands_ = number(3) == 0;
    }
    uint32_t number(uint32_t below) { return static_cast<uint32_t>(random_()) % below; }

    std::vector<uint8_t> program() {
        byte(0xdb), byte(0xe3);  // FNINIT
        while (code_.size() < kCodeSize - 300) {
            if (islands_ && number(100) == 0) island();
            instruction();
        }
        code_.resize(kCodeSize, 0x90);
        return code_;
    }
    std::vector<uint8_t> data() {
        code_.clear();
        while (code_.size() < kDataSize) {
            switch (number(6)) {
                case 0: {
                    const auto v = operands_.f80();
                    word(v.mantissa, 8), word(v.sign_exponent, 2);
                    break;
                }
                case 1: case 2: word(operands_.f64().bits, 8); break;
                case 3: word(operands_.f32().bits, 4); break;
                case 4: word(number(2) ? number(1000) : 0u - number(1000), 4); break;
                default: word(uint64_t{random_()} << 32 | random_(), 1 + number(8)); break;
            }
        }
        code_.resize(kDataSize);
        return code_;
    }
    std::vector<uint8_t> controls() {
        code_.clear();
        for (unsigned n = 0; n < kControlCount; ++n) {
            uint32_t w = static_cast<uint32_t>(random_()) & 0x0f00;
            w |= unmasked_ && number(unmasked_) == 0 ? number(64) : 0x3f;
            word(number(8) ? w | 0x40 : w | (static_cast<uint32_t>(random_()) & 0xf0c0), 2);
        }
        return code_;
    }

  private:
    void byte(uint32_t b) { code_.push_back(static_cast<uint8_t>(b)); }
    void word(uint64_t v, unsigned size) {
        for (unsigned i = 0; i < size; ++i) byte(static_cast<uint32_t>(v >> (8 * i)) & 0xff);
    }
    // Data between code.
    void island() {
        const uint32_t size = 100 + number(150);
        byte(0xe9);
        word(size, 4);
        island_ = kCode + static_cast<uint32_t>(code_.size());
        for (uint32_t n = 0; n < size; ++n) byte(number(256));
    }
    void bytes(std::initializer_list<uint8_t> all) { code_.insert(code_.end(), all); }
    // ModRM and what follows, mostly of something in the data.
    void memory(unsigned digit) {
        switch (number(6)) {
            case 0:
                byte(0x44 | digit << 3);
                byte(number(4) << 6 | (number(2) ? kEdi : kEbp) << 3 | kEsi);
                return byte(number(256));
            case 1:
                byte(0x05 | digit << 3);
                if (islands_ && island_) return word(island_ + number(300) - 30, 4);
                return word(number(32) ? kData + number(kDataSize - 128) : random_(), 4);
            case 2:
                byte(0x44 | digit << 3);
                byte(0x24);
                return byte(number(64));
            case 3:
                byte(0x00 | digit << 3 | kEsi);
                return;
            case 4:
                byte(0x40 | digit << 3 | kEsi);
                return byte(number(128));
            default:
                byte(0x80 | digit << 3 | kEbx);
                return word(number(0x1800), 4);
        }
    }
    void control(unsigned digit) {
        byte(0xd9);
        if (digit == 7) return memory(7);
        byte(0x05 | digit << 3);
        word(kControls + 2 * number(kControlCount), 4);
    }
    void push() {
        ++depth_;
        switch (number(9)) {
            case 0: byte(0xd9); return memory(0);
            case 1: case 2: byte(0xdd); return memory(0);
            case 3: byte(0xdb); return memory(5);
            case 4: byte(0xdf); return memory(number(2) ? 0 : 5);
            case 5: byte(0xdb); return memory(0);
            case 6: byte(0xd9); return byte(0xc0 | number(8));
            default: byte(0xd9); return byte(0xe8 + number(7));
        }
    }
    void pop() {
        --depth_;
        switch (number(9)) {
            case 0: byte(0xd9); return memory(3);
            case 1: byte(0xdd); return memory(3);
            case 2: byte(0xdb); return memory(number(2) ? 7 : 3);
            case 3: byte(0xdf); return memory(number(2) ? 3 : 7);
            case 4: byte(0xdb + 2 * number(3)); return memory(1);
            case 5: {  // arithmetic, FCOMPP
                static constexpr uint8_t kGroups[] = {0xc0, 0xc8, 0xd0, 0xe0, 0xe8, 0xf0, 0xf8};
                byte(0xde);
                return byte(kGroups[number(7)] | number(8));
            }
            case 6: byte(0xdd); return byte((number(2) ? 0xd8 : 0xe8) | number(8));
            case 7: byte(0xdf); return byte((number(2) ? 0xe8 : 0xf0) | number(8));
            default: {
                static constexpr uint8_t kSome[][2] = {{0xd8, 0xd9}, {0xde, 0xd9}, {0xda, 0xe9}, {0xdf, 0xd1}, {0xdf, 0xda},
                                                       {0xd9, 0xdb}, {0xdf, 0xc2}};
                const auto& some = kSome[number(std::size(kSome))];
                byte(some[0]);
                return byte(some[1]);
            }
        }
    }
    void keep() {
        switch (number(16)) {
            case 0: case 1: byte(0xd8); return memory(number(8) == 3 ? 2 : number(2) ? 4 + number(4) : number(3));
            case 2: case 3: byte(0xdc); return memory(number(2) ? 4 + number(4) : number(3));
            case 4: byte(number(2) ? 0xda : 0xde); return memory(number(2) ? 4 + number(4) : number(3));
            case 5: case 6: {
                static constexpr uint8_t kGroups[] = {0xc0, 0xc8, 0xd0, 0xe0, 0xe8, 0xf0, 0xf8};
                byte(number(2) ? 0xd8 : 0xdc);
                return byte(kGroups[number(7)] | number(8));
            }
            case 7: byte(0xd9); return byte(0xc8 | number(8));
            case 8: {
                static constexpr uint8_t kOps[] = {0xe0, 0xe1, 0xe4, 0xe5, 0xfa, 0xfc, 0xd0};
                byte(0xd9);
                return byte(kOps[number(std::size(kOps))]);
            }
            case 9: byte(0xd9 + 2 * number(4)); return memory(2);  // DF /2 too
            case 10: byte(0xdd); return byte((number(2) ? 0xd0 : 0xe0) | number(8));
            case 11: byte(0xda | number(2)); return byte(0xc0 | number(32));
            case 12: byte(0xdb); return byte((number(2) ? 0xe8 : 0xf0) | number(8));
            case 13:
                if (number(2)) return bytes({0xdf, 0xe0});
                byte(0xdd);
                return memory(7);
            case 14: return control(number(3) ? 5 : 7);
            default: rare(); return;
        }
    }
    void rare() {
        switch (number(12)) {
            case 0: byte(0xdd); return byte(0xc0 | number(8));
            case 1: byte(0xd9); return byte(0xf6 | number(2));
            case 2: return byte(0x9b);
            case 3: return bytes({0xdb, 0xe2});
            case 4: byte(0xd9); return byte(0xf0 | number(16));
            case 5: byte(0xd9); return memory(number(2) ? 6 : 4);
            case 6: byte(0xdd); return memory(number(2) ? 6 : 4);
            case 7: byte(0xdf); return memory(number(2) ? 4 : 6);
            case 8: return bytes({0x0f, 0x20, 0xc0, 0x0c, 0x08, 0x0f, 0x22, 0xc0});  // CR0.TS
            case 9:
                byte(0x0f);
                byte(number(2) ? 0x6f : 0x7f);
                return memory(number(8));
            case 10: return bytes({0x0f, 0x77});
            default: depth_ = 0; return bytes({0xdb, 0xe3});
        }
    }
    void integer() {
        switch (number(14)) {
            case 0: byte(0x40 | number(3)); return;
            case 1: byte(0x83); byte(0xc0 | number(8) << 3 | number(3)); return byte(number(256));
            case 2: byte(0x8b); return memory(number(3));
            case 3: byte(0x89); return memory(number(3));
            case 4: byte(0x01); return memory(number(3));
            case 5: return byte(0x9e);  // SAHF
            case 6: byte(0x0f); byte(0x90 | number(16)); return byte(0xc0 | number(3));
            case 7: case 8: case 9: {
                byte(0x70 | number(16));
                const uint32_t at = static_cast<uint32_t>(code_.size()) + 1;
                uint32_t by = number(30);
                if (number(3) == 0) by = 0u - number(std::min(at, 80u) + 1);
                return byte(by);
            }
            case 10: byte(0xb8 | kEsi); return word(kData + number(0x3000) / 8 * 8, 4);
            case 11: byte(0xb8 | kEbx); return word(kData + number(0x2000), 4);
            case 12: byte(0xb8 | (number(2) ? kEdi : kEbp)); return word(number(0x400), 4);
            default: byte(0xb8 | kEsp); return word(kData + 0x800 + number(0x3000), 4);
        }
    }
    void instruction() {
        if (number(40) == 0) byte(number(2) ? 0x64 : 0x26);
        if (number(60) == 0) byte(number(2) ? 0x66 : 0xf3);
        if (number(3) == 0) return integer();
        const bool careless = number(16) == 0;
        if (careless ? number(2) : depth_ < 2) return push();
        if (careless ? number(2) : depth_ > 6) return pop();
        switch (number(4)) {
            case 0: return push();
            case 1: return pop();
            default: return keep();
        }
    }

    std::mt19937 random_;
    softfloat::test::Operands operands_;
    std::vector<uint8_t> code_;
    unsigned unmasked_ = 0;
    bool islands_ = false;
    uint32_t island_ = 0;  // the latest one
    int depth_ = 0;
};

void set_up_x87(CpuFixture& m, uint32_t seed) {
    X87Generator g(seed);
    m.put(kCode, g.program());
    m.put(kData, g.data());
    m.put(kControls, g.controls());
    m.put(kNoMath, {0x0f, 0x06, 0xcf});                    // CLTS, IRET
    m.put(kMathFault, {0xdf, 0xe0, 0xdb, 0xe2, 0xcf});     // FNSTSW AX, FNCLEX, IRET
    m.flat32(kCode);
    for (uint32_t vector = 0; vector < 256; ++vector) {
        uint32_t target = kCode + g.number(kCodeSize - 0x100);
        if (vector == kNM) target = kNoMath;
        if (vector == kMF) target = kMathFault;
        m.poke<uint64_t>(kIdt + 8 * vector,
                         0x00008f0000080000 | (target & 0xffff) | uint64_t{target & 0xffff0000} << 32);
    }
    m.cpu.idtr = {kIdt, 0x7ff};
    if (seed % 8) m.cpu.cr0 |= kCr0NE;
    if (seed % 3) m.cpu.cr4 |= kCr4OSFXSR;
    Segment& fs = m.cpu.seg[kFs];
    fs.base = 0x100;
    fs.derive();
    for (uint64_t& r : m.cpu.gpr) r = g.number(0x400);
    m.cpu.gpr[kNoRegister] = 0;
    m.cpu.gpr[kEsi] = kData;
    m.cpu.gpr[kEbx] = kData + 0x1000;
    m.cpu.gpr[kEsp] = kStack;
}

bool same_registers(CpuFixture& a, CpuFixture& b) {
    a.cpu.settle_flags();
    b.cpu.settle_flags();
    const FpuState &f = a.cpu.fpu, &g = b.cpu.fpu;
    return a.cpu.eip == b.cpu.eip && a.cpu.eflags == b.cpu.eflags && a.cpu.gpr == b.cpu.gpr && a.cpu.cr0 == b.cpu.cr0 &&
           f.regs == g.regs && f.control == g.control && f.status == g.status && f.empty == g.empty &&
           f.opcode == g.opcode && f.fip == g.fip && f.fdp == g.fdp && f.fcs == g.fcs && f.fds == g.fds;
}

std::string text_of(const CpuFixture& m) {
    const FpuState& f = m.cpu.fpu;
    std::string s = m.cpu.describe();
    s += fmt::format("\ncontrol {:04x} status {:04x} empty {:02x} opcode {:03x} ip {:04x}:{:08x} data {:04x}:{:08x}\n",
                     f.control, f.status, f.empty, f.opcode, f.fcs, f.fip, f.fds, f.fdp);
    for (const auto& r : f.regs) s += fmt::format(" {:04x}.{:016x}", r.sign_exponent, r.mantissa);
    return s + "\n";
}

struct X87Programs {
    static constexpr uint32_t kSeeds = 200, kLeast = 2000;
    static void set_up(CpuFixture& m, uint32_t seed) { set_up_x87(m, seed); }
    static uint64_t slice(unsigned part) { return part % 4 ? 60 + part : 400; }
    static std::string text(CpuFixture& m) { return text_of(m); }
    static std::string difference(CpuFixture& a, CpuFixture& b) {
        return same_registers(a, b) ? machine_difference(a, b) : "registers";
    }
};

TEST(TranslatorX87, SameAsOneByOne) { same_as_one_by_one<X87Programs>(); }

}  // namespace
}  // namespace qr::i386
