// SPDX-License-Identifier: GPL-2.0-or-later
// What the firmware of the `pc` board asks for besides tables and kernels. Source:
// docs/specs/fw_cfg.rst and SeaBIOS's Runtime_config page; contents as QEMU 7.2 was seen to give
// them.
#include "hw/i386/fw_cfg_items.h"

#include "util/bits.h"

namespace qr {

namespace {

template <class T>
void append(std::vector<uint8_t>& to, T value) {
    const size_t at = to.size();
    to.resize(at + sizeof value);
    store_le(to.data() + at, value);
}

template <class T>
std::vector<uint8_t> little_endian(T value) {
    std::vector<uint8_t> bytes;
    append(bytes, value);
    return bytes;
}

// Lines divided by newlines; SeaBIOS wants the last one ended by a NUL.
std::vector<uint8_t> lines(const std::vector<std::string>& list) {
    std::vector<uint8_t> bytes;
    for (const std::string& line : list) {
        if (!bytes.empty()) bytes.back() = '\n';
        bytes.insert(bytes.end(), line.begin(), line.end());
        bytes.push_back(0);
    }
    return bytes;
}

// Six bytes, one for each of S0 to S5: bit 7 says that it exists, the rest is its SLP_TYP.
std::vector<uint8_t> system_states(const PcFirmwareConfig& config) {
    constexpr uint8_t kExists = 0x80;
    return {kExists | 0,
            0,
            0,
            static_cast<uint8_t>((config.s3 ? kExists : 0) | 1),
            static_cast<uint8_t>((config.s4 ? kExists : 0) | 2),
            kExists | 0};
}

// A count, and a block for each timer: identification, address, minimum tick, page protection.
std::vector<uint8_t> hpet_blocks(bool present) {
    constexpr uint8_t kNone = 0xff;
    constexpr uint32_t kBlockId = 0x8086a201;
    constexpr uint64_t kBlockAddress = 0xfed00000;
    constexpr size_t kBlocks = 8;
    constexpr size_t kBlockSize = 15;
    std::vector<uint8_t> bytes;
    append(bytes, present ? uint8_t{1} : kNone);
    if (present) {
        append(bytes, kBlockId);
        append(bytes, kBlockAddress);
        append(bytes, uint16_t{0});
        append(bytes, uint8_t{0});
    }
    bytes.resize(1 + kBlocks * kBlockSize);
    return bytes;
}

}  // namespace

void add_pc_items(FwCfg& fw_cfg, const PcFirmwareConfig& config) {
    namespace key = fw_cfg_key;

    const std::array<uint8_t, 16> uuid = config.uuid.value_or(std::array<uint8_t, 16>{});
    fw_cfg.add_bytes(key::kUuid, {uuid.begin(), uuid.end()});
    fw_cfg.add_u64(key::kRamSize, config.ram_size);
    fw_cfg.add_u16(key::kNoGraphic, config.nographic);
    fw_cfg.add_u16(key::kCpuCount, static_cast<uint16_t>(config.cpus));
    fw_cfg.add_u16(key::kMaxCpus, static_cast<uint16_t>(config.max_cpus));
    fw_cfg.add_u16(key::kBootMenu, config.boot_menu);
    // The number of NUMA nodes, none, and the node of each CPU.
    fw_cfg.add_bytes(key::kNuma, std::vector<uint8_t>(8 * (1 + config.max_cpus)));
    // Older interfaces for tables and the memory map, superseded by files: no entries.
    fw_cfg.add_u16(key::kAcpiTables, 0);
    fw_cfg.add_u16(key::kSmbiosEntries, 0);
    fw_cfg.add_u32(key::kE820, 0);
    // The timer's interrupt comes in at pin 2 of the I/O APIC.
    fw_cfg.add_u32(key::kIrq0Override, 1);
    fw_cfg.add_bytes(key::kHpet, hpet_blocks(config.hpet));

    std::vector<uint8_t> e820;
    for (const MemoryRange& range : config.memory) {
        append(e820, range.address);
        append(e820, range.length);
        append(e820, static_cast<uint32_t>(range.kind));
    }
    fw_cfg.add_file("etc/e820", std::move(e820));
    fw_cfg.add_file("etc/system-states", system_states(config));

    std::vector<std::string> order = config.boot_order;
    if (config.strict_boot && !order.empty()) order.push_back("HALT");
    fw_cfg.add_file("bootorder", lines(order));
    fw_cfg.add_file("bios-geometry", lines(config.disk_geometry));
    if (config.splash_time) {
        fw_cfg.add_file("etc/boot-menu-wait", little_endian(*config.splash_time));
    }
    constexpr uint32_t kForever = 0xffffffff;  // don't reboot because there's nothing to boot
    fw_cfg.add_file("etc/boot-fail-wait",
                    little_endian(config.reboot_timeout.value_or(kForever)));
}

}  // namespace qr
