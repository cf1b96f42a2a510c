#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes an option ROM valid: pads it, fills in its size and its checksums.

usage: sign-option-rom.py RAW ROM

RAW is the assembled code. Source: BIOS Boot Specification 1.01, Plug and Play BIOS specification
1.0A (3.1, 3.2).
"""

import struct
import sys

SECTOR = 512
SIZE_AT = 2
PNP_POINTER_AT = 0x1A
PNP_SIZE_AT = 5
PNP_CHECKSUM_AT = 9


def sign(raw: bytes) -> bytes:
    if raw[:2] != b"\x55\xaa":
        raise ValueError("does not begin with 55 aa")
    # One byte more than the code, for the checksum.
    sectors = len(raw) // SECTOR + 1
    if sectors > 0xFF:
        raise ValueError(f"has {len(raw)} bytes; {0xff * SECTOR - 1} is the most")
    rom = bytearray(raw.ljust(sectors * SECTOR, b"\0"))
    rom[SIZE_AT] = sectors

    (header,) = struct.unpack_from("<H", rom, PNP_POINTER_AT)
    if header:
        if rom[header : header + 4] != b"$PnP":
            raise ValueError(f"has no Plug and Play header at {header:#x}")
        size = rom[header + PNP_SIZE_AT] * 16
        rom[header + PNP_CHECKSUM_AT] = 0
        rom[header + PNP_CHECKSUM_AT] = -sum(rom[header : header + size]) & 0xFF

    rom[-1] = -sum(rom[:-1]) & 0xFF
    return bytes(rom)


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 1
    source, target = sys.argv[1:]
    with open(source, "rb") as file:
        raw = file.read()
    try:
        rom = sign(raw)
    except ValueError as error:
        print(f"{source} {error}", file=sys.stderr)
        return 1
    with open(target, "wb") as file:
        file.write(rom)
    return 0


if __name__ == "__main__":
    sys.exit(main())
