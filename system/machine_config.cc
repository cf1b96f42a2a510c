// SPDX-License-Identifier: GPL-2.0-or-later
//
// The expanded machine, its JSON, and the comparison with a command line.
#include "system/machine_config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "util/keyval.h"
#include "util/date.h"

namespace qr {

namespace {

using nlohmann::json;

uint64_t number_of(const DeviceOption& device, const std::string& key, uint64_t otherwise) {
    for (const auto& [name, value] : device.properties)
        if (name == key) return parse_size(value).value_or(~uint64_t{0});
    return otherwise;
}

std::string text_of(const DeviceOption& device, const std::string& key) {
    for (const auto& [name, value] : device.properties)
        if (name == key) return value;
    return {};
}

Result<ExtraDevice> expand_device(const DeviceOption& option) {
    ExtraDevice device;
    device.driver = option.driver;
    const bool exit = option.driver == "isa-debug-exit";
    const uint64_t iobase = number_of(option, "iobase", exit ? 0x501 : 0xe9);
    const uint64_t iosize = number_of(option, "iosize", 2);
    const uint64_t readback = number_of(option, "readback", 0xe9);
    if (iobase > 0xffff || iosize < 1 || iosize > 4 || readback > 0xff) {
        return Error{fmt::format("-device {}: a property is out of range: expected iobase up to 0xffff, "
                                 "iosize 1 to 4, readback up to 0xff",
                                 option.driver)};
    }
    for (const auto& [name, value] : option.properties) {
        const bool known = name == "iobase" || name == "id" || (exit && name == "iosize") ||
                           (!exit && (name == "readback" || name == "chardev"));
        if (!known)
            return Error{fmt::format("-device {}: Property '{}.{}' not found", option.driver,
                                     option.driver, name)};
    }
    device.iobase = static_cast<uint16_t>(iobase);
    device.iosize = static_cast<uint16_t>(iosize);
    device.readback = static_cast<uint8_t>(readback);
    device.chardev = text_of(option, "chardev");
    return device;
}

json device_json(const ExtraDevice& d) {
    return {{"driver", d.driver}, {"iobase", d.iobase}, {"iosize", d.iosize}, {"readback", d.readback}};
}

json drive_json(const DriveConfig& d) {
    json j = {
        {"id", d.id},
        {"device", d.device},
        {"bus", d.bus},
        {"unit", d.unit},
        {"serial", d.serial},
        {"model", d.model},
        {"version", d.version},
        {"wwn", d.wwn},
        {"cylinders", d.cylinders},
        {"heads", d.heads},
        {"sectors", d.sectors},
        {"read_only", d.read_only},
        {"discard", d.discard},
        {"detect_zeroes", d.detect_zeroes},
        {"rerror", error_action_name(d.on_read_error)},
        {"werror", error_action_name(d.on_write_error)},
        {"file", d.file},
        {"format", d.format},
        {"offset", d.offset},
        {"size", d.size},
        {"disk_size", d.disk_size},
        {"no_backing", d.no_backing},
        {"snapshot", d.snapshot},
    };
    if (d.boot_index) j["boot_index"] = *d.boot_index;
    if (d.slot) j["slot"] = *d.slot;
    if (d.modern_only) j["modern_only"] = true;
    if (!d.floppy_type.empty()) j["floppy_type"] = d.floppy_type;
    if (!d.node.empty()) j["node"] = d.node;
    if (!d.storage_node.empty()) j["storage_node"] = d.storage_node;
    if (d.storage_alone) j["storage_alone"] = true;
    return j;
}

// Older logs know two of them.
ErrorAction action_from(const json& j, const char* name, const char* ignore) {
    if (!j.contains(name)) return j.at(ignore).get<bool>() ? ErrorAction::kIgnore : ErrorAction::kReport;
    const auto action = parse_error_action(j.at(name).get<std::string>());
    if (!action) throw std::invalid_argument(fmt::format("{} of a drive is none", name));
    return *action;
}

DriveConfig drive_from(const json& j) {
    DriveConfig d;
    j.at("id").get_to(d.id);
    j.at("device").get_to(d.device);
    j.at("bus").get_to(d.bus);
    j.at("unit").get_to(d.unit);
    j.at("serial").get_to(d.serial);
    j.at("model").get_to(d.model);
    j.at("version").get_to(d.version);
    j.at("wwn").get_to(d.wwn);
    j.at("cylinders").get_to(d.cylinders);
    j.at("heads").get_to(d.heads);
    j.at("sectors").get_to(d.sectors);
    j.at("read_only").get_to(d.read_only);
    j.at("discard").get_to(d.discard);
    j.at("detect_zeroes").get_to(d.detect_zeroes);
    d.on_read_error = action_from(j, "rerror", "ignore_read_errors");
    d.on_write_error = action_from(j, "werror", "ignore_write_errors");
    j.at("file").get_to(d.file);
    j.at("format").get_to(d.format);
    j.at("offset").get_to(d.offset);
    j.at("size").get_to(d.size);
    j.at("disk_size").get_to(d.disk_size);
    j.at("no_backing").get_to(d.no_backing);
    j.at("snapshot").get_to(d.snapshot);
    if (j.contains("boot_index")) d.boot_index = j.at("boot_index").get<uint32_t>();
    if (j.contains("slot")) d.slot = j.at("slot").get<unsigned>();
    if (j.contains("modern_only")) j.at("modern_only").get_to(d.modern_only);
    if (j.contains("floppy_type")) j.at("floppy_type").get_to(d.floppy_type);
    if (j.contains("node")) j.at("node").get_to(d.node);
    if (j.contains("storage_node")) j.at("storage_node").get_to(d.storage_node);
    if (j.contains("storage_alone")) j.at("storage_alone").get_to(d.storage_alone);
    return d;
}

// What the guest sees of a drive, but for what is on the medium.
std::string seen_of(const DriveConfig& d) {
    json j = drive_json(d);
    for (const char* hidden : {"id", "file", "format", "offset", "size", "disk_size", "no_backing", "node", "storage_node",
                               "storage_alone", "snapshot", "rerror", "werror"})
        j.erase(hidden);
    j["medium"] = !d.file.empty();
    return j.dump();
}

// "a.b: given X, recorded Y"
Error conflict(std::string_view option, std::string_view given, std::string_view recorded) {
    return Error{fmt::format("-{} {}: contradicts the recording, which was made with '{}': leave the "
                             "option out, or give what was recorded",
                             option, given, recorded)};
}

}  // namespace

uint64_t MachineConfig::start_rate() const {
    return uint64_t{1} << (32 + (auto_shift ? 0 : shift));
}

std::string MachineConfig::to_json() const {
    json devices_json = json::array(), drives_json = json::array();
    for (const DriveConfig& d : drives) drives_json.push_back(drive_json(d));
    for (const ExtraDevice& d : devices) devices_json.push_back(device_json(d));
    json j = {
        {"machine", machine},       {"cpu", cpu},
        {"ram_size", ram_size},     {"vga", vga},
        {"hpet", hpet},             {"vmport", vmport},
                   {"serial", serial},
        {"parallel", parallel},     {"devices", devices_json},
        {"append", append},         {"uuid", uuid},
        {"boot_menu", boot_menu},   {"nographic", nographic},
        {"boot_order", boot_order}, {"boot_once", boot_once},
        {"drives", drives_json},
        {"rtc_epoch", rtc_epoch},   {"rtc_clock", rtc_clock},
        {"random_seed", random_seed},
        {"auto_shift", auto_shift}, {"shift", shift},
        {"sleep", sleep},           {"digest_ms", digest_ms},
        {"no_reboot", no_reboot},   {"no_shutdown", no_shutdown},
    };
    // What most machines haven't.
    if (boot_strict) j["boot_strict"] = true;
    if (splash_time) j["splash_time"] = *splash_time;
    if (reboot_timeout) j["reboot_timeout"] = *reboot_timeout;
    if (rtc_slew) j["rtc_slew"] = true;
    // Text that isn't UTF-8 (a kernel command line may be anything) must not stop a recording.
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<MachineConfig> MachineConfig::from_json(const std::string& text) {
    try {
        const json j = json::parse(text);
        MachineConfig c;
        j.at("machine").get_to(c.machine);
        j.at("cpu").get_to(c.cpu);
        j.at("ram_size").get_to(c.ram_size);
        j.at("vga").get_to(c.vga);
        j.at("hpet").get_to(c.hpet);
        c.vmport = j.value("vmport", false);  // there was none
        j.at("serial").get_to(c.serial);
        j.at("parallel").get_to(c.parallel);
        for (const json& d : j.at("devices")) {
            ExtraDevice device;
            d.at("driver").get_to(device.driver);
            d.at("iobase").get_to(device.iobase);
            d.at("iosize").get_to(device.iosize);
            d.at("readback").get_to(device.readback);
            c.devices.push_back(device);
        }
        j.at("append").get_to(c.append);
        j.at("uuid").get_to(c.uuid);
        j.at("boot_menu").get_to(c.boot_menu);
        // Recordings of before there were disks haven't these.
        if (j.contains("boot_order")) j.at("boot_order").get_to(c.boot_order);
        if (j.contains("boot_once")) j.at("boot_once").get_to(c.boot_once);
        c.boot_strict = j.value("boot_strict", false);
        if (j.contains("splash_time")) c.splash_time = j.at("splash_time").get<uint16_t>();
        if (j.contains("reboot_timeout")) c.reboot_timeout = j.at("reboot_timeout").get<uint16_t>();
        c.rtc_clock = j.value("rtc_clock", "vm");  // as it was
        c.rtc_slew = j.value("rtc_slew", false);
        if (j.contains("drives")) {
            for (const json& d : j.at("drives")) c.drives.push_back(drive_from(d));
        }
        j.at("nographic").get_to(c.nographic);
        j.at("rtc_epoch").get_to(c.rtc_epoch);
        j.at("random_seed").get_to(c.random_seed);
        j.at("auto_shift").get_to(c.auto_shift);
        j.at("shift").get_to(c.shift);
        j.at("sleep").get_to(c.sleep);
        j.at("digest_ms").get_to(c.digest_ms);
        j.at("no_reboot").get_to(c.no_reboot);
        j.at("no_shutdown").get_to(c.no_shutdown);
        const bool clock_known = c.rtc_clock == "host" || c.rtc_clock == "rt" || c.rtc_clock == "vm";
        const bool possible = clock_known && c.machine == "pc" && c.ram_size >= (1 << 20) &&
                              c.ram_size <= (uint64_t{60} << 30) && c.ram_size % 8192 == 0 &&
                              c.parallel <= 3 && c.shift <= 10 && c.digest_ms > 0 &&
                              c.devices.size() <= 64 && c.drives.size() <= 64 && c.boot_order.size() <= 3 &&
                              c.boot_once.size() <= 3;
        if (!possible) return Error{"the recorded machine's description has a value out of range"};
        return c;
    } catch (const json::exception& e) {
        return Error{fmt::format("the recorded machine's description can't be read: {}", e.what())};
    }
}

Result<MachineConfig> expand(const Options& o, int64_t host_utc, int64_t host_local) {
    MachineConfig c;
    c.machine = o.machine;
    c.cpu = o.cpu;
    c.ram_size = o.ram_size;
    c.vga = !o.vga.empty() ? o.vga : o.no_defaults ? "none" : "std";
    c.hpet = o.hpet;
    c.vmport = o.vmport;
    const bool has_default = !o.no_defaults && o.serials.empty();
    c.serial[0] = has_default;
    for (size_t i = 0; i < o.serials.size(); ++i) c.serial[i] = o.serials[i] != "none";
    c.parallel = 0;
    for (const std::string& p : o.parallels) c.parallel += p != "none";
    if (o.parallels.empty() && !o.no_defaults) c.parallel = 1;
    for (const DeviceOption& d : o.devices) {
        auto device = expand_device(d);
        if (!device) return device.error();
        c.devices.push_back(*device);
    }
    c.append = o.append;
    c.uuid = o.uuid;
    c.boot_menu = o.boot_menu;
    c.boot_order = o.boot_order;
    c.boot_once = o.boot_once;
    c.boot_strict = o.boot_strict;
    c.splash_time = o.splash_time;
    c.reboot_timeout = o.reboot_timeout;
    c.drives = o.drives;
    c.nographic = o.nographic;
    if (o.rtc_base == "utc") {
        c.rtc_epoch = host_utc;
    } else if (o.rtc_base == "localtime") {
        c.rtc_epoch = host_local;
    } else if (const auto date = parse_date(o.rtc_base)) {
        c.rtc_epoch = *date;
    } else {
        return Error{fmt::format("-rtc base={}: invalid datetime format; valid formats: utc, localtime, "
                                 "'2006-06-17T16:01:21' or '2006-06-17'",
                                 o.rtc_base)};
    }
    c.auto_shift = o.icount.auto_shift;
    c.shift = o.icount.shift;
    c.sleep = o.icount.sleep;
    // Where virtual time goes its own way, the RTC goes with it.
    const bool follows_host = c.auto_shift && c.sleep;
    c.rtc_clock = !o.rtc_clock.empty() ? o.rtc_clock : follows_host ? "host" : "vm";
    if (c.rtc_clock != "vm" && !follows_host) {
        return Error{fmt::format("-rtc clock={}: with {} virtual time doesn't follow the host's: expected clock=vm, or "
                                 "-icount shift=auto,sleep=on",
                                 c.rtc_clock, c.auto_shift ? "sleep=off" : "a fixed shift")};
    }
    c.rtc_slew = o.rtc_slew.value_or(false);
    c.digest_ms = o.icount.digest_ms;
    c.no_reboot = o.no_reboot;
    c.no_shutdown = o.no_shutdown;
    return c;
}

Result<void> check_against(const Options& o, const MachineConfig& recorded,
                           const std::function<Result<std::vector<uint8_t>>(const std::string&)>& kept) {
    auto expanded = expand(o, recorded.rtc_epoch, recorded.rtc_epoch);
    if (!expanded) return expanded.error();
    const MachineConfig& c = *expanded;
    const auto given = [&](const char* name) { return o.given.contains(name); };
    const auto yes_no = [](bool b) { return b ? "on" : "off"; };

    if (given("m") && c.ram_size != recorded.ram_size)
        return conflict("m", o.given.at("m"), fmt::format("{}M", recorded.ram_size >> 20));
    if (given("cpu") && c.cpu != recorded.cpu) return conflict("cpu", c.cpu, recorded.cpu);
    if (given("vga") && c.vga != recorded.vga) return conflict("vga", c.vga, recorded.vga);
    if (given("machine") && c.vmport != recorded.vmport)
        return conflict("machine", fmt::format("vmport={}", yes_no(c.vmport)),
                        fmt::format("vmport={}", yes_no(recorded.vmport)));
    if ((given("machine") || given("no-hpet")) && c.hpet != recorded.hpet)
        return conflict("machine", fmt::format("hpet={}", yes_no(c.hpet)),
                        fmt::format("hpet={}", yes_no(recorded.hpet)));
    if (given("append") && c.append != recorded.append)
        return conflict("append", fmt::format("'{}'", c.append), recorded.append);
    if (given("uuid") && c.uuid != recorded.uuid) return conflict("uuid", c.uuid, recorded.uuid);
    if (given("rtc") && c.rtc_epoch != recorded.rtc_epoch)
        return conflict("rtc", o.given.at("rtc"), fmt::format("{} seconds since 1970", recorded.rtc_epoch));
    if (!o.rtc_clock.empty() && c.rtc_clock != recorded.rtc_clock)
        return conflict("rtc", "clock=" + o.rtc_clock, "clock=" + recorded.rtc_clock);
    if (o.rtc_slew && c.rtc_slew != recorded.rtc_slew)
        return conflict("rtc", c.rtc_slew ? "driftfix=slew" : "driftfix=none",
                        recorded.rtc_slew ? "driftfix=slew" : "driftfix=none");
    const auto ms = [](const std::optional<uint16_t>& v) { return v ? std::to_string(*v) : std::string("none"); };
    if (given("boot") && c.boot_strict != recorded.boot_strict)
        return conflict("boot", fmt::format("strict={}", yes_no(c.boot_strict)),
                        fmt::format("strict={}", yes_no(recorded.boot_strict)));
    if (given("boot") && c.splash_time != recorded.splash_time)
        return conflict("boot", "splash-time=" + ms(c.splash_time), "splash-time=" + ms(recorded.splash_time));
    if (given("boot") && c.reboot_timeout != recorded.reboot_timeout)
        return conflict("boot", "reboot-timeout=" + ms(c.reboot_timeout), "reboot-timeout=" + ms(recorded.reboot_timeout));
    if (given("boot") && c.boot_menu != recorded.boot_menu)
        return conflict("boot", fmt::format("menu={}", yes_no(c.boot_menu)),
                        fmt::format("menu={}", yes_no(recorded.boot_menu)));
    if (given("serial") || given("nodefaults")) {
        const auto list = [](const std::array<bool, 4>& ports) {
            std::string text;
            for (size_t i = 0; i < ports.size(); ++i)
                if (ports[i]) text += fmt::format("{}COM{}", text.empty() ? "" : " ", i + 1);
            return text.empty() ? std::string("no serial port") : text;
        };
        if (c.serial != recorded.serial) return conflict("serial", list(c.serial), list(recorded.serial));
    }
    if ((given("parallel") || given("nodefaults")) && c.parallel != recorded.parallel)
        return conflict("parallel", fmt::format("{} parallel port(s)", c.parallel),
                        fmt::format("{} parallel port(s)", recorded.parallel));
    if (given("device") || given("debugcon")) {
        for (const ExtraDevice& d : c.devices) {
            bool found = false;
            for (const ExtraDevice& r : recorded.devices) found |= device_json(d) == device_json(r);
            if (found) continue;
            std::string all;
            for (const ExtraDevice& r : recorded.devices) all += (all.empty() ? "" : ", ") + device_json(r).dump();
            return conflict("device", device_json(d).dump(), all.empty() ? "no such device" : all);
        }
    }
    for (const DriveConfig& d : o.drives) {
        if (d.given.empty()) continue;  // one that nobody asked for
        const auto then = std::ranges::find_if(recorded.drives, [&](const DriveConfig& r) {
            return r.device == d.device && r.bus == d.bus && r.unit == d.unit;
        });
        if (then == recorded.drives.end() || seen_of(*then) != seen_of(d)) {
            return Error{fmt::format("{}: contradicts the recording, which has {}: leave the option out, or give what was "
                                     "recorded",
                                     d.given, then == recorded.drives.end() ? "no drive there" : "there " + seen_of(*then))};
        }
    }
    if (given("boot") && c.boot_once != recorded.boot_once)
        return conflict("boot", fmt::format("once={}", c.boot_once), fmt::format("once={}", recorded.boot_once));
    if (given("boot") && c.boot_order != recorded.boot_order) return conflict("boot", c.boot_order, recorded.boot_order);
    if (o.icount.shift_given &&
        (o.icount.auto_shift != recorded.auto_shift || o.icount.shift != recorded.shift)) {
        const auto name = [](bool automatic, unsigned shift) {
            return automatic ? std::string("auto") : std::to_string(shift);
        };
        return conflict("icount", "shift=" + name(o.icount.auto_shift, o.icount.shift),
                        "shift=" + name(recorded.auto_shift, recorded.shift));
    }
    if (o.icount.sleep_given && c.sleep != recorded.sleep)
        return conflict("icount", fmt::format("sleep={}", yes_no(c.sleep)),
                        fmt::format("sleep={}", yes_no(recorded.sleep)));
    struct File {
        const char *option, *kept_as;
        const std::string& path;
    };
    for (const File& file : {File{"kernel", "kernel", o.kernel}, File{"initrd", "initrd", o.initrd},
                             File{"bios", "bios", o.bios}, File{"boot splash", "splash", o.splash}}) {
        if (file.path.empty()) continue;
        const auto now = read_file(file.path, uint64_t{1} << 31);
        if (!now) {
            return Error{fmt::format("-{} {}: {}; the recording has its own copy: leave the option out",
                                     file.option, file.path, now.error().message)};
        }
        const auto then = kept(file.kept_as);
        if (!then) return then.error();
        if (*now == *then) continue;
        return conflict(file.option, fmt::format("'{}' ({} bytes)", file.path, now->size()),
                        then->empty() ? std::string("none")
                                      : fmt::format("another file of {} bytes", then->size()));
    }
    return {};
}

Result<void> check_same_hardware(const MachineConfig& here, const MachineConfig& snapshot) {
    const auto differs = [](std::string_view what, const std::string& then, const std::string& now) {
        return Error{fmt::format("the snapshot is of another machine: it has {}{}, and this one has {}", what, then, now)};
    };
    const auto yes_no = [](bool b) { return std::string(b ? "on" : "off"); };
    const auto all = [](const MachineConfig& c) {
        std::string text;
        for (const ExtraDevice& d : c.devices) text += (text.empty() ? "" : ", ") + device_json(d).dump();
        return text.empty() ? std::string("none") : text;
    };
    const auto serials = [](const MachineConfig& c) {
        std::string text;
        for (const bool there : c.serial) text += there ? '1' : '0';
        return text;
    };
    struct Row {
        std::string_view what;
        std::string then, now;
    };
    const Row rows[] = {
        {"-m ", fmt::format("{}M", snapshot.ram_size >> 20), fmt::format("{}M", here.ram_size >> 20)},
        {"-cpu ", snapshot.cpu, here.cpu},
        {"-vga ", snapshot.vga, here.vga},
        {"hpet=", yes_no(snapshot.hpet), yes_no(here.hpet)},
        {"vmport=", yes_no(snapshot.vmport), yes_no(here.vmport)},
        {"serial ports (COM1 to COM4) ", serials(snapshot), serials(here)},
        {"parallel ports: ", std::to_string(snapshot.parallel), std::to_string(here.parallel)},
        {"other devices: ", all(snapshot), all(here)},
    };
    for (const Row& row : rows)
        if (row.then != row.now) return differs(row.what, row.then, row.now);
    // Wherever the media come from; and in drives for changing ones there may be another by now.
    const auto drive_text = [](const DriveConfig& d) {
        json j = json::parse(seen_of(d));
        j["id"] = d.id;
        if (d.removable()) j.erase("medium");
        return j.dump();
    };
    for (size_t i = 0; i < std::max(here.drives.size(), snapshot.drives.size()); ++i) {
        const auto text = [&](const MachineConfig& c) {
            return i < c.drives.size() ? drive_text(c.drives[i]) : std::string("no more drives");
        };
        if (text(snapshot) != text(here)) return differs("", text(snapshot), text(here));
    }
    return {};
}

Result<std::vector<uint8_t>> read_file(const std::string& path, uint64_t limit) {
    // Looked at before it is opened: that would wait for a FIFO's other end.
    std::error_code error;
    const auto kind = std::filesystem::status(path, error).type();
    if (error) return Error{error.message()};
    if (kind == std::filesystem::file_type::not_found) return Error{std::strerror(ENOENT)};
    if (kind != std::filesystem::file_type::regular) return Error{"it isn't a regular file"};
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) return Error{std::strerror(errno)};
    const auto size = in.tellg();
    if (size < 0) return Error{"it can't be read"};
    if (static_cast<uint64_t>(size) > limit)
        return Error{fmt::format("it has {} bytes: at most {} are possible",
                                 static_cast<uint64_t>(size), limit)};
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    in.seekg(0);
    if (!in.read(reinterpret_cast<char*>(bytes.data()), size)) return Error{"it can't be read"};
    return bytes;
}

}  // namespace qr
