; SPDX-License-Identifier: GPL-2.0-or-later
;
; The same hot code in other surroundings: real and protected mode, 16 and 32 bits, segments with bases, 16-bit
; stacks, rings, virtual-8086 mode, paging, and the CR0 and CR4 bits that make instructions fault.
; Source: SDM 3A 3.4.5, 5.3, 6.14, 9.9, 20; 1, 6.2.3.
;
; expect: 32 bits, then 16, then 32: 8286d414
; expect: 32 and 16 bits in turn: e4157377
; expect: a loop of 16-bit code: 0eba10ee
; expect: real mode and 32 bits in turn: 2fb3fcf4
; expect: a loop in real mode: 774e9183
; expect: it changes in real mode: e439ee57
; expect: code at another base: 6d1f7419
; expect: a loop at another base: 0009c441
; expect: data at other bases: 7714cb6b
; expect: ds by turns: 18c7a3ac
; expect: the descriptor changes: deec2f84
; expect: strings between segments: 247bac56
; expect: ip wraps: 00015f54
; expect: 16-bit stack: 210a3ab6
; expect: 16-bit code, 16-bit stack and 32-bit stack: 22dc0780
; expect: the stack changes its width: 3d91dbea
; expect: a supervisor's page: 03c 0e5b6035
; expect: write protection: 201 386cc9fe
; expect: paging on and off: 1a5ffd0c
; expect: fpu switched off: 013 5f12daee
; expect: sse switched off: 013 26805654
; expect: rdtsc and cli in ring 3: 077 bd2f17b5
; expect: alignment: 3a8 fa425d50
; expect: virtual 8086: 046f4443
; expect: direction: b6460b62
; peer differs: alignment
%include "harness.inc"
%include "hot.inc"

; Descriptors; selector 3 more in ring 3.
BASED equ 0x40          ; code, 32 bits, base 4321
SEG_A equ 0x48
SEG_B equ 0x50
SEG_C equ 0x58
STACK16 equ 0x60
BASE equ 0x4321
SUP equ WINDOW + 0x2000
RO equ WINDOW + 0x3000
NUMBER equ 0xf000       ; flat f000, and 1f000 from base 10000

%macro CR0_SET 1
    mov eax, cr0
    or eax, %1
    mov cr0, eax
%endmacro
%macro CR0_CLEAR 1
    mov eax, cr0
    and eax, ~(%1)
    mov cr0, eax
%endmacro
%macro START 0
    xor eax, eax
    xor edx, edx
    xor esi, esi
    mov ecx, HOT
    mov ebx, NUMBER
    mov edi, NUMBER
    mov dword [faults], 0
%endmacro
%macro TURNS 0          ; prints the faults, and the checksum
    LOGX [faults], 3
    LOG " "
    LOGSUM
%endmacro
main:
    mov dword [NUMBER], 0x00c0ffee
    mov dword [NUMBER + 0x10000], 0x0badcafe
    mov edi, FRAMES
    mov ecx, 0x4000
    mov eax, 0x01020304
.fill:
    stosd
    imul eax, eax, 0x10dcd
    add eax, 0x3039
    loop .fill

    ; ---- widths ----
    T "32 bits, then 16, then 32"
    START
.a1:
    call both
    MIX eax, edx, esi
    dec ecx
    jnz .a1
    mov ecx, HOT
.a2:
    call CODE16:OFS(both_far)
    MIX eax, edx, esi
    dec ecx
    jnz .a2
    mov ecx, HOT
.a3:
    call both
    MIX eax, edx, esi
    dec ecx
    jnz .a3
    LOGSUM
    T "32 and 16 bits in turn"
    START
.b1:
    call both
    call CODE16:OFS(both_far)
    MIX eax, edx, esi
    dec ecx
    jnz .b1
    LOGSUM
    T "a loop of 16-bit code"
    START
    call CODE16:OFS(loop16)
    MIX eax, edx, esi, ebx
    LOGSUM
    T "real mode and 32 bits in turn"
    START
    mov ecx, WARM
    mov word [real_routine], OFS(both)
.c1:
    call both
    call flip
    MIX eax, edx, esi
    dec ecx
    jnz .c1
    LOGSUM
    T "a loop in real mode"
    START
    mov ecx, 60
    mov word [real_routine], OFS(real_loop)
.d1:
    call flip
    MIX eax, edx, esi
    push ecx
    call CODE16:OFS(loop16)
    pop ecx
    MIX eax, edx, esi
    dec ecx
    jnz .d1
    LOGSUM
    T "it changes in real mode"
    START
    mov ecx, WARM
    mov word [real_routine], OFS(real_patch)
.e1:
    call both
    MIX eax, edx, esi
    call flip
    dec ecx
    jnz .e1
    mov byte [both + 1], 0x34
    LOGSUM

    ; ---- segments ----
    SETDESC BASED, BASE, 0xfffff, A_CODE32
    T "code at another base"
    START
.f1:
    mov ebp, BASE
    call BASED:based - BASE
    MIX eax, edx
    xor ebp, ebp
    call CODE:based
    MIX eax, edx
    dec ecx
    jnz .f1
    LOGSUM
    T "a loop at another base"
    START
    mov ebp, BASE
    call BASED:based_loop - BASE
    mov ecx, HOT
    xor ebp, ebp
    call CODE:based_loop
    MIX eax, edx
    LOGSUM

    SETDESC SEG_A, FRAMES, 0xfff, 0x4092
    SETDESC SEG_B, FRAMES + 0x1001, 0xfff, 0x4092
    SETDESC SEG_C, NUMBER - 0x20, 0x2f, 0x4092
    T "data at other bases"
    START
    mov eax, SEG_A
    mov fs, eax
    mov eax, SEG_B
    mov gs, eax
    mov eax, SEG_C
    mov es, eax
.g1:
    mov ebx, ecx
    mov eax, [fs:ebx]
    add [gs:ebx + 0x100], eax
    adc edx, [gs:ebx + 4]
    push dword [es:0x20]
    pop dword [fs:4]
    xchg edx, [fs:ecx + 8]
    MIX eax, edx
    sub ecx, 3
    ja .g1
    mov eax, DATA
    mov es, eax
    LOGSUM
    T "ds by turns"
    START
.h1:
    mov eax, [.h_selectors + esi * 4]
    mov ds, eax
    mov eax, [0x20]
    add edx, [ecx]
    add eax, edx
    mov [0x24], al
    mov ebx, DATA
    mov ds, ebx
    MIX eax
    inc esi
    and esi, 3
    dec ecx
    jnz .h1
    LOGSUM
    jmp .i0
.h_selectors: dd SEG_A, DATA, SEG_B, SEG_A
.i0:
    T "the descriptor changes"
    START
.i1:
    mov eax, ecx
    shl eax, 2
    add eax, FRAMES & 0xffff
    mov [gdt + SEG_A + 2], ax
    test cl, 3
    jnz .i2                         ; only now and then does the register get it
    mov eax, SEG_A
    mov fs, eax
.i2:
    mov eax, [fs:0x40]
    MIX eax
    dec ecx
    jnz .i1
    LOGSUM
    T "strings between segments"
    START
    SETDESC SEG_A, FRAMES, 0xfff, 0x4092
    mov eax, SEG_A
    mov ds, eax
    mov eax, SEG_B
    mov es, eax
    mov ecx, WARM
.j1:
    push ecx
    mov esi, ecx
    mov edi, 7
    mov ecx, 0x20
    rep movsd
    lodsd
    stosw
    pop ecx
    dec ecx
    jnz .j1
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ecx, 64
    mov esi, FRAMES + 0x1001
.j2:
    lodsd
    MIX eax
    loop .j2
    LOGSUM

    ; 16-bit code around the end of its 64 KB.
    SETDESC BASED, FRAMES, 0xffff, A_CODE16
    PLACE FRAMES + 0xfffb, around, around.end
    PLACE FRAMES + 0x10, around_low, around_low.end
    T "ip wraps"
    START
    mov ecx, HOT
    mov dword [.back], .m1
    call BASED:0xfffb
.m1:
    MIX eax, edx
    LOGSUM
    jmp .n0
.back: dd 0
.esp: dd 0
.n0:

    ; ---- stacks ----
    SETDESC STACK16, FRAMES, 0xffff, A_DATA16
    T "16-bit stack"
    START
    mov [.esp], esp
    mov ebp, STACK16
    mov ss, ebp
    mov esp, 0xabcd0008
    mov ebp, 0x12340010
.o1:
    push ecx
    push dword 0x77
    push edx                        ; at fffc
    call .o2
    pushad
    add eax, esp
    popad
    enter 0x10, 1
    movzx ebp, bp                   ; whether ENTER changes the upper half isn't said
    mov [ebp - 8], eax
    add eax, esp
    leave
    pop eax
    add edx, eax
    pop ecx
    pop ecx
    push cx
    pop ax
    MIX eax, edx, esp, ebp
    dec ecx
    jnz .o1
    mov eax, DATA
    mov ss, eax
    mov esp, [.esp]
    LOGSUM
    jmp .p0
.o2:
    sub edx, esp
    and edx, 0xffff
    ret
.p0:
    T "16-bit code, 16-bit stack and 32-bit stack"
    START
    mov ecx, WARM
    mov word [real_routine], OFS(stack_work)
.q1:
    call CODE16:OFS(stack_far)
    MIX eax, edx
    call flip                       ; on SP in real mode
    MIX eax, edx
    dec ecx
    jnz .q1
    LOGSUM
    T "the stack changes its width"
    START
    mov [.esp], esp
    SETDESC SEG_A, 0, 0xfffff, 0x8092
.r1:
    mov eax, ecx
    and eax, 8
    add eax, DATA
    cmp eax, DATA
    je .r2
    mov eax, SEG_A
.r2:
    mov esp, 0x17f00
    mov ss, eax                     ; 16 bits: the stack is at 7f00
    push ecx
    add esp, -4
    pop edx
    mov dword [esp], 0
    push esp
    pop eax
    MIX eax, edx
    dec ecx
    jnz .r1
    mov eax, DATA
    mov ss, eax
    mov esp, [.esp]
    mov eax, [0x7efc]
    mov edx, [0x17efc]
    MIX eax, edx
    LOGSUM

    ; ---- rings and pages ----
    call paging_on
    call wp_on
    MAP SUP, FRAMES + 0x2003
    MAP RO, FRAMES + 0x3005
    T "a supervisor's page"
    START
    mov dword [map_entry], FRAMES + 0x2007
    mov dword [hook], ring_hook
    mov ecx, 60
.s1:
    MAP SUP, FRAMES + 0x2003
    push ecx
    call reads_sup
    pop ecx
    mov [.ecx], ecx
    ARM .s2
    RING3 user_reads
.s2:
    mov ecx, [.ecx]
    dec ecx
    jnz .s1
    TURNS
    T "write protection"            ; in ring 0, by CR0.WP
    START
.t1:
    test cl, 0x3f
    jnz .t2
    mov eax, cr0
    xor eax, 0x10000
    mov cr0, eax
.t2:
    mov dword [RO + ecx * 4 - 4], 0x77      ; 11 bytes: a fault skips it
.t_next:
    dec ecx
    jz .t3
    cmp ecx, 1024
    jb .t1
    mov ecx, 1024
    jmp .t1
.t3:
    call sum_frame3
    TURNS
    mov dword [hook], 0
    START
    CR0_CLEAR 0x80000000
    mov dword [WINDOW], 0x22222222
    mov dword [SUP], 0x33333333
    CR0_SET 0x80000000
    MAP WINDOW, FRAMES + 7
    mov dword [WINDOW], 0x44444444
    T "paging on and off"
    mov edi, cr0
    mov ecx, HOT
.u1:
    xor edi, 0x80000000
    mov cr0, edi
    mov eax, [WINDOW]
    mov [SUP + 4], ecx
    add eax, [SUP]
    MIX eax
    dec ecx
    jnz .u1
    LOGSUM

    ; ---- instructions that are switched off ----
    mov dword [hook], off_hook
    T "fpu switched off"
    START
    clts
    fninit
    fldz
.v1:
    test cl, 0x7f
    jnz .v2
    CR0_SET 8
.v2:
    mov [.ecx], ecx
    add edx, ecx
    fiadd dword [.ecx]
    adc edx, 1
    fist dword [.ecx]
    xor edx, [.ecx]
    MIX edx
    dec ecx
    jnz .v1
    TURNS
    T "sse switched off"
    START
    mov eax, cr4
    or eax, 0x200
    mov cr4, eax
    xorps xmm0, xmm0
.w1:
    test cl, 0x7f
    jnz .w2
    mov eax, cr4
    and eax, ~0x200
    mov cr4, eax
.w2:
    mov [.ecx], ecx
    add edx, ecx
    movss xmm1, [.ecx]
    adc edx, 1
    xorps xmm0, xmm1
    movss [.ecx], xmm0
    xor edx, [.ecx]
    MIX edx
    dec ecx
    jnz .w1
    TURNS
    T "rdtsc and cli in ring 3"
    START
    mov ecx, HOT
    ARM .x1
    RING3 user_privileged
.x1:
    TURNS
    mov dword [hook], 0
    T "alignment"
    START
    mov dword [hook], align_hook
    CR0_SET 0x40000
    mov ecx, HOT
    ARM .y1
    RING3 user_unaligned
.y1:
    mov dword [hook], 0
    CR0_CLEAR 0x40000
    TURNS

    T "virtual 8086"
    START
    mov dword [hook], v86_hook
    mov ecx, 60
.z1:
    mov [.ecx], ecx
    ARM .z2
    push dword 0
    push dword 0
    push dword 0x1000
    push dword 0x1000
    push dword 0x1000
    push dword 0xfe00
    push dword 0x23002
    push dword 0x1000
    push dword OFS(v86_loop)
    mov ecx, [.ecx]
    iretd
.z2:
    xor eax, eax
    xor ebx, ebx
    xor edx, edx
    xor esi, esi
    mov ecx, 40                     ; and as real-mode code's twin in protected mode
    call CODE16:OFS(loop16)
    MIX eax, edx, esi
    mov ecx, [.ecx]
    dec ecx
    jnz .z1
    mov dword [hook], 0
    LOGSUM

    T "direction"
    START
    mov esi, FRAMES + 0x800
.aa1:
    bt ecx, 4
    jc .aa2
    cld
    jmp .aa3
.aa2:
    std
.aa3:
    lodsd
    add edx, eax
    lodsb
    add edx, eax
    pushfd
    pop eax
    and eax, 0x400
    MIX edx, eax, esi
    dec ecx
    jnz .aa1
    cld
    LOGSUM
    jmp finish
.ecx: dd 0

; ---- 32-bit routines ----
reads_sup:
    mov ecx, 50
    mov ebx, SUP
.next:
    mov eax, [ebx + ecx * 4]
    add eax, edx
    MIX eax
    dec ecx
    jnz .next
    ret
user_reads:
    call reads_sup
    LEAVE_RING
ring_hook:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    je resume_main
    cmp dword [esp + FRAME_EIP], main.t2
    jne map_in
    inc dword [faults]
    mov eax, [esp + FRAME_ERROR]
    MIX eax
    mov dword [esp + FRAME_EIP], main.t_next
    jmp go_back
sum_frame3:
    mov esi, FRAMES + 0x3000
    mov ecx, 1024
.next:
    lodsd
    MIX eax
    loop .next
    ret
; #NM: clears TS. #UD: sets OSFXSR. #GP of ring 3, by CLI: IOPL 3, and TSD on; by RDTSC: TSD off; by INT: IOPL 0.
off_hook:
    mov ebx, [esp + FRAME_VECTOR]
    cmp ebx, 0x2f
    je resume_main
    inc dword [faults]
    mov eax, [esp + FRAME_EFLAGS]
    and eax, 0xfd5
    MIX eax, ebx
    cmp ebx, 7
    je .no_fpu
    cmp ebx, 6
    je .no_sse
    cmp ebx, 13
    jne report
    mov eax, [esp + FRAME_EIP]
    cmp byte [eax], 0xfa
    je .cli
    cmp byte [eax], 0xcd
    je .int
    mov eax, cr4
    and eax, ~4
    mov cr4, eax
    jmp go_back
.cli:
    or dword [esp + FRAME_EFLAGS], 0x3000
    ; the next RDTSC faults
    mov eax, cr4
    or eax, 4
    mov cr4, eax
    jmp go_back
.int:
    and dword [esp + FRAME_EFLAGS], ~0x3000
    add dword [esp + FRAME_EIP], 2
    jmp go_back
.no_fpu:
    clts
    jmp go_back
.no_sse:
    mov eax, cr4
    or eax, 0x200
    mov cr4, eax
    jmp go_back
user_privileged:
    add eax, ecx
    cli
    adc eax, 3
    mov ebx, eax
    rdtsc
    mov eax, ebx
    MIX eax
    test cl, 0x3f
    jnz .next
    int 0x2e                        ; IOPL 0 again
.next:
    dec ecx
    jnz user_privileged
    LEAVE_RING
user_unaligned:
    mov ebx, FRAMES + 0x100
    mov eax, ecx
    and eax, 7
    add ebx, eax
    test cl, 0x20
    jz .off
    push dword 0x40002
    popfd
.off:
    add edx, [ebx]
    push dword 2
    popfd
    add [ebx + 2], dx
    MIX edx
    dec ecx
    jnz user_unaligned
    LEAVE_RING
align_hook:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    je resume_main
    cmp dword [esp + FRAME_VECTOR], 17
    jne report
    inc dword [faults]
    and dword [esp + FRAME_EFLAGS], ~0x40000
    jmp go_back
v86_hook:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    jne report
    mov eax, [esp + 28]
    mov edx, [esp + 20]
    mov esi, [esp + 4]
    MIX eax, edx, esi
    jmp resume_main

; To real mode, calls real_routine there, and back. EBP is lost.
flip:
    mov [flip_esp], esp
    jmp CODE16:OFS(.protected16)
bits 16
.protected16:
    mov bp, DATA16
    mov ds, bp
    mov es, bp
    mov ss, bp
    mov sp, 0xfe00
    mov ebp, cr0
    and ebp, ~1
    mov cr0, ebp
    jmp 0x1000:OFS(.real)
.real:
    mov bp, cs
    mov ds, bp
    mov es, bp
    mov ss, bp
    call [OFS(real_routine)]
    mov ebp, cr0
    or ebp, 1
    mov cr0, ebp
    jmp dword CODE:FLAT(.protected32)
bits 32
.protected32:
    mov bp, DATA
    mov ds, bp
    mov es, bp
    mov ss, bp
    mov esp, [flip_esp]
    ret
align 4
flip_esp: dd 0
real_routine: dd 0

; With 16 bits / with 32 bits:
both:
    db 0xb8, 0x34, 0x12, 0x40, 0x90 ; mov ax, 1234; inc ax; nop     / mov eax, 90401234
    db 0x01, 0xc2                   ; add dx, ax                    / add edx, eax
    db 0x66, 0x01, 0xc6             ; add esi, eax                  / add si, ax
    db 0x13, 0x07                   ; adc ax, [bx]                  / adc eax, [edi]
    db 0x67, 0x03, 0x07             ; add ax, [edi]                 / add eax, [bx]
    db 0x50, 0x5a                   ; push ax; pop dx               / push eax; pop edx
    db 0xc1, 0xc2, 0x05             ; rol dx, 5                     / rol edx, 5
    db 0x98                         ; cbw                           / cwde
    db 0x7c, 0x01                   ; jl over it
    db 0x48                         ; dec ax                        / dec eax
    db 0xc3                         ; ret
based:
    call .here
.here:
    pop eax
    add eax, ebp
    sub eax, .here
    lea edx, [edx + ecx + 5]
    retf
based_loop:
    call .routine
    call .here
.here:
    pop ebx
    add ebx, ebp
    sub ebx, .here
    add eax, ebx
    dec ecx
    jnz based_loop
    retf
.routine:
    rol edx, 1
    add edx, ecx
    ret
bits 16
both_far:
    call both
    o32 retf
loop16:
    add ax, cx
    rol dx, 1
    adc edx, eax
    mov bx, dx
    and bx, 3
    add si, [cs:bx + OFS(around)]
    shl bl, 3
    jnz .over
    lea eax, [esi + edx * 2]
.over:
    push ax
    pop bx
    xor bx, si
    dec cx
    jnz loop16
    o32 retf
real_loop:
    push ecx
    mov cx, 40
.next:
    push cs
    call loop16_near
    add dx, 3
    loop .next
    pop ecx
    ret
loop16_near:
    add ax, cx
    rol dx, 1
    adc edx, eax
    retf
v86_loop:
    mov cx, 40
.next:
    push cs
    call loop16_near
    add dx, 3
    mov si, [OFS(around)]
    loop .next
    int 0x2f
real_patch:
    xor byte [OFS(both) + 1], 0x11
    ret
stack_far:
    call stack_work
    o32 retf
stack_work:
    xor ebp, ebp
    push ax
    push edx
    push word 0x1234
    pop si
    mov bp, sp
    enter 8, 0
    mov [bp - 2], cx
    add ax, [bp - 2]
    push bp
    pop di
    sub di, bp
    add ax, di
    leave
    pushad
    popad
    pop edx
    add dx, ax
    pop ax
    add ax, dx
    ret
; At IP fffb: the jump's end is that of the segment; its target is 10.
around:
    inc ax
    add dx, ax
    db 0xeb, 0x10
.end:
around_low:
    add dx, cx
    dec cx
    jz .done
    db 0xe9                         ; to fffb
    dw 0xfffb - (0x10 + .here - around_low)
.here:
.done:
    o32 retf
.end:
bits 32
END
