// SPDX-License-Identifier: GPL-2.0-or-later
// Disk options: where drives come to be, and QEMU's words for what is wrong.
#include <gtest/gtest.h>

#include "block/drive_options.h"

namespace qr {
namespace {

struct DriveOptionsTest : testing::Test {
    void drive(const std::string& text) {
        const auto done = options.add_drive(text);
        EXPECT_TRUE(done.ok()) << text << ": " << (done.ok() ? "" : done.error().message);
    }
    void node(const std::string& text) {
        const auto done = options.add_blockdev(text);
        EXPECT_TRUE(done.ok()) << text << ": " << (done.ok() ? "" : done.error().message);
    }
    std::vector<DriveConfig> all(bool defaults = false) {
        const auto drives = options.resolve(defaults);
        EXPECT_TRUE(drives.ok()) << (drives.ok() ? "" : drives.error().message);
        return drives.ok() ? *drives : std::vector<DriveConfig>{};
    }
    static std::string error_of(const std::string& text) {
        DriveOptions fresh;
        const auto done = fresh.add_drive(text);
        return done.ok() ? "" : done.error().message;
    }
    DriveOptions options;
};

TEST_F(DriveOptionsTest, PlacesAndNames) {
    ASSERT_TRUE(options.add_image("hdb", "b.img").ok());
    drive("file=a.img");
    drive("c.img,media=cdrom");
    drive("file=d.img,bus=1,unit=1,id=mine");
    const auto drives = all();
    ASSERT_EQ(drives.size(), 4u);
    EXPECT_EQ(drives[0].id, "ide0-hd1");
    EXPECT_EQ(drives[1].id, "ide0-hd0");
    EXPECT_EQ(drives[2].id, "ide1-cd0");
    EXPECT_EQ(drives[2].device, "ide-cd");
    EXPECT_TRUE(drives[2].read_only);
    EXPECT_EQ(drives[3].id, "mine");
    EXPECT_EQ(drives[3].bus, 1u);
    EXPECT_EQ(drives[3].unit, 1u);
    EXPECT_FALSE(options.add_drive("file=e.img").ok());
}

TEST_F(DriveOptionsTest, DrivesThatAreThereUnasked) {
    ASSERT_EQ(all(true).size(), 2u);
    EXPECT_EQ(all(true)[0].id, "ide1-cd0");
    EXPECT_TRUE(all(true)[0].file.empty());
    EXPECT_EQ(all(true)[1].id, "floppy0");
    EXPECT_TRUE(all(false).empty());
    ASSERT_TRUE(options.add_image("cdrom", "x.iso").ok());
    ASSERT_TRUE(options.add_image("fda", "x.img").ok());
    ASSERT_EQ(all(true).size(), 2u);
    EXPECT_EQ(all(true)[0].file, "x.iso");
    EXPECT_EQ(all(true)[1].file, "x.img");
    EXPECT_EQ(all(true)[1].id, "floppy0");
}

TEST_F(DriveOptionsTest, FloppyAndVirtio) {
    drive("file=f.img,if=floppy,unit=1");
    drive("file=v.img,if=virtio");
    drive("file=w.img,if=none,id=w");
    drive("file=g.img,if=none,id=g");
    ASSERT_TRUE(options.add_device("-device v", "virtio-blk-pci", {{"drive", "w"}, {"addr", "1e"}, {"disable-legacy", "on"}}).ok());
    ASSERT_TRUE(options.add_device("-device f", "floppy", {{"drive", "g"}, {"drive-type", "144"}}).ok());
    const auto drives = all();
    ASSERT_EQ(drives.size(), 4u);
    EXPECT_EQ(drives[0].id, "floppy1");
    EXPECT_EQ(drives[0].unit, 1u);
    EXPECT_EQ(drives[1].id, "virtio0");
    EXPECT_EQ(drives[1].device, "virtio-blk-pci");
    EXPECT_EQ(drives[2].unit, 1u);
    EXPECT_EQ(drives[2].slot, 0x1eu);
    EXPECT_TRUE(drives[2].modern_only);
    EXPECT_EQ(drives[3].unit, 0u);
    EXPECT_EQ(drives[3].floppy_type, "144");
}

TEST_F(DriveOptionsTest, HowItIsRun) {
    drive("file=a,,b.img,format=qcow2,cache=none,discard=unmap,detect-zeroes=unmap,rerror=ignore,werror=report,snapshot=on");
    const auto d = all()[0];
    EXPECT_EQ(d.file, "a,b.img");
    EXPECT_EQ(d.format, "qcow2");
    EXPECT_TRUE(d.direct);
    EXPECT_FALSE(d.no_flush);
    EXPECT_TRUE(d.discard);
    EXPECT_TRUE(d.detect_zeroes);
    EXPECT_EQ(d.on_read_error, ErrorAction::kIgnore);
    EXPECT_EQ(d.on_write_error, ErrorAction::kReport);
    EXPECT_TRUE(d.snapshot);
}

TEST_F(DriveOptionsTest, NamesOfNodes) {
    drive("file=a.img,node-name=a");
    drive("file.driver=file,file.filename=b.img,file.node-name=b-file,driver=qcow2,node-name=b");
    node("driver=file,node-name=c-file,filename=c.img");
    node("driver=qcow2,node-name=c,file=c-file");
    node("driver=file,node-name=alone,filename=d.img");
    ASSERT_TRUE(options.add_device("-device c", "ide-hd", {{"drive", "c"}}).ok());
    ASSERT_TRUE(options.add_device("-device d", "ide-hd", {{"drive", "alone"}}).ok());
    const auto drives = all();
    ASSERT_EQ(drives.size(), 4u);
    const struct {
        const char *node, *storage;
        bool alone;
    } kWanted[] = {{"a", "", false}, {"b", "b-file", false}, {"c", "c-file", false}, {"alone", "", true}};
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(drives[i].node, kWanted[i].node);
        EXPECT_EQ(drives[i].storage_node, kWanted[i].storage);
        EXPECT_EQ(drives[i].storage_alone, kWanted[i].alone);
    }
    const auto second = [](const std::string& first, const std::string& text) {
        DriveOptions two;
        EXPECT_TRUE(two.add_drive(first).ok());
        const auto done = two.add_drive(text);
        return done.ok() ? "" : done.error().message;
    };
    EXPECT_EQ(second("file=a.img,node-name=a", "file=b.img,node-name=a"), "Duplicate nodes with node-name='a'");
    EXPECT_EQ(second("file=a.img,node-name=a", "file=b.img,id=a"), "Device name 'a' conflicts with an existing node name");
    EXPECT_EQ(second("file=a.img", "file=b.img,id=a,node-name=a"), "Device name 'a' conflicts with an existing node name");
    EXPECT_EQ(second("file=a.img,id=a", "file=b.img,node-name=a"), "node-name=a is conflicting with a device id");
    EXPECT_EQ(error_of("file=a.img,node-name=#a"), "Invalid node-name: '#a'");
    EXPECT_EQ(error_of("file=a.img,node-name=" + std::string(32, 'a')), "Node name too long");
    DriveOptions below;
    ASSERT_TRUE(below.add_drive("file=a.img,node-name=a").ok());
    ASSERT_TRUE(below.add_blockdev("driver=raw,node-name=b,file.driver=file,file.filename=b.img,file.node-name=a").ok());
    ASSERT_TRUE(below.add_device("-device d", "ide-hd", {{"drive", "b"}}).ok());
    const auto refused = below.resolve(false);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message, "-device d: Duplicate nodes with node-name='a'");
}

TEST_F(DriveOptionsTest, WhatIsDoneAboutErrors) {
    drive("file=a,if=none,id=a");
    drive("file=b,if=none,id=b,werror=stop,rerror=stop");
    drive("file=c,if=none,id=c,werror=stop,rerror=stop");
    drive("file=f,if=floppy");
    ASSERT_TRUE(options.add_device("-device a", "ide-hd", {{"drive", "a"}, {"werror", "auto"}}).ok());
    ASSERT_TRUE(options.add_device("-device b", "ide-hd", {{"drive", "b"}}).ok());
    ASSERT_TRUE(options.add_device("-device c", "virtio-blk-pci", {{"drive", "c"}, {"werror", "report"}, {"rerror", "enospc"}}).ok());
    const auto drives = all();
    ASSERT_EQ(drives.size(), 4u);
    using enum ErrorAction;
    EXPECT_EQ(std::pair(drives[0].on_read_error, drives[0].on_write_error), std::pair(kReport, kReport));  // the floppy
    EXPECT_EQ(std::pair(drives[1].on_read_error, drives[1].on_write_error), std::pair(kReport, kEnospc));
    EXPECT_EQ(std::pair(drives[2].on_read_error, drives[2].on_write_error), std::pair(kStop, kStop));
    EXPECT_EQ(std::pair(drives[3].on_read_error, drives[3].on_write_error), std::pair(kEnospc, kReport));
}

TEST_F(DriveOptionsTest, Snapshot) {
    drive("file=a.img");
    EXPECT_FALSE(all()[0].snapshot);
    options.set_snapshot();
    EXPECT_TRUE(all()[0].snapshot);
}

TEST_F(DriveOptionsTest, Nodes) {
    node("driver=file,node-name=f,filename=/x/a.qcow2,cache.direct=on");
    node("driver=qcow2,node-name=q,file=f,read-only=on");
    node(R"({"driver": "raw", "node-name": "r", "offset": 1024, "file": {"driver": "nbd",
            "server": {"type": "inet", "host": "h", "port": "10810"}, "export": "e"}})");
    node("driver=nbd,node-name=u,server.type=unix,server.path=/run/s,export=x");
    ASSERT_TRUE(options.add_device("-device a", "ide-cd", {{"drive", "q"}, {"bus", "ide.1"}}).ok());
    ASSERT_TRUE(options.add_device("-device b", "ide-hd",
                                   {{"drive", "r"}, {"serial", "S"}, {"bootindex", "2"}, {"bus", "ide.0"}}).ok());
    ASSERT_TRUE(options.add_device("-device c", "ide-hd", {{"drive", "u"}}).ok());
    const auto drives = all();
    ASSERT_EQ(drives.size(), 3u);
    EXPECT_EQ(drives[0].file, "/x/a.qcow2");
    EXPECT_EQ(drives[0].format, "qcow2");
    EXPECT_TRUE(drives[0].direct);
    EXPECT_EQ(drives[0].bus, 1u);
    EXPECT_EQ(drives[1].file, "nbd://h:10810/e");
    EXPECT_EQ(drives[1].offset, 1024u);
    EXPECT_EQ(drives[1].serial, "S");
    EXPECT_EQ(drives[1].boot_index, 2u);
    EXPECT_EQ(drives[2].file, "nbd+unix:///x?socket=/run/s");
    EXPECT_EQ(drives[2].bus, 1u);
    EXPECT_EQ(drives[2].unit, 1u);
}

TEST_F(DriveOptionsTest, TheSecondChannelIsFull) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(options.add_device("-device ide-cd", "ide-cd", {}).ok());
    const auto drives = options.resolve(false);
    ASSERT_FALSE(drives.ok());
    EXPECT_EQ(drives.error().message, "-device ide-cd: IDE unit 1 is in use: the device goes to ide.1 unless bus=ide.0 is given");
}

TEST_F(DriveOptionsTest, BlkreplayIsTheDriveBelowIt) {
    drive("file=a.qcow2,if=none,snapshot=on,id=img-direct");
    drive("driver=blkreplay,if=none,image=img-direct,id=img-blkreplay");
    ASSERT_TRUE(options.add_device("-device x", "ide-hd", {{"drive", "img-blkreplay"}}).ok());
    const auto drives = all();
    ASSERT_EQ(drives.size(), 1u);
    EXPECT_EQ(drives[0].id, "img-blkreplay");
    EXPECT_EQ(drives[0].file, "a.qcow2");
    EXPECT_TRUE(drives[0].snapshot);
}

TEST_F(DriveOptionsTest, Errors) {
    EXPECT_EQ(error_of("file=x,if=bogus"), "unsupported bus type 'bogus'");
    EXPECT_EQ(error_of("file=x,media=tape"), "'tape' invalid media");
    EXPECT_EQ(error_of("file=x,bus=5"), "machine type does not support if=ide,bus=5,unit=0");
    EXPECT_EQ(error_of("file=x,unit=3"), "unit 3 too big (max is 1)");
    EXPECT_EQ(error_of("file=x,cache=foo"), "invalid cache option");
    EXPECT_EQ(error_of("file=x,index=1,unit=1"), "index cannot be used with bus and unit");
    EXPECT_EQ(error_of("file=x,format=vmdk"), "Unknown driver 'vmdk'");
    EXPECT_EQ(error_of("file=x,foo=1"), "Block format 'raw' does not support the option 'foo'");
    EXPECT_EQ(error_of("file=x,werror=foo"), "'foo' invalid write error action");
    EXPECT_EQ(error_of("file=x,rerror=enospc"), "'enospc' invalid read error action");
    EXPECT_EQ(error_of("werror=stop,file=x,if=floppy"), "werror is not supported by this bus type");
    EXPECT_EQ(error_of("file=x,iops=7"), "throttling isn't supported: leave out 'iops'");
    EXPECT_EQ(error_of("format=raw"), "A block device must be specified for \"file\"");
    EXPECT_EQ(error_of("file=x,id=1"), "Parameter 'id' expects an identifier");
    EXPECT_EQ(error_of("file.driver=file,format=raw"), "Parameter 'file.filename' is missing");
}

TEST_F(DriveOptionsTest, NodesInALoop) {
    // A child is there before its parent, so that a loop can't be written down.
    EXPECT_FALSE(options.add_blockdev("driver=raw,node-name=a,file=a").ok());
    EXPECT_FALSE(options.add_blockdev(R"({"driver": "raw", "node-name": "a")").ok());
    EXPECT_FALSE(options.add_blockdev("[1]").ok());
}

}  // namespace
}  // namespace qr
