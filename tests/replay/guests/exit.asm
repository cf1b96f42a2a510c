; SPDX-License-Identifier: GPL-2.0-or-later
;
; Ends at once, with code CODE (the emulator's exit status is 2 * CODE + 1).
%include "guest.inc"

main:
    EXIT CODE
END
