// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a command is: one row for HMP, QMP or both. The rows are in commands.cc. Source: none (docs/monitor.rst).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "monitor/target.h"

namespace qr {

class Monitor;

// x/4xw: how many, in which form, how many bytes each. What isn't given is as it was the last time.
struct DumpFormat {
    int64_t count = 1;
    char form = 'x';
    unsigned size = 4;
};

// A command line, taken apart by the row's description.
class HmpArgs {
  public:
    struct Value {
        std::string name;
        std::string text;
        int64_t number = 0;
    };
    bool has(std::string_view name) const { return find(name); }
    std::string text(std::string_view name) const;
    int64_t number(std::string_view name, int64_t otherwise = 0) const;
    DumpFormat format;

    void add(Value value) { values_.push_back(std::move(value)); }

  private:
    const Value* find(std::string_view name) const;
    std::vector<Value> values_;
};

// Where a handler runs. A command that looks at the machine, or steers it, runs on the VM thread between two
// instructions.
enum class Where : uint8_t { kIo, kVm };

// What a command line answers. secret: it asks for a password first, which isn't shown; gives the rest of the answer.
struct HmpAnswer {
    std::string text;
    std::function<std::string(const std::string& password)> secret{};
};

struct HmpCall {
    Monitor& monitor;
    MonitorTarget& target;
    const HmpArgs& args;
    std::string out{};  // ends with a newline, or is empty
    // Lines typed so far; empty if it wasn't typed.
    std::span<const std::string> history{};
    std::function<std::string(const std::string& password)> secret{};  // see HmpAnswer; on the I/O thread

    template <class... T>
    void print(fmt::format_string<T...> format, T&&... values) {
        out += fmt::format(format, std::forward<T>(values)...);
    }
    void fail(const Error& error) { out += "Error: " + error.message + "\n"; }
};
using HmpHandler = void (*)(HmpCall& call);

struct QmpCall;  // qmp_call.h, which has the JSON
using QmpHandler = void (*)(QmpCall& call);

enum class Effect : uint8_t {
    kLooks,    // nothing can tell that it was there
    kSteers,   // the run: stop and go. The guest doesn't notice
    kChanges,  // an input of the machine: recorded, and refused in replay
};

// How a word is completed.
enum class Complete : uint8_t { kNothing, kCommand, kInfo, kKey, kFile };

struct Command {
    // HMP: "stop|s", "change vnc" (which goes before "change"); empty: QMP alone.
    std::string_view name;
    // "NAME:KIND" by blanks, "?" for an optional one, "-x" for a flag, "-x:KIND" for one with a value. Kinds: format, addr (64 bits), int (32), word,
    // file, rest (of the line), onoff.
    std::string_view args;
    std::string_view params;  // as help shows them
    std::string_view help;
    Where where = Where::kIo;
    Effect effect = Effect::kLooks;
    HmpHandler hmp = nullptr;
    Complete complete = Complete::kNothing;
    // QMP: empty if it is HMP's alone. Arguments as above; kinds: int, str, bool, any, or a type of qmp_schema.cc in
    // brackets for a list of them.
    std::string_view qmp_name{};
    std::string_view qmp_args{};
    QmpHandler qmp = nullptr;
};

std::span<const Command> monitor_commands();
std::span<const Command> info_commands();
// By one of its names. null: there is none.
const Command* find_command(std::span<const Command> table, std::string_view name);
const Command* find_qmp_command(std::string_view name);
// "stop|s" -> "stop"
std::string_view first_name(const Command& command);

// One description out of `args`, which loses it. False: there is none left.
struct ArgSpec {
    std::string_view name, kind;
    bool optional = false;
    bool flag = false;
};
bool next_arg(std::string_view& args, ArgSpec& spec);

// Errors are whole lines. cpu: for $registers, null on the I/O thread. format: what x and print used last.
Result<HmpArgs> parse_hmp_args(const Command& command, std::string_view line, const i386::Cpu* cpu, DumpFormat& format);

}  // namespace qr
