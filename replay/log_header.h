// SPDX-License-Identifier: GPL-2.0-or-later
// What a log says about its recording before the first event: JSON in the HEAD chunk.
// Source: docs/replay-format.rst, "HEAD".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/behaviour.h"
#include "sysemu/replay.h"
#include "util/result.h"

namespace qr {

// A file that the machine was started with, kept in the log: firmware, option ROMs, kernel, initrd.
struct BlobInfo {
    std::string name;  // unique in the log, such as "kernel" or "firmware/bios-256k.bin"
    uint64_t size = 0;
    std::string hash;  // XXH3-128, 32 hexadecimal digits
};

struct LogHeader {
    std::string creator;  // program and version
    uint32_t behaviour = kBehaviour.version;
    std::string behaviour_name{kBehaviour.name};
    std::string boundary = "inputs";  // where the door stands
    int64_t clock_start_ns = 0;       // virtual time at instruction 0
    uint64_t clock_rate = 0;          // nanoseconds per instruction, 32.32 fixed point
    // A recording of a machine that ran already: the log's first snapshot is it, here.
    std::optional<Position> start;
    std::vector<PortSchema> ports;    // index: the port's number in events
    std::vector<BlobInfo> blobs;
    std::string machine = "{}";  // the expanded machine, one JSON object as text

    // Fails only if `machine` is no JSON object.
    Result<std::string> to_json() const;
    static Result<LogHeader> from_json(std::string_view text);
};

std::string_view field_type_name(FieldType type);

// "data=68 65 6c 6c 6f break=false": an event's payload by the names of its schema.
std::string describe_payload(const PortSchema& schema, std::span<const uint8_t> payload);

}  // namespace qr
