// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pictures out of a recording: replays it and writes what the screen shows at each of the given icounts, which
// count up, as FOLDER/ICOUNT.png. Usage: replay-screens LOG FOLDER interp|tcg ICOUNT... Source: none.
#include <cstdlib>

#include <fmt/format.h>

#include "accel/interp/interp.h"
#include "accel/tcg/tcg.h"
#include "tests/lockstep/replay_machine.h"
#include "ui/image_file.h"

namespace {

int fail(const std::string& why) {
    fmt::print(stderr, "replay-screens: {}\n", why);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace qr;
    if (argc < 5) return fail("usage: replay-screens LOG FOLDER interp|tcg ICOUNT...");
    auto log = LogReader::open(argv[1]);
    if (!log) return fail(log.error().message);
    const bool interp = std::string(argv[3]) == "interp";
    auto machine =
        lockstep::ReplayMachine::create(**log, interp ? make_i386_interpreter() : make_i386_translator({}));
    if (!machine) return fail(machine.error().message);
    PictureSource* source = (*machine)->board().picture();
    if (!source) return fail("the recorded machine has no display adapter");
    for (int i = 4; i < argc; ++i) {
        const uint64_t icount = std::strtoull(argv[i], nullptr, 10);
        (*machine)->run_to(icount);
        if ((*machine)->ended() && (*machine)->icount() < icount)
            return fail(fmt::format("the recording ends before {}: {}", icount, (*machine)->said()));
        Surface surface;
        source->draw(surface, 0);
        const std::string path = fmt::format("{}/{}.png", argv[2], icount);
        if (const auto done = write_screendump(surface, path, ImageFormat::kPng); !done)
            return fail(done.error().message);
        fmt::print("{} {}x{}\n", path, surface.width(), surface.height());
    }
    return 0;
}
