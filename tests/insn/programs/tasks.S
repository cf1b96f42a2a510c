; SPDX-License-Identifier: GPL-2.0-or-later
;
; Task switches by JMP, CALL, IRET and interrupt, between 32- and 16-bit TSSs; what they save and load, the
; busy bits, and the faults before and after the switch.
; Source: SDM 3A 7.3 and table 7-1.
;
; expect: jmp: eax=00000001 ebx=00000004 ecx=00000002 edx=00000003 esp=00007800 ebp=00000006 esi=00000007 edi=00000008
; expect: state: tr=00000040 es=00000010 ds=00000010 fs=00000000 gs=00000010 ldt=000000f8 ts=00000008 nt=00000000
; expect: busy: 89 8b link=00000000 old eax=aaaaaaaa old cs=0008 old ss=0010
; expect: back by jmp: tr=00000038 busy 8b 89 saved eax=0000beef
; expect: call: tr=00000040 nt=00004000 link=0038 busy 8b 8b
; expect: back by iret: tr=00000038 nt=00000000 busy 8b 89
; expect: saved nt of task: 00000000
; expect: again by call: tr=00000040
; expect: gate call: tr=00000040 back tr=00000038
; expect: int gate: tr=00000040 link=0038 back tr=00000038
; expect: fault gate: tr=00000040 error=00000100 rf=00010000
; expect: 16-bit: tr=00000048 ax=00001111 bx=00002222 sp=00007700 es=0010 link=0038
; expect: back from 16-bit: 00000038 saved ax=cafe
; expect: jmp to busy: #0d(0038)
; expect: jmp to np: #0b(0050)
; expect: jmp short limit: #0a(0058)
; expect: jmp dpl: #0d(0040) cpl3
; expect: gate dpl: #0d(0068) cpl3
; expect: gate np: #0b(0070)
; expect: gate to data: #0d(0010)
; expect: gate to ldt: #0d(0044)
; expect: iret to available: #0a(0040)
; expect: iret link null: #0a(0000)
; expect: new cs null: #0a(0000) tr=00000040
; expect: new cs data: #0a(0010) tr=00000040
; expect: new cs np: #0b(0080) tr=00000040
; expect: new ss null: tr=000000e0
; expect: new ds code: #0a(00c8) tr=00000040
; expect: new ds np: #0b(0088) tr=00000040
; expect: new ldt bad: #0a(0010) tr=00000040
; expect: new eip: #0d(0000) tr=00000040
; expect: trap bit: #01 dr6=00008000 dr7=00000602
; expect: not switched on page fault: #0e(0000) cr2=00300000 tr=00000038 busy 8b 89
; peer differs: fault gate, gate to ldt, trap bit, not switched on page fault
%include "harness.inc"

T2 equ 0x40         ; 32-bit TSS
T3 equ 0x48         ; 16-bit TSS
LDT equ 0xf8

; Fills TSS 2 with a task that starts at label.
%macro TASK 1
    mov dword [start], FLAT(%1)
    call make_task
%endmacro
%macro LOGTR 1
    LOG %1
    push eax
    xor eax, eax
    str ax
    LOGX eax
    pop eax
%endmacro
%macro LOGNT 0
    LOG " nt="
    LOGFLAGS 0x4000
%endmacro
%macro LOGBUSY 0
    LOG " busy "
    LOGX [gdt + TSS + 5], 2
    LOG " "
    LOGX [gdt + T2 + 5], 2
%endmacro

make_task:
    pushad
    mov edi, tss2
    mov ecx, 0x68 / 4
    xor eax, eax
    rep stosd
    mov dword [tss2 + 4], 0x7000
    mov dword [tss2 + 8], DATA
    mov eax, [start]
    mov [tss2 + 0x20], eax
    mov dword [tss2 + 0x24], 2
    mov ecx, 8
.gpr:
    mov [tss2 + 0x24 + ecx * 4], ecx
    loop .gpr
    mov dword [tss2 + 0x38], 0x7800
    mov word [tss2 + 0x48], DATA
    mov word [tss2 + 0x4c], CODE
    mov word [tss2 + 0x50], DATA
    mov word [tss2 + 0x54], DATA
    mov word [tss2 + 0x5c], DATA
    mov word [tss2 + 0x60], LDT
    mov word [tss2 + 0x66], 0x68
    SETDESC T2, FLAT(tss2), 0x67, A_TSS32
    popad
    ret

; Back in the first task after a fault in the second: makes TSS the present task again.
mend_task:
    pushad
    mov byte [gdt + TSS + 5], 0x89
    mov ax, TSS
    ltr ax
    clts
    popad
    ret

main:
    SETDESC T3, FLAT(tss3), 0x2b, A_TSS16
    SETDESC LDT, FLAT(tss2), 0x0f, A_LDT
    SETDESC 0x50, FLAT(tss2), 0x67, 0x0009
    SETDESC 0x58, FLAT(tss2), 0x66, A_TSS32
    SETGATE 0x60, T2, 0, 0x85
    SETGATE 0x68, T2, 0, 0x85
    SETGATE 0x70, T2, 0, 0x05
    SETGATE 0x78, DATA, 0, 0x85
    SETDESC 0x80, 0, 0xfffff, 0xc01a
    SETDESC 0x88, 0, 0xfffff, 0xc012
    SETGATE 0x90, 0x44, 0, 0x85
    SETDESC 0xc8, 0, 0xfffff, 0xc098

    TASK jumped
    clts
    T "jmp"
    mov eax, 0xaaaaaaaa
    jmp T2:0
    T "back by jmp"
    LOGTR "tr="
    LOGBUSY
    LOG " saved eax="
    LOGX [tss2 + 0x28]
    NL

    TASK called
    T "call"
    call T2:0
    T "back by iret"
    LOGTR "tr="
    LOGNT
    LOGBUSY
    NL
    T "saved nt of task"
    mov eax, [tss2 + 0x24]
    and eax, 0x4000
    LOGX eax
    NL
    T "again by call"
    call T2:0           ; goes on after its IRET
    TASK gated
    T "gate call"
    call 0x60:0
    LOGTR " back tr="
    NL
    TASK interrupted
    SETINT 0x2e, T2, 0, 0x85
    T "int gate"
    int 0x2e
    LOGTR " back tr="
    NL
    TASK faulted
    SETINT 13, T2, 0, 0x85
    T "fault gate"
    mov ax, 0x100
.faulting:
    mov fs, ax
    NL
    SETINT 13, CODE, FLAT(stubs) + 13 * 16, 0x8e

    T "16-bit"
    mov eax, 0x1234
    call T3:0
    T "back from 16-bit"
    xor eax, eax
    str ax
    LOGX eax
    LOG " saved ax="
    LOGX [tss3 + 0x12], 4
    NL

    TASK gated
    T "jmp to busy"
    TRY jmp TSS:0
    T "jmp to np"
    TRY jmp 0x50:0
    T "jmp short limit"
    TRY jmp 0x58:0
    T "jmp dpl"
    ARM .d1
    RING3 .u1
.u1:
    jmp T2:0
.d1:
    NL
    T "gate dpl"
    ARM .d2
    RING3 .u2
.u2:
    jmp 0x68:0
.d2:
    NL
    T "gate np"
    TRY jmp 0x70:0
    T "gate to data"
    TRY jmp 0x78:0
    T "gate to ldt"
    TRY jmp 0x90:0
    T "iret to available"
    mov word [tss], T2
    ARM .d3
    pushfd
    or dword [esp], 0x4000
    popfd
    iretd
.d3:
    NL
    T "iret link null"
    mov word [tss], 0
    ARM .d4
    pushfd
    or dword [esp], 0x4000
    popfd
    iretd
.d4:
    NL

; BADTASK text, offset in the TSS, value: the fault comes in the new task.
%macro BADTASK 3
    TASK gated
    T %1
    mov dword [tss2 + (%2)], %3
    ARM %%done
    jmp T2:0
%%done:
    LOGTR " tr="
    NL
    call mend_task
%endmacro
    BADTASK "new cs null", 0x4c, 0
    BADTASK "new cs data", 0x4c, DATA
    BADTASK "new cs np", 0x4c, 0x80
    ; Without a stack the fault in the new task needs a task of its own.
    TASK gated
    SETDESC 0xe0, FLAT(tss4), 0x67, A_TSS32
    SETINT 8, 0xe0, 0, 0x85
    SETINT 10, 0xe0, 0, 0x85
    mov dword [tss2 + 0x50], 0
    T "new ss null"
    ARM .no_stack
    jmp T2:0
.no_stack:
    LOGTR "tr="
    NL
    call mend_task
    SETINT 8, CODE, FLAT(stubs) + 8 * 16, 0x8e
    SETINT 10, CODE, FLAT(stubs) + 10 * 16, 0x8e
    BADTASK "new ds code", 0x54, 0xc8
    BADTASK "new ds np", 0x54, 0x88
    BADTASK "new ldt bad", 0x60, DATA
    SETDESC 0xd0, 0, 0xff, 0x409a
    TASK gated
    mov dword [tss2 + 0x20], 0x100
    BADTASK "new eip", 0x4c, 0xd0

    T "trap bit"
    TASK trapped
    mov word [tss2 + 0x64], 1
    mov eax, 0x603              ; LE and L0, and G0: the local ones go
    mov dr7, eax
    xor eax, eax
    mov dr6, eax
    ARM .trapped
    jmp T2:0
trapped:
    LOG "not trapped"
main.trapped:
    mov esp, [saved_esp]
    LOG " dr6="
    mov eax, dr6
    and eax, 0xe00f
    LOGX eax
    LOG " dr7="
    mov eax, dr7
    LOGX eax
    NL
    xor eax, eax
    mov dr7, eax
    call mend_task

    ; The new TSS isn't mapped: nothing has happened when the page fault comes.
    T "not switched on page fault"
    mov edi, 0x1000
    mov eax, 0x2003
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [0x1000], 0x2003
    mov edi, 0x2000
    mov eax, 3
    mov ecx, 256
.pte:
    stosd
    add eax, 0x1000
    loop .pte
    mov ecx, 768
    xor eax, eax
    rep stosd
    mov eax, 0x1000
    mov cr3, eax
    SETDESC T2, 0x300000, 0x67, A_TSS32
    ARM .unmapped
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    jmp T2:0
.unmapped:
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    LOGTR " tr="
    LOGBUSY
    NL
    ret

jumped:
    push eax
    LOG "eax="
    LOGX eax
    LOG " ebx="
    LOGX ebx
    LOG " ecx="
    LOGX ecx
    LOG " edx="
    LOGX edx
    LOG " esp="
    lea eax, [esp + 4]
    LOGX eax
    LOG " ebp="
    LOGX ebp
    LOG " esi="
    LOGX esi
    LOG " edi="
    LOGX edi
    NL
    T "state"
    LOGTR "tr="
    mov eax, es
    LOG " es="
    LOGX eax
    mov eax, ds
    LOG " ds="
    LOGX eax
    mov eax, fs
    LOG " fs="
    LOGX eax
    mov eax, gs
    LOG " gs="
    LOGX eax
    LOG " ldt="
    sldt eax
    LOGX eax
    LOG " ts="
    mov eax, cr0
    and eax, 8
    LOGX eax
    LOGNT
    NL
    T "busy"
    LOGX [gdt + TSS + 5], 2
    LOG " "
    LOGX [gdt + T2 + 5], 2
    LOG " link="
    LOGX [tss2]
    LOG " old eax="
    LOGX [tss + 0x28]
    LOG " old cs="
    LOGX [tss + 0x4c], 4
    LOG " old ss="
    LOGX [tss + 0x50], 4
    NL
    mov eax, 0xbeef
    jmp TSS:0
called:
    LOGTR "tr="
    LOGNT
    LOG " link="
    LOGX [tss2], 4
    LOGBUSY
    NL
    iretd
    LOGTR "tr="
    NL
    iretd
gated:
    LOGTR "tr="
    iretd
interrupted:
    LOGTR "tr="
    LOG " link="
    LOGX [tss2], 4
    iretd
faulted:
    LOGTR "tr="
    LOG " error="
    pop eax
    LOGX eax
    LOG " rf="
    mov eax, [tss + 0x24]
    and eax, 0x10000
    LOGX eax
    add dword [tss + 0x20], 2   ; past the MOV
    iretd
no_stack_task:
    mov esp, [saved_esp]
    jmp [resume]
bits 16
task16:
    jmp dword CODE:FLAT(.wide)
bits 32
.wide:
    LOGTR "tr="
    LOG " ax="
    LOGX eax
    LOG " bx="
    LOGX ebx
    LOG " sp="
    mov edx, esp
    LOGX edx
    LOG " es="
    mov edx, es
    LOGX edx, 4
    LOG " link="
    LOGX [tss3], 4
    NL
    mov eax, 0xcafe
    iretd

align 8
start: dd 0
tss2:
    times 0x68 db 0
align 8
tss3:
    dw 0, 0x7000, DATA, 0, 0, 0, 0
    dw OFS(task16), 2                   ; IP, FLAGS
    dw 0x1111, 0, 0, 0x2222, 0x7700, 0, 0, 0
    dw DATA, CODE16, DATA16, DATA, 0
align 8
tss4:
    dd 0, 0x7000, DATA, 0, 0, 0, 0, 0
    dd FLAT(no_stack_task), 2
    dd 0, 0, 0, 0, 0x7600, 0, 0, 0
    dd DATA, CODE, DATA, DATA, 0, 0, 0
    dw 0, 0x68
END
