; SPDX-License-Identifier: GPL-2.0-or-later
; Memory as source and as destination, each from a register of its own: no two accesses share a check.
    mov ebx, 0x21000
    mov ebp, 0x22000
    add eax, [esi]
    add [ebx], ecx
    sub dword [ebp], 7
    cmp [edi], edx
    test dword [esi], 0x80
    not dword [ebx]
    neg dword [ebp]
    hlt
