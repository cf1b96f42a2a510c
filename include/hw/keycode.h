// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of a keyboard by number and name, independent of layout and scan code. The numbers are part
// of the log format ("keyboard" port) and never change; new keys go to the end. Names are those of
// the monitor's `sendkey` and QMP's QKeyCode.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace qr {

enum class Key : uint16_t {
    kNone, kShift, kShiftR, kAlt, kAltR, kCtrl, kCtrlR, kMenu, kEsc,
    k1, k2, k3, k4, k5, k6, k7, k8, k9, k0, kMinus, kEqual, kBackspace, kTab,
    kQ, kW, kE, kR, kT, kY, kU, kI, kO, kP, kBracketLeft, kBracketRight, kRet,
    kA, kS, kD, kF, kG, kH, kJ, kK, kL, kSemicolon, kApostrophe, kGraveAccent, kBackslash,
    kZ, kX, kC, kV, kB, kN, kM, kComma, kDot, kSlash, kSpc, kCapsLock,
    kF1, kF2, kF3, kF4, kF5, kF6, kF7, kF8, kF9, kF10, kF11, kF12, kNumLock, kScrollLock,
    kKpDivide, kKpMultiply, kKpSubtract, kKpAdd, kKpEnter, kKpDecimal,
    kKp0, kKp1, kKp2, kKp3, kKp4, kKp5, kKp6, kKp7, kKp8, kKp9,
    kSysrq, kLess, kPrint, kPause, kHome, kPgup, kPgdn, kEnd, kLeft, kUp, kDown, kRight,
    kInsert, kDelete, kStop, kAgain, kProps, kUndo, kFront, kCopy, kOpen, kPaste, kFind, kCut,
    kLf, kHelp, kMetaL, kMetaR, kCompose, kRo, kHiragana, kHenkan, kYen, kMuhenkan,
    kKatakanahiragana, kKpComma, kKpEquals, kPower, kSleep, kWake, kAudioNext, kAudioPrev,
    kAudioStop, kAudioPlay, kAudioMute, kVolumeUp, kVolumeDown, kMediaSelect, kMail, kCalculator,
    kComputer, kAcHome, kAcBack, kAcForward, kAcRefresh, kAcBookmarks, kLang1, kLang2,
    kF13, kF14, kF15, kF16, kF17, kF18, kF19, kF20, kF21, kF22, kF23, kF24,
    kCount
};

std::string_view key_name(Key key);
// Also QEMU's other spellings ("asterisk" is kp_multiply).
std::optional<Key> key_by_name(std::string_view name);

}  // namespace qr
