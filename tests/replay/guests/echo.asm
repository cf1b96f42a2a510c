; SPDX-License-Identifier: GPL-2.0-or-later
;
; Computes without a pause while a 1 kHz timer, the serial port and the keyboard controller interrupt it,
; and says over serial what came of it; every interrupt mixes the place where it hit into the result, so a
; replay that is off by one instruction prints something else. A line is echoed and answered with a
; summary, "q" ends the guest with code 5 (status 11).
;
; -D HALT: waits for interrupts by HLT instead of computing.
%include "guest.inc"

WORK equ 0x5000     ; 512 dwords
absolute 0x4000
sum: resd 1
rounds: resd 1
ticks: resd 1
keys: resd 1
head: resw 1        ; of the queue of received characters
tail: resw 1
section .text
QUEUE equ 0x4100    ; 256 bytes

main:
    mov di, 0x4000
    mov cx, 0x1000
    xor ax, ax
    rep stosw
    SET_VECTOR 0x20, timer
    SET_VECTOR 0x21, keyboard
    SET_VECTOR 0x24, serial
    APIC_OFF
    PIC_INIT 0xffec
    PIT_INIT 1193
    mov al, 0x60            ; controller's command byte: interrupts of the keyboard on
    out 0x64, al
    mov al, 0x61
    out 0x60, al
    SERIAL_INIT 1
    PUTS "ready", 10
    sti
again:
%ifdef HALT
    cli
    mov bx, [tail]
    cmp bx, [head]
    jne .character
    sti
    hlt
    jmp again
.character:
    sti
%else
    inc dword [rounds]
    mov bx, [rounds]
    and bx, 0x1ff
    shl bx, 2
    mov eax, [WORK + bx]
    imul eax, eax, 1664525
    add eax, [rounds]
    mov [WORK + bx], eax
    xor [sum], eax
    mov bx, [tail]
    cmp bx, [head]
    je again
%endif
    mov al, [QUEUE + bx]
    inc byte [tail]
    cmp al, 'q'
    je quit
    call putc
    cmp al, 10
    jne again
    out 0x80, al
    mov ah, al
    mov al, 0xd2            ; the controller sends it back as if from the keyboard
    out 0x64, al
    mov al, ah
    out 0x60, al
    call summary
    jmp again
quit:
    call summary
    PUTS "bye", 10
    call flush
    cli
    EXIT 5

summary:
    PUTS "sum "
    mov eax, [sum]
    call put_hex
    PUTS " ticks "
    mov eax, [ticks]
    call put_hex
    PUTS " keys "
    mov eax, [keys]
    call put_hex
    PUTS " tsc "
    rdtsc
    call put_hex
    mov al, 10
    jmp putc

mix:                ; where the interrupt hit: called by the handlers, who have pushed EAX and BP
    mov bp, sp
    movzx eax, word [bp + 8]
    add eax, [rounds]
    rol dword [sum], 1
    xor [sum], eax
    ret

timer:
    push eax
    push bp
    call mix
    inc dword [ticks]
    jmp leave_handler
keyboard:
    push eax
    push bp
    call mix
    in al, 0x60
    inc dword [keys]
    xor [sum], al
    jmp leave_handler
serial:
    push eax
    push bp
    push bx
    push dx
.next:
    mov dx, COM1 + 5
    in al, dx
    test al, 1
    jz .done
    mov dx, COM1
    in al, dx
    mov bx, [head]
    mov [QUEUE + bx], al
    inc byte [head]
    jmp .next
.done:
    pop dx
    pop bx
    call mix
leave_handler:
    mov al, 0x20
    out 0x20, al
    pop bp
    pop eax
    iret
END
