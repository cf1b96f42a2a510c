// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/access_fault.h"

#include <string_view>
#include <vector>

#include "target/i386/chain.h"
#include "target/i386/mmu.h"
#include "target/i386/operands.h"

namespace qr::i386 {

namespace {

using Kind = RowAccess::Kind;

// Operands that may be memory, by form.
struct OperandSize {
    std::string_view form;
    uint8_t size;  // 0: the operand size
};
constexpr OperandSize kOperandSizes[] = {
    {"Eb", 1}, {"Ew", 2}, {"Ed", 4}, {"Ev", 0}, {"Ob", 1}, {"Ov", 0},  {"Mq", 8},
    {"Wd", 4}, {"Wq", 8}, {"Wdq", 16}, {"Mdq", 16},
};

RowAccess of_operands(const Row& row) {
    RowAccess a;
    std::string_view rest = row.operands;
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        const size_t colon = word.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view form = word.substr(0, colon), access = word.substr(colon + 1);
        // MMX instructions look at the x87's state first.
        if (form[0] == 'P' || form[0] == 'Q') return {};
        for (const OperandSize& o : kOperandSizes) {
            if (o.form != form || access == "n") continue;
            a.kind = form[0] == 'O' ? Kind::kOffset : Kind::kOperand;
            a.size = o.size;
            a.write = access != "r";
        }
    }
    return a;
}

RowAccess access_of_row(const Row& row) {
    constexpr uint32_t kNotHere = kIo | kPrivileged | kFpu | kMmx | kNotInUserTest;
    if (row.attr & kNotHere) return {};
    RowAccess a;
    if (row.attr & kString) {
        a.kind = Kind::kString;
        const auto has = [&row](std::string_view form) { return row.operands.find(form) != std::string_view::npos; };
        a.source = has("Xb:") || has("Xv:");
        a.destination = has("Yb:") || has("Yv:");
        a.write = has("Yb:w") || has("Yv:w");
        a.size = row.name.ends_with('b') ? 1 : 0;
        return a;
    }
    const auto is = [&row](std::string_view name, std::string_view operands) {
        return row.name == name && row.operands == operands;
    };
    if (is("push", "Zv:r") || is("push", "Iz:r") || is("push", "Ibs:r") || is("call", "Jz")) {
        a.kind = Kind::kPush;
        return a;
    }
    if (is("pop", "Zv:w") || row.name == "ret") {
        a.kind = Kind::kPop;
        return a;
    }
    if (row.name == "leave") {
        a.kind = Kind::kLeave;
        return a;
    }
    // Another access comes first, or the operand isn't where ModRM says.
    if (row.name == "pop" || (row.name.starts_with("bt") && row.operands.find("Gv") != std::string_view::npos)) return {};
    a = of_operands(row);
    a.sse = row.attr & kSse;
    return a;
}

struct Access {
    unsigned seg;
    uint32_t offset;
    unsigned size;
    bool write;
};

// False: not, or the segment refuses it. plain: it is to memory that only holds what is written.
bool refused_by_page(Cpu& cpu, const Access& a, Fault& fault, bool* plain = nullptr) {
    const Segment& s = cpu.seg[a.seg];
    if (uint64_t{a.offset} + a.size > (a.write ? s.write_end : s.read_end)) return false;
    const uint32_t linear = static_cast<uint32_t>(s.base) + a.offset;
    const Tlb::Entry& e = cpu.tlb.entry(cpu.cpl, linear);
    const bool direct = (a.write ? e.write_tag : e.read_tag) == Tlb::last_page(linear, a.size);
    if (plain) *plain = direct;
    return !direct && page_fault(cpu, linear, a.size, a.write, fault);
}

bool string_faults(Cpu& cpu, const Insn& insn, const RowAccess& access, Fault& fault) {
    if (insn.rep && (cpu.reg<uint32_t>(kEcx) & insn.ea_mask) == 0) return false;
    const unsigned size = access.size ? access.size : insn.op_size;
    if (access.source) {
        const Access from{insn.seg, cpu.reg<uint32_t>(kEsi) & insn.ea_mask, size, false};
        // What reading does to a device comes before the fault of the other operand.
        bool plain = false;
        if (refused_by_page(cpu, from, fault, &plain)) return true;
        if (!plain) return false;
    }
    if (!access.destination) return false;
    return refused_by_page(cpu, {kEs, cpu.reg<uint32_t>(kEdi) & insn.ea_mask, size, access.write}, fault);
}

}  // namespace

const RowAccess& row_access(const Insn& insn) {
    static const std::vector<RowAccess> all = [] {
        std::vector<RowAccess> v;
        for (const Row* row : table()) v.push_back(access_of_row(*row));
        return v;
    }();
    return all[insn.row];
}

bool access_faults(Cpu& cpu, const Insn& insn, const RowAccess& access, Fault& fault) {
    const auto esp = cpu.reg<uint32_t>(kEsp);
    const unsigned size = access.size ? access.size : insn.op_size;
    switch (access.kind) {
        case Kind::kUnknown: return false;
        case Kind::kString: return string_faults(cpu, insn, access, fault);
        case Kind::kPush: return refused_by_page(cpu, {kSs, esp - size, size, true}, fault);
        case Kind::kPop: return refused_by_page(cpu, {kSs, esp, size, false}, fault);
        case Kind::kLeave: return refused_by_page(cpu, {kSs, cpu.reg<uint32_t>(kEbp), size, false}, fault);
        case Kind::kOffset: break;
        case Kind::kOperand:
            if (!insn.has_mem) return false;
            break;
    }
    const uint32_t offset = ea(cpu, insn);
    if (access.sse) {
        // Other faults come first if it isn't permitted or aligned.
        if (!fpu_ready(cpu) || (offset & (size - 1))) return false;
        if (static_cast<uint32_t>(cpu.seg[insn.seg].base) & (size - 1)) return false;
    }
    return refused_by_page(cpu, {insn.seg, offset, size, access.write}, fault);
}

}  // namespace qr::i386
