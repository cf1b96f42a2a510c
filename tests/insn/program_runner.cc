// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs a small guest program (tests/insn/programs/*.S) on our CPU and compares what it says on its debug
// port with the `; expect:` lines of its header. The machine: 8 MB of RAM, the program as firmware, a debug
// port, ports to raise SMI and NMI; no devices.
//
// Every program runs several times on every engine: in one go, and cut into slices of a few instructions with
// the caches dropped now and then; the log and the instruction count must be the same.
//
//     program-runner PROGRAM.S...                 on our CPU, on all engines that this host has
//     program-runner --engine interp PROGRAM.S... on one of them: interp, tcg, tcg-at-once (translates what it
//                                                 sees), tcg-1mb (at once, into a small code cache), tcg-tiny (at
//                                                 once, into one that is flushed again and again)
//     program-runner --peer QEMU PROGRAM.S...     on QEMU: shows where our expectations and it differ
//     program-runner --state ...                  also prints the CPU at the end of each program
//
// Header lines of a program:
//     ; expect: a line of the log ("[shutdown]": the CPU shut down; "[halted]": it halted for good)
//     ; peer: none, and why                  (it isn't run there)
//     ; peer differs: prefix, prefix         (lines that start so aren't compared there)
//     ; peer args: more arguments
//     ; cpu: model for our CPU, if not "max"
//
// Source: none (docs/testing.rst).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "accel/interp/interp.h"
#include "accel/tcg/tcg.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "sysemu/clock.h"
#include "target/i386/cpu.h"

namespace qr {
namespace {

constexpr uint64_t kRamSize = 8 << 20;
constexpr uint64_t kImageSize = 64 << 10;
constexpr uint64_t kInstructionLimit = 20'000'000;
constexpr size_t kLogLimit = 64 << 10;

struct Program {
    std::string path;
    std::vector<std::string> expected;
    std::vector<std::string> peer_differs;
    std::string peer_args;
    std::string cpu = "max";
    bool peer = true;
    std::string image;  // file name
};

std::string trimmed(const std::string& s) {
    const size_t first = s.find_first_not_of(' ');
    return first == std::string::npos ? "" : s.substr(first, s.find_last_not_of(" \n") - first + 1);
}

bool take(const std::string& line, const std::string& key, std::string& rest) {
    if (line.rfind(key, 0) != 0)
        return false;
    rest = line.substr(key.size());
    if (!rest.empty() && rest[0] == ' ')
        rest.erase(0, 1);
    return true;
}

Program read_header(const std::string& path) {
    Program p;
    p.path = path;
    std::ifstream in(path);
    std::string line, rest;
    while (std::getline(in, line)) {
        if (take(line, "; expect:", rest)) {
            p.expected.push_back(rest);
        } else if (take(line, "; peer differs:", rest)) {
            std::istringstream items(rest);
            for (std::string item; std::getline(items, item, ',');)
                p.peer_differs.push_back(trimmed(item));
        } else if (take(line, "; peer args:", rest)) {
            p.peer_args = rest;
        } else if (take(line, "; peer:", rest)) {
            p.peer = false;
        } else if (take(line, "; cpu:", rest)) {
            p.cpu = trimmed(rest);
        }
    }
    return p;
}

std::string run_command(const std::string& command, int& status) {
    std::string out;
    FILE* pipe = popen(command.c_str(), "r");
    if (!pipe) {
        status = -1;
        return out;
    }
    char buffer[4096];
    while (out.size() < kLogLimit) {
        const size_t n = fread(buffer, 1, sizeof buffer, pipe);
        if (n == 0)
            break;
        out.append(buffer, n);
    }
    status = pclose(pipe);
    return out;
}

bool assemble(Program& p, const std::string& directory) {
    const size_t slash = p.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : p.path.substr(0, slash);
    const std::string name = slash == std::string::npos ? p.path : p.path.substr(slash + 1);
    p.image = directory + "/" + name + ".bin";
    return std::system(("nasm -f bin -w-all -i '" + folder + "/' -o '" + p.image + "' '" + p.path + "'").c_str()) ==
           0;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

struct EngineKind {
    std::string name;
    std::function<std::unique_ptr<i386::Engine>()> make;
};

std::vector<EngineKind> engine_kinds() {
    std::vector<EngineKind> kinds{{"interp", make_i386_interpreter}};
    if (tcg_supported()) {
        const auto tcg = [](const TcgOptions& options) { return [options] { return make_i386_translator(options); }; };
        TcgOptions at_once, small, tiny;
        at_once.threshold = small.threshold = tiny.threshold = 0;
        small.cache_bytes = 1 << 20;
        tiny.cache_bytes = 256 << 10;
        kinds.push_back({"tcg", tcg(TcgOptions{})});
        kinds.push_back({"tcg-at-once", tcg(at_once)});
        kinds.push_back({"tcg-1mb", tcg(small)});
        kinds.push_back({"tcg-tiny", tcg(tiny)});
    }
    return kinds;
}

// A machine with nothing but what a program needs. Its ports: E9 takes the log, 501 ends the program, B2 raises
// SMI, B3 raises SMI and B4 NMI at the next HLT; a dword n to B8 raises NMI n instructions later.
class Machine {
  public:
    Machine(const std::vector<uint8_t>& image, const std::string& cpu_name, const EngineKind& engine)
        : model_(parse_model(cpu_name)),
          clock_(countdown_),
          debug_("debug", 1, write_only([this](uint64_t v) { log_char(v); })),
          exit_("exit", 1, write_only([this](uint64_t) { finish(""); })),
          smi_("smi", 3, smi_ops()),
          nmi_timer_("nmi timer", 4, write_only([this](uint64_t v) { set_nmi_timer(v); }, 4)) {
        ram_ = std::move(*RamBlock::create("ram", kRamSize, false));
        rom_ = std::move(*RamBlock::create("rom", kImageSize, true));
        std::copy(image.begin(), image.end(), rom_->data());
        memory_.map_ram(0, kRamSize, *ram_, 0, 0);
        memory_.map_ram(0xf0000, kImageSize, *rom_, 0, 1, false);
        memory_.map_ram(0xffff0000, kImageSize, *rom_, 0, 1, false);
        ports_.map(0xe9, debug_);
        ports_.map(0x501, exit_);
        ports_.map(0xb2, smi_);
        ports_.map(0xb8, nmi_timer_);
        i386::CpuWiring wiring{memory_, memory_,  ports_, clock_, countdown_, nullptr,
                               {},      [this] { finish("[shutdown]\n"); }};
        cpu_ = std::make_unique<i386::Cpu>(wiring, model_);
        memory_.set_listener(cpu_.get());
        engine_ = engine.make();
        cpu_->set_engine(*engine_);
        cpu_->reset();
    }

    void run(uint64_t slice, bool drop_caches) {
        uint64_t turns = 0;
        while (!finished_) {
            if (countdown_.icount() > kInstructionLimit) {
                finish("[too many instructions]\n");
                break;
            }
            if (cpu_->halted())
                wake();
            if (finished_)
                break;
            uint64_t budget = slice;
            if (nmi_at_ != 0) {
                const uint64_t left = nmi_at_ - countdown_.icount();
                if (left == 0) {
                    nmi_at_ = 0;
                    cpu_->raise_nmi();
                } else {
                    budget = std::min(budget, left);
                }
            }
            countdown_.grant(budget);
            cpu_->run();
            countdown_.leave();
            if (drop_caches && ++turns % 1009 == 0)
                cpu_->flush_caches();
        }
    }

    const std::string& log() const { return log_; }
    uint64_t icount() const { return end_icount_; }
    std::string describe() const { return cpu_->describe(); }

  private:
    static i386::CpuModel parse_model(const std::string& name) {
        auto model = i386::parse_cpu_model(name);
        if (!model.ok()) {
            std::cerr << model.error().message << '\n';
            std::exit(2);
        }
        return *model;
    }
    static IoOps write_only(std::function<void(uint64_t)> f, unsigned max_size = 1) {
        IoOps ops;
        ops.read = [](uint64_t, unsigned size) { return ones(size); };
        ops.write = [f](uint64_t, unsigned, uint64_t value) { f(value); };
        ops.max_size = max_size;
        return ops;
    }
    IoOps smi_ops() {
        IoOps ops;
        ops.read = [](uint64_t, unsigned size) { return ones(size); };
        ops.write = [this](uint64_t offset, unsigned, uint64_t) {
            if (offset == 0)
                cpu_->raise_smi();
            else if (offset == 1)
                smi_on_halt_ = true;
            else
                nmi_on_halt_ = true;
        };
        ops.max_size = 1;
        return ops;
    }
    void set_nmi_timer(uint64_t instructions) {
        nmi_at_ = countdown_.icount() + std::max<uint64_t>(instructions, 1);
        countdown_.leave();
    }
    void log_char(uint64_t value) {
        if (log_.size() < kLogLimit)
            log_ += static_cast<char>(value);
    }
    void finish(const char* why) {
        if (finished_)
            return;
        finished_ = true;
        log_ += why;
        end_icount_ = countdown_.icount();
        countdown_.leave();
    }
    void wake() {
        if (smi_on_halt_) {
            smi_on_halt_ = false;
            cpu_->raise_smi();
        } else if (nmi_on_halt_) {
            nmi_on_halt_ = false;
            cpu_->raise_nmi();
        } else if (nmi_at_ != 0) {
            nmi_at_ = 0;
            cpu_->raise_nmi();
        } else {
            finish("[halted]\n");
        }
    }

    i386::CpuModel model_;
    Countdown countdown_;
    VirtualClock clock_;
    AddressSpace memory_;
    IoPortSpace ports_;
    IoRegion debug_, exit_, smi_, nmi_timer_;
    std::unique_ptr<RamBlock> ram_, rom_;
    std::unique_ptr<i386::Cpu> cpu_;
    std::unique_ptr<i386::Engine> engine_;
    std::string log_;
    bool finished_ = false;
    bool smi_on_halt_ = false, nmi_on_halt_ = false;
    uint64_t nmi_at_ = 0;  // 0: never
    uint64_t end_icount_ = 0;
};

bool compare(const Program& p, const std::string& who, const std::vector<std::string>& got, bool peer) {
    bool same = true;
    const size_t count = std::max(p.expected.size(), got.size());
    for (size_t i = 0; i < count; ++i) {
        const std::string want = i < p.expected.size() ? p.expected[i] : "(nothing)";
        const std::string have = i < got.size() ? got[i] : "(nothing)";
        if (want == have)
            continue;
        const auto starts = [&](const std::string& prefix) { return want.rfind(prefix, 0) == 0; };
        if (peer && std::any_of(p.peer_differs.begin(), p.peer_differs.end(), starts))
            continue;
        std::cout << p.path << ": " << who << "\n  expected: " << want << "\n  got:      " << have << '\n';
        same = false;
    }
    return same;
}

bool run_here(const Program& p, const std::vector<EngineKind>& engines, bool show_state) {
    std::ifstream in(p.image, std::ios::binary);
    const std::vector<uint8_t> image{std::istreambuf_iterator<char>(in), {}};
    if (image.size() != kImageSize) {
        std::cout << p.path << ": the image isn't 64 KB (END is missing?)\n";
        return false;
    }
    uint64_t icount = 0;
    std::string log;
    for (const EngineKind& engine : engines) {
        for (const uint64_t slice : {1'000'000, 1, 2, 7, 61}) {
            Machine machine(image, p.cpu, engine);
            machine.run(slice, slice != 1'000'000);
            const std::string who = engine.name + ", in slices of " + std::to_string(slice);
            if (show_state && slice == 1'000'000)
                std::cout << engine.name << ":\n" << machine.describe() << "icount " << machine.icount() << '\n';
            if (icount == 0) {
                icount = machine.icount();
                log = machine.log();
                if (!compare(p, who, lines_of(log), false))
                    return false;
            } else if (machine.icount() != icount || machine.log() != log) {
                std::cout << p.path << ": " << who << ": ended at " << machine.icount() << " instead of " << icount
                          << '\n';
                compare(p, who, lines_of(machine.log()), false);
                return false;
            }
        }
    }
    return true;
}

bool run_peer(const Program& p, const std::string& qemu) {
    if (!p.peer)
        return true;
    int status = 0;
    const std::string log = run_command(
        "timeout 20 " + qemu + " -nodefaults -display none -no-reboot " + p.peer_args + " -bios '" + p.image +
            "' -device isa-debugcon,iobase=0xe9,chardev=log -chardev stdio,id=log"
            " -device isa-debug-exit,iobase=0x501 </dev/null 2>/dev/null",
        status);
    std::vector<std::string> lines = lines_of(log);
    if (status == 0)
        lines.push_back("[shutdown]");
    return compare(p, "on " + qemu, lines, true);
}

// Leaves only the engine of that name.
bool choose_engine(std::vector<EngineKind>& engines, const std::string& name) {
    std::string known;
    for (const EngineKind& engine : engines) {
        if (engine.name == name) {
            engines = {EngineKind(engine)};
            return true;
        }
        known += known.empty() ? engine.name : ", " + engine.name;
    }
    std::cerr << "program-runner: --engine " << name << ": this host has " << known << '\n';
    return false;
}

int run_all(int argc, char** argv) {
    std::string peer;
    bool show_state = false;
    std::vector<EngineKind> engines = engine_kinds();
    std::vector<std::string> paths;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg == "--peer" && i + 1 < argc)
            peer = argv[++i];
        else if (arg == "--engine" && i + 1 < argc && !choose_engine(engines, argv[++i]))
            return 2;
        else if (arg == "--engine")
            continue;
        else if (arg == "--state")
            show_state = true;
        else
            paths.push_back(arg);
    }
    char directory[] = "/tmp/program-runner-XXXXXX";
    if (!mkdtemp(directory))
        return 2;
    int failures = 0;
    for (const std::string& path : paths) {
        Program p = read_header(path);
        const bool ok = assemble(p, directory) && (peer.empty() ? run_here(p, engines, show_state) : run_peer(p, peer));
        std::cout << (ok ? "ok      " : "FAILED  ") << path << '\n';
        failures += !ok;
        std::remove(p.image.c_str());
    }
    std::remove(directory);
    return failures != 0;
}

}  // namespace
}  // namespace qr

int main(int argc, char** argv) { return qr::run_all(argc, argv); }
