// SPDX-License-Identifier: GPL-2.0-or-later
//
// One line of input on a terminal that understands ECMA-48's cursor movements: cursor keys, history, completion, and
// the usual control characters. Knows no descriptor: bytes go in, bytes come out. Source: ECMA-48, xterm's key codes.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace qr {

class LineEditor {
  public:
    struct Completion {
        size_t start = 0;                  // where in the line the word begins that is being completed
        std::vector<std::string> words{};  // what it could be
        char then = ' ';                   // behind it, if it is one only
    };
    LineEditor(std::string prompt, std::function<void(std::string_view)> output,
               std::function<Completion(std::string_view line)> complete)
        : prompt_(std::move(prompt)), output_(std::move(output)), complete_(std::move(complete)) {}

    // Begins a line. What was typed of the one before is forgotten.
    void begin();
    // The same for one that is shown as stars, and neither remembered nor completed.
    void begin_secret(std::string prompt);
    // Shows the line again, after something else was printed.
    void redraw();
    // True: the byte ended the line, which is line() until begin().
    bool feed(uint8_t byte);
    const std::string& line() const { return line_; }
    const std::vector<std::string>& history() const { return history_; }

  private:
    // The line as it is shown, from `at` on.
    std::string shown(size_t at) const;
    const std::string& prompt() const { return secret_ ? secret_prompt_ : prompt_; }
    void insert(std::string_view text);
    void erase(size_t from, size_t to);
    void move(size_t to);
    void replace(std::string text);
    void recall(int step);
    void escape(uint8_t byte);
    void complete();
    size_t word_left() const;
    size_t word_right() const;
    void remember();

    const std::string prompt_;
    std::function<void(std::string_view)> output_;
    std::function<Completion(std::string_view)> complete_;
    bool secret_ = false;
    std::string secret_prompt_;
    std::string line_;
    size_t at_ = 0;
    enum class State : uint8_t { kPlain, kEscape, kCsi, kSs3 } state_ = State::kPlain;
    int parameter_ = 0;
    std::vector<std::string> history_;
    size_t recalled_ = 0;  // index in history_; its size: the line itself
    std::string own_;      // what was typed before history was looked through
};

}  // namespace qr
