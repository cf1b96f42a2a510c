#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the boot that is measured and replayed; it takes no input. bench_idle, a number of seconds, is
# from the kernel's command line.
echo '<ready'
/bench/clock
if [ -n "$bench_idle" ]; then
    sleep "$bench_idle"
    /bench/clock
fi
poweroff -f
