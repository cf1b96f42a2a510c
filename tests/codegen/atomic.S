; SPDX-License-Identifier: GPL-2.0-or-later
; What locks are made of.
    lock inc dword [esi]
    lock xadd [esi], eax
    lock cmpxchg [esi], ecx
    cmpxchg ebx, ecx
    xadd ebx, ecx
    cmpxchg8b [edi]
    hlt
