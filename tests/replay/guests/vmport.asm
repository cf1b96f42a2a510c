; SPDX-License-Identifier: GPL-2.0-or-later
;
; Gives the VMware port one command after the other, and says over serial what EAX, EBX, ECX and EDX are afterwards.
; Ends with code 1 (status 3).
%include "guest.inc"

MAGIC equ 0x564d5868
DATA equ 39
STATUS equ 40
CONTROL equ 41

%macro CMD 2            ; number, EBX
    mov ebx, %2
    mov ecx, %1
    mov eax, MAGIC
    mov edx, 0xaaaa5658
    in eax, dx
    call show
%endmacro

%macro OTHER 2          ; EAX, the access
    mov eax, %1
    mov ebx, 0x11111111
    mov ecx, 10
    mov edx, 0xaaaa5658
    %2
    call show
%endmacro

main:
    SERIAL_INIT 0
    OTHER 0x12345678, {in eax, dx}
    OTHER MAGIC, {in ax, dx}
    OTHER MAGIC, {in al, dx}
    OTHER MAGIC, {out dx, eax}
    CMD 10, 0x11111111          ; version
    CMD 0xffff000a, 0x11111111
    CMD 11, 0x11111111          ; no such command
    CMD 20, 0x11111111          ; size of memory
    CMD STATUS, 0
    CMD CONTROL, 0x45414552     ; enable
    CMD STATUS, 0
    CMD DATA, 1
    CMD STATUS, 0
    CMD CONTROL, 0x53424152     ; absolute
    CMD STATUS, 0
    CMD DATA, 1                 ; there is nothing
    CMD STATUS, 0
    CMD CONTROL, 0x4c455252     ; relative
    CMD STATUS, 0
    CMD CONTROL, 0x45414552
    CMD DATA, 4                 ; there is less
    CMD STATUS, 0
    CMD CONTROL, 0x45414552
    CMD CONTROL, 0x45414552
    CMD STATUS, 0
    CMD CONTROL, 0xf5           ; disable
    CMD STATUS, 0
    CMD DATA, 1
    CMD DATA, 2
    CMD CONTROL, 0x12345        ; nothing
    CMD STATUS, 0
    CMD CONTROL, 0x45414552
    CMD DATA, 9
    CMD STATUS, 0
    call flush
    EXIT 1

show:
    mov ebp, ecx
    call number
    mov eax, ebx
    call number
    mov eax, ebp
    call number
    mov eax, edx
    call number
    mov al, 10
    jmp putc
number:
    call put_hex
    mov al, ' '
    jmp putc
END
