// SPDX-License-Identifier: GPL-2.0-or-later
//
// 8250/16450/16550A UART. Source: National Semiconductor PC16550D data sheet, section 8 (registers
// and their reset state, FIFO interrupt and polled mode operation); IBM PC/AT Technical Reference
// for OUT2.
#include "hw/char/serial.h"

#include "util/bits.h"

namespace qr {

namespace {

constexpr int64_t kInputHz = 1'843'200;
constexpr size_t kFifoSize = 16;
constexpr size_t kCableSize = 4096;
constexpr uint16_t kCableBreak = 0x100;

// IER
constexpr uint8_t kIerReceive = 1 << 0;
constexpr uint8_t kIerTransmit = 1 << 1;
constexpr uint8_t kIerLine = 1 << 2;
constexpr uint8_t kIerModem = 1 << 3;

// IIR
constexpr uint8_t kIirNone = 0x01;
constexpr uint8_t kIirModem = 0x00;
constexpr uint8_t kIirTransmit = 0x02;
constexpr uint8_t kIirReceive = 0x04;
constexpr uint8_t kIirLine = 0x06;
constexpr uint8_t kIirTimeout = 0x0c;
constexpr uint8_t kIirFifos = 0xc0;

// FCR
constexpr uint8_t kFcrEnable = 1 << 0;
constexpr uint8_t kFcrResetReceiver = 1 << 1;
constexpr uint8_t kFcrResetTransmitter = 1 << 2;
constexpr uint8_t kFcrKept = 0xc9;

// LCR
constexpr uint8_t kLcrTwoStopBits = 1 << 2;
constexpr uint8_t kLcrParity = 1 << 3;
constexpr uint8_t kLcrBreak = 1 << 6;
constexpr uint8_t kLcrDivisor = 1 << 7;

// MCR
constexpr uint8_t kMcrDtr = 1 << 0;
constexpr uint8_t kMcrRts = 1 << 1;
constexpr uint8_t kMcrOut1 = 1 << 2;
constexpr uint8_t kMcrOut2 = 1 << 3;
constexpr uint8_t kMcrLoop = 1 << 4;

// LSR
constexpr uint8_t kLsrDataReady = 1 << 0;
constexpr uint8_t kLsrOverrun = 1 << 1;
constexpr uint8_t kLsrFraming = 1 << 3;
constexpr uint8_t kLsrBreak = 1 << 4;
constexpr uint8_t kLsrErrors = 0x1e;
constexpr uint8_t kLsrThrEmpty = 1 << 5;
constexpr uint8_t kLsrTransmitterEmpty = 1 << 6;
constexpr uint8_t kLsrFifoError = 1 << 7;

// MSR
constexpr uint8_t kMsrCts = 1 << 4;
constexpr uint8_t kMsrDsr = 1 << 5;
constexpr uint8_t kMsrRi = 1 << 6;
constexpr uint8_t kMsrDcd = 1 << 7;

}  // namespace

Serial::Serial(std::string name, Door& door, VirtualClock& clock, IrqLine irq, UartModel model,
               UartTransmit transmit)
    : Device(name),
      clock_(clock),
      irq_(irq),
      model_(model),
      instant_transmit_(transmit == UartTransmit::kInstant),
      tx_timer_(clock, name + ".tx", [this] { tx_event(); }),
      thre_timer_(clock, name + ".thre", [this] { thr_empty(); }),
      rx_timer_(clock, name + ".rx", [this] { rx_event(); }),
      timeout_timer_(clock, name + ".timeout", [this] { timed_out(); }),
      end_(door, name, [this](CharInput& in) { input(in); }),
      region_(name, 8,
              {.read = [this](uint64_t o, unsigned) { return read(o); },
               .write = [this](uint64_t o, unsigned,
                               uint64_t v) { write(o, static_cast<uint8_t>(v)); },
               .peek = [this](uint64_t o, unsigned) { return peek(o); },
               .max_size = 1}) {
    update_room();
}

// ---- line settings and their times ----

bool Serial::fifos_on() const { return fcr_ & kFcrEnable; }
bool Serial::loopback() const { return mcr_ & kMcrLoop; }

// Time of `halves` half bits: a bit is 16 clocks of the input frequency divided by the divisor.
int64_t Serial::bit_ns(unsigned halves) const {
    const uint64_t divisor = divisor_ ? divisor_ : 0x10000;
    return static_cast<int64_t>(muldiv_up(8 * divisor * halves, kNsPerSecond, kInputHz));
}

// Start bit, 5 to 8 data bits, parity, and 1, 1.5 (of 5 data bits) or 2 stop bits.
int64_t Serial::char_ns() const {
    const unsigned data = 5 + (lcr_ & 3);
    unsigned halves = 2 * (1 + data + 1);
    if (lcr_ & kLcrParity) halves += 2;
    if (lcr_ & kLcrTwoStopBits) halves += data == 5 ? 1 : 2;
    return bit_ns(halves);
}

uint8_t Serial::word_mask() const { return static_cast<uint8_t>(ones(1) >> (3 - (lcr_ & 3))); }

// ---- transmitter ----

void Serial::write_thr(uint8_t value) {
    if (instant_transmit_ && !loopback() && tx_ == Tx::kIdle) {
        if (!(lcr_ & kLcrBreak)) end_.tx.write(static_cast<uint8_t>(value & word_mask()));
        // The interrupt goes away with the write, and comes back as an edge.
        thre_interrupt_ = false;
        update_irq();
        return thr_empty();
    }
    if (fifos_on()) {
        if (tx_fifo_.size() < kFifoSize) tx_fifo_.push_back(value);
    } else {
        tx_fifo_.assign(1, value);
    }
    if (tx_fifo_.size() >= 2) tx_had_two_ = true;
    thre_ = false;
    thre_interrupt_ = false;
    thre_timer_.disarm();
    if (tx_ == Tx::kIdle) {
        // The transmitter begins within 8 to 24 clocks of its baud rate generator; one bit is 16.
        tx_ = Tx::kStarting;
        tx_due_ns_ = clock_.now_ns() + bit_ns(2);
        tx_timer_.arm(tx_due_ns_);
    }
    update_irq();
}

void Serial::tx_event() {
    if (tx_ == Tx::kShifting) {
        tx_ = Tx::kIdle;
        if (loopback()) received(shift_register_);
    }
    if (tx_fifo_.empty())
        tx_ = Tx::kIdle;
    else
        load_shift_register();
    update_irq();
}

// The byte is given to the host as its first bit leaves, so that what was sent just before a reset
// or power-off is seen.
void Serial::load_shift_register() {
    shift_register_ = tx_fifo_.front() & word_mask();
    tx_fifo_.pop_front();
    tx_ = Tx::kShifting;
    if (!loopback() && !(lcr_ & kLcrBreak)) end_.tx.write(shift_register_);
    const int64_t begin = tx_due_ns_;
    tx_due_ns_ = begin + char_ns();
    tx_timer_.arm(tx_due_ns_);
    if (!tx_fifo_.empty()) return;
    // In FIFO mode THRE is late by a character less its stop bit, unless two characters had waited.
    if (fifos_on() && !tx_had_two_)
        thre_timer_.arm(tx_due_ns_ - bit_ns(2));
    else
        thr_empty();
}

void Serial::thr_empty() {
    thre_ = true;
    thre_interrupt_ = true;
    tx_had_two_ = false;
    update_irq();
}

void Serial::flush_tx() {
    tx_fifo_.clear();
    thre_timer_.disarm();
    if (tx_ == Tx::kStarting) {
        tx_ = Tx::kIdle;
        tx_timer_.disarm();
    }
    if (!thre_) thr_empty();
}

// ---- receiver ----

void Serial::input(CharInput& in) {
    for (const uint8_t byte : in.data)
        if (cable_.size() < kCableSize) cable_.push_back(byte);
    if (in.line_break && cable_.size() < kCableSize) cable_.push_back(kCableBreak);
    update_room();
    listen();
}

void Serial::update_room() { end_.rx.set_room(kCableSize - cable_.size()); }

// The next character begins to arrive, if there is room for it.
void Serial::listen() {
    if (rx_timer_.armed() || cable_.empty() || loopback()) return;
    if (rx_fifo_.size() >= rx_capacity()) return;
    rx_timer_.arm(clock_.now_ns() + char_ns());
}

void Serial::rx_event() {
    // Loopback cuts the cable off, a full receiver makes the other end wait.
    if (cable_.empty() || loopback() || rx_fifo_.size() >= rx_capacity()) return;
    const uint16_t entry = cable_.front();
    cable_.pop_front();
    update_room();
    if (entry & kCableBreak)
        received(static_cast<uint16_t>(kLsrBreak | kLsrFraming) << 8);
    else
        received(entry & word_mask());
    listen();
}

// A character is complete. A full FIFO keeps what it has; a single register is overwritten.
void Serial::received(uint16_t entry) {
    if (rx_fifo_.size() >= rx_capacity()) {
        lsr_errors_ |= kLsrOverrun;
        if (fifos_on()) {
            update_irq();
            return;
        }
        rx_fifo_.clear();
    }
    rx_fifo_.push_back(entry);
    if (rx_fifo_.size() == 1) show_front();
    restart_timeout();
    update_irq();
}

// Errors show in LSR when their character comes to the front.
void Serial::show_front() {
    if (!rx_fifo_.empty()) lsr_errors_ |= static_cast<uint8_t>(rx_fifo_.front() >> 8) & kLsrErrors;
}

uint8_t Serial::read_rbr() {
    uint8_t value = 0;
    if (!rx_fifo_.empty()) {
        value = static_cast<uint8_t>(rx_fifo_.front());
        rx_fifo_.pop_front();
        show_front();
    }
    timeout_interrupt_ = false;
    restart_timeout();
    listen();
    update_irq();
    return value;
}

void Serial::flush_rx() {
    rx_fifo_.clear();
    timeout_interrupt_ = false;
    timeout_timer_.disarm();
    listen();
}

void Serial::restart_timeout() {
    if (fifos_on() && !rx_fifo_.empty())
        timeout_timer_.arm(clock_.now_ns() + 4 * char_ns());
    else
        timeout_timer_.disarm();
}

void Serial::timed_out() {
    timeout_interrupt_ = true;
    update_irq();
}

// ---- status ----

uint8_t Serial::lsr() const {
    uint8_t value = lsr_errors_;
    if (!rx_fifo_.empty()) value |= kLsrDataReady;
    if (thre_) value |= kLsrThrEmpty;
    if (thre_ && tx_ == Tx::kIdle) value |= kLsrTransmitterEmpty;
    if (fifos_on())
        for (const uint16_t entry : rx_fifo_)
            if (entry >> 8) value |= kLsrFifoError;
    return value;
}

uint8_t Serial::read_lsr() {
    const uint8_t value = lsr();
    lsr_errors_ = 0;
    if (!rx_fifo_.empty()) rx_fifo_.front() &= 0xff;
    update_irq();
    return value;
}

uint8_t Serial::modem_lines() const {
    if (!loopback()) return modem_inputs_;
    return static_cast<uint8_t>((mcr_ & kMcrRts ? kMsrCts : 0) | (mcr_ & kMcrDtr ? kMsrDsr : 0) |
                                (mcr_ & kMcrOut1 ? kMsrRi : 0) | (mcr_ & kMcrOut2 ? kMsrDcd : 0));
}

void Serial::update_modem() {
    const uint8_t lines = modem_lines();
    const uint8_t changed = lines ^ msr_lines_;
    msr_delta_ |= static_cast<uint8_t>((changed & (kMsrCts | kMsrDsr | kMsrDcd)) >> 4);
    if (changed & ~lines & kMsrRi) msr_delta_ |= kMsrRi >> 4;  // the trailing edge
    msr_lines_ = lines;
    update_irq();
}

void Serial::set_modem_inputs(uint8_t lines) {
    modem_inputs_ = lines & 0xf0;
    update_modem();
}

uint8_t Serial::read_msr() {
    const uint8_t value = msr_lines_ | msr_delta_;
    msr_delta_ = 0;
    update_irq();
    return value;
}

// ---- interrupts ----

uint8_t Serial::iir() const {
    static constexpr size_t kTriggers[] = {1, 4, 8, 14};
    const uint8_t fifos = fifos_on() ? kIirFifos : 0;
    const size_t trigger = fifos_on() ? kTriggers[fcr_ >> 6] : 1;
    uint8_t source = kIirNone;
    if (ier_ & kIerLine && lsr_errors_)
        source = kIirLine;
    else if (ier_ & kIerReceive && rx_fifo_.size() >= trigger)
        source = kIirReceive;
    else if (ier_ & kIerReceive && timeout_interrupt_)
        source = kIirTimeout;
    else if (ier_ & kIerTransmit && thre_interrupt_)
        source = kIirTransmit;
    else if (ier_ & kIerModem && msr_delta_)
        source = kIirModem;
    return source | fifos;
}

uint8_t Serial::read_iir() {
    const uint8_t value = iir();
    if ((value & 0x0f) == kIirTransmit) {
        thre_interrupt_ = false;
        update_irq();
    }
    return value;
}

// The adapter's driver for the bus is enabled by OUT2, a pin that loopback holds inactive.
void Serial::update_irq() {
    const bool enabled = mcr_ & kMcrOut2 && !loopback();
    irq_.set(enabled && !(iir() & kIirNone));
}

// ---- registers ----

void Serial::write_fcr(uint8_t value) {
    if (model_ != UartModel::k16550A) return;
    const bool toggled = (value ^ fcr_) & kFcrEnable;
    const bool enable = value & kFcrEnable;
    fcr_ = enable ? value & kFcrKept : 0;
    if (toggled || (enable && value & kFcrResetTransmitter)) flush_tx();
    if (toggled || (enable && value & kFcrResetReceiver)) flush_rx();
    update_irq();
}

void Serial::write_lcr(uint8_t value) { lcr_ = value; }

void Serial::write_mcr(uint8_t value) {
    mcr_ = value & 0x1f;
    update_modem();
    listen();
}

uint8_t Serial::read(uint64_t offset) {
    const bool divisor = lcr_ & kLcrDivisor;
    switch (offset) {
        case 0: return divisor ? static_cast<uint8_t>(divisor_) : read_rbr();
        case 2: return read_iir();
        case 5: return read_lsr();
        case 6: return read_msr();
        default: return peek(offset);
    }
}

uint8_t Serial::peek(uint64_t offset) const {
    const bool divisor = lcr_ & kLcrDivisor;
    switch (offset) {
        case 0:
            if (divisor) return static_cast<uint8_t>(divisor_);
            return rx_fifo_.empty() ? 0 : static_cast<uint8_t>(rx_fifo_.front());
        case 1: return divisor ? static_cast<uint8_t>(divisor_ >> 8) : ier_;
        case 2: return iir();
        case 3: return lcr_;
        case 4: return mcr_;
        case 5: return lsr();
        case 6: return msr_lines_ | msr_delta_;
        default: return model_ == UartModel::k8250 ? 0xff : scratch_;
    }
}

void Serial::write(uint64_t offset, uint8_t value) {
    const bool divisor = lcr_ & kLcrDivisor;
    switch (offset) {
        case 0:
            if (divisor)
                divisor_ = static_cast<uint16_t>((divisor_ & 0xff00) | value);
            else
                write_thr(value);
            break;
        case 1:
            if (divisor) {
                divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | value << 8);
                break;
            }
            // Enabling the transmitter interrupt while THR is empty requests it at once.
            if (value & ~ier_ & kIerTransmit && thre_) thre_interrupt_ = true;
            ier_ = value & 0x0f;
            update_irq();
            break;
        case 2: write_fcr(value); break;
        case 3: write_lcr(value); break;
        case 4: write_mcr(value); break;
        case 7: scratch_ = value; break;
        default: break;  // LSR and MSR are not for writing
    }
}

// ---- life ----

// Master reset. The divisor, the receiver buffer and the scratch register aren't defined by it;
// what the host sent stays on the cable.
void Serial::reset() {
    tx_timer_.disarm();
    thre_timer_.disarm();
    rx_timer_.disarm();
    timeout_timer_.disarm();
    ier_ = fcr_ = lcr_ = mcr_ = scratch_ = 0;
    divisor_ = 12;
    lsr_errors_ = 0;
    msr_lines_ = modem_inputs_;
    msr_delta_ = 0;
    tx_ = Tx::kIdle;
    shift_register_ = 0;
    tx_due_ns_ = 0;
    tx_fifo_.clear();
    thre_ = true;
    thre_interrupt_ = tx_had_two_ = timeout_interrupt_ = false;
    rx_fifo_.clear();
    listen();
    update_irq();
}

void Serial::state(StateVisitor& v) {
    v("ier", ier_);
    v("fcr", fcr_);
    v("lcr", lcr_);
    v("mcr", mcr_);
    v("scratch", scratch_);
    v("divisor", divisor_);
    v("lsr_errors", lsr_errors_);
    v("modem_inputs", modem_inputs_);
    v("msr_lines", msr_lines_);
    v("msr_delta", msr_delta_);
    v("tx", tx_);
    v("shift_register", shift_register_);
    v("tx_due_ns", tx_due_ns_);
    v("tx_fifo", tx_fifo_, kFifoSize);
    v("thre", thre_);
    v("thre_interrupt", thre_interrupt_);
    v("tx_had_two", tx_had_two_);
    v("rx_fifo", rx_fifo_, kFifoSize);
    v("timeout_interrupt", timeout_interrupt_);
    v("cable", cable_, kCableSize);
}

void Serial::after_load() { update_room(); }

}  // namespace qr
