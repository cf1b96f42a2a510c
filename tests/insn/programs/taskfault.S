; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops of task switches with a page fault in the middle: in the state that is left and in the one that is entered,
; in the descriptors, before the switch and after it, by CALL, JMP, IRET, a task gate and an interrupt, from ring 0 and
; from ring 3. What was saved must be there once, and the switch be done again as a whole.
; Source: SDM 3A 7.3 (the order of accesses), 7.2.3, 4.6; 6.5 (faults restart).
;
; expect: call: 000 d190c88e
; expect:  old, first: 12c c4381ae2
; expect:  old, second: 12c 08c9dfdb
; expect:  old, first, read-only: 12c 25f6e04b
; expect:  old, second, read-only: 12c b94dd2a2
; expect:  new, first: 12c b8ce0a5e
; expect:  new, second: 12c 20bec071
; expect:  new, first, read-only: 12c a9a04436
; expect:  new, second, read-only: 12c a9824ec7
; expect: gate: 000 d46b986d
; expect:  old, first: 12c 4afe40a6
; expect:  old, second: 12c 4923c2bc
; expect:  old, first, read-only: 12c 6634823c
; expect:  old, second, read-only: 12c 72b4e750
; expect:  new, first: 12c e5338689
; expect:  new, second: 12c 878d57cd
; expect:  new, first, read-only: 12c a3d20655
; expect:  new, second, read-only: 12c 8f92461e
; expect: interrupt: 000 0abd351e
; expect:  old, first: 12c ff88951b
; expect:  old, second: 12c c44739a8
; expect:  old, first, read-only: 12c d2744ed5
; expect:  old, second, read-only: 12c c367efd1
; expect:  new, first: 12c 8a4b06d9
; expect:  new, second: 12c a55d74b1
; expect:  new, first, read-only: 12c 4c0703ab
; expect:  new, second, read-only: 12c e0ca3cc2
; expect: jmp: 000 423f6988
; expect:  old, first: 12c dd2a99c6
; expect:  old, second: 12c 803be3f2
; expect:  old, first, read-only: 12c 9477a119
; expect:  old, second, read-only: 12c 10c7fb53
; expect:  new, first: 12c 729f4a1a
; expect:  new, second: 12c e4510e26
; expect:  new, first, read-only: 12c 042cae6e
; expect:  new, second, read-only: 12c a8120f7b
; expect: ring 3: 000 8dd0e9bb
; expect:  old, first: 12c 9526f163
; expect:  old, second: 12c b5bd1ab9
; expect:  old, second, read-only: 12c e82ca048
; expect:  new, second: 12c ecc4cdd5
; expect:  new, second, read-only: 12c a355d721
; expect: back, first: 000 1d9c9b23
; expect:  first: 258 208edae9
; expect:  second: 258 c69ed5a4
; expect:  second, from ring 3: 258 6adc9d99
; expect: descriptors: 000 a5e34107
; expect:  first: 12c 783b0172
; expect:  segment's, there: 000 54470df8
; expect:  segment's: 12c 1212338a
; expect:  segment's, accessed: 12c d8fb7aa0
; peer: none, it doesn't restart these switches
%include "harness.inc"
%include "hot.inc"

OLD equ 0x40                ; the first task, whose state is in the window
NEW equ 0x48
NEW3 equ 0x50               ; it runs in ring 3
GATE equ 0x58
FAR_DATA equ 0xc8           ; a data segment whose descriptor lies behind a page's end
OLD_TSS equ WINDOW + 0xfd8          ; the page ends within the registers
NEW_TSS equ WINDOW + 0x2fd8
NEW3_TSS equ WINDOW + 0x4fd8
GDT_COPY equ WINDOW + 0x7000 - 0x80 ; descriptors from 80 on are in another page
ROUNDS equ WARM / 2



; AROUND text, page, entry: calls [switch] in a loop, and before each time the page's table entry is this; the fault's
; handler makes it a page that may be written.
%macro AROUND 3
    T %1
    mov dword [page], %2
    mov dword [entry], %3
    call around
%endmacro
around:
    mov dword [faults], 0
    mov eax, [page]
    sub eax, WINDOW - FRAMES - 7
    mov [map_entry], eax
    mov ecx, ROUNDS
.next:
    mov eax, [page]
    mov edx, [entry]
    test edx, edx
    jz .gone
    mov edx, [map_entry]
    and edx, ~2
.gone:
    mov ebx, eax
    shr ebx, 12
    mov [PT + ebx * 4], edx
    invlpg [eax]
    mov eax, ecx
    mov ebx, 0x12345678
    imul edi, ecx, 77
    stc
    call [switch]
    pushfd
    pop esi
    and esi, 0x0cd5
    MIX eax, ebx, edi, esi
    dec ecx
    jnz .next
    ; Both states as they are now, without the EFLAGS of a task that was switched away from a fault's handler.
    mov eax, [page]
    mov edx, [map_entry]
    mov ebx, eax
    shr ebx, 12
    mov [PT + ebx * 4], edx
    invlpg [eax]
    mov esi, OLD_TSS
    call mix_state
    mov esi, NEW_TSS
    call mix_state
    mov esi, NEW3_TSS
    call mix_state
    LOGX [faults], 3
    LOG " "
    LOGSUM
    ret
mix_state:
    mov ecx, 0x68 / 4
.next:
    lodsd
    MIX eax
    loop .next
    ret

; NEW_STATE tss, code, data, label, stack
%macro NEW_STATE 5
    mov edi, %1
    mov ecx, 0x68 / 4
    xor eax, eax
    rep stosd
    mov dword [%1 + 4], 0x9000
    mov dword [%1 + 8], DATA
    mov dword [%1 + 0x1c], PD
    mov dword [%1 + 0x20], FLAT(%4)
    mov dword [%1 + 0x24], 2
    mov dword [%1 + 0x38], %5
    mov word [%1 + 0x48], %3
    mov word [%1 + 0x4c], %2
    mov word [%1 + 0x50], %3
    mov word [%1 + 0x54], %3
    mov word [%1 + 0x66], 0x68
%endmacro

main:
    call paging_on
    call wp_on
    mov ebx, WINDOW
.map:
    lea eax, [ebx - WINDOW + FRAMES + 7]
    mov edx, ebx
    shr edx, 12
    mov [PT + edx * 4], eax
    invlpg [ebx]
    add ebx, 0x1000
    cmp ebx, WINDOW + 0x8000
    jb .map
    NEW_STATE OLD_TSS, CODE, DATA, main, 0x7000
    NEW_STATE NEW_TSS, CODE, DATA, worker, 0x7800
    NEW_STATE NEW3_TSS, UCODE, UDATA, worker, 0xa000
    SETDESC OLD, OLD_TSS, 0x67, A_TSS32
    SETDESC NEW, NEW_TSS, 0x67, A_TSS32
    SETDESC NEW3, NEW3_TSS, 0x67, A_TSS32
    SETDESC FAR_DATA, 0, 0xfffff, A_DATA32
    SETGATE GATE, NEW, 0, 0x85
    SETINT 0x2e, NEW, 0, 0x85
    mov ax, OLD
    ltr ax
    clts
    mov dword [hook], map_in

; FAULTS text: the page of each half of each state isn't there, or can't be written.
%macro FAULTS 2
    mov dword [switch], FLAT(%2)
    AROUND %1, WINDOW + 0x8000, 0       ; none of these
    AROUND " old, first", OLD_TSS & ~0xfff, 0
    AROUND " old, second", WINDOW + 0x1000, 0
    AROUND " old, first, read-only", OLD_TSS & ~0xfff, 5
    AROUND " old, second, read-only", WINDOW + 0x1000, 5
    AROUND " new, first", NEW_TSS & ~0xfff, 0
    AROUND " new, second", WINDOW + 0x3000, 0
    AROUND " new, first, read-only", NEW_TSS & ~0xfff, 5
    AROUND " new, second, read-only", WINDOW + 0x3000, 5
%endmacro
    FAULTS "call", by_call
    FAULTS "gate", by_gate
    FAULTS "interrupt", by_interrupt
    mov dword [NEW_TSS + 0x20], FLAT(jumping_worker)
    FAULTS "jmp", by_jmp
    mov dword [NEW_TSS + 0x20], FLAT(worker)

    mov dword [switch], FLAT(by_call3)
    AROUND "ring 3", WINDOW + 0x8000, 0
    AROUND " old, first", OLD_TSS & ~0xfff, 0
    AROUND " old, second", WINDOW + 0x1000, 0
    AROUND " old, second, read-only", WINDOW + 0x1000, 5
    AROUND " new, second", WINDOW + 0x5000, 0
    AROUND " new, second, read-only", WINDOW + 0x5000, 5

    ; The worker faults on its way back: what is missing is the state that it goes to.
    mov dword [switch], FLAT(by_unmapping)
    AROUND "back, first", WINDOW + 0x8000, 0
    AROUND " first", OLD_TSS & ~0xfff, 0
    AROUND " second", WINDOW + 0x1000, 0
    mov dword [switch], FLAT(by_unmapping3)
    AROUND " second, from ring 3", WINDOW + 0x1000, 0

    ; Descriptors: of the TSS, before the switch; of a data segment, after it.
    mov esi, gdt
    mov edi, GDT_COPY
    mov ecx, 0x100 / 4
    rep movsd
    lgdt [copy_pointer]
    mov dword [switch], FLAT(by_call)
    AROUND "descriptors", WINDOW + 0x8000, 0
    AROUND " first", GDT_COPY & ~0xfff, 5
    mov word [NEW_TSS + 0x58], FAR_DATA
    AROUND " segment's, there", WINDOW + 0x8000, 0
    AROUND " segment's", WINDOW + 0x7000, 0
    and byte [GDT_COPY + FAR_DATA + 5], ~1
    AROUND " segment's, accessed", WINDOW + 0x7000, 5
    lgdt [gdt_pointer]
    ret

by_call:
    call NEW:0
    ret
by_gate:
    call GATE:0
    ret
by_interrupt:
    int 0x2e
    ret
by_jmp:
    jmp NEW:0
    ret
by_call3:
    call NEW3:0
    ret
; The page that the worker is to take away.
by_unmapping:
    mov edx, [page]
    mov [unmap], edx
    call NEW:0
    ret
by_unmapping3:
    mov edx, [page]
    mov [unmap], edx
    call NEW3:0
    ret

worker:
    inc ebx
    add eax, [esp - 4]
    adc edi, ebx
    mov [esp - 8], edi
    push edi
    pop esi
    cmp dword [unmap], 0
    je .back
    mov edx, [unmap]
    mov dword [unmap], 0
    shr edx, 12
    mov dword [PT + edx * 4], 0     ; a store to the table: seen at once
.back:
    iretd
    jmp worker
jumping_worker:
    inc ebx
    add edi, ebx
    rol edi, 3
    push edi
    pop esi
    jmp OLD:0
    jmp jumping_worker

align 8
page: dd 0
entry: dd 0
switch: dd 0
unmap: dd 0
copy_pointer:
    dw 0xff
    dd GDT_COPY
END
