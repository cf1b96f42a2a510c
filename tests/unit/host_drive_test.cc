// SPDX-License-Identifier: GPL-2.0-or-later
// A drive's host side: what the device sees, what is recorded, and that a replay sees the same.
#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "block/host_drive.h"
#include "replay/state_dump.h"
#include "tests/unit/file_size_limit.h"
#include "tests/unit/memory_image.h"

namespace qr {
namespace {

constexpr uint64_t kDisk = 20 * Overlay::kBlock + 512;

struct Logged {
    Position position;
    std::string port;
    std::vector<uint8_t> payload;
};

struct Sink final : EventSink {
    explicit Sink(Door& d) : door(d) {}
    void record(Position position, uint32_t port, std::span<const uint8_t> payload) override {
        events.push_back({position, door.ports()[port]->name(), {payload.begin(), payload.end()}});
    }
    Door& door;
    std::vector<Logged> events;
};

struct Source final : EventSource {
    Source(Door& d, std::vector<Logged> e) : door(d), events(std::move(e)) {}
    const Event* peek() override {
        if (next == events.size()) return nullptr;
        const Logged& l = events[next];
        uint32_t port = 0;
        while (door.ports()[port]->name() != l.port) ++port;
        event = {l.position, port, l.payload};
        return &event;
    }
    void pop() override { ++next; }
    Door& door;
    std::vector<Logged> events;
    size_t next = 0;
    Event event;
};

struct Machine {
    Mailbox mailbox;
    Countdown countdown;
    VirtualClock clock{countdown};
    Door door{mailbox};
    std::vector<std::string> notices;
    std::unique_ptr<HostDrive> drive;

    void make(HostDrive::Mode mode, std::shared_ptr<MemoryBytes> bytes, HostDrive::Settings settings = {},
              const std::string& overlay = {}) {
        if (settings.id.empty()) settings.id = "ide0-hd0";
        drive = std::make_unique<HostDrive>(door, clock, settings, [this](const std::string& n) { notices.push_back(n); });
        drive->set_mode(mode, overlay);
        ImageSpec spec;
        spec.file = "memory.img";
        spec.read_only = settings.read_only;
        if (bytes) drive->insert(std::make_unique<MemoryImage>(bytes), spec);
    }
    void run(uint64_t instructions) {
        countdown.grant(instructions);
        countdown.remaining = 0;
    }
    std::vector<uint8_t> read(uint64_t offset, uint32_t bytes, DriveStatus expected = DriveStatus::kOk) {
        const auto ticket = drive->read(offset, bytes);
        run(7);
        std::vector<uint8_t> data;
        EXPECT_EQ(drive->finish(ticket, &data), expected);
        return data;
    }
    DriveStatus write(uint64_t offset, const std::vector<uint8_t>& data) {
        const auto ticket = drive->write(offset, data);
        run(3);
        return drive->finish(ticket, nullptr);
    }
    StateDump state() {
        return dump_state([this](StateVisitor& v) { drive->state(v); });
    }
    StateDump whole_state() {
        return dump_whole_state([this](StateVisitor& v) { drive->state(v); });
    }
    Result<void> load(const StateDump& dump) {
        return load_state([this](StateVisitor& v) { drive->state(v); }, dump);
    }
    void replay(Source& source) {
        std::vector<PortSchema> schemas;
        for (const auto* port : door.ports()) schemas.push_back(port->schema());
        EXPECT_TRUE(door.bind(schemas, nullptr));
        door.replay_from(source);
    }
};

std::shared_ptr<MemoryBytes> image() {
    auto bytes = std::make_shared<MemoryBytes>();
    bytes->data.resize(kDisk);
    std::mt19937 random(4);
    for (auto& b : bytes->data) b = static_cast<uint8_t>(random());
    return bytes;
}

// The same for every machine that is given the same seed.
std::vector<std::vector<uint8_t>> guest(Machine& m, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::vector<uint8_t>> seen;
    for (int i = 0; i < 200; ++i) {
        const uint64_t sector = random() % (kDisk / 512), count = std::min<uint64_t>(1 + random() % 200, kDisk / 512 - sector);
        if (random() % 2) {
            seen.push_back(m.read(sector * 512, static_cast<uint32_t>(count * 512)));
        } else {
            std::vector<uint8_t> data(count * 512, static_cast<uint8_t>(i));
            m.write(sector * 512, data);
        }
        if (i % 50 == 20) m.drive->cancel(m.drive->read(sector * 512, 512));
        if (i % 50 == 30) seen.push_back(m.state().values);
    }
    return seen;
}

// Meanwhile the drive's thread stands still, reading what nobody has written.
template <class F>
void while_it_is_stuck(Machine& m, MemoryBytes& bytes, uint64_t offset, F&& meanwhile) {
    std::promise<void> go;
    bool came = false;
    bytes.before_read = [&, future = go.get_future().share()] {
        came = future.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    };
    const auto read = m.drive->read(offset, 512);
    meanwhile();
    go.set_value();
    m.run(1);  // a replay isn't to look for what is recorded here before
    EXPECT_EQ(m.drive->finish(read, nullptr), DriveStatus::kOk);
    EXPECT_TRUE(came);
    bytes.before_read = nullptr;
}

TEST(HostDrive, WritesAndReads) {
    auto bytes = image();
    Machine m;
    m.make(HostDrive::Mode::kDirect, bytes);
    EXPECT_TRUE(m.drive->inserted());
    EXPECT_EQ(m.drive->size(), kDisk);
    EXPECT_EQ(m.write(512, std::vector<uint8_t>(1024, 9)), DriveStatus::kOk);
    const auto data = m.read(0, 2048);
    EXPECT_EQ(data[511], bytes->data[511]);
    EXPECT_EQ(data[512], 9);
    EXPECT_EQ(data[1535], 9);
    EXPECT_EQ(bytes->data[600], 9);
    m.read(kDisk, 512, DriveStatus::kOutOfRange);
    m.read(100, 512, DriveStatus::kOutOfRange);
    EXPECT_EQ(m.drive->finish(m.drive->flush(), nullptr), DriveStatus::kOk);
    EXPECT_EQ(m.drive->finish(999, nullptr), DriveStatus::kIoError);
}

// A read returns what the medium held when it was issued, whatever is written before it is finished.
TEST(HostDrive, ReadsSampleWhenTheyAreIssued) {
    auto bytes = image();
    Machine m;
    m.make(HostDrive::Mode::kDirect, bytes);
    const uint8_t before = bytes->data[0];
    const auto read = m.drive->read(0, 512);
    const auto write = m.drive->write(0, std::vector<uint8_t>(512, static_cast<uint8_t>(before + 1)));
    EXPECT_EQ(m.drive->finish(write, nullptr), DriveStatus::kOk);
    std::vector<uint8_t> data;
    EXPECT_EQ(m.drive->finish(read, &data), DriveStatus::kOk);
    EXPECT_EQ(data[0], before);
    EXPECT_EQ(bytes->data[0], static_cast<uint8_t>(before + 1));
}

TEST(HostDrive, ReadOnlyAndEmpty) {
    auto bytes = image();
    Machine m;
    HostDrive::Settings settings;
    settings.id = "ide1-cd0";
    settings.read_only = settings.removable = true;
    m.make(HostDrive::Mode::kDirect, bytes, settings);
    EXPECT_TRUE(m.drive->read_only());
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512)), DriveStatus::kReadOnly);
    EXPECT_EQ(bytes->writes, 0u);
    m.drive->eject(true);
    EXPECT_FALSE(m.drive->inserted());
    m.read(0, 512, DriveStatus::kNoMedium);
    m.drive->eject(false);
    EXPECT_TRUE(m.drive->inserted());
    Machine empty;
    empty.make(HostDrive::Mode::kDirect, nullptr, settings);
    empty.read(0, 512, DriveStatus::kNoMedium);
    EXPECT_EQ(empty.drive->size(), 0u);
}

TEST(HostDrive, ReplaySeesWhatWasRecorded) {
    auto bytes = image();
    const auto before = bytes->data;
    std::vector<Logged> log;
    std::vector<std::vector<uint8_t>> then;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, bytes);
        Sink sink(m.door);
        m.door.record_to(sink);
        then = guest(m, 1);
        log = sink.events;
        EXPECT_FALSE(log.empty());
    }
    EXPECT_EQ(bytes->data, before);
    EXPECT_EQ(bytes->writes, 0u);
    for (int round = 0; round < 3; ++round) {
        Machine m;
        m.make(HostDrive::Mode::kReplayed, bytes);
        Source source(m.door, log);
        m.replay(source);
        EXPECT_EQ(guest(m, 1), then);
        EXPECT_EQ(m.door.mismatch(), "");
        EXPECT_EQ(source.next, log.size());
    }
    EXPECT_EQ(bytes->writes, 0u);
}

TEST(HostDrive, ReplayNamesTheBlockThatIsAnother) {
    auto bytes = image();
    std::vector<Logged> log;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, bytes);
        Sink sink(m.door);
        m.door.record_to(sink);
        m.read(3 * Overlay::kBlock, 4096);
        m.read(0, 512);
        log = sink.events;
    }
    bytes->data[3 * Overlay::kBlock + 60'000] ^= 1;
    Machine m;
    m.make(HostDrive::Mode::kReplayed, bytes);
    Source source(m.door, log);
    m.replay(source);
    m.read(3 * Overlay::kBlock, 4096);
    EXPECT_NE(m.door.mismatch().find("image 'memory.img'"), std::string::npos) << m.door.mismatch();
    EXPECT_NE(m.door.mismatch().find("block 3 "), std::string::npos);
}

TEST(HostDrive, HostErrorsAreReplayed) {
    auto bytes = image();
    std::vector<Logged> log;
    std::vector<uint8_t> after;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, bytes);
        Sink sink(m.door);
        m.door.record_to(sink);
        bytes->fail_reads = EIO;
        EXPECT_EQ(m.read(0, 512, DriveStatus::kIoError), std::vector<uint8_t>(512));
        EXPECT_EQ(m.notices.size(), 1u);
        bytes->fail_reads = 0;
        after = m.read(0, 512);
        log = sink.events;
    }
    Machine m;
    m.make(HostDrive::Mode::kReplayed, bytes);
    Source source(m.door, log);
    m.replay(source);
    EXPECT_EQ(m.read(0, 512, DriveStatus::kIoError), std::vector<uint8_t>(512));
    EXPECT_EQ(m.read(0, 512), after);
    EXPECT_EQ(m.door.mismatch(), "");
    EXPECT_EQ(source.next, log.size());
    // One that the recording didn't have.
    bytes->fail_reads = EIO;
    m.read(5 * Overlay::kBlock, 512);
    EXPECT_NE(m.door.mismatch().find("hadn't when this was recorded"), std::string::npos) << m.door.mismatch();
}

TEST(HostDrive, DirectErrorsReachTheGuest) {
    auto bytes = image();
    Machine m;
    m.make(HostDrive::Mode::kDirect, bytes);
    bytes->fail_writes = ENOSPC;
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512)), DriveStatus::kNoSpace);
    bytes->fail_writes = EIO;
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512)), DriveStatus::kIoError);
    bytes->fail_flushes = EIO;
    bytes->fail_writes = 0;
    EXPECT_EQ(m.drive->finish(m.drive->flush(), nullptr), DriveStatus::kIoError);
    bytes->fail_flushes = 0;
}

TEST(HostDrive, SnapshotsTakeTheDiskBack) {
    for (const auto mode : {HostDrive::Mode::kTemporary, HostDrive::Mode::kReplayed}) {
        auto bytes = image();
        Machine m;
        m.make(mode, bytes);
        m.write(0, std::vector<uint8_t>(4096, 1));
        const auto in_flight = m.drive->read(0, 1024);
        const StateDump first = m.whole_state();
        m.write(0, std::vector<uint8_t>(4096, 2));
        std::vector<uint8_t> data;
        EXPECT_EQ(m.drive->finish(in_flight, &data), DriveStatus::kOk);
        EXPECT_EQ(data[0], 1);
        const StateDump second = m.whole_state();
        m.write(512, std::vector<uint8_t>(512, 3));
        for (int i = 0; i < 2; ++i) {
            ASSERT_TRUE(m.load(first).ok()) << m.load(first).error().message;
            EXPECT_EQ(m.drive->finish(in_flight, &data), DriveStatus::kOk);
            EXPECT_EQ(data, std::vector<uint8_t>(1024, 1));
            EXPECT_EQ(m.read(0, 512)[0], 1);
            m.write(0, std::vector<uint8_t>(512, static_cast<uint8_t>(0x50 + i)));
            ASSERT_TRUE(m.load(second).ok());
            EXPECT_EQ(m.read(0, 512)[0], 2);
            EXPECT_EQ(m.read(512, 512)[0], 2);
        }
        EXPECT_EQ(bytes->writes, 0u);
        const uint64_t version = m.drive->version();
        m.drive->release_version(version);
    }
}

TEST(HostDrive, StateDoesNotWaitForTheHostInADigest) {
    auto bytes = image();
    Machine m;
    m.make(HostDrive::Mode::kDirect, bytes);
    const auto ticket = m.drive->read(0, 65536);
    const StateDump a = m.state();
    m.drive->drain();
    EXPECT_EQ(m.state(), a);
    m.drive->cancel(ticket);
}

struct MediaTest : testing::Test {
    void SetUp() override {
        directory = std::filesystem::temp_directory_path() / ("media-" + std::to_string(getpid()));
        std::filesystem::create_directories(directory);
        for (const char c : {'a', 'b'}) std::ofstream(file(c)) << std::string(65536 * 2, c);
        settings.id = "ide1-cd0";
        settings.removable = settings.read_only = true;
    }
    void TearDown() override { std::filesystem::remove_all(directory); }
    std::string file(char c) const { return directory / std::string(1, c); }
    ImageSpec spec(char c) const {
        ImageSpec s;
        s.file = file(c);
        s.format = "raw";
        s.read_only = true;
        return s;
    }
    std::filesystem::path directory;
    HostDrive::Settings settings;
};

TEST_F(MediaTest, ChangesAreRecorded) {
    std::vector<Logged> log;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, nullptr, settings);
        Sink sink(m.door);
        m.door.record_to(sink);
        int changes = 0, asked = 0;
        m.drive->on_medium_change([&] { ++changes; });
        m.drive->on_eject_request([&] { ++asked; });
        ASSERT_TRUE(m.drive->change_medium(spec('a')).ok());
        EXPECT_FALSE(m.drive->inserted());
        m.mailbox.run_pending();
        EXPECT_EQ(changes, 1);
        EXPECT_EQ(m.read(0, 512)[0], 'a');
        m.drive->lock(true);
        m.drive->eject_medium(false);
        m.mailbox.run_pending();
        EXPECT_EQ(asked, 1);
        EXPECT_TRUE(m.drive->inserted());
        m.drive->eject_medium(true);
        m.mailbox.run_pending();
        EXPECT_FALSE(m.drive->inserted());
        EXPECT_TRUE(m.drive->tray_open());
        EXPECT_FALSE(m.drive->info().inserted);
        ASSERT_TRUE(m.drive->change_medium(spec('b')).ok());
        m.mailbox.run_pending();
        EXPECT_EQ(m.read(512, 512)[0], 'b');
        EXPECT_EQ(m.drive->info().file, file('b'));
        EXPECT_FALSE(m.drive->change_medium(spec('c')).ok());
        log = sink.events;
    }
    const auto replay = [&](Machine& m) {
        m.door.deliver_next();
        EXPECT_EQ(m.read(0, 512)[0], 'a');
        m.drive->lock(true);
        m.door.deliver_next();
        m.door.deliver_next();
        EXPECT_FALSE(m.drive->inserted());
        m.door.deliver_next();
    };
    {
        Machine m;
        m.make(HostDrive::Mode::kReplayed, nullptr, settings);
        Source source(m.door, log);
        m.replay(source);
        replay(m);
        EXPECT_EQ(m.read(512, 512)[0], 'b');
        EXPECT_EQ(m.door.mismatch(), "");
        EXPECT_EQ(source.next, log.size());
        EXPECT_FALSE(m.drive->change_medium(spec('a')).ok());
    }
    std::filesystem::remove(file('b'));
    Machine m;
    m.make(HostDrive::Mode::kReplayed, nullptr, settings);
    Source source(m.door, log);
    m.replay(source);
    replay(m);
    EXPECT_NE(m.door.mismatch().find("No such file"), std::string::npos) << m.door.mismatch();
}

TEST_F(MediaTest, TemporarySnapshotsCanBeCommitted) {
    Machine m;
    settings.read_only = false;
    m.make(HostDrive::Mode::kTemporary, nullptr, settings);
    ImageSpec s = spec('a');
    s.read_only = false;
    ASSERT_TRUE(m.drive->change_medium(s).ok());
    m.mailbox.run_pending();
    EXPECT_EQ(m.write(1024, std::vector<uint8_t>(512, 'x')), DriveStatus::kOk);
    const auto content = [&] {
        std::ifstream in(file('a'), std::ios::binary);
        return std::string((std::istreambuf_iterator<char>(in)), {});
    };
    EXPECT_EQ(content(), std::string(65536 * 2, 'a'));
    const auto committed = m.drive->commit();
    ASSERT_TRUE(committed.ok()) << committed.error().message;
    EXPECT_EQ(*committed, 512u);
    EXPECT_EQ(content().substr(1024, 512), std::string(512, 'x'));
    EXPECT_EQ(m.read(1024, 512)[0], 'x');
    // The next overlay has no room before it has been written: the guest is told at once.
    limit_file_size(0);
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, 'y')), DriveStatus::kIoError);
    limit_file_size(RLIM_INFINITY);
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, 'y')), DriveStatus::kOk);
}

// The next medium's first write isn't told what went wrong with the last one's.
TEST_F(MediaTest, TroubleThatComesLateStaysWithItsMedium) {
    Machine m;
    settings.read_only = false;
    auto bytes = image();
    m.make(HostDrive::Mode::kTemporary, bytes, settings);
    const std::vector<uint8_t> data(512, 'x');
    EXPECT_EQ(m.write(0, data), DriveStatus::kOk);
    m.drive->drain();
    while_it_is_stuck(m, *bytes, 2 * Overlay::kBlock, [&] {
        limit_file_size(4096);
        EXPECT_EQ(m.write(Overlay::kBlock, data), DriveStatus::kOk);
    });
    m.drive->drain();
    limit_file_size(RLIM_INFINITY);
    ImageSpec other = spec('b');
    other.read_only = false;
    ASSERT_TRUE(m.drive->change_medium(other).ok());
    m.mailbox.run_pending();
    ASSERT_EQ(m.notices.size(), 1u);
    EXPECT_NE(m.notices[0].find("File too large"), std::string::npos) << m.notices[0];
    EXPECT_EQ(m.write(0, data), DriveStatus::kOk);
    EXPECT_EQ(m.write(0, data), DriveStatus::kOk);
    EXPECT_EQ(m.notices.size(), 1u);
}

TEST_F(MediaTest, ARecordingCanBeginInTheMiddle) {
    Machine m;
    m.make(HostDrive::Mode::kDirect, nullptr, settings);
    ImageSpec s = spec('a');
    s.read_only = false;
    ASSERT_TRUE(m.drive->change_medium(s).ok());
    m.mailbox.run_pending();
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, '1')), DriveStatus::kOk);
    ASSERT_TRUE(m.drive->prepare_recording());
    m.drive->begin_recording(directory / "x.rr.d");
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, '2')), DriveStatus::kOk);
    EXPECT_EQ(m.read(0, 512)[0], '2');
    std::ifstream in(file('a'), std::ios::binary);
    EXPECT_EQ(in.get(), '1');
    EXPECT_EQ(m.drive->overlay_files(), std::vector<std::string>{directory / "x.rr.d.overlay"});
    EXPECT_TRUE(std::filesystem::exists(directory / "x.rr.d.overlay"));
    // Another one takes along what the first one's overlay has.
    ASSERT_TRUE(m.drive->prepare_recording());
    m.drive->begin_recording(directory / "y.rr.d");
    EXPECT_EQ(m.read(0, 512)[0], '2');
    EXPECT_EQ(m.write(512, std::vector<uint8_t>(512, '3')), DriveStatus::kOk);
    EXPECT_EQ(m.drive->overlay_files(), std::vector<std::string>{directory / "y.rr.d.overlay"});
    ASSERT_TRUE(m.drive->flush_all());
    for (const auto& [name, bytes] : {std::pair{"x.rr.d", 512u}, std::pair{"y.rr.d", 1024u}}) {
        auto overlay = Overlay::open(directory / (std::string(name) + ".overlay"));
        ASSERT_TRUE(overlay) << overlay.error().message;
        EXPECT_EQ((*overlay)->written_bytes(), bytes) << name;
    }
}

// Into an overlay that has room: the guest needn't wait until it is there. What it reads is what it wrote.
TEST(HostDrive, WritesIntoAnOverlayAreNotWaitedFor) {
    for (const auto mode : {HostDrive::Mode::kTemporary, HostDrive::Mode::kRecorded}) {
        auto bytes = image();
        Machine m;
        m.make(mode, bytes);
        EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, 1)), DriveStatus::kOk);
        EXPECT_EQ(m.drive->finish(m.drive->flush(), nullptr), DriveStatus::kOk);
        const std::vector<uint8_t> data(4 * Overlay::kBlock, 2);
        // Later, too: what was written gives its room back.
        for (const uint64_t other : {1, 2}) {
            while_it_is_stuck(m, *bytes, other * Overlay::kBlock, [&] {
                EXPECT_EQ(m.write(4 * Overlay::kBlock, data), DriveStatus::kOk);
                EXPECT_EQ(m.write(8 * Overlay::kBlock, data), DriveStatus::kOk);
            });
            // More than there is room for.
            for (int i = 0; i < 8; ++i) EXPECT_EQ(m.write(12 * Overlay::kBlock, data), DriveStatus::kOk);
            m.drive->drain();
        }
        EXPECT_EQ(m.read(4 * Overlay::kBlock, 12 * Overlay::kBlock), std::vector<uint8_t>(12 * Overlay::kBlock, 2));
    }
}

// What goes wrong with such a write is told to a later one or to a flush, once; the disk is as if it had been written.
TEST(HostDrive, TroubleWithAWriteThatNobodyWaitedForIsToldLater) {
    auto bytes = image();
    const std::vector<uint8_t> data(Overlay::kBlock, 7);
    const auto work = [&](Machine& m, auto limit) {
        std::vector<DriveStatus> statuses;
        statuses.push_back(m.write(0, data));
        statuses.push_back(m.drive->finish(m.drive->flush(), nullptr));
        for (const uint64_t block : {3, 5}) {
            limit(4096);
            while_it_is_stuck(m, *bytes, (block + 10) * Overlay::kBlock,
                              [&] { statuses.push_back(m.write(block * Overlay::kBlock, data)); });
            m.drive->drain();
            statuses.push_back(m.write(0, std::vector<uint8_t>(512, 8)));
            limit(RLIM_INFINITY);
            statuses.push_back(m.write(Overlay::kBlock, data));
            statuses.push_back(m.drive->finish(m.drive->flush(), nullptr));
            EXPECT_EQ(m.read(block * Overlay::kBlock, Overlay::kBlock), data);
            EXPECT_EQ(m.read(0, 512)[0], 8);
        }
        return statuses;
    };
    Machine m;
    m.make(HostDrive::Mode::kRecorded, bytes);
    Sink sink(m.door);
    m.door.record_to(sink);
    const auto recorded = work(m, limit_file_size);
    const auto good = DriveStatus::kOk, bad = DriveStatus::kIoError;
    EXPECT_EQ(recorded, (std::vector{good, good, good, bad, good, good, good, bad, good, good}));
    ASSERT_EQ(m.notices.size(), 2u);

    Machine again;
    again.make(HostDrive::Mode::kReplayed, bytes);
    Source source(again.door, sink.events);
    again.replay(source);
    EXPECT_EQ(work(again, [](rlim_t) {}), recorded);
    EXPECT_EQ(again.door.mismatch(), "");
    EXPECT_EQ(source.next, sink.events.size());
}

// What the machine stops for waits, is part of its state, and is tried again when it goes on.
TEST(HostDrive, TriesAgainWhatTheMachineStoppedFor) {
    auto bytes = image();
    HostDrive::Settings settings;
    settings.on_write_error = ErrorAction::kEnospc;
    Machine m;
    m.make(HostDrive::Mode::kDirect, bytes, settings);
    unsigned stops = 0, retries = 0;
    std::vector<HostDrive::Failure> failures;
    m.drive->on_stop([&] { ++stops; });
    m.drive->on_retry([&] { ++retries; });
    m.drive->on_failure([&](const HostDrive::Failure& f) { failures.push_back(f); });
    EXPECT_FALSE(m.drive->go_on());
    bytes->fail_writes = EIO;
    EXPECT_EQ(m.write(0, std::vector<uint8_t>(512, 1)), DriveStatus::kIoError);
    EXPECT_EQ(stops, 0u);
    EXPECT_EQ(m.drive->info().io_state, HostDrive::IoState::kOk);
    bytes->fail_writes = ENOSPC;
    const auto ticket = m.drive->write(512, std::vector<uint8_t>(1024, 9));
    EXPECT_EQ(m.drive->finish(ticket, nullptr), DriveStatus::kStopped);
    EXPECT_EQ(m.drive->finish(ticket, nullptr), DriveStatus::kStopped);
    EXPECT_EQ(stops, 1u);
    EXPECT_EQ(m.drive->info().io_state, HostDrive::IoState::kNoSpace);
    ASSERT_EQ(failures.size(), 2u);
    EXPECT_EQ(failures[0].action, ErrorAction::kReport);
    EXPECT_EQ(failures[0].no_space, false);
    EXPECT_EQ(failures[1].action, ErrorAction::kStop);
    EXPECT_EQ(failures[1].no_space, true);
    EXPECT_EQ(failures[1].reason, "No space left on device");
    EXPECT_TRUE(m.drive->go_on());
    EXPECT_EQ(m.drive->finish(ticket, nullptr), DriveStatus::kStopped);
    const StateDump waiting = m.whole_state();
    bytes->fail_writes = 0;
    EXPECT_TRUE(m.drive->go_on());
    EXPECT_EQ(retries, 2u);
    EXPECT_EQ(m.drive->info().io_state, HostDrive::IoState::kOk);
    EXPECT_EQ(m.drive->finish(ticket, nullptr), DriveStatus::kOk);
    EXPECT_EQ(bytes->data[512], 9);
    EXPECT_FALSE(m.drive->go_on());

    auto others = image();
    Machine other;
    other.make(HostDrive::Mode::kDirect, others, settings);
    ASSERT_TRUE(other.load(waiting).ok());
    EXPECT_TRUE(other.drive->go_on());
    EXPECT_EQ(other.drive->finish(ticket, nullptr), DriveStatus::kOk);
    EXPECT_EQ(others->data[1535], 9);
}

// In replay nothing fails and nothing stops: the request waits all the same, with the same state, for the recorded go-ahead.
TEST(HostDrive, AReplayWaitsAsTheRecordingDid) {
    auto bytes = image();
    HostDrive::Settings settings;
    settings.on_read_error = settings.on_write_error = ErrorAction::kStop;
    unsigned stops = 0;
    std::vector<StateDump> then;
    const auto work = [&](Machine& m, auto go_on) {
        std::vector<StateDump> states;
        m.drive->on_stop([&] { ++stops; });
        const auto read = m.drive->read(4096, 512), write = m.drive->write(4096, std::vector<uint8_t>(512, 3));
        m.run(5);
        std::vector<uint8_t> data;
        EXPECT_EQ(m.drive->finish(read, &data), DriveStatus::kStopped);
        states.push_back(m.state());
        EXPECT_EQ(m.drive->finish(write, nullptr), DriveStatus::kOk);
        go_on();
        states.push_back(m.state());
        EXPECT_EQ(m.drive->finish(read, &data), DriveStatus::kOk);
        EXPECT_EQ(data[0], 3);  // it samples anew
        states.push_back(m.state());
        return states;
    };
    std::vector<Logged> log;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, bytes, settings);
        Sink sink(m.door);
        m.door.record_to(sink);
        bytes->fail_reads = EIO;
        then = work(m, [&] {
            bytes->fail_reads = 0;
            EXPECT_TRUE(m.drive->go_on());
        });
        log = sink.events;
    }
    ASSERT_EQ(log.size(), 2u);
    EXPECT_EQ(log[1].port, "drive.ide0-hd0.retry");
    Machine m;
    m.make(HostDrive::Mode::kReplayed, bytes, settings);
    Source source(m.door, log);
    m.replay(source);
    const auto now = work(m, [&] { EXPECT_TRUE(m.door.deliver_next()); });
    for (size_t i = 0; i < then.size(); ++i) EXPECT_EQ(now[i].values, then[i].values) << i;
    EXPECT_EQ(m.door.mismatch(), "");
    EXPECT_EQ(source.next, log.size());
}

// rerror=ignore: what the guest gets instead is the same in replay.
TEST(HostDrive, AnIgnoredErrorIsRecorded) {
    auto bytes = image();
    HostDrive::Settings settings;
    settings.on_read_error = ErrorAction::kIgnore;
    std::vector<Logged> log;
    std::vector<uint8_t> then;
    {
        Machine m;
        m.make(HostDrive::Mode::kRecorded, bytes, settings);
        Sink sink(m.door);
        m.door.record_to(sink);
        bytes->fail_reads = EIO;
        then = m.read(0, 512);
        bytes->fail_reads = 0;
        log = sink.events;
    }
    EXPECT_EQ(then, std::vector<uint8_t>(512));
    Machine m;
    m.make(HostDrive::Mode::kReplayed, bytes, settings);
    Source source(m.door, log);
    m.replay(source);
    EXPECT_EQ(m.read(0, 512), then);
    EXPECT_EQ(m.door.mismatch(), "");
}

}  // namespace
}  // namespace qr
