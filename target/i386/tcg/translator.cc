// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/translator.h"

#include <cpuid.h>

#include <algorithm>

#include "target/i386/fetch.h"
#include "target/i386/tcg/observe.h"
#include "target/i386/tcg/thunks.h"

namespace qr::i386 {

namespace {

constexpr size_t kBlockRoom = 64 << 10;  // more than any block's code
constexpr uint64_t kLeastMemory = 256 << 10;  // has room for a block when it is empty
constexpr size_t kSlotShare = 16;        // of the code memory, one part is for links' keys
constexpr size_t kCacheShare = 8;        // and one for sites' caches
constexpr size_t kBlockSlots = 2 << 10;
constexpr size_t kBlockCaches = 256;     // more than any block's sites
constexpr size_t kMostIncoming = 64;     // links to a block
constexpr unsigned kMostStrays = 100;    // of a block, before its accesses are checked one by one
constexpr uint32_t kStrayInterval = 1000;  // instructions; strays that are farther apart do no harm

// EFLAGS' arithmetic bits as translated code keeps them: LAHF's AH, SETO's AL.
uint32_t native_flags(uint32_t eflags) { return (eflags & 0xff) << 8 | (eflags & kOFlag ? 1 : 0); }
void take_native_flags(Cpu& cpu) {
    const uint32_t f = cpu.native.flags;
    cpu.set_arith_flags((f >> 8 & 0xff) | (f & 1 ? kOFlag : 0u));
}

}  // namespace

struct Translator::Code {
    explicit Code(std::unique_ptr<ExecMemory> m)
        : memory(std::move(m)),
          slots(memory->data() + caches_size()),
          caches(memory->data(), caches_size(), memory->data_shift()),
          as(memory->size(), memory->writable()) {}
    // bytes: of all.
    static std::unique_ptr<Code> create(uint64_t bytes) {
        const size_t data = (bytes / kSlotShare + bytes / kCacheShare) & ~size_t{kPageMask};
        auto memory = ExecMemory::create((bytes & ~uint64_t{kPageMask}) - data, data);
        return memory ? std::make_unique<Code>(std::move(memory)) : nullptr;
    }
    size_t caches_size() const { return memory->data_size() / (kSlotShare + kCacheShare) * kSlotShare; }

    const void* executable(const uint8_t* writable) const {
        return memory->executable() + (writable - memory->writable());
    }
    // Code that is executed seldom lies apart, so that caches and TLBs of the host have more of the rest.
    size_t cold_begin() const { return memory->size() / 20 * 11; }
    bool room() const {
        return as.getSize() + kBlockRoom < cold_begin() && next_cold + kBlockRoom < memory->size() &&
               next_slot + kBlockSlots < memory->data() + memory->data_size() && caches.room(kBlockCaches);
    }
    void begin(Cpu& cpu) {
        as.reset();
        next_slot = slots;
        cpu.native.slots = reinterpret_cast<uint64_t>(slots);
        next_cold = cold_begin();
        caches.clear(cpu);
        thunks = emit_thunks(as, cpu, caches, &Translator::call_exact, &Translator::call_light);
        enter = reinterpret_cast<EnterCode>(reinterpret_cast<uintptr_t>(executable(thunks.enter)));
        out.sites.clear();
        out.links.clear();
        out.links.emplace_back();
        incoming.clear();
    }

    std::unique_ptr<ExecMemory> memory;
    uint8_t* slots;
    SiteCaches caches;
    uint64_t revocations = 0;  // of the TLB, that the caches know of
    uint8_t* next_slot = nullptr;
    size_t next_cold = 0;
    Xbyak::CodeGenerator as;
    ThunkSet thunks;
    EnterCode enter = nullptr;
    Translation out;
    std::vector<std::vector<uint32_t>> incoming;  // links, by a block's number
    Cpu* cpu = nullptr;
};

Translator::Translator(const TranslatorOptions& options) : options_(options) { statistics_.rows.resize(table().size()); }
Translator::~Translator() = default;

// LAHF and SAHF, and that the logic operations clear AF, as every x86-64 processor does though the manuals leave it open.
bool Translator::host_suits() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & 1)) return false;
    uint64_t flags = 0;
    const auto probe = [&flags](auto operation) {
        operation();
        return (flags & kAF) == 0;
    };
    bool clear = true;
    for (uint32_t value : {0u, 0xffffffffu, 0x8u, 0x10u}) {
        clear &= probe([&] {
            uint32_t v = value;
            asm volatile("cmpb $1, %%al\n\txorl %1, %1\n\tpushfq\n\tpopq %0" : "=r"(flags), "+r"(v) : "a"(0) : "cc");
        });
        clear &= probe([&] {
            uint32_t v = value;
            asm volatile("cmpb $1, %%al\n\ttestl %1, %1\n\tpushfq\n\tpopq %0" : "=r"(flags), "+r"(v) : "a"(0) : "cc");
        });
        clear &= probe([&] {
            uint32_t v = value;
            asm volatile("cmpb $1, %%al\n\torl %1, %1\n\tpushfq\n\tpopq %0" : "=r"(flags), "+r"(v) : "a"(0) : "cc");
        });
    }
    return clear;
}

void Translator::adopt(Cpu& cpu, CodeBlock& block) {
    if (!code_) {
        code_ = Code::create(std::max(options_.cache_bytes, kLeastMemory));
        if (!code_) return;  // then everything is interpreted
        code_->cpu = &cpu;
        restart();
    }
    count_executions(block);
    block.entry = code_->executable(code_->thunks.bounce);
}

void Translator::restart() {
    count_calls(statistics_.rows, statistics_.handlers);
    code_->begin(*code_->cpu);
    if (options_.observers.empty()) return;
    const auto thunks = list_thunks(code_->thunks, code_->as.getCurr(), *code_->memory);
    for (TranslationObserver* o : options_.observers) o->restarted(thunks);
}

bool Translator::prepare(Cpu& cpu, CodeBlock& block) {
    if (block.translated) return true;
    if (!code_->room()) return false;
    translate(cpu, block);
    return true;
}

bool Translator::may_continue(const CodeBlock& block) const {
    const Insn& last = const_cast<CodeBlock&>(block).insns()[block.count - 1];
    return shape_of(last).kind == Shape::kJcc && Emitter::emits(last);
}

void Translator::translate(Cpu& cpu, CodeBlock& block) {
    const uint64_t start = options_.clock ? options_.clock() : 0;
    const size_t before = code_->as.getSize() + code_->next_cold;
    const uint8_t* cold = code_->memory->writable() + code_->next_cold;
    Emitter emitter(code_->as, cpu, code_->thunks, code_->out, code_->caches, code_->slots, code_->next_slot,
                    code_->next_cold);
    notes_.clear();
    if (!options_.observers.empty()) emitter.note_in(notes_);
    const uint8_t* entry = emitter.emit(block);
    cpu.native.sites = reinterpret_cast<uint64_t>(code_->out.sites.data());
    block.entry = code_->executable(entry);
    code_->next_slot = emitter.slots_end();
    code_->next_cold = emitter.cold_end();
    block.translated = true;
    block.translation = static_cast<uint32_t>(code_->incoming.size());
    code_->incoming.emplace_back();
    ++statistics_.blocks;
    statistics_.instructions += block.count;
    statistics_.guest_bytes += block.bytes;
    statistics_.emitted += emitter.emitted();
    statistics_.host_bytes += code_->as.getSize() + code_->next_cold - before;
    if (options_.clock) statistics_.translation_ns = statistics_.translation_ns.value_or(0) + options_.clock() - start;
    if (!options_.observers.empty()) {
        const auto piece = [this](const uint8_t* from, const uint8_t* to) {
            return ObservedCode{{from, to}, reinterpret_cast<uintptr_t>(code_->executable(from))};
        };
        show_block(options_.observers, cpu, block, notes_, piece(entry, code_->as.getCurr()),
                   piece(cold, code_->memory->writable() + code_->next_cold));
    }
}

void Translator::run(Cpu& cpu, Chaining& c, CodeBlock& block) {
    chaining_ = &c;
    if (pending_link_) link(cpu, pending_link_, block);
    Countdown& countdown = cpu.wiring.countdown;
    cpu.native.countdown = &countdown;
    cpu.native.pace = &cpu.wiring.clock.pace();
    cpu.native.translator = this;
    cpu.native.key = c.key;
    cpu.native.jump = c.jump.get();
    cpu.native.page = cpu.eip & Tlb::kPageBits;
    cpu.native.remaining = countdown.remaining;
    cpu.native.flags = native_flags(cpu.get_eflags());
    cpu.native.exact = false;
    follow_tlb(cpu);
    ++statistics_.entries;
    statistics_.executed -= countdown.icount();  // and the one at the end is added
    const uint32_t left_by = code_->enter(cpu.gpr.data(), block.entry);
    pending_link_ = 0;
    rest_ = {};
    if (cpu.native.exact) {
        statistics_.executed += countdown.icount();
        return;
    }
    countdown.remaining = cpu.native.remaining;
    statistics_.executed += countdown.icount();
    take_native_flags(cpu);
    if (left_by & kStray) {
        const Site& site = code_->out.sites[left_by & ~kStray];
        rest_ = {site.block, site.insn + 1};
        strayed(*site.block, countdown.icount());
    } else {
        pending_link_ = left_by;
    }
}

void Translator::follow_tlb(const Cpu& cpu) {
    if (code_->revocations == cpu.tlb.revocations()) return;
    code_->revocations = cpu.tlb.revocations();
    code_->caches.forget();
}

// Its accesses look into the TLB from the next time on.
void Translator::scatter(const Site& site) {
    CodeBlock& block = *site.block;
    const uint64_t insn = uint64_t{1} << (site.insn - block.insns());
    if (block.scattered & insn) return;
    for (unsigned n = 0; n < site.caches; ++n) {
        if (!code_->caches.scattered(site.first_cache + n)) continue;
        block.scattered |= insn;
        if (block.translated) unlink(block);
        return;
    }
}

// Accesses that share a check were in different pages, or may be written to only here and there.
void Translator::strayed(CodeBlock& block, uint64_t icount) {
    const auto now = static_cast<uint32_t>(icount);
    if (now - block.stray_at > kStrayInterval) block.strays = 0;
    block.stray_at = now;
    if (!block.translated || ++block.strays < kMostStrays) return;
    block.unmerged = true;
    unlink(block);
}

// Its x87 instructions look for exceptions from the next time on.
void Translator::expect_x87_faults(CodeBlock& block) {
    if (block.x87_checked || !block.translated) return;
    block.x87_checked = true;
    unlink(block);
}

uint64_t Translator::call_exact(Cpu& cpu, Site& site) {
    Translator& self = *static_cast<Translator*>(cpu.native.translator);
    ++site.calls;
    return static_cast<uint64_t>(self.exact(cpu, site));
}

// What neither faults nor looks at EIP and flags: they are made exact only if something came of it. What is rare is a
// function of its own, so that this one has few registers to save.
uint64_t Translator::call_light(Cpu& cpu, Site& site) {
    ++site.calls;
    if (cpu.cpl || cpu.watching_ports) [[unlikely]]
        return not_light(cpu, site);
    const Insn& insn = *site.insn;
    cpu.wiring.countdown.remaining = cpu.native.remaining + insn.left;
    insn.exec(cpu, insn);
    Translator& self = *static_cast<Translator*>(cpu.native.translator);
    const Chaining& c = *self.chaining_;
    const bool nothing_else = !cpu.events && !c.stop && cpu.tlb.generation() == c.generation &&
                              cpu.wiring.countdown.remaining == cpu.native.remaining + site.insn->left;
    if (!nothing_else || cpu.tlb.revocations() != self.code_->revocations) [[unlikely]]
        return after_light(cpu, site, nothing_else);
    return static_cast<uint64_t>(GoOn::kBehind);
}

uint64_t Translator::not_light(Cpu& cpu, Site& site) {
    return static_cast<uint64_t>(static_cast<Translator*>(cpu.native.translator)->exact(cpu, site));
}

uint64_t Translator::after_light(Cpu& cpu, const Site& site, bool goes_on) {
    Translator& self = *static_cast<Translator*>(cpu.native.translator);
    if (goes_on) {
        self.follow_tlb(cpu);
        return static_cast<uint64_t>(GoOn::kBehind);
    }
    cpu.eip = cpu.native.page + site.end;
    take_native_flags(cpu);
    cpu.native.exact = true;
    return static_cast<uint64_t>(self.elsewhere(cpu));
}

// As chain_exact() does it.
GoOn Translator::exact(Cpu& cpu, const Site& site) {
    const Insn& insn = *site.insn;
    Chaining& c = *chaining_;
    Countdown& countdown = cpu.wiring.countdown;
    countdown.remaining = cpu.native.remaining + insn.left;
    cpu.eip = cpu.native.page + site.end;
    take_native_flags(cpu);
    cpu.native.exact = true;
    c.insn = &insn;
    if (site.x87 && !x87_masked(cpu.fpu)) expect_x87_faults(*site.block);
    if (site.caches) scatter(site);
    const bool ends_block = site.ends_block;
    Fault found;
    if (access_faults(cpu, insn, *site.access, found)) {
        InterpreterGuest::deliver(cpu, found, insn.length);
        return elsewhere(cpu);
    }
    try {
        insn.exec(cpu, insn);
    } catch (const Fault& fault) {
        InterpreterGuest::deliver(cpu, fault, insn.length);
        return elsewhere(cpu);
    }
    if (ends_block || cpu.events) return elsewhere(cpu);
    if (countdown.remaining <= 0 || c.stop || cpu.tlb.generation() != c.generation) return GoOn::kOut;
    follow_tlb(cpu);
    cpu.native.remaining = countdown.remaining - insn.left;
    cpu.native.flags = native_flags(cpu.get_eflags());
    cpu.native.exact = false;
    return GoOn::kBehind;
}

// Between two instructions, with exact state and perhaps in another mode: what the engine's loop would do before it
// comes back to translated code. The loop has to do it itself if blocks or translations were forgotten.
GoOn Translator::elsewhere(Cpu& cpu) {
    Chaining& c = *chaining_;
    const Countdown& countdown = cpu.wiring.countdown;
    c.changed = true;
    if (countdown.remaining <= 0) return GoOn::kOut;
    if (cpu.events) {
        if (!cpu.service_events() || countdown.remaining <= 0) return GoOn::kOut;
        if (cpu.events) {
            c.serviced = true;
            return GoOn::kOut;
        }
    }
    if (c.stop || cpu.tlb.generation() != c.generation) return GoOn::kOut;
    const uint32_t mode = InterpreterGuest::mode(cpu);
    if (!(mode & kFlatMode)) return GoOn::kOut;
    follow_tlb(cpu);
    c.change_mode(mode, InterpreterGuest::world(mode));
    c.changed = false;
    cpu.native.key = c.key;
    cpu.native.remaining = countdown.remaining;
    cpu.native.flags = native_flags(cpu.get_eflags());
    cpu.native.exact = false;
    return GoOn::kAtEip;
}

void Translator::count_calls(std::vector<TranslatorStatistics::RowCalls>& rows, uint64_t& all) const {
    for (const Site& site : code_->out.sites) {
        TranslatorStatistics::RowCalls& calls = rows[site.insn->row];
        (site.rare ? calls.rare : calls.whole) += site.calls;
        all += site.calls;
    }
}

TranslatorStatistics Translator::statistics() const {
    TranslatorStatistics s = statistics_;
    s.cache_bytes = options_.cache_bytes;
    if (!code_) return s;
    count_calls(s.rows, s.handlers);
    s.used_bytes = code_->as.getSize() + code_->next_cold - code_->cold_begin() +
                   static_cast<size_t>(code_->next_slot - code_->slots) + code_->caches.used_bytes();
    s.branches = code_->out.links.size() - 1;
    s.linked = static_cast<uint64_t>(std::ranges::count_if(code_->out.links, [](const Link& l) { return l.to != nullptr; }));
    return s;
}

void Translator::patch(uint32_t jump, const void* to) {
    const uint8_t* after = code_->memory->executable() + jump + 4;
    const auto displacement = static_cast<int32_t>(static_cast<const uint8_t*>(to) - after);
    store_le<uint32_t>(code_->memory->writable() + jump, static_cast<uint32_t>(displacement));
}

void Translator::link(const Cpu& cpu, uint32_t number, CodeBlock& to) {
    Link& link = code_->out.links[number];
    pending_link_ = 0;
    const uint64_t here = chaining_->key | cpu.eip;
    if (to.stamp != here) return;
    // Instead of a link: by the jump table each time.
    const auto look_each_time = [&] { patch(link.stub_jump, code_->executable(code_->thunks.lookup)); };
    if (!link.slot) {
        if (to.page != link.from->page || to.mode != link.from->mode) return;
        if (to.second) return look_each_time();  // its second page isn't vouched for
    }
    // Else only the key is another one.
    if (link.to != &to) {
        auto& incoming = code_->incoming[to.translation];
        if (incoming.size() >= kMostIncoming) {
            std::erase_if(incoming, [&](uint32_t n) { return code_->out.links[n].to != &to; });
            if (incoming.size() >= kMostIncoming) return look_each_time();
        }
        if (std::ranges::find(incoming, number) == incoming.end()) incoming.push_back(number);
        link.to = &to;
        patch(link.jump, to.entry);
    }
    if (link.slot) *link.slot = LinkSlot{here, to.second ? &LinkSlot::kNowhere : &to.page->seen};
    ++statistics_.links;
}

void Translator::killed(CodeBlock& block) {
    if (!block.translated) return;
    unlink(block);
    ++statistics_.invalidations;
}

void Translator::unlink(CodeBlock& block) {
    for (const uint32_t number : code_->incoming[block.translation]) {
        Link& link = code_->out.links[number];
        if (link.to != &block) continue;
        link.to = nullptr;
        if (link.slot) *link.slot = {};
        patch(link.jump, code_->memory->executable() + link.stub);
    }
    block.translated = false;
    block.entry = code_->executable(code_->thunks.bounce);
}

void Translator::clear() {
    pending_link_ = 0;
    if (!code_) return;
    restart();
    ++statistics_.flushes;
}

}  // namespace qr::i386
