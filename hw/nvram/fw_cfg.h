// SPDX-License-Identifier: GPL-2.0-or-later
// The firmware configuration device: how the board tells its firmware what there is, and hands it
// tables, option ROMs and kernels. Source: "QEMU Firmware Configuration (fw_cfg) Device", the
// interface specification that comes with QEMU (docs/specs/fw_cfg.rst). VM thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exec/io.h"
#include "exec/ioport.h"
#include "hw/device.h"

namespace qr {

// Keys of the items that have a fixed one. Bit 15 marks the ones particular to x86.
namespace fw_cfg_key {
constexpr uint16_t kSignature = 0x00;
constexpr uint16_t kId = 0x01;
constexpr uint16_t kUuid = 0x02;
constexpr uint16_t kRamSize = 0x03;
constexpr uint16_t kNoGraphic = 0x04;
constexpr uint16_t kCpuCount = 0x05;
constexpr uint16_t kKernelAddr = 0x07;
constexpr uint16_t kKernelSize = 0x08;
constexpr uint16_t kInitrdAddr = 0x0a;
constexpr uint16_t kInitrdSize = 0x0b;
constexpr uint16_t kNuma = 0x0d;
constexpr uint16_t kBootMenu = 0x0e;
constexpr uint16_t kMaxCpus = 0x0f;
constexpr uint16_t kKernelEntry = 0x10;
constexpr uint16_t kKernelData = 0x11;
constexpr uint16_t kInitrdData = 0x12;
constexpr uint16_t kCmdlineAddr = 0x13;
constexpr uint16_t kCmdlineSize = 0x14;
constexpr uint16_t kCmdlineData = 0x15;
constexpr uint16_t kSetupAddr = 0x16;
constexpr uint16_t kSetupSize = 0x17;
constexpr uint16_t kSetupData = 0x18;
constexpr uint16_t kFileDir = 0x19;
constexpr uint16_t kFileFirst = 0x20;
constexpr uint16_t kWriteBit = 0x4000;  // asks for writing; has meant nothing for long
constexpr uint16_t kArchBit = 0x8000;
constexpr uint16_t kAcpiTables = 0x8000;
constexpr uint16_t kSmbiosEntries = 0x8001;
constexpr uint16_t kIrq0Override = 0x8002;
constexpr uint16_t kE820 = 0x8003;
constexpr uint16_t kHpet = 0x8004;
}  // namespace fw_cfg_key

class FwCfg final : public Device {
  public:
    explicit FwCfg(DmaBus& dma);

    // --- the board fills the device before power-on; a key or name can be given once ---
    void add_bytes(uint16_t key, std::vector<uint8_t> bytes);
    void add_u16(uint16_t key, uint16_t value);
    void add_u32(uint16_t key, uint32_t value);
    void add_u64(uint16_t key, uint64_t value);
    // Files are listed by name and get their keys in that order. name: 1 to 55 characters, ASCII.
    // The guest may overwrite a writable file's contents by DMA, never change its size.
    void add_file(std::string name, std::vector<uint8_t> bytes, bool writable = false);

    // What a key or a file holds now, for tests and tools.
    std::optional<std::span<const uint8_t>> item(uint16_t key) const;
    std::optional<std::span<const uint8_t>> file(std::string_view name) const;

    // Selector (16 bits at 0) and data (8 bits at 1), on a PC at 0x510.
    IoRegion& ports() { return ports_; }
    // The DMA address register, 64 bits, big-endian, on a PC at 0x514.
    IoRegion& dma_port() { return dma_port_; }

    void reset() override;
    void state(StateVisitor& v) override;

  private:
    struct Item {
        std::vector<uint8_t> bytes;
        bool writable = false;
    };
    struct File {
        std::string name;
        Item item;
    };

    const Item* find(uint16_t key) const;
    void rebuild_directory();
    void select(uint16_t key);
    std::span<const uint8_t> rest() const;  // of the selected item, from the offset on
    uint8_t read_data();

    void write_dma_register(uint64_t offset, unsigned size, uint64_t value);
    void run_dma(uint64_t descriptor);
    void dma_out(uint64_t address, uint32_t length);
    bool dma_in(uint64_t address, uint32_t length);
    void skip(uint32_t length);

    DmaBus& dma_;
    std::map<uint16_t, Item> items_;
    std::vector<File> files_;  // by name
    Item directory_;

    uint16_t key_ = 0;
    uint32_t offset_ = 0;
    uint64_t dma_address_ = 0;

    IoRegion ports_;
    IoRegion dma_port_;
};

}  // namespace qr
