; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops into which NMIs and SMIs come at exact instructions: what was interrupted, with which registers and
; flags; in strings, in 16-bit code, in ring 3; after HLT; handlers that change the interrupted code.
; A dword n to port B8 raises NMI n instructions after the OUT.
; Source: SDM 3A 6.7, 6.8.3; 3C 31; docs/time.rst for what is counted.
;
; expect: at every distance: 012c 4cbcd4f2
; expect: again and again: 01d7 c52247fb
; expect: the work alone, with and without: 7a1a38a3 7a1a38a3
; expect: rdtsc in the handler: 0000000a 0000000a
; expect: in strings: 00c8 079a9b2e
; expect: in 16-bit code: 0096 df27f32d
; expect: in ring 3: 01d3 977ec4b9
; expect: held by mov ss, sti: 0028 d950dfd8
; expect: with faults: 00fa 6ed651f8
; expect: changes what it came into: 0190 a0e39c1f
; expect: halted: 0c35 a7e7c059
; expect: smi: 0000 d2bff605
; expect: smi, halted: 0000 ed8fce7c
; expect: smi and nmi: 003c f0862299
; peer: none, this machine's ports raise NMI and SMI
%include "harness.inc"
%include "hot.inc"

TIMER equ 0xb8

%macro START 0
    mov eax, 0x12345678
    mov ebx, 1
    mov ecx, HOT
    mov edx, 0x9abcdef0
    xor esi, esi
    xor edi, edi
    mov dword [nmis], 0
    mov dword [rearm], 0
    mov dword [nmi_mode], 0
%endmacro
%macro RESULT 0
    MIX eax, ebx, edx, esi, edi
    LOGX [nmis], 4
    LOG " "
    LOGSUM
%endmacro
%macro NMI_IN 1         ; in that many instructions
    push eax
    mov eax, %1
    out TIMER, eax
    pop eax
%endmacro
; Several blocks, with flags from one to the next.
%macro WORK 0
    add eax, edx
    adc edx, ecx
    test al, 4
    jz %%even
    xor edx, eax
%%even:
    sbb ebx, edx
    call %%routine
    jmp %%over
%%routine:
    lea edx, [edx + edx * 2]
    ret
%%over:
    mov [word_], edx
    rol dword [word_], 3
    adc edx, [word_]
    push ebx
    cmp edx, eax
    pop esi
    setb [word_]
%endmacro
; Where the addresses in frames are counted from.
%macro HERE 0
%%here:
    mov dword [from], %%here
%endmacro

main:
    SETINT 2, CODE, nmi, 0x8e

    T "at every distance"
    START
    HERE
.a1:
    mov edi, 300
.a2:
    NMI_IN edi
    mov ecx, 40
.a3:
    WORK
    dec ecx
    jnz .a3
    dec edi
    jnz .a2
    RESULT

    T "again and again"
    START
    HERE
    mov dword [rearm], 1
    NMI_IN 50
.b1:
    WORK
    dec ecx
    jnz .b1
    mov dword [rearm], 0
    mov ecx, 300                ; the last one comes
.b2:
    loop .b2
    RESULT

    T "the work alone, with and without"
    START
    call work_loop
    LOGX [result]
    LOG " "
    START
    mov dword [nmi_mode], 1
    mov dword [rearm], 1
    NMI_IN 50
    call work_loop
    mov dword [rearm], 0
    mov ecx, 300
.c1:
    loop .c1
    LOGX [result]
    NL

    ; The count at the handler's first instruction, less that at the OUT, less the distance.
    T "rdtsc in the handler"
    START
    mov dword [nmi_mode], 2
    mov dword [tsc_low], -1
    mov dword [tsc_high], 0
    mov edi, 300
.d1:
    mov [distance], edi
    rdtsc
    mov [tsc_then], eax
    mov eax, edi
    out TIMER, eax
    mov ecx, 40
.d2:
    WORK
    dec ecx
    jnz .d2
    dec edi
    jnz .d1
    LOGX [tsc_low]
    LOG " "
    LOGX [tsc_high]
    NL

    T "in strings"
    START
    HERE
    mov edx, 200
.e1:
    mov eax, edx
    and eax, 0x7f
    inc eax
    out TIMER, eax
    mov ecx, 50
    mov esi, FRAMES
    mov edi, FRAMES + 0x1000
    rep movsd
    mov ecx, 33
    mov edi, FRAMES + 0x1ff0
    rep stosb
    mov ecx, 50
    mov esi, FRAMES
    mov edi, FRAMES
    repe cmpsb
    mov ecx, 60
.e2:
    loop .e2
    dec edx
    jnz .e1
    RESULT

    T "in 16-bit code"
    START
    mov dword [from], ORIGIN
    mov edi, 150
.f1:
    lea eax, [edi + 20]
    out TIMER, eax
    mov ecx, 40
    mov dword [from], loop16 - ORIGIN       ; EIP is an offset there, but in `call` and behind it
    call CODE16:OFS(loop16)
    dec edi
    jnz .f1
    RESULT

    T "in ring 3"
    START
    mov dword [rearm], 1
    mov dword [from], user_loop
    NMI_IN 50
    ARM .g1
    RING3 user_loop
.g1:
    mov dword [nmi_mode], 1
    mov dword [rearm], 0
    mov ecx, 300
.g2:
    loop .g2
    RESULT

    T "held by mov ss, sti"         ; STI holds no NMI
    START
    HERE
    mov edi, 40
.h1:
    mov eax, edi
    out TIMER, eax
    mov ecx, 7
.h2:
    mov eax, ss
    mov ss, ax
    inc ebx
    mov ss, ax
    mov ss, ax
    inc ebx
    push ss
    pop ss
    cli
    dec ecx
    jnz .h2
    dec edi
    jnz .h1
    RESULT

    T "with faults"
    START
    HERE
    mov dword [hook], skip_ud2
    mov edi, 250
.i1:
    mov eax, edi
    out TIMER, eax
    mov ecx, 12
.i2:
    add eax, ecx
    ud2
    adc ebx, eax
    dec ecx
    jnz .i2
    mov ecx, 300
.i3:
    loop .i3
    dec edi
    jnz .i1
    mov dword [hook], 0
    RESULT

    ; The handler changes the immediate of an instruction in the loop that it came into.
    T "changes what it came into"
    START
    HERE
    mov dword [nmi_mode], 3
    mov edi, 400
.j1:
    lea eax, [edi + 1]
    out TIMER, eax
    mov ecx, 60
.j2:
    add ebx, ecx
    lea edx, [edx + ebx * 2]
.patched:
    mov eax, 0x11111111
    add edx, eax
    rol ebx, 1
    xor ebx, edx
    dec ecx
    jnz .j2
    MIX ebx, edx
    dec edi
    jnz .j1
    RESULT

    T "halted"
    START
    HERE
.k1:
    add eax, ecx
    out 0xb4, al
    hlt
    adc edx, eax
    test cl, 3
    jnz .k2
    NMI_IN 5
    hlt
    times 5 nop
.k2:
    dec ecx
    jnz .k1
    RESULT

    T "smi"
    START
    PLACE 0x38000, smi16, smi16.end
.l1:
    add eax, ecx
    out 0xb2, al                ; adds 1001 to EAX, and changes the code
.smi_patched:
    mov ebx, 0x11111111
    adc edx, ebx
    MIX eax, edx
    dec ecx
    jnz .l1
    RESULT
    T "smi, halted"
    START
.m1:
    add eax, ecx
    out 0xb3, al
    hlt
    adc edx, eax
    MIX edx
    dec ecx
    jnz .m1
    RESULT
    T "smi and nmi"
    START
    HERE
    mov edi, 60
.n1:
    mov eax, edi
    out TIMER, eax
    mov ecx, 12
.n2:
    out 0xb2, al
    adc edx, eax
    dec ecx
    jnz .n2
    dec edi
    jnz .n1
    RESULT
    jmp finish

work_loop:
    WORK
    dec ecx
    jnz work_loop
    add eax, edx
    xor eax, ebx
    add eax, esi
    mov [result], eax
    ret
user_loop:
    WORK
    dec ecx
    jnz user_loop
    LEAVE_RING

; nmi_mode: 0 state into the checksum, 1 only counts, 2 measures, 3 changes code
nmi:
    push eax
    push edx
    push ds
    cmp dword [cs:nmi_mode], 2
    je .measure
    mov ax, DATA
    mov ds, ax
    inc dword [nmis]
    cmp dword [nmi_mode], 0
    jne .mixed
    mov eax, [esp + 12]         ; EIP
    mov edx, [esp + 20]
    and edx, 0xfd5
    cmp dword [hook], 0
    je .in_program
    xor edx, edx                ; a comparison with the hook's address
    cmp eax, main
    jae .in_program
    sub eax, exception
    add eax, [from]
.in_program:
    sub eax, [from]
    MIX eax, edx, ecx, ebx, esi, edi
    mov eax, [esp + 8]
    mov edx, [esp + 4]
    MIX eax, edx
.mixed:
    cmp dword [nmi_mode], 3
    jne .not_code
    add [main.patched + 1], ecx
    mov eax, [esp + 12]
    sub eax, [from]
    MIX eax
.not_code:
    cmp dword [rearm], 0
    je .done
    imul eax, [seed], 0x41c64e6d
    add eax, 0x3039
    mov [seed], eax
    shr eax, 16
    and eax, 0x7f
    add eax, 40                 ; this handler's rest is shorter
    out TIMER, eax
.done:
    pop ds
    pop edx
    pop eax
    iretd
.measure:
    rdtsc
    inc dword [nmis]
    sub eax, [tsc_then]
    sub eax, [distance]
    cmp eax, [tsc_low]
    jae .not_low
    mov [tsc_low], eax
.not_low:
    cmp eax, [tsc_high]
    jbe .done
    mov [tsc_high], eax
    jmp .done
skip_ud2:
    cmp dword [esp + FRAME_VECTOR], 6
    jne report
    add dword [esp + FRAME_EIP], 2
    jmp go_back

bits 16
loop16:
    add ax, cx
    rol dx, 1
    adc edx, eax
    push ax
    pop bx
    xor bx, si
    jp .odd
    add si, bx
.odd:
    dec cx
    jnz loop16
    o32 retf
smi16:
    mov eax, [dword 0x3ffd0]
    add eax, 0x1001
    mov [dword 0x3ffd0], eax
    mov [dword main.smi_patched + 1], eax
    mov word [dword 0x3ff02], 0         ; not to be halted again
    rsm
.end:
bits 32

align 8
nmis: dd 0
nmi_mode: dd 0
rearm: dd 0
from: dd 0
seed: dd 1
result: dd 0
distance: dd 0
tsc_then: dd 0
tsc_low: dd 0
tsc_high: dd 0
word_: dd 0
END
