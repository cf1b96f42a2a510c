// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random tests of the CPU against the host's own CPU, generated from the instruction table.
//
//     insn-oracle [--cases N] [--seed S] [--row NAME] [--case N] [--limit N] [--no-host]
//     [--verbose]
//
// --row: only rows of this name. --case: only the case of this number (with the seed and --row it
// came from), shown in full. --limit: how many differences to show. --no-host: only run the cases
// on our CPU; so do builds with the address sanitizer, which can't have its shadow memory near the
// host's test code. --verbose: coverage of each row, and rules. Exit status: 0 if all is the same,
// and every row was covered, 1 if not, 77 if this host can't do it.
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
        guest_ = std::make_unique<Guest>(model, make_i386_interpreter(), shared.pristine,
                                         shared.read_only);
        for (const Plan& p : generator_.plans())
            if (p.excluded.empty() && (options.row.empty() || p.name() == options.row)) {
                // String instructions have the most ways to go.
                const bool string = (p.row->attr & (i386::kString | i386::kIo)) == i386::kString;
                rows_.insert(rows_.end(), string ? 6 : 1, &p);
            }
        coverage_.resize(generator_.plans().size());
    }

    int run() {
        const std::string why = options_.host ? native_.start() : "";
        if (!why.empty()) {
            fmt::print("insn-oracle: skipped: {}\n", why);
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
        return differences_ || uncovered_ ? 1 : 0;
    }

  private:
    void make(uint64_t number, Case& c, CaseInfo& info) {
        info.number = number;
        const uint64_t seed = options_.seed * 0x9e3779b97f4a7c15 + number * 0xd1342543de82ef95;
        if (options_.row.empty() && number % 5 == 4)
            generator_.sequence(seed, c, info);
        else
            generator_.single(*rows_[(number - number / 5) % rows_.size()], seed, c, info);
    }

    bool batch(uint64_t first, unsigned count) {
        infos_.resize(count);
        for (unsigned i = 0; i < count; ++i) make(first + i, shared_.cases[i], infos_[i]);
        if (options_.host) native_.begin(0, count);
        ours_.resize(count);
        for (unsigned i = 0; i < count; ++i)
            guest_->run(shared_.cases[i], infos_[i].slice, ours_[i]);
        if (!options_.host) std::copy(ours_.begin(), ours_.end(), shared_.host);
        if (options_.host && !native_.finish()) {
            if (options_.one)
                fmt::print("{}", explain(generator_, shared_.cases[0], infos_[0], {}, ours_[0]));
            return false;
        }
        for (unsigned i = 0; i < count; ++i)
            judge(shared_.cases[i], infos_[i], shared_.host[i], ours_[i]);
        return true;
    }

    void judge(const Case& c, const CaseInfo& info, const Result& host, const Result& ours) {
        if (info.insns.empty()) return;
        const std::string what = difference(generator_, c, info, host, ours);
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
        if (options_.one) fmt::print("{}", explain(generator_, c, info, host, ours));
        if (what.empty()) return;
        ++differences_;
        const Plan& plan = generator_.plans()[row];
        const std::string key = info.insns.size() == 1 ? fmt::format("{} '{}':{}", plan.name(),
                                                                     plan.row->encoding, what)
                                                       : "sequence:" + what;
        if (++kinds_[key] == 1 && kinds_.size() <= options_.limit && !options_.one)
            fmt::print("{}\n", explain(generator_, c, info, host, ours));
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
            const bool all = options_.row.empty() && options_.cases > 10 * rows_.size();
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
        fmt::print("{} cases in {:.1f} s ({:.0f} a second), {} differences\n", cases, seconds,
                   cases / seconds, differences_);
    }

    const Options& options_;
    Shared& shared_;
    Generator generator_;
    Native native_;
    std::unique_ptr<Guest> guest_;
    std::vector<const Plan*> rows_;
    std::vector<CaseInfo> infos_;
    std::vector<Result> ours_;
    std::vector<Coverage> coverage_;
    std::map<std::string, uint64_t> kinds_;
    std::map<uint8_t, uint64_t> vectors_;
    uint64_t differences_ = 0, uncovered_ = 0, sequences_ = 0, sequence_insns_ = 0,
             whole_sequences_ = 0;
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
                "insn-oracle: '{}': give --cases N, --seed S, --row NAME, --case N, --limit N, "
                "--no-host or --verbose\n",
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
