; SPDX-License-Identifier: GPL-2.0-or-later
;
; Error codes and order of exceptions, software interrupts, IDT entries that can't be used, double faults.
; Source: SDM 3A 6.12, 6.13, 6.15.
;
; expect: ud2: #06
; expect: int3 return: 00000001
; expect: into not taken: ok
; expect: into return: 00000001
; expect: bound inside: ok
; expect: bound outside: #05
; expect: bound return: 00000000
; expect: int idt limit: #0d(0302)
; expect: int np: #0b(0172)
; expect: int bad type: #0d(0172)
; expect: int target null: #0d(0000)
; expect: int target data: #0d(0010)
; expect: int target np: #0b(0040)
; expect: int target limit: #0d(0000)
; expect: int dpl: #0d(0172) cpl3
; expect: external through np: #0b(0033)
; expect: trap gate keeps if: 00000200
; expect: interrupt gate clears if: 00000000
; expect: gate clears tf, nt: 00000000
; expect: 16-bit gate: ok 0008 0202
; expect: ring 3 frame: 00000033 0000a000 0000002b
; expect: conforming handler: cs=0000004b
; expect: double fault: #08(0000)
; expect: page fault then gp: #08(0000)
; expect: lock: #06
; expect: lock reg: #06
; expect: too long: #0d(0000)
; expect: longest: ok
; expect: priv before ud: #0d(0000) cpl3
; expect: hlt ring 3: #0d(0000) cpl3
; expect: in ring 3: ok
; expect: in ring 3 denied: #0d(0000) cpl3
; expect: in ring 3 word over the edge: #0d(0000) cpl3
; expect: cli ring 3: #0d(0000) cpl3
; expect: popf ring 3: 00000202
; expect: iret nt cleared: 00000000
; expect: divide overflow: #00
; expect: aam 0: #00
; expect: no fpu: #07
; peer differs: int target limit, external through np
%include "harness.inc"
main:
    T "ud2"
    TRY ud2
    SETINT 3, CODE, FLAT(count), 0x8f
    SETINT 4, CODE, FLAT(count), 0x8f
    T "int3 return"
    mov dword [counted], 0
    int3
    LOGX [counted]
    NL
    T "into not taken"
    xor eax, eax
    TRY into
    T "into return"
    mov dword [counted], 0
    mov al, 0x7f
    add al, 1
    into
    LOGX [counted]
    NL
    T "bound inside"
    mov eax, 5
    TRY bound eax, [bounds]
    mov eax, 6
    T "bound outside"
    TRY bound eax, [bounds]
    T "bound return"
    mov eax, -1
    sub eax, eax
    bound eax, [bounds0]
    LOGX eax
    NL

    T "int idt limit"
    TRY int 0x60
    T "int np"
    SETINT 0x2e, CODE, FLAT(count), 0x0e
    TRY int 0x2e
    T "int bad type"
    SETINT 0x2e, CODE, FLAT(count), 0x8c
    TRY int 0x2e
    T "int target null"
    SETINT 0x2e, 0, FLAT(count), 0x8e
    TRY int 0x2e
    T "int target data"
    SETINT 0x2e, DATA, FLAT(count), 0x8e
    TRY int 0x2e
    T "int target np"
    SETDESC 0x40, 0, 0xfffff, 0xc01a
    SETINT 0x2e, 0x40, FLAT(count), 0x8e
    TRY int 0x2e
    T "int target limit"
    SETDESC 0x50, 0, 0xff, 0x409a
    SETINT 0x2e, 0x50, 0x100, 0x8e
    ARM .limit
    int 0x2e
.limit:
    NL
    T "int dpl"
    SETINT 0x2e, CODE, FLAT(count), 0x8e
    ARM .dpl
    RING3 .u_dpl
.u_dpl:
    int 0x2e
.dpl:
    NL
    ; An exception is an external event: EXT is set in what its delivery raises.
    T "external through np"
    and byte [idt + 6 * 8 + 5], 0x7f
    TRY ud2
    or byte [idt + 6 * 8 + 5], 0x80

    T "trap gate keeps if"
    SETINT 0x2e, CODE, FLAT(show_flags), 0x8f
    push dword 0x202
    popfd
    mov dword [mask], 0x200
    int 0x2e
    T "interrupt gate clears if"
    SETINT 0x2e, CODE, FLAT(show_flags), 0x8e
    int 0x2e
    cli
    T "gate clears tf, nt"
    mov dword [mask], 0x4100
    SETINT 0x2e, CODE, FLAT(show_flags), 0x8f
    push dword 0x4002
    popfd
    int 0x2e
    push dword 2
    popfd
    T "16-bit gate"
    SETINT 0x2e, CODE16, OFS(gate16), 0x86
    push dword 0x202
    popfd
    int 0x2e                ; comes back by way of `resume`
.after16:
    cli
    T "ring 3 frame"
    SETINT 0x2e, CODE, FLAT(show_frame), 0xee
    ARM .r1
    RING3 .u_frame
.u_frame:
    int 0x2e
.r1:
    T "conforming handler"
    SETDESC 0x48, 0, 0xfffff, 0xc09e
    SETINT 0x2e, 0x48, FLAT(show_cs), 0xee
    ARM .r2
    RING3 .u_conf
.u_conf:
    int 0x2e
    LEAVE_RING
.r2:

    T "double fault"
    mov byte [idt + 13 * 8 + 5], 0x0e
    ARM .df
    mov ax, 0x100
    mov fs, ax
.df:
    NL
    mov byte [idt + 13 * 8 + 5], 0x8e
    T "page fault then gp"
    call paging_on
    mov byte [idt + 14 * 8 + 5], 0x80
    ARM .df2
    mov eax, [0x300000]
.df2:
    NL
    mov byte [idt + 14 * 8 + 5], 0x8e
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax

    T "lock"
    TRY db 0xf0, 0x90
    T "lock reg"
    TRY db 0xf0, 0x01, 0xc0
    T "too long"
    TRY db 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
    T "longest"
    TRY db 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90

%macro USER 2+
    T %1
    ARM %%done
    RING3 %%user
%%user:
    %2
    LOG "ok"
    LEAVE_RING
%%done:
    NL
%endmacro
    USER "priv before ud", lgdt [0x80000000]
    USER "hlt ring 3", hlt
    mov dx, 0x10
    USER "in ring 3", in al, dx
    mov byte [tss + 0x68 + 4], 0x80         ; port 27
    mov dx, 0x27
    USER "in ring 3 denied", in al, dx
    mov dx, 0x26
    USER "in ring 3 word over the edge", in ax, dx
    mov byte [tss + 0x68 + 4], 0
    USER "cli ring 3", cli
    T "popf ring 3"
    ARM .popf
    push dword UDATA
    push dword 0xa000
    push dword 0x202
    push dword UCODE
    push dword FLAT(.u_popf)
    mov ax, UDATA
    mov ds, ax
    iretd
.u_popf:
    push dword 0x3002           ; neither IF nor IOPL change
    popfd
    pushfd
    pop eax
    and eax, 0x7202
    LOGX eax
    LEAVE_RING
.popf:
    NL
    T "iret nt cleared"
    pushfd
    and dword [esp], ~0x4000
    push cs
    push dword FLAT(.iret)
    iretd
.iret:
    LOGFLAGS 0x4000
    NL
    T "divide overflow"
    mov edx, 2
    xor eax, eax
    mov ecx, 2
    TRY div ecx
    T "aam 0"
    TRY aam 0
    T "no fpu"
    mov eax, cr0
    or al, 4
    mov cr0, eax
    TRY fnop
    ret

paging_on:
    pushad
    mov edi, 0x1000
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [0x1000], 0x2007
    mov edi, 0x2000
    mov eax, 7
    mov ecx, 256
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

count:
    inc dword [counted]
    iretd
show_flags:
    LOGFLAGS [mask]
    NL
    and dword [esp + 8], ~0x4100
    iretd
show_frame:
    mov ebp, esp
    LOGX [ebp + 16]
    LOG " "
    LOGX [ebp + 12]
    LOG " "
    LOGX [ebp + 4]
    NL
    LEAVE_RING
show_cs:
    mov eax, cs
    LOG "cs="
    LOGX eax
    NL
    iretd
bits 16
gate16:
    jmp dword CODE:FLAT(.wide)
bits 32
.wide:
    mov ebp, esp
    LOG "ok "
    LOGX [ebp + 2], 4
    LOG " "
    LOGX [ebp + 4], 4
    NL
    add esp, 6
    jmp main.after16
align 8
counted: dd 0
mask: dd 0
bounds: dd 0, 5
bounds0: dd 0, 0
END
