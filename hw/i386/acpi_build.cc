// SPDX-License-Identifier: GPL-2.0-or-later
// The fixed ACPI tables of the `pc` board, and the table-loader script. Source: ACPI specification
// 6.4 (5.2.5 RSDP, 5.2.7 RSDT, 5.2.9 FADT, 5.2.10 FACS, 5.2.12 MADT), IA-PC HPET specification 1.0a
// (3.2.4), Windows ACPI Emulated Devices Table 1.0, PIIX3 data sheet (reset control register
// 0xcf9), PIIX4 data sheet (PM registers); the loader's commands as SeaBIOS understands them.
#include "hw/i386/acpi_build.h"

#include <cassert>
#include <string_view>

#include "util/bits.h"

namespace qr {

namespace {

constexpr std::string_view kRsdpFile = "etc/acpi/rsdp";
constexpr std::string_view kTablesFile = "etc/acpi/tables";
constexpr std::string_view kLoaderFile = "etc/table-loader";

constexpr std::string_view kOemId = "QREPLY";
constexpr std::string_view kOemTableId = "QREPLYPC";
constexpr std::string_view kCreatorId = "QRPL";
constexpr uint32_t kRevision = 1;

// Offsets in every table's header (5.2.6).
constexpr size_t kHeaderSize = 36;
constexpr size_t kHeaderChecksum = 9;

// Grows a table, little-endian.
class Writer {
  public:
    explicit Writer(std::vector<uint8_t>& to) : to_(to) {}
    template <class T>
    void put(T value) {
        const size_t at = to_.size();
        to_.resize(at + sizeof value);
        store_le(to_.data() + at, value);
    }
    void u8(uint8_t v) { put(v); }
    void u16(uint16_t v) { put(v); }
    void u32(uint32_t v) { put(v); }
    void u64(uint64_t v) { put(v); }
    void text(std::string_view s) { to_.insert(to_.end(), s.begin(), s.end()); }
    void zeros(size_t count) { to_.insert(to_.end(), count, 0); }
    size_t size() const { return to_.size(); }

    // A generic address structure (5.2.3.2) in I/O space; zero if there's no such register block.
    void io_address(uint32_t port, uint8_t bits, uint8_t access_size) {
        constexpr uint8_t kSystemIo = 1;
        if (!port) {
            zeros(12);
            return;
        }
        u8(kSystemIo);
        u8(bits);
        u8(0);
        u8(access_size);
        u64(port);
    }

  private:
    std::vector<uint8_t>& to_;
};

// The script: records of 128 bytes, a command and its arguments.
class LoaderScript {
  public:
    enum class Zone : uint8_t { kHigh = 1, kFSegment = 2 };

    void allocate(std::string_view file, uint32_t align, Zone zone) {
        begin(kAllocate);
        file_name(file);
        writer_.u32(align);
        writer_.u8(static_cast<uint8_t>(zone));
        end();
    }
    // Adds the address of file `source` to the `size` bytes at `offset` of file `in`.
    void add_pointer(std::string_view in, size_t offset, uint8_t size, std::string_view source) {
        begin(kAddPointer);
        file_name(in);
        file_name(source);
        writer_.u32(static_cast<uint32_t>(offset));
        writer_.u8(size);
        end();
    }
    // Makes the bytes start..start+length-1 sum to zero by the one at `offset`.
    void add_checksum(std::string_view in, size_t offset, size_t start, size_t length) {
        begin(kAddChecksum);
        file_name(in);
        writer_.u32(static_cast<uint32_t>(offset));
        writer_.u32(static_cast<uint32_t>(start));
        writer_.u32(static_cast<uint32_t>(length));
        end();
    }
    std::vector<uint8_t> take() { return std::move(bytes_); }

  private:
    static constexpr uint32_t kAllocate = 1;
    static constexpr uint32_t kAddPointer = 2;
    static constexpr uint32_t kAddChecksum = 3;
    static constexpr size_t kRecordSize = 128;
    static constexpr size_t kFileNameSize = 56;

    void begin(uint32_t command) { writer_.u32(command); }
    void file_name(std::string_view name) {
        assert(name.size() < kFileNameSize);
        writer_.text(name);
        writer_.zeros(kFileNameSize - name.size());
    }
    void end() { bytes_.resize((bytes_.size() + kRecordSize - 1) / kRecordSize * kRecordSize); }

    std::vector<uint8_t> bytes_;
    Writer writer_{bytes_};
};

// Builds all tables into one file, one behind the other.
class TableBuilder {
  public:
    explicit TableBuilder(const AcpiMachine& machine) : machine_(machine) {}

    AcpiFiles build() {
        script_.allocate(kRsdpFile, 16, LoaderScript::Zone::kFSegment);
        script_.allocate(kTablesFile, 64, LoaderScript::Zone::kHigh);
        const size_t facs = add_facs();  // first, as it has to be aligned to 64
        const size_t dsdt = add_dsdt();
        std::vector<size_t> listed{add_fadt(facs, dsdt), add_madt()};
        if (machine_.hpet) listed.push_back(add_hpet());
        listed.push_back(add_waet());
        add_rsdp(add_rsdt(listed));
        return AcpiFiles{std::move(rsdp_), std::move(tables_), script_.take()};
    }

  private:
    size_t begin_table(std::string_view signature, uint8_t revision) {
        const size_t start = tables_.size();
        w_.text(signature);
        w_.u32(0);  // length, known at the end
        w_.u8(revision);
        w_.u8(0);  // checksum, by the loader
        w_.text(kOemId);
        w_.text(kOemTableId);
        w_.u32(kRevision);
        w_.text(kCreatorId);
        w_.u32(kRevision);
        assert(tables_.size() - start == kHeaderSize);
        return start;
    }
    void end_table(size_t start) {
        const size_t length = tables_.size() - start;
        store_le(tables_.data() + start + 4, static_cast<uint32_t>(length));
        script_.add_checksum(kTablesFile, start + kHeaderChecksum, start, length);
    }
    // A pointer to another table of the file.
    void table_pointer32(size_t target) {
        script_.add_pointer(kTablesFile, tables_.size(), 4, kTablesFile);
        w_.u32(static_cast<uint32_t>(target));
    }
    void table_pointer64(size_t target) {
        script_.add_pointer(kTablesFile, tables_.size(), 8, kTablesFile);
        w_.u64(target);
    }

    size_t add_facs() {
        const size_t start = tables_.size();
        w_.text("FACS");
        w_.u32(64);
        w_.zeros(24);  // signature, waking vectors, lock, flags
        w_.u8(1);      // version: has the 64-bit waking vector
        w_.zeros(31);
        return start;
    }

    size_t add_dsdt() {
        constexpr uint8_t kIntegers32Bits = 1;
        const size_t start = begin_table("DSDT", kIntegers32Bits);
        const aml::Code code = build_dsdt(machine_);
        tables_.insert(tables_.end(), code.bytes.begin(), code.bytes.end());
        end_table(start);
        return start;
    }

    size_t add_fadt(size_t facs, size_t dsdt);
    size_t add_madt();

    size_t add_hpet() {
        const size_t start = begin_table("HPET", 1);
        w_.u32(0x8086a201);  // as the block's own capability register: Intel, 3 comparators, legacy
        w_.u8(0);            // system memory
        w_.u8(0);
        w_.u8(0);
        w_.u8(0);
        w_.u64(0xfed00000);
        w_.u8(0);   // first and only block
        w_.u16(0);  // minimum tick in periodic mode: none
        w_.u8(0);
        end_table(start);
        return start;
    }

    size_t add_waet() {
        constexpr uint32_t kTimerNeedsOneRead = 1u << 1;  // the PIIX4's erratum isn't modelled
        const size_t start = begin_table("WAET", 1);
        w_.u32(kTimerNeedsOneRead);
        end_table(start);
        return start;
    }

    size_t add_rsdt(const std::vector<size_t>& listed) {
        const size_t start = begin_table("RSDT", 1);
        for (const size_t table : listed) table_pointer32(table);
        end_table(start);
        return start;
    }

    void add_rsdp(size_t rsdt) {
        constexpr size_t kRsdpSize = 20;  // revision 0: the ACPI 1.0 part
        Writer w(rsdp_);
        w.text("RSD PTR ");
        w.u8(0);
        w.text(kOemId);
        w.u8(0);
        script_.add_pointer(kRsdpFile, rsdp_.size(), 4, kTablesFile);
        w.u32(static_cast<uint32_t>(rsdt));
        assert(rsdp_.size() == kRsdpSize);
        script_.add_checksum(kRsdpFile, 8, 0, kRsdpSize);
    }

    const AcpiMachine& machine_;
    std::vector<uint8_t> rsdp_;
    std::vector<uint8_t> tables_;
    Writer w_{tables_};
    LoaderScript script_;
};

// 5.2.9. Revision 3 for the reset register; its first 116 bytes are what an ACPI 1.0 system reads.
size_t TableBuilder::add_fadt(size_t facs, size_t dsdt) {
    constexpr uint16_t kSci = 9;
    constexpr uint32_t kSmiCommandPort = 0xb2;
    constexpr uint8_t kAcpiEnable = 0xf1;
    constexpr uint8_t kAcpiDisable = 0xf0;
    constexpr uint8_t kDesktop = 1;
    constexpr uint16_t kNoSuchState = 0x0fff;  // above the limits: C2 and C3 aren't supported
    constexpr uint8_t kCenturyRegister = 0x32;
    constexpr uint16_t kLegacyDevices = 1u << 0;
    constexpr uint16_t kHas8042 = 1u << 1;
    constexpr uint32_t kWbinvd = 1u << 0;
    constexpr uint32_t kC1 = 1u << 2;
    constexpr uint32_t kNoFixedSleepButton = 1u << 5;
    constexpr uint32_t kRtcWakesFromS4 = 1u << 7;
    constexpr uint32_t kResetRegister = 1u << 10;
    constexpr uint32_t kUsePlatformClock = 1u << 15;
    constexpr uint32_t kResetPort = 0xcf9;
    constexpr uint8_t kHardReset = 0x06;  // RCR: reset CPU, as a hard reset
    constexpr uint8_t kByte = 1;
    constexpr uint8_t kWord = 2;
    constexpr uint8_t kDWord = 3;

    const uint32_t pm1_event = machine_.pm_base;
    const uint32_t pm1_control = machine_.pm_base + 4u;
    const uint32_t pm_timer = machine_.pm_base + 8u;
    const uint32_t gpe0 = machine_.gpe0_base;

    const size_t start = begin_table("FACP", 3);
    table_pointer32(facs);
    table_pointer32(dsdt);
    w_.u8(0);
    w_.u8(kDesktop);
    w_.u16(kSci);
    w_.u32(kSmiCommandPort);
    w_.u8(kAcpiEnable);
    w_.u8(kAcpiDisable);
    w_.u8(0);  // S4BIOS: none
    w_.u8(0);  // P-state control: none
    w_.u32(pm1_event);
    w_.u32(0);
    w_.u32(pm1_control);
    w_.u32(0);
    w_.u32(0);  // PM2 control: none
    w_.u32(pm_timer);
    w_.u32(gpe0);
    w_.u32(0);
    w_.u8(4);  // lengths of the blocks
    w_.u8(2);
    w_.u8(0);
    w_.u8(4);
    w_.u8(gpe0 ? 4 : 0);
    w_.u8(0);
    w_.u8(0);
    w_.u8(0);  // _CST notification: none
    w_.u16(kNoSuchState);
    w_.u16(kNoSuchState);
    w_.u16(0);  // flush size and stride: WBINVD works
    w_.u16(0);
    w_.u8(0);  // clock throttling: none
    w_.u8(0);
    w_.u8(0);  // day and month alarm: none
    w_.u8(0);
    w_.u8(kCenturyRegister);
    w_.u16(static_cast<uint16_t>(kLegacyDevices | (machine_.keyboard ? kHas8042 : 0)));
    w_.u8(0);
    w_.u32(kWbinvd | kC1 | kNoFixedSleepButton | (machine_.s4 ? kRtcWakesFromS4 : 0) |
           kResetRegister | kUsePlatformClock);
    w_.io_address(kResetPort, 8, kByte);
    w_.u8(kHardReset);
    w_.zeros(3);
    w_.u64(0);  // the 32-bit pointer to the FACS is the one that counts
    table_pointer64(dsdt);
    w_.io_address(pm1_event, 32, kWord);
    w_.io_address(0, 0, 0);
    w_.io_address(pm1_control, 16, kWord);
    w_.io_address(0, 0, 0);
    w_.io_address(0, 0, 0);
    w_.io_address(pm_timer, 32, kDWord);
    w_.io_address(gpe0, 32, kByte);
    w_.io_address(0, 0, 0);
    assert(tables_.size() - start == 244);
    end_table(start);
    return start;
}

// 5.2.12. Interrupts are wired to I/O APIC pins of the same number, but for the timer, and the ones
// that PCI may use are level-triggered and active high.
size_t TableBuilder::add_madt() {
    constexpr uint32_t kLocalApicAddress = 0xfee00000;
    constexpr uint32_t kIoApicAddress = 0xfec00000;
    constexpr uint32_t kHas8259 = 1;
    constexpr uint32_t kEnabled = 1;
    constexpr uint8_t kAllProcessors = 0xff;
    constexpr uint16_t kLevelActiveHigh = 0x0d;

    const size_t start = begin_table("APIC", 1);
    w_.u32(kLocalApicAddress);
    w_.u32(kHas8259);
    for (unsigned cpu = 0; cpu < machine_.cpus; ++cpu) {
        w_.u8(0);  // processor local APIC
        w_.u8(8);
        w_.u8(static_cast<uint8_t>(cpu));
        w_.u8(static_cast<uint8_t>(cpu));
        w_.u32(kEnabled);
    }
    w_.u8(1);  // I/O APIC
    w_.u8(12);
    w_.u8(0);
    w_.u8(0);
    w_.u32(kIoApicAddress);
    w_.u32(0);
    const auto source_override = [this](uint8_t isa_irq, uint32_t pin, uint16_t flags) {
        w_.u8(2);
        w_.u8(10);
        w_.u8(0);
        w_.u8(isa_irq);
        w_.u32(pin);
        w_.u16(flags);
    };
    source_override(0, 2, 0);
    for (const uint8_t irq : {5, 9, 10, 11}) source_override(irq, irq, kLevelActiveHigh);
    w_.u8(4);  // NMI at a local APIC's LINT1
    w_.u8(6);
    w_.u8(kAllProcessors);
    w_.u16(0);
    w_.u8(1);
    end_table(start);
    return start;
}

}  // namespace

AcpiFiles build_acpi(const AcpiMachine& machine) {
    assert(machine.cpus >= 1 && machine.cpus < 0xff);
    return TableBuilder(machine).build();
}

void add_acpi(FwCfg& fw_cfg, const AcpiMachine& machine) {
    AcpiFiles files = build_acpi(machine);
    fw_cfg.add_file(std::string(kRsdpFile), std::move(files.rsdp));
    fw_cfg.add_file(std::string(kTablesFile), std::move(files.tables));
    fw_cfg.add_file(std::string(kLoaderFile), std::move(files.loader));
}

}  // namespace qr
