; SPDX-License-Identifier: GPL-2.0-or-later
; 16-bit operands.
    add ax, bx
    sub cx, 0x1234
    mov dx, [esi]
    mov [esi], dx
    inc word [esi]
    test dx, dx
    cmp word [esi], 4
    hlt
