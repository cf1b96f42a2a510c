; SPDX-License-Identifier: GPL-2.0-or-later
; Pushes and pops of all kinds.
    push eax
    push 0x1234
    push dword [esi]
    pop ecx
    pop edx
    pop dword [esi]
    push esp
    pop esp
    pushf
    popf
    pusha
    popa
    push fs
    pop fs
    hlt
