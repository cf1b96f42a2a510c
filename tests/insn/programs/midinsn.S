; SPDX-License-Identifier: GPL-2.0-or-later
;
; Jumps into the middle of instructions: the same bytes as two, three and more streams of instructions, each of
; them hot, also while they change, and across a page's end.
; Source: SDM 2A 2.1 (an instruction starts wherever EIP points).
;
; expect: mov eax, imm32: 88c38c38
; expect: prefixes: 83ec2b87
; expect: opcodes of two bytes: ead870ba
; expect: a jump into itself: 70f857d0
; expect: modrm and sib: 31db2e03
; expect: strings: 30c0b2ed
; expect: one stream hot, then the other: 077246de
; expect: by jmp, call, ret, jcc: 6e954001
; expect: while it changes: cac6a2f1
; expect: while it changes each time: 9a815f6b
; expect: across a page, 1: af82e463
; expect: across a page, 2: af82e463
; expect: across a page, 3: af82e463
; expect: across a page, 4: af82e463
; expect: across a page, 5: af82e463
; expect: a loop in two phases: 4cfc8451
; expect: code as data: a29b6497
%include "harness.inc"
%include "hot.inc"

; STREAMS text, entries, label, iterations: calls label + 0, 1 .. entries - 1 in turn. EAX, EBX, EDX and EDI
; come out of it.
%macro STREAMS 4
    T {%1}
    xor eax, eax
    xor ebx, ebx
    xor edx, edx
    xor edi, edi
    mov ecx, %4
%%loop:
    xor esi, esi
%%entry:
    push esi
    push ecx
    add esi, %3
    call esi
    pop ecx
    pop esi
    MIX eax, ebx, edx, edi
    inc esi
    cmp esi, %2
    jb %%entry
    dec ecx
    jnz %%loop
    LOGSUM
%endmacro

main:
    STREAMS "mov eax, imm32", 6, in_mov, WARM
    STREAMS "prefixes", 5, in_prefixes, WARM
    STREAMS "opcodes of two bytes", 6, in_two_bytes, WARM
    STREAMS "a jump into itself", 4, in_jump, WARM
    STREAMS "modrm and sib", 11, in_modrm, WARM
    STREAMS "strings", 4, in_strings, WARM

    T "one stream hot, then the other"
    xor eax, eax
    xor ebx, ebx
    mov ecx, HOT
.a1:
    call in_mov
    MIX eax
    dec ecx
    jnz .a1
    mov ecx, HOT
.a2:
    call in_mov + 2
    MIX eax, ebx
    dec ecx
    jnz .a2
    LOGSUM

    ; Which of the entries is used depends on data, by way of JMP, CALL, RET and Jcc.
    T "by jmp, call, ret, jcc"
    xor eax, eax
    xor ebx, ebx
    xor edx, edx
    xor edi, edi
    mov ecx, HOT
.b1:
    mov esi, ecx
    and esi, 3
    push dword .b2
    add esi, in_mov
    test cl, 4
    jz .b_jmp
    push esi
    ret
.b_jmp:
    jmp esi
.b2:
    MIX eax, ebx
    test cl, 0x89
    jz .b3 + 1
    jp .b3 + 2
    js .b3 + 3
.b3:
    mov eax, 0x90434242             ; + 1: INC EDX twice, INC EBX; + 2: INC EDX, INC EBX; + 3: INC EBX
    MIX eax, ebx, edx
    dec ecx
    jnz .b1
    LOGSUM

    ; A byte that all streams share changes.
    T "while it changes"
    xor eax, eax
    xor ebx, ebx
    mov ecx, HOT
.c1:
    mov esi, ecx
    and esi, 3
    add esi, in_mov
    cmp ecx, 700
    jne .c2
    xor byte [in_mov + 4], 8        ; INC to DEC in the streams; another constant in the MOV
.c2:
    call esi
    MIX eax, ebx
    dec ecx
    jnz .c1
    LOGSUM
    T "while it changes each time"
    mov ecx, HOT
.d1:
    mov esi, ecx
    and esi, 3
    xor byte [in_mov + esi + 1], 8
    add esi, in_mov
    call esi
    MIX eax, ebx
    dec ecx
    jnz .d1
    LOGSUM

    ; The same streams with a page's end after each of their bytes.
    call paging_on
    MAP WINDOW, FRAMES + 7
    MAP WINDOW + 0x1000, FRAMES + 0x5007
%assign n 1
%rep 5
    PLACE WINDOW + 0x1000 - n, in_fixed, in_fixed.end
%defstr TEXT n
    STREAMS {"across a page, ", TEXT}, 5, WINDOW + 0x1000 - n, 150
%assign n n + 1
%endrep

    ; The middle of a loop whose head overlaps its own end.
    T "a loop in two phases"
    xor eax, eax
    xor ebx, ebx
    mov ecx, HOT
    call two_phases
    MIX eax, ebx
    LOGSUM

    ; Code that is also data: the same bytes read, executed from two offsets, and written.
    T "code as data"
    xor eax, eax
    xor ebx, ebx
    mov ecx, HOT
.e1:
    mov edx, [in_fixed]
    MIX edx
    test cl, 31
    jnz .e2
    xor dword [in_fixed + 1], 0x0000000b    ; INC EAX to DEC EBX and back
.e2:
    push ecx
    call in_fixed + 1
    pop ecx
    MIX eax, ebx, edx
    push ecx
    call in_fixed
    pop ecx
    MIX eax, ebx, edx
    dec ecx
    jnz .e1
    LOGSUM
    jmp finish

align 16
in_mov:
    mov eax, 0x4343434b             ; + 1: DEC EBX, INC EBX three times; + 2 ..
    ret
in_fixed:
    mov edi, 0x43424240             ; from + 1 on: INC EAX, EDX, EDX, EBX
    lea ebx, [ebx + eax * 2]
    ret
.end:
; With and without 66 and a segment prefix: MOV EAX, imm32 reads six bytes less prefixes.
in_prefixes:
    db 0x2e, 0x66, 0x2e, 0xb8, 0x43, 0x4a       ; MOV AX, 4A43; from + 2: CS: MOV EAX, 4A43, INC EAX, INC EBX
    db 0x40, 0x43
    inc edx
    ret
in_two_bytes:
    db 0x0f, 0xb6, 0xc3                         ; MOVZX EAX, BL; + 1: MOV DH, C3; + 2: RET
    db 0x43
    db 0x0f, 0xaf, 0xc3                         ; IMUL EAX, EBX; + 1: SCASD; RET
    db 0x90
    ret
in_jump:
    db 0xeb, 0xff, 0xc0, 0xc3, 5                ; JMP to its second byte: INC EAX; + 2: ROL BL, 5
    inc ebx
    ret
in_modrm:
    db 0x8d, 0x84, 0x43, 0x8d, 0x4b, 0x43, 0x05 ; LEA EAX, [EBX + EAX*2 + disp32]; + 1: TEST [EBX - 73], AL;
    db 0x40, 0x4b, 0x43, 0x42                   ; + 3: LEA ECX, [EBX + 43]; + 6: ADD EAX, imm32
    inc edx
    ret
in_strings:
    db 0xf3, 0x66, 0xf3, 0x90                   ; PAUSE with prefixes; the last: NOP
    lea eax, [eax * 2 + ebx + 7]
    xor ebx, eax
    ret

; The first time around it enters at the MOV, then at its immediate.
two_phases:
    mov eax, 0x03c3834b                         ; + 1: DEC EBX; ADD EBX, 3
    xor ebx, eax
    rol ebx, 1
    dec ecx
    jz .done
    test cl, 3
    jz two_phases
    jmp two_phases + 1
.done:
    ret
END
