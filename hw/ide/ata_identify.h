// SPDX-License-Identifier: GPL-2.0-or-later
//
// IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data. ATA/ATAPI-6 (T13/1410D), 8.15 and 8.16; what a drive says of
// itself is as QEMU 7.2's drives were seen to. VM thread only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace qr::ide {

// Sectors of ranges that DATA SET MANAGEMENT takes at once.
constexpr uint16_t kTrimSectors = 8;

// How the user named the drive, and what else never changes.
struct Identity {
    std::string model;     // empty: as the kind of drive has it
    std::string serial;
    std::string firmware = "2.5+";
    uint64_t wwn = 0;      // 0: none
};

struct Geometry {
    uint16_t cylinders = 0;
    uint16_t heads = 0;
    uint16_t sectors = 0;  // per track

    template <class V>
    void state(V& v) {
        v("cylinders", cylinders);
        v("heads", heads);
        v("sectors", sectors);
    }
};

// Which mode SET FEATURES chose; 0xff: none of this kind.
struct TransferModes {
    uint8_t multiword = 0xff;
    uint8_t ultra = 5;

    template <class V>
    void state(V& v) {
        v("multiword", multiword);
        v("ultra", ultra);
    }
};

struct DiskFacts {
    Identity identity;
    uint64_t sectors = 0;
    Geometry preset;           // of the drive
    Geometry current;          // INITIALIZE DEVICE PARAMETERS
    unsigned most_multiple = 16;
    unsigned multiple = 16;    // 0: READ/WRITE MULTIPLE are disabled
    TransferModes modes;
    bool write_cache = true;
    bool read_ahead = true;
    bool smart = true;
    bool trim = true;
    uint8_t power_management = 0;  // APM level, 0: disabled
};

std::vector<uint8_t> identify_disk(const DiskFacts& facts);
std::vector<uint8_t> identify_cdrom(const Identity& identity, const TransferModes& modes);

// SET FEATURES 03H: false if there is no such mode.
bool set_transfer_mode(TransferModes& modes, uint8_t value);

}  // namespace qr::ide
