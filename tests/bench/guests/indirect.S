; SPDX-License-Identifier: GPL-2.0-or-later
; Calls through a table of eight functions and jumps through a table of four, as C's switch makes them.
%include "flat.inc"

prepare:
        ret

work:   mov eax, 1
        align 16
.again: mov edx, ecx
        and edx, 7
        call [functions + edx * 4]
        mov ebx, eax
        and ebx, 3
        jmp [.cases + ebx * 4]
.case0: add eax, 5
        jmp short .next
.case1: xor eax, ecx
        jmp short .next
.case2: sub eax, edx
        jmp short .next
.case3: lea eax, [eax + eax * 4 + 3]
.next:  mov ebx, functions
        mov ebx, [ebx + 4]
        call ebx
        dec ecx
        jnz .again
        ret
        align 4
.cases: dd .case0, .case1, .case2, .case3

%macro FUNCTION 2
        align 16
function%1:
        %2
        ret
%endmacro
FUNCTION 0, {add eax, 0x11}
FUNCTION 1, {rol eax, 3}
FUNCTION 2, {xor eax, 0x1234567}
FUNCTION 3, {sub eax, ecx}
FUNCTION 4, {lea eax, [eax + eax * 2]}
FUNCTION 5, {not eax}
FUNCTION 6, {add eax, ecx}
FUNCTION 7, {ror eax, 7}
        align 4
functions:
        dd function0, function1, function2, function3, function4, function5, function6, function7

IMAGE_END
