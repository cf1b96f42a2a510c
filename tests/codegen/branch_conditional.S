; SPDX-License-Identifier: GPL-2.0-or-later
; Comparison and jump; a loop that counts down.
    mov ecx, 3
again:
    add eax, ecx
    dec ecx
    jnz again
    cmp eax, 6
    ja over
    test al, 1
    js over
    cmp dword [esi], 1
    jne over
    nop
over:
    jmp short far_away
    align 64
far_away:
    hlt
