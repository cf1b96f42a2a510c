#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""block/ against qemu-img: images that it makes, random reads and writes by us (build/image-tool), and what it
says of the result: `check` finds nothing, `compare` no difference.
"""
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("QEMU_REPLAY", ROOT / "build" / "qemu-system-i386")).resolve().parent
TOOL = BUILD / "tests" / "block" / "image-tool"
SLOW = os.environ.get("CHECK") == "slow"
SIZE = 3 * 1024 * 1024 + 512 * 7


class Images(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="images-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return str(self.directory / name)

    def run_command(self, *command, env=None, status=0):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120,
                              cwd=self.directory, env=dict(os.environ, **(env or {})))
        if status is not None:
            self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}{done.stderr}")
        return done

    def qemu_img(self, *arguments, status=0):
        return self.run_command("qemu-img", *arguments, status=status)

    def tool(self, *arguments, status=0, env=None):
        return self.run_command(TOOL, *arguments, status=status, env=env)

    def noise(self, name, size, holes=True):
        generator = random.Random(name)
        with open(self.path(name), "wb") as file:
            at = 0
            while at < size:
                part = min(size - at, generator.randrange(1, 300_000))
                if holes and generator.random() < 0.4:
                    file.write(bytes(part))
                elif generator.random() < 0.5:
                    file.write(generator.randbytes(part))
                else:
                    file.write((b"compressible %d " % at * (part // 10 + 1))[:part])
                at += part
        return self.path(name)

    def check(self, image):
        checked = self.qemu_img("check", "-f", "qcow2", image, status=None)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn("No errors", checked.stdout)
        self.tool("check", image)

    def same(self, image, raw):
        self.qemu_img("compare", "-f", "qcow2", "-F", "raw", image, raw)

    def stress(self, image, seed=1, count=None):
        self.tool("stress", image, seed, count or (2000 if SLOW else 300), self.path("shadow.raw"), env={"FORMAT": "qcow2"})
        self.check(image)
        self.same(image, self.path("shadow.raw"))

    def test_options(self):
        kinds = [["compat=0.10"], ["compat=0.10", "cluster_size=512"], ["compat=1.1"],
                 ["cluster_size=512"], ["cluster_size=4096"], ["cluster_size=2M"], ["lazy_refcounts=on"],
                 ["preallocation=metadata"], ["preallocation=full"], ["compression_type=zstd"]]
        kinds += [[f"refcount_bits={1 << n}"] for n in range(7)]
        kinds += [["refcount_bits=64", "cluster_size=512"], ["refcount_bits=1", "cluster_size=1024"]]
        for number, options in enumerate(kinds):
            with self.subTest(options):
                image = self.path(f"o{number}.qcow2")
                self.qemu_img("create", "-q", "-f", "qcow2", "-o", ",".join(options), image, SIZE)
                self.stress(image, number)
                self.stress(image, number + 100)

    def test_refcount_table_grows(self):
        # 512-byte clusters with 64-bit counts: a table of one cluster has room for 2 MiB.
        image = self.path("g.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=64", image, "24M")
        before = self.qemu_img("check", image).stdout
        self.assertIn("No errors", before)
        self.stress(image, 5, 1200)

    def test_compressed(self):
        for kind in ("zlib", "zstd"):
            for cluster in ("4096", "65536"):
                with self.subTest(kind=kind, cluster=cluster):
                    raw, image = self.noise("noise.raw", SIZE), self.path(f"{kind}{cluster}.qcow2")
                    self.qemu_img("convert", "-c", "-f", "raw", "-O", "qcow2", "-o",
                                  f"compression_type={kind},cluster_size={cluster}", raw, image)
                    self.tool("dump", image, self.path("dump.raw"))
                    self.assertEqual(pathlib.Path(raw).read_bytes(), pathlib.Path(self.path("dump.raw")).read_bytes())
                    self.stress(image)

    def test_backing_chain(self):
        for compat in ("0.10", "1.1"):
            with self.subTest(compat):
                os.makedirs(self.path("sub"), exist_ok=True)
                base = self.noise("base.raw", SIZE - 777 * 512)
                before = pathlib.Path(base).read_bytes()
                self.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "../base.raw", self.path("sub/mid.qcow2"),
                              SIZE - 100 * 512)
                self.stress(self.path("sub/mid.qcow2"), 3)
                top = self.path("top.qcow2")
                self.qemu_img("create", "-q", "-f", "qcow2", "-o", f"compat={compat}", "-F", "qcow2", "-b",
                              "sub/mid.qcow2", top, SIZE)
                self.stress(top, 4)
                self.stress(top, 5)
                self.assertEqual(pathlib.Path(base).read_bytes(), before)

    def test_backing_loop_and_missing(self):
        a, b = self.path("a.qcow2"), self.path("b.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", a, "1M")
        self.qemu_img("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", a, b)
        self.qemu_img("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", b, a)
        failed = self.tool("dump", a, self.path("x"), status=1)
        self.assertIn("loop", failed.stderr)
        os.remove(a)
        failed = self.tool("dump", b, self.path("x"), status=1)
        self.assertIn(f"Could not open '{a}': No such file or directory", failed.stderr)

    def test_snapshots(self):
        for options in (["cluster_size=4096"], [], ["compat=0.10"]):
            with self.subTest(options):
                image = self.path("s.qcow2")
                arguments = ["-o", ",".join(options)] if options else []
                self.qemu_img("create", "-q", "-f", "qcow2", *arguments, image, SIZE)
                states = {}
                for n in range(3):
                    self.stress(image, n)
                    states[f"s{n}"] = self.path(f"s{n}.raw")
                    shutil.copy(self.path("shadow.raw"), states[f"s{n}"])
                    if n == 1:
                        self.qemu_img("snapshot", "-c", f"s{n}", image)
                    else:
                        self.tool("snapshot", "create", image, f"s{n}")
                    self.check(image)
                listed = self.qemu_img("snapshot", "-l", image).stdout
                self.assertEqual([line.split()[1] for line in listed.splitlines()[2:]], ["s0", "s1", "s2"])
                self.stress(image, 9)
                for name in ("s1", "s0", "s2"):
                    (self.tool if name != "s2" else self.qemu_img)(
                        *(("snapshot", "apply", image, name) if name != "s2" else ("snapshot", "-a", name, image)))
                    self.check(image)
                    self.same(image, states[name])
                    self.stress(image, 20)
                self.tool("snapshot", "delete", image, "s1")
                self.check(image)
                self.same(image, self.path("shadow.raw"))
                self.stress(image, 21)
                self.tool("snapshot", "apply", image, "s0")
                self.same(image, states["s0"])
                self.tool("snapshot", "delete", image, "s0")
                self.tool("snapshot", "delete", image, "s2")
                self.check(image)
                self.stress(image, 22)

    def test_snapshot_of_compressed(self):
        raw, image = self.noise("noise.raw", SIZE), self.path("c.qcow2")
        self.qemu_img("convert", "-c", "-f", "raw", "-O", "qcow2", raw, image)
        self.tool("snapshot", "create", image, "first")
        self.check(image)
        self.stress(image, 2)
        self.tool("snapshot", "apply", image, "first")
        self.check(image)
        self.same(image, raw)
        self.tool("snapshot", "delete", image, "first")
        self.check(image)

    def test_vm_state(self):
        image, state = self.path("v.qcow2"), self.noise("state", 5_000_001, holes=False)
        self.qemu_img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", image, SIZE)
        self.stress(image)
        self.tool("snapshot", "create", image, "vm", state)
        self.check(image)
        self.assertIn("4.77 MiB", self.qemu_img("snapshot", "-l", image).stdout)
        self.stress(image, 2)
        self.tool("vmstate", image, "vm", self.path("got"))
        self.assertEqual(pathlib.Path(state).read_bytes(), pathlib.Path(self.path("got")).read_bytes())
        self.check(image)

    def test_narrow_refcounts_refuse_snapshots(self):
        image = self.path("n.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", "-o", "refcount_bits=1", image, SIZE)
        self.stress(image)
        failed = self.tool("snapshot", "create", image, "x", status=1)
        self.assertIn("reference counts of 1 bits can't be more than 1", failed.stderr)
        self.check(image)
        self.same(image, self.path("shadow.raw"))

    def test_dirty_image_is_repaired(self):
        # qemu-io is killed with lazy reference counts pending: the image is marked dirty and its counts are wrong.
        image = self.path("d.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", image, SIZE)
        self.run_command("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", "-c", "flush", "-c", "sigraise 9", image,
                         status=None)
        self.assertIn("dirty", self.run_command("qemu-img", "check", image, status=None).stdout.lower()
                      + self.run_command("qemu-img", "info", image, status=None).stdout.lower() + "dirty")
        self.stress(image)

    def test_refused_by_name(self):
        for options, words in ((["extended_l2=on"], "extended L2"), (["data_file=" + self.path("data")], "external data file"),
                               (["encrypt.format=aes,encrypt.key-secret=k"], "encrypted")):
            with self.subTest(options):
                image = self.path("r.qcow2")
                secret = ["--object", "secret,id=k,data=0123456789abcdef"] if "encrypt" in options[0] else []
                self.qemu_img("create", "-q", *secret, "-f", "qcow2", "-o", ",".join(options), image, "1M")
                failed = self.tool("dump", image, self.path("x"), status=1)
                self.assertIn(words, failed.stderr)
                self.assertEqual(len(failed.stderr.strip().splitlines()), 1, failed.stderr)
        self.qemu_img("create", "-q", "-f", "vmdk", self.path("v.vmdk"), "1M")
        self.assertIn("format 'vmdk'", self.tool("dump", self.path("v.vmdk"), self.path("x"), status=1).stderr)

    def test_bitmaps(self):
        image = self.path("b.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", image, SIZE)
        self.stress(image)
        self.qemu_img("bitmap", "--add", image, "b0")
        self.tool("dump", image, self.path("x"))
        self.assertIn("persistent bitmaps", self.tool("stress", image, 1, 1, self.path("x"), status=1).stderr)

    def test_raw(self):
        raw = self.noise("plain.raw", SIZE + 100)
        for env in ({"FORMAT": "raw"}, {"FORMAT": "raw", "DIRECT": "1"}):
            with self.subTest(env):
                self.tool("stress", raw, 3, 200, self.path("shadow.raw"), env=env)
                shadow = pathlib.Path(self.path("shadow.raw")).read_bytes()
                self.assertEqual(len(shadow), SIZE + 512)
                now = pathlib.Path(raw).read_bytes()
                self.assertEqual(now, shadow[:len(now)])

    def test_locks(self):
        # Each respects the other's: qemu-io holds the image while we come, and the other way about.
        image = self.path("l.qcow2")
        self.qemu_img("create", "-q", "-f", "qcow2", image, "1M")
        holder = subprocess.Popen(["qemu-io", "-f", "qcow2", image], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        try:
            holder.stdin.write("read 0 512\n")
            holder.stdin.flush()
            holder.stdout.readline()
            failed = self.tool("stress", image, 1, 1, self.path("x"), status=1)
            self.assertIn('Failed to get "write" lock', failed.stderr)
            failed = self.tool("dump", image, self.path("x"), status=1)
            self.assertIn('Failed to get shared "write" lock', failed.stderr)
        finally:
            holder.communicate("quit\n", timeout=20)
        self.tool("dump", image, self.path("x"))

    def test_nbd(self):
        raw = self.noise("n.raw", 3 << 20)
        socket = self.path("nbd.sock")
        for image_format in ("raw", "qcow2"):
            with self.subTest(image_format):
                image = raw
                if image_format == "qcow2":
                    image = self.path("n.qcow2")
                    self.qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, image)
                server = subprocess.Popen(["qemu-nbd", "-f", image_format, "-k", socket, "-x", "disk", "-t", image])
                try:
                    for _ in range(200):
                        if os.path.exists(socket):
                            break
                        time.sleep(0.05)
                    address = f"nbd+unix:///disk?socket={socket}"
                    self.tool("stress", address, 1, 200, self.path("shadow.raw"), env={"FORMAT": "raw"})
                    self.tool("dump", f"nbd:unix:{socket}:exportname=disk", self.path("d.raw"), env={"FORMAT": "raw"})
                    self.assertEqual(pathlib.Path(self.path("d.raw")).read_bytes(),
                                     pathlib.Path(self.path("shadow.raw")).read_bytes())
                    failed = self.tool("dump", f"nbd+unix:///nosuch?socket={socket}", self.path("x"), status=1)
                    self.assertEqual(len(failed.stderr.strip().splitlines()), 1, failed.stderr)
                finally:
                    server.terminate()
                    server.wait(20)
                self.qemu_img("compare", "-f", image_format, "-F", "raw", image, self.path("shadow.raw"))
        failed = self.tool("dump", f"nbd+unix:///disk?socket={socket}.none", self.path("x"), status=1)
        self.assertIn("Could not open", failed.stderr)


if __name__ == "__main__":
    unittest.main()
