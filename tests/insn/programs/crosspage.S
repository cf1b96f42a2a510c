; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops over page ends: instructions, blocks and data that cross them, pages that aren't there at first, pages
; that get another frame under hot code, hot data and hot stacks.
; Source: SDM 3A 4.7, 4.10 (4.10.4.3: a present entry may be used until it is invalidated; this CPU sees every
; store to its tables at once).
;
; expect: a block across the end: 806242ad
; expect: data across the end, reads: 0f62ebd4
; expect: writes: 709a4c73
; expect: read, modify, write: 0276836a
; expect: a stack across the end: 90cfa1b6
; expect: fpu and sse across the end: 8050c707
; expect: strings across the end: 1255293d
; expect: the block's second page comes and goes: 096 2e5cb737
; expect: the instruction's second page: 138 251da2bd
; expect: the data's second page: 138 6a849709
; expect: by way of ss: 138 1503c9c1
; expect: calls and returns across pages: b59615b1
; expect: remap, invlpg: 04008048
; expect: remap, cr3: fbfeffd7
; expect: remap once, hot: f7bd6b5a
; expect: two directories: 00030cc3
; expect: two directories, global pages: e6afe6ac
; expect: at once, the code: 00008822
; expect: at once, the data: c2d365a6
; expect: at once, in the routine itself: ab563fb1
; expect: at once, read-only: 138 4de90259
; expect: at once, gone: 138 e669fbca
; expect: at once, the directory: 000 00010441
; expect: at once, ring 3: 04e ed2b6464
; expect: neighbours and others: c25db366
; expect: the data's first page, to be read only: 138 0f81560b
; expect: another page in the first one's place: d7f9ab71
; peer differs: at once
%include "harness.inc"
%include "hot.inc"

A equ WINDOW
B equ WINDOW + 0x1000
C equ WINDOW + 0x2000
D equ WINDOW + 0x8000
E equ WINDOW + 0x9000
S equ WINDOW + 0x10000      ; far from the others

; A, B, C = FRAMES and the next ones.
%macro PAGES 0
    MAP A, FRAMES + 7
    MAP B, FRAMES + 0x1007
    MAP C, FRAMES + 0x2007
%endmacro

main:
    call paging_on
    PAGES

    T "a block across the end"      ; at every distance of its parts from the end
    mov edx, 40
.a1:
    mov edi, B
    sub edi, edx
    mov esi, body
    mov ecx, body.end - body
    mov ebx, edi
    rep movsb
    mov ecx, 70
    xor eax, eax
    mov esi, 0x1234567
    mov edi, 0x280001
    push edx
    call ebx
    pop edx
    MIX eax, esi, edi
    dec edx
    jns .a1
    LOGSUM

    T "data across the end, reads"
    mov edi, A
    mov ecx, 0x800
    mov eax, 0x9e3779b9
.b0:
    stosd
    rol eax, 3
    add eax, ecx
    dec ecx
    jnz .b0
    mov ecx, HOT
.b1:
    mov esi, ecx
    and esi, 15
    mov eax, [esi + B - 8]
    mov bx, [esi + B - 9]
    movsx edx, byte [esi + B - 7]
    add edx, [esi + B - 3]
    MIX eax, ebx, edx
    dec ecx
    jnz .b1
    LOGSUM
    T "writes"
    mov ecx, HOT
.c1:
    mov esi, ecx
    and esi, 7
    mov [esi + B - 4], ecx
    mov [esi + B - 5], cx
    push dword [esi + B - 6]
    pop dword [esi + B - 3]
    mov eax, [esi + B - 3]
    MIX eax
    dec ecx
    jnz .c1
    mov eax, [B - 8]
    mov ebx, [B - 4]
    mov edx, [B]
    MIX eax, ebx, edx
    LOGSUM
    T "read, modify, write"
    mov ecx, HOT
.d1:
    mov esi, ecx
    mov eax, ecx
    and esi, 7
    bt ecx, 4
    adc [esi + B - 4], eax
    inc word [esi + B - 5]
    xchg eax, [esi + B - 2]
    lock xadd [esi + B - 7], eax
    bts dword [esi + B - 6], 13
    shl dword [esi + B - 4], 1
    MIX eax
    dec ecx
    jnz .d1
    mov eax, [B - 8]
    mov ebx, [B - 4]
    mov edx, [B]
    MIX eax, ebx, edx
    LOGSUM
    T "a stack across the end"
    mov [.esp], esp
    mov ecx, HOT / 4
    lea esp, [B + 6]
.e1:
    pushad
    push cx
    push dword [esp + 2]
    pushfd
    call .e2
    popfd
    pop eax
    pop bx
    MIX eax, ebx
    add eax, [esp + 24]
    mov [esp + 28], eax
    popad
    MIX eax
    dec ecx
    jnz .e1
    mov esp, [.esp]
    LOGSUM
    jmp .f0
.e2:
    ret 0
.esp: dd 0
.f0:
    T "fpu and sse across the end"
    fninit
    mov eax, cr4
    or eax, 0x200
    mov cr4, eax
    mov ecx, HOT / 4
.f1:
    mov esi, ecx
    and esi, 15
    mov [B + 0x100], ecx
    fild dword [B + 0x100]
    fst qword [esi + B - 10]
    fstp tword [esi + B - 13]
    movups xmm0, [esi + B - 16]
    movups [esi + B - 15], xmm0
    movq mm0, [esi + B - 7]
    movd eax, mm0
    emms
    MIX eax
    dec ecx
    jnz .f1
    fninit
    LOGSUM
    T "strings across the end"
    mov ecx, WARM
.g1:
    push ecx
    mov esi, ecx
    and esi, 31
    lea edi, [esi + B - 40]
    add esi, B - 23
    mov ecx, 17
    rep movsd
    MIX esi, edi, ecx
    mov ecx, 23
    mov edi, B - 11
    mov eax, esi
    rep stosw
    mov esi, B - 50
    mov edi, B - 33
    mov ecx, 200
    repe cmpsb
    MIX esi, edi, ecx
    mov edi, B - 50
    mov ecx, 100
    repne scasb
    MIX edi, ecx
    pop ecx
    dec ecx
    jnz .g1
    mov esi, B - 64
    mov ecx, 32
.g2:
    lodsd
    MIX eax
    loop .g2
    LOGSUM

    ; The second page of the block isn't there; the handler maps it; then it is taken away again.
    T "the block's second page comes and goes"
    mov dword [hook], map_in
    mov dword [map_entry], FRAMES + 0x1007
    PLACE B - 21, body, body.end
    mov ebx, B - 21
    mov dword [faults], 0
    mov edx, 150
.h1:
    MAP B, 0
    mov ecx, 9
    xor eax, eax
    mov esi, edx
    mov edi, 0x280001
    push edx
    call ebx
    pop edx
    MIX eax, esi, edi
    dec edx
    jnz .h1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "the instruction's second page"
    PLACE B - 2, mov_eax, mov_eax.end
    mov ebx, B - 2
    mov dword [faults], 0
    mov ecx, HOT
.i1:
    test cl, 7
    jnz .i2
    MAP B, 0
.i2:
    mov eax, ecx
    call ebx
    MIX eax
    dec ecx
    jnz .i1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "the data's second page"
    mov dword [faults], 0
    mov ecx, HOT
    xor ebx, ebx
.j1:
    test cl, 7
    jnz .j2
    MAP B, 0
.j2:
    lea edx, [ebx + ecx * 8]
    add ebx, ecx
    adc edx, [B - 3]                ; EDX as it was, carry as it was, when it is done again
    mov [B - 2], edx
    rcl ebx, 1
    MIX edx, ebx
    dec ecx
    jnz .j1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "by way of ss"
    mov dword [faults], 0
    mov ecx, HOT
.k1:
    test cl, 7
    jnz .k2
    MAP B, 0
.k2:
    lea ebp, [B + 14]
    mov eax, [ebp - 16]
    push dword [ebp - 14]
    pop dword [ebp - 18]
    xor eax, [ebp - 18]
    MIX eax
    dec ecx
    jnz .k1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    mov dword [hook], 0

    ; Code at A calls code at B, in B's page, and returns over the end; each is at the very end of its page.
    T "calls and returns across pages"
    PLACE B - 5, call_next, call_next.end       ; the call ends with the page, it returns to B
    PLACE B, after_call, after_call.end
    PLACE C - 1, just_ret, just_ret.end
    mov ecx, HOT
    mov ebx, B - 5
    xor eax, eax
.l1:
    call ebx
    MIX eax
    dec ecx
    jnz .l1
    LOGSUM

    ; Frames FRAMES + 4000 and + 5000 have routines that return 1 and 2.
    PLACE FRAMES + 0x4000, return1, return1.end
    PLACE FRAMES + 0x5000, return2, return2.end
    PLACE FRAMES + 0x4800, return2, return2.end
    PLACE FRAMES + 0x5800, return1, return1.end
    mov dword [FRAMES + 0x4100], 0x11111111
    mov dword [FRAMES + 0x5100], 0x22222222
    T "remap, invlpg"
    mov ecx, HOT
    mov ebx, S
.m1:
    mov eax, ecx
    shl eax, 12
    and eax, 0x1000
    add eax, FRAMES + 0x4007
    mov [PT + (S >> 12) * 4], eax
    invlpg [S]
    call ebx
    MIX eax
    mov eax, [S + 0x100]
    MIX eax
    dec ecx
    jnz .m1
    LOGSUM
    T "remap, cr3"
    mov ecx, HOT
.n1:
    mov eax, ecx
    shl eax, 11
    and eax, 0x1000
    add eax, FRAMES + 0x4007
    mov [PT + (S >> 12) * 4], eax
    mov eax, cr3
    mov cr3, eax
    call ebx
    MIX eax
    mov eax, [S + 0x100]
    MIX eax
    dec ecx
    jnz .n1
    LOGSUM
    T "remap once, hot"             ; by INVLPG, while the caller, the call and the routine are linked
    MAP S, FRAMES + 0x4007
    mov ecx, HOT
.o1:
    cmp ecx, 333
    jne .o2
    MAP S, FRAMES + 0x5007
.o2:
    call ebx
    MIX eax
    dec ecx
    jnz .o1
    LOGSUM
    T "two directories"             ; the same linear page in two sets of tables, as two processes have it
    mov esi, PD
    mov edi, 0x3000
    mov ecx, 1024
    rep movsd
    mov esi, PT
    mov ecx, 1024
    rep movsd
    mov dword [0x3000], 0x4007
    mov dword [0x4000 + (S >> 12) * 4], FRAMES + 0x5007
    mov esi, 0x3000
    MAP S, FRAMES + 0x4007
    mov edx, PD
    mov ecx, HOT
.p1:
    xchg edx, esi
    mov cr3, edx
    call ebx
    add eax, [S + 0x100]
    MIX eax
    test cl, 16
    jz .p2
    call ebx                        ; again in the same space
    MIX eax
.p2:
    dec ecx
    jnz .p1
    mov eax, PD
    mov cr3, eax
    LOGSUM
    T "two directories, global pages"   ; with CR4.PGE and G set they outlive a load of CR3
    mov eax, cr4
    or eax, 0x80
    mov cr4, eax
    mov dword [PT + (S >> 12) * 4], FRAMES + 0x4107
    mov dword [0x4000 + (S >> 12) * 4], FRAMES + 0x4107
    mov ecx, HOT / 4
.q1:
    xchg edx, esi
    mov cr3, edx
    call ebx
    add eax, [S + 0x100]
    MIX eax
    dec ecx
    jnz .q1
    mov eax, PD
    mov cr3, eax
    mov eax, cr4
    and eax, ~0x80
    mov cr4, eax
    LOGSUM

    ; Without INVLPG.
    MAP S, FRAMES + 0x4007
    T "at once, the code"
    mov ecx, HOT
.r1:
    mov eax, ecx
    shl eax, 12
    and eax, 0x1000
    add eax, FRAMES + 0x4007
    mov [PT + (S >> 12) * 4], eax
    call ebx
    MIX eax
    dec ecx
    jnz .r1
    LOGSUM
    T "at once, the data"
    mov ecx, HOT
.s1:
    mov eax, ecx
    shl eax, 12
    and eax, 0x1000
    add eax, FRAMES + 0x4007
    mov [PT + (S >> 12) * 4], eax
    mov eax, [S + 0x100]
    mov edx, [PT + (S >> 12) * 4]   ; the accessed bit is there again
    and edx, 0xfff
    MIX eax, edx
    mov [S + 0x104], ecx
    mov edx, [PT + (S >> 12) * 4]
    and edx, 0xfff
    MIX edx
    dec ecx
    jnz .s1
    LOGSUM
    T "at once, in the routine itself"
    PLACE FRAMES + 0x6000, remap_self, remap_self.end
    PLACE FRAMES + 0x7000, remap_self, remap_self.end
    mov byte [FRAMES + 0x7000 + remap_self.constant - remap_self], 0x55
    MAP S, FRAMES + 0x6007
    mov ecx, HOT
    xor eax, eax
.t1:
    call ebx
    MIX eax
    dec ecx
    jnz .t1
    LOGSUM
    T "at once, read-only"
    call wp_on
    mov dword [map_entry], FRAMES + 0x4007
    mov dword [hook], map_in
    mov dword [faults], 0
    MAP S, FRAMES + 0x4007
    mov ecx, HOT
.u1:
    mov [S + 0x108], ecx
    test cl, 7
    jnz .u2
    REMAP S, FRAMES + 0x4005
.u2:
    dec ecx
    jnz .u1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "at once, gone"
    mov dword [faults], 0
    mov ecx, HOT
.v1:
    test cl, 7
    jnz .v2
    REMAP S, FRAMES + 0x4006
.v2:
    add eax, [S + 0x108]
    call ebx
    MIX eax
    dec ecx
    jnz .v1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "at once, the directory"
    mov dword [faults], 0
    mov dword [0x4000 + (S >> 12) * 4], FRAMES + 0x5007
    mov ecx, HOT
.w1:
    xor dword [PD], PT ^ 0x4000
    add eax, [S + 0x100]
    call ebx
    MIX eax
    dec ecx
    jnz .w1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    T "at once, ring 3"
    mov dword [PD], PT + 7
    call reload_cr3
    MAP S, FRAMES + 0x4007
    mov dword [hook], supervisor_hook
    mov ecx, HOT / 4
    ARM .x_end
    RING3 user_loop
.x_end:
    mov dword [hook], 0
    LOGX [faults], 3
    LOG " "
    LOGSUM
    ; Pages that never held code. With E's frame next to D's, and somewhere else.
    T "neighbours and others"
    MAP D, FRAMES + 0x8007
    MAP E, FRAMES + 0x9007
    mov ecx, HOT
.nb1:
    MAP E, FRAMES + 0x9007
    test cl, 3
    jnz .nb2
    MAP E, FRAMES + 0xb007
.nb2:
    mov eax, [D + 16]
    lea eax, [eax + ecx * 8 + 0x01020304]
    add eax, [E + 16]
    add [E - 3], eax
    mov edx, [E - 2]
    xor [E - 1], edx
    MIX eax, edx
    dec ecx
    jnz .nb1
    mov eax, [FRAMES + 0x8ffc]
    mov ebx, [FRAMES + 0x9000]
    mov edx, [FRAMES + 0xb000]
    MIX eax, ebx, edx
    MAP E, FRAMES + 0x9007
    LOGSUM
    T "the data's first page, to be read only"
    mov dword [hook], map_in
    call wp_on
    mov dword [faults], 0
    mov ecx, HOT
    xor ebx, ebx
.fp1:
    mov [E + 8], ecx
    test cl, 7
    jnz .fp2
    MAP D, FRAMES + 0x8005
.fp2:
    mov eax, [D + 16]
    lea edx, [ebx + ecx * 8]
    add ebx, ecx
    adc edx, [E - 3]
    mov [E - 2], edx
    rcl ebx, 1
    MIX edx, ebx, eax
    dec ecx
    jnz .fp1
    LOGX [faults], 3
    LOG " "
    LOGSUM
    mov dword [hook], 0
    ; A TLB that is indexed by a page's low bits has X where D would be; and X lies in front of E in RAM, as D doesn't.
    T "another page in the first one's place"
X equ D + 0x400000
    mov dword [PD + 4], 0x4007
    mov dword [0x4000 + ((X >> 12) & 0x3ff) * 4], FRAMES + 0x408007
    call reload_cr3
    MAP D, FRAMES + 0xb007
    mov dword [FRAMES + 0x8ffc], 0x13579bdf
    mov dword [FRAMES + 0xbffc], 0x2468ace0
    mov ecx, HOT
    mov edi, E
.an1:
    invlpg [X]                      ; so that X takes D's place again
    mov eax, [X + 16]
    add eax, [edi - 3]
    mov [X + 16], eax
    rol eax, 7
    mov [edi - 2], eax
    mov edx, [D + 0xffc]
    inc dword [edi + 16]
    MIX eax, edx
    dec ecx
    jnz .an1
    mov eax, [FRAMES + 0x8ffc]
    mov ebx, [FRAMES + 0x9000]
    mov edx, [FRAMES + 0xbffc]
    MIX eax, ebx, edx
    LOGSUM
    jmp finish

; ECX rounds of a loop with all kinds of instructions; EAX, ESI and EDI come out. Position-independent.
body:
    mov eax, [edi + ecx * 4]
    add esi, 0x12345678
    lea eax, [eax + esi * 4 + 0x1003]
    xor [edi + ecx * 8 + 0x1000], esi
    adc esi, eax
    jc .over
    lea eax, [eax + ecx * 2 + 0x77777777]
    push eax
    pop edx
    sub edi, byte 4
.over:
    rol esi, 1
    cmp cl, 5
    setb dl
    add edi, byte 4
    dec ecx
    jnz body
    and edi, 0xfffff
    ret
.end:
mov_eax:
    imul eax, eax, 0x01020304
    ret
.end:
call_next:
    db 0xe8
    dd C - 1 - B
.end:
after_call:
    lea eax, [eax + ecx * 2 + 1]
    ret
.end:
just_ret:
    ret
.end:
return1:
    mov eax, 1
    ret
.end:
return2:
    mov eax, 2
    ret
.end:
remap_self:
    xor dword [PT + (S >> 12) * 4], 0x1000      ; the rest comes from the other frame
    add al, 0x12
.constant equ $ - 1
    rol eax, 4
    ret
.end:

; Takes the user bit off and on again by turns; the fault puts it back.
user_loop:
    mov eax, [S + 0x100]
    MIX eax
    mov ebx, S
    call ebx
    MIX eax
    test cl, 7
    jnz .next
    int 0x29
.next:
    dec ecx
    jnz user_loop
    LEAVE_RING
supervisor_hook:
    cmp dword [esp + FRAME_VECTOR], 14
    je map_in
    cmp dword [esp + FRAME_VECTOR], 13
    jne report
    and dword [PT + (S >> 12) * 4], ~4
    add dword [esp + FRAME_EIP], 2
    jmp go_back
END
