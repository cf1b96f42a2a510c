; SPDX-License-Identifier: GPL-2.0-or-later
;
; What "echo" is in real mode this is in flat 32-bit segments, where code is translated: computes without a pause, by
; integers, x87, SSE and code that it writes itself, while a 1 kHz timer and the serial port interrupt it. Every
; interrupt mixes the place where it hit into the result. A line is echoed and answered with a summary, "q" ends the
; guest with code 5 (status 11).
%include "guest.inc"

LINEAR equ 0xf0000  ; of the image
STACK equ 0x90000
IDT equ 0x1000
DATA equ 0x20000    ; 1024 dwords
OWN equ 0x30000     ; code
absolute 0x4000
sum: resd 1
rounds: resd 1
ticks: resd 1
root: resq 1
head: resd 1        ; of the queue of received characters
tail: resd 1
section .text
QUEUE equ 0x4100    ; 256 bytes

main:
    APIC_OFF
    PIC_INIT 0xffee
    PIT_INIT 1193
    SERIAL_INIT 1
    o32 lgdt [cs:gdtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword 8:LINEAR + flat

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff
    dq 0x00cf93000000ffff
gdtr:
    dw gdtr - gdt - 1
    dd LINEAR + gdt

; GATE vector, label
%macro GATE 2
    mov eax, LINEAR + %2
    mov word [IDT + (%1) * 8], ax
    mov word [IDT + (%1) * 8 + 2], 8
    mov word [IDT + (%1) * 8 + 4], 0x8e00
    shr eax, 16
    mov word [IDT + (%1) * 8 + 6], ax
%endmacro

bits 32
flat:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, STACK
    mov edi, 0x4000
    mov ecx, 0x400
    xor eax, eax
    rep stosd
    GATE 0x20, timer
    GATE 0x24, serial
    lidt [LINEAR + idtr]
    mov eax, cr4
    or eax, 0x200           ; OSFXSR
    mov cr4, eax
    fninit
    mov esi, LINEAR + own_code
    mov edi, OWN
    mov ecx, own_end - own_code
    rep movsb
    mov eax, 'flat'
    call put_four
    mov al, 10
    call put_char
    sti
again:
    inc dword [rounds]
    call integers
    call floats
    call vectors
    call own
    mov ebx, [tail]
    cmp ebx, [head]
    je again
    mov al, [QUEUE + ebx]
    inc byte [tail]
    cmp al, 'q'
    je quit
    call put_char
    cmp al, 10
    jne again
    call summary
    jmp again
quit:
    call summary
    mov edx, COM1 + 5
.wait:
    in al, dx
    test al, 0x40
    jz .wait
    cli
    mov al, 5
    out EXIT_PORT, al
    hlt

integers:
    mov ecx, 40
    mov esi, [rounds]
.next:
    mov ebx, esi
    and ebx, 0x3ff
    mov eax, [DATA + ebx * 4]
    imul eax, eax, 1664525
    add eax, esi
    adc edx, ecx
    rol eax, cl
    sub edx, eax
    sbb ah, dl
    mov [DATA + ebx * 4], eax
    xor [sum], eax
    shld esi, eax, 5
    setc al
    movzx eax, al
    cmovnz edx, ebx
    push edx
    bt edx, ecx
    pop ebx
    adc [sum], ebx
    dec ecx
    jnz .next
    mov esi, DATA
    mov edi, DATA + 0x800
    mov ecx, 16
    cld
    rep movsd
    lodsb
    xor [sum], al
    ret

floats:
    fild dword [rounds]
    fadd qword [root]
    fsqrt
    fst qword [root]
    mov eax, [root]
    xor [sum], eax
    fstp st0
    ret

vectors:
    movd xmm0, [rounds]
    pshufd xmm0, xmm0, 0
    movdqu xmm1, [DATA + 0x100]
    paddd xmm1, xmm0
    pxor xmm1, [DATA + 0x200]
    movdqu [DATA + 0x100], xmm1
    cvtdq2ps xmm2, xmm1
    mulps xmm2, xmm2
    movmskps eax, xmm2
    movd ebx, xmm2
    add eax, ebx
    xor [sum], eax
    ret

; Changes an instruction of the copy before it calls it.
own:
    mov eax, [rounds]
    mov [OWN + own_value - own_code], eax
    mov eax, OWN
    call eax
    xor [sum], eax
    ret
own_code:
    mov eax, 0x12345678
own_value equ $ - 4
    not eax
    ret
own_end:

summary:
    mov eax, 'sum '
    call put_four
    mov eax, [sum]
    call put_number
    mov eax, ' tck'
    call put_four
    mov eax, [ticks]
    call put_number
    mov al, 10

put_char:           ; AL; keeps every register
    push edx
    push eax
    mov edx, COM1 + 5
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    pop eax
    mov edx, COM1
    out dx, al
    pop edx
    ret

put_four:           ; the characters of EAX
    mov ecx, 4
.next:
    call put_char
    ror eax, 8
    loop .next
    ret

put_number:         ; EAX as 8 digits
    mov ecx, 8
.digit:
    rol eax, 4
    push eax
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe .out
    add al, 'a' - '9' - 1
.out:
    call put_char
    pop eax
    loop .digit
    ret

timer:
    push eax
    inc dword [ticks]
leave_handler:
    mov eax, [esp + 4]      ; where it hit
    add eax, [rounds]
    rol dword [sum], 1
    xor [sum], eax
    mov al, 0x20
    out 0x20, al
    pop eax
    iret
serial:
    push eax
    push ebx
    push edx
.next:
    mov edx, COM1 + 5
    in al, dx
    test al, 1
    jz .done
    mov edx, COM1
    in al, dx
    mov ebx, [head]
    mov [QUEUE + ebx], al
    inc byte [head]
    jmp .next
.done:
    pop edx
    pop ebx
    jmp leave_handler

idtr:
    dw 0x7ff
    dd IDT
END
