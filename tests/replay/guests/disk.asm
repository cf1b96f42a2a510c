; SPDX-License-Identifier: GPL-2.0-or-later
;
; A boot sector (not firmware) that reads the first half of its disk, 16 sectors at a time, through the BIOS, marks
; what it read with a running sum and writes it to the second half; then it reads that back. It exits with the sum's
; low six bits (status twice that and one), or with 7fh (status 255) if the disk has an error.
; HALF: the disk's half in sectors. FOREVER: it begins again instead.
%ifndef HALF
%define HALF 2048
%endif
bits 16
org 0x7c00
BUFFER equ 0x8000

    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov [drive], dl
    cld
again:
    mov dword [lba], 0
copy:
    mov ah, 0x42
    call disk
    call add_up
    mov [BUFFER], ax
    add dword [lba], HALF
    mov ax, 0x4300
    call disk
    sub dword [lba], HALF - 16
    cmp dword [lba], HALF
    jb copy
verify:
    mov ah, 0x42
    call disk
    call add_up
    add dword [lba], 16
    cmp dword [lba], 2 * HALF
    jb verify
%ifdef FOREVER
    jmp again
%endif
    mov al, [sum]
    and al, 0x3f
    jmp exit
disk:
    mov dl, [drive]
    mov si, packet
    int 0x13
    jc failed
    ret
failed:
    mov al, 0x7f
exit:
    out 0xf4, al
    hlt
    jmp exit
add_up:
    mov si, BUFFER
    mov cx, 16 * 256
    mov bx, [sum]
.word:
    lodsw
    rol bx, 1
    add bx, ax
    loop .word
    mov [sum], bx
    mov ax, bx
    ret

sum: dw 0
drive: db 0
    align 4
packet:
    db 16, 0
    dw 16, BUFFER, 0
lba: dq 0
    times 510 - ($ - $$) db 0
    dw 0xaa55
