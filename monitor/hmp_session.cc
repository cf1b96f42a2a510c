// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/hmp_session.h"

#include <algorithm>
#include <utility>

#include <dirent.h>

#include "hw/keycode.h"

namespace qr {

namespace {

constexpr size_t kTypeAhead = 4096;
// With more than this unsent, nothing more is read.
constexpr size_t kMostUnsent = 64 << 10;

void add_names(std::vector<std::string>& words, std::span<const Command> table, std::string_view begin) {
    for (const Command& command : table) {
        std::string_view names = command.name;
        while (!names.empty()) {
            const std::string_view name = names.substr(0, names.find('|'));
            names.remove_prefix(std::min(names.size(), name.size() + 1));
            if (name.starts_with(begin)) words.emplace_back(name);
        }
    }
}

void add_files(std::vector<std::string>& words, const std::string& begin) {
    const size_t slash = begin.rfind('/');
    const std::string folder = slash == begin.npos ? "" : begin.substr(0, slash + 1);
    const std::string_view name = std::string_view(begin).substr(folder.size());
    DIR* dir = opendir(folder.empty() ? "." : folder.c_str());
    if (!dir) return;
    constexpr size_t kMost = 1000;
    while (const dirent* entry = readdir(dir)) {
        const std::string_view found = entry->d_name;
        if (found == "." || found == ".." || !found.starts_with(name)) continue;
        words.push_back(folder + std::string(found) + (entry->d_type == DT_DIR ? "/" : ""));
        if (words.size() >= kMost) break;
    }
    closedir(dir);
}

}  // namespace

HmpSession::HmpSession(Monitor& monitor, CharBackend& backend, bool implicit)
    : monitor_(monitor),
      backend_(backend),
      editor_("(qemu) ", [this](std::string_view text) { backend_.send(text); },
              [this](std::string_view line) { return complete(line); }),
      wanted_(!implicit) {}

size_t HmpSession::room() { return full_ ? 0 : kTypeAhead; }

void HmpSession::print(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    backend_.send(out);
}

void HmpSession::greet() {
    greeted_ = true;
    print(fmt::format("QEMU {} (qemu-replay) monitor - type 'help' for more information\n", monitor_.target().version));
    editor_.begin();
}

void HmpSession::update() {
    full_ = busy_ || backend_.unsent() > kMostUnsent;
    if (attached() == told_attached_) return;
    told_attached_ = !told_attached_;
    monitor_.attachment_changed(told_attached_);
}

void HmpSession::opened() {
    ++connection_;
    open_ = true;
    busy_ = greeted_ = false;
    secret_ = nullptr;
    typed_.clear();
    if (focused_) greet();
    update();
}

void HmpSession::closed() {
    ++connection_;
    open_ = busy_ = false;
    typed_.clear();
    update();
}

void HmpSession::focus_changed(bool focused) {
    focused_ = focused;
    if (focused && open_ && !busy_) {
        if (!greeted_) {
            greet();
        } else {
            print("\n");
            editor_.redraw();
        }
    } else if (!focused && open_) {
        print("\n");
    }
    update();
}

void HmpSession::receive(std::span<const uint8_t> data) {
    typed_.insert(typed_.end(), data.begin(), data.end());
    wanted_ = true;
    go_on();
}

// One line after the other; one that went to the VM thread comes back here.
void HmpSession::go_on() {
    while (!busy_ && !typed_.empty()) {
        const uint8_t byte = typed_.front();
        typed_.pop_front();
        if (!editor_.feed(byte)) continue;
        if (secret_) {
            print(std::exchange(secret_, nullptr)(editor_.line()));
            editor_.begin();
            continue;
        }
        busy_ = running_ = true;
        monitor_.run_line(editor_.line(), editor_.history(), [this, connection = connection_](HmpAnswer answer) {
            if (connection != connection_) return;
            print(answer.text);
            busy_ = false;
            // Who has left for the serial port isn't asked.
            if (focused_) secret_ = std::move(answer.secret);
            if (!focused_) greeted_ = false;
            else if (secret_) editor_.begin_secret("Password: ");
            else editor_.begin();
            if (!running_) go_on();
        });
        running_ = false;
    }
    update();
    if (!full_) backend_.wake();
    if (!busy_) backend_.finished();
}

LineEditor::Completion HmpSession::complete(std::string_view line) const {
    LineEditor::Completion found;
    // "help" and "info" are followed by names; what follows a command is up to it.
    const size_t first = line.find_first_not_of(' ');
    if (first == line.npos) {
        found.start = line.size();
        add_names(found.words, monitor_commands(), "");
        return found;
    }
    size_t word_end = line.find(' ', first);
    found.start = line.rfind(' ') == line.npos ? 0 : line.rfind(' ') + 1;
    const std::string last(line.substr(found.start));
    if (word_end == line.npos) {
        add_names(found.words, monitor_commands(), last);
        return found;
    }
    const Command* command = find_command(monitor_commands(), line.substr(first, word_end - first));
    Complete how = command ? command->complete : Complete::kNothing;
    if (how == Complete::kCommand && line.substr(word_end).find("info ") != line.npos) how = Complete::kInfo;
    if (how == Complete::kCommand) add_names(found.words, monitor_commands(), last);
    if (how == Complete::kInfo) add_names(found.words, info_commands(), last);
    if (how == Complete::kFile) {
        add_files(found.words, last);
        if (found.words.size() == 1 && found.words[0].ends_with('/')) found.then = 0;
    }
    if (how == Complete::kKey) {
        // Of a chord the last key is completed.
        const size_t dash = last.rfind('-');
        if (dash != last.npos) found.start += dash + 1;
        const std::string_view begin = std::string_view(last).substr(dash == last.npos ? 0 : dash + 1);
        for (uint16_t n = 1; n < static_cast<uint16_t>(Key::kCount); ++n)
            if (const auto name = key_name(static_cast<Key>(n)); name.starts_with(begin)) found.words.emplace_back(name);
        found.then = 0;
    }
    return found;
}

}  // namespace qr
