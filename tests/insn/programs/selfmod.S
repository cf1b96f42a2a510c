; SPDX-License-Identifier: GPL-2.0-or-later
;
; Code that changes itself, near and far, in its own block, through an alias, across pages, by string
; instructions that overwrite themselves; instructions that cross a page.
; Source: SDM 3A 11.6 (P6: self-modifying code is seen at once), 8.1.3.
;
; expect: patched before it runs: 00000002
; expect: next instruction: 00000022
; expect: loop patches itself: 0000002d
; expect: patched immediate in a loop: 00000037
; expect: routine twice: 00000001 00000002
; expect: rep stosb over the next: 00000090
; expect: rep stosb over itself: 0000000c
; expect: rep movsb over itself: 00000010
; expect: through an alias: 00000007
; expect: remapped code: 00000001 00000002
; expect: across two pages: 12345678
; expect: second page patched: 12aa5678
; expect: second page missing: #0e(0000) cr2=00305000 eip=00304ffe
; expect: second page comes: 12aa5678
; expect: jump into the middle: 00000003
; expect: dma-free neighbours: 00000005
%include "harness.inc"

PD equ 0x1000
PT equ 0x2000

main:
    T "patched before it runs"
    mov byte [.imm1 + 1], 2
.imm1:
    mov al, 1
    movzx eax, al
    LOGX eax
    NL
    T "next instruction"
    mov eax, 0x11
    mov byte [.op2], 0x90       ; the INC EAX that follows becomes NOP
.op2:
    inc eax
    add eax, 0x11
    LOGX eax
    NL
    T "loop patches itself"
    xor eax, eax
    mov ecx, 10
.loop3:
    inc byte [.imm3 + 2]
.imm3:
    add eax, byte -1
    loop .loop3
    LOGX eax, 8
    NL
    T "patched immediate in a loop"
    xor eax, eax
    mov ecx, 10
.loop4:
    mov [.imm4 + 1], ecx
.imm4:
    mov ebx, 0
    add eax, ebx
    loop .loop4
    LOGX eax
    NL
    T "routine twice"
    call routine
    LOGX eax
    LOG " "
    inc byte [routine + 1]
    call routine
    LOGX eax
    NL
    T "rep stosb over the next"
    mov al, 0x90
    mov edi, .hole5
    mov ecx, 2
    rep stosb
.hole5:
    mov al, 0x55                ; becomes two NOPs
    movzx eax, al
    LOGX eax
    NL
    ; STOSB with REP writes 40h (INC EAX) forwards over a run of NOPs, and over itself: it is at the
    ; end of the run. It goes on with what it has become. EDI starts 12 bytes before it.
    T "rep stosb over itself"
    mov al, 0x40
    mov edi, .rep6 - 12
    mov ecx, 64
    mov [saved_ebx], ebx
    jmp .rep6
    times 12 nop
.rep6:
    rep stosb
    times 8 nop
    mov eax, 64
    sub eax, ecx
    dec eax
    LOGX eax
    NL
    T "rep movsb over itself"
    mov esi, inc_run
    mov edi, .rep7 - 16
    mov ecx, 32
    jmp .rep7
    times 16 nop
.rep7:
    rep movsb
    times 8 nop
    mov eax, 32
    sub eax, ecx
    dec eax
    LOGX eax
    NL

    ; paging
    mov edi, PD
    mov ecx, 2 * 1024
    xor eax, eax
    rep stosd
    mov dword [PD], PT + 7
    mov edi, PT
    mov eax, 7
    mov ecx, 256
.pte:
    stosd
    add eax, 0x1000
    loop .pte
    mov dword [PT + 0x300 * 4], 0x4007
    mov dword [PT + 0x301 * 4], 0x4007
    mov dword [PT + 0x304 * 4], 0x6007
    mov dword [PT + 0x305 * 4], 0x7007
    mov eax, PD
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax

    T "through an alias"
    mov dword [0x300000], 0xc30001b0    ; MOV AL, 1; ADD (crossing) ..
    mov dword [0x300000], 0xc39001b0    ; MOV AL, 1; NOP; RET
    mov ebx, 0x300000
    call ebx
    mov byte [0x301001], 7
    call ebx
    movzx eax, al
    LOGX eax
    NL
    T "remapped code"
    mov byte [0x4001], 1
    mov dword [0x5000], 0xc39002b0
    call ebx
    movzx eax, al
    LOGX eax
    LOG " "
    mov dword [PT + 0x300 * 4], 0x5007
    invlpg [0x300000]
    call ebx
    movzx eax, al
    LOGX eax
    NL
    T "across two pages"
    mov word [0x304ffe], 0x78b8         ; MOV EAX, 12345678; RET
    mov dword [0x305000], 0xc3123456
    mov ebx, 0x304ffe
    call ebx
    LOGX eax
    NL
    T "second page patched"
    mov byte [0x7001], 0xaa
    mov ebx, 0x304ffe
    call ebx
    LOGX eax
    NL
    T "second page missing"
    mov dword [PT + 0x305 * 4], 0
    invlpg [0x305000]
    mov dword [hook], keep_eip
    ARM .missing
    mov ebx, 0x304ffe
    call ebx
.missing:
    mov dword [hook], 0
    LOG " eip="
    LOGX [kept_eip]
    NL
    T "second page comes"
    mov dword [PT + 0x305 * 4], 0x7007
    mov ebx, 0x304ffe
    call ebx
    LOGX eax
    NL
    T "jump into the middle"            ; the same bytes, decoded from another start
    mov eax, 0
    mov ecx, 2
    mov ebx, .middle
.again:
    jmp ebx
.middle:
    db 0x3d                             ; CMP EAX, imm32: from one byte on INC EAX, NOPs
    inc eax
    nop
    nop
    nop
    inc eax
    inc ebx
    loop .again
    LOGX eax
    NL
    T "dma-free neighbours"             ; data beside code in one granule
    xor eax, eax
    mov ecx, 5
.near:
    inc dword [.data]
    jmp .over
.data: dd 0
.over:
    loop .near
    LOGX [.data]
    NL
    jmp finish

routine:
    mov al, 1
    movzx eax, al
    ret
keep_eip:
    mov eax, [esp + FRAME_EIP]
    mov [kept_eip], eax
    jmp report
saved_ebx: dd 0
kept_eip: dd 0
inc_run:
    times 64 db 0x40
END
