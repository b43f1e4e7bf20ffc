# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore: choose the snapshot by the ledger (on a server) or the repository's list (on a workstation), check
the target, let restic write and verify.

Needs no lock in the repository and writes nothing into it: a restore works on a full or read-only disk, and
with garbage in locks/.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from . import restic, snapshots, web
from .antivirus import release
from .antivirus.verdicts import Tally
from .backup import progress_text
from .errors import BackupError, InputError, RefusedError, shown
from .ledger import Ledger
from .opening import FixedOpenDays
from .policy import Policy
from .retention import plan, snapshots_of
from .times import paris_day
from .workplace import Workplace

TIMEOUT = 6 * 24 * 3600.0
OVERWRITE = ("never", "if-newer", "if-changed", "always")
SHORTEST_PREFIX = 8
MOST_ERRORS = 100


@dataclass(frozen=True)
class Candidate:
    """A snapshot that could be restored, in the order of the ledger (or of time, on a workstation)."""

    id: str
    day: date
    outcome: str | None
    size: int
    sound: bool = True


@dataclass
class Restored:
    snapshot: str
    day: date
    target: str
    files: int = 0
    size: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    recorded: bool | None = None
    scanned: Tally | None = None


def candidates(place: Workplace) -> list[Candidate]:
    """What there is to restore from, the ledger's word first."""
    if place.source.ledger is None:
        if place.source.repository.location_file is not None:
            web.probe(place.source.repository.location_file, place.source.repository.cacert)
        listed = snapshots.read_all(place.repository())
        timed = [(instant, one) for one in listed if (instant := one.claimed_instant) is not None]
        return [
            Candidate(one.id, paris_day(instant), None, one.size)
            for instant, one in sorted(timed, key=lambda pair: pair[0])
        ]
    ledger = place.ledger()
    decided = plan(
        snapshots_of(ledger),
        FixedOpenDays([]),
        Policy.from_mapping(place.config.communes[place.source.commune].policy),
        place.clock.now(),
        newest_entry=ledger.newest_at,
        quarantined=ledger.quarantined_ids(),
    )
    doubtful = set(decided.quarantined())
    return [
        Candidate(
            r.snapshot,
            paris_day(r.claimed_at or r.received_at),
            r.outcome,
            r.size,
            r.snapshot not in doubtful,
        )
        for r in ledger.live()
    ]


def choose(found: Sequence[Candidate], snapshot: str | None, day: date | None) -> Candidate:
    """The one snapshot meant: by id (or its first digits), or the last good one on or before a day."""
    if snapshot is not None:
        fitting = [one for one in found if one.id.startswith(snapshot)]
        if len(snapshot) < SHORTEST_PREFIX or len(fitting) > 1:
            raise InputError(f"--snapshot: {shown(snapshot)} is too short to be sure (give more of the id)")
        if not fitting:
            raise InputError(f"--snapshot: {shown(snapshot)} is not there (see ccpp-backup restore --list)")
        return fitting[0]
    good = [one for one in found if one.sound and one.outcome in ("ok", None)]
    fitting = [one for one in good if day is None or one.day <= day]
    if not fitting:
        when = "" if day is None else f" on or before {day}"
        raise InputError(f"no complete backup{when} (see ccpp-backup restore --list; --snapshot takes any)")
    newest = max(one.day for one in fitting)
    return [one for one in fitting if one.day == newest][-1]


def check_target(target: str, into_existing: bool) -> None:
    """InputError unless the target is absolute, and empty or absent (or the caller wants it as it is)."""
    if not os.path.isabs(target):
        raise InputError(f"--target: {shown(target)} is not an absolute path")
    if os.path.islink(target):
        raise InputError(f"--target: {target} is a symbolic link (name the folder itself)")
    if not os.path.lexists(target):
        return
    if not os.path.isdir(target):
        raise InputError(f"--target: {target} is a file (name a folder)")
    if os.listdir(target) and not into_existing:
        raise InputError(f"--target: {target} is not empty (choose another, or say --overwrite HOW)")


def check_space(target: str, needed: int) -> None:
    """RefusedError when the file system clearly has not the room."""
    parent = target
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise RefusedError(
            f"{target}: {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
            " (choose another target, restore a part with --path, or say --no-space-check)"
        )


def restore(
    place: Workplace,
    chosen: Candidate,
    target: str,
    path: str | None = None,
    overwrite: str | None = None,
    space_check: bool = True,
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
    who: str | None = None,
    screen: release.Screen | None = None,
) -> Restored:
    """Write the snapshot, or one path of it, below the target. Raises if restic did not end well.

    With a screen, what comes out of the repository is scanned before it comes to lie where it was asked for.
    """
    check_target(target, overwrite is not None)
    if path is not None and not path.startswith("/"):
        raise InputError(f"--path: {shown(path)} is not a full path as it was on the source (/home/...)")
    if space_check and path is None:
        check_space(target, chosen.size)
    if screen is not None:
        screen.check()
    done = Restored(chosen.id, chosen.day, target)
    began = time.monotonic()
    with release.staging(target) if screen is not None else nullcontext(target) as folder:
        how = "always" if screen is not None else overwrite or "always"
        problem: BackupError | None = None
        ledger = place.ledger() if place.source.ledger is not None else None
        try:
            _unpack(place, ledger, done, folder, path, how, progress, keep_open)
        except InputError:
            raise
        except BackupError as error:
            # What could be restored is worth having all the same.
            problem = error
        if screen is not None:
            done.scanned = screen.scan(folder)
            if not screen.infected_too:
                done.files -= len(done.scanned.infected)
            release.move_out(folder, target, overwrite or "always")
    if problem is not None:
        infected = len(done.scanned.infected) if done.scanned is not None else 0
        raise BackupError(f"{problem}{f'; {infected} files of it are infected' if infected else ''}")
    done.seconds = time.monotonic() - began
    if ledger is not None:
        done.recorded = _record(place, done, path, who)
    return done


def _unpack(
    place: Workplace,
    ledger: Ledger | None,
    done: Restored,
    folder: str,
    path: str | None,
    overwrite: str,
    progress: Callable[[str], None] | None,
    keep_open: Iterable[int],
) -> None:
    """Have restic write into the folder. Raises if it did not end well, or the path is not there."""

    def on_message(message: dict[str, Any]) -> None:
        kind = message.get("message_type")
        if kind == "error" and len(done.errors) < MOST_ERRORS:
            done.errors.append(str(message.get("item") or "?"))
        elif kind == "status" and progress is not None:
            progress(progress_text(place.source.series, message))

    command = place.repository(ledger).restore(done.snapshot, folder, path, overwrite)
    result = restic.run(command, TIMEOUT, on_message=on_message, keep_open=keep_open)
    if result.code != restic.OK and done.errors:
        shown_errors = ", ".join(done.errors[:3])
        raise BackupError(
            f"{place.source.series}: restored in part, {len(done.errors)} errors: {shown_errors}"
        )
    restic.checked(result, f"{place.source.series}: restoring {done.snapshot[:8]}")
    summary = next((m for m in result.json_lines() if m.get("message_type") == "summary"), {})
    done.files = int(summary.get("files_restored", 0))
    done.size = int(summary.get("bytes_restored", 0))
    if path is not None and not os.path.lexists(os.path.join(folder, path.lstrip("/"))):
        raise InputError(f"--path: {shown(path)} is not in snapshot {done.snapshot[:8]}")


def _record(place: Workplace, done: Restored, path: str | None, who: str | None) -> bool:
    """Put the restore into the ledger. The files are there, whether or not it can be written."""
    fields = {
        "snapshot": done.snapshot,
        "target": done.target,
        "path": path,
        "files": done.files,
        "size": done.size,
        "seconds": round(done.seconds, 3),
        "by": who,
        "infected": None if done.scanned is None else len(done.scanned.infected),
        "not_scanned": None if done.scanned is None else len(done.scanned.not_scanned),
    }
    try:
        place.append([place.draft("restored", fields)])
    except (BackupError, OSError):
        return False
    return True
