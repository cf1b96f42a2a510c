// SPDX-License-Identifier: GPL-2.0-or-later
//
// Chained execution: which fast form an instruction gets, and the way back to its row's handler.
// Source: none (docs/cpu.rst).

#include "target/i386/chain.h"

#include <string>
#include <string_view>
#include <vector>

#include "target/i386/access_fault.h"
#include "target/i386/fetch.h"

namespace qr::i386 {

namespace {

// A register form of these can't fault, and looks at nothing but registers and flags.
constexpr std::string_view kPlainNames[] = {
    "imul", "mul", "shld", "shrd", "lahf",
};
constexpr std::string_view kAluNames[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
constexpr std::string_view kShiftNames[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"};
constexpr std::string_view kBitTestNames[] = {"bt", "bts", "btr", "btc"};
constexpr std::string_view kConditions[] = {"o", "no", "b",  "nb", "z", "nz", "be", "nbe",
                                            "s", "ns", "p", "np", "l", "nl", "le", "nle"};

template <size_t kCount>
int index_of(const std::string_view (&names)[kCount], std::string_view name) {
    for (size_t n = 0; n < kCount; ++n) {
        if (names[n] == name) return static_cast<int>(n);
    }
    return -1;
}

// "Ev:rw Gv:r" -> "Ev Gv"
std::string forms_of(std::string_view operands) {
    std::string out;
    bool skip = false;
    for (char ch : operands) {
        if (ch == ':') skip = true;
        if (ch == ' ') skip = false;
        if (!skip) out += ch;
    }
    return out;
}

struct FormKind {
    std::string_view name;  // empty: any
    std::string_view forms;
    Shape::Kind kind;
    bool byte;
};
constexpr FormKind kAluForms[] = {
    {"", "Eb Gb", Shape::kAluEG, true},  {"", "Ev Gv", Shape::kAluEG, false},
    {"", "Gb Eb", Shape::kAluGE, true},  {"", "Gv Ev", Shape::kAluGE, false},
    {"", "Eb Ib", Shape::kAluEI, true},  {"", "Ev Iz", Shape::kAluEI, false},
    {"", "Ev Ibs", Shape::kAluEI, false}, {"", "AL Ib", Shape::kAluAI, true},
    {"", "eAX Iz", Shape::kAluAI, false},
};
constexpr FormKind kShiftForms[] = {
    {"", "Ev Ib", Shape::kShiftEI, false}, {"", "Ev 1", Shape::kShiftE1, false},
    {"", "Ev CL", Shape::kShiftECl, false},
};
constexpr FormKind kOtherForms[] = {
    {"test", "Eb Gb", Shape::kTestEG, true},  {"test", "Ev Gv", Shape::kTestEG, false},
    {"test", "Eb Ib", Shape::kTestEI, true},  {"test", "Ev Iz", Shape::kTestEI, false},
    {"test", "AL Ib", Shape::kTestAI, true},  {"test", "eAX Iz", Shape::kTestAI, false},
    {"inc", "Zv", Shape::kIncR, false},       {"dec", "Zv", Shape::kDecR, false},
    {"inc", "Ev", Shape::kIncE, false},       {"dec", "Ev", Shape::kDecE, false},
    {"mov", "Eb Gb", Shape::kMovEG, true},    {"mov", "Ev Gv", Shape::kMovEG, false},
    {"mov", "Gb Eb", Shape::kMovGE, true},    {"mov", "Gv Ev", Shape::kMovGE, false},
    {"mov", "Eb Ib", Shape::kMovEI, true},    {"mov", "Ev Iz", Shape::kMovEI, false},
    {"mov", "Zb Ib", Shape::kMovRI, true},    {"mov", "Zv Iv", Shape::kMovRI, false},
    {"mov", "AL Ob", Shape::kMovAO, true},    {"mov", "eAX Ov", Shape::kMovAO, false},
    {"mov", "Ob AL", Shape::kMovOA, true},    {"mov", "Ov eAX", Shape::kMovOA, false},
    {"lea", "Gv M", Shape::kLea, false},      {"push", "Zv", Shape::kPushR, false},
    {"push", "Iz", Shape::kPushI, false},     {"push", "Ibs", Shape::kPushI, false},
    {"push", "Ev", Shape::kPushE, false},     {"pop", "Zv", Shape::kPopR, false},
    {"pop", "Ev", Shape::kPopE, false},        {"rdtsc", "", Shape::kRdtsc, false},
    {"leave", "", Shape::kLeave, false},      {"div", "eDX eAX Ev", Shape::kDivE, false},
    {"idiv", "eDX eAX Ev", Shape::kIdivE, false},
    {"", "Yb Xb", Shape::kMovs, true},        {"", "Yv Xv", Shape::kMovs, false},
    {"", "Yb AL", Shape::kStos, true},        {"", "Yv eAX", Shape::kStos, false},
    {"", "AL Xb", Shape::kLods, true},        {"", "eAX Xv", Shape::kLods, false},
    {"", "AL Yb", Shape::kScas, true},        {"", "eAX Yv", Shape::kScas, false},
    {"not", "Eb", Shape::kNotE, true},        {"not", "Ev", Shape::kNotE, false},
    {"neg", "Eb", Shape::kNegE, true},        {"neg", "Ev", Shape::kNegE, false},
    {"mul", "eDX eAX Ev", Shape::kMulE, false}, {"imul", "eDX eAX Ev", Shape::kImulE, false},
    {"imul", "Gv Ev", Shape::kImulGE, false}, {"imul", "Gv Ev Iz", Shape::kImulGEI, false},
    {"imul", "Gv Ev Ibs", Shape::kImulGEI, false},
    {"xchg", "Eb Gb", Shape::kXchgEG, true},  {"xchg", "Ev Gv", Shape::kXchgEG, false},
    {"xchg", "Zv eAX", Shape::kXchgAR, false}, {"bswap", "Zv", Shape::kBswap, false},
    {"cbw", "eAX", Shape::kCbw, false},       {"cwd", "eDX eAX", Shape::kCwd, false},
    {"shld", "Ev Gv Ib", Shape::kShldI, false}, {"shrd", "Ev Gv Ib", Shape::kShrdI, false},
    {"bsf", "Gv Ev", Shape::kBsf, false},     {"bsr", "Gv Ev", Shape::kBsr, false},
    {"sahf", "AH", Shape::kSahf, false},      {"clc", "", Shape::kClc, false},
    {"stc", "", Shape::kStc, false},          {"cmc", "", Shape::kCmc, false},
    {"cld", "", Shape::kCld, false},
    {"xadd", "Eb Gb", Shape::kXaddEG, true},  {"xadd", "Ev Gv", Shape::kXaddEG, false},
    {"cmpxchg", "Eb Gb AL", Shape::kCmpxchgEG, true}, {"cmpxchg", "Ev Gv eAX", Shape::kCmpxchgEG, false},
         {"jmp", "Jb", Shape::kJmp, false},
    {"jmp", "Jz", Shape::kJmp, false},        {"jmp", "Ev", Shape::kJmpE, false},
    {"call", "Jz", Shape::kCall, false},      {"call", "Ev", Shape::kCallE, false},
    {"ret", "", Shape::kRet, false},          {"ret", "Iw", Shape::kRet, false},
};
template <size_t kCount>
bool find_form(const FormKind (&list)[kCount], std::string_view name, std::string_view forms, Shape& out) {
    for (const FormKind& f : list) {
        if ((!f.name.empty() && f.name != name) || f.forms != forms) continue;
        out.kind = f.kind;
        out.byte = f.byte;
        return true;
    }
    return false;
}

Shape shape_of_row(const Row& row) {
    Shape s;
    const std::string forms = forms_of(row.operands);
    if (const int n = index_of(kAluNames, row.name); n >= 0 && find_form(kAluForms, row.name, forms, s)) {
        s.number = static_cast<uint8_t>(n);
    } else if (const int m = index_of(kShiftNames, row.name);
               m >= 0 && find_form(kShiftForms, row.name, forms, s)) {
        s.number = static_cast<uint8_t>(m);
    } else if (find_form(kOtherForms, row.name, forms, s)) {
        return s;
    } else if ((row.name == "movzx" || row.name == "movsx") && (forms == "Gv Eb" || forms == "Gv Ew")) {
        s.kind = row.name == "movzx" ? Shape::kMovzx : Shape::kMovsx;
        s.number = forms == "Gv Eb" ? 1 : 2;
    } else if (row.name.starts_with("cmov") && forms == "Gv Ev") {
        s.kind = Shape::kCmov;
        s.number = static_cast<uint8_t>(index_of(kConditions, row.name.substr(4)));
    } else if (row.name.starts_with("set") && forms == "Eb") {
        s.kind = Shape::kSetcc;
        s.number = static_cast<uint8_t>(index_of(kConditions, row.name.substr(3)));
    } else if (const int t = index_of(kBitTestNames, row.name); t >= 0 && (forms == "Ev Gv" || forms == "Ev Ib")) {
        s.kind = forms == "Ev Gv" ? Shape::kBtEG : Shape::kBtEI;
        s.number = static_cast<uint8_t>(t);
    } else if (row.name.starts_with("j") && (forms == "Jb" || forms == "Jz") &&
               index_of(kConditions, row.name.substr(1)) >= 0) {
        s.kind = Shape::kJcc;
        s.number = static_cast<uint8_t>(index_of(kConditions, row.name.substr(1)));
    } else if (row.name == "nop" || row.name == "pause" || row.name.ends_with("fence")) {
        s.kind = Shape::kNop;
    } else if (index_of(kPlainNames, row.name) >= 0 && !(row.attr & kEndsBlock) &&
               row.operands.find('S') == std::string_view::npos) {
        s.kind = Shape::kPlain;
    }
    return s;
}

const std::vector<Shape>& shapes() {
    static const std::vector<Shape> all = [] {
        std::vector<Shape> v;
        for (const Row* row : table()) v.push_back(shape_of_row(*row));
        return v;
    }();
    return all;
}

const Insn* chain_plain(Cpu& cpu, const Insn* insn, Chaining& c) {
    insn->exec(cpu, *insn);
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}
// The pseudo-instruction after a block's last one: straight on.
const Insn* chain_on(Cpu& cpu, const Insn* insn, Chaining& c) {
    cpu.eip += insn->end;
    return go_linked(cpu, tail_after(insn - 1)->to[0], c);
}

Chain pick(const Shape& shape, const Insn& insn, bool inside) {
    if (shape.kind < Shape::kNop || insn.lock) return chain_exact;
    if (shape.kind == Shape::kNop) return chain_plain;
    if (insn.rep && shape.kind != Shape::kRet) return chain_exact;
    if (shape.plain()) return insn.has_mem ? chain_exact : chain_plain;
    Chain chain = nullptr;
    if (shape.kind >= Shape::kJcc)
        chain = pick_branch(shape, insn, inside);
    else if (shape.kind >= Shape::kMovEG)
        chain = pick_move(shape, insn);
    else
        chain = pick_alu(shape, insn);
    return chain ? chain : chain_exact;
}

const Insn* chain_counted(Cpu& cpu, const Insn* insn, Chaining& c) {
    CodeBlock& block = *const_cast<CodeBlock*>(reinterpret_cast<const CodeBlock*>(insn) - 1);
    if (++block.heat < c.threshold) return block.first_chain(cpu, insn, c);
    cpu.wiring.countdown.remaining += block.count;
    return nullptr;
}

}  // namespace

const Shape& shape_of(const Insn& insn) { return shapes()[insn.row]; }

void count_executions(CodeBlock& block) {
    Insn& first = *block.insns();
    block.first_chain = first.chain;
    first.chain = chain_counted;
}

void chain_block(std::span<Insn> insns, Insn& end) {
    unsigned bytes = 0;
    for (size_t n = 0; n < insns.size(); ++n) {
        Insn& insn = insns[n];
        bytes += insn.length;
        insn.left = static_cast<uint8_t>(insns.size() - 1 - n);
        insn.end = static_cast<uint16_t>(bytes);
        insn.chain = pick(shapes()[insn.row], insn, n + 1 < insns.size());
    }
    if (insns.size() >= 2) {
        Insn& last = insns.back();
        Insn& before = insns[insns.size() - 2];
        const Shape& shape = shapes()[last.row];
        if (shape.kind == Shape::kJcc && last.op_size == 4 && !last.rep && !before.rep && !before.lock) {
            if (Chain fused = pick_fused(shapes()[before.row], before, shape.number)) before.chain = fused;
        }
    }
    end.chain = chain_on;
    end.end = static_cast<uint16_t>(bytes);
}

const Insn* chain_exact(Cpu& cpu, const Insn* insn, Chaining& c) {
    Countdown& countdown = cpu.wiring.countdown;
    countdown.remaining += insn->left;
    cpu.eip += insn->end;
    c.insn = insn;
    Fault fault;
    if (access_faults(cpu, *insn, row_access(*insn), fault)) {
        InterpreterGuest::deliver(cpu, fault, insn->length);
        c.changed = true;
        return nullptr;
    }
    insn->exec(cpu, *insn);
    if (insn->left == 0) {
        // A branch or a change of modes; or the block was only cut here.
        c.changed = true;
        return nullptr;
    }
    if (countdown.remaining <= 0 || c.stop || cpu.events || cpu.tlb.generation() != c.generation) [[unlikely]]
        return nullptr;
    countdown.remaining -= insn->left;
    cpu.eip -= insn->end;
    ++insn;
    QR_CHAIN_GO(cpu, insn, c);
}

}  // namespace qr::i386
