; SPDX-License-Identifier: GPL-2.0-or-later
; Packed integers in XMM registers: arithmetic, compares, shifts, shuffles, packs, loads and stores.
%include "flat.inc"

prepare:
        mov edi, 0x20000
        mov eax, 0x9e3779b9
.fill:  stosd
        imul eax, 1103515245
        add eax, 12345
        cmp edi, 0x20080
        jb .fill
        ret

work:   mov esi, 0x20000
%assign register 0
%rep 8
        movdqa xmm%[register], [esi + register * 16]
%assign register register + 1
%endrep
        align 16
.again: movdqa xmm0, [esi]
        paddd xmm0, xmm1
        pxor xmm2, xmm0
        pmullw xmm3, xmm0
        psubb xmm1, xmm2
        movdqa xmm4, xmm0
        punpcklbw xmm4, xmm3
        pshufd xmm5, xmm4, 0x39
        psrld xmm5, 3
        pmaddwd xmm4, xmm5
        pcmpgtd xmm6, xmm5
        pand xmm6, xmm4
        por xmm7, xmm6
        paddw xmm7, [esi + 32]
        packssdw xmm5, xmm4
        pavgb xmm5, xmm1
        psllq xmm6, 5
        movdqa [esi + 16], xmm5
        movdqu xmm6, [esi + 68]
        pxor xmm1, xmm6
        dec ecx
        jnz .again
%assign register 1
%rep 7
        pxor xmm0, xmm%[register]
%assign register register + 1
%endrep
        pshufd xmm1, xmm0, 0x4e
        paddd xmm0, xmm1
        pshufd xmm1, xmm0, 0xb1
        paddd xmm0, xmm1
        movd eax, xmm0
        ret

IMAGE_END
