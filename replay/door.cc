// SPDX-License-Identifier: GPL-2.0-or-later
// The door: payload codecs, ports, output streams, and the one place where an input is delivered
// and recorded. See include/sysemu/replay.h. Source: docs/replay-format.rst, "Payloads".
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>

#include "replay/varint.h"
#include "sysemu/replay.h"

namespace qr {

// ---- payloads to bytes ----

void PayloadWriter::operator()(std::string_view, bool v) { put_varint(bytes_, v); }
void PayloadWriter::operator()(std::string_view, uint8_t v) { put_varint(bytes_, v); }
void PayloadWriter::operator()(std::string_view, uint16_t v) { put_varint(bytes_, v); }
void PayloadWriter::operator()(std::string_view, uint32_t v) { put_varint(bytes_, v); }
void PayloadWriter::operator()(std::string_view, uint64_t v) { put_varint(bytes_, v); }
void PayloadWriter::operator()(std::string_view, int64_t v) { put_varint(bytes_, zigzag(v)); }
void PayloadWriter::operator()(std::string_view, const std::vector<uint8_t>& v) {
    put_bytes(bytes_, v);
}
void PayloadWriter::operator()(std::string_view, const std::string& v) {
    put_bytes(bytes_, as_bytes(v));
}

// ---- and back ----

uint64_t PayloadReader::varint() {
    if (!ok_) return 0;
    ByteReader reader(bytes_);
    const uint64_t value = reader.varint();
    ok_ = reader.ok();
    bytes_ = ok_ ? bytes_.subspan(reader.offset()) : std::span<const uint8_t>{};
    return value;
}

namespace {
template <class T>
bool narrow(uint64_t raw, T& v) {
    v = static_cast<T>(raw);
    return raw <= std::numeric_limits<T>::max();
}
}  // namespace

void PayloadReader::operator()(std::string_view, bool& v) {
    const uint64_t raw = varint();
    v = raw != 0;
    ok_ = ok_ && raw <= 1;
}
void PayloadReader::operator()(std::string_view, uint8_t& v) { ok_ = narrow(varint(), v) && ok_; }
void PayloadReader::operator()(std::string_view, uint16_t& v) { ok_ = narrow(varint(), v) && ok_; }
void PayloadReader::operator()(std::string_view, uint32_t& v) { ok_ = narrow(varint(), v) && ok_; }
void PayloadReader::operator()(std::string_view, uint64_t& v) { v = varint(); }
void PayloadReader::operator()(std::string_view, int64_t& v) { v = unzigzag(varint()); }

void PayloadReader::operator()(std::string_view, std::vector<uint8_t>& v) {
    const uint64_t size = varint();
    ok_ = ok_ && size <= bytes_.size();
    v.clear();
    if (!ok_) return;
    v.assign(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(size));
    bytes_ = bytes_.subspan(size);
}

void PayloadReader::operator()(std::string_view name, std::string& v) {
    std::vector<uint8_t> bytes;
    (*this)(name, bytes);
    v.assign(bytes.begin(), bytes.end());
}

// ---- ports ----

InputPortBase::InputPortBase(Door& door, PortSchema schema)
    : door_(door), schema_(std::move(schema)) {
    assert(std::ranges::none_of(door.ports_, [&](auto* p) { return p->name() == name(); }));
    door_.ports_.push_back(this);
}

InputPortBase::~InputPortBase() {
    std::erase(door_.ports_, this);
    std::replace(door_.by_number_.begin(), door_.by_number_.end(), this,
                 static_cast<InputPortBase*>(nullptr));
}

void InputPortBase::submit_bytes(std::vector<uint8_t> payload) {
    if (door_.drop_.load(std::memory_order_acquire)) return;
    door_.mailbox_.post([this, payload = std::move(payload)] { door_.enter(*this, payload); });
}

std::optional<std::vector<uint8_t>> InputPortBase::exchange(uint64_t icount,
                                                            std::optional<std::vector<uint8_t>> live) {
    door_.set_icount(icount);
    if (!door_.source_) {
        if (live && door_.sink_) {
            const auto at = std::ranges::find(door_.ports_, this);
            door_.sink_->record(door_.position_, static_cast<uint32_t>(at - door_.ports_.begin()), *live);
        }
        if (live) ++door_.position_.ordinal;
        return live;
    }
    const EventSource::Event* event = door_.source_->peek();
    if (!event || event->position != door_.position_ || event->port >= door_.by_number_.size() ||
        door_.by_number_[event->port] != this)
        return std::nullopt;
    std::vector<uint8_t> recorded(event->payload.begin(), event->payload.end());
    door_.source_->pop();
    ++door_.position_.ordinal;
    return recorded;
}

void InputPortBase::set_room(size_t room) {
    const size_t before = room_.exchange(room, std::memory_order_acq_rel);
    if (!before && room && wake_) wake_();
}

// ---- output streams ----

OutputStream::OutputStream(Door& door, std::string name) : door_(door), name_(std::move(name)) {
    door_.outputs_.push_back(this);
}

OutputStream::~OutputStream() { std::erase(door_.outputs_, this); }

void OutputStream::write(std::span<const uint8_t> data) {
    // FNV-1a: a function of the bytes alone, however they are split into writes.
    uint64_t hash = hash_ ^ 0xCBF29CE484222325;
    for (const uint8_t byte : data) hash = (hash ^ byte) * 0x100000001B3;
    hash_ = hash ^ 0xCBF29CE484222325;
    length_ += data.size();
    // A replay that went back shows what it says again only once.
    if (!door_.replaying()) shown_ = length_ - data.size();
    if (length_ <= shown_) return;
    if (sink_) sink_->write(data.last(std::min<uint64_t>(data.size(), length_ - shown_)));
    shown_ = length_;
}

void OutputStream::state(StateVisitor& v) {
    v("length", length_);
    v("hash", hash_);
}

// ---- the door ----

void Door::enter(InputPortBase& port, std::span<const uint8_t> payload) {
    if (source_) return;
    settle();
    if (sink_) {
        // Before it takes effect: if that brings the emulator down, the log has the event.
        const auto at = std::ranges::find(ports_, &port);
        assert(at != ports_.end());
        sink_->record(position_, static_cast<uint32_t>(at - ports_.begin()), payload);
    }
    const bool fits = port.deliver(payload);
    assert(fits);
    static_cast<void>(fits);
    ++position_.ordinal;
}

uint64_t Door::next_icount() const {
    if (!source_) return UINT64_MAX;
    const EventSource::Event* event = source_->peek();
    if (!event) return UINT64_MAX;
    if (event->position <= position_) return position_.icount;
    return std::max(event->position.icount, position_.icount + 1);
}

bool Door::deliver_next() {
    if (!source_ || !mismatch_.empty()) return false;
    settle();
    const EventSource::Event* event = source_->peek();
    if (!event || event->position > position_) return false;
    const uint32_t number = event->port;
    InputPortBase* port = number < by_number_.size() ? by_number_[number] : nullptr;
    if (event->position < position_) {
        mismatch_ = fmt::format(
            "the recorded event of {} at instruction {} (ordinal {}) was passed: the replay is at "
            "instruction {} (ordinal {})",
            port ? port->name() : fmt::format("port {}", number), event->position.icount,
            event->position.ordinal, position_.icount, position_.ordinal);
        return false;
    }
    if (!port) {
        mismatch_ = fmt::format(
            "the recorded event at instruction {} is for port {}, which this "
            "machine does not have",
            position_.icount, number);
        return false;
    }
    if (!port->deliver(event->payload)) {
        mismatch_ =
            fmt::format("the recorded event at instruction {} does not decode as input of {}",
                        position_.icount, port->name());
        return false;
    }
    source_->pop();
    ++position_.ordinal;
    return true;
}

bool Door::bind(const std::vector<PortSchema>& recorded, std::string* missing) {
    by_number_.assign(recorded.size(), nullptr);
    for (size_t i = 0; i < recorded.size(); ++i) {
        const auto at = std::ranges::find(ports_, recorded[i].name, &InputPortBase::name);
        const auto same = [](const FieldSchema& a, const FieldSchema& b) {
            return a.name == b.name && a.type == b.type;
        };
        if (at == ports_.end() ||
            !std::ranges::equal((*at)->schema().fields, recorded[i].fields, same)) {
            if (missing) *missing = recorded[i].name;
            return false;
        }
        by_number_[i] = *at;
    }
    return true;
}

void Door::state(StateVisitor& v) {
    v("icount", position_.icount);
    v("ordinal", position_.ordinal);
    for (OutputStream* output : outputs_) v(output->name(), *output);
    if (v.loading()) mismatch_.clear();
}

}  // namespace qr
