// SPDX-License-Identifier: GPL-2.0-or-later
//
// A drive as its device sees it: what block/ implements and IDE, floppy and virtio-blk call. The device knows no
// image format and no host file, the drive knows no controller.
//
// A request samples its data when it is issued: a write takes its bytes then, a read returns what the medium held
// then. The host works on it meanwhile; the device arms a timer for the virtual time at which the request is to be
// done (a function of the request alone) and calls finish() there, which waits if the host is slower. So a disk
// needs nothing in the log but the host's errors, which enter by the drive's own port.
//
// Offsets and sizes are bytes. VM thread only. Source: none.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sysemu/state.h"

namespace qr {

enum class DriveStatus : uint8_t { kOk, kIoError, kNoSpace, kReadOnly, kNoMedium, kOutOfRange, kStopped };

class Drive {
  public:
    using Ticket = uint32_t;  // 0 is none

    virtual ~Drive() = default;

    virtual const std::string& id() const = 0;  // as the user named it, or as QEMU would ("ide0-hd0")
    virtual bool inserted() const = 0;
    virtual bool read_only() const = 0;
    virtual uint64_t size() const = 0;       // of the medium; 0 without one
    virtual const std::string& serial() const = 0;  // serial=..., or empty

    virtual Ticket read(uint64_t offset, uint32_t bytes) = 0;
    virtual Ticket write(uint64_t offset, std::span<const uint8_t> data) = 0;
    virtual Ticket write_zeroes(uint64_t offset, uint64_t bytes, bool may_unmap) = 0;
    virtual Ticket discard(uint64_t offset, uint64_t bytes) = 0;
    virtual Ticket flush() = 0;
    // Waits for the host. kStopped: the host has an error, and the machine stops for it; the ticket stays good, and
    // on_retry tells when to ask again. Otherwise the ticket is used up, and a read's bytes go to `data` (as many as
    // were asked for; zeroes after an error).
    virtual DriveStatus finish(Ticket ticket, std::vector<uint8_t>* data = nullptr) = 0;
    // Gives a request up: its result is dropped. What it writes may be written.
    virtual void cancel(Ticket ticket) = 0;

    // Called when what kStopped told of is being tried again: there is something to finish() now. Not to be done in the
    // call itself.
    virtual void on_retry(std::function<void()>) {}

    // Removable media. Locked: the guest prevents removal; the user's eject asks on_eject_request first.
    virtual void lock(bool locked) = 0;
    virtual void eject(bool open) = 0;  // by the guest; open: the tray is out
    // Called when the user's change of the medium has entered the machine (it came through the door).
    virtual void on_medium_change(std::function<void()> changed) = 0;
    virtual void on_eject_request(std::function<void()> asked) = 0;
    // inserted() is false while the tray is out, whatever lies in it.
    virtual bool tray_open() const { return false; }
    virtual bool locked() const { return false; }

    // Requests in flight with their data, medium and tray. Part of the machine's state; the device's own state()
    // has its tickets.
    virtual void state(StateVisitor& v) = 0;
};

}  // namespace qr
