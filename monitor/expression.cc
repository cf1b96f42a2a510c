// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/expression.h"

#include <cctype>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

namespace qr {

namespace {

using i386::Cpu;

struct Register {
    std::string_view name;
    int32_t (*read)(const Cpu& cpu);
};

template <unsigned kN>
int32_t gpr(const Cpu& cpu) {
    return static_cast<int32_t>(cpu.gpr[kN]);
}
template <unsigned kN>
int32_t selector(const Cpu& cpu) {
    return cpu.seg[kN].selector;
}
template <unsigned kN>
int32_t base(const Cpu& cpu) {
    return static_cast<int32_t>(cpu.seg[kN].base);
}
template <unsigned kN>
int32_t limit(const Cpu& cpu) {
    return static_cast<int32_t>(cpu.seg[kN].limit);
}

constexpr Register kRegisters[] = {
    {"eax", gpr<i386::kEax>}, {"ecx", gpr<i386::kEcx>}, {"edx", gpr<i386::kEdx>}, {"ebx", gpr<i386::kEbx>},
    {"esp", gpr<i386::kEsp>}, {"sp", gpr<i386::kEsp>},  {"ebp", gpr<i386::kEbp>}, {"fp", gpr<i386::kEbp>},
    {"esi", gpr<i386::kEsi>}, {"edi", gpr<i386::kEdi>},
    {"eflags", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.get_eflags()); }},
    {"eip", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.eip); }},
    {"pc", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.program_counter()); }},
    {"cr0", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.cr0); }},
    {"cr2", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.cr2); }},
    {"cr3", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.cr3); }},
    {"cr4", [](const Cpu& cpu) { return static_cast<int32_t>(cpu.cr4); }},
    {"cs", selector<i386::kCs>}, {"cs.base", base<i386::kCs>}, {"cs.limit", limit<i386::kCs>},
    {"ss", selector<i386::kSs>}, {"ss.base", base<i386::kSs>}, {"ss.limit", limit<i386::kSs>},
    {"ds", selector<i386::kDs>}, {"ds.base", base<i386::kDs>}, {"ds.limit", limit<i386::kDs>},
    {"es", selector<i386::kEs>}, {"es.base", base<i386::kEs>}, {"es.limit", limit<i386::kEs>},
    {"fs", selector<i386::kFs>}, {"fs.base", base<i386::kFs>}, {"fs.limit", limit<i386::kFs>},
    {"gs", selector<i386::kGs>}, {"gs.base", base<i386::kGs>}, {"gs.limit", limit<i386::kGs>},
};

constexpr int kDeepest = 64;  // parentheses and signs within each other

class Parser {
  public:
    Parser(std::string_view& text, const Cpu* cpu) : text_(text), cpu_(cpu) {}

    Result<int64_t> sum() {
        return chain("+-", [this] { return logic(); });
    }

  private:
    Result<int64_t> logic() {
        return chain("&|^", [this] { return product(); });
    }
    Result<int64_t> product() {
        return chain("*/%", [this] { return unary(); });
    }

    template <class Next>
    Result<int64_t> chain(std::string_view operators, Next next) {
        Result<int64_t> left = next();
        while (left && !text_.empty() && operators.find(text_[0]) != operators.npos) {
            const char op = take();
            const Result<int64_t> right = next();
            if (!right) return right;
            left = apply(op, static_cast<uint64_t>(*left), static_cast<uint64_t>(*right));
        }
        return left;
    }

    static Result<int64_t> apply(char op, uint64_t a, uint64_t b) {
        switch (op) {
            case '+': return static_cast<int64_t>(a + b);
            case '-': return static_cast<int64_t>(a - b);
            case '&': return static_cast<int64_t>(a & b);
            case '|': return static_cast<int64_t>(a | b);
            case '^': return static_cast<int64_t>(a ^ b);
            case '*': return static_cast<int64_t>(a * b);
            default: break;
        }
        if (!b) return Error{"division by zero"};
        // The one quotient that has no value wraps.
        if (b == ~uint64_t{0}) return static_cast<int64_t>(op == '/' ? 0 - a : 0);
        const auto x = static_cast<int64_t>(a), y = static_cast<int64_t>(b);
        return op == '/' ? x / y : x % y;
    }

    Result<int64_t> unary() {
        if (text_.empty()) return Error{"unexpected end of expression"};
        if (++depth_ > kDeepest) return Error{"the expression is nested too deeply"};
        const Result<int64_t> value = unary_inside();
        --depth_;
        return value;
    }

    Result<int64_t> unary_inside() {
        const char c = text_[0];
        if (c == '+' || c == '-' || c == '~') {
            take();
            const Result<int64_t> value = unary();
            if (!value || c == '+') return value;
            return static_cast<int64_t>(c == '-' ? 0 - static_cast<uint64_t>(*value) : ~static_cast<uint64_t>(*value));
        }
        if (c == '(') {
            take();
            const Result<int64_t> value = sum();
            if (!value) return value;
            if (text_.empty() || text_[0] != ')') return Error{"')' expected"};
            take();
            return value;
        }
        if (c == '\'') return character();
        if (c == '$') return from_register();
        return number();
    }

    Result<int64_t> character() {
        text_.remove_prefix(1);
        if (text_.empty()) return Error{"character constant expected"};
        const auto value = static_cast<unsigned char>(text_[0]);
        text_.remove_prefix(1);
        if (text_.empty() || text_[0] != '\'') return Error{"missing terminating ' character"};
        take();
        return int64_t{value};
    }

    Result<int64_t> from_register() {
        text_.remove_prefix(1);
        size_t n = 0;
        while (n < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[n])) || text_[n] == '_' || text_[n] == '.'))
            ++n;
        const std::string_view name = text_.substr(0, n);
        text_.remove_prefix(n);
        skip();
        for (const Register& r : kRegisters) {
            if (r.name != name) continue;
            if (!cpu_) return Error{"no CPU defined"};
            return int64_t{r.read(*cpu_)};
        }
        return Error{"unknown register"};
    }

    Result<int64_t> number() {
        const std::string digits(text_.substr(0, std::min<size_t>(text_.size(), 64)));
        char* end = nullptr;
        errno = 0;
        const auto value = std::isdigit(static_cast<unsigned char>(digits[0]))
                               ? static_cast<int64_t>(std::strtoull(digits.c_str(), &end, 0))
                               : 0;
        if (!end || end == digits.c_str())
            return Error{fmt::format("invalid char '{}' in expression", text_[0])};
        if (errno == ERANGE) return Error{"number too large"};
        text_.remove_prefix(static_cast<size_t>(end - digits.c_str()));
        skip();
        return value;
    }

    char take() {
        const char c = text_[0];
        text_.remove_prefix(1);
        skip();
        return c;
    }
    void skip() {
        while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_[0]))) text_.remove_prefix(1);
    }

    std::string_view& text_;
    const Cpu* cpu_;
    int depth_ = 0;
};

}  // namespace

Result<int64_t> evaluate(std::string_view& text, const i386::Cpu* cpu) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0]))) text.remove_prefix(1);
    return Parser(text, cpu).sum();
}

}  // namespace qr
