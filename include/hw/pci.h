// SPDX-License-Identifier: GPL-2.0-or-later
// PCI: what a function of a device is, the bus that carries it, and configuration mechanism #1. VM
// thread only. Source: PCI Local Bus Specification 3.0, chapter 6 (configuration space), 2.2.6
// (interrupt pins), 3.2.2.3.2 (mechanism #1), 6.8 (message signalled interrupts).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "exec/io.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "hw/pci_msix.h"

namespace qr {

class PciBus;

// Offsets of the type 0 header.
namespace pci {
constexpr unsigned kVendorId = 0x00;
constexpr unsigned kDeviceId = 0x02;
constexpr unsigned kCommand = 0x04;
constexpr unsigned kStatus = 0x06;
constexpr unsigned kRevision = 0x08;
constexpr unsigned kClass = 0x09;
constexpr unsigned kCacheLine = 0x0c;
constexpr unsigned kLatency = 0x0d;
constexpr unsigned kHeaderType = 0x0e;
constexpr unsigned kBar0 = 0x10;
constexpr unsigned kSubsystemVendor = 0x2c;
constexpr unsigned kSubsystem = 0x2e;
constexpr unsigned kRomBar = 0x30;
constexpr unsigned kCapabilities = 0x34;
constexpr unsigned kInterruptLine = 0x3c;
constexpr unsigned kInterruptPin = 0x3d;

constexpr uint16_t kCommandIo = 1 << 0;
constexpr uint16_t kCommandMemory = 1 << 1;
constexpr uint16_t kCommandMaster = 1 << 2;
constexpr uint16_t kCommandParity = 1 << 6;
constexpr uint16_t kCommandSerr = 1 << 8;
constexpr uint16_t kCommandIntxDisable = 1 << 10;
constexpr uint16_t kStatusInterrupt = 1 << 3;
constexpr uint16_t kStatusCapabilities = 1 << 4;
constexpr uint16_t kStatusFastBackToBack = 1 << 7;
constexpr uint16_t kStatusMediumDevsel = 1 << 9;

constexpr uint8_t kCapabilityPower = 0x01;
constexpr uint8_t kCapabilityMsi = 0x05;
constexpr uint8_t kCapabilityVendor = 0x09;
constexpr uint8_t kCapabilityMsix = 0x11;
}  // namespace pci

constexpr unsigned pci_devfn(unsigned slot, unsigned function) { return slot << 3 | function; }

struct PciIdentity {
    uint16_t vendor = 0;
    uint16_t device = 0;
    uint8_t revision = 0;
    uint32_t class_code = 0;  // 24 bits: base class, sub-class, programming interface
    uint16_t subsystem_vendor = 0x1af4;
    uint16_t subsystem = 0x1100;
};

enum class PciBarKind : uint8_t { kIo, kMemory, kMemoryPrefetch, kMemory64, kMemory64Prefetch };

// One function. A device model derives from it and describes its configuration space in its
// constructor.
class PciDevice : public Device {
  public:
    PciDevice(std::string name, PciBus& bus, unsigned devfn, const PciIdentity& identity);
    ~PciDevice() override;

    unsigned devfn() const { return devfn_; }
    unsigned slot() const { return devfn_ >> 3; }
    unsigned function() const { return devfn_ & 7; }
    // What the user calls it (-device ...,id=X).
    const std::string& id() const { return id_; }
    void set_id(std::string id) { id_ = std::move(id); }

    // size 1, 2 or 4, not crossing a doubleword.
    uint32_t config_read(unsigned offset, unsigned size) const;
    void config_write(unsigned offset, unsigned size, uint32_t value);

    // The level of the function's INTx pin as the bus sees it.
    bool interrupt_pin_level() const;
    uint8_t interrupt_pin() const { return config_[pci::kInterruptPin]; }

    struct BarView {
        PciBarKind kind = PciBarKind::kMemory;
        bool rom = false;
        uint64_t size = 0;
        std::optional<uint64_t> address;  // where it is mapped now, if it is
    };
    std::optional<BarView> bar_view(unsigned index) const;  // 0-5, 6: the ROM

    // Derived classes call these first, then do their own.
    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  protected:
    // --- for constructors ---
    // Describes 1, 2 or 4 bytes: value after reset, bits that software can write, bits that it
    // clears by writing ones.
    void define(unsigned offset, unsigned size, uint32_t reset_value, uint32_t writable = 0,
                uint32_t clear_by_one = 0);
    // A BAR of registers or memory; the size is rounded up to a power of two, at least 4 (16 for
    // memory).
    void add_bar(unsigned index, PciBarKind kind, IoRegion& region);
    void add_bar(unsigned index, PciBarKind kind, RamBlock& block);
    void add_rom(RamBlock& block);
    // pin: 1 is INTA#.
    void use_interrupt_pin(uint8_t pin);
    // For a destructor whose class owns what its BARs show: they are gone before the base class is.
    void remove_bars();
    // Links a capability into the list; the caller defines what follows its first two bytes.
    void add_capability(uint8_t id, unsigned offset);
    // vectors: a power of two up to 32.
    void add_msi(unsigned offset, unsigned vectors, bool wide_address, bool maskable);
    // The table lies in the memory BAR `bar`, which this adds.
    void add_msix(unsigned offset, unsigned bar, PciMsixTable& table);
    // Power management capability version 2 (D0 and D3hot); 8 bytes.
    void add_power_management(unsigned offset);

    // --- for behaviour ---
    uint16_t command() const;
    uint32_t config(unsigned offset, unsigned size) const;  // as kept, without hooks
    void set_config(unsigned offset, unsigned size, uint32_t value);
    void set_intx(bool level);
    bool msi_enabled() const;
    bool msix_enabled() const;
    // A message signalled interrupt goes onto the bus, as a write of this function.
    void send_message(uint64_t address, uint32_t data);
    // Sends, or keeps pending while masked. Only while msi_enabled().
    void send_msi(unsigned vector);
    // Bus-master access; without bus mastering reads give ones and writes vanish.
    void dma_read(uint64_t address, std::span<uint8_t> to);
    void dma_write(uint64_t address, std::span<const uint8_t> from);

    // A register that isn't plain storage.
    virtual uint8_t read_config_byte(unsigned offset) const;
    virtual void write_config_byte(unsigned offset, uint8_t value);
    // After a write as a whole.
    virtual void config_written(unsigned offset, unsigned size);

    PciBus& bus_;

  private:
    struct Bar {
        PciBarKind kind = PciBarKind::kMemory;
        IoRegion* region = nullptr;
        RamBlock* block = nullptr;
        uint64_t size = 0;  // 0: there is none
        bool rom = false;
        std::optional<uint64_t> address;
        int handle = 0;
    };
    static constexpr unsigned kRom = 6;

    void init_bar(unsigned index, PciBarKind kind, uint64_t size);
    std::optional<uint64_t> wanted_address(unsigned index) const;
    void update_mappings();
    void unmap(Bar& bar);
    void send_pending_msi();

    unsigned devfn_;
    std::string id_;
    std::array<uint8_t, 256> config_{};
    std::array<uint8_t, 256> reset_value_{};
    std::array<uint8_t, 256> writable_{};
    std::array<uint8_t, 256> clear_by_one_{};
    std::array<Bar, 7> bars_;
    unsigned msi_ = 0;           // offset of the capability, 0: none
    unsigned msi_mask_ = 0;      // offset of its mask bits, 0: none
    unsigned last_capability_ = 0;
    unsigned msix_ = 0;          // offset of the capability, 0: none
    PciMsixTable* msix_table_ = nullptr;
    bool intx_ = false;
};

// A memory write that is an interrupt: whoever has the local APICs takes it.
class PciMsiSink {
  public:
    virtual ~PciMsiSink() = default;
    virtual void send_msi(uint64_t address, uint32_t data) = 0;
};

// Bus 0. Devices register themselves; nothing here is state but what the devices keep.
class PciBus {
  public:
    // bar_priority: of memory BARs in the address space (below RAM's, so RAM wins as on real
    // boards).
    PciBus(IoPortSpace& io, AddressSpace& memory, DmaBus& dma, int bar_priority = -1)
        : io_(io), memory_(memory), dma_(dma), bar_priority_(bar_priority) {}
    PciBus(const PciBus&) = delete;
    PciBus& operator=(const PciBus&) = delete;

    // How the board's traces join interrupt pins (0 is INTA#) to the router's inputs, and the
    // router.
    using InterruptMap = std::function<unsigned(unsigned slot, unsigned pin)>;
    void connect_interrupts(IrqSink& router, InterruptMap map);
    void connect_msi(PciMsiSink& sink) { msi_ = &sink; }

    PciDevice* device(unsigned devfn) const;
    // The lowest slot without any function; 32 if the bus is full.
    unsigned free_slot() const;
    bool multifunction(unsigned slot) const;

    // Type 0 cycles; a function that isn't there reads as ones.
    uint32_t config_read(unsigned devfn, unsigned offset, unsigned size) const;
    void config_write(unsigned devfn, unsigned offset, unsigned size, uint32_t value);

    // As HMP's `info pci` shows it.
    std::string describe() const;

  private:
    friend class PciDevice;
    void attach(PciDevice& device);
    void detach(PciDevice& device);
    void interrupt_changed(const PciDevice& device);

    IoPortSpace& io_;
    AddressSpace& memory_;
    DmaBus& dma_;
    int bar_priority_;
    IrqSink* router_ = nullptr;
    InterruptMap interrupt_map_;
    PciMsiSink* msi_ = nullptr;
    std::map<unsigned, PciDevice*> devices_;
};

// CONFIG_ADDRESS and CONFIG_DATA. Only a doubleword access at 0xCF8 is the address register; others
// are ordinary I/O, of which byte 1 (0xCF9) belongs to the south bridge's reset control.
class PciConfigPorts {
  public:
    explicit PciConfigPorts(PciBus& bus);

    IoRegion& address_region() { return address_region_; }  // 4 ports at 0xCF8
    IoRegion& data_region() { return data_region_; }        // 4 ports at 0xCFC
    void connect_reset_control(IoRegion& region) { reset_control_ = &region; }

    void reset() { address_ = 0; }
    void state(StateVisitor& v) { v("config_address", address_); }

  private:
    uint64_t read_address(uint64_t offset, unsigned size, bool peek) const;
    void write_address(uint64_t offset, unsigned size, uint64_t value);
    uint64_t read_data(uint64_t offset, unsigned size) const;
    void write_data(uint64_t offset, unsigned size, uint64_t value);
    bool selects_bus0() const;

    PciBus& bus_;
    IoRegion* reset_control_ = nullptr;
    uint32_t address_ = 0;
    IoRegion address_region_;
    IoRegion data_region_;
};

}  // namespace qr
