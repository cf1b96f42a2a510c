; SPDX-License-Identifier: GPL-2.0-or-later
;
; Flags of rotations, by one, by a constant, by CL (also by nothing), by all that reads flags (flags.inc
; says how).
; Source: SDM 1, 7.3.6; 2, "Flags affected".
;
; expect: rol: 80042c75
; expect: undefined flags, rol: 3a7c80ca
; expect: ror: f8d458c2
; expect: undefined flags, ror: 7eaac8aa
; expect: rcl: 3bbe8032
; expect: undefined flags, rcl: 76f87177
; expect: rcr: fc81ea03
; expect: undefined flags, rcr: 8f65f85f
; peer differs: undefined
%include "harness.inc"
%include "flags.inc"

; OPERATION name, instruction, flags defined by one, by more, by CL for bytes and words
%macro OPERATION 5
    GROUP %1
    P %3, {%2 al, 1}
    P %3, {%2 ax, 1}
    P %3, {%2 eax, 1}
    P %3, {mov [scratch + 8], ebx}, {%2 dword [scratch + 8], 1}
    P %4, {%2 bh, 3}
    P %4, {%2 ax, 7}
    P %4, {%2 eax, 13}
    P %4, {%2 eax, 31}
    P ALL, {%2 eax, 32}
    P ALL, {%2 al, 32}
    P %5, {%2 al, cl}
    P %5, {%2 bx, cl}
    P %4, {%2 eax, cl}
    P %4, {mov [scratch + 8], ebx}, {%2 dword [scratch + 8], cl}
    P %5, {mov [scratch + 8], ebx}, {%2 byte [scratch + 9], cl}
    P ALL, {mov cl, 0}, {%2 eax, cl}
    P %3, {mov cl, 33}, {%2 eax, cl}
    P %4 & ~OF, {add eax, ebx}, {%2 eax, cl}
%endmacro

ROTATE equ ALL & ~OF

main:
    mov esi, producers
    jmp run_flags

producers:
    OPERATION "rol", rol, ALL, ROTATE, ROTATE
    OPERATION "ror", ror, ALL, ROTATE, ROTATE
    OPERATION "rcl", rcl, ALL, ROTATE, ROTATE
    OPERATION "rcr", rcr, ALL, ROTATE, ROTATE
    db 0
END
