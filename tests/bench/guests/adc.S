; SPDX-License-Identifier: GPL-2.0-or-later
; Carry chains: a 256-bit number is added to another, and a chain of ADC and SBB goes through registers.
%include "flat.inc"

prepare:
        mov edi, 0x20000
        mov eax, 0x9e3779b9
.fill:  stosd
        imul eax, 1103515245
        add eax, 12345
        cmp edi, 0x20040
        jb .fill
        ret

work:   mov esi, 0x20000
        mov edi, 0x20020
        mov ebx, 1
        mov edx, 0x80000001
        mov ebp, 3
        align 16
.again: mov eax, [esi]
        add [edi], eax
%assign part 1
%rep 7
        mov eax, [esi + part * 4]
        adc [edi + part * 4], eax
%assign part part + 1
%endrep
        adc ebx, ebx
        adc edx, ebx
        adc ebp, edx
        adc ebx, 0x1234567
        sbb edx, ebp
        sbb ebp, 7
        adc edx, 0
        sbb ebx, edx
        dec ecx
        jnz .again
        mov eax, [edi + 28]
        xor eax, [edi + 12]
        xor eax, ebx
        xor eax, edx
        xor eax, ebp
        ret

IMAGE_END
