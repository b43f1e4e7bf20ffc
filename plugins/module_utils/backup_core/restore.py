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
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from . import archive, detection, in_place, restic, snapshots, web
from .antivirus import content, release
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
    """A snapshot that could be restored, in the order of the ledger (or of time, on a workstation).

    sound: its time is believed. clean: no attack was found in it, or before it (a workstation cannot know).
    """

    id: str
    day: date
    outcome: str | None
    size: int
    sound: bool = True
    clean: bool = True
    paths: tuple[str, ...] = ()


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
    left_out: list[str] = field(default_factory=list)


def candidates(place: Workplace) -> list[Candidate]:
    """What there is to restore from, the ledger's word first."""
    if place.source.ledger is None:
        if place.source.repository.location_file is not None:
            web.probe(place.source.repository.location_file, place.source.repository.cacert)
        listed = snapshots.read_all(place.repository())
        timed = [(instant, one) for one in listed if (instant := one.claimed_instant) is not None]
        return [
            Candidate(one.id, paris_day(instant), None, one.size, paths=one.paths)
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
    doubtful, unclean = set(decided.quarantined()), detection.unclean_ids(ledger)
    return [
        Candidate(
            r.snapshot,
            r.day,
            r.outcome,
            r.size,
            r.snapshot not in doubtful,
            r.snapshot not in unclean,
            r.paths,
        )
        for r in ledger.live()
    ]


def choose(
    found: Sequence[Candidate], snapshot: str | None, day: date | None, unclean_too: bool = False
) -> Candidate:
    """The one snapshot meant: by id (or its first digits), or the last good one on or before a day.

    Good ones are complete, of a believable time, and from before the first finding of an attack.
    """
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
    fitting = [one for one in fitting if one.clean or unclean_too]
    if not fitting:
        when = "" if day is None else f" on or before {day}"
        raise InputError(
            f"no backup{when} is known to be clean (see ccpp-backup inspect --list; --snapshot takes any)"
        )
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


def check_in_place(place: Workplace) -> None:
    """InputError unless this machine is the one that the files came from."""
    if place.config.site == "workstation" or (place.config.site == "local" and place.source.read_by_server):
        return
    raise InputError(
        f"--in-place: the files of {place.source.series} did not come from this machine (run it on the"
        " workstation, or restore elsewhere with --target or --archive)"
    )


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


@dataclass(frozen=True)
class Where:
    """Where to: into `target`; or, with `in_place`, to where the files came from; or into an `archive`.

    overwrite: what to do with files that are there already (restic's words); None where none may be, or, in
    place, none that was changed since. direct: the folder is the caller's own, to be filled file by file.
    """

    target: str
    path: str | None = None
    overwrite: str | None = None
    in_place: bool = False
    archive: str | None = None
    direct: bool = False
    space_check: bool = True


def restore(
    place: Workplace,
    chosen: Candidate,
    where: Where,
    progress: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
    who: str | None = None,
    screen: release.Screen | None = None,
) -> Restored:
    """Write the snapshot, or one path of it. Raises if restic did not end well.

    With a screen, what comes out of the repository is scanned before it comes to lie where it was asked for.
    Where something may be there already, files are unpacked beside it and moved, each whole.
    """
    if where.archive is not None:
        archive.check(where.archive)
    elif where.in_place:
        check_in_place(place)
    else:
        check_target(where.target, where.overwrite is not None)
    if where.path is not None and not where.path.startswith("/"):
        raise InputError(
            f"--path: {shown(where.path)} is not a full path as it was on the source (/home/...)"
        )
    if where.space_check and where.path is None and not where.in_place:
        check_space(where.target, chosen.size * (2 if where.archive is not None else 1))
    if screen is not None:
        screen.check()
    ledger = place.ledger() if place.source.ledger is not None else None
    done = Restored(chosen.id, chosen.day, where.archive or where.target)
    work = _Work(place, ledger, done, progress, tuple(keep_open), screen)
    began = time.monotonic()
    if where.in_place:
        work.in_place(chosen, where)
    else:
        work.into(where)
    done.seconds = time.monotonic() - began
    if ledger is not None:
        done.recorded = _record(place, done, where.path, who)
    return done


class _Work:
    """One restore: unpack, scan, and bring to where it is wanted."""

    def __init__(
        self,
        place: Workplace,
        ledger: Ledger | None,
        done: Restored,
        progress: Callable[[str], None] | None,
        keep_open: tuple[int, ...],
        screen: release.Screen | None,
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._done = done
        self._progress = progress
        self._keep_open = keep_open
        self._screen = screen

    def into(self, where: Where) -> None:
        """Everything below one folder, or into one archive."""
        target = where.target
        occupied = os.path.isdir(target) and bool(os.listdir(target))
        if self._screen is None and where.archive is None and (where.direct or not occupied):
            self._unpack(target, where.path)
            return
        with release.staging(target) as folder:
            problem = self._unpacked(folder, where.path)
            if where.archive is not None and problem is None:
                self._done.left_out = archive.pack(folder, where.archive)
            elif where.archive is None:
                release.move_out(folder, target, where.overwrite or "always")
        self._raise(problem)

    def in_place(self, chosen: Candidate, where: Where) -> None:
        """Each root within its own file system, so that moving is one step for each file."""
        if where.overwrite is None:
            what = f"{self._place.source.series}: listing {chosen.id[:8]}"
            listed = self._place.repository(self._ledger).ls(chosen.id)
            found = in_place.nodes(content.messages(listed, what, self._keep_open))
            in_place.refuse_newer(in_place.newer(found, where.path))
        how = where.overwrite or release.UNLESS_NEWER
        for root in in_place.roots(chosen.paths, where.path):
            beside = in_place.folder_for(root)
            for old in in_place.left_behind(beside):
                shutil.rmtree(old)
            with release.staging(beside) as folder:
                problem = self._unpacked(folder, root)
                restored = os.path.join(folder, root.lstrip("/"))
                if os.path.isdir(restored) and not os.path.islink(restored):
                    os.makedirs(root, exist_ok=True)
                    release.move_out(restored, root, how)
                elif os.path.lexists(restored):
                    os.makedirs(os.path.dirname(root), exist_ok=True)
                    release.move_one(restored, root, how)
            self._raise(problem)

    def _unpacked(self, folder: str, path: str | None) -> BackupError | None:
        """Unpack and scan. What could be restored is worth having also where not all could."""
        problem: BackupError | None = None
        try:
            self._unpack(folder, path)
        except InputError:
            raise
        except BackupError as error:
            problem = error
        if self._screen is not None:
            tally = self._screen.scan(folder)
            if not self._screen.infected_too:
                self._done.files -= len(tally.infected)
            self._done.scanned = tally if self._done.scanned is None else self._done.scanned.added(tally)
        return problem

    def _raise(self, problem: BackupError | None) -> None:
        if problem is not None:
            infected = len(self._done.scanned.infected) if self._done.scanned is not None else 0
            raise BackupError(f"{problem}{f'; {infected} files of it are infected' if infected else ''}")

    def _unpack(self, folder: str, path: str | None) -> None:
        """Have restic write into the folder. Raises if it did not end well, or the path is not there."""
        done, place, progress = self._done, self._place, self._progress

        def on_message(message: dict[str, Any]) -> None:
            kind = message.get("message_type")
            if kind == "error" and len(done.errors) < MOST_ERRORS:
                done.errors.append(str(message.get("item") or "?"))
            elif kind == "status" and progress is not None:
                progress(progress_text(place.source.series, message))

        command = place.repository(self._ledger).restore(done.snapshot, folder, path)
        result = restic.run(command, TIMEOUT, on_message=on_message, keep_open=self._keep_open)
        if result.code != restic.OK and done.errors:
            shown_errors = ", ".join(done.errors[:3])
            raise BackupError(
                f"{place.source.series}: restored in part, {len(done.errors)} errors: {shown_errors}"
            )
        restic.checked(result, f"{place.source.series}: restoring {done.snapshot[:8]}")
        summary = next((m for m in result.json_lines() if m.get("message_type") == "summary"), {})
        done.files += int(summary.get("files_restored", 0))
        done.size += int(summary.get("bytes_restored", 0))
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
