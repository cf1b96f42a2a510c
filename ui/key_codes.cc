// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers of keys. Source: Linux, Documentation/input and uapi/linux/input-event-codes.h; the RFB protocol as the
// community maintains it (rfbproto), "QEMU Extended Key Event Message".
#include "ui/key_codes.h"

#include <linux/input-event-codes.h>

#include "hw/input/scancodes.h"

namespace qr {

namespace {

struct LinuxKey {
    uint16_t code;
    Key key;
};

// Those that aren't numbered like set 1.
constexpr LinuxKey kLinux[] = {
    {KEY_KPENTER, Key::kKpEnter}, {KEY_RIGHTCTRL, Key::kCtrlR}, {KEY_KPSLASH, Key::kKpDivide},
    {KEY_SYSRQ, Key::kPrint}, {KEY_RIGHTALT, Key::kAltR}, {KEY_LINEFEED, Key::kLf}, {KEY_HOME, Key::kHome},
    {KEY_UP, Key::kUp}, {KEY_PAGEUP, Key::kPgup}, {KEY_LEFT, Key::kLeft}, {KEY_RIGHT, Key::kRight},
    {KEY_END, Key::kEnd}, {KEY_DOWN, Key::kDown}, {KEY_PAGEDOWN, Key::kPgdn}, {KEY_INSERT, Key::kInsert},
    {KEY_DELETE, Key::kDelete}, {KEY_MUTE, Key::kAudioMute}, {KEY_VOLUMEDOWN, Key::kVolumeDown},
    {KEY_VOLUMEUP, Key::kVolumeUp}, {KEY_POWER, Key::kPower}, {KEY_KPEQUAL, Key::kKpEquals},
    {KEY_PAUSE, Key::kPause}, {KEY_KPCOMMA, Key::kKpComma}, {KEY_HANGEUL, Key::kLang1}, {KEY_HANJA, Key::kLang2},
    {KEY_YEN, Key::kYen}, {KEY_LEFTMETA, Key::kMetaL}, {KEY_RIGHTMETA, Key::kMetaR}, {KEY_COMPOSE, Key::kCompose},
    {KEY_STOP, Key::kStop}, {KEY_AGAIN, Key::kAgain}, {KEY_PROPS, Key::kProps}, {KEY_UNDO, Key::kUndo},
    {KEY_FRONT, Key::kFront}, {KEY_COPY, Key::kCopy}, {KEY_OPEN, Key::kOpen}, {KEY_PASTE, Key::kPaste},
    {KEY_FIND, Key::kFind}, {KEY_CUT, Key::kCut}, {KEY_HELP, Key::kHelp}, {KEY_MENU, Key::kMenu},
    {KEY_CALC, Key::kCalculator}, {KEY_SLEEP, Key::kSleep}, {KEY_WAKEUP, Key::kWake}, {KEY_MAIL, Key::kMail},
    {KEY_BOOKMARKS, Key::kAcBookmarks}, {KEY_COMPUTER, Key::kComputer}, {KEY_BACK, Key::kAcBack},
    {KEY_FORWARD, Key::kAcForward}, {KEY_NEXTSONG, Key::kAudioNext}, {KEY_PLAYPAUSE, Key::kAudioPlay},
    {KEY_PREVIOUSSONG, Key::kAudioPrev}, {KEY_STOPCD, Key::kAudioStop}, {KEY_HOMEPAGE, Key::kAcHome},
    {KEY_REFRESH, Key::kAcRefresh}, {KEY_MEDIA, Key::kMediaSelect}, {KEY_RO, Key::kRo},
    {KEY_HENKAN, Key::kHenkan}, {KEY_KATAKANAHIRAGANA, Key::kKatakanahiragana},
    {KEY_HIRAGANA, Key::kHiragana}, {KEY_MUHENKAN, Key::kMuhenkan}, {KEY_KPJPCOMMA, Key::kKpComma},
    {KEY_F13, Key::kF13}, {KEY_F14, Key::kF14}, {KEY_F15, Key::kF15}, {KEY_F16, Key::kF16},
    {KEY_F17, Key::kF17}, {KEY_F18, Key::kF18}, {KEY_F19, Key::kF19}, {KEY_F20, Key::kF20},
    {KEY_F21, Key::kF21}, {KEY_F22, Key::kF22}, {KEY_F23, Key::kF23}, {KEY_F24, Key::kF24},
};

}  // namespace

Key key_of_scan_code(uint32_t code) {
    const bool extended = code & 0x80;
    // Pause is E1 1D 45 on the wire; clients send what they have of it. Print Screen comes with or without Alt.
    if (code == 0xc6 || code == 0xc5) return Key::kPause;
    if (code == 0xb7 || code == 0x54) return Key::kPrint;
    for (uint16_t n = 1; n < static_cast<uint16_t>(Key::kCount); ++n) {
        const Key key = static_cast<Key>(n);
        const ScanCode scan = scan_code(key);
        if (scan.set1 && scan.set1 == (code & 0x7f) && scan.extended == extended) return key;
    }
    return Key::kNone;
}

Key key_of_linux(uint32_t code) {
    for (const LinuxKey& row : kLinux)
        if (row.code == code) return row.key;
    return code && code <= KEY_F12 ? key_of_scan_code(code) : Key::kNone;
}

}  // namespace qr
