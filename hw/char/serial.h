// SPDX-License-Identifier: GPL-2.0-or-later
// 8250, 16450 and 16550A universal asynchronous receiver/transmitter on a PC's ISA bus.
// National Semiconductor PC16550D data sheet. VM thread only.
//
// Both directions take the time that the divisor and the line settings say, in virtual time. The
// other end of the cable is ideal: it uses our settings, keeps DSR, CTS and DCD active, and holds
// back while the receiver is full, so that overruns happen only in loopback. DMA signalling pins
// (RXRDY, TXRDY) lead nowhere.
#pragma once

#include <deque>

#include "chardev/char.h"
#include "exec/io.h"
#include "hw/device.h"
#include "hw/irq.h"
#include "sysemu/clock.h"

namespace qr {

enum class UartModel : uint8_t { k8250, k16450, k16550A };

// How long the transmitter takes for a character. kInstant: no time at all (as a virtual UART's
// users expect: a kernel's boot messages at 9600 baud would take half a minute); loopback is always
// paced.
enum class UartTransmit : uint8_t { kPaced, kInstant };

class Serial final : public Device {
  public:
    // name also names the door's port and the output stream: "serial0" has "serial0.rx",
    // "serial0.tx". irq: gated by OUT2 here, as on the PC's adapter.
    Serial(std::string name, Door& door, VirtualClock& clock, IrqLine irq,
           UartModel model = UartModel::k16550A,
           UartTransmit transmit = UartTransmit::kPaced);

    IoRegion& region() { return region_; }  // 8 ports
    CharEnd& end() { return end_; }

    // Modem lines as the cable drives them: MSR bits 7:4 (DCD, RI, DSR, CTS).
    void set_modem_inputs(uint8_t lines);

    void reset() override;
    void state(StateVisitor& v) override;
    void after_load() override;

  private:
    enum class Tx : uint8_t { kIdle, kStarting, kShifting };

    uint8_t read(uint64_t offset);
    uint8_t peek(uint64_t offset) const;
    void write(uint64_t offset, uint8_t value);

    bool fifos_on() const;
    bool loopback() const;
    size_t rx_capacity() const { return fifos_on() ? 16 : 1; }
    int64_t bit_ns(unsigned halves) const;
    int64_t char_ns() const;
    uint8_t word_mask() const;

    void write_thr(uint8_t value);
    void tx_event();
    void load_shift_register();
    void thr_empty();
    void flush_tx();

    void input(CharInput& input);
    void update_room();
    void listen();
    void rx_event();
    void received(uint16_t entry);
    void show_front();
    uint8_t read_rbr();
    void flush_rx();
    void restart_timeout();
    void timed_out();

    uint8_t lsr() const;
    uint8_t read_lsr();
    uint8_t read_msr();
    uint8_t modem_lines() const;
    void update_modem();
    void write_fcr(uint8_t value);
    void write_lcr(uint8_t value);
    void write_mcr(uint8_t value);
    uint8_t iir() const;
    uint8_t read_iir();
    void update_irq();

    VirtualClock& clock_;
    IrqLine irq_;
    UartModel model_;
    bool instant_transmit_;
    Timer tx_timer_;       // the shift register's next step
    Timer thre_timer_;     // THRE after its delay in FIFO mode
    Timer rx_timer_;       // a character has arrived
    Timer timeout_timer_;  // nobody cared for the receiver FIFO for four characters
    CharEnd end_;
    IoRegion region_;

    uint8_t ier_ = 0;
    uint8_t fcr_ = 0;
    uint8_t lcr_ = 0;
    uint8_t mcr_ = 0;
    uint8_t scratch_ = 0;
    uint16_t divisor_ = 12;
    uint8_t lsr_errors_ = 0;   // LSR bits 4:1
    uint8_t modem_inputs_ = 0xb0;
    uint8_t msr_lines_ = 0xb0;  // as last seen, for deltas
    uint8_t msr_delta_ = 0;

    Tx tx_ = Tx::kIdle;
    uint8_t shift_register_ = 0;
    int64_t tx_due_ns_ = 0;
    std::deque<uint8_t> tx_fifo_;
    bool thre_ = true;
    bool thre_interrupt_ = false;
    bool tx_had_two_ = false;  // two characters waited at once since THRE was last set

    std::deque<uint16_t> rx_fifo_;  // bits 12:8: the LSR error bits 4:0 of each
    bool timeout_interrupt_ = false;
    std::deque<uint16_t> cable_;  // what the host has sent and nobody has received; 0x100: a break
};

}  // namespace qr
