// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/simd_form.h"

#include <cpuid.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "target/i386/cpu.h"
#include "target/i386/encoding.h"

namespace qr::i386 {

namespace {

// Left to their handlers: approximations, of which every processor has its own, and what is too rare or too
// complicated to be worth it.
constexpr std::string_view kExcluded[] = {
    "rcpps",    "rcpss",      "rsqrtps", "rsqrtss", "maskmovq", "maskmovdqu",
    "ldmxcsr",  "stmxcsr",    "clflush", "fxsave",  "fxrstor",
};
constexpr std::string_view kUnaligned[] = {"movups", "movupd", "movdqu", "lddqu"};

template <size_t kCount>
bool among(const std::string_view (&names)[kCount], std::string_view name) {
    return std::ranges::find(names, name) != std::end(names);
}

bool host_has_sse3() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & 1);
}

// One word of a row's operands: "Vdq:rw".
struct RowOperand {
    char letter = 0;
    uint8_t bytes = 0;
    bool read = false;

    explicit RowOperand(std::string_view text) {
        if (text.empty()) return;
        const size_t colon = text.find(':');
        letter = text[0];
        const std::string_view size = text.substr(1, colon - 1);
        bytes = size == "dq" ? 16 : size == "q" ? 8 : size == "d" ? 4 : size == "w" ? 2 : size == "b" ? 1 : 0;
        read = text.substr(colon).find('r') != std::string_view::npos;
    }
    bool any_of(std::string_view letters) const { return letter && letters.find(letter) != std::string_view::npos; }
};

std::string_view next_word(std::string_view& s) {
    const size_t end = std::min(s.find(' '), s.size());
    const std::string_view word = s.substr(0, end);
    s.remove_prefix(std::min(end + 1, s.size()));
    return word;
}

bool is_float_row(const Row& row) {
    return &row >= sse_rows().data() && &row < sse_rows().data() + sse_rows().size();
}

SimdForm::Kind kind_of(const RowOperand& to, const RowOperand& from) {
    using K = SimdForm;
    switch (to.letter) {
        case 'V': return !to.any_of("V") ? K::kNone : from.any_of("QN") ? K::kXmmFromMmx : K::kToXmm;
        case 'P': return from.any_of("WU") ? K::kMmxFromXmm : K::kToMmx;
        case 'G': return from.any_of("N") ? K::kMmxToGpr : K::kToGpr;
        case 'U': return K::kShift;
        case 'N': return K::kMmxShift;
        default: break;
    }
    return from.any_of("V") ? K::kFromXmm : from.any_of("P") ? K::kFromMmx : from.any_of("G") ? K::kStoreGpr : K::kNone;
}

void set_host_instruction(SimdForm& f, uint8_t prefix, uint8_t opcode) {
    f.prefix = prefix;
    f.opcode = opcode;
}

// Where the host's instruction is another one than the guest's.
void substitute(SimdForm& f, std::string_view name) {
    switch (f.kind) {
        case SimdForm::kToMmx:
        case SimdForm::kMmxShift:
        case SimdForm::kMmxToGpr:
            f.prefix = 0x66;
            if (name == "movq") set_host_instruction(f, 0xf3, 0x7e);
            if (name == "pshufw") f.prefix = 0xf2;                        // PSHUFLW
            if (name == "pinsrw" || name == "pextrw") f.imm_mask = 3;
            break;
        case SimdForm::kXmmFromMmx:
            if (name == "cvtpi2ps") set_host_instruction(f, 0, 0x5b);     // CVTDQ2PS
            if (name == "cvtpi2pd") set_host_instruction(f, 0xf3, 0xe6);  // CVTDQ2PD
            break;
        case SimdForm::kMmxFromXmm:
            if (name == "cvtps2pi") set_host_instruction(f, 0x66, 0x5b);  // CVTPS2DQ
            if (name == "cvttps2pi") set_host_instruction(f, 0xf3, 0x5b);
            if (name == "cvtpd2pi") set_host_instruction(f, 0xf2, 0xe6);  // CVTPD2DQ
            if (name == "cvttpd2pi") set_host_instruction(f, 0x66, 0xe6);
            break;
        case SimdForm::kToXmm:
            if (name == "lddqu") set_host_instruction(f, 0xf3, 0x6f);     // MOVDQU
            // PSHUFD
            f.fixed_imm = name == "movddup" ? 0x44 : name == "movsldup" ? 0xa0 : name == "movshdup" ? 0xf5 : 0;
            if (f.fixed_imm) set_host_instruction(f, 0x66, 0x70);
            break;
        case SimdForm::kFromXmm:
            if (name.starts_with("movnt")) set_host_instruction(f, 0, 0x29);  // MOVAPS
            break;
        default: break;
    }
}

SimdForm form_of_row(const Row& row, const Encoding& e) {
    SimdForm f;
    if (!(row.attr & (kMmx | kSse)) || e.map != 1 || among(kExcluded, row.name)) return f;
    std::string_view words = row.operands;
    const RowOperand to(next_word(words)), from(next_word(words));
    const bool immediate = row.operands.find("Ib:") != std::string_view::npos;
    if (row.name == "emms") {
        f.kind = SimdForm::kEmms;
        f.mmx = true;
        return f;
    }
    if (!from.letter) {  // no operand, or only the address of one
        f.kind = SimdForm::kNothing;
        return f;
    }
    static constexpr uint8_t kPrefixes[] = {0, 0, 0x66, 0xf3, 0xf2};
    f.kind = kind_of(to, from);
    set_host_instruction(f, kPrefixes[static_cast<unsigned>(e.prefix)], e.opcode);
    f.digit = static_cast<uint8_t>(e.digit < 0 ? 0 : e.digit);
    f.floats = is_float_row(row);
    f.mmx = row.attr & kMmx;
    f.stores = f.kind == SimdForm::kFromXmm || f.kind == SimdForm::kFromMmx || f.kind == SimdForm::kStoreGpr;
    const RowOperand& operand = f.stores ? to : from;
    f.general = operand.any_of("EG");
    f.bytes = operand.bytes;
    f.aligned = f.bytes == 16 && !among(kUnaligned, row.name);
    f.keeps = to.read || (to.any_of("VWU") && to.bytes < 16);
    if (immediate) f.imm_mask = row.name.starts_with("cmp") ? 7 : 0xff;
    if (row.name == "comiss" || row.name == "comisd" || row.name == "ucomiss" || row.name == "ucomisd")
        f.kind = SimdForm::kCompare;
    if (row.name.starts_with("hadd") || row.name.starts_with("hsub")) f.kind = SimdForm::kHorizontal;
    if (row.name.starts_with("addsub") && !host_has_sse3()) f.kind = SimdForm::kNone;
    substitute(f, row.name);
    return f;
}

const std::vector<SimdForm>& forms() {
    static const std::vector<SimdForm> all = [] {
        std::vector<SimdForm> v;
        for (const DecodeTables::RowInfo& r : decode_tables().rows) v.push_back(form_of_row(*r.row, r.encoding));
        return v;
    }();
    return all;
}

}  // namespace

const SimdForm& simd_form(const Insn& insn) { return forms()[insn.row]; }

bool simd_emitted(const Insn& insn) {
    const SimdForm& f = simd_form(insn);
    if (f.kind == SimdForm::kNone || insn.lock) return false;
    return !f.memory(insn) || (insn.ea_mask == 0xffffffff && insn.seg != kEs && insn.seg != kCs);
}

FlagUse simd_flag_use(const Insn& insn, const SimdForm& form) {
    FlagUse u{0, 0, form.memory(insn) || form.may_refuse(insn)};
    if (form.kind == SimdForm::kCompare) u.writes = kArithFlags;
    return u;
}

uint16_t simd_registers_written(const Insn& insn, const SimdForm& form) {
    if (form.kind == SimdForm::kToGpr || form.kind == SimdForm::kMmxToGpr) return static_cast<uint16_t>(1u << insn.reg);
    if (form.stores && form.general && !insn.has_mem) return static_cast<uint16_t>(1u << insn.rm);
    return 0;
}

}  // namespace qr::i386
