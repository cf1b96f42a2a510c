; SPDX-License-Identifier: GPL-2.0-or-later
;
; Shows a picture of 320x100 pixels of 16 bits: pixel n of line y has the value 320y + n + 0x1234. Then says over
; serial what comes from the keyboard ("k" and the byte) and from the mouse ("m"), counts it in the first pixel, and
; ends with code 1 (status 3) on "q"; "r" changes the picture's size to 200x64 (pixel n of line y: 200y + n + 0x1234) and
; back. With -D ABSOLUTE it asks VMware's pointer for positions, and says the four words
; of each packet ("p"). With -D WORK: asks nobody, but paints, changes modes and ends by itself.
%include "guest.inc"

%macro DISPI 2
    mov dx, 0x1ce
    mov ax, %1
    out dx, ax
    inc dx
    mov ax, %2
    out dx, ax
%endmacro

%macro VMPORT 2
    mov ebx, %2
    mov ecx, %1
    mov eax, 0x564d5868
    mov edx, 0x5658
    in eax, dx
%endmacro

%ifndef ROUNDS
%define ROUNDS 60
%endif

SMALL equ 0x600

main:
    mov byte [SMALL], 0
    SERIAL_INIT 0
    call set_mode
    mov dx, 0x3c0
    mov al, 0x20
    out dx, al
    mov bx, 0x1234
    call paint
%ifdef WORK
    PUTS "ready", 10
    mov cx, ROUNDS
.round:
    push cx
    mov bx, cx
    call paint
    pop cx
    push cx
    test cx, 7
    jnz .same
    DISPI 4, 0
    DISPI 1, 640
    DISPI 3, 8
    DISPI 4, 0x41
    mov bx, 0x77
    call paint
    call set_mode
.same:
    pop cx
    loop .round
    PUTS "bye", 10
    call flush
    EXIT 1
%else
    mov al, 0x60            ; controller's command byte: translation, no interrupts, both devices on
    call command
    mov al, 0x40
    call data
    mov al, 0xd4            ; the mouse reports
    call command
    mov al, 0xf4
    call data
%ifdef ABSOLUTE
    VMPORT 41, 0x45414552   ; enable
    VMPORT 39, 1            ; its version
    VMPORT 41, 0x53424152   ; positions
%endif
    PUTS "ready", 10
again:
%ifdef ABSOLUTE
    VMPORT 40, 0
    cmp ax, 4
    jb .none
    VMPORT 39, 4
    push edx
    push ecx
    push ebx
    push eax
    mov al, 'p'
    call putc
    times 4 call put_word
    mov al, 10
    call putc
.none:
%endif
    in al, 0x64
    test al, 1
    jz again
    mov ah, al
    in al, 0x60
    mov bl, al
    push es
    mov cx, 0xa000
    mov es, cx
    inc word [es:0]
    pop es
    test ah, 0x20
    mov al, 'k'
    jz .said
    mov al, 'm'
.said:
    call putc
    movzx eax, bl
    call put_hex
    mov al, 10
    call putc
    cmp bl, 0x13            ; R goes down
    je resize
    cmp bl, 0x10            ; Q goes down
    jne again
    PUTS "bye", 10
    call flush
    EXIT 1

resize:
    xor byte [SMALL], 1
    call set_mode
    mov bx, 0x1234
    call paint
    jmp again

%ifdef ABSOLUTE
put_word:               ; what is below the return address on the stack
    pop bp
    pop eax
    push bp
    jmp put_hex
%endif

command:
    call ready
    out 0x64, al
    ret
data:
    call ready
    out 0x60, al
    ret
ready:
    mov ah, al
.wait:
    in al, 0x64
    test al, 2
    jnz .wait
    mov al, ah
    ret
%endif

set_mode:
    DISPI 4, 0
    DISPI 3, 16
    DISPI 1, 320
    DISPI 2, 100
    test byte [SMALL], 1
    jz .on
    DISPI 1, 200
    DISPI 2, 64
.on:
    DISPI 4, 0x41
    ret

paint:              ; from BX on
    push es
    mov ax, 0xa000
    mov es, ax
    xor di, di
    mov cx, 32000
    mov ax, bx
.pixel:
    stosw
    inc ax
    loop .pixel
    pop es
    ret
END
