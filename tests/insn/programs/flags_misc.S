; SPDX-License-Identifier: GPL-2.0-or-later
;
; Flags of the other integer instructions, of strings, of comparisons in the FPU and in SSE registers, by all that
; reads flags (flags.inc says how).
; Source: SDM 1, 7.3; 2, "Flags affected".
;
; expect: inc: b4dcd575
; expect: undefined flags, inc: a2e90c3e
; expect: dec: 4bb60e3f
; expect: undefined flags, dec: f84a1e4a
; expect: neg and not: 1d42685d
; expect: undefined flags, neg and not: d387bcfe
; expect: mul: 02ba0f08
; expect: undefined flags, mul: 2b40e679
; expect: bt: da6d50d3
; expect: undefined flags, bt: 33b3e1b4
; expect: bsf and bsr: defd13d0
; expect: undefined flags, bsf and bsr: 819ae63c
; expect: cmpxchg: c9966f56
; expect: undefined flags, cmpxchg: f57d1d76
; expect: xadd: 850f89fb
; expect: undefined flags, xadd: 571bf556
; expect: decimal: 4e15adc2
; expect: undefined flags, decimal: dd4f7d08
; expect: carry alone: b5a9ca02
; expect: undefined flags, carry alone: acba6ad1
; expect: sahf, popf, iret: 89316341
; expect: undefined flags, sahf, popf, iret: 91417f09
; expect: strings: e6630ab2
; expect: undefined flags, strings: a9cb1b99
; expect: fcomi: 3649c69e
; expect: undefined flags, fcomi: 28f8dbae
; expect: comiss: d591beb3
; expect: undefined flags, comiss: 349b258f
; expect: zf alone: 6836d602
; expect: undefined flags, zf alone: 255a7a0a
; expect: flags that stay: c2d2fc71
; expect: undefined flags, flags that stay: 867f5895
; peer differs: undefined
%include "harness.inc"
%include "flags.inc"

BITS_ equ CF | ZF

producers:
    GROUP "inc"
    P ALL, {inc al}
    P ALL, {inc bx}
    P ALL, {inc eax}
    P ALL, {mov [scratch + 8], ebx}, {inc dword [scratch + 8]}
    P ALL, {mov [scratch + 8], ebx}, {lock inc byte [scratch + 8]}
    P ALL, {sub eax, ebx}, {inc eax}
    P ALL, {add eax, ebx}, {mov ebx, eax}, {inc bl}
    GROUP "dec"
    P ALL, {dec ah}
    P ALL, {dec ax}
    P ALL, {dec ebx}
    P ALL, {mov [scratch + 8], ebx}, {dec word [scratch + 8]}
    P ALL, {cmp eax, ebx}, {dec ecx}
    GROUP "neg and not"
    P ALL, {neg al}
    P ALL, {neg ax}
    P ALL, {neg eax}
    P ALL, {mov [scratch + 8], ebx}, {neg dword [scratch + 8]}
    P ALL, {not eax}
    P ALL, {cmp eax, ebx}, {not al}
    GROUP "mul"
    P CF | OF, {mul bl}
    P CF | OF, {mul bx}
    P CF | OF, {mul ebx}
    P CF | OF, {imul bl}
    P CF | OF, {imul cx}
    P CF | OF, {imul ebx}
    P CF | OF, {imul eax, ebx}
    P CF | OF, {imul ax, bx}
    P CF | OF, {imul eax, ebx, 0x1234}
    P CF | OF, {imul ax, bx, byte -3}
    P CF | OF, {movsx eax, al}, {movsx ebx, bl}, {imul eax, ebx}
    GROUP "bt"
    P BITS_, {bt eax, 5}
    P BITS_, {bt ax, bx}
    P BITS_, {bts eax, ebx}
    P BITS_, {btr eax, 31}
    P BITS_, {btc ebx, eax}
    P BITS_, {mov [scratch + 8], ebx}, {bts dword [scratch + 8], 7}
    P BITS_, {and ebx, 63}, {btc [scratch + 4], ebx}
    P BITS_, {or ebx, -64}, {lock btr [scratch + 12], ebx}
    GROUP "bsf and bsr"
    P ZF, {bsf eax, ebx}
    P ZF, {bsr eax, ebx}
    P ZF, {and ebx, 1}, {bsf eax, ebx}
    P ZF, {and ebx, 0x80000000}, {bsr ebx, ebx}
    GROUP "cmpxchg"
    P ALL, {cmpxchg bl, cl}
    P ALL, {cmpxchg bx, cx}
    P ALL, {cmpxchg ebx, ecx}
    P ALL, {mov [scratch + 8], eax}, {lock cmpxchg [scratch + 8], ecx}
    P ALL, {mov [scratch + 8], ebx}, {cmpxchg [scratch + 8], cl}
    P ALL, {mov [scratch], eax}, {mov [scratch + 4], edx}, {cmpxchg8b [scratch]}
    P ALL, {mov [scratch], ebx}, {lock cmpxchg8b [scratch]}
    GROUP "xadd"
    P ALL, {xadd al, bl}
    P ALL, {xadd bx, ax}
    P ALL, {xadd eax, ebx}
    P ALL, {mov [scratch + 8], ebx}, {lock xadd [scratch + 8], eax}
    GROUP "decimal"
    P ALL & ~OF, {daa}
    P ALL & ~OF, {das}
    P ALL & ~OF, {add al, bl}, {daa}
    P ALL & ~OF, {sub al, bl}, {das}
    P AF | CF, {aaa}
    P AF | CF, {aas}
    P SF | ZF | PF, {aam}
    P SF | ZF | PF, {aad}
    P SF | ZF | PF, {aam 7}
    GROUP "carry alone"
    P ALL, {stc}
    P ALL, {cmc}
    P ALL, {sub eax, ebx}, {cmc}
    P ALL, {sub eax, ebx}, {clc}
    P ALL, {add eax, ebx}, {stc}
    GROUP "sahf, popf, iret"
    P ALL, {sahf}
    P ALL, {add eax, ebx}, {mov eax, ecx}, {sahf}
    P ALL, {and eax, 0x8d5}, {push eax}, {popfd}
    P ALL, {and ax, 0x8d5}, {push ax}, {popfw}
    P ALL, {sub eax, ebx}, {push eax}, {and dword [esp], 0x8d5}, {popfd}
    GROUP "strings"
    P ALL, {push esi}, {mov esi, rows}, {mov edi, scratch}, {cmpsd}, {pop esi}
    P ALL, {mov [scratch], ebx}, {mov edi, scratch}, {scasb}
    P ALL, {mov [scratch], ebx}, {mov edi, scratch}, {scasd}
    P ALL, {mov [scratch], ebx}, {mov edi, scratch}, {and ecx, 3}, {cmp eax, ebx}, {repne scasb}
    P ALL, {push esi}, {mov esi, scratch}, {mov edi, rows}, {and ecx, 7}, {sub eax, ebx}, {repe cmpsw}, \
        {pop esi}
    P ALL, {sub eax, ebx}, {mov ecx, 2}, {mov edi, scratch}, {rep stosd}
    GROUP "fcomi"
    P CF | PF | ZF, {mov [scratch], eax}, {mov [scratch + 4], ebx}, {fild dword [scratch]}, \
        {fild dword [scratch + 4]}, {fcomip st1}, {fstp st0}
    P CF | PF | ZF, {mov [scratch], eax}, {mov [scratch + 4], ebx}, {fld dword [scratch]}, \
        {fld dword [scratch + 4]}, {fucomip st1}, {fstp st0}
    GROUP "comiss"
    P ALL, {movd xmm0, eax}, {movd xmm1, ebx}, {comiss xmm0, xmm1}
    P ALL, {movd xmm0, ebx}, {movd xmm1, ecx}, {ucomiss xmm0, xmm1}
    GROUP "zf alone"
    P ALL, {and ax, 0x3b}, {add ecx, ebx}, {verr ax}
    P ALL, {and ax, 0x3b}, {add ecx, ebx}, {verw ax}
    P ALL, {and bx, 0x3b}, {add ecx, ebx}, {lar eax, bx}, {mov eax, ecx}
    P ALL, {and bx, 0x3b}, {add ecx, ebx}, {lsl eax, bx}
    P ALL, {add ecx, ebx}, {arpl ax, bx}
    GROUP "flags that stay"
    P ALL, {sub eax, ebx}, {xchg eax, ecx}, {bswap ebx}
    P ALL, {sub eax, ebx}, {cwde}, {cdq}, {movsx ecx, cl}
    P ALL, {sub eax, ebx}, {push eax}, {pop ecx}, {enter 8, 0}, {leave}
    P ALL, {sub eax, ebx}, {pushad}, {popad}
    P ALL, {sub eax, ebx}, {mov edx, cr0}, {mov edx, ds}
    P ALL, {sub eax, ebx}, {mov ebx, 0x40}, {cpuid}, {mov eax, ecx}, {mov edx, ecx}, {mov eax, 0}, \
        {mov ebx, 0}, {mov ecx, 0}, {mov edx, 0}
    P ALL, {sub eax, ebx}, {cld}, {std}, {cld}, {cli}
END_FLAGS
