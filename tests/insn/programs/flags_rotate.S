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

ROTATE equ ALL & ~OF

producers:
    BY_COUNT "rol", rol, ALL, ROTATE, ROTATE
    BY_COUNT "ror", ror, ALL, ROTATE, ROTATE
    BY_COUNT "rcl", rcl, ALL, ROTATE, ROTATE
    BY_COUNT "rcr", rcr, ALL, ROTATE, ROTATE
END_FLAGS
