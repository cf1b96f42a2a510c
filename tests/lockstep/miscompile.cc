// SPDX-License-Identifier: GPL-2.0-or-later
//
// A translator with a wrong emitter; see miscompile.h. Source: Intel SDM volume 2, appendix A.2.
#include "tests/lockstep/miscompile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "target/i386/encoding.h"
#include "util/disassemble.h"

namespace qr::lockstep {

namespace {

// In the encoding of these eight operations by three bits the fault's bit is the middle one.
constexpr std::array<std::string_view, 8> kOperations = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

class Fault final : public i386::TranslationObserver {
  public:
    Fault(std::string row, std::optional<uint32_t> address) : row_(std::move(row)), address_(address) {}

    void restarted(std::span<const i386::ObservedThunk>) override {}
    void translated(const i386::ObservedBlock& block) override {
        uint32_t linear = block.linear;
        for (size_t n = 0; n < block.insns.size(); ++n) {
            const i386::ObservedInsn& o = block.insns[n];
            const size_t end = n + 1 < block.insns.size() ? block.insns[n + 1].begin : block.code.bytes.size();
            const auto code = block.code.bytes.subspan(o.begin, end - o.begin);
            if (i386::row_name(o.insn->row) == row_ && address_.value_or(linear) == linear) strike(code);
            linear += o.insn->length;
        }
    }

  private:
    void strike(std::span<const uint8_t> code) const {
        while (!code.empty()) {
            const Disassembly d = disassemble(code, CodeWidth::k64, 0);
            if (!d.length) return;
            if (d.text.starts_with(row_ + ' ')) {
                // Observers see the code where it was written, which isn't where it is executed.
                if (uint8_t* bit = operation(const_cast<uint8_t*>(code.data()))) *bit ^= 0x10;
                return;
            }
            code = code.subspan(d.length);
        }
    }
    // The byte of an instruction that has the operation in its bits 3 to 5.
    static uint8_t* operation(uint8_t* at) {
        while (*at == 0x66 || (*at & 0xf0) == 0x40) ++at;
        if (*at == 0x80 || *at == 0x81 || *at == 0x83) return at + 1;
        return *at < 0x40 && (*at & 7) < 6 ? at : nullptr;
    }

    std::string row_;
    std::optional<uint32_t> address_;
};

// The fault outlives the engine that it is in.
class Miscompiling final : public i386::Engine {
  public:
    Miscompiling(std::unique_ptr<Fault> fault, std::unique_ptr<i386::Engine> inner)
        : fault_(std::move(fault)), inner_(std::move(inner)) {}

    void run(i386::Cpu& cpu) override { inner_->run(cpu); }
    void invalidate(RamBlock& block, uint64_t page, uint64_t granules) override {
        inner_->invalidate(block, page, granules);
    }
    void flush() override { inner_->flush(); }
    void set_breakpoints(std::span<const uint32_t> addresses) override { inner_->set_breakpoints(addresses); }

  private:
    std::unique_ptr<Fault> fault_;
    std::unique_ptr<i386::Engine> inner_;
};

}  // namespace

Result<std::unique_ptr<i386::Engine>> miscompiling_translator(TcgOptions options, const std::string& fault) {
    const size_t at = fault.find('@');
    const std::string row = fault.substr(0, at);
    std::optional<uint32_t> address;
    bool good = std::ranges::find(kOperations, row) != kOperations.end();
    if (at != std::string::npos) {
        uint32_t value = 0;
        const char* const last = fault.data() + fault.size();
        const auto [end, error] = std::from_chars(fault.data() + at + 1, last, value, 16);
        good = good && error == std::errc{} && end == last;
        address = value;
    }
    if (!good) {
        return Error{fmt::format("miscompile={}: expected add, or, adc, sbb, and, sub, xor or cmp, and @ADDRESS if only "
                                 "one instruction is meant",
                                 fault)};
    }
    auto planted = std::make_unique<Fault>(row, address);
    options.observers.push_back(planted.get());
    auto engine = make_i386_translator(options);
    if (!engine) return engine;
    return std::unique_ptr<i386::Engine>(std::make_unique<Miscompiling>(std::move(planted), std::move(engine)));
}

}  // namespace qr::lockstep
