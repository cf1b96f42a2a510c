// SPDX-License-Identifier: GPL-2.0-or-later
//
// Test cases on our CPU. A small machine of RAM only: page tables that map what the host's process
// maps, at the same linear addresses; a GDT and LDT with the same selectors; an IDT whose handlers
// are HLT, by which a fault is seen. Source: Intel SDM 3A, chapters 3 to 6.
#include "tests/insn/oracle_guest.h"

#include "target/i386/descriptor.h"

namespace qr::oracle {
namespace {

using namespace i386;

// Physical memory.
constexpr uint32_t kRamSize = 1 << 20;
constexpr uint32_t kPdpt = 0x1000, kPdLow = 0x2000, kPdHigh = 0x3000, kPtCode = 0x4000,
                   kPtData = 0x5000, kPtSystem = 0x6000, kGdt = 0x7000, kLdtAt = 0x7800,
                   kIdt = 0x8000, kTss = 0x9000, kStackTop = 0xb000, kHandlers = 0xc000,
                   kCodeAt = 0x20000;
// The data window is at one of two places.
constexpr uint32_t kDataAt[2] = {0x30000, 0x50000};
constexpr uint32_t kSystem = kSystemBase;

constexpr uint64_t kPresent = 1, kWrite = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40,
                   kNoExecute = 1ull << 63;

constexpr uint16_t kCodeSelector = 0x08, kDataSelector = 0x10, kTssSelector = 0x30,
                   kLdtSelector = 0x38;
constexpr uint16_t kAttrCode3 = 0xc0fb, kAttrData3 = 0xc0f3, kAttrCode0 = 0xc09b,
                   kAttrData0 = 0xc093;

uint16_t ldt_attr(const LdtEntry& e) {
    unsigned attr = 0xf1 | (e.contents << 2) | (e.read_only ? 0 : 2);
    if (e.big) attr |= 0x4000;
    return static_cast<uint16_t>(attr);
}

Segment make_segment(uint16_t selector, uint32_t base, uint32_t limit, uint16_t attr) {
    Segment s;
    s.selector = selector;
    s.attr = attr;
    s.limit = limit;
    s.base = base;
    s.derive();
    return s;
}

}  // namespace

Guest::Guest(const CpuModel& model, std::unique_ptr<Engine> engine, const uint64_t* pristine,
             const uint8_t* read_only)
    : model_(model), clock_(countdown_), engine_(std::move(engine)), pristine_(pristine) {
    ram_ = std::move(*RamBlock::create("ram", kRamSize, false));
    memory_.map_ram(0, kRamSize, *ram_, 0, 0);
    CpuWiring wiring{memory_,    memory_, ports_, clock_,
                     countdown_, nullptr, {},     [this] { shut_down_ = true; }};
    cpu_ = std::make_unique<Cpu>(wiring, model_);
    memory_.set_listener(cpu_.get());
    cpu_->set_engine(*engine_);
    cpu_->reset();
    build_tables();
    std::memset(ram_->data() + kCodeAt, 0xcc, kCodeSize);
    for (const uint32_t at : kDataAt) {
        for (unsigned p = 0; p < kWritablePages.size(); ++p)
            std::memcpy(ram_->data() + at + kWritablePages[p] * kPage, pristine + p * (kPage / 8),
                        kPage);
        std::memcpy(ram_->data() + at + kReadOnlyPage * kPage, read_only, kPage);
    }
    Cpu& cpu = *cpu_;
    cpu.gdtr = {kSystem + kGdt, 0x3f};
    cpu.idtr = {kSystem + kIdt, 0x7ff};
    cpu.ldtr = make_segment(kLdtSelector, kSystem + kLdtAt, kLdtEntries * 8 - 1, 0x82);
    cpu.tr = make_segment(kTssSelector, kSystem + kTss, 0x67, 0x8b);
    cpu.cr3 = kPdpt;
    cpu.efer = 0x800;
    cpu.write_cr4(kCr4PAE | kCr4OSFXSR | kCr4OSXMMEXCPT);
    cpu.write_cr0(kCr0PE | kCr0PG | kCr0NE | kCr0WP | kCr0AM | kCr0MP | kCr0ET);
}

void Guest::put_descriptor(uint32_t at, uint32_t base, uint32_t limit, uint16_t attr) {
    poke<uint32_t>(at, (limit & 0xffff) | base << 16);
    poke<uint32_t>(at + 4, ((base >> 16) & 0xff) | uint32_t{attr} << 8 | (limit & 0xf0000) |
                               (base & 0xff000000));
}

void Guest::map_page(uint32_t linear, uint32_t physical, uint64_t bits) {
    const uint32_t table = linear >= kSystem ? kPtSystem : linear >= kDataBase ? kPtData : kPtCode;
    const uint32_t directory = linear >= kSystem ? kPdHigh : kPdLow;
    poke<uint64_t>(directory + ((linear >> 21) & 511) * 8,
                   table | kPresent | kWrite | kUser | kAccessed);
    // As another bus master would: whoever keeps translations has to see it.
    const uint64_t entry = physical | kPresent | kAccessed | kDirty | bits;
    memory_.dma_write(table + ((linear >> 12) & 511) * 8,
                      {reinterpret_cast<const uint8_t*>(&entry), sizeof entry});
}

void Guest::build_tables() {
    poke<uint64_t>(kPdpt + 8, kPdLow | kPresent);
    poke<uint64_t>(kPdpt + 24, kPdHigh | kPresent);
    for (uint32_t p = 0; p < kSystemSize; p += kPage) map_page(kSystem + p, p, kWrite);
    for (uint32_t p = 0; p < kCodeSize; p += kPage) map_page(kCodeBase + p, kCodeAt + p, kUser);
    map_data();

    put_descriptor(kGdt + kCodeSelector, 0, 0xfffff, kAttrCode0);
    put_descriptor(kGdt + kDataSelector, 0, 0xfffff, kAttrData0);
    put_descriptor(kGdt + (kFlatCode & ~7u), 0, 0xfffff, kAttrCode3);
    put_descriptor(kGdt + (kFlatData & ~7u), 0, 0xfffff, kAttrData3);
    put_descriptor(kGdt + kTssSelector, kSystem + kTss, 0x67, 0x8b);
    put_descriptor(kGdt + kLdtSelector, kSystem + kLdtAt, kLdtEntries * 8 - 1, 0x82);
    gdt_segments_[kFlatCode >> 3] = make_segment(kFlatCode, 0, 0xffffffff, kAttrCode3);
    gdt_segments_[kFlatData >> 3] = make_segment(kFlatData, 0, 0xffffffff, kAttrData3);
    for (unsigned n = 0; n < kLdtEntries; ++n) {
        const LdtEntry& e = kLdt[n];
        put_descriptor(kLdtAt + n * 8, e.base, e.limit, ldt_attr(e));
        ldt_segments_[n] = make_segment(ldt_selector(n), e.base, e.limit, ldt_attr(e));
    }
    poke<uint32_t>(kTss + 4, kSystem + kStackTop);
    poke<uint32_t>(kTss + 8, kDataSelector);
    poke<uint16_t>(kTss + 0x66, 0x68);  // no I/O permission map
    for (unsigned v = 0; v < 256; ++v) {
        const uint32_t handler = kSystem + kHandlers + v * 16;
        const unsigned dpl = v == kBP || v == kOF ? 3 : 0;  // as on Linux
        poke<uint32_t>(kIdt + v * 8, (handler & 0xffff) | uint32_t{kCodeSelector} << 16);
        poke<uint32_t>(kIdt + v * 8 + 4, (handler & 0xffff0000) | 0x8e00 | dpl << 13);
        poke<uint8_t>(kHandlers + v * 16, 0xf4);
    }
}

void Guest::map_data() {
    const uint32_t at = kDataAt[place_];
    for (const unsigned p : kWritablePages)
        map_page(kDataBase + p * kPage, at + p * kPage, kUser | kWrite | kNoExecute);
    map_page(kDataBase + kReadOnlyPage * kPage, at + kReadOnlyPage * kPage, kUser | kNoExecute);
}

Segment Guest::load(uint16_t selector) const {
    if (null_selector(selector)) {
        Segment s;
        load_null(s, selector);
        return s;
    }
    return selector_in_ldt(selector) ? ldt_segments_[selector >> 3] : gdt_segments_[selector >> 3];
}

void Guest::enter(const Case& c) {
    Cpu& cpu = *cpu_;
    apply_patches(c, ram_->data() + kDataAt[place_]);
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = c.gpr[i];
    cpu.eip = c.eip;
    cpu.eflags = c.eflags | kFixed1;
    cpu.flags = {};
    for (unsigned s = 0; s < kSegCount; ++s)
        if (cpu.seg[s].selector != c.seg[s] || cpu.cpl != 3) cpu.seg[s] = load(c.seg[s]);
    cpu.cpl = 3;
    cpu.cr2 = 0;
    cpu.activity = Activity::kActive;
    cpu.events = 0;
    FpuState& f = cpu.fpu;
    f.control = c.fx.control;
    f.status = c.fx.status;
    f.empty = static_cast<uint8_t>(~c.fx.tags);
    f.opcode = 0;
    f.fip = f.fdp = 0;
    f.fcs = f.fds = 0;
    for (unsigned i = 0; i < 8; ++i)
        f.regs[(f.top() + i) & 7] = {c.fx.st[i].mantissa, c.fx.st[i].sign_exponent};
    for (unsigned i = 0; i < 8; ++i) std::memcpy(f.xmm[i].bytes.data(), c.fx.xmm[i], 16);
    f.mxcsr = c.fx.mxcsr;
    cpu.update_step_event();
}

void Guest::leave(Result& r) {
    const Cpu& cpu = *cpu_;
    for (unsigned i = 0; i < 8; ++i) r.gpr[i] = static_cast<uint32_t>(cpu.gpr[i]);
    r.eip = cpu.eip;
    r.eflags = cpu.get_eflags();
    for (unsigned s = 0; s < kSegCount; ++s) r.seg[s] = cpu.seg[s].selector;
    r.vector = kNoVector;
    r.error = r.cr2 = 0;
    if (cpu.cpl != 3) {
        r.vector = static_cast<uint8_t>((cpu.eip - kSystem - kHandlers) / 16);
        uint32_t at = static_cast<uint32_t>(cpu.gpr[kEsp]) - kSystem;
        if (kStackTop - at == 24) {
            r.error = peek<uint32_t>(at);
            at += 4;
        }
        r.eip = peek<uint32_t>(at);
        r.seg[kCs] = peek<uint16_t>(at + 4);
        r.eflags = peek<uint32_t>(at + 8);
        r.gpr[kEsp] = peek<uint32_t>(at + 12);
        r.seg[kSs] = peek<uint16_t>(at + 16);
        if (r.vector == kPF) r.cr2 = cpu.cr2;
    }
    const FpuState& f = cpu.fpu;
    r.fx = {};
    r.fx.opcode = f.opcode;
    r.fx.fip = f.fip;
    r.fx.fcs = f.fcs;
    r.fx.fdp = f.fdp;
    r.fx.fds = f.fds;
    r.fx.control = f.control;
    r.fx.status = f.status;
    r.fx.tags = static_cast<uint8_t>(~f.empty);
    for (unsigned i = 0; i < 8; ++i) {
        const auto& reg = f.regs[(f.top() + i) & 7];
        r.fx.st[i].mantissa = reg.mantissa;
        r.fx.st[i].sign_exponent = reg.sign_exponent;
    }
    for (unsigned i = 0; i < 8; ++i) std::memcpy(r.fx.xmm[i], f.xmm[i].bytes.data(), 16);
    r.fx.mxcsr = f.mxcsr;
}

// Writes the code and the pads, or INT3 where they were. By DMA, so that the engine forgets what it
// has decoded.
void Guest::put_code(const Case& c, bool fill) {
    static constexpr uint8_t kToItself[2] = {0xeb, 0xfe};
    uint8_t bytes[sizeof c.code + 2];
    const uint32_t at = c.code_base + c.eip - kCodeBase;
    uint32_t length = c.code_length;
    std::memcpy(bytes, c.code, length);
    for (unsigned i = 0; i < c.pads; ++i) {
        const uint32_t pad = code_base_of(c.pad_cs[i]) + c.pad[i] - kCodeBase;
        if (pad == at + c.code_length) {
            std::memcpy(bytes + length, kToItself, 2);
            length += 2;
        } else if (pad + 2 <= kCodeSize) {
            static constexpr uint8_t kFill[2] = {0xcc, 0xcc};
            memory_.dma_write(kCodeAt + pad, fill ? kFill : kToItself);
        }
    }
    if (fill) std::memset(bytes, 0xcc, length);
    memory_.dma_write(kCodeAt + at, {bytes, length});
}

void Guest::run(const Case& c, unsigned slice, Result& r) {
    put_code(c, false);
    execute(c, slice, r);
    put_code(c, true);
    if (countdown_.icount() % 4096 == 0) cpu_->flush_caches();
}

void Guest::run_twice(const Case& c, unsigned slice, bool move, Result& r, Result& again) {
    put_code(c, false);
    execute(c, slice, r);
    if (move) {
        place_ ^= 1;
        map_data();
    }
    execute(c, slice, again);
    put_code(c, true);
}

void Guest::execute(const Case& c, unsigned slice, Result& r) {
    enter(c);
    Cpu& cpu = *cpu_;
    const uint64_t before = countdown_.icount();
    constexpr unsigned kMostTurns = 500'000;
    unsigned turns = 0;
    bool out = false;
    while (!out) {
        countdown_.grant(slice);
        cpu.run();
        countdown_.leave();
        out = cpu.cpl != 3 || shut_down_ || ++turns == kMostTurns;
        for (unsigned i = 0; i < c.pads; ++i)
            out = out || (cpu.eip == c.pad[i] && cpu.seg[kCs].selector == c.pad_cs[i] &&
                          !(cpu.events & kEventTrap));
    }
    leave(r);
    // Without the handler's HLT. Where there was no fault the rest of the slice has gone into a pad.
    r.count = cpu.cpl != 3 ? countdown_.icount() - before - (cpu.halted() ? 1 : 0) : 0;
    if (shut_down_ || turns == kMostTurns) r.vector = kHang;
    shut_down_ = false;
    collect_changes(ram_->data() + kDataAt[place_], pristine_, r);
    Result elsewhere;
    collect_changes(ram_->data() + kDataAt[place_ ^ 1], pristine_, elsewhere);
    if (elsewhere.changes) r.more = ~r.more;
}

}  // namespace qr::oracle
