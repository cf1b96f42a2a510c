// SPDX-License-Identifier: GPL-2.0-or-later
// The firmware configuration device. Source: docs/specs/fw_cfg.rst of QEMU's documentation; where
// it is silent (accesses of unusual width, what a refused write does to the offset), what QEMU 7.2
// was seen to do from the guest's side.
//
//   port   width  read                      write
//   0x510  16     0                         selector (little-endian), offset = 0
//   0x510  8      next byte of the item     ignored
//   0x511  8      next byte of the item     ignored
//   0x514  any    "QEMU CFG"                32 bits: high half of the descriptor's address
//   0x518  any                              32 bits: low half, and the transfer is done
#include "hw/nvram/fw_cfg.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "exec/memory.h"
#include "util/bits.h"

namespace qr {

namespace {

constexpr std::string_view kDmaSignature = "QEMU CFG";
constexpr uint32_t kIdTraditional = 1u << 0;
constexpr uint32_t kIdDma = 1u << 1;

constexpr uint32_t kDmaError = 1u << 0;
constexpr uint32_t kDmaRead = 1u << 1;
constexpr uint32_t kDmaSkip = 1u << 2;
constexpr uint32_t kDmaSelect = 1u << 3;
constexpr uint32_t kDmaWrite = 1u << 4;

constexpr size_t kFileNameSize = 56;
constexpr size_t kZeroChunk = 4096;

template <class T>
T swap_bytes(T value) {
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

template <class T>
std::vector<uint8_t> little_endian(T value) {
    std::vector<uint8_t> bytes(sizeof value);
    store_le(bytes.data(), value);
    return bytes;
}

template <class T>
void append_be(std::vector<uint8_t>& to, T value) {
    const size_t at = to.size();
    to.resize(at + sizeof value);
    store_le(to.data() + at, swap_bytes(value));
}

}  // namespace

FwCfg::FwCfg(DmaBus& dma)
    : Device("fw_cfg"),
      dma_(dma),
      ports_("fw_cfg", 2,
             IoOps{.read = [this](uint64_t, unsigned size) -> uint64_t {
                       return size == 1 ? read_data() : 0;
                   },
                   .write =
                       [this](uint64_t offset, unsigned size, uint64_t value) {
                           if (offset == 0 && size == 2) select(static_cast<uint16_t>(value));
                       },
                   .peek = [this](uint64_t, unsigned size) -> uint64_t {
                       return size == 1 && !rest().empty() ? rest()[0] : 0;
                   },
                   .min_size = 1,
                   .max_size = 2}),
      dma_port_("fw_cfg.dma", 8,
                IoOps{.read = [](uint64_t offset, unsigned size) -> uint64_t {
                          uint64_t value = 0;
                          for (unsigned i = 0; i < size; ++i) {
                              value |= uint64_t{static_cast<uint8_t>(kDmaSignature[offset + i])}
                                       << (8 * i);
                          }
                          return value;
                      },
                      .write = [this](uint64_t offset, unsigned size,
                                      uint64_t value) { write_dma_register(offset, size, value); },
                      .peek = [](uint64_t offset, unsigned size) -> uint64_t {
                          return bits(load_le<uint64_t>(kDmaSignature.data()),
                                      static_cast<unsigned>(offset * 8), size * 8);
                      },
                      .min_size = 1,
                      .max_size = 8}) {
    add_bytes(fw_cfg_key::kSignature, {'Q', 'E', 'M', 'U'});
    add_u32(fw_cfg_key::kId, kIdTraditional | kIdDma);
    rebuild_directory();
}

void FwCfg::add_bytes(uint16_t key, std::vector<uint8_t> bytes) {
    assert(!(key & fw_cfg_key::kWriteBit));
    assert(key != fw_cfg_key::kFileDir);
    assert((key & ~fw_cfg_key::kArchBit) < fw_cfg_key::kFileFirst);
    const bool added = items_.emplace(key, Item{std::move(bytes), false}).second;
    assert(added);
    static_cast<void>(added);
}

void FwCfg::add_u16(uint16_t key, uint16_t value) { add_bytes(key, little_endian(value)); }
void FwCfg::add_u32(uint16_t key, uint32_t value) { add_bytes(key, little_endian(value)); }
void FwCfg::add_u64(uint16_t key, uint64_t value) { add_bytes(key, little_endian(value)); }

void FwCfg::add_file(std::string name, std::vector<uint8_t> bytes, bool writable) {
    assert(!name.empty() && name.size() < kFileNameSize);
    assert(files_.size() < fw_cfg_key::kWriteBit - fw_cfg_key::kFileFirst);
    const auto at =
        std::lower_bound(files_.begin(), files_.end(), name,
                         [](const File& f, const std::string& n) { return f.name < n; });
    assert(at == files_.end() || at->name != name);
    files_.insert(at, File{std::move(name), Item{std::move(bytes), writable}});
    rebuild_directory();
}

// fw_cfg.rst, "File Directory": a count, then 64 bytes for each file; all big-endian.
void FwCfg::rebuild_directory() {
    std::vector<uint8_t> bytes;
    append_be(bytes, static_cast<uint32_t>(files_.size()));
    for (size_t i = 0; i < files_.size(); ++i) {
        append_be(bytes, static_cast<uint32_t>(files_[i].item.bytes.size()));
        append_be(bytes, static_cast<uint16_t>(fw_cfg_key::kFileFirst + i));
        append_be(bytes, uint16_t{0});
        const std::string& name = files_[i].name;
        bytes.insert(bytes.end(), name.begin(), name.end());
        bytes.insert(bytes.end(), kFileNameSize - name.size(), 0);
    }
    directory_.bytes = std::move(bytes);
}

const FwCfg::Item* FwCfg::find(uint16_t key) const {
    if (key == fw_cfg_key::kFileDir) return &directory_;
    if (key >= fw_cfg_key::kFileFirst &&
        key < fw_cfg_key::kFileFirst + files_.size()) {
        return &files_[key - fw_cfg_key::kFileFirst].item;
    }
    const auto found = items_.find(key);
    return found == items_.end() ? nullptr : &found->second;
}

std::optional<std::span<const uint8_t>> FwCfg::item(uint16_t key) const {
    if (const Item* found = find(key)) return std::span<const uint8_t>(found->bytes);
    return std::nullopt;
}

std::optional<std::span<const uint8_t>> FwCfg::file(std::string_view name) const {
    for (const File& f : files_) {
        if (f.name == name) return std::span<const uint8_t>(f.item.bytes);
    }
    return std::nullopt;
}

void FwCfg::reset() {
    select(fw_cfg_key::kSignature);
    dma_address_ = 0;
}

void FwCfg::state(StateVisitor& v) {
    v("key", key_);
    v("offset", offset_);
    v("dma_address", dma_address_);
    for (File& f : files_) {
        if (f.item.writable) v.blob("file[" + f.name + "]", f.item.bytes);
    }
}

void FwCfg::select(uint16_t key) {
    key_ = key & static_cast<uint16_t>(~fw_cfg_key::kWriteBit);
    offset_ = 0;
}

std::span<const uint8_t> FwCfg::rest() const {
    const Item* selected = find(key_);
    if (!selected || offset_ >= selected->bytes.size()) return {};
    return std::span<const uint8_t>(selected->bytes).subspan(offset_);
}

uint8_t FwCfg::read_data() {
    const std::span<const uint8_t> left = rest();
    if (left.empty()) return 0;
    ++offset_;
    return left[0];
}

// A descriptor above 4 GiB is given in two writes, high half first. Narrower writes do nothing.
void FwCfg::write_dma_register(uint64_t offset, unsigned size, uint64_t value) {
    if (size == 4 && offset == 0) {
        dma_address_ = uint64_t{swap_bytes(static_cast<uint32_t>(value))} << 32;
    } else if (size == 4 && offset == 4) {
        const uint64_t address = dma_address_ | swap_bytes(static_cast<uint32_t>(value));
        dma_address_ = 0;
        run_dma(address);
    } else if (size == 8 && offset == 0) {
        dma_address_ = 0;
        run_dma(swap_bytes(value));
    }
}

void FwCfg::run_dma(uint64_t descriptor) {
    std::array<uint8_t, 16> raw{};
    dma_.dma_read(descriptor, raw);
    const uint32_t control = swap_bytes(load_le<uint32_t>(raw.data()));
    const uint32_t length = swap_bytes(load_le<uint32_t>(raw.data() + 4));
    const uint64_t address = swap_bytes(load_le<uint64_t>(raw.data() + 8));

    if (control & kDmaSelect) select(static_cast<uint16_t>(control >> 16));
    bool good = true;
    if (control & kDmaRead) {
        dma_out(address, length);
    } else if (control & kDmaWrite) {
        good = dma_in(address, length);
    } else if (control & kDmaSkip) {
        skip(length);
    }

    std::array<uint8_t, 4> result{};
    store_le(result.data(), swap_bytes(good ? 0u : kDmaError));
    dma_.dma_write(descriptor, result);
}

// Reading on after the end of an item, or from one that isn't there, gives zeros. Nothing lies
// beyond the physical address space, so that a wild length costs little.
void FwCfg::dma_out(uint64_t address, uint32_t length) {
    const std::span<const uint8_t> left = rest();
    const std::span<const uint8_t> data = left.first(std::min<size_t>(left.size(), length));
    if (!data.empty()) dma_.dma_write(address, data);
    offset_ += static_cast<uint32_t>(data.size());

    static constexpr std::array<uint8_t, kZeroChunk> kZeros{};
    constexpr uint64_t kLimit = uint64_t{1} << kPhysBits;
    if (address >= kLimit) return;
    const uint64_t end = std::min(address + length, kLimit);
    for (uint64_t at = address + data.size(); at < end;) {
        const uint64_t part = std::min<uint64_t>(end - at, kZeros.size());
        dma_.dma_write(at, std::span<const uint8_t>(kZeros).first(part));
        at += part;
    }
}

// All or nothing: a write that would run past the end, or to what cannot be written, is dropped.
// The offset moves on all the same.
bool FwCfg::dma_in(uint64_t address, uint32_t length) {
    const size_t room = rest().size();
    const bool is_file = key_ >= fw_cfg_key::kFileFirst &&
                         key_ < fw_cfg_key::kFileFirst + files_.size();
    const bool good = is_file && files_[key_ - fw_cfg_key::kFileFirst].item.writable &&
                      length <= room;
    if (good && length > 0) {
        Item& target = files_[key_ - fw_cfg_key::kFileFirst].item;
        dma_.dma_read(address, std::span<uint8_t>(target.bytes).subspan(offset_, length));
    }
    skip(length);
    return good;
}

void FwCfg::skip(uint32_t length) {
    offset_ += static_cast<uint32_t>(std::min<size_t>(rest().size(), length));
}

}  // namespace qr
