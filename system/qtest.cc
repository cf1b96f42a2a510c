// SPDX-License-Identifier: GPL-2.0-or-later
//
// The qtest protocol: one command a line, answered by "OK ..." or "FAIL ...".
#include "system/qtest.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <glib.h>

namespace qr {

namespace {

constexpr uint64_t kLargestBlock = 64 << 20;

std::optional<uint64_t> number(const std::string& word) {
    const bool hex = word.starts_with("0x") || word.starts_with("0X");
    const char* first = word.data() + (hex ? 2 : 0);
    const char* last = word.data() + word.size();
    uint64_t value = 0;
    const auto [at, status] = std::from_chars(first, last, value, hex ? 16 : 10);
    if (status != std::errc{} || at != last) return std::nullopt;
    return value;
}

// Width by the command's last letter.
unsigned width(char letter) {
    switch (letter) {
        case 'b': return 1;
        case 'w': return 2;
        case 'l': return 4;
        case 'q': return 8;
        default: return 0;
    }
}

}  // namespace

Qtest::Qtest(Door& door, Target target)
    : target_(std::move(target)),
      end_(door, "qtest", [this](CharInput& input) { received(input); }) {
    end_.rx.set_room(1 << 16);
}

void Qtest::received(CharInput& input) {
    for (const uint8_t byte : input.data) {
        if (byte == '\n') {
            std::string line;
            line.swap(line_);
            execute(line);
        } else if (byte != '\r') {
            line_ += static_cast<char>(byte);
        }
    }
}

void Qtest::reply(std::string_view text) {
    const std::string line = std::string(text) + '\n';
    end_.tx.write({reinterpret_cast<const uint8_t*>(line.data()), line.size()});
}

void Qtest::execute(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.empty()) return;
    const std::string& command = words[0];

    if (command == "irq_intercept_in" || command == "irq_intercept_out") {
        if (words.size() < 2) return reply("FAIL Unknown device");
        if (!watching_) {
            target_.watch_interrupts([this](int pin, bool level) {
                reply(fmt::format("IRQ {} {}", level ? "raise" : "lower", pin));
            });
        }
        watching_ = true;
        return reply("OK");
    }
    if (command == "clock_step" || command == "clock_set") {
        const auto given = words.size() > 1 ? number(words[1]) : std::nullopt;
        const int64_t now = target_.clock.now_ns();
        int64_t until = target_.clock.next_deadline();
        if (given) until = static_cast<int64_t>(*given) + (command == "clock_step" ? now : 0);
        if (until == kNoDeadline) until = now;
        advance(until);
        return reply(fmt::format("OK {}", target_.clock.now_ns()));
    }
    if (command == "endianness") return reply("OK little");
    if (command == "set_irq_in" && words.size() == 5) {
        const auto pin = number(words[3]), level = number(words[4]);
        if (!pin || !level) return reply("FAIL bad number");
        target_.set_interrupt(static_cast<int>(*pin), *level != 0);
        return reply("OK");
    }
    if (!access(words) && !block(words))
        reply(fmt::format("FAIL Unknown command '{}'", command));
}

// inb..outl, readb..writeq
bool Qtest::access(const std::vector<std::string>& words) {
    const std::string& command = words[0];
    const unsigned size = width(command.back());
    const std::string verb = command.substr(0, command.size() - 1);
    const bool port = verb == "in" || verb == "out";
    const bool write = verb == "out" || verb == "write";
    if (!size || (!port && verb != "read" && verb != "write") || (port && size > 4)) return false;
    const auto address = words.size() > 1 ? number(words[1]) : std::nullopt;
    const auto value = words.size() > 2 ? number(words[2]) : std::nullopt;
    if (!address || (write && !value)) {
        reply("FAIL bad number");
        return true;
    }
    if (port && write) {
        target_.ports.port_write(static_cast<uint16_t>(*address), size, static_cast<uint32_t>(*value));
        reply("OK");
    } else if (port) {
        reply(fmt::format("OK 0x{:04x}",
                          target_.ports.port_read(static_cast<uint16_t>(*address), size)));
    } else if (write) {
        // By pages, as a CPU would split it.
        for (unsigned i = 0; i < size; ++i) {
            if (((*address + i) & kPageMask) + (size - i) <= kPageSize) {
                target_.memory.write(*address + i, size - i, *value >> (8 * i));
                break;
            }
            target_.memory.write(*address + i, 1, (*value >> (8 * i)) & 0xff);
        }
        reply("OK");
    } else {
        uint64_t read = 0;
        if ((*address & kPageMask) + size <= kPageSize) {
            read = target_.memory.read(*address, size);
        } else {
            for (unsigned i = 0; i < size; ++i)
                read |= target_.memory.read(*address + i, 1) << (8 * i);
        }
        reply(fmt::format("OK 0x{:016x}", read));
    }
    return true;
}

// read, write, memset, b64read, b64write
bool Qtest::block(const std::vector<std::string>& words) {
    const std::string& command = words[0];
    const bool base64 = command.starts_with("b64");
    const std::string verb = base64 ? command.substr(3) : command;
    if (verb != "read" && verb != "write" && (base64 || verb != "memset")) return false;
    const auto address = words.size() > 1 ? number(words[1]) : std::nullopt;
    const auto size = words.size() > 2 ? number(words[2]) : std::nullopt;
    const bool needs_data = verb != "read";
    if (!address || !size || *size > kLargestBlock || (needs_data && words.size() < 4)) {
        reply("FAIL bad argument");
        return true;
    }
    std::vector<uint8_t> data(*size);
    if (verb == "read") {
        target_.memory.dma_read(*address, data);
        std::string text;
        if (base64) {
            gchar* encoded = g_base64_encode(data.data(), data.size());
            text = encoded;
            g_free(encoded);
        } else {
            text = "0x";
            for (const uint8_t byte : data) text += fmt::format("{:02x}", byte);
        }
        reply("OK " + text);
        return true;
    }
    if (verb == "memset") {
        std::fill(data.begin(), data.end(), static_cast<uint8_t>(number(words[3]).value_or(0)));
    } else if (base64) {
        gsize length = 0;
        guchar* decoded = g_base64_decode(words[3].c_str(), &length);
        std::copy_n(decoded, std::min<size_t>(length, data.size()), data.begin());
        g_free(decoded);
    } else {
        const std::string& hex = words[3];
        for (size_t i = 0; i < data.size() && 2 + 2 * i + 1 < hex.size(); ++i)
            data[i] = static_cast<uint8_t>(std::stoul(hex.substr(2 + 2 * i, 2), nullptr, 16));
    }
    target_.memory.dma_write(*address, data);
    reply("OK");
    return true;
}

void Qtest::advance(int64_t until_ns) {
    VirtualClock& clock = target_.clock;
    clock.run_expired();
    while (clock.now_ns() < until_ns) {
        const int64_t next = std::min(until_ns, clock.next_deadline());
        clock.warp(std::max<int64_t>(0, next - clock.now_ns()));
        clock.run_expired();
    }
}

}  // namespace qr
