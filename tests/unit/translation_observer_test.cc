// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the translator tells about itself: observers see each block as it is, statistics add up, and neither changes
// what is translated. Source: docs/translator.rst.

#include <numeric>
#include <string>

#include "accel/tcg/tcg.h"
#include "target/i386/tcg/listing.h"
#include "tests/unit/random_code.h"
#include "util/disassemble.h"

namespace qr::i386 {
namespace {

using namespace test;

class Watcher final : public TranslationObserver {
  public:
    void restarted(std::span<const ObservedThunk> thunks) override {
        ++restarts;
        listing.thunks.assign(thunks.begin(), thunks.end());
        end_of_code = thunks.back().address + thunks.back().size;
    }
    void translated(const ObservedBlock& b) override {
        ++blocks;
        instructions += b.insns.size();
        guest_bytes += b.guest.size();
        EXPECT_GE(b.code.address, end_of_code);
        end_of_code = b.code.address + b.code.bytes.size();
        EXPECT_FALSE(b.cold.bytes.empty());
        EXPECT_FALSE(b.code.contains(b.cold.address));
        ASSERT_FALSE(b.insns.empty());
        uint32_t at = 0, guest = 0;
        for (const ObservedInsn& i : b.insns) {
            EXPECT_GE(i.begin, at);
            EXPECT_LE(i.begin, b.code.bytes.size());
            at = i.begin;
            guest += i.insn->length;
            emitted += i.emitted;
        }
        EXPECT_EQ(guest, b.guest.size());
        const HostText text = list_host(b, listing);
        EXPECT_EQ(text.text.find("(not an instruction)"), std::string::npos) << text.text;
        EXPECT_GT(text.instructions, 0u);
        if (memory) {
            EXPECT_EQ(std::memcmp(b.guest.data(), memory + b.ram_offset, b.guest.size()), 0);
        }
    }

    const uint8_t* memory = nullptr;
    HostListing listing{.thunks = {}, .addresses = false};
    uint64_t restarts = 0, blocks = 0, instructions = 0, guest_bytes = 0, emitted = 0, end_of_code = 0;
};

TranslatorStatistics run(uint32_t seed, TcgOptions options, Watcher* watcher) {
    options.cache_bytes = 1 << 20;
    options.threshold = 0;
    CpuFixture m("max", 1 << 20, make_i386_translator(options));
    if (watcher) watcher->memory = m.ram->data();
    set_up(m, seed);
    const uint64_t counted = m.run(5000);
    const auto statistics = translator_statistics(*m.engine);
    EXPECT_TRUE(statistics);
    EXPECT_LE(statistics->executed, counted);
    EXPECT_GT(statistics->executed, 0u);
    return *statistics;
}

TEST(TranslationObserver, SeesWhatIsTranslated) {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    for (uint32_t seed = 0; seed < 20; ++seed) {
        Watcher watcher;
        TcgOptions watched;
        watched.observers = {&watcher};
        const TranslatorStatistics s = run(seed, watched, &watcher);
        EXPECT_EQ(watcher.restarts, 1 + s.flushes);
        EXPECT_EQ(watcher.blocks, s.blocks);
        EXPECT_EQ(watcher.instructions, s.instructions);
        EXPECT_EQ(watcher.guest_bytes, s.guest_bytes);
        EXPECT_EQ(watcher.emitted, s.emitted);
        const uint64_t calls = std::accumulate(s.rows.begin(), s.rows.end(), uint64_t{0},
                                               [](uint64_t n, const auto& r) { return n + r.whole + r.rare; });
        EXPECT_EQ(calls, s.handlers);
        EXPECT_LE(s.linked, s.branches);
        EXPECT_FALSE(s.translation_ns);

        const TranslatorStatistics alone = run(seed, {}, nullptr);
        EXPECT_EQ(alone.host_bytes, s.host_bytes);
        EXPECT_EQ(alone.executed, s.executed);
        EXPECT_EQ(alone.handlers, s.handlers);
    }
}

TEST(TranslationObserver, TakesTimeFromAClock) {
    if (!tcg_supported()) GTEST_SKIP() << "no translator here";
    uint64_t now = 0;
    TcgOptions options;
    options.clock = [&now] { return now += 10; };
    const TranslatorStatistics s = run(1, options, nullptr);
    EXPECT_EQ(s.translation_ns, s.blocks * 10);
    const std::string text = describe(s, 5000);
    EXPECT_NE(text.find("time in translation"), std::string::npos) << text;
    EXPECT_NE(text.find("handler calls"), std::string::npos) << text;
}

TEST(TranslationObserver, AnInterpreterHasNoStatistics) {
    CpuFixture m("max", 1 << 20);
    EXPECT_FALSE(translator_statistics(*m.engine));
}

TEST(Disassemble, ByWidthAndName) {
    const uint8_t add[] = {0x01, 0xd8};
    EXPECT_EQ(disassemble(add, CodeWidth::k32, 0).text, "add eax, ebx");
    EXPECT_EQ(disassemble(add, CodeWidth::k16, 0).text, "add ax, bx");
    EXPECT_EQ(disassemble(add, CodeWidth::k32, 0).length, 2u);
    const uint8_t call[] = {0xe8, 0x0b, 0, 0, 0};
    EXPECT_EQ(disassemble(call, CodeWidth::k64, 0x1000).text, "call 0x1010");
    const auto name = [](uint64_t address) { return address == 0x1010 ? std::string("<exact>") : std::string(); };
    EXPECT_EQ(disassemble(call, CodeWidth::k64, 0x1000, name).text, "call <exact>");
    EXPECT_EQ(disassemble(call, CodeWidth::k64, 0x1001, name).text, "call 0x1011");
    EXPECT_EQ(disassemble(std::span(call).first(3), CodeWidth::k32, 0).length, 0u);
    EXPECT_EQ(hex_bytes(add), "01 d8");
}

}  // namespace
}  // namespace qr::i386
