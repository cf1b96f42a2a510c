; SPDX-License-Identifier: GPL-2.0-or-later
; Low and high bytes.
    add al, bl
    add ah, bl
    sub al, ch
    xor dh, dl
    mov ah, [esi]
    mov [esi], dh
    mov cl, ch
    mov bh, 9
    test ah, ah
    inc dh
    cmp bh, 3
    hlt
