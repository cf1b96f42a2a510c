; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops that leave and come back in the middle: INT and IRET, faults that are handled, far calls, system calls,
; tasks, port I/O, RDTSC.
; Source: SDM 3A 6.12, 7.3; 2B SYSENTER, SYSEXIT; 3A 17.17 (TSC).
;
; expect: int: 8d0196c8
; expect: iret into the middle: c70f7da0
; expect: iret as a jump: 1c2340ba
; expect: flags from iret: 8d93c12c
; expect: a handler that never returns: 234c8576
; expect: int3 and into: 366c85b5
; expect:   of them: 0000113f
; expect: bound: 036aecfc
; expect: ud2: a18556e8
; expect: division: bab86f73
; expect: segment not there: 9fcc6da4
; expect:   faults: 0000009c
; expect: far calls: f7dc8d4e
; expect: call gate: eddcd4ac
; expect: loop, jecxz: 079da110
; expect: in and out: 28ed941c
; expect: letters: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkf5b30456
; expect: rep outsb: abcdefghijklmnopqrstuvwxyz
; expect: -0
; expect: i/o from ring 3: 00000138 dbe227cc
; expect: tsc, its steps: dcbf572e
; expect: tsc, around things: 6c6336c6
; expect: serializing instructions: 8030675b
; expect: int from ring 3: a520ad0c
; expect: sysenter: 9fd5de5d
; expect: task switches: 74141fea
; expect: called task: ea9bfe1e
; expect: task whose page comes: 032 c6ef4d54
; expect: flags over task switches: d5194982
; peer differs: tsc, task whose, flags over task
%include "harness.inc"
%include "hot.inc"

PORT equ 0x600          ; nothing is there
TASK equ FREE
A equ WINDOW

%macro START 0
    mov eax, 0x12345678
    mov ebx, 1
    mov ecx, HOT
    mov edx, 0x9abcdef0
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    mov dword [faults], 0
%endmacro
%macro RESULT 0
    MIX eax, ebx, edx, esi, edi, ebp
    LOGSUM
%endmacro

main:
    SETINT 0x2e, CODE, changes, 0x8e
    SETINT 0x2d, CODE, skips, 0x8f
    SETINT 0x2c, CODE, sets_flags, 0x8e
    SETINT 0x2b, CODE, returns_far, 0x8e
    SETINT 3, CODE, counts, 0x8e
    SETINT 4, CODE, counts, 0x8e

    T "int"
    START
.a1:
    add eax, ecx
    adc edx, eax
    int 0x2e
    adc ebx, edx
    int 0x2e
    sbb eax, ebx
    dec ecx
    jnz .a1
    RESULT
    T "iret into the middle"
    START
.b1:
    add eax, ecx
    int 0x2d                    ; goes on 0 to 7 bytes further
    inc eax
    inc ebx
    inc edx
    inc esi
    inc edi
    inc ebp
    dec eax
    inc ebx
    rol eax, 1
    dec ecx
    jnz .b1
    RESULT
    T "iret as a jump"
    START
.c1:
    mov edi, ecx
    and edi, 7
    add edi, .c2
    add eax, edx
    pushfd
    push cs
    push edi
    iretd
.c2:
    inc eax
    inc ebx
    inc edx
    inc esi
    dec eax
    inc ebp
    inc eax
    adc eax, ebx
    dec ecx
    jnz .c1
    xor edi, edi
    RESULT
    T "flags from iret"
    START
.d1:
    cmp eax, edx
    int 0x2c                    ; other flags by turns
    adc eax, ecx
    int 0x2c
    jc .d2
    inc ebx
.d2:
    int 0x2c
    setp bl
    cmovs edx, eax
    lea edx, [edx + ebx * 4 + 7]
    dec ecx
    jnz .d1
    RESULT
    T "a handler that never returns"
    START
    mov [.esp], esp
.e1:
    mov edi, .e2
    add eax, ecx
    int 0x2b
    inc ebx
.e2:
    adc eax, ebx
    dec ecx
    jnz .e1
    mov esp, [.esp]
    xor edi, edi
    RESULT
    T "int3 and into"
    START
.f1:
    add eax, ecx
    int3
    rol eax, 3
    add eax, edx
    into
    add eax, 0x60000000
    into
    dec ecx
    jnz .f1
    RESULT
    LOG "  of them: "
    LOGX [faults]
    NL
    T "bound"
    START
    mov dword [.bounds], 0
    mov dword [.bounds + 4], HOT - 40
    SETINT 5, CODE, bounds, 0x8e
.g1:
    add eax, ecx
    bound ecx, [.bounds]
    adc eax, edx
    dec ecx
    jnz .g1
    RESULT
    T "ud2"
    START
    mov dword [hook], fixes
.h1:
    add eax, ecx
    adc edx, eax
    test cl, 7
    jnz .h2
    ud2
.h2:
    adc eax, ebx
    dec ecx
    jnz .h1
    RESULT
    T "division"
    START
.i1:
    mov edi, ecx
    and edi, 0x0f
    mov eax, ecx
    shl eax, 12
    xor edx, edx
    stc
    div edi                     ; by zero; the handler makes it 3
    lea ebx, [ebx + eax + 5]
    xor ebx, edx
    mov eax, ebx
    cdq
    idiv dword [.three]
    add ebx, edx
    dec ecx
    jnz .i1
    mov eax, 0
    mov edx, 0
    RESULT
    T "segment not there"
    START
    SETDESC TASK, 0x1000, 0xfffff, 0xc012
.j1:
    add eax, ecx
    mov edi, TASK
    test cl, 0x0f
    jz .j2
    mov edi, DATA
.j2:
    adc eax, edx
    mov fs, edi                 ; #NP; the handler makes it present
    mov ebp, [fs:0]
    dec ecx
    jnz .j1
    xor ebp, ebp
    RESULT
    LOG "  faults: "
    LOGX [faults]
    NL
    mov dword [hook], 0

    T "far calls"
    START
.k1:
    add eax, ecx
    call CODE:far_routine
    adc eax, ebx
    call far [.far]
    push cs
    call far_routine
    adc eax, ebx
    jmp CODE:.k2
.k2:
    dec ecx
    jnz .k1
    RESULT
    T "call gate"
    START
    SETGATE TASK, CODE, far_routine, 0x008c
.l1:
    add eax, ecx
    call TASK:0
    adc eax, ebx
    dec ecx
    jnz .l1
    RESULT
    T "loop, jecxz"
    START
.m1:
    push ecx
    and ecx, 7
    jecxz .m3
.m2:
    add eax, ecx
    cmp al, 0x80
    loopne .m2
    adc edx, ecx
    jmp .m4
.m3:
    inc ebx
.m4:
    mov cx, 3
    add ecx, 0x50000
.m5:
    rol edx, 1
    a16 loop .m5
    add eax, ecx
    pop ecx
    dec ecx
    jnz .m1
    RESULT

    ; ---- ports ----
    T "in and out"
    START
.n1:
    push edx
    mov dx, PORT
    add eax, ecx
    out dx, al
    adc ebx, eax
    in al, dx
    adc ebx, eax
    in ax, dx
    adc ebx, eax
    push eax
    in eax, dx
    adc ebx, eax
    pop eax
    out dx, eax
    adc eax, ebx
    pop edx
    dec ecx
    jnz .n1
    RESULT
    T "letters"
    START
.o1:
    add eax, ecx
    adc edx, eax
    test cl, 0x3f
    jnz .o2
    mov al, dl
    and al, 15
    add al, 'a'
    out DEBUG_PORT, al
.o2:
    adc eax, ebx
    dec ecx
    jnz .o1
    RESULT
    T "rep outsb"
    START
    mov edi, A + 0x100000 - 0x100000
    mov esi, .text
    mov ecx, 28
    mov dx, DEBUG_PORT
    rep outsb
    LOGX ecx, 1
    NL
    T "i/o from ring 3"
    START
    mov dword [hook], io_hook
    ARM .p1
    mov byte [tss + 0x68 + 4], 0        ; ports 20 - 27
    RING3 user_io
.p1:
    mov dword [hook], 0
    mov byte [tss + 0x68 + 4], 0
    LOGX [faults]
    LOG " "
    LOGSUM

    ; ---- TSC: an instruction, a nanosecond ----
    T "tsc, its steps"
    START
    rdtsc
    mov edi, eax
.q1:
    add ebx, ecx
    mov esi, edi
    rdtsc
    mov edi, eax
    sub eax, esi
    MIX eax
    test cl, 3
    jz .q2
    rdtsc
    sub eax, edi
    MIX eax
.q2:
    dec ecx
    jnz .q1
    LOGSUM
    T "tsc, around things"
    START
    mov ecx, 200
    mov dword [hook], fixes
.r1:
    mov [.ecx], ecx
    rdtsc
    mov edi, eax
    int 0x2e
    push dword 2
    popfd
    ud2
    mov ecx, 13
    mov esi, edi
    mov edi, A - 0x100000
    rep stosb
    mov edi, esi
    cpuid
    rdtsc
    sub eax, edi
    MIX eax
    mov ecx, [.ecx]
    dec ecx
    jnz .r1
    mov dword [hook], 0
    LOGSUM
    T "serializing instructions"
    START
.s1:
    add edi, ecx
    push ecx
    xor eax, eax
    cpuid
    pop ecx
    adc edi, 0
    mov edx, cr0
    mov cr0, edx
    adc edi, edx
    sidt [.sidt]
    lidt [.sidt]
    wbinvd
    adc edi, 1
    dec ecx
    jnz .s1
    MIX edi
    LOGSUM

    ; ---- system calls and tasks ----
    T "int from ring 3"
    START
    SETINT 0x2a, CODE, system_call, 0xee
    ARM .t1
    RING3 user_int
.t1:
    MIX eax, edx
    LOGSUM
    T "sysenter"
    START
    mov ecx, 0x174
    mov eax, CODE | 0
    xor edx, edx
    ; SYSEXIT wants four descriptors in a row: code, data, code 3, data 3
    mov esi, gdt + CODE
    mov edi, gdt + 0x80
    movsd
    movsd
    movsd
    movsd
    mov esi, gdt + (UCODE & ~3)
    mov ebp, 4
.copy:
    movsd
    dec ebp
    jnz .copy
    mov eax, 0x80
    wrmsr
    inc ecx
    mov eax, 0x9000
    wrmsr
    inc ecx
    mov eax, sysenter_entry
    wrmsr
    START
    ARM .u1
    RING3 user_sysenter
.u1:
    MIX eax, ebx
    LOGSUM
    T "task switches"
    START
    SETDESC TASK, task2, 0x67, A_TSS32
    mov dword [task2 + 0x20], task_loop
    mov dword [task2 + 0x24], 2
    mov dword [task2 + 0x38], 0xc000
    mov ecx, WARM
.v1:
    add eax, ecx
    pushfd
    popfd
    jmp TASK:0
    adc eax, edx
    MIX eax, ebx, edx
    dec ecx
    jnz .v1
    LOGSUM
    T "called task"
    START
    mov dword [task2 + 0x20], task_called
    mov dword [task2 + 0x24], 2
    mov ecx, WARM
.w1:
    add eax, ecx
    pushfd
    popfd
    call TASK:0
    adc eax, edx
    MIX eax, edx
    dec ecx
    jnz .w1
    LOGSUM
    ; Half of the TSS isn't there; it is mapped, and the switch begins anew.
    T "task whose page comes"
    call paging_on
    MAP A, FRAMES + 7
    MAP A + 0x1000, FRAMES + 0x1007
    mov esi, task2
    mov edi, A + 0xfd0
    mov ecx, 0x68 / 4
    rep movsd
    mov dword [A + 0xfd0 + 0x1c], PD
    SETDESC TASK, A + 0xfd0, 0x67, A_TSS32
    mov dword [tss + 0x1c], PD
    mov dword [A + 0xfd0 + 0x20], task_called
    mov dword [map_entry], FRAMES + 0x1007
    mov dword [hook], map_in
    START
    mov ecx, 200
.x1:
    add eax, ecx
    test cl, 3
    jnz .x2
    MAP A + 0x1000, 0
.x2:
    pushfd
    popfd
    call TASK:0
    MIX eax, edx
    dec ecx
    jnz .x1
    mov dword [hook], 0
    LOGX [faults], 3
    LOG " "
    LOGSUM
    ; As before, with flags that come straight from the addition.
    T "flags over task switches"
    START
    mov dword [A + 0xfd0 + 0x20], task_flags
    ARM .y2
    mov ecx, HOT
.y1:
    add eax, ecx
    call TASK:0
    adc eax, edx
    MIX eax, edx
    dec ecx
    jnz .y1
    LOGSUM
.y2:
    jmp finish

.esp: dd 0
.ecx: dd 0
.three: dd 3
.bounds: dd 0, 0
.far:
    dd far_routine
    dw CODE
.sidt: dw 0, 0, 0, 0
.text: db "abcdefghijklmnopqrstuvwxyz", 10, "-"

changes:
    lea ebx, [ebx + ecx + 3]
    xor edx, ebx
    iretd
skips:
    push ecx
    and ecx, 7
    add [esp + 4], ecx
    pop ecx
    iretd
sets_flags:
    push eax
    mov eax, edx
    and eax, 0xc5
    xor [esp + 12], eax
    pop eax
    iretd
returns_far:
    lea esp, [esp + 4]
    pop dword [main.bounds]
    popfd
    jmp edi
counts:
    inc dword [faults]
    lea edx, [edx + ecx]
    iretd
bounds:
    mov ecx, HOT - 40
    iretd
; #UD: skips it. #DE: EDI becomes 3. #NP: the descriptor becomes present, and not the next time.
fixes:
    inc dword [faults]
    mov eax, [esp + FRAME_EFLAGS]
    and eax, 0x8d5
    mov ebx, [esp + FRAME_VECTOR]
    MIX eax, ebx
    cmp ebx, 6
    je .ud2
    cmp ebx, 0
    je .divide
    cmp ebx, 11
    jne report
    mov eax, [esp + FRAME_ERROR]
    MIX eax
    xor byte [gdt + TASK + 5], 0x80
    mov fs, [esp + FRAME_ERROR]
    xor byte [gdt + TASK + 5], 0x80
    mov dword [esp], DATA               ; EDI
    jmp go_back
.ud2:
    add dword [esp + FRAME_EIP], 2
    jmp go_back
.divide:
    mov dword [esp], 3
    jmp go_back
far_routine:
    lea edx, [edx + edx * 2]
    rol ebx, 1
    retf

io_hook:
    cmp dword [esp + FRAME_VECTOR], 0x2f
    je resume_main
    cmp dword [esp + FRAME_VECTOR], 13
    jne report
    inc dword [faults]
    mov eax, [esp + FRAME_EIP]
    cmp byte [eax], 0xcd
    je .int
    mov byte [tss + 0x68 + 4], 0
    jmp go_back
.int:
    mov byte [tss + 0x68 + 4], 0x80     ; port 27 denied
    add dword [esp + FRAME_EIP], 2
    jmp go_back
user_io:
    add eax, ecx
    mov dx, 0x600
    mov dx, 0x27
    adc eax, 5
    in al, dx
    mov al, cl
    rol eax, 1
    test cl, 0x0f
    jnz .next
    int 0x29
.next:
    MIX eax
    dec ecx
    jnz user_io
    LEAVE_RING

user_int:
    add eax, ecx
    int 0x2a
    adc eax, edx
    dec ecx
    jnz user_int
    LEAVE_RING
system_call:
    push ebp
    mov ebp, esp
    add edx, [ebp + 16]                 ; ring 3's ESP
    rol edx, 1
    leave
    iretd
; EDX and ECX go to SYSEXIT: where to, and the stack.
user_sysenter:
    add eax, ecx
    mov esi, ecx
    mov ecx, esp
    mov edx, .back
    sysenter
    nop
.back:
    mov ecx, esi
    adc ebx, eax
    dec ecx
    jnz user_sysenter
    LEAVE_RING
sysenter_entry:
    lea ebx, [ebx + eax * 2]
    add eax, esp
    sysexit

align 16
task2:
    times 7 dd 0
    dd 0, 0, 0                          ; CR3, EIP, EFLAGS
    dd 0, 0, 0, 0, 0, 0, 0, 0           ; EAX ..
    dd DATA, CODE, DATA, DATA, DATA, DATA, 0
    dw 0, 0x68
task_loop:
    add eax, 3
    rol ebx, 1
    lea ebx, [ebx + eax]
    adc edx, ebx
    MIX eax, ebx, edx
    pushfd
    popfd
    jmp TSS:0
    jmp task_loop
task_called:
    add eax, 5
    MIX eax
    pushfd
    popfd
    iretd
    jmp task_called
task_flags:
    adc eax, 5
    rol dword [sum], 1
    add eax, eax
    iretd
    jmp task_flags
END
