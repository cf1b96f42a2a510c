// SPDX-License-Identifier: GPL-2.0-or-later
//
// The remote protocol over a real CPU, and a machine that only notes how it is run. Longer than most: every packet is here.
#include "gdbstub/protocol.h"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gdbstub/packet.h"
#include "target/i386/mmu.h"
#include "tests/unit/cpu_fixture.h"

namespace qr {
namespace {

using Why = DebugStop::Why;

class FakeRun final : public RunControl, public DebugControl, public MachineRequests {
  public:
    explicit FakeRun(i386::Cpu& cpu) : cpu_(cpu) {}

    // --- RunControl ---
    RunState run_state() const override { return state; }
    void stop() override {
        calls.push_back("stop");
        halt({Why::kPaused});
    }
    Result<void> resume() override {
        calls.push_back("resume");
        state = RunState::kRunning;
        return {};
    }
    void quit_because(std::string_view) override { calls.push_back("quit"); }
    void left_alone() override {}
    LogView log_view() const override { return view; }
    Result<void> break_at(uint64_t) override { return {}; }
    Result<void> delete_break(std::optional<uint64_t>) override { return {}; }
    Result<void> seek(uint64_t) override { return {}; }
    bool seeking() const override { return sought; }
    Result<void> set_replay_speed(double) override { return {}; }
    Result<void> go_live() override { return {}; }
    void discount(int64_t) override {}

    // --- DebugControl ---
    void set_debug_stops(DebugStops s) override { stops = std::move(s); }
    Result<void> go(const char* how) {
        calls.push_back(how);
        if (refusal) return Error{*refusal};
        state = RunState::kRunning;
        return {};
    }
    Result<void> debug_continue() override { return go("continue"); }
    Result<void> debug_step() override { return go("step"); }
    Result<void> debug_step_while(std::function<bool()> f) override {
        further = std::move(f);
        return go("steps");
    }
    Result<void> reverse_continue() override { return go("reverse continue"); }
    Result<void> reverse_step() override { return go("reverse step"); }
    void on_debug_stop(std::function<void(const DebugStop&)> l) override { listener = std::move(l); }

    // --- MachineRequests ---
    void reset() override {}
    void press_power_button() override {}
    void nmi() override {}
    uint32_t read_port(uint16_t, unsigned) override { return 0; }
    void write_port(uint16_t, unsigned, uint32_t) override {}
    bool write_memory(uint64_t address, bool physical, std::span<const uint8_t> data) override {
        ++writes;
        return physical ? cpu_.memory().poke(address, data)
                        : i386::poke_linear(cpu_, static_cast<uint32_t>(address), data);
    }
    bool write_register(std::string_view name, std::span<const uint8_t> value) override {
        ++writes;
        return i386::write_debug_register(cpu_, name, value);
    }

    void halt(const DebugStop& stop, RunState as = RunState::kPaused) {
        state = as;
        if (listener) listener(stop);
    }

    RunState state = RunState::kPrelaunch;
    bool sought = false;
    LogView view;
    DebugStops stops;
    std::function<void(const DebugStop&)> listener;
    std::function<bool()> further;
    std::optional<std::string> refusal;
    std::vector<std::string> calls;
    int writes = 0;

  private:
    i386::Cpu& cpu_;
};

class NoEvents final : public EventSource {
  public:
    const Event* peek() override { return nullptr; }
    void pop() override {}
};

class GdbProtocolTest : public testing::Test {
  protected:
    GdbProtocolTest() { attach(); }
    void attach() {
        protocol.attach([this](std::string stop) { told.push_back(std::move(stop)); });
    }
    std::string ask(std::string_view packet) { return protocol.answer(packet).value_or("(nothing)"); }
    std::vector<std::string> calls() { return std::exchange(run.calls, {}); }
    std::vector<std::string> stop_replies() { return std::exchange(told, {}); }
    // The value of a register as `p` gives it, of four bytes.
    uint32_t reg(unsigned number) { return load_le<uint32_t>(from_hex(ask(fmt::format("p{:x}", number)))->data()); }

    test::CpuFixture fixture;
    i386::Cpu& cpu = fixture.cpu;
    FakeRun run{cpu};
    Mailbox mailbox;
    Door door{mailbox};
    NoEvents recording;
    std::vector<std::string> notices;
    bool watched = false;
    GdbTarget target{cpu, run, run, run, door, {}, [this] { return watched; }, [this](const std::string& line) { notices.push_back(line); }};
    GdbProtocol protocol{target};
    std::vector<std::string> told;
};

// ---- what it is ----

TEST_F(GdbProtocolTest, Supported) {
    EXPECT_EQ(ask("qSupported"), "PacketSize=4000;qXfer:features:read+;vContSupported+;QStartNoAckMode+");
    const std::string all = ask("qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+");
    EXPECT_THAT(all, testing::HasSubstr("multiprocess+;swbreak+;hwbreak+"));
    EXPECT_THAT(all, testing::Not(testing::HasSubstr("Reverse")));
    EXPECT_EQ(ask("qC"), "QCp01.01");
    EXPECT_THAT(ask("qSupported:xmultiprocess+;swbreak-"), testing::Not(testing::HasSubstr("multiprocess")));
    EXPECT_EQ(ask("qC"), "QC01");
}

TEST_F(GdbProtocolTest, BackwardInReplayOnly) {
    door.replay_from(recording);
    EXPECT_THAT(ask("qSupported:swbreak+"), testing::EndsWith(";ReverseStep+;ReverseContinue+"));
}

TEST_F(GdbProtocolTest, UnknownIsEmpty) {
    for (const char* packet : {"", "vMustReplyEmpty", "vFoo", "qOffsets", "QFoo", "!", "R00", "i", "x", "qSymbol::",
                               "vRun", "vAttach;1", "qXfer:memory-map:read::0,100", "b", "vCont", "gg", "??", "Z5,0,1"}) {
        EXPECT_EQ(ask(packet), "") << packet;
    }
}

TEST_F(GdbProtocolTest, Threads) {
    EXPECT_EQ(ask("qfThreadInfo"), "m01");
    EXPECT_EQ(ask("qsThreadInfo"), "l");
    EXPECT_EQ(ask("qAttached"), "1");
    EXPECT_EQ(ask("qAttached:1"), "1");
    for (const char* good : {"Hg0", "Hc-1", "Hg1", "Hgp1.1", "Hgp1.-1", "Hgp0.0", "Hgp-1.-1", "Hg01", "T1", "Tp1.1"})
        EXPECT_EQ(ask(good), "OK") << good;
    for (const char* bad : {"H", "Hg", "Hx1", "Hg2", "Hgp2.1", "Hgp1.2", "Hgp1.", "Hg1x", "T2", "T", "Tp"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    EXPECT_EQ(ask("qThreadExtraInfo,1"), to_hex(std::string_view("CPU#0 [running]")));
    EXPECT_EQ(ask("qThreadExtraInfo,p1.1"), to_hex(std::string_view("CPU#0 [running]")));
    EXPECT_EQ(ask("qThreadExtraInfo,7"), "E22");
}

TEST_F(GdbProtocolTest, QemuQueries) {
    EXPECT_EQ(ask("qqemu.Supported"), "sstepbits;sstep;PhyMemMode");
    EXPECT_EQ(ask("qqemu.sstepbits"), "ENABLE=1");
    EXPECT_EQ(ask("qqemu.sstep"), "0x1");
    EXPECT_EQ(ask("Qqemu.sstep=0x1"), "OK");
    EXPECT_EQ(ask("Qqemu.sstep=1"), "OK");
    // Nothing is masked while stepping, whatever one would like.
    EXPECT_EQ(ask("Qqemu.sstep=7"), "E22");
    EXPECT_EQ(ask("qqemu.PhyMemMode"), "0");
    EXPECT_EQ(ask("Qqemu.PhyMemMode:1"), "OK");
    EXPECT_EQ(ask("qqemu.PhyMemMode"), "1");
    EXPECT_EQ(ask("Qqemu.PhyMemMode:x"), "E22");
}

// ---- the description ----

TEST_F(GdbProtocolTest, Description) {
    std::string xml;
    while (true) {
        const std::string part = ask(fmt::format("qXfer:features:read:target.xml:{:x},100", xml.size()));
        ASSERT_LE(part.size(), 0x101u);
        xml += part.substr(1);
        if (part[0] == 'l') break;
        ASSERT_EQ(part[0], 'm');
    }
    EXPECT_EQ(ask("qXfer:features:read::0,fff").substr(1), xml.substr(0, 0xfff));
    EXPECT_EQ(ask("qXfer:features:read:target.xml:ffffffff,10"), "l");
    EXPECT_EQ(ask("qXfer:features:read:other.xml:0,10"), "E00");
    for (const char* bad : {"qXfer:features:read:target.xml", "qXfer:features:read:target.xml:0",
                            "qXfer:features:read:target.xml:,", "qXfer:features:read:target.xml:0,10,"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    // Every register is there, with its number.
    const GdbRegisters registers;
    for (size_t n = 0; n < registers.count(); ++n) {
        EXPECT_THAT(xml, testing::ContainsRegex(fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"[a-z0-9_]*\" regnum=\"{}\"",
                                                            registers[n].name, registers[n].size * 8, n)));
    }
    for (const char* feature : {"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse", "org.qemu-replay.i386.system"})
        EXPECT_THAT(xml, testing::HasSubstr(feature));
}

TEST_F(GdbProtocolTest, NumbersAreGdbs) {
    const GdbRegisters registers;
    EXPECT_EQ(registers[0].name, "eax");
    EXPECT_EQ(registers[3].name, "ebx");
    EXPECT_EQ(registers[4].name, "esp");
    EXPECT_EQ(registers[8].name, "eip");
    EXPECT_EQ(registers[10].name, "cs");
    EXPECT_EQ(registers[16].name, "st0");
    EXPECT_EQ(registers[24].name, "fctrl");
    EXPECT_EQ(registers[32].name, "xmm0");
    EXPECT_EQ(registers[40].name, "mxcsr");
    EXPECT_EQ(registers[kWellKnownRegisters].name, "cs_base");
}

// ---- registers ----

TEST_F(GdbProtocolTest, AllRegisters) {
    cpu.gpr[i386::kEax] = 0x12345678;
    cpu.gpr[i386::kEdi] = 0x9abcdef0;
    const std::string g = ask("g");
    // As gdb has them without a description: 16 of 4 bytes, 8 of 10, 8 of 4, 8 of 16, 1 of 4.
    EXPECT_EQ(g.size(), 2 * 308u);
    EXPECT_EQ(g.substr(0, 8), "78563412");
    EXPECT_EQ(g.substr(7 * 8, 8), "f0debc9a");
    EXPECT_EQ(g.substr(8 * 8, 8), "f0ff0000");   // EIP, without CS's base
    EXPECT_EQ(g.substr(10 * 8, 8), "00f00000");  // CS
    ask("qXfer:features:read:target.xml:0,10");
    const std::string more = ask("g");
    EXPECT_EQ(more.substr(0, g.size()), g);
    EXPECT_EQ(more.size(), 2 * (308u + 11 * 4 + 8));
    // The parts are what the whole is made of.
    std::string parts;
    for (size_t n = 0; n < GdbRegisters().count(); ++n) parts += ask(fmt::format("p{:x}", n));
    EXPECT_EQ(parts, more);
}

TEST_F(GdbProtocolTest, WriteRegisters) {
    const struct {
        unsigned number;
        std::string good;
    } kRows[] = {
        {0, "78563412"}, {7, "01000000"}, {8, "007c0000"}, {9, "d60a0000"}, {10, "34120000"}, {13, "00b80000"},
        {16, "0102030405060708ff3f"}, {23, "00000000000000800040"}, {24, "7f020000"}, {25, "00380000"},
        {26, "ffff0000"}, {27, "08000000"}, {28, "efbeadde"}, {31, "ff070000"},
        {32, "000102030405060708090a0b0c0d0e0f"}, {40, "a01f0000"}, {45, "00100000"}, {47, "11000060"},
        {48, "78563412"}, {49, "00100000"}, {50, "10000000"}, {51, "00080000"},
    };
    for (const auto& row : kRows) {
        const int before = run.writes;
        EXPECT_EQ(ask(fmt::format("P{:x}={}", row.number, row.good)), "OK") << row.number;
        EXPECT_EQ(run.writes, before + 1) << row.number;
        EXPECT_EQ(ask(fmt::format("p{:x}", row.number)), row.good) << row.number;
        // What it is already isn't an input.
        EXPECT_EQ(ask(fmt::format("P{:x}={}", row.number, row.good)), "OK");
        EXPECT_EQ(run.writes, before + 1) << row.number;
    }
    EXPECT_EQ(cpu.seg[i386::kEs].base, 0xb8000u);
    EXPECT_EQ(cpu.seg[i386::kCs].base, 0x12340u);
    EXPECT_EQ(cpu.cr3, 0x1000u);
}

TEST_F(GdbProtocolTest, RegistersThatCant) {
    for (const char* packet : {
             "P9=d60a0200",          // EFLAGS.VM
             "Pa=00000100",          // a selector of 17 bits
             "P19=00000100",         // FSTAT of 17 bits
             "P1f=00080000",         // FOP of 12 bits
             "P28=00000100",         // reserved in MXCSR
             "P2f=00000080",         // CR0: PG without PE
             "P32=00000080",         // reserved in CR4
             "P33=01000000",         // EFER.SCE, which this CPU hasn't
             "P34=0100000000000000"  // icount
         }) {
        const std::string before = ask("g");
        EXPECT_THAT(ask(packet), testing::StartsWith("E.")) << packet;
        EXPECT_EQ(ask("g"), before) << packet;
    }
    for (const char* bad : {"P", "P0", "P0=", "P0=12", "P0=1234567", "P0=123456789a", "P0=1234567x", "Pzz=00000000"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    EXPECT_EQ(ask("P100=00000000"), "E14");
    EXPECT_EQ(ask("p100"), "E14");
    EXPECT_EQ(ask("pzz"), "E22");
    EXPECT_EQ(ask("p"), "E22");
}

TEST_F(GdbProtocolTest, ProtectedSelectors) {
    fixture.flat32(0x1000);
    EXPECT_EQ(ask("Pd=10000000"), "OK");  // ES, the data segment
    EXPECT_EQ(ask("Pd=08000000"), "OK");  // and a readable code segment
    EXPECT_THAT(ask("Pd=20000000"), testing::StartsWith("E."));
    EXPECT_EQ(reg(13), 8u);
    EXPECT_THAT(ask("Pa=10000000"), testing::StartsWith("E."));
    EXPECT_EQ(reg(10), 8u);
}

TEST_F(GdbProtocolTest, WriteAllRegisters) {
    std::string g = ask("g");
    EXPECT_EQ(ask("G" + g), "OK");
    EXPECT_EQ(run.writes, 0);
    g.replace(0, 8, "01020304");
    g.replace(8 * 8, 8, "007c0000");
    EXPECT_EQ(ask("G" + g), "OK");
    EXPECT_EQ(run.writes, 2);
    EXPECT_EQ(cpu.gpr[i386::kEax], 0x04030201u);
    EXPECT_EQ(cpu.eip, 0x7c00u);
    EXPECT_EQ(ask("G" + g.substr(2)), "E22");
    EXPECT_EQ(ask("G"), "E22");
    EXPECT_EQ(ask("Gx"), "E22");
}

TEST_F(GdbProtocolTest, Stack) {
    // ST(i) counts from TOP, MMX registers don't.
    cpu.fpu.set_top(6);
    cpu.fpu.empty = 0x3f;
    cpu.fpu.regs[6] = {0x8000000000000000, 0x3fff};
    cpu.fpu.regs[0] = {0xc000000000000000, 0x4000};
    EXPECT_EQ(ask("p10"), "0000000000000080ff3f");
    EXPECT_EQ(ask("p12"), "00000000000000c00040");
    EXPECT_EQ(ask("p1a"), "ff4f0000");  // 6 is valid, 7 a zero, the others are empty
}

// ---- a monitor's seek ----

TEST_F(GdbProtocolTest, WhenArrived) {
    int arrived = 0;
    const auto once = [&arrived] { ++arrived; };
    protocol.when_arrived(once);  // standing still
    EXPECT_EQ(arrived, 1);
    run.state = RunState::kRunning;
    protocol.when_arrived(once);  // running, and to nowhere in particular
    EXPECT_EQ(arrived, 2);
    run.sought = true;
    protocol.when_arrived(once);
    protocol.look_whether_arrived();
    EXPECT_EQ(arrived, 2);
    run.halt({Why::kPaused});
    run.halt({Why::kPaused});
    EXPECT_EQ(arrived, 3);
    run.state = RunState::kRunning;
    protocol.when_arrived(once);
    run.sought = false;  // it is taken off its way
    protocol.look_whether_arrived();
    protocol.look_whether_arrived();
    EXPECT_EQ(arrived, 4);
    EXPECT_TRUE(stop_replies().empty());
    run.sought = true;
    protocol.when_arrived(once);
    protocol.detach();
    run.sought = false;
    protocol.look_whether_arrived();
    EXPECT_EQ(arrived, 4);
}

// ---- memory ----

TEST_F(GdbProtocolTest, ReadMemory) {
    fixture.put(0x7c00, {1, 2, 3, 4});
    EXPECT_EQ(ask("m7c00,4"), "01020304");
    EXPECT_EQ(ask("m7c00,0"), "");
    EXPECT_EQ(ask("m7C02,1"), "03");
    // To the end of RAM, and from behind it.
    EXPECT_EQ(ask("m1fffffe,10"), "0000");
    EXPECT_EQ(ask("m2000000,1"), "E14");
    EXPECT_EQ(ask("m100000000,1"), "E14");
    EXPECT_EQ(ask("mffffffffffffffff,1"), "E14");
    for (const char* bad : {"m", "m1", "m1,", "mx,1", "m1,1,", "m11111111111111111,1", "m0,100000", "m0,ffffffffffffffff"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    EXPECT_EQ(ask("m0,2000").size(), 0x4000u);
}

TEST_F(GdbProtocolTest, WriteMemory) {
    EXPECT_EQ(ask("M1000,4:deadbeef"), "OK");
    EXPECT_EQ(ask("m1000,4"), "deadbeef");
    EXPECT_EQ(ask(std::string_view("X2000,3:\0$}", 11)), "OK");
    EXPECT_EQ(ask("m2000,3"), "00247d");
    EXPECT_EQ(ask("X2000,0:"), "OK");
    EXPECT_EQ(run.writes, 2);
    for (const char* bad : {"M", "M1000", "M1000,1", "M1000,1:", "M1000,2:aa", "M1000,1:a", "M1000,1:xx", "X1000,2:a", "X0,1"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    EXPECT_EQ(ask("M2000000,1:00"), "E14");
    EXPECT_EQ(ask("Mffffffff,2:0000"), "E14");
}

TEST_F(GdbProtocolTest, PagedMemory) {
    fixture.flat32(0x1000);
    fixture.poke<uint32_t>(0x10000, 0x11003);  // page directory: the first 4 MiB
    fixture.poke<uint32_t>(0x11000 + 4 * 5, 0x8003);  // linear 5000 is physical 8000
    cpu.write_cr3(0x10000);
    cpu.write_cr0(cpu.cr0 | i386::kCr0PG);
    fixture.put(0x8ffe, {0xaa, 0xbb});
    const uint32_t entry = fixture.peek<uint32_t>(0x11014);
    EXPECT_EQ(ask("m5ffe,4"), "aabb");  // the page behind it isn't there
    EXPECT_EQ(ask("m6000,4"), "E14");
    EXPECT_EQ(ask("M5ffe,2:1122"), "OK");
    EXPECT_EQ(fixture.peek<uint16_t>(0x8ffe), 0x2211);
    EXPECT_EQ(ask("M5fff,2:1122"), "E14");
    EXPECT_EQ(ask("Qqemu.PhyMemMode:1"), "OK");
    EXPECT_EQ(ask("m8ffe,1"), "11");
    EXPECT_EQ(ask("M6000,2:abcd"), "OK");
    EXPECT_EQ(fixture.peek<uint16_t>(0x6000), 0xcdab);
    EXPECT_EQ(ask("m1000000000,1"), "E14");
    // Neither accessed nor dirty.
    EXPECT_EQ(fixture.peek<uint32_t>(0x11014), entry);
    // Another client begins with linear addresses.
    protocol.detach();
    attach();
    EXPECT_EQ(ask("m5fff,1"), "11");
}

TEST_F(GdbProtocolTest, CodeIsTranslatedAnew) {
    fixture.flat32(0x1000);
    fixture.put(0x1000, {0x40, 0xeb, 0xfd});  // inc eax; jmp to it
    fixture.run(100);
    const auto before = static_cast<uint32_t>(cpu.gpr[i386::kEax]);
    EXPECT_EQ(ask("M1000,1:48"), "OK");  // dec eax
    fixture.run(100);
    EXPECT_EQ(static_cast<uint32_t>(cpu.gpr[i386::kEax]), before - 50);
}

TEST_F(GdbProtocolTest, ReplayTakesNoWrites) {
    door.replay_from(recording);
    const std::string g = ask("g");
    EXPECT_THAT(ask("M1000,1:55"), testing::StartsWith("E."));
    EXPECT_THAT(ask("X1000,1:5"), testing::HasSubstr("replay_live"));
    EXPECT_THAT(ask("P0=12345678"), testing::HasSubstr("replay_live"));
    EXPECT_EQ(ask("G" + g), "OK");
    EXPECT_THAT(ask("G01020304" + g.substr(8)), testing::StartsWith("E."));
    EXPECT_THAT(ask("c1234"), testing::StartsWith("E."));
    EXPECT_EQ(run.writes, 0);
    EXPECT_TRUE(calls().empty());
    EXPECT_EQ(ask("m1000,1"), "00");
    // Said once: gdb shows no text for memory.
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_THAT(notices[0], testing::HasSubstr("replay_live"));
}

// ---- going on ----

TEST_F(GdbProtocolTest, AttachStops) {
    EXPECT_TRUE(calls().empty());
    EXPECT_EQ(ask("?"), "T05thread:01;");  // -S
    protocol.detach();
    run.state = RunState::kRunning;
    attach();
    EXPECT_THAT(calls(), testing::ElementsAre("stop"));
    EXPECT_EQ(ask("?"), "T02thread:01;");
    EXPECT_TRUE(told.empty());
}

TEST_F(GdbProtocolTest, Continue) {
    for (const char* packet : {"c", "C05", "vCont;c", "vCont;C05", "vCont;c:1", "vCont;c:p1.-1", "vCont;c:p1.1;s:p1.1"}) {
        EXPECT_EQ(ask(packet), "(nothing)") << packet;
        EXPECT_THAT(calls(), testing::ElementsAre("continue"));
        EXPECT_TRUE(told.empty());
        run.halt({Why::kBreakpoint, {DebugHit::Kind::kBreakpoint, 7, 0x7c00, {}, false}});
        EXPECT_THAT(stop_replies(), testing::ElementsAre("T05thread:01;"));
        // Nobody asked for this one.
        run.halt({Why::kPaused});
        EXPECT_TRUE(told.empty());
    }
}

TEST_F(GdbProtocolTest, Step) {
    for (const char* packet : {"s", "S05", "vCont;s", "vCont;S05:1", "vCont;s:1;c", "vCont;s:p1.1;c:p1.-1"}) {
        EXPECT_EQ(ask(packet), "(nothing)") << packet;
        EXPECT_THAT(calls(), testing::ElementsAre("step"));
        run.halt({Why::kStep});
        EXPECT_THAT(stop_replies(), testing::ElementsAre("T05thread:01;"));
    }
    for (const char* bad : {"vCont;", "vCont;x", "vCont;c;", "vCont;c:", "vCont;s:2", "vCont;C", "vCont;Cxx", "vCont;c:1x",
                            "cx", "sx", "C", "C0", "Cxx", "C05x", "S05;x", "c100000000"}) {
        EXPECT_EQ(ask(bad), "E22") << bad;
        EXPECT_TRUE(calls().empty()) << bad;
    }
}

TEST_F(GdbProtocolTest, RangeStep) {
    for (const char* packet : {"vCont;r7c00,7c10", "vCont;r7c00,7c10:1", "vCont;r7c00,7c10:p1.1;c:p1.-1"}) {
        EXPECT_EQ(ask(packet), "(nothing)") << packet;
        EXPECT_THAT(calls(), testing::ElementsAre("steps"));
        for (const auto& [eip, on] : {std::pair{0x7bffu, false}, {0x7c00u, true}, {0x7c0fu, true}, {0x7c10u, false}}) {
            cpu.eip = eip;
            EXPECT_EQ(run.further(), on) << eip;
        }
        run.halt({Why::kStep});
        EXPECT_THAT(stop_replies(), testing::ElementsAre("T05thread:01;"));
    }
    EXPECT_EQ(ask("vCont;r7c00,7c00"), "(nothing)");  // the same as s
    cpu.eip = 0x7c00;
    EXPECT_FALSE(run.further());
    run.halt({Why::kStep});
    EXPECT_EQ(ask("vCont;c:1;r7c00,7c10"), "(nothing)");
    run.halt({Why::kPaused});
    EXPECT_THAT(calls(), testing::ElementsAre("steps", "continue"));
    for (const char* bad : {"vCont;r", "vCont;r7c00", "vCont;r7c00,", "vCont;r,7c00", "vCont;r7c00,7c10,1", "vCont;r7c00,7c10:2"})
        EXPECT_EQ(ask(bad), "E22") << bad;
    EXPECT_TRUE(calls().empty());
    // Who has left isn't stepped for.
    EXPECT_EQ(ask("vCont;r7c00,7c10"), "(nothing)");
    EXPECT_TRUE(run.further());
    protocol.detach();
    EXPECT_FALSE(run.further());
}

TEST_F(GdbProtocolTest, FromAnotherPlace) {
    EXPECT_EQ(ask("c7c00"), "(nothing)");
    EXPECT_EQ(cpu.eip, 0x7c00u);
    run.halt({Why::kPaused});
    EXPECT_EQ(ask("S05;7d00"), "(nothing)");
    EXPECT_EQ(cpu.eip, 0x7d00u);
    EXPECT_THAT(calls(), testing::ElementsAre("continue", "step"));
}

TEST_F(GdbProtocolTest, Backward) {
    EXPECT_EQ(ask("bs"), "(nothing)");
    run.halt({Why::kStep});
    EXPECT_EQ(ask("bc"), "(nothing)");
    run.halt({Why::kReplayBegin});
    EXPECT_EQ(ask("c"), "(nothing)");
    run.halt({Why::kReplayEnd});
    EXPECT_THAT(calls(), testing::ElementsAre("reverse step", "reverse continue", "continue"));
    EXPECT_THAT(told, testing::ElementsAre("T05thread:01;", "T05replaylog:begin;thread:01;", "T05replaylog:end;thread:01;"));
    EXPECT_EQ(ask("?"), "T05replaylog:end;thread:01;");
    run.refusal = "it ends here";
    run.view.at_end = true;
    for (const char* packet : {"c", "s"}) EXPECT_EQ(ask(packet), "T05replaylog:end;thread:01;");
    EXPECT_TRUE(told.size() == 3 && calls().size() == 2);
    run.view.at_end = false;
    run.refusal = "only in a replay";
    EXPECT_EQ(ask("bs"), "E.only in a replay");
    run.halt({Why::kPaused});
    EXPECT_EQ(told.size(), 3u);
}

TEST_F(GdbProtocolTest, Interrupt) {
    protocol.interrupt();
    EXPECT_TRUE(calls().empty());
    ask("c");
    protocol.interrupt();
    EXPECT_THAT(calls(), testing::ElementsAre("continue", "stop"));
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T02thread:01;"));
}

TEST_F(GdbProtocolTest, OthersStopAndGo) {
    ask("c");
    run.halt({Why::kPaused});  // the monitor's stop
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T02thread:01;"));
    ask("c");
    run.halt({Why::kPaused}, RunState::kDebug);  // replay_break
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T05thread:01;"));
    ask("c");
    run.halt({Why::kShutdown}, RunState::kShutdown);
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T03thread:01;"));
    calls();
    // The monitor's cont, behind gdb's back.
    EXPECT_TRUE(run.resume());
    EXPECT_EQ(ask("m0,1"), "00");
    EXPECT_EQ(ask("s"), "(nothing)");
    EXPECT_THAT(calls(), testing::ElementsAre("resume", "stop", "step"));
    EXPECT_TRUE(told.empty());
    run.halt({Why::kStep});
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T05thread:01;"));
    EXPECT_TRUE(run.resume());
    calls();
    EXPECT_EQ(ask("c"), "(nothing)");
    EXPECT_TRUE(calls().empty());
    run.halt({Why::kPaused});
    EXPECT_THAT(stop_replies(), testing::ElementsAre("T02thread:01;"));
}

TEST_F(GdbProtocolTest, Detach) {
    ask("Z0,7c00,1");
    EXPECT_EQ(ask("D"), "OK");
    EXPECT_THAT(calls(), testing::ElementsAre("resume"));
    EXPECT_TRUE(run.stops.empty());
    EXPECT_FALSE(run.listener);
    // And back.
    EXPECT_EQ(ask("?"), "T02thread:01;");
    EXPECT_THAT(calls(), testing::ElementsAre("stop"));
    EXPECT_EQ(ask("D;1"), "OK");
    EXPECT_EQ(ask("D;2"), "E22");
    EXPECT_EQ(ask("Dx"), "E22");
}

TEST_F(GdbProtocolTest, Disappear) {
    ask("Z0,7c00,1");
    ask("c");
    calls();
    protocol.detach();
    EXPECT_TRUE(calls().empty());
    EXPECT_TRUE(run.stops.empty());
    EXPECT_FALSE(run.listener);
    // Too late.
    EXPECT_EQ(ask("c"), "");
    protocol.interrupt();
    EXPECT_TRUE(calls().empty());
}

// A recording's end is kept as long as somebody looks at it.
TEST_F(GdbProtocolTest, LeaveAtTheEnd) {
    run.view.at_end = true;
    watched = true;
    EXPECT_EQ(ask("D"), "OK");
    EXPECT_TRUE(calls().empty());
    watched = false;
    EXPECT_EQ(ask("?"), "T05thread:01;");
    EXPECT_EQ(ask("D"), "OK");
    EXPECT_THAT(calls(), testing::ElementsAre("quit"));
    attach();
    protocol.detach();
    EXPECT_THAT(calls(), testing::ElementsAre("quit"));
}

TEST_F(GdbProtocolTest, Kill) {
    EXPECT_EQ(ask("k"), "(nothing)");
    EXPECT_EQ(ask("vKill;1"), "OK");
    EXPECT_EQ(ask("vKill;7"), "E22");
    EXPECT_THAT(calls(), testing::ElementsAre("quit", "quit"));
}

// ---- where to stop ----

TEST_F(GdbProtocolTest, Breakpoints) {
    EXPECT_EQ(ask("Z0,7c00,1"), "OK");
    EXPECT_EQ(ask("Z0,7c00,1"), "OK");
    EXPECT_EQ(ask("Z1,7c00,1"), "OK");
    EXPECT_EQ(ask("Z1,100,1"), "OK");
    EXPECT_THAT(run.stops.breakpoints, testing::ElementsAre(0x100, 0x7c00));
    EXPECT_EQ(ask("z0,7c00,1"), "OK");
    EXPECT_THAT(run.stops.breakpoints, testing::ElementsAre(0x100, 0x7c00));
    EXPECT_EQ(ask("z1,7c00,1"), "OK");
    EXPECT_EQ(ask("z1,7c00,1"), "OK");
    EXPECT_THAT(run.stops.breakpoints, testing::ElementsAre(0x100));
    // Memory isn't patched.
    EXPECT_EQ(run.writes, 0);
    for (const char* bad : {"Z", "Z0", "Z0,", "Z0,1", "Z0,1,", "Z0,x,1", "Z0,100000000,1", "Z0,1,1;X1", "Z2,8000,0",
                            "Z2,ffffffff,2", "Z2,0,100000001", "Z4,1,ffffffffffffffff", "z", "z0", "z2,0,0"})
        EXPECT_EQ(ask(bad), "E22") << bad;
}

TEST_F(GdbProtocolTest, BreakpointReasons) {
    ask("qSupported:swbreak+;hwbreak+;multiprocess+");
    ask("Z0,100,1");
    ask("Z1,200,1");
    const auto hit = [&](uint64_t address) {
        ask("c");
        cpu.eip = static_cast<uint32_t>(address & 0xffff);
        run.halt({Why::kBreakpoint, {DebugHit::Kind::kBreakpoint, 1, address, {}, false}});
        return stop_replies().at(0);
    };
    EXPECT_EQ(hit(0x100), "T05swbreak:;thread:p01.01;");
    ask("Z0,f0100,1");
    EXPECT_EQ(hit(0xf0100), "T05thread:p01.01;");  // gdb knows of no segment bases
    EXPECT_EQ(hit(0x200), "T05hwbreak:;thread:p01.01;");
}

TEST_F(GdbProtocolTest, Watchpoints) {
    EXPECT_EQ(ask("Z2,8000,2"), "OK");
    EXPECT_EQ(ask("Z3,9000,1"), "OK");
    EXPECT_EQ(ask("Z4,8000,4"), "OK");
    EXPECT_EQ(ask("Z2,0,80000000"), "OK");
    EXPECT_EQ(ask("Z4,0,100000000"), "OK");
    EXPECT_EQ(run.stops.watchpoints, (std::vector<Watchpoint>{{0x8000, 2, false, true}, {0x9000, 1, true, false},
                                                              {0x8000, 4, true, true}, {0, 0x80000000, false, true},
                                                              {0, uint64_t{1} << 32, true, true}}));
    EXPECT_EQ(ask("z2,0,80000000"), "OK");
    EXPECT_EQ(ask("z4,0,100000000"), "OK");
    const auto hit = [&](uint64_t address, bool written) {
        ask("c");
        run.halt({Why::kWatchpoint, {DebugHit::Kind::kWatchpoint, 1, address, {}, written}});
        return stop_replies().at(0);
    };
    EXPECT_EQ(hit(0x8001, true), "T05watch:00008001;thread:01;");
    EXPECT_EQ(hit(0x8001, false), "T05awatch:00008001;thread:01;");
    EXPECT_EQ(hit(0x8002, true), "T05awatch:00008002;thread:01;");
    EXPECT_EQ(hit(0x9000, false), "T05rwatch:00009000;thread:01;");
    EXPECT_EQ(ask("z2,8000,2"), "OK");
    EXPECT_EQ(ask("z3,9000,1"), "OK");
    EXPECT_EQ(ask("z4,8000,4"), "OK");
    EXPECT_TRUE(run.stops.empty());
}

TEST_F(GdbProtocolTest, ManyStops) {
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(ask(fmt::format("Z0,{:x},1", i)), "OK");
    EXPECT_THAT(ask("Z0,20000,1"), testing::StartsWith("E."));
}

// ---- anything ----

TEST_F(GdbProtocolTest, Noise) {
    std::mt19937 random(7);
    constexpr std::string_view kLetters = "?cCDgGHmMpPqQsSTvXzZb0123456789abcdefx,;:=.-+";
    const std::vector<std::string> kBegins{"", "m", "M", "X", "Z", "z", "p", "P", "vCont;", "qXfer:features:read:", "H",
                                           "qThreadExtraInfo,", "Qqemu.", "G", "c", "qSupported:"};
    for (int i = 0; i < 200'000; ++i) {
        std::string packet = kBegins[random() % kBegins.size()];
        for (size_t n = random() % 20; n; --n) packet += kLetters[random() % kLetters.size()];
        GdbProtocol::only_looks(packet);
        const auto answer = protocol.answer(packet);
        ASSERT_LE(answer.value_or("").size(), kPacketSize + 1) << packet;
        if (run.state == RunState::kRunning) run.halt({Why::kStep});
        run.calls.clear();
        told.clear();
    }
    EXPECT_EQ(ask("qsThreadInfo"), "l");
}

TEST_F(GdbProtocolTest, Looks) {
    for (const char* packet : {"?", "g", "m0,1", "p0", "qC", "T1", "vMustReplyEmpty", "vCont?", "foo"})
        EXPECT_TRUE(GdbProtocol::only_looks(packet)) << packet;
    for (const char* packet : {"c", "s", "bs", "bc", "M0,0:", "X0,0:", "P0=0", "G0", "D", "k", "vCont;c", "vKill;1", "Z0,0,1", "z0,0,1"})
        EXPECT_FALSE(GdbProtocol::only_looks(packet)) << packet;
}

}  // namespace
}  // namespace qr
