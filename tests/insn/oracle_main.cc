// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random tests of the CPU against the host's own CPU, generated from the instruction table.
// The host's CPU is compared with the interpreter, as far as results are defined, and the interpreter with the
// translator, in everything: undefined flags, x87 pointers, the count.
//
// The translator runs each case twice: the second time with what it has made and cached the first time.
//
//     insn-oracle [--cases N] [--seed S] [--engine interp|tcg|both] [--sequences] [--row NAME] [--case N]
//     [--limit N] [--no-host] [--baseline] [--verbose]
//
// --engine: what the host is compared with, by default both. --sequences: only sequences, else one case in five
// is. --row: only rows of this name. --case: only the case of this number (with the seed and --row it
// came from), shown in full. --limit: how many differences to show. --no-host: only run the cases
// on our CPU; so do builds with the address sanitizer, which can't have its shadow memory near the
// host's test code. --baseline: looks at the translator's code, whether
// there is an instruction in it that not every x86-64 processor has. --verbose: coverage of each row, and rules. Exit status: 0 if all is the same,
// and every row was covered, and enough was translated; 1 if not, 77 if this host can't do it.
//
// Source: none (docs/testing.rst).
#include <fmt/format.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "accel/interp/interp.h"
#include "accel/tcg/tcg.h"
#include "tests/codegen/baseline.h"
#include "tests/insn/oracle_compare.h"
#include "tests/insn/oracle_generate.h"
#include "tests/insn/oracle_guest.h"
#include "tests/insn/oracle_native.h"

namespace qr::oracle {
namespace {

constexpr unsigned kBatch = 1024;

struct Options {
    uint64_t cases = 0;
    uint64_t seed = 1;
    std::string row;
    bool one = false;
    uint64_t number = 0;
    bool interpreter = true, translator = true;
    bool sequences = false, baseline = false;
    unsigned limit = 10;
    bool verbose = false;
#ifdef __SANITIZE_ADDRESS__
    bool host = false;
#else
    bool host = true;
#endif
};

struct Shared {
    Case cases[kBatch];
    Result host[kBatch];
    uint64_t pristine[kWords];
    uint8_t read_only[kPage];
};

struct Coverage {
    uint64_t done = 0, faults = 0;
};

class Run {
  public:
    Run(const Options& options, const i386::CpuModel& model, Shared& shared)
        : options_(options),
          shared_(shared),
          generator_(model),
          native_(shared.cases, shared.host, shared.pristine, shared.read_only) {
        Generator::fill_data(options.seed, shared.pristine);
        uint64_t fixed[kPage / 8];
        Generator::fill_data(options.seed + 1, fixed);
        std::memcpy(shared.read_only, fixed, kPage);
        const auto add = [&](const char* name, std::unique_ptr<i386::Engine> engine, bool native) {
            if (!engine) return;
            engines_.push_back({name, native,
                                std::make_unique<Guest>(model, std::move(engine), shared.pristine,
                                                        shared.read_only),
                                {}, {}});
        };
        if (options.interpreter) add("interp", make_i386_interpreter(), false);
        if (options.translator)
            add("tcg", make_i386_translator(translator_options()), true);
        for (const Plan& p : generator_.plans())
            if (p.excluded.empty() && (options.row.empty() || p.name() == options.row)) {
                // String instructions have the most ways to go.
                const bool string = (p.row->attr & (i386::kString | i386::kIo)) == i386::kString;
                rows_.insert(rows_.end(), string ? 6 : 1, &p);
            }
        coverage_.resize(generator_.plans().size());
    }

    TcgOptions translator_options() {
        TcgOptions o{.cache_bytes = 8 << 20, .threshold = 0};
        if (options_.baseline) o.observers = {&baseline_};
        return o;
    }

    int run() {
        const std::string why = options_.host ? native_.start() : "";
        if (!options_.host) fmt::print("insn-oracle: without the host's own CPU\n");
        if (!why.empty()) {
            fmt::print("insn-oracle: skipped: {}\n", why);
            return 77;
        }
        if (engines_.empty()) {
            fmt::print("insn-oracle: skipped: this host has no translator\n");
            return 77;
        }
        if (rows_.empty()) {
            fmt::print(stderr, "insn-oracle: --row {}: no row has this name\n", options_.row);
            return 2;
        }
        const auto begin = std::chrono::steady_clock::now();
        const uint64_t first = options_.one ? options_.number : 0;
        const uint64_t last = options_.one ? first + 1 : options_.cases;
        for (uint64_t n = first; n < last; n += kBatch) {
            if (!batch(n, static_cast<unsigned>(std::min<uint64_t>(kBatch, last - n)))) {
                fmt::print(
                    "insn-oracle: the process that runs cases on the host died in cases {} to {}: "
                    "{}\n",
                    n, n + kBatch - 1, native_.death());
                return 1;
            }
            if (differences_ >= 100'000) break;
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        report(last - first, seconds.count());
        if (!baseline_.offenders().empty()) return 1;
        return differences_ || uncovered_ || untranslated_ ? 1 : 0;
    }

  private:
    void make(uint64_t number, Case& c, CaseInfo& info) {
        info.number = number;
        const uint64_t seed = options_.seed * 0x9e3779b97f4a7c15 + number * 0xd1342543de82ef95;
        if (options_.sequences || (options_.row.empty() && number % 5 == 4))
            generator_.sequence(seed, c, info);
        else
            generator_.single(*rows_[(number - number / 5) % rows_.size()], seed, c, info);
    }

    bool batch(uint64_t first, unsigned count) {
        infos_.resize(count);
        for (unsigned i = 0; i < count; ++i) make(first + i, shared_.cases[i], infos_[i]);
        if (options_.host) native_.begin(0, count);
        for (Engine& e : engines_) {
            e.results.resize(count);
            if (e.native) e.again.resize(count);
            for (unsigned i = 0; i < count; ++i) {
                const Case& c = shared_.cases[i];
                if (e.native)
                    e.guest->run_twice(c, infos_[i].native_slice, infos_[i].move, e.results[i],
                                       e.again[i]);
                else
                    e.guest->run(c, infos_[i].slice, e.results[i]);
            }
        }
        const std::vector<Result>& ours = engines_[0].results;
        if (!options_.host) std::copy(ours.begin(), ours.end(), shared_.host);
        if (options_.host && !native_.finish()) {
            if (options_.one) show(0, " the host died", {"", ours[0]}, {engines_[0].name, ours[0]});
            return false;
        }
        for (unsigned i = 0; i < count; ++i) judge(i);
        return true;
    }

    void show(unsigned i, std::string_view what, const Named& a, const Named& b) {
        fmt::print("{}\n", explain(generator_, shared_.cases[i], infos_[i], what, a, b));
    }

    void judge(unsigned i) {
        const CaseInfo& info = infos_[i];
        if (info.insns.empty()) return;
        const Result& host = shared_.host[i];
        cover(info, host);
        const Engine& first = engines_[0];
        compare(i, difference(generator_, shared_.cases[i], info, host, first.results[i]),
                {"host", host}, {first.name, first.results[i]});
        const auto with_first = [&](const char* name, const Result& r) {
            compare(i, engines_difference(first.results[i], r), {first.name, first.results[i]},
                    {name, r});
        };
        for (const Engine& e : engines_) {
            if (&e != &first) with_first(e.name, e.results[i]);
            if (e.native) with_first("tcg, the second time", e.again[i]);
        }
    }

    void cover(const CaseInfo& info, const Result& host) {
        const uint16_t row = info.insns[0].row;
        ++vectors_[host.vector];
        if (info.insns.size() == 1) {
            ++coverage_[row].done;
            coverage_[row].faults += host.vector != kNoVector;
        } else {
            ++sequences_;
            sequence_insns_ += info.insns.size();
            whole_sequences_ += host.vector == kNoVector;
        }
    }

    void compare(unsigned i, const std::string& what, const Named& a, const Named& b) {
        if (options_.one) show(i, what, a, b);
        if (what.empty()) return;
        ++differences_;
        const CaseInfo& info = infos_[i];
        const Plan& plan = generator_.plans()[info.insns[0].row];
        const std::string key =
            fmt::format("{}: {}:{}", b.who,
                        info.insns.size() == 1
                            ? fmt::format("{} '{}'", plan.name(), plan.row->encoding)
                            : "sequence",
                        what);
        if (++kinds_[key] == 1 && kinds_.size() <= options_.limit && !options_.one)
            show(i, what, a, b);
    }

    void report(uint64_t cases, double seconds) {
        unsigned covered = 0, wanted = 0;
        std::map<std::string, std::string> excluded;
        for (const Plan& p : generator_.plans()) {
            const Coverage& c = coverage_[p.number];
            if (!p.excluded.empty()) {
                excluded[p.excluded] += fmt::format(" {}({})", p.name(), p.row->encoding);
                continue;
            }
            ++wanted;
            covered += c.done > 0;
            const bool always = c.done && c.done == c.faults;
            const bool all = options_.row.empty() && !options_.sequences && options_.cases > 10 * rows_.size();
            uncovered_ += all && !c.done;
            if (options_.verbose || (all && !c.done))
                fmt::print("  {:<12} {:<20} {} cases, {} faults{}\n", p.name(), p.row->encoding,
                           c.done, c.faults, always ? ", never without" : "");
        }
        if (options_.verbose)
            fmt::print("not compared, besides flags that rows call undefined:\n{}",
                       describe_rules());
        for (const auto& [key, count] : kinds_) fmt::print("{} differences: {}\n", count, key);
        if (options_.row.empty() || options_.verbose)
            for (const auto& [why, rows] : excluded) fmt::print("not tested, {}:{}\n", why, rows);
        std::string vectors;
        for (const auto& [vector, count] : vectors_)
            vectors += fmt::format(", {} {}", vector_name(vector), count);
        fmt::print("how they ended: {}\n", vectors.empty() ? "" : vectors.substr(2));
        fmt::print(
            "rows covered: {} of {}, {} not tested; {} sequences of {} instructions, {} without a "
            "fault\n",
            covered, wanted, generator_.plans().size() - wanted, sequences_, sequence_insns_,
            whole_sequences_);
        for (const Engine& e : engines_) {
            const auto did = translator_statistics(e.guest->engine());
            if (!did) continue;
            fmt::print("translated: {} instructions in {} blocks, {} of them emitted; {} executed as host code\n",
                       did->instructions, did->blocks, did->emitted, did->executed);
            untranslated_ = options_.row.empty() && cases > kBatch && did->emitted < cases;
        }
        if (options_.baseline)
            fmt::print("{} instructions of the host looked at\n", baseline_.instructions());
        for (const auto& [what, where] : baseline_.offenders())
            fmt::print("{}: {} isn't in every x86-64 processor\n", where, what);
        std::string names = options_.host ? "the host" : "";
        for (const Engine& e : engines_) names += (names.empty() ? "" : ", ") + std::string(e.name);
        fmt::print("{} cases on {} in {:.1f} s ({:.0f} a second), {} differences\n", cases, names,
                   seconds, cases / seconds, differences_);
    }

    struct Engine {
        const char* name;
        bool native;
        std::unique_ptr<Guest> guest;
        std::vector<Result> results;
        std::vector<Result> again;  // of a native one: the same case once more
    };

    const Options& options_;
    Shared& shared_;
    Generator generator_;
    Native native_;
    codegen::BaselineWatch baseline_;
    std::vector<Engine> engines_;  // the first is compared with the host
    std::vector<const Plan*> rows_;
    std::vector<CaseInfo> infos_;
    std::vector<Coverage> coverage_;
    std::map<std::string, uint64_t> kinds_;
    std::map<uint8_t, uint64_t> vectors_;
    uint64_t differences_ = 0, uncovered_ = 0, sequences_ = 0, sequence_insns_ = 0,
             whole_sequences_ = 0;
    bool untranslated_ = false;
};

int main_program(int argc, char** argv) {
    Options options;
    const char* kind = std::getenv("CHECK");
    options.cases = kind && std::string(kind) == "slow" ? 1'000'000 : 200'000;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        const bool more = i + 1 < argc;
        if (arg == "--verbose")
            options.verbose = true;
        else if (arg == "--sequences")
            options.sequences = true;
        else if (arg == "--baseline")
            options.baseline = true;
        else if (arg == "--engine" && more && std::string(argv[i + 1]) == "interp")
            options.translator = false, ++i;
        else if (arg == "--engine" && more && std::string(argv[i + 1]) == "tcg")
            options.interpreter = false, ++i;
        else if (arg == "--engine" && more && std::string(argv[i + 1]) == "both")
            ++i;
        else if (arg == "--no-host")
            options.host = false;
        else if (arg == "--cases" && more)
            options.cases = std::strtoull(argv[++i], nullptr, 0);
        else if (arg == "--seed" && more)
            options.seed = std::strtoull(argv[++i], nullptr, 0);
        else if (arg == "--row" && more)
            options.row = argv[++i];
        else if (arg == "--limit" && more)
            options.limit = static_cast<unsigned>(std::atoi(argv[++i]));
        else if (arg == "--case" && more)
            options.one = true, options.number = std::strtoull(argv[++i], nullptr, 0);
        else {
            fmt::print(
                stderr,
                "insn-oracle: '{}': give --cases N, --seed S, --engine interp|tcg|both, --sequences, "
                "--row NAME, --case N, --limit N, --no-host, --baseline or --verbose\n",
                arg);
            return 2;
        }
    }
    const auto model = i386::parse_cpu_model("max");
    if (!model.ok()) return 2;
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 2;
    Run run(options, *model, *new (memory) Shared);
    return run.run();
}

}  // namespace
}  // namespace qr::oracle

int main(int argc, char** argv) { return qr::oracle::main_program(argc, argv); }
