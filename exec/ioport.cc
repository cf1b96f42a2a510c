// SPDX-License-Identifier: GPL-2.0-or-later
//
// The port space: 64 Ki single-byte ports, each belonging to at most one region.
#include "exec/ioport.h"

#include <algorithm>

#include <fmt/format.h>

#include "util/bits.h"

namespace qr {

IoPortSpace::IoPortSpace() : index_(0x10000, -1) {}
IoPortSpace::~IoPortSpace() = default;

IoPortSpace::Handle IoPortSpace::map(uint16_t port, IoRegion& region) {
    return map_part(port, region, 0, static_cast<unsigned>(region.size()));
}

IoPortSpace::Handle IoPortSpace::map_part(uint16_t port, IoRegion& region, uint64_t offset,
                                          unsigned count) {
    mappings_.push_back({next_handle_, port, count, &region, offset});
    rebuild();
    return next_handle_++;
}

void IoPortSpace::unmap(Handle handle) {
    std::erase_if(mappings_, [&](const Mapping& m) { return m.handle == handle; });
    rebuild();
}

void IoPortSpace::rebuild() {
    std::fill(index_.begin(), index_.end(), int16_t{-1});
    for (size_t i = 0; i < mappings_.size(); ++i) {
        const Mapping& m = mappings_[i];
        const unsigned last = std::min(0x10000u, m.port + m.count);
        std::fill(index_.begin() + m.port, index_.begin() + last, static_cast<int16_t>(i));
    }
}

const IoPortSpace::Mapping* IoPortSpace::find(uint16_t port) const {
    const int16_t i = index_[port];
    return i < 0 ? nullptr : &mappings_[i];
}

// An access goes to one region as a whole if it fits there, else byte by byte to whoever is at each port.
template <class Access>
void IoPortSpace::each_part(uint16_t port, unsigned size, Access access) const {
    const Mapping* m = find(port);
    if (size == 1) return access(m, port, 1, 0);
    if (!m || port + size <= unsigned{m->port} + m->count) {
        bool whole = true;
        for (unsigned i = 1; i < size; ++i) whole &= find(static_cast<uint16_t>(port + i)) == m;
        if (whole) return access(m, port, size, 0);
    }
    for (unsigned i = 0; i < size; ++i) {
        const auto at = static_cast<uint16_t>(port + i);
        access(find(at), at, 1, i * 8);
    }
}

uint32_t IoPortSpace::port_read(uint16_t port, unsigned size) {
    if (size == 1 && !tracer_) [[likely]] {
        const Mapping* m = find(port);
        return m ? static_cast<uint32_t>(m->region->read(m->offset + port - m->port, 1)) : 0xff;
    }
    return read_parts(port, size);
}

uint32_t IoPortSpace::read_parts(uint16_t port, unsigned size) {
    uint64_t value = 0;
    each_part(port, size, [&](const Mapping* m, uint16_t at, unsigned n, unsigned shift) {
        const uint64_t part = m ? m->region->read(m->offset + at - m->port, n) : ones(n);
        value |= part << shift;
        if (m && tracer_) tracer_->region(false, *m->region, at, n, part);
    });
    if (tracer_) tracer_->port(false, port, size, static_cast<uint32_t>(value));
    return static_cast<uint32_t>(value);
}

uint32_t IoPortSpace::port_peek(uint16_t port, unsigned size) const {
    uint64_t value = 0;
    each_part(port, size, [&](const Mapping* m, uint16_t at, unsigned n, unsigned shift) {
        const uint64_t part = m ? m->region->peek(m->offset + at - m->port, n) : ones(n);
        value |= part << shift;
    });
    return static_cast<uint32_t>(value);
}

void IoPortSpace::port_write(uint16_t port, unsigned size, uint32_t value) {
    if (size == 1 && !tracer_) [[likely]] {
        if (const Mapping* m = find(port)) m->region->write(m->offset + port - m->port, 1, value & 0xff);
        return;
    }
    write_parts(port, size, value);
}

void IoPortSpace::write_parts(uint16_t port, unsigned size, uint32_t value) {
    if (tracer_) tracer_->port(true, port, size, value);
    each_part(port, size, [&](const Mapping* m, uint16_t at, unsigned n, unsigned shift) {
        if (!m) return;
        // Before what it leads to.
        if (tracer_) tracer_->region(true, *m->region, at, n, (value >> shift) & ones(n));
        m->region->write(m->offset + at - m->port, n, (value >> shift) & ones(n));
    });
}

std::string IoPortSpace::describe() const {
    std::vector<const Mapping*> sorted;
    for (const Mapping& m : mappings_) sorted.push_back(&m);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Mapping* a, const Mapping* b) { return a->port < b->port; });
    std::string text;
    for (const Mapping* m : sorted)
        text += fmt::format("{:04x}-{:04x} {}\n", m->port, m->port + m->count - 1, m->region->name());
    return text;
}

}  // namespace qr
