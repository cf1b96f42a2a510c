// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two engines on one recording: replays it with both, compares the whole machines every N instructions, and
// on a difference searches the first instruction that makes one.
//
//     lockstep [--a ENGINE] [--b ENGINE] [--every N] [--until N] [--single-step] [--images FOLDER] RECORDING
//
// ENGINE: see engines.h; A, by default interp, is what B, by default tcg, is measured by. --every: instructions
// between two comparisons (10000). --until: how far. --single-step: B is granted one instruction at a time.
// --images: where the drives' images are now, by their file names.
// Exit status: 0 if all is the same, 1 if not (the report is on stdout), 2 if it could not be tried.
//
// Source: none (docs/testing.rst).
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>

#include "accel/tcg/tcg.h"
#include "tests/lockstep/engines.h"
#include "tests/lockstep/pair.h"
#include "tests/lockstep/report.h"
#include "tests/lockstep/search.h"

namespace qr::lockstep {
namespace {

struct Settings {
    std::string a = "interp";
    std::string b = tcg_supported() ? "tcg" : "interp";
    uint64_t every = 10'000;
    uint64_t until = std::numeric_limits<uint64_t>::max();
    bool single_step = false;
    std::string images;
    std::string recording;
};

enum Outcome { kEqual = 0, kDifferent = 1, kBadUse = 2, kNotAsRecorded = 3 };

Result<uint64_t> parse_count(const std::string& option, const std::string& text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !value)
        return Error{fmt::format("{} {}: expected a number of instructions", option, text)};
    return value;
}

Result<Settings> parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const std::map<std::string, std::string*> texts = {
            {"--a", &settings.a}, {"--b", &settings.b}, {"--images", &settings.images}};
        const auto text = texts.find(word);
        const bool count = word == "--every" || word == "--until";
        if (word == "--single-step") {
            settings.single_step = true;
        } else if (text != texts.end() || count) {
            if (++i == argc) return Error{fmt::format("{}: requires an argument", word)};
            if (text != texts.end()) {
                *text->second = argv[i];
                continue;
            }
            const auto value = parse_count(word, argv[i]);
            if (!value) return value.error();
            (word == "--every" ? settings.every : settings.until) = *value;
        } else if (word.starts_with('-') || !settings.recording.empty()) {
            return Error{fmt::format("{}: expected [--a ENGINE] [--b ENGINE] [--every N] [--until N] "
                                     "[--single-step] [--images FOLDER] RECORDING",
                                     word)};
        } else {
            settings.recording = word;
        }
    }
    if (settings.recording.empty()) return Error{"expected the name of a recording"};
    return settings;
}

Result<std::unique_ptr<ReplayMachine>> make_machine(const LogReader& log, const std::string& engine,
                                                    const std::string& images) {
    auto made = make_engine(engine);
    if (!made) return made.error();
    return ReplayMachine::create(log, std::move(*made), images);
}

Result<std::unique_ptr<Pair>> make_pair(const LogReader& log, const Settings& settings) {
    auto a = make_machine(log, settings.a, settings.images);
    if (!a) return a.error();
    auto b = make_machine(log, settings.b, settings.images);
    if (!b) return b.error();
    return std::make_unique<Pair>(std::move(*a), std::move(*b), settings.single_step);
}

// Runs both to the end, or to a difference. window: what is known so far, also if this process dies.
Outcome watch(Pair& pair, const Settings& settings, Window& window) {
    const Course course(settings.every);
    uint64_t comparisons = 0;
    for (uint64_t at = 0; at < settings.until && !pair.ended();) {
        at = std::min(course.next(at), settings.until);
        window.different = at;
        pair.run_to(at);
        if (pair.compare().any()) return kDifferent;
        ++comparisons;
        window.equal = at;
    }
    if (pair.ended() && !pair.a().as_recorded()) {
        fmt::print("A and B agree, and both differ from the recording:\n{}\n", pair.a().said());
        return kNotAsRecorded;
    }
    fmt::print("equal: {} instructions, compared {} times\n", pair.a().icount(), comparisons);
    return kEqual;
}

struct Search {
    Outcome outcome = kBadUse;
    std::optional<Finding> finding;
};

Search watch_and_search(Pair& pair, const Settings& settings) {
    // Shared with the child: the machines of this process stay as they are, for the search.
    void* memory = mmap(nullptr, sizeof(Window), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return {};
    Window& window = *new (memory) Window;
    const int outcome = in_child([&] { return watch(pair, settings, window); });
    if (outcome == kEqual || outcome == kNotAsRecorded) return {static_cast<Outcome>(outcome), {}};
    fmt::print("A ({}) and B ({}{}) agree at instruction {} and {} {}; searching\n", settings.a, settings.b,
               settings.single_step ? ", single steps" : "", window.equal,
               outcome >= kDied ? fmt::format("one died of signal {} before", outcome - kDied) : "differ at",
               window.different);
    return {kDifferent, find_first(pair, Course(settings.every), window)};
}

// A translator goes wrong in a block. Mostly it does so, too, if its blocks have one instruction each: which it is then
// shows. False: it doesn't.
bool report_single(const LogReader& log, Settings settings, const Finding& block) {
    if (!settings.b.starts_with("tcg") || settings.b.find("insns=") != std::string::npos || block.died) return false;
    settings.b += settings.b.find(':') == std::string::npos ? ":insns=1" : ",insns=1";
    settings.until = block.to;
    fmt::print("it is in instructions {} to {}, which B runs as one; again, with single ones\n", block.from + 1,
               block.to);
    const auto pair = make_pair(log, settings);
    if (!pair) return false;
    const Search search = watch_and_search(**pair, settings);
    if (!search.finding || search.finding->to - search.finding->from != 1) return false;
    report(**pair, *search.finding);
    return true;
}

int run(const LogReader& log, Pair& pair, const Settings& settings) {
    const Search search = watch_and_search(pair, settings);
    if (search.outcome == kNotAsRecorded) return kDifferent;
    if (search.outcome != kDifferent) return search.outcome;
    if (!search.finding)
        fmt::print("run a second time they don't differ: an engine isn't deterministic\n");
    else if (search.finding->to - search.finding->from == 1 || !report_single(log, settings, *search.finding))
        report(pair, *search.finding);
    return kDifferent;
}

int lockstep(int argc, char** argv) {
    const auto complain = [](const Error& error) {
        fmt::print(stderr, "lockstep: {}\n", error.message);
        return kBadUse;
    };
    const auto settings = parse(argc, argv);
    if (!settings) return complain(settings.error());
    const auto log = LogReader::open(settings->recording);
    if (!log) return complain(log.error());
    const auto pair = make_pair(**log, *settings);
    if (!pair) return complain(pair.error());
    return run(**log, **pair, *settings);
}

}  // namespace
}  // namespace qr::lockstep

int main(int argc, char** argv) { return qr::lockstep::lockstep(argc, argv); }
