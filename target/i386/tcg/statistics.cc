// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/statistics.h"

#include <fmt/format.h>

#include <algorithm>

#include "target/i386/insn.h"

namespace qr::i386 {

namespace {

constexpr size_t kMostRows = 20;

double ratio(uint64_t a, uint64_t b) { return b ? static_cast<double>(a) / static_cast<double>(b) : 0; }
double percent(uint64_t a, uint64_t b) { return 100 * ratio(a, b); }

std::string handler_table(const TranslatorStatistics& s) {
    struct Line {
        uint16_t row;
        uint64_t whole, rare;
        uint64_t calls() const { return whole + rare; }
    };
    std::vector<Line> lines;
    for (size_t n = 0; n < s.rows.size(); ++n) {
        const auto& calls = s.rows[n];
        if (!(calls.whole | calls.rare)) continue;
        lines.push_back({static_cast<uint16_t>(n), calls.whole, calls.rare});
    }
    std::ranges::stable_sort(lines, std::ranges::greater{}, &Line::calls);
    std::string text;
    if (lines.empty()) return text;
    text = fmt::format("  {:<34}{:>12}{:>8}{:>14}{:>12}\n", "handler", "calls", "share", "not emitted", "rare case");
    for (size_t n = 0; n < std::min(lines.size(), kMostRows); ++n) {
        const Line& l = lines[n];
        const Row& row = *table()[l.row];
        text += fmt::format("  {:<34}{:>12}{:>7.1f}%{:>14}{:>12}\n",
                            fmt::format("{:<10} {:<10} {}", row.name, row.encoding, row.operands), l.calls(),
                            percent(l.calls(), s.handlers), l.whole, l.rare);
    }
    if (lines.size() > kMostRows) text += fmt::format("  and {} more\n", lines.size() - kMostRows);
    return text;
}

}  // namespace

std::string describe(const TranslatorStatistics& s, uint64_t counted) {
    std::string text = "Translator\n";
    const auto line = [&text](const char* name, const std::string& value) {
        text += fmt::format("{:<22}{}\n", name, value);
    };
    line("code memory", fmt::format("{} bytes, {} in use ({:.1f} %), flushed {} times", s.cache_bytes, s.used_bytes,
                                    percent(s.used_bytes, s.cache_bytes), s.flushes));
    line("blocks", fmt::format("{} translated, {} overwritten by the guest", s.blocks, s.invalidations));
    line("guest code", fmt::format("{} instructions ({:.1f} a block), {} bytes; {:.2f} % have host code of their own",
                                   s.instructions, ratio(s.instructions, s.blocks), s.guest_bytes,
                                   percent(s.emitted, s.instructions)));
    line("host code", fmt::format("{} bytes ({:.1f} an instruction), {:.2f} times the guest's", s.host_bytes,
                                  ratio(s.host_bytes, s.instructions), ratio(s.host_bytes, s.guest_bytes)));
    line("branches", fmt::format("{} to known addresses in the memory, {} linked ({:.1f} %); {} links made", s.branches,
                                 s.linked, percent(s.linked, s.branches), s.links));
    line("executed", fmt::format("{} instructions, {:.2f} % of all {}", s.executed, percent(s.executed, counted), counted));
    line("entries from C++", fmt::format("{}, for {:.1f} instructions each", s.entries, ratio(s.executed, s.entries)));
    line("handler calls", fmt::format("{}, {:.2f} % of instructions executed", s.handlers,
                                      percent(s.handlers, s.executed)));
    if (s.translation_ns) {
        line("time in translation", fmt::format("{:.3f} s, {:.2f} us an instruction", ratio(*s.translation_ns, 1'000'000'000),
                                                ratio(*s.translation_ns, s.instructions) / 1000));
    }
    return text + handler_table(s);
}

}  // namespace qr::i386
