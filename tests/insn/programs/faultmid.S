; SPDX-License-Identifier: GPL-2.0-or-later
;
; Hot loops with a fault in the middle: every register, the flags that came from the instructions before, how far
; a string got, and that nothing else was changed.
; Source: SDM 3A 6.5 (faults restart), 4.7; 1, 7.3.9.3; 2B PUSHA, ENTER, CALL.
;
; expect: add, load: #0e(0000) cr2=00305000 +02 a=1eb80ee8 c=89abcdef d=051d06f7 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: add, load memory: 6b957166
; expect: sub, load: #0e(0000) cr2=00305000 +02 a=12345678 c=89abcdef d=051d06f7 b=6c16c3b8 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=014
; expect: sub, load memory: 6b957166
; expect: cmp, load: #0e(0000) cr2=00305000 +02 a=12345678 c=89abcdef d=051d06f7 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=004
; expect: cmp, load memory: 6b957166
; expect: cmp bytes, load: #0e(0000) cr2=00305000 +02 a=12345678 c=89abcdef d=000000f7 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=095
; expect: cmp bytes, load memory: 6b957166
; expect: shl, load: #0e(0000) cr2=00305000 +05 a=468acf02 c=89abcdef d=00000000 b=051d06f7 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=054
; expect: shl, load memory: 6b957166
; expect: inc, load: #0e(0000) cr2=00305000 +02 a=12345a61 c=89abcdef d=051d06f7 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=001
; expect: inc, load memory: 6b957166
; expect: dec keeps carry, load: #0e(0000) cr2=00305000 +03 a=1234528f c=89abcdef d=051d06f7 b=00000000 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=010
; expect: dec keeps carry, load memory: 6b957166
; expect: neg, store: #0e(0002) cr2=00305000 +02 a=edcba988 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=095
; expect: neg, store memory: acc470c0
; expect: and, store: #0e(0002) cr2=00305001 +0b a=80000468 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: and, store memory: b2c3f158
; expect: adc chain, load: #0e(0000) cr2=00305000 +07 a=62e534e6 c=89abc1f9 d=0f1e2d3c b=b7bbc0a6 sp=00007ffc bp=9abcdef0 si=00304000 di=00305000 fl=084
; expect: adc chain, load memory: b2c3f158
; expect: flags not used after: #0e(0000) cr2=00305000 +02 a=1eb80ee8 c=89abcdef d=9abcdef0 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: flags not used after memory: b2c3f158
; expect: flags set again after: #0e(0000) cr2=00305000 +02 a=12345678 c=89abcdef d=9abcde00 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=005
; expect: flags set again after memory: b2c3f158
; expect: flags of two, load: #0e(0000) cr2=00305000 +04 a=12345678 c=579bdf13 d=9abcdef0 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: flags of two, load memory: b2c3f158
; expect: bt, store: #0e(0002) cr2=00305000 +08 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=00000000 si=00304000 di=00305000 fl=045
; expect: bt, store memory: 2666de46
; expect: imul, load: #0e(0000) cr2=00305000 +0d a=579acdef c=89abcdef d=9abcde3c b=579acdef sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: imul, load memory: 2666de46
; expect: add from memory: #0e(0000) cr2=00305000 +05 a=843704c1 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: add from memory memory: 2666de46
; expect: add to memory: #0e(0002) cr2=00305000 +05 a=1272ea61 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: add to memory memory: 6b72f1d8
; expect: xchg: #0e(0002) cr2=00305000 +05 a=ad2fc89d c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: xchg memory: 9d5be7bd
; expect: xadd: #0e(0002) cr2=00305000 +05 a=ad2fc89d c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: xadd memory: 9d5fd97b
; expect: cmpxchg: #0e(0002) cr2=00305000 +06 a=5a5f7138 c=89abcdef d=0f1e2d3c b=9afb72d9 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: cmpxchg memory: 9d5fd97b
; expect: cmpxchg8b: #0e(0002) cr2=00305000 +03 a=5a5f5139 c=89abcdef d=5a5f7138 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00304ffc fl=004
; expect: cmpxchg8b memory: 9d5fd97b
; expect: shl memory: #0e(0002) cr2=00305000 +05 a=1272ea61 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: shl memory memory: 4e9af737
; expect: shl memory by 0: #0e(0002) cr2=00305000 +07 a=1272ea61 c=89abcd00 d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: shl memory by 0 memory: 4e9af737
; expect: shld memory: #0e(0002) cr2=00305000 +05 a=1272ea61 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: shld memory memory: ab8d27d8
; expect: inc memory: #0e(0002) cr2=00305000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: inc memory memory: 6dbcaba3
; expect: not memory: #0e(0002) cr2=00305000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: not memory memory: 6dbcaba3
; expect: bts memory: #0e(0002) cr2=00305000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: bts memory memory: 82c77516
; expect: setcc: #0e(0002) cr2=00305000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: setcc memory: baf6417a
; expect: cmov not taken: #0e(0000) cr2=00305000 +03 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=805
; expect: cmov not taken memory: baf6417a
; expect: mul: #0e(0000) cr2=00305000 +03 a=9d08fa03 c=89abcdef d=7b756710 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=084
; expect: mul memory: baf6417a
; expect: imul: #0e(0000) cr2=00305000 +03 a=12346233 c=89abcdef d=0f1e2d3c b=79fffb00 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=004
; expect: imul memory: baf6417a
; expect: div: #0e(0000) cr2=00305000 +05 a=00000003 c=89abcdef d=00000000 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=004
; expect: div memory: baf6417a
; expect: bsf: #0e(0000) cr2=00305000 +03 a=12346233 c=89abcdef d=00000008 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=004
; expect: bsf memory: baf6417a
; expect: pop to memory: #0e(0002) cr2=00305000 +01 a=12345678 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ff8 bp=76543210 si=00304000 di=00305000 fl=014
; expect: pop to memory memory: b2c3f158
; expect: push from memory: #0e(0000) cr2=00305000 +03 a=12346233 c=89abcdef d=12345678 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=004
; expect: push from memory memory: b2c3f158
; expect: lodsd: #0e(0000) cr2=00305000 +05 a=12345678 c=89abcdef d=0f1e2d3c b=9abceaab sp=00007ffc bp=76543210 si=00305000 di=00305000 fl=080
; expect: lodsd memory: b2c3f158
; expect: movsd: #0e(0002) cr2=00305000 +03 a=12345678 c=89abcdef d=0f1e2d3c b=9abceaab sp=00007ffc bp=76543210 si=00304fa0 di=00305000 fl=080
; expect: movsd memory: 582ae86c
; expect: movsd from: #0e(0000) cr2=00305000 +05 a=12345678 c=89abcdef d=0f1e2d3c b=9abceaab sp=00007ffc bp=76543210 si=00305000 di=00304000 fl=080
; expect: movsd from memory: 451b7bc3
; expect: cmpsd: #0e(0000) cr2=00305000 +03 a=12345678 c=89abcdef d=0f1e2d3c b=9abceaab sp=00007ffc bp=76543210 si=00304fa0 di=00305000 fl=080
; expect: cmpsd memory: 451b7bc3
; expect: scasd: #0e(0000) cr2=00305000 +03 a=12345678 c=89abcdef d=0f1e2d3c b=9abceaab sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=080
; expect: scasd memory: 451b7bc3
; expect: xlat: #0e(0000) cr2=0030500b +05 a=123456fb c=89abcdef d=0f1e3843 b=00304f10 sp=00007ffc bp=76543210 si=00304000 di=00304f10 fl=000
; expect: xlat memory: 451b7bc3
; expect: enter: #0e(0000) cr2=00305000 +05 a=12345678 c=89abcdef d=0f1e38fa b=9abcdef0 sp=00007ffc bp=00305004 si=00304000 di=00305004 fl=004
; expect: enter memory: 451b7bc3
; expect: leave: #0e(0000) cr2=00305000 +0b a=12345678 c=89abcdef d=0f1e38f7 b=9abcdef0 sp=00007ffc bp=00305000 si=00304000 di=00305000 fl=000
; expect: leave memory: 451b7bc3
; expect: jmp through memory: #0e(0000) cr2=00305000 +14 a=12345678 c=89abcdef d=04ee6d23 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: jmp through memory memory: 98a75fc7
; expect: fst: #0e(0002) cr2=00305000 +07 a=12345678 c=89abcdef d=0f1e38f4 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00304ffc fl=000
; expect: fst memory: a7575fc7
; expect: movq: #0e(0002) cr2=00305000 +06 a=12345678 c=89abcdef d=0f1e38f7 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: movq memory: ed6b13cd
; expect: stores off one register: #0e(0002) cr2=00305000 +0d a=cece4a28 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00304ffc fl=094
; expect: stores off one register memory: 7a27aef4
; expect: stores off one register, downwards: #0e(0002) cr2=00305000 +08 a=cefe9a28 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=084
; expect: stores off one register, downwards memory: 09e66f85
; expect: stores in the middle: #0e(0002) cr2=00305000 +06 a=cece4a28 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00304ffc fl=094
; expect: stores in the middle memory: 9f206a4c
; expect: loads off one register: #0e(0000) cr2=00305000 +0a a=cece4a28 c=282cce0f d=cefece4a b=1e2d3c0f sp=00007ffc bp=cefece4a si=00304000 di=00304ffc fl=094
; expect: loads off one register memory: 9f206a4c
; expect: loads, stores, flags: #0e(0002) cr2=00305000 +0b a=12345678 c=f003fc07 d=0f1e2d3c b=fa017e81 sp=00007ffc bp=76543210 si=00304000 di=00304ffc fl=081
; expect: loads, stores, flags memory: 3d185405
; expect: a load over itself: #0e(0000) cr2=00305000 +04 a=10f971df c=89abcdef d=00305000 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00305000 fl=000
; expect: a load over itself memory: 3d185405
; expect: read-only: store: #0e(0003) cr2=00308000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=805
; expect: read-only: store memory: 27311074
; expect: read-only: load, then store: #0e(0003) cr2=00308000 +04 a=62fc91ff c=89abcdef d=01020304 b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=805
; expect: read-only: load, then store memory: 27311074
; expect: read-only: load, add, store: #0e(0003) cr2=00308000 +04 a=12345678 c=89abcdef d=1336597c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=000
; expect: read-only: load, add, store memory: b120df84
; expect: read-only: add to memory: #0e(0003) cr2=00308000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=805
; expect: read-only: add to memory memory: ac8203b0
; expect: read-only: add across: #0e(0003) cr2=00308000 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=805
; expect: read-only: add across memory: 19361042
; expect: read-only: xchg: #0e(0003) cr2=00308000 +02 a=4e8185d8 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=815
; expect: read-only: xchg memory: a1d486c3
; expect: read-only: cmpxchg that fails: #0e(0003) cr2=00308000 +07 a=00000000 c=89abcdef d=0f1e2d3c b=eb851a77 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=094
; expect: read-only: cmpxchg that fails memory: a1d486c3
; expect: read-only: inc bytes: #0e(0003) cr2=00308003 +02 a=62fc91ff c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=805
; expect: read-only: inc bytes memory: 06f32d6f
; expect: read-only: bt only reads: #0e(0003) cr2=00308000 +07 a=12345874 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=004
; expect: read-only: bt only reads memory: 447a4679
; expect: read-only: movsd: #0e(0003) cr2=00308000 +02 a=12345678 c=89abcdef d=0f1e2d3c b=eb851a77 sp=00007ffc bp=76543210 si=00304fa0 di=00308000 fl=094
; expect: read-only: movsd memory: 05f11e21
; expect: read-only: sub to memory, then its flags: #0e(0003) cr2=00308000 +00 a=12345678 c=89abcdef d=0f1e2d01 b=9abcdfbc sp=00007ffc bp=76543210 si=00304000 di=00308000 fl=014
; expect: read-only: sub to memory, then its flags memory: 586fd5d9
; expect: rep movsd to: #0e(0002) cr2=00305000 +00 a=12345678 c=00000034 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304030 di=00305000 fl=885
; expect: rep movsd to memory: 950a2098
; expect: rep movsd to rounds: 2eafa4af
; expect: rep movsd to, unaligned: #0e(0002) cr2=00305000 +00 a=12345678 c=00000035 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=0030402c di=00304ffe fl=885
; expect: rep movsd to, unaligned memory: 7577dfe7
; expect: rep movsd to, unaligned rounds: 2beef4bb
; expect: rep movsd from: #0e(0000) cr2=00305000 +00 a=12345678 c=00000034 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304fff di=00304030 fl=885
; expect: rep movsd from memory: 6187532f
; expect: rep movsd from rounds: 2eafa4af
; expect: rep movsb to: #0e(0002) cr2=00305000 +00 a=12345678 c=0000000f d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304031 di=00305000 fl=885
; expect: rep movsb to memory: f487532f
; expect: rep movsb to rounds: f759d7f3
; expect: rep movsb at once: #0e(0002) cr2=00305000 +00 a=12345678 c=00000040 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304000 di=00305000 fl=885
; expect: rep movsb at once memory: f487532f
; expect: rep movsb at once rounds: 97c1e23e
; expect: rep movsw backwards: #0e(0002) cr2=00303fff +01 a=12345678 c=00000037 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=003047ee di=00303fff fl=c85
; expect: rep movsw backwards memory: 2e18803b
; expect: rep movsw backwards rounds: 89665633
; expect: rep movsd overlapping: #0e(0000) cr2=00305000 +00 a=12345678 c=000003c0 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304fff di=00305000 fl=885
; expect: rep movsd overlapping memory: 5e5ae837
; expect: rep movsd overlapping rounds: f499d433
; expect: rep stosd: #0e(0002) cr2=00305000 +00 a=12345678 c=00000fee d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00305000 fl=885
; expect: rep stosd memory: 8e580a0e
; expect: rep stosd rounds: 66fe4654
; expect: rep stosb: #0e(0002) cr2=00305000 +00 a=12345678 c=00000fb9 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00305000 fl=885
; expect: rep stosb memory: 9d992bf4
; expect: rep stosb rounds: 7879f279
; expect: rep stosd backwards: #0e(0002) cr2=00303fff +01 a=12345678 c=00000fef d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00303fff fl=c85
; expect: rep stosd backwards memory: de409278
; expect: rep stosd backwards rounds: cbb514e0
; expect: rep stosd to read-only: #0e(0003) cr2=00308000 +00 a=12345678 c=00000ff7 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00307ffe fl=885
; expect: rep stosd to read-only memory: de409278
; expect: rep stosd to read-only rounds: 1da097a0
; expect: rep lodsd: #0e(0000) cr2=00305000 +00 a=78787878 c=00000fee d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00305000 di=00000000 fl=885
; expect: rep lodsd memory: de409278
; expect: rep lodsd rounds: 66fe4654
; expect: repe cmpsb: #0e(0000) cr2=00305000 +00 a=12345678 c=00000fc0 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00305000 di=00305000 fl=044
; expect: repe cmpsb memory: de409278
; expect: repe cmpsb rounds: 96e4691b
; expect: repe cmpsd, different pages: #0e(0000) cr2=00305000 +00 a=12345678 c=00000ff3 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00304ffe di=00304ffe fl=044
; expect: repe cmpsd, different pages memory: de409278
; expect: repe cmpsd, different pages rounds: 65189ae7
; expect: repne scasb: #0e(0000) cr2=00305000 +02 a=123456fe c=00000fe0 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00305000 fl=080
; expect: repne scasb memory: de409278
; expect: repne scasb rounds: 81e781e7
; expect: repne scasd: #0e(0000) cr2=00305000 +00 a=12345678 c=00000ff8 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00000000 di=00304ffe fl=085
; expect: repne scasd memory: de409278
; expect: repne scasd rounds: f77a0885
; expect: rep cmpsb, none: #0e(0000) cr2=00305000 +02 a=12345678 c=00000000 d=00000001 b=9abcdef0 sp=00007ffc bp=00000000 si=00305000 di=00305000 fl=885
; expect: rep cmpsb, none memory: de409278
; expect: rep cmpsb, none rounds: c795e73f
; expect: pusha: #0e(0006) cr2=00303ffc +02 a=8e38e339 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304004 bp=00304800 si=13572468 di=600d600d fl=094
; expect: pusha memory: abd51fac
; expect: pusha, 16 bits: #0e(0006) cr2=00303ffe +02 a=8091a20b c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304004 bp=00304800 si=13572468 di=600d600d fl=091
; expect: pusha, 16 bits memory: 6586505c
; expect: push: #0e(0006) cr2=00303ffc +03 a=77777697 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=811
; expect: push memory: a8cd4526
; expect: push word: #0e(0006) cr2=00303ffe +02 a=0da73fcd c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=811
; expect: push word memory: c7990a4f
; expect: push from memory and esp: #0e(0006) cr2=00303ffc +03 a=65431faf c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=805
; expect: push from memory and esp memory: d8aa16c9
; expect: pushf: #0e(0006) cr2=00303ffc +02 a=0da73fcd c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=811
; expect: pushf memory: 2440ee7b
; expect: call: #0e(0006) cr2=00303ffc +02 a=b851e8e6 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=090
; expect: call memory: ae7a8ef4
; expect: call register: #0e(0006) cr2=00303ffc +11 a=b851e8e6 c=89abcdef d=0f1e2d3c b=00005000 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=090
; expect: call register memory: ae7a8ef4
; expect: call memory: #0e(0006) cr2=00303ffc +0c a=b851e8e6 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=090
; expect: call memory memory: ae7a8ef4
; expect: enter: #0e(0006) cr2=00303ff8 +02 a=77777697 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304004 bp=0030400c si=13572468 di=600d600d fl=811
; expect: enter memory: b997e172
; expect: enter, its frame: #0e(0006) cr2=00303ff0 +02 a=e4b17e25 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304034 bp=00304078 si=13572468 di=600d600d fl=090
; expect: enter, its frame memory: 782a38d3
; expect: enter, nested: #0e(0006) cr2=00303ffc +07 a=d4c3b21a c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=090
; expect: enter, nested memory: d0e2bafb
; expect: enter, nested, own frame: #0e(0006) cr2=00303ffc +09 a=db9751c0 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304008 bp=0030400c si=13572468 di=600d600d fl=094
; expect: enter, nested, own frame memory: e2facf62
; expect: pop: #0e(0004) cr2=00305000 +06 a=12345718 c=89ab7878 d=78787878 b=78787878 sp=00305000 bp=00304800 si=13572468 di=600d600d fl=004
; expect: pop memory: e2facf62
; expect: popa: #0e(0004) cr2=00305000 +08 a=123456aa c=78787878 d=78787878 b=78787878 sp=00304fe4 bp=78787878 si=78787878 di=78787878 fl=004
; expect: popa memory: e2facf62
; expect: popa, 16 bits: #0e(0004) cr2=00305000 +06 a=12347878 c=89ab7878 d=0f1e7878 b=9abc7878 sp=00304ff4 bp=00307878 si=13577878 di=600d7878 fl=080
; expect: popa, 16 bits memory: e2facf62
; expect: pop to esp-relative memory: #0e(0006) cr2=00305000 +03 a=12345805 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304ff4 bp=00304800 si=13572468 di=600d600d fl=004
; expect: pop to esp-relative memory memory: ba9b6e1d
; expect: popf: #0e(0004) cr2=00305000 +11 a=2ea61be8 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00305000 bp=00304800 si=13572468 di=600d600d fl=044
; expect: popf memory: 9874cdfa
; expect: ret: #0e(0004) cr2=00305000 +12 a=12345678 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00305000 bp=00304800 si=13572468 di=600d600d fl=044
; expect: ret memory: dcf4addc
; expect: ret to what isn't there: #0e(0004) cr2=00305000 eip=00305000 a=12345678 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=003040fc bp=00304800 si=13572468 di=600d600d fl=081
; expect: ret to what isn't there memory: 745c0577
; expect: jmp to what isn't there: #0e(0004) cr2=00305000 eip=00305000 a=12345678 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=003040f4 bp=00304800 si=13572468 di=600d600d fl=081
; expect: jmp to what isn't there memory: 745c0577
; expect: leave: #0e(0004) cr2=00305000 +06 a=950c83d0 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304fdc bp=00305000 si=13572468 di=600d600d fl=090
; expect: leave memory: 745c0577
; expect: push fs, pop gs: #0e(0006) cr2=00303ffc +00 a=2ea61d68 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=811
; expect: push fs, pop gs memory: 7f0f2333
; expect: iret: #0e(0006) cr2=00303ffc +07 a=1b4e7f19 c=89abcdef d=0f1e2d3c b=9abcdef0 sp=00304000 bp=00304800 si=13572468 di=600d600d fl=000
; expect: iret memory: 1e457d86
; expect: supervisor page: #0e(0007) cr2=0030a000 +11 a=fa4fa3ef c=89abcdef d=0f1e2d3c b=9abcdef0 sp=003041fc bp=00304800 si=13572468 di=600d600d fl=085
; expect: supervisor page memory: 159623fa
; peer differs: shl, add to memory, xchg, xadd, cmpxchg, shld memory, inc memory, not memory, bts memory, pusha, enter
%include "harness.inc"
%include "hot.inc"

; The pages around END aren't there; the one before is. Below BEGIN there is nothing either.
BEGIN equ WINDOW + 0x4000
END_ equ WINDOW + 0x5000
RO equ WINDOW + 0x8000      ; read-only; the page before it is writable
SUP equ WINDOW + 0xa000     ; the supervisor's
STUB equ 0x5000             ; jumps to [back_to]

; FAULTS text, instructions: runs them in a loop, with EDI coming nearer to END_ by 4 until they fault. ECX, EDX,
; EBX, EBP have something in them. Logs the state then, and the checksum of the page.
%macro FAULTS 2-*
    mov dword [hook], 0
    T %1
    mov edi, END_ - 4000
    mov eax, 0x12345678
    mov ebx, 0x9abcdef0
    mov edx, 0x0f1e2d3c
    mov ebp, 0x76543210
    mov esi, BEGIN
    mov ecx, 0x89abcdef
    CATCH %%done
%%loop:
%rep %0 - 1
%rotate 1
    %1
%endrep
%rotate 1
    add edi, 4
    jmp %%loop
%%done:
    LOGKEPT %%loop
    LOG %1, " memory: "
    call page_sum
%endmacro

; The same in ring 3, on a stack of its own that goes down to below BEGIN. The loop is %%loop; ESP is what it is.
%macro USER_FAULTS 2-*
    T %1
    CATCH %%done
    push dword UDATA
    push dword BEGIN + HOT
    push dword UCODE
    push dword %%user
    mov ax, UDATA
    mov ds, ax
    mov es, ax
    mov eax, 0x12345678
    mov ebx, 0x9abcdef0
    mov ecx, 0x89abcdef
    mov edx, 0x0f1e2d3c
    mov ebp, BEGIN + 0x800
    mov esi, 0x13572468
    mov edi, 0x600d600d
    retf
%%user:
%rep %0 - 1
%rotate 1
    %1
%endrep
%rotate 1
    jmp %%user
%%done:
    LOGKEPT %%user
    LOG %1, " memory: "
    call page_sum
%endmacro

main:
    call paging_on
    call wp_on
    MAP BEGIN, FRAMES + 7
    MAP RO - 0x1000, FRAMES + 0x2007
    MAP RO, FRAMES + 0x3005
    MAP SUP, FRAMES + 0x4003
    mov word [STUB], 0x25ff
    mov dword [STUB + 2], back_to
    mov edi, BEGIN
    mov ecx, 1024
    mov eax, 0x01020304
.fill:
    stosd
    imul eax, eax, 0x10dcd
    add eax, 0x3039
    loop .fill
    mov esi, BEGIN
    mov edi, RO - 0x1000
    mov ecx, 1024
    rep movsd
    mov esi, BEGIN
    mov edi, FRAMES + 0x3000
    mov ecx, 1024
    rep movsd

    ; What is on the flags when it comes.
    FAULTS "add, load", {add eax, ebx}, {mov edx, [edi]}
    FAULTS "sub, load", {sub ebx, eax}, {mov edx, [edi]}
    FAULTS "cmp, load", {cmp eax, edi}, {mov edx, [edi]}
    FAULTS "cmp bytes, load", {cmp al, 0x79}, {movzx edx, byte [edi]}
    FAULTS "shl, load", {ror eax, 3}, {shl edx, 1}, {mov ebx, [edi]}
    FAULTS "inc, load", {stc}, {inc eax}, {mov edx, [edi]}
    FAULTS "dec keeps carry, load", {add ebx, ebx}, {dec eax}, {mov edx, [edi]}
    FAULTS "neg, store", {neg eax}, {mov [edi], eax}
    FAULTS "and, store", {xor eax, edi}, {and eax, ecx}, {or eax, 0x80000000}, {test eax, eax}, \
        {mov [edi + 1], al}, {mov [edi], ebx}
    FAULTS "adc chain, load", {add eax, ecx}, {adc ebx, edx}, {sbb ecx, 3}, {mov ebp, [edi]}
    FAULTS "flags not used after", {add eax, ebx}, {mov edx, [edi]}, {cmp eax, 5}
    FAULTS "flags set again after", {cmp eax, ebx}, {mov edx, [edi]}, {add edx, 1}, {setc dl}
    FAULTS "flags of two, load", {cmp eax, ebx}, {rol ecx, 1}, {mov edx, [edi]}
    FAULTS "bt, store", {add eax, ecx}, {xor ebp, ebp}, {bt eax, 4}, {mov [edi], dl}
    FAULTS "imul, load", {imul eax, ecx, 0x10001}, {mov ebx, 0}, {add ebx, eax}, {mov edx, [edi]}

    ; What must not have been changed.
    FAULTS "add from memory", {add eax, 0x1001}, {adc eax, [edi]}
    FAULTS "add to memory", {add eax, 0x1001}, {adc [edi], eax}
    FAULTS "xchg", {add eax, 0x1001}, {xchg eax, [edi]}
    FAULTS "xadd", {add eax, 0x1001}, {lock xadd [edi], eax}
    FAULTS "cmpxchg", {add ebx, 0x1001}, {cmpxchg [edi], ebx}
    FAULTS "cmpxchg8b", {add eax, 3}, {cmpxchg8b [edi]}
    FAULTS "shl memory", {add eax, 0x1001}, {shl dword [edi], cl}
    FAULTS "shl memory by 0", {mov cl, 0}, {add eax, 0x1001}, {shl dword [edi], cl}
    FAULTS "shld memory", {add eax, 0x1001}, {shld [edi], eax, 7}
    FAULTS "inc memory", {add eax, ecx}, {inc dword [edi]}
    FAULTS "not memory", {add eax, ecx}, {not dword [edi]}
    FAULTS "bts memory", {add eax, ecx}, {bts dword [edi], 3}
    FAULTS "setcc", {add eax, ecx}, {setc [edi]}
    FAULTS "cmov not taken", {add eax, ecx}, {stc}, {cmovnc edx, [edi]}
    FAULTS "mul", {add eax, 3}, {mul dword [edi]}
    FAULTS "imul", {add eax, 3}, {imul ebx, [edi], 5}
    FAULTS "div", {xor edx, edx}, {add eax, 3}, {div dword [edi]}
    FAULTS "bsf", {add eax, 3}, {bsf edx, [edi]}
    FAULTS "pop to memory", {push eax}, {pop dword [edi]}
    FAULTS "push from memory", {add eax, 3}, {push dword [edi]}, {pop edx}
    FAULTS "lodsd", {mov esi, edi}, {add ebx, 3}, lodsd
    FAULTS "movsd", {add ebx, 3}, movsd, {sub edi, 4}
    FAULTS "movsd from", {xchg esi, edi}, {add ebx, 3}, movsd, {xchg esi, edi}, {sub edi, 4}, {mov esi, BEGIN}
    FAULTS "cmpsd", {add ebx, 3}, cmpsd, {sub edi, 4}
    FAULTS "scasd", {add ebx, 3}, scasd, {sub edi, 4}
    FAULTS "xlat", {mov ebx, edi}, {add edx, 3}, {xlatb}
    FAULTS "enter", {mov ebp, edi}, {add edx, 3}, {enter 16, 2}, {leave}
    FAULTS "leave", {mov ebp, edi}, {mov [.esp], esp}, {add edx, 3}, {leave}, {mov esp, [.esp]}
    FAULTS "jmp through memory", {mov dword [edi - 4], .j1}, {add edx, 3}, {jmp [edi - 4]}, \
        {.j1: mov dword [edi - 4], 0}, {add edx, [edi]}
    FAULTS "fst", {fninit}, {fld1}, {add edx, 3}, {fst qword [edi]}
    FAULTS "movq", {add edx, 3}, {movd mm0, eax}, {movq [edi - 4], mm0}, emms

    ; Several accesses off one register: those before the page's end are done, the rest isn't.
    FAULTS "stores off one register", {add eax, edi}, {mov [edi - 12], al}, {mov [edi - 8], ah}, \
        {mov [edi - 4], eax}, {mov [edi], eax}, {mov [edi + 4], eax}
    FAULTS "stores off one register, downwards", {add eax, edi}, {mov [edi - 4], eax}, \
        {mov [edi - 8], ebx}, {mov [edi], eax}, {mov [edi - 12], edx}
    FAULTS "stores in the middle", {add eax, edi}, {mov [edi - 1], ax}, {mov [edi + 2], eax}, \
        {mov [edi - 3], edx}
    FAULTS "loads off one register", {add eax, edi}, {mov ebx, [edi - 8]}, {mov ecx, [edi - 4]}, \
        {mov edx, [edi]}, {mov ebp, [edi + 4]}
    FAULTS "loads, stores, flags", {mov ebx, [edi - 8]}, {add ebx, [edi - 4]}, {mov [edi - 8], ebx}, \
        {adc ecx, [edi]}, {mov [edi + 4], ecx}
    FAULTS "a load over itself", {mov edx, edi}, {add eax, edx}, {mov edx, [edx - 2]}, \
        {add eax, [edi - 3]}, {mov edi, edi}

    ; A read-only page behind a writable one.
%macro RO_FAULTS 2-*
    mov dword [hook], 0
    T %1
    mov edi, RO - 4000
    mov eax, 0x12345678
    mov ebx, 0x9abcdef0
    mov edx, 0x0f1e2d3c
    mov ebp, 0x76543210
    mov esi, BEGIN
    mov ecx, 0x89abcdef
    CATCH %%done
%%loop:
%rep %0 - 1
%rotate 1
    %1
%endrep
%rotate 1
    add edi, 4
    jmp %%loop
%%done:
    LOGKEPT %%loop
    LOG %1, " memory: "
    call ro_sum
%endmacro
    RO_FAULTS "read-only: store", {add eax, ecx}, {mov [edi], eax}
    RO_FAULTS "read-only: load, then store", {add eax, ecx}, {mov edx, [edi]}, {mov [edi], eax}
    RO_FAULTS "read-only: load, add, store", {mov edx, [edi]}, {add edx, eax}, {mov [edi], edx}
    RO_FAULTS "read-only: add to memory", {add eax, ecx}, {adc [edi], eax}
    RO_FAULTS "read-only: add across", {add eax, ecx}, {adc [edi - 2], eax}
    RO_FAULTS "read-only: xchg", {add eax, ecx}, {xchg [edi], eax}
    RO_FAULTS "read-only: cmpxchg that fails", {mov eax, 0}, {add ebx, ecx}, {cmpxchg [edi], ebx}
    RO_FAULTS "read-only: inc bytes", {add eax, ecx}, {inc byte [edi + 3]}
    RO_FAULTS "read-only: bt only reads", {bt dword [edi], 3}, {adc eax, 0}, {btr dword [edi], 4}
    RO_FAULTS "read-only: movsd", {add ebx, ecx}, movsd, {sub edi, 4}
    RO_FAULTS "read-only: sub to memory, then its flags", {sub [edi], eax}, {setc dl}, {adc ebx, 0}

    ; Strings. The registers say how far they got.
%macro STRING 5-*   ; text, ECX, ESI, EDI, instructions
    T %1
    mov dword [.round], WARM
%%again:
    mov ecx, %2
    mov esi, %3
    mov edi, %4
    mov eax, 0x12345678
    mov ebx, 0x9abcdef0
    mov edx, [.round]
    mov ebp, 0
    CATCH %%done
    cmp dl, 0x80
%%insn:
%rotate 4
%rep %0 - 4
    %1
%rotate 1
%endrep
    cld
    mov byte [kept.vector], 0xff        ; no fault
%%done:
    cld
    mov eax, [kept.eflags]
    and eax, 0x0fd5
    mov ebx, [kept.ecx]
    MIX eax, ebx
    dec dword [.round]
    jnz %%again
    LOGKEPT %%insn
    LOG %1, " memory: "
    call page_sum
    LOG %1, " rounds: "
    LOGSUM
%endmacro
    STRING "rep movsd to", 0x40, BEGIN, END_ - 0x30, rep movsd
    STRING "rep movsd to, unaligned", 0x40, BEGIN, END_ - 0x2e, rep movsd
    STRING "rep movsd from", 0x40, END_ - 0x31, BEGIN, rep movsd
    STRING "rep movsb to", 0x40, BEGIN, END_ - 0x31, rep movsb
    STRING "rep movsb at once", 0x40, BEGIN, END_, rep movsb
    STRING "rep movsw backwards", 0x40, BEGIN + 0x800, BEGIN + 0x11, {std}, {rep movsw}
    STRING "rep movsd overlapping", 0x400, END_ - 0x101, END_ - 0x100, rep movsd
    STRING "rep stosd", 0x1000, 0, END_ - 0x48, rep stosd
    STRING "rep stosb", 0x1000, 0, END_ - 0x47, rep stosb
    STRING "rep stosd backwards", 0x1000, 0, BEGIN + 0x43, {std}, {rep stosd}
    STRING "rep stosd to read-only", 0x1000, 0, RO - 0x26, rep stosd
    STRING "rep lodsd", 0x1000, END_ - 0x48, 0, rep lodsd
    STRING "repe cmpsb", 0x1000, END_ - 0x40, END_ - 0x40, repe cmpsb
    STRING "repe cmpsd, different pages", 0x1000, END_ - 0x36, END_ - 0x36, repe cmpsd
    STRING "repne scasb", 0x1000, 0, END_ - 0x20, {mov al, 0xfe}, {repne scasb}
    STRING "repne scasd", 0x1000, 0, END_ - 0x22, repne scasd
    STRING "rep cmpsb, none", 0, END_, END_, {repe cmpsb}, {mov al, [END_]}

    ; The stack.
    USER_FAULTS "pusha", {add eax, ecx}, pushad
    USER_FAULTS "pusha, 16 bits", {add eax, ecx}, pushaw
    USER_FAULTS "push", {add eax, ecx}, {push eax}, {push ebx}, {push edx}
    USER_FAULTS "push word", {add eax, ecx}, {push ax}, {push dword 3}, {push fs}
    USER_FAULTS "push from memory and esp", {add eax, ecx}, {push esp}, {push dword [esp + 4]}
    USER_FAULTS "pushf", {add eax, ecx}, pushfd, pushfd, pushfw
    USER_FAULTS "call", {add eax, ecx}, {call .c1}, {.c1: mov dword [esp], 0x77}
    USER_FAULTS "call register", {mov dword [back_to], .c2}, {mov ebx, STUB}, {add eax, ecx}, \
        {call ebx}, {.c2: mov dword [esp], 0x77}
    USER_FAULTS "call memory", {mov dword [back_to], .c3}, {add eax, ecx}, {call [back_to]}, \
        {.c3: mov dword [esp], 0x77}
    USER_FAULTS "enter", {add eax, ecx}, {enter 8, 0}
    USER_FAULTS "enter, its frame", {add eax, ecx}, {enter 0x40, 0}, {push eax}
    USER_FAULTS "enter, nested", {mov ebp, BEGIN + 0x800}, {add eax, ecx}, {enter 4, 3}
    USER_FAULTS "enter, nested, own frame", {sub esp, 4}, {lea ebp, [esp + 4]}, {add eax, ecx}, \
        {enter 4, 2}, {mov esp, ebp}
    USER_FAULTS "pop", {add eax, 1}, {pop edx}, {pop cx}, {pop ebx}
    USER_FAULTS "popa", {add eax, 1}, {mov [.round], eax}, popad, {mov eax, [.round]}
    USER_FAULTS "popa, 16 bits", {add [.round], ecx}, popaw
    USER_FAULTS "pop to esp-relative memory", {add eax, 1}, {pop dword [esp + 8]}
    USER_FAULTS "popf", {add eax, ecx}, {cmp esp, END_}, {jae .p1}, {and dword [esp], 0xcd5}, {.p1: popfd}
    USER_FAULTS "ret", {add esp, 12}, {cmp esp, END_}, {jae .r1}, {mov dword [esp], .r2}, {.r1: ret}, \
        {.r2: mov dword [esp - 4], 0}
    USER_FAULTS "ret to what isn't there", {sub esp, 12}, {mov dword [esp], .r3}, \
        {cmp esp, BEGIN + 0x100}, {jae .r4}, {mov dword [esp], END_}, {.r4: ret}, \
        {.r3: mov dword [esp - 4], 0}
    USER_FAULTS "jmp to what isn't there", {sub esp, 12}, {mov dword [back_to], .j2}, \
        {cmp esp, BEGIN + 0x100}, {jae .j3}, {mov dword [back_to], END_}, {.j3: jmp [back_to]}, {.j2:}
    USER_FAULTS "leave", {lea ebp, [esp + 36]}, {add eax, ecx}, leave
    USER_FAULTS "push fs, pop gs", {push fs}, {add eax, 1}, {pop gs}, {add eax, ecx}, {push ds}
    USER_FAULTS "iret", {push dword [.flags]}, {push cs}, {push dword .i1}, {add eax, ecx}, {iretd}, \
        {.i1: mov dword [esp - 12], 0}, {sub esp, 4}
    USER_FAULTS "supervisor page", {add eax, ecx}, {mov [esp - 4], eax}, {sub esp, 8}, \
        {cmp esp, BEGIN + 0x200}, {ja .s1}, {mov [SUP], eax}, {.s1: nop}
    jmp finish
.round: dd 0
.flags: dd 0x2
.esp: dd 0

back_to: dd 0

; Prints a checksum of the page at BEGIN, and for ro_sum of those that are read-only and before.
page_sum:
    pushad
    mov esi, FRAMES
    mov ecx, 1024
sum_pages:
    xor eax, eax
.next:
    rol eax, 5
    xor eax, [esi]
    add esi, 4
    dec ecx
    jnz .next
    LOGX eax
    NL
    popad
    ret
ro_sum:
    pushad
    mov esi, FRAMES + 0x2000
    mov ecx, 2048
    jmp sum_pages
END
