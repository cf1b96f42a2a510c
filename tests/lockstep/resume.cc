// SPDX-License-Identifier: GPL-2.0-or-later
//
// Is everything in a snapshot that the future depends on? Replays a recording, saves the machine at random points,
// loads each snapshot into a fresh machine, as another process would, and lets that go on: it must agree with the
// recording's digests, and with the machine that was never loaded.
//
//     resume [--save ENGINE] [--load ENGINE]... [--points N] [--seed N] [--stretch N] [--images FOLDER] RECORDING
//
// ENGINE: see engines.h; --save: of the machine that goes on (tcg), --load: of those that are loaded, in turn (interp,
// tcg). --points: how many (10), --seed: which. --stretch: how many instructions a loaded machine goes on (to the end of
// the recording). --images: where the drives' images are now, by their file names.
// Exit status: 0 if all is the same, 1 if not (the report is on stdout), 2 if it could not be tried.
//
// Source: none (docs/testing.rst).
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "accel/tcg/tcg.h"
#include "replay/event_reader.h"
#include "tests/lockstep/engines.h"
#include "tests/lockstep/replay_machine.h"

namespace qr::lockstep {
namespace {

struct Settings {
    std::string save = tcg_supported() ? "tcg" : "interp";
    std::vector<std::string> load;
    uint64_t points = 10, seed = 1, stretch = std::numeric_limits<uint64_t>::max();
    std::string images, recording;
};

enum Outcome { kEqual = 0, kDifferent = 1, kBadUse = 2 };

Result<Settings> parse(int argc, char** argv) {
    Settings settings;
    const std::map<std::string, uint64_t*> numbers = {
        {"--points", &settings.points}, {"--seed", &settings.seed}, {"--stretch", &settings.stretch}};
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto number = numbers.find(word);
        const bool text = word == "--save" || word == "--load" || word == "--images";
        if (number == numbers.end() && !text) {
            if (word.starts_with('-') || !settings.recording.empty()) {
                return Error{fmt::format("{}: expected [--save ENGINE] [--load ENGINE]... [--points N] [--seed N] [--stretch N] "
                                         "[--images FOLDER] RECORDING",
                                         word)};
            }
            settings.recording = word;
            continue;
        }
        if (++i == argc) return Error{fmt::format("{}: requires an argument", word)};
        const std::string value = argv[i];
        if (word == "--save") settings.save = value;
        if (word == "--load") settings.load.push_back(value);
        if (word == "--images") settings.images = value;
        if (number == numbers.end()) continue;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), *number->second);
        if (error != std::errc{} || end != value.data() + value.size())
            return Error{fmt::format("{} {}: expected a number", word, value)};
    }
    if (settings.recording.empty()) return Error{"expected the name of a recording"};
    if (settings.load.empty()) settings.load = {"interp"};
    if (settings.load.size() == 1 && settings.load[0] == "interp" && tcg_supported()) settings.load.push_back("tcg");
    return settings;
}

// Where to save: half anywhere, half near what enters the machine, where something is under way.
struct Point {
    uint64_t icount = 0;
    bool caught_up = false;  // what is due there has been done
};

std::vector<Point> choose_points(const LogReader& log, const Settings& settings) {
    std::mt19937_64 random(settings.seed);
    std::vector<uint64_t> events;
    EventReader reader(log);
    while (const auto* event = reader.peek()) {
        events.push_back(event->position.icount);
        reader.pop();
    }
    const uint64_t start = log.header().start.value_or(Position{}).icount;
    const uint64_t end = log.end().position.icount - start;
    std::vector<Point> points;
    while (points.size() < settings.points) {
        uint64_t at = end ? random() % end : 0;
        if (!events.empty() && random() % 2) {
            at = events[random() % events.size()] - start + random() % 2000;
            at = std::min(end, at > 1000 ? at - 1000 : at);
        }
        points.push_back({start + at, random() % 2 == 0});
    }
    std::ranges::sort(points, {}, &Point::icount);
    return points;
}

class Resumer {
  public:
    Resumer(const LogReader& log, const Settings& settings) : log_(log), settings_(settings) {}

    Outcome run() {
        auto goes_on = make(settings_.save);
        if (!goes_on) return complain(goes_on.error());
        ReplayMachine& a = **goes_on;
        std::unique_ptr<ReplayMachine> b;  // loaded at the point before
        uint64_t loaded_at = 0;
        unsigned done = 0;
        for (const Point& point : choose_points(log_, settings_)) {
            a.run_to(point.icount);
            if (b) {
                const uint64_t last = settings_.stretch > point.icount - loaded_at ? point.icount : loaded_at + settings_.stretch;
                b->run_to(last);
                if (last == point.icount && !same(a, *b, "at the next point")) return kDifferent;
                if (!finish(*b, loaded_at)) return kDifferent;
                b.reset();
            }
            if (point.caught_up || a.requested()) a.catch_up();
            if (a.ended()) break;
            const auto bytes = a.save();
            if (!bytes) return complain(bytes.error());
            name_ = fmt::format("saved by {} at instruction {}{}, loaded by {}", settings_.save, a.icount(),
                                point.caught_up ? " (caught up)" : "", settings_.load[done % settings_.load.size()]);
            auto fresh = make(settings_.load[done++ % settings_.load.size()]);
            if (!fresh) return complain(fresh.error());
            b = std::move(*fresh);
            if (const auto loaded = b->load(*bytes); !loaded) return different(loaded.error().message);
            loaded_at = a.icount();
            if (!same(a, *b, "just loaded")) return kDifferent;
        }
        if (b && !finish(*b, loaded_at)) return kDifferent;
        a.run_to(std::numeric_limits<uint64_t>::max());
        if (!a.as_recorded()) return different(a.said());
        fmt::print("equal: {} instructions, resumed at {} points\n", a.icount(), done);
        return kEqual;
    }

  private:
    Result<std::unique_ptr<ReplayMachine>> make(const std::string& engine) {
        auto made = make_engine(engine);
        if (!made) return made.error();
        return ReplayMachine::create(log_, std::move(*made), settings_.images);
    }
    static Outcome complain(const Error& error) {
        fmt::print(stderr, "resume: {}\n", error.message);
        return kBadUse;
    }
    Outcome different(const std::string& why) {
        fmt::print("{}:\n{}\n", name_, why);
        return kDifferent;
    }
    bool finish(ReplayMachine& b, uint64_t loaded_at) {
        b.run_to(settings_.stretch > std::numeric_limits<uint64_t>::max() - loaded_at ? std::numeric_limits<uint64_t>::max()
                                                                                     : loaded_at + settings_.stretch);
        if (b.as_recorded()) return true;
        different(b.said());
        return false;
    }
    bool same(ReplayMachine& a, ReplayMachine& b, std::string_view when) {
        if (a.ended() != b.ended() || a.icount() != b.icount()) {
            different(fmt::format("{}: it is at instruction {}{}, should be at {}{}\n{}", when, b.icount(),
                                  b.ended() ? ", ended" : "", a.icount(), a.ended() ? ", ended" : "", b.said()));
            return false;
        }
        StateDump state_a, state_b;
        a.dump(state_a);
        b.dump(state_b);
        std::string text;
        for (const FieldDifference& d : compare_dumps(state_a, state_b)) text += "  " + describe(d) + '\n';
        if (text.empty() && state_a != state_b) text = "  the state's fields have another order\n";
        for (size_t n = 0; n < a.memory().blocks().size(); ++n) {
            const RamBlock& in_a = *a.memory().blocks()[n];
            const RamBlock& in_b = *b.memory().blocks()[n];
            const auto differ = std::mismatch(in_a.data(), in_a.data() + in_a.size(), in_b.data()).first - in_a.data();
            if (static_cast<uint64_t>(differ) != in_a.size())
                text += fmt::format("  memory '{}' from offset {:#x} on\n", in_a.name(), differ);
        }
        if (text.empty()) return true;
        different(fmt::format("{}, at instruction {}:\n{}", when, a.icount(), text));
        return false;
    }

    const LogReader& log_;
    const Settings& settings_;
    std::string name_ = "the machine that goes on";
};

int resume(int argc, char** argv) {
    const auto complain = [](const Error& error) {
        fmt::print(stderr, "resume: {}\n", error.message);
        return kBadUse;
    };
    const auto settings = parse(argc, argv);
    if (!settings) return complain(settings.error());
    const auto log = LogReader::open(settings->recording);
    if (!log) return complain(log.error());
    return Resumer(**log, *settings).run();
}

}  // namespace
}  // namespace qr::lockstep

int main(int argc, char** argv) { return qr::lockstep::resume(argc, argv); }
