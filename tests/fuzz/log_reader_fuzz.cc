// SPDX-License-Identifier: GPL-2.0-or-later
// libFuzzer target: any bytes as a log. Everything that a reader can be asked is asked; it must
// answer, in bounded time and memory. Built with clang++ -fsanitize=fuzzer,address,undefined, which
// also defines FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION: checksums are then not looked at, so that
// the fuzzer gets behind them. Seeds: any logs; run with -max_len=1000000.
#include <cstddef>
#include <cstdint>

#include "replay/digest.h"
#include "replay/event_reader.h"
#include "replay/log_reader.h"
#include "replay/state_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace qr;
    auto log = LogReader::open(make_memory_source({data, data + size}), "fuzz");
    if (!log) return 0;
    EventReader events(**log);
    size_t n = 0;
    while (const EventSource::Event* event = events.peek()) {
        if (++n <= 100) describe_payload((*log)->header().ports[event->port], event->payload);
        if (n > 100'000) break;
        events.pop();
    }
    events.seek({1000, 1});
    events.seek((*log)->end().position);
    static_cast<void>((*log)->check_behaviour());
    for (const BlobInfo& blob : (*log)->header().blobs)
        static_cast<void>((*log)->blob(blob.name, 1 << 20));
    if (const auto snapshots = (*log)->snapshots(); snapshots && !snapshots->empty())
        static_cast<void>((*log)->snapshot(snapshots->front(), 1 << 20));
    DigestReader digests(**log);
    StateDump before;
    for (int i = 0; i < 20 && digests.next_position(); ++i) {
        const auto digest = digests.read();
        if (!digest) break;
        static_cast<void>(list_fields(digest->state));
        compare_dumps(before, digest->state, 10);
        before = digest->state;
    }
    digests.seek({1000, 0});
    return 0;
}
