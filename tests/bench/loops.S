; SPDX-License-Identifier: GPL-2.0-or-later
; A 64 KiB firmware image that runs one kind of loop in flat 32-bit mode and ends through isa-debug-exit at port
; 0xf4. Which loop: -DLOOP=1 registers, 2 memory, 3 calls, 4 short blocks. COUNT iterations.
bits 16
org 0
        times 0xf000 - ($ - $$) db 0
start:  cli
        o32 lgdt [cs:gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:0xf0000 + flat
gdtr:   dw 23
        dd 0xf0000 + gdt
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
bits 32
flat:   mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x80000
        mov esi, 0x10000
        mov ecx, COUNT
again:
%if LOOP = 1
        add eax, ebx
        xor edx, eax
        lea ebx, [ebx + eax * 2 + 5]
        sub edi, edx
        and ebp, eax
        shl edx, 3
        or ebp, edi
        inc ebx
%elif LOOP = 2
        mov eax, [esi]
        add [esi + 4], eax
        mov ebx, [esi + 8]
        mov [esi + 12], ebx
        push eax
        push ebx
        pop edx
        pop edi
%elif LOOP = 3
        call one
        call one
        jmp short over
one:    ret
over:
%elif LOOP = 4
        test cl, 1
        jz even
        add eax, 1
even:   cmp eax, ebx
        jne other
        nop
other:
%endif
        dec ecx
        jnz again
        mov al, 0
        out 0xf4, al
        hlt
        times 0xfff0 - ($ - $$) db 0
bits 16
        jmp 0xf000:start
        times 0x10000 - ($ - $$) db 0
