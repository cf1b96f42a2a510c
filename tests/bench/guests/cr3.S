; SPDX-License-Identifier: GPL-2.0-or-later
; Address-space switches: CR3 goes between two page directories, and eight pages that they map differently are
; read after each.
%include "flat.inc"
%include "paging.inc"

ONE equ 0x200000
OTHER equ 0x204000
WINDOW equ 0x300000
WINDOW_ENTRIES equ 0x1000 + (WINDOW >> 12) * 4

prepare:
        IDENTITY ONE, 1, ONE + 0x1000
        IDENTITY OTHER, 1, OTHER + 0x1000
        mov ecx, 8
.page:  mov eax, ecx
        shl eax, 12
        lea edx, [eax + 0x20000 + 3]
        mov [ONE + WINDOW_ENTRIES + ecx * 4 - 4], edx
        mov [eax + 0x20000], ecx
        lea edx, [eax + 0x30000 + 3]
        mov [OTHER + WINDOW_ENTRIES + ecx * 4 - 4], edx
        mov [eax + 0x30000], edx
        dec ecx
        jnz .page
        PAGING_ON ONE
        ret

%macro READ 0
%assign page 0
%rep 8
        add eax, [WINDOW + page * 0x1000]
%assign page page + 1
%endrep
%endmacro

work:   xor eax, eax
        mov esi, ONE
        mov edi, OTHER
        align 16
.again: mov cr3, edi
        READ
        rol eax, 1
        mov cr3, esi
        READ
        dec ecx
        jnz .again
        ret

IMAGE_END
