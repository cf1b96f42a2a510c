; SPDX-License-Identifier: GPL-2.0-or-later
;
; Guests that never come to an end, one for each -D name: the emulator must stay answerable.
%include "guest.inc"

; To flat 32-bit protected mode, CS = 08 and the others = 10, running in ROM.
%macro PROTECTED_MODE 0
    o32 cs lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 8:0xf0000 + %%protected
bits 32
%%protected:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7000
%endmacro

; GATE vector, offset in ROM: an interrupt gate of the IDT at 1000, in protected mode
%macro GATE 2
    mov dword [0x1000 + (%1) * 8], 0x00080000 + %2
    mov dword [0x1004 + (%1) * 8], 0x000f8e00
%endmacro

main:

%ifdef FAULT_LOOP           ; #UD whose handler goes back to it
    SET_VECTOR 6, .handler
    ud2
.handler:
    iret

%elifdef RECURSIVE_FAULT    ; #UD whose handler raises it again, with the stack running round
    SET_VECTOR 6, .handler
.handler:
    ud2

%elifdef TRIPLE_FAULT       ; no IDT: shutdown, and the board resets
    o32 cs lidt [empty]
    ud2

%elifdef DOUBLE_FAULT       ; each #UD becomes #DF for want of a gate; its handler begins again
    PROTECTED_MODE
    GATE 8, .again
    lidt [0xf0000 + idt_pointer]
.again:
    mov esp, 0x7000
    ud2

%elifdef RESET              ; through the keyboard controller
    mov al, 0xfe
    out 0x64, al
    jmp $

%elifdef HALT               ; nothing will wake it
    cli
    hlt
    jmp $

%elifdef SINGLE_STEP        ; a trap after every instruction
    SET_VECTOR 1, .handler
    pushf
    pop ax
    or ah, 1
    push ax
    popf
.next:
    inc eax
    jmp .next
.handler:
    iret

%elifdef SELF_MODIFYING     ; an instruction that changes with every pass, and one right behind the store
    mov si, .code
    mov di, 0x600
    mov cx, .code_end - .code
    cs rep movsb
    jmp 0:0x600
.code:
    inc byte [0x600 + .operand - .code]
    mov eax, 0
.operand equ $ - 4
    inc word [0x600 + .next - .code + 1]
.next:
    mov bx, 0
    jmp .code
.code_end:

%elifdef REP_MMIO           ; string instructions over the adapter's memory, registers and nothing, for ever
    PROTECTED_MODE
.again:
    mov edi, 0xa0000
    mov ecx, 0xffffffff
    rep stosb
    jmp .again

%elifdef REP_PORT           ; and into a port
    PROTECTED_MODE
    mov dx, 0x80
.again:
    mov ecx, 0xffffffff
    rep outsb
    jmp .again

%elifdef PAGE_FAULT_LOOP    ; #PF whose handler goes back to it
    PROTECTED_MODE
    mov dword [0x2000], 0x3003          ; first 4 MiB: one page table, identity
    mov eax, 3
    mov edi, 0x3000
    mov ecx, 1024
.page:
    stosd
    add eax, 0x1000
    loop .page
    GATE 14, .handler
    lidt [0xf0000 + idt_pointer]
    mov eax, 0x2000
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    mov eax, [0x12345678]
.handler:
    add esp, 4
    iret

%elifdef TIMER_STORM        ; the timer as fast as it goes
    SET_VECTOR 0x20, .handler
    APIC_OFF
    PIC_INIT 0xfffe
    PIT_INIT 2
    sti
.next:
    inc ebx
    jmp .next
.handler:
    mov al, 0x20
    out 0x20, al
    iret

%elifdef SERIAL_FLOOD       ; output without looking whether there is room
    SERIAL_INIT 0
.next:
    mov dx, COM1
    mov al, 'x'
    out dx, al
    jmp .next

%else
%error say which: -D NAME
%endif

bits 16
gdt_pointer:
    dw 0x17
    dd 0xf0000 + gdt
idt_pointer:
    dw 0x7f
    dd 0x1000
empty:
    dw 0
    dd 0
align 8
gdt:
    dq 0
    dq 0x00cf9a000000ffff
    dq 0x00cf92000000ffff
END
