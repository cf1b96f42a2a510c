; SPDX-License-Identifier: GPL-2.0-or-later
; Rotates, and double shifts.
    rol eax, 7
    ror ebx, 1
    rol edx, cl
    rcl eax, 1
    rcr ebx, 1
    rcl edx, 3
    shld eax, ebx, 4
    shrd ebx, edx, 9
    add eax, ebx
    hlt
