// SPDX-License-Identifier: GPL-2.0-or-later
//
// An x86 CPU: its architectural state, and the operations that instruction semantics are written in.
//
// Semantics raise faults by throwing Fault (fault() and friends below); the engine catches it, restores
// EIP to the faulting instruction and enters the exception. So a handler first does every access that
// may fault, then changes registers. Memory primitives that must not throw are in mmu.h.
//
// Source: Intel SDM volumes 1 and 3A. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "exec/cpu.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "hw/cpu_interrupts.h"
#include "target/i386/cpu_model.h"
#include "target/i386/debug_stops.h"
#include "target/i386/fpu_state.h"
#include "target/i386/tlb.h"
#include "util/bits.h"

namespace qr::i386 {

enum Gpr : uint8_t { kEax, kEcx, kEdx, kEbx, kEsp, kEbp, kEsi, kEdi, kNoRegister = 16 };
enum Seg : uint8_t { kEs, kCs, kSs, kDs, kFs, kGs, kSegCount };

enum Vector : uint8_t {
    kDE = 0, kDB = 1, kNMI = 2, kBP = 3, kOF = 4, kBR = 5, kUD = 6, kNM = 7, kDF = 8, kTS = 10,
    kNP = 11, kSS = 12, kGP = 13, kPF = 14, kMF = 16, kAC = 17, kMC = 18, kXM = 19,
};

enum EflagsBit : uint32_t {
    kCF = 1 << 0, kFixed1 = 1 << 1, kPF_ = 1 << 2, kAF = 1 << 4, kZF = 1 << 6, kSF = 1 << 7,
    kTF = 1 << 8, kIF = 1 << 9, kDFlag = 1 << 10, kOFlag = 1 << 11, kIoplMask = 3 << 12,
    kNT = 1 << 14, kRF = 1 << 16, kVM = 1 << 17, kACFlag = 1 << 18, kVIF = 1 << 19,
    kVIP = 1 << 20, kID = 1 << 21,
};
constexpr uint32_t kArithFlags = kCF | kPF_ | kAF | kZF | kSF | kOFlag;

enum Cr0Bit : uint32_t {
    kCr0PE = 1 << 0, kCr0MP = 1 << 1, kCr0EM = 1 << 2, kCr0TS = 1 << 3, kCr0ET = 1 << 4,
    kCr0NE = 1 << 5, kCr0WP = 1 << 16, kCr0AM = 1 << 18, kCr0NW = 1 << 29, kCr0CD = 1 << 30,
    kCr0PG = 1u << 31,
};
enum Cr4Bit : uint32_t {
    kCr4VME = 1 << 0, kCr4PVI = 1 << 1, kCr4TSD = 1 << 2, kCr4DE = 1 << 3, kCr4PSE = 1 << 4,
    kCr4PAE = 1 << 5, kCr4MCE = 1 << 6, kCr4PGE = 1 << 7, kCr4PCE = 1 << 8, kCr4OSFXSR = 1 << 9,
    kCr4OSXMMEXCPT = 1 << 10,
};

// What a handler throws to raise an exception on the instruction that is being executed.
struct Fault {
    uint8_t vector;
    bool has_error = false;
    uint32_t error = 0;
    uint32_t address = 0;  // kPF: goes to CR2. kDB: bits to set in DR6
    bool in_new_task = false;  // raised after a task switch: EIP is the new task's already
};
[[noreturn]] inline void fault(Vector vector) { throw Fault{vector}; }
[[noreturn]] inline void fault(Vector vector, uint32_t error) { throw Fault{vector, true, error}; }

// A segment register with its hidden part. attr holds descriptor bits 40-47 in bits 0-7 (type, S, DPL,
// P) and 52-55 in bits 12-15 (AVL, L, D/B, G), as SVM and VMX show them.
struct Segment {
    uint16_t selector = 0;
    uint16_t attr = 0;
    uint32_t limit = 0;  // in bytes, granularity applied
    uint64_t base = 0;

    // Derived (not state): an access of n bytes at offset o is inside and permitted if o + n <= *_end,
    // in 64 bits. 0 sends it to the exact check (null, expand-down, no permission).
    uint64_t read_end = 0;
    uint64_t write_end = 0;

    unsigned type() const { return attr & 0xf; }
    bool s() const { return bit(attr, 4); }
    unsigned dpl() const { return (attr >> 5) & 3; }
    bool present() const { return bit(attr, 7); }
    bool db() const { return bit(attr, 14); }
    bool code() const { return (attr & 0x18) == 0x18; }

    void derive();  // sets read_end, write_end from the rest
    void state(StateVisitor& v);
};

struct DescriptorTable {
    uint32_t base = 0;
    uint16_t limit = 0;
    void state(StateVisitor& v);
};

// EFLAGS' arithmetic bits, kept lazily. If `lazy` they follow from result and carries:
//   ZF: result == 0   SF: bit 63 of result   PF: parity of the low byte   (result is sign-extended)
//   CF: bit 63 of carries   OF: bit 63 ^ bit 62 of carries   AF: bit 0 of carries
// else they are in Cpu::eflags.
struct LazyFlags {
    int64_t result = 0;
    uint64_t carries = 0;
    bool lazy = false;
};

// Reasons for which the engine must look up before the next instruction. Bits of Cpu::events.
enum EventBit : uint32_t {
    kEventIntr = 1 << 0,     // INTR pin high (looked at only if interrupts are enabled)
    kEventNmi = 1 << 1,      // latched NMI, not blocked
    kEventSmi = 1 << 2,
    kEventInit = 1 << 3,
    kEventTrap = 1 << 4,     // a #DB trap is due (pending_dr6 says why)
    kEventShadow = 1 << 5,   // interrupts and traps are held for one instruction (MOV SS, POP SS)
    kEventHalt = 1 << 6,     // HLT, or shutdown, or waiting for SIPI
    kEventStep = 1 << 7,     // TF or an enabled breakpoint: instructions one by one
    kEventFerr = 1 << 8,     // reserved for the FERR# pin
    kEventStiShadow = 1 << 9,  // maskable interrupts are held for one instruction (STI)
};

enum class Activity : uint8_t { kActive, kHalted, kShutdown, kWaitForSipi };

// What the CPU's package is wired to.
struct CpuWiring {
    AddressSpace& memory;
    AddressSpace& smm_memory;  // the same, with SMRAM open; equal to `memory` if there is none
    PortBus& ports;
    VirtualClock& clock;
    Countdown& countdown;
    InterruptController* interrupts = nullptr;  // set by the board before reset()
    std::function<void(bool)> ferr;             // FERR# pin, to IRQ13
    std::function<void()> shutdown;             // triple fault: the board resets the machine
};

class Engine;

class Cpu final : public CpuBase, public CpuInterruptPins, public MemoryListener {
  public:
    Cpu(CpuWiring wiring, const CpuModel& model);
    ~Cpu() override;

    // What translated code keeps beside the registers, in reach of one displacement byte. Never state.
    struct Native {
        const Countdown* countdown = nullptr;  // these two are farther away
        const VirtualClock::Pace* pace = nullptr;
        void* translator = nullptr;
        uint64_t key = 0;       // as ChainState::key
        void* jump = nullptr;   // ChainState::JumpTable
        int64_t remaining = 0;  // the countdown, while C++ code is called
        uint32_t flags = 0;     // EFLAGS' low byte in bits 8-15, OF in bit 0
        uint32_t page = 0;      // linear address of the page of code that is executed
        uint32_t scratch = 0;
        uint32_t saved = 0;     // an operand, for flags that are computed later
        uint64_t source = 0;    // host address of a string
        uint64_t stack = 0;     // the host's stack pointer in translated code
        uint64_t slots = 0;     // LinkSlots of tcg/emitter.h
        uint64_t sites = 0;     // its Sites
        uint64_t caches = 0, cache_misses = 0, cache_filled = 0;  // pointers of tcg/site_cache.h
        bool exact = false;     // on the way out: the CPU's state is already exact
        bool mxcsr_live = false;  // the host's MXCSR is the guest's, and newer than fpu.mxcsr
        uint32_t host_mxcsr = 0;  // what it is for C++ code
        // x87 (tcg/emit_x87.h). While its registers, status and control words are the host's, `fpu` has old ones.
        uint8_t x87_live = 0;      // 1: so it is; 2: with exceptions that the guest has unmasked
        uint8_t x87_segment = 0;   // of the latest memory operand, plus 1; 0: none since they came to the host
        uint16_t x87_control = 0;  // what the host's control word is loaded from
        uint32_t x87_opcode = 0;   // FOP of the latest instruction, and bit 16; 0: none since then
    } native;
    // ---- architectural state -------------------------------------------------------------------------
    // gpr[kNoRegister] is always zero: the missing base or index of an address.
    std::array<uint64_t, 17> gpr{};
    uint32_t eip = 0;     // while a handler runs: address of the next instruction
    uint32_t eflags = kFixed1;  // arithmetic bits are valid only if !flags.lazy
    LazyFlags flags;
    alignas(16) Segment seg[kSegCount];  // the compiler copies them in halves
    Segment ldtr, tr;
    DescriptorTable gdtr, idtr;
    uint32_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0;
    std::array<uint64_t, 4> pdpte{};  // PAE: loaded by MOV CR3 and friends, checked then
    uint32_t dr[8] = {};     // dr[4], dr[5] unused
    uint8_t cpl = 0;
    Activity activity = Activity::kActive;
    bool watching_ports = false;  // derived from DR7 and CR4: see check_port_watchpoints(). Here as each IN and OUT looks
    uint32_t events = 0;
    uint32_t pending_dr6 = 0;
    bool intr_pin = false;      // level of the INTR pin; kEventIntr is set while IF is, too
    bool nmi_latched = false;   // edges that were seen and not served yet
    bool smi_latched = false;
    bool init_latched = false;
    bool nmi_blocked = false;
    bool smm = false;
    uint32_t smbase = 0x30000;
    uint64_t tsc_offset = 0;
    // MSRs
    uint64_t efer = 0;
    uint32_t sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
    uint64_t pat = 0x0007040600070406;
    struct Mtrr {
        uint64_t default_type = 0;
        std::array<uint64_t, 16> variable{};
        std::array<uint64_t, 11> fixed{};
        void state(StateVisitor& v);
    } mtrr;
    // Machine check banks. Nothing is ever logged in them; the registers are there.
    struct MachineCheck {
        uint64_t status = 0;
        uint64_t control = 0;
        std::array<uint64_t, 5> bank_control{};
        void state(StateVisitor& v);
    } machine_check;
    uint64_t misc_enable = 1;
    uint64_t microcode = 0;
    FpuState fpu;  // x87, MMX, SSE registers and MXCSR
    alignas(16) std::array<uint8_t, 512> native_fpu{};  // for FXSAVE and FXRSTOR in translated code. Never state

    const CpuModel& model;
    CpuWiring wiring;
    Tlb tlb;  // never state
    CpuStops stops;  // a debugger's; never state

    // ---- registers by width --------------------------------------------------------------------------
    // 8-bit registers: 0-3 low bytes, 4-7 high bytes of EAX..EBX.
    template <class T>
    T reg(unsigned n) const {
        if constexpr (sizeof(T) == 1)
            return static_cast<T>(gpr[n & 3] >> ((n & 4) * 2));
        else
            return static_cast<T>(gpr[n]);
    }
    // 32-bit writes clear the upper half, 8- and 16-bit ones keep the rest (as long mode has it).
    template <class T>
    void set_reg(unsigned n, T value) {
        if constexpr (sizeof(T) == 1) {
            const unsigned shift = (n & 4) * 2;
            store_whole(n & 3, (gpr[n & 3] & ~(uint64_t{0xff} << shift)) | (uint64_t(value) << shift));
        } else if constexpr (sizeof(T) == 2) {
            store_whole(n, (gpr[n] & ~uint64_t{0xffff}) | value);
        } else {
            gpr[n] = value;
        }
    }
    // Not narrowed to the part that changes: a host can't forward such a store to the load of a whole register.
    void store_whole(unsigned n, uint64_t value) {
        asm("" : "+r"(value));
        gpr[n] = value;
    }

    // ---- flags -----------------------------------------------------------------------------------------
    bool cf() const { return flags.lazy ? flags.carries >> 63 : eflags & kCF; }
    bool zf() const { return flags.lazy ? flags.result == 0 : (eflags & kZF) != 0; }
    bool sf() const { return flags.lazy ? flags.result < 0 : (eflags & kSF) != 0; }
    bool of() const {
        return flags.lazy ? ((flags.carries >> 63) ^ (flags.carries >> 62)) & 1 : (eflags & kOFlag) != 0;
    }
    bool af() const { return flags.lazy ? flags.carries & 1 : (eflags & kAF) != 0; }
    bool pf() const {
        return flags.lazy ? !(__builtin_popcountll(uint8_t(flags.result)) & 1) : (eflags & kPF_) != 0;
    }
    // EFLAGS with the arithmetic bits made exact.
    uint32_t get_eflags() const { return flags.lazy ? lazy_eflags() : eflags; }
    uint32_t lazy_eflags() const;  // if flags.lazy
    // Puts the arithmetic bits into eflags, so that single ones can be changed there.
    void settle_flags() {
        if (flags.lazy) {
            eflags = get_eflags();
            flags.lazy = false;
        }
    }
    // Replaces the arithmetic bits (value: any EFLAGS image).
    void set_arith_flags(uint32_t value) {
        eflags = (eflags & ~kArithFlags) | (value & kArithFlags);
        flags.lazy = false;
    }
    // Writes EFLAGS bits under `mask` and looks at what follows from TF, IF, VM, AC (flags.cc).
    void write_eflags(uint32_t value, uint32_t mask);
    unsigned iopl() const { return (eflags >> 12) & 3; }

    // ---- modes -----------------------------------------------------------------------------------------
    bool protected_mode() const { return cr0 & kCr0PE; }
    bool v86() const { return eflags & kVM; }
    bool real_or_v86() const { return !protected_mode() || v86(); }
    bool paging() const { return cr0 & kCr0PG; }
    uint32_t stack_mask() const { return seg[kSs].db() ? 0xffffffffu : 0xffffu; }

    // ---- memory, by segment. Throws the exact fault (#SS for kSs, else #GP; #PF; #AC). -------------------
    // offset is already masked to the address size. T: uint8_t .. uint64_t (10 and 16 bytes: in halves
    // by the caller, after probe()).
    template <class T>
    T read(unsigned s, uint32_t offset);
    template <class T>
    void write(unsigned s, uint32_t offset, T value);
    // Read for modification: checks that the write will succeed. store() cannot fault.
    template <class T>
    class Rmw {
      public:
        T value;
        void store(T v) { cpu_->rmw_store<T>(*this, v); }

      private:
        friend class Cpu;
        Cpu* cpu_;
        uint8_t* direct_ = nullptr;  // null: slow way
        uint32_t linear_ = 0;
    };
    template <class T>
    Rmw<T> read_modify(unsigned s, uint32_t offset);
    // Puts a page that isn't quiet into the TLB, as Tlb::WatchedPage, if it was written to before. False: it can't be.
    bool find_watched_page(uint32_t linear, bool user);
    // Fills the TLB for an access, if that can be done without any effect but speed.
    bool fill_tlb_unseen(uint32_t linear, bool write, bool user);
    // Checks that `size` bytes could be read (or written): throws as the access would.
    void probe(unsigned s, uint32_t offset, unsigned size, bool write);
    // The segment part alone: linear address, or #GP/#SS.
    uint32_t linear(unsigned s, uint32_t offset, unsigned size, bool write);

    // By linear address, with the rights of the current CPL...
    template <class T>
    T read_linear(uint32_t address);
    template <class T>
    void write_linear(uint32_t address, T value);
    // ... and of the supervisor: descriptor tables, TSS, exception stacks.
    template <class T>
    T read_system(uint32_t address);
    template <class T>
    void write_system(uint32_t address, T value);

    // ---- stack -----------------------------------------------------------------------------------------
    // T is the operand size; the stack pointer's width is SS's. Commits ESP after the access.
    template <class T>
    void push(T value) {
        const uint32_t mask = stack_mask();
        const uint32_t sp = (reg<uint32_t>(kEsp) - sizeof(T)) & mask;
        write<T>(kSs, sp, value);
        set_sp(sp, mask);
    }
    template <class T>
    T pop() {
        const uint32_t mask = stack_mask();
        const uint32_t sp = reg<uint32_t>(kEsp) & mask;
        const T value = read<T>(kSs, sp);
        set_sp(sp + sizeof(T), mask);
        return value;
    }
    void set_sp(uint32_t sp, uint32_t mask) {
        gpr[kEsp] = (gpr[kEsp] & ~uint64_t(mask) & 0xffffffff) | (sp & mask);
    }

    // ---- segments and control transfer (segment.cc, transfer.cc) -----------------------------------------
    void load_segment(Seg s, uint16_t selector);       // MOV/POP/LxS; throws
    void load_ldtr(uint16_t selector);
    void load_tr(uint16_t selector);
    // Near branch: checks the CS limit, then sets EIP. (target is already cut to 16 bits if need be.)
    void jump_near(uint32_t target) {
        if (target > seg[kCs].limit) [[unlikely]]
            fault(kGP, 0);
        eip = target;
    }
    void jump_far(uint16_t selector, uint32_t offset, unsigned op_size);  // op_size 2 or 4, in bytes
    void call_far(uint16_t selector, uint32_t offset, unsigned op_size);
    void return_far(unsigned op_size, uint16_t pop_bytes);
    void return_interrupt(unsigned op_size);  // IRET
    enum class TaskSwitch : uint8_t { kJump, kCall, kIret, kInterrupt };
    // SDM 3A 7.3. error: pushed on the new stack if has_error.
    void switch_task(uint16_t tss_selector, TaskSwitch why, bool has_error = false, uint32_t error = 0);

    // ---- exceptions and interrupts (exception.cc) --------------------------------------------------------
    // Enters the handler of an exception raised by the present instruction (EIP points at it), with
    // double and triple faults. Never throws.
    void deliver_fault(const Fault& fault);
    // INT n, INT3, INTO, INT1: EIP points after the instruction; may throw.
    enum class SoftwareInterrupt : uint8_t { kIntN, kInt3, kInto, kInt1 };
    void software_interrupt(uint8_t vector, SoftwareInterrupt kind);
    // A repeated instruction with iterations left goes back to its own address. RF keeps a breakpoint there
    // quiet until it is done (SDM 3B, 17.3.1.1).
    void repeat(unsigned length) {
        eip -= length;
        if (breaking) [[unlikely]]
            eflags |= kRF;
    }
    // Looks at `events` at an instruction boundary. Call it only when there is budget left, and execute
    // an instruction next if it returns true with budget left: a single-step trap is armed here.
    // Consumes one count of the countdown for an entry. False: the CPU must not execute now (halted).
    bool service_events();
    void enter_smm();
    void leave_smm();  // RSM
    void halt();
    // Recomputes kEventStep (and kEventIntr's gate) after TF, IF or DR7 changed.
    void update_step_event();
    // A data access hit an enabled DR0-3 watchpoint: trap after this instruction.
    void check_watchpoints(uint32_t linear, unsigned size, bool write);
    bool watching_data = false;  // derived from DR7: data watchpoints are enabled
    // The same for IN and OUT, if CR4.DE is set.
    void check_port_watchpoints(uint16_t port, unsigned size);
    bool breaking = false;        // derived from DR7: there are code breakpoints

    // ---- control registers, MSRs, CPUID (system.cc) -----------------------------------------------------
    void write_cr0(uint32_t value);
    void write_cr3(uint32_t value);
    void write_cr4(uint32_t value);
    uint32_t read_dr(unsigned n);
    void write_dr(unsigned n, uint32_t value);
    uint64_t read_msr(uint32_t index);               // #GP if there is none
    void write_msr(uint32_t index, uint64_t value);  // #GP
    uint64_t tsc() const;
    void cpuid();  // EAX, ECX in; EAX..EDX out
    void require_cpl0() const {
        if (cpl != 0) [[unlikely]]
            fault(kGP, 0);
    }
    // IOPL and the TSS's I/O permission map; #GP(0).
    void check_io(uint16_t port, unsigned size) {
        if (watching_ports) [[unlikely]]
            check_port_watchpoints(port, size);  // a fault from here on drops the trap
        if (protected_mode() && (v86() || cpl > iopl())) check_io_map(port, size);
    }
    void check_io_map(uint16_t port, unsigned size);
    // Everything that was derived from modes and page tables must be made anew.
    void flush_tlb();
    AddressSpace& memory() { return smm ? wiring.smm_memory : wiring.memory; }

    // ---- FPU gate ----------------------------------------------------------------------------------------
    // #NM if CR0.EM or TS; then a pending unmasked x87 exception (#MF, or FERR#) if `wait`.
    void check_fpu(bool wait);
    void check_mmx();  // #UD on EM, #NM on TS, pending x87 exception
    void check_sse();  // #UD if EM or !OSFXSR, #NM on TS

    // ---- CpuBase, pins, listener ----
    void run() override;
    bool halted() const override;
    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;
    void flush_caches() override;
    void set_debug_stops(DebugStops wanted) override { stops.set(std::move(wanted)); }
    std::optional<DebugHit> take_debug_hit() override { return stops.take_hit(); }
    void pass_breakpoint() override { stops.pass(wiring.countdown.icount(), program_counter32()); }
    uint64_t program_counter() const override { return program_counter32(); }
    uint32_t program_counter32() const { return static_cast<uint32_t>(seg[kCs].base + eip); }
    std::string describe() const override;
    void set_intr(bool level) override;
    void raise_nmi() override;
    void raise_smi() override;
    void raise_init() override;
    void start_up(uint8_t vector) override;
    void code_written(RamBlock& block, uint64_t page, uint64_t granules) override;
    void tables_written(uint32_t tag, uint64_t first, uint64_t last) override;
    void writes_watched(RamBlock& block, uint64_t page) override;
    void map_changed() override;

    // The engine that runs this CPU; set once, before run().
    void set_engine(Engine& engine) { engine_ = &engine; }

  private:
    template <class T>
    void rmw_store(Rmw<T>& m, T value);
    // mmu.cc: whatever the TLB can't do directly. Alignment, watchpoints, page walks, page crossing, MMIO.
    void reset_common();
    void init_reset();    // INIT
    void derive_debug();  // what follows from DR7 and CR4.DE (debug.cc)
    uint32_t code_breakpoints() const;  // those at the next instruction, as bits of DR6
    void hit_trap(uint32_t dr6_bits);
    uint64_t slow_read(uint32_t linear, unsigned size, bool user);
    void slow_write(uint32_t linear, unsigned size, uint64_t value, bool user);
    uint64_t slow_read_modify(uint32_t linear, unsigned size, bool user);
    Engine* engine_ = nullptr;
};

// What the CPU asks of its engine (accel/).
class Engine {
  public:
    virtual ~Engine() = default;
    virtual void run(Cpu& cpu) = 0;
    virtual void invalidate(RamBlock& block, uint64_t page, uint64_t granules) = 0;
    virtual void flush() = 0;
    // Sorted. Between runs: from the next one on, CpuStops::stops_at() is asked before an instruction at any of these
    // linear addresses is executed.
    virtual void set_breakpoints(std::span<const uint32_t> addresses) = 0;
};

}  // namespace qr::i386

#include "target/i386/memory_access.h"  // the templates declared above
