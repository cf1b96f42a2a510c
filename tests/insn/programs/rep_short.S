; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops with short repeated MOVS and STOS: all small counts, all sizes, at the ends of pages, overlapping, downwards,
; and where the next page is missing. Source: SDM 2B, REP.
;
; expect: stosb: eb3d64f5
; expect: stosw: 501e6af8
; expect: stosd: 980e5c5c
; expect: movsb: ec6ca9b2
; expect: movsw: c8613a50
; expect: movsd: dba67e6c
; expect: movsb, overlapping upwards: dd161311
; expect: movsw, overlapping upwards: 23fb552f
; expect: movsd, overlapping upwards: 9d0ef6ef
; expect: movsb, overlapping downwards: cd923c73
; expect: movsd, on itself: 8fdacf3e
; expect: stosb, down: 5b28249d
; expect: movsd, down: a432850d
; expect: movsb, paged: ec6ca9b2
; expect: missing pages: 052f69cb
%include "harness.inc"
%include "hot.inc"

AREA equ FRAMES + 0x10000

fill:
    pushad
    mov edi, AREA
    mov ecx, 0x1000
    mov eax, 0x01020304
.next:
    mov [edi], eax
    add edi, 4
    imul eax, eax, 0x10dcd
    add eax, 0x3039
    loop .next
    popad
    ret

; All of the area into the checksum.
digest:
    pushad
    mov esi, AREA
    mov ecx, 0x1000
.next:
    mov eax, [esi]
    MIX eax
    add esi, 4
    loop .next
    popad
    ret

; SHORT text, instruction, distance from destination to source: counts 0 - 143, addresses that go through the area.
%macro SHORT 3-4 cld
    T %1
    call fill
    mov dword [turn], 0
%%loop:
    mov eax, [turn]
    imul ecx, eax, 7
    and ecx, 127
    test eax, 31
    jnz %%count
    add ecx, 16
%%count:
    imul edi, eax, 61
    and edi, 0x2fff
    add edi, AREA + 0x400
    lea esi, [edi + (%3)]
    imul eax, eax, 0x01030507
    add eax, 3          ; all flags defined
    %4
    rep %2
    cld
    pushfd
    pop ebx
    and ebx, 0x0fd5
    MIX eax, ebx, ecx, esi, edi
    inc dword [turn]
    cmp dword [turn], HOT
    jb %%loop
    call digest
    LOGSUM
%endmacro

main:
    SHORT "stosb", stosb, 0
    SHORT "stosw", stosw, 0
    SHORT "stosd", stosd, 0
    SHORT "movsb", movsb, 0x155
    SHORT "movsw", movsw, 0x155
    SHORT "movsd", movsd, 0x2aa
    SHORT "movsb, overlapping upwards", movsb, -3
    SHORT "movsw, overlapping upwards", movsw, -3
    SHORT "movsd, overlapping upwards", movsd, -5
    SHORT "movsb, overlapping downwards", movsb, 3
    SHORT "movsd, on itself", movsd, 0
    SHORT "stosb, down", stosb, 0, std
    SHORT "movsd, down", movsd, 7, std
    call paging_on
    mov dword [map_entry], FRAMES + 7
    SHORT "movsb, paged", movsb, 0x155

    ; Both operands run into pages that are missing each time.
    T "missing pages"
    call fill
    mov dword [faults], 0
    mov dword [hook], map_in
    mov dword [turn], 0
.loop:
    mov dword [PT + ((WINDOW + 0x1000) >> 12) * 4], 0
    mov dword [PT + ((WINDOW + 0x3000) >> 12) * 4], 0
    mov dword [PT + (WINDOW >> 12) * 4], AREA + 7
    mov dword [PT + ((WINDOW + 0x2000) >> 12) * 4], AREA + 0x1000 + 7
    call reload_cr3
    mov ecx, [turn]
    and ecx, 63
    lea esi, [ecx * 2 + WINDOW + 0x1000 - 80]
    lea edi, [ecx + WINDOW + 0x3000 - 50]
    rep movsb
    MIX ecx, esi, edi
    inc dword [turn]
    cmp dword [turn], WARM
    jb .loop
    mov dword [hook], 0
    call digest
    mov eax, [faults]
    MIX eax
    LOGSUM
    call paging_off
    jmp finish

align 4
turn: dd 0
END
