// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers of keys. Source: Linux, Documentation/input and uapi/linux/input-event-codes.h; the RFB protocol as the
// community maintains it (rfbproto), "QEMU Extended Key Event Message"; USB HID Usage Tables 1.12, page 07.
#include "ui/key_codes.h"

#include <iterator>

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

// From usage 4 on, without gaps, as far as the table goes.
constexpr uint32_t kFirstUsage = 0x04, kFirstModifier = 0xe0;
constexpr Key kUsages[] = {
    Key::kA, Key::kB, Key::kC, Key::kD, Key::kE, Key::kF, Key::kG, Key::kH, Key::kI, Key::kJ, Key::kK, Key::kL,
    Key::kM, Key::kN, Key::kO, Key::kP, Key::kQ, Key::kR, Key::kS, Key::kT, Key::kU, Key::kV, Key::kW, Key::kX,
    Key::kY, Key::kZ, Key::k1, Key::k2, Key::k3, Key::k4, Key::k5, Key::k6, Key::k7, Key::k8, Key::k9, Key::k0,
    Key::kRet, Key::kEsc, Key::kBackspace, Key::kTab, Key::kSpc, Key::kMinus, Key::kEqual, Key::kBracketLeft,
    Key::kBracketRight, Key::kBackslash, Key::kBackslash, Key::kSemicolon, Key::kApostrophe, Key::kGraveAccent,
    Key::kComma, Key::kDot, Key::kSlash, Key::kCapsLock, Key::kF1, Key::kF2, Key::kF3, Key::kF4, Key::kF5,
    Key::kF6, Key::kF7, Key::kF8, Key::kF9, Key::kF10, Key::kF11, Key::kF12, Key::kPrint, Key::kScrollLock,
    Key::kPause, Key::kInsert, Key::kHome, Key::kPgup, Key::kDelete, Key::kEnd, Key::kPgdn, Key::kRight,
    Key::kLeft, Key::kDown, Key::kUp, Key::kNumLock, Key::kKpDivide, Key::kKpMultiply, Key::kKpSubtract,
    Key::kKpAdd, Key::kKpEnter, Key::kKp1, Key::kKp2, Key::kKp3, Key::kKp4, Key::kKp5, Key::kKp6, Key::kKp7,
    Key::kKp8, Key::kKp9, Key::kKp0, Key::kKpDecimal, Key::kLess, Key::kCompose, Key::kPower, Key::kKpEquals,
    Key::kF13, Key::kF14, Key::kF15, Key::kF16, Key::kF17, Key::kF18, Key::kF19, Key::kF20, Key::kF21, Key::kF22,
    Key::kF23, Key::kF24, Key::kOpen, Key::kHelp, Key::kProps, Key::kFront, Key::kStop, Key::kAgain, Key::kUndo,
    Key::kCut, Key::kCopy, Key::kPaste, Key::kFind, Key::kAudioMute, Key::kVolumeUp, Key::kVolumeDown,
    Key::kNone, Key::kNone, Key::kNone, Key::kKpComma, Key::kKpEquals, Key::kRo, Key::kKatakanahiragana,
    Key::kYen, Key::kHenkan, Key::kMuhenkan, Key::kKpComma, Key::kNone, Key::kNone, Key::kNone, Key::kLang1,
    Key::kLang2,
};
constexpr Key kModifiers[] = {Key::kCtrl, Key::kShift, Key::kAlt, Key::kMetaL,
                              Key::kCtrlR, Key::kShiftR, Key::kAltR, Key::kMetaR};

}  // namespace

Key key_of_usage(uint32_t usage) {
    if (usage >= kFirstUsage && usage - kFirstUsage < std::size(kUsages)) return kUsages[usage - kFirstUsage];
    if (usage >= kFirstModifier && usage - kFirstModifier < std::size(kModifiers))
        return kModifiers[usage - kFirstModifier];
    return Key::kNone;
}

Key key_of_scan_code(uint32_t code) {
    if (code > 0xff) return Key::kNone;
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
