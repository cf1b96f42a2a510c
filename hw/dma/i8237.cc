// SPDX-License-Identifier: GPL-2.0-or-later
// Intel 8237A. Source: data sheet 231466-005, "Register description"; for the pair, PIIX3
// 290550.
//
//   0-7  address and count of channels 0-3 in turn, low byte first by the flip-flop
//   8    write command: 0 memory to memory, 1 hold source address, 2 disable, 4 rotating priority,
//                       3, 5, 6, 7 timing and pin polarity
//        read status: 7:4 DREQ, 3:0 terminal count (cleared by the read)
//   9    request: 1:0 channel, 2 set        A  single mask: 1:0 channel, 2 set
//   B    mode: 1:0 channel, 3:2 direction, 4 auto-initialize, 5 decrement,
//              7:6 demand/single/block/cascade
//   C    clear flip-flop                    D  master clear; read: temporary
//   E    clear masks                        F  write all masks
//
// The second chip's registers are two ports apart, and its addresses and counts are in words.
//
// Transfers take no time and aren't interleaved: a device that has the bus moves what it has, so
// demand, single and block mode differ only in what the device asks for. Compressed timing,
// extended write and the polarity of DREQ and DACK have no effect, as PIIX3 has it.
#include "hw/dma/i8237.h"

#include <algorithm>
#include <vector>

#include "util/bits.h"

namespace qr {

// ---- one chip -----------------------------------------------------------------------------------

void I8237::Channel::state(StateVisitor& v) {
    v("base_address", base_address);
    v("base_count", base_count);
    v("address", address);
    v("count", count);
    v("mode", mode);
}

void I8237::reset() {
    command_ = request_ = terminal_ = temporary_ = 0;
    mask_ = 0x0F;
    lowest_ = 3;
    flip_flop_ = false;
}

void I8237::state(StateVisitor& v) {
    v("channel", channels_);
    v("command", command_);
    v("request", request_);
    v("mask", mask_);
    v("terminal_count", terminal_);
    v("temporary", temporary_);
    v("dreq", dreq_);
    v("lowest_priority", lowest_);
    v("flip_flop", flip_flop_);
    if (v.loading() && lowest_ > 3) v.fail("lowest_priority is out of range");
}

void I8237::set_dreq(unsigned n, bool level) {
    const uint8_t mask = static_cast<uint8_t>(1u << n);
    dreq_ = static_cast<uint8_t>(level ? dreq_ | mask : dreq_ & ~mask);
}

bool I8237::ready(unsigned n) const {
    return enabled() && dreq(n) && !bit(mask_, n) && channels_[n].transfer_mode() != 3;
}

unsigned I8237::by_priority(unsigned i) const { return (lowest_ + 1 + i) & 3; }

void I8237::served(unsigned n) {
    if (bit(command_, 4)) lowest_ = static_cast<uint8_t>(n);
}

bool I8237::step(unsigned n, uint32_t units) {
    Channel& c = channels_[n];
    const uint32_t left = c.count + 1u;
    c.address = static_cast<uint16_t>(c.decrement() ? c.address - units : c.address + units);
    c.count = static_cast<uint16_t>(c.count - units);
    if (units < left) return false;
    const uint8_t mask = static_cast<uint8_t>(1u << n);
    terminal_ |= mask;
    request_ &= ~mask;
    if (c.auto_initialize()) {
        c.address = c.base_address;
        c.count = c.base_count;
    } else {
        mask_ |= mask;
    }
    return true;
}

uint8_t I8237::peek(unsigned reg) const {
    if (reg < 8) {
        const Channel& c = channels_[reg / 2];
        const uint16_t value = reg & 1 ? c.count : c.address;
        return static_cast<uint8_t>(flip_flop_ ? value >> 8 : value);
    }
    switch (reg) {
        case 0x8: return static_cast<uint8_t>(dreq_ << 4 | terminal_);
        case 0xD: return temporary_;
        case 0xF: return mask_ | 0xF0;
        default: return 0;  // write-only
    }
}

uint8_t I8237::read(unsigned reg) {
    const uint8_t value = peek(reg);
    if (reg < 8) flip_flop_ = !flip_flop_;
    if (reg == 8) terminal_ = 0;
    return value;
}

void I8237::write(unsigned reg, uint8_t value) {
    if (reg < 8) {
        // Both the base and the current register are written.
        Channel& c = channels_[reg / 2];
        uint16_t& base = reg & 1 ? c.base_count : c.base_address;
        base = static_cast<uint16_t>(flip_flop_ ? (base & 0x00FF) | value << 8
                                                : (base & 0xFF00) | value);
        (reg & 1 ? c.count : c.address) = base;
        flip_flop_ = !flip_flop_;
        return;
    }
    const unsigned n = value & 3;
    const uint8_t selected = static_cast<uint8_t>(1u << n);
    switch (reg) {
        case 0x8:
            command_ = value;
            if (!bit(value, 4)) lowest_ = 3;
            break;
        case 0x9:
            request_ =
                static_cast<uint8_t>(bit(value, 2) ? request_ | selected : request_ & ~selected);
            break;
        case 0xA:
            mask_ = static_cast<uint8_t>(bit(value, 2) ? mask_ | selected : mask_ & ~selected);
            break;
        case 0xB: channels_[n].mode = value & ~3; break;
        case 0xC: flip_flop_ = false; break;
        case 0xD: reset(); break;
        case 0xE: mask_ = 0; break;
        case 0xF: mask_ = value & 0x0F; break;
        default: break;
    }
}

// ---- the pair -----------------------------------------------------------------------------------

namespace {

// Port offset of each channel's page register, from 80H. (Channel 4's is that of the refresh
// address.)
constexpr std::array<uint8_t, 8> kPagePort = {0x7, 0x3, 0x1, 0x2, 0xF, 0xB, 0x9, 0xA};

bool is_page_register(uint64_t offset) {
    return std::find(kPagePort.begin(), kPagePort.end(), offset) != kPagePort.end();
}

}  // namespace

I8237Pair::I8237Pair(DmaBus& bus)
    : Device("i8237"),
      bus_(bus),
      low_region_("dma", 16,
                  {.read = [this](uint64_t a, unsigned) { return low_.read(a & 15); },
                   .write =
                       [this](uint64_t a, unsigned, uint64_t value) {
                           low_.write(a & 15, static_cast<uint8_t>(value));
                           written(false);
                       },
                   .peek = [this](uint64_t a, unsigned) { return low_.peek(a & 15); },
                   .min_size = 1,
                   .max_size = 1}),
      high_region_("dma2", 32,
                   {.read = [this](uint64_t a, unsigned) { return high_.read((a >> 1) & 15); },
                    .write =
                        [this](uint64_t a, unsigned, uint64_t value) {
                            high_.write((a >> 1) & 15, static_cast<uint8_t>(value));
                            written(true);
                        },
                    .peek = [this](uint64_t a, unsigned) { return high_.peek((a >> 1) & 15); },
                    .min_size = 1,
                    .max_size = 1}),
      page_region_(
          "dma-page", 16,
          {.read = [this](uint64_t a,
                          unsigned) { return is_page_register(a) ? page_[a] : uint8_t{0xFF}; },
           .write =
               [this](uint64_t a, unsigned, uint64_t value) {
                   if (is_page_register(a)) page_[a] = static_cast<uint8_t>(value);
               },
           .peek = [this](uint64_t a,
                          unsigned) { return is_page_register(a) ? page_[a] : uint8_t{0xFF}; },
           .min_size = 1,
           .max_size = 1}) {}

void I8237Pair::reset() {
    low_.reset();
    high_.reset();
    page_.fill(0);
}

void I8237Pair::state(StateVisitor& v) {
    v("low", low_);
    v("high", high_);
    v("page", page_);
}

void I8237Pair::register_channel(unsigned channel, IsaDmaClient& client) {
    clients_[channel & 7] = &client;
}

bool I8237Pair::ready(unsigned channel) const {
    // Channels 0-3 reach the bus through the cascade input of the second chip, DREQ4. Firmware
    // programs it so once; PIIX3 needs it enabled and not its mode.
    if (channel == 4 || channel > 7) return false;
    return chip(channel).ready(channel & 3);
}

IsaDmaDirection I8237Pair::direction(unsigned channel) const {
    return chip(channel).channel(channel & 3).direction();
}

void I8237Pair::set_dreq(unsigned channel, bool level) {
    if (channel == 4 || channel > 7) return;
    chip(channel).set_dreq(channel & 3, level);
}

// The physical address of the next unit.
uint64_t I8237Pair::address(unsigned channel) const {
    const uint64_t page = page_[kPagePort[channel]];
    const uint64_t address = chip(channel).channel(channel & 3).address;
    return channel < 4 ? page << 16 | address : (page & 0xFE) << 16 | address << 1;
}

// `data` lies on the units from the current address on, and doesn't reach beyond terminal count.
// The address wraps around within the page.
void I8237Pair::move(unsigned channel, IsaDmaDirection direction, std::span<uint8_t> data) {
    if (direction != IsaDmaDirection::kToMemory && direction != IsaDmaDirection::kToDevice) return;
    const unsigned width = channel < 4 ? 1 : 2;
    const I8237::Channel& c = chip(channel).channel(channel & 3);
    const uint64_t page = address(channel) - uint64_t{c.address} * width;
    size_t done = 0;
    uint16_t at = c.address;
    while (done < data.size()) {
        // Upwards in one piece up to the page's end, downwards unit by unit.
        const size_t room = c.decrement() ? width : (size_t{0x10000} - at) * width;
        const std::span<uint8_t> piece = data.subspan(done, std::min(room, data.size() - done));
        const uint64_t where = page + uint64_t{at} * width;
        if (direction == IsaDmaDirection::kToMemory)
            bus_.dma_write(where, piece);
        else
            bus_.dma_read(where, piece);
        done += piece.size();
        const size_t units = piece.size() / width;
        at = static_cast<uint16_t>(c.decrement() ? at - units : at + units);
    }
}

IsaDmaResult I8237Pair::transfer(unsigned channel, std::span<uint8_t> data) {
    IsaDmaResult result;
    if (!ready(channel)) return result;
    I8237& controller = chip(channel);
    const unsigned n = channel & 3;
    result.direction = controller.channel(n).direction();
    const unsigned width = channel < 4 ? 1 : 2;
    const size_t left = controller.channel(n).count + size_t{1};
    const size_t units = std::min(left, data.size() / width);
    if (!units) return result;
    result.bytes = units * width;
    move(channel, result.direction, data.first(result.bytes));
    result.terminal_count = controller.step(n, static_cast<uint32_t>(units));
    controller.served(n);
    return result;
}

// A register was written: somebody may have become ready.
void I8237Pair::written(bool high) {
    I8237& controller = high ? high_ : low_;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned n = controller.by_priority(i);
        if (controller.enabled() && controller.requested(n)) software_request(n + (high ? 4 : 0));
    }
    serve();
}

// Clients run in order of priority, the channels of the first chip in the place of channel 4. A
// client may write nothing here, but its transfer can end in an interrupt line change; it cannot
// come back to us.
void I8237Pair::serve() {
    if (serving_) return;
    serving_ = true;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned n = high_.by_priority(i);
        if (n != 0) {
            if (clients_[n + 4] && ready(n + 4)) clients_[n + 4]->dma_ready(n + 4);
            continue;
        }
        for (unsigned j = 0; j < 4; ++j) {
            const unsigned m = low_.by_priority(j);
            if (clients_[m] && ready(m)) clients_[m]->dma_ready(m);
        }
    }
    serving_ = false;
}

// "Request register": non-maskable, for channels in block mode; the whole block moves. No device
// answers the DACK, so memory is written with what a floating bus reads.
void I8237Pair::software_request(unsigned channel) {
    I8237& controller = chip(channel);
    const unsigned n = channel & 3;
    if (channel < 2 && controller.memory_to_memory()) {
        if (channel == 0) memory_to_memory();
        return;
    }
    const I8237::Channel& c = controller.channel(n);
    if (channel == 4 || c.transfer_mode() != 2) return;
    const size_t units = c.count + size_t{1};
    std::vector<uint8_t> data(units * (channel < 4 ? 1 : 2), 0xFF);
    move(channel, c.direction(), data);
    controller.step(n, static_cast<uint32_t>(units));
    controller.served(n);
}

// "Memory-to-memory": channel 0 reads into the temporary register, channel 1 writes it and counts.
void I8237Pair::memory_to_memory() {
    const size_t units = low_.channel(1).count + size_t{1};
    for (size_t i = 0; i < units; ++i) {
        uint8_t byte = 0;
        bus_.dma_read(address(0), {&byte, 1});
        low_.set_temporary(byte);
        bus_.dma_write(address(1), {&byte, 1});
        I8237::Channel& source = low_.channel(0);
        if (!low_.hold_source()) {
            source.address =
                static_cast<uint16_t>(source.decrement() ? source.address - 1 : source.address + 1);
        }
        --source.count;
        low_.step(1, 1);
    }
    if (low_.channel(0).auto_initialize()) {
        low_.channel(0).address = low_.channel(0).base_address;
        low_.channel(0).count = low_.channel(0).base_count;
    }
    low_.clear_request(0);
}

}  // namespace qr
