; SPDX-License-Identifier: GPL-2.0-or-later
;
; A boot sector that works on the second disk through the BIOS, and says on COM1 what came of it: for each letter of
; WORKS, "w" (writes sector 100), "r" (reads sector 200) or "." (waits for a byte from COM1), that letter in upper case
; if it failed. Then it exits by the exit device, with status 1.
%ifndef WORKS
%define WORKS "w"
%endif
bits 16
org 0x7c00
BUFFER equ 0x8000
COM1 equ 0x3f8

    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    cld
    mov dx, COM1 + 3    ; bytes of eight bits
    mov al, 3
    out dx, al
    mov si, BUFFER
    mov cx, 256
.fill:
    mov [si], si
    add si, 2
    loop .fill
    mov si, works
next:
    lodsb
    cmp al, 0
    je exit
    push si
    cmp al, '.'
    je hear
    push ax
    mov dword [lba], 100
    mov ah, 0x43
    cmp al, 'w'
    je .go
    mov dword [lba], 200
    mov ah, 0x42
.go:
    xor al, al
    mov dl, 0x81
    mov si, packet
    int 0x13
    pop ax
    jnc say
    and al, 0xdf
say:
    mov dx, COM1
    out dx, al
    pop si
    jmp next
hear:
    mov dx, COM1 + 5
.wait:
    in al, dx
    test al, 1
    jz .wait
    mov dx, COM1
    in al, dx
    jmp say
exit:
    xor al, al
    out 0xf4, al
    hlt
    jmp exit
    align 4
packet:
    db 16, 0
    dw 1, BUFFER, 0
lba: dq 0
works: db WORKS, 0
    times 510 - ($ - $$) db 0
    dw 0xaa55
