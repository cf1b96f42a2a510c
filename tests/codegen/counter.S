; SPDX-License-Identifier: GPL-2.0-or-later
; RDTSC, with flags that live on behind it.
    add ebx, ecx
    rdtsc
    adc eax, ebx
    rdtsc
    hlt
