; SPDX-License-Identifier: GPL-2.0-or-later
; A Linux program (an ELF executable of one segment) that prints the time-stamp counter as 16 hexadecimal digits.
; Under -icount that is virtual time in nanoseconds, in both emulators.
bits 32
        org 0x08048000
        db 0x7f, "ELF", 1, 1, 1, 0
        dq 0
        dw 2, 3                                 ; executable, i386
        dd 1, main, headers - $$, 0, 0
        dw 52, 32, 1, 0, 0, 0
headers:
        dd 1, 0, $$, $$, size, size, 7, 0x1000  ; load it all, writable

main:   rdtsc
        mov ebx, eax
        mov edi, text
        call hex
        mov edx, ebx
        call hex
        mov eax, 4                              ; write(1, text, 17)
        mov ebx, 1
        mov ecx, text
        mov edx, 17
        int 0x80
        mov eax, 1                              ; exit(0)
        xor ebx, ebx
        int 0x80

hex:    mov ecx, 8                              ; EDX to EDI
.digit: rol edx, 4
        mov al, dl
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .store
        add al, 'a' - '0' - 10
.store: stosb
        loop .digit
        ret

text:   times 16 db 0
        db 10
size equ $ - $$
