; SPDX-License-Identifier: GPL-2.0-or-later
; To another page of code, conditionally and always.
    xor eax, eax
    jz near away
    nop
back:
    hlt
    times 0x1000 - ($ - $$) nop
away:
    jmp near back
