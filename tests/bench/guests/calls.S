; SPDX-License-Identifier: GPL-2.0-or-later
; Direct calls, up to three deep, and their returns.
%include "flat.inc"

prepare:
        ret

work:   mov eax, 1
        align 16
.again: call leaf
        call middle
        call outer
        dec ecx
        jnz .again
        ret

        align 16
leaf:   lea eax, [eax + eax * 2 + 1]
        ret
        align 16
middle: push ebx
        mov ebx, eax
        call leaf
        xor eax, ebx
        pop ebx
        ret
        align 16
outer:  push ebp
        mov ebp, esp
        push eax
        call middle
        add eax, [ebp - 4]
        leave
        ret

IMAGE_END
