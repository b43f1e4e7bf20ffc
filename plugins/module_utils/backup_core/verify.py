# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: every object of a repository hashed against its name, then its structure checked by restic.

restic names each file under data/, index/, snapshots/ and keys/ by the SHA-256 of its content, so the scrub
needs no key, finds every flipped bit, and names each damaged object.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from . import restic
from .commands import is_snapshot_id
from .errors import one_line
from .snapshots import on_disk
from .workplace import Workplace

HASHED = ("keys", "snapshots", "index", "data")
BLOCK = 1 << 20
CHECK_TIMEOUT = 6 * 24 * 3600.0
MOST_NAMED = 100
# While a backup works, objects come under the check; a second look tells damage from that.
LOOKS = 2
_SUBSET = re.compile(r"[1-9]\d{0,3}/[1-9]\d{0,3}|\d{1,3}(\.\d+)?%|\d+[kKmMgGtT]?")


@dataclass
class Verified:
    """What was looked at, and what is not as it should be. `snapshots` is how many there are to restore:
    where there is none, there was nothing to verify. `missing` are in the ledger, not in the repository."""

    snapshots: int = 0
    missing: list[str] = field(default_factory=list)
    objects: int = 0
    size: int = 0
    seconds: float = 0.0
    damaged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    structure: str | None = None

    @property
    def sound(self) -> bool:
        return not self.damaged and not self.missing and self.structure is None


def objects(location: str) -> Iterator[tuple[str, str]]:
    """Every object that is named by its hash: path below the repository, and name."""
    for kind in HASHED:
        for folder, _unused, names in os.walk(os.path.join(location, kind)):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), location), name


def hash_of(path: str) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
            size += count
    return digest.hexdigest(), size


def _look(location: str, path: str, name: str) -> tuple[str, int, str | None]:
    """Path, size and what is wrong with the object; size -1 if it has gone meanwhile."""
    try:
        found, size = hash_of(os.path.join(location, path))
    except FileNotFoundError:
        return path, -1, None
    except OSError as error:
        return path, 0, error.strerror or "unreadable"
    return path, size, None if found == name else "content is not what its name says"


def scrub(
    location: str, progress: Callable[[str], None] | None = None, workers: int | None = None
) -> Verified:
    """Hash every object. hashlib lets go of the interpreter while it works, so threads use all cores."""
    result = Verified()
    began = time.monotonic()
    count = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        pending: set[Future[tuple[str, int, str | None]]] = set()
        for path, name in objects(location):
            if not is_snapshot_id(name):
                result.foreign.append(path)
                continue
            pending.add(pool.submit(_look, location, path, name))
            if len(pending) >= 8 * count:
                pending = _collect(pending, result)
                _tell(result, began, progress)
        while pending:
            pending = _collect(pending, result)
    result.seconds = time.monotonic() - began
    result.damaged.sort()
    return result


def _collect(
    pending: set[Future[tuple[str, int, str | None]]], result: Verified
) -> set[Future[tuple[str, int, str | None]]]:
    done, left = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        path, size, wrong = future.result()
        if size < 0:
            continue
        result.objects += 1
        result.size += size
        if wrong is not None:
            result.damaged.append(f"{path}: {wrong}")
    return left


def _tell(result: Verified, began: float, progress: Callable[[str], None] | None) -> None:
    if progress is not None:
        rate = result.size / 1e6 / max(time.monotonic() - began, 0.001)
        progress(f"{result.objects} objects, {result.size / 1e6:.0f} MB, {rate:.0f} MB/s")


def valid_subset(text: str) -> bool:
    """Whether restic would take it as --read-data-subset (n/t, x% or a size)."""
    return _SUBSET.fullmatch(text) is not None


def verify(
    place: Workplace,
    subset: str | None = None,
    structure: bool = True,
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
) -> Verified:
    """Scrub and check one repository, and put the result into its ledger.

    A repository without any snapshot can be damaged, but it cannot be sound: nothing is recorded of it then.
    """
    # Not above: receive stands on quarantine, and that hashes with this module.
    from .receive import intended_removals, missing_ids

    ledger = place.ledger()
    disk = on_disk(place.location)
    result = scrub(place.location, progress)
    result.snapshots = len(disk)
    gone = missing_ids(disk, ledger)
    result.missing = [one for one in gone if one not in intended_removals(ledger)]
    if structure:
        began = time.monotonic()
        result.structure = _structure(place, subset, progress, tuple(keep_open))
        result.seconds += time.monotonic() - began
    if not disk and result.sound:
        return result
    fields = {
        # What came later was perhaps not looked at any more.
        "entries": len(ledger.entries),
        "snapshots": result.snapshots,
        "missing": result.missing[:MOST_NAMED],
        "objects": result.objects,
        "size": result.size,
        "seconds": round(result.seconds, 3),
        "sound": result.sound,
        "damaged": result.damaged[:MOST_NAMED],
        "damaged_count": len(result.damaged),
        "structure": result.structure,
        "checked": structure,
        "subset": subset,
    }
    place.append([place.draft("verified", fields)])
    return result


def _structure(
    place: Workplace, subset: str | None, progress: Callable[[str], None] | None, keep_open: tuple[int, ...]
) -> str | None:
    """What restic finds wrong, in one line; None if nothing. Raises if it could not look at all."""
    if progress is not None:
        progress(f"{place.source.series}: restic check")
    problem = None
    for _unused in range(LOOKS):
        command = place.repository(place.ledger()).check(subset)
        result = restic.run(command, CHECK_TIMEOUT, keep_open=keep_open)
        if result.code == restic.OK:
            return None
        if result.code != 1:
            restic.checked(result, f"{place.source.series}: restic check")
        problem = one_line(result.stderr or "restic check found errors", 300)
    return problem
