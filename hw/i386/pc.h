// SPDX-License-Identifier: GPL-2.0-or-later
//
// The `pc` board: i440FX + PIIX3, and everything that a PC of 1996 has on it. Wiring only: addresses, wires,
// and which chip there is; behaviour is in the devices. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chardev/char.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "hw/i386/pc_disks.h"
#include "hw/device.h"
#include "hw/input_events.h"
#include "hw/machine_control.h"
#include "hw/pci.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"
#include "sysemu/state_root.h"
#include "target/i386/cpu.h"
#include "ui/picture.h"
#include "util/result.h"

namespace qr {

struct PcConfig {
    i386::CpuModel cpu;
    uint64_t ram_size = 0;           // bytes
    std::vector<uint8_t> bios;       // a multiple of 64 KiB, up to 16 MiB
    std::vector<uint8_t> vga_bios;   // for the adapter's ROM BAR
    bool vga = true;
    bool hpet = true;
    bool vmport = true;              // and the pointer that is reached by it
    std::array<bool, 4> serial{};    // COM1 to COM4
    unsigned parallel = 0;           // LPT1 to LPT3
    bool has_kernel = false;
    std::vector<uint8_t> kernel, initrd;
    std::string append;
    std::optional<std::array<uint8_t, 16>> uuid;
    bool nographic = false;
    bool boot_menu = false;
    PcBoot boot;
    std::vector<PcDisk> disks;
    std::vector<uint8_t> splash;     // a JPEG or BMP that the BIOS shows
    bool rtc_slew = false;           // see Mc146818
    int64_t rtc_epoch = 0;           // seconds since 1970, in the RTC's own zone
    struct DebugExit {
        uint16_t iobase, iosize;
    };
    struct DebugCon {
        uint16_t iobase;
        uint8_t readback;
        std::string name;
    };
    std::vector<DebugExit> debug_exits;
    std::vector<DebugCon> debug_cons;
};

class PcBoard {
  public:
    // Errors: memory that the host has not, a kernel that isn't one.
    static Result<std::unique_ptr<PcBoard>> create(PcConfig config, Door& door, VirtualClock& clock,
                                                   Countdown& countdown, MachineControl& control);
    ~PcBoard();

    // Hardware reset of everything; RAM keeps its contents.
    void reset();
    // After request_suspend(): has something woken the machine?
    bool wake();

    i386::Cpu& cpu();
    AddressSpace& memory();
    IoPortSpace& ports();
    StateRoot& root();

    // null where there is none.
    CharEnd* serial(unsigned n);
    CharEnd* parallel(unsigned n);
    CharEnd* debug_con(unsigned n);

    // The board's interrupt inputs, as I/O APIC pin numbers; `watch` is told of every change, and for tests.
    void watch_interrupts(std::function<void(int pin, bool level)> watch);
    void set_interrupt(int pin, bool level);
    // Lets somebody look on at all accesses to devices; null: nobody.
    void trace(IoTracer* tracer);

    // What people do to the machine's case; from the door's ports only.
    void press_power_button();
    void inject_nmi();
    // The host's time went on while the machine's stood still; from the door's port only.
    void adjust_rtc(int64_t seconds);

    // For monitors. No side effects.
    const PciBus& pci() const;
    std::string interrupt_controllers() const;  // `info pic`
    std::string local_apic() const;             // `info lapic`
    std::array<uint64_t, 24> interrupt_counts() const;  // rising edges by I/O APIC pin since the start
    const std::vector<Device*>& devices() const;

    // `info qtree`, `info mtree`, `info pci`, `info pic` in one text, for reports.
    std::string describe() const;
    // What the adapter shows; null without one.
    PictureSource* picture();
    // What people do to the machine.
    InputPort<KeyInput>& keyboard();
    InputPort<MouseInput>& mouse();
    // The pointer that takes positions; null without vmport. It wants them while absolute, which on_absolute's listener
    // is told on the VM thread.
    InputPort<PointerInput>* pointer();
    void on_absolute(std::function<void(bool)> listener);
    // Called on the VM thread when software sets the RTC; see Mc146818::on_set().
    void on_rtc_set(std::function<void(int64_t offset)> listener);
    // Called on the VM thread when the keyboard's LEDs change; must only tell somebody. Bit 0 Scroll Lock, 1 Num
    // Lock, 2 Caps Lock.
    void on_leds(std::function<void(uint8_t)> listener);
    // The VGA text screen as lines, empty if the adapter is in a graphics mode.
    std::vector<std::string> text_screen() const;

  private:
    PcBoard();
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace qr
