// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/block_plan.h"

#include <algorithm>
#include <array>
#include <functional>

#include "target/i386/alu.h"
#include "target/i386/chain.h"
#include "target/i386/cpu.h"
#include "target/i386/tcg/emit_x87.h"
#include "target/i386/tcg/simd_form.h"

namespace qr::i386 {

namespace {

// Farther apart, accesses are too often in different pages.
constexpr int64_t kMaxRange = 512;
constexpr uint16_t kAllRegisters = 0xff;

uint16_t mask_of(unsigned reg, bool byte = false) { return static_cast<uint16_t>(1u << (byte ? reg & 3 : reg)); }

// The general registers that an emitted instruction writes; all, for those that aren't known here.
uint16_t registers_written(const Insn& i) {
    if (is_x87(i)) return x87_form(i).kind == X87Form::kStatusToAx ? mask_of(kEax) : uint16_t{0};
    if (const SimdForm& f = simd_form(i); f.kind != SimdForm::kNone) return simd_registers_written(i, f);
    const Shape& s = shape_of(i);
    const uint16_t rm = i.has_mem ? uint16_t{0} : mask_of(i.rm, s.byte), reg = mask_of(i.reg, s.byte);
    const bool compares = s.number == static_cast<unsigned>(Alu::kCmp);
    switch (s.kind) {
        case Shape::kAluEG:
        case Shape::kAluEI: return compares ? uint16_t{0} : rm;
        case Shape::kAluGE: return compares ? uint16_t{0} : reg;
        case Shape::kAluAI: return compares ? uint16_t{0} : mask_of(kEax);
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kTestAI:
        case Shape::kNop:
        case Shape::kJcc:
        case Shape::kJmp:
        case Shape::kJmpE:
        case Shape::kMovOA:
        case Shape::kSahf:
        case Shape::kClc:
        case Shape::kStc:
        case Shape::kCmc:
        case Shape::kCld: return 0;
        case Shape::kIncR:
        case Shape::kDecR:
        case Shape::kIncE:
        case Shape::kDecE:
        case Shape::kShiftEI:
        case Shape::kShiftE1:
        case Shape::kShiftECl:
        case Shape::kMovEG:
        case Shape::kMovEI:
        case Shape::kMovRI:
        case Shape::kNotE:
        case Shape::kNegE:
        case Shape::kSetcc:
        case Shape::kShldI:
        case Shape::kShrdI: return s.kind == Shape::kSetcc && !i.has_mem ? mask_of(i.rm, true) : rm;
        case Shape::kBtEG:
        case Shape::kBtEI: return s.number ? rm : uint16_t{0};
        case Shape::kMovGE:
        case Shape::kMovzx:
        case Shape::kMovsx:
        case Shape::kLea:
        case Shape::kCmov:
        case Shape::kImulGE:
        case Shape::kImulGEI:
        case Shape::kBsf:
        case Shape::kBsr:
        case Shape::kBswap: return reg;
        case Shape::kMovAO:
        case Shape::kCbw: return mask_of(kEax);
        case Shape::kCwd: return mask_of(kEdx);
        case Shape::kXchgAR: return mask_of(kEax) | reg;
        case Shape::kXchgEG:
        case Shape::kXaddEG: return reg | rm;
        case Shape::kCmpxchgEG: return mask_of(kEax) | rm;
        case Shape::kMulE:
        case Shape::kImulE:
        case Shape::kDivE:
        case Shape::kIdivE:
        case Shape::kRdtsc: return mask_of(kEax) | mask_of(kEdx);
        case Shape::kPushR:
        case Shape::kPushI:
        case Shape::kPushE:
        case Shape::kCall:
        case Shape::kCallE:
        case Shape::kRet:
        case Shape::kPopE: return mask_of(kEsp);
        case Shape::kPopR: return mask_of(kEsp) | reg;
        case Shape::kMovs: return mask_of(kEsi) | mask_of(kEdi) | (i.rep ? mask_of(kEcx) : 0);
        case Shape::kStos: return mask_of(kEdi) | (i.rep ? mask_of(kEcx) : 0);
        case Shape::kScas: return mask_of(kEdi);
        case Shape::kLods: return mask_of(kEax) | mask_of(kEsi);
        case Shape::kLeave: return mask_of(kEsp) | mask_of(kEbp);
        default: return kAllRegisters;
    }
}

// The memory operand, if its address is a register and a number in a flat segment.
MemoryAccess memory_access(const Insn& i) {
    const Shape& s = shape_of(i);
    MemoryAccess a;
    const bool offset_form = s.kind == Shape::kMovAO || s.kind == Shape::kMovOA;
    if (!(i.has_mem || offset_form) || i.index != kNoRegister || (i.seg != kDs && i.seg != kSs)) return a;
    if (const SimdForm& f = simd_form(i); f.kind != SimdForm::kNone) {
        a.present = f.memory(i);
        a.size = f.bytes;
        a.write = f.stores;
        a.base = i.base;
        a.disp = static_cast<int32_t>(i.disp);
        return a;
    }
    const bool compares = s.number == static_cast<unsigned>(Alu::kCmp);
    a.size = s.byte ? 1 : i.op_size;
    switch (s.kind) {
        case Shape::kAluEG:
        case Shape::kAluEI: a.write = !compares; break;
        case Shape::kAluGE:
        case Shape::kTestEG:
        case Shape::kTestEI:
        case Shape::kMovGE:
        case Shape::kMovAO:
        case Shape::kCmov:
        case Shape::kPushE:
        case Shape::kJmpE:
        case Shape::kCallE:
        case Shape::kMulE:
        case Shape::kImulE:
        case Shape::kImulGE:
        case Shape::kImulGEI:
        case Shape::kDivE:
        case Shape::kIdivE:
        case Shape::kBsf:
        case Shape::kBsr: break;
        case Shape::kBtEI: a.write = s.number != 0; break;
        case Shape::kMovzx:
        case Shape::kMovsx: a.size = s.number; break;
        case Shape::kSetcc: a.size = 1; a.write = true; break;
        case Shape::kIncE:
        case Shape::kDecE:
        case Shape::kMovEG:
        case Shape::kMovEI:
        case Shape::kMovOA:
        case Shape::kPopE:
        case Shape::kXchgEG:
        case Shape::kNotE:
        case Shape::kNegE:
        case Shape::kXaddEG:
        case Shape::kCmpxchgEG: a.write = true; break;
        default: {
            const X87Form f = x87_form(i);
            if (!f.size) return a;
            a.size = f.size;
            a.write = f.write;
        }
    }
    a.present = true;
    a.base = i.base;
    a.disp = static_cast<int32_t>(i.disp);
    return a;
}

MemoryAccess stack_access(const Insn& i) {
    MemoryAccess a;
    a.present = true;
    a.size = 4;
    a.base = kEsp;
    switch (shape_of(i).kind) {
        case Shape::kPushR:
        case Shape::kPushI:
        case Shape::kPushE:
        case Shape::kCall:
        case Shape::kCallE:
            a.write = true;
            a.disp = -4;
            return a;
        case Shape::kPopR:
        case Shape::kPopE:
        case Shape::kRet: return a;
        case Shape::kLeave: a.base = kEbp; return a;
        default: return {};
    }
}

struct Value {
    uint32_t root;
    int32_t offset;
};

class Values {
  public:
    Values() {
        for (unsigned n = 0; n < 8; ++n) reg_[n] = {next_++, 0};
        absolute_ = next_++;
    }
    Value of(unsigned reg) const { return reg == kNoRegister ? Value{absolute_, 0} : reg_[reg]; }
    Anchor anchor(uint32_t root) const {
        if (root == absolute_) return {kNoRegister, 0, true};
        for (uint8_t n = 0; n < 8; ++n) {
            if (reg_[n].root == root) return {n, reg_[n].offset, true};
        }
        return {};
    }
    void forget(uint16_t registers) {
        for (unsigned n = 0; n < 8; ++n) {
            if (registers >> n & 1) reg_[n] = {next_++, 0};
        }
    }
    // What an instruction does to them.
    void execute(const Insn& i, bool emitted, uint16_t writes) {
        if (!emitted || writes == kAllRegisters) {
            forget(kAllRegisters);
            absolute_ = next_++;
            return;
        }
        const Shape& s = shape_of(i);
        const bool wide = !s.byte && i.op_size == 4;
        const auto become = [&](unsigned to, unsigned from, int64_t by) {
            if (!wide) return forget(writes);
            const Value v = of(from);
            reg_[to] = {v.root, static_cast<int32_t>(v.offset + by)};
        };
        const auto imm = static_cast<int32_t>(i.imm);
        switch (s.kind) {
            case Shape::kMovEG:
            case Shape::kMovGE:
                if (i.has_mem || !wide) return forget(writes);
                return s.kind == Shape::kMovEG ? become(i.rm, i.reg, 0) : become(i.reg, i.rm, 0);
            case Shape::kLea:
                if (i.index != kNoRegister || i.base == kNoRegister) return forget(writes);
                return become(i.reg, i.base, static_cast<int32_t>(i.disp));
            case Shape::kAluEI:
                if (i.has_mem || !writes) return forget(writes);
                if (s.number == static_cast<unsigned>(Alu::kAdd)) return become(i.rm, i.rm, imm);
                if (s.number == static_cast<unsigned>(Alu::kSub)) return become(i.rm, i.rm, -int64_t{imm});
                return forget(writes);
            case Shape::kIncR:
            case Shape::kDecR:
            case Shape::kIncE:
            case Shape::kDecE:
                if (i.has_mem) return;
                return become(i.rm, i.rm, s.kind == Shape::kIncR || s.kind == Shape::kIncE ? 1 : -1);
            case Shape::kPushR:
            case Shape::kPushI:
            case Shape::kPushE:
            case Shape::kCall:
            case Shape::kCallE: return become(kEsp, kEsp, -4);
            case Shape::kPopE: return become(kEsp, kEsp, 4);
            case Shape::kPopR:
                become(kEsp, kEsp, 4);
                return forget(mask_of(i.reg));
            case Shape::kLeave:
                become(kEsp, kEbp, 4);
                return forget(mask_of(kEbp));
            default: return forget(writes);
        }
    }

  private:
    std::array<Value, 8> reg_;
    uint32_t absolute_;
    uint32_t next_ = 0;
};

void locate(MemoryAccess& a, const Values& values) {
    if (!a.present) return;
    const Value v = values.of(a.base);
    const int64_t offset = int64_t{v.offset} + a.disp;
    if (offset != static_cast<int32_t>(offset)) {
        a.present = false;
        return;
    }
    a.root = v.root;
    a.offset = static_cast<int32_t>(offset);
}

// Takes the access in if the group stays small enough.
bool join(AccessGroup& g, const MemoryAccess& a, size_t n) {
    const int32_t first = std::min(g.first, a.offset);
    const int64_t end = std::max<int64_t>(g.end, int64_t{a.offset} + a.size);
    if (a.root != g.root || end - first > kMaxRange) return false;
    g.first = first;
    g.end = static_cast<int32_t>(end);
    g.write |= a.write;
    g.last = static_cast<uint16_t>(n);
    ++g.count;
    return true;
}

// Accesses to the same root are a group if there are two of them or more and a register is free for as long as they
// last; the larger ones come first.
void make_groups(BlockPlan& plan) {
    auto& groups = plan.groups;
    for (size_t n = 0; n < plan.insns.size(); ++n) {
        for (MemoryAccess* a : {&plan.insns[n].memory, &plan.insns[n].stack}) {
            if (!a->present) continue;
            const auto joined = std::find_if(groups.rbegin(), groups.rend(), [&](AccessGroup& g) { return join(g, *a, n); });
            if (joined != groups.rend()) {
                a->group = static_cast<uint8_t>(groups.rend() - joined - 1);
            } else if (groups.size() + 1 < kNoGroup) {
                const auto at = static_cast<uint16_t>(n);
                a->group = static_cast<uint8_t>(groups.size());
                a->leads = true;
                groups.push_back({a->root, a->offset, a->offset + a->size, a->write, at, at, 1});
            }
        }
    }
    std::vector<uint8_t> order;
    for (size_t g = 0; g < groups.size(); ++g) {
        if (groups[g].count >= 2) order.push_back(static_cast<uint8_t>(g));
    }
    std::ranges::stable_sort(order, std::greater{}, [&](uint8_t g) { return groups[g].count; });
    for (const uint8_t number : order) {
        AccessGroup& g = groups[number];
        for (uint8_t reg = 0; reg < kGroupRegisters && !g.used; ++reg) {
            const bool taken = std::ranges::any_of(order, [&](uint8_t other) {
                const AccessGroup& o = groups[other];
                return o.used && o.reg == reg && o.begin <= g.last && g.begin <= o.last;
            });
            if (taken) continue;
            g.reg = reg;
            g.used = true;
        }
    }
    for (InsnPlan& p : plan.insns) {
        for (MemoryAccess* a : {&p.memory, &p.stack}) {
            if (a->group != kNoGroup && !groups[a->group].used) a->group = kNoGroup, a->leads = false;
        }
    }
}

bool leads(const InsnPlan& p) { return p.memory.leads || p.stack.leads; }

// A group is checked together with an earlier one if nothing in between may leave the block by a branch: then all
// accesses between are covered, and flags needn't be kept for them.
void join_checks(std::span<const Insn> insns, BlockPlan& plan) {
    Values values;
    for (size_t n = 0; n < insns.size(); ++n) {
        InsnPlan& p = plan.insns[n];
        for (size_t number = 0; leads(p) && p.also == kNoGroup && number < plan.groups.size(); ++number) {
            AccessGroup& g = plan.groups[number];
            if (!g.used || g.begin <= n) continue;
            bool straight = true;
            for (size_t k = n; k < g.begin; ++k) straight = straight && !plan.insns[k].side_exit;
            const bool taken = std::ranges::any_of(plan.groups, [&](const AccessGroup& o) {
                return &o != &g && o.used && o.reg == g.reg && o.begin <= g.begin && o.last >= n;
            });
            const Anchor anchor = values.anchor(g.root);
            if (!straight || taken || !anchor.known) continue;
            for (MemoryAccess* a : {&plan.insns[g.begin].memory, &plan.insns[g.begin].stack})
                if (a->group == number) a->leads = false;
            p.also = static_cast<uint8_t>(number);
            p.also_anchor = anchor;
            g.begin = static_cast<uint16_t>(n);
        }
        values.execute(insns[n], p.emitted, p.writes);
    }
}

// Instructions whose code leaves the host's flags alone.
bool keeps_host_flags(const Insn& i, const InsnPlan& p) {
    const Shape& s = shape_of(i);
    if (p.stack.present || i.index != kNoRegister) return false;
    if (i.has_mem && s.kind != Shape::kLea && (p.memory.group == kNoGroup || p.memory.leads)) return false;
    switch (s.kind) {
        case Shape::kMovEG:
        case Shape::kMovGE:
        case Shape::kMovRI:
        case Shape::kMovEI: return !s.byte;
        case Shape::kNop:
        case Shape::kLea:
        case Shape::kCmov:
        case Shape::kBswap:
        case Shape::kXchgAR: return true;
        case Shape::kSetcc: return !i.has_mem && i.rm < 4;
        default: return false;
    }
}

// Whether the code of an instruction that writes all flags leaves the guest's in the host's.
bool flags_in_host(const Insn& i) {
    const Shape& s = shape_of(i);
    const bool low = !s.byte || i.has_mem || i.rm < 4;  // high bytes are taken out of their registers and put back
    switch (s.kind) {
        case Shape::kAluEG:
        case Shape::kAluGE:
        case Shape::kTestEG: return low && (!s.byte || i.reg < 4);
        case Shape::kAluEI:
        case Shape::kTestEI:
        case Shape::kNegE: return low;
        case Shape::kAluAI:
        case Shape::kTestAI: return true;
        default: return is_x87(i) || simd_form(i).kind != SimdForm::kNone;
    }
}

// INC and DEC of a register replace all flags but CF, and leave that where it is in the host's.
bool steps_register(const Insn& i) {
    const Shape& s = shape_of(i);
    const bool step = s.kind == Shape::kIncR || s.kind == Shape::kDecR || s.kind == Shape::kIncE || s.kind == Shape::kDecE;
    return step && !i.has_mem && !s.byte;
}

// Instruction n writes all flags. They needn't be kept if whoever reads them finds them in the host's, and whoever may
// leave the block before other ones replace them finds them there, too, or can compute them.
void place_flags(std::span<const Insn> insns, BlockPlan& plan, size_t n) {
    InsnPlan& own = plan.insns[n];
    if (own.flags.writes != kArithFlags || !own.live) return;
    const DeferredFlags d = deferred_flags(insns[n]);
    bool there = flags_in_host(insns[n]), computable = d.kind != DeferredFlags::kNone;
    bool deferred = false;
    for (size_t k = n + 1; k < insns.size(); ++k) {
        const InsnPlan& p = plan.insns[k];
        if (!p.emitted) return;
        // A byte's reader may be a high one's, which is taken out of its register first.
        if (p.flags.reads && (!there || p.flags.observed || shape_of(insns[k]).byte)) return;
        if (p.flags.observed || (p.side_exit && !there)) {
            if (!computable) return;
            deferred = true;
        }
        const bool replaced = !p.live || p.flags.writes == kArithFlags ||
                              (steps_register(insns[k]) && (there || !(p.live & kCF)));
        if (replaced) {
            own.in_host = !deferred;
            if (deferred) own.deferred = d;
            return;
        }
        if (p.flags.writes || p.flags.may_write) return;
        there = there && (p.side_exit || keeps_host_flags(insns[k], p));
        computable = computable && !(p.writes & d.operands());
    }
}

}  // namespace

void plan_block(std::span<const Insn> insns, bool (*emits)(const Insn&), bool merge, BlockPlan& plan) {
    plan.insns.assign(insns.size(), {});
    plan.groups.clear();
    Values values;
    for (size_t n = 0; n < insns.size(); ++n) {
        InsnPlan& p = plan.insns[n];
        p.emitted = emits(insns[n]);
        p.side_exit = n + 1 < insns.size() && shape_of(insns[n]).kind == Shape::kJcc;
        p.writes = p.emitted ? registers_written(insns[n]) : kAllRegisters;
        if (p.emitted && merge) {
            p.memory = memory_access(insns[n]);
            p.stack = stack_access(insns[n]);
            locate(p.memory, values);
            locate(p.stack, values);
        }
        values.execute(insns[n], p.emitted, p.writes);
    }
    make_groups(plan);
    join_checks(insns, plan);

    // What of the groups is needed after each instruction, and where their addresses then are.
    values = {};
    for (size_t n = 0; n < insns.size(); ++n) {
        InsnPlan& p = plan.insns[n];
        values.execute(insns[n], p.emitted, p.writes);
        for (size_t number = 0; number < plan.groups.size(); ++number) {
            const AccessGroup& g = plan.groups[number];
            if (!g.used || n < g.begin || n >= g.last) continue;
            p.anchor[g.reg] = values.anchor(g.root);
            if (p.anchor[g.reg].known) p.group[g.reg] = static_cast<uint8_t>(number);
        }
    }

    for (size_t n = 0; n < insns.size(); ++n) {
        InsnPlan& p = plan.insns[n];
        p.flags = flag_use(insns[n], p.emitted);
        // Accesses that are covered by another one's check can't fault.
        const auto covered = [](const MemoryAccess& a) { return a.group != kNoGroup && !a.leads; };
        const bool both = (!stack_access(insns[n]).present || covered(p.stack)) &&
                          (!insns[n].has_mem || covered(p.memory));
        const Shape::Kind kind = shape_of(insns[n]).kind;
        if (p.emitted && both && (covered(p.stack) || covered(p.memory)) && kind != Shape::kDivE && kind != Shape::kIdivE &&
            !simd_form(insns[n]).may_refuse(insns[n]) && !is_x87(insns[n]))
            p.flags.observed = false;
    }
    uint32_t live = kArithFlags;  // whatever comes next may leave
    for (size_t n = insns.size(); n-- > 0;) {
        InsnPlan& p = plan.insns[n];
        p.live = live;
        const bool all = p.flags.observed || p.side_exit;
        live = all ? uint32_t{kArithFlags} : (live & ~p.flags.writes) | p.flags.reads;
    }
    for (size_t n = 0; n < insns.size(); ++n) place_flags(insns, plan, n);
}

}  // namespace qr::i386
