; SPDX-License-Identifier: GPL-2.0-or-later
; Carries from one instruction to the next, as in arithmetic on long numbers.
    add eax, ebx
    adc ecx, edx
    adc esi, 0
    sub eax, 1
    sbb ebx, 0
    sbb [edi], ecx
    stc
    adc eax, eax
    cmc
    rcr eax, 1
    hlt
