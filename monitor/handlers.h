// SPDX-License-Identifier: GPL-2.0-or-later
//
// All handlers that the table in commands.cc names.
#pragma once

#include "monitor/command.h"

namespace qr::hmp {

// hmp_help.cc
void help(HmpCall& call);
void info(HmpCall& call);
void info_history(HmpCall& call);
void info_version(HmpCall& call);
void info_name(HmpCall& call);
void info_uuid(HmpCall& call);
void info_chardev(HmpCall& call);
void info_mice(HmpCall& call);
void info_nothing(HmpCall& call);
void info_kvm(HmpCall& call);

// hmp_info.cc
void info_status(HmpCall& call);
void info_replay(HmpCall& call);
void info_registers(HmpCall& call);
void info_cpus(HmpCall& call);
void info_mem(HmpCall& call);
void info_tlb(HmpCall& call);
void info_mtree(HmpCall& call);
void info_ramblock(HmpCall& call);
void info_memory_size(HmpCall& call);
void info_memdev(HmpCall& call);
void info_numa(HmpCall& call);
void info_hotpluggable_cpus(HmpCall& call);
void info_qtree(HmpCall& call);
void info_pci(HmpCall& call);
void info_irq(HmpCall& call);
void info_pic(HmpCall& call);
void info_lapic(HmpCall& call);
void info_roms(HmpCall& call);
void info_jit(HmpCall& call);

// hmp_run.cc
void stop(HmpCall& call);
void cont(HmpCall& call);
void quit(HmpCall& call);
void system_reset(HmpCall& call);
void system_powerdown(HmpCall& call);
void system_wakeup(HmpCall& call);
void nmi(HmpCall& call);
void cpu(HmpCall& call);
void replay_break(HmpCall& call);
void replay_delete_break(HmpCall& call);
void replay_live(HmpCall& call);
void replay_seek(HmpCall& call);
void replay_speed(HmpCall& call);
void log(HmpCall& call);
void logfile(HmpCall& call);
void gdbserver(HmpCall& call);
void trace_event(HmpCall& call);
void info_trace_events(HmpCall& call);

// hmp_memory.cc
void examine(HmpCall& call);
void examine_physical(HmpCall& call);
void virtual_to_physical(HmpCall& call);
void print(HmpCall& call);
void sum(HmpCall& call);
void port_read(HmpCall& call);
void port_write(HmpCall& call);
void memsave(HmpCall& call);
void pmemsave(HmpCall& call);

// hmp_input.cc
void sendkey(HmpCall& call);
void mouse_move(HmpCall& call);
void mouse_button(HmpCall& call);
void mouse_set(HmpCall& call);
void screendump(HmpCall& call);

// hmp_snapshots.cc
void savevm(HmpCall& call);
void loadvm(HmpCall& call);
void delvm(HmpCall& call);
void info_snapshots(HmpCall& call);
void record(HmpCall& call);
void record_stop(HmpCall& call);

// hmp_vnc.cc
void info_vnc(HmpCall& call);
void set_password(HmpCall& call);
void expire_password(HmpCall& call);
void change_vnc(HmpCall& call);

// hmp_block.cc
void info_block(HmpCall& call);
void eject(HmpCall& call);
void change(HmpCall& call);

}  // namespace qr::hmp

namespace qr {
// hmp_block.cc, for both monitors.
Result<void> eject_drive(MonitorTarget& target, const std::string& id, bool force);
Result<void> change_drive(MonitorTarget& target, const std::string& id, const std::string& file,
                          const std::string& format);

// hmp_vnc.cc, for both monitors. when: "now", "never", "+SECONDS" from now, or seconds since 1970.
Result<void> set_vnc_password(MonitorTarget& target, const std::string& password);
Result<void> expire_vnc_password(MonitorTarget& target, const std::string& when);
}  // namespace qr

namespace qr::qmp {

// qmp_query.cc
void query_version(QmpCall& call);
void query_status(QmpCall& call);
void query_commands(QmpCall& call);
void query_schema(QmpCall& call);
void query_kvm(QmpCall& call);
void query_name(QmpCall& call);
void query_uuid(QmpCall& call);
void query_cpus_fast(QmpCall& call);
void query_chardev(QmpCall& call);
void query_mice(QmpCall& call);
void query_replay(QmpCall& call);
void query_machines(QmpCall& call);
void query_target(QmpCall& call);
void query_memory_size(QmpCall& call);
void query_memdev(QmpCall& call);
void query_hotpluggable_cpus(QmpCall& call);
void query_current_machine(QmpCall& call);
void query_pci(QmpCall& call);
void query_empty_list(QmpCall& call);
void query_display_options(QmpCall& call);

// qmp_block.cc
void query_block(QmpCall& call);
void query_named_block_nodes(QmpCall& call);

// qmp_jobs.cc
void snapshot_save(QmpCall& call);
void snapshot_load(QmpCall& call);
void snapshot_delete(QmpCall& call);
void query_jobs(QmpCall& call);
void job_cancel(QmpCall& call);
void job_complete(QmpCall& call);
void job_dismiss(QmpCall& call);
void job_finalize(QmpCall& call);
void job_pause(QmpCall& call);
void job_resume(QmpCall& call);

// qmp_vnc.cc
void query_vnc(QmpCall& call);
void query_vnc_servers(QmpCall& call);
void set_password(QmpCall& call);
void expire_password(QmpCall& call);
void change_vnc_password(QmpCall& call);

// qmp_control.cc
void nothing(QmpCall& call);
void stop(QmpCall& call);
void cont(QmpCall& call);
void quit(QmpCall& call);
void system_reset(QmpCall& call);
void system_powerdown(QmpCall& call);
void system_wakeup(QmpCall& call);
void inject_nmi(QmpCall& call);
void send_key(QmpCall& call);
void input_send_event(QmpCall& call);
void memsave(QmpCall& call);
void pmemsave(QmpCall& call);
void screendump(QmpCall& call);
void eject(QmpCall& call);
void change_medium(QmpCall& call);
void record_start(QmpCall& call);
void record_stop(QmpCall& call);
void replay_break(QmpCall& call);
void replay_delete_break(QmpCall& call);
void replay_live(QmpCall& call);
void replay_seek(QmpCall& call);
void replay_set_speed(QmpCall& call);
void trace_event_get_state(QmpCall& call);
void trace_event_set_state(QmpCall& call);

}  // namespace qr::qmp
