// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random tests of the CPU against the host's own: what a test case is, what comes out of running
// it, and where its code and data lie. The same linear addresses are used on the host and by our
// CPU.
//
// Source: none (docs/testing.rst).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace qr::oracle {

constexpr uint32_t kPage = 4096;
// Code: two pages, readable and executable; nothing is mapped around them. Filled with INT3.
constexpr uint32_t kCodeBase = 0x60000000;
constexpr uint32_t kCodeSize = 2 * kPage;
// Data: a window of 64 KiB of which a few pages are there.
constexpr uint32_t kDataBase = 0x68000000;
constexpr uint32_t kWindowSize = 16 * kPage;
constexpr std::array<unsigned, 3> kWritablePages = {0, 1, 15};
constexpr unsigned kReadOnlyPage = 3;
constexpr unsigned kWords = kWritablePages.size() * kPage / 8;  // of writable data, 8 bytes each
// What enters and leaves 32-bit code on the host. IRET to a 16-bit stack leaves the upper half of
// ESP as that of its own frame, so cases with such a stack have these bits in ESP.
constexpr uint32_t kStubBase = 0x35a90000;  // no power of two away from the window
constexpr uint32_t kStubHigh = kStubBase & 0xffff0000;
constexpr uint32_t kStubSize = 2 * kPage;
// Our CPU's tables and handlers, for the supervisor alone.
constexpr uint32_t kSystemBase = 0xd2a00000;
constexpr uint32_t kSystemSize = 16 * kPage;

// Selectors: the flat ones are those of Linux.
constexpr uint16_t kFlatCode = 0x23, kFlatData = 0x2b;
constexpr uint16_t ldt_selector(unsigned n) { return static_cast<uint16_t>(n << 3 | 7); }
struct LdtEntry {
    uint32_t base, limit;
    bool big;          // D/B
    uint8_t contents;  // as in modify_ldt: 0 data, 1 expand-down, 2 code
    bool read_only;    // code: execute-only
};
enum LdtIndex : unsigned {
    kWindow16,
    kShort,
    kExpandDown,
    kCode16,
    kReadOnly,
    kCode32Short,
    kLdtEntries
};
constexpr LdtEntry kLdt[kLdtEntries] = {
    {kDataBase, 0xffff, false, 0, false},         // the window, 16-bit as a stack
    {kDataBase, 0x0ffb, true, 0, false},          // ends inside a page
    {kDataBase, 0x0fff, true, 1, false},          // expand-down: valid from 0x1000 on
    {kCodeBase, kCodeSize - 1, false, 2, false},  // 16-bit code
    {kDataBase, 0xffff, true, 0, true},
    {kCodeBase, kCodeSize - 1, true, 2, false},  // 32-bit code with a limit
};

// The layout that FXSAVE gives in 32-bit mode.
struct alignas(16) FxArea {
    uint16_t control, status;
    uint8_t tags, reserved0;  // tags: a set bit is a register in use
    uint16_t opcode;
    uint32_t fip;
    uint32_t fcs;
    uint32_t fdp;
    uint32_t fds;
    uint32_t mxcsr, mxcsr_mask;
    struct St {
        uint64_t mantissa;
        uint16_t sign_exponent;
        uint16_t pad[3];
    } st[8];
    uint8_t xmm[8][16];
    uint8_t rest[512 - 288];
};
static_assert(sizeof(FxArea) == 512);

// Of the code segments that there are.
constexpr uint32_t code_base_of(uint16_t selector) { return selector == kFlatCode ? 0 : kCodeBase; }
constexpr bool is_code32(uint16_t selector) { return selector != ldt_selector(kCode16); }

struct Patch {
    uint32_t address;  // linear, in a writable or the read-only page
    uint16_t length;
    uint8_t bytes[512];
};

constexpr unsigned kMaxPads = 2;
constexpr unsigned kMaxInsns = 24;

// Everything that running needs. Lies in memory shared with the process that runs it on the host.
struct Case {
    FxArea fx;
    uint32_t gpr[8];
    uint32_t eflags;
    uint32_t eip;        // offset in CS
    uint16_t seg[6];     // ES CS SS DS FS GS
    uint32_t code_base;  // of CS
    bool code32;
    uint16_t code_length;
    uint8_t code[kMaxInsns * 15];
    // Where control may leave to (offset and CS): pad[0] follows the last instruction. A far jump
    // out is put there on the host.
    uint32_t pad[kMaxPads];
    uint16_t pad_cs[kMaxPads];
    uint8_t pads;
    uint8_t patches;
    Patch patch[3];
};

constexpr uint8_t kNoVector = 0xff, kHang = 0xfe;
constexpr unsigned kMaxChanges = 256;

struct Result {
    FxArea fx;
    uint32_t gpr[8];
    uint32_t eflags;
    uint32_t eip;
    uint16_t seg[6];
    uint8_t vector;  // kNoVector: no fault
    uint32_t error;  // error code, if the vector has one
    uint32_t cr2;
    uint64_t count;  // instructions up to a fault's handler; of our CPU only
    // Data words that aren't as in the pristine image, by index; further ones are only hashed.
    uint32_t changes;
    uint64_t more;
    uint16_t changed[kMaxChanges];
    uint64_t value[kMaxChanges];
};

// A jump out of the test, as it is on the host at a pad. 8 bytes at most.
constexpr unsigned kPadSize = 8;

// Compares data with the pristine image, notes what differs, and makes it pristine again. `data`:
// the writable pages, at their places in a window.
inline void collect_changes(uint8_t* window, const uint64_t* pristine, Result& r) {
    r.changes = 0;
    r.more = 0;
    for (unsigned p = 0; p < kWritablePages.size(); ++p) {
        auto* page = reinterpret_cast<uint64_t*>(window + kWritablePages[p] * kPage);
        const uint64_t* was = pristine + p * (kPage / 8);
        for (unsigned i = 0; i < kPage / 8; i += 8) {
            uint64_t any = 0;
            for (unsigned k = 0; k < 8; ++k) any |= page[i + k] ^ was[i + k];
            if (!any) [[likely]]
                continue;
            for (unsigned k = i; k < i + 8; ++k) {
                if (page[k] == was[k]) continue;
                if (r.changes < kMaxChanges) {
                    r.changed[r.changes] = static_cast<uint16_t>(p * (kPage / 8) + k);
                    r.value[r.changes] = page[k];
                } else {
                    r.more = (r.more ^ page[k] ^ k) * 0x9e3779b97f4a7c15u;
                }
                ++r.changes;
                page[k] = was[k];
            }
        }
    }
}

// Puts a case's patches into the window. Those of the read-only page must be taken out again by the
// caller.
inline void apply_patches(const Case& c, uint8_t* window) {
    for (unsigned i = 0; i < c.patches; ++i)
        std::memcpy(window + (c.patch[i].address - kDataBase), c.patch[i].bytes, c.patch[i].length);
}

}  // namespace qr::oracle
