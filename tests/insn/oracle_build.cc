// SPDX-License-Identifier: GPL-2.0-or-later
//
// One test case: the state it starts from, prefixes, ModRM and SIB in all their forms. Registers
// that an address is made of get the values that bring it where it shall be. Source: Intel SDM
// volume 2, chapter 2.
#include "tests/insn/oracle_build.h"

#include <algorithm>

#include "target/i386/cpu.h"
#include "tests/insn/oracle_values.h"

namespace qr::oracle {

using namespace i386;

namespace {

constexpr uint8_t kOverridePrefix[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

bool writable_page(uint32_t page) {
    return std::find(kWritablePages.begin(), kWritablePages.end(), page) != kWritablePages.end();
}

}  // namespace

Builder::Builder(const CpuModel& model, Random& rng, Case& c, CaseInfo& info, bool sequence)
    : model_(model), rng_(rng), c_(c), info_(info), sequence_(sequence) {
    c_.pads = 0;
    c_.patches = 0;
    c_.code_length = 0;
    info_.starts.clear();
    info_.insns.clear();
    info_.undefined.assign(1, 0);
    info_.memory_operand = 0;
    info_.slice = !sequence || rng_.percent(20) ? 1 + rng_.below(4) : 40;
    info_.native_slice = rng_.percent(15) ? 1 + rng_.below(30) : 200;
    info_.move = rng_.percent(40);
    choose_segments();
    for (uint32_t& r : c_.gpr) r = static_cast<uint32_t>(integer_value(rng_, 4));
    c_.eflags = 0x202 | (static_cast<uint32_t>(rng_.next()) & kArithFlags);
    if (rng_.percent(30)) c_.eflags |= kDFlag;
    if (rng_.percent(3)) c_.eflags |= kACFlag;
    if (rng_.percent(3)) c_.eflags |= kNT;
    if (rng_.percent(3)) c_.eflags |= kID;
    fpu_state(rng_, c_.fx);
    // The stack: mostly in the middle, and aligned.
    uint32_t sp = kDataBase + 0x400 + rng_.below(0x1800);
    if (!sequence_ && rng_.percent(12)) sp = pick_linear(4, 0);
    if (rng_.percent(85)) sp &= ~3u;
    sp -= base_of(kSs);
    if (c_.seg[kSs] == ldt_selector(kWindow16)) sp = kStubHigh | (sp & 0xffff);
    pin(kEsp, sp);
    if (sequence_)
        for (const unsigned r : {kEbp, kEsi, kEdi})
            pin(r, kDataBase + 0x400 + rng_.below(0x1800) -
                       base_of(r == kEbp   ? kSs
                               : r == kEdi ? kEs
                                           : kDs));
    c_.code_base = code_base_of(c_.seg[kCs]);
    choose_place(false);
}

void Builder::choose_segments() {
    for (const Seg s : {kEs, kSs, kDs}) c_.seg[s] = kFlatData;
    c_.seg[kCs] = kFlatCode;
    c_.seg[kFs] = ldt_selector(kWindow16);
    c_.seg[kGs] = rng_.of({ldt_selector(kShort), ldt_selector(kExpandDown), ldt_selector(kReadOnly),
                           ldt_selector(kCode16), ldt_selector(kCode32Short), uint16_t{0},
                           kFlatData, kFlatCode});
    if (rng_.percent(8)) c_.seg[kEs] = ldt_selector(kWindow16);
    if (rng_.percent(8)) c_.seg[kDs] = ldt_selector(kWindow16);
    if (rng_.percent(2)) c_.seg[kDs] = ldt_selector(kShort);
    if (rng_.percent(1))
        c_.seg[kEs] = rng_.of({uint16_t{0}, ldt_selector(kExpandDown), ldt_selector(kReadOnly)});
    // In sequences not: the upper half of ESP there isn't one that other registers should get.
    if (!sequence_ && rng_.percent(6)) c_.seg[kSs] = ldt_selector(kWindow16);
    if (rng_.percent(1)) c_.seg[kSs] = rng_.of({ldt_selector(kShort), ldt_selector(kExpandDown)});
    if (rng_.percent(8))
        c_.seg[kCs] =
            rng_.of({ldt_selector(kCode16), ldt_selector(kCode16), ldt_selector(kCode32Short)});
    c_.code32 = is_code32(c_.seg[kCs]);
}

void Builder::choose_place(bool branch) {
    uint32_t at = 0x200 + rng_.below(kCodeSize - 0x600);
    c_.pads = 0;
    if (!branch && !sequence_ && rng_.percent(4)) at = kPage - 1 - rng_.below(14);
    if (!branch && !sequence_ && rng_.percent(1)) at = kCodeSize - 1 - rng_.below(10);
    c_.eip = start_ = kCodeBase + at - c_.code_base;
}

// Where a branch shall go: near the code, and mostly to a code segment that there is.
void Builder::choose_target(bool far) {
    const uint32_t at =
        start_ + c_.code_base + (rng_.percent(50) ? 30 + rng_.below(70) : 0u - 20 - rng_.below(80));
    far_to_ = c_.seg[kCs];
    if (far)
        far_to_ =
            rng_.of({kFlatCode, kFlatCode, ldt_selector(kCode16), ldt_selector(kCode32Short)});
    branch_to_ = at - code_base_of(far_to_);
    c_.pads = 2;
    c_.pad[1] = branch_to_;
    c_.pad_cs[1] = far_to_;
    if (far && rng_.percent(20)) far_to_ = static_cast<uint16_t>(far_to_ - rng_.below(4));
    if (far && rng_.percent(12)) {
        far_to_ = selector_value(rng_);
        c_.pads = 1;  // should it be a code segment after all, INT3 is met there
    }
}

uint32_t Builder::base_of(unsigned seg) const {
    const uint16_t s = c_.seg[seg];
    if ((s & 0xfffc) == 0 || !(s & 4)) return 0;
    return kLdt[s >> 3].base;
}

uint32_t Builder::pick_linear(unsigned size, unsigned align) {
    const auto aligned = [&](uint32_t a) { return align ? a & ~(align - 1) : a; };
    const uint32_t inside = kDataBase + rng_.below(2 * kPage - size);
    if (tame_) return aligned(inside);
    switch (rng_.below(100)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:  // across two pages
            return aligned(kDataBase + kPage - 1 - rng_.below(size));
        case 6:
        case 7:
        case 8:
        case 9:
        case 10:  // up to, or into, what isn't mapped
            return aligned(kDataBase + 2 * kPage - 1 - rng_.below(size));
        case 11: return kDataBase + 2 * kPage - size;
        case 12: return aligned(kDataBase + 2 * kPage + rng_.below(kPage));
        case 13:
        case 14: return aligned(kDataBase + kReadOnlyPage * kPage + rng_.below(kPage - size));
        case 15: return aligned(kDataBase + kReadOnlyPage * kPage - 1 - rng_.below(size));
        case 16: return aligned(kDataBase + (kReadOnlyPage + 1) * kPage - 1 - rng_.below(size));
        case 17: return aligned(kDataBase - 1 - rng_.below(size));
        case 18:
        case 19: return aligned(kDataBase + kWindowSize - size - rng_.below(64));
        case 20: return aligned(kDataBase + kWindowSize - 1 - rng_.below(size));
        case 21: return aligned(kDataBase + 0xff0 + rng_.below(16));
        default: return rng_.percent(70) ? aligned(inside) : inside;
    }
}

void Builder::patch(uint32_t linear, const void* bytes, unsigned size) {
    const auto* from = static_cast<const uint8_t*>(bytes);
    while (size &&
           !(linear - kDataBase < kWindowSize && writable_page((linear - kDataBase) / kPage)))
        ++linear, ++from, --size;
    unsigned n = 0;
    while (n < size && linear + n - kDataBase < kWindowSize &&
           writable_page((linear + n - kDataBase) / kPage))
        ++n;
    if (!n || c_.patches == std::size(c_.patch)) return;
    Patch& p = c_.patch[c_.patches++];
    p.address = linear;
    p.length = static_cast<uint16_t>(n);
    std::memcpy(p.bytes, from, n);
}

// ---- bytes
// ---------------------------------------------------------------------------------------------

unsigned Builder::memory_size(const Plan& plan) const {
    const unsigned op_size = c_.code32 != op16_ ? 4 : 2;
    for (const Operand& o : plan.operands) {
        const std::string_view f = o.form;
        if (f == "M") return plan.name().substr(0, 2) == "fx" ? 512 : op_size == 4 ? 108 : 94;
        if (f == "Ma") return 2 * op_size;
        if (f == "Mp") return op_size + 2;
        if (f.empty() || std::string_view("EMOQWX").find(f[0]) == std::string_view::npos) continue;
        const std::string_view size = f.substr(1);
        if (size == "b") return 1;
        if (size == "w") return 2;
        if (size == "d" || size == "y") return 4;
        if (size == "v") return op_size;
        if (size == "q") return 8;
        if (size == "t") return 10;
        if (size == "dq") return 16;
    }
    return 4;
}

unsigned Builder::alignment(const Plan& plan) const {
    const unsigned size = memory_size(plan);
    if (size == 512) return rng_.percent(90) ? 16 : 0;
    if (size == 16) return rng_.percent(85) ? 16 : 0;
    return size == 2 || size == 4 || size == 8 ? size : 1;
}

void Builder::emit_memory16(Bytes& out, uint8_t reg_field, uint32_t offset) {
    static constexpr int kBase[8] = {kEbx, kEbx, kEbp, kEbp, -1, -1, kEbp, kEbx};
    static constexpr int kIndex[8] = {kEsi, kEdi, kEsi, kEdi, kEsi, kEdi, -1, -1};
    const unsigned mod = rng_.below(3), rm = rng_.below(8);
    if (mod == 0 && rm == 6) {
        out.put(reg_field << 3 | rm, 1);
        out.put(offset, 2);
        return;
    }
    const int base = kBase[rm], index = kIndex[rm];
    uint32_t disp = mod == 0   ? 0
                    : mod == 1 ? static_cast<uint32_t>(static_cast<int8_t>(rng_.next()))
                               : static_cast<uint32_t>(integer_value(rng_, 2));
    // One of the registers is free to bring the sum right, or else the displacement is.
    unsigned used_mod = mod;
    const uint32_t sum = (base >= 0 ? c_.gpr[base] : 0) + (index >= 0 ? c_.gpr[index] : 0) + disp;
    const auto settle = [&](int r) {
        if (r < 0 || pinned(static_cast<unsigned>(r))) return false;
        c_.gpr[r] = (c_.gpr[r] & 0xffff0000) | ((c_.gpr[r] + offset - sum) & 0xffff);
        return true;
    };
    if (sequence_ || !(settle(base) || settle(index))) {
        used_mod = 2;
        disp += offset - sum;
    }
    out.put(used_mod << 6 | unsigned{reg_field} << 3 | rm, 1);
    if (used_mod) out.put(disp, used_mod);
}

void Builder::emit_memory32(Bytes& out, uint8_t reg_field, uint32_t offset, int) {
    unsigned mod = rng_.below(3);
    const bool sib = rng_.percent(35);
    int base = static_cast<int>(rng_.below(8)), index = -1;
    if (sequence_) base = rng_.of({kEsp, kEbp, kEsi, kEdi});
    if (!sib && base == kEsp) base = sequence_ ? kEsi : kEax;
    unsigned scale = 0;
    if (sib) {
        index = static_cast<int>(rng_.below(8));
        scale = rng_.below(4);
        if (index == kEsp || (sequence_ && !rng_.percent(2))) index = -1;
    }
    const bool no_base = mod == 0 && base == kEbp;
    const uint32_t scaled = index >= 0 ? c_.gpr[index] << scale : 0;
    uint32_t disp = mod == 1 ? static_cast<uint32_t>(static_cast<int8_t>(rng_.next()))
                             : static_cast<uint32_t>(integer_value(rng_, 4));
    if (mod == 0 && !no_base) disp = 0;
    if (no_base) {
        disp = offset - scaled;
    } else if (!pinned(static_cast<unsigned>(base)) && base != index && !sequence_) {
        c_.gpr[base] = offset - scaled - disp;
    } else {
        mod = 2;
        disp = offset - scaled - c_.gpr[base];
    }
    out.put(mod << 6 | unsigned{reg_field} << 3 |
                (sib || base == kEsp ? 4u : static_cast<unsigned>(base)),
            1);
    if (sib || base == kEsp)
        out.put(scale << 6 | (index >= 0 ? static_cast<unsigned>(index) : 4u) << 3 |
                    static_cast<unsigned>(base),
                1);
    if (no_base || mod == 2)
        out.put(disp, 4);
    else if (mod == 1)
        out.put(disp, 1);
}

void Builder::emit_memory(Bytes& out, uint8_t reg_field, const Plan& plan) {
    target_ = pick_linear(memory_size(plan), alignment(plan));
    // The segment is the override, or SS for an address with EBP or ESP in it. As most are flat,
    // and all others but GS are based at the window, DS stands for both.
    const uint32_t offset =
        target_ - base_of(override_ >= 0 ? static_cast<unsigned>(override_) : unsigned{kDs});
    if (c_.code32 == address16_)
        emit_memory16(out, reg_field, offset);
    else
        emit_memory32(out, reg_field, offset, override_);
}

void Builder::emit_immediate(Bytes& out, const Plan& plan, Imm kind, unsigned which) {
    const unsigned op_size = c_.code32 != op16_ ? 4 : 2;
    const std::string_view name = plan.name();
    const bool relative = plan.has("Jb") || plan.has("Jz");
    switch (kind) {
        case Imm::kNone: return;
        case Imm::kByte:
        case Imm::kSignedByte: {
            auto v = static_cast<uint32_t>(integer_value(rng_, 1));
            if (relative && !rng_.percent(10)) v = branch_to_ - (start_ + out.size + 1);
            if (name == "int" && (v == 0x80 || v == 3)) v = 4;
            if (name == "enter" && which == 1 && !rng_.percent(20)) v &= 3;
            out.put(v, 1);
            return;
        }
        case Imm::kWord: {
            auto v = static_cast<uint32_t>(integer_value(rng_, 2));
            if (name == "enter" && rng_.percent(70)) v &= 0xff;
            out.put(v, 2);
            return;
        }
        case Imm::kSized: {
            auto v = static_cast<uint32_t>(integer_value(rng_, op_size));
            if (relative && !rng_.percent(5)) v = branch_to_ - (start_ + out.size + op_size);
            out.put(v, op_size);
            return;
        }
        case Imm::kFar:
            out.put(branch_to_, op_size);
            out.put(far_to_, 2);
            return;
        case Imm::kOffset: {
            target_ = pick_linear(memory_size(plan), 0);
            const uint32_t offset =
                target_ -
                base_of(override_ >= 0 ? static_cast<unsigned>(override_) : unsigned{kDs});
            out.put(offset, c_.code32 != address16_ ? 4 : 2);
            return;
        }
    }
}

bool Builder::emit(const Plan& plan, Bytes& out) {
    const Encoding& e = plan.encoding;
    const bool may_size =
        plan.operand_size && e.prefix != Mandatory::kNone && e.prefix != Mandatory::k66;
    uint8_t prefixes[8];
    unsigned n = 0;
    if (op16_ && (may_size || e.prefix == Mandatory::kAny))
        prefixes[n++] = 0x66;
    else
        op16_ = e.prefix == Mandatory::k66;
    if (address16_) prefixes[n++] = 0x67;
    if (override_ >= 0) prefixes[n++] = kOverridePrefix[override_];
    if (lock_) prefixes[n++] = 0xf0;
    if (rep_) prefixes[n++] = rep_;
    if (e.prefix == Mandatory::k66) prefixes[n++] = 0x66;
    if (e.prefix == Mandatory::kF3) prefixes[n++] = 0xf3;
    if (e.prefix == Mandatory::kF2) prefixes[n++] = 0xf2;
    for (unsigned i = n; i > 1; --i) std::swap(prefixes[i - 1], prefixes[rng_.below(i)]);
    for (unsigned i = 0; i < n; ++i) out.put(prefixes[i], 1);
    if (e.map) out.put(0x0f, 1);
    if (e.map == 2) out.put(0x38, 1);
    if (e.map == 3) out.put(0x3a, 1);
    out.put(e.opcode + (e.plus_r ? rng_.below(8) : 0u), 1);
    if (e.modrm) {
        if (e.fixed >= 0) {
            out.put(static_cast<uint32_t>(e.fixed) + (e.fixed_plus_i ? rng_.below(8) : 0u), 1);
        } else {
            uint32_t reg = e.digit >= 0 ? static_cast<uint32_t>(e.digit) : rng_.below(8);
            if (plan.has("Sw")) reg = rng_.below(6);
            if (plan.has("Cd")) reg = rng_.of({0u, 2u, 3u, 4u});
            if (plan.has("Dd")) reg = rng_.of({0u, 1u, 2u, 3u, 6u, 7u});
            if (use_memory_)
                emit_memory(out, static_cast<uint8_t>(reg), plan);
            else
                out.put(0xc0 | reg << 3 | rng_.below(8), 1);
        }
    }
    emit_immediate(out, plan, e.imm[0], 0);
    emit_immediate(out, plan, e.imm[1], 1);
    return out.size <= 15;
}

// ---- instructions
// ------------------------------------------------------------------------------------

bool Builder::single(const Plan& plan, bool tame) {
    tame_ = tame;
    const uint32_t attr = plan.row->attr;
    const bool branch = attr & kNearBranch;
    if (branch || attr & kEndsBlock) choose_place(true);
    const bool far = plan.far();
    if (branch || far) choose_target(far);
    const bool single_step = rng_.percent(2) && !plan.loads_ss();
    if (single_step) c_.eflags |= kTF;
    if (plan.name() == "iret") c_.eflags &= ~uint32_t{kNT};  // there is no task switch in long mode
    use_memory_ = plan.memory && (!plan.registers || rng_.percent(60));
    op16_ = rng_.percent(25) && !((branch || far) && c_.code32 && rng_.percent(80));
    const bool window =
        plan.memory || attr & kString || plan.name() == "xlat" || plan.has("Ob") || plan.has("Ov");
    address16_ = !tame && window && rng_.percent(15);
    // Addresses of 16 bits reach the window only through a segment that is based there.
    if (window && c_.code32 == address16_ && rng_.percent(90))
        override_ = kFs;
    else if (rng_.percent(15))
        override_ = static_cast<int>(rng_.below(6));
    lock_ = use_memory_ && (attr & kLockable) && rng_.percent(15);
    // Where it isn't allowed. (AMD has LOCK MOV CR0 for CR8, and lets LOCK VERW pass.)
    if (!tame && !(attr & (kPrivileged | kNotInUserTest | kIo)) && rng_.percent(1)) lock_ = true;
    rep_ = 0;
    if (attr & kString && rng_.percent(60)) rep_ = rng_.of({uint8_t{0xf2}, uint8_t{0xf3}});
    if (rep_ && rng_.percent(70)) info_.slice = 300;
    // A trap that is due after the next instruction must not be seen.
    if (plan.name() == "popf" || plan.name() == "iret" || plan.loads_ss())
        info_.slice = info_.native_slice = 1;

    tune_before(plan);
    Bytes bytes;
    if (!emit(plan, bytes)) return false;
    Insn insn;
    const auto status = decode({bytes.data, bytes.size}, c_.code32, model_, insn);
    const bool bad_lock = status == DecodeStatus::kUndefined && lock_;
    if (status != DecodeStatus::kOk && !bad_lock) return false;
    if (!bad_lock && (insn.row != plan.number || insn.length != bytes.size)) return false;
    if (bad_lock) insn.row = plan.number;
    // The bytes there, which end the test, aren't the same on the host.
    if (!bad_lock && (plan.has("Jb") || plan.has("Jz"))) {
        const uint32_t by =
            insn.op_size == 2 ? static_cast<uint32_t>(static_cast<int16_t>(insn.imm)) : insn.imm;
        const uint32_t to = start_ + insn.length + by;
        const bool near_end = by + 16 + kPadSize < 32 + 2 * kPadSize;
        if (to != branch_to_ && (near_end || to - branch_to_ < kPadSize)) return false;
    }
    // The stub's own page, on the host.
    if (branch && insn.rm == kEsp && !insn.has_mem && c_.gpr[kEsp] >> 16 == kStubHigh >> 16)
        return false;
    info_.starts.push_back(start_);
    info_.insns.push_back(insn);
    std::memcpy(c_.code, bytes.data, bytes.size);
    c_.code_length = static_cast<uint16_t>(bytes.size);
    if (!bad_lock) tune_after(plan, insn);
    if (misplaced(plan)) return false;
    // The pads aren't the same on the host.
    if (info_.memory_operand - kCodeBase < kCodeSize) return false;
    info_.undefined.push_back(bad_lock ? 0 : undefined_after(plan, insn, 0));
    finish();
    return true;
}

bool Builder::add(const Plan& plan) {
    if (plan.reads & info_.undefined.back()) return false;
    const uint32_t attr = plan.row->attr;
    use_memory_ = plan.memory && (!plan.registers || rng_.percent(40));
    op16_ = rng_.percent(20);
    address16_ = false;
    override_ = -1;
    if (!c_.code32)
        override_ = kFs;
    else if (rng_.percent(5))
        override_ = rng_.of({kEs, kSs, kDs});
    lock_ = use_memory_ && (attr & kLockable) && rng_.percent(10);
    rep_ = 0;
    Bytes bytes;
    if (attr & kString && !loop_ && rng_.percent(50)) {
        rep_ = rng_.of({uint8_t{0xf2}, uint8_t{0xf3}});
        // First a small count.
        if (!c_.code32) bytes.put(0x66, 1);
        bytes.put(0xb9, 1);
        bytes.put(rng_.below(9), 4);
    }
    const unsigned before = bytes.size;
    start_ += before;
    Insn first, insn;
    if (before && decode({bytes.data, before}, c_.code32, model_, first) != DecodeStatus::kOk)
        return false;
    Bytes own;
    const bool fits = emit(plan, own);
    start_ -= before;
    if (!fits || decode({own.data, own.size}, c_.code32, model_, insn) != DecodeStatus::kOk)
        return false;
    if (insn.row != plan.number || insn.length != own.size || writes_pinned(plan, insn))
        return false;
    if (count() + 4 > kMaxInsns) return false;
    if (plan.name() == "cvtpi2ps" && insn.has_mem) return false;
    if (!c_.code32 && plan.has("Mt")) return false;
    if (insn.op_size == 2 &&
        (plan.name() == "shld" || plan.name() == "shrd" || plan.name() == "bswap"))
        return false;
    if (before) append(first, bytes, info_.undefined.back());
    append(insn, own, undefined_after(plan, insn, info_.undefined.back()));
    if (skip_.over && --skip_.over == 0) land();
    return true;
}

void Builder::append(const Insn& insn, const Bytes& bytes, uint32_t undefined) {
    info_.starts.push_back(start_);
    info_.insns.push_back(insn);
    info_.undefined.push_back(undefined);
    std::memcpy(c_.code + c_.code_length, bytes.data, bytes.size);
    c_.code_length = static_cast<uint16_t>(c_.code_length + bytes.size);
    start_ += bytes.size;
}

// Ends the code: the pad after it, unless it lies at the end of what is mapped.
void Builder::finish() {
    if (skip_.over) land();
    const uint32_t at = c_.code_base + c_.eip - kCodeBase;
    const uint32_t end = at + c_.code_length;
    if (end + kPadSize <= kCodeSize) {
        c_.pads = std::max(c_.pads, uint8_t{1});
        c_.pad[0] = c_.eip + c_.code_length;
        c_.pad_cs[0] = c_.seg[kCs];
    } else {
        c_.pads = 0;
        c_.code_length = static_cast<uint16_t>(std::min<uint32_t>(c_.code_length, kCodeSize - at));
    }
}

bool Builder::misplaced(const Plan& plan) const {
    const auto read_only = [](uint32_t linear) {
        return (linear - kDataBase) / kPage == kReadOnlyPage;
    };
    const std::string_view name = plan.name();
    const bool selector = plan.has("Sw") || plan.has("Mp") || (plan.row->attr & kNoRealMode);
    // MXCSR has one bit more on AMD's processors.
    if (selector || name == "ldmxcsr" || name == "fxrstor") return read_only(info_.memory_operand);
    if (name == "pop" && !plan.operands.empty() && plan.operands[0].form[1] == 'S')
        return read_only(c_.gpr[kEsp] + base_of(kSs));
    return false;
}

bool Builder::writes_pinned(const Plan& plan, const Insn& insn) const {
    // XCHG with eAX, and whatever names a pinned register: byte registers 4 to 7 aren't the pinned
    // ones.
    for (const Operand& o : plan.operands) {
        if (!o.write || o.form.size() < 2) continue;
        const char f = o.form[0];
        if (o.form[1] == 'b') {
            const unsigned r = f == 'E' ? insn.rm : insn.reg;  // CL and CH
            if (pinned(kEcx) && (r & 3) == kEcx && (f != 'E' || !insn.has_mem)) return true;
            continue;
        }
        if ((f == 'G' || f == 'Z' || f == 'R') && pinned(insn.reg)) return true;
        if (f == 'E' && !insn.has_mem && pinned(insn.rm)) return true;
    }
    const std::string_view name = plan.name();
    return name == "popa" || name == "leave" || name == "enter";
}

uint32_t Builder::undefined_after(const Plan& plan, const Insn& insn, uint32_t before) const {
    if (plan.row->attr & kString) return before;
    uint32_t writes = plan.writes, undefined = plan.undefined;
    const bool by_cl = plan.has("CL");
    const bool by_count = by_cl ||
                          (plan.encoding.map == 0 && (plan.encoding.opcode & 0xfe) == 0xc0) ||
                          plan.name() == "shld" || plan.name() == "shrd";
    if (!by_count) return (before & ~writes) | undefined;
    // A shift by 0 changes no flag; one by 1 leaves OF defined; one by more than the operand has
    // bits leaves CF undefined (SHL, SHR) or everything (SHLD, SHRD).
    unsigned count = (by_cl ? c_.gpr[kEcx] : insn.imm) & 31;
    const bool known = !by_cl || !sequence_;
    if (!known) return before | undefined | kCF;
    if (count == 0) return before;
    const bool byte = plan.has("Eb");
    const unsigned bits = byte ? 8 : insn.op_size * 8u;
    if (count == 1) undefined &= ~uint32_t{kOFlag}, writes |= kOFlag;
    const std::string_view name = plan.name();
    if (count >= bits && (name == "shl" || name == "shr" || name == "sal")) undefined |= kCF;
    if (count > bits && (name == "shld" || name == "shrd")) undefined |= kArithFlags;
    return (before & ~writes) | undefined;
}

}  // namespace qr::oracle
