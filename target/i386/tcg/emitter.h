// SPDX-License-Identifier: GPL-2.0-or-later
//
// Host code for one block of guest instructions (docs/translator.rst): register map, flags, memory access, and one
// member function for each kind of instruction.
//
// Registers in translated code:
//     guest EAX ECX EDX EBX ESP EBP ESI EDI   r8 rcx rdx rbx r9 rbp rsi rdi, upper halves zero; within a block ESP may be
//                                             a known number away from r9 (move_esp)
//     rax r10 r11                             scratch
//     r13   Countdown::remaining, with the whole block taken off
//     r14   &Cpu::gpr
//     r12 r15                            host addresses of the first bytes of groups of accesses (block_plan.h)
//
// Source: Intel SDM volume 2; AMD APM volume 3 (REX and high-byte registers). VM thread only.
#pragma once

#include <xbyak/xbyak.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "target/i386/access_fault.h"
#include "target/i386/alu.h"
#include "target/i386/chain.h"
#include "target/i386/tcg/block_plan.h"
#include "target/i386/tcg/emit_x87.h"
#include "target/i386/tcg/simd_form.h"
#include "target/i386/tcg/observer.h"
#include "target/i386/tcg/site_cache.h"

namespace qr::i386 {

// Where translated code calls the row's handler: everything that C++ code needs to make the state exact.
struct Site {
    const Insn* insn;
    CodeBlock* block;
    const RowAccess* access;
    uint16_t end;     // from the page's start to the instruction's end
    bool ends_block;
    bool x87;
    bool light;  // IN and OUT: at level 0 the handler looks at neither EIP nor flags, and doesn't fault
    bool rare = false;  // of an instruction that has code of its own
    uint8_t caches = 0;         // SiteCaches that its accesses go by
    uint32_t first_cache = 0;   // the first one's number
    uint64_t calls = 0;
};
// Instead of a Link's number: a group of accesses wasn't in one page, at the Site whose number is in the other bits.
constexpr uint32_t kStray = uint32_t{1} << 31;

// What a link to another page has to be compared with.
struct LinkSlot {
    uint64_t stamp = 0;  // key and address for which the jump is right
    // Of the page that it leads to, CodeCache::Page::seen: the jump is right if the address is in this page now.
    const uint64_t* seen = &kNowhere;
    static constexpr uint64_t kNowhere = 0;
};

// A branch to a known address. Offsets are from the start of the code memory.
struct Link {
    CodeBlock* from = nullptr;
    uint32_t jump = 0;        // where its 32-bit displacement is
    uint32_t stub = 0;        // where it goes while it isn't linked
    uint32_t stub_jump = 0;  // where the displacement of the stub's own jump is
    LinkSlot* slot = nullptr;  // to another page
    CodeBlock* to = nullptr;
};

// Shared pieces of code; see thunks.cc.
struct Thunks {
    const uint8_t* exact = nullptr;  // eax: number of a Site. Comes back if the block goes on
    const uint8_t* light = nullptr;  // the same for a Site that is `light` and doesn't end the block
    const uint8_t* bounce = nullptr; // r10d: EIP; for blocks that have no code
    const uint8_t* lookup = nullptr; // r10d: EIP, of a block that may be in the jump table
    const uint8_t* renew = nullptr;  // the same, r11: a block whose stamp is another one; see CodeCache::renew()
    const uint8_t* relink = nullptr; // called, r10d: EIP, r11d: of a LinkSlot, counted in bytes. ZF: the jump is right
    const uint8_t* leave = nullptr;  // r10d: EIP, eax: number of a Link, or 0
    X87Thunks x87;
    const uint8_t* watched_write[2] = {};  // called; supervisor, user; see emit_watched.h
    const uint8_t* fill[2][2] = {};  // called; the same, reading and writing; see site_cache.h
    const uint8_t* mxcsr = nullptr;  // called: makes the guest's MXCSR the host's. ZF: it can't be. Changes eax
};

struct Translation {
    std::vector<Site> sites;
    std::deque<Link> links;  // number 0 is none
};

class Emitter {
  public:
    // as: writes to the code memory's writable view. slots: of the links to other pages, in the same memory's data;
    // next_slot: the first free one.
    // cold: offset in it, from which on code goes that is executed seldom.
    Emitter(Xbyak::CodeGenerator& as, Cpu& cpu, const Thunks& thunks, Translation& out, SiteCaches& caches,
            uint8_t* slots, uint8_t* next_slot, size_t cold)
        : as_(as), cpu_(cpu), thunks_(thunks), out_(out), caches_(caches), slots_(slots), next_slot_(next_slot), next_cold_(cold) {}

    // Emits the block; returns its entry (in the writable view).
    const uint8_t* emit(CodeBlock& block);
    // To the block at r10d, by the jump table; else out by thunks_.leave.
    static void indirect(Xbyak::CodeGenerator& as, const Cpu& cpu, const Thunks& thunks);
    size_t cold_end() const { return next_cold_; }
    uint8_t* slots_end() const { return next_slot_; }
    // For observers: where each instruction's code begins, from the block's entry.
    void note_in(std::vector<ObservedInsn>& notes) { notes_ = &notes; }
    unsigned emitted() const { return emitted_; }  // instructions that have code of their own

    // Whether an instruction has code of its own.
    static bool emits(const Insn& insn);
    // The same in a block whose mode has kFpuMode.
    static bool emits_with_fpu(const Insn& insn) { return emits(insn) || simd_emitted(insn); }

  private:
    using Reg32 = Xbyak::Reg32;
    using Label = Xbyak::Label;
    enum class Use : uint8_t { kRead, kWrite };

    // ---- operands ----
    static Reg32 r32(unsigned n);
    static Xbyak::Reg reg(unsigned n, unsigned size);
    Xbyak::Address field(const void* member, unsigned size = 4) const;  // of the CPU
    unsigned size_of(const Shape& s, const Insn& i) const { return s.byte ? 1 : i.op_size; }
    // An 8-bit register, or a copy of it in r10b if it is a high byte. May change the host's flags.
    Xbyak::Reg byte_source(unsigned n);
    void insert_high_byte(unsigned n);  // from r10b. Changes the host's flags

    // ---- ESP: pushes and pops only note how far it went, until somebody wants it ----
    static bool keeps_esp_away(const Insn& i);  // whether the instruction's code does with ESP being elsewhere
    void move_esp(int32_t by) { esp_ = static_cast<int32_t>(static_cast<uint32_t>(esp_) + static_cast<uint32_t>(by)); }
    void settle_esp();  // keeps the host's flags
    int32_t base_disp(unsigned base, int32_t disp) const;  // from the register that has the base

    // ---- memory (emit_memory.cc) ----
    void linear_address(const Insn& i);  // to eax
    // Checks an access to the linear address in eax; the host's address is then [r11 + rax], whatever is in which of the
    // two. The host's flags are lost.
    void check_access(unsigned size, Use use);
    // The group's register to its first byte, which is at base + offset.
    void check_group(const AccessGroup& g, unsigned base, int32_t offset);
    // The same by the TLB alone.
    void check_group_again(const AccessGroup& g, unsigned base, int32_t offset, Label& fails);
    void group_address(Reg32 to, unsigned base, int32_t offset);  // of the first byte
    static Xbyak::Reg64 group_register(const AccessGroup& g);
    // The same for `size` bytes, by the site's cache or the TLB; or the address is in the group's register, and becomes
    // the host's there.
    void find_page(unsigned size, bool write, const AccessGroup* group);
    struct AccessMiss;
    void access_misses();
    Xbyak::Address grouped(const MemoryAccess& a);
    Xbyak::Address stack(int32_t offset, Use use);  // 4 bytes at ESP + offset
    Xbyak::Address memory(const Insn& i, unsigned size, Use use);
    // The same, with those of the guest's flags in the host's that the instruction reads.
    Xbyak::Address memory_with_flags(const Insn& i, unsigned size, Use use, uint32_t reads);
    Xbyak::Address memory_in_r11(const Insn& i, unsigned size, Use use);  // as [r11]: rax is free
    Xbyak::Address host(unsigned size);  // [r11 + rax]
    Xbyak::RegExp look_up(bool write, Label& fails);
    bool scattered() const;  // the present instruction's accesses don't keep to a page

    // ---- flags ----
    uint32_t needed(uint32_t written) const { return live_ & written; }
    void load_flags();     // the guest's flags into the host's. Changes rax
    void load_flags(uint32_t reads);  // at least these. Changes rax, but for CF alone
    void want_flags() { if (!host_flags_) load_flags(); }
    void want_flags(uint32_t reads) { if (!host_flags_) load_flags(reads); }
    void store_flags();    // the other way round
    void lose_flags() { host_flags_ = false; }
    // After an instruction that leaves all of the guest's flags in the host's.
    void flags_written(uint32_t written = kArithFlags);
    void store_carry(uint32_t written, bool overflow_too);  // CF (and OF) are al, 0 or 1; the rest stays in memory
    void shift_flags(Shift op, Reg32 r, unsigned size);
    // Keeps the first operand if the instruction's flags are to be computed from it.
    void save_operand(Reg32 r);
    void compute_flags(const DeferredFlags& d);  // to where store_flags() has them

    // ---- instructions ----
    void instruction(const Insn& i);
    bool arithmetic(const Insn& i, const Shape& s);
    bool moves(const Insn& i, const Shape& s);
    bool branches(const Insn& i, const Shape& s);
    void alu(Alu op, const Xbyak::Operand& to, const Xbyak::Operand& from);
    void alu_immediate(Alu op, const Xbyak::Operand& to, uint32_t value, unsigned size);
    void alu_two(const Insn& i, const Shape& s);
    void alu_imm(const Insn& i, const Shape& s);
    void test(const Insn& i, const Shape& s);
    void step(const Insn& i, const Shape& s, bool down);
    bool shift(const Insn& i, const Shape& s);
    template <class Count>
    void shift_by(Shift op, const Xbyak::Operand& to, const Count& count) {
        switch (op) {
            case Shift::kRol: return as_.rol(to, count);
            case Shift::kRor: return as_.ror(to, count);
            case Shift::kRcl: return as_.rcl(to, count);
            case Shift::kRcr: return as_.rcr(to, count);
            case Shift::kShr: return as_.shr(to, count);
            case Shift::kSar: return as_.sar(to, count);
            default: return as_.shl(to, count);
        }
    }
    void multiply(const Insn& i, const Shape& s);
    void divide(const Insn& i, const Shape& s);
    void read_counter(const Insn& i);
    void bit_test(const Insn& i, const Shape& s);
    void bit_scan(const Insn& i, const Shape& s);
    void conditional(unsigned cc, Label& to);
    void mov(const Insn& i, const Shape& s);
    void extend(const Insn& i, const Shape& s);
    void push(const Insn& i, const Shape& s);
    void pop_memory(const Insn& i);
    static bool covered(const MemoryAccess& a);
    // ---- x87 (emit_x87.cc) ----
    bool x87(const Insn& i);
    void x87_guard(const Insn& i);
    void x87_note(const Insn& i);
    void x87_pointers(const Insn* last, uint8_t segment);
    void x87_settle_pointers();
    void x87_memory(const X87Form& f, const Xbyak::Address& m);
    void x87_load_control(const Xbyak::Address& m);
    void x87_check();
    void x87_go_live(Label& otherwise);
    void x87_stubs();
    bool string(const Insn& i, const Shape& s);
    void repeated(const Insn& i, const Shape& s);
    Xbyak::Address destination(unsigned size, Use use);  // ES:EDI

    struct Cold;
    // ---- MMX and SSE (emit_sse.cc, emit_sse_mmx.cc) ----
    static Xbyak::Xmm host_xmm(unsigned n) { return Xbyak::Xmm(static_cast<int>(n)); }
    static constexpr unsigned kInRax = 16;  // instead of a register's number: memory at rax
    void simd(const Insn& i, const SimdForm& f);
    void mmx(const Insn& i, const SimdForm& f);
    void begin_simd(const Insn& i, const SimdForm& f);
    void refuse_if_not_zero();
    void simd_memory(const Insn& i, const SimdForm& f);
    unsigned simd_source(const Insn& i, const SimdForm& f);
    void simd_host(const SimdForm& f, const Insn& i, unsigned to, unsigned from);
    unsigned xmm_read(unsigned n);                 // number of the host's register that has the guest's
    unsigned xmm_written(unsigned n, bool keeps);  // the same; keeps: it is read, too
    void move_xmm(uint8_t registers, bool to_cpu);
    void write_back_xmm();
    void forget_simd();  // before C++ code, or other code that uses XMM registers
    void to_xmm(const Insn& i, const SimdForm& f);
    void from_xmm(const Insn& i, const SimdForm& f);
    void horizontal(const Insn& i, const SimdForm& f);
    void mmx_load(unsigned to, unsigned n);
    void mmx_store(unsigned n);  // xmm0
    void enter_mmx();
    void to_mmx(const Insn& i, const SimdForm& f);
    void from_mmx(const Insn& i, const SimdForm& f);
    void xmm_from_mmx(const Insn& i, const SimdForm& f);
    void mmx_from_xmm(const Insn& i, const SimdForm& f);
    void before_simd_resumes(const Cold& c);
    void simd_stubs();

    // ---- control ----
    void exact(const Insn& i);
    // offset: from the page's start. cc: only if this condition holds; for targets in the page.
    void branch_to(int32_t offset, std::optional<unsigned> cc = {});
    void code_address(Reg32 to, int32_t offset);  // the same. Keeps the host's flags
    void side_exit(const Insn& i, unsigned cc, int32_t offset);
    void side_exits();
    void cold_code();

    struct Cold {
        Label start, resume;
        uint32_t site;
        const Insn* insn;
        bool ends, flags;  // flags: the host's flags are expected at `resume`
        DeferredFlags deferred;    // those before the instruction
        uint8_t saves = 0;         // the register that save_operand() keeps after it (the host's number), plus 1
        int32_t esp = 0, esp_after = 0;  // esp_ at `start`, and at `resume`
        // By register: the group that is expected there at `resume`.
        std::array<uint8_t, kGroupRegisters> group = {kNoGroup, kNoGroup};
        std::array<Anchor, kGroupRegisters> anchor;
        Cold* x87_next = nullptr;        // the next instruction's: it takes for granted that the x87 is live
        const Insn* x87_last = nullptr;  // whose FIP and so on aren't in memory
        uint8_t x87_segment = 0;
        // Guest XMM registers: newer than in the CPU at `start`, expected in the host's at `resume`.
        uint8_t xmm_dirty = 0, xmm_loaded = 0;
        bool mxcsr = false;  // the guest's MXCSR is expected to be the host's
    };
    struct MxcsrStub {
        Label start, resume;
        Cold* refused = nullptr;
    };
    // An access that its check doesn't know. eax: the first byte; the last one is `span` bytes later.
    struct AccessMiss {
        Label start, resume;
        Cold* cold;
        int32_t span;
        bool write;
        const AccessGroup* group;  // whose register gets the host's address
        const SiteCache* cache;  // null: it was the TLB that didn't know
        bool keeps_r10 = false;  // only the straight path leaves it alone
    };
    struct X87Guard {
        Label start, resume;
        Cold* cold;
    };
    // After an instruction that raised an unmasked exception.
    struct X87Pending {
        Label start, resume;
        Cold* cold;
        const Insn* last;  // as in Cold
        uint8_t segment;
    };
    // A branch out of the middle of a block.
    struct SideExit {
        Label start;
        int32_t offset;  // of its target, from the page's start
        uint8_t left;    // instructions behind it in the block
        bool store;      // the guest's flags are in the host's only
        int32_t esp;     // esp_ there
    };
    struct Stub {
        Label start;
        uint32_t link;
        int32_t offset;
        const uint8_t* slot = nullptr;
    };
    uint32_t new_site(const Insn& i);
    Cold& cold(const Insn& i);

    Xbyak::CodeGenerator& as_;
    Cpu& cpu_;
    const Thunks& thunks_;
    Translation& out_;
    SiteCaches& caches_;
    uint8_t* const slots_;
    uint8_t* next_slot_;
    size_t next_cold_;

    CodeBlock* block_ = nullptr;
    const Insn* current_ = nullptr;
    Cold* access_ = nullptr;    // of the present instruction
    uint32_t live_ = 0;         // flags that matter after the present instruction
    bool host_flags_ = false;   // the host's flags are the guest's
    std::deque<Cold> cold_;
    std::deque<Stub> stubs_;
    std::deque<AccessMiss> access_misses_;
    std::deque<SideExit> side_exits_;
    bool stored_ = true;  // native.flags has the guest's
    int32_t esp_ = 0;     // ESP is so much more than r9
    std::deque<X87Guard> x87_guards_;
    std::deque<X87Pending> x87_pending_;
    Cold* x87_now_ = nullptr;         // of the present instruction, if the x87 is live after it
    Cold* x87_before_ = nullptr;      // of the one before
    const Insn* x87_last_ = nullptr;  // as in Cold
    uint8_t x87_segment_ = 0;
    bool (*emits_)(const Insn&) = nullptr;  // in this block's mode
    uint8_t xmm_loaded_ = 0, xmm_dirty_ = 0;
    bool mxcsr_live_ = false;
    bool mmx_entered_ = false;  // no x87 exception is pending, TOP is 0, all registers are valid
    std::deque<MxcsrStub> mxcsr_stubs_;
    std::vector<Label> tail_;   // by instruction: the rest of the block, by handlers
    bool needs_tail_ = false;
    BlockPlan plan_;
    DeferredFlags deferred_;         // the guest's flags, if they aren't kept
    const InsnPlan* now_ = nullptr;  // of the present instruction
    std::vector<ObservedInsn>* notes_ = nullptr;
    unsigned emitted_ = 0;
};

}  // namespace qr::i386
