// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/page_tables.h"

#include "util/bits.h"

namespace qr::i386 {

namespace {

enum PteBit : uint64_t { kPresent = 1 << 0, kWritable = 1 << 1, kUser = 1 << 2, kLarge = 1 << 7 };
constexpr uint64_t kAddress = ((uint64_t{1} << kPhysBits) - 1) & ~kPageMask;

class Reader {
  public:
    Reader(const Cpu& cpu, const std::function<void(const MappedPage&)>& tell)
        : memory_(cpu.smm ? cpu.wiring.smm_memory : cpu.wiring.memory), cpu_(cpu), tell_(tell) {}

    void pae() {
        for (unsigned top = 0; top < 4; ++top) {
            if (!(cpu_.pdpte[top] & kPresent)) continue;
            for (unsigned n = 0; n < 512; ++n) {
                const uint64_t pde = entry((cpu_.pdpte[top] & kAddress) + n * 8, 8);
                const uint32_t linear = top << 30 | n << 21;
                if (pde & kLarge) page(linear, pde & kAddress & ~uint64_t{0x1fffff}, 0x200000, pde, ~uint64_t{0});
                else table(linear, pde, 512, 8);
            }
        }
    }

    void plain() {
        for (unsigned n = 0; n < 1024; ++n) {
            const uint64_t pde = entry((cpu_.cr3 & ~uint32_t{0xfff}) + n * 4, 4);
            // Bits 13-16 are address bits 32-35 (PSE-36).
            if ((pde & kLarge) && (cpu_.cr4 & kCr4PSE))
                page(n << 22, (pde & 0xffc00000) | bits(pde, 13, 4) << 32, 0x400000, pde, ~uint64_t{0});
            else
                table(n << 22, pde, 1024, 4);
        }
    }

  private:
    uint64_t entry(uint64_t address, unsigned size) const {
        uint8_t bytes[8] = {};
        memory_.peek(address, {bytes, size});
        return load_le<uint64_t>(bytes);
    }

    void table(uint32_t linear, uint64_t pde, unsigned entries, unsigned size) {
        if (!(pde & kPresent)) return;
        const uint64_t where = size == 4 ? pde & 0xfffff000 : pde & kAddress;
        for (unsigned n = 0; n < entries; ++n) {
            const uint64_t pte = entry(where + n * size, size);
            page(linear + (n << kPageShift), size == 4 ? pte & 0xfffff000 : pte & kAddress, kPageSize, pte, pde);
        }
    }

    void page(uint32_t linear, uint64_t physical, uint64_t size, uint64_t leaf, uint64_t above) {
        if (!(leaf & kPresent)) return;
        const uint64_t rights = leaf & above;
        tell_({linear, physical, size, leaf, (rights & kUser) != 0, (rights & kWritable) != 0});
    }

    const AddressSpace& memory_;
    const Cpu& cpu_;
    const std::function<void(const MappedPage&)>& tell_;
};

}  // namespace

void for_each_mapping(const Cpu& cpu, const std::function<void(const MappedPage&)>& tell) {
    if (!cpu.paging()) return;
    Reader reader(cpu, tell);
    if (cpu.cr4 & kCr4PAE) reader.pae();
    else reader.plain();
}

}  // namespace qr::i386
