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
    // Rows of the same name are one line: forms of one instruction.
    std::vector<Line> lines;
    for (size_t n = 0; n < s.rows.size(); ++n) {
        const auto& calls = s.rows[n];
        if (!(calls.whole | calls.rare)) continue;
        const auto row = static_cast<uint16_t>(n);
        const auto same = std::ranges::find_if(lines, [&](const Line& l) { return row_name(l.row) == row_name(row); });
        if (same == lines.end()) {
            lines.push_back({row, calls.whole, calls.rare});
        } else {
            same->whole += calls.whole;
            same->rare += calls.rare;
        }
    }
    std::ranges::stable_sort(lines, std::ranges::greater{}, &Line::calls);
    std::string text;
    if (lines.empty()) return text;
    text = fmt::format("  {:<12}{:>14}{:>8}{:>16}{:>14}\n", "handler", "calls", "share", "not emitted", "rare case");
    for (size_t n = 0; n < std::min(lines.size(), kMostRows); ++n) {
        const Line& l = lines[n];
        text += fmt::format("  {:<12}{:>14}{:>7.1f}%{:>16}{:>14}\n", row_name(l.row), l.calls(),
                            percent(l.calls(), s.handlers), l.whole, l.rare);
    }
    if (lines.size() > kMostRows) text += fmt::format("  and {} more\n", lines.size() - kMostRows);
    return text;
}

}  // namespace

std::string describe(const TranslatorStatistics& s, uint64_t counted) {
    const auto line = [](const char* name, const std::string& value) { return fmt::format("{:<22}{}\n", name, value); };
    std::string text = "Translator\n";
    text += line("code memory", fmt::format("{} bytes, {} in use ({:.1f} %), flushed {} times", s.cache_bytes,
                                            s.used_bytes, percent(s.used_bytes, s.cache_bytes), s.flushes));
    text += line("blocks", fmt::format("{} translated, {} overwritten by the guest", s.blocks, s.invalidations));
    text += line("guest code", fmt::format("{} instructions ({:.1f} a block), {} bytes; {:.2f} % have host code of their own",
                                           s.instructions, ratio(s.instructions, s.blocks), s.guest_bytes,
                                           percent(s.emitted, s.instructions)));
    text += line("host code", fmt::format("{} bytes ({:.1f} an instruction), {:.2f} times the guest's", s.host_bytes,
                                          ratio(s.host_bytes, s.instructions), ratio(s.host_bytes, s.guest_bytes)));
    text += line("branches", fmt::format("{} to known addresses in the memory, {} linked ({:.1f} %); {} links made",
                                         s.branches, s.linked, percent(s.linked, s.branches), s.links));
    text += line("executed", fmt::format("{} instructions, {:.2f} % of all {}", s.executed, percent(s.executed, counted),
                                         counted));
    text += line("entries from C++", fmt::format("{}, for {:.1f} instructions each", s.entries,
                                                 ratio(s.executed, s.entries)));
    text += line("handler calls", fmt::format("{}, {:.2f} % of instructions executed", s.handlers,
                                              percent(s.handlers, s.executed)));
    if (s.translation_ns) {
        const double ns = static_cast<double>(*s.translation_ns);
        text += line("time in translation", fmt::format("{:.3f} s, {:.2f} us an instruction", ns / 1e9,
                                                        s.instructions ? ns / 1e3 / static_cast<double>(s.instructions) : 0));
    }
    return text + handler_table(s);
}

}  // namespace qr::i386
