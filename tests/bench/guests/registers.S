; SPDX-License-Identifier: GPL-2.0-or-later
; Arithmetic between registers.
%include "flat.inc"

prepare:
        ret

work:   mov eax, 1
        mov ebx, 2
        mov edx, 3
        mov edi, 5
        mov ebp, 6
        align 16
.again: add eax, ebx
        xor edx, eax
        lea ebx, [ebx + eax * 2 + 5]
        sub edi, edx
        and ebp, eax
        shl edx, 3
        or ebp, edi
        inc ebx
        dec ecx
        jnz .again
        xor eax, ebx
        xor eax, edx
        xor eax, edi
        xor eax, ebp
        ret

IMAGE_END
