#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that somebody damaged, or that aren't images: one clear line or an ordinary run, no crash, and nothing written
to what is refused. Damage is random with fixed seeds; CHECK=slow has ten times as much.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import machine  # noqa: E402

TOOL = pathlib.Path(machine.EMULATOR).resolve().parent / "tests" / "block" / "image-tool"
ROUNDS = 4000 if machine.KIND == "slow" else 400
SIZE = 1 << 20


class Hostile(machine.MachineTest):
    def qemu_img(self, *arguments):
        subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def raw(self):
        path = self.folder / "raw"
        path.write_bytes(b"".join(b"sector %6d\n" % n * 32 if n % 5 else os.urandom(512) for n in range(SIZE // 512))[:SIZE])
        return path

    def image(self, name, *options, compressed=False, backing=False, snapshots=False):
        path = self.folder / name
        more = ["-o", ",".join(options)] if options else []
        if backing:
            self.qemu_img("create", "-q", "-f", "qcow2", *more, "-F", "raw", "-b", self.raw(), path)
        else:
            self.qemu_img("convert", "-f", "raw", "-O", "qcow2", *(["-c"] if compressed else []), *more, self.raw(), path)
        for n in range(2 if snapshots else 0):
            self.qemu_img("snapshot", "-c", f"s{n}", path)
            subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -P {n} {n * 90000} 70000", path], check=True,
                           stdout=subprocess.DEVNULL)
        return path

    def test_mutations(self):
        kinds = {"plain": {}, "small": {"options": ["cluster_size=512"]}, "old": {"options": ["compat=0.10"]},
                 "zlib": {"compressed": True}, "zstd": {"options": ["compression_type=zstd"], "compressed": True},
                 "snapshots": {"options": ["cluster_size=4096"], "snapshots": True},
                 "all": {"options": ["compression_type=zstd", "cluster_size=4096"], "compressed": True, "snapshots": True},
                 "wide": {"options": ["refcount_bits=64", "lazy_refcounts=on"], "snapshots": True},
                 "backed": {"backing": True, "snapshots": True}}
        for seed, (name, kind) in enumerate(kinds.items()):
            with self.subTest(name):
                image = self.image(name, *kind.get("options", ()), **{k: v for k, v in kind.items() if k != "options"})
                done = subprocess.run([TOOL, "mutate", image, str(seed), str(ROUNDS)], capture_output=True, text=True,
                                      timeout=600)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-3000:])

    def everything(self):
        """What is in the test's folder, to see that nothing is written."""
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in self.folder.rglob("*")
                if path.name != "dangling"}

    def test_what_is_no_file(self):
        folder, fifo, dangling = self.folder / "folder", self.folder / "fifo", self.folder / "dangling"
        folder.mkdir()
        os.mkfifo(fifo)
        dangling.symlink_to("nowhere")
        places = {self.folder / "missing": "No such file", dangling: "No such file", folder: "regular file",
                  fifo: "regular file", "/dev/null": "regular file", "/dev/zero": "regular file"}
        before = self.everything()
        for place, words in places.items():
            for option in (["-drive", f"file={place},format=raw"], ["-drive", f"file={place},format=qcow2"], ["-hda", place],
                           ["-cdrom", place], ["-fda", place], ["-drive", f"file={place},format=raw,if=virtio,snapshot=on"],
                           ["-kernel", place], ["-bios", place]):
                with self.subTest(place=str(place), option=option[0]):
                    self.refused(machine.run("-display", "none", "-S", *option, timeout=20), str(place), words)
            if place == self.folder / "missing" or str(place).startswith("/dev"):
                continue
            with self.subTest(backing=str(place)):
                top = self.folder / "top.qcow2"
                self.qemu_img("create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", place, top, "1M")
                content = top.read_bytes()
                self.refused(machine.run("-display", "none", "-S", "-drive", f"file={top},format=qcow2", timeout=20),
                             str(place), words)
                self.assertEqual(top.read_bytes(), content)
                top.unlink()
        self.assertEqual({k: v for k, v in self.everything().items() if k in before}, before)

    def test_cut_short(self):
        for name, options in (("plain", {}), ("zstd", {"compressed": True})):
            image = self.image(name, *(["compression_type=zstd"] if name == "zstd" else []), **options)
            good = image.read_bytes()
            for length in (0, 3, 71, 100, 511, 4096, 65536, 131073, len(good) // 2):
                with self.subTest(kind=name, length=length):
                    image.write_bytes(good[:length])
                    done = subprocess.run([TOOL, "dump", image, self.folder / "dump"], capture_output=True, text=True,
                                          timeout=60)
                    self.assertIn(done.returncode, (0, 1), done.stderr)
                    if done.returncode:
                        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.assertEqual(image.read_bytes(), good[:length])

    def test_not_allowed_to_write(self):
        image = self.image("locked.qcow2")
        image.chmod(0o444)
        content = image.read_bytes()
        self.refused(machine.run_as_anybody("-display", "none", "-S", "-drive", f"file={image},format=qcow2"), str(image),
                     "Permission denied")
        self.assertEqual(image.read_bytes(), content)

    def test_chain_that_bites_its_tail(self):
        names = [self.folder / f"{n}.qcow2" for n in range(3)]
        for name in names:
            self.qemu_img("create", "-q", "-f", "qcow2", name, "1M")
        for n, name in enumerate(names):
            self.qemu_img("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", names[(n + 1) % 3], name)
        contents = [name.read_bytes() for name in names]
        self.refused(machine.run("-display", "none", "-S", "-drive", f"file={names[0]},format=qcow2"), "loop")
        self.assertEqual([name.read_bytes() for name in names], contents)


if __name__ == "__main__":
    machine.main()
