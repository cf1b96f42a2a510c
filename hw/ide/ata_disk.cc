// SPDX-License-Identifier: GPL-2.0-or-later
//
// Commands of an ATA disk that don't move sectors (those do: ata_transfer.cc). Source: ATA/ATAPI-6 (T13/1410D), 8;
// ATA8-ACS, 7.10 (DATA SET MANAGEMENT).
#include "hw/ide/ata_disk.h"

#include <algorithm>

#include "util/bits.h"

namespace qr::ide {

namespace {

// 16 heads of 63 sectors, as many cylinders as there are up to what a PC knows (annex C of ATA-6).
Geometry default_geometry(uint64_t sectors) {
    const uint64_t cylinders = std::clamp<uint64_t>(sectors / (16 * 63), 2, 16383);
    return {static_cast<uint16_t>(cylinders), 16, 63};
}

// Table 23: the standby timer's periods.
int64_t standby_period(uint8_t count) {
    constexpr int64_t kSecond = 1'000'000'000;
    if (count <= 240) return count * 5 * kSecond;
    if (count <= 251) return (count - 240) * 30 * 60 * kSecond;
    switch (count) {
        case 252: return 21 * 60 * kSecond;
        case 253: return 10 * 3600 * kSecond;  // "between 8 and 12 hours"
        case 255: return (21 * 60 + 15) * kSecond;
        default: return 0;
    }
}

}  // namespace

AtaDisk::AtaDisk(UnitWires& wires, unsigned number, std::string name, VirtualClock& clock, Drive& drive,
                 Identity identity, Geometry geometry)
    : Unit(wires, number, std::move(name), clock, drive) {
    facts_.identity = std::move(identity);
    facts_.sectors = drive.size() / 512;
    facts_.preset = geometry.heads ? geometry : default_geometry(facts_.sectors);
    facts_.current = facts_.preset;
}

const AtaDisk::Command AtaDisk::kCommands[] = {
    {0x00, &AtaDisk::nop},
    {0x06, &AtaDisk::trim},
    {0x10, &AtaDisk::recalibrate},
    {0x20, &AtaDisk::read<By::kPio>},
    {0x21, &AtaDisk::read<By::kPio>},
    {0x24, &AtaDisk::read<By::kPio>},
    {0x25, &AtaDisk::read<By::kDma>},
    {0x27, &AtaDisk::read_native_max},
    {0x29, &AtaDisk::read<By::kMultiple>},
    {0x30, &AtaDisk::write<By::kPio>},
    {0x31, &AtaDisk::write<By::kPio>},
    {0x34, &AtaDisk::write<By::kPio>},
    {0x35, &AtaDisk::write<By::kDma>},
    {0x39, &AtaDisk::write<By::kMultiple>},
    {0x3c, &AtaDisk::write<By::kPio>},  // WRITE VERIFY, retired
    {0x40, &AtaDisk::verify},
    {0x41, &AtaDisk::verify},
    {0x42, &AtaDisk::verify},
    {0x70, &AtaDisk::seek},
    {0x90, &AtaDisk::diagnose},
    {0x91, &AtaDisk::initialize_parameters},
    {0x94, &AtaDisk::change_power},
    {0x95, &AtaDisk::change_power},
    {0x96, &AtaDisk::change_power},
    {0x97, &AtaDisk::change_power},
    {0x98, &AtaDisk::check_power},
    {0x99, &AtaDisk::change_power},
    {0xb0, &AtaDisk::smart},
    {0xc4, &AtaDisk::read<By::kMultiple>},
    {0xc5, &AtaDisk::write<By::kMultiple>},
    {0xc6, &AtaDisk::set_multiple},
    {0xc8, &AtaDisk::read<By::kDma>},
    {0xc9, &AtaDisk::read<By::kDma>},
    {0xca, &AtaDisk::write<By::kDma>},
    {0xcb, &AtaDisk::write<By::kDma>},
    {0xe0, &AtaDisk::change_power},
    {0xe1, &AtaDisk::change_power},
    {0xe2, &AtaDisk::change_power},
    {0xe3, &AtaDisk::change_power},
    {0xe5, &AtaDisk::check_power},
    {0xe6, &AtaDisk::change_power},
    {0xe7, &AtaDisk::flush},
    {0xea, &AtaDisk::flush},
    {0xec, &AtaDisk::identify},
    {0xef, &AtaDisk::set_features},
    {0xf8, &AtaDisk::read_native_max},
};

void AtaDisk::execute(uint8_t opcode) {
    const auto* found = std::ranges::find(kCommands, opcode, &Command::opcode);
    if (found == std::end(kCommands)) return failed(kAbrt);
    opcode_ = opcode;
    work_ = Work::kNone;
    const bool looks = found->run == &AtaDisk::check_power;
    power_ = power();
    if (!looks) used_ns_ = clock().now_ns();
    (this->*found->run)();
}

void AtaDisk::nop() { failed(kAbrt); }

void AtaDisk::recalibrate() {
    regs_.lba_low.now = regs_.lba_mid.now = regs_.lba_high.now = 0;
    done();
}

void AtaDisk::seek() {
    count_ = 1;
    if (take_address()) done();
}

// Both devices run it; device 0 speaks for both.
void AtaDisk::diagnose() {
    put_signature();
    regs_.error = 0x01;
    done(kDrdy | kDsc, number() == 0);
}

void AtaDisk::initialize_parameters() {
    const uint16_t heads = (regs_.device & 15) + 1;
    const uint16_t sectors = regs_.count.now;
    if (!sectors) return failed(kAbrt);
    const uint64_t cylinders = facts_.sectors / (unsigned{heads} * sectors);
    facts_.current = {static_cast<uint16_t>(std::min<uint64_t>(cylinders, 16383)), heads, sectors};
    done();
}

void AtaDisk::flush() {
    work_ = Work::kFlush;
    begin_flush();
}

void AtaDisk::identify() {
    work_ = Work::kReply;
    facts_.smart = smart_.enabled();
    set_data(identify_disk(facts_));
    pio_in(512);
}

void AtaDisk::set_features() {
    switch (regs_.feature.now) {
        case 0x02: facts_.write_cache = true; break;
        case 0x82: facts_.write_cache = false; return flush();
        case 0x03:
            if (!set_transfer_mode(facts_.modes, regs_.count.now)) return failed(kAbrt);
            break;
        case 0x05:
            if (regs_.count.now == 0 || regs_.count.now == 0xff) return failed(kAbrt);
            facts_.power_management = regs_.count.now;
            break;
        case 0x85: facts_.power_management = 0; break;
        case 0x55: facts_.read_ahead = false; break;
        case 0xaa: facts_.read_ahead = true; break;
        case 0x66: keep_ = true; break;
        case 0xcc: keep_ = false; break;
        default: return failed(kAbrt);
    }
    done();
}

void AtaDisk::set_multiple() {
    const uint8_t count = regs_.count.now;
    if (count > facts_.most_multiple || (count & (count - 1))) {
        facts_.multiple = 0;
        return failed(kAbrt);
    }
    facts_.multiple = count;
    done();
}

void AtaDisk::read_native_max() {
    constexpr uint64_t kMostLba28 = 0x0fffffff;
    const uint64_t last = facts_.sectors - 1;
    if (opcode_ == 0x27)
        put_address48(last);
    else
        put_address(std::min(last, kMostLba28 - 1));
    done();
}

// ---- DATA SET MANAGEMENT ----

void AtaDisk::trim() {
    const uint32_t sectors = unsigned{regs_.count.before} << 8 | regs_.count.now;
    if (!(regs_.feature.now & 1) || !sectors || sectors > kTrimSectors || drive_.read_only())
        return failed(kAbrt);
    work_ = Work::kTrim;
    clear_data();
    dma_out(sectors * 512);
}

// A range: 48 bits of address, 16 bits of length, which may be zero.
void AtaDisk::next_range() {
    while (ranges_.size() >= 8) {
        const auto range = load_le<uint64_t>(ranges_.data());
        ranges_.erase(ranges_.begin(), ranges_.begin() + 8);
        const uint64_t first = bits(range, 0, 48), count = range >> 48;
        if (!count) continue;
        if (first >= facts_.sectors || count > facts_.sectors - first) {
            ranges_.clear();
            return failed(kAbrt);
        }
        return begin_discard(first * 512, count * 512);
    }
    done();
}

// ---- SMART ----

void AtaDisk::smart() {
    const uint8_t function = regs_.feature.now;
    if (regs_.lba_mid.now != 0x4f || regs_.lba_high.now != 0xc2) return failed(kAbrt);
    if (!smart_.enabled() && function != 0xd8) return failed(kAbrt);
    const auto reply = [this](std::vector<uint8_t> bytes) {
        work_ = Work::kReply;
        set_data(std::move(bytes));
        pio_in(512);
    };
    switch (function) {
        case 0xd0: return reply(smart_.values());
        case 0xd1: return reply(smart_.thresholds());
        case 0xd2:
            if (regs_.count.now != 0 && regs_.count.now != 0xf1) return failed(kAbrt);
            smart_.set_autosave(regs_.count.now);
            break;
        case 0xd3: break;  // attributes don't change
        case 0xd4:
            if (!smart_.run_test(regs_.lba_low.now)) return failed(kAbrt);
            break;
        case 0xd5: {
            auto log = smart_.log(regs_.lba_low.now, regs_.count.now);
            if (!log) return failed(kAbrt);
            return reply(std::move(*log));
        }
        case 0xd8: smart_.set_enabled(true); break;
        case 0xd9: smart_.set_enabled(false); break;
        case 0xda: break;  // not exceeded: the address registers stay as they are
        case 0xdb:
            if (regs_.count.now != 0 && regs_.count.now != 0xf8) return failed(kAbrt);
            smart_.set_off_line(regs_.count.now);
            break;
        default: return failed(kAbrt);
    }
    done();
}

// ---- power ----

AtaDisk::Power AtaDisk::power() const {
    const bool turns = power_ == Power::kActive || power_ == Power::kIdle;
    if (turns && standby_ns_ && clock().now_ns() - used_ns_ >= standby_ns_) return Power::kStandby;
    return power_;
}

void AtaDisk::check_power() {
    regs_.count.now = power_ == Power::kActive ? 0xff : power_ == Power::kIdle ? 0x80 : 0x00;
    done();
}

// STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE, SLEEP, by their present opcodes and their oldest.
void AtaDisk::change_power() {
    switch (opcode_) {
        case 0x95:
        case 0xe1: power_ = Power::kIdle; break;
        case 0x97:
        case 0xe3:
            power_ = Power::kIdle;
            standby_ns_ = standby_period(regs_.count.now);
            break;
        case 0x96:
        case 0xe2:
            power_ = Power::kStandby;
            standby_ns_ = standby_period(regs_.count.now);
            break;
        case 0x99:
        case 0xe6: power_ = Power::kSleep; break;
        default: power_ = Power::kStandby; break;
    }
    done();
}

// ---- life ----

// 9.12: what tells a disk from a packet device.
void AtaDisk::put_signature() {
    regs_.count = regs_.lba_low = {.now = 1, .before = 0};
    regs_.lba_mid = regs_.lba_high = {};
    regs_.device = kObsolete;
    regs_.status = kDrdy | kDsc;
}

void AtaDisk::reset_device(bool hardware) {
    work_ = Work::kNone;
    ranges_.clear();
    power_ = Power::kActive;
    used_ns_ = clock().now_ns();
    if (!hardware && keep_) return;
    keep_ = false;
    facts_.multiple = facts_.most_multiple;
    facts_.current = facts_.preset;
    facts_.write_cache = facts_.read_ahead = true;
    facts_.power_management = 0;
    if (!hardware) return;
    facts_.modes = {};
    standby_ns_ = 0;
}

void AtaDisk::device_state(StateVisitor& v) {
    v("geometry", facts_.current);
    v("multiple", facts_.multiple);
    v("modes", facts_.modes);
    v("write_cache", facts_.write_cache);
    v("read_ahead", facts_.read_ahead);
    v("power_management", facts_.power_management);
    v("smart", smart_);
    v("opcode", opcode_);
    v("work", work_);
    v("by", by_);
    v("lba", lba_);
    v("count", count_);
    v("piece", piece_);
    v("ranges", ranges_, kTrimSectors * 512);
    v("keep", keep_);
    v("power", power_);
    v("standby_ns", standby_ns_);
    v("used_ns", used_ns_);
    if (v.loading() && (!facts_.current.heads || !facts_.current.sectors || piece_ > 0x10000 || count_ > 0x10000)) {
        v.fail("a disk's geometry or request is out of range");
        facts_.current = facts_.preset;
        piece_ = count_ = 0;
        work_ = Work::kNone;
    }
}

}  // namespace qr::ide
