; SPDX-License-Identifier: GPL-2.0-or-later
;
; Segment limits: bytes and pages, expand-down, wrap-around, code fetches, permissions, null selectors.
; Source: SDM 3A 5.3, 5.4.
;
; expect: byte at limit: ok
; expect: byte above limit: #0d(0000)
; expect: word across limit: #0d(0000)
; expect: dword below limit: ok
; expect: write across limit: #0d(0000)
; expect: dword across 4G: #0d(0000)
; expect: page granular last: ok
; expect: page granular above: #0d(0000)
; expect: expand-down at limit: #0d(0000)
; expect: expand-down above limit: ok
; expect: expand-down 64k end: ok
; expect: expand-down past 64k: #0d(0000)
; expect: expand-down big: ok
; expect: expand-down big below: #0d(0000)
; expect: read-only write: #0d(0000)
; expect: read-only rmw: #0d(0000)
; expect: read-only read: ok
; expect: code write: #0d(0000)
; expect: code read: ok
; expect: execute-only read: #0d(0000)
; expect: null read: #0d(0000)
; expect: null write: #0d(0000)
; expect: ss limit pop: #0c(0000)
; expect: ss limit push: #0c(0000)
; expect: ss override: #0c(0000)
; expect: jmp near past limit: #0d(0000)
; expect: run off the end: #0d(0000) eip=00000ffe
; expect: string across limit: #0d(0000) ecx=00000001 esi=00001100
; expect: rep outside: ok
; expect: lgdt outside: #0d(0000)
; expect: fs 16-bit addressing: ok
; expect: fnsave outside: #0d(0000)
; peer: none, it has no segment limits
%include "harness.inc"
main:
    SETDESC 0x40, 0x1000, 0xff, 0x4092
    SETDESC 0x48, 0x1000, 1, 0xc092             ; two pages
    SETDESC 0x50, 0, 0x0fff, 0x0096             ; expand-down, 16 bits
    SETDESC 0x58, 0, 0x0fff, 0x4096             ; the same, 4 GB
    SETDESC 0x60, 0, 0xfffff, 0xc090
    SETDESC 0x68, 0, 0xfffff, 0xc098
    SETDESC 0x70, 0x6000, 0x0fff, 0x4092        ; a stack
    SETDESC 0x78, FLAT(code_end) - 0x1000, 0xfff, 0x409a

%macro FSTRY 3+
    T %1
    mov eax, %2
    mov fs, ax
    TRY %3
%endmacro
    FSTRY "byte at limit", 0x40, mov al, [fs:0xff]
    FSTRY "byte above limit", 0x40, mov al, [fs:0x100]
    FSTRY "word across limit", 0x40, mov ax, [fs:0xff]
    FSTRY "dword below limit", 0x40, mov eax, [fs:0xfc]
    FSTRY "write across limit", 0x40, mov [fs:0xfd], eax
    FSTRY "dword across 4G", 0x40, mov eax, [fs:0xfffffffe]
    FSTRY "page granular last", 0x48, mov eax, [fs:0x1ffc]
    FSTRY "page granular above", 0x48, mov eax, [fs:0x1ffd]
    FSTRY "expand-down at limit", 0x50, mov al, [fs:0x0fff]
    FSTRY "expand-down above limit", 0x50, mov eax, [fs:0x1000]
    FSTRY "expand-down 64k end", 0x50, mov ax, [fs:0xfffe]
    FSTRY "expand-down past 64k", 0x50, mov ax, [fs:0xffff]
    FSTRY "expand-down big", 0x58, mov ax, [fs:0xffff]
    FSTRY "expand-down big below", 0x58, mov eax, [fs:0x0ffd]
    FSTRY "read-only write", 0x60, mov [fs:0x1000], al
    FSTRY "read-only rmw", 0x60, add byte [fs:0x1000], 0
    FSTRY "read-only read", 0x60, mov al, [fs:0x1000]
    T "code write"
    TRY mov [cs:0x1000], al
    T "code read"
    TRY mov al, [cs:0x1000]
    mov eax, DATA
    mov fs, ax
    T "execute-only read"
    mov dword [hook], 0
    ARM .xo
    jmp 0x68:FLAT(.in_xo)
.in_xo:
    mov al, [cs:0x1000]
.xo:
    NL
    FSTRY "null read", 0, mov al, [fs:0]
    FSTRY "null write", 3, mov [fs:0x1000], al

    ; The stack faults come onto a stack that is too small for them: they need room below.
%macro SSTRY 3+
    T %1
    mov dword [saved_esp], esp
    mov dword [resume], %%after
    mov dword [fault_at], %%insn
    mov ax, 0x70
    mov ss, ax
    mov esp, %2
%%insn:
    %3
%%after:
    NL
%endmacro
    SETDESC 0x80, FLAT(tss5), 0x67, A_TSS32
    SETINT 12, 0x80, 0, 0x85
    SSTRY "ss limit pop", 0xffd, pop eax
    SSTRY "ss limit push", 0x1002, push eax
    SSTRY "ss override", 0x800, mov eax, [ss:0xffd]

    T "jmp near past limit"
    ARM .jmp_done
    jmp 0x78:0x1000 - (code_end - code_jump)
.jmp_done:
    NL
    T "run off the end"
    mov dword [hook], FLAT(show_eip)
    ARM .run_done
    jmp 0x78:0x1000 - (code_end - code_run)
.run_done:
    mov dword [hook], 0
    LOG " eip="
    LOGX [scratch]
    NL

    T "string across limit"
    SETDESC 0x88, 0, 0x10ff, 0x4092
    mov ax, 0x88
    mov fs, ax
    mov dword [hook], FLAT(show_string)
    ARM .string_done
    mov ecx, 0x11
    mov esi, 0x10f0
    mov edi, 0x3000
    fs rep movsb
.string_done:
    mov dword [hook], 0
    LOG " ecx="
    LOGX [scratch]
    LOG " esi="
    LOGX [scratch + 4]
    NL
    T "rep outside"
    xor ecx, ecx
    mov esi, 0x2000
    TRY fs rep movsb
    T "lgdt outside"
    TRY lgdt [fs:0x10fc]
    T "fs 16-bit addressing"
    mov bx, 0xf000
    mov si, 0x1800
    TRY a16 mov al, [fs:bx + si]
    clts                    ; the stack faults switched tasks
    T "fnsave outside"
    TRY fnsave [fs:0x10a0]
    ret

show_eip:
    mov eax, [esp + FRAME_EIP]
    mov [scratch], eax
    jmp report
show_string:
    mov eax, [esp + 24]
    mov [scratch], eax
    mov eax, [esp + 4]
    mov [scratch + 4], eax
    jmp report
stack_task:
    pop eax
    mov ebx, [tss + 0x20]
    mov ecx, [resume]
    LOG "#0c("
    LOGX eax, 4
    LOG ")"
    cmp ebx, [fault_at]
    je .eip_right
    LOG " eip wrong"
.eip_right:
    mov [tss + 0x20], ecx
    mov eax, [saved_esp]
    mov [tss + 0x38], eax
    mov word [tss + 0x50], DATA
    iretd
    jmp stack_task
align 8
scratch: dd 0, 0
tss5:
    dd 0, 0x7000, DATA, 0, 0, 0, 0, 0
    dd FLAT(stack_task), 2
    dd 0, 0, 0, 0, 0x7600, 0, 0, 0
    dd DATA, CODE, DATA, DATA, 0, 0, 0
    dw 0, 0x68
code_jump:
    jmp near code_end
code_run:
    nop
    nop
    db 0xb8, 0                  ; MOV EAX, imm32: its end is outside
code_end:
    nop
END
