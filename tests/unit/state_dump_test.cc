// SPDX-License-Identifier: GPL-2.0-or-later
// State dumps: listing, loading by name, comparing, and dumps that are not what they should be.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "replay/state_dump.h"

namespace qr {
namespace {

enum class Mode : uint8_t { kIdle, kBusy = 200 };

struct Channel {
    uint16_t count = 0;
    int32_t offset = 0;
    bool gate = false;
    Mode mode = Mode::kIdle;
    void state(StateVisitor& v) {
        v("count", count);
        v("offset", offset);
        v("gate", gate);
        v("mode", mode);
    }
};

struct Device {
    std::array<Channel, 3> channel;
    std::array<uint8_t, 16> cmos{};
    std::vector<uint32_t> list;
    std::deque<uint8_t> queue;
    std::string text;
    uint64_t big = 0;
    int64_t negative = 0;
    bool another_order = false;
    std::string_view extra;  // a field that only this device has
    uint8_t extra_value = 0;
    void state(StateVisitor& v) {
        if (another_order) v("big", big);
        v("channel", channel);
        v("cmos", cmos);
        v("list", list, 100);
        v("queue", queue);
        v("text", text);
        if (!another_order) v("big", big);
        v("negative", negative);
        if (!extra.empty()) v(extra, extra_value);
    }
};

StateFunction state_of(Device& d) {
    return [&d](StateVisitor& v) {
        v.enter("i8254");
        d.state(v);
        v.leave();
    };
}

Device sample() {
    Device d;
    d.channel[0] = {0x1A2B, -5, true, Mode::kBusy};
    d.channel[2].count = 7;
    for (size_t i = 0; i < d.cmos.size(); ++i) d.cmos[i] = static_cast<uint8_t>(i);
    d.list = {1, 2, 0xFFFFFFFF};
    d.queue = {9, 8};
    d.text = "hello";
    d.big = UINT64_MAX;
    d.negative = -1;
    return d;
}

TEST(StateDumpTest, ListsPaths) {
    Device d = sample();
    const StateDump dump = dump_state(state_of(d));
    const auto fields = list_fields(dump);
    ASSERT_TRUE(fields);
    EXPECT_EQ((*fields)[0].path, "i8254.channel[0].count");
    EXPECT_EQ((*fields)[0].width, 2u);
    EXPECT_EQ((*fields)[0].value[0], 0x2B);
    EXPECT_EQ((*fields)[12].path, "i8254.cmos");
    EXPECT_EQ((*fields)[12].value.size(), 16u);
    EXPECT_EQ((*fields)[13].path, "i8254.list.size");
    EXPECT_TRUE(duplicate_paths(dump).empty());
    d.extra = "big";
    EXPECT_EQ(duplicate_paths(dump_state(state_of(d))), std::vector<std::string>{"i8254.big"});
}

TEST(StateDumpTest, LoadsWhatItDumped) {
    Device d = sample(), e;
    const StateDump dump = dump_state(state_of(d));
    const auto loaded = load_state(state_of(e), dump);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(dump_state(state_of(e)), dump);
    EXPECT_EQ(e.channel[0].offset, -5);
    EXPECT_EQ(e.channel[0].mode, Mode::kBusy);
    EXPECT_EQ(e.queue, d.queue);
    EXPECT_EQ(e.text, "hello");
    EXPECT_EQ(e.negative, -1);
}

TEST(StateDumpTest, LoadsByNameInAnyOrder) {
    Device d = sample(), e;
    e.another_order = true;
    ASSERT_TRUE(load_state(state_of(e), dump_state(state_of(d))));
    EXPECT_EQ(e.big, d.big);
    EXPECT_EQ(e.text, d.text);
    EXPECT_EQ(e.channel[2].count, 7);
}

TEST(StateDumpTest, NamesMissingAndUnknownFields) {
    Device d = sample(), e;
    e.extra = "irq_latch";
    auto loaded = load_state(state_of(e), dump_state(state_of(d)));
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("no field 'i8254.irq_latch'"), std::string::npos);
    loaded = load_state(state_of(d), dump_state(state_of(e)));
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("has a field 'i8254.irq_latch'"), std::string::npos);
}

TEST(StateDumpTest, KnowsFieldsThatCameAndWent) {
    Device old = sample(), now;
    now.extra = "irq_latch";
    const StateChange changes[] = {{3, true, "i8254.irq_latch", 0x55}, {2, false, "i8254.gone"}};
    const StateDump dump = dump_state(state_of(old));
    ASSERT_TRUE(load_state(state_of(now), dump, 2, changes));
    EXPECT_EQ(now.extra_value, 0x55);
    EXPECT_EQ(now.big, old.big);
    EXPECT_FALSE(load_state(state_of(now), dump, 3, changes)) << "a snapshot of version 3 has the field";
    old.extra = "gone";
    ASSERT_TRUE(load_state(state_of(now), dump_state(state_of(old)), 1, changes));
    EXPECT_FALSE(load_state(state_of(now), dump_state(state_of(old)), 2, changes));
}

TEST(StateDumpTest, PathsOfChangesFitAnyIndex) {
    EXPECT_TRUE(fits_state_path("a[*].b", "a[0].b"));
    EXPECT_TRUE(fits_state_path("a[*].b[*]", "a[12].b[3]"));
    EXPECT_FALSE(fits_state_path("a[*].b", "a[0].bc"));
    EXPECT_FALSE(fits_state_path("a[*].b", "a[0]"));
    EXPECT_FALSE(fits_state_path("a.b", "a"));
}

TEST(StateDumpTest, RefusesSizesBeyondTheLimit) {
    Device d = sample(), e;
    d.list.resize(101);
    const auto loaded = load_state(state_of(e), dump_state(state_of(d)));
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find("i8254.list.size"), std::string::npos);
}

TEST(StateDumpTest, ComparesByName) {
    Device d = sample(), e = sample();
    EXPECT_TRUE(compare_dumps(dump_state(state_of(d)), dump_state(state_of(e))).empty());
    e.channel[0].count = 0x1A2C;
    e.cmos[5] = 0xFF;
    auto found = compare_dumps(dump_state(state_of(d)), dump_state(state_of(e)));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(describe(found[0]), "i8254.channel[0].count: recorded 0x1a2b, replayed 0x1a2c");
    EXPECT_EQ(describe(found[1]), "i8254.cmos[0x5]: recorded 0x05, replayed 0xff");
    EXPECT_EQ(compare_dumps(dump_state(state_of(d)), dump_state(state_of(e)), 1).size(), 1u);
}

TEST(StateDumpTest, ComparesDumpsOfAnotherShape) {
    Device d = sample(), e = sample();
    e.queue.push_back(7);
    e.text = "hell";
    const auto found = compare_dumps(dump_state(state_of(d)), dump_state(state_of(e)));
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(describe(found[0]), "i8254.queue.size: recorded 0x2, replayed 0x3");
    EXPECT_EQ(describe(found[1]), "i8254.text.size: recorded 0x5, replayed 0x4");
    EXPECT_EQ(describe(found[2]), "i8254.text[0x4]: recorded 0x6f, replayed ends after 4 bytes");
    EXPECT_EQ(describe(found[3]), "i8254.queue[2]: recorded absent, replayed 0x7");
}

TEST(StateDumpTest, HashCoversNamesAndValues) {
    Device d = sample(), e = sample();
    EXPECT_EQ(dump_state(state_of(d)).hash(), dump_state(state_of(e)).hash());
    e.negative = 0;
    EXPECT_NE(dump_state(state_of(d)).hash(), dump_state(state_of(e)).hash());
    e.negative = -1;
    e.another_order = true;
    EXPECT_NE(dump_state(state_of(d)).hash(), dump_state(state_of(e)).hash());
}

// Anything may be in a file: no crash, and what cannot be a dump is refused.
TEST(StateDumpTest, SurvivesDamage) {
    Device d = sample();
    const StateDump good = dump_state(state_of(d));
    for (size_t n = 0; n < good.shape.size(); ++n) {
        StateDump bad = good;
        bad.shape.resize(n);
        EXPECT_FALSE(list_fields(bad)) << n;
    }
    for (size_t n = 0; n < good.values.size(); ++n) {
        StateDump bad = good;
        bad.values.resize(n);
        EXPECT_FALSE(list_fields(bad)) << n;
    }
    std::mt19937 random(1);
    for (int i = 0; i < 5000; ++i) {
        StateDump bad = good;
        for (unsigned n = 1 + random() % 4; n; --n)
            bad.shape[random() % bad.shape.size()] ^= static_cast<uint8_t>(1 << random() % 8);
        Device e;
        const auto loaded = load_state(state_of(e), bad);
        if (!loaded) {
            EXPECT_FALSE(loaded.error().message.empty());
        }
        compare_dumps(bad, good);
        compare_dumps(good, bad);
        duplicate_paths(bad);
    }
    // Names without end, nested without end.
    StateDump deep;
    for (int i = 0; i < 100'000; ++i) deep.shape.insert(deep.shape.end(), {1, 1, 'a'});
    EXPECT_FALSE(list_fields(deep));
}

}  // namespace
}  // namespace qr
