; SPDX-License-Identifier: GPL-2.0-or-later
;
; Waits in HLT for an hour of the PIT's time (18.2 Hz) with the RTC's interrupt once a second beside it, then
; says how many of both there were and ends with code 1 (status 3).
%include "guest.inc"

HOUR equ 65543              ; ticks of 54.9 ms

absolute 0x4000
ticks: resd 1
seconds: resd 1
section .text

main:
    mov dword [ticks], 0
    mov dword [seconds], 0
    SET_VECTOR 0x20, timer
    SET_VECTOR 0x28, clock
    APIC_OFF
    PIC_INIT 0xfefa
    PIT_INIT 0
    SERIAL_INIT 0
    mov al, 0x8b            ; update-ended interrupt on, 24 h, BCD
    out 0x70, al
    mov al, 0x12
    out 0x71, al
    mov al, 0x0c
    out 0x70, al
    in al, 0x71
    sti
again:
    hlt
    cmp dword [ticks], HOUR
    jb again
    cli
    PUTS "ticks "
    mov eax, [ticks]
    call put_hex
    PUTS " seconds "
    mov eax, [seconds]
    call put_hex
    PUTS 10
    call flush
    EXIT 1

timer:
    push ax
    inc dword [ticks]
    mov al, 0x20
    out 0x20, al
    pop ax
    iret
clock:
    push ax
    inc dword [seconds]
    mov al, 0x0c
    out 0x70, al
    in al, 0x71
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    pop ax
    iret
END
