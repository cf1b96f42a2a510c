; SPDX-License-Identifier: GPL-2.0-or-later
;
; Call gates, conforming code, calls and returns between privilege levels.
; Source: SDM 3A 5.8, 2A CALL, 2B RET.
;
; expect: call code: 00000008 00007ff8
; expect: call system: #0d(0020)
; expect: jmp code dpl 3: #0d(0028)
; expect: jmp null: #0d(0000)
; expect: jmp beyond: #0d(0100)
; expect: call np: #0b(0040)
; expect: jmp past limit: #0d(0000)
; expect: call same level gate: cs=00000008
; expect: jmp gate: cs=00000008
; expect: gate np: #0b(0050)
; expect: gate null target: #0d(0000)
; expect: gate data target: #0d(0010)
; expect: gate dpl: #0d(0060) cpl3
; expect: gate offset past limit: #0d(0000) cpl3
; expect: inner call: cs=00000008 ss=00000010 esp=00008fe8 ss3=00000033 esp3=00009ff8 p1=22222222 p0=11111111 cs3=0000002b
; expect: back: 0000a000 00000033 ds=00000033 es=00000000
; expect: inner call 16: sp=00008ff4 ss3=0033 sp3=9ffc p1=2222 p0=1111 cs3=002b
; expect: conforming from ring 3: cs=00000093
; expect: ring 1 call: cs=000000a1 ss=000000a9 esp=0000aff0
; expect: ss1 null: #0a(0000) cpl3
; expect: ss1 beyond: #0a(0100) cpl3
; expect: ss1 code: #0a(00a0) cpl3
; expect: ss1 rpl: #0a(00a8) cpl3
; expect: ss1 dpl: #0a(0010) cpl3
; expect: ss1 not present: #0c(00e0) cpl3
; expect: ss1 no room: #0c(00e8) cpl3
; expect: tss too short: #0a(0038) cpl3
; expect: retf to inner: #0d(0008) cpl3
; expect: retf null: #0d(0000)
; expect: retf np: #0b(0040)
; expect: retf data: #0d(0010)
; expect: retf dpl: #0d(00a0)
; expect: retf outer bad ss: #0d(0010)
; expect: retf outer ss rpl: #0d(0030)
; expect: retf outer null ss: #0d(0000)
; expect: retf outer np ss: #0c(00c8)
; expect: retf keeps esp: #0b(0040) 00000000
; expect: accessed: fa fb
; peer differs: gate offset past limit, ss1 not present, ss1 no room, retf outer np ss, accessed
%include "harness.inc"

main:
    SETDESC 0x40, 0, 0xfffff, 0xc01a            ; code, not present
    SETDESC 0x48, ORIGIN, 0x0fff, 0x409a        ; code with a small limit
    SETGATE 0x50, CODE, FLAT(show_cs), 0x6c     ; not present
    SETGATE 0x58, 0, FLAT(show_cs), 0xec
    SETGATE 0x60, CODE, FLAT(show_cs), 0x8c     ; DPL 0
    SETGATE 0x68, DATA, FLAT(show_cs), 0xec
    SETGATE 0x70, CODE, FLAT(inner), 0x02ec     ; two parameters
    SETGATE 0x78, CODE16, OFS(inner16), 0x02e4
    SETDESC 0x90, 0, 0xfffff, 0xc09e            ; conforming
    SETDESC 0x98, 0, 0xfffff, 0xc012            ; data, not present
    SETDESC 0xa0, 0, 0xfffff, 0xc0ba            ; code, ring 1
    SETDESC 0xa8, 0, 0xfffff, 0xc0b2            ; data, ring 1
    SETGATE 0xb0, 0xa0, FLAT(ring1), 0xec
    SETDESC 0xb8, 0, 0xfffff, 0xc0fa            ; code, ring 3, not accessed yet
    SETGATE 0xc0, 0x48, 0x2000, 0xec            ; beyond its segment's limit
    SETDESC 0xe0, 0, 0xfffff, 0xc032            ; data, ring 1, not present
    SETDESC 0xe8, 0x1000, 0xff, 0x40b2          ; data, ring 1, small
    SETDESC 0xc8, 0, 0xfffff, 0xc072            ; data, ring 3, not present

    T "call code"
    call CODE:FLAT(.called)
.called:
    mov edx, esp
    pop ebx
    pop eax
    LOGX eax
    LOG " "
    mov eax, edx
    sub eax, esp
    add eax, 0x8000
    LOGX eax
    NL
    T "call system"
    TRY call 0x20:0
    T "jmp code dpl 3"
    TRY jmp 0x28:0
    T "jmp null"
    TRY jmp 0x03:0
    T "jmp beyond"
    TRY jmp 0x103:0
    T "call np"
    TRY call 0x40:0
    T "jmp past limit"
    TRY jmp 0x48:0x1000
    T "call same level gate"
    SETGATE 0xd0, CODE, FLAT(show_cs), 0x8c
    call 0xd0:0xdeadbeef
    T "jmp gate"
    ARM .after_jump_gate
    SETGATE 0xd8, CODE, FLAT(show_cs_resume), 0x8c
    jmp 0xd8:0
.after_jump_gate:
    T "gate np"
    TRY call 0x50:0
    T "gate null target"
    TRY call 0x58:0
    T "gate data target"
    TRY call 0x68:0

    T "gate dpl"
    ARM .g1
    RING3 .u1
.u1:
    call 0x60:0
.g1:
    NL
    T "gate offset past limit"
    ARM .g2
    RING3 .u2
.u2:
    call 0xc0:0
.g2:
    NL

    T "inner call"
    ARM .g3
    RING3 .u3
.u3:
    push dword 0x22222222
    push dword 0x11111111
    call 0x70:0
    LOG "back: "
    mov edx, esp
    LOGX edx
    LOG " "
    mov eax, ss
    LOGX eax
    mov eax, ds
    LOG " ds="
    LOGX eax
    mov eax, es
    LOG " es="
    LOGX eax
    NL
    LEAVE_RING
.g3:
    T "inner call 16"
    ARM .g4
    RING3 .u4
.u4:
    push word 0x2222
    push word 0x1111
    call 0x78:0
.g4:
    T "conforming from ring 3"
    ARM .g5
    RING3 .u5
.u5:
    call 0x90:FLAT(show_cs)
    LEAVE_RING
.g5:
    ; The ring 1 stack is what the TSS has wrong; the fault itself comes to ring 0.
    T "ring 1 call"
    mov dword [tss + 12], 0xb000
    mov dword [tss + 16], 0xa9
    ARM .g6
    RING3 .u6
.u6:
    call 0xb0:0
.g6:
    NL
%macro BADSTACK 2
    T %1
    mov dword [tss + 16], %2
    ARM %%done
    RING3 %%user
%%user:
    call 0xb0:0
%%done:
    NL
%endmacro
    BADSTACK "ss1 null", 0
    BADSTACK "ss1 beyond", 0x101
    BADSTACK "ss1 code", 0xa1
    BADSTACK "ss1 rpl", 0xa8
    BADSTACK "ss1 dpl", 0x11
    BADSTACK "ss1 not present", 0xe1
    mov dword [tss + 12], 4
    BADSTACK "ss1 no room", 0xe9
    mov dword [tss + 12], 0xb000
    ; A TSS that ends before the ring 1 stack, but has the ring 0 stack.
    mov byte [gdt + TSS], 0x0b
    mov byte [gdt + TSS + 5], 0x89
    mov ax, TSS
    ltr ax
    BADSTACK "tss too short", 0xa9

    T "retf to inner"
    SETGATE 0xd0, CODE, 0, 0x8c
    ARM .r1
    RING3 .ur1
.ur1:
    push dword CODE
    push dword FLAT(.r1)
    retf
.r1:
    NL
%macro RETF 3
    T %1
    ARM %%done
    push dword %3
    push dword 0xa000
    push dword %2
    push dword FLAT(%%done)
    retf
%%done:
    NL
%endmacro
    RETF "retf null", 3, 0
    RETF "retf np", 0x40, 0
    RETF "retf data", 0x10, 0
    RETF "retf dpl", 0xa0, 0
    RETF "retf outer bad ss", UCODE, 0x10
    RETF "retf outer ss rpl", UCODE, 0x32
    RETF "retf outer null ss", UCODE, 3
    RETF "retf outer np ss", UCODE, 0xcb
    T "retf keeps esp"
    mov ebx, esp
    push dword 0x40
    push dword 0
    mov [hook], dword FLAT(show_esp)
    ARM main.keep
    retf 0x1000
show_esp:                   ; ESP at the fault: below it are EFLAGS, CS, EIP, the error code, the vector
    mov dword [hook], 0
    mov eax, [saved_esp]
    sub eax, esp
    sub eax, FRAME_ESP
    mov [scratch], eax
    jmp report
main.keep:
    LOG " "
    LOGX [scratch]
    NL
    mov esp, ebx
main_accessed:
    T "accessed"
    LOGX [gdt + 0xbd], 2
    LOG " "
    ARM .acc
    push dword UDATA
    push dword 0xa000
    push dword 0xbb
    push dword FLAT(.uacc)
    retf
.uacc:
    LEAVE_RING
.acc:
    LOGX [gdt + 0xbd], 2
    NL
    ret

scratch: dd 0
show_cs:
    mov eax, cs
    LOG "cs="
    LOGX eax
    NL
    retf
show_cs_resume:
    mov eax, cs
    LOG "cs="
    LOGX eax
    NL
    jmp [resume]
ring1:
    mov eax, cs
    LOG "cs="
    LOGX eax
    mov eax, ss
    LOG " ss="
    LOGX eax
    LOG " esp="
    mov edx, esp
    LOGX edx
    LEAVE_RING
inner:
    mov ebp, esp
    mov eax, cs
    LOG "cs="
    LOGX eax
    mov eax, ss
    LOG " ss="
    LOGX eax
    LOG " esp="
    LOGX ebp
    LOG " ss3="
    LOGX [ebp + 20]
    LOG " esp3="
    LOGX [ebp + 16]
    LOG " p1="
    LOGX [ebp + 12]
    LOG " p0="
    LOGX [ebp + 8]
    LOG " cs3="
    LOGX [ebp + 4]
    NL
    mov ax, DATA
    mov es, ax
    retf 8
bits 16
inner16:
    jmp dword CODE:FLAT(.wide)
bits 32
.wide:
    mov ebp, esp
    LOG "sp="
    LOGX ebp
    LOG " ss3="
    LOGX [ebp + 10], 4
    LOG " sp3="
    LOGX [ebp + 8], 4
    LOG " p1="
    LOGX [ebp + 6], 4
    LOG " p0="
    LOGX [ebp + 4], 4
    LOG " cs3="
    LOGX [ebp + 2], 4
    NL
    LEAVE_RING
END
