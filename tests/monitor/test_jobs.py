#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""snapshot-save, snapshot-load, snapshot-delete: jobs, their states and events; the nodes that they are told of; what
query-block says of snapshots. As QEMU has them, live and in recordings.
"""
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peer  # noqa: E402
import test_snapshots  # noqa: E402
from peer import machine  # noqa: E402

DONE = ["created", "running", "waiting", "pending", "concluded"]
FAILED = ["created", "running", "aborting", "concluded"]
STANDSTILL = ["created", "running", "STOP", "RESUME", "waiting", "pending", "concluded"]


class Jobs(test_snapshots.Snapshots):
    def nodes(self, *images):
        """Options for IDE disks with nodes n0, n1 ..."""
        options = []
        for i, image in enumerate(images):
            options += ["-blockdev", f"driver=qcow2,node-name=n{i},file.driver=file,file.filename={image}",
                        "-device", f"ide-hd,drive=n{i},bus=ide.{i // 2},unit={i % 2}"]
        return options

    def job(self, qmp, command, **arguments):
        """Asks for it, and waits. The states and events that it went through, and its error."""
        self.jobs = getattr(self, "jobs", 0) + 1
        name = f"job{self.jobs}"
        qmp.events.clear()
        self.assertEqual(qmp.execute(command, job_id=name, **arguments), {})
        seen = []
        while "concluded" not in seen:
            event = qmp.events.pop(0) if qmp.events else qmp.read()
            if event["event"] == "JOB_STATUS_CHANGE":
                self.assertEqual(set(event["data"]), {"id", "status"})
                self.assertEqual(event["data"]["id"], name)
                seen.append(event["data"]["status"])
            else:
                self.assertNotIn("data", event)
                seen.append(event["event"])
        job = qmp.execute("query-jobs")[0]
        error = job.pop("error", None)
        self.assertEqual(job, {"id": name, "type": command, "status": "concluded", "current-progress": 1, "total-progress": 1})
        self.assertEqual(qmp.execute("job-dismiss", id=name), {})
        self.assertEqual(qmp.wait_event("JOB_STATUS_CHANGE")["data"], {"id": name, "status": "null"})
        return seen, error

    def done(self, qmp, command, **arguments):
        seen, error = self.job(qmp, command, **arguments)
        self.assertIsNone(error)
        return seen

    def failed(self, qmp, command, **arguments):
        """Its error. QEMU's machine stands still after a snapshot that it couldn't load, ours goes on."""
        seen, error = self.job(qmp, command, **arguments)
        self.assertEqual([state for state in seen if state not in ("STOP", "RESUME")], FAILED)
        if self.peer:
            qmp.execute("cont")
        self.assertEqual(qmp.execute("query-status")["status"], "running")
        return error

    def refused_command(self, qmp, text, command, **arguments):
        with self.assertRaises(peer.QmpError) as caught:
            qmp.execute(command, **arguments)
        self.assertEqual((caught.exception.kind, caught.exception.text), ("GenericError", text))

    def shown(self, qmp):
        """Names of the snapshots of each node."""
        return {node["node-name"]: [s["name"] for s in node["image"].get("snapshots", [])]
                for node in qmp.execute("query-named-block-nodes") if not node["node-name"].startswith("#")}


@peer.on_both
class AsQemuHasThem(Jobs):
    def test_states(self):
        process = self.launch(*self.nodes(self.qcow2("a")))
        qmp = self.qmp()
        where = {"tag": "one", "vmstate": "n0", "devices": ["n0"]}
        self.assertEqual(self.done(qmp, "snapshot-save", **where), STANDSTILL)
        self.assertEqual(self.done(qmp, "snapshot-load", **where), STANDSTILL)
        del where["vmstate"]
        self.assertEqual(self.done(qmp, "snapshot-delete", **where), DONE)
        self.assertEqual(self.done(qmp, "snapshot-delete", **where), DONE)
        where["vmstate"] = "n0"
        qmp.execute("stop")
        self.assertEqual(self.done(qmp, "snapshot-save", **where), DONE)
        self.assertEqual(self.done(qmp, "snapshot-load", **where), DONE)
        self.assertEqual(qmp.execute("query-status")["status"], "paused")
        self.assertEqual(qmp.execute("query-jobs"), [])
        self.quit(process, qmp)

    def test_answer_comes_before_the_end(self):
        self.launch(*self.nodes(self.qcow2("a")))
        qmp = self.qmp()
        qmp.execute("snapshot-save", job_id="j", tag="one", vmstate="n0", devices=["n0"])
        self.assertNotIn("concluded", [event.get("data", {}).get("status") for event in qmp.events])
        # Whatever is asked next finds it concluded.
        self.assertEqual(qmp.execute("query-jobs")[0]["status"], "concluded")
        self.assertEqual([event["data"]["status"] for event in qmp.events if event["event"] == "JOB_STATUS_CHANGE"], DONE)

    def test_dismissal(self):
        process = self.launch(*self.nodes(self.qcow2("a")))
        qmp, where = self.qmp(), {"vmstate": "n0", "devices": ["n0"]}
        qmp.execute("snapshot-save", job_id="first", tag="one", **where)
        qmp.execute("snapshot-save", job_id="second", tag="one", **where)
        self.refused_command(qmp, "Job ID 'first' already in use", "snapshot-load", job_id="first", tag="one", **where)
        for name in ("", "1st", "a job", "a/b", "#j"):
            self.refused_command(qmp, f"Invalid job ID '{name}'", "snapshot-save", job_id=name, tag="two", **where)
        newest, oldest = qmp.execute("query-jobs")
        self.assertEqual((newest["id"], newest["error"]), ("second", "Snapshot 'one' already exists in one or more devices"))
        self.assertEqual((oldest["id"], oldest["type"]), ("first", "snapshot-save"))
        self.assertNotIn("error", oldest)
        self.assertEqual(qmp.execute("query-block-jobs"), [])
        for job in ("first", "second"):
            for verb in ("cancel", "complete", "finalize", "pause"):
                self.refused_command(qmp, f"Job '{job}' in state 'concluded' cannot accept command verb '{verb}'",
                                     f"job-{verb}", id=job)
            self.refused_command(qmp, "Can't resume a job that was not paused", "job-resume", id=job)
        for verb in ("cancel", "complete", "dismiss", "finalize", "pause", "resume"):
            self.refused_command(qmp, "Job not found", f"job-{verb}", id="nosuch")
            self.refused_command(qmp, "Parameter 'id' is missing", f"job-{verb}")
        qmp.execute("job-dismiss", id="first")
        self.assertEqual([job["id"] for job in qmp.execute("query-jobs")], ["second"])
        self.refused_command(qmp, "Job not found", "job-dismiss", id="first")
        qmp.execute("snapshot-delete", job_id="first", tag="one", devices=["n0"])
        self.assertEqual([job["id"] for job in qmp.execute("query-jobs")], ["first", "second"])
        self.quit(process, qmp)

    def test_arguments(self):
        self.launch(*self.nodes(self.qcow2("a")))
        qmp = self.qmp()
        self.refused_command(qmp, "Parameter 'job-id' is missing", "snapshot-save")
        self.refused_command(qmp, "Invalid parameter type for 'devices', expected: array", "snapshot-save", job_id="j", tag="t",
                             vmstate="n0", devices="n0")
        self.refused_command(qmp, "Parameter 'vmstate' is unexpected", "snapshot-delete", job_id="j", tag="t", vmstate="n0",
                             devices=["n0"])
        self.assertEqual(qmp.execute("query-jobs"), [])
        self.assertLessEqual({"snapshot-save", "snapshot-load", "snapshot-delete", "query-jobs", "job-dismiss", "job-cancel"},
                             {command["name"] for command in qmp.execute("query-commands")})
        schema = {entry["name"] for entry in qmp.execute("query-qmp-schema")}
        self.assertIn("JOB_STATUS_CHANGE", schema)

    def test_which_drives(self):
        images = [self.qcow2("a"), self.qcow2("b")]
        raw, fixed = self.folder / "raw.img", self.qcow2("fixed")
        raw.write_bytes(bytes(1 << 20))
        process = self.launch(*self.nodes(*images), "-drive", f"if=ide,index=2,file={raw},format=raw,node-name=raw",
                              "-drive", f"if=virtio,file={fixed},format=qcow2,read-only=on,node-name=fixed",
                              "-blockdev", f"driver=file,node-name=below,filename={self.qcow2('c')}",
                              "-blockdev", "driver=qcow2,node-name=above,file=below", "-device", "ide-hd,drive=above,bus=ide.1,unit=1")
        qmp = self.qmp()
        one = {"tag": "one", "vmstate": "n1", "devices": ["n0", "n1"]}
        self.done(qmp, "snapshot-save", **one)
        self.done(qmp, "snapshot-save", tag="two", vmstate="n0", devices=["n0"])
        self.assertEqual(self.shown(qmp), {"n0": ["one", "two"], "n1": ["one"], "raw": [], "fixed": [], "above": [], "below": []})

        self.assertEqual(self.failed(qmp, "snapshot-save", **one), "Snapshot 'one' already exists in one or more devices")
        for command in ("snapshot-save", "snapshot-load", "snapshot-delete"):
            tag = "new" if command == "snapshot-save" else "one"
            vmstate = {} if command == "snapshot-delete" else {"vmstate": "n1"}
            for devices, said in ((["n1", "nosuch"], "No block device node 'nosuch'"),
                                  (["n1", "ide0-hd0"], "No block device node 'ide0-hd0'"),
                                  ([], "At least one device is required for snapshot"),
                                  (["n1", "raw"], "Device 'ide1-hd0' is writable but does not support snapshots"),
                                  (["n1", "fixed"], "Device 'virtio0' is .*does not support snapshots"),
                                  (["n1", "below"], "Device 'below' is .*does not support snapshots")):
                with self.subTest(command=command, devices=devices):
                    self.assertRegex(self.failed(qmp, command, tag=tag, devices=devices, **vmstate), f"^{said}")
            if not vmstate:
                continue
            for vmstate in ("nosuch", "n1", "ide0-hd0"):
                self.assertRegex(self.failed(qmp, command, tag=tag, vmstate=vmstate, devices=["n0"]),
                                 f"^vmstate block device '{vmstate}' does not exist")
        for tag, devices in (("two", ["n0", "n1"]), ("three", ["n0"])):
            self.assertEqual(self.failed(qmp, "snapshot-load", tag=tag, vmstate="n0", devices=devices),
                             f"Snapshot '{tag}' does not exist in one or more devices")
        # The machine is in the other one.
        self.assertRegex(self.failed(qmp, "snapshot-load", tag="one", vmstate="n0", devices=["n0", "n1"]),
                         "This is a disk-only snapshot")
        self.done(qmp, "snapshot-load", **one)
        self.done(qmp, "snapshot-load", tag="one", vmstate="n1", devices=["n1"])
        self.done(qmp, "snapshot-delete", tag="one", devices=["n1"])
        self.assertEqual(self.shown(qmp)["n1"], [])
        self.assertRegex(qmp.hmp("loadvm two"), "Error: ")  # there it is a matter of all drives
        self.quit(process, qmp)
        self.assertEqual([name for name, _ in self.listed(images[0])], ["one", "two"])
        self.assertEqual(self.listed(images[0])[0][1], "0 B")
        self.assertNotEqual(self.listed(images[0])[1][1], "0 B")
        self.assertEqual(self.listed(images[1]), [])
        self.clean(*images)

    def test_names_that_were_made_up(self):
        process = self.launch(*self.drive(self.qcow2("a")), "-drive", "if=ide,index=2,media=cdrom,id=cd")
        qmp = self.qmp()
        disk, drive = sorted(qmp.execute("query-block"), key=lambda drive: drive["removable"])
        name = disk["inserted"]["node-name"]
        self.assertRegex(name, r"^#block\d{3}")
        self.assertNotIn("inserted", drive)
        self.done(qmp, "snapshot-save", tag="one", vmstate=name, devices=[name])
        self.done(qmp, "snapshot-load", tag="one", vmstate=name, devices=[name])
        # savevm's are the same thing.
        qmp.hmp("savevm two")
        self.done(qmp, "snapshot-load", tag="two", vmstate=name, devices=[name])
        self.assertEqual(qmp.hmp("loadvm one"), "")
        self.quit(process, qmp)

    def test_another_medium(self):
        disc = self.folder / "disc.iso"
        disc.write_bytes(bytes(1 << 16))
        self.launch("-drive", "if=ide,index=2,media=cdrom,id=cd")
        qmp, seen = self.qmp(), set()
        for _ in range(2):
            qmp.execute("blockdev-change-medium", device="cd", filename=str(disc), format="raw")
            # The guest may have to open the tray first, and ours puts the disc in between two instructions.
            while not (inserted := qmp.execute("query-block")[0].get("inserted")) or inserted["node-name"] in seen:
                time.sleep(0.01)
            seen.add(inserted["node-name"])
            self.assertTrue(inserted["ro"])
            self.assertEqual(len(qmp.execute("query-named-block-nodes")), 2)
        self.assertRegex(self.failed(qmp, "snapshot-save", tag="one", vmstate=max(seen), devices=[inserted["node-name"]]),
                         "^Device 'cd' is .*does not support snapshots$")

    def test_query_block(self):
        base, image = self.qcow2("base"), self.folder / "top.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", image], check=True)
        process = self.launch("-drive", f"if=ide,file={image},format=qcow2,node-name=top,cache=unsafe")
        qmp = self.qmp()
        before = time.time()
        self.done(qmp, "snapshot-save", tag="one", vmstate="top", devices=["top"])
        inserted = qmp.execute("query-block")[0]["inserted"]
        nodes = qmp.execute("query-named-block-nodes")
        self.assertIn(inserted, nodes)
        self.assertEqual({key: inserted[key] for key in inserted if key not in ("image", "cache")}, {
            "node-name": "top", "drv": "qcow2", "file": str(image), "ro": False, "encrypted": False, "detect_zeroes": "off",
            "backing_file": str(base), "backing_file_depth": 1, "write_threshold": 0,
            "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0})
        self.assertEqual(inserted["cache"], {"writeback": True, "direct": False, "no-flush": True})
        details = inserted["image"]
        self.assertEqual({key: details[key] for key in details if key not in ("snapshots", "actual-size", "backing-image")}, {
            "filename": str(image), "format": "qcow2", "virtual-size": 1 << 20, "cluster-size": 65536, "dirty-flag": False,
            "backing-filename": "base.qcow2", "full-backing-filename": str(base), "backing-filename-format": "qcow2",
            "format-specific": {"type": "qcow2", "data": {
                "compat": "1.1", "compression-type": "zlib", "lazy-refcounts": False, "refcount-bits": 16, "corrupt": False,
                "extended-l2": False}}})
        self.assertEqual(details["backing-image"]["filename"], str(base))
        self.assertEqual(details["actual-size"], image.stat().st_blocks * 512)
        snapshot, = details["snapshots"]
        self.assertEqual((snapshot["id"], snapshot["name"]), ("1", "one"))
        self.assertGreater(snapshot["vm-state-size"], 10000)
        self.assertLess(abs(snapshot["date-sec"] - before), 20)
        self.assertEqual({key for key in snapshot if key != "icount"}, {
            "id", "name", "vm-state-size", "date-sec", "date-nsec", "vm-clock-sec", "vm-clock-nsec"})
        self.assertLess(snapshot["vm-clock-nsec"], 1_000_000_000)
        # The image, the file that it is in, and the same of what is below.
        self.assertEqual(sorted((node["file"], node["drv"], node["ro"]) for node in nodes), [
            (str(base), "file", True), (str(base), "qcow2", True), (str(image), "file", False), (str(image), "qcow2", False)])
        self.assertEqual(len({node["node-name"] for node in nodes}), 4)
        for node in qmp.execute("query-named-block-nodes", flat=True):
            self.assertEqual(node["backing_file_depth"], 0)
            self.assertNotIn("backing-image", node["image"])
        self.quit(process, qmp)

    def test_file_without_a_format(self):
        raw = self.folder / "raw.img"
        raw.write_bytes(bytes(1 << 20))
        process = self.launch("-blockdev", f"driver=file,node-name=alone,filename={raw}", "-device", "ide-hd,drive=alone")
        qmp = self.qmp()
        node, = qmp.execute("query-named-block-nodes")
        self.assertEqual((node["node-name"], node["drv"], node["image"]["format"], node["image"]["virtual-size"]),
                         ("alone", "file", "file", 1 << 20))
        self.assertEqual(qmp.execute("query-block")[0]["inserted"], node)
        self.assertRegex(self.failed(qmp, "snapshot-save", tag="one", vmstate="alone", devices=["alone"]),
                         "is writable but does not support snapshots$")
        self.quit(process, qmp)

    def test_temporary(self):
        image = self.qcow2("a")
        process = self.launch(*self.drive(image), "-snapshot")
        qmp = self.qmp()
        drive, = qmp.execute("query-block")
        name = drive["inserted"]["node-name"]
        self.done(qmp, "snapshot-save", tag="one", vmstate=name, devices=[name])
        snapshot, = qmp.execute("query-block")[0]["inserted"]["image"]["snapshots"]
        self.assertEqual(snapshot["name"], "one")
        self.done(qmp, "snapshot-load", tag="one", vmstate=name, devices=[name])
        self.done(qmp, "snapshot-delete", tag="one", devices=[name])
        self.assertEqual(self.failed(qmp, "snapshot-load", tag="one", vmstate=name, devices=[name]),
                         "Snapshot 'one' does not exist in one or more devices")
        self.quit(process, qmp)
        self.assertEqual(self.listed(image), [])

    def test_two_nodes_of_a_name(self):
        image, other = self.qcow2("a"), self.qcow2("b")
        process = self.launch("-drive", f"if=ide,file={image},format=qcow2,node-name=n",
                              "-drive", f"if=ide,file={other},format=qcow2,node-name=n")
        self.assertEqual(process.wait(20), 1)
        self.assertIn("Duplicate nodes with node-name='n'", process.errors.read_text())


class Others(Jobs):
    """What is ours alone."""

    def test_names(self):
        self.launch(*self.nodes(self.qcow2("a")))
        qmp = self.qmp()
        for tag, said in (("", "can't be empty"), ("x" * 256, "at most 255")):
            self.assertIn(said, self.failed(qmp, "snapshot-save", tag=tag, vmstate="n0", devices=["n0"]))

    def test_one_of_the_drives_has_it(self):
        """QEMU makes a second one of the same name there."""
        self.launch(*self.nodes(self.qcow2("a"), self.qcow2("b")))
        qmp = self.qmp()
        self.done(qmp, "snapshot-save", tag="one", vmstate="n0", devices=["n0"])
        self.assertEqual(self.failed(qmp, "snapshot-save", tag="one", vmstate="n1", devices=["n0", "n1"]),
                         "Snapshot 'one' already exists in one or more devices")
        self.done(qmp, "snapshot-save", tag="one", vmstate="n1", devices=["n1", "n1"])
        self.assertEqual(self.shown(qmp), {"n0": ["one"], "n1": ["one"]})

    def test_temporary_ones_go_together(self):
        self.launch("-snapshot", *self.drive(self.qcow2("a")), *self.drive(self.qcow2("b"), 1))
        qmp = self.qmp()
        first, second = [drive["inserted"]["node-name"] for drive in qmp.execute("query-block")]
        error = self.failed(qmp, "snapshot-save", tag="one", vmstate=first, devices=[first])
        self.assertEqual(error, "Device 'ide0-hd1' writes to a temporary file, which goes back with the machine: expected its "
                                f"node '{second}' among the devices")
        self.done(qmp, "snapshot-save", tag="one", vmstate=second, devices=[first, second])
        sizes = [drive["inserted"]["image"]["snapshots"][0]["vm-state-size"] for drive in qmp.execute("query-block")]
        self.assertEqual(sizes[0], 0)
        self.assertGreater(sizes[1], 0)
        self.done(qmp, "snapshot-load", tag="one", vmstate=second, devices=[second, first])

    def test_two_clients(self):
        """Both are told, and both may ask."""
        self.launch(*self.nodes(self.qcow2("a")), "-qmp", f"unix:{self.folder}/second,server=on,wait=off")
        qmp = self.qmp()
        with peer.Qmp(self.folder / "second") as other:
            qmp.execute("snapshot-save", job_id="j", tag="one", vmstate="n0", devices=["n0"])
            while other.wait_event("JOB_STATUS_CHANGE")["data"]["status"] != "concluded":
                pass
            self.assertEqual(other.execute("query-jobs")[0]["id"], "j")
            other.execute("job-dismiss", id="j")
        self.assertEqual(qmp.execute("query-jobs"), [])

    def test_goes_on_to_the_same_end(self):
        """The second disk keeps the machine; what isn't chosen stays as it is."""
        image, keeper, third = self.disk(), self.qcow2("keeper"), self.qcow2("third")
        process = self.launch("-m", "16", "-icount", "shift=2", *machine.EXIT_DEVICE, *self.nodes(image, keeper, third))
        qmp, where = self.qmp(), {"vmstate": "n1", "devices": ["n0", "n1"]}
        self.until(qmp, 20_000_000)
        qmp.execute("stop")
        self.done(qmp, "snapshot-save", tag="one", **where)
        registers, at = qmp.hmp("info registers"), self.icount(qmp)
        qmp.execute("cont")
        self.until(qmp, at + 5_000_000)
        qmp.execute("stop")
        self.done(qmp, "snapshot-load", tag="one", **where)
        self.assertEqual((qmp.hmp("info registers"), self.icount(qmp)), (registers, at))
        saved = qmp.execute("query-block")[1]["inserted"]["image"]["snapshots"][0]
        self.assertEqual(saved["icount"], at)
        qmp.execute("cont")
        status = self.end_of(process)
        wanted = self.contents(image)
        process = self.launch("-m", "16", "-icount", "shift=2", *machine.EXIT_DEVICE, *self.nodes(image, keeper, third), "-S")
        qmp = self.qmp()
        self.done(qmp, "snapshot-load", tag="one", **where)
        qmp.execute("cont")
        self.assertEqual(self.end_of(process), status)
        self.assertEqual(self.contents(image), wanted)
        self.clean(image, keeper, third)


class Recorded(Jobs):
    def test_in_the_log(self):
        raw = self.folder / "raw.img"
        raw.write_bytes(bytes(1 << 20))
        image = self.qcow2("a")
        before = image.read_bytes()
        # A raw image, too: the log has all.
        process = self.launch("-m", "16", *self.nodes(image), *self.drive(raw, 1), *self.recording("shift=auto"))
        qmp, where = self.qmp(), {"vmstate": "n0", "devices": ["n0"]}
        time.sleep(0.5)
        qmp.hmp("sendkey esc")
        self.assertEqual(self.done(qmp, "snapshot-save", tag="one", **where), STANDSTILL)
        self.assertEqual(self.failed(qmp, "snapshot-save", tag="one", **where),
                         "Snapshot 'one' already exists in one or more devices")
        self.assertEqual(self.failed(qmp, "snapshot-save", tag="two", vmstate="n0", devices=["n0", "nosuch"]),
                         "No block device node 'nosuch'")
        self.assertIn("a recording only goes on", self.failed(qmp, "snapshot-load", tag="one", **where))
        self.assertIn("a log keeps all", self.failed(qmp, "snapshot-delete", tag="one", devices=["n0"]))
        saved, = qmp.execute("query-block")[0]["inserted"]["image"]["snapshots"]
        self.assertEqual(saved["name"], "one")
        time.sleep(0.3)
        self.quit(process, qmp)
        self.assertEqual(image.read_bytes(), before)
        for engine in ("interp", "tcg"):
            with self.subTest(engine=engine):
                process = self.launch(*self.replaying(), "-S", "-accel", engine)
                qmp = self.qmp()
                # The nodes have the names that they had then.
                self.assertEqual(self.done(qmp, "snapshot-load", tag="one", **where), DONE)
                self.assertEqual(qmp.execute("query-replay")["icount"], saved["icount"])
                self.assertEqual(qmp.execute("query-block")[0]["inserted"]["image"]["snapshots"][0]["icount"], saved["icount"])
                for command, tag, said in (("snapshot-save", "two", "replaying"), ("snapshot-load", "two", "does not exist in the log")):
                    seen, error = self.job(qmp, command, tag=tag, **where)
                    self.assertEqual(seen, FAILED)
                    self.assertIn(said, error)
                qmp.execute("cont")
                qmp.wait_event("STOP", 60)  # the end
                self.done(qmp, "snapshot-load", tag="one", **where)
                self.assertEqual(qmp.execute("query-replay")["icount"], saved["icount"])
                self.quit(process, qmp)
        self.replay("-display", "none")


if __name__ == "__main__":
    unittest.main(verbosity=2)
