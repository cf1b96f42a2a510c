# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, driven over the W3C's WebDriver protocol, and a server of files for it on loopback. Standard
library only; the browser is Debian's (packages chromium, chromium-driver).
"""
import base64
import functools
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
           "--disable-features=BackForwardCache",  # else a page that was left keeps its connections
           "--window-size=1000,800", "--force-device-scale-factor=1"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the specification's name for a reference


class Failed(Exception):
    pass


class Files:
    """Serves a folder on a port of loopback; `url` ends with a slash."""

    def __init__(self, folder):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Browser:
    """One window. Its profile is new, and is gone with close()."""

    def __init__(self, timeout=60):
        self.timeout = timeout
        self.profile = tempfile.mkdtemp(prefix="qemu-replay-browser-")
        self.drain = None
        self.driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for line in self.driver.stdout:
                if found := re.search(r"started successfully on port (\d+)", line):
                    break
            else:
                raise Failed("chromedriver has ended")
            # What it says from here on is nobody's business, but must go somewhere.
            self.drain = threading.Thread(target=self.driver.stdout.read, daemon=True)
            self.drain.start()
            self.base = f"http://127.0.0.1:{found[1]}/session"
            wanted = {"browserName": "chrome",
                      "goog:chromeOptions": {"binary": CHROMIUM, "args": [*OPTIONS, f"--user-data-dir={self.profile}"]}}
            session = self.call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
            self.base += "/" + session["sessionId"]
        except BaseException:
            self.end()
            raise

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(json.load(error)["value"]["message"].splitlines()[0]) from None

    def close(self):
        try:
            self.call("DELETE", "")
        except (Failed, OSError):
            pass
        self.end()

    def end(self):
        self.driver.terminate()
        try:
            self.driver.wait(20)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        if self.drain:
            self.drain.join()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    # --- what one does with it ---

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """A function's body; its `arguments` are these."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, *arguments, within=60):
        """Until the script gives something true, which is the result."""
        end = time.monotonic() + within
        while True:
            result = self.run(script, *arguments)
            if result:
                return result
            if time.monotonic() > end:
                raise Failed(f"this didn't come true: {script}")
            time.sleep(0.05)

    def find(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def actions(self, kind, *steps):
        source = {"type": kind, "id": kind, "actions": list(steps)}
        if kind == "pointer":
            source["parameters"] = {"pointerType": "mouse"}
        self.call("POST", "/actions", {"actions": [source]})

    def press(self, *keys):
        """Keys down in this order and up in the other: "a", or WebDriver's code points ("\\ue008" is Shift)."""
        self.actions("key", *[{"type": "keyDown", "value": key} for key in keys],
                     *[{"type": "keyUp", "value": key} for key in reversed(keys)])

    def move(self, x, y):
        self.actions("pointer", {"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"})

    def click(self, x, y, button=0):
        self.actions("pointer", {"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"},
                     {"type": "pointerDown", "button": button}, {"type": "pointerUp", "button": button})

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("GET", "/screenshot")))
