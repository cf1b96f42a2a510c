; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot code under the single-step flag, with instruction breakpoints and with watchpoints on its data: switched on
; and off in the middle by POPF, IRET and MOV DR7, each time the loop is hot already.
; Source: SDM 3B 17.2, 17.3; 3A 6.8.3.
;
; expect: nothing: 00000000 fbf41d40
; expect: popf, at the end: 0000026f fbf41d40
; expect: popf, on and off: 00000342 9f815800
; expect: popf in the middle of a block: 00001860 c24c3a6b
; expect: flags in the trap's frame: 000002d0 3502c905
; expect: iret sets it: 0000020c fbf41d40
; expect: the handler sets it: 00000420 153c1e14
; expect: the trap's handler clears it: 000004e0 153c1e34
; expect: int, and back: 00000236 2127767e
; expect: rep, a trap for every iteration: 0000005a bdf9c8b7
; expect: mov ss, pop ss: 00000111 728c926c
; expect: code that changes itself: 0000009c 9402c92f
; expect: ring 3: 0000020b 558efb78
; expect: breakpoint in the loop: 00000028 7c8e5aaf
; expect: at the loop's head: 000000c9 d5cac92e
; expect: in a routine: 00000064 169ab129
; expect: in the middle of an instruction: 00000000 b90891e9
; expect: and steps: 00000190 f87e082c
; expect: writes: 000000c8 652d076c
; expect: reads and writes: 00000190 76ab4452
; expect: one byte: 0000012c 972a5123
; expect: on the stack: 00000064 1d3223a8
; expect: strings over it: 00000064 9e2b5397
; expect: on the code's own page: 00000064 d5cac92e
; peer differs: and steps
%include "harness.inc"
%include "hot.inc"

; Registers that are the same at the start of each loop.
%macro START 0
    mov eax, 0x12345678
    mov ebx, 1
    mov ecx, HOT
    mov edx, 0x9abcdef0
    mov esi, 0
    mov edi, 0
    mov dword [traps], 0
    mov dword [trap_mode], 0
%endmacro
; Prints what came of it, and the number of debug exceptions.
%macro RESULT 0
    push dword 2
    popfd
    MIX eax, ebx, edx, esi, edi
    LOGX [traps]
    LOG " "
    LOGSUM
%endmacro
; The loop's own work, in several blocks.
%macro WORK 0
    add eax, edx
    adc edx, ecx
    test al, 4
    jz %%even
    xor edx, eax
%%even:
    call %%routine
    jmp %%over
%%routine:
    lea edx, [edx + edx * 2]
    ret
%%over:
    mov [word_], edx
    rol dword [word_], 3
    add edx, [word_]
%endmacro
%macro BREAK 2          ; debug register, address
    push eax
    mov eax, %2
    mov %1, eax
    pop eax
%endmacro
%macro DR7 1
    push eax
    mov eax, %1
    mov dr7, eax
    pop eax
%endmacro

main:
    SETINT 1, CODE, trap, 0x8e
    SETINT 0x2e, CODE, nothing, 0x8e
    SETINT 0x2d, CODE, set_tf, 0x8e
    xor eax, eax
    mov dr6, eax

    T "nothing"
    START
.a1:
    WORK
    dec ecx
    jnz .a1
    RESULT

    T "popf, at the end"
    START
.b1:
    cmp ecx, 40
    jne .b2
    push dword 0x102
    popfd
.b2:
    WORK
    dec ecx
    jnz .b1
    RESULT

    T "popf, on and off"
    START
.c1:
    mov eax, ecx
    and eax, 0x3f
    cmp eax, 1
    ja .c2
    shl eax, 8                  ; 1: on, 0: off
    or eax, 2
    push eax
    popfd
.c2:
    WORK
    dec ecx
    jnz .c1
    RESULT

    T "popf in the middle of a block"
    START
.d1:
    mov eax, ecx
    and eax, 0x20
    lea eax, [eax * 8 + 2]
    push eax
    add edx, 3
    popfd
    add edx, eax
    adc edx, ebx
    inc ebx
    push dword 2
    popfd
    dec ecx
    jnz .d1
    RESULT

    T "flags in the trap's frame"
    START
    mov dword [trap_mode], 1    ; takes EFLAGS and registers of each trap into the checksum
.e1:
    cmp ecx, 60
    jne .e2
    push dword 0x102
    popfd
.e2:
    add eax, edx
    adc edx, ecx
    add eax, eax
    inc ebx
    mov [word_], edx
    cmp eax, edx
    setb [word_]
    neg edx
    dec ecx
    jnz .e1
    RESULT

    T "iret sets it"
    START
.f1:
    test cl, 0x3f
    jnz .f2
    push dword 0x102
    push cs
    push dword .f2
    iretd
.f2:
    WORK
    push dword 2
    popfd
    dec ecx
    jnz .f1
    RESULT

    T "the handler sets it"
    START
.g1:
    mov esi, ecx
    and esi, 0x1f
    WORK
    int 0x2d                    ; if ESI is 0
    WORK
    push dword 2
    popfd
    dec ecx
    jnz .g1
    RESULT

    T "the trap's handler clears it"
    START
    mov dword [trap_mode], 2
.h1:
    WORK
    mov esi, ecx
    and esi, 0x18
    shl esi, 5
    push esi
    popfd
    WORK
    dec ecx
    jnz .h1
    RESULT

    T "int, and back"           ; no step in the handler
    START
.i1:
    test cl, 0x3f
    jnz .i2
    push dword 0x102
    popfd
.i2:
    WORK
    int 0x2e
    add edx, 7
    push dword 2
    popfd
    dec ecx
    jnz .i1
    RESULT

    T "rep, a trap for every iteration"
    START
    mov dword [trap_mode], 1
    mov ecx, WARM
.j1:
    push ecx
    test cl, 0x3f
    jnz .j2
    push dword 0x102
    popfd
.j2:
    mov ecx, 5
    mov esi, FRAMES
    mov edi, FRAMES + 64
    rep movsd
    push dword 2
    popfd
    pop ecx
    dec ecx
    jnz .j1
    RESULT

    T "mov ss, pop ss"          ; no trap behind them
    START
.k1:
    test cl, 0x3f
    jnz .k2
    push dword 0x102
    popfd
.k2:
    mov eax, ss
    mov ss, ax
    add edx, ecx
    push ss
    add edx, eax
    pop ss
    add edx, ecx
    push dword 2
    popfd
    dec ecx
    jnz .k1
    RESULT

    T "code that changes itself"
    START
.l1:
    test cl, 0x3f
    jnz .l2
    push dword 0x102
    popfd
.l2:
    mov [.l3 + 2], cl
.l3:
    add edx, byte 0
    push dword 2
    popfd
    dec ecx
    jnz .l1
    RESULT

    T "ring 3"
    START
    ARM .m1
    RING3 user_steps
.m1:
    mov ecx, 0
    mov esi, 0
    mov eax, 0
    RESULT

    ; ---- breakpoints on instructions ----
    T "breakpoint in the loop"
    START
    BREAK dr0, .n3
.n1:
    mov eax, ecx
    and eax, 0x3f
    cmp eax, 1
    ja .n2
    or eax, 0x400               ; 1: on, 0: off
    mov dr7, eax
.n2:
    add edx, ecx
.n3:
    add edx, edx
    adc edx, 5
    dec ecx
    jnz .n1
    RESULT
    T "at the loop's head"
    START
    BREAK dr1, .o1
    DR7 0x404
.o1:
    add edx, ecx
    cmp ecx, HOT - 200
    jne .o2
    DR7 0x400
.o2:
    dec ecx
    jnz .o1
    RESULT
    T "in a routine"
    START
    BREAK dr2, work
.p1:
    cmp ecx, 100
    jne .p2
    DR7 0x410
.p2:
    call work
    dec ecx
    jnz .p1
    DR7 0x400
    RESULT
    T "in the middle of an instruction"     ; isn't one
    START
    BREAK dr3, .q1 + 1
    DR7 0x440
.q1:
    mov eax, 0x01020304
    add edx, eax
    dec ecx
    jnz .q1
    DR7 0x400
    RESULT
    T "and steps"               ; a breakpoint and TF
    START
    BREAK dr0, .r3
    mov dword [trap_mode], 3    ; DR6 into the checksum
.r1:
    cmp ecx, 50
    jne .r2
    DR7 0x401
    push dword 0x102
    popfd
.r2:
    add edx, ecx
.r3:
    add edx, edx
    nop
    dec ecx
    jnz .r1
    push dword 2
    popfd
    DR7 0x400
    RESULT

    ; ---- breakpoints on data ----
    BREAK dr0, word_
    T "writes"
    START
.s1:
    cmp ecx, 100
    jne .s2
    DR7 0x000d0401
.s2:
    mov eax, [word_]
    add eax, ecx
    mov [word_], eax
    mov [word_ + 4], eax
    mov [word_ + 3], al
    dec ecx
    jnz .s1
    DR7 0x400
    RESULT
    T "reads and writes"
    START
    mov dword [trap_mode], 3
.t1:
    cmp ecx, 100
    jne .t2
    DR7 0x000f0401
.t2:
    mov eax, [word_]
    add [word_], ecx
    push dword [word_ + 4]
    pop dword [word_ - 4]
    mov eax, [word_ - 1]
    mov eax, [word_ + 4]
    cmp byte [word_ + 2], 5
    adc edx, eax
    dec ecx
    jnz .t1
    DR7 0x400
    RESULT
    T "one byte"
    START
    mov dword [trap_mode], 3
.u1:
    cmp ecx, 100
    jne .u2
    DR7 0x00010401
.u2:
    mov [word_ + 1], cl
    mov [word_], cl
    mov [word_ - 1], cx
    mov [word_ - 3], ecx
    mov [word_ - 4], ecx
    dec ecx
    jnz .u1
    DR7 0x400
    RESULT
    T "on the stack"
    START
    lea eax, [esp - 8]
    mov dr0, eax
.v1:
    cmp ecx, 100
    jne .v2
    DR7 0x000d0401
.v2:
    push edx
    push ecx                    ; here
    call work                   ; not here
    pop eax
    pop eax
    call .v3                    ; nor here: it pushes one
    dec ecx
    jnz .v1
    DR7 0x400
    RESULT
    T "strings over it"
    START
    BREAK dr0, FRAMES + 64 + 8
    mov ecx, WARM
    mov dword [trap_mode], 1
.w1:
    push ecx
    cmp ecx, 20
    jne .w2
    DR7 0x000d0401
.w2:
    mov ecx, 6
    mov edi, FRAMES + 64
    rep stosd
    mov ecx, 20
    mov edi, FRAMES + 64
    rep stosb
    pop ecx
    dec ecx
    jnz .w1
    DR7 0x400
    RESULT
    T "on the code's own page"
    START
    BREAK dr0, .x_data
.x1:
    cmp ecx, 100
    jne .x2
    DR7 0x000d0401
.x2:
    mov [.x_data], ecx
    add edx, [.x_data]
    dec ecx
    jnz .x1
    DR7 0x400
    RESULT
    jmp finish
.x_data: dd 0
.v3:
    ret

align 64
work:
    lea edx, [edx + ecx * 2]
    test dl, 1
    jz .even
    rol edx, 1
.even:
    ret
    times 32 nop

user_steps:
    WORK
    test cl, 0x3f
    jnz .no
    push dword 0x102
    popfd
    WORK
    push dword 2
    popfd
.no:
    dec ecx
    jnz user_steps
    MIX edx, eax
    LEAVE_RING

nothing:
    add edx, ecx
    iretd
set_tf:
    test esi, esi
    jnz .no
    or dword [esp + 8], 0x100
.no:
    iretd

; Counts. What else it does depends on trap_mode.
trap:
    push eax
    push ebx
    push ds
    mov ax, DATA
    mov ds, ax
    inc dword [traps]
    mov eax, dr6
    test al, 15
    jz .not_before
    ; A breakpoint on an instruction is a fault: RF lets it through. (On data it is a trap; RF changes nothing
    ; then, for the next instruction isn't one with a breakpoint.)
    or dword [esp + 20], 0x10000
.not_before:
    cmp dword [trap_mode], 0
    je .done
    cmp dword [trap_mode], 2
    je .clear
    cmp dword [trap_mode], 3
    je .dr6
    mov ebx, [esp + 20]
    and ebx, 0x0fd5
    mov eax, [esp + 8]
    MIX eax, ebx, ecx, edx, esi
    jmp .done
.clear:
    and dword [esp + 20], ~0x100
    jmp .done
.dr6:
    and eax, 0xe00f
    MIX eax, ecx
.done:
    xor eax, eax
    mov dr6, eax
    pop ds
    pop ebx
    pop eax
    iretd

align 8
traps: dd 0
trap_mode: dd 0
times 4 dd 0
word_: dd 0, 0, 0, 0
END
