; SPDX-License-Identifier: GPL-2.0-or-later
;
; The harness itself: strings, numbers, a fault and where it was.
;
; expect: hello 1234abcd 5f
; expect: fault: #00
; expect: no fault: ok
; expect: error: #0d(0100)
; expect: flags: 00000041
%include "harness.inc"
main:
    LOG "hello "
    mov eax, 0x1234abcd
    LOGX eax
    LOG " "
    mov eax, 0x5f
    LOGX eax, 2
    NL
    xor edx, edx
    xor ecx, ecx
    T "fault"
    TRY div ecx
    T "no fault"
    TRY nop
    mov ax, 0x100
    T "error"
    TRY mov fs, ax
    T "flags"
    mov al, 0xff
    cmp al, 0xff
    stc
    LOGFLAGS 0x41
    NL
    ret
END
