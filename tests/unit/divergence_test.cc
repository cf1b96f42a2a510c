// SPDX-License-Identifier: GPL-2.0-or-later
// A fault planted into a replay of a whole PC is found at the next digest, and the report names the field or
// the page, and between which instructions it happened.
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "replay/log_writer.h"
#include "replay/recorder.h"
#include "replay/replayer.h"
#include "system/run_loop.h"
#include "tests/unit/board_fixture.h"
#include "tests/unit/log_files.h"

namespace qr::test {
namespace {

// The board under the emulator's own run loop.
class LoopedBoard : private BoardParts, private MachineControl {
  public:
    LoopedBoard() {
        build({"standard"}, *this);
        RunLoop::Settings settings;
        settings.auto_shift = false;
        settings.sleep = false;
        loop = std::make_unique<RunLoop>(
            RunLoop::Parts{board->cpu(), countdown, clock, door, [this] { board->reset(); },
                           [this] { return board->wake(); },
                           [this](const std::string& line) { said += line + "\n"; }},
            settings);
        board->root().add("run", [this](StateVisitor& v) { loop->state(v); });
    }

    using BoardParts::board;
    using BoardParts::clock;
    using BoardParts::door;
    std::unique_ptr<RunLoop> loop;
    std::string said;

    void record(const std::string& path, uint64_t length) {
        auto log = LogWriter::create(path);
        ASSERT_TRUE(log) << log.error().message;
        LogHeader header;
        header.creator = "test";
        header.clock_rate = clock.rate();
        for (const InputPortBase* port : door.ports()) header.ports.push_back(port->schema());
        ASSERT_TRUE((*log)->begin(header, {}));
        Recorder::Options options;
        options.digest_interval_ns = 1'000'000;
        options.digest_share = 0;
        Recorder recorder(door, clock, board->root(), board->memory(), **log, options);
        loop->record_with(&recorder);
        std::atomic<bool> enough = false;
        std::thread user([&] {
            while (!enough) {
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                door.mailbox().post([&] {
                    if (clock.icount() < length || enough.exchange(true)) return;
                    loop->quit("test");
                });
            }
        });
        EXPECT_EQ(loop->run(), 0) << said;
        user.join();
    }

    // spoil: runs once, at the first boundary at or behind icount.
    int replay(const std::string& path, uint64_t icount, std::function<void(LoopedBoard&)> spoil) {
        auto log = LogReader::open(path);
        if (!log) return -1;
        auto replayer = Replayer::create(**log, door, clock, board->root(), board->memory());
        if (!replayer) return -1;
        loop->replay_with(**replayer);
        icount_ = icount;
        spoil_ = std::move(spoil);
        if (spoil_) lie_in_wait();
        const int status = loop->run();
        divergence = (*replayer)->divergence();
        return status;
    }

    std::optional<Divergence> divergence;
    uint64_t spoilt_at = 0;

  private:
    // Asked for at every boundary, outside of the door: what a bug would be.
    void lie_in_wait() {
        door.mailbox().post([this] {
            if (clock.icount() < icount_) return lie_in_wait();
            spoilt_at = clock.icount();
            spoil_(*this);
        });
    }
    void request_reset() override { loop->request_reset(); }
    void request_shutdown() override { loop->request_shutdown(); }
    void request_suspend() override { loop->request_suspend(); }
    void request_exit(int status) override { loop->request_exit(status); }

    uint64_t icount_ = 0;
    std::function<void(LoopedBoard&)> spoil_;
};

class Planted : public testing::Test {
  protected:
    static constexpr uint64_t kAt = 2'000'000;

    void SetUp() override {
        if (firmware(kSeaBios).empty()) GTEST_SKIP() << kSeaBios << " is missing";
        LoopedBoard board;
        board.record(path_, 2 * kAt);
        auto log = LogReader::open(path_);
        ASSERT_TRUE(log);
        ASSERT_GE((*log)->end().position.icount, 2 * kAt);
    }

    // The divergence is there, near the fault, and names what was spoilt.
    void expect(const std::string& name, std::function<void(LoopedBoard&)> spoil) {
        LoopedBoard board;
        EXPECT_EQ(board.replay(path_, kAt, std::move(spoil)), 2) << board.said;
        ASSERT_TRUE(board.divergence) << board.said;
        const Divergence& d = *board.divergence;
        EXPECT_NE(board.said.find(name), std::string::npos) << board.said;
        EXPECT_GE(board.spoilt_at, kAt);
        EXPECT_GE(d.position.icount, board.spoilt_at) << board.said;
        ASSERT_TRUE(d.last_good) << board.said;
        EXPECT_LE(d.last_good->icount, board.spoilt_at) << board.said;
        EXPECT_LT(d.position.icount - d.last_good->icount, 1'000'000u) << "the window is a digest's distance";
    }

    TemporaryDirectory directory_;
    std::string path_ = directory_ / "log.bin";
};

TEST_F(Planted, NothingIsFoundWhereNothingIs) {
    LoopedBoard board;
    EXPECT_EQ(board.replay(path_, 0, {}), 0) << board.said;
    EXPECT_FALSE(board.divergence);
}

TEST_F(Planted, ARegisterOfADevice) {
    // The serial port's scratch register, and the PIC's mask.
    expect("serial0", [](LoopedBoard& b) { b.board->ports().port_write(0x3ff, 1, 0x5a); });
    expect("i8259", [](LoopedBoard& b) { b.board->ports().port_write(0xa1, 1, 0xa5); });
}

TEST_F(Planted, AByteOfMemory) {
    expect("ram", [](LoopedBoard& b) { b.board->memory().write(0x654321, 1, 0xd1); });
}

TEST_F(Planted, AByteOfOutput) {
    expect("serial0", [](LoopedBoard& b) { b.board->ports().port_write(0x3f8, 1, 'x'); });
}

TEST_F(Planted, TheTime) {
    expect("clock", [](LoopedBoard& b) { b.clock.warp(1); });
}

TEST_F(Planted, ARegisterOfTheCpu) {
    expect("cpu0", [](LoopedBoard& b) { b.board->cpu().gpr[i386::kEsp] ^= 0x40; });
}

}  // namespace
}  // namespace qr::test
