; SPDX-License-Identifier: GPL-2.0-or-later
; Arithmetic between registers and with immediates; only the last one's flags matter.
    add eax, ebx
    or ecx, edx
    and esi, edi
    sub ebp, eax
    xor ebx, ebx
    add eax, 5
    sub ecx, 0x12345678
    and edx, 0xff
    not edx
    neg ecx
    cmp eax, ecx
    hlt
