// SPDX-License-Identifier: GPL-2.0-or-later
//
// Splits and widens bus accesses to what a device's registers take (see IoOps).
#include "exec/io.h"

#include <algorithm>

#include "util/bits.h"

namespace qr {

namespace {

// Calls one(offset, size, shift) for the pieces of an access; shift is the piece's place in the value.
template <class One>
void split(const IoOps& ops, uint64_t offset, unsigned size, One one) {
    unsigned done = 0;
    while (done < size) {
        unsigned piece = std::min(size - done, ops.max_size);
        // A device's wide registers are aligned: a misaligned access reaches it in narrower pieces.
        while (piece > ops.min_size && ((offset + done) & (piece - 1))) piece >>= 1;
        one(offset + done, piece, done * 8);
        done += piece;
    }
}

template <class Read>
uint64_t read_as(const IoOps& ops, uint64_t region_size, uint64_t offset, unsigned size, Read read) {
    uint64_t value = 0;
    split(ops, offset, size, [&](uint64_t at, unsigned piece, unsigned shift) {
        uint64_t part;
        if (at + piece > region_size) {
            part = ones(piece);
        } else if (piece < ops.min_size) {
            const uint64_t aligned = at & ~uint64_t(ops.min_size - 1);
            part = read(aligned, ops.min_size) >> ((at - aligned) * 8);
        } else {
            part = read(at, piece);
        }
        value |= (part & ones(piece)) << shift;
    });
    return value;
}

}  // namespace

uint64_t IoRegion::read(uint64_t offset, unsigned size) const {
    if (!ops_.read) return ones(size);
    if (whole(offset, size)) [[likely]]
        return ops_.read(offset, size) & ones(size);
    return read_parts(offset, size);
}

uint64_t IoRegion::read_parts(uint64_t offset, unsigned size) const {
    return read_as(ops_, size_, offset, size, ops_.read);
}

uint64_t IoRegion::peek(uint64_t offset, unsigned size) const {
    if (!ops_.peek) return ones(size);
    return read_as(ops_, size_, offset, size, ops_.peek);
}

void IoRegion::write(uint64_t offset, unsigned size, uint64_t value) const {
    if (!ops_.write) return;
    if (whole(offset, size)) [[likely]]
        return ops_.write(offset, size, value & ones(size));
    write_parts(offset, size, value);
}

void IoRegion::write_parts(uint64_t offset, unsigned size, uint64_t value) const {
    split(ops_, offset, size, [&](uint64_t at, unsigned piece, unsigned shift) {
        if (at + piece > size_) return;
        const uint64_t part = (value >> shift) & ones(piece);
        if (piece < ops_.min_size) {
            const uint64_t aligned = at & ~uint64_t(ops_.min_size - 1);
            ops_.write(aligned, ops_.min_size, part << ((at - aligned) * 8));
        } else {
            ops_.write(at, piece, part);
        }
    });
}

}  // namespace qr
