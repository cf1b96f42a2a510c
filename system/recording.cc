// SPDX-License-Identifier: GPL-2.0-or-later
//
// Recording a machine; see recording.h.
#include "system/recording.h"

#include <fmt/format.h>

#include "system/standstill.h"
#include "system/vm_state.h"

namespace qr {

Result<void> Recording::write_beginning(std::optional<Position> start, std::span<const uint8_t> machine) {
    const VirtualClock& clock = parts_.machine.clock();
    LogHeader header;
    header.creator = options_.creator;
    header.clock_start_ns = start ? clock.now_ns() : 0;
    header.clock_rate = start ? clock.rate() : parts_.config.start_rate();
    header.start = start;
    for (const InputPortBase* port : parts_.machine.door().ports()) header.ports.push_back(port->schema());
    header.machine = parts_.config.to_json();
    std::vector<LogBlob> blobs;
    for (const auto& [name, bytes] : parts_.files.by_name())
        if (!bytes->empty()) blobs.push_back({name, *bytes});
    return writer_->begin(std::move(header), blobs, machine);
}

void Recording::attach() {
    Machine& machine = parts_.machine;
    recorder_ = std::make_unique<Recorder>(machine.door(), machine.clock(), machine.board().root(),
                                           machine.board().memory(), *writer_, options_.recorder);
    machine.loop().record_with(recorder_.get());
    parts_.snapshots.record_with(writer_.get());
}

Result<std::unique_ptr<LogWriter>> Recording::create_log(const std::string& file) const {
    LogWriter::Options log;
    log.ring = options_.recorder.ring;
    return LogWriter::create(file, log);
}

Result<void> Recording::begin(const std::string& file, const std::string& snapshot) {
    auto writer = create_log(file);
    if (!writer) return writer.error();
    writer_ = std::move(*writer);
    if (auto done = write_beginning({}, {}); !done) return done;
    remove_overlays(file, parts_.config.drives);
    file_ = file;
    attach();
    return snapshot.empty() ? Result<void>{} : parts_.snapshots.save(snapshot);
}

Result<void> Recording::start(const std::string& file) {
    Machine& machine = parts_.machine;
    if (machine.door().recording()) return Error{fmt::format("the machine is being recorded already, into '{}'", file_)};
    if (machine.door().replaying()) return Error{"the machine is replaying a recording: let it go live first (replay_live)"};
    const Standstill still(machine.loop());
    machine.door().settle();
    auto writer = create_log(file);
    if (!writer) return writer.error();
    if (auto ready = machine.drives().prepare_recording(); !ready) return ready;
    parts_.config.drives = machine.drives().configs();
    auto bytes = save_machine(machine, parts_.config, {});
    if (!bytes) return bytes.error();
    recorder_.reset();
    writer_ = std::move(*writer);
    if (auto begun = write_beginning(machine.door().position(), *bytes); !begun) {
        writer_.reset();
        return begun;
    }
    remove_overlays(file, parts_.config.drives);
    machine.drives().begin_recording(file);
    file_ = file;
    attach();
    // So that a replay is compared with what it begins with.
    recorder_->digest_now();
    return {};
}

Result<void> Recording::stop() {
    if (!recorder_ || !parts_.machine.door().recording()) return Error{"the machine isn't being recorded"};
    const Standstill still(parts_.machine.loop());
    parts_.machine.door().settle();
    const auto done = recorder_->finish("the recording was stopped");
    parts_.machine.loop().record_with(nullptr);
    parts_.snapshots.record_with(nullptr);
    recorder_.reset();
    writer_.reset();
    return done;
}

}  // namespace qr
