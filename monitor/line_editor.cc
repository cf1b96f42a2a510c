// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/line_editor.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace qr {

namespace {
constexpr size_t kLongestLine = 4095;
constexpr size_t kHistory = 64;
constexpr size_t kScreen = 80;  // columns that completions are listed in
}  // namespace

void LineEditor::begin() {
    line_.clear();
    at_ = 0;
    recalled_ = history_.size();
    secret_ = false;
    output_(prompt_);
}

void LineEditor::begin_secret(std::string prompt) {
    line_.clear();
    at_ = 0;
    recalled_ = history_.size();
    secret_ = true;
    secret_prompt_ = std::move(prompt);
    output_(secret_prompt_);
}

std::string LineEditor::shown(size_t at) const { return secret_ ? std::string(line_.size() - at, '*') : line_.substr(at); }

void LineEditor::redraw() {
    output_(prompt() + shown(0));
    if (at_ < line_.size()) output_(fmt::format("\x1b[{}D", line_.size() - at_));
}

void LineEditor::insert(std::string_view text) {
    text = text.substr(0, kLongestLine - std::min(kLongestLine, line_.size()));
    line_.insert(at_, text);
    output_(shown(at_));
    at_ += text.size();
    if (at_ == line_.size()) return;
    output_(fmt::format("\x1b[{}D", line_.size() - at_));
}

void LineEditor::move(size_t to) {
    if (to < at_) output_(fmt::format("\x1b[{}D", at_ - to));
    if (to > at_) output_(fmt::format("\x1b[{}C", to - at_));
    at_ = to;
}

void LineEditor::erase(size_t from, size_t to) {
    if (from >= to) return;
    move(from);
    line_.erase(from, to - from);
    output_(shown(at_) + "\x1b[K");
    if (at_ < line_.size()) output_(fmt::format("\x1b[{}D", line_.size() - at_));
}

void LineEditor::replace(std::string text) {
    move(0);
    line_ = std::move(text);
    at_ = line_.size();
    output_(line_ + "\x1b[K");
}

void LineEditor::recall(int step) {
    if (secret_) return;
    if (step < 0 ? recalled_ == 0 : recalled_ >= history_.size()) return;
    if (recalled_ == history_.size()) own_ = line_;
    recalled_ = step < 0 ? recalled_ - 1 : recalled_ + 1;
    replace(recalled_ == history_.size() ? own_ : history_[recalled_]);
}

size_t LineEditor::word_left() const {
    size_t at = at_;
    while (at && std::isspace(static_cast<unsigned char>(line_[at - 1]))) --at;
    while (at && !std::isspace(static_cast<unsigned char>(line_[at - 1]))) --at;
    return at;
}

size_t LineEditor::word_right() const {
    size_t at = at_;
    while (at < line_.size() && std::isspace(static_cast<unsigned char>(line_[at]))) ++at;
    while (at < line_.size() && !std::isspace(static_cast<unsigned char>(line_[at]))) ++at;
    return at;
}

// A line that was there already moves to the end.
void LineEditor::remember() {
    if (line_.empty() || secret_) return;
    std::erase(history_, line_);
    history_.push_back(line_);
    if (history_.size() > kHistory) history_.erase(history_.begin());
}

bool LineEditor::feed(uint8_t byte) {
    if (state_ != State::kPlain) {
        escape(byte);
        return false;
    }
    switch (byte) {
        case '\r':
        case '\n':
            output_("\r\n");
            remember();
            return true;
        case 0x01: move(0); break;                              // ^A
        case 0x02: move(at_ ? at_ - 1 : 0); break;              // ^B
        case 0x04: erase(at_, std::min(at_ + 1, line_.size())); break;  // ^D
        case 0x05: move(line_.size()); break;                   // ^E
        case 0x06: move(std::min(at_ + 1, line_.size())); break;  // ^F
        case 0x08:
        case 0x7f:
            if (at_) erase(at_ - 1, at_);
            break;
        case '\t': complete(); break;
        case 0x0b: erase(at_, line_.size()); break;             // ^K
        case 0x0c:                                              // ^L
            output_("\x1b[2J\x1b[1;1H");
            redraw();
            break;
        case 0x0e: recall(1); break;                            // ^N
        case 0x10: recall(-1); break;                           // ^P
        case 0x15: erase(0, at_); break;                        // ^U
        case 0x17: erase(word_left(), at_); break;              // ^W
        case 0x1b: state_ = State::kEscape; break;
        default:
            if (byte >= ' ') insert(std::string_view(reinterpret_cast<const char*>(&byte), 1));
    }
    return false;
}

void LineEditor::escape(uint8_t byte) {
    const State state = state_;
    state_ = State::kPlain;
    if (state == State::kEscape) {
        parameter_ = 0;
        if (byte == '[') state_ = State::kCsi;
        else if (byte == 'O') state_ = State::kSs3;
        else if (byte == 'b') move(word_left());
        else if (byte == 'f') move(word_right());
        else if (byte == 'd') erase(at_, word_right());
        else if (byte == 0x7f) erase(word_left(), at_);
        return;
    }
    if (state == State::kCsi && (std::isdigit(byte) || byte == ';')) {
        // Of "1;5C" the modifier doesn't count.
        if (byte != ';') parameter_ = std::min(parameter_ * 10 + (byte - '0'), 999);
        state_ = State::kCsi;
        return;
    }
    switch (byte) {
        case 'A': return recall(-1);
        case 'B': return recall(1);
        case 'C': return move(std::min(at_ + 1, line_.size()));
        case 'D': return move(at_ ? at_ - 1 : 0);
        case 'F': return move(line_.size());
        case 'H': return move(0);
        case '~':
            if (parameter_ == 1 || parameter_ == 7) return move(0);
            if (parameter_ == 4 || parameter_ == 8) return move(line_.size());
            if (parameter_ == 3) return erase(at_, std::min(at_ + 1, line_.size()));
            return;
        default: return;
    }
}

void LineEditor::complete() {
    if (secret_) return;
    Completion found = complete_(std::string_view(line_).substr(0, at_));
    std::ranges::sort(found.words);
    const auto twice = std::ranges::unique(found.words);
    found.words.erase(twice.begin(), twice.end());
    if (found.words.empty()) return;
    // What all of them begin with.
    std::string common = found.words[0];
    size_t widest = 0;
    for (const std::string& word : found.words) {
        const auto differ = std::ranges::mismatch(common, word);
        common.erase(differ.in1, common.end());
        widest = std::max(widest, word.size());
    }
    const size_t typed = at_ - std::min(at_, found.start);
    if (common.size() > typed) insert(std::string_view(common).substr(typed));
    if (found.words.size() == 1) {
        if (found.then) insert(std::string_view(&found.then, 1));
        return;
    }
    const size_t width = std::max<size_t>(widest + 2, 10);
    const size_t columns = std::max<size_t>(kScreen / width, 1);
    std::string text = "\r\n";
    for (size_t i = 0; i < found.words.size(); ++i) {
        text += fmt::format("{:<{}}", found.words[i], width);
        if ((i + 1) % columns == 0 || i + 1 == found.words.size()) text += "\r\n";
    }
    output_(text);
    redraw();
}

}  // namespace qr
