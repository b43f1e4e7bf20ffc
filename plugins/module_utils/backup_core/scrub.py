# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyless scrub: every object of a repository hashed against its name.

restic names each file under data/, index/, snapshots/ and keys/ by the SHA-256 of its content, so this needs
no key, finds every flipped bit, and names each damaged object. It takes no lock: an object that is removed
meanwhile was no longer wanted, and one that is being written does not have its name yet.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .commands import is_snapshot_id
from .config import Config, Source
from .errors import BackupError
from .files import make_folder, write_durably
from .reading import PARTS, Reading, due, ended, is_new, reading_from

# Small, and what everything else hangs on: read in every run.
SMALL = ("keys", "snapshots", "index")
# Fits into a core's own cache.
BLOCK = 1 << 18
SAVE_EVERY = 30.0


@dataclass
class Scrubbed:
    """What one run read, and what is not as it should be. total: bytes of all objects there are."""

    objects: int = 0
    size: int = 0
    total: int = 0
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Task:
    path: str
    name: str
    part: str | None


def hash_of(path: str, from_disk: bool = False) -> tuple[str, int]:
    """SHA-256 and size of a file. from_disk: not what memory still holds of it, and leaving nothing there."""
    digest = hashlib.sha256()
    size = 0
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        if from_disk:
            _forget_pages(file.fileno())
        while count := file.readinto(buffer):
            digest.update(view[:count])
            size += count
        if from_disk:
            _forget_pages(file.fileno())
    return digest.hexdigest(), size


def _forget_pages(descriptor: int) -> None:
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _look(location: str, path: str, name: str) -> tuple[str, int, str | None]:
    """Path, size and what is wrong with the object; size -1 if it has gone meanwhile."""
    full = os.path.join(location, path)
    try:
        if not stat.S_ISREG(os.lstat(full).st_mode):
            return path, 0, "not a file"
        found, size = hash_of(full, from_disk=True)
    except FileNotFoundError:
        return path, -1, None
    except OSError as error:
        return path, 0, error.strerror or "unreadable"
    return path, size, None if found == name else "content is not what its name says"


class Scrub:
    """One run over one repository. `save` keeps what was read, so that a killed run is taken up again."""

    def __init__(
        self,
        location: str,
        reading: Reading,
        now: datetime,
        save: Callable[[Reading], None] = lambda _reading: None,
        progress: Callable[[str], None] | None = None,
        workers: int | None = None,
    ) -> None:
        self._location = location
        self._reading = reading
        self._now = now
        self._save = save
        self._progress = progress
        self._workers = workers or os.cpu_count() or 1
        # In the order in which they were read last, so that an interrupted run leaves the youngest.
        self._due = dict.fromkeys(due(reading, now))
        self._open: Counter[str] = Counter()
        self._listed: set[str] = set()
        self._began = self._saved = self._counted = time.monotonic()
        self.result = Scrubbed()

    def run(self) -> Scrubbed:
        """Read what is due. hashlib lets go of the interpreter while it works, so threads use all cores."""
        for path in [*self._reading.damaged]:
            if not os.path.lexists(os.path.join(self._location, path)):
                self._reading.damaged.discard(path)
        with ThreadPoolExecutor(self._workers) as pool:
            pending: dict[Future[tuple[str, int, str | None]], _Task] = {}
            for task in self._tasks():
                pending[pool.submit(_look, self._location, task.path, task.name)] = task
                if len(pending) >= 8 * self._workers:
                    self._collect(pending)
            while pending:
                self._collect(pending)
        for part in list(self._listed):
            self._complete(part)
        ended(self._reading, self._now)
        self._keep()
        self.result.seconds = time.monotonic() - self._began
        self.result.damaged.sort()
        return self.result

    def _tasks(self) -> Iterator[_Task]:
        for kind in SMALL:
            for entry in self._entries(kind):
                yield _Task(f"{kind}/{entry.name}", entry.name, None)
        for entry in _scan(os.path.join(self._location, "data")):
            if entry.name not in PARTS:
                self.result.foreign.append(f"data/{entry.name}")
        for part in [*self._due, *(one for one in PARTS if one not in self._due)]:
            for entry in self._entries(f"data/{part}"):
                path = f"data/{part}/{entry.name}"
                if part in self._due:
                    self._open[part] += 1
                    yield _Task(path, entry.name, part)
                elif path in self._reading.damaged or is_new(self._reading, part, _changed_at(entry)):
                    yield _Task(path, entry.name, None)
            if part in self._due:
                self._listed.add(part)

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        for entry in _scan(os.path.join(self._location, folder)):
            if not is_snapshot_id(entry.name):
                self.result.foreign.append(f"{folder}/{entry.name}")
                continue
            try:
                self.result.total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue
            yield entry

    def _collect(self, pending: dict[Future[tuple[str, int, str | None]], _Task]) -> None:
        done, _left = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            task = pending.pop(future)
            self._note(*future.result())
            if task.part is not None:
                self._open[task.part] -= 1
                if task.part in self._listed:
                    self._complete(task.part)
        self._tell()

    def _note(self, path: str, size: int, wrong: str | None) -> None:
        reading, result = self._reading, self.result
        reading.damaged.discard(path)
        if size < 0:
            return
        result.objects += 1
        result.size += size
        reading.objects += 1
        reading.size += size
        if wrong is not None:
            reading.damaged.add(path)
            result.damaged.append(f"{path}: {wrong}")

    def _complete(self, part: str) -> None:
        if self._open[part] == 0:
            self._listed.discard(part)
            self._reading.parts[part] = self._now
            if time.monotonic() - self._saved > SAVE_EVERY:
                self._keep()

    def _keep(self) -> None:
        now = time.monotonic()
        self._reading.seconds += now - self._counted
        self._saved = self._counted = now
        self._save(self._reading)

    def _tell(self) -> None:
        if self._progress is not None:
            size, seconds = self.result.size / 1e6, max(time.monotonic() - self._began, 0.001)
            self._progress(f"{self.result.objects} objects, {size:.0f} MB, {size / seconds:.0f} MB/s")


def _scan(folder: str) -> list[os.DirEntry[str]]:
    """What is in the folder, by name. A folder that cannot be looked into must not pass for an empty one."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []


def _changed_at(entry: os.DirEntry[str]) -> datetime:
    try:
        return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
    except (FileNotFoundError, ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


class Records:
    """Where a server keeps what it has read of a source's repository."""

    def __init__(self, config: Config, source: Source) -> None:
        name = f"{source.commune}.{source.name}.json"
        self.path = os.path.join(config.state_directory, "scrub", name)

    def read(self) -> Reading:
        """A new one where there is none or it makes no sense: then everything is read again."""
        try:
            with open(self.path, "rb") as file:
                return reading_from(json.load(file))
        except FileNotFoundError:
            return Reading()
        except OSError as error:
            raise BackupError(f"{self.path}: {error.strerror}") from None
        except (BackupError, ValueError, KeyError, TypeError, RecursionError):
            return Reading()

    def write(self, reading: Reading) -> None:
        make_folder(os.path.dirname(self.path))
        write_durably(self.path, json.dumps(reading.as_json()).encode())
