// SPDX-License-Identifier: GPL-2.0-or-later
//
// From options to a running machine. This is the one place where the two worlds are built side by side.
#include "system/emulator.h"

#include <atomic>
#include <functional>
#include <map>
#include <chrono>
#include <csignal>
#include <ctime>
#include <thread>

#include <fmt/format.h>
#include <glib-unix.h>
#include <glib.h>
#include <pthread.h>
#include <unistd.h>

#include "accel/interp/interp.h"
#include "accel/tcg/tcg.h"
#include "chardev/char_registry.h"
#include "gdbstub/server.h"
#include "monitor/monitor.h"
#include "replay/checkpoint_log.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "system/displays.h"
#include "system/firmware.h"
#include "system/jit_log.h"
#include "system/log_indexing.h"
#include "system/machine.h"
#include "system/machine_config.h"
#include "system/perf_map.h"
#include "system/progress.h"
#include "system/qtest.h"
#include "system/recording.h"
#include "system/trace_log.h"
#include "system/vm_snapshots.h"
#include "system/vm_state.h"
#include "ui/image_file.h"

namespace qr {

namespace {

constexpr uint64_t kCheckpointBudget = uint64_t{1} << 30;
constexpr uint64_t kLargestImage = uint64_t{1} << 31;
constexpr const char* kBiosFile = "bios-256k.bin";
constexpr const char* kVgaBiosFile = "vgabios-stdvga.bin";

uint64_t host_memory() {
    return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

class Emulator {
  public:
    Emulator(const Options& options, std::string program)
        : options_(options), program_(std::move(program)) {
        host_.io = g_main_context_default();
        host_.quit = [this] {
            if (machine_) machine_->loop().quit("host-ui");
        };
        host_.notice = [this](const std::string& line) { notice(line); };
    }

    int run() {
        if (const auto ready = prepare(); !ready) {
            notice(ready.error().message);
            return 1;
        }
        return run_threads();
    }

  private:
    std::unique_ptr<i386::Engine> make_engine() const {
        if (options_.accel == "interp" || !tcg_supported()) return make_i386_interpreter();
        TcgOptions tcg = options_.tcg;
        if (jit_log_) tcg.observers.push_back(jit_log_.get());
        if (perf_map_) tcg.observers.push_back(perf_map_.get());
        // For a monitor's sake: it may be asked.
        if (options_.log.jit || wants_monitor()) {
            tcg.clock = [] {
                return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
            };
        }
        return make_i386_translator(tcg);
    }
    bool wants_monitor() const { return options_.nographic || !options_.monitors.empty(); }
    bool replaying() const { return options_.icount.mode == ReplayMode::kReplay; }
    // From power-on. One that begins with a snapshot (-loadvm) is begun when that is there.
    bool starts_somewhere() const { return options_.icount.start_at_end || options_.icount.start_at; }
    bool recording() const { return options_.icount.mode == ReplayMode::kRecord && options_.loadvm.empty(); }

    void notice(const std::string& line) const {
        if (progress_) progress_->erase();
        fmt::print(stderr, "{}: {}\n", program_, line);
    }

    Result<void> prepare() {
        if (const auto done = replaying() ? open_recording() : describe_machine(); !done) return done;
        if (const auto done = open_logs(); !done) return done;
        if (const auto done = build(); !done) return done;
        if (const auto done = connect(); !done) return done;
        auto displays = Displays::open(options_, *machine_, config_.nographic,
                                       {host_.io, host_.quit, host_.notice, [this](auto event, auto& client) {
                                            constexpr const char* kNames[] = {"CONNECTED", "INITIALIZED", "DISCONNECTED"};
                                            if (monitor_)
                                                monitor_->vnc_event(kNames[static_cast<size_t>(event)],
                                                                    {client.family, client.host, client.service});
                                        }});
        if (!displays) return displays.error();
        displays_ = std::move(*displays);
        if (recording()) {
            if (const auto done = recording_->begin(options_.icount.file, options_.icount.snapshot); !done) return done;
        } else if (replaying()) {
            return begin_replay();
        }
        return begin_from_snapshot();
    }

    // --- what machine ---

    Result<void> open_recording() {
        auto log = LogReader::open(options_.icount.file);
        if (!log) return log.error();
        reader_ = std::move(*log);
        if (const auto done = reader_->check_behaviour(); !done) return done;
        auto config = MachineConfig::from_json(reader_->header().machine);
        if (!config) return config.error();
        config_ = *config;
        const auto kept = [this](const std::string& name) -> Result<std::vector<uint8_t>> {
            for (const BlobInfo& blob : reader_->header().blobs)
                if (blob.name == name) return reader_->blob(name);
            return std::vector<uint8_t>{};
        };
        if (const auto done = check_against(options_, config_, kept); !done) return done;
        auto files = recorded_files(*reader_);
        if (!files) return files.error();
        files_ = std::move(*files);
        return {};
    }

    Result<void> describe_machine() {
        const std::time_t now = std::time(nullptr);
        std::tm local{};
        localtime_r(&now, &local);
        auto config = expand(options_, now, now + local.tm_gmtoff);
        if (!config) return config.error();
        config_ = *config;

        auto bios = load_bios(options_.bios.empty() ? kBiosFile : options_.bios, options_.library_paths);
        if (!bios) return bios.error();
        files_.bios = std::move(*bios);
        if (config_.vga != "none") {
            auto vga = load_firmware(kVgaBiosFile, options_.library_paths);
            if (!vga) return vga.error();
            files_.vga_bios = std::move(*vga);
        }
        for (const auto& [option, path, bytes] :
             {std::tuple<const char*, const std::string&, std::vector<uint8_t>*>{"kernel", options_.kernel,
                                                                                &files_.kernel},
              {"initrd", options_.initrd, &files_.initrd},
              {"boot splash", options_.splash, &files_.splash}}) {
            if (path.empty()) continue;
            auto read = read_file(path, kLargestImage);
            if (!read) {
                return Error{fmt::format("-{} {}: could not open it: {}", option, path,
                                         read.error().message)};
            }
            if (read->empty())
                return Error{fmt::format("-{} {}: the file is empty",
                                         option, path)};
            *bytes = std::move(*read);
        }
        return check_splash();
    }

    // What SeaBIOS can show.
    Result<void> check_splash() const {
        const std::vector<uint8_t>& s = files_.splash;
        if (s.empty()) return {};
        const bool jpeg = s.size() > 2 && s[0] == 0xff && s[1] == 0xd8;
        const bool bmp = s.size() > 30 && s[0] == 'B' && s[1] == 'M' && s[28] == 24 && s[29] == 0;
        if (jpeg || bmp) return {};
        return Error{fmt::format("-boot splash={}: splash file format not recognized: expected JPEG or a BMP of 24 bits",
                                 options_.splash)};
    }

    Result<void> open_logs() {
        // A monitor may switch items on while it runs.
        if (options_.log.any() || (!options_.monitors.empty() && options_.accel != "interp")) {
            auto log = JitLog::open(options_.log);
            if (!log) return log.error();
            jit_log_ = std::move(*log);
        }
        if (!options_.trace.patterns.empty() || !options_.trace.file.empty() || wants_monitor()) {
            auto trace = TraceLog::open(options_.trace.file.empty() ? options_.log.file : options_.trace.file);
            if (!trace) return trace.error();
            trace_log_ = std::move(*trace);
            for (const std::string& pattern : options_.trace.patterns)
                if (!trace_log_->enable(pattern)) notice(fmt::format("-trace {}: warning: trace event '{}' does not exist", pattern, pattern));
        }
        if (options_.perf_map) {
            auto map = PerfMap::create();
            if (!map) return map.error();
            perf_map_ = std::move(*map);
        }
        return {};
    }

    Result<void> build() {
        if (config_.ram_size > host_memory()) {
            return Error{fmt::format("-m {}M: cannot set up guest memory 'pc.ram': the host has {} MiB",
                                     config_.ram_size >> 20, host_memory() >> 20)};
        }
        RunLoop::Settings settings = run_settings(config_);
        settings.align = options_.icount.align;
        settings.replay_speed = options_.icount.replay_speed;
        settings.start_stopped = options_.start_stopped || !options_.qtest.empty();
        Drives::Setup drives;
        if (recording()) {
            drives.mode = HostDrive::Mode::kRecorded;
            drives.log = options_.icount.file;
        } else if (replaying()) {
            drives.mode = HostDrive::Mode::kReplayed;
            drives.moved = [moved = moved_images()](const std::string& file) {
                const auto found = moved.find(file);
                return found == moved.end() ? file : found->second;
            };
        }
        MachineEars ears;
        ears.notice = [this](const std::string& line) { notice(line); };
        ears.event = [this](const RunEvent& event) {
            if (monitor_) monitor_->event(event);
            if (event.kind == RunEvent::Kind::kStop && starts_somewhere() && !std::exchange(arrived_, true)) offer_gdb();
        };
        ears.disk_failed = [this](const HostDrive::Failure& failure) {
            if (monitor_) monitor_->disk_failed(failure);
        };
        // Who begins somewhere in particular will come to look.
        ears.watched = [this] { return starts_somewhere() || (monitor_ && monitor_->attached()); };
        auto machine = Machine::create(config_, files_, make_engine(), settings, std::move(ears), drives);
        if (!machine) return machine.error();
        machine_ = std::move(*machine);
        if (trace_log_) trace_log_->attach(machine_->board(), machine_->clock());
        config_.drives = machine_->drives().configs();
        snapshots_ = std::make_unique<VmSnapshots>(*machine_, config_);
        Recording::Options recording;
        recording.creator = fmt::format("qemu-replay {}", QR_VERSION);
        recording.recorder.digest_interval_ns = int64_t{config_.digest_ms} * 1'000'000;
        // Who asks for a density gets it, whatever it costs.
        if (options_.icount.digest_given) recording.recorder.digest_share = 0;
        recording.recorder.checkpoint_interval = std::chrono::seconds(options_.icount.checkpoint_seconds);
        if (options_.icount.ring_seconds) {
            recording.recorder.ring = true;
            recording.recorder.checkpoint_interval = std::chrono::seconds(options_.icount.ring_seconds);
        }
        recording.recorder.changes = machine_->disk_changes();
        recording_ = std::make_unique<Recording>(Recording::Parts{*machine_, config_, files_, *snapshots_}, std::move(recording));
        return {};
    }

    // In replay the images may be elsewhere than they were: the options of this run say where.
    std::map<std::string, std::string> moved_images() const {
        std::map<std::string, std::string> moved;
        for (const DriveConfig& then : config_.drives) {
            for (const DriveConfig& now : options_.drives) {
                if (now.device == then.device && now.bus == then.bus && now.unit == then.unit && !now.file.empty())
                    moved[then.file] = now.file;
            }
        }
        return moved;
    }

    // What is left to say when the machine has stopped.
    void finish_drives() {
        for (const auto& drive : machine_->drives().all()) {
            if (const auto done = drive->flush_all(); !done) notice(done.error().message);
            for (const std::string& file : drive->overlay_files()) {
                notice(fmt::format("drive '{}': what the guest wrote is in '{}'; 'replay-disk commit' writes it into the image",
                                   drive->id(), file));
            }
        }
    }

    // --- the outer world ---

    Result<void> attach(const std::string& spec, const std::string& label, const std::string& option, CharEnd* end) {
        if (!end) return {};
        auto backend = chardevs_->use(spec, label, option);
        if (!backend) return backend.error();
        (*backend)->connect(*end);
        if (spec.starts_with("mon:")) shared_.push_back(label);
        return {};
    }

    Result<void> connect() {
        chardevs_ = std::make_unique<CharRegistry>(host_);
        for (const auto& [id, spec] : options_.chardevs)
            if (const auto added = chardevs_->add(id, spec); !added) return added;
        if (const auto done = connect_devices(); !done) return done;
        if (const auto done = connect_monitors(); !done) return done;
        if (const auto done = connect_gdb(); !done) return done;
        chardevs_->start();
        return {};
    }

    // What wasn't said goes to the terminal with -nographic, the first serial port and a monitor on one.
    bool on_terminal() const {
        return !options_.icount.index && (options_.nographic || (replaying() && config_.nographic));
    }

    Result<void> connect_devices() {
        PcBoard& board = machine_->board();
        for (unsigned i = 0; i < 4; ++i) {
            std::string spec = i < options_.serials.size() ? options_.serials[i] : "null";
            if (i == 0 && options_.serials.empty() && on_terminal())
                spec = options_.monitor_given ? "stdio" : "mon:stdio";
            if (const auto done = attach(spec, fmt::format("serial{}", i), "-serial", board.serial(i));
                !done)
                return done;
        }
        for (unsigned i = 0; i < 3; ++i) {
            const std::string spec = i < options_.parallels.size() ? options_.parallels[i] : "null";
            if (const auto done = attach(spec, fmt::format("parallel{}", i), "-parallel", board.parallel(i));
                !done)
                return done;
        }
        unsigned n = 0;
        for (const DeviceOption& device : options_.devices) {
            if (device.driver != "isa-debugcon") continue;
            std::string chardev;
            for (const auto& [key, value] : device.properties)
                if (key == "chardev") chardev = value;
            if (!options_.chardevs.contains(chardev)) {
                return Error{fmt::format("-device isa-debugcon: chardev '{}' not found: add -chardev "
                                         "...,id={}",
                                         chardev, chardev)};
            }
            if (const auto done = attach("chardev:" + chardev, chardev, "-device isa-debugcon", board.debug_con(n++)); !done)
                return done;
        }
        if (options_.qtest.empty()) return {};
        qtest_ = std::make_unique<Qtest>(
            machine_->door(),
            Qtest::Target{board.memory(), board.ports(), machine_->clock(),
                          [&board](auto watch) { board.watch_interrupts(std::move(watch)); },
                          [&board](int pin, bool level) { board.set_interrupt(pin, level); }});
        return attach(options_.qtest, "qtest", "-qtest", &qtest_->end());
    }

    // A machine starts from where another one was.
    Result<void> begin_from_snapshot() {
        const std::string& name = !options_.loadvm.empty() ? options_.loadvm : replaying() ? options_.icount.snapshot : std::string();
        if (name.empty()) return {};
        if (const auto done = snapshots_->load(name); !done) return done;
        return options_.icount.mode == ReplayMode::kRecord ? recording_->start(options_.icount.file) : Result<void>{};
    }

    MonitorTarget monitor_target() {
        MonitorTarget target{machine_->board(), machine_->clock(),    machine_->loop(),
                             machine_->requests(), machine_->door(), *chardevs_};
        target.version = QR_VERSION;
        target.name = options_.name;
        target.uuid = config_.uuid.empty() ? "00000000-0000-0000-0000-000000000000" : config_.uuid;
        target.log_file = options_.icount.file;
        target.ram_size = config_.ram_size;
        constexpr uint64_t kFourGiB = uint64_t{1} << 32;
        target.roms.push_back({kBiosFile, kFourGiB - files_.bios.size(), files_.bios.size()});
        if (!files_.vga_bios.empty()) target.roms.push_back({kVgaBiosFile, 0, files_.vga_bios.size()});
        target.translator = [this] {
            const auto statistics = translator_statistics(machine_->engine());
            return statistics ? i386::describe(*statistics, machine_->clock().icount()) : std::string();
        };
        target.screendump = [this](const std::string& file, const std::string& name) -> Result<void> {
            const auto format = image_format(name);
            if (!format) return Error{fmt::format("Parameter 'format' does not accept value '{}'", name)};
            const PictureSource* picture = machine_->board().picture();
            if (!picture) return Error{"There is no console to take a screendump from"};
            Surface surface;
            picture->draw(surface, machine_->loop().idled_ns());
            return write_screendump(surface, file, *format);
        };
        for (const auto& drive : machine_->drives().all()) target.drives.push_back(drive.get());
        // Displays come after monitors.
        const auto server = [this] { return displays_ ? displays_->vnc() : nullptr; };
        target.vnc = [server]() -> std::optional<MonitorTarget::VncStatus> {
            const VncServer* vnc = server();
            if (!vnc) return std::nullopt;
            const auto address = [](const VncServer::Peer& p) {
                return MonitorTarget::VncAddress{p.family, p.host, p.service};
            };
            MonitorTarget::VncStatus status{address(vnc->address()), vnc->options().password, {}};
            for (const VncServer::Peer& peer : vnc->peers()) status.clients.push_back(address(peer));
            return status;
        };
        target.set_vnc_password = [server](const std::string& password) {
            if (VncServer* vnc = server()) vnc->set_password(password);
        };
        target.expire_vnc_password = [server](int64_t when) {
            if (VncServer* vnc = server()) vnc->expire_password(when);
        };
        target.display = [this] { return displays_ ? displays_->kind() : "none"; };
        target.log_items = [this](const std::string& items) -> Result<void> {
            if (!jit_log_) return Error{"log: the translator tells nothing: start with -d, or with -accel tcg"};
            return jit_log_->set_items(items);
        };
        target.log_to = [this](const std::string& file) -> Result<void> {
            if (!jit_log_) return Error{"logfile: the translator tells nothing: start with -d, or with -accel tcg"};
            return jit_log_->set_file(file);
        };
        target.log_help = log_items_help;
        target.gdb_server = [this](const std::string& device) { return gdb_->listen(device, "gdbserver"); };
        target.trace = trace_log_.get();
        target.snapshots = snapshots_.get();
        target.recording = recording_.get();
        return target;
    }

    Result<void> connect_monitors() {
        monitor_ = std::make_unique<Monitor>(monitor_target(), host_.io);
        machine_->board().on_rtc_set([this](int64_t offset) { monitor_->rtc_set(offset); });
        unsigned n = 0;
        for (const MonitorOption& m : options_.monitors) {
            const bool mon = m.backend.starts_with("mon:");
            auto backend = chardevs_->use(m.backend, fmt::format("compat_monitor{}", n++), m.option);
            if (!backend) return backend.error();
            if (m.control) monitor_->add_control(**backend, m.pretty);
            else monitor_->add_readline(**backend, mon);
        }
        for (const std::string& label : shared_) {
            auto backend = chardevs_->share(label, "mon:");
            if (!backend) return backend.error();
            monitor_->add_readline(**backend, true);
        }
        const bool serial_elsewhere = !options_.serials.empty() || !machine_->board().serial(0);
        if (!on_terminal() || !serial_elsewhere || options_.monitor_given || options_.no_defaults ||
            chardevs_->stdio_used())
            return {};
        auto backend = chardevs_->use("stdio", fmt::format("compat_monitor{}", n), "-nographic");
        if (!backend) return backend.error();
        monitor_->add_readline(**backend, true);
        return {};
    }

    Result<void> connect_gdb() {
        GdbTarget target{machine_->board().cpu(), machine_->travel(), machine_->loop(), machine_->requests(),
                         machine_->door()};
        target.monitor = [this](const std::string& line, std::function<void(std::string)> done) {
            monitor_->run_line(line, {}, [done = std::move(done)](HmpAnswer answer) { done(std::move(answer.text)); });
        };
        target.watched = [this] { return monitor_->attached(); };
        target.notice = host_.notice;
        gdb_ = std::make_unique<GdbServer>(std::move(target), *chardevs_, host_.io);
        // gdb would stop a machine that is on its way to where the user wants it: it finds the server when it is there.
        return options_.gdb.empty() || starts_somewhere() ? Result<void>{} : gdb_->listen(options_.gdb, "-gdb");
    }

    // VM thread: the machine has got to where it was to begin.
    void offer_gdb() {
        if (options_.gdb.empty()) return;
        g_main_context_invoke(
            host_.io,
            [](gpointer self) -> gboolean {
                auto& emulator = *static_cast<Emulator*>(self);
                if (const auto done = emulator.gdb_->listen(emulator.options_.gdb, "-gdb"); !done) {
                    emulator.notice(done.error().message);
                    emulator.machine_->loop().quit("host-error");
                }
                return G_SOURCE_REMOVE;
            },
            this);
    }

    // --- the log ---

    Result<void> begin_replay() {
        PcBoard& board = machine_->board();
        auto replayer = Replayer::create(*reader_, machine_->door(), machine_->clock(), board.root(),
                                         board.memory());
        if (!replayer) return replayer.error();
        replayer_ = std::move(*replayer);
        machine_->loop().replay_with(*replayer_);
        snapshots_->replay_with(reader_.get());
        if (const auto done = begin_where_recorded(*reader_, *machine_, config_); !done) return done;
        if (const auto done = begin_from_snapshot(); !done) return done;
        checkpoint_log_ = std::make_unique<CheckpointReader>(*reader_);
        TimeTravel& travel = machine_->travel();
        travel.replay_with(*replayer_, checkpoint_budget(), checkpoint_log_.get());
        if (options_.icount.index) return begin_index();
        if (!starts_somewhere()) return {};
        if (!wants_monitor() && options_.gdb.empty())
            return Error{"-icount rrstart=: nobody could look at the machine there: add -monitor stdio, -qmp or -gdb"};
        return travel.seek(options_.icount.start_at.value_or(reader_->end().position.icount));
    }

    // The log is written anew, with checkpoints.
    Result<void> begin_index() {
        auto indexing = LogIndexing::begin(*reader_, options_.icount.file, *machine_);
        if (!indexing) return indexing.error();
        indexing_ = std::move(*indexing);
        return {};
    }
    int finish_index(int status) {
        const auto done = indexing_->finish(*replayer_);
        notice(done ? *done : done.error().message);
        return done ? 0 : std::max(status, 1);
    }

    // Whoever can ask for the way back gets it, at a moderate price.
    uint64_t checkpoint_budget() const {
        if (options_.icount.index) return 0;
        if (options_.icount.checkpoint_budget) return *options_.icount.checkpoint_budget;
        // A monitor that comes with -nographic counts where somebody can type.
        const bool terminal = (on_terminal() || !shared_.empty()) && isatty(STDIN_FILENO);
        const bool asked = !options_.monitors.empty() || !options_.gdb.empty() || terminal;
        return asked ? std::min(kCheckpointBudget, host_memory() / 4) : 0;
    }

    // --- threads ---

    int run_threads() {
        GMainLoop* io = g_main_loop_new(host_.io, FALSE);
        const auto quit = +[](gpointer self) -> gboolean {
            static_cast<Emulator*>(self)->machine_->loop().quit("host-signal");
            return G_SOURCE_CONTINUE;
        };
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) g_unix_signal_add(signal, quit, this);
        std::signal(SIGPIPE, SIG_IGN);

        // A serial port on the same terminal is enough to look at.
        const bool quiet = chardevs_->stdio_used() && isatty(STDOUT_FILENO);
        if (replaying() && isatty(STDERR_FILENO) && !quiet) {
            progress_ = std::make_unique<ReplayProgress>(host_.io, reader_->end().position.icount,
                                                         [this] { return machine_->loop().progress(); });
        }
        int status = 0;
        std::thread vm([&] {
            pthread_setname_np(pthread_self(), "vm");  // tools measure it by this name
            status = machine_->loop().run();
            g_idle_add(
                [](gpointer loop) -> gboolean {
                    g_main_loop_quit(static_cast<GMainLoop*>(loop));
                    return G_SOURCE_REMOVE;
                },
                io);
        });
        g_main_loop_run(io);
        vm.join();
        progress_.reset();
        gdb_->say_goodbye(status);
        chardevs_->drain();
        g_main_loop_unref(io);
        finish_drives();
        if (indexing_) status = finish_index(status);
        if (const auto statistics = translator_statistics(machine_->engine()); jit_log_ && statistics)
            jit_log_->finish(*statistics, machine_->clock().icount());
        return status;
    }

    const Options& options_;
    const std::string program_;
    CharHost host_;
    MachineConfig config_;
    MachineFiles files_;
    std::unique_ptr<LogReader> reader_;
    std::unique_ptr<JitLog> jit_log_;  // the engine tells them: they outlive it
    std::unique_ptr<PerfMap> perf_map_;
    std::unique_ptr<TraceLog> trace_log_;  // the machine tells it: it outlives it
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<VmSnapshots> snapshots_;
    std::unique_ptr<Recording> recording_;
    std::unique_ptr<Qtest> qtest_;
    std::unique_ptr<Replayer> replayer_;
    std::unique_ptr<CheckpointReader> checkpoint_log_;
    std::unique_ptr<LogIndexing> indexing_;
    std::unique_ptr<ReplayProgress> progress_;
    std::unique_ptr<Monitor> monitor_;  // outlives what is connected to it
    std::unique_ptr<CharRegistry> chardevs_;
    std::unique_ptr<GdbServer> gdb_;
    bool arrived_ = false;  // VM thread: rrstart= has been reached
    std::vector<std::string> shared_;   // chardevs that a monitor is to be on, too
    std::unique_ptr<Displays> displays_;  // null: nobody looks
};

}  // namespace

int run_emulator(const Options& options, const std::string& program) {
    return Emulator(options, program).run();
}

}  // namespace qr
