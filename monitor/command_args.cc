// SPDX-License-Identifier: GPL-2.0-or-later
//
// HMP's command lines, taken apart. Messages are those that people know.
#include "monitor/command.h"

#include <cctype>

#include "monitor/expression.h"

namespace qr {

namespace {

void skip(std::string_view& text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0]))) text.remove_prefix(1);
}

// A word, or a text in double quotes with \n \r \\ \' \" in it. False: it is empty or has no end.
Result<std::string> take_word(std::string_view& text) {
    skip(text);
    std::string word;
    if (text.empty() || text[0] != '"') {
        while (!text.empty() && !std::isspace(static_cast<unsigned char>(text[0]))) {
            word += text[0];
            text.remove_prefix(1);
        }
        return word;
    }
    text.remove_prefix(1);
    while (!text.empty() && text[0] != '"') {
        char c = text[0];
        text.remove_prefix(1);
        if (c == '\\' && !text.empty()) {
            c = text[0];
            text.remove_prefix(1);
            if (c == 'n') c = '\n';
            else if (c == 'r') c = '\r';
            else if (c != '\\' && c != '\'' && c != '"') return Error{fmt::format("unsupported escape code: '\\{}'", c)};
        }
        word += c;
    }
    if (text.empty()) return Error{"unterminated string"};
    text.remove_prefix(1);
    return word;
}

// "/4xw", if it is there.
Result<void> take_format(std::string_view& text, DumpFormat& format) {
    format.count = 1;
    skip(text);
    if (!text.empty() && text[0] == '/') {
        text.remove_prefix(1);
        if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0]))) {
            format.count = 0;
            while (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0]))) {
                format.count = std::min<int64_t>(format.count * 10 + (text[0] - '0'), 1 << 24);
                text.remove_prefix(1);
            }
        }
        while (!text.empty() && !std::isspace(static_cast<unsigned char>(text[0]))) {
            const char c = text[0];
            switch (c) {
                case 'o': case 'd': case 'u': case 'x': case 'i': case 'c': format.form = c; break;
                case 'b': format.size = 1; break;
                case 'h': format.size = 2; break;
                case 'w': format.size = 4; break;
                case 'g': format.size = 8; break;
                default: return Error{fmt::format("invalid char in format: '{}'", c)};
            }
            text.remove_prefix(1);
        }
    }
    return {};
}

}  // namespace

const HmpArgs::Value* HmpArgs::find(std::string_view name) const {
    for (const Value& value : values_)
        if (value.name == name) return &value;
    return nullptr;
}

std::string HmpArgs::text(std::string_view name) const {
    const Value* value = find(name);
    return value ? value->text : std::string();
}

int64_t HmpArgs::number(std::string_view name, int64_t otherwise) const {
    const Value* value = find(name);
    return value ? value->number : otherwise;
}

bool next_arg(std::string_view& args, ArgSpec& spec) {
    skip(args);
    if (args.empty()) return false;
    std::string_view word = args.substr(0, args.find(' '));
    args.remove_prefix(word.size());
    spec = {};
    if (word.ends_with('?')) {
        spec.optional = true;
        word.remove_suffix(1);
    }
    if (word.starts_with('-')) {
        spec.flag = true;
    }
    const size_t colon = word.find(':');
    spec.name = word.substr(0, colon);
    if (colon != word.npos) spec.kind = word.substr(colon + 1);
    return true;
}

Result<HmpArgs> parse_hmp_args(const Command& command, std::string_view line, const i386::Cpu* cpu,
                               DumpFormat& format) {
    HmpArgs args;
    ArgSpec spec;
    for (std::string_view rest = command.args; next_arg(rest, spec);) {
        skip(line);
        HmpArgs::Value value{std::string(spec.name), {}, 0};
        if (spec.flag) {
            const std::string_view word = line.substr(0, line.find(' '));
            if (word != spec.name) continue;
            line.remove_prefix(word.size());
            if (spec.kind.empty()) {
                args.add(std::move(value));
                continue;
            }
            spec.optional = false;
        }
        if (spec.kind == "format") {
            if (const auto taken = take_format(line, format); !taken) return taken.error();
            args.format = format;
            continue;
        }
        if (spec.optional && line.empty()) continue;
        if (spec.kind == "rest") {
            if (line.empty()) return Error{fmt::format("{}: string expected", first_name(command))};
            value.text = line;
            line = {};
        } else if (spec.kind == "word" || spec.kind == "file" || spec.kind == "onoff") {
            const auto word = take_word(line);
            if (!word) return word.error();
            if (word->empty()) {
                if (spec.kind == "onoff") return Error{"Expected 'on' or 'off'"};
                return Error{fmt::format("{}: {} expected", first_name(command),
                                         spec.kind == "file" ? "filename" : "string")};
            }
            if (spec.kind == "onoff" && *word != "on" && *word != "off") return Error{"Expected 'on' or 'off'"};
            value.text = *word;
            value.number = *word == "on";
        } else {
            if (spec.optional && line[0] == '.') {
                line.remove_prefix(1);  // i/o: a dot may stand before the index
            }
            const auto number = evaluate(line, cpu);
            if (!number) return number.error();
            value.number = *number;
            const auto high = static_cast<uint64_t>(*number) >> 32;
            if (spec.kind == "int" && high && high != 0xffffffff)
                return Error{fmt::format("'{}' has failed: integer is for 32-bit values", first_name(command))};
            if (spec.kind == "int") value.number = static_cast<int32_t>(*number);
        }
        args.add(std::move(value));
    }
    skip(line);
    if (!line.empty())
        return Error{fmt::format("{}: extraneous characters at the end of line", command.name)};
    return args;
}

}  // namespace qr
