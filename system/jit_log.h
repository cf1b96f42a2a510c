// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log of -d: translated blocks as text, and at exit what the translator did. Source: none (docs/translator.rst).
// VM thread, but for finish(), which comes after it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "system/options.h"
#include "target/i386/tcg/listing.h"
#include "target/i386/tcg/observer.h"
#include "target/i386/tcg/statistics.h"
#include "util/result.h"

namespace qr {

class JitLog final : public i386::TranslationObserver {
  public:
    static Result<std::unique_ptr<JitLog>> open(const LogOptions& options);

    void restarted(std::span<const i386::ObservedThunk> thunks) override;
    void translated(const i386::ObservedBlock& block) override;
    // While it runs: other items ("in_asm,op", "none"), another file.
    Result<void> set_items(const std::string& items);
    Result<void> set_file(const std::string& file);
    void finish(const i386::TranslatorStatistics& statistics, uint64_t counted);

  private:
    struct Close {
        void operator()(std::FILE* file) const {
            if (file != stderr) std::fclose(file);
        }
    };
    explicit JitLog(const LogOptions& options) : options_(options) {}
    void write(const std::string& text);

    static Result<std::FILE*> open_file(const std::string& name);

    LogOptions options_;
    i386::HostListing listing_;
    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace qr
