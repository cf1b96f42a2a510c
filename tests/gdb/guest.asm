; SPDX-License-Identifier: GPL-2.0-or-later
; What gdb looks at: a program in protected mode with paging, at 10000H, put there by its own BIOS. Linked as an ELF
; file for gdb, and as the binary that the BIOS carries (bios.asm).
; TIMER: interrupts by the PIT, too.
bits 32
global start, loop, work, counter, copy, source, ticks, linear_page, after, done, pair
section .text
start:
        mov esp, 0x9000
        mov ebp, esp            ; gdb takes a frame at 0 for the outermost one
        mov edi, 0x20000        ; page directory at 20000H, tables at 21000H and 22000H
        xor eax, eax
        mov ecx, 0x3000 / 4
        rep stosd
        mov dword [0x20000], 0x21003
        mov dword [0x20004], 0x22003
        mov dword [0x22000], 0x30003    ; linear 400000H is physical 30000H
        mov edi, 0x21000
        mov eax, 3
.identity:
        stosd
        add eax, 0x1000
        cmp edi, 0x22000
        jb .identity
        mov dword [0x30000], 0x12345678
%ifdef TIMER
        mov dword [0xfee000f0], 0x1ff   ; the local APIC lets the PIC through: LINT0 as ExtINT
        mov dword [0xfee00350], 0x700
%endif
        mov eax, 0x20000
        mov cr3, eax
        mov eax, cr4
        or eax, 0x600           ; OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov eax, cr0
        and eax, ~4             ; EM
        or eax, 0x80000000
        mov cr0, eax
        fninit
        fldpi
        fld1
        mov eax, 0x3f800000
        movd xmm0, eax
        mov dword [source], 77
%ifdef TIMER
        lidt [idt]
        mov al, 0x11            ; both PICs: vectors 20H and 28H
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34            ; the PIT's channel 0, every 512 of its ticks
        out 0x43, al
        xor al, al
        out 0x40, al
        mov al, 2
        out 0x40, al
        sti
%endif
loop:
        inc dword [counter]
        mov eax, [counter]
        mov [copy], eax
        call work
after:
        mov ebx, [source]
%ifdef COUNT
        cmp dword [counter], COUNT
        jb loop
done:
        mov al, 0
        out 0xf4, al            ; isa-debug-exit
%endif
        jmp loop
work:
        push ebp
        mov ebp, esp
        add edx, eax
        mov [pair], edx
        mov [pair + 4], eax
        pop ebp
        ret
%ifdef TIMER
timer:
        push eax
        inc dword [ticks]
        mov al, 0x20
        out 0x20, al
        pop eax
        iretd
align 8
gates:
        times 32 dq 0
        dw (0x10000 + timer - $$), 8, 0x8e00, 1
idt:    dw $ - gates - 1
        dd gates
%endif
section .data
align 16
counter: dd 0
copy:    dd 0
source:  dd 0
ticks:   dd 0
pair:    dd 0, 0
linear_page equ 0x400000
