// SPDX-License-Identifier: GPL-2.0-or-later
//
// Watches that the translator emits nothing that an x86-64 processor may lack: each instruction that it makes is looked
// up in Zydis' tables, which have nothing to do with ours nor with Xbyak's.
// Source: Intel SDM volume 1, chapter 5; AMD APM volume 3, appendix D.
#pragma once

#include <map>
#include <string>

#include "target/i386/tcg/observer.h"

namespace qr::codegen {

class BaselineWatch final : public i386::TranslationObserver {
  public:
    void restarted(std::span<const i386::ObservedThunk> thunks) override;
    void translated(const i386::ObservedBlock& block) override;

    uint64_t instructions() const { return instructions_; }
    // What it found, by name, with a place where it did.
    const std::map<std::string, std::string>& offenders() const { return offenders_; }

  private:
    void look_at(std::span<const uint8_t> code, const std::string& where);

    uint64_t instructions_ = 0;
    std::map<std::string, std::string> offenders_;
};

}  // namespace qr::codegen
