; SPDX-License-Identifier: GPL-2.0-or-later
; Instructions that have no code of their own, and how a block goes on after them.
    xor eax, eax
    cpuid
    mov ecx, 4
    mov esi, 0x20000
    mov edi, 0x21000
    rep movsd
    lodsb
    enter 8, 0
    aaa
    in al, 0x80
    add eax, 1
    hlt
