// SPDX-License-Identifier: GPL-2.0-or-later
//
// Disk options; see drive_options.h. Source: qemu-system-i386(1); messages as QEMU 7.2 was seen to write them.
//
// Longer than most: -drive, -blockdev, -device and the short forms name the same drives, and each is checked against the others.
#include "block/drive_options.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "block/block_node.h"
#include "util/keyval.h"

namespace qr {

namespace {

// Interfaces: how many units a bus has (0: one bus without end), and how many buses this machine has.
struct Interface {
    std::string_view name;
    int units, buses;
    std::string_view device;  // what if= makes; empty: nothing by itself
};
constexpr Interface kInterfaces[] = {
    {"ide", 2, 2, "ide-hd"}, {"floppy", 0, 2, "floppy"}, {"virtio", 0, 64, "virtio-blk-pci"}, {"none", 0, 1 << 20, ""},
};
constexpr std::string_view kOtherInterfaces[] = {"scsi", "sd", "mtd", "pflash", "xen"};
constexpr unsigned kDeepest = 8;

const Interface* find_interface(const std::string& name) {
    const auto found = std::ranges::find(kInterfaces, name, &Interface::name);
    return found == std::end(kInterfaces) ? nullptr : found;
}

bool is_identifier(const std::string& id) {
    const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_'; };
    return !id.empty() && std::isalpha(static_cast<unsigned char>(id[0])) && std::ranges::all_of(id, good);
}

Result<int> number(const std::string& key, const std::string& text) {
    const auto value = parse_size(text);
    if (!value || *value > 1 << 20) return Error{fmt::format("Parameter '{}' expects a number", key)};
    return static_cast<int>(*value);
}

Result<bool> yes_no(const std::string& key, const std::string& text) {
    if (text == "on" || text == "yes" || text == "true" || text == "y") return true;
    if (text == "off" || text == "no" || text == "false" || text == "n") return false;
    return Error{fmt::format("Parameter '{}' expects 'on' or 'off'", key)};
}

struct CacheMode {
    std::string_view name;
    bool direct, no_flush, write_through;
};
constexpr CacheMode kCacheModes[] = {
    {"writeback", false, false, false}, {"none", true, false, false}, {"off", true, false, false},
    {"writethrough", false, false, true}, {"directsync", true, false, true}, {"unsafe", false, true, false},
};

Result<void> set_cache(const std::string& mode, DriveConfig& d) {
    const auto found = std::ranges::find(kCacheModes, mode, &CacheMode::name);
    if (found == std::end(kCacheModes)) return Error{"invalid cache option"};
    d.direct = found->direct;
    d.no_flush = found->no_flush;
    d.write_through = found->write_through;
    return {};
}

// -drive's.
Result<void> set_error_action(bool write, const std::string& name, DriveConfig& d) {
    const auto action = parse_error_action(name);
    if (!action || (!write && *action == ErrorAction::kEnospc))
        return Error{fmt::format("'{}' invalid {} error action", name, write ? "write" : "read")};
    (write ? d.on_write_error : d.on_read_error) = *action;
    return {};
}

bool is_throttling(const std::string& key) {
    return key.starts_with("throttling.") || key.starts_with("bps") || key.starts_with("iops");
}

Result<void> check_node_name(const std::string& name) {
    constexpr size_t kLongest = 31;
    if (!is_identifier(name)) return Error{fmt::format("Invalid node-name: '{}'", name)};
    if (name.size() > kLongest) return Error{"Node name too long"};
    return {};
}

// Options that drives and nodes have in common. True: it was one.
Result<bool> set_common(const std::string& key, const std::string& value, DriveConfig& d) {
    const auto flag = [&](bool& field, bool inverted = false) -> Result<bool> {
        const auto on = yes_no(key, value);
        if (!on) return on.error();
        field = *on != inverted;
        return true;
    };
    if (key == "read-only" || key == "readonly") return flag(d.read_only);
    if (key == "cache.direct") return flag(d.direct);
    if (key == "cache.no-flush") return flag(d.no_flush);
    if (key == "cache.writeback") return flag(d.write_through, true);
    if (key == "discard") {
        if (value != "ignore" && value != "off" && value != "unmap" && value != "on") return Error{"Invalid discard option"};
        d.discard = value == "unmap" || value == "on";
        return true;
    }
    if (key == "detect-zeroes") {
        if (value != "off" && value != "on" && value != "unmap") return Error{fmt::format("invalid parameter value: {}", value)};
        if (value == "unmap" && !d.discard)
            return Error{"setting detect-zeroes to unmap is not allowed without setting discard operation to unmap"};
        d.detect_zeroes = value != "off";
        return true;
    }
    if (key == "aio") {
        if (value != "threads" && value != "native" && value != "io_uring") return Error{"invalid aio option"};
        return true;  // a drive has a thread of its own; the guest can't tell
    }
    if (key == "auto-read-only" || key == "locking" || key == "force-share" || key == "copy-on-read") {
        if (key == "copy-on-read" && value != "off") return Error{"copy-on-read isn't supported: expected off"};
        return true;
    }
    if (is_throttling(key)) return Error{fmt::format("throttling isn't supported: leave out '{}'", key)};
    return false;
}

}  // namespace

ImageSpec DriveConfig::image_spec() const {
    ImageSpec spec;
    spec.file = file;
    spec.format = format;
    spec.read_only = read_only;
    spec.direct = direct;
    spec.no_flush = no_flush;
    spec.write_through = write_through;
    spec.offset = offset;
    spec.size = size;
    spec.no_backing = no_backing;
    return spec;
}

// --- -drive and its short forms ---

Result<void> DriveOptions::add_wanted(Wanted w) {
    const Interface& interface = *find_interface(w.interface);
    int bus = std::max(w.bus, 0), unit = w.unit;
    if (w.index >= 0) {
        if (w.bus > 0 || w.unit >= 0) return Error{"index cannot be used with bus and unit"};
        bus = interface.units ? w.index / interface.units : 0;
        unit = interface.units ? w.index % interface.units : w.index;
    }
    const auto taken = [&](int b, int u) {
        return std::ranges::any_of(drives_, [&](const Wanted& other) {
            return other.interface == w.interface && other.bus == b && other.unit == u;
        });
    };
    if (unit < 0) {
        for (unit = 0; taken(bus, unit); ++unit) {
            if (interface.units && unit + 1 == interface.units) unit = -1, ++bus;
        }
    }
    if (interface.units && unit >= interface.units) return Error{fmt::format("unit {} too big (max is {})", unit, interface.units - 1)};
    if (taken(bus, unit))
        return Error{fmt::format("drive with bus={}, unit={} (index={}) exists", bus, unit,
                                 interface.units ? bus * interface.units + unit : unit)};
    if (interface.units ? bus >= interface.buses : bus > 0 || unit >= interface.buses)
        return Error{fmt::format("machine type does not support if={},bus={},unit={}", w.interface, bus, unit)};
    w.bus = bus;
    w.unit = unit;
    DriveConfig& d = w.drive;
    if (d.id.empty()) {
        d.id = interface.units ? fmt::format("{}{}-{}{}", w.interface, bus, w.cdrom ? "cd" : "hd", unit)
                               : fmt::format("{}{}{}", w.interface, w.cdrom ? "-cd" : "", unit);
    }
    if (std::ranges::any_of(drives_, [&](const Wanted& o) { return o.drive.id == d.id; }) || nodes_.contains(d.id))
        return Error{fmt::format("Duplicate ID '{}' for drive", d.id)};
    // Drives and nodes are found by one kind of name.
    const auto node_of = [](const Wanted& o) { return o.drive.node; };
    if (d.node == d.id || std::ranges::find(drives_, d.id, node_of) != drives_.end())
        return Error{fmt::format("Device name '{}' conflicts with an existing node name", d.id)};
    if (!d.node.empty() && (nodes_.contains(d.node) || std::ranges::find(drives_, d.node, node_of) != drives_.end()))
        return Error{fmt::format("Duplicate nodes with node-name='{}'", d.node)};
    if (!d.node.empty() && std::ranges::any_of(drives_, [&](const Wanted& o) { return o.drive.id == d.node; }))
        return Error{fmt::format("node-name={} is conflicting with a device id", d.node)};
    d.device = w.cdrom && w.interface == "ide" ? "ide-cd" : interface.device;
    d.bus = static_cast<unsigned>(bus);
    d.unit = static_cast<unsigned>(unit);
    if (w.cdrom) d.read_only = true;
    drives_.push_back(std::move(w));
    return {};
}

Result<void> DriveOptions::add_drive(const std::string& text) {
    KeyVal options = KeyVal::parse(text, "file");
    Wanted w;
    DriveConfig& d = w.drive;
    d.given = "-drive " + text;
    bool no_file = true, driver_given = false;
    std::string driver, node_name;
    Node node;
    for (const auto& [key, value] : options.pairs()) {
        Result<void> done;
        if (key == "file") {
            no_file = value.empty();
            if (no_file) return Error{"A block device must be specified for \"file\""};
            d.file = value;
        } else if (key == "if") {
            if (!find_interface(value)) {
                if (std::ranges::find(kOtherInterfaces, value) == std::end(kOtherInterfaces))
                    return Error{fmt::format("unsupported bus type '{}'", value)};
                return Error{fmt::format("if={} isn't supported by this machine: expected ide, floppy, virtio or none", value)};
            }
            w.interface = value;
        } else if (key == "index" || key == "bus" || key == "unit") {
            const auto n = number(key, value);
            if (!n) return n.error();
            (key == "index" ? w.index : key == "bus" ? w.bus : w.unit) = *n;
        } else if (key == "media") {
            if (value != "disk" && value != "cdrom") return Error{fmt::format("'{}' invalid media", value)};
            w.cdrom = value == "cdrom";
        } else if (key == "format" || key == "driver") {
            if (!driver.empty() && driver_given != (key == "driver")) return Error{"Cannot specify both 'driver' and 'format'"};
            driver_given = key == "driver";
            driver = value;
        } else if (key == "id" || key == "node-name") {
            if (key == "node-name") {
                done = check_node_name(value);
                node_name = value;
            } else if (is_identifier(value)) {
                d.id = value;
            } else {
                return Error{fmt::format("Parameter '{}' expects an identifier", key)};
            }
        } else if (key == "snapshot") {
            const auto on = yes_no(key, value);
            if (!on) return on.error();
            d.snapshot = *on;
        } else if (key == "cache") {
            done = set_cache(value, d);
        } else if (key == "serial") {
            d.serial = value;
        } else if (key == "werror" || key == "rerror") {
            done = set_error_action(key == "werror", value, d);
        } else if (key == "image") {
            w.image = value;
        } else if (key.starts_with("file.") || key == "offset" || key == "size") {
            node[key] = value;
        } else {
            const auto common = set_common(key, value, d);
            if (!common) return common.error();
            if (!*common) return Error{fmt::format("Block format '{}' does not support the option '{}'", driver.empty() ? "raw" : driver, key)};
        }
        if (!done) return done.error();
    }
    for (const char* key : {"werror", "rerror"})
        if (w.interface == "floppy" && options.has(key)) return Error{fmt::format("{} is not supported by this bus type", key)};
    if (driver == "blkreplay") {
        if (w.image.empty()) return Error{"Parameter 'image' is missing"};
    } else {
        if (!driver.empty() && driver != "raw" && driver != "qcow2" && driver != "file" && driver != "nbd" && driver != "host_device")
            return Error{fmt::format("Unknown driver '{}'", driver)};
        if (!node.empty()) {
            if (!d.file.empty() && node.contains("file.filename")) return Error{"Cannot specify both 'file' and 'file.filename'"};
            node["driver"] = driver.empty() ? "raw" : driver;
            if (!d.file.empty()) node["file.driver"] = "file", node["file.filename"] = d.file;
            if (auto filled = fill_from_node(node, "", 0, d); !filled) return filled.error();
            if (driver.empty() && !node.contains("offset") && !node.contains("size")) d.format.clear();
        } else {
            d.storage_alone = driver == "file" || driver == "host_device" || driver == "nbd";
            d.format = driver == "file" || driver == "host_device" ? "raw" : driver;
        }
        if (d.file.empty() && (!driver.empty() || d.snapshot)) return Error{"A block device must be specified for \"file\""};
    }
    d.node = node_name;
    return add_wanted(std::move(w));
}

Result<void> DriveOptions::add_image(const std::string& option, const std::string& file) {
    Wanted w;
    w.drive.given = fmt::format("-{} {}", option, file);
    w.drive.file = file;
    if (option == "cdrom") {
        w.index = 2;
        w.cdrom = true;
    } else {
        if (option[0] == 'f') w.interface = "floppy";
        w.index = option.back() - 'a';
    }
    return add_wanted(std::move(w));
}

// --- -blockdev ---

Result<void> DriveOptions::add_blockdev(const std::string& text) {
    auto node = parse_block_node(text);
    if (!node) return node.error();
    const std::string driver = (*node)["driver"];
    if (driver.empty()) return Error{"Parameter 'driver' is missing"};
    DriveConfig tried;
    // All is known of a node when it is defined: its children were before.
    if (auto good = fill_from_node(*node, "", 0, tried); !good) return good.error();
    const auto name = node->find("node-name");
    if (name == node->end()) return Error{"'node-name' must be specified for the root node"};
    const bool taken = std::ranges::any_of(drives_, [&](const Wanted& w) { return w.drive.node == name->second; });
    if (taken || nodes_.contains(name->second)) return Error{fmt::format("Duplicate nodes with node-name='{}'", name->second)};
    const std::string key = name->second;
    nodes_[key] = std::move(*node);
    return {};
}

// What a node, with the children below it, means for a drive's medium.
Result<void> DriveOptions::fill_from_node(const Node& node, const std::string& prefix, unsigned depth, DriveConfig& d) const {
    if (depth > kDeepest) return Error{"block nodes refer to each other in a loop"};
    const auto get = [&](const std::string& key) -> std::optional<std::string> {
        const auto found = node.find(prefix + key);
        return found == node.end() ? std::nullopt : std::optional(found->second);
    };
    if (const auto name = get("node-name")) {
        if (auto good = check_node_name(*name); !good) return good;
    }
    const std::string driver = get("driver").value_or("file");
    const auto child = [&](const std::string& key) -> Result<void> {
        if (const auto name = get(key)) {
            const auto found = nodes_.find(*name);
            if (found == nodes_.end())
                return Error{fmt::format("Cannot find device='{}' nor node-name='{}'", *name, *name)};
            return fill_from_node(found->second, "", depth + 1, d);
        }
        const bool inline_node = std::ranges::any_of(node, [&](const auto& o) { return o.first.starts_with(prefix + key + "."); });
        if (!inline_node) return Error{fmt::format("A block device must be specified for \"{}\"", key)};
        return fill_from_node(node, prefix + key + ".", depth + 1, d);
    };
    std::set<std::string> known = {"driver", "node-name"};
    if (driver == "file" || driver == "host_device" || driver == "host_cdrom") {
        known.insert({"filename"});
        const auto name = get("filename");
        if (!name) return Error{fmt::format("Parameter '{}filename' is missing", prefix)};
        d.file = *name;
        d.format = "raw";
        d.node = get("node-name").value_or("");
        d.storage_alone = true;
    } else if (driver == "nbd") {
        known.insert({"server.type", "server.host", "server.port", "server.path", "path", "host", "port", "export", "tls-creds"});
        if (get("tls-creds")) return Error{"nbd with TLS isn't supported: leave out 'tls-creds'"};
        const std::string path = get("server.path").value_or(get("path").value_or("")), name = get("export").value_or("");
        const std::string host = get("server.host").value_or(get("host").value_or(""));
        if (path.empty() == host.empty()) return Error{"nbd needs either a host or a socket: expected server.type=inet|unix and server.host or server.path"};
        d.file = path.empty() ? fmt::format("nbd://{}:{}/{}", host, get("server.port").value_or(get("port").value_or("10809")), name)
                              : fmt::format("nbd+unix:///{}?socket={}", name, path);
        d.format = "raw";
        d.node = get("node-name").value_or("");
        d.storage_alone = true;
    } else if (driver == "raw" || driver == "qcow2") {
        known.insert({"file", "offset", "size", "backing", "lazy-refcounts", "pass-discard-request", "pass-discard-snapshot",
                      "pass-discard-other", "overlap-check", "cache-size", "l2-cache-size", "refcount-cache-size",
                      "cache-clean-interval"});
        if (auto below = child("file"); !below) return below.error();
        d.format = driver;
        d.storage_node = d.node;
        d.node = get("node-name").value_or("");
        d.storage_alone = false;
        for (const auto& [key, field] : {std::pair{"offset", &d.offset}, {"size", &d.size}}) {
            const auto text = get(key);
            if (!text) continue;
            const auto value = parse_size(*text);
            if (driver != "raw") return Error{fmt::format("Parameter '{}' is unexpected", key)};
            if (!value || *value % 512) return Error{fmt::format("Parameter '{}' expects a multiple of 512", key)};
            *field = *value;
        }
        if (const auto backing = get("backing")) {
            if (!backing->empty()) return Error{"another backing file than the image's own isn't supported: leave out 'backing'"};
            d.no_backing = true;
        }
    } else if (driver == "blkreplay") {
        known.insert({"image"});
        if (auto below = child("image"); !below) return below.error();
        if (const auto name = get("node-name")) d.node = *name;
    } else {
        return Error{fmt::format("Parameter 'driver' does not accept value '{}'", driver)};
    }
    for (const auto& [key, value] : node) {
        if (!key.starts_with(prefix)) continue;
        const std::string name = key.substr(prefix.size());
        const bool of_child = name.starts_with("file.") || name.starts_with("image.");
        if (known.contains(name) || (of_child && known.contains(name.substr(0, name.find('.'))))) continue;
        if (prefix.empty() && (name == "offset" || name == "size")) continue;
        const auto common = set_common(name, value, d);
        if (!common) return common.error();
        if (!*common) return Error{fmt::format("Parameter '{}' is unexpected", key)};
    }
    return {};
}

// --- -device ---

bool DriveOptions::is_drive_device(const std::string& driver) {
    return driver == "ide-hd" || driver == "ide-cd" || driver == "floppy" || driver == "virtio-blk-pci" ||
           driver == "virtio-blk-pci-non-transitional" || driver == "virtio-blk-pci-transitional" || driver == "virtio-blk";
}

Result<void> DriveOptions::add_device(const std::string& given, const std::string& driver, const Properties& properties) {
    devices_.push_back({given, driver, properties});
    return {};
}

Result<void> DriveOptions::place_ide(DriveConfig& d, const std::string& bus_name, int unit,
                                     const std::vector<DriveConfig>& all) const {
    // As QEMU 7.2: who names no bus means the second one, also when that is full.
    unsigned bus = 1;
    if (!bus_name.empty()) {
        const bool ide = bus_name.size() == 5 && bus_name.starts_with("ide.") && bus_name[4] >= '0' && bus_name[4] <= '1';
        if (!ide) return Error{fmt::format("Bus '{}' not found", bus_name)};
        bus = static_cast<unsigned>(bus_name[4] - '0');
    }
    const auto taken = [&](unsigned u) {
        return std::ranges::any_of(all, [&](const DriveConfig& o) {
            return o.device.starts_with("ide-") && o.bus == bus && o.unit == u;
        });
    };
    if (unit > 1) return Error{fmt::format("Can't create IDE unit {}, bus supports only 2 units", unit)};
    d.bus = bus;
    d.unit = unit >= 0 ? static_cast<unsigned>(unit) : taken(0) ? 1 : 0;
    if (taken(d.unit))
        return Error{fmt::format("IDE unit {} is in use{}", d.unit,
                                 bus_name.empty() ? ": the device goes to ide.1 unless bus=ide.0 is given" : "")};
    return {};
}

Result<void> DriveOptions::attach(const Device& device, std::vector<DriveConfig>& all, std::vector<Wanted>& unattached) const {
    DriveConfig d;
    std::string drive_name, device_id, bus_name;
    int unit = -1;
    struct Property {
        std::string_view name;
        std::string DriveConfig::*text;
    };
    constexpr Property kTexts[] = {{"serial", &DriveConfig::serial}, {"model", &DriveConfig::model}, {"ver", &DriveConfig::version}};
    DriveConfig set;
    std::optional<ErrorAction> on_read_error, on_write_error;  // nothing: the drive's
    std::set<std::string> seen;
    const bool virtio = device.driver.starts_with("virtio-blk");
    for (const auto& [key, value] : device.properties) {
        seen.insert(key);
        const auto text = std::ranges::find(kTexts, key, &Property::name);
        if (text != std::end(kTexts)) {
            set.*(text->text) = value;
        } else if (key == "drive") {
            drive_name = value;
        } else if (key == "id") {
            device_id = value;
        } else if (key == "bus") {
            bus_name = value;
        } else if ((key == "rerror" || key == "werror") && device.driver != "floppy") {
            const auto action = parse_error_action(value);
            if (!action && value != "auto") return Error{fmt::format("Parameter '{}' does not accept value '{}'", key, value)};
            (key == "werror" ? on_write_error : on_read_error) = action;
        } else if (key == "share-rw" || key == "write-cache" || key == "logical_block_size" || key == "physical_block_size") {
            const bool usual = value == "off" || value == "auto" || value == "512" || (key == "write-cache" && value == "on");
            if (!usual) return Error{fmt::format("{}.{}={} isn't supported: leave it out", device.driver, key, value)};
        } else if (key == "drive-type" && device.driver == "floppy") {
            if (value != "auto" && value != "144" && value != "288" && value != "120" && value != "none")
                return Error{fmt::format("Property 'floppy.drive-type' doesn't take value '{}': expected 120, 144, 288 or auto", value)};
            set.floppy_type = value == "auto" ? "" : value;
        } else if (key == "addr" && virtio) {
            const auto slot = parse_size(value.substr(0, value.find('.')).starts_with("0x") ? value.substr(0, value.find('.'))
                                                                                            : "0x" + value.substr(0, value.find('.')));
            if (!slot || *slot > 31 || (value.find('.') != std::string::npos && !value.ends_with(".0")))
                return Error{fmt::format("Property '{}.addr' doesn't take value '{}': expected a slot, 1 to 1f", device.driver, value)};
            set.slot = static_cast<unsigned>(*slot);
        } else if ((key == "disable-legacy" || key == "disable-modern") && virtio) {
            const auto on = value == "auto" ? Result<bool>(false) : yes_no(key, value);
            if (!on) return on.error();
            if (key == "disable-modern" && *on) return Error{"disable-modern=on isn't supported: leave it out"};
            if (key == "disable-legacy") set.modern_only = *on;
        } else if (key == "unit" || key == "bootindex" || key == "cyls" || key == "heads" || key == "secs" || key == "wwn") {
            const auto value_of = parse_size(value);
            const uint64_t most = key == "wwn" ? ~uint64_t{0} : key == "unit" || key == "bootindex" ? 0x7fffffff : 0xffff;
            if (!value_of || *value_of > most)
                return Error{fmt::format("Parameter '{}' expects a number", key)};
            const auto n = static_cast<uint32_t>(*value_of);
            if (key == "unit") unit = static_cast<int>(n);
            if (key == "bootindex") set.boot_index = n;
            if (key == "cyls") set.cylinders = n;
            if (key == "heads") set.heads = n;
            if (key == "secs") set.sectors = n;
            if (key == "wwn") set.wwn = *value_of;
        } else {
            return Error{fmt::format("Property '{}.{}' not found", device.driver, key)};
        }
    }
    if (drive_name.empty()) {
        if (virtio) return Error{"drive property not set"};
        if (device.driver == "ide-hd") return Error{"No drive specified"};
    } else if (const auto found = std::ranges::find(unattached, drive_name, [](const Wanted& w) { return w.drive.id; });
               found != unattached.end()) {
        d = found->drive;
        unattached.erase(found);
    } else if (std::ranges::any_of(all, [&](const DriveConfig& other) { return other.id == drive_name; })) {
        return Error{fmt::format("Drive '{}' is already in use by another device", drive_name)};
    } else if (const auto node = nodes_.find(drive_name); node != nodes_.end()) {
        if (auto done = fill_from_node(node->second, "", 0, d); !done) return done.error();
        d.id = drive_name;
        d.snapshot = snapshot_;
    } else {
        return Error{fmt::format("Property '{}.drive' can't find value '{}'", device.driver, drive_name)};
    }
    if (virtio || device.driver == "floppy") {
        const char* parent = virtio ? "pci." : "floppy-bus.";
        if (!bus_name.empty() && bus_name != std::string(parent) + "0") return Error{fmt::format("Bus '{}' not found", bus_name)};
        const std::string kind = virtio ? "virtio-blk-pci" : "floppy";
        const auto taken = [&](unsigned u) {
            return std::ranges::any_of(all, [&](const DriveConfig& o) { return o.device == kind && o.unit == u; });
        };
        d.bus = 0;
        d.unit = unit < 0 ? 0 : static_cast<unsigned>(unit);
        while (unit < 0 && taken(d.unit)) ++d.unit;
        if (!virtio && d.unit > 1) return Error{fmt::format("Can't create floppy unit {}, bus supports only 2 units", d.unit)};
        if (taken(d.unit)) return Error{fmt::format("Floppy unit {} is in use", d.unit)};
        if (virtio && d.file.empty()) return Error{"Device needs media, but drive is empty"};
        d.device = kind;
    } else {
        if (auto placed = place_ide(d, bus_name, unit, all); !placed) return placed.error();
        d.device = device.driver;
    }
    d.slot = set.slot;
    d.modern_only = set.modern_only || device.driver.ends_with("-non-transitional");
    d.floppy_type = set.floppy_type;
    if (d.cdrom()) d.read_only = true;
    if (d.id.empty())
        d.id = !device_id.empty() ? device_id : d.cdrom() ? fmt::format("ide{}-cd{}", d.bus, d.unit) : fmt::format("floppy{}", d.unit);
    if (seen.contains("serial")) d.serial = set.serial;
    d.model = set.model;
    d.version = set.version;
    d.wwn = set.wwn;
    d.cylinders = set.cylinders;
    d.heads = set.heads;
    d.sectors = set.sectors;
    d.boot_index = set.boot_index;
    d.on_read_error = on_read_error.value_or(d.on_read_error);
    d.on_write_error = on_write_error.value_or(d.on_write_error);
    if (d.device == "floppy") {
        if (d.on_read_error != ErrorAction::kReport) return Error{"fdc doesn't support drive option rerror"};
        if (d.on_write_error != ErrorAction::kReport && d.on_write_error != ErrorAction::kEnospc)
            return Error{"fdc doesn't support drive option werror"};
    }
    d.given = d.given.empty() ? device.given : d.given;
    all.push_back(std::move(d));
    return {};
}

Result<std::vector<DriveConfig>> DriveOptions::resolve(bool defaults) const {
    std::vector<DriveConfig> all;
    std::vector<Wanted> unattached;
    for (Wanted w : drives_) {
        if (snapshot_) w.drive.snapshot = true;
        if (!w.image.empty()) {
            // driver=blkreplay: the medium of another drive, or a node's.
            const auto other = std::ranges::find(drives_, w.image, [](const Wanted& o) { return o.drive.id; });
            DriveConfig medium;
            if (other != drives_.end() && other->interface == "none" && other->image.empty()) {
                medium = other->drive;
            } else if (const auto node = nodes_.find(w.image); node != nodes_.end()) {
                if (auto done = fill_from_node(node->second, "", 0, medium); !done)
                    return Error{w.drive.given + ": " + done.error().message};
            } else {
                return Error{fmt::format("{}: Cannot find device='{}' nor node-name='{}'", w.drive.given, w.image, w.image)};
            }
            DriveConfig d = medium;
            d.id = w.drive.id;
            d.given = w.drive.given;
            d.device = w.drive.device;
            d.bus = w.drive.bus;
            d.unit = w.drive.unit;
            d.snapshot = medium.snapshot || snapshot_;
            if (!w.drive.serial.empty()) d.serial = w.drive.serial;
            if (!w.drive.node.empty()) d.node = w.drive.node;
            std::erase_if(unattached, [&](const Wanted& o) { return o.drive.id == w.image; });
            w.drive = std::move(d);
        }
        if (w.interface == "none") {
            unattached.push_back(std::move(w));
            continue;
        }
        if (w.drive.device == "ide-hd" && w.drive.read_only) return Error{"Block node is read-only"};
        if ((w.drive.device == "ide-hd" || w.drive.device == "virtio-blk-pci") && w.drive.file.empty())
            return Error{w.drive.given + ": Device needs media, but drive is empty"};
        all.push_back(std::move(w.drive));
    }
    for (const Device& device : devices_) {
        if (auto done = attach(device, all, unattached); !done) return Error{device.given + ": " + done.error().message};
    }
    std::set<std::string> names;
    for (const DriveConfig& d : all) {
        for (const std::string& name : {d.node, d.storage_node})
            if (!name.empty() && !names.insert(name).second)
                return Error{fmt::format("{}: Duplicate nodes with node-name='{}'", d.given, name)};
    }
    const auto asked_for = [&](std::string_view driver) {
        return std::ranges::any_of(devices_, [&](const Device& d) { return d.driver.starts_with(driver); });
    };
    if (defaults && !asked_for("ide-") &&
        std::ranges::none_of(all, [](const DriveConfig& d) { return d.device.starts_with("ide-") && d.bus == 1 && d.unit == 0; })) {
        DriveConfig empty;
        empty.id = "ide1-cd0";
        empty.device = "ide-cd";
        empty.bus = 1;
        empty.read_only = true;
        all.push_back(empty);
    }
    if (defaults && !asked_for("floppy") &&
        std::ranges::none_of(all, [](const DriveConfig& d) { return d.device == "floppy" && d.unit == 0; })) {
        DriveConfig empty;
        empty.id = "floppy0";
        empty.device = "floppy";
        all.push_back(empty);
    }
    for (DriveConfig& d : all)
        if (d.device == "floppy") d.on_write_error = ErrorAction::kReport;
    return all;
}

}  // namespace qr
