// SPDX-License-Identifier: GPL-2.0-or-later
//
// The host's own CPU as an oracle for MMX and SSE instructions with register operands: their bytes
// mean the same in 64-bit mode. Exceptions arrive as SIGFPE and are noted. x86-64 Linux hosts only.
// Source: none.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
#define QR_HOST_SIMD 1

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace qr::test {

struct alignas(16) SimdState {
    std::array<std::array<uint64_t, 2>, 8> xmm{};
    std::array<uint64_t, 8> mm{};
    uint32_t mxcsr = 0x1f80;
    uint32_t eax = 0;
    uint32_t ecx = 0;
    uint32_t eflags = 0;
    bool faulted = false;
};

class SseHost {
  public:
    SseHost() {
        code_ = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (code_ == MAP_FAILED) {
            code_ = nullptr;
            return;
        }
        struct sigaction action {};
        action.sa_sigaction = on_fpe;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGFPE, &action, &previous_);
    }
    ~SseHost() {
        if (!code_) return;
        sigaction(SIGFPE, &previous_, nullptr);
        munmap(code_, 4096);
    }
    SseHost(const SseHost&) = delete;
    SseHost& operator=(const SseHost&) = delete;

    bool usable() const { return code_ != nullptr; }
    void set(std::span<const uint8_t> instruction) {
        std::memcpy(code_, instruction.data(), instruction.size());
        code_[instruction.size()] = 0xc3;
        length() = instruction.size();
    }
    // noinline: the asm calls, and so must own the stack below it.
    [[gnu::noinline]] void run(SimdState& s) {
        static_assert(offsetof(SimdState, mm) == 128 && offsetof(SimdState, mxcsr) == 192);
        faulted() = false;
        static const uint32_t kQuiet = 0x1f80;  // not on the stack, whose pointer moves
        asm volatile(
            "lea -256(%%rsp), %%rsp\n\t"
            "movaps (%[s]), %%xmm0\n\tmovaps 16(%[s]), %%xmm1\n\t"
            "movaps 32(%[s]), %%xmm2\n\tmovaps 48(%[s]), %%xmm3\n\t"
            "movaps 64(%[s]), %%xmm4\n\tmovaps 80(%[s]), %%xmm5\n\t"
            "movaps 96(%[s]), %%xmm6\n\tmovaps 112(%[s]), %%xmm7\n\t"
            "movq 128(%[s]), %%mm0\n\tmovq 136(%[s]), %%mm1\n\t"
            "movq 144(%[s]), %%mm2\n\tmovq 152(%[s]), %%mm3\n\t"
            "movq 160(%[s]), %%mm4\n\tmovq 168(%[s]), %%mm5\n\t"
            "movq 176(%[s]), %%mm6\n\tmovq 184(%[s]), %%mm7\n\t"
            "mov 196(%[s]), %%eax\n\tmov 200(%[s]), %%ecx\n\t"
            "ldmxcsr 192(%[s])\n\t"
            "call *%[code]\n\t"
            "stmxcsr 192(%[s])\n\tldmxcsr %[quiet]\n\t"
            "pushfq\n\tpop %%r8\n\tmov %%r8d, 204(%[s])\n\t"
            "mov %%eax, 196(%[s])\n\tmov %%ecx, 200(%[s])\n\t"
            "movaps %%xmm0, (%[s])\n\tmovaps %%xmm1, 16(%[s])\n\t"
            "movaps %%xmm2, 32(%[s])\n\tmovaps %%xmm3, 48(%[s])\n\t"
            "movaps %%xmm4, 64(%[s])\n\tmovaps %%xmm5, 80(%[s])\n\t"
            "movaps %%xmm6, 96(%[s])\n\tmovaps %%xmm7, 112(%[s])\n\t"
            "movq %%mm0, 128(%[s])\n\tmovq %%mm1, 136(%[s])\n\t"
            "movq %%mm2, 144(%[s])\n\tmovq %%mm3, 152(%[s])\n\t"
            "movq %%mm4, 160(%[s])\n\tmovq %%mm5, 168(%[s])\n\t"
            "movq %%mm6, 176(%[s])\n\tmovq %%mm7, 184(%[s])\n\t"
            "emms\n\tlea 256(%%rsp), %%rsp"
            :
            : [s] "D"(&s), [code] "S"(code_), [quiet] "m"(kQuiet)
            : "rax", "rcx", "r8", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
              "xmm6", "xmm7", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
        s.faulted = faulted();
    }

  private:
    static volatile bool& faulted() {
        static volatile bool value;
        return value;
    }
    static volatile size_t& length() {
        static volatile size_t value;
        return value;
    }
    // Goes on after the instruction: MXCSR's flags are in the context.
    static void on_fpe(int, siginfo_t*, void* context) {
        faulted() = true;
        auto* c = static_cast<ucontext_t*>(context);
        c->uc_mcontext.gregs[REG_RIP] += static_cast<greg_t>(length());
    }

    uint8_t* code_ = nullptr;
    struct sigaction previous_ {};
};

}  // namespace qr::test

#endif
