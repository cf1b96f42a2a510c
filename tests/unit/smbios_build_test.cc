// SPDX-License-Identifier: GPL-2.0-or-later
// The SMBIOS tables of the `pc` board: walked structure by structure, as a reader of DSP0134 would.
#include "hw/i386/smbios_build.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>

#include "util/bits.h"

namespace qr {
namespace {

struct Entry {
    uint8_t type;
    std::vector<uint8_t> area;
    std::vector<std::string> strings;

    std::string text(size_t offset) const {
        const uint8_t n = area.at(offset);
        return n ? strings.at(n - 1u) : std::string();
    }
};

std::vector<Entry> walk(const std::vector<uint8_t>& tables) {
    std::vector<Entry> entries;
    size_t at = 0;
    while (at < tables.size()) {
        Entry e{tables[at], {}, {}};
        const size_t length = tables.at(at + 1);
        e.area.assign(tables.begin() + static_cast<long>(at),
                      tables.begin() + static_cast<long>(at + length));
        at += length;
        if (tables.at(at) == 0) ++at;  // no strings: two zeros all the same
        while (tables.at(at) != 0) {
            e.strings.emplace_back(reinterpret_cast<const char*>(&tables[at]));
            at += e.strings.back().size() + 1;
        }
        ++at;
        entries.push_back(e);
    }
    return entries;
}

int sum(std::span<const uint8_t> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0) & 0xff;
}

TEST(Smbios, StructuresAndAnchor) {
    SmbiosMachine machine;
    machine.ram_below_4g = 0xc0000000;
    machine.ram_above_4g = 0x40000000;
    machine.cpuid_eax = 0x663;
    machine.cpuid_edx = 0x0781abfd;
    machine.uuid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    const SmbiosFiles files = build_smbios(machine);
    const std::vector<Entry> entries = walk(files.tables);

    std::vector<int> types;
    std::map<int, Entry> last;
    std::map<int, int> handles;
    for (const Entry& e : entries) {
        types.push_back(e.type);
        last[e.type] = e;
        ++handles[load_le<uint16_t>(&e.area[2])];
    }
    EXPECT_EQ(types, (std::vector<int>{1, 3, 4, 16, 17, 19, 19, 32, 127}));
    EXPECT_EQ(handles.size(), entries.size());
    EXPECT_EQ(last[1].text(4), "qemu-replay");
    EXPECT_EQ(last[1].text(5), "Standard PC (i440FX + PIIX, 1996)");
    EXPECT_EQ(std::vector<uint8_t>(last[1].area.begin() + 8, last[1].area.begin() + 18),
              (std::vector<uint8_t>{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99}));
    EXPECT_EQ(last[4].text(4), "CPU 0");
    EXPECT_EQ(load_le<uint32_t>(&last[4].area[8]), 0x663u);
    EXPECT_EQ(load_le<uint32_t>(&last[16].area[7]), 0x400000u);
    EXPECT_EQ(load_le<uint16_t>(&last[17].area[12]), 4096);
    EXPECT_EQ(load_le<uint32_t>(&last[19].area[4]), 0x400000u);
    EXPECT_EQ(load_le<uint32_t>(&last[19].area[8]), 0x4fffffu);

    ASSERT_EQ(files.anchor.size(), 31u);
    EXPECT_EQ(std::string(files.anchor.begin(), files.anchor.begin() + 4), "_SM_");
    EXPECT_EQ(sum(files.anchor), 0);
    EXPECT_EQ(sum(std::span(files.anchor).subspan(16)), 0);
    EXPECT_EQ(load_le<uint16_t>(&files.anchor[0x16]), files.tables.size());
    EXPECT_EQ(load_le<uint16_t>(&files.anchor[0x1c]), entries.size());
}

TEST(Smbios, OneProcessorStructureEach) {
    SmbiosMachine machine;
    machine.cpus = 3;
    machine.ram_below_4g = 0x4000000;
    int processors = 0;
    for (const Entry& e : walk(build_smbios(machine).tables)) processors += e.type == 4;
    EXPECT_EQ(processors, 3);
}

}  // namespace
}  // namespace qr
