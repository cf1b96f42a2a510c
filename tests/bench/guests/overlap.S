; SPDX-License-Identifier: GPL-2.0-or-later
;
; Loads, stores and read-modify-writes of all widths that walk through 64 KB. Some of what is loaded was stored just
; before, in narrower pieces: most hosts wait until such stores are in the cache.
%include "flat.inc"

prepare:
        mov edi, 0x20000
        mov eax, 0x12345678
.fill:  stosd
        imul eax, 1103515245
        add eax, 12345
        cmp edi, 0x40000
        jb .fill
        ret

work:   mov esi, 0x20000
        xor ebx, ebx
        align 16
.again: mov eax, [esi]
        add eax, [esi + 4]
        mov [esi + 8], eax
        add [esi + 12], eax
        movzx edx, byte [esi + 3]
        mov [esi + 16], dl
        mov bp, [esi + 18]
        mov [esi + 22], bp
        add ebx, [esi + 24]
        mov edi, [esi + 28]
        mov [esi + 32], edi
        xor ebx, eax
        add esi, 16
        and esi, 0x2ffff
        dec ecx
        jnz .again
        mov eax, ebx
        ret

IMAGE_END
