// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compares what the host and our CPU made of a case. Source: none (docs/testing.rst).
#pragma once

#include <string>
#include <string_view>

#include "tests/insn/oracle_generate.h"

namespace qr::oracle {

// Empty if they agree as far as they must; else what differs, in a few words.
std::string difference(const Generator& generator, const Case& c, const CaseInfo& info,
                       const Result& host, const Result& ours);
// The same for two of our engines, which must agree in everything.
std::string engines_difference(const Result& a, const Result& b);
// A result, and whose it is.
struct Named {
    std::string_view who;
    const Result& result;
};
// The case and two results, in full. what: the difference.
std::string explain(const Generator& generator, const Case& c, const CaseInfo& info,
                    std::string_view what, const Named& a, const Named& b);
// "#PF", "no fault" and so on.
std::string vector_name(uint8_t vector);
// The rules about what isn't compared, with their reasons.
std::string describe_rules();

}  // namespace qr::oracle
