// SPDX-License-Identifier: GPL-2.0-or-later
// Local APIC (integrated, xAPIC, version 14H, six local vectors). Source: SDM volume 3A,
// chapter 10.
//
// It stands between the board's wires and one CPU also where there is no APIC, or it is disabled:
// INTR then passes straight from the 8259A, NMI from LINT1.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "exec/io.h"
#include "hw/apic_bus.h"
#include "hw/cpu_interrupts.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

struct LocalApicConfig {
    uint8_t id = 0;
    bool bootstrap = true;      // BSP flag of IA32_APIC_BASE
    bool present = true;        // CPUID.1:EDX.APIC; false: wires only
    bool tsc_deadline = false;  // CPUID.1:ECX.TSC_DEADLINE
    // Virtual time at which the CPU's time-stamp counter reaches a value (kNoDeadline: never).
    // Needed only with tsc_deadline.
    std::function<int64_t(uint64_t tsc)> ns_at_tsc{};
};

class LocalApic final : public Device,
                        public IrqSink,
                        public InterruptController,
                        public ApicAgent {
  public:
    static constexpr int kLint0 = 0;  // INTR of the 8259A pair
    static constexpr int kLint1 = 1;  // NMI
    // Ticks a second of the timer, before the divider: one a nanosecond.
    static constexpr int64_t kTimerHz = kNsPerSecond;

    LocalApic(LocalApicConfig config, VirtualClock& clock, ApicBus& bus, InterruptAcknowledge& pic);

    // Both must be called before reset(). `remap` is called when base() or the enable bit changes.
    void connect(CpuInterruptPins& cpu) { cpu_ = &cpu; }
    void on_base_changed(std::function<void()> remap) { remap_ = std::move(remap); }

    void reset() override;
    void state(StateVisitor& v) override;
    // INIT#: everything but the APIC ID and IA32_APIC_BASE (10.4.7.3).
    void init();

    // LINT0 and LINT1.
    void set_irq(int pin, bool level) override;

    IoRegion& region() { return region_; }  // 4 KiB at base() & ~FFFH, if enabled
    uint64_t base_address() const { return base_ & 0xFFFFFF000; }

    // InterruptController
    uint8_t acknowledge() override;
    uint64_t apic_base() const override { return base_; }
    bool set_apic_base(uint64_t value) override;
    bool apic_enabled() const override { return config_.present && (base_ & kBaseEnable); }
    uint8_t cr8() const override { return tpr_ >> 4; }
    void set_cr8(uint8_t value) override;
    uint64_t tsc_deadline() const override { return tsc_deadline_; }
    void set_tsc_deadline(uint64_t value) override;
    void tsc_changed() override;

    // ApicAgent
    bool matches(uint8_t destination, bool logical) const override;
    bool accepts_vectors() const override;
    uint8_t arbitration_priority() const override;
    bool is_focus(uint8_t vector) const override;
    bool accept(const ApicMessage& message) override;

    uint8_t processor_priority() const;
    std::string describe() const;

  private:
    static constexpr uint64_t kBaseEnable = 1 << 11;
    static constexpr uint64_t kBaseBsp = 1 << 8;

    enum Lvt : uint8_t { kTimer, kThermal, kPerformance, kLvtLint0, kLvtLint1, kError, kLvtCount };

    // 256 bits, one for each vector.
    struct VectorSet {
        std::array<uint32_t, 8> words{};
        bool test(unsigned v) const { return (words[v >> 5] >> (v & 31)) & 1; }
        void set(unsigned v) { words[v >> 5] |= 1u << (v & 31); }
        void clear(unsigned v) { words[v >> 5] &= ~(1u << (v & 31)); }
        int highest() const;
    };

    void power_up();
    uint32_t read(uint64_t offset);
    uint32_t peek(uint64_t offset, bool& exists) const;
    void write(uint64_t offset, uint32_t value);
    void write_lvt(unsigned index, uint32_t value);
    void write_svr(uint32_t value);
    void send_ipi();
    void end_of_interrupt();

    bool software_enabled() const { return svr_ & 0x100; }
    bool extint_from_lint0() const;
    int deliverable() const;
    void update();
    void request(uint8_t vector, bool level);
    void local_interrupt(unsigned index);
    void evaluate_lint0_level();
    void error(uint8_t bits);

    unsigned timer_mode() const { return (lvt_[kTimer] >> 17) & 3; }
    unsigned timer_shift() const;
    uint32_t current_count() const;
    void restart_timer(uint32_t count);
    void arm_tsc_deadline();
    void timer_fired();

    const LocalApicConfig config_;
    VirtualClock& clock_;
    ApicBus& bus_;
    InterruptAcknowledge& pic_;
    CpuInterruptPins* cpu_ = nullptr;
    std::function<void()> remap_;
    IoRegion region_;
    Timer timer_;

    uint64_t base_ = 0;
    bool intr_ = false;  // as the CPU was last told
    std::array<bool, 2> lint_{};
    bool extint_ = false;  // an ExtINT message waits for its acknowledge
    uint8_t id_ = 0;
    uint8_t tpr_ = 0;
    uint8_t ldr_ = 0;
    uint8_t dfr_ = 0xF;
    uint32_t svr_ = 0xFF;
    VectorSet isr_, tmr_, irr_;
    uint8_t esr_ = 0;
    uint8_t errors_ = 0;  // since the last write to the ESR
    uint32_t icr_low_ = 0;
    uint32_t icr_high_ = 0;
    std::array<uint32_t, kLvtCount> lvt_{};
    uint8_t divide_ = 0;
    uint32_t initial_count_ = 0;
    // The count was count_at_load_ at load_ns_; 0: stopped.
    uint32_t count_at_load_ = 0;
    int64_t load_ns_ = 0;
    uint64_t tsc_deadline_ = 0;
};

}  // namespace qr
