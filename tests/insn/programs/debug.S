; SPDX-License-Identifier: GPL-2.0-or-later
;
; Single steps, breakpoints on code and data, RF, DR7.GD, INT1, and what MOV SS holds back.
; Source: SDM 3B 17.2, 17.3; 3A 6.8.3.
;
; expect: step: 1 2 3 dr6=00004000
; expect: step over mov ss: 1 3 dr6=00004000
; expect: step into int: 2 dr6=00004000
; expect: popf sets tf: 2 dr6=00004000
; expect: code breakpoint: before dr6=00000001
; expect: resumed with rf: 1 1
; expect: write breakpoint: after dr6=00000002
; expect: write breakpoint, read: none
; expect: read-write breakpoint: after dr6=00000004
; expect: unaligned overlap: after dr6=00000002
; expect: next to it: none
; expect: disabled, dr6: none
; expect: rep movs breakpoint: ecx=00000005 dr6=00000002
; expect: gd: before dr6=00002000 dr7 gd=00000000
; expect: icebp: 2 
; expect: dr4 is dr6: ffff0ff0
; expect: dr4 with de: #06
; expect: dr7 fixed bits: 00000400
; expect: breakpoint on stack push: after dr6=00000002
; expect: mov ss holds back data breakpoint: 2 dr6=00000002
; expect: fault beats trap: #00
; peer: none, it has neither DR7.GD nor INT1, and the rest hangs there
%include "harness.inc"

; Logs which of the labels .1 .2 .3 the trap came at, by the hook.
%macro MARKS 3
    mov dword [mark + 0], %1
    mov dword [mark + 4], %2
    mov dword [mark + 8], %3
%endmacro
%macro LOGDR6 0
    LOG "dr6="
    mov eax, dr6
    and eax, 0xe00f
    LOGX eax
    NL
    xor eax, eax
    mov dr6, eax
%endmacro
%macro SETDR7 1
    mov eax, %1
    mov dr7, eax
%endmacro

main:
    SETINT 1, CODE, FLAT(trap), 0x8e
    mov dword [data], 0
    xor eax, eax
    mov dr6, eax

    T "step"
    MARKS .s1, .s2, .s3
    push dword 0x102
    popfd
    nop
.s1:
    nop
.s2:
    nop
.s3:
    push dword 2
    popfd
    LOGDR6

    T "step over mov ss"
    MARKS .m1, .m2, .m3
    mov cx, ss
    push dword 0x102
    popfd
    nop
.m1:
    mov ss, cx
.m2:
    nop
.m3:
    push dword 2
    popfd
    LOGDR6

    T "step into int"
    MARKS silent, .i2, 0
    SETINT 0x2e, CODE, FLAT(silent), 0x8f
    push dword 0x102
    popfd
    int 0x2e
.i1:
    nop
.i2:
    push dword 2
    popfd
    LOGDR6

    T "popf sets tf"
    MARKS .p1, .p2, 0
    push dword 0x102
    popfd
.p1:
    nop
.p2:
    push dword 2
    popfd
    LOGDR6

    MARKS 0, 0, 0
    T "code breakpoint"
    mov dword [before], FLAT(.c1)
    mov eax, FLAT(.c1)
    mov dr0, eax
    SETDR7 0x401
    mov dword [counted], 0
.c1:
    inc dword [counted]
.c2:
    LOGDR6
    T "resumed with rf"
    LOGX [counted], 1
    LOG " "
    LOGX [traps], 1
    NL
    SETDR7 0x400

    mov eax, FLAT(data)
    mov dr1, eax
    mov dr2, eax
    T "write breakpoint"
    mov dword [after], FLAT(.w1)
    SETDR7 0x00d00404           ; DR1: write, 4 bytes
    mov [data], eax
.w1:
    LOGDR6
    T "write breakpoint, read"
    mov eax, [data]
    LOG "none"
    NL
    T "read-write breakpoint"
    mov dword [after], FLAT(.w2)
    SETDR7 0x0f000410           ; DR2: read or write, 4 bytes
    mov eax, [data]
.w2:
    LOGDR6
    SETDR7 0x00d00404
    T "unaligned overlap"
    mov dword [after], FLAT(.w3)
    mov [data - 2], eax
.w3:
    LOGDR6
    T "next to it"
    mov [data - 4], eax
    mov [data + 4], eax
    LOG "none"
    NL
    SETDR7 0x00d00400
    T "disabled, dr6"
    mov [data], eax
    LOG "none"
    NL
    T "rep movs breakpoint"
    SETDR7 0x00d00404
    mov dword [after], 0
    mov esi, FLAT(data) + 64
    mov edi, FLAT(data) - 8
    mov ecx, 8
    mov dword [hook], 0
    mov dword [string_trap], 1
    rep movsd
    mov dword [string_trap], 0
    LOG "ecx="
    LOGX [string_ecx]
    LOG " "
    LOGDR6
    SETDR7 0x400

    T "gd"
    mov dword [before], FLAT(.gd)
    SETDR7 0x2400
.gd:
    mov eax, dr3
    LOG "dr6="
    mov eax, dr6
    and eax, 0xe00f
    LOGX eax
    LOG " dr7 gd="
    mov eax, dr7
    and eax, 0x2000
    LOGX eax
    NL
    mov dword [before], 0
    xor eax, eax
    mov dr6, eax
    T "icebp"
    MARKS 0, .ice, 0
    db 0xf1
.ice:
    NL
    MARKS 0, 0, 0
    T "dr4 is dr6"
    db 0x0f, 0x21, 0xe0         ; MOV EAX, DR4
    LOGX eax
    NL
    T "dr4 with de"
    mov eax, cr4
    or al, 8
    mov cr4, eax
    TRY db 0x0f, 0x21, 0xe0
    T "dr7 fixed bits"
    xor eax, eax
    mov dr7, eax
    mov eax, dr7
    LOGX eax
    NL

    T "breakpoint on stack push"
    lea eax, [esp - 4]
    mov dr1, eax
    mov dword [after], FLAT(.push)
    SETDR7 0x00d00404
    push eax
.push:
    mov ecx, 0x400
    mov dr7, ecx
    pop eax
    LOGDR6
    mov eax, FLAT(data)
    mov dr1, eax
    T "mov ss holds back data breakpoint"
    mov [data], ss
    MARKS .h1, .h2, 0
    SETDR7 0x00f00404
    mov ss, [data]
.h1:
    nop
.h2:
    LOGDR6
    SETDR7 0x400
    MARKS 0, 0, 0

    ; The divisor's read hits the breakpoint, but the instruction faults.
    T "fault beats trap"
    mov dword [data], 0
    mov dword [after], 0
    xor edx, edx
    SETDR7 0x00f00404
    TRY div dword [data]
    SETDR7 0x400
    ret

silent:
    iretd

trap:
    push eax
    mov eax, [esp + 4]
    inc dword [traps]
    cmp dword [string_trap], 0
    jne .string
    cmp eax, [before]
    jne .not_before
    LOG "before "
    or dword [esp + 12], 0x10000        ; RF: on with it
    mov dword [traps], 1
    jmp .done
.not_before:
    cmp eax, [after]
    jne .not_after
    LOG "after "
.not_after:
    cmp eax, [mark]
    jne .not1
    LOG "1 "
.not1:
    cmp eax, [mark + 4]
    jne .not2
    LOG "2 "
.not2:
    cmp eax, [mark + 8]
    jne .done
    LOG "3 "
    jmp .done
.string:
    cmp dword [string_trap], 2
    je .done
    mov dword [string_trap], 2
    mov [string_ecx], ecx
.done:
    pop eax
    iretd

mark: dd 0, 0, 0, 0
before: dd 0
after: dd 0
traps: dd 0
counted: dd 0
string_trap: dd 0
string_ecx: dd 0
align 256
    times 64 db 0
data: dd 0
    times 256 db 0
END
