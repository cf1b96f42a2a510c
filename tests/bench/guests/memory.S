; SPDX-License-Identifier: GPL-2.0-or-later
;
; Loads, stores and read-modify-writes of all sizes. Nothing is loaded that was just stored in narrower pieces: that is
; overlap.S.
%include "flat.inc"

SOURCE equ 0x20000
TARGET equ 0x20000      ; from the source

prepare:
        mov edi, SOURCE
        mov eax, 0x12345678
.fill:  stosd
        imul eax, 1103515245
        add eax, 12345
        cmp edi, SOURCE + TARGET * 2
        jb .fill
        ret

work:   mov esi, SOURCE
        xor ebx, ebx
        align 16
.again: mov eax, [esi]
        add eax, [esi + 4]
        mov [esi + TARGET + 8], eax
        add [esi + TARGET + 12], eax
        movzx edx, byte [esi + 3]
        mov [esi + TARGET + 16], dl
        mov bp, [esi + 18]
        mov [esi + TARGET + 22], bp
        add ebx, [esi + 24]
        mov edi, [esi + 28]
        mov [esi + TARGET + 32], edi
        xor ebx, eax
        add esi, 16
        and esi, 0x2ffff
        dec ecx
        jnz .again
        mov eax, ebx
        ret

IMAGE_END
