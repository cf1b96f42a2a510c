; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops that run into the limit of a segment: data, strings, code; expand-down, null and read-only segments.
; Source: SDM 3A 5.3, 5.5.
;
; expect: limit, load: #0d +02 a=1240d178 c=0000027f d=de669b36 b=000009fc sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=014
; expect: limit, store: #0d +02 a=124d477a c=000004fe d=00000000 b=000009fc sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=010
; expect: limit, add to memory: #0d +02 a=123e5b78 c=00000200 d=00000000 b=00000a00 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=004
; expect: limit, byte: #0d +02 a=124d5b78 c=00000500 d=0000004f b=00000a00 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=004
; expect: limit, push: #0d +02 a=1240d178 c=0000027f d=fc299e5d b=000009fc sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=014
; expect: limit, qword: #0d +06 a=1240c77c c=0000027e d=00000000 b=000009f8 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=000
; expect: expand-down: #0d +0b a=12224474 c=00000301 d=00000000 b=fffff3fc sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=015
; expect: expand-down, 64k: #0d +09 a=15225678 c=000002ff d=00000000 b=0000fffe sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=014
; expect: null: #0d +0e a=123bf98c c=000003e8 d=00000000 b=00000000 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=000
; expect: read-only: #0d +2b a=123bf5a4 c=000003e8 d=00000000 b=00000000 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=000
; expect: rep stos: #0d +0e a=12345678 c=00000001 d=00000080 b=00000000 sp=00007ffc bp=00000000 si=00000000 di=000009fc fl=000
; expect: rep movs: #0d +13 a=12345678 c=00000001 d=0000007d b=00000000 sp=00007ffc bp=00000000 si=00200082 di=000009ff fl=004
; expect: code limit: #0d +05 a=00000000 c=00000000 d=002fb3ea b=00000000 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=044
; expect: code limit, the last byte: #0d +0a a=01020304 c=00000000 d=002fb3ea b=00000000 sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=044
; expect: jump behind it: #0d +0b a=00000000 c=00000000 d=002fb3ea b=0001010d sp=00007ffc bp=00000000 si=00000000 di=00000000 fl=000
; peer: none, it has no limits
%include "harness.inc"
%include "hot.inc"

BASED equ 0x40
SEG_A equ 0x48
SEG_B equ 0x50
SEG_C equ 0x58

; LIMIT text, instructions: until they fault.
%macro LIMIT 2-*
    T %1
    mov eax, 0x12345678
    mov ebx, 0
    mov ecx, 0
    mov edx, 0
    mov esi, 0
    mov edi, 0
    CATCH %%done
%%loop:
%rep %0 - 1
%rotate 1
    %1
%endrep
    inc ecx
    jmp %%loop
%%done:
    LOGKEPT %%loop
%endmacro

%macro START 0
    mov eax, 0
    mov ebx, 0
    mov ecx, HOT
    mov edx, 0
    mov esi, 0
    mov edi, 0
%endmacro

main:
    mov edi, FRAMES
    mov ecx, 0x1000
    mov eax, 0x01020304
.fill:
    stosd
    imul eax, eax, 0x10dcd
    add eax, 0x3039
    loop .fill
    SETDESC SEG_A, FRAMES, 0x9fe, 0x4092
    SETDESC SEG_B, FRAMES, 0x7ff, 0x4096         ; expand-down: above 7ff
    SETDESC SEG_C, FRAMES, 0x1ff, 0x0096         ; the same, up to ffff
    mov eax, SEG_A
    mov fs, eax
    mov eax, SEG_B
    mov gs, eax
    LIMIT "limit, load", {add eax, ebx}, {mov edx, [fs:ebx]}, {add ebx, 4}
    LIMIT "limit, store", {add eax, ebx}, {mov [fs:ebx + 3], ax}, {add ebx, 2}
    LIMIT "limit, add to memory", {add eax, ebx}, {adc [fs:ebx], eax}, {add ebx, 5}
    LIMIT "limit, byte", {add eax, ebx}, {mov dl, [fs:ebx]}, {add ebx, 2}
    LIMIT "limit, push", {add eax, ebx}, {push dword [fs:ebx]}, {pop edx}, {add ebx, 4}
    LIMIT "limit, qword", {fninit}, {fldz}, {add eax, ebx}, {fst qword [fs:ebx]}, {add ebx, 4}
    LIMIT "expand-down", {lea ebx, [ecx * 4]}, {neg ebx}, {add eax, ebx}, {mov edx, [gs:ebx + 0x1400]}
    mov eax, SEG_C
    mov gs, eax
    LIMIT "expand-down, 64k", {lea ebx, [ecx * 4 + 0xf402]}, {add eax, ebx}, {mov edx, [gs:ebx]}
    LIMIT "null", {cmp ecx, 1000}, {jne .k1}, {xor edx, edx}, {mov fs, edx}, {.k1:}, {add eax, ecx}, \
        {mov edx, [fs:0]}
    LIMIT "read-only", {lea edx, [ecx - 1000]}, {cmp ecx, 1000}, {jne .k2}, \
        {mov byte [gdt + SEG_A + 5], 0x90}, {mov edx, SEG_A}, {mov fs, edx}, {mov edx, 0}, {.k2:}, \
        {cmp ecx, 1000}, {jb .k3}, {add eax, edx}, {mov [fs:0], eax}, {.k3: add eax, ecx}
    mov byte [gdt + SEG_A + 5], 0x92
    mov eax, SEG_A
    mov es, eax
    LIMIT "rep stos", {mov edi, 0x900}, {add edi, ecx}, {mov edx, ecx}, {mov ecx, 0x20}, {rep stosd}, \
        {mov ecx, edx}
    mov eax, SEG_A
    mov es, eax
    LIMIT "rep movs", {mov edi, 0x900}, {mov esi, FRAMES}, {add edi, ecx}, {mov edx, ecx}, \
        {mov ecx, 0x83}, {rep movsb}, {mov ecx, edx}
    ; A loop in a code segment of 400 bytes: its last instruction ends behind the limit, \
        and is reached at last.
    SETDESC BASED, FRAMES, 0x3ff, 0x409a
    PLACE FRAMES + 0x3f9, runs_out, runs_out.end
    T "code limit"
    START
    CATCH .l1
    jmp BASED:0x3f9
.l1:
    mov dword [kept.ebp], 0
    LOGKEPT 0x3f9
    T "code limit, the last byte"
    PLACE FRAMES + 0x3f6, runs_out, runs_out.end
    START
    CATCH .l2
    jmp BASED:0x3f6
.l2:
    mov dword [kept.ebp], 0
    LOGKEPT 0x3f6
    T "jump behind it"
    PLACE FRAMES + 0x100, jumps_out, jumps_out.end
    START
    mov ebx, 0x100 + jumps_out.there - jumps_out
    CATCH .l3
    jmp BASED:0x100
.l3:
    mov dword [kept.ebp], 0
    LOGKEPT 0x100
    jmp finish

runs_out:
    add edx, ecx
    dec ecx
    jnz runs_out
    mov eax, 0x01020304
.end:
jumps_out:
    add edx, ecx
    dec ecx
    jnz .go_on
    add ebx, 0x10000
.go_on:
    jmp ebx
.there:
    jmp jumps_out
.end:

END
