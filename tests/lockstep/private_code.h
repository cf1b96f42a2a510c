// SPDX-License-Identifier: GPL-2.0-or-later
//
// Generated code lies in memory that is mapped twice, shared with what a process forks. A copied process needs
// its own. Source: memfd_create(2), proc(5).
#pragma once

namespace qr::lockstep {

// In a child, before it runs anything: gives it copies of all memory of this kind, at the same addresses.
// False: the host refuses.
bool unshare_code();

}  // namespace qr::lockstep
