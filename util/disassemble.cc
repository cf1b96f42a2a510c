// SPDX-License-Identifier: GPL-2.0-or-later
#include "util/disassemble.h"

#include <Zycore/Format.h>
#include <Zydis/Zydis.h>
#include <fmt/format.h>

namespace qr {

namespace {

struct Naming {
    const AddressName* name;
    ZydisFormatterFunc number;  // how the formatter would have printed the address
};

ZyanStatus print_address(const ZydisFormatter* formatter, ZydisFormatterBuffer* buffer,
                         ZydisFormatterContext* context) {
    const auto* naming = static_cast<const Naming*>(context->user_data);
    ZyanU64 address = 0;
    if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(context->instruction, context->operand, context->runtime_address,
                                              &address))) {
        const std::string name = (*naming->name)(address);
        if (!name.empty()) {
            ZyanString* text = nullptr;
            if (ZYAN_SUCCESS(ZydisFormatterBufferAppend(buffer, ZYDIS_TOKEN_SYMBOL)) &&
                ZYAN_SUCCESS(ZydisFormatterBufferGetString(buffer, &text)))
                return ZyanStringAppendFormat(text, "%s", name.c_str());
        }
    }
    return naming->number(formatter, buffer, context);
}

void set_width(ZydisDecoder& decoder, CodeWidth width) {
    switch (width) {
        case CodeWidth::k16: ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16); break;
        case CodeWidth::k32: ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32); break;
        case CodeWidth::k64: ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64); break;
    }
}

}  // namespace

Disassembly disassemble(std::span<const uint8_t> bytes, CodeWidth width, uint64_t address, const AddressName& name) {
    ZydisDecoder decoder;
    set_width(decoder, width);
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &insn, operands))) return {};

    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
    ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED);
    Naming naming{&name, nullptr};
    if (name) {
        const void* hook = reinterpret_cast<const void*>(&print_address);
        ZydisFormatterSetHook(&formatter, ZYDIS_FORMATTER_FUNC_PRINT_ADDRESS_ABS, &hook);
        naming.number = reinterpret_cast<ZydisFormatterFunc>(reinterpret_cast<uintptr_t>(hook));
    }
    char text[160];
    if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, text,
                                                      sizeof text, address, &naming)))
        return {};
    return {text, insn.length};
}

std::string hex_bytes(std::span<const uint8_t> bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
    return text;
}

}  // namespace qr
