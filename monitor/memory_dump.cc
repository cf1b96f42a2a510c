// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/memory_dump.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "target/i386/mmu.h"
#include "util/disassemble.h"

namespace qr {

namespace {

constexpr unsigned kLongestInstruction = 15;

// What can't be read without a side effect reads as ones. False: there is nothing at a linear address.
bool peek(MonitorTarget& target, uint64_t address, std::span<uint8_t> to, bool physical) {
    i386::Cpu& cpu = target.board.cpu();
    if (physical) {
        cpu.memory().peek(address, to);
        return true;
    }
    for (size_t done = 0; done < to.size();) {
        const auto linear = static_cast<uint32_t>(address + done);
        const size_t n = std::min<size_t>(to.size() - done, kPageSize - (linear & kPageMask));
        const auto found = i386::peek_translate(cpu, linear);
        if (!found) return false;
        cpu.memory().peek(*found, to.subspan(done, n));
        done += n;
    }
    return true;
}

std::string dump_code(MonitorTarget& target, int64_t count, uint64_t address, bool physical) {
    const i386::Cpu& cpu = target.board.cpu();
    const CodeWidth width = cpu.seg[i386::kCs].db() ? CodeWidth::k32 : CodeWidth::k16;
    std::string text;
    for (int64_t i = 0; i < count; ++i) {
        // As many bytes as there are, when the next page isn't mapped.
        uint8_t bytes[kLongestInstruction];
        size_t n = sizeof bytes;
        while (n && !peek(target, address, {bytes, n}, physical)) --n;
        if (!n) return text + fmt::format("0x{:08x}: unable to read memory\n", static_cast<uint32_t>(address));
        const Disassembly insn = disassemble({bytes, n}, width, address);
        const unsigned length = insn.length ? insn.length : 1;
        text += fmt::format("0x{:08x}:  {:<24} {}\n", static_cast<uint32_t>(address), hex_bytes({bytes, length}),
                            insn.length ? insn.text : fmt::format(".byte 0x{:02x}", bytes[0]));
        address += length;
    }
    return text;
}

std::string show_char(uint8_t c) {
    switch (c) {
        case '\'': return "'\\''";
        case '\\': return "'\\\\'";
        case '\n': return "'\\n'";
        case '\r': return "'\\r'";
        default: break;
    }
    return c >= 32 && c <= 126 ? fmt::format("'{}'", static_cast<char>(c)) : fmt::format("'\\x{:02x}'", c);
}

std::string show(char form, unsigned size, uint64_t value) {
    const unsigned bits = size * 8;
    const auto digits = (bits * 10 + 32) / 33;  // decimal ones, and a sign
    switch (form) {
        case 'o': return fmt::format("{:#{}o}", value, (bits + 2) / 3);
        // Signs show in quadwords only, as people know it.
        case 'd': return fmt::format("{:{}}", static_cast<int64_t>(value), digits);
        case 'u': return fmt::format("{:{}}", value, digits);
        default: return fmt::format("0x{:0{}x}", value, size * 2);
    }
}

}  // namespace

std::string dump_memory(MonitorTarget& target, const DumpFormat& format, uint64_t address, bool physical) {
    if (!physical) address = static_cast<uint32_t>(address);
    if (format.form == 'i') return dump_code(target, format.count, address, physical);
    // Characters are bytes, as many as the size asks for.
    const unsigned size = format.form == 'c' ? 1 : format.size;
    uint64_t left = static_cast<uint64_t>(format.count) * format.size;
    const size_t line = size == 1 && format.form != 'c' ? 8 : 16;
    std::string text;
    while (left) {
        uint8_t bytes[16];
        const auto n = static_cast<size_t>(std::min<uint64_t>(left, line));
        text += physical ? fmt::format("{:016x}:", address) : fmt::format("{:08x}:", static_cast<uint32_t>(address));
        if (!peek(target, address, {bytes, n}, physical)) return text + " Cannot access memory\n";
        for (size_t i = 0; i < n; i += size) {
            uint64_t value = 0;
            std::memcpy(&value, bytes + i, std::min<size_t>(size, n - i));
            text += ' ';
            text += format.form == 'c' ? show_char(bytes[i]) : show(format.form, size, value);
        }
        text += '\n';
        address += n;
        left -= n;
    }
    return text;
}

std::string format_value(const DumpFormat& format, int64_t value) {
    switch (format.form) {
        case 'o': return fmt::format("{:#o}", static_cast<uint64_t>(value));
        case 'd': return fmt::format("{}", value);
        case 'u': return fmt::format("{}", static_cast<uint64_t>(value));
        case 'c': return show_char(static_cast<uint8_t>(value));
        default: return value ? fmt::format("{:#x}", static_cast<uint64_t>(value)) : "0";
    }
}

Result<void> save_memory(MonitorTarget& target, uint64_t address, uint64_t size, bool physical,
                         const std::string& file) {
    struct Close {
        void operator()(std::FILE* f) const { std::fclose(f); }
    };
    const std::unique_ptr<std::FILE, Close> out(std::fopen(file.c_str(), "wbe"));
    if (!out) return Error{fmt::format("Could not open '{}': {}", file, std::strerror(errno))};
    std::vector<uint8_t> bytes(64 << 10);
    while (size) {
        const std::span<uint8_t> part(bytes.data(), std::min<uint64_t>(size, bytes.size()));
        if (!peek(target, address, part, physical))
            return Error{fmt::format("Invalid addr 0x{:016x}/size {} specified", address, size)};
        if (std::fwrite(part.data(), 1, part.size(), out.get()) != part.size())
            return Error{fmt::format("writing memory to '{}' failed: {}", file, std::strerror(errno))};
        address += part.size();
        size -= part.size();
    }
    if (std::fflush(out.get())) return Error{fmt::format("writing memory to '{}' failed: {}", file, std::strerror(errno))};
    return {};
}

}  // namespace qr
