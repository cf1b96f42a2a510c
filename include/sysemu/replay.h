// SPDX-License-Identifier: GPL-2.0-or-later
// The door: the only way by which a value of the outer world enters the machine.
//
// An InputPort<Payload> is a named, typed opening. Outer threads submit payloads to it; the VM thread
// delivers them at an instruction boundary and, in that same place, records them. In replay, what is
// submitted is dropped and the log's payloads are delivered instead, at the recorded positions. A device
// gets its input from its port and has no other way to get one.
//
//     struct SerialInput {
//         std::vector<uint8_t> data;
//         template <class V> void fields(V& v) { v("data", data); }   // schema, encoding and decoding
//     };
//     InputPort<SerialInput> rx{door, "serial0.rx", [this](SerialInput& in) { ... }};
//
// An OutputStream is the other direction: a deterministic function of the machine, hashed, not stored.
//
// Source: docs/replay-format.rst.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysemu/mailbox.h"
#include "sysemu/state.h"

namespace qr {

// Where an event is. ordinal numbers what happens at one icount (warps, jumps of virtual time, inputs).
struct Position {
    uint64_t icount = 0;
    uint32_t ordinal = 0;
    auto operator<=>(const Position&) const = default;
};

// Wire types of payload fields. Integers are LEB128 varints (kI64 zigzag), kBytes and kText are a varint
// length and the bytes.
enum class FieldType : uint8_t { kBool, kU8, kU16, kU32, kU64, kI64, kBytes, kText };

struct FieldSchema {
    std::string name;
    FieldType type;
};

struct PortSchema {
    std::string name;
    std::vector<FieldSchema> fields;
};

// --- visitors that turn Payload::fields() into a schema, bytes, and back ---
class PayloadWriter {
  public:
    void operator()(std::string_view name, bool v);
    void operator()(std::string_view name, uint8_t v);
    void operator()(std::string_view name, uint16_t v);
    void operator()(std::string_view name, uint32_t v);
    void operator()(std::string_view name, uint64_t v);
    void operator()(std::string_view name, int64_t v);
    void operator()(std::string_view name, const std::vector<uint8_t>& v);
    void operator()(std::string_view name, const std::string& v);
    std::vector<uint8_t> take() { return std::move(bytes_); }

  private:
    std::vector<uint8_t> bytes_;
};

class PayloadReader {
  public:
    explicit PayloadReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}
    void operator()(std::string_view name, bool& v);
    void operator()(std::string_view name, uint8_t& v);
    void operator()(std::string_view name, uint16_t& v);
    void operator()(std::string_view name, uint32_t& v);
    void operator()(std::string_view name, uint64_t& v);
    void operator()(std::string_view name, int64_t& v);
    void operator()(std::string_view name, std::vector<uint8_t>& v);
    void operator()(std::string_view name, std::string& v);
    // False if a field was missing, out of its type's range, or bytes are left over.
    bool complete() const { return ok_ && bytes_.empty(); }

  private:
    uint64_t varint();
    std::span<const uint8_t> bytes_;
    bool ok_ = true;
};

class SchemaWriter {
  public:
    void operator()(std::string_view name, bool) { add(name, FieldType::kBool); }
    void operator()(std::string_view name, uint8_t) { add(name, FieldType::kU8); }
    void operator()(std::string_view name, uint16_t) { add(name, FieldType::kU16); }
    void operator()(std::string_view name, uint32_t) { add(name, FieldType::kU32); }
    void operator()(std::string_view name, uint64_t) { add(name, FieldType::kU64); }
    void operator()(std::string_view name, int64_t) { add(name, FieldType::kI64); }
    void operator()(std::string_view name, const std::vector<uint8_t>&) { add(name, FieldType::kBytes); }
    void operator()(std::string_view name, const std::string&) { add(name, FieldType::kText); }
    std::vector<FieldSchema> take() { return std::move(fields_); }

  private:
    void add(std::string_view name, FieldType type) { fields_.push_back({std::string(name), type}); }
    std::vector<FieldSchema> fields_;
};

class Door;

class InputPortBase {
  public:
    virtual ~InputPortBase();
    InputPortBase(const InputPortBase&) = delete;
    InputPortBase& operator=(const InputPortBase&) = delete;

    const PortSchema& schema() const { return schema_; }
    const std::string& name() const { return schema_.name; }

    // VM thread (the door): gives a payload to the device. False if the bytes don't fit the schema.
    virtual bool deliver(std::span<const uint8_t> payload) = 0;

    // How much more the device's queue wants to take, in the port's own unit (bytes for a serial port).
    // The core sets it; the outer world may look and hold back. `on_room` is called on the VM thread when
    // it rises from zero and must only wake somebody.
    void set_room(size_t room);
    size_t room() const { return room_.load(std::memory_order_acquire); }
    void on_room(std::function<void()> wake) { wake_ = std::move(wake); }

  protected:
    InputPortBase(Door& door, PortSchema schema);
    void submit_bytes(std::vector<uint8_t> payload);
    std::optional<std::vector<uint8_t>> exchange(uint64_t icount, std::optional<std::vector<uint8_t>> live);

    Door& door_;

  private:
    PortSchema schema_;
    std::atomic<size_t> room_ = 0;
    std::function<void()> wake_;
};

template <class Payload>
class InputPort final : public InputPortBase {
  public:
    InputPort(Door& door, std::string name, std::function<void(Payload&)> handler)
        : InputPortBase(door, {std::move(name), schema_of()}), handler_(std::move(handler)) {}

    // Any thread. Takes effect at the next boundary (never, in replay).
    void submit(Payload payload) {
        PayloadWriter writer;
        payload.fields(writer);
        submit_bytes(writer.take());
    }

    bool deliver(std::span<const uint8_t> bytes) override {
        Payload payload{};
        PayloadReader reader(bytes);
        payload.fields(reader);
        if (!reader.complete()) return false;
        handler_(payload);
        return true;
    }

  private:
    static std::vector<FieldSchema> schema_of() {
        Payload payload{};
        SchemaWriter writer;
        payload.fields(writer);
        return writer.take();
    }
    std::function<void(Payload&)> handler_;
};

// The host's answer to something that the core asks for and needs at once, if there is anything to tell: the error of a
// disk request, say. It is recorded where it was asked for, which may be in the middle of an instruction; in replay
// the same question is asked at the same position, and gets what was recorded there.
template <class Payload>
class AnswerPort final : public InputPortBase {
  public:
    AnswerPort(Door& door, std::string name) : InputPortBase(door, {std::move(name), schema_of()}) {}

    // VM thread. icount: the clock's, now. live: what the host says; nothing: nothing to tell, nothing recorded.
    // Returns what the machine goes by.
    std::optional<Payload> ask(uint64_t icount, const std::optional<Payload>& live) {
        std::optional<std::vector<uint8_t>> bytes;
        if (live) {
            PayloadWriter writer;
            Payload payload = *live;
            payload.fields(writer);
            bytes = writer.take();
        }
        bytes = exchange(icount, std::move(bytes));
        if (!bytes) return std::nullopt;
        Payload payload{};
        PayloadReader reader(*bytes);
        payload.fields(reader);
        if (!reader.complete()) return std::nullopt;
        return payload;
    }

    // A recorded answer that nobody asked for.
    bool deliver(std::span<const uint8_t>) override { return false; }

  private:
    static std::vector<FieldSchema> schema_of() {
        Payload payload{};
        SchemaWriter writer;
        payload.fields(writer);
        return writer.take();
    }
};

// The outer world's end of an output stream. Called on the VM thread; must never answer the core.
class OutputSink {
  public:
    virtual ~OutputSink() = default;
    virtual void write(std::span<const uint8_t> data) = 0;
};

// A named stream of bytes that leaves the machine. Its length and running hash are state.
class OutputStream {
  public:
    OutputStream(Door& door, std::string name);
    ~OutputStream();
    OutputStream(const OutputStream&) = delete;
    OutputStream& operator=(const OutputStream&) = delete;

    void write(std::span<const uint8_t> data);
    void write(uint8_t byte) { write({&byte, 1}); }
    // null: nobody listens.
    void connect(OutputSink* sink) { sink_ = sink; }
    const std::string& name() const { return name_; }
    void state(StateVisitor& v);

  private:
    Door& door_;
    std::string name_;
    OutputSink* sink_ = nullptr;
    uint64_t length_ = 0;
    uint64_t hash_ = 0;  // h = hash64(byte, h), the same for any split into writes
    uint64_t shown_ = 0;  // how much of it the sink got. Not state
};

// What the log is to the door. Implemented in replay/; the door itself knows no file.
class EventSink {
  public:
    virtual ~EventSink() = default;
    virtual void record(Position position, uint32_t port, std::span<const uint8_t> payload) = 0;
};

class EventSource {
  public:
    virtual ~EventSource() = default;
    struct Event {
        Position position;
        uint32_t port = 0;
        std::span<const uint8_t> payload;  // valid until pop()
    };
    // The next event, or null at the log's end.
    virtual const Event* peek() = 0;
    virtual void pop() = 0;
};

class Door {
  public:
    explicit Door(Mailbox& mailbox) : mailbox_(mailbox) {}

    Mailbox& mailbox() { return mailbox_; }

    // At most one of these, before the machine runs. Neither: inputs are delivered and not recorded.
    void record_to(EventSink& sink) { sink_ = &sink; }
    void replay_from(EventSource& source) {
        source_ = &source;
        drop_.store(true, std::memory_order_release);
    }
    bool recording() const { return sink_; }
    bool replaying() const { return source_; }
    // Replay becomes a live machine from here on (or a recording stops).
    void detach() {
        sink_ = nullptr;
        source_ = nullptr;
        drop_.store(false, std::memory_order_release);
    }

    // What brings the machine up to date before anything enters, recorded or replayed, and before a digest:
    // VirtualClock::run_expired. Being called from one place for both, it fixes the order of timers and
    // inputs that meet at one position.
    void settle_by(std::function<void()> settle) { settle_ = std::move(settle); }
    void settle() {
        if (settle_) settle_();
    }

    // --- VM thread, at a boundary ---
    // The run loop tells where the machine is before it lets anything in.
    void set_icount(uint64_t icount) {
        if (icount != position_.icount) position_ = {icount, 0};
    }
    Position position() const { return position_; }
    // Virtual time jumped without an input (sleep=off): later events at this icount are after it.
    void bump() { ++position_.ordinal; }

    // Live: delivers a payload here and now, and records it.
    void enter(InputPortBase& port, std::span<const uint8_t> payload);

    // Replay: how far the CPU may run before deliver_next() must be asked again; UINT64_MAX when no event is
    // left. An event at the present icount but of a later ordinal waits for a jump of virtual time; if the
    // CPU runs instead, the answer is the next icount, where the event will be found missed.
    uint64_t next_icount() const;
    // Replay: delivers the next event if it belongs at exactly this position. The run loop runs expired
    // timers before each call and calls until false.
    bool deliver_next();
    // Replay: what is wrong, if an event lay behind us, named no port or did not decode. Empty: nothing.
    const std::string& mismatch() const { return mismatch_; }
    // Replay: the core found that it isn't as it was recorded, or can't go on. Keeps the first.
    void refuse(std::string why) {
        if (mismatch_.empty()) mismatch_ = std::move(why);
    }

    const std::vector<InputPortBase*>& ports() const { return ports_; }
    const std::vector<OutputStream*>& outputs() const { return outputs_; }
    // Maps the log's port numbers to this machine's ports by name. False: *missing names one that is unknown
    // or has another schema.
    bool bind(const std::vector<PortSchema>& recorded, std::string* missing);

    // Position and output hashes.
    void state(StateVisitor& v);

  private:
    friend class InputPortBase;
    friend class OutputStream;

    Mailbox& mailbox_;
    EventSink* sink_ = nullptr;
    EventSource* source_ = nullptr;
    Position position_;
    std::vector<InputPortBase*> ports_;
    std::vector<OutputStream*> outputs_;
    std::vector<InputPortBase*> by_number_;
    std::string mismatch_;
    std::function<void()> settle_;
    std::atomic<bool> drop_ = false;  // what is submitted is dropped; read by any thread
};

}  // namespace qr
