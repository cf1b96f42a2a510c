; SPDX-License-Identifier: GPL-2.0-or-later
; Shifts by one, by a number, by CL; with flags that matter and with flags that don't.
    shl eax, 1
    shr ebx, 5
    sar edx, 31
    shl ebp, cl
    add eax, ebx
    shl eax, 3
    lahf
    sar ebx, cl
    pushf
    shr dword [esi], 2
    shl word [esi], 1
    shr al, 4
    hlt
