; SPDX-License-Identifier: GPL-2.0-or-later
; Moves that extend, exchange and compute addresses.
    movzx eax, bl
    movzx ecx, dh
    movsx edx, ax
    movzx ebx, byte [esi]
    movsx ebp, word [esi]
    xchg eax, ecx
    xchg [esi], edx
    bswap eax
    lea eax, [ecx + edx * 4 + 0x10]
    cwde
    cdq
    mov dword [edi], 0x11223344
    hlt
