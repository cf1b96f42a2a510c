// SPDX-License-Identifier: GPL-2.0-or-later
//
// Registers for debuggers. Names and widths are those of GDB's features for the i386 (GDB manual, G.5.6), and for
// what it has no feature for, those of Intel SDM 1, 3.4, and 3A, 2.5. "icount" is the emulator's own.
#include "target/i386/debug_registers.h"

#include <algorithm>
#include <cstring>

#include "target/i386/simd.h"
#include "target/i386/x87.h"

namespace qr::i386 {

namespace {

constexpr uint32_t kEferMsr = 0xc0000080;
// What POPF at CPL 0 can change, and VIF and VIP. VM isn't for a debugger: segments mean something else then.
constexpr uint32_t kEflagsWritable = kArithFlags | kTF | kIF | kDFlag | kIoplMask | kNT | kRF | kACFlag | kVIF | kVIP | kID;

uint32_t get32(const uint8_t* from) { return load_le<uint32_t>(from); }
void put32(uint8_t* to, uint32_t value) { store_le(to, value); }

template <auto kMember>
void read_plain(const Cpu& cpu, unsigned, uint8_t* to) {
    put32(to, static_cast<uint32_t>(cpu.*kMember));
}
template <auto kMember>
void read_fpu(const Cpu& cpu, unsigned, uint8_t* to) {
    put32(to, cpu.fpu.*kMember);
}
template <auto kMember>
bool write_fpu(Cpu& cpu, unsigned, const uint8_t* from) {
    using T = std::remove_reference_t<decltype(cpu.fpu.*kMember)>;
    if (get32(from) != static_cast<T>(get32(from))) return false;
    cpu.fpu.*kMember = static_cast<T>(get32(from));
    return true;
}

// Operations that fault if the value isn't allowed.
template <class Operation>
bool without_fault(Operation operation) {
    try {
        operation();
        return true;
    } catch (const Fault&) {
        return false;
    }
}
template <void (Cpu::*kWrite)(uint32_t)>
bool write_control(Cpu& cpu, unsigned, const uint8_t* from) {
    return without_fault([&] { (cpu.*kWrite)(get32(from)); });
}

void read_gpr(const Cpu& cpu, unsigned n, uint8_t* to) { put32(to, static_cast<uint32_t>(cpu.gpr[n])); }
bool write_gpr(Cpu& cpu, unsigned n, const uint8_t* from) {
    cpu.set_reg<uint32_t>(n, get32(from));
    return true;
}
bool write_eip(Cpu& cpu, unsigned, const uint8_t* from) {
    cpu.eip = get32(from);
    return true;
}
void read_eflags(const Cpu& cpu, unsigned, uint8_t* to) { put32(to, cpu.get_eflags()); }
bool write_eflags(Cpu& cpu, unsigned, const uint8_t* from) {
    const uint32_t value = get32(from) | kFixed1;
    if ((value ^ cpu.get_eflags()) & ~kEflagsWritable) return false;
    cpu.write_eflags(value, kEflagsWritable);
    return true;
}

void read_selector(const Cpu& cpu, unsigned n, uint8_t* to) { put32(to, cpu.seg[n].selector); }
bool write_selector(Cpu& cpu, unsigned n, const uint8_t* from) {
    const uint32_t value = get32(from);
    // In protected mode CS says the privilege level, too: only a far transfer changes both.
    if (value > 0xffff || (n == kCs && !cpu.real_or_v86())) return false;
    return without_fault([&] { cpu.load_segment(static_cast<Seg>(n), static_cast<uint16_t>(value)); });
}
void read_base(const Cpu& cpu, unsigned n, uint8_t* to) { put32(to, static_cast<uint32_t>(cpu.seg[n].base)); }
bool write_base(Cpu& cpu, unsigned n, const uint8_t* from) {
    cpu.seg[n].base = get32(from);
    cpu.seg[n].derive();
    return true;
}

void read_st(const Cpu& cpu, unsigned n, uint8_t* to) {
    const softfloat::Float80& st = cpu.fpu.regs[(cpu.fpu.top() + n) & 7];
    store_le(to, st.mantissa);
    store_le(to + 8, st.sign_exponent);
}
bool write_st(Cpu& cpu, unsigned n, const uint8_t* from) {
    cpu.fpu.regs[(cpu.fpu.top() + n) & 7] = {load_le<uint64_t>(from), load_le<uint16_t>(from + 8)};
    return true;
}
bool write_fctrl(Cpu& cpu, unsigned n, const uint8_t* from) {
    if (!write_fpu<&FpuState::control>(cpu, n, from)) return false;
    set_x87_control(cpu, cpu.fpu.control);
    return true;
}
// ES and B follow from the rest.
bool write_fstat(Cpu& cpu, unsigned, const uint8_t* from) {
    const uint32_t value = get32(from);
    if (value > 0xffff) return false;
    constexpr uint32_t kDerived = kX87Summary | kX87Busy;
    cpu.fpu.status = static_cast<uint16_t>((value & ~kDerived) | (cpu.fpu.status & kDerived));
    update_x87_summary(cpu);
    return true;
}
void read_ftag(const Cpu& cpu, unsigned, uint8_t* to) { put32(to, tag_word(cpu.fpu)); }
bool write_ftag(Cpu& cpu, unsigned, const uint8_t* from) {
    if (get32(from) > 0xffff) return false;
    set_tag_word(cpu.fpu, static_cast<uint16_t>(get32(from)));
    return true;
}
bool write_fop(Cpu& cpu, unsigned n, const uint8_t* from) {
    return get32(from) <= 0x7ff && write_fpu<&FpuState::opcode>(cpu, n, from);
}

void read_xmm(const Cpu& cpu, unsigned n, uint8_t* to) { std::memcpy(to, cpu.fpu.xmm[n].bytes.data(), 16); }
bool write_xmm(Cpu& cpu, unsigned n, const uint8_t* from) {
    std::memcpy(cpu.fpu.xmm[n].bytes.data(), from, 16);
    return true;
}
bool write_mxcsr(Cpu& cpu, unsigned, const uint8_t* from) {
    if (get32(from) & ~writable_mxcsr(cpu)) return false;
    cpu.fpu.mxcsr = get32(from);
    return true;
}

bool write_cr2(Cpu& cpu, unsigned, const uint8_t* from) {
    cpu.cr2 = get32(from);
    return true;
}
bool write_efer(Cpu& cpu, unsigned, const uint8_t* from) {
    return get32(from) == static_cast<uint32_t>(cpu.efer) ||
           without_fault([&] { cpu.write_msr(kEferMsr, get32(from)); });
}
void read_icount(const Cpu& cpu, unsigned, uint8_t* to) { store_le<uint64_t>(to, cpu.wiring.clock.icount()); }

constexpr DebugRegister kRegisters[] = {
    {"eax", 4, kEax, read_gpr, write_gpr},
    {"ecx", 4, kEcx, read_gpr, write_gpr},
    {"edx", 4, kEdx, read_gpr, write_gpr},
    {"ebx", 4, kEbx, read_gpr, write_gpr},
    {"esp", 4, kEsp, read_gpr, write_gpr},
    {"ebp", 4, kEbp, read_gpr, write_gpr},
    {"esi", 4, kEsi, read_gpr, write_gpr},
    {"edi", 4, kEdi, read_gpr, write_gpr},
    {"eip", 4, 0, read_plain<&Cpu::eip>, write_eip},
    {"eflags", 4, 0, read_eflags, write_eflags},
    {"cs", 4, kCs, read_selector, write_selector},
    {"ss", 4, kSs, read_selector, write_selector},
    {"ds", 4, kDs, read_selector, write_selector},
    {"es", 4, kEs, read_selector, write_selector},
    {"fs", 4, kFs, read_selector, write_selector},
    {"gs", 4, kGs, read_selector, write_selector},
    {"st0", 10, 0, read_st, write_st},
    {"st1", 10, 1, read_st, write_st},
    {"st2", 10, 2, read_st, write_st},
    {"st3", 10, 3, read_st, write_st},
    {"st4", 10, 4, read_st, write_st},
    {"st5", 10, 5, read_st, write_st},
    {"st6", 10, 6, read_st, write_st},
    {"st7", 10, 7, read_st, write_st},
    {"fctrl", 4, 0, read_fpu<&FpuState::control>, write_fctrl},
    {"fstat", 4, 0, read_fpu<&FpuState::status>, write_fstat},
    {"ftag", 4, 0, read_ftag, write_ftag},
    {"fiseg", 4, 0, read_fpu<&FpuState::fcs>, write_fpu<&FpuState::fcs>},
    {"fioff", 4, 0, read_fpu<&FpuState::fip>, write_fpu<&FpuState::fip>},
    {"foseg", 4, 0, read_fpu<&FpuState::fds>, write_fpu<&FpuState::fds>},
    {"fooff", 4, 0, read_fpu<&FpuState::fdp>, write_fpu<&FpuState::fdp>},
    {"fop", 4, 0, read_fpu<&FpuState::opcode>, write_fop},
    {"xmm0", 16, 0, read_xmm, write_xmm},
    {"xmm1", 16, 1, read_xmm, write_xmm},
    {"xmm2", 16, 2, read_xmm, write_xmm},
    {"xmm3", 16, 3, read_xmm, write_xmm},
    {"xmm4", 16, 4, read_xmm, write_xmm},
    {"xmm5", 16, 5, read_xmm, write_xmm},
    {"xmm6", 16, 6, read_xmm, write_xmm},
    {"xmm7", 16, 7, read_xmm, write_xmm},
    {"mxcsr", 4, 0, read_fpu<&FpuState::mxcsr>, write_mxcsr},
    {"cs_base", 4, kCs, read_base, write_base},
    {"ss_base", 4, kSs, read_base, write_base},
    {"ds_base", 4, kDs, read_base, write_base},
    {"es_base", 4, kEs, read_base, write_base},
    {"fs_base", 4, kFs, read_base, write_base},
    {"gs_base", 4, kGs, read_base, write_base},
    {"cr0", 4, 0, read_plain<&Cpu::cr0>, write_control<&Cpu::write_cr0>},
    {"cr2", 4, 0, read_plain<&Cpu::cr2>, write_cr2},
    {"cr3", 4, 0, read_plain<&Cpu::cr3>, write_control<&Cpu::write_cr3>},
    {"cr4", 4, 0, read_plain<&Cpu::cr4>, write_control<&Cpu::write_cr4>},
    {"efer", 4, 0, read_plain<&Cpu::efer>, write_efer},
    {"icount", 8, 0, read_icount, nullptr},
};
static_assert(std::ranges::all_of(kRegisters, [](const DebugRegister& r) { return r.size <= kLargestDebugRegister; }));

}  // namespace

std::span<const DebugRegister> debug_registers() { return kRegisters; }

const DebugRegister* find_debug_register(std::string_view name) {
    const auto found = std::ranges::find(kRegisters, name, &DebugRegister::name);
    return found == std::end(kRegisters) ? nullptr : &*found;
}

bool write_debug_register(Cpu& cpu, std::string_view name, std::span<const uint8_t> value) {
    const DebugRegister* r = find_debug_register(name);
    return r && r->write && value.size() == r->size && r->write(cpu, r->index, value.data());
}

}  // namespace qr::i386
