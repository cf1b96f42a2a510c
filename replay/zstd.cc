// SPDX-License-Identifier: GPL-2.0-or-later
// zstd frames; see replay/zstd.h. Source: the manual of libzstd 1.5, RFC 8878.
#include "replay/zstd.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cassert>

#include "replay/log_format.h"

namespace qr {

void ZstdCompressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

ZstdCompressor::ZstdCompressor(int level) : context_(ZSTD_createCCtx()), level_(level) {}
ZstdCompressor::~ZstdCompressor() = default;

std::vector<uint8_t> ZstdCompressor::compress(std::span<const uint8_t> raw,
                                              std::span<const uint8_t> prefix) {
    ZSTD_CCtx* const c = context_.get();
    ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level_);
    if (!prefix.empty()) {
        // The window must reach back over all of the prefix.
        const auto reach = std::bit_width(raw.size() + prefix.size());
        ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog,
                               std::clamp<int>(static_cast<int>(reach), 10, 27));
        ZSTD_CCtx_refPrefix(c, prefix.data(), prefix.size());
    }
    std::vector<uint8_t> stored(ZSTD_compressBound(raw.size()));
    const size_t size = ZSTD_compress2(c, stored.data(), stored.size(), raw.data(), raw.size());
    assert(!ZSTD_isError(size));
    stored.resize(size);
    return stored;
}

bool zstd_decompress_to(std::span<const uint8_t> stored, std::span<uint8_t> raw,
                        std::span<const uint8_t> prefix) {
    ZSTD_DCtx* const d = ZSTD_createDCtx();
    if (!prefix.empty()) ZSTD_DCtx_refPrefix(d, prefix.data(), prefix.size());
    const size_t size =
        ZSTD_decompressDCtx(d, raw.data(), raw.size(), stored.data(), stored.size());
    ZSTD_freeDCtx(d);
    return !ZSTD_isError(size) && size == raw.size();
}

std::optional<std::vector<uint8_t>> zstd_decompress(std::span<const uint8_t> stored,
                                                    uint64_t raw_size,
                                                    std::span<const uint8_t> prefix) {
    if (raw_size / kMaxZstdRatio > stored.size()) return {};
    std::vector<uint8_t> raw(raw_size);
    if (!zstd_decompress_to(stored, raw, prefix)) return {};
    return raw;
}

}  // namespace qr
