; SPDX-License-Identifier: GPL-2.0-or-later
; INC and DEC keep CF, which here is wanted and there isn't.
    inc eax
    dec ecx
    add edx, 1
    inc ebx
    adc edx, 0
    inc dword [esi]
    dec byte [edi]
    add eax, eax
    hlt
