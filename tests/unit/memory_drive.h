// SPDX-License-Identifier: GPL-2.0-or-later
// A drive whose medium is a vector: what tests of disk controllers plug in. Requests are done at once, finish()
// hands out their results; errors can be planted.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "block/drive.h"

namespace qr::test {

class MemoryDrive final : public Drive {
  public:
    explicit MemoryDrive(uint64_t size, std::string id = "disk") : medium(size), id_(std::move(id)) {}

    const std::string& id() const override { return id_; }
    bool inserted() const override { return present; }
    bool read_only() const override { return protect; }
    uint64_t size() const override { return present ? medium.size() : 0; }
    const std::string& serial() const override { return serial_; }

    Ticket read(uint64_t offset, uint32_t bytes) override {
        ++reads;
        Request r{check(offset, bytes), {}};
        if (r.status == DriveStatus::kOk)
            r.data.assign(medium.begin() + static_cast<ptrdiff_t>(offset),
                          medium.begin() + static_cast<ptrdiff_t>(offset + bytes));
        else
            r.data.assign(bytes, 0);
        return begin(std::move(r));
    }
    Ticket write(uint64_t offset, std::span<const uint8_t> data) override {
        ++writes;
        Request r{check(offset, data.size()), {}};
        if (protect) r.status = DriveStatus::kReadOnly;
        if (r.status == DriveStatus::kOk)
            std::copy(data.begin(), data.end(), medium.begin() + static_cast<ptrdiff_t>(offset));
        return begin(std::move(r));
    }
    Ticket write_zeroes(uint64_t offset, uint64_t bytes, bool) override {
        return write(offset, std::vector<uint8_t>(bytes));
    }
    Ticket discard(uint64_t offset, uint64_t bytes) override {
        discarded.emplace_back(offset, bytes);
        return write(offset, std::vector<uint8_t>(bytes));
    }
    Ticket flush() override {
        ++flushes;
        return begin({failing, {}});
    }
    DriveStatus finish(Ticket ticket, std::vector<uint8_t>* data) override {
        Request r = std::move(requests_.at(ticket));
        requests_.erase(ticket);
        if (data) *data = std::move(r.data);
        return r.status;
    }
    void cancel(Ticket ticket) override { requests_.erase(ticket); }

    void lock(bool on) override { locked = on; }
    void eject(bool open) override { tray_open = open; }
    void on_medium_change(std::function<void()> changed) override { changed_ = std::move(changed); }
    void on_eject_request(std::function<void()> asked) override { asked_ = std::move(asked); }

    void state(StateVisitor& v) override {
        v("next", next_);
        v("present", present);
        uint32_t count = static_cast<uint32_t>(requests_.size());
        v("requests", count);
        std::vector<std::pair<Ticket, Request>> list(requests_.begin(), requests_.end());
        list.resize(count);
        for (uint32_t i = 0; i < count; ++i) {
            v("ticket" + std::to_string(i), list[i].first);
            v("status" + std::to_string(i), list[i].second.status);
            v("data" + std::to_string(i), list[i].second.data, size_t{8} << 20);
        }
        if (v.loading()) requests_ = {list.begin(), list.end()};
    }

    // The user's change.
    void change(bool inserted) {
        present = inserted;
        if (changed_) changed_();
    }
    void ask_for_eject() {
        if (asked_) asked_();
    }
    bool idle() const { return requests_.empty(); }

    std::vector<uint8_t> medium;
    bool present = true, protect = false, locked = false, tray_open = false;
    DriveStatus failing = DriveStatus::kOk;  // what requests from now on end with
    unsigned reads = 0, writes = 0, flushes = 0;
    std::vector<std::pair<uint64_t, uint64_t>> discarded;

  private:
    struct Request {
        DriveStatus status;
        std::vector<uint8_t> data;
    };
    DriveStatus check(uint64_t offset, uint64_t bytes) const {
        if (!present) return DriveStatus::kNoMedium;
        if (failing != DriveStatus::kOk) return failing;
        return offset + bytes <= medium.size() ? DriveStatus::kOk : DriveStatus::kOutOfRange;
    }
    Ticket begin(Request r) {
        requests_[++next_] = std::move(r);
        return next_;
    }

    std::string id_, serial_;
    Ticket next_ = 0;
    std::map<Ticket, Request> requests_;
    std::function<void()> changed_, asked_;
};

}  // namespace qr::test
