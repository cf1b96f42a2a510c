#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in the guest, on the disk DEVICE, whose contents it overwrites: every work REPEATS times, each between two lines
# for the host, which has the clock:   <begin NAME    <end NAME    <sum NAME MD5
# Usage: disks.sh DEVICE REPEATS [gated]. Gated, each work waits behind a line <wait for one from the console. The script
# comes from the last megabyte of that disk, which it leaves alone.
device=$1
gated=$3
half=128 # MB; the first half is written, the second one is read

reads() { for i in 1 2 3 4 5 6; do dd if=$device of=/dev/null bs=1M count=$half skip=$((half - 1)) iflag=direct; done; }
writes() { for i in 1 2 3 4; do dd if=/dev/zero of=$device bs=1M count=$half oflag=direct conv=fsync; done; }
smallreads() { dd if=$device of=/dev/null bs=4k count=4000 skip=40000 iflag=direct; }
smallwrites() { dd if=/dev/zero of=$device bs=4k count=4000 oflag=direct conv=fsync; }
unpack() { mkdir /mnt/a && tar -C /mnt/a -xf /tmp/tree.tar && sync; }
copy() { cp -a /mnt/a /mnt/b && sync; }
list() { umount /mnt; mount -t ext4 $device /mnt; (cd /mnt/b && find . -type f | LC_ALL=C sort | xargs cat | md5sum); }
remove() { rm -r /mnt/a /mnt/b && sync; }

one() {
    if [ "$gated" ]; then echo '<wait'; read -r _ </dev/console; fi
    echo "<begin $1"
    $1 >/tmp/out 2>/dev/null
    echo "<end $1"
    echo "<sum $1 $(md5sum </tmp/out)"
}

mount -t tmpfs tmpfs /tmp
cp -a /usr/lib/i386-linux-gnu/perl-base /tmp/tree
cp -a /usr/include /tmp/tree
tar -C /tmp/tree --sort=name -cf /tmp/tree.tar .
rm -r /tmp/tree
turn=0
while [ $turn -lt "$2" ]; do
    for work in reads writes smallreads smallwrites; do one $work; done
    mke2fs -q -F -t ext4 $device ${half}M && mount -t ext4 $device /mnt && sync
    for work in unpack copy list remove; do one $work; done
    umount /mnt
    turn=$((turn + 1))
done
echo '<done'
mount -o remount,ro /
echo o >/proc/sysrq-trigger
sleep 1000
