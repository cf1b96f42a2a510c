; SPDX-License-Identifier: GPL-2.0-or-later
; Bit tests and scans.
    bt eax, 5
    jc over
    bts ecx, 3
    btr edx, eax
    btc ebx, 31
    bsf eax, ecx
    bsr edx, [esi]
    jz over
    bt [esi], ecx
over:
    hlt
