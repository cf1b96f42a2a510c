; SPDX-License-Identifier: GPL-2.0-or-later
; Products and quotients.
    mov ebx, 3
    mul ebx
    imul ebx
    imul ecx, edx
    imul eax, [esi], 10
    mul dword [edi]
    xor edx, edx
    div ebx
    cdq
    idiv ebx
    seto al
    hlt
