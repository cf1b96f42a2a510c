// SPDX-License-Identifier: GPL-2.0-or-later
// Keys by others' numbers and by what is printed on them.
#include "ui/keymap.h"

#include <gtest/gtest.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#include "ui/key_codes.h"

namespace qr {
namespace {

TEST(KeyCodes, Linux) {
    EXPECT_EQ(key_of_linux(1), Key::kEsc);
    EXPECT_EQ(key_of_linux(30), Key::kA);
    EXPECT_EQ(key_of_linux(88), Key::kF12);
    EXPECT_EQ(key_of_linux(96), Key::kKpEnter);
    EXPECT_EQ(key_of_linux(103), Key::kUp);
    EXPECT_EQ(key_of_linux(119), Key::kPause);
    EXPECT_EQ(key_of_linux(0), Key::kNone);
    EXPECT_EQ(key_of_linux(5000), Key::kNone);
}

TEST(KeyCodes, ScanCodes) {
    EXPECT_EQ(key_of_scan_code(0x1e), Key::kA);
    EXPECT_EQ(key_of_scan_code(0x1c), Key::kRet);
    EXPECT_EQ(key_of_scan_code(0x9c), Key::kKpEnter);
    EXPECT_EQ(key_of_scan_code(0xc8), Key::kUp);
    EXPECT_EQ(key_of_scan_code(0x48), Key::kKp8);
    EXPECT_EQ(key_of_scan_code(0xc6), Key::kPause);
    EXPECT_EQ(key_of_scan_code(0xb7), Key::kPrint);
    EXPECT_EQ(key_of_scan_code(0x45), Key::kNumLock);
    EXPECT_EQ(key_of_scan_code(0), Key::kNone);
    EXPECT_EQ(key_of_scan_code(0x1234), Key::kNone);
}

TEST(KeyCodes, Usages) {
    EXPECT_EQ(key_of_usage(0x04), Key::kA);
    EXPECT_EQ(key_of_usage(0x27), Key::k0);
    EXPECT_EQ(key_of_usage(0x28), Key::kRet);
    EXPECT_EQ(key_of_usage(0x38), Key::kSlash);
    EXPECT_EQ(key_of_usage(0x45), Key::kF12);
    EXPECT_EQ(key_of_usage(0x52), Key::kUp);
    EXPECT_EQ(key_of_usage(0x63), Key::kKpDecimal);
    EXPECT_EQ(key_of_usage(0x65), Key::kCompose);
    EXPECT_EQ(key_of_usage(0x73), Key::kF24);
    EXPECT_EQ(key_of_usage(0x7f), Key::kAudioMute);
    EXPECT_EQ(key_of_usage(0x87), Key::kRo);
    EXPECT_EQ(key_of_usage(0x91), Key::kLang2);
    EXPECT_EQ(key_of_usage(0xe0), Key::kCtrl);
    EXPECT_EQ(key_of_usage(0xe7), Key::kMetaR);
    for (const uint32_t none : {0u, 3u, 0x92u, 0xe8u, 0x10000u}) EXPECT_EQ(key_of_usage(none), Key::kNone);
}

struct Symbol {
    uint32_t keysym;
    Key key;
    bool shift;
};

void expect(const char* layout, std::initializer_list<Symbol> symbols) {
    const auto map = Keymap::load(layout);
    ASSERT_TRUE(map) << map.error().message;
    for (const Symbol& s : symbols) {
        const auto place = (*map)->find(s.keysym);
        ASSERT_TRUE(place) << layout << std::hex << " " << s.keysym;
        EXPECT_EQ(key_name(place->key), key_name(s.key)) << layout << std::hex << " " << s.keysym;
        EXPECT_EQ(place->shift, s.shift) << layout << std::hex << " " << s.keysym;
    }
}

TEST(Keymap, American) {
    expect("en-us", {{'a', Key::kA, false}, {'A', Key::kA, true}, {'1', Key::k1, false}, {'!', Key::k1, true},
                     {'/', Key::kSlash, false}, {'?', Key::kSlash, true}, {'|', Key::kBackslash, true},
                     {' ', Key::kSpc, false}, {XKB_KEY_Return, Key::kRet, false}, {XKB_KEY_F10, Key::kF10, false},
                     {XKB_KEY_Up, Key::kUp, false}, {XKB_KEY_KP_Home, Key::kKp7, false},
                     {XKB_KEY_KP_7, Key::kKp7, true}, {XKB_KEY_Shift_L, Key::kShift, false},
                     {XKB_KEY_Super_L, Key::kMetaL, false}, {XKB_KEY_ISO_Left_Tab, Key::kTab, true},
                     {XKB_KEY_Delete, Key::kDelete, false}});
    const auto map = *Keymap::load("en-us");
    EXPECT_TRUE(map->find('a')->letter);
    EXPECT_FALSE(map->find('1')->letter);
    EXPECT_TRUE(map->find('!')->shiftable);
    EXPECT_FALSE(map->find(XKB_KEY_Return)->shiftable);
    EXPECT_FALSE(map->find(XKB_KEY_KP_7)->shiftable);
    EXPECT_FALSE(map->find(XKB_KEY_Shift_L)->shiftable);
    EXPECT_FALSE(map->find(0xdeadbeef));
}

TEST(Keymap, German) {
    expect("de", {{'z', Key::kY, false}, {'y', Key::kZ, false}, {0xe4, Key::kApostrophe, false},
                  {0xc4, Key::kApostrophe, true}, {'-', Key::kSlash, false}, {'@', Key::kQ, false},
                  {'<', Key::kLess, false}, {0x010000e4, Key::kApostrophe, false}});
}

TEST(Keymap, RussianFallsBackToAmerican) {
    expect("ru", {{XKB_KEY_Cyrillic_ef, Key::kA, false}, {'a', Key::kA, false}});
}

TEST(Keymap, EveryNameLoads) {
    for (const char* name : {"ar", "bepo", "cz", "da", "de-ch", "en-gb", "es", "et", "fi", "fo", "fr", "fr-be",
                             "fr-ca", "fr-ch", "hr", "hu", "is", "it", "ja", "lt", "lv", "mk", "nl", "no", "pl",
                             "pt", "pt-br", "sl", "sv", "th", "tr"})
        EXPECT_TRUE(Keymap::load(name)) << name;
    const auto unknown = Keymap::load("klingon");
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().message.find("'klingon'"), std::string::npos);
}

}  // namespace
}  // namespace qr
