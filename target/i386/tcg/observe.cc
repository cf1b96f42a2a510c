// SPDX-License-Identifier: GPL-2.0-or-later
#include "target/i386/tcg/observe.h"

#include <algorithm>
#include <array>

#include "target/i386/fetch.h"

namespace qr::i386 {

std::vector<ObservedThunk> list_thunks(const ThunkSet& thunks, const uint8_t* end, ExecMemory& memory) {
    std::vector<ObservedThunk> list;
    for (const auto& [name, code] : {std::pair<const char*, const uint8_t*>{"enter", thunks.enter},
                                     {"leave", thunks.leave},
                                     {"exact", thunks.exact},
                                     {"light", thunks.light},
                                     {"bounce", thunks.bounce},
                                     {"lookup", thunks.lookup},
                                     {"renew", thunks.renew},
                                     {"relink", thunks.relink},
                                     {"watched_write", thunks.watched_write[0]},
                                     {"watched_write_user", thunks.watched_write[1]},
                                     {"fill_read", thunks.fill[0][0]},
                                     {"fill_write", thunks.fill[0][1]},
                                     {"fill_read_user", thunks.fill[1][0]},
                                     {"fill_write_user", thunks.fill[1][1]},
                                     {"x87_load_masked", thunks.x87.load_masked},
                                     {"x87_load", thunks.x87.load},
                                     {"x87_save", thunks.x87.save},
                                     {"x87_retire", thunks.x87.retire}})
        list.push_back({name, static_cast<uint64_t>(code - memory.writable()), 0});
    std::ranges::sort(list, {}, &ObservedThunk::address);
    const auto base = reinterpret_cast<uintptr_t>(memory.executable());
    for (size_t n = 0; n < list.size(); ++n) {
        const bool last = n + 1 == list.size();
        const uint64_t next = last ? static_cast<uint64_t>(end - memory.writable()) : list[n + 1].address;
        list[n].size = static_cast<uint32_t>(next - list[n].address);
        list[n].address += base;
    }
    return list;
}

void show_block(std::span<TranslationObserver* const> observers, const Cpu& cpu, const CodeBlock& block,
                std::span<const ObservedInsn> insns, const ObservedCode& code, const ObservedCode& cold) {
    // The only instruction of a block that crosses goes on in another page.
    std::array<uint8_t, kPageSize> guest;
    const size_t first = std::min<size_t>(block.bytes, kPageSize - block.offset);
    const auto bytes = [](const CodePageKey& key) { return key.block->data() + key.page * kPageSize; };
    std::copy_n(bytes(block.page->key) + block.offset, first, guest.begin());
    if (block.second) std::copy_n(bytes(block.second->key), block.bytes - first, guest.begin() + first);
    const ObservedBlock shown{
        .cpu = cpu,
        .linear = InterpreterGuest::pc(cpu),
        .ram = block.page->key.block->name(),
        .ram_offset = block.page->key.page * kPageSize + block.offset,
        .mode = block.mode,
        .guest = std::span(guest).first(block.bytes),
        .insns = insns,
        .code = code,
        .cold = cold,
    };
    for (TranslationObserver* o : observers) o->translated(shown);
}

}  // namespace qr::i386
