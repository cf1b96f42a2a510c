// SPDX-License-Identifier: GPL-2.0-or-later
//
// -blockdev's argument, in either of its forms, as options with dotted names ("file.filename"). Source: none.
#pragma once

#include <map>
#include <string>

#include "util/result.h"

namespace qr {

Result<std::map<std::string, std::string>> parse_block_node(const std::string& text);

}  // namespace qr
