// SPDX-License-Identifier: GPL-2.0-or-later
//
// Test cases on the host's CPU. The child maps code and data at fixed addresses below 4 GB, and a
// stub that enters 32-bit (or 16-bit) code by IRETQ and is left by a far jump to a 64-bit code
// segment. Faults arrive as signals on an alternate stack; the handler takes the state from the
// signal frame and goes on with the next case without returning from the signal. While cases run FS
// isn't what the C library needs: nothing here may touch thread-local storage then.
//
// Source: Intel SDM 2A (IRET, JMP), 3A 3.4.5 (descriptors); modify_ldt(2), sigaction(2).
#include "tests/insn/oracle_native.h"

#include <sys/types.h>

#if defined(__x86_64__) && defined(__linux__)

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace qr::oracle {

// What the stub reads and writes, a page after its code. The offsets are those in the assembly.
struct Frame {
    uint64_t host_rsp;                  // 0
    uint32_t gpr[8];                    // 8
    uint16_t seg[6];                    // 40: ES CS SS DS FS GS
    uint32_t pad_index;                 // 52
    uint64_t fx_in;                     // 56
    uint64_t fx_out;                    // 64
    uint64_t rip, cs, rflags, rsp, ss;  // 72: for IRETQ
    uint32_t out_gpr[8];                // 112
    uint16_t out_seg[6];                // 144
    uint32_t stepped;                   // 156: EFLAGS, if TF was set on the way out
    uint64_t out_rflags;                // 160
};
constexpr greg_t kTrapFlag = 0x100;
constexpr uint32_t kFrameAt = kStubBase + kPage;
static_assert(kFrameAt == 0x35a91000);

// Absolute addresses: the stub is copied to kStubBase. FRAME is kFrameAt.
asm(R"(
    .pushsection .text
    .set FRAME, 0x35a91000
    .globl oracle_stub_begin, oracle_stub_resume, oracle_stub_exit0, oracle_stub_exit1, oracle_stub_end
    .globl oracle_signal
oracle_stub_begin:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, FRAME
    mov FRAME+0x038, %rax
    fxrstor (%rax)
    mov FRAME+0x028, %es
    mov FRAME+0x02e, %ds
    mov FRAME+0x030, %fs
    mov FRAME+0x032, %gs
    mov $FRAME+0x048, %esp
    mov FRAME+0x008, %eax
    mov FRAME+0x00c, %ecx
    mov FRAME+0x010, %edx
    mov FRAME+0x014, %ebx
    mov FRAME+0x01c, %ebp
    mov FRAME+0x020, %esi
    mov FRAME+0x024, %edi
    iretq
oracle_stub_exit0:
    movl $0, FRAME+0x034
    jmp oracle_stub_exit
oracle_stub_exit1:
    movl $1, FRAME+0x034
oracle_stub_exit:
    mov %eax, FRAME+0x070
    mov %ecx, FRAME+0x074
    mov %edx, FRAME+0x078
    mov %ebx, FRAME+0x07c
    mov %esp, FRAME+0x080
    mov %ebp, FRAME+0x084
    mov %esi, FRAME+0x088
    mov %edi, FRAME+0x08c
    mov %es, FRAME+0x090
    mov %ss, FRAME+0x094
    mov %ds, FRAME+0x096
    mov %fs, FRAME+0x098
    mov %gs, FRAME+0x09a
    mov $0x2b, %eax
    mov %eax, %ss
    mov FRAME, %rsp
    pushfq
    popq FRAME+0x0a0
    mov FRAME+0x040, %rax
    fxsave (%rax)
oracle_stub_resume:
    mov FRAME, %rsp
    pushq $2
    popfq
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
oracle_stub_end:
oracle_signal:
    pushq $2
    popfq
    jmp oracle_on_signal
    .popsection
)");

extern "C" {
extern const uint8_t oracle_stub_begin[], oracle_stub_resume[], oracle_stub_exit0[],
    oracle_stub_exit1[], oracle_stub_end[];
void oracle_signal();
[[gnu::used]] void oracle_on_signal(int number, siginfo_t* info, ucontext_t* context);
}

namespace {

constexpr uint32_t stub_address(const uint8_t* label, const uint8_t* begin) {
    return kStubBase + static_cast<uint32_t>(label - begin);
}

Frame& frame() { return *reinterpret_cast<Frame*>(uintptr_t{kFrameAt}); }
// The result that the case at hand goes to; where the signal handler finds it.
struct Current {
    Result* result;
    const Case* running;
};
Current& current() { return *reinterpret_cast<Current*>(uintptr_t{kFrameAt} + sizeof(Frame) + 64); }

bool map_at(uint32_t address, size_t size, int protection) {
    return mmap(reinterpret_cast<void*>(uintptr_t{address}), size, protection,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1,
                0) == reinterpret_cast<void*>(uintptr_t{address});
}

bool set_ldt() {
    for (unsigned n = 0; n < kLdtEntries; ++n) {
        user_desc d{};
        d.entry_number = n;
        d.base_addr = kLdt[n].base;
        d.limit = kLdt[n].limit;
        d.seg_32bit = kLdt[n].big;
        d.contents = kLdt[n].contents;
        d.read_exec_only = kLdt[n].read_only;
        if (syscall(SYS_modify_ldt, 1, &d, sizeof d) != 0) return false;
    }
    return true;
}

bool set_signals() {
    constexpr size_t kStack = 64 * 1024;
    stack_t stack{};
    stack.ss_sp = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack.ss_size = kStack;
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, nullptr) != 0) return false;
    struct sigaction action {};
    action.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(oracle_signal);
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (const int n : {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS, SIGALRM})
        if (sigaction(n, &action, nullptr) != 0) return false;
    return true;
}

// The far jump at a pad.
unsigned put_pad(uint8_t* to, bool code32, uint32_t target) {
    unsigned n = 0;
    if (!code32) to[n++] = 0x66;
    to[n++] = 0xea;
    std::memcpy(to + n, &target, 4);
    to[n + 4] = 0x33;
    to[n + 5] = 0;
    return n + 6;
}

struct Host {
    uint8_t* code = nullptr;  // another mapping of the code pages
    uint8_t* data = reinterpret_cast<uint8_t*>(uintptr_t{kDataBase});
    uint32_t exits[kMaxPads];
};

// Nothing here touches thread-local storage.
[[gnu::optimize("no-stack-protector")]] void run_case(const Host& host, const Case& c, Result& r,
                                                      const uint64_t* pristine) {
    apply_patches(c, host.data);
    const uint32_t at = c.code_base + c.eip - kCodeBase;
    std::memcpy(host.code + at, c.code, c.code_length);
    for (unsigned i = 0; i < c.pads; ++i) {
        const uint32_t pad = code_base_of(c.pad_cs[i]) + c.pad[i] - kCodeBase;
        if (pad + kPadSize <= kCodeSize)
            put_pad(host.code + pad, is_code32(c.pad_cs[i]), host.exits[i]);
    }
    Frame& f = frame();
    std::memcpy(f.gpr, c.gpr, sizeof f.gpr);
    std::memcpy(f.seg, c.seg, sizeof f.seg);
    f.fx_in = reinterpret_cast<uintptr_t>(&c.fx);
    f.fx_out = reinterpret_cast<uintptr_t>(&r.fx);
    f.rip = c.eip;
    f.cs = c.seg[1];
    f.rflags = c.eflags;
    f.rsp = c.gpr[4];
    f.ss = c.seg[2];
    f.stepped = 0;
    current() = {&r, &c};
    r.vector = kNoVector;
    reinterpret_cast<void (*)()>(uintptr_t{kStubBase})();
    if (r.vector == kNoVector) {
        std::memcpy(r.gpr, f.out_gpr, sizeof r.gpr);
        std::memcpy(r.seg, f.out_seg, sizeof r.seg);
        r.seg[1] = c.pad_cs[f.pad_index];
        r.eflags = f.stepped ? f.stepped : static_cast<uint32_t>(f.out_rflags);
        r.eip = c.pad[f.pad_index];
        r.error = r.cr2 = 0;
    }
    collect_changes(host.data, pristine, r);
    std::memset(host.code + at, 0xcc, c.code_length);
    for (unsigned i = 0; i < c.pads; ++i) {
        const uint32_t pad = code_base_of(c.pad_cs[i]) + c.pad[i] - kCodeBase;
        if (pad + kPadSize <= kCodeSize) std::memset(host.code + pad, 0xcc, kPadSize);
    }
}

}  // namespace

[[gnu::optimize("no-stack-protector")]] void oracle_on_signal(int number, siginfo_t*,
                                                              ucontext_t* context) {
    const greg_t* g = context->uc_mcontext.gregs;
    if ((g[REG_CSGSFS] & 0xffff) == 0x33) {
        if (number == SIGTRAP && (g[REG_EFL] & kTrapFlag)) {
            // The instruction has set TF, and the trap comes after the jump out.
            frame().stepped = static_cast<uint32_t>(g[REG_EFL]);
            context->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
        } else if (number != SIGALRM) {
            _exit(3);  // our own mistake
        }
        // If the time is up between two cases, that counts against the next one only if it hangs,
        // too.
        asm volatile("mov %0, %%rsp; mov $15, %%eax; syscall" ::"r"(context) : "memory", "rax");
    }
    Result& r = *current().result;
    static constexpr int kOrder[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                      REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    for (unsigned i = 0; i < 8; ++i) r.gpr[i] = static_cast<uint32_t>(g[kOrder[i]]);
    r.eip = static_cast<uint32_t>(g[REG_RIP]);
    r.eflags = static_cast<uint32_t>(g[REG_EFL]);
    const auto selectors = static_cast<uint64_t>(g[REG_CSGSFS]);
    r.seg[1] = static_cast<uint16_t>(selectors);
    r.seg[2] = static_cast<uint16_t>(selectors >> 48);
    uint16_t s;
    asm volatile("mov %%es, %0" : "=r"(s));
    r.seg[0] = s;
    asm volatile("mov %%ds, %0" : "=r"(s));
    r.seg[3] = s;
    asm volatile("mov %%fs, %0" : "=r"(s));
    r.seg[4] = s;
    asm volatile("mov %%gs, %0" : "=r"(s));
    r.seg[5] = s;
    r.vector = number == SIGALRM ? kHang : static_cast<uint8_t>(g[REG_TRAPNO]);
    r.error = static_cast<uint32_t>(g[REG_ERR]);
    r.cr2 = static_cast<uint32_t>(g[REG_CR2]);
    std::memcpy(&r.fx, context->uc_mcontext.fpregs, sizeof r.fx);
    const uintptr_t resume = stub_address(oracle_stub_resume, oracle_stub_begin);
    asm volatile("jmp *%0" ::"r"(resume));
    __builtin_unreachable();
}

void Native::child(int from, int to) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto fail = [&](char why) {
        (void)!write(to, &why, 1);
        _exit(2);
    };
    Host host;
    const int memory = memfd_create("code", 0);
    if (memory < 0 || ftruncate(memory, kCodeSize) != 0) fail('m');
    host.code = static_cast<uint8_t*>(
        mmap(nullptr, kCodeSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0));
    if (host.code == MAP_FAILED) fail('m');
    std::memset(host.code, 0xcc, kCodeSize);
    void* const code = reinterpret_cast<void*>(uintptr_t{kCodeBase});
    if (mmap(code, kCodeSize, PROT_READ | PROT_EXEC,
             MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, memory, 0) != code)
        fail('m');
    for (unsigned p = 0; p < kWritablePages.size(); ++p) {
        if (!map_at(kDataBase + kWritablePages[p] * kPage, kPage, PROT_READ | PROT_WRITE))
            fail('m');
        std::memcpy(host.data + kWritablePages[p] * kPage, pristine_ + p * (kPage / 8), kPage);
    }
    uint8_t* const fixed = host.data + kReadOnlyPage * kPage;
    if (!map_at(kDataBase + kReadOnlyPage * kPage, kPage, PROT_READ | PROT_WRITE)) fail('m');
    std::memcpy(fixed, read_only_, kPage);
    if (mprotect(fixed, kPage, PROT_READ) != 0) fail('m');
    if (!map_at(kStubBase, kStubSize, PROT_READ | PROT_WRITE)) fail('m');
    std::memcpy(reinterpret_cast<void*>(uintptr_t{kStubBase}), oracle_stub_begin,
                oracle_stub_end - oracle_stub_begin);
    if (mprotect(reinterpret_cast<void*>(uintptr_t{kStubBase}), kPage, PROT_READ | PROT_EXEC) != 0)
        fail('m');
    host.exits[0] = stub_address(oracle_stub_exit0, oracle_stub_begin);
    host.exits[1] = stub_address(oracle_stub_exit1, oracle_stub_begin);
    if (!set_ldt()) fail('l');
    if (!set_signals()) fail('s');
    uint64_t fs_base = 0;
    if (syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base) != 0) fail('f');
    char ok = '+';
    (void)!write(to, &ok, 1);

    unsigned range[2];
    while (read(from, range, sizeof range) == sizeof range) {
        itimerval limit{};
        limit.it_value.tv_sec = limit.it_interval.tv_sec = 10;
        setitimer(ITIMER_REAL, &limit, nullptr);
        for (unsigned i = range[0]; i < range[0] + range[1]; ++i)
            run_case(host, cases_[i], results_[i], pristine_);
        long status;
        asm volatile("mov %k1, %%fs" ::"r"(0L), "r"(0) : "memory");
        asm volatile("syscall"
                     : "=a"(status)
                     : "a"(long{SYS_arch_prctl}), "D"(long{ARCH_SET_FS}), "S"(fs_base)
                     : "rcx", "r11", "memory");
        const uint32_t mxcsr = 0x1f80;
        asm volatile("fninit; ldmxcsr %0" ::"m"(mxcsr) : "memory");
        limit = {};
        setitimer(ITIMER_REAL, &limit, nullptr);
        if (write(to, &ok, 1) != 1) break;
    }
    _exit(0);
}

Native::Native(const Case* cases, Result* results, const uint64_t* pristine,
               const uint8_t* read_only)
    : cases_(cases), results_(results), pristine_(pristine), read_only_(read_only) {}

Native::~Native() {
    if (to_child_ >= 0) close(to_child_);
    if (from_child_ >= 0) close(from_child_);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

std::string Native::start() {
    // With this program below 4 GB a stray store of a test case could hit it.
    if (reinterpret_cast<uintptr_t>(&oracle_signal) >> 32 == 0)
        return "this program isn't position-independent";
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0) return "no pipes";
    pid_ = fork();
    if (pid_ < 0) return "can't fork";
    if (pid_ == 0) {
        close(down[1]);
        close(up[0]);
        child(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    to_child_ = down[1];
    from_child_ = up[0];
    char answer = 0;
    if (read(from_child_, &answer, 1) != 1) return "the child died";
    if (answer == '+') return "";
    return answer == 'l' ? "modify_ldt isn't allowed here"
                         : std::string("the child couldn't set up: ") + answer;
}

void Native::begin(unsigned first, unsigned count) {
    const unsigned range[2] = {first, count};
    (void)!write(to_child_, range, sizeof range);
}

bool Native::finish() {
    char answer = 0;
    return read(from_child_, &answer, 1) == 1;
}

std::string Native::death() {
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) return "no status";
    pid_ = -1;
    return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                               : "status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace qr::oracle

#else

namespace qr::oracle {

Native::Native(const Case* cases, Result* results, const uint64_t* pristine,
               const uint8_t* read_only)
    : cases_(cases), results_(results), pristine_(pristine), read_only_(read_only) {}
Native::~Native() = default;
std::string Native::start() { return "the host isn't an x86-64 Linux"; }
void Native::begin(unsigned, unsigned) {}
bool Native::finish() { return false; }
std::string Native::death() { return ""; }

}  // namespace qr::oracle

#endif
