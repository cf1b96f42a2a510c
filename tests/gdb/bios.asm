; SPDX-License-Identifier: GPL-2.0-or-later
; A BIOS that does no more than to put the program at 10000H, go to protected mode, and enter it.
org 0
bits 16
        cli
        cld
        mov ax, cs
        mov ds, ax
        mov ax, 0x1000
        mov es, ax
        mov si, program
        xor di, di
        mov cx, end - program
        rep movsb
        lgdt [gdt]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:0xf0000 + flat
bits 32
flat:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        xor edx, edx
        xor esi, esi
        xor ebp, ebp
        mov edi, 0x10000
        jmp edi
align 8
gdt:    dw 23
        dd 0xf0000 + gdt
        dw 0
        dq 0x00cf9b000000ffff, 0x00cf93000000ffff
program:
        incbin PROGRAM
end:
bits 16
        times 0xfff0 - ($ - $$) db 0
        jmp 0xf000:0
        times 0x10000 - ($ - $$) db 0
