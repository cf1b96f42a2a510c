; SPDX-License-Identifier: GPL-2.0-or-later
; Loads that miss the TLB: each goes to another page of 32 MB.
%include "flat.inc"
%include "paging.inc"

DIRECTORY equ 0x200000
FIRST equ 0x1000000
SIZE equ 0x2000000

prepare:
        mov edi, FIRST                          ; without paging, so that no TLB entry is left of it
.fill:  mov [edi], edi
        add edi, 0x40
        cmp edi, FIRST + SIZE
        jb .fill
        IDENTITY DIRECTORY, 16, DIRECTORY + 0x1000
        PAGING_ON DIRECTORY
        ret

work:   xor eax, eax
        xor esi, esi
        align 16
.again:
%rep 4
        add eax, [FIRST + esi]
        add esi, 0x1040
        and esi, SIZE - 1
%endrep
        dec ecx
        jnz .again
        ret

IMAGE_END
