; SPDX-License-Identifier: GPL-2.0-or-later
; A function with a frame.
    push 5
    call function
    hlt
function:
    push ebp
    mov ebp, esp
    push ebx
    mov ebx, [ebp + 8]
    lea eax, [ebx + ebx * 2 + 1]
    pop ebx
    leave
    ret 4
