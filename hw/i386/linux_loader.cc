// SPDX-License-Identifier: GPL-2.0-or-later
// Lays a Linux kernel out in memory. Source: "The Linux/x86 Boot Protocol" (boot.rst): "Memory
// Layout", "Details of Header Fields", "The Kernel Command Line", "Sample Boot Configuration",
// "Running the Kernel"; Multiboot specification 0.6.96 (3.1) for telling those kernels apart.
//
//               setup     command line     kernel      stack and heap of setup
//   bzImage     0x10000   0x20000          0x100000    up to the command line   (2.02 and later)
//   bzImage     0x90000   below 0x9a000    0x100000    up to the command line   (2.00, 2.01)
//   zImage      0x90000   below 0x9a000    0x10000     up to the command line
#include "hw/i386/linux_loader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "util/bits.h"

namespace qr {

namespace {

// Offsets into the setup code.
constexpr size_t kOldCmdlineMagic = 0x20;
constexpr size_t kOldCmdlineOffset = 0x22;
constexpr size_t kSetupSects = 0x1f1;
constexpr size_t kSysSize = 0x1f4;
constexpr size_t kVidMode = 0x1fa;
constexpr size_t kBootFlag = 0x1fe;
constexpr size_t kHeaderMagic = 0x202;
constexpr size_t kVersion = 0x206;
constexpr size_t kTypeOfLoader = 0x210;
constexpr size_t kLoadFlags = 0x211;
constexpr size_t kRamdiskImage = 0x218;
constexpr size_t kRamdiskSize = 0x21c;
constexpr size_t kHeapEndPtr = 0x224;
constexpr size_t kCmdLinePtr = 0x228;
constexpr size_t kInitrdAddrMax = 0x22c;
constexpr size_t kKernelAlignment = 0x230;
constexpr size_t kRelocatableKernel = 0x234;
constexpr size_t kCmdlineLimit = 0x238;
constexpr size_t kPrefAddress = 0x258;
constexpr size_t kInitSize = 0x260;

constexpr uint16_t kBootFlagValue = 0xaa55;
constexpr uint32_t kHeaderMagicValue = 0x53726448;  // "HdrS"
constexpr uint16_t kOldCmdlineMagicValue = 0xa33f;
constexpr uint8_t kLoadedHigh = 0x01;
constexpr uint8_t kCanUseHeap = 0x80;
constexpr uint8_t kLoaderIsQemu = 0xb0;

constexpr uint32_t kSectorSize = 512;
constexpr uint32_t kPage = 4096;
constexpr uint32_t kHighSetup = 0x10000;
constexpr uint32_t kHighCmdline = 0x20000;
constexpr uint32_t kHighKernel = 0x100000;
constexpr uint32_t kLowSetup = 0x90000;
constexpr uint32_t kLowCmdlineEnd = 0x9a000;
constexpr uint32_t kLowKernel = 0x10000;
constexpr uint32_t kStackRoom = 0x200;  // between heap_end_ptr and the end of the stack
constexpr uint64_t kOldInitrdMax = 0x37ffffff;
constexpr uint64_t kOldCmdlineMax = 255;
// SeaBIOS keeps the top of RAM for ACPI and other tables (256 KiB).
constexpr uint64_t kFirmwareTables = 0x40000;

template <class T>
T header(const std::vector<uint8_t>& setup, size_t offset) {
    return offset + sizeof(T) <= setup.size() ? load_le<T>(setup.data() + offset) : T{0};
}

template <class T>
void set_header(std::vector<uint8_t>& setup, size_t offset, T value) {
    if (offset + sizeof(T) <= setup.size()) store_le(setup.data() + offset, value);
}

std::string hex(uint64_t value) {
    char text[19] = "0x";
    const auto end = std::to_chars(text + 2, text + sizeof text, value, 16);
    return std::string(text, end.ptr);
}

std::string mebibytes(uint64_t bytes) {
    return std::to_string((bytes + 0xfffff) / 0x100000) + " MiB";
}

bool has_multiboot_header(std::span<const uint8_t> kernel) {
    constexpr size_t kSearched = 8192;
    constexpr uint32_t kMagic = 0x1badb002;
    for (size_t at = 0; at + 12 <= std::min(kernel.size(), kSearched); at += 4) {
        if (load_le<uint32_t>(&kernel[at]) == kMagic &&
            load_le<uint32_t>(&kernel[at]) + load_le<uint32_t>(&kernel[at + 4]) +
                    load_le<uint32_t>(&kernel[at + 8]) == 0) {
            return true;
        }
    }
    return false;
}

bool has_multiboot2_header(std::span<const uint8_t> kernel) {
    constexpr size_t kSearched = 32768;
    constexpr uint32_t kMagic = 0xe85250d6;
    for (size_t at = 0; at + 16 <= std::min(kernel.size(), kSearched); at += 8) {
        uint32_t sum = 0;
        for (size_t i = 0; i < 16; i += 4) sum += load_le<uint32_t>(&kernel[at + i]);
        if (load_le<uint32_t>(&kernel[at]) == kMagic && sum == 0) return true;
    }
    return false;
}

bool starts_with(std::span<const uint8_t> kernel, std::string_view magic) {
    return kernel.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), kernel.begin(),
                      [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// For a file that isn't a Linux kernel image: what it is instead.
Error not_linux(std::span<const uint8_t> kernel) {
    std::string what = "isn't a Linux kernel image";
    if (has_multiboot_header(kernel) || has_multiboot2_header(kernel)) {
        what = "is a multiboot kernel, which a boot loader such as GRUB has to load";
    } else if (starts_with(kernel, "\x7f" "ELF")) {
        what = "is an ELF file (a vmlinux?)";
    } else if (starts_with(kernel, "\x1f\x8b")) {
        what = "is a gzip archive";
    } else if (starts_with(kernel, "MZ")) {
        what = "is an EFI program without code for a BIOS machine";
    }
    return Error{"-kernel: the file " + what + "; a bzImage or zImage for x86 is needed"};
}

// The value of `option` ("vga=") in a command line; the first one counts.
std::optional<std::string_view> option_value(std::string_view cmdline, std::string_view option) {
    for (size_t at = cmdline.find(option); at != std::string_view::npos;
         at = cmdline.find(option, at + 1)) {
        if (at > 0 && cmdline[at - 1] != ' ') continue;
        const std::string_view value = cmdline.substr(at + option.size());
        return value.substr(0, value.find(' '));
    }
    return std::nullopt;
}

// A number in C notation; what follows it is left in `text`.
std::optional<uint64_t> take_number(std::string_view& text) {
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const bool is_hex = text[1] == 'x' || text[1] == 'X';
        base = is_hex ? 16 : 8;
        text.remove_prefix(is_hex ? 2 : 1);
    }
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return value;
}

// "Special Command Line Options": vga=<mode>.
Result<uint16_t> video_mode(std::string_view text) {
    if (text == "normal") return uint16_t{0xffff};
    if (text == "ext") return uint16_t{0xfffe};
    if (text == "ask") return uint16_t{0xfffd};
    std::string_view rest = text;
    const std::optional<uint64_t> number = take_number(rest);
    if (!number || !rest.empty() || *number > 0xffff) {
        return Error{"-append: vga=" + std::string(text) +
                     " is no video mode; normal, ext, ask or a number up to 0xffff is"};
    }
    return static_cast<uint16_t>(*number);
}

// mem=<size>: the kernel won't use what's above, so the initrd has to lie below.
uint64_t usable_memory(std::string_view cmdline, uint64_t ram) {
    const std::optional<std::string_view> mem = option_value(cmdline, "mem=");
    if (!mem) return ram;
    std::string_view rest = *mem;
    const std::optional<uint64_t> number = take_number(rest);
    if (!number || *number == 0) return ram;
    unsigned shift = 0;
    if (!rest.empty()) {
        const int unit = std::tolower(static_cast<unsigned char>(rest[0]));
        shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
    }
    return *number >= (ram >> shift) ? ram : *number << shift;
}

class LinuxLayout {
  public:
    LinuxLayout(std::span<const uint8_t> kernel, std::span<const uint8_t> initrd,
                std::string_view cmdline, uint64_t ram)
        : file_(kernel), initrd_(initrd), cmdline_(cmdline), ram_(ram) {}

    Result<LinuxImage> build() {
        if (auto r = split(); !r) return r.error();
        if (auto r = place_kernel(); !r) return r.error();
        if (auto r = place_cmdline(); !r) return r.error();
        if (auto r = place_initrd(); !r) return r.error();
        return std::move(image_);
    }

  private:
    std::vector<uint8_t>& setup() { return image_.setup.bytes; }
    bool protocol(uint16_t at_least) const { return protocol_ >= at_least; }

    Result<void> split();
    Result<void> place_kernel();
    Result<void> place_cmdline();
    Result<void> place_initrd();
    uint64_t kernel_end() const;

    std::span<const uint8_t> file_;
    std::span<const uint8_t> initrd_;
    std::string_view cmdline_;
    uint64_t ram_;
    uint16_t protocol_ = 0;  // 0: before 2.00
    bool big_ = false;       // a bzImage
    LinuxImage image_;
};

// Real-mode and protected-mode part.
Result<void> LinuxLayout::split() {
    constexpr size_t kDefaultSectors = 4;
    constexpr size_t kMinimum = 2 * kSectorSize;
    if (file_.size() < kMinimum || load_le<uint16_t>(&file_[kBootFlag]) != kBootFlagValue) {
        return not_linux(file_);
    }
    if (load_le<uint32_t>(&file_[kHeaderMagic]) == kHeaderMagicValue) {
        protocol_ = load_le<uint16_t>(&file_[kVersion]);
    }

    const size_t sectors = file_[kSetupSects] ? file_[kSetupSects] : kDefaultSectors;
    const size_t setup_size = (sectors + 1) * kSectorSize;
    if (!protocol(0x200)) {
        // Disk images have the same signature; an old kernel also knows its own size, in
        // paragraphs.
        const size_t paragraphs = load_le<uint16_t>(&file_[kSysSize]);
        if (!paragraphs || file_.size() + 15 < setup_size + paragraphs * 16) {
            return not_linux(file_);
        }
    }
    if (file_.size() <= setup_size) {
        return Error{"-kernel: the file ends after " + std::to_string(file_.size()) +
                     " bytes, within its setup code of " + std::to_string(setup_size) +
                     "; a whole bzImage or zImage for x86 is needed"};
    }
    image_.setup.bytes.assign(file_.begin(), file_.begin() + static_cast<long>(setup_size));
    image_.kernel.bytes.assign(file_.begin() + static_cast<long>(setup_size), file_.end());
    big_ = protocol(0x200) && (setup()[kLoadFlags] & kLoadedHigh);
    return {};
}

Result<void> LinuxLayout::place_kernel() {
    image_.setup.address = big_ && protocol(0x202) ? kHighSetup : kLowSetup;
    image_.kernel.address = big_ ? kHighKernel : kLowKernel;
    const uint64_t size = image_.kernel.bytes.size();
    if (!big_ && size > kLowSetup - kLowKernel) {
        return Error{"-kernel: a zImage has room for " +
                     std::to_string((kLowSetup - kLowKernel) / 1024) + " KiB, and this one has " +
                     std::to_string((size + 1023) / 1024) + "; a bzImage has no such limit"};
    }
    if (kernel_end() + kFirmwareTables > ram_) {
        return Error{"-kernel: the kernel needs " + mebibytes(kernel_end() + kFirmwareTables) +
                     " of memory, and the machine has " + mebibytes(ram_) + "; more -m is needed"};
    }
    if (protocol(0x200)) setup()[kTypeOfLoader] = kLoaderIsQemu;
    if (const auto vga = option_value(cmdline_, "vga=")) {
        const Result<uint16_t> mode = video_mode(*vga);
        if (!mode) return mode.error();
        set_header(setup(), kVidMode, *mode);
    }
    return {};
}

// Where the kernel stops using memory while it unpacks itself.
uint64_t LinuxLayout::kernel_end() const {
    const std::vector<uint8_t>& setup = image_.setup.bytes;
    const uint64_t loaded = image_.kernel.address + uint64_t{image_.kernel.bytes.size()};
    if (!protocol(0x20a)) return loaded;
    uint64_t start = image_.kernel.address;
    if (header<uint8_t>(setup, kRelocatableKernel)) {
        const uint64_t align = std::max<uint32_t>(header<uint32_t>(setup, kKernelAlignment), 1);
        start = (start + align - 1) / align * align;
    }
    start = std::max(start, header<uint64_t>(setup, kPrefAddress));
    return std::max(loaded, start + header<uint32_t>(setup, kInitSize));
}

Result<void> LinuxLayout::place_cmdline() {
    const uint64_t limit = protocol(0x206) && header<uint32_t>(setup(), kCmdlineLimit)
                               ? header<uint32_t>(setup(), kCmdlineLimit)
                               : kOldCmdlineMax;
    if (cmdline_.size() > limit) {
        return Error{"-append: the command line has " + std::to_string(cmdline_.size()) +
                     " characters; this kernel takes " + std::to_string(limit)};
    }
    image_.cmdline.bytes.assign(cmdline_.begin(), cmdline_.end());
    image_.cmdline.bytes.push_back(0);
    image_.cmdline.address =
        image_.setup.address == kHighSetup
            ? kHighCmdline
            : (kLowCmdlineEnd - static_cast<uint32_t>(image_.cmdline.bytes.size())) & ~15u;

    // Setup's heap and stack lie between its code and the command line.
    const uint32_t heap_end = image_.cmdline.address - image_.setup.address;
    if (setup().size() + kStackRoom > heap_end) {
        return Error{"-kernel: the setup code has " + std::to_string(setup().size()) +
                     " bytes; there is room for " + std::to_string(heap_end - kStackRoom)};
    }
    if (protocol(0x201)) {
        set_header(setup(), kHeapEndPtr, static_cast<uint16_t>(heap_end - kStackRoom));
        setup()[kLoadFlags] |= kCanUseHeap;
    }
    if (protocol(0x202)) {
        set_header(setup(), kCmdLinePtr, image_.cmdline.address);
    } else {
        set_header(setup(), kOldCmdlineMagic, kOldCmdlineMagicValue);
        set_header(setup(), kOldCmdlineOffset, static_cast<uint16_t>(heap_end));
    }
    return {};
}

Result<void> LinuxLayout::place_initrd() {
    if (initrd_.empty()) return {};
    if (!protocol(0x200)) {
        return Error{
            "-initrd: this kernel's boot protocol is older than 2.00 and takes no initrd"};
    }
    const uint64_t kernel_limit =
        protocol(0x203) ? uint64_t{header<uint32_t>(setup(), kInitrdAddrMax)} : kOldInitrdMax;
    const uint64_t memory = usable_memory(cmdline_, ram_ - kFirmwareTables);
    const uint64_t top = std::min(kernel_limit + 1, memory);
    const uint64_t size = initrd_.size();
    const uint64_t address = size <= top ? (top - size) & ~uint64_t{kPage - 1} : 0;
    if (address < std::max<uint64_t>(kernel_end(), kHighKernel)) {
        return Error{"-initrd: " + mebibytes(size) + " don't fit between the kernel's end at " +
                     hex(kernel_end()) + " and " + hex(top) +
                     "; a smaller initial RAM disk or more -m is needed"};
    }
    image_.initrd.address = static_cast<uint32_t>(address);
    image_.initrd.bytes.assign(initrd_.begin(), initrd_.end());
    set_header(setup(), kRamdiskImage, image_.initrd.address);
    set_header(setup(), kRamdiskSize, static_cast<uint32_t>(size));
    return {};
}

}  // namespace

Result<LinuxImage> load_linux(std::span<const uint8_t> kernel, std::span<const uint8_t> initrd,
                              std::string_view append, uint64_t ram_size_below_4g) {
    return LinuxLayout(kernel, initrd, append, ram_size_below_4g).build();
}

void add_linux(FwCfg& fw_cfg, LinuxImage image) {
    namespace key = fw_cfg_key;
    const auto add_part = [&fw_cfg](LinuxPart& part, uint16_t address, uint16_t size,
                                    uint16_t data) {
        fw_cfg.add_u32(address, part.address);
        fw_cfg.add_u32(size, static_cast<uint32_t>(part.bytes.size()));
        fw_cfg.add_bytes(data, std::move(part.bytes));
    };
    add_part(image.setup, key::kSetupAddr, key::kSetupSize, key::kSetupData);
    add_part(image.cmdline, key::kCmdlineAddr, key::kCmdlineSize, key::kCmdlineData);
    add_part(image.kernel, key::kKernelAddr, key::kKernelSize, key::kKernelData);
    add_part(image.initrd, key::kInitrdAddr, key::kInitrdSize, key::kInitrdData);

    const std::span<const uint8_t> rom = linuxboot_rom();
    const std::string_view name = kLinuxBootOrderEntry.substr(kLinuxBootOrderEntry.find('@') + 1);
    fw_cfg.add_file(std::string(name), {rom.begin(), rom.end()});
}

}  // namespace qr
