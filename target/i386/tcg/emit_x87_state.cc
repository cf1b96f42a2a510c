// SPDX-License-Identifier: GPL-2.0-or-later
//
// The guest's x87 state between memory and the host's registers. See emit_x87.h.
// Source: Intel SDM volume 1, 10.5.1 (FXSAVE area); volume 2, FXSAVE, FXRSTOR.
#include "target/i386/tcg/emit_x87.h"
#include "target/i386/x87.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;

namespace {

// In the FXSAVE area.
constexpr unsigned kControlAt = 0, kStatusAt = 2, kTagsAt = 4, kMxcsrAt = 24, kRegistersAt = 32;
constexpr unsigned kRegisterBytes = 16;
static_assert(sizeof(softfloat::Float80) == kRegisterBytes);
constexpr auto kNear = CodeGenerator::T_NEAR;
constexpr unsigned kTopShift = 11 - 4;  // from the status word to a register's place in FpuState::regs
constexpr uint32_t kTopMask = 7 << 4;

class StateEmitter {
  public:
    StateEmitter(CodeGenerator& as, const Cpu& cpu) : as_(as), cpu_(cpu) {}

    const uint8_t* load(bool masked_only) {
        as_.align(16);
        const uint8_t* p = as_.getCurr();
        Xbyak::Label cannot, masked;
        as_.cmp(byte[at(&cpu_.native.x87_live)], 0);
        as_.jne(cannot, kNear);
        as_.test(dword[at(&cpu_.cr0)], kCr0EM | kCr0TS);
        as_.jnz(cannot, kNear);
        as_.movzx(eax, word[at(&cpu_.fpu.control)]);
        as_.mov(r10d, eax);
        as_.not_(r10d);
        as_.mov(r11d, 1);
        as_.test(r10d, softfloat::kAllExceptions);
        if (masked_only) {
            as_.jnz(cannot, kNear);
        } else {
            as_.jz(masked);
            as_.test(byte[at(&cpu_.fpu.status)], kX87Summary);
            as_.jnz(cannot, kNear);
            as_.test(dword[at(&cpu_.cr0)], kCr0NE);
            as_.jz(cannot, kNear);
            as_.mov(r11d, 2);
        }
        as_.L(masked);
        as_.mov(byte[at(&cpu_.native.x87_live)], r11b);
        // Precision control 1 is reserved; it acts as extended.
        as_.shr(r10d, 1);
        as_.and_(r10d, eax);
        as_.and_(r10d, 0x100);
        as_.add(r10d, r10d);
        as_.or_(eax, r10d);
        as_.mov(word[area(kControlAt)], ax);
        as_.movzx(eax, word[at(&cpu_.fpu.status)]);
        as_.mov(word[area(kStatusAt)], ax);
        as_.movzx(r10d, byte[at(&cpu_.fpu.empty)]);
        as_.not_(r10d);
        as_.mov(byte[area(kTagsAt)], r10b);
        as_.shr(eax, kTopShift);
        as_.and_(eax, kTopMask);
        for (unsigned n = 0; n < 8; ++n) {
            as_.mov(r10, ptr[at(cpu_.fpu.regs.data()) + rax]);
            as_.movzx(r11d, word[at(&cpu_.fpu.regs[0].sign_exponent) + rax]);
            as_.mov(ptr[area(kRegistersAt + n * kRegisterBytes)], r10);
            as_.mov(ptr[area(kRegistersAt + n * kRegisterBytes + 8)], r11);
            next_register(eax);
        }
        as_.stmxcsr(dword[area(kMxcsrAt)]);
        as_.fxrstor64(ptr[area(0)]);
        as_.mov(byte[at(&cpu_.native.x87_segment)], 0);
        as_.mov(dword[at(&cpu_.native.x87_opcode)], 0);
        as_.or_(al, 1);
        as_.ret();
        as_.L(cannot);
        as_.xor_(eax, eax);
        as_.ret();
        return p;
    }

    const uint8_t* save() {
        as_.align(16);
        const uint8_t* p = as_.getCurr();
        fxsave64();
        // What C++ code may expect: an empty stack, and this control word. An exception that is pending would come now.
        Xbyak::Label quiet;
        as_.movzx(ecx, word[area(kStatusAt)]);
        as_.test(ecx, kX87Summary);
        as_.jz(quiet);
        as_.fnclex();
        as_.L(quiet);
        as_.emms();
        as_.mov(word[at(&cpu_.native.x87_control)], 0x37f);
        as_.fldcw(word[at(&cpu_.native.x87_control)]);
        as_.mov(byte[at(&cpu_.native.x87_live)], 0);
        as_.mov(word[at(&cpu_.fpu.status)], cx);
        as_.movzx(edx, byte[area(kTagsAt)]);
        as_.not_(edx);
        as_.mov(byte[at(&cpu_.fpu.empty)], dl);
        as_.shr(ecx, kTopShift);
        as_.and_(ecx, kTopMask);
        for (unsigned n = 0; n < 8; ++n) {
            as_.mov(r8, ptr[area(kRegistersAt + n * kRegisterBytes)]);
            as_.movzx(edx, word[area(kRegistersAt + n * kRegisterBytes + 8)]);
            as_.mov(ptr[at(cpu_.fpu.regs.data()) + rcx], r8);
            as_.mov(word[at(&cpu_.fpu.regs[0].sign_exponent) + rcx], dx);
            next_register(ecx);
        }
        pointers();
        as_.ret();
        return p;
    }

    const uint8_t* retire(const uint8_t* save) {
        as_.align(16);
        const uint8_t* p = as_.getCurr();
        as_.push(rcx);
        as_.push(rdx);
        as_.push(r8);
        as_.call(save);
        as_.pop(r8);
        as_.pop(rdx);
        as_.pop(rcx);
        as_.ret();
        return p;
    }

  private:
    Xbyak::RegExp at(const void* member) const {
        return r14 + static_cast<int>(static_cast<const uint8_t*>(member) -
                                      reinterpret_cast<const uint8_t*>(cpu_.gpr.data()));
    }
    Xbyak::RegExp area(unsigned offset) const { return at(cpu_.native_fpu.data() + offset); }
    void next_register(const Xbyak::Reg32& place) {
        as_.add(place, kRegisterBytes);
        as_.and_(place, kTopMask);
    }
    void fxsave64() {
        as_.db(0x49);  // REX.W and .B
        as_.db(0x0f);
        as_.db(0xae);
        as_.db(0x86);  // /0, [r14 + disp32]
        as_.dd(static_cast<uint32_t>(cpu_.native_fpu.data() - reinterpret_cast<const uint8_t*>(cpu_.gpr.data())));
    }
    // Segment registers are as they were when the instructions were executed.
    void pointers() {
        Xbyak::Label no_opcode, no_memory;
        as_.mov(edx, dword[at(&cpu_.native.x87_opcode)]);
        as_.test(edx, edx);
        as_.jz(no_opcode);
        as_.mov(word[at(&cpu_.fpu.opcode)], dx);
        as_.movzx(edx, word[at(&cpu_.seg[kCs].selector)]);
        as_.mov(word[at(&cpu_.fpu.fcs)], dx);
        as_.L(no_opcode);
        as_.movzx(edx, byte[at(&cpu_.native.x87_segment)]);
        as_.sub(edx, 1);
        as_.js(no_memory);
        as_.imul(edx, edx, sizeof(Segment));
        as_.movzx(edx, word[at(&cpu_.seg[0].selector) + rdx]);
        as_.mov(word[at(&cpu_.fpu.fds)], dx);
        as_.L(no_memory);
    }

    CodeGenerator& as_;
    const Cpu& cpu_;
};

}  // namespace

X87Thunks emit_x87_thunks(CodeGenerator& as, const Cpu& cpu) {
    StateEmitter e(as, cpu);
    X87Thunks t;
    t.load_masked = e.load(true);
    t.load = e.load(false);
    t.save = e.save();
    t.retire = e.retire(t.save);
    return t;
}

}  // namespace qr::i386
