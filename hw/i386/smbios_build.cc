// SPDX-License-Identifier: GPL-2.0-or-later
// The SMBIOS 2.8 tables of the `pc` board. Source: DMTF DSP0134 2.8.0 (5.2.1 entry point, 6.1
// structures, 7.2 system, 7.4 enclosure, 7.5 processor, 7.17-7.20 memory, 7.33 boot information).
#include "hw/i386/smbios_build.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <span>
#include <string_view>

#include "util/bits.h"

namespace qr {

namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;
constexpr uint64_t kModuleSize = 16 * kGiB;

constexpr uint16_t kSystemHandle = 0x0100;
constexpr uint16_t kChassisHandle = 0x0300;
constexpr uint16_t kProcessorHandle = 0x0400;
constexpr uint16_t kArrayHandle = 0x1000;
constexpr uint16_t kModuleHandle = 0x1100;
constexpr uint16_t kMappedHandle = 0x1300;
constexpr uint16_t kBootHandle = 0x2000;
constexpr uint16_t kEndHandle = 0x7f00;
constexpr uint16_t kNoHandle = 0xfffe;
constexpr uint16_t kNotPresent = 0xffff;

constexpr uint8_t kOther = 1;
constexpr uint8_t kUnknown = 2;
constexpr uint8_t kSafe = 3;

// One structure: a formatted area and the strings that it names by number.
class Structure {
  public:
    Structure(uint8_t type, uint16_t handle) {
        u8(type);
        u8(0);  // length of the formatted area, known at the end
        u16(handle);
    }
    template <class T>
    void put(T value) {
        const size_t at = area_.size();
        area_.resize(at + sizeof value);
        store_le(area_.data() + at, value);
    }
    void u8(uint8_t v) { put(v); }
    void u16(uint16_t v) { put(v); }
    void u32(uint32_t v) { put(v); }
    void u64(uint64_t v) { put(v); }
    void zeros(size_t count) { area_.insert(area_.end(), count, 0); }
    // 6.1.3: strings follow the area; number 0 is "none".
    void text(std::string_view s) {
        if (s.empty()) {
            u8(0);
            return;
        }
        strings_.insert(strings_.end(), s.begin(), s.end());
        strings_.push_back(0);
        u8(++string_count_);
    }
    std::vector<uint8_t> take(size_t expected_length) {
        assert(area_.size() == expected_length);
        static_cast<void>(expected_length);
        area_[1] = static_cast<uint8_t>(area_.size());
        area_.insert(area_.end(), strings_.begin(), strings_.end());
        if (!string_count_) area_.push_back(0);
        area_.push_back(0);
        return std::move(area_);
    }

  private:
    std::vector<uint8_t> area_;
    std::vector<uint8_t> strings_;
    uint8_t string_count_ = 0;
};

class SmbiosBuilder {
  public:
    explicit SmbiosBuilder(const SmbiosMachine& machine)
        : machine_(machine), ram_(machine.ram_below_4g + machine.ram_above_4g) {}

    SmbiosFiles build() {
        add_system();
        add_chassis();
        for (unsigned i = 0; i < machine_.cpus; ++i) add_processor(i);
        const auto modules = static_cast<unsigned>((ram_ + kModuleSize - 1) / kModuleSize);
        add_memory_array(modules);
        for (unsigned i = 0; i < modules; ++i) {
            add_module(i, std::min(kModuleSize, ram_ - i * kModuleSize));
        }
        unsigned mapped = 0;
        if (machine_.ram_below_4g) add_mapped(mapped++, 0, machine_.ram_below_4g, modules);
        if (machine_.ram_above_4g) add_mapped(mapped, 4 * kGiB, machine_.ram_above_4g, modules);
        add_boot();
        add(Structure(127, kEndHandle), 4);
        return SmbiosFiles{anchor(), std::move(tables_)};
    }

  private:
    void add(Structure structure, size_t length) {
        const std::vector<uint8_t> bytes = structure.take(length);
        tables_.insert(tables_.end(), bytes.begin(), bytes.end());
        largest_ = std::max(largest_, bytes.size());
        ++count_;
    }

    void add_system() {  // 7.2
        constexpr uint8_t kPowerSwitch = 6;
        Structure s(1, kSystemHandle);
        s.text(machine_.manufacturer);
        s.text(machine_.product);
        s.text(machine_.version);
        s.text("");  // serial number
        // 7.2.1: the first three fields of a UUID are little-endian here.
        const std::array<uint8_t, 16> uuid = machine_.uuid.value_or(std::array<uint8_t, 16>{});
        for (const int i : {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}) s.u8(uuid[i]);
        s.u8(kPowerSwitch);
        s.text("");  // SKU
        s.text("");  // family
        add(std::move(s), 0x1b);
    }

    void add_chassis() {  // 7.4
        Structure s(3, kChassisHandle);
        s.text(machine_.manufacturer);
        s.u8(kOther);  // type
        s.text(machine_.version);
        s.text("");  // serial number
        s.text("");  // asset tag
        s.u8(kSafe);  // boot-up, power supply and thermal state
        s.u8(kSafe);
        s.u8(kSafe);
        s.u8(kUnknown);  // security
        s.u32(0);
        s.u8(0);  // height
        s.u8(0);  // power cords: not told
        s.u8(0);  // contained elements: none
        s.u8(0);
        s.text("");  // SKU
        add(std::move(s), 0x16);
    }

    void add_processor(unsigned i) {  // 7.5
        constexpr uint8_t kCentralProcessor = 3;
        constexpr uint8_t kPopulatedEnabled = 0x41;
        constexpr uint16_t kNominalMhz = 2000;
        Structure s(4, static_cast<uint16_t>(kProcessorHandle + i));
        s.text("CPU " + std::to_string(i));
        s.u8(kCentralProcessor);
        s.u8(kOther);  // family
        s.text(machine_.manufacturer);
        s.u32(machine_.cpuid_eax);
        s.u32(machine_.cpuid_edx);
        s.text(machine_.version);
        s.u8(0);   // voltage: not told
        s.u16(0);  // external clock: unknown
        s.u16(kNominalMhz);
        s.u16(kNominalMhz);
        s.u8(kPopulatedEnabled);
        s.u8(kOther);         // socket
        s.u16(kNotPresent);  // caches
        s.u16(kNotPresent);
        s.u16(kNotPresent);
        s.text("");  // serial number, asset tag, part number
        s.text("");
        s.text("");
        s.u8(1);  // cores, enabled cores, threads
        s.u8(1);
        s.u8(1);
        s.u16(kUnknown);  // characteristics: bit 1, unknown
        s.u16(kOther);    // family, once more
        add(std::move(s), 0x2a);
    }

    void add_memory_array(unsigned modules) {  // 7.17
        constexpr uint8_t kSystemBoard = 3;
        constexpr uint8_t kSystemMemory = 3;
        constexpr uint8_t kNoErrorCorrection = 3;
        constexpr uint32_t kSeeExtended = 0x80000000;
        Structure s(16, kArrayHandle);
        s.u8(kSystemBoard);
        s.u8(kSystemMemory);
        s.u8(kNoErrorCorrection);
        const bool extended = ram_ / kKiB >= kSeeExtended;
        s.u32(extended ? kSeeExtended : static_cast<uint32_t>(ram_ / kKiB));
        s.u16(kNoHandle);
        s.u16(static_cast<uint16_t>(modules));
        s.u64(extended ? ram_ : 0);
        add(std::move(s), 0x17);
    }

    void add_module(unsigned i, uint64_t size) {  // 7.18
        constexpr uint8_t kDimm = 9;
        constexpr uint8_t kRam = 7;
        constexpr uint16_t kTypeOther = 1u << 1;
        Structure s(17, static_cast<uint16_t>(kModuleHandle + i));
        s.u16(kArrayHandle);
        s.u16(kNoHandle);
        s.u16(kNotPresent);  // widths: unknown
        s.u16(kNotPresent);
        s.u16(static_cast<uint16_t>(size / kMiB));  // a module has less than 32 GiB
        s.u8(kDimm);
        s.u8(0);  // not part of a set
        s.text("DIMM " + std::to_string(i));
        s.text("");  // bank
        s.u8(kRam);
        s.u16(kTypeOther);
        s.u16(0);  // speed: unknown
        s.text(machine_.manufacturer);
        s.text("");  // serial number, asset tag, part number
        s.text("");
        s.text("");
        s.u8(0);   // rank: unknown
        s.u32(0);  // extended size
        s.u16(0);  // configured speed: unknown
        s.u16(0);  // voltages: unknown
        s.u16(0);
        s.u16(0);
        add(std::move(s), 0x28);
    }

    void add_mapped(unsigned i, uint64_t start, uint64_t size, unsigned modules) {  // 7.20
        constexpr uint32_t kSeeExtended = 0xffffffff;
        const uint64_t last = start + size - 1;
        const bool extended = last / kKiB >= kSeeExtended;
        Structure s(19, static_cast<uint16_t>(kMappedHandle + i));
        s.u32(extended ? kSeeExtended : static_cast<uint32_t>(start / kKiB));
        s.u32(extended ? kSeeExtended : static_cast<uint32_t>(last / kKiB));
        s.u16(kArrayHandle);
        s.u8(static_cast<uint8_t>(std::min(modules, 0xffu)));
        s.u64(extended ? start : 0);
        s.u64(extended ? last : 0);
        add(std::move(s), 0x1f);
    }

    void add_boot() {  // 7.33
        Structure s(32, kBootHandle);
        s.zeros(6);
        s.u8(0);  // no errors detected
        add(std::move(s), 0x0b);
    }

    // 5.2.1. Checksums hold for an address of zero; who places the tables corrects them.
    std::vector<uint8_t> anchor() const {
        std::vector<uint8_t> a(31);
        const auto put_text = [&a](size_t at, std::string_view s) {
            std::copy(s.begin(), s.end(), a.begin() + static_cast<long>(at));
        };
        put_text(0x00, "_SM_");
        a[0x05] = static_cast<uint8_t>(a.size());
        a[0x06] = 2;
        a[0x07] = 8;
        store_le(&a[0x08], static_cast<uint16_t>(largest_));
        put_text(0x10, "_DMI_");
        store_le(&a[0x16], static_cast<uint16_t>(tables_.size()));
        store_le(&a[0x1c], count_);
        a[0x1e] = 0x28;
        const auto negated_sum = [](std::span<const uint8_t> bytes) {
            return static_cast<uint8_t>(-std::accumulate(bytes.begin(), bytes.end(), 0));
        };
        a[0x15] = negated_sum(std::span(a).subspan(0x10));
        a[0x04] = negated_sum(a);
        return a;
    }

    const SmbiosMachine& machine_;
    uint64_t ram_;
    std::vector<uint8_t> tables_;
    size_t largest_ = 0;
    uint16_t count_ = 0;
};

}  // namespace

SmbiosFiles build_smbios(const SmbiosMachine& machine) { return SmbiosBuilder(machine).build(); }

void add_smbios(FwCfg& fw_cfg, const SmbiosMachine& machine) {
    SmbiosFiles files = build_smbios(machine);
    fw_cfg.add_file("etc/smbios/smbios-anchor", std::move(files.anchor));
    fw_cfg.add_file("etc/smbios/smbios-tables", std::move(files.tables));
}

}  // namespace qr
