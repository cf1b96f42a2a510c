// SPDX-License-Identifier: GPL-2.0-or-later
//
// The `pc` board's wiring. Addresses are those of the IBM AT and of Intel's i440FX/PIIX3 chipset; where a part
// isn't at a place of its own (fw_cfg, debug ports), QEMU's.
#include "hw/i386/pc.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "hw/acpi/piix4_pm.h"
#include "hw/char/debugcon.h"
#include "hw/char/parallel.h"
#include "hw/char/serial.h"
#include "hw/display/vga.h"
#include "hw/display/vga_scanout.h"
#include "hw/dma/i8237.h"
#include "hw/i386/acpi_build.h"
#include "hw/i386/fw_cfg_items.h"
#include "hw/i386/interrupt_routes.h"
#include "hw/i386/linux_loader.h"
#include "hw/i386/smbios_build.h"
#include "hw/input/i8042.h"
#include "hw/input/ps2_keyboard.h"
#include "hw/input/ps2_mouse.h"
#include "hw/input/vmmouse.h"
#include "hw/intc/apic.h"
#include "hw/intc/apic_bus.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/isa/piix3.h"
#include "hw/isa/port92.h"
#include "hw/misc/debug_exit.h"
#include "hw/misc/port61.h"
#include "hw/misc/vmport.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci-host/i440fx.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"

namespace qr {

namespace {

constexpr uint64_t kFourGiB = uint64_t{1} << 32;
// With more RAM than this, what is above 3 GiB moves beyond 4 GiB and leaves room for PCI.
constexpr uint64_t kMostLowRam = 0xe0000000;
constexpr uint64_t kLowRamIfSplit = 0xc0000000;
constexpr uint64_t kLargestBios = 16 << 20;
constexpr uint64_t kShadowSize = 128 << 10;

constexpr int kRamPriority = 0;
constexpr int kChipPriority = 1;
constexpr int kApicPriority = 2;

constexpr uint16_t kComPorts[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
constexpr unsigned kComIrqs[] = {4, 3, 4, 3};
constexpr uint16_t kLptPorts[] = {0x378, 0x278, 0x3bc};
constexpr unsigned kLptIrqs[] = {7, 7, 7};

constexpr unsigned kPiix3Devfn = pci_devfn(1, 0);
constexpr unsigned kPmDevfn = pci_devfn(1, 3);
constexpr unsigned kVgaDevfn = pci_devfn(2, 0);

// Bus masters see memory without A20, as the chipset's PCI side does; interrupts written to FEExxxxxH arrive
// at the APIC bus through its region there.
class MemoryDma final : public DmaBus {
  public:
    explicit MemoryDma(AddressSpace& memory) : memory_(memory) {}
    void dma_read(uint64_t address, std::span<uint8_t> to) override { memory_.dma_read(address, to); }
    void dma_write(uint64_t address, std::span<const uint8_t> from) override {
        memory_.dma_write(address, from);
    }

  private:
    AddressSpace& memory_;
};

class NmiPin final : public IrqSink {
  public:
    explicit NmiPin(LocalApic& apic) : apic_(apic) {}
    void set_irq(int, bool level) override { apic_.set_irq(LocalApic::kLint1, level); }

  private:
    LocalApic& apic_;
};

class SmiPin final : public IrqSink {
  public:
    void connect(CpuInterruptPins& cpu) { cpu_ = &cpu; }
    void set_irq(int, bool level) override {
        if (level && cpu_) cpu_->raise_smi();
    }

  private:
    CpuInterruptPins* cpu_ = nullptr;
};

std::array<IrqLine, 16> isa_inputs(IrqSink& sink) {
    std::array<IrqLine, 16> lines;
    for (int i = 0; i < 16; ++i) lines[static_cast<size_t>(i)] = IrqLine(sink, i);
    return lines;
}

uint64_t low_ram(uint64_t ram_size) {
    return ram_size > kMostLowRam ? kLowRamIfSplit : ram_size;
}

// A firmware image as it lies below 4 GiB: at the end of a block of whole pages.
Result<std::unique_ptr<RamBlock>> rom_block(const std::string& name, std::span<const uint8_t> bytes,
                                            uint64_t size) {
    auto block = RamBlock::create(name, size, true);
    if (block && !bytes.empty())
        std::memcpy((*block)->data() + size - bytes.size(), bytes.data(), bytes.size());
    return block;
}

uint64_t power_of_two(uint64_t size) {
    uint64_t n = kPageSize;
    while (n < size) n <<= 1;
    return n;
}

}  // namespace

struct PcBoard::Parts {
    Parts(PcConfig& config, Door& door, VirtualClock& clock, Countdown& countdown, MachineControl& control,
          RamBlock& ram_block, RamBlock& bios_block, RamBlock& option_block)
        : model(config.cpu),
          boot(config.boot),
          smm_memory(&memory),
          dma(memory),
          routes(pic, ioapic),
          pic(IrqLine(apic, LocalApic::kLint0)),
          apic({.present = config.cpu.has(i386::Feature::kApic), .ns_at_tsc = {}}, clock, apic_bus, pic),
          ioapic(apic_bus),
          nmi(apic),
          bus(ports, memory, dma),
          i440fx(bus, memory, smm_memory,
                 {&ram_block, low_ram(config.ram_size), &option_block, 0, &bios_block,
                  bios_block.size() - kShadowSize},
                 control),
          piix3(bus, kPiix3Devfn, clock, control, isa_inputs(routes), IrqLine(smi, 0)),
          pm(bus, kPmDevfn, ports, clock, control, piix3.isa_irq(9), IrqLine(smi, 0),
             {.s3 = false, .parallel = config.parallel > 0, .serial0 = config.serial[0], .serial1 = config.serial[1]}),
          dma_controllers(dma),
          pit(clock, piix3.isa_irq(0)),
          port61(clock, pit, IrqLine(nmi, 0)),
          hpet_routes(piix3, routes),
          hpet({}, clock, hpet_routes, pit.inhibit_input(), &apic_bus),
          rtc(clock, config.rtc_epoch, config.hpet ? hpet.rtc_input() : piix3.isa_irq(8),
              IrqLine(port61, Port61::kNmiMask), config.rtc_slew),
          a20(memory),
          port92(IrqLine(a20, 0), control),
          keyboard(door, clock),
          mouse(door, clock),
          i8042(clock, control, keyboard, mouse, piix3.isa_irq(1), piix3.isa_irq(12), IrqLine(a20, 1)),
          fw_cfg(dma),
          disks(bus, ports, piix3, dma_controllers, clock),
          cpu({memory, smm_memory, ports, clock, countdown, &apic,
               [this, ferr = piix3.isa_irq(13)](bool level) { ferr.set(level); },
               [&control] { control.request_reset(); }},
              model) {}

    const i386::CpuModel model;
    const PcBoot boot;
    uint8_t resets = 0;  // none, the one at power-on, more
    AddressSpace memory;
    AddressSpace smm_memory;
    IoPortSpace ports;
    MemoryDma dma;
    StateRoot root;

    InterruptRoutes routes;
    I8259Pair pic;
    ApicSystemBus apic_bus;
    LocalApic apic;
    IoApic ioapic;
    NmiPin nmi;
    SmiPin smi;
    PciBus bus;
    I440fx i440fx;
    Piix3 piix3;
    Piix4Pm pm;
    I8237Pair dma_controllers;
    I8254 pit;
    Port61 port61;
    HpetRoutes hpet_routes;
    Hpet hpet;
    Mc146818 rtc;
    A20Gate a20;
    Port92 port92;
    Ps2Keyboard keyboard;
    Ps2Mouse mouse;
    I8042 i8042;
    FwCfg fw_cfg;
    PcDisks disks;
    i386::Cpu cpu;

    std::unique_ptr<RamBlock> ram, bios, options, vga_rom;
    std::unique_ptr<Vga> vga;
    std::unique_ptr<VgaScanout> scanout;
    std::unique_ptr<VmMouse> vmmouse;
    std::unique_ptr<VmPort> vmport;
    std::array<std::unique_ptr<Serial>, 4> serial;
    std::array<std::unique_ptr<Parallel>, 3> parallel;
    std::vector<std::unique_ptr<DebugCon>> debug_cons;
    std::vector<std::unique_ptr<DebugExit>> debug_exits;
    std::vector<Device*> devices;  // in the order of reset, snapshots and digests
    AddressSpace::Handle apic_mapping = 0;

    void map_chips(const PcConfig& config);
    void map_apic();
    void add_isa_devices(const PcConfig& config, Door& door, VirtualClock& clock, MachineControl& control);
    void add_vmport(const PcConfig& config, Door& door);
    void preset_cmos(const PcConfig& config);
    Result<void> fill_fw_cfg(const PcConfig& config);
    void list_devices(const PcConfig& config);
};

void PcBoard::Parts::map_chips(const PcConfig& config) {
    ports.map(0x000, dma_controllers.low_region());
    ports.map(0x0c0, dma_controllers.high_region());
    ports.map(0x080, dma_controllers.page_region());
    ports.map(0x020, pic.master_region());
    ports.map(0x0a0, pic.slave_region());
    ports.map(0x4d0, pic.elcr_region());
    ports.map(0x040, pit.region());
    ports.map(0x061, port61.region());
    ports.map(0x070, rtc.region());
    ports.map(0x092, port92.region());
    ports.map(0x060, i8042.data_region());
    ports.map(0x064, i8042.command_region());
    ports.map(0x0b2, piix3.apm_region());
    ports.map(0xcf8, i440fx.config_ports().address_region());
    ports.map(0xcfc, i440fx.config_ports().data_region());
    ports.map(0xafe0, pm.gpe0_region());
    ports.map(0x510, fw_cfg.ports());
    ports.map(0x514, fw_cfg.dma_port());

    memory.map_io(0xfec00000, ioapic.region(), kChipPriority);
    memory.map_io(0xfee00000, apic_bus.msi_region(), kChipPriority);
    if (config.hpet) memory.map_io(0xfed00000, hpet.region(), kChipPriority);

    apic_bus.add_local(apic);
    apic_bus.add_io(ioapic);
    apic.connect(cpu);
    apic.on_base_changed([this] { map_apic(); });
    smi.connect(cpu);
    piix3.connect_apm(pm);
    i440fx.config_ports().connect_reset_control(piix3.reset_control_region());
    bus.connect_interrupts(piix3.pirq(), I440fx::interrupt_map);
}

void PcBoard::Parts::map_apic() {
    memory.begin();
    if (apic_mapping) memory.unmap(apic_mapping);
    apic_mapping =
        apic.apic_enabled() ? memory.map_io(apic.base_address(), apic.region(), kApicPriority) : 0;
    memory.commit();
}

void PcBoard::Parts::add_isa_devices(const PcConfig& config, Door& door, VirtualClock& clock,
                                     MachineControl& control) {
    for (size_t i = 0; i < 4; ++i) {
        if (!config.serial[i]) continue;
        serial[i] = std::make_unique<Serial>(fmt::format("serial{}", i), door, clock,
                                             piix3.isa_irq(kComIrqs[i]), UartModel::k16550A,
                                             UartTransmit::kInstant);
        ports.map(kComPorts[i], serial[i]->region());
    }
    for (size_t i = 0; i < config.parallel; ++i) {
        parallel[i] = std::make_unique<Parallel>(fmt::format("parallel{}", i), door, clock,
                                                 piix3.isa_irq(kLptIrqs[i]));
        ports.map(kLptPorts[i], parallel[i]->region());
    }
    for (const PcConfig::DebugCon& d : config.debug_cons) {
        debug_cons.push_back(std::make_unique<DebugCon>(d.name, door, d.readback));
        ports.map(d.iobase, debug_cons.back()->region());
    }
    for (const PcConfig::DebugExit& d : config.debug_exits) {
        debug_exits.push_back(std::make_unique<DebugExit>(
            control, d.iosize, static_cast<unsigned>(debug_exits.size())));
        ports.map(d.iobase, debug_exits.back()->region());
    }
}

void PcBoard::Parts::add_vmport(const PcConfig& config, Door& door) {
    vmmouse = std::make_unique<VmMouse>(door, [this] { mouse.nudge(); });
    const VmPort::Cpu registers{
        [this] {
            return VmRegisters{cpu.reg<uint32_t>(i386::kEax), cpu.reg<uint32_t>(i386::kEbx),
                               cpu.reg<uint32_t>(i386::kEcx), cpu.reg<uint32_t>(i386::kEdx)};
        },
        [this](const VmRegisters& r) {
            cpu.set_reg<uint32_t>(i386::kEax, r.eax);
            cpu.set_reg<uint32_t>(i386::kEbx, r.ebx);
            cpu.set_reg<uint32_t>(i386::kEcx, r.ecx);
            cpu.set_reg<uint32_t>(i386::kEdx, r.edx);
        }};
    vmport = std::make_unique<VmPort>(registers, config.ram_size, [this](uint16_t number, VmRegisters& r) {
        return vmmouse->command(number, r);
    });
    ports.map(0x5658, vmport->region());
}

// What the firmware reads from CMOS RAM: sizes, in the units of each register.
void PcBoard::Parts::preset_cmos(const PcConfig& config) {
    const auto word = [this](uint8_t index, uint64_t value) {
        rtc.preset(index, static_cast<uint8_t>(value));
        rtc.preset(static_cast<uint8_t>(index + 1), static_cast<uint8_t>(value >> 8));
    };
    const uint64_t low = low_ram(config.ram_size);
    const uint64_t high = config.ram_size - low;
    word(0x15, 640);
    const uint64_t extended_kib = std::min<uint64_t>((low - (1 << 20)) >> 10, 0xffff);
    word(0x17, extended_kib);
    word(0x30, extended_kib);
    const uint64_t above_16m = low > (16 << 20) ? (low - (16 << 20)) >> 16 : 0;
    word(0x34, std::min<uint64_t>(above_16m, 0xffff));
    for (unsigned i = 0; i < 3; ++i)
        rtc.preset(static_cast<uint8_t>(0x5b + i), static_cast<uint8_t>(high >> (16 + 8 * i)));
    rtc.preset(0x5f, 0);     // CPUs, less one
    disks.preset_cmos(rtc);
    disks.preset_boot_order(rtc, boot.once.empty() ? boot.order : boot.once, boot.check_floppy);
}

Result<void> PcBoard::Parts::fill_fw_cfg(const PcConfig& config) {
    const uint64_t low = low_ram(config.ram_size);
    const uint64_t high = config.ram_size - low;

    PcFirmwareConfig items;
    items.ram_size = config.ram_size;
    items.memory.push_back({0, low, MemoryKind::kRam});
    if (high) items.memory.push_back({kFourGiB, high, MemoryKind::kRam});
    items.uuid = config.uuid;
    items.hpet = config.hpet;
    items.s3 = false;  // nothing here could wake it
    items.s4 = true;
    items.nographic = config.nographic;
    items.boot_menu = config.boot_menu;
    items.splash_time = boot.splash_time;
    items.reboot_timeout = boot.reboot_timeout;
    items.strict_boot = boot.strict;
    if (config.has_kernel) items.boot_order.emplace_back(kLinuxBootOrderEntry);
    for (const PcDisks::BootEntry& entry : disks.boot_entries()) items.boot_order.push_back(entry.path);
    items.disk_geometry = disks.geometries();
    add_pc_items(fw_cfg, items);
    // Whoever gave it has seen that it is one of the two.
    if (!config.splash.empty())
        fw_cfg.add_file(config.splash[0] == 'B' ? "bootsplash.bmp" : "bootsplash.jpg", config.splash);

    AcpiMachine acpi;
    acpi.hpet = config.hpet;
    acpi.serial = config.serial;
    acpi.parallel = config.parallel > 0;
    acpi.floppy = disks.has_floppy();
    acpi.s3 = false;
    acpi.s4 = true;
    acpi.gpe0_base = 0xafe0;
    acpi.hole32 = {std::max<uint64_t>(low, kLowRamIfSplit), 0xfebfffff};
    add_acpi(fw_cfg, acpi);

    SmbiosMachine smbios;
    smbios.ram_below_4g = low;
    smbios.ram_above_4g = high;
    smbios.cpuid_eax = config.cpu.signature;
    smbios.cpuid_edx = static_cast<uint32_t>(config.cpu.features[0]);
    smbios.uuid = config.uuid;
    add_smbios(fw_cfg, smbios);

    if (!config.has_kernel) return {};
    auto image = load_linux(config.kernel, config.initrd, config.append, low);
    if (!image) return image.error();
    add_linux(fw_cfg, std::move(*image));
    return {};
}

void PcBoard::Parts::list_devices(const PcConfig& config) {
    devices = {&i440fx, &piix3, &pm,  &dma_controllers, &pic,      &ioapic, &apic,  &pit,
               &port61, &rtc,   &a20, &port92,          &keyboard, &mouse,  &i8042, &fw_cfg};
    if (config.hpet) devices.push_back(&hpet);
    if (vga) devices.push_back(vga.get());
    if (vmmouse) devices.push_back(vmmouse.get());
    for (auto& d : serial)
        if (d) devices.push_back(d.get());
    for (auto& d : parallel)
        if (d) devices.push_back(d.get());
    for (auto& d : debug_cons) devices.push_back(d.get());
    for (auto& d : debug_exits) devices.push_back(d.get());
    for (Device* d : disks.devices()) devices.push_back(d);

    root.add("cpu0", [this](StateVisitor& v) { cpu.state(v); }, [this] { cpu.after_load(); });
    for (Device* d : devices)
        root.add(d->name(), [d](StateVisitor& v) { d->state(v); }, [d] { d->after_load(); });
    root.add("board", [this](StateVisitor& v) { v("resets", resets); });
    root.add("apic_mapping", [](StateVisitor&) {}, [this] { map_apic(); });
}

PcBoard::PcBoard() = default;
PcBoard::~PcBoard() = default;

Result<std::unique_ptr<PcBoard>> PcBoard::create(PcConfig config, Door& door, VirtualClock& clock,
                                                 Countdown& countdown, MachineControl& control) {
    if (config.bios.empty() || config.bios.size() > kLargestBios || config.bios.size() % 0x10000)
        return Error{fmt::format("the BIOS has {} bytes: expected a multiple of 64 KiB up to 16 MiB",
                                 config.bios.size())};
    auto ram = RamBlock::create("pc.ram", config.ram_size, false);
    if (!ram) return ram.error();
    // Below 1 MiB the last 128 KiB of the BIOS show; a smaller one is at their end.
    auto bios = rom_block("pc.bios", config.bios, std::max<uint64_t>(config.bios.size(), kShadowSize));
    if (!bios) return bios.error();
    auto options = RamBlock::create("pc.rom", kShadowSize, true);
    if (!options) return options.error();

    std::unique_ptr<PcBoard> board(new PcBoard);
    board->parts_ = std::make_unique<Parts>(config, door, clock, countdown, control, **ram, **bios,
                                            **options);
    Parts& parts = *board->parts_;
    parts.ram = std::move(*ram);
    parts.bios = std::move(*bios);
    parts.options = std::move(*options);
    parts.memory.map_ram(kFourGiB - parts.bios->size(), parts.bios->size(), *parts.bios, 0, kRamPriority,
                         false);
    parts.map_chips(config);
    parts.add_isa_devices(config, door, clock, control);
    if (config.vga) {
        if (!config.vga_bios.empty()) {
            const uint64_t size = power_of_two(config.vga_bios.size());
            auto rom = RamBlock::create("vga.rom", size, true);
            if (!rom) return rom.error();
            std::memcpy((*rom)->data(), config.vga_bios.data(), config.vga_bios.size());
            parts.vga_rom = std::move(*rom);
        }
        auto vga = Vga::create(parts.bus, kVgaDevfn, parts.memory, parts.ports, clock, parts.vga_rom.get());
        if (!vga) return vga.error();
        parts.vga = std::move(*vga);
        parts.scanout = std::make_unique<VgaScanout>(*parts.vga, parts.memory);
    }
    for (const PcDisk& disk : config.disks)
        if (const auto added = parts.disks.add(disk); !added) return added.error();
    if (config.vmport) parts.add_vmport(config, door);
    parts.preset_cmos(config);
    if (const auto filled = parts.fill_fw_cfg(config); !filled) return filled.error();
    parts.list_devices(config);
    return board;
}

void PcBoard::reset() {
    Parts& parts = *parts_;
    // -boot once= holds until the guest resets the machine.
    if (parts.resets == 1 && !parts.boot.once.empty())
        parts.disks.preset_boot_order(parts.rtc, parts.boot.order, parts.boot.check_floppy);
    if (parts.resets < 2) ++parts.resets;
    for (Device* d : parts_->devices) d->reset();
    parts_->cpu.reset();
}

bool PcBoard::wake() { return false; }

i386::Cpu& PcBoard::cpu() { return parts_->cpu; }
AddressSpace& PcBoard::memory() { return parts_->memory; }
IoPortSpace& PcBoard::ports() { return parts_->ports; }
StateRoot& PcBoard::root() { return parts_->root; }

CharEnd* PcBoard::serial(unsigned n) {
    return n < 4 && parts_->serial[n] ? &parts_->serial[n]->end() : nullptr;
}
CharEnd* PcBoard::parallel(unsigned n) {
    return n < 3 && parts_->parallel[n] ? &parts_->parallel[n]->end() : nullptr;
}
CharEnd* PcBoard::debug_con(unsigned n) {
    return n < parts_->debug_cons.size() ? &parts_->debug_cons[n]->end() : nullptr;
}

PictureSource* PcBoard::picture() { return parts_->scanout.get(); }
InputPort<KeyInput>& PcBoard::keyboard() { return parts_->keyboard.port(); }
InputPort<MouseInput>& PcBoard::mouse() { return parts_->mouse.port(); }
InputPort<PointerInput>* PcBoard::pointer() { return parts_->vmmouse ? &parts_->vmmouse->port() : nullptr; }
void PcBoard::on_absolute(std::function<void(bool)> listener) {
    if (parts_->vmmouse) parts_->vmmouse->on_absolute(std::move(listener));
}
void PcBoard::on_leds(std::function<void(uint8_t)> listener) { parts_->keyboard.on_leds(std::move(listener)); }

void PcBoard::watch_interrupts(std::function<void(int, bool)> watch) {
    parts_->routes.watch(std::move(watch));
}

void PcBoard::trace(IoTracer* tracer) {
    parts_->ports.set_tracer(tracer);
    parts_->memory.set_tracer(tracer);
    parts_->routes.set_tracer(tracer);
}

void PcBoard::set_interrupt(int pin, bool level) { parts_->routes.set_irq(pin, level); }

void PcBoard::press_power_button() { parts_->pm.press_power_button(); }
void PcBoard::on_rtc_set(std::function<void(int64_t)> listener) { parts_->rtc.on_set(std::move(listener)); }
void PcBoard::adjust_rtc(int64_t seconds) { parts_->rtc.advance(seconds); }
// An edge on LINT1 (MultiProcessor Specification 1.4, 3.6.2.2).
void PcBoard::inject_nmi() {
    parts_->nmi.set_irq(0, true);
    parts_->nmi.set_irq(0, false);
}
const PciBus& PcBoard::pci() const { return parts_->bus; }
std::string PcBoard::interrupt_controllers() const { return parts_->ioapic.describe() + parts_->pic.describe(); }
std::string PcBoard::local_apic() const { return parts_->apic.describe(); }
std::array<uint64_t, 24> PcBoard::interrupt_counts() const { return parts_->routes.counts(); }
const std::vector<Device*>& PcBoard::devices() const { return parts_->devices; }

std::string PcBoard::describe() const {
    return parts_->memory.describe() + parts_->ports.describe() + parts_->bus.describe() +
           parts_->pic.describe() + parts_->ioapic.describe();
}

std::vector<std::string> PcBoard::text_screen() const {
    return parts_->vga ? parts_->vga->text_screen() : std::vector<std::string>{};
}

}  // namespace qr
