// SPDX-License-Identifier: GPL-2.0-or-later
//
// The fast ways of Cpu's memory access: segment limit, one TLB tag, host memory. Everything else is in
// mmu.cc, out of line. Included by cpu.h only. Source: SDM 3A chapters 4 and 5.3.
#pragma once

#include "target/i386/cpu.h"

namespace qr::i386 {

template <class T>
inline T Cpu::read_linear(uint32_t address) {
    const Tlb::Entry& e = tlb.entry(cpl, address);
    if (e.read_tag == Tlb::last_page(address, sizeof(T))) [[likely]]
        return load_le<T>(reinterpret_cast<const uint8_t*>(e.addend + address));
    return static_cast<T>(slow_read(address, sizeof(T), cpl == 3));
}

template <class T>
inline void Cpu::write_linear(uint32_t address, T value) {
    const Tlb::Entry& e = tlb.entry(cpl, address);
    if (e.write_tag == Tlb::last_page(address, sizeof(T))) [[likely]]
        store_le<T>(reinterpret_cast<uint8_t*>(e.addend + address), value);
    else
        slow_write(address, sizeof(T), value, cpl == 3);
}

template <class T>
inline T Cpu::read(unsigned s, uint32_t offset) {
    if (uint64_t{offset} + sizeof(T) <= seg[s].read_end) [[likely]]
        return read_linear<T>(static_cast<uint32_t>(seg[s].base) + offset);
    return static_cast<T>(slow_read(linear(s, offset, sizeof(T), false), sizeof(T), cpl == 3));
}

template <class T>
inline void Cpu::write(unsigned s, uint32_t offset, T value) {
    if (uint64_t{offset} + sizeof(T) <= seg[s].write_end) [[likely]]
        write_linear<T>(static_cast<uint32_t>(seg[s].base) + offset, value);
    else
        slow_write(linear(s, offset, sizeof(T), true), sizeof(T), value, cpl == 3);
}

template <class T>
inline Cpu::Rmw<T> Cpu::read_modify(unsigned s, uint32_t offset) {
    const uint32_t address = uint64_t{offset} + sizeof(T) <= seg[s].write_end
                                 ? static_cast<uint32_t>(seg[s].base) + offset
                                 : linear(s, offset, sizeof(T), true);
    Rmw<T> m;
    m.cpu_ = this;
    m.linear_ = address;
    const Tlb::Entry& e = tlb.entry(cpl, address);
    if (e.write_tag == Tlb::last_page(address, sizeof(T))) [[likely]] {
        m.direct_ = reinterpret_cast<uint8_t*>(e.addend + address);
        m.value = load_le<T>(m.direct_);
    } else {
        m.value = static_cast<T>(slow_read_modify(address, sizeof(T), cpl == 3));
    }
    return m;
}

template <class T>
inline void Cpu::rmw_store(Rmw<T>& m, T value) {
    if (m.direct_) [[likely]]
        store_le<T>(m.direct_, value);
    else
        slow_write(m.linear_, sizeof(T), value, cpl == 3);
}

template <class T>
inline T Cpu::read_system(uint32_t address) {
    const Tlb::Entry& e = tlb.entry(0, address);
    if (e.read_tag == Tlb::last_page(address, sizeof(T))) [[likely]]
        return load_le<T>(reinterpret_cast<const uint8_t*>(e.addend + address));
    return static_cast<T>(slow_read(address, sizeof(T), false));
}

template <class T>
inline void Cpu::write_system(uint32_t address, T value) {
    const Tlb::Entry& e = tlb.entry(0, address);
    if (e.write_tag == Tlb::last_page(address, sizeof(T))) [[likely]]
        store_le<T>(reinterpret_cast<uint8_t*>(e.addend + address), value);
    else
        slow_write(address, sizeof(T), value, false);
}

}  // namespace qr::i386
