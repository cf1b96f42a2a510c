// SPDX-License-Identifier: GPL-2.0-or-later
//
// The CPU models and what `-cpu` may change in them. Names, signatures and feature sets are those that
// QEMU shows its users. Source: Intel SDM 2A, CPUID; output of `query-cpu-model-expansion`.
#include "target/i386/cpu_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qr::i386 {

namespace {

struct FeatureName {
    std::string_view name;
    Feature feature;
};
constexpr FeatureName kFeatureNames[] = {
    {"fpu", Feature::kFpu},         {"de", Feature::kDe},       {"pse", Feature::kPse},
    {"tsc", Feature::kTsc},         {"msr", Feature::kMsr},     {"pae", Feature::kPae},
    {"mce", Feature::kMce},         {"cx8", Feature::kCx8},     {"apic", Feature::kApic},
    {"sep", Feature::kSep},         {"mtrr", Feature::kMtrr},   {"pge", Feature::kPge},
    {"mca", Feature::kMca},         {"cmov", Feature::kCmov},   {"pat", Feature::kPat},
    {"pse36", Feature::kPse36},     {"clflush", Feature::kClflush}, {"mmx", Feature::kMmx},
    {"fxsr", Feature::kFxsr},       {"sse", Feature::kSse},     {"sse2", Feature::kSse2},
    {"sse3", Feature::kSse3},       {"pni", Feature::kSse3},    {"nx", Feature::kNx},
    {"xd", Feature::kNx},           {"hypervisor", Feature::kHypervisor},
};

// Options of QEMU's CPUs that change nothing here.
constexpr std::string_view kIgnoredFlags[] = {"check", "enforce", "migratable", "kvm", "l3-cache"};

void set(CpuModel& model, Feature feature, bool on) {
    const auto n = static_cast<unsigned>(feature);
    const uint64_t mask = uint64_t{1} << (n % 64);
    if (on)
        model.features[n / 64] |= mask;
    else
        model.features[n / 64] &= ~mask;
}

constexpr uint32_t signature(unsigned family, unsigned model, unsigned stepping) {
    const unsigned low = std::min(family, 15u);
    return (family - low) << 20 | (model >> 4) << 16 | low << 8 | (model & 15) << 4 | stepping;
}

CpuModel make(std::string_view name, uint32_t signature, uint32_t level,
              std::initializer_list<Feature> features) {
    CpuModel m;
    m.name = name;
    m.vendor = "GenuineIntel";
    m.signature = signature;
    m.level = level;
    for (const Feature f : features) set(m, f, true);
    set(m, Feature::kHypervisor, true);
    return m;
}

void add(CpuModel& m, std::initializer_list<Feature> features) {
    for (const Feature f : features) set(m, f, true);
}

std::vector<CpuModel> all_models() {
    using F = Feature;
    std::vector<CpuModel> models;
    CpuModel m = make("486", signature(4, 8, 0), 1, {F::kFpu, F::kPse});
    models.push_back(m);

    m = make("pentium", signature(5, 4, 3), 1,
             {F::kFpu, F::kDe, F::kPse, F::kTsc, F::kMsr, F::kMce, F::kCx8, F::kApic, F::kMmx});
    models.push_back(m);

    m.name = "pentium2";
    m.signature = signature(6, 5, 2);
    m.level = 2;
    add(m, {F::kPae, F::kSep, F::kMtrr, F::kPge, F::kMca, F::kCmov, F::kPat, F::kPse36, F::kFxsr});
    models.push_back(m);

    m.name = "pentium3";
    m.signature = signature(6, 7, 3);
    m.level = 3;
    add(m, {F::kSse});
    models.push_back(m);

    m = make("qemu32", signature(6, 6, 3), 4,
             {F::kFpu, F::kDe, F::kPse, F::kTsc, F::kMsr, F::kMce, F::kCx8, F::kPge, F::kCmov, F::kPat,
              F::kFxsr, F::kMmx, F::kSse, F::kSse2, F::kPae, F::kSep, F::kApic, F::kSse3});
    m.brand = "QEMU Virtual CPU version 2.5+";
    m.extended_level = 0x80000004;
    models.push_back(m);

    m.name = "max";
    m.brand = "QEMU TCG CPU version 2.5+";
    m.level = 7;
    m.extended_level = 0x80000008;
    add(m, {F::kPse36, F::kMtrr, F::kMca, F::kClflush, F::kNx});
    models.push_back(m);
    return models;
}

std::optional<Feature> feature_by_name(std::string name) {
    std::replace(name.begin(), name.end(), '_', '-');
    for (const auto& [n, feature] : kFeatureNames)
        if (n == name) return feature;
    return std::nullopt;
}

std::optional<uint64_t> number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    uint64_t scale = 1;
    if (!text.empty() && base == 10) {
        const char unit = text.back();
        scale = unit == 'G' ? 1'000'000'000 : unit == 'M' ? 1'000'000 : unit == 'K' || unit == 'k' ? 1000 : 1;
        if (scale != 1) text.remove_suffix(1);
    }
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value > ~uint64_t{0} / scale) return std::nullopt;
    return value * scale;
}

// family=, model=, stepping=, level=, xlevel=, tsc-frequency=
Result<bool> set_number(CpuModel& m, std::string_view key, std::string_view text) {
    struct Range {
        std::string_view key;
        uint64_t least, most;
    };
    constexpr Range kRanges[] = {{"family", 4, 15},       {"model", 0, 255},
                                 {"stepping", 0, 15},     {"level", 1, 7},
                                 {"xlevel", 0, 0x80000008}, {"tsc-frequency", 1'000'000, 100'000'000'000}};
    const auto range = std::find_if(std::begin(kRanges), std::end(kRanges),
                                    [&](const Range& r) { return r.key == key; });
    if (range == std::end(kRanges)) return false;
    const auto value = number(text);
    if (!value || *value < range->least || *value > range->most) {
        return Error{fmt::format("-cpu {}: '{}={}' must be a number from {} to {}", m.name, key, text,
                                 range->least, range->most)};
    }
    const auto n = static_cast<uint32_t>(*value);
    const unsigned family = (m.signature >> 8) & 15, stepping = m.signature & 15;
    const unsigned model = ((m.signature >> 4) & 15) | ((m.signature >> 12) & 0xf0);
    if (key == "family") m.signature = signature(n, model, stepping);
    else if (key == "model") m.signature = signature(family, n, stepping);
    else if (key == "stepping") m.signature = signature(family, model, n);
    else if (key == "level") m.level = n;
    else if (key == "xlevel") m.extended_level = n;
    else m.tsc_hz = *value;
    return true;
}

Result<void> set_property(CpuModel& m, std::string_view key, std::string_view text) {
    const Result<bool> numeric = set_number(m, key, text);
    if (!numeric) return numeric.error();
    if (*numeric) return {};
    if (key == "vendor") {
        if (text.size() != 12)
            return Error{fmt::format("-cpu {}: 'vendor={}' must have 12 characters", m.name, text)};
        m.vendor = text;
        return {};
    }
    if (key == "model-id") {
        if (text.size() > 47)
            return Error{fmt::format("-cpu {}: 'model-id' must have at most 47 characters", m.name)};
        m.brand = text;
        return {};
    }
    const bool ignored = std::find(std::begin(kIgnoredFlags), std::end(kIgnoredFlags), key) !=
                         std::end(kIgnoredFlags);
    const auto feature = feature_by_name(std::string(key));
    if (!feature && !ignored) {
        return Error{fmt::format("-cpu {}: there is no feature or property '{}'; features are {}; properties "
                                 "are family, model, stepping, level, xlevel, vendor, model-id, "
                                 "tsc-frequency",
                                 m.name, key, fmt::join(cpu_feature_names(), ", "))};
    }
    const bool on = text == "on" || text == "yes" || text == "true" || text == "y";
    if (!on && text != "off" && text != "no" && text != "false" && text != "n")
        return Error{fmt::format("-cpu {}: '{}={}' must be on or off", m.name, key, text)};
    if (feature) set(m, *feature, on);
    return {};
}

}  // namespace

std::vector<std::string> cpu_model_names() {
    std::vector<std::string> names;
    for (const CpuModel& m : all_models()) names.push_back(m.name);
    return names;
}

std::vector<std::string> cpu_feature_names() {
    std::vector<std::string> names;
    for (const auto& [name, feature] : kFeatureNames) names.emplace_back(name);
    return names;
}

Result<CpuModel> parse_cpu_model(std::string_view spec) {
    const auto next = [&spec]() {
        const size_t comma = spec.find(',');
        const std::string_view part = spec.substr(0, comma);
        spec.remove_prefix(comma == std::string_view::npos ? spec.size() : comma + 1);
        return part;
    };
    std::string_view name = next();
    for (const std::string_view suffix : {"-i386-cpu", "-x86_64-cpu"})
        if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
    const std::vector<CpuModel> models = all_models();
    const auto found = std::find_if(models.begin(), models.end(),
                                    [&](const CpuModel& m) { return m.name == name; });
    if (found == models.end()) {
        return Error{fmt::format("unable to find CPU model '{}'; models are {}", name,
                                 fmt::join(cpu_model_names(), ", "))};
    }
    CpuModel m = *found;
    // As in QEMU, +x and -x win over x=on and x=off wherever they stand.
    std::vector<std::pair<std::string_view, bool>> signs;
    while (!spec.empty()) {
        const std::string_view part = next();
        if (part.empty()) return Error{fmt::format("-cpu {}: an empty property (',,')", m.name)};
        if (part[0] == '+' || part[0] == '-') {
            signs.emplace_back(part.substr(1), part[0] == '+');
            continue;
        }
        const size_t equals = part.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view("on") : part.substr(equals + 1);
        const Result<void> set = set_property(m, part.substr(0, equals), value);
        if (!set) return set.error();
    }
    for (const auto& [feature, on] : signs) {
        const Result<void> set = set_property(m, feature, on ? "on" : "off");
        if (!set) return set.error();
    }
    return m;
}

}  // namespace qr::i386
