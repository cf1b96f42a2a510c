; SPDX-License-Identifier: GPL-2.0-or-later
; INT through an interrupt gate and IRET. -D RING=0: within ring 0; -D RING=3: from ring 3 to ring 0 and back, as a
; system call is.
%include "flat.inc"

IDT equ 0x50000
USER_STACK equ 0x70000

%macro GATE 2
        mov eax, %2
        mov dword [IDT + (%1) * 8], eax
        mov word [IDT + (%1) * 8 + 2], 0x08
        shr eax, 16
        mov word [IDT + (%1) * 8 + 4], 0xee00   ; 32-bit interrupt gate, DPL 3
        mov word [IDT + (%1) * 8 + 6], ax
%endmacro

prepare:
        GATE 0x40, service
        GATE 0x41, leave_user
        lidt [idtr]
        mov dword [tss + 8], 0x10
        mov word [tss + 102], 104
        mov ax, 0x28
        ltr ax
        ret

service:
        lea ebx, [ebx + ebx * 2]
        add ebx, ecx
        iret

work:   mov ebx, 1
%if RING = 3
        mov [back], esp
        mov [tss + 4], esp
        sub dword [tss + 4], 64
        push dword 0x23
        push dword USER_STACK
        push dword 2
        push dword 0x1b
        push dword user
        iret
user:   mov ax, 0x23
        mov ds, ax
        mov es, ax
%endif
        align 16
.again: int 0x40
        dec ecx
        jnz .again
%if RING = 3
        int 0x41
%else
        mov eax, ebx
        ret
%endif

leave_user:
        mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov esp, [back]
        mov eax, ebx
        ret

        align 4
back:   dd 0
        dw 0
idtr:   dw 0x42 * 8 - 1
        dd IDT

IMAGE_END
