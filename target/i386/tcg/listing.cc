// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "target/i386/alu.h"
#include "target/i386/chain.h"
#include "util/disassemble.h"

namespace qr::i386 {

namespace {

CodeWidth guest_width(const ObservedBlock& block) { return block.mode & 1 ? CodeWidth::k32 : CodeWidth::k16; }

std::string flags_text(uint32_t flags) {
    std::string text;
    for (const auto& [bit, letter] : {std::pair<uint32_t, char>{kOFlag, 'o'}, {kSF, 's'}, {kZF, 'z'}, {kAF, 'a'},
                                      {kPF_, 'p'}, {kCF, 'c'}})
        text += flags & bit ? letter : '-';
    return text;
}

std::string guest_line(const ObservedBlock& block, const Insn& insn) {
    const auto bytes = block.guest.subspan(insn.end - insn.length, insn.length);
    const uint32_t address = block.linear + insn.end - insn.length;
    const std::string text = disassemble(bytes, guest_width(block), address).text;
    return fmt::format("{:08x}  {:<24}  {}", address, hex_bytes(bytes), text.empty() ? "(not known)" : text);
}

// What translated code addresses relative to r14.
std::string field_name(const Cpu& cpu, int64_t displacement) {
    static constexpr const char* kRegisters[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static constexpr const char* kSegments[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    const auto* at = reinterpret_cast<const uint8_t*>(cpu.gpr.data()) + displacement;
    std::string name;
    const auto is = [&](const auto& member, std::string_view called) {
        const auto* begin = reinterpret_cast<const uint8_t*>(&member);
        if (!name.empty() || at < begin || at >= begin + sizeof member) return;
        name = at == begin ? std::string(called) : fmt::format("{}+{}", called, at - begin);
    };
    for (unsigned n = 0; n < 8; ++n) is(cpu.gpr[n], kRegisters[n]);
    for (unsigned n = 0; n < kSegCount; ++n) {
        is(cpu.seg[n].base, fmt::format("{}.base", kSegments[n]));
        is(cpu.seg[n].read_end, fmt::format("{}.read_end", kSegments[n]));
        is(cpu.seg[n].write_end, fmt::format("{}.write_end", kSegments[n]));
    }
    for (const bool user : {false, true}) {
        const Tlb::Entry& first = *cpu.tlb.entries(user);
        const char* table = user ? "user" : "system";
        is(first.read_tag, fmt::format("tlb.{}.read_tag", table));
        is(first.write_tag, fmt::format("tlb.{}.write_tag", table));
        is(first.addend, fmt::format("tlb.{}.addend", table));
    }
    is(cpu.native.countdown, "countdown");
    is(cpu.native.pace, "pace");
    is(cpu.native.key, "key");
    is(cpu.native.jump, "jump");
    is(cpu.native.remaining, "remaining");
    is(cpu.native.flags, "flags");
    is(cpu.native.page, "page");
    is(cpu.native.scratch, "scratch");
    is(cpu.native.saved, "saved");
    is(cpu.native.stack, "stack");
    is(cpu.native, "native");
    is(cpu.eip, "eip");
    is(cpu.eflags, "eflags");
    for (unsigned n = 0; n < 8; ++n) is(cpu.fpu.xmm[n], fmt::format("xmm.{}", n));
    is(cpu.fpu.regs, "fpu.regs");
    is(cpu.fpu.control, "fpu.control");
    is(cpu.fpu.status, "fpu.status");
    is(cpu.fpu.empty, "fpu.empty");
    is(cpu.fpu.mxcsr, "fpu.mxcsr");
    is(cpu.fpu, "fpu");
    is(cpu.tlb, "tlb");
    is(cpu, "cpu");
    return name;
}

// A number as Zydis prints it, "0x1f", from `at`; its end goes to `end`.
std::optional<uint64_t> hex_at(std::string_view text, size_t at, size_t& end) {
    if (text.substr(at, 2) != "0x") return std::nullopt;
    uint64_t value = 0;
    const auto read = std::from_chars(text.data() + at + 2, text.data() + text.size(), value, 16);
    if (read.ec != std::errc{}) return std::nullopt;
    end = static_cast<size_t>(read.ptr - text.data());
    return value;
}

// "[r14+0x90]" is "[r14+flags]", and "[r14+r11*1+0x500]" is "[r14+r11*1+tlb]".
std::string name_fields(const Cpu& cpu, std::string text) {
    const size_t from = text.find("[r14");
    if (from == std::string::npos) return text;
    const size_t close = text.find(']', from);
    const size_t sign = text.find_last_of("+-", close);
    size_t end = 0;
    int64_t displacement = 0;
    size_t begin = from + 4, stop = from + 4;
    if (sign != std::string::npos && sign > from) {
        if (const auto value = hex_at(text, sign + 1, end); value && end == close) {
            displacement = static_cast<int64_t>(text[sign] == '-' ? 0 - *value : *value);
            begin = sign;
            stop = end;
        } else if (text[from + 4] != ']') {
            return text;
        }
    }
    const std::string name = field_name(cpu, displacement);
    return name.empty() ? text : text.replace(begin, stop - begin, "+" + name);
}

// Pointers into the emulator differ from run to run.
std::string hide_pointers(std::string text) {
    for (size_t at = text.find("0x"); at != std::string::npos; at = text.find("0x", at + 1)) {
        size_t end = 0;
        const auto value = hex_at(text, at, end);
        if (value && *value >> 32 && *value >> 47 == 0) text.replace(at, end - at, "<pointer>");
    }
    return text;
}

class HostLister {
  public:
    HostLister(const ObservedBlock& block, const HostListing& listing) : block_(block), listing_(listing) {
        find_labels();
    }

    HostText text() {
        std::string out;
        const auto part = [&](const std::string& title, const ObservedCode& code, size_t from, size_t to) {
            const std::string lines = range(code, from, to);
            out += fmt::format("{}  ; {} {}\n{}", title, count_, count_ == 1 ? "instruction" : "instructions", lines);
            return count_;
        };
        const size_t end = block_.code.bytes.size();
        unsigned count = part("entry", block_.code, 0, block_.insns.empty() ? end : block_.insns.front().begin);
        for (size_t n = 0; n < block_.insns.size(); ++n) {
            const ObservedInsn& i = block_.insns[n];
            const size_t next = n + 1 < block_.insns.size() ? block_.insns[n + 1].begin : end;
            count += part(operation_line(block_, i), block_.code, i.begin, next);
        }
        const unsigned rare = part("out of line", block_.cold, 0, block_.cold.bytes.size());
        const std::string head = fmt::format("{}: {} instructions, {} bytes; host {} + {} instructions, {} + {} bytes\n",
                                             block_name(block_), block_.insns.size(), block_.guest.size(), count, rare,
                                             end, block_.cold.bytes.size());
        return {head + out, count, rare};
    }

    static std::string operation_line(const ObservedBlock& block, const ObservedInsn& i) {
        return fmt::format("{:<72} {:<8} live {}", guest_line(block, *i.insn), i.emitted ? "emitted" : "handler",
                           flags_text(i.live));
    }

  private:
    bool inside(uint64_t address) const { return block_.code.contains(address) || block_.cold.contains(address); }
    void find_labels() {
        const AddressName note = [this](uint64_t address) {
            if (inside(address)) labels_.insert(address);
            return std::string("x");
        };
        for (const ObservedCode* code : {&block_.code, &block_.cold}) {
            for (size_t at = 0; at < code->bytes.size();) {
                const Disassembly d = disassemble(code->bytes.subspan(at), CodeWidth::k64, code->address + at, note);
                at += std::max(d.length, 1u);
            }
        }
    }
    std::string label(uint64_t address) const {
        return fmt::format("L{}", std::distance(labels_.begin(), labels_.find(address)) + 1);
    }
    std::string address_name(uint64_t address) const {
        if (inside(address)) return label(address);
        for (const ObservedThunk& t : listing_.thunks) {
            if (address == t.address) return fmt::format("<{}>", t.name);
            if (address > t.address && address < t.address + t.size)
                return fmt::format("<{}+{}>", t.name, address - t.address);
        }
        return listing_.addresses ? "" : "<elsewhere>";
    }
    // Counts them in count_.
    std::string range(const ObservedCode& code, size_t from, size_t to) {
        const AddressName name = [this](uint64_t address) { return address_name(address); };
        std::string out;
        count_ = 0;
        for (size_t at = from; at < to; ++count_) {
            const uint64_t address = code.address + at;
            if (labels_.contains(address)) out += fmt::format("  {}:\n", label(address));
            const Disassembly d = disassemble(code.bytes.subspan(at, to - at), CodeWidth::k64, address, name);
            const auto bytes = code.bytes.subspan(at, std::max(d.length, 1u));
            std::string text = d.length ? name_fields(block_.cpu, d.text) : "(not an instruction)";
            if (listing_.addresses)
                out += fmt::format("    {:012x}  {:<30}  {}\n", address, hex_bytes(bytes), text);
            else
                out += fmt::format("    {}\n", hide_pointers(std::move(text)));
            at += bytes.size();
        }
        return out;
    }

    const ObservedBlock& block_;
    const HostListing& listing_;
    std::set<uint64_t> labels_;
    unsigned count_ = 0;
};

}  // namespace

std::string mode_text(uint32_t mode) {
    return fmt::format("{}{} cpl{}{}", mode & kFlatMode ? "flat" : mode & 4 ? "real" : "code", mode & 1 ? 32 : 16,
                       mode & kUserMode ? 3 : 0, mode & kFpuMode ? " fpu" : "") +
           (mode & kFlatEsMode ? "" : " es");
}

std::string block_name(const ObservedBlock& block) {
    return fmt::format("{:08x} {}+{:x} {}", block.linear, block.ram, block.ram_offset, mode_text(block.mode));
}

std::string list_guest(const ObservedBlock& block) {
    std::string text = fmt::format("{}\n", block_name(block));
    for (const ObservedInsn& i : block.insns) text += guest_line(block, *i.insn) + '\n';
    return text;
}

std::string list_operations(const ObservedBlock& block) {
    std::string text = fmt::format("{}\n", block_name(block));
    for (const ObservedInsn& i : block.insns) text += HostLister::operation_line(block, i) + '\n';
    return text;
}

HostText list_host(const ObservedBlock& block, const HostListing& listing) {
    return HostLister(block, listing).text();
}

}  // namespace qr::i386
