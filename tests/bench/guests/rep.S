; SPDX-License-Identifier: GPL-2.0-or-later
; String instructions with a repeat prefix; a turn is 4 KB of MOVSD or STOSD, 1 KB of SCASB or CMPSB.
; -D MOVS, STOS, SCAS or CMPS.
%include "flat.inc"

prepare:
        mov edi, 0x20000
        mov eax, 0x01010101
.fill:  stosd
        imul eax, 1103515245
        or eax, 0x01010101                      ; no byte is zero
        cmp edi, 0x21000
        jb .fill
        mov byte [0x203ff], 0
        mov esi, 0x20000
        mov edi, 0x40000
        mov ecx, 0x400
        rep movsd
        ret

work:   mov edx, ecx
        xor ebp, ebp
        align 16
.again:
%ifdef MOVS
        mov esi, 0x20000
        mov edi, 0x30000
        mov ecx, 0x400
        rep movsd
        add ebp, [edi - 4]
%elifdef STOS
        mov edi, 0x30000
        mov ecx, 0x400
        mov eax, edx
        rep stosd
        add ebp, [edi - 8]
%elifdef SCAS
        mov edi, 0x20000
        mov ecx, 0x400
        xor eax, eax
        repne scasb
        add ebp, edi
%elifdef CMPS
        mov esi, 0x20000
        mov edi, 0x40000
        mov ecx, 0x400
        repe cmpsb
        add ebp, esi
%endif
        dec edx
        jnz .again
        mov eax, ebp
        add eax, ecx
        ret

IMAGE_END
