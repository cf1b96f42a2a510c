; SPDX-License-Identifier: GPL-2.0-or-later
;
; Segment register loads and their faults, accessed bits, and the instructions that inspect descriptors.
; Source: SDM 2B MOV, 2A LAR, LSL, LLDT, LTR, 2B VERR, ARPL; 3A 5.
;
; expect: ds null: ok
; expect: ds null read: #0d(0000)
; expect: ds beyond gdt: #0d(0100)
; expect: ds code execute-only: #0d(0040)
; expect: ds code readable: ok
; expect: ds system: #0d(0038)
; expect: ds not present: #0b(0048)
; expect: ds rpl above dpl: #0d(0010)
; expect: ds rpl above dpl, conforming: ok
; expect: ds no ldt: #0d(0014)
; expect: ss null: #0d(0000)
; expect: ss read-only: #0d(0058)
; expect: ss not present: #0c(0060)
; expect: ss wrong rpl: #0d(0010)
; expect: ss wrong dpl: #0d(0030)
; expect: ss code: #0d(0008)
; expect: accessed: 92 93
; expect: les: #0d(0038) 12345678
; expect: les: ok 9abcdef0
; expect: pop fs: #0b(0048) 00000000
; expect: push cs: 00000008
; expect: push16 cs: 0008
; expect: mov cs: #06
; expect: mov sreg 6: #06
; expect: lar: z00000040 00cf9300
; expect: lar16: z00000040 00009300
; expect: lar tss: z00000040 00008b00
; expect: lar intgate: z00000000 00000005
; expect: lar callgate: z00000040 0000ec00
; expect: lar null: z00000000 00000005
; expect: lar dpl: z00000000 00000005
; expect: lar not present: z00000040 00001200
; expect: lsl: z00000040 ffffffff
; expect: lsl tss: z00000040 000000a7
; expect: lsl callgate: z00000000 00000005
; expect: lsl bytes: z00000040 00012345
; expect: lsl16: z00000040 00002345
; expect: verr data: 00000040
; expect: verr execute-only: 00000000
; expect: verr conforming, rpl 3: 00000040
; expect: verw data: 00000040
; expect: verw read-only: 00000000
; expect: verw code: 00000000
; expect: verr beyond: 00000000
; expect: arpl: 0000000b 00000040
; expect: arpl: 0000000b 00000000
; expect: lldt null: ok
; expect: lldt not an ldt: #0d(0010)
; expect: lldt in ldt: #0d(0084)
; expect: lldt not present: #0b(0088)
; expect: lldt: ok
; expect: sldt: 00000080
; expect: sldt mem: ffff0080
; expect: ds ldt 0: ok
; expect: ds ldt 1: #0d(000c)
; expect: ltr busy: #0d(0038)
; expect: ltr null: #0d(0000)
; expect: ltr: ok
; expect: str: 00000090 8b
; expect: ring 3 lldt: #0d(0000) cpl3
; expect: ring 3 sldt: 00000080
; expect: ring 3 ds dpl 0: #0d(0010) cpl3
; peer differs: ds null read, lar, ltr null
%include "harness.inc"
main:
    SETDESC 0x40, 0, 0xfffff, 0xc098        ; execute-only
    SETDESC 0x48, 0, 0xfffff, 0xc012        ; not present
    SETDESC 0x50, 0, 0xfffff, 0xc09e        ; conforming, readable
    SETDESC 0x58, 0, 0xfffff, 0xc090        ; read-only
    SETDESC 0x60, 0, 0xfffff, 0xc012
    SETDESC 0x68, 0, 0xfffff, 0xc092
    SETDESC 0x70, 0, 0x12345, 0x4092        ; in bytes
    SETGATE 0x78, CODE, 0, 0xec             ; call gate
    SETDESC 0x80, FLAT(ldt), 0x0f, A_LDT    ; entries 0, 1
    SETDESC 0x88, FLAT(ldt), 0x0f, 0x0002
    SETDESC 0x90, FLAT(tss), 0x67, A_TSS32
    SETGATE 0x98, CODE, 0, 0x8e             ; interrupt gate in the GDT

    T "ds null"
    xor eax, eax
    TRY mov fs, ax
    T "ds null read"
    TRY mov al, [fs:0]
    T "ds beyond gdt"
    mov ax, 0x100
    TRY mov fs, ax
    T "ds code execute-only"
    mov ax, 0x40
    TRY mov fs, ax
    T "ds code readable"
    mov ax, CODE
    TRY mov fs, ax
    T "ds system"
    mov ax, TSS
    TRY mov fs, ax
    T "ds not present"
    mov ax, 0x48
    TRY mov fs, ax
    T "ds rpl above dpl"
    mov ax, DATA | 3
    TRY mov fs, ax
    T "ds rpl above dpl, conforming"
    mov ax, 0x53
    TRY mov fs, ax
    T "ds no ldt"
    mov ax, 0x14
    TRY mov fs, ax
    T "ss null"
    xor eax, eax
    TRY mov ss, ax
    T "ss read-only"
    mov ax, 0x58
    TRY mov ss, ax
    T "ss not present"
    mov ax, 0x60
    TRY mov ss, ax
    T "ss wrong rpl"
    mov ax, DATA | 1
    TRY mov ss, ax
    T "ss wrong dpl"
    mov ax, 0x30
    TRY mov ss, ax
    T "ss code"
    mov ax, CODE
    TRY mov ss, ax

    T "accessed"
    LOGX [gdt + 0x6d], 2
    LOG " "
    mov ax, 0x68
    mov fs, ax
    LOGX [gdt + 0x6d], 2
    NL

    mov edx, 0x12345678
    T "les"
    ARM .les1
    les edx, [bad_pointer]
.les1:
    LOG " "
    LOGX edx
    NL
    T "les"
    les edx, [good_pointer]
    LOG "ok "
    LOGX edx
    NL

    ; A failing POP leaves ESP alone.
    T "pop fs"
    push dword 0x48
    ARM .pop1
    mov [saved2], esp
    pop fs
.pop1:
    mov eax, esp
    sub eax, [saved2]
    LOG " "
    LOGX eax
    NL
    pop eax
    T "push cs"
    push dword -1
    pop eax
    push cs
    pop eax
    LOGX eax
    NL
    T "push16 cs"
    o16 push cs
    pop ax
    LOGX eax, 4
    NL
    T "mov cs"
    TRY db 0x8e, 0xc8
    T "mov sreg 6"
    TRY db 0x8e, 0xf0

%macro LARTEST 3
    T %1
    mov ecx, %3
    mov eax, 5
    %2 eax, ecx
    LOG "z"
    LOGFLAGS 0x40
    LOG " "
    LOGX eax
    NL
%endmacro
    LARTEST "lar", lar, 0x10
    T "lar16"
    mov ecx, 0x10
    mov eax, 5
    lar ax, cx
    LOG "z"
    LOGFLAGS 0x40
    LOG " "
    LOGX eax
    NL
    LARTEST "lar tss", lar, TSS
    LARTEST "lar intgate", lar, 0x98
    LARTEST "lar callgate", lar, 0x78
    LARTEST "lar null", lar, 0
    LARTEST "lar dpl", lar, 0x13
    mov byte [gdt + 0x4e], 0
    LARTEST "lar not present", lar, 0x48
    mov byte [gdt + 0x4e], 0xcf
    LARTEST "lsl", lsl, 0x10
    LARTEST "lsl tss", lsl, TSS
    LARTEST "lsl callgate", lsl, 0x78
    LARTEST "lsl bytes", lsl, 0x70
    T "lsl16"
    mov ecx, 0x70
    xor eax, eax
    lsl ax, cx
    LOG "z"
    LOGFLAGS 0x40
    LOG " "
    LOGX eax
    NL
%macro VERTEST 3
    T %1
    mov ecx, %3
    %2 cx
    LOGFLAGS 0x40
    NL
%endmacro
    VERTEST "verr data", verr, 0x10
    VERTEST "verr execute-only", verr, 0x40
    VERTEST "verr conforming, rpl 3", verr, 0x53
    VERTEST "verw data", verw, 0x10
    VERTEST "verw read-only", verw, 0x58
    VERTEST "verw code", verw, 0x08
    VERTEST "verr beyond", verr, 0x100
    mov ax, 0x0b
    mov [scratch], ax
    mov eax, 8
    mov ecx, 3
%rep 2
    T "arpl"
    arpl ax, cx
    pushfd
    LOGX eax
    LOG " "
    popfd
    LOGFLAGS 0x40
    NL
%endrep

    T "lldt null"
    xor eax, eax
    TRY lldt ax
    T "lldt not an ldt"
    mov ax, DATA
    TRY lldt ax
    T "lldt in ldt"
    mov ax, 0x84
    TRY lldt ax
    T "lldt not present"
    mov ax, 0x88
    TRY lldt ax
    T "lldt"
    mov ax, 0x80
    TRY lldt ax
    T "sldt"
    mov eax, -1
    sldt eax
    LOGX eax
    NL
    T "sldt mem"
    mov dword [scratch], -1
    sldt [scratch]
    LOGX [scratch]
    NL
    T "ds ldt 0"
    mov ax, 0x04
    TRY mov gs, ax
    T "ds ldt 1"
    mov ax, 0x0c
    TRY mov gs, ax
    T "ltr busy"
    mov ax, TSS
    TRY ltr ax
    T "ltr null"
    xor eax, eax
    TRY ltr ax
    T "ltr"
    mov ax, 0x90
    TRY ltr ax
    T "str"
    mov eax, -1
    str eax
    LOGX eax
    LOG " "
    LOGX [gdt + 0x95], 2
    NL

    ; ring 3
    T "ring 3 lldt"
    ARM .r3a
    push dword UDATA
    push dword 0xa000
    push dword UCODE
    push dword FLAT(.user1)
    retf
.user1:
    lldt ax
.r3a:
    NL
    T "ring 3 sldt"
    ARM .r3b
    push dword UDATA
    push dword 0xa000
    push dword 0x3002
    push dword UCODE
    push dword FLAT(.user2)
    iretd
.user2:
    mov ax, UDATA
    mov ds, ax
    xor eax, eax
    sldt ax
    LOGX eax
    NL
    T "ring 3 ds dpl 0"
    mov ax, DATA
    mov ds, ax
.r3b:
    NL
    ret
align 8
ldt:
    dq 0x00cf92000000ffff
    dq 0x0000890000000067
bad_pointer:
    dd 0x11111111
    dw TSS
good_pointer:
    dd 0x9abcdef0
    dw DATA
saved2: dd 0
scratch: dd 0
END
