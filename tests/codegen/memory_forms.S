; SPDX-License-Identifier: GPL-2.0-or-later
; Forms of addresses.
    xor ecx, ecx
    xor ebx, ebx
    mov eax, [0x20000]
    mov eax, [esi]
    mov eax, [esi + 0x1000]
    mov eax, [esi + ecx * 4]
    mov eax, [esi + ebx * 2 + 0x2000]
    mov eax, [ecx * 8 + 0x23000]
    mov eax, [fs:esi]
    mov eax, [es:esi]
    mov [0x24000], al
    mov [0x25000], eax
    a16 mov eax, [si]
    hlt
