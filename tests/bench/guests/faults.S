; SPDX-License-Identifier: GPL-2.0-or-later
; Page faults: loads and stores to a page that isn't present; the handler steps over the instruction.
%include "flat.inc"
%include "paging.inc"

IDT equ 0x50000
DIRECTORY equ 0x200000
TABLES equ 0x201000
ABSENT equ 0x400000                             ; behind what is mapped

prepare:
        mov eax, fault
        mov dword [IDT + 14 * 8], eax
        mov word [IDT + 14 * 8 + 2], 0x08
        shr eax, 16
        mov word [IDT + 14 * 8 + 4], 0x8e00     ; 32-bit interrupt gate
        mov word [IDT + 14 * 8 + 6], ax
        lidt [idtr]
        IDENTITY DIRECTORY, 1, TABLES
        PAGING_ON DIRECTORY
        ret

fault:                                          ; both instructions have 6 bytes
        add dword [esp + 4], 6
        lea ebx, [ebx + ebx * 2 + 1]
        add esp, 4
        iret

work:   xor ebx, ebx
        align 16
.again: mov edx, [ABSENT]
        add ebx, ecx
        mov [ABSENT + 0x1000], edi
        dec ecx
        jnz .again
        mov eax, ebx
        ret

        align 4
        dw 0
idtr:   dw 15 * 8 - 1
        dd IDT

IMAGE_END
