// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keyboard layouts, read by libxkbcommon. Source: see keymap.h.
#include "ui/keymap.h"

#include <algorithm>

#include <fmt/format.h>
#include <xkbcommon/xkbcommon.h>

#include "ui/key_codes.h"

namespace qr {

namespace {

struct Name {
    const char *name, *layout, *variant;
};
// QEMU's names. Those that aren't spelled like X's layouts have a second column.
constexpr Name kNames[] = {
    {"ar", "ara", ""},   {"bepo", "fr", "bepo"}, {"cz", "cz", ""},      {"da", "dk", ""},    {"de", "de", ""},
    {"de-ch", "ch", ""}, {"en-gb", "gb", ""},    {"en-us", "us", ""},   {"es", "es", ""},    {"et", "ee", ""},
    {"fi", "fi", ""},    {"fo", "fo", ""},       {"fr", "fr", ""},      {"fr-be", "be", ""}, {"fr-ca", "ca", ""},
    {"fr-ch", "ch", "fr"}, {"hr", "hr", ""},     {"hu", "hu", ""},      {"is", "is", ""},    {"it", "it", ""},
    {"ja", "jp", ""},    {"lt", "lt", ""},       {"lv", "lv", ""},      {"mk", "mk", ""},    {"nl", "nl", ""},
    {"no", "no", ""},    {"pl", "pl", ""},       {"pt", "pt", ""},      {"pt-br", "br", ""}, {"ru", "ru", ""},
    {"sl", "si", ""},    {"sv", "se", ""},       {"th", "th", ""},      {"tr", "tr", ""},
};
constexpr const char* kFallback = "en-us";
constexpr uint32_t kLinuxOffset = 8;  // X's keycodes are Linux's and this

struct FreeContext {
    void operator()(xkb_context* c) const { xkb_context_unref(c); }
};
struct FreeKeymap {
    void operator()(xkb_keymap* m) const { xkb_keymap_unref(m); }
};

bool on_keypad(Key key) { return (key >= Key::kKpDivide && key <= Key::kKp9) || key == Key::kKpComma; }

const Name* find_name(const std::string& name) {
    const auto* found = std::ranges::find_if(kNames, [&](const Name& n) { return n.name == name; });
    return found == std::end(kNames) ? nullptr : found;
}

}  // namespace

bool Keymap::add(const std::string& layout, const std::string& variant) {
    const std::unique_ptr<xkb_context, FreeContext> context(xkb_context_new(XKB_CONTEXT_NO_FLAGS));
    if (!context) return false;
    xkb_context_set_log_level(context.get(), XKB_LOG_LEVEL_CRITICAL);
    const xkb_rule_names names{"evdev", "pc105", layout.c_str(), variant.c_str(), ""};
    const std::unique_ptr<xkb_keymap, FreeKeymap> map(
        xkb_keymap_new_from_names(context.get(), &names, XKB_KEYMAP_COMPILE_NO_FLAGS));
    if (!map) return false;
    // The lowest level first: of two places for a symbol the easier one.
    std::unordered_map<uint32_t, Place> found;
    for (const bool keypad : {false, true}) {
        for (xkb_level_index_t level = 0; level < 4; ++level) {
            for (xkb_keycode_t code = xkb_keymap_min_keycode(map.get()); code <= xkb_keymap_max_keycode(map.get());
                 ++code) {
                const Key key = code < kLinuxOffset ? Key::kNone : key_of_linux(code - kLinuxOffset);
                if (key == Key::kNone || on_keypad(key) != keypad) continue;
                if (level >= xkb_keymap_num_levels_for_key(map.get(), code, 0)) continue;
                const xkb_keysym_t* symbols = nullptr;
                if (xkb_keymap_key_get_syms_by_level(map.get(), code, 0, level, &symbols) != 1) continue;
                const xkb_keysym_t* below = nullptr;
                const bool shiftable =
                    !keypad && xkb_keymap_num_levels_for_key(map.get(), code, 0) > 1 &&
                    xkb_keymap_key_get_syms_by_level(map.get(), code, 0, level ^ 1, &below) == 1 &&
                    *below != *symbols && xkb_keysym_to_utf32(*symbols) >= 0x20;
                const bool letter = xkb_keysym_to_lower(*symbols) != xkb_keysym_to_upper(*symbols);
                found.try_emplace(*symbols, Place{key, (level & 1) != 0, shiftable, letter});
            }
        }
    }
    places_.merge(found);
    return true;
}

Result<std::shared_ptr<const Keymap>> Keymap::load(const std::string& name) {
    const Name* wanted = find_name(name);
    if (!wanted) {
        std::string known;
        for (const Name& n : kNames) known += fmt::format(" {}", n.name);
        return Error{fmt::format("could not read keymap file: '{}': expected one of{}", name, known)};
    }
    auto map = std::make_shared<Keymap>();
    const Name* fallback = find_name(kFallback);
    if (!map->add(wanted->layout, wanted->variant) || !map->add(fallback->layout, fallback->variant))
        return Error{fmt::format("keymap '{}' isn't in X's keyboard database: is xkb-data installed?", name)};
    return std::shared_ptr<const Keymap>(map);
}

std::optional<Keymap::Place> Keymap::find(uint32_t keysym) const {
    if (const auto found = places_.find(keysym); found != places_.end()) return found->second;
    // Symbols that stand for the same key in another state, and which layouts have on odd keys or not at all.
    switch (keysym) {
        case XKB_KEY_ISO_Left_Tab: return Place{Key::kTab};
        case XKB_KEY_Meta_L: case XKB_KEY_Alt_L: return Place{Key::kAlt};
        case XKB_KEY_Meta_R: case XKB_KEY_Alt_R: case XKB_KEY_ISO_Level3_Shift: case XKB_KEY_Mode_switch:
            return Place{Key::kAltR};
        case XKB_KEY_Super_L: case XKB_KEY_Hyper_L: return Place{Key::kMetaL};
        case XKB_KEY_Super_R: case XKB_KEY_Hyper_R: return Place{Key::kMetaR};
        case XKB_KEY_Sys_Req: return Place{Key::kPrint};
        case XKB_KEY_Break: return Place{Key::kPause};
        case XKB_KEY_KP_Decimal: case XKB_KEY_KP_Separator: return Place{Key::kKpDecimal};
        default: break;
    }
    // A character by its Unicode number, where the layout has it under a name of its own.
    if ((keysym & 0xff000000) != 0x01000000) return {};
    const auto named = places_.find(xkb_utf32_to_keysym(keysym & 0xffffff));
    return named == places_.end() ? std::nullopt : std::optional(named->second);
}

}  // namespace qr
