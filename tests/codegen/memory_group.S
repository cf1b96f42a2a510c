; SPDX-License-Identifier: GPL-2.0-or-later
; Fields of one structure by one register.
    mov eax, [esi]
    mov ecx, [esi + 4]
    add eax, [esi + 8]
    mov [esi + 12], eax
    mov byte [esi + 16], 1
    add esi, 32
    mov edx, [esi]
    mov [esi + 4], edx
    hlt
