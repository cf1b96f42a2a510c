; SPDX-License-Identifier: GPL-2.0-or-later
; String instructions without a REP prefix.
    mov edi, 0x21000
    lodsd
    stosd
    movsb
    lodsb
    scasb
    cmpsd
    hlt
