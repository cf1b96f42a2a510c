# SPDX-License-Identifier: GPL-2.0-or-later
#
# The option ROM that starts a kernel given with -kernel. SeaBIOS finds it among the firmware files
# ("genroms/linuxboot.bin"), lists it as a boot device because of its Plug and Play header, and
# calls its bootstrap entry vector when it's chosen. It has the firmware configuration device copy
# the parts of the kernel to their places by DMA, which needs neither protected mode nor the A20
# gate, and enters the kernel's setup code.
#
# Sources: Plug and Play BIOS specification 1.0A (3.2, 3.3), BIOS Boot Specification 1.01 (3.2),
# fw_cfg.rst (DMA interface), "The Linux/x86 Boot Protocol" ("Running the Kernel").
#
# Runs in real mode on any 386, with the stack of whoever calls it. Size and checksums are filled in
# by scripts/sign-option-rom.py.

        .set    FW_CFG_SELECTOR, 0x510
        .set    FW_CFG_DATA, 0x511
        .set    FW_CFG_DMA_HIGH, 0x514
        .set    FW_CFG_DMA_LOW, 0x518
        .set    DMA_READ_SELECTED, 0x0a         # select, read

        .set    KEY_KERNEL_ADDR, 0x07
        .set    KEY_KERNEL_SIZE, 0x08
        .set    KEY_INITRD_ADDR, 0x0a
        .set    KEY_INITRD_SIZE, 0x0b
        .set    KEY_KERNEL_DATA, 0x11
        .set    KEY_INITRD_DATA, 0x12
        .set    KEY_CMDLINE_ADDR, 0x13
        .set    KEY_CMDLINE_SIZE, 0x14
        .set    KEY_CMDLINE_DATA, 0x15
        .set    KEY_SETUP_ADDR, 0x16
        .set    KEY_SETUP_SIZE, 0x17
        .set    KEY_SETUP_DATA, 0x18

        .arch   i386
        .code16
        .intel_syntax noprefix
        .text

rom:
        .byte   0x55, 0xaa
        .byte   0                               # size in sectors
        jmp     initialize
        .org    0x18
        .word   0                               # not a PCI ROM
        .word   pnp_header - rom

        .balign 16
pnp_header:
        .ascii  "$PnP"
        .byte   1                               # revision
        .byte   2                               # length in paragraphs
        .word   0                               # no further header
        .byte   0
        .byte   0                               # checksum
        .long   0                               # device identifier: none
        .word   manufacturer - rom
        .word   product - rom
        .byte   1, 0x80, 0                      # mass storage, other
        .byte   0x64                            # shadowable, cacheable, loads a system
        .word   0                               # boot connection vector: none
        .word   0                               # disconnect vector: none
        .word   boot - rom                      # bootstrap entry vector
        .word   0
        .word   0                               # static resources: none

manufacturer:
        .asciz  "qemu-replay"
product:
        .asciz  "Linux loader"
message:
        .asciz  "Linux loader: the kernel could not be read from fw_cfg\r\n"

# Called while devices are set up. AX bits 5:4 = 10: an initial program load device is there.
initialize:
        mov     ax, 0x0020
        retf

# Copies one part: bytes from item \data to memory. Items \addr and \size say where and how many.
        .macro  load addr, size, data
        mov     ax, \addr
        call    read_dword
        mov     edi, eax
        mov     ax, \size
        call    read_dword
        mov     esi, eax
        mov     ax, \data
        call    copy_item
        .endm

# The bootstrap entry vector.
boot:
        cld
        load    KEY_SETUP_ADDR, KEY_SETUP_SIZE, KEY_SETUP_DATA
        load    KEY_CMDLINE_ADDR, KEY_CMDLINE_SIZE, KEY_CMDLINE_DATA
        load    KEY_KERNEL_ADDR, KEY_KERNEL_SIZE, KEY_KERNEL_DATA
        load    KEY_INITRD_ADDR, KEY_INITRD_SIZE, KEY_INITRD_DATA

# All data segments at setup's start, CS 0x20 above, IP 0; the stack grows down from the command
# line.
        mov     ax, KEY_CMDLINE_ADDR
        call    read_dword
        mov     edi, eax
        mov     ax, KEY_SETUP_ADDR
        call    read_dword
        sub     edi, eax
        sub     edi, 16
        shr     eax, 4
        mov     dx, ax
        add     dx, 0x20

        cli
        mov     ss, ax
        mov     esp, edi
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        push    dx
        push    0
        xor     eax, eax
        xor     ebx, ebx
        xor     ecx, ecx
        xor     edx, edx
        xor     esi, esi
        xor     edi, edi
        xor     ebp, ebp
        retf

# EAX: the 32-bit number that item AX holds. Changes DX.
read_dword:
        mov     dx, FW_CFG_SELECTOR
        out     dx, ax
        mov     dx, FW_CFG_DATA
        in      al, dx
        mov     ah, al
        in      al, dx
        xchg    al, ah
        rol     eax, 16
        in      al, dx
        mov     ah, al
        in      al, dx
        xchg    al, ah
        rol     eax, 16
        ret

# Copies ESI bytes of item AX to address EDI; nothing if there are none. Changes EAX, EBX, EDX.
copy_item:
        test    esi, esi
        jz      copied
        movzx   ebx, ax
        shl     ebx, 16
        or      ebx, DMA_READ_SELECTED

# The descriptor, big-endian, built on the stack: control, length, address (64 bits).
        mov     eax, edi
        call    swap
        push    eax
        push    dword ptr 0
        mov     eax, esi
        call    swap
        push    eax
        mov     eax, ebx
        call    swap
        push    eax

        xor     eax, eax
        mov     dx, FW_CFG_DMA_HIGH
        out     dx, eax
        mov     ax, ss
        shl     eax, 4
        movzx   ebx, sp
        add     eax, ebx
        call    swap
        mov     dx, FW_CFG_DMA_LOW
        out     dx, eax

# The device clears all bits when it's done, but for an error, bit 0 of the big-endian word.
        mov     bp, sp
wait_done:
        mov     eax, [bp]
        test    eax, 0xfeffffff
        jnz     wait_done
        add     sp, 16
        test    eax, eax
        jnz     failed
copied:
        ret

# EAX with its bytes in reverse.
swap:
        xchg    al, ah
        rol     eax, 16
        xchg    al, ah
        ret

# Says so, and lets the firmware try the next device.
failed:
        push    cs
        pop     ds
        mov     si, offset message - rom
next_character:
        lodsb
        test    al, al
        jz      give_up
        mov     ah, 0x0e
        mov     bx, 7
        int     0x10
        jmp     next_character
give_up:
        int     0x18
        jmp     give_up
