; SPDX-License-Identifier: GPL-2.0-or-later
; Packed floats and doubles: arithmetic, minimum and maximum, a compare, shuffles and conversions. The values stay
; finite and normal.
%include "flat.inc"

prepare:
        ret

work:   movaps xmm0, [x]
        movaps xmm3, [z]
        movapd xmm4, [d]
        align 16
.again: mulps xmm0, [k]
        addps xmm0, [c]
        movaps xmm1, xmm0
        shufps xmm1, xmm1, 0x39
        subps xmm1, xmm0
        maxps xmm1, [low]
        mulps xmm1, xmm0
        addps xmm3, xmm1
        minps xmm3, [high]
        mulps xmm3, [k]
        movaps xmm2, xmm3
        cmpltps xmm2, xmm0
        andps xmm2, xmm1
        addps xmm3, xmm2
        movaps [result], xmm3
        mulpd xmm4, [kd]
        addpd xmm4, [cd]
        cvtps2pd xmm5, xmm3
        addpd xmm5, xmm4
        cvtpd2ps xmm6, xmm5
        movlhps xmm6, xmm6
        addps xmm0, xmm6
        minps xmm0, [high]
        cvttps2dq xmm7, xmm0
        dec ecx
        jnz .again
        xorps xmm0, xmm3
        xorps xmm0, xmm4
        xorps xmm0, xmm5
        xorps xmm0, xmm7
        pshufd xmm1, xmm0, 0x4e
        paddd xmm0, xmm1
        pshufd xmm1, xmm0, 0xb1
        paddd xmm0, xmm1
        movd eax, xmm0
        ret

        align 4096              ; stores beside code are another matter
x:      dd 1.0, 2.5, 3.25, 0.75
k:      dd 0.75, 0.7, 0.61, 0.5
c:      dd 0.3, 0.21, 0.1, 0.7
z:      dd 0.5, 0.25, 1.5, 2.5
low:    dd 0.01, 0.02, 0.03, 0.04
high:   dd 50.0, 60.0, 70.0, 80.0
result: dd 0.0, 0.0, 0.0, 0.0
d:      dq 1.5, 2.25
kd:     dq 0.85, 0.6
cd:     dq 0.11, 0.17

IMAGE_END
