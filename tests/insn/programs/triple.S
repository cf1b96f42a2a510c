; SPDX-License-Identifier: GPL-2.0-or-later
;
; A fault with an empty IDT: double fault, triple fault, shutdown.
; Source: SDM 3A 6.15.
;
; expect: shutdown follows
; expect: [shutdown]
%include "harness.inc"
main:
    LOG "shutdown follows"
    NL
    lidt [empty]
    ud2
    LOG "not there"
    NL
    ret
empty:
    dw 0
    dd 0
END
