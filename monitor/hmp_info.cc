// SPDX-License-Identifier: GPL-2.0-or-later
//
// info: what there is to see of the machine. Nothing here has a side effect.
#include "monitor/device_tree.h"
#include "monitor/handlers.h"
#include "monitor/monitor.h"
#include "target/i386/page_tables.h"

#include <unistd.h>

namespace qr::hmp {

void info_status(HmpCall& call) {
    const RunState state = call.target.run.run_state();
    if (state == RunState::kRunning) call.out += "VM status: running\n";
    else if (state == RunState::kPaused) call.out += "VM status: paused\n";
    else call.print("VM status: paused ({})\n", run_state_name(state));
}

void info_replay(HmpCall& call) {
    const RunControl::LogView view = call.target.run.log_view();
    if (view.mode == RunControl::LogMode::kNone) {
        call.out += "Record/replay is not active\n";
        return;
    }
    call.print("{} execution '{}': instruction count = {}\n",
               view.mode == RunControl::LogMode::kPlay ? "Replaying" : "Recording", call.target.log_file, view.icount);
    if (view.mode != RunControl::LogMode::kPlay) return;
    call.print("of {} ({:.1f} %); {} events, {} digests so far, all as recorded{}\n", view.end,
               view.end ? 100.0 * static_cast<double>(view.icount) / static_cast<double>(view.end) : 100.0, view.events,
               view.digests, !view.at_end ? "" : view.divergence.empty() ? "; the recording ends here" : "; the replay diverged here");
    if (view.speed > 0) call.print("at {} times the recording's speed\n", view.speed);
    for (const uint64_t icount : view.breakpoints) call.print("stops at instruction count {}\n", icount);
    if (view.checkpoint_budget)
        call.print("{} checkpoints, {:.1f} of {} MiB\n", view.checkpoints,
                   static_cast<double>(view.checkpoint_bytes) / 1048576, view.checkpoint_budget >> 20);
}

void info_registers(HmpCall& call) {
    call.out += "\nCPU#0\n" + call.target.board.cpu().describe();
}

void info_memdev(HmpCall& call) {
    call.print("memory backend: pc.ram\n  size:  {}\n  merge: true\n  dump: true\n  prealloc: false\n  share: false\n"
               "  reserve: true\n  policy: default\n  host nodes: \n\n",
               call.target.ram_size);
}

void info_numa(HmpCall& call) { call.out += "0 nodes\n"; }

void info_hotpluggable_cpus(HmpCall& call) {
    call.out += "Hotpluggable CPUs:\n  type: \"qemu32-i386-cpu\"\n  vcpus_count: \"1\"\n"
                "  qom_path: \"/machine/unattached/device[0]\"\n  CPUInstance Properties:\n"
                "    socket-id: \"0\"\n    core-id: \"0\"\n    thread-id: \"0\"\n";
}

void info_cpus(HmpCall& call) { call.print("* CPU #0: thread_id={}\n", gettid()); }

void info_mem(HmpCall& call) {
    const i386::Cpu& cpu = call.target.board.cpu();
    if (!cpu.paging()) return call.out += "PG disabled\n", void();
    // Neighbours with the same rights are one line.
    std::optional<i386::MappedPage> run;
    const auto finish = [&] {
        if (!run) return;
        call.print("{:016x}-{:016x} {:016x} {}r{}\n", run->linear, run->linear + run->size, run->size,
                   run->user ? 'u' : '-', run->writable ? 'w' : '-');
    };
    i386::for_each_mapping(cpu, [&](const i386::MappedPage& page) {
        if (run && run->linear + run->size == page.linear && run->user == page.user && run->writable == page.writable) {
            run->size += page.size;
            return;
        }
        finish();
        run = page;
    });
    finish();
}

void info_tlb(HmpCall& call) {
    const i386::Cpu& cpu = call.target.board.cpu();
    if (!cpu.paging()) return call.out += "PG disabled\n", void();
    i386::for_each_mapping(cpu, [&](const i386::MappedPage& page) {
        const auto flag = [&page](unsigned n, char c) { return page.entry >> n & 1 ? c : '-'; };
        call.print("{:016x}: {:016x} {}{}{}{}{}{}{}{}{}\n", page.linear, page.physical, flag(63, 'X'), flag(8, 'G'),
                   page.size > kPageSize ? 'P' : '-', flag(6, 'D'), flag(5, 'A'), flag(4, 'C'), flag(3, 'T'),
                   flag(2, 'U'), flag(1, 'W'));
    });
}

void info_mtree(HmpCall& call) {
    call.out += "address-space: memory\n" + call.target.board.memory().describe_flat() + "\naddress-space: I/O\n" +
                call.target.board.ports().describe();
}

void info_ramblock(HmpCall& call) {
    call.print("{:>16}  {:>18}  {}\n", "Block Name", "Size", "");
    for (const RamBlock* block : call.target.board.memory().blocks())
        call.print("{:>16}  0x{:016x}  {}\n", block->name(), block->size(), block->read_only() ? "rom" : "ram");
}

void info_memory_size(HmpCall& call) {
    call.print("base memory: {}\nplugged memory: 0\n", call.target.ram_size);
}

void info_qtree(HmpCall& call) { call.out += device_tree(call.target.board); }
void info_pci(HmpCall& call) { call.out += call.target.board.pci().describe(); }
void info_pic(HmpCall& call) { call.out += call.target.board.interrupt_controllers(); }
void info_lapic(HmpCall& call) { call.out += call.target.board.local_apic(); }

void info_irq(HmpCall& call) {
    const auto counts = call.target.board.interrupt_counts();
    const auto list = [&](const char* name, size_t pins) {
        call.print("IRQ statistics for {}:\n", name);
        for (size_t i = 0; i < pins; ++i)
            if (counts[i]) call.print("{:2}: {}\n", i, counts[i]);
    };
    list("ioapic", 24);
    list("isa-i8259", 16);
}

void info_roms(HmpCall& call) {
    for (const MonitorTarget::Rom& rom : call.target.roms) {
        if (rom.address) call.print("addr={:016x} size=0x{:06x} mem=rom name=\"{}\"\n", rom.address, rom.size, rom.name);
        else call.print("fw={} size=0x{:06x} name=\"{}\"\n", rom.name, rom.size, rom.name);
    }
}

void info_jit(HmpCall& call) {
    std::string text = call.target.translator ? call.target.translator() : "";
    call.out += text.empty() ? "JIT information is only available with accel=tcg\n" : text;
}

}  // namespace qr::hmp
