// SPDX-License-Identifier: GPL-2.0-or-later
//
// From options to a running machine. This is the one place where the two worlds are built side by side.
#include "system/emulator.h"

#include <atomic>
#include <csignal>
#include <ctime>
#include <thread>

#include <fmt/format.h>
#include <glib-unix.h>
#include <glib.h>
#include <pthread.h>
#include <unistd.h>

#include "accel/interp/interp.h"
#include "chardev/char_backend.h"
#include "hw/i386/pc.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "system/firmware.h"
#include "system/machine_config.h"
#include "system/qtest.h"
#include "system/run_loop.h"

namespace qr {

namespace {

constexpr uint64_t kLargestImage = uint64_t{1} << 31;
constexpr const char* kBiosFile = "bios-256k.bin";
constexpr const char* kVgaBiosFile = "vgabios-stdvga.bin";

// The files that go into a machine, from disk or out of the recording.
struct Files {
    std::vector<uint8_t> bios, vga_bios, kernel, initrd;

    std::vector<LogBlob> blobs() const {
        std::vector<LogBlob> list;
        for (const auto& [name, bytes] : {std::pair<const char*, const std::vector<uint8_t>*>{"bios", &bios},
                                          {"vga_bios", &vga_bios},
                                          {"kernel", &kernel},
                                          {"initrd", &initrd}})
            if (!bytes->empty()) list.push_back({name, *bytes});
        return list;
    }
};

std::optional<std::array<uint8_t, 16>> parse_uuid(const std::string& text) {
    std::array<uint8_t, 16> uuid{};
    std::string digits;
    for (const char c : text)
        if (c != '-') digits += c;
    if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return std::nullopt;
    for (size_t i = 0; i < 16; ++i)
        uuid[i] = static_cast<uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
    return uuid;
}

class Emulator {
  public:
    Emulator(const Options& options, std::string program)
        : options_(options), program_(std::move(program)), clock_(countdown_), door_(mailbox_) {
        host_.io = g_main_context_default();
        host_.quit = [this] {
            if (loop_) loop_->quit();
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
    bool replaying() const { return options_.icount.mode == ReplayMode::kReplay; }
    bool recording() const { return options_.icount.mode == ReplayMode::kRecord; }

    void notice(const std::string& line) const { fmt::print(stderr, "{}: {}\n", program_, line); }

    Result<void> prepare() {
        if (const auto done = replaying() ? open_recording() : describe_machine(); !done) return done;
        if (const auto done = build(); !done) return done;
        if (const auto done = connect(); !done) return done;
        if (recording()) return begin_recording();
        if (replaying()) return begin_replay();
        return {};
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
        for (auto& [name, bytes] :
             {std::pair<const char*, std::vector<uint8_t>*>{"bios", &files_.bios},
              {"vga_bios", &files_.vga_bios},
              {"kernel", &files_.kernel},
              {"initrd", &files_.initrd}}) {
            auto blob = kept(name);
            if (!blob) return blob.error();
            *bytes = std::move(*blob);
        }
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
              {"initrd", options_.initrd, &files_.initrd}}) {
            if (path.empty()) continue;
            auto read = read_file(path, kLargestImage);
            if (!read) {
                return Error{fmt::format("-{} {}: could not open it: {}", option, path,
                                         read.error().message)};
            }
            if (read->empty())
                return Error{fmt::format("-{} {}: the file is empty: expected a Linux kernel or its RAM disk",
                                         option, path)};
            *bytes = std::move(*read);
        }
        return {};
    }

    Result<PcConfig> board_config() {
        PcConfig pc;
        auto model = i386::parse_cpu_model(config_.cpu);
        if (!model) return model.error();
        pc.cpu = *model;
        pc.ram_size = config_.ram_size;
        pc.bios = files_.bios;
        pc.vga_bios = files_.vga_bios;
        pc.vga = config_.vga != "none";
        pc.hpet = config_.hpet;
        pc.serial = config_.serial;
        pc.parallel = config_.parallel;
        pc.has_kernel = !files_.kernel.empty();
        pc.kernel = files_.kernel;
        pc.initrd = files_.initrd;
        pc.append = config_.append;
        pc.nographic = config_.nographic;
        pc.boot_menu = config_.boot_menu;
        pc.rtc_epoch = config_.rtc_epoch;
        if (!config_.uuid.empty()) {
            pc.uuid = parse_uuid(config_.uuid);
            if (!pc.uuid) {
                return Error{fmt::format("-uuid {}: failed to parse it: expected "
                                         "550e8400-e29b-41d4-a716-446655440000 or the like",
                                         config_.uuid)};
            }
        }
        for (const ExtraDevice& d : config_.devices) {
            if (d.driver == "isa-debug-exit")
                pc.debug_exits.push_back({d.iobase, d.iosize});
            else
                pc.debug_cons.push_back({d.iobase, d.readback, fmt::format("debugcon{}", pc.debug_cons.size())});
        }
        return pc;
    }

    Result<void> build() {
        const uint64_t host_memory = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                     static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
        if (config_.ram_size > host_memory) {
            return Error{fmt::format("-m {}M: cannot set up guest memory 'pc.ram': the host has {} MiB",
                                     config_.ram_size >> 20, host_memory >> 20)};
        }
        auto pc = board_config();
        if (!pc) return pc.error();
        clock_.set_rate(config_.start_rate());
        auto board = PcBoard::create(std::move(*pc), door_, clock_, countdown_, control_);
        if (!board) return board.error();
        board_ = std::move(*board);
        engine_ = make_i386_interpreter();
        board_->cpu().set_engine(*engine_);

        RunLoop::Settings settings;
        settings.auto_shift = config_.auto_shift;
        settings.sleep = config_.sleep;
        settings.align = options_.icount.align;
        settings.no_reboot = config_.no_reboot;
        settings.no_shutdown = config_.no_shutdown && !replaying();
        settings.start_stopped = options_.start_stopped || !options_.qtest.empty();
        loop_ = std::make_unique<RunLoop>(
            RunLoop::Parts{board_->cpu(), countdown_, clock_, door_, [this] { board_->reset(); },
                           [this] { return board_->wake(); },
                           [this](const std::string& line) { notice(line); }},
            settings);
        control_.target = loop_.get();
        StateRoot& root = board_->root();
        root.add("clock", [this](StateVisitor& v) { clock_.state(v); });
        root.add("run", [this](StateVisitor& v) { loop_->state(v); });
        root.add("door", [this](StateVisitor& v) { door_.state(v); });
        board_->reset();
        return {};
    }

    // --- the outer world ---

    Result<void> attach(const std::string& spec, const std::string& name, CharEnd* end) {
        if (!end) return {};
        std::string resolved = spec;
        if (spec.starts_with("chardev:")) {
            const auto found = options_.chardevs.find(spec.substr(8));
            if (found != options_.chardevs.end()) resolved = found->second;
        }
        auto backend = CharBackend::open(resolved, "-" + name, host_);
        if (!backend) return backend.error();
        (*backend)->connect(*end);
        backends_.push_back(std::move(*backend));
        return {};
    }

    Result<void> connect() {
        // What a port that the user didn't mention is connected to.
        const bool terminal = options_.nographic || (replaying() && config_.nographic);
        for (unsigned i = 0; i < 4; ++i) {
            std::string spec = i < options_.serials.size() ? options_.serials[i] : "null";
            if (i == 0 && options_.serials.empty() && terminal) spec = "mon:stdio";
            if (const auto done = attach(spec, fmt::format("serial {}", i), board_->serial(i)); !done)
                return done;
        }
        for (unsigned i = 0; i < 3; ++i) {
            const std::string spec = i < options_.parallels.size() ? options_.parallels[i] : "null";
            if (const auto done = attach(spec, fmt::format("parallel {}", i), board_->parallel(i)); !done)
                return done;
        }
        unsigned n = 0;
        for (const DeviceOption& device : options_.devices) {
            if (device.driver != "isa-debugcon") continue;
            std::string chardev;
            for (const auto& [key, value] : device.properties)
                if (key == "chardev") chardev = value;
            const auto found = options_.chardevs.find(chardev);
            if (found == options_.chardevs.end()) {
                return Error{fmt::format("-device isa-debugcon: chardev '{}' not found: add -chardev "
                                         "...,id={}",
                                         chardev, chardev)};
            }
            if (const auto done = attach(found->second, "debugcon", board_->debug_con(n++)); !done)
                return done;
        }
        if (options_.qtest.empty()) return {};
        qtest_ = std::make_unique<Qtest>(
            door_, Qtest::Target{board_->memory(), board_->ports(), clock_,
                                 [this](auto watch) { board_->watch_interrupts(std::move(watch)); },
                                 [this](int pin, bool level) { board_->set_interrupt(pin, level); }});
        return attach(options_.qtest, "qtest", &qtest_->end());
    }

    // --- the log ---

    Result<void> begin_recording() {
        auto writer = LogWriter::create(options_.icount.file);
        if (!writer) return writer.error();
        writer_ = std::move(*writer);
        LogHeader header;
        header.creator = fmt::format("qemu-replay {}", QR_VERSION);
        header.clock_start_ns = 0;
        header.clock_rate = config_.start_rate();
        for (const InputPortBase* port : door_.ports()) header.ports.push_back(port->schema());
        header.machine = config_.to_json();
        const std::vector<LogBlob> blobs = files_.blobs();
        if (const auto begun = writer_->begin(std::move(header), blobs); !begun) return begun;
        Recorder::Options options;
        options.digest_interval_ns = int64_t{config_.digest_ms} * 1'000'000;
        // Who asks for a density gets it, whatever it costs.
        if (options_.icount.digest_given) options.digest_share = 0;
        recorder_ = std::make_unique<Recorder>(door_, clock_, board_->root(), board_->memory(), *writer_,
                                               options);
        loop_->record_with(*recorder_);
        return {};
    }

    Result<void> begin_replay() {
        auto replayer =
            Replayer::create(*reader_, door_, clock_, board_->root(), board_->memory());
        if (!replayer) return replayer.error();
        replayer_ = std::move(*replayer);
        loop_->replay_with(*replayer_);
        return {};
    }

    // --- threads ---

    int run_threads() {
        GMainLoop* io = g_main_loop_new(host_.io, FALSE);
        const auto quit = +[](gpointer self) -> gboolean {
            static_cast<Emulator*>(self)->loop_->quit();
            return G_SOURCE_CONTINUE;
        };
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) g_unix_signal_add(signal, quit, this);
        std::signal(SIGPIPE, SIG_IGN);

        int status = 0;
        std::thread vm([&] {
            pthread_setname_np(pthread_self(), "vm");  // tools measure it by this name
            status = loop_->run();
            g_idle_add(
                [](gpointer loop) -> gboolean {
                    g_main_loop_quit(static_cast<GMainLoop*>(loop));
                    return G_SOURCE_REMOVE;
                },
                io);
        });
        g_main_loop_run(io);
        vm.join();
        g_main_loop_unref(io);
        return status;
    }

    // The board is built before the loop that serves its requests.
    struct ControlProxy final : MachineControl {
        MachineControl* target = nullptr;
        void request_reset() override { target->request_reset(); }
        void request_shutdown() override { target->request_shutdown(); }
        void request_suspend() override { target->request_suspend(); }
        void request_exit(int status) override { target->request_exit(status); }
    };

    const Options& options_;
    const std::string program_;
    CharHost host_;
    Mailbox mailbox_;
    Countdown countdown_;
    VirtualClock clock_;
    Door door_;
    ControlProxy control_;
    MachineConfig config_;
    Files files_;
    std::unique_ptr<LogReader> reader_;
    std::unique_ptr<LogWriter> writer_;
    std::unique_ptr<i386::Engine> engine_;
    std::unique_ptr<PcBoard> board_;
    std::unique_ptr<RunLoop> loop_;
    std::unique_ptr<Qtest> qtest_;
    std::unique_ptr<Recorder> recorder_;
    std::unique_ptr<Replayer> replayer_;
    std::vector<std::unique_ptr<CharBackend>> backends_;
};

}  // namespace

int run_emulator(const Options& options, const std::string& program) {
    return Emulator(options, program).run();
}

}  // namespace qr
