#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's graphical installer on a CD and on a disk that GRUB boots: its first three pages by keys and mouse over
VNC, recorded, and seen again in replays by both engines, pixel by pixel. The short form goes no further than
GRUB's menu, which is graphical, too.
"""
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import desk  # noqa: E402
import machine  # noqa: E402

IMAGES = pathlib.Path("/usr/lib/debian-installer/images/12/i386/gtk")
MENU = """
loadfont unicode
set gfxmode=800x600
set gfxpayload=keep
insmod all_video
insmod png
terminal_output gfxterm
background_image /splash.png
set color_normal=light-gray/black
set color_highlight=white/black
menuentry 'Graphical install' {
    linux /linux vga=788 --- quiet
    initrd /initrd.gz
}
menuentry 'Power off' {
    halt
}
"""
PATIENCE = 1800  # seconds until something appears on a busy host
TCG, INTERP = ["-accel", "tcg"], ["-accel", "interp"]
WHITE, BLACK = b"\xff" * 3, b"\0" * 3
CONTINUE = (1219, 774)


def pixel(picture, x, y):
    at = 3 * (picture[0] * y + x)
    return picture[2][at:at + 3]


def cursor(picture):
    """The tip of X's arrow: black between white, a pixel wider in each row."""
    width, _, pixels = picture
    wide, narrow = WHITE + BLACK * 8 + WHITE, WHITE + BLACK * 7 + WHITE
    at = -1
    while (at := pixels.find(wide, at + 1)) >= 0:
        above = at - 3 * width
        if at % 3 == 0 and pixels[above:above + len(narrow)] == narrow:
            return at // 3 % width + 1, at // 3 // width - 7
    return None


def title(picture):
    """The strip with the page's title; None if there is no page."""
    if picture[:2] != (1280, 800) or pixel(picture, 1270, 94) != pixel(picture, 1270, 750):
        return None
    strip = b"".join(picture[2][3 * 1280 * y:3 * (1280 * y + 600)] for y in range(86, 104))
    return strip if len(set(strip)) > 10 else None


def chosen(picture):
    """The rows of the screen that the chosen line of a list takes, if there is one."""
    def teal(y):
        color = pixel(picture, 700, y)
        return color[0] < 60 and 110 < color[1] < 150 and all(pixel(picture, x, y) == color for x in (500, 900, 1100))
    return [y for y in range(120, 740) if teal(y)] if title(picture) else []


class Person:
    """At the desk of a running installer."""

    def __init__(self, run):
        self.run = run

    def moves_to(self, x, y):
        """Acceleration makes the way that a movement takes unforeseeable, so look, and go on from there."""
        seen = []

        def there():
            at = cursor(self.run.dump())
            seen.append(at)
            if not at:
                self.run.vnc.move(-20, -20)
                return False
            dx, dy = x - at[0], y - at[1]
            if max(abs(dx), abs(dy)) <= 6:
                return True
            steps = min(10, max(1, max(abs(dx), abs(dy)) // 8))
            for _ in range(steps):
                self.run.vnc.move(*(int(d / steps / 2) or (d > 0) - (d < 0) for d in (dx, dy)))
                time.sleep(0.01)
            return False
        self.run.wait(f"arrow at {x}, {y}", there, PATIENCE)

    def clicks(self, x, y):
        self.moves_to(x, y)
        self.run.vnc.move(0, 0, 1)
        self.run.vnc.move(0, 0, 0)

    def chooses(self, y):
        """Clicks on a line of the list."""
        self.clicks(300, y)
        self.run.wait(f"chosen line at {y}", lambda: y in chosen(self.run.dump()), PATIENCE)

    def presses(self, key):
        """A key that changes the chosen line."""
        before = chosen(self.run.dump())
        self.run.vnc.press(key)
        self.run.wait("other chosen line", lambda: chosen(self.run.dump()) not in ([], before), PATIENCE)

    def awaits_page(self, before=None):
        """A page with a list and another title; its title."""
        def page():
            picture = self.run.dump()
            return chosen(picture) and title(picture) != before and title(picture)
        self.run.wait("page with a list", page, PATIENCE)
        # The list may be filled, and scrolled to its chosen line, after it was first drawn.
        time.sleep(5)
        return self.run.wait("page with a list", page, PATIENCE)

    def goes_on(self):
        before = title(self.run.dump())
        self.clicks(*CONTINUE)
        return before


class GtkInstaller(machine.MachineTest):
    def image(self):
        """A CD that is a disk as well."""
        content = self.folder / "content"
        (content / "boot" / "grub").mkdir(parents=True)
        (content / "boot" / "grub" / "grub.cfg").write_text(MENU)
        shutil.copy(IMAGES / "splash.png", content)
        for name in ("linux", "initrd.gz"):
            shutil.copy(IMAGES / "debian-installer" / "i386" / name, content)
        image = self.folder / "installer.img"
        done = subprocess.run(["grub-mkrescue", "--locales=", "--themes=", "-o", image, content],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.rmtree(content)
        return image

    def menu(self, drive, *arguments):
        """A recording that has come to GRUB's menu."""
        run = desk.Desk(self, drive, self.image(), *arguments, *self.recording())
        run.sit_down()

        def menu():
            picture = run.dump()
            return picture[:2] == (800, 600) and len(set(picture[2])) > 100 and pixel(picture, 400, 66) > b"\x80"
        run.wait("menu", menu, PATIENCE)
        run.still(20_000_000, PATIENCE)
        run.take("menu")
        return run

    def just_the_menu(self, drive):
        run = self.menu(drive, "-m", "64")
        run.vnc.press("down")
        time.sleep(0.5)
        run.still(20_000_000, PATIENCE)
        run.take("power off chosen")
        run.vnc.press("ret")
        run.ends(PATIENCE)
        desk.check(self, run, TCG, INTERP)

    def test_menu_from_cd(self):
        self.just_the_menu("-cdrom")

    def test_menu_from_disk(self):
        self.just_the_menu("-hda")

    def pages(self, drive):
        run = self.menu(drive, "-m", "1024")
        self.short = False
        run.vnc.press("ret")
        person = Person(run)
        language = person.awaits_page()
        run.take("language")
        person.presses("down")
        run.take("language by key")
        person.chooses(454)
        run.take("language by mouse")
        location = person.awaits_page(person.goes_on())
        self.assertNotEqual(language, location)
        run.take("location")
        person.presses("up")
        person.chooses(254)
        run.take("location by mouse")
        keyboard = person.awaits_page(person.goes_on())
        self.assertNotEqual(location, keyboard)
        run.take("keyboard")
        person.presses("down")
        run.take("keyboard by key")
        person.goes_on()
        run.wait("other page", lambda: title(run.dump()) not in (None, keyboard), PATIENCE)
        run.take("behind the keyboard")
        run.quit()
        desk.check(self, run, TCG, INTERP, timeout=PATIENCE)
        with machine.Saturated():
            desk.check(self, run, TCG, INTERP, timeout=2 * PATIENCE)

    @machine.slow
    def test_pages_from_cd(self):
        self.pages("-cdrom")

    @machine.slow
    def test_pages_from_disk(self):
        self.pages("-hda")


if __name__ == "__main__":
    machine.main()
