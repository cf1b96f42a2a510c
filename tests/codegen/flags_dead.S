; SPDX-License-Identifier: GPL-2.0-or-later
; Flags that the next instruction overwrites cost nothing.
    add eax, 1
    add eax, 2
    add eax, 3
    shl eax, 2
    imul eax, eax, 7
    and eax, 0xff
    hlt
