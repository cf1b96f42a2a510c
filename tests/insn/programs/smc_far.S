; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot code that is changed from elsewhere: through another linear page, across a page's end, in blocks that lead
; to each other, a page at a time, in a page table, from another ring.
; Source: SDM 3A 11.6, 8.1.3, 4.10.4.
;
; expect: through an alias: e3a2f13e
; expect: through an alias, once: 9cd935d6
; expect: run at both addresses, written at the physical one: 17d86032
; expect: a loop in the alias that writes through the other: 254058d1
; expect: instruction across the end: 750aad74
; expect: its first page: 43e2ddb2
; expect: its first page, once: 7ee25198
; expect: its second page, once: ca82dab1
; expect: its opcode, once: ad92cfcd
; expect: a store across the end: 493d650c
; expect: a store into its first page misses: 2712b739
; expect: in a chain: 5eb2171c
; expect: in a chain, every time: 9921041e
; expect: the same bytes: fe58f5a2
; expect: a page of code: 6db18e93
; expect: new code at the same place: 02c5514f
; expect: in a page table: 686a6957
; expect: its entry: 00200067
; expect: from another ring: 82f88247
; expect: after a fault: 09 959a9b8c
; expect: accessed bits beside code: 004bdef3
%include "harness.inc"
%include "hot.inc"

A equ WINDOW            ; A and B are the same frame, C is the next one, D the one behind A and B
B equ WINDOW + 0x2000
C equ WINDOW + 0x1000
D equ WINDOW + 0x3000

main:
    call paging_on
    MAP A, FRAMES + 7
    MAP B, FRAMES + 7
    MAP C, FRAMES + 0x1007
    MAP D, FRAMES + 0x1007

    T "through an alias"
    PLACE A, add_ebx, add_ebx.end
    mov ecx, HOT
    xor ebx, ebx
    mov esi, A
.a1:
    mov [B + 2], cl
    call esi
    MIX ebx
    dec ecx
    jnz .a1
    LOGSUM

    T "through an alias, once"
    mov byte [A + 2], 1
    mov ecx, HOT
.b1:
    cmp ecx, 66
    jne .b2
    mov byte [B + 2], 0x7e
.b2:
    call esi
    MIX ebx
    dec ecx
    jnz .b1
    LOGSUM

    T "run at both addresses, written at the physical one"
    mov ecx, HOT
    mov edi, B
.c1:
    test cl, 15
    jnz .c2
    mov [FRAMES + 2], cl
.c2:
    call esi
    call edi
    MIX ebx
    dec ecx
    jnz .c1
    LOGSUM

    T "a loop in the alias that writes through the other"
    PLACE A + 0x100, own_alias, own_alias.end
    mov ecx, HOT
    xor ebx, ebx
    mov edx, B - A
    mov esi, A + 0x100
    call esi
    LOGSUM

    ; MOV EAX, imm32 with two bytes in A and three in C; then ADD EBX, EAX; RET
    T "instruction across the end"
    PLACE A + 0xffe, mov_eax, mov_eax.end
    mov esi, A + 0xffe
    mov ecx, HOT
    xor ebx, ebx
.d1:
    mov [D], ecx                    ; the opcode of ADD is rewritten below
    mov byte [D + 3], 0x01
    call esi
    MIX ebx
    dec ecx
    jnz .d1
    LOGSUM
    T "its first page"
    mov ecx, HOT
.e1:
    mov [B + 0xfff], cl
    call esi
    MIX ebx
    dec ecx
    jnz .e1
    LOGSUM
    T "its first page, once"
    mov ecx, HOT
.f1:
    cmp ecx, 55
    jne .f2
    xor byte [A + 0xfff], 0x33
.f2:
    call esi
    MIX ebx
    dec ecx
    jnz .f1
    LOGSUM
    T "its second page, once"
    mov ecx, HOT
.g1:
    cmp ecx, 55
    jne .g2
    xor byte [D + 1], 0x77
.g2:
    call esi
    MIX ebx
    dec ecx
    jnz .g1
    LOGSUM
    T "its opcode, once"            ; MOV EAX becomes TEST EAX
    mov ecx, HOT
.h1:
    cmp ecx, 55
    jne .h2
    mov byte [B + 0xffe], 0xa9
.h2:
    mov eax, ecx
    call esi
    MIX ebx
    dec ecx
    jnz .h1
    LOGSUM
    T "a store across the end"
    mov ecx, HOT
    mov byte [A + 0xffe], 0xb8
.i1:
    mov [A + 0xfff], ecx            ; the immediate
    call esi
    MIX ebx
    dec ecx
    jnz .i1
    LOGSUM
    T "a store into its first page misses"
    mov ecx, HOT
.j1:
    mov [A + 0x800], ecx
    call esi
    MIX ebx
    dec ecx
    jnz .j1
    LOGSUM

    ; Three blocks in three pages lead to each other; the one in the middle changes while the others stay.
    T "in a chain"
    PLACE A + 0x200, chain1, chain1.end
    PLACE C + 0x200, chain2, chain2.end
    PLACE FRAMES + 0x2200, chain3, chain3.end
    mov dword [chain_target], C + 0x200
    mov ecx, HOT
    xor ebx, ebx
    mov esi, A + 0x200
    call esi
    LOGSUM
    T "in a chain, every time"
    mov dword [chain_when], 0
    mov ecx, HOT
    mov esi, A + 0x200
    call esi
    LOGSUM

    T "the same bytes"
    PLACE A, add_ebx, add_ebx.end
    mov ecx, HOT
    mov esi, A
.k1:
    mov eax, [A]
    mov [A], eax
    call esi
    MIX ebx
    dec ecx
    jnz .k1
    LOGSUM

    ; Eight routines in a page, \
        executed in turn; the page is replaced by another one with the same routines and
    ; other constants.
    T "a page of code"
    mov ecx, 40
.l1:
    mov edi, B
    mov edx, 8
.l2:
    mov eax, ecx
    imul eax, edx
    shl eax, 8
    or eax, 0x05
    mov [edi + 0x600], eax          ; ADD EAX, imm32 with three bytes of it
    mov byte [edi + 0x604], 0
    mov byte [edi + 0x605], 0xc3
    add edi, 512
    dec edx
    jnz .l2
    push ecx
    mov esi, B + 0x600
    mov edi, A
    mov ecx, 0x500
    rep movsd                       ; over the end of A into C
    mov ecx, 60
    xor eax, eax
.l3:
    mov esi, A
.l4:
    call esi
    add esi, 512
    cmp esi, A + 8 * 512
    jb .l4
    MIX eax
    dec ecx
    jnz .l3
    pop ecx
    dec ecx
    jnz .l1
    LOGSUM

    T "new code at the same place"  ; as a just-in-time compiler does it: other lengths, other ends
    mov ecx, WARM
.m1:
    mov edi, A + 0x3c0
    mov edx, ecx
    and edx, 31
    inc edx
    mov al, 0x43
.m2:
    stosb                           ; 1 to 32 INC EBX
    dec edx
    jnz .m2
    mov eax, ecx
    mov word [edi], 0xc381          ; ADD EBX, ECX as it is now
    mov [edi + 2], eax
    mov byte [edi + 6], 0xc3
    mov esi, A + 0x3c0
    mov edx, 6
.m3:
    call esi
    dec edx
    jnz .m3
    MIX ebx
    dec ecx
    jnz .m1
    LOGSUM

    ; The page table itself has code: PT + e00 holds the entries of 380000 on.
    T "in a page table"
    PLACE PT + 0xe00, in_table, in_table.end
    mov dword [PT + 0xe40], FRAMES + 7      ; 390000: two entries behind the routine
    invlpg [0x390000]
    mov dword [FRAMES], 0x01010101
    mov ecx, HOT
    mov esi, PT + 0xe00
    call esi
    LOGSUM
    LOG "its entry: "
    LOGX [PT + 0xe40]               ; accessed and dirty bits were set
    NL
    PLACE PT + 0xe00, zeroes, zeroes + 64

    ; Ring 3 changes itself and what ring 0 executes, and the other way round.
    T "from another ring"
    PLACE A, add_ebx, add_ebx.end
    mov dword [hook], user_hook
    xor ebx, ebx
    mov ecx, HOT / 4
    ARM .n_end
    RING3 user_loop
.n_end:
    mov dword [hook], 0
    LOGSUM

    ; A read-only page: the store faults, the handler makes it writable, and it is a store into hot code.
    T "after a fault"
    call wp_on
    PLACE A, add_ebx, add_ebx.end
    mov dword [hook], map_in
    mov dword [map_entry], FRAMES + 7
    mov dword [faults], 0
    mov ecx, HOT
    mov esi, A
    xor ebx, ebx
.o1:
    test ecx, 0xff
    jnz .o2
    MAP A, FRAMES + 5
    mov [A + 2], ch
.o2:
    call esi
    MIX ebx
    dec ecx
    jnz .o1
    mov dword [hook], 0
    LOGX [faults], 2
    LOG " "
    LOGSUM

    T "accessed bits beside code"
    lgdt [.p_pointer]
    mov ecx, HOT
    jmp .p1
align 64
.p_gdt:
    dq 0
    dq 0x00cf9b000000ffff
    dq 0x00cf93000000ffff
    dq 0x00cf92000000ffff
.p1:
    mov byte [.p_gdt + 0x1d], 0x92
    mov eax, 0x18
    mov fs, eax
    mov al, [.p_gdt + 0x1d]
    MIX eax
    dec ecx
    jnz .p1
    lgdt [gdt_pointer]
    LOGSUM
    jmp finish
.p_pointer:
    dw 0x1f
    dd .p_gdt

align 8
chain_target: dd 0
chain_when: dd 99

add_ebx:
    add ebx, byte 1
    lea ebx, [ebx + ebx * 4]
    ret
.end:
mov_eax:
    mov eax, 0x01020304
    add ebx, eax
    ret
.end:
own_alias:
    mov [edx + esi + .imm - own_alias], ecx
    add ebx, 0x1111
.imm equ $ - 4
    rol ebx, 3
    dec ecx
    jnz own_alias
    MIX ebx
    ret
.end:
chain1:
    lea ebx, [ebx + ebx * 2]
    jmp [chain_target]
.end:
chain2:
    add ebx, 1
    mov eax, FRAMES + 0x2200
    jmp eax
.end:
chain3:
    xor ebx, ecx
    cmp ecx, [chain_when]
    je .change
    cmp dword [chain_when], 0
    jne .same
.change:
    mov [D + 0x202], cl             ; the constant that chain2 adds
.same:
    dec ecx
    jz .done
    mov eax, A + 0x200
    jmp eax
.done:
    rol dword [sum], 5
    xor [sum], ebx
    ret
.end:
in_table:
    mov eax, [0x390000]
    add eax, ecx
    mov [0x390000], eax
    test cl, 63
    jnz .over
    mov [PT + 0xe00 + .imm - in_table], ecx
    mov dword [PT + 0xe40], FRAMES + 7
    invlpg [0x390000]
.over:
    xor eax, 0x12345678
.imm equ $ - 4
    rol dword [sum], 5
    xor [sum], eax
    dec ecx
    jnz in_table
    ret
.end:
zeroes:
    times 64 db 0

user_loop:
    mov [.u1 + 1], ecx
.u1:
    mov eax, 0
    add ebx, eax
    mov [B + 2], cl
    mov esi, A
    call esi
    MIX ebx
    test cl, 7
    jnz .u2
    int 0x29                    ; #GP: its gate is for ring 0
.u2:
    dec ecx
    jnz user_loop
    LEAVE_RING
    times 32 nop
user_hook:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    je resume_main
    cmp dword [esp + FRAME_VECTOR], 13
    jne report
    mov ecx, [esp + 24]
    xor [user_loop.u1 + 1], ecx     ; not seen: ring 3 stores there first
    mov [user_loop.u2 + 16], al     ; behind the loop
    xor byte [A + 2], 0x55
    mov esi, A
    call esi
    MIX ebx
    add dword [esp + FRAME_EIP], 2  ; INT n is two bytes
    jmp go_back
END
