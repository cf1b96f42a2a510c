; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot code that pushes and pops, and looks at ESP in between: as an operand, as a base near and far, at branches out of
; the middle, where a page is missing, and on a stack that lies across a page's end.
; Source: SDM 2A/2B (PUSH ESP pushes the old value, POP ESP keeps what was popped, POP [ESP+n] addresses by the new ESP,
; PUSH [ESP+n] by the old one), 1 6.2.
;
; expect: operands: 80c443a7
; expect: near and far: 170b6597
; expect: farther and farther: a6806ed3
; expect: branches out: 9288b59f
; expect: across the end: 7043e569
; expect: frames: 3fa2a040
; expect: flags of esp: e3fba93b
; expect: calls: 53f69a90
; expect: a page is missing: 85517029
; expect: a fault in the middle: e8e7cf1f
%include "harness.inc"
%include "hot.inc"

A equ WINDOW
B equ WINDOW + 0x1000
C equ WINDOW + 0x2000

; A loop of its own with ECX from HOT down to 1, its stack at the address.
%macro LOOP_AT 1
    mov [outer_esp], esp
    mov ecx, HOT
    mov esp, %1
%endmacro
%macro LOOP_END 1
    dec ecx
    jnz %1
    MIX esp
    mov esp, [outer_esp]
    LOGSUM
%endmacro

main:
    call paging_on
    MAP A, FRAMES + 7
    MAP B, FRAMES + 0x1007
    MAP C, FRAMES + 0x2007
    mov edi, A
    mov ecx, 0xc00
    mov eax, 0x9e3779b9
.fill:
    stosd
    rol eax, 3
    add eax, ecx
    loop .fill

    T "operands"
    LOOP_AT B + 0x800
.a:
    push ecx
    push esp
    mov eax, esp
    push eax
    lea ebx, [esp + ecx * 2 + 5]
    push ebx
    mov edx, 4
    add edx, esp
    cmp edx, esp
    setz dl
    push edx
    xor eax, esp
    pop edi
    pop ebp
    xchg ebp, esp
    xchg ebp, esp
    pop esi
    MIX eax, ebx, edi, ebp, esi
    pop esp
    and esp, -4
    push sp
    pop bx
    MIX ebx
    push esp
    pop esp
    pop ecx
    LOOP_END .a

    T "near and far"
    LOOP_AT B + 0x400
.b:
    push ecx
    mov [esp + 0x700], ecx
    push dword [esp + 0x6fc]
    mov [esp + 0x708], esp
    push dword [esp]
    pop dword [esp + 8]
    push dword [esp + 0x700]
    mov eax, [esp + 0x704]
    mov ebp, esp
    push eax
    mov ebx, [esp - 4]
    mov edx, [ebp - 4]
    add [ebp + 0x6f0], edx
    movzx esi, word [esp + 0x6f6]
    pop edi
    pop eax
    MIX eax, ebx, edx, esi, edi
    lea esp, [esp + 4]
    push dword [A + 8]
    pop dword [A + 12]
    pop ecx
    LOOP_END .b

    T "farther and farther"
    LOOP_AT B + 0x400
.j:
    push ecx
    mov [esp + 0x280], ecx
    rol ecx, 7
    add [esp + 0x284], ecx
    push eax
    mov ebx, [esp + 0x6a0]
    add [esp + 0x6a4], ebx
    push ebx
    xor ecx, [esp - 0x280]
    add [esp - 0x27c], ecx
    pop edx
    pop esi
    MIX ebx, ecx, edx, esi
    pop ecx
    LOOP_END .j

    T "branches out"
    LOOP_AT B + 0x800
.c:
    mov eax, ecx
    imul eax, eax, 0x61c88647
    push eax
    test eax, 0x100
    jz .c1
    push ecx
    push eax
    test eax, 0x30000
    jz .c2
    push esp
    cmp al, 100
    jb .c3
    pop ebx
    add ebx, [esp]
    pop edx
    pop edx
    jmp .c1
.c3:
    pop ebx
    lea ebx, [ebx + esp]
.c2:
    pop edi
    sub edi, esp
    pop edi
.c1:
    pop esi
    MIX eax, ebx, edx, edi, esi, esp
    LOOP_END .c

    T "across the end"      ; at every distance
    LOOP_AT B + 24
.d:
    lea esp, [B + 40]
    mov eax, ecx
    and eax, 63
    sub esp, eax
    push ecx
    push eax
    push dword [esp + 4]
    add dword [esp + 4], 3
    push 0x12345678
    mov edx, [esp + 12]
    mov [esp - 4], edx
    push ebx
    lea ebp, [esp + 8]
    inc dword [ebp - 4]
    xor edi, [esp + 4]
    pop ebx
    pop edi
    pop esi
    pop eax
    MIX eax, ebx, edx, esi, edi, ebp
    pop ecx
    LOOP_END .d

    T "frames"
    LOOP_AT B + 0x800
.e:
    push ecx
    push ebp
    mov ebp, esp
    push edi
    push esi
    sub esp, 28
    mov [esp + 4], ecx
    mov [ebp - 12], eax
    push dword [ebp - 12]
    add esp, 4
    and esp, -16
    mov [esp], ebp
    mov eax, [esp + 4]
    lea edi, [esp + 12]
    MIX eax, edi
    lea esp, [ebp - 8]
    pop esi
    pop edi
    leave
    enter 16, 0
    push ecx
    leave
    pop ecx
    LOOP_END .e

    T "flags of esp"
    LOOP_AT B + 0x800
.f:
    push ecx
    push ecx
    add esp, 4
    setp al
    sub esp, 4
    lahf
    MIX eax
    pushfd
    sub esp, 0x300800
    adc ebx, eax
    add esp, 0x300800
    sbb edx, ebx
    pop eax
    and eax, 0xfd5
    MIX eax, ebx, edx
    inc esp
    dec esp
    push eax
    mov [esp], al
    neg esp
    neg esp
    pop eax
    pop eax
    pop ecx
    LOOP_END .f

    T "calls"
    LOOP_AT B + 0x800
    mov dword [A], .g2
.g:
    push ecx
    push ecx
    call .g1
    push eax
    call dword [A]
    push dword [A]
    call [esp]
    pop ebx
    push dword .g3
    ret
.g1:
    mov eax, [esp + 4]
    push eax
    push dword .g2
    xor eax, [esp + 4]
    pop edx
    pop edx
    ret 4
.g2:
    add eax, esp
    ret
.g3:
    pop edx
    MIX eax, ebx, edx
    pop ecx
    LOOP_END .g

    ; In ring 3 the sequence meets a page that isn't there at each of its places in turn.
    T "a page is missing"
    mov dword [hook], come_and_go
    mov dword [map_entry], FRAMES + 7
    ARM .h_end
    RING3 missing
.h_end:
    mov dword [hook], 0
    mov eax, [faults]
    MIX eax
    LOGSUM

    ; The handler sees ESP where it was.
    T "a fault in the middle"
    mov dword [faults], 0
    mov ecx, WARM
.i:
    mov [kept_ecx], ecx
    mov [outer_esp], esp
    CATCH .i2
    mov dword [PT + (A >> 12) * 4], FRAMES + 7
    cmp ecx, 40
    ja .i1
    mov dword [PT + (A >> 12) * 4], 0
.i1:
    invlpg [A]
    mov eax, ecx
    and eax, 15
    lea esi, [A + eax * 4]
    lea esp, [B + 0x80]
    push eax
    push ecx
    mov edx, [esp]
    push dword [esi]
    pop ebx
    push ebx
    add [esi + 4], edx
    pop edi
    pop edi
    pop edi
    mov dword [hook], 0
    mov esp, [outer_esp]
    jmp .i3
.i2:
    mov esp, [outer_esp]
    mov eax, [kept.esp]
    mov ebx, [kept.eip]
    sub ebx, .i1
    mov edx, [kept.cr2]
    MIX eax, ebx, edx
    inc dword [faults]
.i3:
    MIX edi
    mov ecx, [kept_ecx]
    dec ecx
    jnz .i
    mov eax, [faults]
    MIX eax
    LOGSUM
    jmp finish

missing:
    mov ecx, HOT
.again:
    lea esp, [B + 64]
    mov eax, ecx
    and eax, 31
    jnz .stays
    int 0x2f
.stays:
    lea esp, [B + eax * 4 - 60]
    mov ebx, esp
    push ecx
    push ebx
    mov ebx, 0x11111111
    push esp
    push dword [esp + 4]
    push 7
    mov edx, [esp]
    push eax
    add ebx, [esp + 8]
    pop edi
    pop esi
    pop ebp
    MIX ebx, edx, esi, edi, ebp
    pop edi
    pop esp
    sub esp, 4
    pop ecx
    dec ecx
    jnz .again
    mov dword [hook], 0
    LEAVE_RING

; A hook: takes page A away at INT 2F, and brings it back at a fault.
come_and_go:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    jne map_in
    mov dword [PT + (A >> 12) * 4], 0
    invlpg [A]
    jmp go_back

align 4
outer_esp: dd 0
kept_ecx: dd 0
END
