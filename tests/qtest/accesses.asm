; SPDX-License-Identifier: GPL-2.0-or-later
; Firmware that executes the accesses of a table, for what only the CPU itself can reach: its local APIC, model-specific
; registers, ports that answer in its registers. 32-bit flat mode; what is found goes to the debug console (port 402h)
; as 32-bit words, the end is told to isa-debug-exit (port 501h). The table is at 8000h of the last 64 KiB; see
; cpu_access.py. Assembled by nasm -f bin.
BASE equ 0xf0000
TAKEN equ 0x2000                ; how many interrupts came, and their vectors
PM_TIMER equ 0x608

        org 0
        bits 16
start:
        cli
        o32 lgdt [cs:gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 8:BASE + flat

gdt:    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   dw 23
        dd BASE + gdt
idtr:   dw 256 * 8 - 1
        dd 0x1000

        bits 32
flat:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7000
        mov edi, 0x1000
        mov ebx, BASE + stubs
        mov ecx, 256
gate:
        movzx eax, bx
        or eax, 0x80000
        stosd
        mov eax, ebx
        mov ax, 0x8e00
        stosd
        add ebx, 16
        loop gate
        lidt [BASE + idtr]
        mov dword [TAKEN], 0
        mov esi, BASE + 0x8000
next:
        lodsd
        jmp [BASE + actions + eax * 4]

actions: dd BASE + end, BASE + read, BASE + write, BASE + exchange, BASE + port_write, BASE + port_read, BASE + pause
         dd BASE + open, BASE + msr_read, BASE + msr_write, BASE + config_write

; emits eax, low byte first
emit:
        push ecx
        mov dx, 0x402
        mov ecx, 4
.byte:
        out dx, al
        ror eax, 8
        loop .byte
        pop ecx
        ret

end:
        mov dx, 0x501
        mov al, 0
        out dx, al
        hlt
read:
        lodsd
        mov eax, [eax]
        call emit
        jmp next
write:
        lodsd
        mov ebx, eax
        lodsd
        mov [ebx], eax
        jmp next
exchange:                       ; eax, ebx, ecx, edx; in eax, dx
        lodsd
        mov ebp, eax
        lodsd
        mov ebx, eax
        lodsd
        mov ecx, eax
        lodsd
        mov edx, eax
        mov eax, ebp
        in eax, dx
        push edx
        call emit
        mov eax, ebx
        call emit
        mov eax, ecx
        call emit
        pop eax
        call emit
        jmp next
port_write:
        lodsd
        mov edx, eax
        lodsd
        out dx, al
        jmp next
port_read:
        lodsd
        mov edx, eax
        xor eax, eax
        in al, dx
        call emit
        jmp next
pause:                          ; for so many ticks of the power management timer (24 bits, 3.579545 MHz)
        lodsd
        mov ecx, eax
        mov dx, PM_TIMER
        in eax, dx
        mov ebx, eax
.wait:
        in eax, dx
        sub eax, ebx
        and eax, 0xffffff
        cmp eax, ecx
        jb .wait
        jmp next
open:                           ; lets interrupts in
        sti
        nop
        nop
        cli
        jmp next
msr_read:
        lodsd
        mov ecx, eax
        rdmsr
        push edx
        call emit
        pop eax
        call emit
        jmp next
msr_write:
        lodsd
        mov ecx, eax
        lodsd
        mov ebx, eax
        lodsd
        mov edx, eax
        mov eax, ebx
        wrmsr
        jmp next
config_write:                   ; a double word of a PCI function's configuration space
        lodsd
        mov dx, 0xcf8
        out dx, eax
        lodsd
        mov dx, 0xcfc
        out dx, eax
        jmp next

; Notes the vector. Nothing is acknowledged: that is what tests do.
taken:
        push eax
        push edi
        mov edi, [TAKEN]
        and edi, 255
        mov eax, [esp + 8]
        mov [TAKEN + 4 + edi * 4], eax
        inc dword [TAKEN]
        pop edi
        pop eax
        add esp, 4
        iret

        align 16
stubs:
%assign n 0
%rep 256
        push dword n
        jmp near taken
        align 16
%assign n n + 1
%endrep

        times 0xfff0 - ($ - $$) db 0x90
        bits 16
        jmp 0xf000:start
        times 0x10000 - ($ - $$) db 0
