// SPDX-License-Identifier: GPL-2.0-or-later
//
// Registers and bits of an ATA channel and of the devices on it. Source: ATA/ATAPI-6 (T13/1410D), 7
// (interface registers), 9.12 (signatures), 9.6 (packet delivery).
#pragma once

#include <cstdint>

namespace qr::ide {

// Status register.
constexpr uint8_t kErr = 0x01;   // CHK for a packet device
constexpr uint8_t kDrq = 0x08;
constexpr uint8_t kDsc = 0x10;   // SERV for a packet device
constexpr uint8_t kDf = 0x20;
constexpr uint8_t kDrdy = 0x40;
constexpr uint8_t kBsy = 0x80;

// Error register.
constexpr uint8_t kAbrt = 0x04;
constexpr uint8_t kIdnf = 0x10;
constexpr uint8_t kUnc = 0x40;
constexpr uint8_t kIcrc = 0x80;

// Device register.
constexpr uint8_t kDev = 0x10;
constexpr uint8_t kLba = 0x40;
constexpr uint8_t kObsolete = 0xa0;  // bits that older devices have at one

// Device control register.
constexpr uint8_t kNien = 0x02;
constexpr uint8_t kSrst = 0x04;
constexpr uint8_t kHob = 0x80;

// Interrupt reason: the sector count register of a packet device.
constexpr uint8_t kReasonCommand = 0x01;  // C/D
constexpr uint8_t kReasonToHost = 0x02;   // I/O

// A register that remembers what it held before: 48-bit commands take both (6.20).
struct TwoBytes {
    uint8_t now = 0;
    uint8_t before = 0;

    void push(uint8_t value) {
        before = now;
        now = value;
    }
    template <class V>
    void state(V& v) {
        v("now", now);
        v("before", before);
    }
};

// A device's command block. Each device on the channel has its own, and takes what is written whichever of the
// two is selected.
struct TaskFile {
    uint8_t error = 0;
    TwoBytes feature, count, lba_low, lba_mid, lba_high;
    uint8_t device = 0;
    uint8_t status = 0;

    template <class V>
    void state(V& v) {
        v("error", error);
        v("feature", feature);
        v("count", count);
        v("lba_low", lba_low);
        v("lba_mid", lba_mid);
        v("lba_high", lba_high);
        v("device", device);
        v("status", status);
    }
};

}  // namespace qr::ide
