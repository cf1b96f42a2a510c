; SPDX-License-Identifier: GPL-2.0-or-later
;
; Instructions that use the stack and fail midway leave ESP and the other registers alone; forms of PUSH and
; POP that look at ESP; ENTER and LEAVE.
; Source: SDM 2B PUSH, POP, PUSHA, POPA; 2A ENTER, LEAVE.
;
; expect: pusha: #0e(0002) cr2=00006ffc esp=00000000
; expect: popa: #0e(0000) cr2=00007000 esp=00000000 edi=deadbeef
; expect: push mem: #0e(0000) cr2=00200000 esp=00000000
; expect: push fault: #0e(0002) cr2=00006ffc esp=00000000
; expect: pop mem fault: #0e(0002) cr2=00200000 esp=00000000
; expect: call fault: #0e(0002) cr2=00006ffc esp=00000000
; expect: call far fault: #0e(0002) cr2=00006ffc esp=00000000
; expect: ret fault: #0e(0000) cr2=00007000 esp=00000000
; expect: iret fault: #0e(0000) cr2=00007000 esp=00000000
; expect: leave fault: #0e(0000) cr2=00200000 esp=00000000
; expect: enter fault: #0e(0002) cr2=00006ffc esp=00000000
; expect: pushf fault: #0e(0002) cr2=00006ffc esp=00000000
; expect: push esp: 00000000
; expect: pop esp: 12345678
; expect: pop [esp]: ok
; expect: push [esp]: 0000cafe
; expect: enter 0: 00000000 0000000c
; expect: enter 2: 00000014 00001111 00000010
; expect: leave: 00000000 00002222
; expect: pusha image: 00000000 ok
; expect: 16-bit stack wraps: 0000fffe 1234
; expect: 16-bit stack keeps high half: 1234fffc
; peer differs: pusha
%include "harness.inc"

; STKTRY text, ESP, instruction. Page 6000 isn't present; 7000-7fff is, and 8000 isn't.
%macro STKTRY 3+
    T %1
    mov [kept], esp
    mov dword [hook], FLAT(catch)
    mov dword [fault_at], 0
    mov dword [resume], FLAT(%%after)
    mov dword [want_esp], %2
    mov esp, %2
    %3
    LOG "ok"
    mov esp, [kept]
%%after:
%endmacro
%macro LOGESP 0
    LOG " esp="
    mov eax, [got_esp]
    sub eax, [want_esp]
    LOGX eax
%endmacro

main:
    mov esp, 0x5000
    mov edi, 0x1000
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [0x1000], 0x2007
    mov edi, 0x2000
    mov eax, 7
    mov ecx, 256
.pte:
    stosd
    add eax, 0x1000
    loop .pte
    mov dword [0x2000 + 6 * 4], 0
    ; Faults are taken on a task of their own, as the stack isn't there.
    SETDESC 0x40, FLAT(tss_pf), 0x67, A_TSS32
    SETINT 14, 0x40, 0, 0x85
    mov eax, 0x1000
    mov cr3, eax
    mov [tss + 0x1c], eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    mov dword [0x8000], 0

    STKTRY "pusha", 0x7010, pusha
    LOGESP
    NL
    mov dword [0x2000 + 7 * 4], 0
    mov dword [0x2000 + 5 * 4], 0x5007
    mov edi, 0xdeadbeef
    STKTRY "popa", 0x7000, popa
    mov [saved_edi], edi
    LOGESP
    LOG " edi="
    LOGX [saved_edi]
    NL
    mov dword [0x2000 + 7 * 4], 0x7007
    STKTRY "push mem", 0x7100, push dword [0x200000]
    LOGESP
    NL
    STKTRY "push fault", 0x7000, push eax
    LOGESP
    NL
    STKTRY "pop mem fault", 0x7100, pop dword [0x200000]
    LOGESP
    NL
    STKTRY "call fault", 0x7000, call main
    LOGESP
    NL
    STKTRY "call far fault", 0x7004, call CODE:main
    LOGESP
    NL
    mov dword [0x2000 + 7 * 4], 0
    STKTRY "ret fault", 0x7000, ret
    LOGESP
    NL
    STKTRY "iret fault", 0x7000, iretd
    LOGESP
    NL
    mov dword [0x2000 + 7 * 4], 0x7007
    mov ebp, 0x200000
    STKTRY "leave fault", 0x7000, leave
    LOGESP
    NL
    STKTRY "enter fault", 0x7000, enter 8, 0
    LOGESP
    NL
    STKTRY "pushf fault", 0x7000, pushfd
    LOGESP
    NL
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax

    T "push esp"
    mov ecx, esp
    push esp
    pop eax
    sub eax, ecx
    LOGX eax
    NL
    T "pop esp"
    mov ecx, esp
    push dword 0x12345678
    pop esp
    mov eax, esp
    mov esp, ecx
    LOGX eax
    NL
    T "pop [esp]"           ; the address is computed with ESP incremented
    push dword 0
    push dword 0xabcd
    pop dword [esp]
    pop eax
    cmp eax, 0xabcd
    jne .popbad
    LOG "ok"
.popbad:
    NL
    T "push [esp]"
    push dword 0xcafe
    push dword [esp]
    pop eax
    pop ecx
    LOGX eax
    NL
    T "enter 0"
    mov ebx, esp
    enter 8, 0
    mov eax, ebx
    sub eax, ebp
    sub eax, 4
    LOGX eax
    LOG " "
    mov eax, ebx
    sub eax, esp
    LOGX eax
    NL
    mov esp, ebx
    T "enter 2"
    mov ebp, 0x3000
    mov dword [0x3000 - 4], 0x1111
    mov ebx, esp
    enter 8, 2
    mov eax, ebx
    sub eax, esp
    LOGX eax
    LOG " "
    LOGX [ebp - 4]
    LOG " "
    mov eax, ebx
    sub eax, [ebp - 8]
    add eax, 12
    LOGX eax
    NL
    T "leave"
    mov dword [ebp], 0x2222
    leave
    mov eax, ebx
    sub eax, esp
    LOGX eax
    LOG " "
    LOGX ebp
    NL
    T "pusha image"
    mov ebx, esp
    pushad
    mov eax, [esp + 12]
    sub eax, ebx
    LOGX eax
    cmp [esp + 16], ebx
    jne .pushabad
    LOG " ok"
.pushabad:
    NL
    mov esp, ebx

    SETDESC 0x48, 0x20000, 0xffff, 0x0092
    T "16-bit stack wraps"
    mov ax, 0x48
    mov ebx, esp
    mov ss, ax
    mov esp, 0
    push word 0x1234
    mov eax, esp
    mov cx, [0x2fffe]
    mov dx, DATA
    mov ss, dx
    mov esp, ebx
    LOGX eax
    LOG " "
    LOGX ecx, 4
    NL
    T "16-bit stack keeps high half"
    mov ax, 0x48
    mov ss, ax
    mov esp, 0x12340000
    push ecx
    mov eax, esp
    mov dx, DATA
    mov ss, dx
    mov esp, ebx
    LOGX eax
    NL
    jmp finish

; The page fault's task.
catch_task:
    pop eax
    LOG "#0e("
    LOGX eax, 4
    LOG ") cr2="
    mov eax, cr2
    LOGX eax
    mov eax, [tss + 0x38]
    mov [got_esp], eax
    mov eax, [kept]
    mov [tss + 0x38], eax
    mov eax, [resume]
    mov [tss + 0x20], eax
    iretd
    jmp catch_task
catch:
align 8
kept: dd 0
want_esp: dd 0
got_esp: dd 0
saved_edi: dd 0
tss_pf:
    dd 0, 0x4000, DATA, 0, 0, 0, 0, 0x1000
    dd FLAT(catch_task), 2
    dd 0, 0, 0, 0, 0x4800, 0, 0, 0
    dd DATA, CODE, DATA, DATA, 0, 0, 0
    dw 0, 0x68
END
