; SPDX-License-Identifier: GPL-2.0-or-later
; Jumps and calls by register and by memory.
    mov eax, one
    jmp eax
one:
    mov dword [esi], two
    jmp [esi]
two:
    mov ebx, sub
    call ebx
    mov [esi], ebx
    call [esi]
    hlt
sub:
    ret
