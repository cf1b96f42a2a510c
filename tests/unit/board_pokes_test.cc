// SPDX-License-Identifier: GPL-2.0-or-later
// Every device by random accesses to its registers: it survives them; looking at it changes nothing; and a machine that
// goes on from a snapshot, taken anywhere, comes to the same digest as the one that was never stopped. POKE_SEEDS in
// the environment asks for more than a test runs by itself.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/board_pokes.h"

namespace qr::test {
namespace {

constexpr unsigned kPokes = 1200;

uint32_t seeds() {
    const char* given = std::getenv("POKE_SEEDS");
    return given ? static_cast<uint32_t>(std::atoi(given)) : 2;
}

class BoardPokes : public testing::TestWithParam<PokedDevice> {
  protected:
    void SetUp() override {
        if (firmware(kSeaBios).empty()) GTEST_SKIP() << kSeaBios << " is missing";
    }
};

TEST_P(BoardPokes, GoesOnInAnotherMachine) {
    unsigned requests = 0;
    for (uint32_t seed = 1; seed <= seeds(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        RandomChoices choices(seed), same(seed), places(seed + 1000), elsewhere(seed + 2000);
        LoneBoard reference(poked_board());
        Pokes::set_up(reference);
        Pokes straight(reference, GetParam(), choices);
        for (unsigned n = 0; n < kPokes; ++n) straight.poke();

        auto board = std::make_unique<LoneBoard>(poked_board());
        Pokes::set_up(*board);
        uint64_t hash = 0;
        for (unsigned done = 0; done < kPokes;) {
            // From here on in another machine, which was somewhere else before.
            if (done) {
                auto next = std::make_unique<LoneBoard>(poked_board());
                Pokes::set_up(*next);
                Pokes before(*next, GetParam(), elsewhere);
                for (unsigned n = 0; n < 50; ++n) before.poke();
                const auto snapshot = board->save();
                const auto loaded = next->load(snapshot, board->clock.icount());
                ASSERT_TRUE(loaded) << loaded.error().message;
                next->copy_media(*board);
                ASSERT_EQ(difference(*board, *next), "") << "just loaded, after " << done;
                board = std::move(next);
            }
            Pokes pokes(*board, GetParam(), same, hash);
            for (unsigned n = 1 + places.below(kPokes / 2); n && done < kPokes; --n, ++done) pokes.poke();
            hash = pokes.hash();
            Pokes::peek_all(*board);
        }
        ASSERT_EQ(difference(reference, *board), "");
        EXPECT_EQ(straight.hash(), hash) << "what was read";
        const std::pair<const char*, const MemoryDrive*> used[] = {
            {"ata", &reference.disk}, {"bus_master", &reference.disk}, {"atapi", &reference.disc}, {"fdc", &reference.floppy},
            {"virtio_legacy", &reference.other}, {"virtio_modern", &reference.other}};
        for (const auto& [device, drive] : used)
            if (device == std::string(GetParam().name)) requests += drive->reads + drive->writes;
    }
    // The drivers get as far as the drives.
    const bool drives = GetParam().driver == &Pokes::drive_ide || GetParam().driver == &Pokes::drive_atapi ||
                        GetParam().driver == &Pokes::drive_floppy || GetParam().driver == &Pokes::drive_virtio;
    EXPECT_GE(requests, drives ? 10 * seeds() : 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, BoardPokes, testing::ValuesIn(poked_devices().begin(), poked_devices().end()),
                         [](const auto& info) { return std::string(info.param.name); });

// Devices meet: bus masters that write to registers, interrupts, resets.
TEST(BoardPokesTest, AllAtOnce) {
    if (firmware(kSeaBios).empty()) GTEST_SKIP() << kSeaBios << " is missing";
    for (uint32_t seed = 1; seed <= seeds(); ++seed) {
        LoneBoard one(poked_board()), other(poked_board());
        RandomChoices choices(seed), same(seed);
        const auto run = [](LoneBoard& board, RandomChoices& random) {
            Pokes::set_up(board);
            uint64_t hash = 0;
            for (unsigned n = 0; n < 3000; ++n) {
                if (random.one_in(50)) Pokes::set_up(board);
                Pokes pokes(board, poked_devices()[random.below(static_cast<uint32_t>(poked_devices().size()))], random, hash);
                for (unsigned i = 0; i < 4; ++i) pokes.poke();
                hash = pokes.hash();
            }
            return hash;
        };
        const uint64_t hash = run(one, choices);
        EXPECT_EQ(run(other, same), hash);
        EXPECT_EQ(difference(one, other), "");
    }
}

}  // namespace
}  // namespace qr::test
