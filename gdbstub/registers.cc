// SPDX-License-Identifier: GPL-2.0-or-later
#include "gdbstub/registers.h"

#include <string_view>

#include <fmt/format.h>

namespace qr {

namespace {

// A row without a register is one of the description alone: a type, or the beginning of a feature.
struct Row {
    std::string_view register_name;
    std::string_view type;   // or, without a register, XML
    std::string_view group;  // gdb puts it where the type says, if this is empty
};

// Flags by name and bits; gdb shows single bits that are set, and the values of wider fields.
#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"
#define BITS(name, first, last) "<field name=\"" name "\" start=\"" #first "\" end=\"" #last "\"/>"

constexpr Row kRows[] = {
    {"", R"(<feature name="org.gnu.gdb.i386.core"><flags id="i386_eflags" size="4">)"
         // SDM 1, 3.4.3
         BIT("CF", 0) BIT("", 1) BIT("PF", 2) BIT("AF", 4) BIT("ZF", 6) BIT("SF", 7) BIT("TF", 8) BIT("IF", 9)
         BIT("DF", 10) BIT("OF", 11) BITS("IOPL", 12, 13) BIT("NT", 14) BIT("RF", 16) BIT("VM", 17) BIT("AC", 18)
         BIT("VIF", 19) BIT("VIP", 20) BIT("ID", 21) "</flags>", ""},
    {"eax", "int32", ""},
    {"ecx", "int32", ""},
    {"edx", "int32", ""},
    {"ebx", "int32", ""},
    {"esp", "data_ptr", ""},
    {"ebp", "data_ptr", ""},
    {"esi", "int32", ""},
    {"edi", "int32", ""},
    {"eip", "code_ptr", ""},
    {"eflags", "i386_eflags", ""},
    {"cs", "int32", ""},
    {"ss", "int32", ""},
    {"ds", "int32", ""},
    {"es", "int32", ""},
    {"fs", "int32", ""},
    {"gs", "int32", ""},
    {"st0", "i387_ext", ""},
    {"st1", "i387_ext", ""},
    {"st2", "i387_ext", ""},
    {"st3", "i387_ext", ""},
    {"st4", "i387_ext", ""},
    {"st5", "i387_ext", ""},
    {"st6", "i387_ext", ""},
    {"st7", "i387_ext", ""},
    {"fctrl", "int", "float"},
    {"fstat", "int", "float"},
    {"ftag", "int", "float"},
    {"fiseg", "int", "float"},
    {"fioff", "int", "float"},
    {"foseg", "int", "float"},
    {"fooff", "int", "float"},
    {"fop", "int", "float"},
    {"", R"(</feature><feature name="org.gnu.gdb.i386.sse">)"
         R"(<vector id="floats" type="ieee_single" count="4"/><vector id="doubles" type="ieee_double" count="2"/>)"
         R"(<vector id="bytes" type="int8" count="16"/><vector id="words" type="int16" count="8"/>)"
         R"(<vector id="longs" type="int32" count="4"/><vector id="quads" type="int64" count="2"/>)"
         R"(<union id="xmm"><field name="v4_float" type="floats"/><field name="v2_double" type="doubles"/>)"
         R"(<field name="v16_int8" type="bytes"/><field name="v8_int16" type="words"/>)"
         R"(<field name="v4_int32" type="longs"/><field name="v2_int64" type="quads"/>)"
         R"(<field name="uint128" type="uint128"/></union><flags id="i386_mxcsr" size="4">)"
         // SDM 1, 10.2.3
         BIT("IE", 0) BIT("DE", 1) BIT("ZE", 2) BIT("OE", 3) BIT("UE", 4) BIT("PE", 5) BIT("DAZ", 6) BIT("IM", 7)
         BIT("DM", 8) BIT("ZM", 9) BIT("OM", 10) BIT("UM", 11) BIT("PM", 12) BITS("RC", 13, 14) BIT("FZ", 15)
         "</flags>", ""},
    {"xmm0", "xmm", ""},
    {"xmm1", "xmm", ""},
    {"xmm2", "xmm", ""},
    {"xmm3", "xmm", ""},
    {"xmm4", "xmm", ""},
    {"xmm5", "xmm", ""},
    {"xmm6", "xmm", ""},
    {"xmm7", "xmm", ""},
    {"mxcsr", "i386_mxcsr", "vector"},
    {"", R"(</feature><feature name="org.qemu-replay.i386.system"><flags id="cr0_flags" size="4">)"
         // SDM 3A, 2.5
         BIT("PE", 0) BIT("MP", 1) BIT("EM", 2) BIT("TS", 3) BIT("ET", 4) BIT("NE", 5) BIT("WP", 16) BIT("AM", 18)
         BIT("NW", 29) BIT("CD", 30) BIT("PG", 31) R"(</flags><flags id="cr4_flags" size="4">)"
         BIT("VME", 0) BIT("PVI", 1) BIT("TSD", 2) BIT("DE", 3) BIT("PSE", 4) BIT("PAE", 5) BIT("MCE", 6) BIT("PGE", 7)
         BIT("PCE", 8) BIT("OSFXSR", 9) BIT("OSXMMEXCPT", 10) R"(</flags><flags id="efer_flags" size="4">)"
         BIT("SCE", 0) BIT("LME", 8) BIT("LMA", 10) BIT("NXE", 11) "</flags>", ""},
    {"cs_base", "uint32", "system"},
    {"ss_base", "uint32", "system"},
    {"ds_base", "uint32", "system"},
    {"es_base", "uint32", "system"},
    {"fs_base", "uint32", "system"},
    {"gs_base", "uint32", "system"},
    {"cr0", "cr0_flags", "system"},
    {"cr2", "uint32", "system"},
    {"cr3", "uint32", "system"},
    {"cr4", "cr4_flags", "system"},
    {"efer", "efer_flags", "system"},
    {"icount", "uint64", "system"},
    {"", "</feature>", ""},
};

#undef BIT
#undef BITS

}  // namespace

GdbRegisters::GdbRegisters() {
    description_ = R"(<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">)"
                   R"(<target version="1.0"><architecture>i386</architecture>)";
    for (const Row& row : kRows) {
        if (row.register_name.empty()) {
            description_ += row.type;
            continue;
        }
        const i386::DebugRegister* r = i386::find_debug_register(row.register_name);
        description_ += fmt::format(R"(<reg name="{}" bitsize="{}" type="{}" regnum="{}"{}/>)", row.register_name,
                                    r->size * 8, row.type, registers_.size(),
                                    row.group.empty() ? "" : fmt::format(R"( group="{}")", row.group));
        registers_.push_back(r);
    }
    description_ += "</target>";
}

}  // namespace qr
