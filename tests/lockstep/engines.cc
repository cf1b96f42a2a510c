// SPDX-License-Identifier: GPL-2.0-or-later
//
// Engines by name; see engines.h. A new engine is added in plain_engine(). Source: none.
#include "tests/lockstep/engines.h"

#include <fmt/format.h>

#include "accel/interp/interp.h"
#include "accel/tcg/tcg.h"
#include "tests/lockstep/miscompile.h"
#include "tests/lockstep/planted_fault.h"
#include "util/keyval.h"

namespace qr::lockstep {

namespace {

constexpr uint64_t kLargestThreshold = 1'000'000'000;

Result<std::unique_ptr<i386::Engine>> translator(KeyVal& options) {
    TcgOptions tcg;
    const auto cache = options.take_size("cache", tcg.cache_bytes, 'M');
    if (!cache) return cache.error();
    const auto threshold = options.take_size("threshold", tcg.threshold);
    if (!threshold) return threshold.error();
    const auto insns = options.take_size("insns", tcg.block_insns);
    if (!insns) return insns.error();
    if (!*insns || *insns > tcg.block_insns)
        return Error{fmt::format("tcg: expected insns=1 to {}", tcg.block_insns)};
    if (!*cache || *threshold > kLargestThreshold)
        return Error{fmt::format("tcg: expected cache=1 or more and threshold=0 to {}", kLargestThreshold)};
    tcg.cache_bytes = *cache;
    tcg.threshold = static_cast<unsigned>(*threshold);
    tcg.block_insns = static_cast<unsigned>(*insns);
    const auto fault = options.take("miscompile");
    Result<std::unique_ptr<i386::Engine>> engine = make_i386_translator(tcg);
    if (fault) engine = miscompiling_translator(tcg, *fault);
    if (!engine) return engine;
    if (!*engine) return Error{"tcg: this host has no translator: expected interp"};
    return engine;
}

Result<std::unique_ptr<i386::Engine>> plain_engine(const std::string& name, KeyVal& options) {
    if (name == "interp") return make_i386_interpreter();
    if (name == "tcg") return translator(options);
    return Error{fmt::format("no engine '{}': expected interp or tcg", name)};
}

}  // namespace

Result<std::unique_ptr<i386::Engine>> make_engine(const std::string& text) {
    const size_t colon = text.find(':');
    KeyVal options = KeyVal::parse(colon == std::string::npos ? "" : text.substr(colon + 1), "");
    const auto fault = options.take("fault");
    const auto block = options.take("block");
    auto engine = plain_engine(text.substr(0, colon), options);
    if (!engine) return engine;
    if (const auto key = options.unknown())
        return Error{fmt::format("engine '{}' has no option '{}'", text, *key)};
    if (!fault && block) return Error{fmt::format("engine '{}': block= needs fault=", text)};
    if (!fault) return engine;
    return plant_fault(std::move(*engine), *fault, block.value_or(""));
}

}  // namespace qr::lockstep
