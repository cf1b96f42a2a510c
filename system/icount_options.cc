// SPDX-License-Identifier: GPL-2.0-or-later
//
// -icount: the same combinations are refused as by QEMU, with its messages.
#include <charconv>

#include <fmt/format.h>

#include "sysemu/run_control.h"
#include "system/options.h"
#include "util/keyval.h"

namespace qr {

namespace {

Result<void> parse_shift(const std::string& text, IcountOptions& out) {
    out.shift_given = true;
    if (text == "auto") {
        out.auto_shift = true;
        return {};
    }
    unsigned shift = 0;
    const char* end = text.data() + text.size();
    const auto [at, status] = std::from_chars(text.data(), end, shift);
    if (status != std::errc{} || at != end || shift > 10) {
        return Error{fmt::format(
            "icount: Invalid shift value '{}': expected 0 to 10, or auto", text)};
    }
    out.auto_shift = false;
    out.shift = shift;
    return {};
}

template <class T = uint64_t>
std::optional<T> parse_number(const std::string& text) {
    T number = 0;
    const char* end = text.data() + text.size();
    const auto [at, status] = std::from_chars(text.data(), end, number);
    return status == std::errc{} && at == end && !text.empty() ? std::optional(number) : std::nullopt;
}

// In a replay: memory for checkpoints. In a recording: seconds between those in the log.
Result<void> parse_checkpoints(const std::string& text, IcountOptions& out) {
    if (out.mode == ReplayMode::kRecord) {
        const auto seconds = text == "off" ? 0 : parse_number<uint32_t>(text);
        if (!seconds) return Error{fmt::format("rrcheckpoints expects a number of seconds, or off, not '{}'", text)};
        out.checkpoint_seconds = *seconds;
        return {};
    }
    if (out.mode != ReplayMode::kReplay) return Error{"rrcheckpoints is of use only with rr=record or rr=replay"};
    if (text == "auto") return {};
    out.checkpoint_budget = text == "off" ? uint64_t{0} : parse_size(text, 'M');
    if (!out.checkpoint_budget)
        return Error{fmt::format("rrcheckpoints expects auto, off, or memory such as 512M, not '{}'", text)};
    return {};
}

}  // namespace

Result<IcountOptions> parse_icount(const std::string& text) {
    IcountOptions out;
    KeyVal options = KeyVal::parse(text, "shift");
    const auto wrong = [&](const std::string& what) {
        return Error{fmt::format("-icount {}: {}", text, what)};
    };

    if (const auto shift = options.take("shift"))
        if (const auto parsed = parse_shift(*shift, out); !parsed)
            return wrong(parsed.error().message);
    const bool sleep_given = options.has("sleep");
    const Result<bool> sleep = options.take_bool("sleep", true);
    if (!sleep) return wrong(sleep.error().message);
    const Result<bool> align = options.take_bool("align", false);
    if (!align) return wrong(align.error().message);
    out.sleep = *sleep;
    out.sleep_given = sleep_given;
    out.align = *align;

    const auto mode = options.take("rr");
    const auto file = options.take("rrfile");
    out.snapshot = options.take("rrsnapshot").value_or(std::string());
    const auto speed = options.take("rrspeed");
    const auto checkpoints = options.take("rrcheckpoints");
    const auto ring = options.take("rrring");
    const Result<bool> index = options.take_bool("rrindex", false);
    const auto start = options.take("rrstart");
    if (const auto digest = options.take("rrdigest")) {
        out.digest_given = true;
        const char* end = digest->data() + digest->size();
        const auto [at, status] = std::from_chars(digest->data(), end, out.digest_ms);
        if (status != std::errc{} || at != end || out.digest_ms == 0) {
            return wrong(fmt::format(
                "rrdigest expects a number of virtual milliseconds, 1 or more, not '{}'", *digest));
        }
    }
    if (const auto key = options.unknown()) return wrong(fmt::format("Invalid parameter '{}'", *key));

    if (out.align && !out.shift_given) return wrong("Please specify shift option when using align");
    if (out.align && !out.sleep) return wrong("align=on and sleep=off are incompatible");
    if (mode) {
        if (*mode == "record")
            out.mode = ReplayMode::kRecord;
        else if (*mode == "replay")
            out.mode = ReplayMode::kReplay;
        else
            return wrong(fmt::format("Invalid icount rr option: {}", *mode));
        if (!file || file->empty()) return wrong("File name not specified for replay");
        out.file = *file;
        // A replay takes its pace from the log.
        if (out.mode == ReplayMode::kRecord && !out.shift_given)
            return wrong("Please enable icount to use record/replay: shift=auto or shift=0 to 10");
    }
    if (speed && out.mode != ReplayMode::kReplay) return wrong("rrspeed is of use only with rr=replay");
    if (speed) {
        const auto parsed = parse_replay_speed(*speed);
        if (!parsed) return wrong("rrspeed: " + parsed.error().message);
        out.replay_speed = *parsed;
    }
    if (checkpoints) {
        if (const auto done = parse_checkpoints(*checkpoints, out); !done) return wrong(done.error().message);
    }
    if (ring) {
        const auto seconds = parse_number<uint32_t>(*ring);
        if (!seconds || *seconds == 0) return wrong(fmt::format("rrring expects a number of seconds, not '{}'", *ring));
        if (out.mode != ReplayMode::kRecord) return wrong("rrring is of use only with rr=record");
        if (checkpoints) return wrong("rrring and rrcheckpoints are incompatible: the ring has checkpoints of its own");
        out.ring_seconds = *seconds;
    }
    if (!index) return wrong(index.error().message);
    out.index = *index;
    if ((out.index || start) && out.mode != ReplayMode::kReplay) return wrong("rrindex and rrstart are of use only with rr=replay");
    if (start && *start == "end") {
        out.start_at_end = true;
    } else if (start) {
        out.start_at = parse_number(*start);
        if (!out.start_at) return wrong(fmt::format("rrstart expects an instruction count, or end, not '{}'", *start));
    }
    if (!mode && file) {
        return wrong("rrfile is of use only with rr=record or rr=replay");
    }
    return out;
}

}  // namespace qr
