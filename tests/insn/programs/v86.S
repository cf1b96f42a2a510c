; SPDX-License-Identifier: GPL-2.0-or-later
;
; Virtual-8086 mode: entering it with IRET, leaving it through interrupts, what IOPL and the I/O map allow.
; Source: SDM 3A 20.
;
; expect: enter: cs=1000 ss=3000 ds=4000 es=5000 fs=6000 gs=7000 sp=0ffe
; expect: frame: 00007000 00006000 00004000 00005000 00003000 00000ffe 00001000 00023202
; expect: ds after: 00000010 fs 00000000 gs 00000000
; expect: int iopl 0: #0d(0000) v86
; expect: int iopl 3, dpl 0: #0d(014a) v86
; expect: cli iopl 0: #0d(0000) v86
; expect: pushf iopl 0: #0d(0000) v86
; expect: popf iopl 0: #0d(0000) v86
; expect: iret iopl 0: #0d(0000) v86
; expect: hlt: #0d(0000) v86
; expect: mov cr0: #0d(0000) v86
; expect: lldt: #06 v86
; expect: arpl: #06 v86
; expect: out 200: #0d(0000) v86
; expect: in 10: ok
; expect: iret iopl 3: 00001234 00007202
; expect: popf iopl 3: 00003202
; expect: far call and ret: 1234
; expect: limit: #0d(0000) v86
; expect: stack limit: #0c(0000) v86
; expect: jmp limit: #0d(0000) v86
; expect: divide: #00 v86
; expect: eip above 64k: #0d(0000)
; peer differs: limit, stack limit, jmp limit, eip above 64k
%include "harness.inc"

; V86 label, EFLAGS besides VM: goes there with the segments that `enter` shows.
%macro V86 2
    ARM %%done
    push dword 0x7000
    push dword 0x6000
    push dword 0x4000
    push dword 0x5000
    push dword 0x3000
    push dword 0x0ffe
    push dword 0x20002 | (%2)
    push dword 0x1000
    push dword OFS(%1)
    iretd
%%done:
%endmacro

; V86TRY text, label, EFLAGS: the fault that comes is the result.
%macro V86TRY 3
    T %1
    V86 %2, %3
    NL
%endmacro

main:
    SETINT 0x2f, CODE, FLAT(leave), 0xee
    T "enter"
    mov dword [hook], FLAT(show)
    V86 in_v86, 0x3200
    mov dword [hook], 0
    V86TRY "int iopl 0", v_int, 0x200
    V86TRY "int iopl 3, dpl 0", v_int29, 0x3200
    V86TRY "cli iopl 0", v_cli, 0x200
    V86TRY "pushf iopl 0", v_pushf, 0x200
    V86TRY "popf iopl 0", v_popf, 0x200
    V86TRY "iret iopl 0", v_iret, 0x200
    V86TRY "hlt", v_hlt, 0x3200
    V86TRY "mov cr0", v_cr0, 0x3200
    V86TRY "lldt", v_lldt, 0x3200
    V86TRY "arpl", v_arpl, 0x3200
    V86TRY "out 200", v_out, 0x3200
    T "in 10"
    V86 v_in, 0x3200
    LOG "ok"
    NL
    T "iret iopl 3"
    mov dword [hook], FLAT(show_ax)
    V86 v_iret3, 0x3200
    T "popf iopl 3"
    mov dword [hook], FLAT(show_flags)
    V86 v_popf3, 0x3200
    T "far call and ret"
    mov dword [hook], FLAT(show_ax16)
    V86 v_far, 0x3200
    mov dword [hook], 0
    V86TRY "limit", v_limit, 0x3200
    V86TRY "stack limit", v_stack, 0x3200
    V86TRY "jmp limit", v_jmp, 0x3200
    V86TRY "divide", v_div, 0x3200
    T "eip above 64k"
    ARM .high
    push dword 0
    push dword 0
    push dword 0
    push dword 0
    push dword 0
    push dword 0
    push dword 0x20002
    push dword 0x1000
    push dword 0x10000
    iretd
.high:
    NL
    ret

leave:                      ; reached by INT 2F from virtual-8086 mode
    push dword 0
    push dword 0x2f
    jmp exception

show:
    mov dword [hook], 0
    mov ebp, esp
    LOG "cs="
    LOGX [ebp + FRAME_CS], 4
    LOG " ss="
    LOGX [ebp + FRAME_SS], 4
    LOG " ds="
    LOGX [ebp + FRAME_SS + 8], 4
    LOG " es="
    LOGX [ebp + FRAME_SS + 4], 4
    LOG " fs="
    LOGX [ebp + FRAME_SS + 12], 4
    LOG " gs="
    LOGX [ebp + FRAME_SS + 16], 4
    LOG " sp="
    LOGX [ebp + FRAME_ESP], 4
    NL
    T "frame"
    mov ecx, 4
.next:
    LOGX [0x9000 + ecx * 4 - 20]
    LOG " "
    loop .next
    LOGX [0x9000 - 20]
    LOG " "
    LOGX [0x9000 - 24]
    LOG " "
    LOGX [ebp + FRAME_CS]
    LOG " "
    LOGX [ebp + FRAME_EFLAGS]
    NL
    T "ds after"
    mov eax, ds
    LOGX eax
    LOG " fs "
    mov eax, fs
    LOGX eax
    LOG " gs "
    mov eax, gs
    LOGX eax
    NL
    jmp resume_main
show_ax:
    LOGX [esp + 4 + 28]     ; EAX in the frame; one push of LOGX comes before
    LOG " "
show_flags:
    mov ebp, esp
    mov eax, [ebp + FRAME_EFLAGS]
    and eax, ~0x20000
    LOGX eax
    NL
    jmp resume_main
show_ax16:
    LOGX [esp + 4 + 28], 4
    NL
    jmp resume_main

bits 16
in_v86:
    int 0x2f
v_int:
    int 0x2f
v_int29:
    int 0x29
v_cli:
    cli
v_pushf:
    pushf
v_popf:
    popf
v_iret:
    iret
v_hlt:
    hlt
v_cr0:
    mov eax, cr0
v_lldt:
    lldt ax
v_arpl:
    arpl ax, cx
v_out:
    mov dx, 0x200
    out dx, al
v_in:
    mov dx, 0x10
    in al, dx
    int 0x2f
v_iret3:
    push word 0x4202        ; NT set, IF clear: IOPL can't change
    push cs
    push word OFS(.there)
    iret
.there:
    mov eax, 0x1234
    push word 0x7202
    popf
    int 0x2f
v_popf3:
    push word 0x0202        ; IOPL stays 3
    popf
    int 0x2f
v_far:
    call 0x1001:OFS(.routine) - 16
    int 0x2f
.routine:
    mov ax, 0x1234
    retf
v_limit:
    mov ax, [0xffff]
    int 0x2f
v_stack:
    mov esp, 1
    push ax
    int 0x2f
v_jmp:
    jmp dword 0x1000:0x10000
v_div:
    xor cx, cx
    div cx
END
