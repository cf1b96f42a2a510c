// SPDX-License-Identifier: GPL-2.0-or-later
//
// An engine that does one thing wrong; see planted_fault.h. Source: none.
#include "tests/lockstep/planted_fault.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace qr::lockstep {

namespace {

constexpr std::array<std::string_view, 8> kRegisters = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

struct Plan {
    std::optional<unsigned> reg;
    uint64_t address = 0;  // of a byte, without reg
    uint64_t at = 0;
    uint64_t first = 0, last = 0;
};

bool parse(std::string_view text, uint64_t& value, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Plan> parse_plan(std::string_view fault, std::string_view block) {
    Plan plan;
    const size_t at = fault.find('@');
    if (at == std::string_view::npos || !parse(fault.substr(at + 1), plan.at) || !plan.at) return {};
    const std::string_view field = fault.substr(0, at);
    if (field.starts_with("ram:")) {
        if (!parse(field.substr(4), plan.address, 16)) return {};
    } else {
        const auto found = std::ranges::find(kRegisters, field);
        if (found == kRegisters.end()) return {};
        plan.reg = static_cast<unsigned>(found - kRegisters.begin());
    }
    plan.first = plan.last = plan.at;
    if (block.empty()) return plan;
    const size_t dash = block.find('-');
    if (dash == std::string_view::npos || !parse(block.substr(0, dash), plan.first) ||
        !parse(block.substr(dash + 1), plan.last) || plan.first > plan.at || plan.last < plan.at)
        return {};
    return plan;
}

class PlantedFault final : public i386::Engine {
  public:
    PlantedFault(std::unique_ptr<i386::Engine> inner, const Plan& plan) : inner_(std::move(inner)), plan_(plan) {}

    void run(i386::Cpu& cpu) override {
        Countdown& countdown = cpu.wiring.countdown;
        const uint64_t here = countdown.icount();
        const bool comes = here < plan_.first && plan_.last <= countdown.target;
        if (comes) {
            countdown.target = plan_.at;
            countdown.remaining = static_cast<int64_t>(plan_.at - here);
        }
        inner_->run(cpu);
        if (comes && countdown.icount() == plan_.at) strike(cpu);
    }
    void invalidate(RamBlock& block, uint64_t page, uint64_t granules) override {
        inner_->invalidate(block, page, granules);
    }
    void flush() override { inner_->flush(); }
    void set_breakpoints(std::span<const uint32_t> addresses) override { inner_->set_breakpoints(addresses); }

  private:
    void strike(i386::Cpu& cpu) const {
        if (plan_.reg) {
            cpu.gpr[*plan_.reg] ^= 1;
            return;
        }
        AddressSpace& memory = cpu.memory();
        memory.write(plan_.address, 1, memory.read(plan_.address, 1) ^ 1);
    }

    std::unique_ptr<i386::Engine> inner_;
    Plan plan_;
};

}  // namespace

Result<std::unique_ptr<i386::Engine>> plant_fault(std::unique_ptr<i386::Engine> inner, const std::string& fault,
                                                  const std::string& block) {
    const auto plan = parse_plan(fault, block);
    if (!plan) {
        return Error{fmt::format("fault={}{}: expected eax@N or the like, or ram:ADDRESS@N, and block=FIRST-LAST "
                                 "around N",
                                 fault, block.empty() ? "" : ",block=" + block)};
    }
    return std::unique_ptr<i386::Engine>(std::make_unique<PlantedFault>(std::move(inner), *plan));
}

}  // namespace qr::lockstep
