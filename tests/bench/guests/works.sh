#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in the guest: every work REPEATS times, each between two lines for the host, which has the clock:
#   <begin NAME TSC    <end NAME TSC    <sum NAME MD5
# Usage: works.sh REPEATS
cd /bench

forks() {
    i=0
    while [ $i -lt 120 ]; do
        /bin/true
        i=$((i + 1))
    done
    echo $i
}

loop() {
    i=0
    sum=1
    while [ $i -lt 25000 ]; do
        case $((sum & 3)) in
            0) sum=$(((sum * 31 + i) & 65535)) ;;
            *) sum=$((sum + 7)) ;;
        esac
        i=$((i + 1))
    done
    echo $sum
}

sha256() { sha256sum text text text text text text text text; }
md5() { md5sum text text text text text text text text text text text text text text text text; }
gunzips() { gunzip -c text.gz text.gz text.gz text.gz; }
xzs() { xzcat text.xz text.xz; }
sorts() { sort lines; }
awks() { awk '{ n += $1 % 7; count[$3] += length($2) } END { for (w in count) s += count[w]; print n, s, NR }' lines; }

gunzip -c text.gz >text
head -n 80000 text >lines
turn=0
while [ $turn -lt "$1" ]; do
    for work in forks loop sha256 md5 gunzips xzs sorts awks; do
        printf '<begin %s ' $work
        ./clock
        $work >out
        printf '<end %s ' $work
        ./clock
        echo "<sum $work $(md5sum <out)"
    done
    turn=$((turn + 1))
done
echo '<done'
