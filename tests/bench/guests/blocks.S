; SPDX-License-Identifier: GPL-2.0-or-later
; Blocks of one to three instructions: branches that are taken every second, every third time, always and never.
%include "flat.inc"

prepare:
        ret

work:   xor eax, eax
        xor ebx, ebx
        mov edx, 3
        align 16
.again: test cl, 1
        jz .even
        add eax, 1
.even:  cmp eax, ebx
        jne .other
        inc eax
.other: dec edx
        jnz .third
        mov edx, 3
        xor ebx, eax
.third: test edx, edx
        js .never
        jmp short .on
.never: ret
.on:    dec ecx
        jnz .again
        add eax, ebx
        ret

IMAGE_END
