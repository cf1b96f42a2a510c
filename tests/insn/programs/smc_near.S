; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops that change their own code: the next instruction, behind, ahead, themselves, by every kind of store.
; Source: SDM 3A 11.6, 8.1.3 (seen at once, as on P6 and later).
;
; expect: next instruction: fb3bc230
; expect: next instruction, once: efbd6b5a
; expect: itself: 11011111
; expect: behind: 8fdb5e11
; expect: ahead: dec6a6c1
; expect: flags across the store: 0b4ece06
; expect: opcode: ffffffff
; expect: condition: 92a1af98
; expect: displacement: 90d75124
; expect: call target: 08ca8042
; expect: base register and scale: 84818200
; expect: lengths change: e7085446
; expect: rep stosb over the next: 0120a410
; expect: rep movsd over the next: 33855f1b
; expect: rep movsb over itself: b4ed4b12
; expect: rep stosd backwards over itself: 04410441
; expect: push: fb3bc230
; expect: pushad: 390b390b
; expect: return address: fb3bc230
; expect: exception frame: 377e0366
; expect: the caller, behind the call: fb3bc230
; expect: the caller, once: 187070d7
; expect: data in the granule: 7a0743f2
; expect: data in the page: 7a0743f2
; expect: over a granule's end: 00008864
; expect: mov byte: 561d9ff6
; expect: mov word: 4e9d01af
; expect: mov immediate: 046f0a8e
; expect: xchg: 66002242
; expect: add: 2975b388
; expect: inc: 69f0ce0d
; expect: neg: 4ff36771
; expect: not: 55423324
; expect: shift: a30b33af
; expect: shld: 3e19f6ed
; expect: lock xadd: 7743f03e
; expect: cmpxchg: 4a381f39
; expect: cmpxchg fails: cd5bcd5b
; expect: bts: e09dece9
; expect: bts far off: 2477fff9
; expect: setcc: a52434b5
; expect: stosd: 4a381f39
; expect: movsb: 094cad95
; expect: pop: 4a381f39
; expect: fistp: 4a381f39
; expect: fstp: 3bb3e390
; expect: fnstcw: e4d7ac60
; expect: movd: 4a381f39
; expect: mov sreg: cefee629
; expect: str: acac728d
; expect: smsw: 4139c6be
; expect: call through memory: de7bde7b
; expect: sgdt: 4a381f39
; expect: movups: 4a381f39
; expect: movss: 4a381f39
; expect: another segment: 4a381f39
; expect: another segment, push: 4a381f39
; expect: 16-bit addresses: 4a381f39
%include "harness.inc"
%include "hot.inc"

; A loop that stores EAX (another value each time) at EDI, the immediate of the instruction behind the store.
%macro INTO 2-*
    T %1
    mov dword [%%imm + 1], 0x01234567
    mov ecx, WARM
%%loop:
    imul eax, ecx, 0x01010107
    mov edi, %%imm + 1
%rep %0 - 1
%rotate 1
    %1
%endrep
%%imm:
    mov ebx, 0x01234567
    MIX ebx
    dec ecx
    jnz %%loop
    LOGSUM
%endmacro

main:
    fninit
    T "next instruction"
    mov ecx, HOT
.a1:
    mov [.a2 + 1], ecx
.a2:
    mov eax, 0
    MIX eax
    dec ecx
    jnz .a1
    LOGSUM

    T "next instruction, once"
    mov ecx, HOT
    mov esi, .once              ; somewhere else until the end is near
.b1:
    xor eax, eax
    cmp ecx, 50
    cmove esi, [.b_where]
    mov byte [esi], 7
.b2:
    mov al, 1
    MIX eax
    dec ecx
    jnz .b1
    LOGSUM
    jmp .c0
.b_where: dd .b2 + 1
    times 64 nop
.once: dd 0
    times 64 nop
.c0:

    ; ADC changes its own immediate, to twice that and a bit of ECX: it adds the old one.
    T "itself"
    mov ecx, HOT
.c1:
    bt ecx, 3
.c2:
    adc byte [.c2 + 6], 1
    movzx eax, byte [.c2 + 6]
    MIX eax
    dec ecx
    jnz .c1
    LOGSUM

    T "behind"
    mov ecx, HOT
.d1:
    mov eax, 5
    MIX eax
    mov [.d1 + 1], ecx
    dec ecx
    jnz .d1
    LOGSUM

    T "ahead"
    mov ecx, HOT
    xor edx, edx
.e1:
    mov [.e2 + 2], ecx
    lea ebx, [ecx + ecx * 2]
    add ebx, edx
    xor edx, ebx
    mov esi, edx
    shr esi, 3
    add edx, esi
.e2:
    xor edx, 0x11111111
    MIX edx
    dec ecx
    jnz .e1
    LOGSUM

    T "flags across the store"      ; the store ends what was translated, the flags have to get over it
    mov ecx, HOT
.f1:
    cmp cl, 0x55
    mov [.f2 + 1], ecx
.f2:
    mov eax, 0
    adc eax, ecx
    lahf
    MIX eax
    dec ecx
    jnz .f1
    LOGSUM

    T "opcode"                      ; INC EBX, DEC EBX
    mov ecx, HOT + 1
    xor ebx, ebx
.g1:
    xor byte [.g2], 8
.g2:
    inc ebx
    MIX ebx
    dec ecx
    jnz .g1
    LOGSUM

    T "condition"
    mov ecx, HOT
    xor ebx, ebx
.h1:
    xor byte [.h2], 1
    test cl, 4
.h2:
    jz .h3
    inc ebx
.h3:
    lea ebx, [ebx + ebx * 2]
    MIX ebx
    dec ecx
    jnz .h1
    LOGSUM

    T "displacement"
    mov ecx, HOT
    mov ebx, 0
.i1:
    mov al, cl
    and al, 3
    mov [.i2 + 1], al
.i2:
    jmp short .i3
.i3:
    inc ebx
    inc ebx
    inc ebx
    lea ebx, [ebx * 3]
    MIX ebx
    dec ecx
    jnz .i1
    LOGSUM

    T "call target"
    mov ecx, HOT
.j1:
    mov eax, ecx
    and eax, 3
    mov eax, [.targets + eax * 4]
    mov [.j2 + 1], eax
.j2:
    call one
    MIX eax
    dec ecx
    jnz .j1
    LOGSUM
    jmp .k0
.targets: dd one - .j2 - 5, two - .j2 - 5, three - .j2 - 5, one - .j2 - 5
.k0:

    T "base register and scale"     ; ModRM and SIB bytes of what follows
    mov ecx, HOT
    mov ebx, 0x100
    mov esi, 0x10000
.k1:
    mov al, cl
    shl al, 6
    or al, 0x1e                     ; SIB: ESI + EBX * 1, 2, 4, 8
    mov [.k2 + 2], al
.k2:
    lea eax, [esi + ebx]
    MIX eax
    dec ecx
    jnz .k1
    LOGSUM

    T "lengths change"              ; eight bytes, cut into instructions in four ways
    mov ecx, HOT
.l1:
    mov eax, ecx
    and eax, 3
    mov edx, [.pieces + eax * 8]
    mov esi, [.pieces + eax * 8 + 4]
    xor eax, eax
    xor ebx, ebx
    mov [.l2], edx
    mov [.l2 + 4], esi
.l2:
    times 8 nop
    MIX eax, ebx
    dec ecx
    jnz .l1
    LOGSUM
    jmp .m0
align 8
.pieces:
    db 0xb8, 1, 2, 3, 4, 0x40, 0x43, 0x90           ; MOV EAX; INC EAX; INC EBX; NOP
    db 0x40, 0x66, 0xb8, 1, 2, 0x43, 0xb3, 0x77     ; INC EAX; MOV AX; INC EBX; MOV BL
    db 0xeb, 5, 0xb8, 1, 2, 3, 4, 0x43              ; JMP to the INC EBX at the end
    db 0x0f, 0xb6, 0xc1, 0x83, 0xc3, 0x11, 0x43, 0x4b
.m0:

    T "rep stosb over the next"
    mov edx, HOT / 4
.m1:
    mov eax, edx
    and al, 3
    or al, 0x40                     ; INC EAX, ECX, EDX, EBX
    cmp al, 0x42
    jne .m2
    mov al, 0x46                    ; ESI
.m2:
    mov ecx, 9
    xor esi, esi
    xor ebx, ebx
    mov edi, .m3
    rep stosb
.m3:
    times 9 nop
    MIX eax, ecx, ebx, esi
    dec edx
    jnz .m1
    LOGSUM

    T "rep movsd over the next"
    mov edx, HOT / 4
.n1:
    mov esi, edx
    and esi, 3
    lea esi, [.pieces + esi * 8]
    mov edi, .n2
    mov ecx, 2
    xor eax, eax
    xor ebx, ebx
    rep movsd
.n2:
    times 8 nop
    sub esi, .pieces
    MIX eax, ebx, esi
    dec edx
    jnz .n1
    LOGSUM

    T "rep movsb over itself"
    mov edx, WARM
.o1:
    mov word [.o2], 0xa4f3
    mov esi, .o_source
    mov edi, .o2 - 5
    mov ecx, 20
    xor ebx, ebx
    jmp .o2
    times 5 nop
.o2:
    rep movsb
    times 13 nop
    MIX ecx, ebx
    dec edx
    jnz .o1
    LOGSUM
    jmp .p0
.o_source:
    times 20 db 0x43
.p0:

    T "rep stosd backwards over itself"     ; and over the loop's head, with the same bytes
    mov edx, WARM
.p1:
    mov dword [.p2], 0x9090abf3
    mov eax, 0x43434343
    mov edi, .p2 + 12
    mov ecx, 6
    xor ebx, ebx
    std
    jmp .p2
    times 8 nop
align 4
.p2:
    rep stosd
    times 14 nop
    cld
    MIX ecx, ebx
    dec edx
    jnz .p1
    LOGSUM

    T "push"
    mov [.esp], esp
    mov ecx, HOT
.q1:
    mov esp, .q2 + 5
    push ecx
.q2:
    mov ebx, 0
    MIX ebx
    dec ecx
    jnz .q1
    mov esp, [.esp]
    LOGSUM

    T "pushad"
    mov ecx, HOT
.r1:
    mov esp, .r2 + 33
    imul edi, ecx, 0x10001          ; the immediate of what follows
    mov esi, 0x90901aeb             ; JMP over the rest, to the MIX
    pushad
.r2:
    mov ebx, 0
    times 28 nop
    MIX ebx
    dec ecx
    jnz .r1
    mov esp, [.esp]
    LOGSUM
    jmp .s0
.esp: dd 0
    times 64 nop
.s0:

    T "return address"
    mov ecx, HOT
.s1:
    mov esp, .s3 + 5
    call .s2
.s2:
    nop
.s3:
    mov eax, 0
    sub eax, .s2
    add eax, ecx
    MIX eax
    dec ecx
    jnz .s1
    mov esp, [.esp]
    LOGSUM

    ; EFLAGS in the frame, executed: INC EDX, EBX, ESI or EDI; ADD [EAX], \
        AL; and with the byte behind ADD AL, AL.
    T "exception frame"
    SETINT 0x2e, CODE, .back, 0x8e
    mov ecx, HOT
    xor ebx, ebx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    jmp .t1
.back:
    iretd
.t1:
    mov eax, ecx
    and eax, 5
    or eax, 0x42
    push eax
    popfd
    mov esp, .t3 + 12
    int 0x2e
    mov eax, .t_data
    mov esp, [.esp]
    jmp .t3 + 8
.t3:
    times 12 nop
    db 0xc0
    MIX ebx, edx, esi, edi
    dec ecx
    jnz .t1
    LOGSUM
    jmp .v0
.t_data: dd 0
    times 64 nop
.v0:

    T "the caller, behind the call"
    mov ecx, HOT
.v1:
    call patch_caller
.v2:
    mov eax, 0x12345678
    MIX eax
    dec ecx
    jnz .v1
    LOGSUM

    T "the caller, once"
    mov ecx, HOT
    mov ebx, .harmless
.w1:
    cmp ecx, 77
    jne .w2
    mov ebx, .w3 + 1
.w2:
    call store_at_ebx
.w3:
    mov eax, 0x12345678
    MIX eax
    dec ecx
    jnz .w1
    LOGSUM
    jmp .x0
    times 64 nop
.harmless: dd 0
    times 64 nop
.x0:

    T "data in the granule"
    mov ecx, HOT
    mov dword [.x_data], 0
    jmp .x1
align 64
.x1:
    add [.x_data], ecx
    mov eax, [.x_data]
    MIX eax
    dec ecx
    jnz .x1
    jmp .x2
.x_data: dd 0
.x2:
    LOGSUM

    T "data in the page"
    mov ecx, HOT
.y1:
    add [.y_data], ecx
    push dword [.y_data]
    pop eax
    MIX eax
    dec ecx
    jnz .y1
    LOGSUM
    jmp .z0
    times 70 nop
.y_data: dd 0
    times 70 nop
.z0:

    ; The store's first bytes are in the granule before, which no code is in.
    T "over a granule's end"
    mov ecx, HOT
    xor ebx, ebx
.z1:
    mov eax, ecx
    and eax, 8
    shl eax, 24
    or eax, 0x43000000              ; INC EBX, DEC EBX
    mov [.z2 - 3], eax
    jmp .z2
align 64
    times 64 nop
.z2:
    inc ebx
    MIX ebx
    dec ecx
    jnz .z1
    LOGSUM

    INTO "mov byte", {mov [edi + 2], al}
    INTO "mov word", {mov [edi + 1], ax}
    INTO "mov immediate", {mov dword [edi], 0x77}, {mov [edi], cl}
    INTO "xchg", {xchg eax, [edi]}, {xor [sum], eax}
    INTO "add", {add [edi], eax}
    INTO "inc", {inc dword [edi]}
    INTO "neg", {neg dword [edi]}
    INTO "not", {not byte [edi + 3]}
    INTO "shift", {or byte [edi], 1}, {rol dword [edi], cl}
    INTO "shld", {shld [edi], eax, 5}
    INTO "lock xadd", {lock xadd [edi], eax}, {xor [sum], eax}
    INTO "cmpxchg", {mov edx, eax}, {mov eax, [edi]}, {cmpxchg [edi], edx}
    INTO "cmpxchg fails", {mov edx, eax}, {cmpxchg [edi], edx}
    INTO "bts", {and eax, 31}, {bts [edi], eax}, {btr dword [edi], 7}, {btc dword [edi], 19}
    INTO "bts far off", {and eax, 31}, {lea edi, [edi - 0x1000]}, {add eax, 0x8000}, {btc [edi], eax}
    INTO "setcc", {cmp cl, 0x44}, {setb [edi]}, {sets [edi + 1]}
    INTO "stosd", stosd
    INTO "movsb", {mov [.y_data], eax}, {mov esi, .y_data}, movsb, movsb
    INTO "pop", {push eax}, {pop dword [edi]}
    INTO "fistp", {mov [.y_data], eax}, {fild dword [.y_data]}, {fistp dword [edi]}
    INTO "fstp", {mov [.y_data], ecx}, {fild dword [.y_data]}, {fstp dword [edi]}
    INTO "fnstcw", {fnstcw [edi]}
    INTO "movd", {movd mm0, eax}, {movd [edi], mm0}, emms
    INTO "mov sreg", {mov [edi], ds}
    INTO "str", {str [edi]}
    INTO "smsw", {smsw [edi + 1]}
    INTO "call through memory", {mov dword [.y_data], one}, {call [.y_data]}, {mov [edi], eax}
    INTO "sgdt", {sgdt [edi - 2]}, {mov word [edi - 2], 0xbb90}, {xor dword [edi], gdt}, {xor [edi], eax}, nop
    mov eax, cr4
    or eax, 0x200
    mov cr4, eax
    INTO "movups", {movups xmm0, [edi]}, {movd xmm1, eax}, {movss xmm0, xmm1}, {movups [edi], xmm0}
    INTO "movss", {mov [.y_data], eax}, {movss xmm0, [.y_data]}, {movss [edi], xmm0}
    SETDESC 0x40, 0x12300, 0xfffff, A_DATA32
    mov eax, 0x40
    mov fs, eax
    SETDESC 0x48, 0x10000, 0xffff, A_DATA16
    mov eax, 0x48
    mov gs, eax
    INTO "another segment", {mov [fs:edi - 0x12300], eax}
    INTO "another segment, push", {mov edx, esp}, {mov ss, [.fs]}, {lea esp, [edi + 4 - 0x12300]}, \
        {push eax}, {mov ss, [.data]}, {mov esp, edx}
    INTO "16-bit addresses", {mov ebx, edi}, {mov [gs:bx], eax}
    ret
.fs: dd 0x40
.data: dd DATA

align 64
one:
    mov eax, 0x1111
    ret
two:
    mov eax, 0x2222
    ret
three:
    mov eax, 0x3333
    ret
patch_caller:
    mov eax, [esp]
    mov [eax + 1], ecx
    ret
store_at_ebx:
    mov [ebx], ecx
    ret
END
