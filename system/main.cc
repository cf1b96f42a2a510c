// SPDX-License-Identifier: GPL-2.0-or-later
//
// qemu-system-i386: the program.
#include <cstdio>
#include <fstream>
#include <string>

#include <unistd.h>

#include "system/emulator.h"
#include "system/options.h"

int main(int argc, char** argv) {
    std::string program = argc > 0 ? argv[0] : "qemu-system-i386";
    program.erase(0, program.rfind('/') + 1);

    const auto options = qr::parse_command_line(argc, argv);
    if (!options) {
        std::fprintf(stderr, "%s: %s\n", program.c_str(), options.error().message.c_str());
        return 1;
    }
    if (options->print) {
        std::fputs(options->print->c_str(), stdout);
        return 0;
    }
    if (!options->pid_file.empty()) {
        std::ofstream file(options->pid_file);
        if (!(file << getpid() << '\n').flush()) {
            std::fprintf(stderr, "%s: -pidfile %s: cannot create PID file\n", program.c_str(),
                         options->pid_file.c_str());
            return 1;
        }
    }
    return qr::run_emulator(*options, program);
}
