// SPDX-License-Identifier: GPL-2.0-or-later
// State, declared once: snapshot, digest and divergence report all walk the same list of fields.
//
// Every object of the core has one member function
//
//     void state(StateVisitor& v) {
//         v("count", count_);
//         v("mode", mode_);
//         v("channel", channels_);        // arrays, vectors, deques and nested objects work too
//     }
//
// The same call saves, restores, hashes or compares, depending on the visitor. state() must be
// canonical: two machines at the same position with the same future have the same fields, so caches,
// dirty bits and anything else that can be rebuilt stay out, and lazily kept values are made exact
// before they are shown. After a restore the machine calls after_load() (see hw/device.h).
//
// Names: lower case, as in the data sheet. Paths are joined with '.', elements get "[i]".
// Threads: VM thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace qr {

class StateVisitor {
  public:
    virtual ~StateVisitor() = default;

    // True while fields are being overwritten from a snapshot.
    virtual bool loading() const = 0;
    // True if the machine is to go on from what is walked (a snapshot that is made or loaded): then also what
    // follows from elsewhere, and needn't be compared, belongs to it (data on its way from a disk).
    virtual bool saving() const { return loading(); }

    // The primitive operations. `value` is zero-extended from `width` bytes (1, 2, 4 or 8).
    virtual void scalar(std::string_view name, uint64_t& value, unsigned width) = 0;
    virtual void blob(std::string_view name, std::span<uint8_t> bytes) = 0;
    virtual void enter(std::string_view name) = 0;
    virtual void leave() = 0;

    // A snapshot that cannot be true (a size beyond `limit`, a value out of range). While loading the
    // first message is kept and the restore fails; it has no meaning otherwise.
    virtual void fail(std::string_view why) = 0;

    template <class T>
    void operator()(std::string_view name, T& field) {
        if constexpr (std::is_same_v<T, bool>) {
            uint64_t raw = field;
            scalar(name, raw, 1);
            if (loading()) field = raw != 0;
        } else if constexpr (std::is_enum_v<T>) {
            using U = std::make_unsigned_t<std::underlying_type_t<T>>;
            uint64_t raw = static_cast<U>(field);
            scalar(name, raw, sizeof(T));
            if (loading()) field = static_cast<T>(static_cast<U>(raw));
        } else if constexpr (std::is_integral_v<T>) {
            using U = std::make_unsigned_t<T>;
            uint64_t raw = static_cast<U>(field);
            scalar(name, raw, sizeof(T));
            if (loading()) field = static_cast<T>(static_cast<U>(raw));
        } else {
            enter(name);
            field.state(*this);
            leave();
        }
    }

    template <class T, size_t N>
    void operator()(std::string_view name, std::array<T, N>& field) {
        elements(name, std::span<T>(field));
    }
    template <class T, size_t N>
    void operator()(std::string_view name, T (&field)[N]) {
        elements(name, std::span<T>(field));
    }

    // Containers whose length is state. Lengths above `limit` are refused while loading.
    template <class T>
    void operator()(std::string_view name, std::vector<T>& field, size_t limit = 1 << 20) {
        resize(name, field, limit);
        elements(name, std::span<T>(field));
    }
    template <class T>
    void operator()(std::string_view name, std::deque<T>& field, size_t limit = 1 << 20) {
        resize(name, field, limit);
        for (size_t i = 0; i < field.size(); ++i) (*this)(element_name(name, i), field[i]);
    }
    void operator()(std::string_view name, std::string& field, size_t limit = 1 << 20) {
        resize(name, field, limit);
        blob(name, {reinterpret_cast<uint8_t*>(field.data()), field.size()});
    }

  private:
    static std::string element_name(std::string_view name, size_t i) {
        return std::string(name) + '[' + std::to_string(i) + ']';
    }

    template <class T>
    void elements(std::string_view name, std::span<T> field) {
        if constexpr (std::is_same_v<T, uint8_t>) {
            blob(name, field);
        } else {
            for (size_t i = 0; i < field.size(); ++i) (*this)(element_name(name, i), field[i]);
        }
    }

    template <class C>
    void resize(std::string_view name, C& field, size_t limit) {
        uint64_t size = field.size();
        scalar(std::string(name) + ".size", size, 4);
        if (!loading()) return;
        if (size > limit) {
            fail(std::string(name) + ".size is out of range");
            size = 0;
        }
        field.resize(size);
    }
};

}  // namespace qr
