// SPDX-License-Identifier: GPL-2.0-or-later
// Errors as values: what crosses an API when something the user gave cannot be done.
// Source: none (project convention, docs/architecture.rst).
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace qr {

// One line for the user: what was given, and what would have been right. No trailing newline.
struct Error {
    std::string message;
};

// Either a value or an Error. The caller must look before it takes the value.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : value_(std::move(error)) {}

    explicit operator bool() const { return value_.index() == 0; }
    bool ok() const { return value_.index() == 0; }

    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    T& value() {
        assert(ok());
        return *std::get_if<0>(&value_);
    }
    const T& value() const {
        assert(ok());
        return *std::get_if<0>(&value_);
    }
    const Error& error() const {
        assert(!ok());
        return *std::get_if<1>(&value_);
    }

  private:
    std::variant<T, Error> value_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    explicit operator bool() const { return !failed_; }
    bool ok() const { return !failed_; }
    const Error& error() const {
        assert(failed_);
        return error_;
    }

  private:
    Error error_;
    bool failed_ = false;
};

}  // namespace qr
