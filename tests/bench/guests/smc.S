; SPDX-License-Identifier: GPL-2.0-or-later
; Code that is written and then run. -D NEAR: an instruction's immediate, right before it, as the kernel of a
; copy-protection or an interpreter's patched site. -D FAR: a function in another page, whole, as a JIT does.
%include "flat.inc"

FUNCTION equ 0x40000

prepare:
        ret

work:   xor ebx, ebx
        align 64
.again:
%ifdef NEAR
        mov [.patched + 1], ecx
.patched:
        mov eax, 0
        add ebx, eax
        rol ebx, 1
%else
        mov byte [FUNCTION], 0xb8               ; mov eax, ecx's value
        mov [FUNCTION + 1], ecx
        mov dword [FUNCTION + 5], 0xc3d1c301    ; add ebx, eax; rol ebx, 1 ...
        mov byte [FUNCTION + 9], 0xc3           ; ret
        mov eax, FUNCTION
        call eax
%endif
        dec ecx
        jnz .again
        mov eax, ebx
        ret

IMAGE_END
