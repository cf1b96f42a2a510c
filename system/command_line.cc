// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU's command line as one table: an option's name, whether it takes an argument, what it does and how
// -help shows it. Options that QEMU has and this version lacks stand in a second table, so that they are
// refused by name instead of being called unknown.
//
// Longer than most: it is one table, and what its rows do.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <span>

#include <fmt/format.h>

#include "accel/tcg/tcg.h"
#include "system/options.h"
#include "system/trace_log.h"
#include "target/i386/cpu_model.h"
#include "ui/sdl_window.h"
#include "util/keyval.h"

namespace qr {

namespace {

using Apply = Result<void> (*)(Options& o, const std::string& value);

struct OptionRow {
    std::string_view name;
    bool has_argument;
    std::string_view help;  // argument and meaning; empty: not shown
    Apply apply;
};

template <std::string Options::*kField>
Result<void> set_text(Options& o, const std::string& value) {
    o.*kField = value;
    return {};
}

template <bool Options::*kField>
Result<void> set_flag(Options& o, const std::string&) {
    o.*kField = true;
    return {};
}

Result<void> ignore(Options&, const std::string&) { return {}; }

Result<void> set_machine(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "type");
    const std::string type = options.take("type").value_or("pc");
    if (type == "help" || type == "?") {
        o.print = "Supported machines are:\npc                   Standard PC (i440FX + PIIX) (default)\n";
        return {};
    }
    if (type != "pc" && type != "pc-i440fx" && type != "none") {
        return Error{fmt::format(
            "unsupported machine type '{}': use -machine help to list supported machines", type)};
    }
    if (type == "none") return Error{"machine type 'none' isn't supported: expected pc"};
    o.machine = "pc";
    const Result<bool> hpet = options.take_bool("hpet", o.hpet);
    if (!hpet) return hpet.error();
    o.hpet = *hpet;
    if (const auto vmport = options.take("vmport"); vmport && *vmport != "on" && *vmport != "off" && *vmport != "auto")
        return Error{fmt::format("vmport={}: expected on, off or auto", *vmport)};
    else if (vmport)
        o.vmport = *vmport != "off";
    if (const auto accel = options.take("accel")) o.accel = *accel;
    options.take("usb");  // off is the default; on is checked below
    if (const auto key = options.unknown())
        return Error{fmt::format("Property 'pc-machine.{}' not found", *key)};
    return {};
}

Result<void> set_cpu(Options& o, const std::string& value) {
    if (value == "help" || value == "?") {
        std::string text = "Available CPUs:\n";
        for (const std::string& name : i386::cpu_model_names()) text += "  " + name + "\n";
        text += "\nRecognized CPUID flags:\n ";
        for (const std::string& name : i386::cpu_feature_names()) text += " " + name;
        o.print = text + "\n";
        return {};
    }
    const auto model = i386::parse_cpu_model(value);
    if (!model) return model.error();
    o.cpu = value;
    return {};
}

Result<void> set_memory(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "size");
    const auto size = options.take_size("size", o.ram_size, 'M');
    if (!size) return size.error();
    if (const auto key = options.unknown()) {
        return Error{fmt::format("parameter '{}' isn't supported: expected a size such as 512 or 1G",
                                 *key)};
    }
    o.ram_size = *size ? *size : uint64_t{128} << 20;
    if (o.ram_size < (1 << 20) || o.ram_size > (uint64_t{60} << 30)) {
        return Error{fmt::format("{} MiB of memory isn't possible: expected 1 MiB to 60 GiB",
                                 o.ram_size >> 20)};
    }
    o.ram_size = (o.ram_size + 8191) & ~uint64_t{8191};
    return {};
}

Result<void> set_smp(Options&, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "cpus");
    if (options.take("cpus").value_or("1") != "1")
        return Error{"only one virtual CPU is supported: expected -smp 1"};
    return {};
}

Result<void> set_accel(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "accel");
    const std::string name = options.take("accel").value_or("");
    if (name == "help") {
        o.print = std::string("Accelerators supported in QEMU binary:\n") + (tcg_supported() ? "tcg\n" : "") +
                  "interp\nqtest\n";
        return {};
    }
    if (name != "tcg" && name != "interp" && name != "qtest")
        return Error{fmt::format("invalid accelerator {}: expected tcg or interp", name)};
    if (name == "tcg" && !tcg_supported())
        return Error{"accelerator tcg needs an x86-64 host with LAHF in 64-bit mode: use -accel interp"};
    if (name == "tcg") {
        if (const auto thread = options.take("thread"); thread && *thread != "single")
            return Error{fmt::format("-accel tcg,thread={}: only thread=single is supported", *thread)};
        if (const auto size = options.take("tb-size")) {
            const auto mib = parse_size(*size);
            if (!mib || *mib < 1 || *mib > 1024)
                return Error{fmt::format("-accel tcg,tb-size={}: expected the code cache's size in MiB, 1 to 1024", *size)};
            o.tcg.cache_bytes = *mib << 20;
        }
    }
    if (const auto key = options.unknown()) return Error{fmt::format("Property '{}-accel.{}' not found", name, *key)};
    o.accel = name;
    return {};
}

Result<void> set_icount(Options& o, const std::string& value) {
    const auto parsed = parse_icount(value);
    // The text is in the message already.
    if (!parsed) return parsed.error();
    o.icount = *parsed;
    o.icount_given = true;
    return {};
}

Result<void> add_serial(Options& o, const std::string& value) {
    if (o.serials.size() >= 4)
        return Error{"more than 4 serial ports: an ISA PC has COM1 to COM4"};
    o.serials.push_back(value);
    return {};
}

Result<void> add_parallel(Options& o, const std::string& value) {
    if (o.parallels.size() >= 3)
        return Error{"more than 3 parallel ports: an ISA PC has LPT1 to LPT3"};
    o.parallels.push_back(value);
    return {};
}

template <char... kName>
Result<void> add_image(Options& o, const std::string& value) {
    constexpr char kOption[] = {kName..., 0};
    // The error names the option already.
    return o.drive_options.add_image(kOption, value);
}

constexpr std::string_view kDeviceHelp =
    "name \"ide-cd\", bus IDE\n"
    "name \"ide-hd\", bus IDE\n"
    "name \"floppy\", bus floppy-bus\n"
    "name \"virtio-blk-pci\", bus PCI\n"
    "name \"isa-debug-exit\", bus ISA\n"
    "name \"isa-debugcon\", bus ISA\n";

Result<void> add_device(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "driver");
    DeviceOption device;
    device.driver = options.take("driver").value_or("");
    device.properties = options.pairs();
    if (device.driver == "help" || device.driver == "?") {
        o.print = std::string(kDeviceHelp);
        return {};
    }
    const bool help = !device.properties.empty() && device.properties[0].first == "help";
    if (DriveOptions::is_drive_device(device.driver)) {
        if (help) {
            o.print = device.driver + " options:\n  bootindex=<int32>\n  cyls=<uint32>\n  drive=<str>            - "
                      "Node name or ID of a block device to use as a backend\n  heads=<uint32>\n  model=<str>\n"
                      "  secs=<uint32>\n  serial=<str>\n  unit=<uint32>\n  ver=<str>\n  wwn=<uint64>\n";
            return {};
        }
        return o.drive_options.add_device("-device " + value, device.driver, device.properties);
    }
    if (device.driver == "isa-debug-exit") {
        if (help) {
            o.print = "isa-debug-exit options:\n  iobase=<uint32>        -  (default: 1281)\n"
                      "  iosize=<uint32>        -  (default: 2)\n";
            return {};
        }
    } else if (device.driver == "isa-debugcon") {
        if (help) {
            o.print = "isa-debugcon options:\n  chardev=<str>          - ID of a chardev\n"
                      "  iobase=<uint32>        -  (default: 233)\n"
                      "  readback=<uint32>      -  (default: 233)\n";
            return {};
        }
    } else {
        return Error{fmt::format("'{}' is not a valid device model name: use -device help to list them",
                                 device.driver)};
    }
    o.devices.push_back(device);
    return {};
}

Result<void> add_debugcon(Options& o, const std::string& value) {
    o.chardevs["debugcon"] = value;
    o.devices.push_back({"isa-debugcon", {{"iobase", "0x402"}, {"chardev", "debugcon"}}});
    return {};
}

Result<void> add_chardev(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "backend");
    const auto id = options.take("id");
    if (!id) return Error{"Parameter 'id' is missing: expected BACKEND,id=NAME,..."};
    if (o.chardevs.contains(*id)) return Error{fmt::format("Duplicate ID '{}' for chardev", *id)};
    std::string rest;
    for (const auto& [key, text] : options.pairs()) {
        if (!rest.empty()) rest += ',';
        std::string escaped;
        for (const char c : text) escaped += c == ',' ? ",," : std::string(1, c);
        rest += key == "backend" ? escaped : key + '=' + escaped;
    }
    o.chardevs[*id] = "chardev:" + rest;
    return {};
}

Result<void> set_vga(Options& o, const std::string& value) {
    if (value != "std" && value != "none") {
        return Error{fmt::format("unknown vga type: '{}': expected std or none", value)};
    }
    o.vga = value;
    return {};
}

Result<void> set_vnc(Options& o, const std::string& value) {
    auto vnc = VncOptions::parse(value);
    if (!vnc) return vnc.error();
    o.vnc = std::move(*vnc);
    return {};
}

Result<void> set_sdl(Options& o, KeyVal& options) {
    const auto close = options.take_bool("window-close", true);
    if (!close) return close.error();
    o.window_close = *close;
    const auto full = options.take_bool("full-screen", o.full_screen);
    if (!full) return full.error();
    o.full_screen = *full;
    if (const auto gl = options.take_bool("gl", false); !gl || *gl)
        return Error{"gl=on isn't supported: expected gl=off"};
    return {};
}

Result<void> set_display(Options& o, const std::string& value) {
    if (value == "help" || value == "?") {
        o.print = fmt::format("Available display backend types:\nnone\n{}vnc\n", SdlWindow::built_in() ? "sdl\n" : "");
        return {};
    }
    if (value == "vnc" || value.starts_with("vnc="))
        return value.size() > 4 ? set_vnc(o, value.substr(4)) : Error{"VNC requires a display argument vnc=<display>"};
    KeyVal options = KeyVal::parse(value, "type");
    const std::string type = options.take("type").value_or("");
    if (type == "sdl") {
        if (const auto done = set_sdl(o, options); !done) return done;
    } else if (type != "none" && type != "default") {
        return Error{fmt::format("Parameter 'type' does not accept value '{}': expected none, sdl or vnc=DISPLAY", type)};
    }
    if (const auto key = options.unknown()) return Error{fmt::format("Parameter '{}' is unexpected", *key)};
    o.display = type == "default" ? "" : type;
    return {};
}

Result<void> set_rtc(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "");
    o.rtc_base = options.take("base").value_or("utc");
    const auto clock = options.take("clock");
    o.rtc_clock = clock.value_or("");
    if (clock && o.rtc_clock != "vm" && o.rtc_clock != "host" && o.rtc_clock != "rt")
        return Error{fmt::format("invalid option value '{}': expected clock=host, rt or vm", o.rtc_clock)};
    o.rtc_slew.reset();
    if (const auto fix = options.take("driftfix")) {
        if (*fix != "none" && *fix != "slew")
            return Error{fmt::format("invalid option value '{}': expected driftfix=none or slew", *fix)};
        o.rtc_slew = *fix == "slew";
    }
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    return {};
}

Result<void> add_monitor(Options& o, const std::string& value) {
    o.monitor_given = true;
    if (value != "none") o.monitors.push_back({"-monitor", value, false, false});
    return {};
}

Result<void> add_qmp(Options& o, const std::string& value) {
    if (value != "none") o.monitors.push_back({"-qmp", value, true, false});
    return {};
}

Result<void> add_pretty_qmp(Options& o, const std::string& value) {
    if (value != "none") o.monitors.push_back({"-qmp-pretty", value, true, true});
    return {};
}

Result<void> add_mon(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "chardev");
    options.take("id");
    const auto chardev = options.take("chardev");
    const std::string mode = options.take("mode").value_or("readline");
    const auto pretty = options.take_bool("pretty", false);
    if (!pretty) return pretty.error();
    if (!chardev) return Error{"Parameter 'chardev' is missing: expected chardev=ID[,mode=readline|control]"};
    if (mode != "readline" && mode != "control")
        return Error{fmt::format("unknown monitor mode '{}': expected readline or control", mode)};
    if (mode == "readline" && *pretty) return Error{"'pretty' is not compatible with HMP monitors"};
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    o.monitor_given |= mode == "readline";
    o.monitors.push_back({"-mon", "chardev:" + *chardev, mode == "control", *pretty});
    return {};
}

// Milliseconds in 16 bits; -1, where it is allowed, is none.
Result<void> take_ms(KeyVal& options, const char* name, int least, std::optional<uint16_t>& out) {
    out.reset();
    const auto text = options.take(name);
    if (!text) return {};
    int value = 0;
    const char* end = text->data() + text->size();
    const auto [at, status] = std::from_chars(text->data(), end, value);
    if (status != std::errc{} || at != end || value < least || value > 0xffff)
        return Error{fmt::format("{} is invalid, it should be a value between {} and 65535, not '{}'", name, least, *text)};
    if (value >= 0) out = static_cast<uint16_t>(value);
    return {};
}

Result<void> set_boot(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "order");
    const auto strict = options.take_bool("strict", false);
    if (!strict) return strict.error();
    o.boot_strict = *strict;
    o.splash = options.take("splash").value_or("");
    if (const auto done = take_ms(options, "splash-time", 0, o.splash_time); !done) return done;
    if (const auto done = take_ms(options, "reboot-timeout", -1, o.reboot_timeout); !done) return done;
    for (const char* key : {"order", "once"}) {
        const auto order = options.take(key);
        if (!order) continue;
        for (size_t i = 0; i < order->size(); ++i) {
            const char device = (*order)[i];
            if (device < 'a' || device > 'p') return Error{fmt::format("Invalid boot device '{}'", device)};
            if (order->find(device) != i) return Error{fmt::format("Boot device '{}' was given twice", device)};
            if (std::string_view("acdn").find(device) == std::string_view::npos)
                return Error{"Invalid boot device for PC: expected a, c, d or n"};
        }
        if (order->size() > 3) return Error{"Too many boot devices for PC"};
        if (!order->empty()) (key == std::string_view("once") ? o.boot_once : o.boot_order) = *order;
    }
    const auto menu = options.take_bool("menu", false);
    if (!menu) return menu.error();
    o.boot_menu = *menu;
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    return {};
}

Result<void> set_net(Options&, const std::string& value) {
    if (value == "none") return {};
    return Error{fmt::format("'{}' isn't supported by this version: expected none", value)};
}

Result<void> set_log_items(Options& o, const std::string& value) {
    if (value == "help" || value == "?") {
        o.print = log_items_help();
        return {};
    }
    LogOptions log;
    log.file = o.log.file;
    const std::string items = take_trace_items(value, o.trace);
    for (const std::string& pattern : o.trace.patterns)
        if (pattern == "help" || pattern == "?") return o.print = trace_events_help(), Result<void>();
    if (items.empty()) return {};
    if (const auto parsed = parse_log_items(items, log); !parsed) return parsed.error();
    o.log = log;
    return {};
}

Result<void> add_trace(Options& o, const std::string& value) {
    KeyVal options = KeyVal::parse(value, "enable");
    const auto pattern = options.take("enable");
    if (pattern == "help" || pattern == "?") {
        o.print = trace_events_help();
        return {};
    }
    if (pattern) o.trace.patterns.push_back(*pattern);
    if (const auto file = options.take("events")) {
        const auto patterns = read_trace_patterns(*file);
        if (!patterns) return patterns.error();
        o.trace.patterns.insert(o.trace.patterns.end(), patterns->begin(), patterns->end());
    }
    if (const auto file = options.take("file")) o.trace.file = *file;
    if (const auto key = options.unknown()) return Error{fmt::format("Invalid parameter '{}'", *key)};
    return {};
}

Result<void> show_version(Options& o, const std::string&) {
    o.print = fmt::format("QEMU emulator, qemu-replay version {}\n", QR_VERSION);
    return {};
}

Result<void> show_help(Options& o, const std::string&);

constexpr OptionRow kOptions[] = {
    {"help", false, "display this help and exit", show_help},
    {"h", false, "", show_help},
    {"version", false, "display version information and exit", show_version},
    {"machine", true, "[type=]pc[,hpet=on|off][,vmport=on|off]  the board", set_machine},
    {"M", true, "", set_machine},
    {"cpu", true, "MODEL[,+feature][,-feature]  the processor; 'help' lists them", set_cpu},
    {"m", true, "SIZE  memory, in MiB or with a suffix (default: 128)", set_memory},
    {"smp", true, "1  number of virtual CPUs", set_smp},
    {"accel", true, "tcg[,tb-size=MiB]|interp  what runs the guest's code: a translator (the default), an interpreter",
     set_accel},
    {"icount", true,
     "[shift=N|auto][,sleep=on|off][,align=on|off][,rr=record|replay,rrfile=FILE...]\n"
     "                  how virtual time runs, and record and replay\n"
     "                  to record: [,rrsnapshot=NAME][,rrdigest=MS][,rrcheckpoints=SECONDS][,rrring=SECONDS]\n"
     "                  to replay: [,rrsnapshot=NAME][,rrspeed=N|max][,rrcheckpoints=SIZE|auto|off][,rrstart=N|end]\n"
     "                  [,rrindex=on]",
     set_icount},
    {"bios", true, "FILE  the system BIOS (default: SeaBIOS of the package)", set_text<&Options::bios>},
    {"L", true, "DIR  where to look for firmware",
     [](Options& o, const std::string& v) -> Result<void> {
         o.library_paths.push_back(v);
         return {};
     }},
    {"kernel", true, "FILE  Linux kernel to boot", set_text<&Options::kernel>},
    {"initrd", true, "FILE  its initial RAM disk", set_text<&Options::initrd>},
    {"append", true, "TEXT  its command line",
     [](Options& o, const std::string& v) -> Result<void> {
         o.append = v;
         o.has_append = true;
         return {};
     }},
    {"serial", true, "BACKEND  serial port: stdio, pty, file:, tcp:, unix:, pipe:, chardev:ID,\n"
     "                  mon:BACKEND (shared with a monitor), null, none",
     add_serial},
    {"parallel", true, "BACKEND  parallel port", add_parallel},
    {"chardev", true, "BACKEND,id=ID,...  a character device by name", add_chardev},
    {"debugcon", true, "BACKEND  the BIOS's debug port 0x402", add_debugcon},
    {"drive", true,
     "file=IMAGE[,if=ide|virtio|floppy|none][,index=N|,bus=N,unit=N][,media=disk|cdrom][,format=raw|qcow2][,snapshot=on]\n"
     "                  [,cache=writeback|writethrough|none|directsync|unsafe][,readonly=on][,discard=unmap][,id=ID]\n"
     "                  a disk; IMAGE may be nbd://HOST/NAME or nbd+unix:///NAME?socket=PATH",
     [](Options& o, const std::string& v) { return o.drive_options.add_drive(v); }},
    {"blockdev", true, "driver=raw|qcow2|file|nbd,node-name=NAME,...  an image, for -device ide-hd,drive=NAME",
     [](Options& o, const std::string& v) { return o.drive_options.add_blockdev(v); }},
    {"hda", true, "IMAGE  a disk: the first channel's master; -hdb, -hdc, -hdd: the others", add_image<'h', 'd', 'a'>},
    {"hdb", true, "", add_image<'h', 'd', 'b'>},
    {"hdc", true, "", add_image<'h', 'd', 'c'>},
    {"hdd", true, "", add_image<'h', 'd', 'd'>},
    {"cdrom", true, "IMAGE  a CD-ROM in the second channel's master", add_image<'c', 'd', 'r', 'o', 'm'>},
    {"fda", true, "IMAGE  a floppy in drive A:; -fdb: in B:", add_image<'f', 'd', 'a'>},
    {"fdb", true, "", add_image<'f', 'd', 'b'>},
    {"snapshot", false, "write to temporary files instead of the images",
     [](Options& o, const std::string&) -> Result<void> {
         o.drive_options.set_snapshot();
         return {};
     }},
    {"device", true, "DRIVER[,prop=value]  adds a device; 'help' lists them", add_device},
    {"vga", true, "std|none  video adapter", set_vga},
    {"display", true, "none|sdl[,full-screen=on][,window-close=off]|vnc=DISPLAY  where the picture goes; 'help' lists what there is", set_display},
    {"sdl", false, "",
     [](Options& o, const std::string&) -> Result<void> {
         o.display = "sdl";
         return {};
     }},
    {"full-screen", false, "fill the desktop", set_flag<&Options::full_screen>},
    {"vnc", true,
     "none|[HOST]:N|unix:PATH[,password=on][,lossy=on][,websocket=on|PORT][,to=N][,share=allow-exclusive|force-shared|ignore]\n"
     "                  a VNC server at port 5900+N",
     set_vnc},
    {"k", true, "LAYOUT  keyboard layout of VNC clients that send symbols: en-us, de, fr ...", set_text<&Options::keymap>},
    {"nographic", false, "no picture; the first serial port and a monitor on the terminal (Ctrl-A h helps)",
     [](Options& o, const std::string&) -> Result<void> {
         o.nographic = true;
         o.display = "none";
         return {};
     }},
    {"monitor", true, "BACKEND  a monitor for people: stdio, unix:, tcp:, telnet:, chardev:ID, none", add_monitor},
    {"mon", true, "[chardev=]ID[,mode=readline|control][,pretty=on|off]  a monitor on a -chardev", add_mon},
    {"qmp", true, "BACKEND  a monitor for programs", add_qmp},
    {"qmp-pretty", true, "BACKEND  the same, with line breaks", add_pretty_qmp},
    {"rtc", true,
     "[base=utc|localtime|DATE][,clock=host|rt|vm][,driftfix=none|slew]\n"
     "                  what the guest's clock starts from, whose time it keeps, and if it makes lost ticks good",
     set_rtc},
    {"boot", true,
     "[order=acdn][,once=acdn][,menu=on|off][,splash=FILE][,splash-time=MS][,reboot-timeout=MS][,strict=on|off]\n"
     "                  where to boot from: floppy, disk, CD-ROM, network",
     set_boot},
    {"net", true, "", set_net},
    {"nic", true, "", set_net},
    {"no-reboot", false, "exit instead of rebooting", set_flag<&Options::no_reboot>},
    {"no-shutdown", false, "stop instead of exiting on shutdown", set_flag<&Options::no_shutdown>},
    {"no-hpet", false, "", [](Options& o, const std::string&) -> Result<void> {
         o.hpet = false;
         return {};
     }},
    {"nodefaults", false, "no default devices", set_flag<&Options::no_defaults>},
    {"no-user-config", false, "", ignore},
    {"S", false, "don't start the CPU", set_flag<&Options::start_stopped>},
    {"loadvm", true, "TAG  start from a snapshot that savevm made", set_text<&Options::loadvm>},
    {"gdb", true, "BACKEND  wait for gdb there: tcp::PORT, unix:PATH,server=on, stdio, pty, chardev:ID, none",
     set_text<&Options::gdb>},
    {"s", false, "the same as -gdb tcp::1234",
     [](Options& o, const std::string&) -> Result<void> {
         o.gdb = "tcp::1234";
         return {};
     }},
    {"name", true, "TEXT  name of the guest", set_text<&Options::name>},
    {"uuid", true, "UUID  of the guest", set_text<&Options::uuid>},
    {"pidfile", true, "FILE  write the process's number there", set_text<&Options::pid_file>},
    {"d", true, "ITEM[,...]  log what the translator does; 'help' lists the items", set_log_items},
    {"D", true, "FILE  where to log (default: stderr); %d is the process's number",
     [](Options& o, const std::string& v) -> Result<void> {
         o.log.file = v;
         return {};
     }},
    {"trace", true,
     "[[enable=]PATTERN][,events=FILE][,file=FILE]\n"
     "                  tell of accesses to devices and of interrupts; 'help' lists the events",
     add_trace},
    {"perfmap", false, "write /tmp/perf-PID.map, for perf to name the guest's code by", set_flag<&Options::perf_map>},
    {"qtest", true, "BACKEND  the device test protocol", set_text<&Options::qtest>},
    {"qtest-log", true, "none",
     [](Options&, const std::string& v) -> Result<void> {
         if (v == "none" || v == "/dev/null") return {};
         return Error{"a log of the test protocol isn't supported: expected none"};
     }},
};

// What QEMU has, and this version does not.
constexpr std::string_view kNotYet[] = {
    "daemonize", "netdev", "audiodev", "usb",
    "usbdevice", "plugin", "object", "global", "watchdog-action", "watchdog", "spice",
    "incoming", "enable-kvm", "numa", "soundhw", "fw_cfg", "option-rom", "tpmdev", "virtfs", "runas",
    "chroot", "sandbox", "smbios", "acpitable", "dtb", "readconfig", "overcommit", "no-acpi",
    "set", "action", "msg", "preconfig", "fsdev", "singlestep", "add-fd", "mem-path",
    "mem-prealloc", "win2k-hack", "no-fd-bootchk", "dfilter", "seed", "only-migratable",
};

Result<void> show_help(Options& o, const std::string&) {
    std::string text = fmt::format(
        "QEMU emulator, qemu-replay version {}\nusage: qemu-system-i386 [options]\n\n", QR_VERSION);
    for (const OptionRow& row : kOptions)
        if (!row.help.empty()) text += fmt::format("  -{:<15} {}\n", row.name, row.help);
    text += "\nRecord a boot, and replay it:\n"
            "  qemu-system-i386 -nographic -kernel LINUX -initrd INITRD -append console=ttyS0 \\\n"
            "      -icount shift=auto,rr=record,rrfile=boot.bin\n"
            "  qemu-system-i386 -icount rr=replay,rrfile=boot.bin\n";
    o.print = text;
    return {};
}

// What goes together, once everything is known.
Result<void> check(const Options& o) {
    if (o.kernel.empty() && !o.initrd.empty())
        return Error{"-initrd only allowed with -kernel option"};
    if (o.kernel.empty() && o.has_append)
        return Error{"-append only allowed with -kernel option"};
    for (const std::string& serial : o.serials) {
        if (serial.starts_with("chardev:") && !o.chardevs.contains(serial.substr(8)))
            return Error{fmt::format("-serial {}: chardev \"{}\" not found: add -chardev ...,id={}",
                                     serial, serial.substr(8), serial.substr(8))};
    }
    if ((o.log.any() || o.perf_map) && (o.accel == "interp" || !tcg_supported())) {
        return Error{fmt::format("{} shows what the translator does: it needs -accel tcg",
                                 o.perf_map ? "-perfmap" : "-d")};
    }
    if (!o.qtest.empty() && o.icount.mode != ReplayMode::kNone)
        return Error{"-qtest can't be recorded or replayed: leave out rr="};
    return {};
}

}  // namespace

Result<Options> parse_command_line(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (!word.starts_with('-') || word.size() < 2) {
            // An image by itself is the first disk.
            if (const auto added = options.drive_options.add_image("hda", std::string(word)); !added)
                return Error{fmt::format("{}: {}", word, added.error().message)};
            options.given["hda"] = word;
            continue;
        }
        word.remove_prefix(word.starts_with("--") ? 2 : 1);
        const auto row = std::ranges::find(kOptions, word, &OptionRow::name);
        if (row == std::end(kOptions)) {
            if (std::ranges::find(kNotYet, word) != std::end(kNotYet))
                return Error{fmt::format("-{}: not supported by this version; -help lists what is", word)};
            return Error{fmt::format("-{}: invalid option; -help lists the options", word)};
        }
        std::string value;
        if (row->has_argument) {
            if (++i == argc) return Error{fmt::format("-{}: requires an argument", word)};
            value = argv[i];
        }
        if (const auto done = row->apply(options, value); !done) {
            const std::string& why = done.error().message;
            if (why.starts_with('-')) return Error{why};
            return Error{fmt::format("-{} {}: {}", word, value, why)};
        }
        options.given[std::string(row->name == "M" ? "machine" : row->name)] = value;
        if (options.print) return options;
    }
    if (const auto good = check(options); !good) return good.error();
    auto drives = options.drive_options.resolve(!options.no_defaults);
    if (!drives) return drives.error();
    options.drives = std::move(*drives);
    return options;
}

}  // namespace qr
