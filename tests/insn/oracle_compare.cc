// SPDX-License-Identifier: GPL-2.0-or-later
//
// The comparison, and the table of what isn't compared: where the manuals leave a result undefined,
// or processors differ and the choice made here is documented. Source: Intel SDM volumes 1 and 2;
// AMD APM volumes 3 to 5, for the differences.
#include "tests/insn/oracle_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <span>

#include "target/i386/cpu.h"
#include "util/disassemble.h"

namespace qr::oracle {

using namespace i386;

namespace {

enum Mask : uint32_t {
    kApproximate80 = 1 << 0,  // ST0 and ST1 by a tolerance, C1, PE and UE not at all
    kPointers28 = 1 << 1,     // FNSTENV, FNSAVE: the instruction and operand pointers in memory
    kPointersFx = 1 << 2,     // FXSAVE: the same, and reserved bytes
    kApproximate32 = 1 << 3,  // elements of XMM registers by a relative tolerance
    kDestination = 1 << 4,    // the general register or memory that is written
    kLongOperand =
        1 << 5,  // on a fault neither CR2 and the error code nor the x87 state and memory
    kEip = 1 << 6,
    kTransition = 1 << 7,  // TOP and tags: whether the x87 registers became MMX registers
    kTransitionOnFault = 1 << 8,
    kStackOrGeneral = 1 << 9,  // #SS and #GP are the same
    kNotOnFault = 1 << 10,     // nothing is compared if either faults
    kGprsOnFault = 1 << 11,
    kWhichFault = 1 << 12,  // that both fault is enough
    kSkip = 1 << 13,        // nothing is compared
};

struct Rule {
    std::string_view name;  // of the row; ? stands for a letter, * for any
    uint32_t mask;
    bool (*applies)(const Plan& plan, const Insn& insn, const Case& c,
                    const CaseInfo& info);  // null: always
    const char* reason;
};

unsigned shift_count(const Plan& plan, const Insn& insn, const Case& c) {
    return (plan.has("CL") ? c.gpr[kEcx] : insn.imm) & 31;
}

bool alignment_checked(const Plan&, const Insn&, const Case& c, const CaseInfo&) {
    return c.eflags & kACFlag;
}
bool st7_used(const Case& c) { return c.fx.tags >> (((c.fx.status >> 11) + 7) & 7) & 1; }

constexpr char kFrame[] = "in which order, and how far, the frame on the stack is read";
constexpr char kAlignment[] =
    "the alignment that long x87 operands want, and whether #AC comes before #PF";
constexpr char kUnaligned[] = "unaligned SSE moves may or may not raise #AC (SDM volume 2, MOVUPS)";
constexpr char kSeveral[] =
    "the order of a long operand's accesses isn't defined, nor what was done before a fault";
constexpr char kTranscendental[] = "transcendental functions: processors differ in the last place";
const Rule kRules[] = {
    {"fsin", kApproximate80, nullptr, kTranscendental},
    {"fcos", kApproximate80, nullptr, kTranscendental},
    {"fsincos", kApproximate80, nullptr, kTranscendental},
    {"fptan", kApproximate80, nullptr, kTranscendental},
    {"fpatan", kApproximate80, nullptr, kTranscendental},
    {"f2xm1", kApproximate80, nullptr, kTranscendental},
    {"fyl2x", kApproximate80, nullptr, kTranscendental},
    {"fyl2xp1", kApproximate80, nullptr, kTranscendental},
    {"fnstenv", kPointers28, nullptr,
     "AMD keeps the x87 pointers only while an exception is pending"},
    {"fnsave", kPointers28, nullptr,
     "AMD keeps the x87 pointers only while an exception is pending"},
    {"fxsave", kPointersFx, nullptr,
     "AMD keeps the x87 pointers only while an exception is pending; MXCSR_MASK; reserved bytes"},
    {"rcp?s", kApproximate32, nullptr, "an approximation: relative error up to 1.5 * 2^-12"},
    {"rsqrt?s", kApproximate32, nullptr, "an approximation: relative error up to 1.5 * 2^-12"},
    {"fnstenv", kLongOperand, nullptr, kSeveral},
    {"fldenv", kLongOperand, nullptr, kSeveral},
    {"fnsave", kLongOperand, nullptr, kSeveral},
    {"frstor", kLongOperand, nullptr, kSeveral},
    {"fxsave", kLongOperand, nullptr, kSeveral},
    {"fxrstor", kLongOperand, nullptr, kSeveral},
    {"int1", kEip, nullptr, "some hypervisors report the address of the instruction itself"},
    {"cvtpi2ps", kTransition,
     [](const Plan&, const Insn& insn, const Case&, const CaseInfo&) { return insn.has_mem; },
     "CVTPI2PS from memory: Intel's manual has it become MMX state, AMD's doesn't"},
    {"cvtpi2ps", kSkip,
     [](const Plan&, const Insn& insn, const Case& c, const CaseInfo&) {
         return insn.has_mem && c.fx.status & 0x80;
     },
     "CVTPI2PS from memory with an exception pending: #MF by Intel's manual"},
    {"cvt*pi*", kTransitionOnFault, nullptr,
     "a #XM leaves open whether the x87 registers became MMX registers"},
    {"*", kStackOrGeneral,
     [](const Plan& plan, const Insn& insn, const Case&, const CaseInfo&) {
         return insn.has_mem && (plan.row->attr & kSse);
     },
     "a misaligned operand beyond SS's limit: the order of the checks isn't defined"},
    {"maskmov*", kNotOnFault, nullptr,
     "which bytes are looked at, and in which order, isn't defined"},
    {"fx*", kNotOnFault,
     [](const Plan&, const Insn&, const Case&, const CaseInfo& info) {
         return (info.memory_operand & (kPage - 1)) > kPage - 512;
     },
     "AMD doesn't touch all of the 512 bytes"},
    {"fbld", kNotOnFault,
     [](const Plan&, const Insn&, const Case& c, const CaseInfo&) { return st7_used(c); },
     "with a stack overflow AMD doesn't read the operand"},
    {"enter", kNotOnFault, alignment_checked,
     "whether ENTER looks at the alignment of the final stack pointer"},
    {"enter", kSkip,
     [](const Plan&, const Insn& insn, const Case& c, const CaseInfo&) {
         return insn.op_size == 4 && c.seg[kSs] == ldt_selector(kWindow16);
     },
     "a 32-bit ENTER on a 16-bit stack: AMD's frame pointer has the upper half of ESP"},
    {"f*", kNotOnFault, alignment_checked, kAlignment},
    {"f*", kNotOnFault,
     [](const Plan&, const Insn& insn, const Case&, const CaseInfo& info) {
         return insn.ea_mask == 0xffff && (info.memory_operand & 0xffff) + 512 > 0x10000;
     },
     "AMD wraps the parts of a long operand around at 64 KiB"},
    {"pusha", kLongOperand, nullptr, kSeveral},
    {"mov?p?", kNotOnFault, alignment_checked, kUnaligned},
    {"movdqu", kNotOnFault, alignment_checked, kUnaligned},
    {"lddqu", kNotOnFault, alignment_checked, kUnaligned},
    {"call", kWhichFault, nullptr, "whether the target or the stack is looked at first"},
    {"retf", kWhichFault, nullptr, kFrame},
    {"iret", kWhichFault, nullptr, kFrame},
    {"cmps*", kWhichFault, nullptr, "which of the two operands is read first isn't defined"},
    {"popa", kGprsOnFault, nullptr,
     "AMD's POPA changes registers before a page fault; it can be restarted all the same"},
    {"bswap", kDestination,
     [](const Plan&, const Insn& insn, const Case&, const CaseInfo&) { return insn.op_size == 2; },
     "BSWAP of a 16-bit register is undefined"},
    {"sh?d", kDestination,
     [](const Plan& plan, const Insn& insn, const Case& c, const CaseInfo&) {
         return insn.op_size == 2 && shift_count(plan, insn, c) > 16;
     },
     "SHLD and SHRD of 16 bits by more than 16 are undefined"},
};

bool name_matches(std::string_view pattern, std::string_view name) {
    if (pattern.empty()) return name.empty();
    if (pattern[0] == '*')
        return name_matches(pattern.substr(1), name) ||
               (!name.empty() && name_matches(pattern, name.substr(1)));
    return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
           name_matches(pattern.substr(1), name.substr(1));
}

uint32_t masks_of(const Plan& plan, const Insn& insn, const Case& c, const CaseInfo& info) {
    uint32_t mask = 0;
    for (const Rule& r : kRules)
        if (name_matches(r.name, plan.name()) && (!r.applies || r.applies(plan, insn, c, info)))
            mask |= r.mask;
    return mask;
}

bool near80(const FxArea::St& a, const FxArea::St& b) {
    if (a.sign_exponent == b.sign_exponent) {
        const uint64_t d =
            a.mantissa > b.mantissa ? a.mantissa - b.mantissa : b.mantissa - a.mantissa;
        return d <= 2;
    }
    // Around a power of two.
    const auto one_up = [](const FxArea::St& low, const FxArea::St& high) {
        return low.sign_exponent + 1 == high.sign_exponent && ~low.mantissa < 3 &&
               (high.mantissa << 1) < 3;
    };
    return one_up(a, b) || one_up(b, a);
}

bool near32(const uint8_t* a, const uint8_t* b) {
    for (unsigned i = 0; i < 16; i += 4) {
        uint32_t x, y;
        std::memcpy(&x, a + i, 4);
        std::memcpy(&y, b + i, 4);
        const uint32_t d = x > y ? x - y : y - x;
        const bool both_tiny = (x ^ y) >> 31 == 0 && (x << 1) < 0x01002000 && (y << 1) < 0x01002000;
        if (d > 3 << 12 && !both_tiny) return false;  // in units of 2^-23 of the value
    }
    return true;
}

bool same_x87(const FxArea& host, const FxArea& ours, uint32_t mask, std::string& out) {
    unsigned ignored = 0;
    if (mask & kApproximate80) ignored = 0x200 | 0x30;
    const auto status = [&](const FxArea& f) { return f.status & ~ignored; };
    unsigned turn = 0;
    if (mask & kTransition) {
        ignored |= 0x3800;
        turn = 8 + (ours.status >> 11 & 7) - (host.status >> 11 & 7);
    }
    if (host.control != ours.control) out += " fcw";
    if (status(host) != status(ours)) out += " fsw";
    if (host.tags != ours.tags && !(mask & kTransition)) out += " ftw";
    for (unsigned i = 0; i < 8; ++i) {
        const FxArea::St &a = host.st[(i + turn) & 7], &b = ours.st[i];
        const bool same = a.mantissa == b.mantissa && a.sign_exponent == b.sign_exponent;
        if (same || (i < 2 && (mask & kApproximate80) && near80(a, b))) continue;
        out += fmt::format(" st{}", i);
    }
    return out.empty();
}

void compare_sse(const FxArea& host, const FxArea& ours, uint32_t mask, std::string& out) {
    if (host.mxcsr != ours.mxcsr) out += " mxcsr";
    for (unsigned i = 0; i < 8; ++i) {
        if (std::memcmp(host.xmm[i], ours.xmm[i], 16) == 0) continue;
        if ((mask & kApproximate32) && near32(host.xmm[i], ours.xmm[i])) continue;
        out += fmt::format(" xmm{}", i);
    }
}

uint32_t word_address(unsigned index) {
    return kDataBase + kWritablePages[index / (kPage / 8)] * kPage + index % (kPage / 8) * 8;
}

// Bytes of the memory operand that aren't compared.
bool byte_ignored(uint32_t at, uint32_t mask, const Insn& insn, unsigned written) {
    if ((mask & kDestination) && at < written) return true;
    if (mask & kPointers28) return insn.op_size == 4 ? at >= 12 && at < 28 : at >= 6 && at < 14;
    if (mask & kPointersFx)
        return (at >= 6 && at < 24) || (at >= 28 && at < 32) || (at >= 288 && at < 512);
    return false;
}

void compare_memory(const Result& host, const Result& ours, uint32_t mask, const CaseInfo& info,
                    std::string& out) {
    if (host.changes > kMaxChanges || ours.changes > kMaxChanges) {
        if (host.changes != ours.changes || host.more != ours.more) out += " memory";
        return;
    }
    unsigned i = 0, k = 0;
    while (i < host.changes || k < ours.changes) {
        const unsigned a = i < host.changes ? host.changed[i] : 0xffffu;
        const unsigned b = k < ours.changes ? ours.changed[k] : 0xffffu;
        const unsigned at = std::min(a, b);
        const bool both = a == b;
        const uint64_t va = a == at ? host.value[i++] : 0, vb = b == at ? ours.value[k++] : 0;
        if (both && va == vb) continue;
        bool matters = false;
        for (unsigned n = 0; n < 8; ++n) {
            if (both && ((va ^ vb) >> (8 * n) & 0xff) == 0) continue;
            const uint32_t offset = word_address(at) + n - info.memory_operand;
            if (!mask || !byte_ignored(offset, mask, info.insns[0], info.insns[0].op_size))
                matters = true;
        }
        if (matters) {
            out += " memory";
            return;
        }
    }
}

bool has_error_code(uint8_t vector) {
    return vector == kTS || vector == kNP || vector == kSS || vector == kGP;
}

}  // namespace

std::string vector_name(uint8_t v) {
    static constexpr std::string_view kNames[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                                  "#NM", "#DF", "9",   "#TS", "#NP", "#SS", "#GP",
                                                  "#PF", "15",  "#MF", "#AC", "#MC", "#XM"};
    if (v == kNoVector) return "no fault";
    if (v == kHang) return "hang";
    return v < std::size(kNames) ? std::string(kNames[v]) : fmt::format("vector {}", v);
}

std::string difference(const Generator& generator, const Case& c, const CaseInfo& info,
                       const Result& host, const Result& ours) {
    const bool one = info.insns.size() == 1;
    // The instruction that faulted, if it is known.
    size_t at = info.insns.size();
    if (host.vector != kNoVector)
        for (size_t i = 0; i < info.starts.size(); ++i)
            if (info.starts[i] == host.eip) at = i;
    if (at == info.insns.size() && ours.vector != kNoVector)
        for (size_t i = 0; i < info.starts.size(); ++i)
            if (info.starts[i] == ours.eip) at = i;
    const size_t last = one ? 0 : at;
    const Plan* plan =
        last < info.insns.size() ? &generator.plans()[info.insns[last].row] : nullptr;
    uint32_t mask = plan ? masks_of(*plan, info.insns[last], c, info) : 0;
    const auto stack_or_general = [](uint8_t vector) { return vector == kSS || vector == kGP; };
    if (mask & kSkip) return "";
    if ((mask & kNotOnFault) && (host.vector != kNoVector || ours.vector != kNoVector)) return "";
    // An operand that runs over 4 GiB: it may wrap around, and fault there, or be beyond the limit
    // (SDM 3A, 5.3).
    if (stack_or_general(host.vector) && ours.vector == kPF && ours.cr2 > 0u - 512) return "";
    // By chance, what is mapped on one side only.
    if (ours.vector == kPF &&
        (ours.cr2 - kSystemBase < kSystemSize || ours.cr2 - kStubBase < kStubSize))
        return "";
    if ((mask & (host.vector == ours.vector ? kWhichFault : kWhichFault | kLongOperand)) &&
        host.vector != kNoVector && ours.vector != kNoVector)
        return "";
    if (host.vector != ours.vector && !((mask & kStackOrGeneral) && stack_or_general(host.vector) &&
                                        stack_or_general(ours.vector)))
        return fmt::format(" {} instead of {}", vector_name(ours.vector), vector_name(host.vector));
    std::string out;
    if ((mask & kTransitionOnFault) && host.vector != kNoVector) mask |= kTransition;
    if (host.eip != ours.eip && !(mask & kEip)) out += " eip";
    if (has_error_code(host.vector) && host.error != ours.error) out += " error";
    if (host.vector == kPF) {
        if (host.error != ours.error && !(mask & kLongOperand)) out += " error";
        if (host.cr2 != ours.cr2 && !(mask & kLongOperand)) out += " cr2";
    }
    // Flags that are undefined where it ended: a fault leaves them as they were before the
    // instruction.
    const uint32_t undefined = info.undefined[one ? 1 : at];
    if ((host.eflags ^ ours.eflags) & ~undefined & ~uint32_t{kRF}) out += " eflags";
    for (unsigned r = 0; r < 8; ++r) {
        if (host.gpr[r] == ours.gpr[r] ||
            ((mask & kGprsOnFault) && host.vector != kNoVector && r != kEsp))
            continue;
        if ((mask & kDestination) && !info.insns[0].has_mem && info.insns[0].rm == r) continue;
        static constexpr const char* kNames[] = {"eax", "ecx", "edx", "ebx",
                                                 "esp", "ebp", "esi", "edi"};
        out += fmt::format(" {}", kNames[r]);
    }
    for (unsigned s = 0; s < 6; ++s) {
        // Any interrupt on the host clears the RPL of null selectors.
        if (host.seg[s] != ours.seg[s] && (host.seg[s] | ours.seg[s]) > 3) out += " segments";
    }
    if ((mask & kLongOperand) && host.vector != kNoVector) return out;
    std::string x87;
    same_x87(host.fx, ours.fx, mask, x87);
    out += x87;
    compare_sse(host.fx, ours.fx, mask, out);
    compare_memory(host, ours, mask, info, out);
    return out;
}

std::string engines_difference(const Result& a, const Result& b) {
    if (a.vector != b.vector)
        return fmt::format(" {} instead of {}", vector_name(b.vector), vector_name(a.vector));
    std::string out;
    const auto check = [&out](bool same, std::string_view name) {
        if (!same) out += fmt::format(" {}", name);
    };
    check(a.eip == b.eip, "eip");
    check(a.error == b.error, "error");
    check(a.cr2 == b.cr2, "cr2");
    check(a.eflags == b.eflags, "eflags");
    check(a.count == b.count, "count");
    check(std::equal(a.gpr, std::end(a.gpr), b.gpr), "registers");
    check(std::equal(a.seg, std::end(a.seg), b.seg), "segments");
    check(std::memcmp(&a.fx, &b.fx, offsetof(FxArea, st)) == 0, "x87-control");
    check(std::memcmp(a.fx.st, b.fx.st, sizeof a.fx.st) == 0, "x87-registers");
    check(std::memcmp(a.fx.xmm, b.fx.xmm, sizeof a.fx.xmm) == 0, "xmm");
    const unsigned known = std::min(a.changes, kMaxChanges);
    check(a.changes == b.changes && a.more == b.more &&
              std::equal(a.changed, a.changed + known, b.changed) &&
              std::equal(a.value, a.value + known, b.value),
          "memory");
    return out;
}

namespace {

void show_result(std::string& out, std::string_view who, const Result& r) {
    auto to = std::back_inserter(out);
    fmt::format_to(to, "  {:<6}: {}", who, vector_name(r.vector));
    if (has_error_code(r.vector) || r.vector == kPF) fmt::format_to(to, " error {:#x}", r.error);
    if (r.vector == kPF) fmt::format_to(to, " cr2 {:#x}", r.cr2);
    fmt::format_to(to, " eip {:#x} eflags {:#x}\n    ", r.eip, r.eflags);
    for (const uint32_t v : r.gpr) fmt::format_to(to, " {:08x}", v);
    fmt::format_to(to, "\n     segments");
    for (const uint16_t s : r.seg) fmt::format_to(to, " {:#x}", s);
    for (unsigned i = 0; i < std::min(r.changes, 12u); ++i)
        fmt::format_to(to, "\n     [{:#x}] = {:016x}", word_address(r.changed[i]), r.value[i]);
    fmt::format_to(to, "\n");
}

void show_fx(std::string& out, std::string_view who, const FxArea& f) {
    auto to = std::back_inserter(out);
    fmt::format_to(to, "  {:<6}: fcw {:04x} fsw {:04x} ftw {:02x} mxcsr {:04x} fop {:03x} fip {:x}:{:x} fdp {:x}:{:x}\n    ",
                   who, f.control, f.status, f.tags, f.mxcsr, f.opcode, f.fcs, f.fip,
                   f.fds, f.fdp);
    for (unsigned i = 0; i < 8; ++i) {
        fmt::format_to(to, " {:04x}:{:016x}{}", f.st[i].sign_exponent, f.st[i].mantissa,
                       i == 3 ? "\n    " : "");
    }
    fmt::format_to(to, "\n    ");
    for (unsigned i = 0; i < 8; ++i) {
        uint64_t low, high;
        std::memcpy(&low, f.xmm[i], 8);
        std::memcpy(&high, f.xmm[i] + 8, 8);
        fmt::format_to(to, " {:016x}_{:016x}{}", high, low, i == 3 ? "\n    " : "");
    }
    fmt::format_to(to, "\n");
}

}  // namespace

std::string explain(const Generator& generator, const Case& c, const CaseInfo& info,
                    std::string_view what, const Named& a, const Named& b) {
    std::string out;
    auto to = std::back_inserter(out);
    const Row& row = *generator.plans()[info.insns[0].row].row;
    fmt::format_to(
        to, "case {}: {}:{}\n", info.number,
        info.insns.size() == 1 ? fmt::format("{} '{}'", row.name, row.encoding) : "a sequence",
        what);
    for (size_t i = 0; i < info.insns.size(); ++i) {
        const uint32_t from = info.starts[i] - c.eip;
        const uint32_t end = i + 1 < info.insns.size() ? info.starts[i + 1] - c.eip : c.code_length;
        const auto bytes = std::span<const uint8_t>(c.code).subspan(from, end - from);
        const auto width = c.code32 ? CodeWidth::k32 : CodeWidth::k16;
        const std::string text = disassemble(bytes, width, info.starts[i]).text;
        fmt::format_to(to, "  {:08x}  {:<40} {}\n", info.starts[i], hex_bytes(bytes),
                       text.empty() ? "(not known)" : text);
    }
    Result start{};
    start.fx = c.fx;
    std::memcpy(start.gpr, c.gpr, sizeof start.gpr);
    std::memcpy(start.seg, c.seg, sizeof start.seg);
    start.eflags = c.eflags;
    start.eip = c.eip;
    start.vector = kNoVector;
    show_result(out, "before", start);
    for (unsigned i = 0; i < c.patches; ++i) {
        const Patch& p = c.patch[i];
        fmt::format_to(to, "     [{:#x}] =", p.address);
        for (unsigned k = 0; k < std::min<unsigned>(p.length, 32); ++k)
            fmt::format_to(to, " {:02x}", p.bytes[k]);
        fmt::format_to(to, "\n");
    }
    for (const Named& n : {a, b}) show_result(out, n.who, n.result);
    const FxArea &x = a.result.fx, &y = b.result.fx;
    bool fpu = std::memcmp(&x, &y, 4) != 0 || std::memcmp(x.st, y.st, sizeof x.st) ||
               std::memcmp(x.xmm, y.xmm, sizeof x.xmm) || x.mxcsr != y.mxcsr;
    for (const Insn& insn : info.insns) fpu = fpu || row_attr(insn.row) & (kFpu | kMmx | kSse);
    if (fpu) {
        show_fx(out, "before", c.fx);
        for (const Named& n : {a, b}) show_fx(out, n.who, n.result.fx);
    }
    return out;
}

std::string describe_rules() {
    std::string out;
    for (const Rule& r : kRules) out += fmt::format("  {:<10} {}\n", r.name, r.reason);
    return out;
}

}  // namespace qr::oracle
