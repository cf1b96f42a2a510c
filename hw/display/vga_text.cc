// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads a VGA text screen as text. Source: IBM PS/2 Hardware Interface Technical Reference, "Video
// subsystem", alphanumeric modes; code page 437.
#include "hw/display/vga.h"
#include "util/bits.h"

namespace qr {

namespace {

// Code page 437 but for ASCII.
constexpr char16_t kLow[32] = {
    u' ', u'☺', u'☻', u'♥', u'♦', u'♣', u'♠', u'•', u'◘', u'○', u'◙', u'♂', u'♀', u'♪', u'♫', u'☼',
    u'►', u'◄', u'↕', u'‼', u'¶', u'§', u'▬', u'↨', u'↑', u'↓', u'→', u'←', u'∟', u'↔', u'▲', u'▼'};
constexpr char16_t kHigh[128] = {
    u'Ç', u'ü', u'é', u'â', u'ä', u'à', u'å', u'ç', u'ê', u'ë', u'è', u'ï', u'î', u'ì', u'Ä', u'Å',
    u'É', u'æ', u'Æ', u'ô', u'ö', u'ò', u'û', u'ù', u'ÿ', u'Ö', u'Ü', u'¢', u'£', u'¥', u'₧', u'ƒ',
    u'á', u'í', u'ó', u'ú', u'ñ', u'Ñ', u'ª', u'º', u'¿', u'⌐', u'¬', u'½', u'¼', u'¡', u'«', u'»',
    u'░', u'▒', u'▓', u'│', u'┤', u'╡', u'╢', u'╖', u'╕', u'╣', u'║', u'╗', u'╝', u'╜', u'╛', u'┐',
    u'└', u'┴', u'┬', u'├', u'─', u'┼', u'╞', u'╟', u'╚', u'╔', u'╩', u'╦', u'╠', u'═', u'╬', u'╧',
    u'╨', u'╤', u'╥', u'╙', u'╘', u'╒', u'╓', u'╫', u'╪', u'┘', u'┌', u'█', u'▄', u'▌', u'▐', u'▀',
    u'α', u'ß', u'Γ', u'π', u'Σ', u'σ', u'µ', u'τ', u'Φ', u'Θ', u'Ω', u'δ', u'∞', u'φ', u'ε', u'∩',
    u'≡', u'±', u'≥', u'≤', u'⌠', u'⌡', u'÷', u'≈', u'°', u'∙', u'·', u'√', u'ⁿ', u'²', u'■', u' '};

void append(std::string& text, uint8_t code) {
    char16_t c = code;
    if (code < 0x20) c = kLow[code];
    if (code == 0x7f) c = u'⌂';
    if (code >= 0x80) c = kHigh[code - 0x80];
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xc0 | c >> 6);
        text += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        text += static_cast<char>(0xe0 | c >> 12);
        text += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        text += static_cast<char>(0x80 | (c & 0x3f));
    }
}

}  // namespace

bool Vga::in_text_mode() const { return !vbe_.enabled() && !(regs_.graphics(6) & 1); }

std::vector<std::string> Vga::text_screen() const {
    std::vector<std::string> lines;
    if (!in_text_mode()) return lines;
    const unsigned columns = regs_.crtc(0x01) + 1u;
    const unsigned rows = (regs_.vertical_display_end() + 1) / ((regs_.crtc(0x09) & 0x1fu) + 1);
    for (unsigned row = 0; row < rows; ++row) {
        std::string line;
        for (unsigned column = 0; column < columns; ++column) {
            // The CRT controller counts words; a character is byte 0 of a group of planes.
            const uint64_t word = regs_.start_address() + row * regs_.crtc(0x13) * 2u + column;
            append(line, vram_->data()[(word * 8) & 0x3ffff & (vram_->size() - 1)]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace qr
