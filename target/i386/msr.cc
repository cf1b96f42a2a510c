// SPDX-License-Identifier: GPL-2.0-or-later
//
// Model-specific registers of a P6-family processor, as far as the model has the feature that they belong
// to; anything else is #GP(0). Source: Intel SDM 4, 2.1 (architectural MSRs), 2.22 (P6 family);
// 3A, 11.11 (MTRRs), 11.12 (PAT); 3B, 15.3 (machine check).
#include "target/i386/cpu.h"

namespace qr::i386 {

namespace {

enum Msr : uint32_t {
    kP5McAddr = 0x0, kP5McType = 0x1, kTsc = 0x10, kPlatformId = 0x17, kApicBase = 0x1b,
    kEblCrPowerOn = 0x2a, kBiosUpdateTrigger = 0x79, kBiosSignId = 0x8b, kMtrrCap = 0xfe,
    kSysenterCs = 0x174, kSysenterEsp = 0x175, kSysenterEip = 0x176, kMcgCap = 0x179, kMcgStatus = 0x17a,
    kMcgCtl = 0x17b, kMiscEnable = 0x1a0, kDebugCtl = 0x1d9, kLastBranchFrom = 0x1db, kLastIntTo = 0x1de,
    kMtrrVariable = 0x200, kMtrrFix64K = 0x250, kMtrrFix16K = 0x258, kMtrrFix4K = 0x268, kPat = 0x277,
    kMtrrDefType = 0x2ff, kMcBanks = 0x400, kEfer = 0xc0000080,
};

constexpr uint64_t kEferNxe = 1 << 11;
constexpr unsigned kVariableMtrrs = 8;
constexpr unsigned kBanks = 5;
constexpr uint64_t kAbovePhys = ~((uint64_t{1} << kPhysBits) - 1);

// Index in Mtrr::fixed, or -1.
int fixed_index(uint32_t msr) {
    if (msr == kMtrrFix64K) return 0;
    if (msr == kMtrrFix16K || msr == kMtrrFix16K + 1) return 1 + static_cast<int>(msr - kMtrrFix16K);
    if (msr >= kMtrrFix4K && msr < kMtrrFix4K + 8) return 3 + static_cast<int>(msr - kMtrrFix4K);
    return -1;
}

bool memory_type(uint64_t type) { return type <= 6 && type != 2 && type != 3; }

bool memory_types(uint64_t eight, bool pat) {
    for (unsigned n = 0; n < 8; ++n) {
        const uint64_t type = bits(eight, n * 8, 8);
        if (!memory_type(type) && !(pat && type == 7)) return false;
    }
    return true;
}

void require(bool condition) {
    if (!condition) fault(kGP, 0);
}

bool is_p6(const Cpu& cpu) { return bits(cpu.model.signature, 8, 4) >= 6; }

bool variable_mtrr(const Cpu& cpu, uint32_t index) {
    return cpu.model.has(Feature::kMtrr) && index >= kMtrrVariable &&
           index < kMtrrVariable + 2 * kVariableMtrrs;
}
bool fixed_mtrr(const Cpu& cpu, uint32_t index) {
    return cpu.model.has(Feature::kMtrr) && fixed_index(index) >= 0;
}
bool bank_register(const Cpu& cpu, uint32_t index) {
    return cpu.model.has(Feature::kMca) && index >= kMcBanks && index < kMcBanks + 4 * kBanks;
}

}  // namespace

uint64_t Cpu::read_msr(uint32_t index) {
    if (variable_mtrr(*this, index)) return mtrr.variable[index - kMtrrVariable];
    if (fixed_mtrr(*this, index)) return mtrr.fixed[static_cast<unsigned>(fixed_index(index))];
    // CTL, STATUS, ADDR, MISC of each bank; no error is ever logged.
    if (bank_register(*this, index))
        return (index & 3) == 0 ? machine_check.bank_control[(index - kMcBanks) / 4] : 0;
    switch (index) {
        case kP5McAddr:
        case kP5McType: return 0;
        case kTsc: require(model.has(Feature::kTsc)); return tsc();
        case kApicBase:
            require(model.has(Feature::kApic) && wiring.interrupts);
            return wiring.interrupts->apic_base();
        case kPlatformId:
        case kEblCrPowerOn:
        case kDebugCtl: require(is_p6(*this)); return 0;
        case kBiosSignId: require(is_p6(*this)); return microcode;
        case kMiscEnable: require(is_p6(*this)); return misc_enable;
        case kMtrrCap:  // fixed ranges, write combining
            require(model.has(Feature::kMtrr));
            return kVariableMtrrs | 1 << 8 | 1 << 10;
        case kMtrrDefType: require(model.has(Feature::kMtrr)); return mtrr.default_type;
        case kSysenterCs: require(model.has(Feature::kSep)); return sysenter_cs;
        case kSysenterEsp: require(model.has(Feature::kSep)); return sysenter_esp;
        case kSysenterEip: require(model.has(Feature::kSep)); return sysenter_eip;
        case kMcgCap: require(model.has(Feature::kMca)); return kBanks | 1 << 8;
        case kMcgStatus: require(model.has(Feature::kMca)); return machine_check.status;
        case kMcgCtl: require(model.has(Feature::kMca)); return machine_check.control;
        case kPat: require(model.has(Feature::kPat)); return pat;
        case kEfer: require(model.has(Feature::kNx)); return efer;
        default:
            require(is_p6(*this) && index >= kLastBranchFrom && index <= kLastIntTo);
            return 0;
    }
}

void Cpu::write_msr(uint32_t index, uint64_t value) {
    if (variable_mtrr(*this, index)) {
        const bool mask = index & 1;
        require(!(value & (kAbovePhys | (mask ? 0x7ff : 0xf00))) && (mask || memory_type(value & 0xff)));
        mtrr.variable[index - kMtrrVariable] = value;
        return;
    }
    if (fixed_mtrr(*this, index)) {
        require(memory_types(value, false));
        mtrr.fixed[static_cast<unsigned>(fixed_index(index))] = value;
        return;
    }
    if (bank_register(*this, index)) {
        if ((index & 3) == 0)
            machine_check.bank_control[(index - kMcBanks) / 4] = value;
        else
            require(value == 0);  // clearing is all that software may do
        return;
    }
    switch (index) {
        case kP5McAddr:
        case kP5McType: return;
        case kTsc:
            require(model.has(Feature::kTsc));
            tsc_offset += value - tsc();
            if (wiring.interrupts) wiring.interrupts->tsc_changed();
            return;
        case kApicBase:
            require(model.has(Feature::kApic) && wiring.interrupts &&
                    wiring.interrupts->set_apic_base(value));
            return;
        // Loading an update succeeds and changes nothing; BIOS_SIGN_ID keeps what was written, which
        // says that there is no update.
        case kBiosUpdateTrigger:
        case kEblCrPowerOn: require(is_p6(*this)); return;
        // Branch trace and last branch records aren't offered: the bits stay clear.
        case kDebugCtl: require(is_p6(*this) && !(value >> 32)); return;
        case kBiosSignId: require(is_p6(*this)); microcode = value; return;
        case kMiscEnable: require(is_p6(*this)); misc_enable = value; return;
        case kMtrrDefType:
            require(model.has(Feature::kMtrr) && !(value & ~uint64_t{0xcff}) && memory_type(value & 0xff));
            mtrr.default_type = value;
            return;
        case kSysenterCs: require(model.has(Feature::kSep)); sysenter_cs = static_cast<uint32_t>(value); return;
        case kSysenterEsp: require(model.has(Feature::kSep)); sysenter_esp = static_cast<uint32_t>(value); return;
        case kSysenterEip: require(model.has(Feature::kSep)); sysenter_eip = static_cast<uint32_t>(value); return;
        case kMcgStatus:
            require(model.has(Feature::kMca) && value == 0);
            machine_check.status = 0;
            return;
        case kMcgCtl:
            require(model.has(Feature::kMca) && (value == 0 || value == ~uint64_t{0}));
            machine_check.control = value;
            return;
        case kPat:
            require(model.has(Feature::kPat) && memory_types(value, true));
            pat = value;
            return;
        case kEfer:
            require(model.has(Feature::kNx) && !(value & ~kEferNxe));
            if (efer != value) {
                efer = value;
                flush_tlb();
            }
            return;
        default: fault(kGP, 0);
    }
}

}  // namespace qr::i386
