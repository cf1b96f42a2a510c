; SPDX-License-Identifier: GPL-2.0-or-later
; x87 arithmetic on doubles and floats, its loads, stores, exchanges, compares and conversions. The values stay
; between 0.01 and 100.
%include "flat.inc"

prepare:
        ret

work:   fld1
        align 16
.again: fld qword [x]
        fmul qword [k]
        fadd qword [c]
        fst qword [x]
        fmul st0, st0
        fld dword [f]
        fsub st0, st1
        fxch st1
        fmul dword [g]
        faddp st1, st0
        fabs
        fst qword [y]
        fadd qword [x]
        fmul qword [k]
        fcomi st0, st1
        jb .less
        fxch st1
.less:  fadd st0, st1
        fmul qword [quarter]
        fstp st1
        fist dword [n]
        fild dword [n]
        fmul dword [small]
        fadd qword [c]
        fstp qword [c2]
        dec ecx
        jnz .again
        fstp qword [y2]
        mov eax, [x]
        xor eax, [y]
        rol eax, 5
        xor eax, [y2]
        add eax, [y2 + 4]
        xor eax, [c2]
        add eax, [c2 + 4]
        ret

        align 4096              ; stores beside code are another matter
x:      dq 1.625
y:      dq 0.0
y2:     dq 0.0
k:      dq 0.7501220703125001
c:      dq 0.3
c2:     dq 0.0
quarter: dq 0.47
f:      dd 3.5
g:      dd 0.3
small:  dd 0.125
n:      dd 0

IMAGE_END
