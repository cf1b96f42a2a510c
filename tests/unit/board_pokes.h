// SPDX-License-Identifier: GPL-2.0-or-later
// Random accesses to the registers of a board's devices, by a table of devices: what the tests of hostile drivers and the
// fuzzer of devices share. The CPU executes nothing; an access counts as an instruction, and virtual time passes
// between accesses. Where random bytes would seldom get far, a device has a driver of its own that begins requests as
// they should be begun, with random contents. Sources: the devices' headers.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <random>
#include <span>
#include <string>

#include "tests/unit/board_fixture.h"

namespace qr::test {

// Where decisions come from: a generator, or a fuzzer's bytes.
class Choices {
  public:
    virtual ~Choices() = default;
    virtual uint32_t number() = 0;
    uint32_t below(uint32_t n) { return number() % n; }
    bool one_in(uint32_t n) { return below(n) == 0; }
};

class RandomChoices final : public Choices {
  public:
    explicit RandomChoices(uint32_t seed) : random_(seed) {}
    uint32_t number() override { return static_cast<uint32_t>(random_()); }

  private:
    std::mt19937 random_;
};

class Pokes;

struct PokeWindow {
    enum class Space : uint8_t { kPort, kMemory, kConfig } space;
    uint64_t base;  // kConfig: the function's number
    uint32_t size;
};

struct PokedDevice {
    const char* name;
    std::span<const PokeWindow> windows;
    void (Pokes::*driver)();  // may be null
};

inline void PrintTo(const PokedDevice& device, std::ostream* out) { *out << device.name; }

// Every device that a PC has.
std::span<const PokedDevice> poked_devices();

// All devices at once: two disks, both CD-ROM and floppy drives, virtio-blk, debug ports.
BoardKind poked_board();

class Pokes {
  public:
    // hash: of what was read before.
    Pokes(LoneBoard& board, const PokedDevice& device, Choices& choices, uint64_t hash = 0)
        : board_(board), device_(device), choices_(choices), hash_(hash) {}

    // Gives PCI functions their places, as firmware does.
    static void set_up(LoneBoard& board);
    // One action: an access, a request, some input, some time.
    void poke();
    // Looks at all registers and changes nothing.
    static uint64_t peek_all(LoneBoard& board);
    // Of all values that were read.
    uint64_t hash() const { return hash_; }

    void drive_ide();
    void drive_atapi();
    void drive_floppy();
    void drive_fw_cfg();
    void drive_virtio();
    void drive_vmport();
    void drive_dma();
    void drive_i8042();
    void drive_serial();
    void drive_parallel();
    void drive_config();

  private:
    uint32_t value();
    uint32_t address();
    void access(const PokeWindow& window);
    uint32_t in(uint16_t port, unsigned size = 1);
    void out(uint16_t port, uint32_t value, unsigned size = 1);
    uint64_t read(uint64_t at, unsigned size);
    void write(uint64_t at, unsigned size, uint64_t value);
    void fill(uint64_t at, uint32_t bytes);
    void note(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }
    void pass_time();
    void soft_reset(uint16_t control);
    void begin_bus_master(uint16_t base, bool to_memory);
    template <class Payload>
    void enter(InputPort<Payload>& port, Payload payload);

    LoneBoard& board_;
    const PokedDevice& device_;
    Choices& choices_;
    uint64_t hash_;
};

}  // namespace qr::test
