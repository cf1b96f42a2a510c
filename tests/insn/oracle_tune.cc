// SPDX-License-Identifier: GPL-2.0-or-later
//
// What single rows want of registers and memory so that they do something worth seeing: pointers
// for string instructions, return addresses on the stack, images for FXRSTOR, operands of the right
// format. Source: Intel SDM volume 2, the instructions' own pages.
#include <algorithm>

#include "target/i386/cpu.h"
#include "tests/insn/oracle_build.h"
#include "tests/insn/oracle_values.h"

namespace qr::oracle {

using namespace i386;

namespace {

bool starts_with(std::string_view s, std::string_view prefix) {
    return s.substr(0, prefix.size()) == prefix;
}

}  // namespace

void Builder::tune_stack(const Plan& plan) {
    uint8_t bytes[32];
    for (unsigned i = 0; i < 32; i += 4) {
        const auto v = static_cast<uint32_t>(integer_value(rng_, 4));
        std::memcpy(bytes + i, &v, 4);
    }
    const std::string_view name = plan.name();
    if (plan.far()) {
        tune_far_frame(bytes);
    } else if (name == "ret" && rng_.percent(95)) {
        std::memcpy(bytes, &branch_to_, 4);
        if (c_.code32 == op16_) bytes[2] = bytes[3] = 0;
    } else if (!plan.operands.empty() && plan.operands[0].form.size() == 2 &&
               plan.operands[0].form[1] == 'S') {
        const uint16_t s = selector_value(rng_);
        std::memcpy(bytes, &s, 2);
    } else if (rng_.percent(70)) {
        return;
    }
    const uint32_t sp =
        c_.gpr[kEsp] & (c_.seg[kSs] == ldt_selector(kWindow16) ? 0xffff : 0xffffffff);
    patch(sp + base_of(kSs), bytes, sizeof bytes);
}

// What a far RET or an IRET finds on the stack.
void Builder::tune_far_frame(uint8_t* bytes) {
    const unsigned step = c_.code32 != op16_ ? 4 : 2;
    std::memcpy(bytes, &branch_to_, step);
    std::memcpy(bytes + step, &far_to_, 2);
}

void Builder::tune_before(const Plan& plan) {
    const std::string_view name = plan.name();
    const unsigned source = override_ >= 0 ? static_cast<unsigned>(override_) : unsigned{kDs};
    if (plan.row->attr & kString) {
        const unsigned room = rep_ ? 16 : 1;
        const auto place = [&] {
            const unsigned size = rng_.percent(50) ? 4 : 4 * room;
            return pick_linear(size, rng_.percent(70) ? 4 : 0) +
                   (rng_.percent(10) ? rng_.below(64) : 0);
        };
        pin(kEsi, place() - base_of(source));
        pin(kEdi, rng_.percent(35) ? c_.gpr[kEsi] + rng_.below(40) - 20 : place() - base_of(kEs));
        if (rep_) {
            uint32_t count = rng_.below(rng_.percent(80) ? 20 : 200);
            // Whether the right to use a port is looked at if there is nothing to do differs.
            if (plan.row->attr & kIo) count |= 1;
            if (c_.code32 == address16_) count |= static_cast<uint32_t>(rng_.next()) << 16;
            pin(kEcx, count);
        }
        if (name == "scas" || name == "scasb" || name == "cmps" || name == "cmpsb") {
            // Something to be found, or a run of equal ones.
            uint8_t same[64];
            std::memset(same, static_cast<int>(c_.gpr[kEax] & 0xff), sizeof same);
            if (rng_.percent(60)) patch(c_.gpr[kEdi] + base_of(kEs) - 32, same, sizeof same);
            if (rng_.percent(60))
                patch(c_.gpr[kEsi] + base_of(source) - 32, same, sizeof same - rng_.below(20));
            if (rng_.percent(70)) pin(kEax, (c_.gpr[kEax] & 0xff) * 0x01010101);
        }
    } else if (name == "xlat") {
        pin(kEax, c_.gpr[kEax]);
        pin(kEbx, pick_linear(1, 0) - base_of(source) - (c_.gpr[kEax] & 0xff));
    } else if (starts_with(name, "maskmov")) {
        pin(kEdi, pick_linear(16, rng_.percent(50) ? 16 : 0) - base_of(source));
    } else if (name == "div" || name == "idiv") {
        // Mostly a quotient that fits.
        if (rng_.percent(70)) {
            const bool minus = name == "idiv" && rng_.percent(50);
            const uint32_t high = minus ? 0u - rng_.below(4) : rng_.below(4);
            pin(kEdx, rng_.percent(50) ? (minus ? 0xffffffff : 0) : high);
            pin(kEax, rng_.percent(50) ? c_.gpr[kEax] : rng_.below(0x10000));
        }
    } else if (starts_with(name, "loop") || name == "jcxz") {
        if (rng_.percent(85)) pin(kEcx, rng_.below(3) | (rng_.percent(30) ? 0x10000 : 0));
    } else if (name == "leave" || name == "enter") {
        pin(kEbp, pick_linear(4, rng_.percent(80) ? 4 : 0) - base_of(kSs));
        if (name == "enter" && rng_.percent(60)) pin(kEsp, (c_.gpr[kEsp] | 0x800) & ~3u);
    } else if (starts_with(name, "bt") && plan.has("Gv") && use_memory_) {
        for (unsigned r = 0; r < 8; ++r) {
            if (pinned(r)) continue;
            c_.gpr[r] = rng_.percent(60) ? rng_.below(32) : rng_.below(0x8000) - 0x4000;
        }
    } else if (name == "cmpxchg8b") {
        pin(kEdx, c_.gpr[kEdx]);
        pin(kEax, c_.gpr[kEax]);
    } else if (plan.has("CL") && rng_.percent(60)) {
        c_.gpr[kEcx] = (c_.gpr[kEcx] & ~0xffu) | rng_.below(34);
        pin(kEcx, c_.gpr[kEcx]);
    } else if (plan.row->attr & kNearBranch && plan.has("Ev") && !use_memory_) {
        for (unsigned r = 0; r < 8; ++r)
            if (!pinned(r) && rng_.percent(90)) c_.gpr[r] = branch_to_;
    } else if (plan.has("Ew") && !use_memory_ &&
               (plan.has("Sw") || (plan.row->attr & kNoRealMode))) {
        for (unsigned r = 0; r < 8; ++r)
            if (!pinned(r)) c_.gpr[r] = (c_.gpr[r] & 0xffff0000) | selector_value(rng_);
    }
}

void Builder::tune_after(const Plan& plan, const Insn& insn) {
    const std::string_view name = plan.name();
    if (name == "pop" || name == "popa" || name == "popf" || name == "ret" || name == "retf" ||
        name == "iret")
        tune_stack(plan);
    const bool has_memory = insn.has_mem || plan.has("Ob") || plan.has("Ov");
    if (!has_memory) {
        const unsigned rm = insn.rm;
        if (name == "cmpxchg" && rng_.percent(50) && !pinned(rm)) c_.gpr[rm] = c_.gpr[kEax];
        return;
    }
    const uint32_t offset =
        (static_cast<uint32_t>(insn.base < 8 ? c_.gpr[insn.base] : 0) +
         ((insn.index < 8 ? c_.gpr[insn.index] : 0) << insn.scale) + insn.disp) &
        insn.ea_mask;
    info_.memory_operand = offset + base_of(insn.seg);
    bool reads = false;
    for (const Operand& o : plan.operands)
        if (o.read && std::string_view("EMOQW").find(o.form[0]) != std::string_view::npos)
            reads = true;
    if (reads) fill_operand(plan, insn);
}

void Builder::fill_operand(const Plan& plan, const Insn& insn) {
    const std::string_view name = plan.name();
    const uint32_t attr = plan.row->attr;
    uint8_t bytes[512];
    unsigned size = std::min(memory_size(plan), 64u);
    const auto put = [&](unsigned at, const auto& value) {
        std::memcpy(bytes + at, &value, sizeof value);
    };
    for (unsigned i = 0; i < sizeof bytes; i += 8) put(i, rng_.next());
    for (unsigned i = 0; i < 64; i += 16) packed_value(rng_, bytes + i);
    if (name == "fxrstor") {
        FxArea fx;
        fpu_state(rng_, fx);
        std::memcpy(bytes, &fx, 288);
        put(0, static_cast<uint16_t>(rng_.percent(50) ? fx.control : rng_.next()));
        put(2, static_cast<uint16_t>(rng_.percent(50) ? fx.status : rng_.next()));
        size = 512;
    } else if (name == "fldenv" || name == "frstor") {
        const unsigned step = insn.op_size == 4 ? 4 : 2;
        if (rng_.percent(70)) put(0, x87_control(rng_));
        if (rng_.percent(50)) put(step, static_cast<uint16_t>(rng_.next() & 0x7f00));
        size = name == "fldenv" ? 7 * step : 7 * step + 80;
        for (unsigned i = 7 * step; i + 10 <= size; i += 10) {
            const auto st = float80_value(rng_);
            std::memcpy(bytes + i, &st, 10);
        }
    } else if (name == "ldmxcsr") {
        put(0, rng_.percent(90) ? mxcsr_value(rng_) : static_cast<uint32_t>(rng_.next()));
        size = 4;
    } else if (name == "fldcw") {
        put(0, rng_.percent(70) ? x87_control(rng_) : static_cast<uint16_t>(rng_.next()));
        size = 2;
    } else if (attr & kFpu) {
        const bool integer = starts_with(name, "fi");
        if (plan.has("Mw"))
            put(0, static_cast<uint16_t>(integer_value(rng_, 2)));
        else if (plan.has("Md"))
            put(0, integer ? static_cast<uint32_t>(integer_value(rng_, 4)) : float32_value(rng_));
        else if (plan.has("Mq"))
            put(0, integer ? integer_value(rng_, 8) : float64_value(rng_));
        else if (name == "fbld") {
            if (rng_.percent(95)) bcd_value(rng_, bytes);
        } else {
            const auto st = float80_value(rng_);
            std::memcpy(bytes, &st, 10);
        }
    } else if (attr & (kSse | kMmx)) {
        size = 16;
    } else if (attr & kNearBranch) {
        if (rng_.percent(95)) put(0, branch_to_);
    } else if (plan.has("Mp")) {
        put(0, plan.far() ? branch_to_ : static_cast<uint32_t>(integer_value(rng_, 4)));
        put(insn.op_size, plan.far() ? far_to_ : selector_value(rng_));
    } else if (plan.has("Ew") && (plan.has("Sw") || (attr & kNoRealMode))) {
        put(0, selector_value(rng_));
    } else if (plan.has("Ma")) {
        for (unsigned i = 0; i < 2; ++i) {
            const auto near = c_.gpr[insn.reg] + (i ? 1u : 0u - 1u) * rng_.below(100);
            const uint32_t v =
                rng_.percent(60) ? near : static_cast<uint32_t>(integer_value(rng_, 4));
            std::memcpy(bytes + i * insn.op_size, &v, insn.op_size);
        }
    } else {
        const unsigned unit = size == 1 || size == 2 || size == 8 ? size : 4;
        const uint64_t v = integer_value(rng_, unit);
        std::memcpy(bytes, &v, unit);
        if (name == "cmpxchg" && rng_.percent(50)) put(0, c_.gpr[kEax]);
        if (name == "cmpxchg8b") {
            if (rng_.percent(60)) put(0, c_.gpr[kEax]);
            if (rng_.percent(60)) put(4, c_.gpr[kEdx]);
        }
        if (starts_with(name, "bt") && plan.has("Gv")) return;
    }
    patch(info_.memory_operand, bytes, size);
}

}  // namespace qr::oracle
