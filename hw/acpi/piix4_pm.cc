// SPDX-License-Identifier: GPL-2.0-or-later
//
// PIIX4 function 3. Source: Intel 82371AB data sheet 290562; ACPI 1.0b, 4.7 (hardware register
// model).
#include "hw/acpi/piix4_pm.h"

#include "util/bits.h"

namespace qr {

namespace {

// Configuration space.
constexpr unsigned kPmBase = 0x40;
constexpr unsigned kDeviceActivityB = 0x58;
constexpr unsigned kPmRegMisc = 0x80;
constexpr unsigned kSmbusBase = 0x90;
constexpr unsigned kSmbusConfig = 0xd2;
constexpr uint32_t kApmcEnable = 1u << 25;

// PMSTS, PMEN
constexpr uint16_t kTimerOverflow = 1 << 0;
constexpr uint16_t kGlobalRelease = 1 << 5;
constexpr uint16_t kPowerButton = 1 << 8;
constexpr uint16_t kRtc = 1 << 10;
constexpr uint16_t kResume = 1 << 15;
constexpr uint16_t kPm1StatusBits = 0x8d31;
constexpr uint16_t kPm1EnableBits = kTimerOverflow | kGlobalRelease | kPowerButton | kRtc;

// PMCNTRL
constexpr uint16_t kSciEnable = 1 << 0;
constexpr uint16_t kGlobalReleaseTrigger = 1 << 2;
constexpr uint16_t kSuspendEnable = 1 << 13;
constexpr uint16_t kPm1ControlBits = 0x1c03;

// GPSTS, GPEN
constexpr uint16_t kGeneralPurposeBits = 0x0f01;

// GLBSTS, GLBEN
constexpr uint16_t kGlobalBios = 1 << 1;
constexpr uint16_t kGlobalDevice = 1 << 4;
constexpr uint16_t kGlobalApm = 1 << 5;
constexpr uint16_t kGlobalGp = 1 << 7;
constexpr uint16_t kGlobalStatusClearable = 0x0d63;
constexpr uint16_t kGlobalEnableBits = 0x0d03;

// GLBCTL
constexpr uint32_t kSmiEnable = 1 << 0;
constexpr uint32_t kBiosRelease = 1 << 1;
constexpr uint32_t kEndOfSmi = 1 << 16;
constexpr uint32_t kGlobalControlBits = 0x0701ff7d;

constexpr uint8_t kAcpiEnable = 0xf1;
constexpr uint8_t kAcpiDisable = 0xf0;

constexpr uint64_t kTimerHz = 3'579'545;
constexpr unsigned kTimerMsb = 23;

struct Register {
    uint8_t offset;
    uint8_t size;
    uint32_t reset;
    uint32_t writable;
};

constexpr Register kRegisters[] = {
    {kPmBase, 4, 0x00000001, 0x0000ffc0},
    {0x44, 4, 0, 0xffffffff},               // CNTA
    {0x48, 4, 0, 0xffffffff},               // CNTB
    {0x4c, 4, 0, 0xffffffff},               // GPICTL
    {0x50, 4, 0, 0x00ffffff},               // DEVRESD
    {0x54, 4, 0, 0xffffffff},               // DEVACTA
    {kDeviceActivityB, 4, 0, 0x03ffffff},   // DEVACTB
    {0x5c, 4, 0x10000000, 0xffffffff},      // DEVRESA
    {0x60, 4, 0x60000000, 0xffffffff},      // DEVRESB
    {0x64, 4, 0, 0xffffffff},               // DEVRESC
    {0x68, 4, 0, 0x00ffffff},               // DEVRESE
    {0x6c, 4, 0, 0xffffffff},               // DEVRESF
    {0x70, 4, 0, 0x00ffffff},               // DEVRESG
    {0x74, 4, 0, 0xffffffff},               // DEVRESH
    {0x78, 4, 0, 0xffffffff},               // DEVRESI
    {0x7c, 4, 0, 0xffffffff},               // DEVRESJ
    {kPmRegMisc, 1, 0, 0x01},
    {kSmbusBase, 4, 0x0000b101, 0x0000fff0},
    {kSmbusConfig, 1, 0x09, 0x0f},
    {0xd3, 1, 0, 0xff},                     // SMBSLVC
    {0xd4, 2, 0, 0xffff},                   // SMBSHDW1, SMBSHDW2
    {0xd6, 1, 0, 0},                        // SMBREV
};

template <class T>
uint8_t byte_of(T value, uint64_t n) {
    return static_cast<uint8_t>(value >> 8 * n);
}

template <class T>
void set_byte(T& field, uint64_t n, uint8_t value, T writable) {
    const T lane = static_cast<T>(T{0xff} << 8 * n) & writable;
    field = static_cast<T>((field & ~lane) | (static_cast<T>(T{value} << 8 * n) & lane));
}

template <class T>
void clear_byte(T& field, uint64_t n, uint8_t value, T clearable) {
    field &= static_cast<T>(~(static_cast<T>(T{value} << 8 * n) & clearable));
}

}  // namespace

Piix4Pm::Piix4Pm(PciBus& bus, unsigned devfn, IoPortSpace& io, VirtualClock& clock,
                 MachineControl& control, IrqLine sci, IrqLine smi, const Options& options)
    : PciDevice("piix4_pm", bus, devfn,
                {.vendor = 0x8086, .device = 0x7113, .revision = 0x03, .class_code = 0x068000}),
      io_(io),
      clock_(clock),
      control_(control),
      sci_(sci),
      smi_(smi),
      options_(options),
      smbus_(clock, [this] { update(); }),
      overflow_(clock, "piix4_pm.timer", [this] { update(); }),
      pm_region_("piix4-pm", 64,
                 {.read = [this](uint64_t o, unsigned n) { return read(o, n); },
                  .write = [this](uint64_t o, unsigned n, uint64_t v) { write(o, n, v); },
                  .peek = [this](uint64_t o, unsigned n) { return read(o, n); }}),
      gpe0_region_("acpi-gpe0", 4,
                   {.read = [this](uint64_t o, unsigned) { return read_gpe0(o); },
                    .write = [this](uint64_t o, unsigned,
                                    uint64_t v) { write_gpe0(o, static_cast<uint8_t>(v)); },
                    .peek = [this](uint64_t o, unsigned) { return read_gpe0(o); },
                    .max_size = 1}) {
    for (const Register& r : kRegisters) define(r.offset, r.size, r.reset, r.writable);
    define(pci::kStatus, 2, 0x0280, 0, 0xf900);
    use_interrupt_pin(1);
    // What the decode enables would be after firmware's work, for those that read them to find
    // ports.
    if (options.parallel) define(0x5f, 1, 0x90, 0xff);
    define(0x67, 1, (options.serial0 ? 0x08 : 0) | (options.serial1 ? 0x90 : 0), 0xff);
}

Piix4Pm::~Piix4Pm() {
    if (pm_window_.port) io_.unmap(pm_window_.handle);
    if (smbus_window_.port) io_.unmap(smbus_window_.handle);
}

// ---- where the registers are ----

void Piix4Pm::map_io() {
    const auto place = [&](Window& window, IoRegion& region, uint16_t port) {
        if (window.port == port) return;
        if (window.port) io_.unmap(window.handle);
        window.port = port;
        if (port) window.handle = io_.map(port, region);
    };
    const bool pm = config(kPmRegMisc, 1) & 1, smbus = config(kSmbusConfig, 1) & 1;
    place(pm_window_, pm_region_, pm ? config(kPmBase, 2) & 0xffc0 : 0);
    place(smbus_window_, smbus_.region(), smbus ? config(kSmbusBase, 2) & 0xfff0 : 0);
}

void Piix4Pm::config_written(unsigned offset, unsigned size) {
    PciDevice::config_written(offset, size);
    if (offset + size > kPmBase) map_io();
}

// ---- the timer ----

uint64_t Piix4Pm::timer_ticks() const {
    return muldiv(static_cast<uint64_t>(clock_.now_ns()), kTimerHz, kNsPerSecond);
}

// TMROF_STS is set whenever the timer's highest bit changes (ACPI 4.7.3.3).
void Piix4Pm::sync_timer() {
    const uint64_t half = timer_ticks() >> kTimerMsb;
    if (half != timer_half_) pm1_status_ |= kTimerOverflow;
    timer_half_ = half;
}

// ---- SCI and SMI ----

void Piix4Pm::update() {
    sync_timer();
    if (pm1_enable_ & kTimerOverflow && !(pm1_status_ & kTimerOverflow)) {
        const uint64_t ticks = (timer_half_ + 1) << kTimerMsb;
        overflow_.arm(static_cast<int64_t>(muldiv_up(ticks, kNsPerSecond, kTimerHz)));
    } else {
        overflow_.disarm();
    }

    const bool pm1_event = pm1_status_ & pm1_enable_ & kPm1EnableBits;
    const bool event = pm1_event || gp_status_ & gp_enable_;
    const bool sci_enabled = pm1_control_ & kSciEnable;
    // SMBHSTCFG INTRSEL: 4 is IRQ 9, 0 is SMI#.
    const unsigned smbus_route = static_cast<unsigned>(bits(config(kSmbusConfig, 1), 1, 3));
    const bool smbus = smbus_.interrupt_pending();
    sci_.set((sci_enabled && event) || (gpe0_status_ & gpe0_enable_) ||
             (smbus && smbus_route == 4));

    // The same events are SMIs while ACPI is off; SMI# is an edge.
    const bool smi = (!sci_enabled && event) || (smbus && smbus_route == 0);
    if (smi && !event_level_ && global_control_ & kSmiEnable) smi_.pulse();
    event_level_ = smi;
}

void Piix4Pm::request_smi(uint16_t source) {
    global_status_ |= source;
    if (global_control_ & kSmiEnable) smi_.pulse();
}

void Piix4Pm::apm_command(uint8_t value) {
    if (value == kAcpiEnable) pm1_control_ |= kSciEnable;
    if (value == kAcpiDisable) pm1_control_ &= static_cast<uint16_t>(~kSciEnable);
    update();
    if (config(kDeviceActivityB, 4) & kApmcEnable) request_smi(kGlobalApm);
}

// ---- power states ----

// A write of SUS_EN enters the state that SUS_TYP names; the types are those of the DSDT's \_Sx
// objects.
void Piix4Pm::suspend() {
    const uint8_t type = static_cast<uint8_t>(bits(pm1_control_, 10, 3));
    if (type == 0 || (type == options_.s4_type && options_.s4))
        control_.request_shutdown();
    else if (type == 1 && options_.s3)
        control_.request_suspend();
}

void Piix4Pm::press_power_button() {
    pm1_status_ |= kPowerButton;
    update();
}

void Piix4Pm::rtc_alarm() {
    pm1_status_ |= kRtc;
    update();
}

void Piix4Pm::raise_gpe0(unsigned event) {
    gpe0_status_ |= static_cast<uint16_t>(1u << (event & 15));
    update();
}

bool Piix4Pm::can_wake(Wake cause) const { return cause != Wake::kRtc || pm1_enable_ & kRtc; }

void Piix4Pm::wake(Wake cause) {
    pm1_status_ |= kResume;
    if (cause == Wake::kPowerButton) pm1_status_ |= kPowerButton;
    if (cause == Wake::kRtc) pm1_status_ |= kRtc;
    update();
}

// ---- I/O registers ----

uint64_t Piix4Pm::read(uint64_t offset, unsigned size) {
    sync_timer();
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= uint64_t{read_byte(offset + i)} << 8 * i;
    return value;
}

uint8_t Piix4Pm::read_byte(uint64_t offset) const {
    const uint64_t n2 = offset & 1, n4 = offset & 3;
    switch (offset) {
        case 0x00: case 0x01: return byte_of(pm1_status_, n2);
        case 0x02: case 0x03: return byte_of(pm1_enable_, n2);
        case 0x04: case 0x05: return byte_of(pm1_control_, n2);
        case 0x08: case 0x09: case 0x0a: return byte_of(timer_ticks(), n4);
        case 0x0c: case 0x0d: return byte_of(gp_status_, n2);
        case 0x0e: case 0x0f: return byte_of(gp_enable_, n2);
        case 0x10: case 0x11: case 0x12: case 0x13: return byte_of(processor_control_, n4);
        case 0x18: case 0x19: {
            uint16_t status = global_status_;
            if (gp_status_ & gp_enable_) status |= kGlobalGp;
            if (device_status_) status |= kGlobalDevice;
            return byte_of(status, n2);
        }
        case 0x1c: case 0x1d: case 0x1e: case 0x1f: return byte_of(device_status_, n4);
        case 0x20: case 0x21: return byte_of(global_enable_, n2);
        case 0x28: case 0x29: case 0x2a: case 0x2b: return byte_of(global_control_, n4);
        case 0x2c: case 0x2d: case 0x2e: case 0x2f: return byte_of(device_control_, n4);
        case 0x30: case 0x31: case 0x32: return 0xff;  // GPIREG: inputs are pulled up
        case 0x34: case 0x35: case 0x36: case 0x37: return byte_of(outputs_, n4);
        default: return 0;  // PLVL2, PLVL3 read as 0: entering C2 or C3 ends at once
    }
}

void Piix4Pm::write(uint64_t offset, unsigned size, uint64_t value) {
    sync_timer();
    for (unsigned i = 0; i < size; ++i)
        write_byte(offset + i, static_cast<uint8_t>(value >> 8 * i));
    update();
    const bool control_written = offset <= 0x05 && offset + size > 0x05;
    if (control_written && bits(value, static_cast<unsigned>(8 * (0x05 - offset)), 8) &
                               (kSuspendEnable >> 8))
        suspend();
}

void Piix4Pm::write_byte(uint64_t offset, uint8_t value) {
    const uint64_t n2 = offset & 1, n4 = offset & 3;
    switch (offset) {
        case 0x00: case 0x01: clear_byte(pm1_status_, n2, value, kPm1StatusBits); break;
        case 0x02: case 0x03: set_byte(pm1_enable_, n2, value, kPm1EnableBits); break;
        case 0x04: case 0x05:
            set_byte(pm1_control_, n2, value, kPm1ControlBits);
            if (offset == 0x04 && value & kGlobalReleaseTrigger && global_enable_ & kGlobalBios)
                request_smi(kGlobalBios);
            break;
        case 0x0c: case 0x0d: clear_byte(gp_status_, n2, value, kGeneralPurposeBits); break;
        case 0x0e: case 0x0f: set_byte(gp_enable_, n2, value, kGeneralPurposeBits); break;
        case 0x10: case 0x11: case 0x12: case 0x13:
            set_byte(processor_control_, n4, value, uint32_t{0x00023e1e});
            break;
        case 0x18: case 0x19: clear_byte(global_status_, n2, value, kGlobalStatusClearable); break;
        case 0x1c: case 0x1d: case 0x1e: case 0x1f:
            clear_byte(device_status_, n4, value, uint32_t{0xffffffff});
            break;
        case 0x20: case 0x21: set_byte(global_enable_, n2, value, kGlobalEnableBits); break;
        case 0x28: case 0x29: case 0x2a: case 0x2b:
            set_byte(global_control_, n4, value, kGlobalControlBits & ~kEndOfSmi);
            if (offset == 0x28 && value & kBiosRelease) pm1_status_ |= kGlobalRelease;
            break;
        case 0x2c: case 0x2d: case 0x2e: case 0x2f:
            set_byte(device_control_, n4, value, uint32_t{0xffffffff});
            break;
        case 0x34: case 0x35: case 0x36: case 0x37:
            set_byte(outputs_, n4, value, uint32_t{0x7fffffff});
            break;
        default: break;
    }
}

uint8_t Piix4Pm::read_gpe0(uint64_t offset) const {
    return offset < 2 ? byte_of(gpe0_status_, offset) : byte_of(gpe0_enable_, offset - 2);
}

void Piix4Pm::write_gpe0(uint64_t offset, uint8_t value) {
    if (offset < 2)
        clear_byte(gpe0_status_, offset, value, uint16_t{0xffff});
    else
        set_byte(gpe0_enable_, offset - 2, value, uint16_t{0xffff});
    update();
}

// ---- life ----

void Piix4Pm::reset() {
    PciDevice::reset();
    pm1_status_ = pm1_enable_ = pm1_control_ = 0;
    timer_half_ = timer_ticks() >> kTimerMsb;
    gp_status_ = gp_enable_ = global_status_ = global_enable_ = 0;
    processor_control_ = device_status_ = global_control_ = device_control_ = 0;
    outputs_ = 0x7fffbfff;
    gpe0_status_ = gpe0_enable_ = 0;
    event_level_ = false;
    smbus_.reset();
    map_io();
    update();
}

void Piix4Pm::state(StateVisitor& v) {
    PciDevice::state(v);
    if (!v.loading()) sync_timer();
    v("pm1_status", pm1_status_);
    v("pm1_enable", pm1_enable_);
    v("pm1_control", pm1_control_);
    v("timer_half", timer_half_);
    v("gp_status", gp_status_);
    v("gp_enable", gp_enable_);
    v("processor_control", processor_control_);
    v("global_status", global_status_);
    v("global_enable", global_enable_);
    v("device_status", device_status_);
    v("global_control", global_control_);
    v("device_control", device_control_);
    v("outputs", outputs_);
    v("gpe0_status", gpe0_status_);
    v("gpe0_enable", gpe0_enable_);
    v("event_level", event_level_);
    v.enter("smbus");
    smbus_.state(v);
    v.leave();
}

void Piix4Pm::after_load() {
    PciDevice::after_load();
    map_io();
}

}  // namespace qr
