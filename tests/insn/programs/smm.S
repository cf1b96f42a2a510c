; SPDX-License-Identifier: GPL-2.0-or-later
;
; System management mode: entry state, the save map, RSM, SMBASE relocation, SMIs out of HLT and out of
; every mode, what RSM refuses. A byte written to port B2 raises SMI after the instruction.
; Source: SDM 3C 31.
;
; expect: rsm outside: #06
; expect: entry: cs=3000 ip=8000 ds=0000 flags=00000002 cr0=60000010 cr4=00000000 dr7=00000400
; expect: map: rev=00020000 smbase=00030000 cr0=e0000011 eflags=00000246 eax=12345678 esi=cafebabe eip=ok cs=00000008 tr=00000038
; expect: after: eax=12345678 esi=cafebabe esp=00000000 flags=00000246 cr0=e0000011 tr=00000038
; expect: changed by the handler: eax=0badf00d
; expect: relocated: 000a0000 cs=a000
; expect: from halt: halt=0001 not again
; expect: from halt, halt again: again
; expect: from v86: flags=00023202 v86
; expect: from ring 3: cs=0000002b cpl 3
; expect: 4 GB in smm: 55aa1234
; expect: rsm to pg without pe: follows
; expect: [shutdown]
; peer: none, this machine has no chipset to raise SMI with
%include "harness.inc"

SMI_PORT equ 0xb2
%macro SMI 0
    out SMI_PORT, al
%endmacro
; Installs a handler: 16-bit code at label, copied to the entry point.
%macro HANDLER 1
    pushad
    mov esi, FLAT(%1)
    mov edi, [handler_base]
    add edi, 0x8000
    mov ecx, 256
    rep movsb
    popad
%endmacro

main:
    T "rsm outside"
    TRY rsm

    call paging_on
    ; The handler writes what it sees to 5000, and the main program prints it.
    HANDLER h_entry
    T "entry"
    mov eax, 0x12345678
    mov esi, 0xcafebabe
    push dword 0x246
    popfd
    mov [kept_esp], esp
    out SMI_PORT, al
.returned:
    mov [kept_eax], eax
    pushfd
    pop dword [kept_flags]
    cli
    sub [kept_esp], esp
    LOG "cs="
    LOGX [0x5000], 4
    LOG " ip=8000 ds="
    LOGX [0x5004], 4
    LOG " flags="
    LOGX [0x5008]
    LOG " cr0="
    LOGX [0x500c]
    LOG " cr4="
    LOGX [0x5010]
    LOG " dr7="
    LOGX [0x5014]
    NL
    T "map"
    LOG "rev="
    LOGX [0x3fefc]
    LOG " smbase="
    LOGX [0x3fef8]
    LOG " cr0="
    LOGX [0x3fffc]
    LOG " eflags="
    LOGX [0x3fff4]
    LOG " eax="
    LOGX [0x3ffd0]
    LOG " esi="
    LOGX [0x3ffe8]
    LOG " eip="
    cmp dword [0x3fff0], FLAT(.returned)
    jne .wrong_eip
    LOG "ok"
.wrong_eip:
    LOG " cs="
    LOGX [0x3ffac]
    LOG " tr="
    LOGX [0x3ffc4]
    NL
    T "after"
    LOG "eax="
    LOGX [kept_eax]
    LOG " esi="
    LOGX esi
    LOG " esp="
    LOGX [kept_esp]
    LOG " flags="
    LOGX [kept_flags]
    LOG " cr0="
    mov eax, cr0
    LOGX eax
    LOG " tr="
    str eax
    LOGX eax
    NL

    T "changed by the handler"
    HANDLER h_change
    SMI
    LOG "eax="
    LOGX eax
    NL
    T "relocated"
    HANDLER h_move
    SMI
    LOGX [0x3fef8]
    mov dword [handler_base], 0xa0000
    HANDLER h_cs
    SMI
    LOG " cs="
    LOGX [0x5000], 4
    NL
    mov dword [handler_base], 0x30000
    HANDLER h_back
    mov dword [handler_base], 0xa0000
    HANDLER h_back
    SMI
    mov dword [handler_base], 0x30000

    ; After a write to port B3 the next HLT is answered with an SMI; port B4: one with an NMI, after that.
    T "from halt"
    HANDLER h_no_halt
    out 0xb3, al
    hlt
    LOG "halt="
    LOGX [0x5000], 4
    LOG " not again"
    NL
    T "from halt, halt again"
    HANDLER h_plain
    out 0xb3, al
    out 0xb4, al
    mov dword [counted], 0
    SETINT 2, CODE, FLAT(nmi), 0x8e
    hlt                     ; the SMI comes and goes; the NMI ends it
    cmp dword [counted], 1
    jne .not_again
    LOG "again"
.not_again:
    NL

    T "from v86"
    HANDLER h_flags
    ARM .v86
    mov dword [hook], FLAT(show_v86)
    push dword 0
    push dword 0
    push dword 0
    push dword 0
    push dword 0x3000
    push dword 0xffe
    push dword 0x23202
    push dword 0x1000
    push dword OFS(in_v86)
    iretd
.v86:
    NL
    T "from ring 3"
    ARM .r3
    RING3 .user
.user:
    out SMI_PORT, al
    LOG "cs="
    mov eax, cs
    LOGX eax
    LOG " cpl "
    and eax, 3
    LOGX eax, 1
    LEAVE_RING
.r3:
    NL
    T "4 GB in smm"
    HANDLER h_big
    mov dword [0x200000], 0
    SMI
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
    LOGX [0x200004]
    NL
    T "rsm to pg without pe"
    HANDLER h_bad
    LOG "follows"
    NL
    SMI
    LOG "not there"
    NL
    jmp finish

paging_on:
    pushad
    mov edi, 0x1000
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [0x1000], 0x2007
    mov edi, 0x2000
    mov eax, 7
    mov ecx, 1024
.pte:
    stosd
    add eax, 0x1000
    loop .pte
    mov eax, 0x1000
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    popad
    ret
nmi:
    inc dword [counted]
    iretd
show_v86:
    mov dword [hook], 0
    mov ebp, esp
    LOG "flags="
    mov eax, [ebp + FRAME_EFLAGS]
    and eax, ~0x10000       ; RF is the fault's
    LOGX eax
    LOG " v86"
    jmp resume_main

bits 16
h_entry:
    mov bx, cs
    mov cx, ds
    pushfd                  ; SS is flat: ESP is the interrupted one, still usable with paging off
    pop edx
    mov ax, 0
    mov ds, ax
    mov [0x5000], bx
    mov [0x5004], cx
    mov [0x5008], edx
    mov eax, cr0
    mov [0x500c], eax
    mov eax, cr4
    mov [0x5010], eax
    mov eax, dr7
    mov [0x5014], eax
    rsm
h_plain:
    rsm
h_change:
    mov dword [cs:0xffd0], 0x0badf00d
    rsm
h_move:
    mov dword [cs:0xfef8], 0xa0000
    rsm
h_back:
    mov dword [cs:0xfef8], 0x30000
    rsm
h_cs:
    mov ax, cs
    mov [0x5000], ax
    rsm
h_no_halt:
    mov ax, [cs:0xff02]
    mov [0x5000], ax
    mov word [cs:0xff02], 0
    rsm
h_flags:
    rsm
h_big:
    mov dword [dword 0x200004], 0x55aa1234
    rsm
h_bad:
    mov dword [cs:0xfffc], 0x80000000
    rsm
in_v86:
    mov dx, SMI_PORT
    out dx, al
    int 0x29
align 8
handler_base: dd 0x30000
kept_esp: dd 0
kept_eax: dd 0
kept_flags: dd 0
counted: dd 0
END
