; SPDX-License-Identifier: GPL-2.0-or-later
;
; Flags of addition, subtraction, comparison and logic, by all that reads flags (flags.inc says how).
; Source: SDM 1, 3.4.3.1; 2, "Flags affected".
;
; expect: add: 24811aa4
; expect: undefined flags, add: 05fc0767
; expect: adc: f364826c
; expect: undefined flags, adc: a6be2343
; expect: sub: 85984e80
; expect: undefined flags, sub: 70f87b40
; expect: sbb: 7ceb7543
; expect: undefined flags, sbb: 72c36ff7
; expect: cmp: f27212d3
; expect: undefined flags, cmp: 905d8c89
; expect: and: b64c8dfe
; expect: undefined flags, and: 37a1c78e
; expect: or: 3826f81c
; expect: undefined flags, or: 7b47d14d
; expect: xor: 6395a2d2
; expect: undefined flags, xor: 41b73206
; expect: test: 96df3661
; expect: undefined flags, test: dfa80253
; expect: one after the other: 24035426
; expect: undefined flags, one after the other: 782fa576
; peer differs: undefined
%include "harness.inc"
%include "flags.inc"

LOGIC equ ALL & ~AF

%macro OPERATION 3      ; name, instruction, defined flags
    GROUP %1
    P %3, {%2 al, bl}
    P %3, {%2 bh, cl}
    P %3, {%2 ax, bx}
    P %3, {%2 eax, ebx}
    P %3, {%2 eax, byte -3}
    P %3, {%2 eax, 0x7fff1234}
    P %3, {%2 al, 0x80}
    P %3, {mov [scratch + 8], ebx}, {%2 [scratch + 8], eax}
    P %3, {mov [scratch + 8], ebx}, {%2 word [scratch + 9], 0x70}
    P %3, {mov [scratch + 8], ebx}, {%2 byte [scratch + 11], 0x7f}
    P %3, {mov [scratch + 8], ebx}, {%2 eax, [scratch + 8]}
    P %3, {%2 eax, eax}
%endmacro

producers:
    OPERATION "add", add, ALL
    OPERATION "adc", adc, ALL
    OPERATION "sub", sub, ALL
    OPERATION "sbb", sbb, ALL
    OPERATION "cmp", cmp, ALL
    OPERATION "and", and, LOGIC
    OPERATION "or", or, LOGIC
    OPERATION "xor", xor, LOGIC
    GROUP "test"
    P LOGIC, {test al, bl}
    P LOGIC, {test ax, bx}
    P LOGIC, {test eax, ebx}
    P LOGIC, {test ah, 0x85}
    P LOGIC, {test eax, 0x80000001}
    P LOGIC, {mov [scratch + 8], ebx}, {test [scratch + 8], eax}
    P LOGIC, {mov [scratch + 8], ebx}, {test byte [scratch + 9], 0x81}
    P LOGIC, {test eax, eax}
    GROUP "one after the other"
    P ALL, {add eax, ebx}, {adc ebx, eax}
    P ALL, {add eax, ebx}, {adc ebx, 0}, {adc ecx, 0}
    P ALL, {sub eax, ebx}, {sbb ebx, 0}
    P ALL, {cmp al, bl}, {adc eax, ebx}
    P LOGIC, {sub eax, ebx}, {and eax, ecx}
    P ALL, {xor eax, ebx}, {sub eax, ecx}
    P ALL, {cmp eax, ebx}, {mov eax, ecx}, {mov ebx, eax}
    P ALL, {cmp eax, ebx}, {lea eax, [ebx + ecx]}, {not ebx}
END_FLAGS
