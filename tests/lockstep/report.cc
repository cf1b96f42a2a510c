// SPDX-License-Identifier: GPL-2.0-or-later
//
// What lockstep says about a difference; see report.h. Source: none.
#include "tests/lockstep/report.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/lockstep/disassemble.h"

namespace qr::lockstep {

namespace {

constexpr size_t kMostSteps = 64;
constexpr size_t kMostPages = 16;

// One count of the reference: an instruction, or the entry of an interrupt in its place.
struct Step {
    uint64_t number = 0;
    std::string instruction;
    std::string pending;
    std::set<std::string> changes;  // names of fields
};

std::string pending_events(const i386::Cpu& cpu) {
    static constexpr std::pair<uint32_t, const char*> kNames[] = {
        {i386::kEventIntr, "interrupt"},  {i386::kEventNmi, "NMI"},
        {i386::kEventSmi, "SMI"},         {i386::kEventInit, "INIT"},
        {i386::kEventTrap, "debug trap"}, {i386::kEventShadow, "shadow of MOV or POP SS"},
        {i386::kEventHalt, "halt"},       {i386::kEventStep, "single steps or breakpoints"},
        {i386::kEventFerr, "FERR#"},      {i386::kEventStiShadow, "shadow of STI"}};
    std::string text;
    for (const auto& [mask, name] : kNames)
        if (cpu.events & mask) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

Step step(ReplayMachine& machine) {
    Step done;
    machine.catch_up();
    done.number = machine.icount() + 1;
    done.instruction = next_instruction(machine.cpu());
    done.pending = pending_events(machine.cpu());
    StateDump before, after;
    machine.dump(before);
    machine.run_to(done.number);
    machine.dump(after);
    for (const FieldDifference& d : compare_dumps(before, after)) done.changes.insert(d.path);
    return done;
}

void print_step(const Step& done, const Difference& difference, bool one_of_several) {
    fmt::print("  {:>12}  {}\n", done.number, done.instruction);
    if (!done.pending.empty()) fmt::print("                pending before it: {}\n", done.pending);
    if (!one_of_several) return;
    std::string names;
    for (const FieldDifference& d : difference.fields)
        if (d.path != "cpu0.eip" && done.changes.contains(d.path)) names += " " + d.path;
    if (!names.empty()) fmt::print("                changes{}\n", names);
}

void print_difference(const Difference& found) {
    if (!found.course.empty()) fmt::print("course:\n{}\n", found.course);
    if (!found.fields.empty() || !found.ram.empty()) fmt::print("differs:\n");
    for (const FieldDifference& d : found.fields)
        fmt::print("  {}: A {}, B {}\n", d.path, d.recorded, d.replayed);
    for (size_t n = 0; n < std::min(found.ram.size(), kMostPages); ++n) {
        const PageDifference& d = found.ram[n];
        fmt::print("  memory '{}' page {:#x} offset {:#x}: A {:#04x}, B {:#04x} ({} {} of the page)\n", d.block,
                   d.page, d.offset, d.a, d.b, d.bytes, d.bytes == 1 ? "byte" : "bytes");
    }
    if (found.ram.size() > kMostPages) fmt::print("  and {} more pages\n", found.ram.size() - kMostPages);
}

void print_states(Pair& pair, bool b_lives) {
    fmt::print("after, A:\n{}", pair.a().cpu().describe());
    if (b_lives) fmt::print("after, B:\n{}", pair.b().cpu().describe());
}

}  // namespace

void report(Pair& pair, const Finding& finding) {
    pair.run_to(finding.from);
    pair.a().catch_up();
    pair.b().catch_up();
    // In a copy: see Search::differ_after_stop().
    if (in_child([&] { return pair.compare().any() ? 1 : 0; })) {
        const Difference due = pair.compare();
        fmt::print("first difference: at instruction {}, in what was due there before the next one was executed "
                   "(timers, inputs, time that passes in HLT)\n",
                   finding.from);
        print_difference(due);
        print_states(pair, true);
        return;
    }
    const std::string before = pair.a().cpu().describe();
    std::vector<Step> steps;
    while (pair.a().icount() < finding.to && !pair.a().ended()) steps.push_back(step(pair.a()));
    if (!finding.died) pair.run_b_to(finding.to);
    const Difference found = finding.died ? Difference{} : pair.compare();

    const bool several = finding.to - finding.from > 1;
    if (several) {
        fmt::print("first difference: in instructions {} to {}, which B runs as one (it is right if it stops "
                   "among them)\n",
                   finding.from + 1, finding.to);
    } else {
        fmt::print("first difference: instruction {}\n", finding.to);
    }
    const size_t hidden = steps.size() - std::min(steps.size(), kMostSteps);
    if (hidden) fmt::print("  {} instructions before these\n", hidden);
    for (size_t n = hidden; n < steps.size(); ++n) print_step(steps[n], found, several);
    if (finding.died) fmt::print("B died of signal {}\n", finding.died);
    print_difference(found);
    fmt::print("before:\n{}", before);
    print_states(pair, !finding.died);
}

}  // namespace qr::lockstep
