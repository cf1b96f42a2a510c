// SPDX-License-Identifier: GPL-2.0-or-later
// The ACPI tables of the `pc` board: byte code against what the specification gives, the loader
// script by carrying it out as a firmware would, and everything through ACPICA's disassembler and
// compiler.
#include "hw/i386/acpi_build.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>

#include "util/bits.h"

namespace qr {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Aml, NamesAndIntegers) {
    EXPECT_EQ(aml::path("\\").bytes, (Bytes{'\\', 0}));
    EXPECT_EQ(aml::path("_SB").bytes, (Bytes{'_', 'S', 'B', '_'}));
    EXPECT_EQ(aml::path("\\_SB.PCI0").bytes,
              (Bytes{'\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I', '0'}));
    EXPECT_EQ(aml::path("^^A.B.C").bytes, (Bytes{'^', '^', 0x2f, 3, 'A', '_', '_', '_', 'B', '_',
                                                 '_', '_', 'C', '_', '_', '_'}));
    EXPECT_EQ(aml::integer(0).bytes, (Bytes{0}));
    EXPECT_EQ(aml::integer(1).bytes, (Bytes{1}));
    EXPECT_EQ(aml::integer(2).bytes, (Bytes{0x0a, 2}));
    EXPECT_EQ(aml::integer(0x1234).bytes, (Bytes{0x0b, 0x34, 0x12}));
    EXPECT_EQ(aml::integer(0x12345678).bytes, (Bytes{0x0c, 0x78, 0x56, 0x34, 0x12}));
    EXPECT_EQ(aml::integer(0x1'0000'0000).bytes, (Bytes{0x0e, 0, 0, 0, 0, 1, 0, 0, 0}));
    EXPECT_EQ(aml::eisa_id("PNP0A03").bytes, (Bytes{0x0c, 0x41, 0xd0, 0x0a, 0x03}));
}

TEST(Aml, PackageLengths) {
    // The length counts itself: 1 + 62 fits one byte, 63 more need two.
    const auto scope_of = [](size_t body) {
        return aml::scope("ABCD", {aml::Code{Bytes(body - 4)}}).bytes;
    };
    EXPECT_EQ(scope_of(62)[1], 63);
    EXPECT_EQ(scope_of(63)[1], 0x41);
    EXPECT_EQ(scope_of(63)[2], 0x04);
    EXPECT_EQ(scope_of(4093)[1], 0x4f);
    EXPECT_EQ(scope_of(4093)[2], 0xff);
    EXPECT_EQ(scope_of(4094)[1], 0x81);
    EXPECT_EQ(scope_of(4094)[2], 0x00);
    EXPECT_EQ(scope_of(4094)[3], 0x01);
}

// What a firmware does with the script.
struct Firmware {
    std::map<std::string, uint32_t> address;
    std::map<std::string, Bytes*> contents;

    void run(const Bytes& script) {
        uint32_t next_high = 0x7fe0000, next_low = 0xf5000;
        for (size_t at = 0; at < script.size(); at += 128) {
            const uint8_t* record = &script[at];
            const auto name = [record](size_t offset) {
                return std::string(reinterpret_cast<const char*>(record + offset));
            };
            const std::string file = name(4);
            switch (load_le<uint32_t>(record)) {
                case 1: {
                    uint32_t& next = record[64] == 2 ? next_low : next_high;
                    const uint32_t align = load_le<uint32_t>(record + 60);
                    next = (next + align - 1) / align * align;
                    address[file] = next;
                    next += static_cast<uint32_t>(contents.at(file)->size());
                    break;
                }
                case 2: {
                    const uint32_t offset = load_le<uint32_t>(record + 116);
                    const uint8_t size = record[120];
                    Bytes& in = *contents.at(file);
                    uint64_t pointer = 0;
                    ASSERT_LE(offset + size, in.size());
                    std::memcpy(&pointer, &in[offset], size);
                    ASSERT_LT(pointer, contents.at(name(60))->size());
                    pointer += address.at(name(60));
                    std::memcpy(&in[offset], &pointer, size);
                    break;
                }
                case 3: {
                    const uint32_t offset = load_le<uint32_t>(record + 60);
                    const uint32_t start = load_le<uint32_t>(record + 64);
                    const uint32_t length = load_le<uint32_t>(record + 68);
                    Bytes& in = *contents.at(file);
                    ASSERT_LE(start + length, in.size());
                    in[offset] = 0;
                    in[offset] = static_cast<uint8_t>(
                        -std::accumulate(in.begin() + start, in.begin() + start + length, 0));
                    break;
                }
                default:
                    FAIL() << "command " << load_le<uint32_t>(record);
            }
        }
    }
};

AcpiMachine full_machine() {
    AcpiMachine machine;
    machine.cpus = 2;
    machine.floppy = true;
    machine.serial = {true, true, true, true};
    machine.parallel = 3;
    machine.s3 = machine.s4 = true;
    machine.gpe0_base = 0xafe0;
    machine.hole32 = {0x10000000, 0xfebfffff};
    machine.hole64 = {0x100000000, 0x17fffffff};
    return machine;
}

AcpiMachine small_machine() {
    AcpiMachine machine;
    machine.hpet = false;
    machine.keyboard = false;
    machine.hole32 = {0xc0000000, 0xfebfffff};
    return machine;
}

struct Linked {
    uint32_t rsdp_address = 0;
    Bytes rsdp;
    Bytes tables;
    uint32_t base = 0;

    explicit Linked(const AcpiMachine& machine) {
        AcpiFiles files = build_acpi(machine);
        EXPECT_EQ(files.loader.size() % 128, 0u);
        Firmware firmware;
        firmware.contents = {{"etc/acpi/rsdp", &files.rsdp}, {"etc/acpi/tables", &files.tables}};
        firmware.run(files.loader);
        rsdp_address = firmware.address["etc/acpi/rsdp"];
        base = firmware.address["etc/acpi/tables"];
        rsdp = files.rsdp;
        tables = files.tables;
    }
    std::span<const uint8_t> table(uint32_t address) const {
        const size_t at = address - base;
        if (address < base || at + 8 > tables.size()) return {};
        return std::span(tables).subspan(at, load_le<uint32_t>(&tables[at + 4]));
    }
    std::map<std::string, std::span<const uint8_t>> all() const {
        std::map<std::string, std::span<const uint8_t>> found;
        const auto rsdt = table(load_le<uint32_t>(&rsdp[16]));
        const auto add = [&found](std::span<const uint8_t> t) {
            found[std::string(t.begin(), t.begin() + 4)] = t;
        };
        add(rsdt);
        for (size_t at = 36; at < rsdt.size(); at += 4) add(table(load_le<uint32_t>(&rsdt[at])));
        const auto fadt = found.at("FACP");
        add(table(load_le<uint32_t>(&fadt[36])));
        add(table(load_le<uint32_t>(&fadt[40])));
        return found;
    }
};

int sum(std::span<const uint8_t> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0) & 0xff;
}

TEST(AcpiTables, LinkToWholeTables) {
    const Linked linked(full_machine());
    EXPECT_EQ(sum(linked.rsdp), 0);
    const auto tables = linked.all();
    ASSERT_EQ(tables.size(), 7u);
    for (const auto& [signature, table] : tables) {
        if (signature == "FACS") continue;  // has no checksum
        EXPECT_EQ(sum(table), 0) << signature;
    }
    EXPECT_EQ((linked.base + (tables.at("FACS").data() - linked.tables.data())) % 64, 0u);
    const auto fadt = tables.at("FACP");
    EXPECT_EQ(load_le<uint32_t>(&fadt[40]), load_le<uint64_t>(&fadt[140]));
    EXPECT_EQ(load_le<uint16_t>(&fadt[46]), 9);
    EXPECT_EQ(load_le<uint32_t>(&fadt[56]), 0x600u);
    EXPECT_EQ(load_le<uint32_t>(&fadt[64]), 0x604u);
    EXPECT_EQ(load_le<uint32_t>(&fadt[76]), 0x608u);
    EXPECT_EQ(load_le<uint64_t>(&fadt[120]), 0xcf9u);
    EXPECT_EQ(fadt[128], 0x06);
    EXPECT_EQ(Linked(small_machine()).all().count("HPET"), 0u);
}

TEST(AcpiTables, IsaRoutingInMadt) {
    const Linked linked(full_machine());
    const auto madt = linked.all().at("APIC");
    std::map<int, int> kinds;
    for (size_t at = 44; at < madt.size(); at += madt[at + 1]) {
        ++kinds[madt[at]];
        if (madt[at] == 2 && madt[at + 3] == 0) {
            EXPECT_EQ(load_le<uint32_t>(&madt[at + 4]), 2u);
        }
    }
    EXPECT_EQ(kinds, (std::map<int, int>{{0, 2}, {1, 1}, {2, 5}, {4, 1}}));
}

class AcpiCompiler : public testing::TestWithParam<bool> {};

// Each table disassembles, and the result compiles, without a warning; the DSDT to the same bytes.
TEST_P(AcpiCompiler, AcceptsAllTables) {
    namespace fs = std::filesystem;
    if (std::system("command -v iasl >/dev/null") != 0) GTEST_SKIP() << "no iasl (acpica-tools)";
    const Linked linked(GetParam() ? full_machine() : small_machine());
    std::string name = (fs::temp_directory_path() / "qr-acpi-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    const fs::path dir = name;
    for (const auto& [signature, table] : linked.all()) {
        const std::string base = (dir / signature).string();
        std::ofstream(base + ".aml", std::ios::binary)
            .write(reinterpret_cast<const char*>(table.data()), static_cast<long>(table.size()));
        const auto run = [&base](const std::string& command) {
            EXPECT_EQ(std::system((command + " >" + base + ".log 2>&1").c_str()), 0) << command;
            std::ifstream log(base + ".log");
            std::string line, text;
            bool bad = false;
            while (std::getline(log, line)) {
                text += line + '\n';
                const bool summary = line.find("0 Errors, 0 Warnings") != std::string::npos;
                if (line.find("(ACPI)") != std::string::npos ||
                    (!summary && (line.find("Warning") != std::string::npos ||
                                  line.find("Error") != std::string::npos))) {
                    bad = true;
                }
            }
            EXPECT_FALSE(bad) << text;
        };
        run("iasl -d " + base + ".aml");
        if (signature == "RSDT") continue;  // the compiler wants no tables that the loader makes
        // Processor() is out of date, and what systems of the time of this board understand.
        run("iasl -ve -we -vw 3168 -oa -p " + base + "-again " + base + ".dsl");
        if (signature != "DSDT") continue;
        std::ifstream again(base + "-again.aml", std::ios::binary);
        const Bytes bytes{std::istreambuf_iterator<char>(again), {}};
        ASSERT_EQ(bytes.size(), table.size());
        EXPECT_TRUE(std::equal(bytes.begin() + 36, bytes.end(), table.begin() + 36));
    }
    if (!testing::Test::HasFailure()) fs::remove_all(dir);
}

INSTANTIATE_TEST_SUITE_P(Machines, AcpiCompiler, testing::Bool());

}  // namespace
}  // namespace qr
