// SPDX-License-Identifier: GPL-2.0-or-later
// Snapshots: what is saved comes back, and what is damaged or of another machine changes nothing.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "replay/log_format.h"
#include "replay/snapshot.h"
#include "replay/state_dump.h"
#include "toy_machine.h"

namespace qr {
namespace {

std::vector<uint8_t> ram_of(ToyMachine& m) {
    return {m.ram().data(), m.ram().data() + m.ram().size()};
}

StateDump state_of(ToyMachine& m) {
    return dump_state([&](StateVisitor& v) { m.root.state(v); });
}

TEST(SnapshotTest, BringsBackStateAndMemory) {
    ToyMachine a;
    a.record(500'000, 1, nullptr);
    const auto bytes = save_snapshot(a.root, a.memory);
    EXPECT_LT(bytes.size(), ToyMachine::kRamSize / 2) << "zero pages take no room";
    const auto state = state_of(a);
    const auto ram = ram_of(a);
    ToyMachine b;
    b.record(900'000, 2, nullptr);
    b.memory.clear_dirty_all(kDirtyCheckpoint);
    const auto ram_before = ram_of(b);
    const auto loaded = load_snapshot(bytes, b.root, b.memory);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(state_of(b), state);
    EXPECT_EQ(ram_of(b), ram);
    for (uint64_t p = 0; p < ToyMachine::kRamSize / kPageSize; ++p) {
        const bool changed = std::memcmp(&ram_before[p * kPageSize], &ram[p * kPageSize], kPageSize);
        EXPECT_EQ((b.ram().dirty(p) & kDirtyCheckpoint) != 0, changed) << "page " << p;
    }
    // Both go on in the same way.
    a.record(600'000, 3, nullptr, false);
    b.record(600'000, 3, nullptr, false);
    EXPECT_EQ(state_of(b), state_of(a));
    EXPECT_EQ(ram_of(b), ram_of(a));
}

TEST(SnapshotTest, CallsAfterLoadOnceAllIsInPlace) {
    ToyMachine a;
    a.ram().data()[5] = 77;
    const auto bytes = save_snapshot(a.root, a.memory);
    ToyMachine b;
    int calls = 0;
    uint8_t seen = 0;
    // A part without fields: only told afterwards.
    b.root.add(
        "listener", [](StateVisitor&) {},
        [&] {
            ++calls;
            seen = b.ram().data()[5];
        });
    ASSERT_TRUE(load_snapshot(bytes, b.root, b.memory));
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(seen, 77);
}

TEST(SnapshotTest, RefusesAnotherMachine) {
    ToyMachine a, b;
    b.record(100'000, 1, nullptr);
    b.root.add("extra", [](StateVisitor& v) {
        uint8_t field = 0;
        v("field", field);
    });
    const auto state = state_of(b);
    const auto ram = ram_of(b);
    auto loaded = load_snapshot(save_snapshot(a.root, a.memory), b.root, b.memory);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("'extra.field'"), std::string::npos);
    EXPECT_EQ(state_of(b), state);
    EXPECT_EQ(ram_of(b), ram);

    auto more = RamBlock::create("vram", 2 * kPageSize, false);
    ToyMachine c;
    c.memory.register_block(**more);
    loaded = load_snapshot(save_snapshot(a.root, a.memory), c.root, c.memory);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("1 memory blocks, and this machine has 2"),
              std::string::npos)
        << loaded.error().message;
}

// With the hash made right again, so that the checks behind it are met too.
std::vector<uint8_t> rehash(std::vector<uint8_t> bytes) {
    if (bytes.size() < 8) return bytes;
    store_le(bytes.data() + bytes.size() - 8, hash64({bytes.data(), bytes.size() - 8}));
    return bytes;
}

TEST(SnapshotTest, DamageChangesNothing) {
    ToyMachine a, b;
    a.record(200'000, 1, nullptr);
    b.record(300'000, 2, nullptr);
    const auto good = save_snapshot(a.root, a.memory);
    const auto state = state_of(b);
    const auto ram = ram_of(b);
    std::mt19937 random(3);
    const auto check = [&](const std::vector<uint8_t>& bytes, bool must_fail) {
        const auto loaded = load_snapshot(bytes, b.root, b.memory);
        if (loaded) {
            ASSERT_FALSE(must_fail);
            // What a flip under a right hash left decodable: put the machine back.
            ToyMachine again;
            again.record(300'000, 2, nullptr);
            ASSERT_TRUE(load_snapshot(save_snapshot(again.root, again.memory), b.root, b.memory));
        } else {
            EXPECT_FALSE(loaded.error().message.empty());
        }
        ASSERT_EQ(state_of(b), state);
    };
    for (size_t n = 0; n < good.size(); n += n < 300 ? 1 : 997) {
        std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(n));
        check(cut, true);
        check(rehash(std::move(cut)), true);
    }
    for (int i = 0; i < 300; ++i) {
        auto flipped = good;
        flipped[random() % (i % 2 ? 2000 : flipped.size())] ^=
            static_cast<uint8_t>(1 << random() % 8);
        check(flipped, true);
        check(rehash(std::move(flipped)), false);
    }
    EXPECT_EQ(ram_of(b), ram);
    check({}, true);
    auto longer = good;
    longer.insert(longer.end() - 8, 0);
    check(rehash(longer), true);
}

TEST(SnapshotTest, HasANameAndSections) {
    ToyMachine a, b;
    a.record(200'000, 1, nullptr);
    const SnapshotExtras extras{"before it broke", {{"disk", {1, 2, 3}}, {"empty", {}}}};
    const auto bytes = save_snapshot(a.root, a.memory, extras);
    EXPECT_EQ(snapshot_name(std::span(bytes).first(100)), "before it broke");
    EXPECT_FALSE(snapshot_name(std::span(bytes).subspan(1)));
    const auto back = read_snapshot_extras(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->name, extras.name);
    EXPECT_EQ(back->sections, extras.sections);
    EXPECT_TRUE(load_snapshot(bytes, b.root, b.memory));
    EXPECT_EQ(state_of(b), state_of(a));
}

TEST(SnapshotTest, ReadsVersionOne) {
    ToyMachine a, b;
    a.record(200'000, 1, nullptr);
    auto bytes = save_snapshot(a.root, a.memory);
    // Behind magic, version and behaviour version 2 has a state version, an empty name, and no sections.
    bytes[8] = 1;
    ASSERT_TRUE(bytes[10] == kStateVersion && !bytes[11] && !bytes[12]);
    bytes.erase(bytes.begin() + 10, bytes.begin() + 13);
    const auto loaded = load_snapshot(rehash(bytes), b.root, b.memory);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(state_of(b), state_of(a));
    bytes[8] = 3;
    EXPECT_FALSE(load_snapshot(rehash(bytes), b.root, b.memory));
}

TEST(SnapshotTest, CheckingChangesNothing) {
    ToyMachine a, b;
    a.record(200'000, 1, nullptr);
    const auto before = state_of(b);
    const auto ram = ram_of(b);
    const auto bytes = save_snapshot(a.root, a.memory);
    EXPECT_TRUE(check_snapshot(bytes, b.root, b.memory));
    EXPECT_EQ(state_of(b), before);
    EXPECT_EQ(ram_of(b), ram);
    EXPECT_FALSE(check_snapshot(std::span(bytes).first(bytes.size() - 1), b.root, b.memory));
}

}  // namespace
}  // namespace qr
