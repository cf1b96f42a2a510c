// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine that replays a recording; see replay_machine.h. Source: none.
#include "tests/lockstep/replay_machine.h"

#include <filesystem>

#include "system/vm_state.h"

namespace qr::lockstep {

Result<std::unique_ptr<ReplayMachine>> ReplayMachine::create(const LogReader& log,
                                                             std::unique_ptr<i386::Engine> engine,
                                                             const std::string& images) {
    auto config = MachineConfig::from_json(log.header().machine);
    if (!config) return config.error();
    auto files = recorded_files(log);
    if (!files) return files.error();
    Drives::Setup drives{HostDrive::Mode::kReplayed, {}, {}};
    if (!images.empty()) {
        drives.moved = [images](const std::string& file) {
            return std::filesystem::path(images) / std::filesystem::path(file).filename();
        };
    }
    std::unique_ptr<ReplayMachine> made(new ReplayMachine);
    ReplayMachine* const self = made.get();
    auto machine = Machine::create(*config, *files, std::move(engine), run_settings(*config),
                                   {.notice = [self](const std::string& line) {
                                       if (!self->said_.empty()) self->said_ += '\n';
                                       self->said_ += line;
                                   }},
                                   drives);
    if (!machine) return machine.error();
    made->machine_ = std::move(*machine);
    made->config_ = *config;
    Machine& m = *made->machine_;
    auto replayer = Replayer::create(log, m.door(), m.clock(), m.board().root(), m.board().memory());
    if (!replayer) return replayer.error();
    made->replayer_ = std::move(*replayer);
    m.loop().replay_with(*made->replayer_);
    if (auto begun = begin_where_recorded(log, m, *config); !begun) return begun.error();
    return made;
}

void ReplayMachine::run_to(uint64_t icount) {
    if (!ended_ && !machine_->loop().run_to(icount)) end();
}

void ReplayMachine::catch_up() {
    if (!ended_ && !machine_->loop().catch_up()) end();
}

Result<std::vector<uint8_t>> ReplayMachine::save() {
    return save_machine(*machine_, config_, {});
}

Result<void> ReplayMachine::load(std::span<const uint8_t> snapshot) { return load_machine(snapshot, *machine_, config_); }

void ReplayMachine::end() {
    ended_ = true;
    status_ = machine_->loop().conclude();
}

void ReplayMachine::dump(StateDump& to) {
    // Where the last boundary was depends on how the run was cut into slices.
    machine_->door().set_icount(icount());
    dump_state([this](StateVisitor& v) { machine_->board().root().state(v); }, to);
}

}  // namespace qr::lockstep
