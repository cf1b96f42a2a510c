// SPDX-License-Identifier: GPL-2.0-or-later
//
// Golden files of emitted code: each NAME.S here is a guest program, NAME.txt what the translator makes of it, without
// anything that depends on addresses. Emitted code that changes shows as a difference, with the number of host
// instructions for each of the guest's.
//
//     test_codegen FOLDER [NAME...]            compares; exit status 1 and the first difference of each file
//     test_codegen --update FOLDER [NAME...]   writes the .txt files anew, for a change that is meant
//
// A program is assembled by nasm with `bits 32` and `org 0x10000` in front; it starts with ESI and EDI at 0x20000, the
// stack below 0x9000, and ends by HLT. Source: docs/translator.rst.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "accel/tcg/tcg.h"
#include "target/i386/tcg/listing.h"
#include "tests/codegen/baseline.h"
#include "tests/unit/cpu_fixture.h"

namespace qr::codegen {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kCode = 0x10000;
constexpr uint64_t kMost = 2000;  // instructions, should one not come to its HLT

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// A folder that goes with it.
class Scratch {
  public:
    Scratch() : path_(fs::temp_directory_path() / fmt::format("codegen-{}", getpid())) {
        fs::create_directories(path_);
    }
    ~Scratch() { fs::remove_all(path_); }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// Empty if nasm doesn't accept it (and has said why).
std::string assemble(const fs::path& source, const fs::path& scratch) {
    const fs::path whole = scratch / "whole.S", image = scratch / "image.bin";
    std::ofstream(whole) << "bits 32\norg 0x10000\n%line 1 " << source.string() << "\n" << read(source);
    const std::string command = fmt::format("nasm -f bin -o '{}' '{}'", image.string(), whole.string());
    return std::system(command.c_str()) == 0 ? read(image) : std::string{};
}

class Collector final : public i386::TranslationObserver {
  public:
    void restarted(std::span<const i386::ObservedThunk> thunks) override {
        listing_.thunks.assign(thunks.begin(), thunks.end());
    }
    void translated(const i386::ObservedBlock& block) override {
        const i386::HostText host = list_host(block, listing_);
        text_ += host.text + '\n';
        guest_ += block.insns.size();
        host_ += host.instructions;
        out_of_line_ += host.out_of_line;
    }
    std::string text() const {
        const double each = static_cast<double>(host_) / static_cast<double>(std::max<size_t>(guest_, 1));
        return text_ + fmt::format("total: {} instructions of the guest, {} of the host ({:.2f} each), {} out of line\n",
                                   guest_, host_, each, out_of_line_);
    }

  private:
    i386::HostListing listing_{.thunks = {}, .addresses = false};
    std::string text_;
    size_t guest_ = 0, host_ = 0, out_of_line_ = 0;
};

std::string translate(const std::string& image, BaselineWatch& baseline) {
    Collector collector;
    TcgOptions options;
    options.cache_bytes = 1 << 20;
    options.threshold = 0;
    options.observers = {&collector, &baseline};
    test::CpuFixture m("max", 1 << 20, make_i386_translator(options));
    m.put(kCode, std::span(reinterpret_cast<const uint8_t*>(image.data()), image.size()));
    m.cpu.cr4 |= i386::kCr4OSFXSR;
    m.flat32(kCode);
    m.cpu.gpr[i386::kEsi] = m.cpu.gpr[i386::kEdi] = 0x20000;
    m.run(kMost);
    if (!m.cpu.halted()) return {};
    return collector.text();
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

void show_difference(const std::string& name, const std::string& golden, const std::string& now) {
    const auto a = lines(golden), b = lines(now);
    const auto [x, y] = std::ranges::mismatch(a, b);
    const auto at = static_cast<size_t>(x - a.begin());
    fmt::print("{}.txt:{}: the emitted code isn't what it was\n", name, at + 1);
    for (size_t n = at < 3 ? 0 : at - 3; n < at; ++n) fmt::print("    {}\n", a[n]);
    for (size_t n = at; n < std::min(at + 6, a.size()); ++n) fmt::print("  - {}\n", a[n]);
    for (size_t n = at; n < std::min(at + 6, b.size()); ++n) fmt::print("  + {}\n", b[n]);
    if (!a.empty() && !b.empty()) fmt::print("  was {}\n  is  {}\n", a.back(), b.back());
}

int run(bool update, const fs::path& folder, std::vector<std::string> names) {
    if (names.empty()) {
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.path().extension() == ".S") names.push_back(entry.path().stem());
        std::ranges::sort(names);
    }
    Scratch scratch;
    BaselineWatch baseline;
    unsigned wrong = 0, changed = 0;
    for (const std::string& name : names) {
        const std::string image = assemble(folder / (name + ".S"), scratch.path());
        const std::string now = image.empty() ? image : translate(image, baseline);
        if (now.empty()) {
            fmt::print("{}.S: {}\n", name, image.empty() ? "can't be assembled" : "doesn't come to its HLT");
            ++wrong;
            continue;
        }
        const fs::path path = folder / (name + ".txt");
        const std::string golden = read(path);
        if (golden == now) continue;
        ++changed;
        if (update)
            std::ofstream(path, std::ios::binary) << now;
        else
            show_difference(name, golden, now);
    }
    for (const auto& [what, where] : baseline.offenders())
        fmt::print("{}: {} isn't in every x86-64 processor\n", where, what);
    fmt::print("codegen: {} programs, {} {}\n", names.size(), changed, update ? "written" : "changed");
    if (changed && !update)
        fmt::print("If that is meant: {} --update {}\n", "build/tests/codegen/test_codegen", folder.string());
    return wrong || !baseline.offenders().empty() || (changed && !update) || names.empty() ? 1 : 0;
}

}  // namespace
}  // namespace qr::codegen

int main(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool update = std::erase(words, "--update") > 0;
    if (words.empty() || words[0].starts_with('-')) {
        std::fputs("usage: test_codegen [--update] FOLDER [NAME...]\n", stderr);
        return 2;
    }
    if (!qr::tcg_supported()) {
        std::puts("no translator here");
        return 77;  // meson: skipped
    }
    return qr::codegen::run(update, words[0], {words.begin() + 1, words.end()});
}
