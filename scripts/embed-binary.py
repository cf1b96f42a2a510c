#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a C++ source file of a binary file.

usage: embed-binary.py BINARY SOURCE HEADER FUNCTION

SOURCE then defines `std::span<const uint8_t> qr::FUNCTION()`, which HEADER declares.
"""

import os
import sys

PER_LINE = 16


def main() -> int:
    if len(sys.argv) != 5:
        print(__doc__.strip(), file=sys.stderr)
        return 1
    binary, source, header, function = sys.argv[1:]
    with open(binary, "rb") as file:
        data = file.read()
    lines = []
    for at in range(0, len(data), PER_LINE):
        lines.append("    " + " ".join(f"0x{byte:02x}," for byte in data[at : at + PER_LINE]))
    with open(source, "w", encoding="ascii") as file:
        file.write(
            "// SPDX-License-Identifier: GPL-2.0-or-later\n"
            f"// {os.path.basename(binary)}, embedded by scripts/embed-binary.py.\n"
            f'#include "{header}"\n\n'
            "namespace qr {\n\n"
            "namespace {\n\n"
            f"constexpr uint8_t kBytes[{len(data)}] = {{\n" + "\n".join(lines) + "\n};\n\n"
            "}  // namespace\n\n"
            f"std::span<const uint8_t> {function}() {{ return kBytes; }}\n\n"
            "}  // namespace qr\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
