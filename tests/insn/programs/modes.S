; SPDX-License-Identifier: GPL-2.0-or-later
;
; Between real mode, 16- and 32-bit protected mode; big real mode; interrupts in real mode.
; Source: SDM 3A 9.9, 20.1.
;
; expect: 16-bit protected: cs=0018 sp=7ff8
; expect: real: cs=1000 12345678
; expect: real interrupt: ip=ok cs=1000 flags=0246 in=0046
; expect: real divide: ok
; expect: unreal: cafebabe
; expect: unreal after load: 55aa55aa
; expect: real 32-bit operands: 00001000 0000abcd
; expect: protected again: 00000008
; expect: pe set, before the jump: 1000
; expect: real limit: #0d
; expect: real stack limit: #0c
; expect: real jmp limit: #0d
; peer differs: real limit, real stack limit, real jmp limit
%include "harness.inc"

%macro LOG16 1+
    call log16
    db %1, 0
%endmacro

main:
    mov dword [0x200000], 0xcafebabe
    mov dword [0x300000], 0x55aa55aa
    mov word [0], OFS(divide)
    mov word [2], 0x1000
    mov word [0x80 * 4], OFS(interrupt)
    mov word [0x80 * 4 + 2], 0x1000
    mov word [13 * 4], OFS(gp)
    mov word [13 * 4 + 2], 0x1000
    mov word [12 * 4], OFS(stack_fault)
    mov word [12 * 4 + 2], 0x1000
    T "16-bit protected"
    jmp CODE16:OFS(pm16)
bits 16
pm16:
    mov ax, DATA16
    mov ss, ax
    mov sp, 0x7ff8              ; flat 17ff8, in the image's empty end
    mov ax, cs
    mov bx, sp
    push bx
    LOG16 "cs="
    call hex16
    LOG16 " sp="
    pop ax
    call hex16
    LOG16 10
    mov ax, DATA16
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov ax, DATA
    mov gs, ax                  ; keeps its 4 GB in real mode
    mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    jmp 0x1000:OFS(.real)
.real:
    mov ax, cs
    mov ds, ax
    mov ss, ax
    o32 lidt [OFS(real_idt)]
    LOG16 "real: cs="
    mov ax, cs
    call hex16
    LOG16 " "
    mov eax, 0x12345678
    call hex32
    LOG16 10

    LOG16 "real interrupt: "
    push word 0x0246
    popf
    int 0x80
.after_int:
    pushf
    LOG16 " in="
    mov ax, [OFS(flags_inside)]
    call hex16
    LOG16 10
    pop ax
    cli
    LOG16 "real divide: "
    mov word [OFS(resume16)], OFS(.after_divide)
    mov word [OFS(expected_ip)], OFS(.divide)
    xor cx, cx
.divide:
    div cx
    LOG16 "not there"
.after_divide:
    LOG16 10

    LOG16 "unreal: "
    mov ebx, 0x200000
    mov eax, [gs:ebx]
    call hex32
    LOG16 10
    LOG16 "unreal after load: "
    mov ax, 0x1000
    mov gs, ax
    mov ebx, 0x300000 - 0x10000
    mov eax, [gs:ebx]
    call hex32
    LOG16 10
    LOG16 "real 32-bit operands: "
    push dword 0xabcd
    o32 call 0x1000:dword OFS(.far32)
    jmp .far_done
.far32:
    mov eax, [esp + 4]
    call hex32
    LOG16 " "
    mov eax, [esp + 8]
    call hex32
    o32 retf 4
.far_done:
    LOG16 10

    LOG16 "protected again: "
    o32 lidt [OFS(idt_pointer)]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword CODE:FLAT(pm32)
bits 32
pm32:
    mov ax, DATA
    mov ds, ax
    mov ss, ax
    mov es, ax
    mov esp, 0x7f00
    mov eax, cs
    LOGX eax
    NL
    jmp CODE16:OFS(pm16b)
bits 16
pm16b:
    mov ax, DATA16
    mov ss, ax
    mov sp, 0x7ff8
    mov ds, ax
    mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    jmp 0x1000:OFS(.real)
.real:
    mov ax, cs
    mov ds, ax
    mov ss, ax
    o32 lidt [OFS(real_idt)]
    LOG16 "pe set, before the jump: "
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, ds                  ; still works with what is in the registers
    mov [OFS(flags_inside)], bx
    and al, 0xfe
    mov cr0, eax
    mov ax, [OFS(flags_inside)]
    call hex16
    LOG16 10
%macro REALFAULT 2+
    LOG16 %1
    mov word [OFS(resume16)], OFS(%%after)
    mov word [OFS(expected_ip)], OFS(%%insn)
%%insn:
    %2
%%after:
    LOG16 10
%endmacro
    REALFAULT "real limit: ", mov ax, [0xffff]
    mov esp, 0x7ff8
    mov [OFS(saved_sp)], sp
    LOG16 "real stack limit: "
    mov word [OFS(resume16)], OFS(.after_stack)
    mov word [OFS(expected_ip)], OFS(.stack)
    mov bp, 0xffff
.stack:
    mov ax, [bp]
.after_stack:
    LOG16 10
    REALFAULT "real jmp limit: ", jmp dword 0x1000:0x10000
    mov dx, EXIT_PORT
    out dx, al
    hlt

; The string after the call.
log16:
    pop si
    push ax
.next:
    mov al, [cs:si]
    inc si
    test al, al
    jz .done
    out DEBUG_PORT, al
    jmp .next
.done:
    pop ax
    jmp si
hex32:
    push eax
    shr eax, 16
    call hex16
    pop eax
hex16:
    mov cx, 4
    mov bx, ax
.digit:
    rol bx, 4
    mov al, bl
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe .out
    add al, 'a' - '9' - 1
.out:
    out DEBUG_PORT, al
    loop .digit
    ret
interrupt:
    push bp
    mov bp, sp
    pushf
    pop word [OFS(flags_inside)]
    LOG16 "ip="
    cmp word [bp + 2], OFS(pm16.after_int)
    jne .wrong
    LOG16 "ok"
.wrong:
    LOG16 " cs="
    mov ax, [bp + 4]
    call hex16
    LOG16 " flags="
    mov ax, [bp + 6]
    call hex16
    pop bp
    iret
divide:
    call check_ip
    LOG16 "ok"
    jmp back16
gp:
    call check_ip
    LOG16 "#0d"
    jmp back16
stack_fault:
    call check_ip
    LOG16 "#0c"
back16:
    add sp, 6
    jmp [cs:OFS(resume16)]
check_ip:
    mov bp, sp
    mov ax, [bp + 2]
    cmp ax, [cs:OFS(expected_ip)]
    je .ok
    LOG16 "IP wrong: "
    call hex16
.ok:
    ret
real_idt:
    dw 0x3ff
    dd 0
flags_inside: dw 0
resume16: dw 0
expected_ip: dw 0
saved_sp: dw 0
END
