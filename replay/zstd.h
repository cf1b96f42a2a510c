// SPDX-License-Identifier: GPL-2.0-or-later
// zstd frames (RFC 8878), with sizes that are checked before memory is taken. A frame may be made
// and read with a prefix: bytes that both sides have, which it may refer to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

struct ZSTD_CCtx_s;

namespace qr {

class ZstdCompressor {
  public:
    explicit ZstdCompressor(int level);
    ~ZstdCompressor();
    std::vector<uint8_t> compress(std::span<const uint8_t> raw,
                                  std::span<const uint8_t> prefix = {});

  private:
    struct Free {
        void operator()(ZSTD_CCtx_s* context) const;
    };
    std::unique_ptr<ZSTD_CCtx_s, Free> context_;
    int level_;
};

// Nothing: not one whole frame of exactly raw_size bytes. The caller has checked that raw_size is
// sane.
std::optional<std::vector<uint8_t>> zstd_decompress(std::span<const uint8_t> stored,
                                                    uint64_t raw_size,
                                                    std::span<const uint8_t> prefix = {});
// The same, into memory that is there. False: as above.
bool zstd_decompress_to(std::span<const uint8_t> stored, std::span<uint8_t> raw,
                        std::span<const uint8_t> prefix = {});

}  // namespace qr
