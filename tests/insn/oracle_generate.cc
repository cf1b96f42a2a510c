// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the generator knows of each row: operands, flags, whether it can be tested against the host
// at all. Source: none (target/i386/insn.h describes the rows).
#include "tests/insn/oracle_generate.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>

#include "target/i386/cpu.h"
#include "tests/insn/oracle_build.h"
#include "tests/insn/oracle_values.h"

namespace qr::oracle {

using namespace i386;

Random::Random(uint64_t seed) {
    for (uint64_t& s : s_) {
        seed += 0x9e3779b97f4a7c15;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        s = z ^ (z >> 31);
    }
}

uint64_t Random::next() {
    const auto rotate = [](uint64_t v, unsigned n) { return v << n | v >> (64 - n); };
    const uint64_t result = rotate(s_[1] * 5, 7) * 9;
    const uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotate(s_[3], 45);
    return result;
}

uint32_t flag_mask(std::string_view letters) {
    uint32_t mask = 0;
    for (const char c : letters) {
        switch (c) {
            case 'o': mask |= kOFlag; break;
            case 's': mask |= kSF; break;
            case 'z': mask |= kZF; break;
            case 'a': mask |= kAF; break;
            case 'p': mask |= kPF_; break;
            case 'c': mask |= kCF; break;
            default: break;  // d, i, t are never undefined
        }
    }
    return mask;
}

namespace {

std::vector<std::string_view> words(std::string_view s) {
    std::vector<std::string_view> out;
    while (!s.empty()) {
        const size_t end = std::min(s.find(' '), s.size());
        if (end) out.push_back(s.substr(0, end));
        s.remove_prefix(std::min(end + 1, s.size()));
    }
    return out;
}

bool host_has(Feature feature) {
    const auto n = static_cast<unsigned>(feature);
    if (n >= 96) return true;
#if defined(__x86_64__)
    unsigned a, b, c, d;
    __cpuid(n < 64 ? 1u : 0x80000001u, a, b, c, d);
    return bit(n < 32 ? d : n < 64 ? c : d, n % 32);
#else
    return false;
#endif
}

template <size_t N>
bool among(std::string_view name, const std::string_view (&list)[N]) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// Rows whose result depends on more than the state a case has.
constexpr std::string_view kHostDependent[] = {"cpuid", "rdtsc",   "rdpmc", "sysenter",
                                               "sgdt",  "sidt",    "sldt",  "str",
                                               "smsw",  "monitor", "mwait"};
constexpr std::string_view kFar[] = {"jmpf", "callf", "retf", "iret"};
// Not in sequences: results that may differ in the last bit or in what the host leaves out, or that
// a mask covers for the instruction alone.
constexpr std::string_view kAlone[] = {
    "fsin",   "fcos",   "fsincos", "fptan",    "fpatan",    "f2xm1",  "fyl2x",  "fyl2xp1",
    "rcpps",  "rcpss",  "rsqrtps", "rsqrtss",  "fnstenv",   "fnsave", "fxsave", "fxrstor",
    "fldenv", "frstor", "popf",    "fldcw",    "ldmxcsr",   "fnstsw", "lar",    "lsl",
    "verr",   "verw",   "arpl",    "maskmovq", "maskmovdqu"};

std::string why_excluded(const Row& row) {
    if (!host_has(row.feature)) return "the host's CPU hasn't got it";
    if (among(row.name, kHostDependent)) return "its result isn't a function of the state";
    return "";
}

}  // namespace

bool Plan::far() const { return among(row->name, kFar); }
bool Plan::loads_ss() const { return has("Sw") || has("SS") || row->name == "lss"; }

Plan Generator::make_plan(uint16_t number) const {
    Plan p;
    p.row = table()[number];
    p.number = number;
    p.encoding = decode_tables().rows[number].encoding;
    for (const std::string_view word : words(p.row->operands)) {
        const size_t colon = word.find(':');
        Operand o{word.substr(0, colon)};
        if (colon != std::string_view::npos) {
            o.read = word.find('r', colon) != std::string_view::npos;
            o.write = word.find('w', colon) != std::string_view::npos;
        }
        if (o.form.size() > 1 && (o.form.back() == 'v' || o.form.back() == 'z'))
            p.operand_size = true;
        if (o.form == "Ma" || o.form == "Mp" || o.form.substr(0, 2) == "eA" ||
            o.form.substr(0, 2) == "eD")
            p.operand_size = true;
        p.operands.push_back(o);
    }
    for (const std::string_view word : words(p.row->flags)) {
        const uint32_t mask = flag_mask(word.substr(2));
        if (word[0] == 'r') p.reads |= mask;
        if (word[0] == 'w') p.writes |= mask;
        if (word[0] == 'u') p.undefined |= mask;
    }
    const Encoding& e = p.encoding;
    if (e.modrm && e.fixed < 0) {
        p.memory = !e.reg_only && !e.force_reg;
        // PREFETCHW of a register: a NOP by Intel's manual, undefined by AMD's.
        p.registers = !e.mem_only && !(e.map == 1 && e.opcode == 0x0d);
    }
    p.excluded = why_excluded(*p.row);
    constexpr uint32_t kNever =
        kEndsBlock | kNearBranch | kSoftInterrupt | kIo | kPrivileged | kNotInUserTest;
    p.in_sequences = p.excluded.empty() && !(p.row->attr & kNever) && !among(p.row->name, kAlone);
    return p;
}

Generator::Generator(const CpuModel& model) : model_(model) {
    for (uint16_t n = 0; n < table().size(); ++n) {
        plans_.push_back(make_plan(n));
        Plan& p = plans_.back();
        if (p.excluded.empty() && !model.has(p.row->feature))
            p.excluded = "the CPU model hasn't got it";
    }
    for (const Plan& p : plans_) {
        if ((p.row->attr & kNearBranch) && (p.has("Jb") || p.has("Jz"))) branches_.push_back(&p);
        if (!p.in_sequences || !p.excluded.empty()) continue;
        auto& family = p.row->attr & kFpu ? x87_ : p.row->attr & (kMmx | kSse) ? simd_ : integer_;
        family.push_back(&p);
    }
}

void Generator::single(const Plan& plan, uint64_t seed, Case& c, CaseInfo& info) const {
    for (unsigned attempt = 0;; ++attempt) {
        Random rng(seed + attempt * 0x51ed27);
        Builder builder(model_, rng, c, info, false);
        // After some vain attempts only what can't go wrong is tried.
        if (builder.single(plan, attempt > 8) || attempt == 40) return;
    }
}

void Generator::sequence(uint64_t seed, Case& c, CaseInfo& info) const {
    Random rng(seed);
    Builder builder(model_, rng, c, info, true);
    const unsigned length = 5 + rng.below(16);
    const unsigned kind = rng.below(4);  // integer only; with x87; with SIMD; with both
    const bool flow = rng.percent(50);
    if (flow && rng.percent(50)) builder.begin_loop();
    for (unsigned tries = 0; builder.count() < length && tries < 200; ++tries) {
        const auto* family = &integer_;
        if ((kind & 1) && !x87_.empty() && rng.percent(50)) family = &x87_;
        if ((kind & 2) && !simd_.empty() && rng.percent(50)) family = &simd_;
        if (flow && rng.percent(15))
            builder.skip(*branches_[rng.below(static_cast<uint32_t>(branches_.size()))]);
        else
            builder.add(*(*family)[rng.below(static_cast<uint32_t>(family->size()))]);
    }
    builder.end_loop();
    builder.finish();
}

void Generator::fill_data(uint64_t seed, std::span<uint64_t> words) {
    Random rng(seed);
    for (size_t i = 0; i + 1 < words.size(); i += 2) {
        uint8_t bytes[16];
        packed_value(rng, bytes);
        std::memcpy(&words[i], bytes, 16);
    }
}

}  // namespace qr::oracle
