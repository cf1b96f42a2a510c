// SPDX-License-Identifier: GPL-2.0-or-later
//
// Speed of the interpreter on small loops: instructions a second. Not a test.
// Source: none.

#include <cstdio>
#include <ctime>
#include <vector>

#include "tests/unit/cpu_fixture.h"

using namespace qr;

namespace {

void measure(const char* name, std::vector<uint8_t> code, bool paging = false) {
    test::CpuFixture m;
    m.put(0x1000, code);
    m.flat32(0x1000);
    if (paging) {
        for (uint32_t n = 0; n < 1024; ++n) {
            m.poke<uint32_t>(0x100000 + 4 * n, n < 2 ? 0x101003 + (n << 12) : 0);
            m.poke<uint32_t>(0x101000 + 4 * n, (n << 12) | 3);
            m.poke<uint32_t>(0x102000 + 4 * n, ((1024 + n) << 12) | 3);
        }
        m.cpu.write_cr3(0x100000);
        m.cpu.write_cr0(m.cpu.cr0 | i386::kCr0PG);
    }
    m.cpu.gpr[i386::kEcx] = 0xffffffff;
    m.cpu.gpr[i386::kEsi] = 0x20000;
    m.cpu.gpr[i386::kEdi] = 0x30000;
    constexpr uint64_t kCount = 200'000'000;
    m.run(1000);
    const std::clock_t start = std::clock();  // processor time: others may use the machine
    const uint64_t done = m.run(kCount);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("%-28s %7.1f M/s  (%llu, eip %x)\n", name, static_cast<double>(done) / seconds / 1e6,
                static_cast<unsigned long long>(done), m.cpu.eip);
}

}  // namespace

int main() {
    // add eax,ebx; xor edx,eax; inc esi; lea edi,[edi+esi*2]; dec ecx; jnz
    measure("register loop", {0x01, 0xd8, 0x31, 0xc2, 0x46, 0x8d, 0x3c, 0x77, 0x49, 0x75, 0xf5});
    // mov eax,[esi]; add [edi],eax; mov edx,[edi+4]; dec ecx; jnz
    measure("memory loop", {0x8b, 0x06, 0x01, 0x07, 0x8b, 0x57, 0x04, 0x49, 0x75, 0xf6});
    measure("memory loop, paging", {0x8b, 0x06, 0x01, 0x07, 0x8b, 0x57, 0x04, 0x49, 0x75, 0xf6}, true);
    // call f; dec ecx; jnz; jmp ...   f: push ebx; pop ebx; ret
    measure("call, push, pop, ret", {0xe8, 0x05, 0x00, 0x00, 0x00, 0x49, 0x75, 0xf8, 0xeb, 0xf6, 0x53, 0x5b, 0xc3});
    // loop: shl eax,3; test eax,eax; jz +0; cmp ecx,5; jb +0; dec ecx; jnz
    measure("short blocks", {0xc1, 0xe0, 0x03, 0x85, 0xc0, 0x74, 0x00, 0x83, 0xf9, 0x05, 0x72, 0x00, 0x49,
                             0x75, 0xf1});
    // mov ecx,0x1000; mov esi,0x20000; mov edi,0x30000; rep movsd; jmp
    measure("rep movsd (iterations)", {0xb9, 0x00, 0x10, 0x00, 0x00, 0xbe, 0x00, 0x00, 0x02, 0x00, 0xbf, 0x00, 0x00,
                                       0x03, 0x00, 0xf3, 0xa5, 0xeb, 0xed});
    return 0;
}
