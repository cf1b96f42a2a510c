// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/thunks.h"

#include "target/i386/tcg/emit_watched.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;

namespace {

// MXCSR_MASK (SDM 1, 11.6.6): 0 stands for a processor without DAZ.
uint32_t host_mxcsr_bits() {
    struct alignas(16) Area {
        uint32_t words[128] = {};
    } area;
    asm volatile("fxsave %0" : "=m"(area));
    return area.words[7] ? area.words[7] & 0xffff : 0xffbf;
}

class ThunkEmitter {
  public:
    ThunkEmitter(CodeGenerator& as, Cpu& cpu) : as_(as), cpu_(cpu) {}

    ThunkSet emit(const SiteCaches& caches, ExactCall exact, ExactCall light) {
        ThunkSet t;
        for (const bool user : {false, true}) {
            t.watched_write[user] = emit_watched_write(as_, cpu_, user);
            for (const bool write : {false, true}) t.fill[user][write] = caches.emit_fill(as_, cpu_, user, write);
        }
        t.x87 = emit_x87_thunks(as_, cpu_);
        x87_save_ = t.x87.save;
        t.enter = enter();
        t.mxcsr = take_mxcsr();
        Xbyak::Label out;
        t.leave = leave(out);
        t.bounce = as_.getCurr();
        as_.xor_(eax, eax);
        as_.jmp(t.leave, CodeGenerator::T_NEAR);
        t.renew = renew(t.leave);
        t.relink = relink();
        t.lookup = as_.getCurr();
        Emitter::indirect(as_, cpu_, t);
        t.exact = call(exact, t.lookup, out);
        t.light = call_light(light);
        return t;
    }

  private:
    int at(const void* member) const {
        return static_cast<int>(static_cast<const uint8_t*>(member) -
                                reinterpret_cast<const uint8_t*>(cpu_.gpr.data()));
    }
    void store_registers() {
        for (unsigned n = 0; n < 8; ++n) as_.mov(ptr[r14 + static_cast<int>(n * 8)], kGuest[n]);
    }
    void load_registers() {
        for (unsigned n = 0; n < 8; ++n) as_.mov(kGuest[n], ptr[r14 + static_cast<int>(n * 8)]);
    }

    // C++ code runs with its own MXCSR. Keeps all registers.
    void give_back_mxcsr() {
        Xbyak::Label mine;
        as_.cmp(byte[r14 + at(&cpu_.native.mxcsr_live)], 0);
        as_.je(mine);
        as_.stmxcsr(dword[r14 + at(&cpu_.fpu.mxcsr)]);
        as_.ldmxcsr(dword[r14 + at(&cpu_.native.host_mxcsr)]);
        as_.mov(byte[r14 + at(&cpu_.native.mxcsr_live)], 0);
        as_.L(mine);
    }
    const uint8_t* take_mxcsr() {
        constexpr uint32_t kMasks = 0x1f80;
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        Xbyak::Label no;
        as_.mov(eax, ptr[r14 + at(&cpu_.fpu.mxcsr)]);
        as_.xor_(eax, kMasks);
        as_.test(eax, kMasks | ~host_mxcsr_bits());
        as_.jnz(no);
        as_.stmxcsr(dword[r14 + at(&cpu_.native.host_mxcsr)]);
        as_.ldmxcsr(dword[r14 + at(&cpu_.fpu.mxcsr)]);
        as_.mov(byte[r14 + at(&cpu_.native.mxcsr_live)], 1);
        as_.test(rsp, rsp);
        as_.ret();
        as_.L(no);
        as_.xor_(eax, eax);
        as_.ret();
        return p;
    }

    void save_x87() {
        Xbyak::Label done;
        as_.cmp(byte[r14 + at(&cpu_.native.x87_live)], 0);
        as_.je(done);
        as_.call(x87_save_);
        as_.L(done);
    }

    const uint8_t* enter() {
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        for (const auto& r : kSaved) as_.push(r);
        as_.sub(rsp, 8);  // so that calls from blocks find the stack aligned
        as_.mov(r14, rdi);
        as_.mov(ptr[r14 + at(&cpu_.native.stack)], rsp);
        as_.mov(rax, rsi);
        as_.mov(r13, ptr[r14 + at(&cpu_.native.remaining)]);
        load_registers();
        as_.jmp(rax);
        return p;
    }
    // EIP is r10d.
    const uint8_t* leave(Xbyak::Label& out) {
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        give_back_mxcsr();
        store_registers();
        save_x87();
        as_.mov(ptr[r14 + at(&cpu_.native.remaining)], r13);
        as_.mov(ptr[r14 + at(&cpu_.eip)], r10d);
        as_.L(out);
        as_.add(rsp, 8);
        for (size_t n = std::size(kSaved); n-- > 0;) as_.pop(kSaved[n]);
        as_.ret();
        return p;
    }
    // As CodeCache::renew().
    const uint8_t* renew(const uint8_t* leave) {
        Xbyak::Label no;
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        as_.mov(rax, ptr[r14 + at(&cpu_.native.key)]);
        as_.or_(rax, r10);
        as_.xor_(rax, ptr[r11 + offsetof(CodeBlock, stamp)]);
        as_.shl(rax, 64 - Chaining::kPlaceBits);
        as_.jnz(no);
        as_.cmp(qword[r11 + offsetof(CodeBlock, second)], 0);
        as_.jne(no);
        as_.push(rcx);
        as_.mov(rcx, ptr[r11 + offsetof(CodeBlock, page)]);
        page_key();
        as_.cmp(rax, ptr[rcx + offsetof(CodePage, seen)]);
        as_.pop(rcx);
        as_.jne(no);
        as_.mov(dword[r14 + at(&cpu_.native.page)], eax);
        as_.or_(rax, r10);
        as_.mov(ptr[r11 + offsetof(CodeBlock, stamp)], rax);
        as_.jmp(ptr[r11 + offsetof(CodeBlock, entry)]);
        as_.L(no);
        as_.xor_(eax, eax);
        as_.jmp(leave, CodeGenerator::T_NEAR);
        return p;
    }
    const uint8_t* relink() {
        Xbyak::Label no;
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        as_.add(r11, ptr[r14 + at(&cpu_.native.slots)]);
        as_.push(rcx);
        as_.mov(rcx, ptr[r11 + offsetof(LinkSlot, seen)]);
        page_key();
        as_.cmp(rax, ptr[rcx]);
        as_.pop(rcx);
        as_.jne(no);
        as_.mov(dword[r14 + at(&cpu_.native.page)], eax);
        as_.or_(rax, r10);
        as_.mov(ptr[r11 + offsetof(LinkSlot, stamp)], rax);
        as_.cmp(eax, eax);
        as_.L(no);
        as_.ret();
        return p;
    }
    // rax: what CodeCache::Page::seen is if the page of r10d's block was found in this epoch.
    void page_key() {
        as_.mov(eax, r10d);
        as_.and_(eax, Tlb::kPageBits);
        as_.or_(rax, ptr[r14 + at(&cpu_.native.key)]);
    }
    // Before a call of an ExactCall: the CPU has what C++ code may look at.
    void arguments_of_call() {
        give_back_mxcsr();
        store_registers();
        save_x87();
        as_.mov(ptr[r14 + at(&cpu_.native.remaining)], r13);
        as_.lea(rdi, ptr[r14 + at(&cpu_)]);
        static_assert(sizeof(Site) == 48);
        as_.lea(rsi, ptr[rax + rax * 2]);
        as_.shl(rsi, 4);
        as_.add(rsi, ptr[r14 + at(&cpu_.native.sites)]);
    }
    // Called, or jumped to by an instruction after which the block never goes on.
    const uint8_t* call(ExactCall exact, const uint8_t* lookup, Xbyak::Label& out) {
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        arguments_of_call();
        as_.mov(rbx, rsp);
        as_.and_(rsp, -16);
        as_.mov(rax, reinterpret_cast<uint64_t>(exact));
        as_.call(rax);
        as_.mov(rsp, rbx);
        static_assert(static_cast<unsigned>(GoOn::kBehind) == 0);
        Xbyak::Label go_out;
        as_.test(eax, eax);
        as_.jnz(elsewhere_);
        load_registers();
        as_.mov(r13, ptr[r14 + at(&cpu_.native.remaining)]);
        as_.ret();
        as_.L(elsewhere_);
        // The frame that enter() made, whether a return address lies on it or not.
        as_.mov(rsp, ptr[r14 + at(&cpu_.native.stack)]);
        as_.cmp(eax, static_cast<unsigned>(GoOn::kAtEip));
        as_.jne(go_out);
        load_registers();
        as_.mov(r13, ptr[r14 + at(&cpu_.native.remaining)]);
        as_.mov(r10d, ptr[r14 + at(&cpu_.eip)]);
        as_.jmp(lookup, CodeGenerator::T_NEAR);
        as_.L(go_out);
        as_.xor_(eax, eax);
        as_.jmp(out, CodeGenerator::T_NEAR);
        return p;
    }

    // Called. Of what the block goes on with, only EAX and EDX may have changed.
    const uint8_t* call_light(ExactCall light) {
        as_.align(64);
        const uint8_t* p = as_.getCurr();
        arguments_of_call();
        as_.mov(rax, reinterpret_cast<uint64_t>(light));
        as_.sub(rsp, 8);
        as_.call(rax);
        as_.add(rsp, 8);
        as_.test(eax, eax);
        as_.jnz(elsewhere_, CodeGenerator::T_NEAR);
        as_.mov(r13, ptr[r14 + at(&cpu_.native.remaining)]);
        for (const unsigned n : {kEax, kEcx, kEdx, kEsp, kEsi, kEdi}) as_.mov(kGuest[n], ptr[r14 + static_cast<int>(n * 8)]);
        as_.ret();
        return p;
    }

    static inline const Xbyak::Reg64 kGuest[8] = {r8, rcx, rdx, rbx, r9, rbp, rsi, rdi};
    static inline const Xbyak::Reg64 kSaved[6] = {rbx, rbp, r12, r13, r14, r15};
    CodeGenerator& as_;
    Cpu& cpu_;
    const uint8_t* x87_save_ = nullptr;
    Xbyak::Label elsewhere_;  // in `exact`: eax, a GoOn, isn't kBehind
};

}  // namespace

ThunkSet emit_thunks(CodeGenerator& as, Cpu& cpu, const SiteCaches& caches, ExactCall exact, ExactCall light) {
    return ThunkEmitter(as, cpu).emit(caches, exact, light);
}

}  // namespace qr::i386
