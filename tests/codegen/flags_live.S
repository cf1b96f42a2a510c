; SPDX-License-Identifier: GPL-2.0-or-later
; A handler may look at the flags, and so may a fault: both need them all.
    add eax, 1
    pushf
    sub ecx, 1
    mov edx, [esi]
    and ebx, 1
    lahf
    sahf
    hlt
