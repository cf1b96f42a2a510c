// SPDX-License-Identifier: GPL-2.0-or-later
// The state visitors: dump, list, load, compare; see replay/state_dump.h.
// Source: docs/replay-format.rst, "State dumps".
#include "replay/state_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "replay/log_format.h"
#include "replay/varint.h"
#include "util/bits.h"

namespace qr {

namespace {

// The first byte of a token in `shape`. All but kLeave are followed by a name, kBlob by its size
// too.
enum Token : uint8_t {
    kLeave = 0,
    kEnter = 1,
    kNumber8 = 2,
    kNumber16,
    kNumber32,
    kNumber64,
    kBlob
};
constexpr unsigned kMaxDepth = 64;
constexpr size_t kMaxPath = 1024;
constexpr size_t kMaxAllPaths = 128 << 20;  // list_fields(): what a hostile dump may make us hold

constexpr uint8_t token_of_width(unsigned width) {
    return width == 1 ? kNumber8 : width == 2 ? kNumber16 : width == 4 ? kNumber32 : kNumber64;
}

class Dumper final : public StateVisitor {
  public:
    explicit Dumper(StateDump& dump, bool saving = false) : dump_(dump), saving_(saving) {
        dump.shape.clear();
        dump.values.clear();
    }
    bool loading() const override { return false; }
    bool saving() const override { return saving_; }
    void scalar(std::string_view name, uint64_t& value, unsigned width) override {
        token(token_of_width(width), name);
        put(&value, width);
    }
    void blob(std::string_view name, std::span<uint8_t> bytes) override {
        token(kBlob, name);
        put_varint(dump_.shape, bytes.size());
        put(bytes.data(), bytes.size());
    }
    void enter(std::string_view name) override { token(kEnter, name); }
    void leave() override { dump_.shape.push_back(kLeave); }
    void fail(std::string_view) override {}

  private:
    void token(uint8_t what, std::string_view name) {
        dump_.shape.push_back(what);
        put_bytes(dump_.shape, as_bytes(name));
    }
    void put(const void* from, size_t size) {
        const auto* bytes = static_cast<const uint8_t*>(from);
        dump_.values.insert(dump_.values.end(), bytes, bytes + size);
    }
    StateDump& dump_;
    const bool saving_;
};

void append_name(std::string& path, std::string_view name) {
    if (!path.empty()) path += '.';
    path += name;
}

// Goes through the tokens of a dump from anywhere.
class Walker {
  public:
    explicit Walker(const StateDump& dump) : shape_(dump.shape), values_(dump.values) {}

    // False at the end of the dump, or where it is wrong (then !ok()).
    bool next(StateField& field) {
        while (!shape_.at_end()) {
            const auto what = shape_.little_endian(1);
            if (what == kLeave) {
                if (starts_.empty()) return wrong();
                path_.resize(starts_.back());
                starts_.pop_back();
                continue;
            }
            const std::string_view name = shape_.text();
            if (!shape_.ok() || what > kBlob) return wrong();
            const size_t before = path_.size();
            if (before + name.size() > kMaxPath) return wrong();
            append_name(path_, name);
            if (what == kEnter) {
                if (starts_.size() == kMaxDepth) return wrong();
                starts_.push_back(before);
                continue;
            }
            field.width = what == kBlob ? 0 : 1u << (what - kNumber8);
            field.value = values_.take(what == kBlob ? shape_.varint() : field.width);
            if (!shape_.ok() || !values_.ok()) return wrong();
            field.path = path_;
            path_.resize(before);
            return true;
        }
        if (!starts_.empty() || !values_.at_end()) return wrong();
        return false;
    }
    bool ok() const { return ok_; }

  private:
    bool wrong() {
        ok_ = false;
        return false;
    }
    ByteReader shape_;
    ByteReader values_;
    std::string path_;
    std::vector<size_t> starts_;  // lengths of path_ to go back to
    bool ok_ = true;
};

// Fields come in the order in which they were dumped, almost always: the next one is looked at
// first, and only if it is another one are all of them looked up by path.
class Loader final : public StateVisitor {
  public:
    Loader(const std::vector<StateField>& fields, uint32_t version,
           std::span<const StateChange> changes)
        : fields_(fields), used_(fields.size()), version_(version), changes_(changes) {}

    bool loading() const override { return true; }
    void scalar(std::string_view name, uint64_t& value, unsigned width) override {
        const StateField* field = find(name);
        if (!field) {
            if (change_) value = change_->value;
            return;
        }
        if (field->width != width)
            return keep(
                fmt::format("field '{}' has {} bytes in the snapshot and {} in this machine",
                            field->path, field->value.size(), width));
        value = 0;
        std::ranges::copy(field->value, reinterpret_cast<uint8_t*>(&value));
    }
    void blob(std::string_view name, std::span<uint8_t> bytes) override {
        const StateField* field = find(name);
        if (!field) {
            if (change_) std::ranges::fill(bytes, uint8_t{0});
            return;
        }
        if (field->width || field->value.size() != bytes.size())
            return keep(
                fmt::format("field '{}' has {} bytes in the snapshot and {} in this machine",
                            field->path, field->value.size(), bytes.size()));
        std::ranges::copy(field->value, bytes.data());
    }
    void enter(std::string_view name) override {
        starts_.push_back(path_.size());
        append_name(path_, name);
    }
    void leave() override {
        path_.resize(starts_.back());
        starts_.pop_back();
    }
    void fail(std::string_view why) override {
        keep(path_.empty() ? std::string(why) : fmt::format("{}.{}", path_, why));
    }

    Result<void> finish() {
        for (size_t i = 0; i < fields_.size() && error_.empty(); ++i)
            if (!used_[i] && !find_state_change(changes_, version_, false, fields_[i].path))
                keep(fmt::format("the snapshot has a field '{}', which this machine has not",
                                 fields_[i].path));
        if (!error_.empty()) return Error{error_};
        return {};
    }

  private:
    const StateField* find(std::string_view name) {
        const size_t before = path_.size();
        append_name(path_, name);
        size_t index = next_;
        if (index >= fields_.size() || fields_[index].path != path_) {
            if (by_path_.empty())
                for (size_t i = 0; i < fields_.size(); ++i)
                    by_path_.try_emplace(fields_[i].path, i);
            const auto at = by_path_.find(path_);
            index = at == by_path_.end() ? fields_.size() : at->second;
        }
        if (index == fields_.size()) {
            change_ = find_state_change(changes_, version_, true, path_);
            if (!change_) keep(fmt::format("the snapshot has no field '{}'", path_));
        }
        path_.resize(before);
        if (index == fields_.size()) return nullptr;
        used_[index] = true;
        next_ = index + 1;
        return &fields_[index];
    }
    void keep(std::string why) {
        if (error_.empty()) error_ = std::move(why);
    }

    const std::vector<StateField>& fields_;
    std::vector<bool> used_;
    const uint32_t version_;
    const std::span<const StateChange> changes_;
    const StateChange* change_ = nullptr;  // why the field that was looked for last isn't there
    size_t next_ = 0;
    std::unordered_map<std::string_view, size_t> by_path_;
    std::string path_;
    std::vector<size_t> starts_;
    std::string error_;
};

}  // namespace

uint64_t StateDump::hash() const { return hash64(values, hash64(shape)); }

void dump_state(const StateFunction& state, StateDump& dump) {
    Dumper dumper(dump);
    state(dumper);
}

StateDump dump_state(const StateFunction& state) {
    StateDump dump;
    dump_state(state, dump);
    return dump;
}

StateDump dump_whole_state(const StateFunction& state) {
    StateDump dump;
    Dumper dumper(dump, true);
    state(dumper);
    return dump;
}

Result<std::vector<StateField>> list_fields(const StateDump& dump) {
    std::vector<StateField> fields;
    Walker walker(dump);
    StateField field;
    size_t held = 0;
    bool too_much = false;
    while (!too_much && walker.next(field)) {
        held += field.path.size() + sizeof field;
        too_much = held > kMaxAllPaths;
        fields.push_back(field);
    }
    if (!walker.ok() || too_much)
        return Error{fmt::format("the state is damaged behind its field {}{}", fields.size(),
                                 fields.empty() ? "" : fmt::format(", '{}'", fields.back().path))};
    return fields;
}

std::vector<std::string> duplicate_paths(const StateDump& dump) {
    std::vector<std::string> twice;
    std::set<std::string> seen;
    Walker walker(dump);
    StateField field;
    while (walker.next(field))
        if (!seen.insert(field.path).second) twice.push_back(field.path);
    return twice;
}

Result<void> load_state(const StateFunction& state, const StateDump& dump, uint32_t version,
                        std::span<const StateChange> changes) {
    const auto fields = list_fields(dump);
    if (!fields) return fields.error();
    Loader loader(*fields, version, changes);
    state(loader);
    return loader.finish();
}

// ---- comparing ----

namespace {

// The number, or of a run of bytes the one at `at`.
std::string show(const StateField& field, size_t at) {
    if (!field.width) {
        if (field.value.empty()) return "empty";
        return at < field.value.size() ? fmt::format("{:#04x}", field.value[at])
                                       : fmt::format("ends after {} bytes", field.value.size());
    }
    uint64_t value = 0;
    std::ranges::copy(field.value, reinterpret_cast<uint8_t*>(&value));
    return fmt::format("{:#x}", value);
}

FieldDifference difference(const StateField& recorded, const StateField& replayed) {
    if (recorded.width || replayed.width)
        return {recorded.path, show(recorded, 0), show(replayed, 0)};
    const auto [a, b] = std::ranges::mismatch(recorded.value, replayed.value);
    const auto at = static_cast<size_t>(a - recorded.value.begin());
    static_cast<void>(b);
    return {fmt::format("{}[{:#x}]", recorded.path, at), show(recorded, at), show(replayed, at)};
}

bool same(const StateField& a, const StateField& b) {
    return a.width == b.width && std::ranges::equal(a.value, b.value);
}

std::string whole(const StateField& field) {
    return field.width ? show(field, 0) : fmt::format("{} bytes", field.value.size());
}

}  // namespace

std::vector<FieldDifference> compare_dumps(const StateDump& recorded, const StateDump& replayed,
                                           size_t limit) {
    std::vector<FieldDifference> found;
    if (recorded == replayed) return found;
    StateField a, b;
    Walker walk_a(recorded), walk_b(replayed);
    if (recorded.shape == replayed.shape) {
        while (found.size() < limit && walk_a.next(a) && walk_b.next(b))
            if (!same(a, b)) found.push_back(difference(a, b));
        return found;
    }
    std::unordered_map<std::string, StateField> others;
    while (walk_b.next(b)) others.try_emplace(b.path, b);
    while (found.size() < limit && walk_a.next(a)) {
        const auto at = others.find(a.path);
        if (at == others.end()) {
            found.push_back({a.path, whole(a), std::string(kAbsent)});
            continue;
        }
        if (!same(a, at->second)) found.push_back(difference(a, at->second));
        others.erase(at);
    }
    Walker again(replayed);
    while (found.size() < limit && again.next(b))
        if (others.contains(b.path)) found.push_back({b.path, std::string(kAbsent), whole(b)});
    return found;
}

std::string describe(const FieldDifference& d) {
    return fmt::format("{}: recorded {}, replayed {}", d.path, d.recorded, d.replayed);
}

}  // namespace qr
