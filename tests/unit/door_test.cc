// SPDX-License-Identifier: GPL-2.0-or-later
// The door: payload codecs, recording and delivering, order of timers and inputs, output hashes,
// the mailbox.
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "replay/log_header.h"
#include "replay/state_dump.h"
#include "sysemu/clock.h"
#include "sysemu/replay.h"

namespace qr {
namespace {

struct Everything {
    bool b = false;
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    int64_t i64 = 0;
    std::vector<uint8_t> bytes;
    std::string text;
    template <class V>
    void fields(V& v) {
        v("b", b);
        v("u8", u8);
        v("u16", u16);
        v("u32", u32);
        v("u64", u64);
        v("i64", i64);
        v("bytes", bytes);
        v("text", text);
    }
    bool operator==(const Everything&) const = default;
};

struct Key {
    uint8_t code = 0;
    template <class V>
    void fields(V& v) {
        v("code", code);
    }
};

struct Jump {
    int64_t ns = 0;
    template <class V>
    void fields(V& v) {
        v("ns", ns);
    }
};

struct From {
    uint32_t thread = 0;
    uint32_t number = 0;
    template <class V>
    void fields(V& v) {
        v("thread", thread);
        v("number", number);
    }
};

std::vector<uint8_t> encode(Everything e) {
    PayloadWriter w;
    e.fields(w);
    return w.take();
}

bool decode(std::span<const uint8_t> bytes, Everything& e) {
    PayloadReader r(bytes);
    e.fields(r);
    return r.complete();
}

struct Logged {
    Position position;
    uint32_t port;
    std::vector<uint8_t> payload;
};

struct MemoryLog : EventSink, EventSource {
    std::vector<Logged> events;
    size_t at = 0;
    Event current;
    void record(Position position, uint32_t port, std::span<const uint8_t> payload) override {
        events.push_back({position, port, {payload.begin(), payload.end()}});
    }
    const Event* peek() override {
        if (at == events.size()) return nullptr;
        current = {events[at].position, events[at].port, events[at].payload};
        return &current;
    }
    void pop() override { ++at; }
};

TEST(Payload, RoundTripsExtremes) {
    const Everything all[] = {
        {},
        {true, 255, 65535, 0xFFFFFFFF, UINT64_MAX, INT64_MAX, {0, 255, 128}, "h\xC3\xA9llo"},
        {true, 127, 128, 16384, uint64_t{1} << 63, INT64_MIN, std::vector<uint8_t>(1000, 7), ""},
        {false, 1, 2, 3, 4, -1, {}, std::string("\0x", 2)},
    };
    for (const Everything& e : all) {
        Everything back;
        EXPECT_TRUE(decode(encode(e), back));
        EXPECT_EQ(back, e);
    }
}

TEST(Payload, RefusesWhatDoesNotFit) {
    const auto good = encode({true, 1, 2, 3, 4, -5, {6, 7}, "eight"});
    Everything e;
    for (size_t n = 0; n < good.size(); ++n)
        EXPECT_FALSE(decode({good.data(), n}, e)) << "first " << n;
    auto longer = good;
    longer.push_back(0);
    EXPECT_FALSE(decode(longer, e));
    auto bad = good;
    bad[0] = 2;  // a bool
    EXPECT_FALSE(decode(bad, e));
    // 256 in a u8; a varint that is not the shortest; one of more than 64 bits.
    EXPECT_FALSE(decode(std::vector<uint8_t>{0, 0x80, 0x02, 0, 0, 0, 0, 0, 0}, e));
    EXPECT_FALSE(decode(std::vector<uint8_t>{0, 0x80, 0x00, 0, 0, 0, 0, 0, 0}, e));
    EXPECT_FALSE(decode(std::vector<uint8_t>{0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                             0xFF, 0xFF, 0x02, 0, 0, 0},
                        e));
}

TEST(Payload, SchemaNamesFieldsInOrder) {
    Mailbox mailbox;
    Door door(mailbox);
    InputPort<Everything> port(door, "all", [](Everything&) {});
    const auto& fields = port.schema().fields;
    ASSERT_EQ(fields.size(), 8u);
    EXPECT_EQ(fields[0].name, "b");
    EXPECT_EQ(fields[0].type, FieldType::kBool);
    EXPECT_EQ(fields[5].type, FieldType::kI64);
    EXPECT_EQ(fields[7].type, FieldType::kText);
    const auto bytes = encode({true, 1, 2, 3, 4, -5, {0xAB, 0xCD}, "a\"b"});
    EXPECT_EQ(describe_payload(port.schema(), bytes),
              "b=true u8=1 u16=2 u32=3 u64=4 i64=-5 bytes=ab cd text=\"a\\x22b\"");
}

TEST(DoorTest, RecordsWhereItDelivers) {
    Mailbox mailbox;
    Door door(mailbox);
    std::vector<int> seen;
    InputPort<Key> a(door, "a", [&](Key& k) { seen.push_back(k.code); });
    InputPort<Key> b(door, "b", [&](Key& k) { seen.push_back(100 + k.code); });
    MemoryLog log;
    door.record_to(log);
    a.submit({1});
    EXPECT_TRUE(seen.empty());
    door.set_icount(10);
    b.submit({2});
    mailbox.run_pending();
    door.set_icount(10);
    a.submit({3});
    mailbox.run_pending();
    door.set_icount(11);
    a.submit({4});
    mailbox.run_pending();
    EXPECT_EQ(seen, (std::vector{1, 102, 3, 4}));
    ASSERT_EQ(log.events.size(), 4u);
    EXPECT_EQ(log.events[0].position, (Position{10, 0}));
    EXPECT_EQ(log.events[1].position, (Position{10, 1}));
    EXPECT_EQ(log.events[1].port, 1u);
    EXPECT_EQ(log.events[2].position, (Position{10, 2}));
    EXPECT_EQ(log.events[3].position, (Position{11, 0}));
}

TEST(DoorTest, ReplayDropsWhatIsSubmitted) {
    Mailbox mailbox;
    Door door(mailbox);
    std::vector<int> seen;
    InputPort<Key> a(door, "a", [&](Key& k) { seen.push_back(k.code); });
    MemoryLog log;
    log.events = {{{5, 0}, 0, {42}}};
    door.replay_from(log);
    ASSERT_TRUE(door.bind({a.schema()}, nullptr));
    a.submit({1});
    EXPECT_FALSE(mailbox.waiting());
    EXPECT_EQ(door.next_icount(), 5u);
    EXPECT_FALSE(door.deliver_next());
    door.set_icount(5);
    EXPECT_TRUE(door.deliver_next());
    EXPECT_FALSE(door.deliver_next());
    EXPECT_EQ(door.next_icount(), UINT64_MAX);
    EXPECT_EQ(seen, (std::vector{42}));
    door.detach();
    a.submit({7});
    mailbox.run_pending();
    EXPECT_EQ(seen, (std::vector{42, 7}));
}

TEST(DoorTest, EventsWaitForTheirOrdinal) {
    Mailbox mailbox;
    Door door(mailbox);
    int seen = 0;
    InputPort<Key> a(door, "a", [&](Key& k) { seen = k.code; });
    MemoryLog log;
    log.events = {{{5, 2}, 0, {9}}};
    door.replay_from(log);
    ASSERT_TRUE(door.bind({a.schema()}, nullptr));
    door.set_icount(5);
    EXPECT_FALSE(door.deliver_next());
    EXPECT_EQ(door.next_icount(), 6u)
        << "a CPU that runs here must not be stopped in place for ever";
    door.bump();
    EXPECT_FALSE(door.deliver_next());
    door.bump();
    EXPECT_TRUE(door.deliver_next());
    EXPECT_EQ(seen, 9);
}

TEST(DoorTest, TellsMissedUnknownAndUndecodableEvents) {
    Mailbox mailbox;
    const auto mismatch = [&](std::vector<Logged> events, uint64_t icount) {
        Door door(mailbox);
        InputPort<Key> a(door, "a", [](Key&) {});
        MemoryLog log;
        log.events = std::move(events);
        door.replay_from(log);
        EXPECT_TRUE(door.bind({a.schema()}, nullptr));
        door.set_icount(icount);
        EXPECT_FALSE(door.deliver_next());
        return door.mismatch();
    };
    EXPECT_NE(mismatch({{{5, 0}, 0, {1}}}, 6).find("a at instruction 5"), std::string::npos);
    EXPECT_NE(mismatch({{{5, 0}, 3, {1}}}, 5).find("port 3"), std::string::npos);
    EXPECT_NE(mismatch({{{5, 0}, 0, {1, 2}}}, 5).find("does not decode"), std::string::npos);
    EXPECT_EQ(mismatch({}, 5), "");
}

TEST(DoorTest, BindsByNameAndSchema) {
    Mailbox mailbox;
    Door door(mailbox);
    std::string seen;
    InputPort<Key> a(door, "a", [&](Key&) { seen += 'a'; });
    InputPort<Key> b(door, "b", [&](Key&) { seen += 'b'; });
    MemoryLog log;
    log.events = {{{0, 0}, 0, {1}}, {{0, 1}, 1, {1}}};
    door.replay_from(log);
    EXPECT_TRUE(door.bind({b.schema(), a.schema()}, nullptr));
    while (door.deliver_next()) {
    }
    EXPECT_EQ(seen, "ba");
    std::string missing;
    EXPECT_FALSE(door.bind({{"c", a.schema().fields}}, &missing));
    EXPECT_EQ(missing, "c");
    EXPECT_FALSE(door.bind({{"a", {{"code", FieldType::kU16}}}}, &missing));
    EXPECT_EQ(missing, "a");
}

// Two inputs at one position, the first of which makes a timer due: the timer comes between them,
// live as in replay.
TEST(DoorTest, TimersSettleBeforeEachInput) {
    const auto run = [](MemoryLog& log, bool replay) {
        std::string order;
        Countdown countdown;
        VirtualClock clock(countdown);
        Mailbox mailbox;
        Door door(mailbox);
        InputPort<Jump> jump(door, "jump", [&](Jump& j) {
            order += 'j';
            clock.warp(j.ns);
        });
        InputPort<Key> key(door, "key", [&](Key&) { order += 'k'; });
        Timer timer(clock, "timer", [&] { order += 't'; });
        timer.arm(100);
        door.settle_by([&] { clock.run_expired(); });
        if (replay) {
            door.replay_from(log);
            EXPECT_TRUE(door.bind({jump.schema(), key.schema()}, nullptr));
            while (door.deliver_next()) {
            }
        } else {
            door.record_to(log);
            jump.submit({100});
            key.submit({1});
            mailbox.run_pending();
        }
        return order;
    };
    MemoryLog log;
    EXPECT_EQ(run(log, false), "jtk");
    EXPECT_EQ(run(log, true), "jtk");
}

TEST(DoorTest, OutputHashDoesNotDependOnTheSplit) {
    Mailbox mailbox;
    Door door(mailbox);
    OutputStream a(door, "a"), b(door, "b"), c(door, "c");
    const std::vector<uint8_t> data = {1, 2, 3, 4, 5, 0, 0, 255};
    a.write(data);
    for (const uint8_t byte : data) b.write(byte);
    c.write(std::span(data).first(7));
    const auto dump = [](OutputStream& s) {
        return dump_state([&](StateVisitor& v) { s.state(v); });
    };
    EXPECT_EQ(dump(a), dump(b));
    EXPECT_NE(dump(a), dump(c));
    c.write(uint8_t{254});
    EXPECT_NE(dump(a), dump(c));
}

TEST(DoorTest, RoomWakesWhenItRisesFromZero) {
    Mailbox mailbox;
    Door door(mailbox);
    InputPort<Key> a(door, "a", [](Key&) {});
    int woken = 0;
    a.on_room([&] { ++woken; });
    EXPECT_EQ(a.room(), 0u);
    a.set_room(16);
    a.set_room(8);
    EXPECT_EQ(woken, 1);
    a.set_room(0);
    a.set_room(1);
    EXPECT_EQ(woken, 2);
}

TEST(MailboxTest, KeepsOrderAndDefersWhatRequestsPost) {
    Mailbox mailbox;
    std::string order;
    mailbox.post([&] {
        order += 'a';
        mailbox.post([&] { order += 'c'; });
    });
    mailbox.post([&] { order += 'b'; });
    EXPECT_TRUE(mailbox.waiting());
    mailbox.run_pending();
    EXPECT_EQ(order, "ab");
    EXPECT_TRUE(mailbox.waiting());
    mailbox.run_pending();
    EXPECT_EQ(order, "abc");
    EXPECT_FALSE(mailbox.waiting());
}

TEST(MailboxTest, WaitsUntilPostedOrTime) {
    Mailbox mailbox;
    const auto now = std::chrono::steady_clock::now();
    EXPECT_FALSE(mailbox.wait_until(now + std::chrono::milliseconds(20)));
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        mailbox.post([] {});
    });
    EXPECT_TRUE(mailbox.wait_until(now + std::chrono::hours(1)));
    EXPECT_TRUE(mailbox.wait());
    other.join();
}

// Many threads submit while the VM thread records: everything arrives, each thread's inputs in its
// order.
TEST(DoorTest, TakesInputFromManyThreads) {
    constexpr uint32_t kThreads = 4, kEach = 2000;
    Mailbox mailbox;
    Door door(mailbox);
    std::vector<uint32_t> next(kThreads);
    bool in_order = true;
    uint32_t total = 0;
    InputPort<From> port(door, "from", [&](From& f) {
        in_order = in_order && next[f.thread]++ == f.number;
        ++total;
    });
    MemoryLog log;
    door.record_to(log);
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < kThreads; ++t)
        threads.emplace_back([&port, t] {
            for (uint32_t n = 0; n < kEach; ++n) port.submit({t, n});
        });
    uint64_t icount = 0;
    while (total < kThreads * kEach) {
        mailbox.wait();
        door.set_icount(++icount);
        mailbox.run_pending();
    }
    for (auto& t : threads) t.join();
    EXPECT_TRUE(in_order);
    ASSERT_EQ(log.events.size(), size_t{kThreads} * kEach);
    for (size_t i = 1; i < log.events.size(); ++i)
        EXPECT_LT(log.events[i - 1].position, log.events[i].position);
}

}  // namespace
}  // namespace qr
