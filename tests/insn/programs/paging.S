; SPDX-License-Identifier: GPL-2.0-or-later
;
; 32-bit paging, PSE, PAE and NX: error codes, accessed and dirty bits, WP, user and supervisor pages, and
; that a changed table is seen after INVLPG or a load of CR3.
; Source: SDM 3A 4.3, 4.4, 4.6, 4.7, 4.8, 4.10.
;
; expect: not present read: #0e(0000) cr2=00300000
; expect: not present write: #0e(0002) cr2=00300123
; expect: no table: #0e(0000) cr2=00c00000
; expect: fetch not present: #0e(0000) cr2=00300000 eip=00300000
; expect: read sets a: 00005027
; expect: write sets d: 00005067
; expect: directory a: 00002027
; expect: supervisor writes read-only, wp 0: ok
; expect: supervisor writes read-only, wp 1: #0e(0003) cr2=00301000
; expect: failed write sets no d: 00005005
; expect: user reads supervisor: #0e(0005) cr2=00302000 cpl3
; expect: user writes supervisor: #0e(0007) cr2=00302000 cpl3
; expect: user writes read-only: #0e(0007) cr2=00301000 cpl3
; expect: user reads read-only: ok
; expect: user not present: #0e(0004) cr2=00300000 cpl3
; expect: user fetch supervisor: #0e(0005) cr2=00302000 cpl3
; expect: directory denies user: #0e(0005) cr2=00400000 cpl3
; expect: page crossing read: #0e(0000) cr2=00304000
; expect: page crossing write: #0e(0002) cr2=00304000 first half untouched
; expect: crossing pages: 66778899 kept
; expect: rmw faults as a write: #0e(0002) cr2=00300000
; expect: xchg in place: ok
; expect: remap: 11111111 22222222
; expect: remap by cr3: 11111111
; expect: alias: 44444444
; expect: pse: 55555555 000000e7
; expect: pse off: #0e(0000) cr2=00800000
; expect: pae: 66666666
; expect: pae not present: #0e(0000) cr2=40000000
; expect: pae reserved: #0e(0009) cr2=00300000
; expect: pae above 4g field: #0e(0009) cr2=00300000
; expect: pae pdpte reserved: #0d(0000)
; expect: pae large: 55555555 00000000000000e7
; expect: nx fetch: #0e(0011) cr2=00300000 eip=00300000
; expect: nx user fetch: #0e(0015) cr2=00300000 cpl3 eip=00300000
; expect: nx data: ok
; expect: nx off is reserved: #0e(0009) cr2=00300000
; expect: string stops at page: #0e(0002) cr2=00305000 ecx=00000010 edi=00305000
; expect: a20 not needed: 77777777
; expect: pg without pe: #0d(0000)
; peer differs: rmw faults, pae reserved, pae above, pae pdpte, nx off, pg without pe
; peer args: -cpu qemu32,+nx,+pae
%include "harness.inc"

PD equ 0x1000
PT equ 0x2000       ; 0 - 3fffff
PT1 equ 0x3000      ; 400000 - 7fffff
; Physical 4000, 5000, 6000, 7000 are data pages.

%macro PTE 2        ; linear page, entry
    mov dword [PT + (%1 >> 12) * 4], %2
    invlpg [%1]
%endmacro
%macro USER 2+
    T %1
    ARM %%done
    RING3 %%user
%%user:
    %2
    LOG "ok"
    LEAVE_RING
%%done:
    NL
%endmacro
%macro EIPTRY 2+
    T %1
    mov dword [hook], FLAT(keep_eip)
    ARM %%done
    %2
%%done:
    mov dword [hook], 0
    LOG " eip="
    LOGX [kept_eip]
    NL
%endmacro
%macro ENABLE 0
    mov eax, PD
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
%endmacro
%macro DISABLE 0
    mov eax, cr0
    and eax, 0x7fffffff
    mov cr0, eax
%endmacro

main:
    mov esp, 0x8000
    mov edi, PD
    mov ecx, 3 * 1024
    xor eax, eax
    rep stosd
    mov dword [PD], PT + 7
    mov dword [PD + 4], PT1 + 3
    mov edi, PT
    mov eax, 7
    mov ecx, 256
.pte:
    stosd
    add eax, 0x1000
    loop .pte
    ENABLE

    T "not present read"
    TRY mov eax, [0x300000]
    T "not present write"
    TRY mov [0x300123], al
    T "no table"
    TRY mov eax, [0xc00000]
    mov eax, 0x300000
    EIPTRY "fetch not present", jmp eax

    PTE 0x301000, 0x5007
    mov dword [PD], PT + 7
    mov eax, cr3
    mov cr3, eax
    mov eax, [0x301000]
    T "read sets a"
    LOGX [PT + 0x301 * 4]
    NL
    mov [0x301000], eax
    T "write sets d"
    LOGX [PT + 0x301 * 4]
    NL
    T "directory a"
    LOGX [PD]
    NL

    PTE 0x301000, 0x5005
    T "supervisor writes read-only, wp 0"
    TRY mov [0x301000], al
    mov eax, cr0
    or eax, 0x10000
    mov cr0, eax
    PTE 0x301000, 0x5005
    T "supervisor writes read-only, wp 1"
    TRY mov [0x301000], al
    T "failed write sets no d"
    mov eax, [PT + 0x301 * 4]
    and eax, ~0x20          ; whether A is set isn't said
    LOGX eax
    NL
    mov eax, cr0
    and eax, ~0x10000
    mov cr0, eax
    PTE 0x302000, 0x6003
    mov ebx, 0x302000
    USER "user reads supervisor", mov eax, [0x302000]
    USER "user writes supervisor", mov [0x302000], eax
    USER "user writes read-only", mov [0x301000], eax
    USER "user reads read-only", mov eax, [0x301000]
    USER "user not present", mov eax, [0x300000]
    mov ebx, 0x302000
    USER "user fetch supervisor", jmp ebx
    mov dword [PT1], 0x4007
    USER "directory denies user", mov eax, [0x400000]

    PTE 0x303000, 0x6007
    T "page crossing read"
    TRY mov eax, [0x303ffe]
    T "page crossing write"
    mov dword [0x6ffc], 0x12345678
    ARM .crossing
    mov eax, -1
    mov [0x303ffe], eax
.crossing:
    cmp dword [0x6ffc], 0x12345678
    jne .touched
    LOG " first half untouched"
.touched:
    NL
    PTE 0x304000, 0x4007
    mov dword [0x4000], 0xaaaa6677
    mov dword [0x6ffc], 0x8899bbbb
    T "crossing pages"
    mov eax, [0x303ffe]
    LOGX eax
    mov eax, 0x01020304
    mov [0x303ffe], eax
    cmp dword [0x4000], 0xaaaa0102
    jne .lost
    cmp dword [0x6ffc], 0x0304bbbb
    jne .lost
    LOG " kept"
.lost:
    NL
    T "rmw faults as a write"
    TRY add dword [0x300000], 1
    T "xchg in place"
    TRY xchg [0x303000], eax

    mov dword [0x4000], 0x11111111
    mov dword [0x5000], 0x22222222
    T "remap"
    PTE 0x305000, 0x4007
    mov eax, [0x305000]
    LOGX eax
    LOG " "
    PTE 0x305000, 0x5007
    mov eax, [0x305000]
    LOGX eax
    NL
    T "remap by cr3"
    mov dword [PT + 0x305 * 4], 0x4007
    mov eax, cr3
    mov cr3, eax
    mov eax, [0x305000]
    LOGX eax
    NL
    T "alias"
    PTE 0x306000, 0x4007
    mov eax, [0x306000]
    mov dword [0x305000], 0x44444444
    mov eax, [0x306000]
    LOGX eax
    NL

    T "pse"
    mov eax, cr4
    or al, 0x10
    mov cr4, eax
    mov dword [0x4000], 0x55555555
    mov dword [PD + 8], 0x00000087
    mov eax, [0x804000]
    mov [0x804004], eax
    LOGX eax
    LOG " "
    LOGX [PD + 8]
    NL
    T "pse off"
    mov eax, cr4
    and al, ~0x10
    mov cr4, eax
    mov dword [PD + 8], 0x7007          ; an empty page table
    mov edi, 0x7000
    push edi
    mov dword [0x7000], 0
    pop edi
    TRY mov eax, [0x800000]
    mov dword [PD + 8], 0

    ; PAE: PDPT at 1000, directory at 2000, table for 2 MB - 4 MB at 3000, the rest in large pages.
    DISABLE
    mov edi, PD
    mov ecx, 3 * 1024
    xor eax, eax
    rep stosd
    mov dword [0x1000], 0x2001
    mov dword [0x2000], 0x000087        ; 0 - 1fffff
    mov dword [0x2008], 0x3007
    mov dword [0x3000 + 0x100 * 8], 0x4007
    mov eax, cr4
    or al, 0x20
    mov cr4, eax
    ENABLE
    T "pae"
    mov dword [0x4000], 0x66666666
    mov eax, [0x300000]
    LOGX eax
    NL
    T "pae not present"
    TRY mov eax, [0x40000000]
    T "pae reserved"
    mov dword [0x3000 + 0x100 * 8 + 4], 0x00100000
    invlpg [0x300000]
    TRY mov eax, [0x300000]
    T "pae above 4g field"
    mov dword [0x3000 + 0x100 * 8 + 4], 0x40000000
    invlpg [0x300000]
    TRY mov eax, [0x300000]
    mov dword [0x3000 + 0x100 * 8 + 4], 0
    T "pae pdpte reserved"
    mov dword [0x1010], 0x2007
    mov eax, cr3
    TRY mov cr3, eax
    mov dword [0x1010], 0
    T "pae large"
    mov dword [0x4000], 0x55555555
    mov dword [0x2010], 0x000087        ; 400000
    mov eax, [0x404000]
    mov [0x404004], eax
    LOGX eax
    LOG " "
    LOGX [0x2014]
    LOGX [0x2010]
    NL

    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x800
    wrmsr
    mov dword [0x3000 + 0x100 * 8 + 4], 0x80000000
    invlpg [0x300000]
    mov dword [0x4000], 0x90909090
    mov ebx, 0x300000
    EIPTRY "nx fetch", jmp ebx
    mov ebx, 0x300000
    T "nx user fetch"
    mov dword [hook], FLAT(keep_eip)
    ARM .nxu
    RING3 .user_nx
.user_nx:
    jmp ebx
.nxu:
    mov dword [hook], 0
    LOG " eip="
    LOGX [kept_eip]
    NL
    T "nx data"
    TRY mov eax, [0x300000]
    T "nx off is reserved"
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~0x800
    wrmsr
    mov eax, cr3
    mov cr3, eax
    TRY mov eax, [0x300000]
    mov dword [0x3000 + 0x100 * 8 + 4], 0
    DISABLE
    mov eax, cr4
    and al, ~0x20
    mov cr4, eax

    ; Back to 32-bit tables
    mov edi, PD
    mov ecx, 3 * 1024
    xor eax, eax
    rep stosd
    mov dword [PD], PT + 7
    mov edi, PT
    mov eax, 7
    mov ecx, 256
.pte2:
    stosd
    add eax, 0x1000
    loop .pte2
    mov dword [PT + 0x304 * 4], 0x4007
    mov dword [PT + 0x300 * 4], 0x7007
    ENABLE
    T "string stops at page"
    mov dword [hook], FLAT(keep_string)
    ARM .string
    mov ecx, 0x20
    mov esi, 0x10000
    mov edi, 0x304fc0
    rep movsd
.string:
    mov dword [hook], 0
    LOG " ecx="
    LOGX [kept_ecx]
    LOG " edi="
    LOGX [kept_edi]
    NL
    T "a20 not needed"
    mov dword [0x4100], 0x77777777
    mov eax, [0x304100]
    LOGX eax
    NL
    DISABLE
    T "pg without pe"
    mov eax, 0x80000010
    TRY mov cr0, eax
    jmp finish

keep_eip:
    mov eax, [esp + FRAME_EIP]
    mov [kept_eip], eax
    jmp report
keep_string:
    mov eax, [esp + 24]
    mov [kept_ecx], eax
    mov eax, [esp]
    mov [kept_edi], eax
    jmp report
align 8
kept_eip: dd 0
kept_ecx: dd 0
kept_edi: dd 0
END
