# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a restore and its target: files are unpacked into a private folder in the target, scanned, moved.

Within one file system, so that moving takes no time and no space.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator

from ..errors import BackupError, RefusedError
from .clamd import Clamd, ScannerError, scan_files
from .content import regular_files
from .settings import Settings
from .verdicts import Tally

# Replaces what is as old as in the snapshot, and nothing that was changed since.
UNLESS_NEWER = "unless-newer"
# restic may give a time back a little rounded.
SAME_TIME_NS = 2_000_000
PREFIX = ".ccpp-backup-restoring-"


class Screen:
    """The antivirus as a restore uses it. infected_too: infected files are released, and named too."""

    def __init__(self, settings: Settings, infected_too: bool = False) -> None:
        self._settings = settings
        self._clamd = Clamd(settings)
        self.infected_too = infected_too

    def check(self) -> None:
        """RefusedError unless the antivirus can be trusted."""
        try:
            self._clamd.check()
        except ScannerError as error:
            raise RefusedError(f"{error}; --unscanned restores without the antivirus") from None

    def scan(self, folder: str) -> Tally:
        """Scan all that lies in the folder, and take away what is infected unless it is wanted too."""
        tally = Tally()
        try:
            found = scan_files(self._clamd, regular_files(folder), self._settings.threads)
        except ScannerError as error:
            raise RefusedError(f"{error}; nothing was released (--unscanned does without)") from None
        for path, verdict in sorted(found.items()):
            tally.add(path.removeprefix(folder), verdict, os.lstat(path).st_size)
            if verdict.kind == "infected" and not self.infected_too:
                _take_away(path)
        return tally


def _take_away(path: str) -> None:
    """The folder keeps the time that it was restored with."""
    parent = os.path.dirname(path)
    before = os.stat(parent)
    os.unlink(path)
    os.utime(parent, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextlib.contextmanager
def staging(target: str) -> Iterator[str]:
    """A private folder in the target, gone afterwards with all that was not moved out of it."""
    new = not os.path.lexists(target)
    os.makedirs(target, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=target)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        if new and not os.listdir(target):
            os.rmdir(target)


def move_out(folder: str, target: str, overwrite: str) -> None:
    """Move all that is in the folder into the target; `overwrite` is what restic means by it,
    or UNLESS_NEWER."""
    for name in sorted(os.listdir(folder)):
        move_one(os.path.join(folder, name), os.path.join(target, name), overwrite)


def move_one(source: str, target: str, overwrite: str) -> None:
    mine = os.lstat(source)
    try:
        theirs = os.lstat(target)
    except FileNotFoundError:
        os.rename(source, target)
        return
    if stat.S_ISDIR(mine.st_mode) and stat.S_ISDIR(theirs.st_mode):
        move_out(source, target, overwrite)
        # As restic does. Both folders' times have changed by what was moved.
        os.chown(target, mine.st_uid, mine.st_gid)
        shutil.copystat(source, target)
        os.utime(target, ns=(mine.st_atime_ns, mine.st_mtime_ns))
        return
    age = theirs.st_mtime_ns - mine.st_mtime_ns
    if (
        overwrite == "never"
        or (overwrite == "if-newer" and age >= 0)
        or (overwrite == UNLESS_NEWER and age > SAME_TIME_NS)
    ):
        return
    if stat.S_ISDIR(theirs.st_mode):
        raise BackupError(f"{target}: is a folder, and a file in the snapshot (move it away)")
    if stat.S_ISDIR(mine.st_mode):
        os.unlink(target)
    os.rename(source, target)
