; SPDX-License-Identifier: GPL-2.0-or-later
; Conditions as values.
    cmp eax, ecx
    setb dl
    sete dh
    setg [esi]
    cmovl ebx, ecx
    cmovne ebp, [esi]
    hlt
