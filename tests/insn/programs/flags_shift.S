; SPDX-License-Identifier: GPL-2.0-or-later
;
; Flags of shifts, by one, by a constant, by CL (also by nothing), by all that reads flags (flags.inc
; says how).
; Source: SDM 1, 7.3.6; 2, "Flags affected".
;
; expect: shl: 525a57f8
; expect: undefined flags, shl: 6797d1ed
; expect: shr: 2dcb5e6e
; expect: undefined flags, shr: 500a9d43
; expect: sar: fcf7244c
; expect: undefined flags, sar: 5af9d04d
; expect: shld: e6228ad6
; expect: undefined flags, shld: 5a3f7864
; expect: shrd: 66b2c611
; expect: undefined flags, shrd: 30129789
; peer differs: undefined
%include "harness.inc"
%include "flags.inc"

SHIFT_1 equ ALL & ~AF
SHIFT equ ALL & ~(AF | OF)

producers:
    BY_COUNT "shl", shl, SHIFT_1, SHIFT, SHIFT & ~CF
    BY_COUNT "shr", shr, SHIFT_1, SHIFT, SHIFT & ~CF
    BY_COUNT "sar", sar, SHIFT_1, SHIFT, SHIFT
    GROUP "shld"
    P SHIFT_1, {shld eax, ebx, 1}
    P SHIFT, {shld eax, ebx, 5}
    P SHIFT, {shld ax, bx, 15}
    P ALL, {shld eax, ebx, 32}
    P SHIFT, {shld eax, ebx, cl}
    P SHIFT, {and cl, 15}, {shld ax, bx, cl}
    P SHIFT, {mov [scratch + 8], ebx}, {shld [scratch + 8], eax, cl}
    GROUP "shrd"
    P SHIFT_1, {shrd eax, ebx, 1}
    P SHIFT, {shrd eax, ebx, 5}
    P SHIFT, {shrd ax, bx, 15}
    P ALL, {shrd eax, ebx, 32}
    P SHIFT, {shrd eax, ebx, cl}
    P SHIFT, {and cl, 15}, {shrd ax, bx, cl}
    P SHIFT, {mov [scratch + 8], ebx}, {shrd [scratch + 8], eax, cl}
END_FLAGS
