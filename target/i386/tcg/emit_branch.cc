// SPDX-License-Identifier: GPL-2.0-or-later
//
// Near branches, and the ways from block to block. See emitter.h.
// Source: Intel SDM volume 2, the instructions' own pages.
#include "target/i386/tcg/emitter.h"

namespace qr::i386 {

using namespace Xbyak::util;
using Xbyak::CodeGenerator;
constexpr auto kNear = CodeGenerator::T_NEAR;

namespace {
bool in_page(int32_t offset) { return offset >= 0 && offset < static_cast<int32_t>(kPageSize); }
}  // namespace

void Emitter::conditional(unsigned cc, Label& to) {
    using Jump = void (CodeGenerator::*)(const Label&, CodeGenerator::LabelType);
    static constexpr Jump kJumps[] = {
        &CodeGenerator::jo, &CodeGenerator::jno, &CodeGenerator::jb, &CodeGenerator::jae,
        &CodeGenerator::je, &CodeGenerator::jne, &CodeGenerator::jbe, &CodeGenerator::ja,
        &CodeGenerator::js, &CodeGenerator::jns, &CodeGenerator::jp, &CodeGenerator::jnp,
        &CodeGenerator::jl, &CodeGenerator::jge, &CodeGenerator::jle, &CodeGenerator::jg};
    const Jump jump = kJumps[cc];  // g++ 12's UBSan takes an index within the call for a wrong one
    (as_.*jump)(to, kNear);
}

void Emitter::code_address(Reg32 to, int32_t offset) {
    as_.mov(to, field(&cpu_.native.page));
    as_.lea(to, ptr[to.cvt64() + offset]);
}

// Within the page a block that is alive is right as soon as this one is. Another page has to be what it was when
// the link was made: the key then and now tell; else
// what is known of the page (Thunks::relink).
void Emitter::branch_to(int32_t offset, std::optional<unsigned> cc) {
    const auto number = static_cast<uint32_t>(out_.links.size());
    Link& link = out_.links.emplace_back();
    link.from = block_;
    Stub& stub = stubs_.emplace_back();
    stub.link = number;
    stub.offset = offset;
    if (!in_page(offset)) {
        code_address(r10d, offset);
        as_.mov(rax, field(&cpu_.native.key, 8));
        as_.or_(rax, r10);
        stub.slot = next_slot_;
        link.slot = new (next_slot_) LinkSlot;
        next_slot_ += sizeof(LinkSlot);
        as_.cmp(rax, qword[rip + caches_.seen_by_code(&link.slot->stamp)]);
        as_.jne(stub.start, kNear);
        as_.and_(r10d, Tlb::kPageBits);
        as_.mov(field(&cpu_.native.page), r10d);
    }
    if (cc)
        conditional(*cc, stub.start);
    else
        as_.jmp(stub.start, kNear);
    link.jump = static_cast<uint32_t>(as_.getSize() - 4);
}

void Emitter::indirect(CodeGenerator& as, const Cpu& cpu, const Thunks& thunks) {
    const auto at = [&cpu](const void* member) {
        return r14 + static_cast<int>(static_cast<const uint8_t*>(member) -
                                      reinterpret_cast<const uint8_t*>(cpu.gpr.data()));
    };
    Label none;
    static_assert(Chaining::kJumpBits == 16);
    as.movzx(eax, r10w);
    as.mov(r11, ptr[at(&cpu.native.jump)]);
    as.mov(r11, ptr[r11 + rax * 8]);
    as.test(r11, r11);
    as.jz(none);
    as.mov(rax, ptr[at(&cpu.native.key)]);
    as.or_(rax, r10);
    as.cmp(rax, ptr[r11 + offsetof(CodeBlock, stamp)]);
    as.jne(static_cast<const void*>(thunks.renew));
    as.mov(eax, r10d);
    as.and_(eax, Tlb::kPageBits);
    as.mov(dword[at(&cpu.native.page)], eax);
    as.jmp(ptr[r11 + offsetof(CodeBlock, entry)]);
    as.L(none);
    as.xor_(eax, eax);
    as.jmp(thunks.leave, kNear);
}

void Emitter::side_exit(const Insn& i, unsigned cc, int32_t offset) {
    SideExit& e = side_exits_.emplace_back();
    e.offset = offset;
    e.left = i.left;
    e.store = !stored_;
    e.esp = esp_;
    conditional(cc, e.start);
}

void Emitter::side_exits() {
    for (SideExit& e : side_exits_) {
        as_.L(e.start);
        if (e.esp) as_.lea(r9d, ptr[r9 + e.esp]);
        if (e.store) store_flags();
        as_.add(r13, e.left);
        branch_to(e.offset);
    }
    side_exits_.clear();
}

bool Emitter::branches(const Insn& i, const Shape& s) {
    const int32_t next = block_->offset + i.end;
    const int32_t target = next + static_cast<int32_t>(i.imm);
    switch (s.kind) {
        case Shape::kJcc: {
            want_flags(condition_flags(s.number));
            if (now_->side_exit) {
                side_exit(i, s.number, target);
                return true;
            }
            settle_esp();
            if (in_page(target)) {
                branch_to(target, s.number);
                branch_to(next);
                return true;
            }
            Label taken;
            conditional(s.number, taken);
            branch_to(next);
            as_.L(taken);
            branch_to(target);
            return true;
        }
        case Shape::kJmp:
            settle_esp();
            branch_to(target);
            return true;
        case Shape::kJmpE:
            if (i.has_mem)
                as_.mov(r10d, memory(i, 4, Use::kRead));
            else
                as_.mov(r10d, r32(i.rm));
            settle_esp();
            indirect(as_, cpu_, thunks_);
            return true;
        case Shape::kCall:
        case Shape::kCallE:
            if (i.has_mem) {
                as_.mov(r10d, memory(i, 4, Use::kRead));
                as_.mov(field(&cpu_.native.scratch), r10d);
            }
            {
                const auto to = stack(-4, Use::kWrite);
                code_address(r10d, next);
                as_.mov(to, r10d);
                move_esp(-4);
            }
            settle_esp();
            if (s.kind == Shape::kCall) {
                branch_to(target);
                return true;
            }
            if (i.has_mem)
                as_.mov(r10d, field(&cpu_.native.scratch));
            else
                as_.mov(r10d, r32(i.rm));
            indirect(as_, cpu_, thunks_);
            return true;
        case Shape::kRet:
            as_.mov(r10d, stack(0, Use::kRead));
            move_esp(4 + static_cast<int32_t>(i.imm));
            settle_esp();
            indirect(as_, cpu_, thunks_);
            return true;
        default: return false;
    }
}

}  // namespace qr::i386
