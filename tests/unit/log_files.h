// SPDX-License-Identifier: GPL-2.0-or-later
// Help for tests that read and write logs: a directory of their own, whole files as bytes.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "replay/event_reader.h"
#include "replay/log_reader.h"

namespace qr {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "qr-test-XXXXXX").string();
        const char* made = mkdtemp(pattern.data());
        path_ = made ? made : ".";
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    size_t entries() const {
        size_t n = 0;
        for ([[maybe_unused]] auto& e : std::filesystem::directory_iterator(path_)) ++n;
        return n;
    }

  private:
    std::string path_;
};

inline std::vector<uint8_t> read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), {});
}

inline void write_whole(const std::string& path, const std::vector<uint8_t>& bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
}

struct PlainEvent {
    Position position;
    uint32_t port;
    std::vector<uint8_t> payload;
    bool operator==(const PlainEvent&) const = default;
};

// All that can be read; *error: what stopped it, if anything did.
inline std::vector<PlainEvent> read_events(const LogReader& log, std::string* error = nullptr) {
    std::vector<PlainEvent> events;
    EventReader reader(log);
    while (const EventSource::Event* e = reader.peek()) {
        events.push_back({e->position, e->port, {e->payload.begin(), e->payload.end()}});
        reader.pop();
    }
    if (error) *error = reader.error() ? reader.error()->message : "";
    return events;
}

}  // namespace qr
