; SPDX-License-Identifier: GPL-2.0-or-later
; PUSH and POP of registers, an immediate and memory.
%include "flat.inc"

prepare:
        mov dword [0x20000], 0x1234
        ret

work:   mov eax, 1
        mov ebx, 2
        mov edx, 3
        mov esi, 4
        align 16
.again: push eax
        push ebx
        push edx
        push esi
        add eax, ecx
        pop ebx
        pop esi
        pop eax
        pop edx
        push ecx
        push 0x55
        push dword [0x20000]
        xor esi, ebx
        pop edi
        pop ebp
        pop dword [0x20000]
        add edx, edi
        dec ecx
        jnz .again
        add eax, ebx
        xor eax, edx
        add eax, esi
        ret

IMAGE_END
