# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs a repository whose objects are damaged or gone, at REMOTE from LOCAL's copy.

What is damaged is set aside, never deleted; restic's index then knows what is there. `restic copy` brings
missing contents again for a snapshot that the repository does not hold yet: so each snapshot that lacks some
is hidden while its original is copied once more, and put back as it was. What neither side has is named, file
by file. Killed anywhere, the next run puts back what was hidden, and goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from . import aside, local_ledger, reading, restic, snapshots, undo
from .commands import Repository, is_snapshot_id
from .errors import BackupError, one_line
from .files import make_folder, write_durably
from .ledger import Receipt, parse
from .local_ledger import Shipped
from .scrub import Records, Scrub
from .snapshots import Snapshot, on_disk
from .workplace import Workplace

ACT = "repaired"
TIMEOUT = 6 * 24 * 3600.0
MOST_NAMED = 100
_OF = re.compile(r"snapshot ([0-9a-f]{8,64}) of ")
_LACKS = re.compile(r'  (file|dir) "(.*)": (?:removed missing content|not readable)')


@dataclass
class Lost:
    """A file, or a folder with all that is in it, that a snapshot no longer has the content of."""

    snapshot: str
    day: str
    path: str
    folder: bool = False

    def __str__(self) -> str:
        return (
            f"{self.day} ({self.snapshot[:8]}): {self.path}{' and all that is in it' if self.folder else ''}"
        )


@dataclass
class Repaired:
    """set_aside: objects that were damaged. fetched: snapshots whose contents came from LOCAL again."""

    set_aside: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    undo: str | None = None

    @property
    def whole(self) -> bool:
        return not self.lost and not self.failed


def lacking(lines: Iterable[str], receipts: Sequence[Receipt]) -> list[Lost]:
    """What `restic repair snapshots --dry-run` printed of files without their content, by snapshot. Pure."""
    found: list[Lost] = []
    current: Receipt | None = None
    for line in lines:
        begins = _OF.match(line)
        if begins is not None:
            fitting = [one for one in receipts if one.snapshot.startswith(begins[1])]
            current = fitting[0] if len(fitting) == 1 else None
        lacks = _LACKS.fullmatch(line.rstrip())
        if lacks is not None and current is not None:
            found.append(Lost(current.snapshot, str(current.day), lacks[2], lacks[1] == "dir"))
    return found


def repair(
    place: Workplace, progress: Callable[[str], None] | None = None, keep_open: Iterable[int] = ()
) -> Repaired:
    """Mend one repository. The caller holds the source's lock and its prune lock."""
    return _Repair(place, progress, tuple(keep_open)).run()


class _Repair:
    def __init__(
        self, place: Workplace, progress: Callable[[str], None] | None, keep_open: tuple[int, ...]
    ) -> None:
        self._place = place
        self._progress = progress
        self._keep_open = keep_open
        self._ledger = place.ledger()
        self._repository = place.repository(self._ledger)
        self._folder = os.path.join(aside.folder_of(place), "repair")
        self._result = Repaired()

    def run(self) -> Repaired:
        result = self._result
        self._put_back()
        damaged = self._damaged()
        result.undo = undo.keep(self._place)
        self._set_aside(damaged)
        self._restic(self._repository.repair_index(), "writing the index anew")
        lacks = self._lacking()
        if lacks and self._place.source.upstream is not None:
            self._fetch(sorted({one.snapshot for one in lacks}))
            lacks = self._lacking()
        result.lost = lacks
        accounted = {*on_disk(self._place.location), *self._ledger.quarantined_ids()}
        for one in self._ledger.live():
            if one.snapshot not in accounted:
                result.lost.append(Lost(one.snapshot, str(one.day), "/", True))
        if result.set_aside or result.fetched or result.lost or result.failed:
            self._record()
        return result

    def _tell(self, text: str) -> None:
        if self._progress is not None:
            self._progress(f"{self._place.source.series}: {text}")

    def _restic(self, command: restic.Command, what: str) -> restic.Result:
        self._tell(what)
        done = restic.run(command, TIMEOUT, keep_open=self._keep_open)
        if done.code == restic.LOCKED:
            # Both our locks are held: a restic of ours that left this one is dead. At LOCAL it may be that of
            # a workstation at work.
            every = self._place.source.upstream is not None
            unlocked = restic.run(self._repository.unlock(every), 600, keep_open=self._keep_open)
            restic.checked(unlocked, "removing a stale lock")
            done = restic.run(command, TIMEOUT, keep_open=self._keep_open)
        return restic.checked(done, f"{self._place.source.series}: {what}")

    def _damaged(self) -> list[str]:
        """Every object that is not what its name says, looked at now."""
        known = reading.Reading()
        reading.begin(known, None, datetime.now(UTC), everything=True)
        found = Scrub(self._place.location, known, datetime.now(UTC), progress=self._progress).run()
        return sorted(known.damaged) if found.damaged else []

    def _set_aside(self, damaged: Sequence[str]) -> None:
        for path in damaged:
            target = os.path.join(self._folder, "damaged", path.replace("/", "-"))
            make_folder(os.path.dirname(target))
            shutil.move(os.path.join(self._place.location, path), target)
            self._result.set_aside.append(path)
        if damaged:
            records = Records(self._place.config, self._place.source)
            known = records.read()
            known.damaged -= set(damaged)
            records.write(known)

    def _lacking(self) -> list[Lost]:
        there = on_disk(self._place.location)
        receipts = [one for one in self._ledger.live() if one.snapshot in there]
        if not receipts:
            return []
        command = self._repository.lacking([one.snapshot for one in receipts])
        done = self._restic(command, "looking for files without their content")
        return lacking(done.stdout.decode("utf-8", "replace").splitlines(), receipts)

    # From LOCAL

    def _fetch(self, wanted: Sequence[str]) -> None:
        upstream = local_ledger.upstream_of(self._place)
        held = local_ledger.read(self._place.ledger_file().path)
        shipped = Shipped(held, parse(held), "equal")
        access = replace(upstream.access, key_hint=shipped.pull_key)
        originals = {
            str(entry.fields["snapshot"]): str(entry.fields["original"])
            for entry in self._ledger.entries
            if entry.act == "receipt" and is_snapshot_id(entry.fields.get("original"))
        }
        source = Repository(access, cache_directory=None)
        for one in wanted:
            try:
                if one not in originals:
                    raise BackupError("its original at LOCAL is not known")
                mine = snapshots.read_one(self._repository, one)
                theirs = snapshots.read_one(source, originals[one])
                if not mine.same_backup(theirs):
                    raise BackupError("what LOCAL has under its name is another backup")
                self._copied_again(mine, theirs, self._repository.copy(access, [theirs.id]))
                self._result.fetched.append(one)
            except BackupError as error:
                self._result.failed[one] = one_line(str(error), 300)

    def _copied_again(self, mine: Snapshot, theirs: Snapshot, command: restic.Command) -> None:
        there = os.path.join(self._place.location, "snapshots", mine.id)
        hidden = os.path.join(self._folder, "hidden", mine.id)
        make_folder(os.path.dirname(hidden))
        with open(there, "rb") as file:
            write_durably(hidden, file.read())
        write_durably(f"{hidden}.original", json.dumps(theirs.id).encode())
        os.unlink(there)
        try:
            self._restic(command, f"copying {theirs.id[:8]} again")
        finally:
            self._put_back()

    def _put_back(self) -> None:
        """Every snapshot that is hidden comes back as it was; the copy that was made of it goes."""
        folder = os.path.join(self._folder, "hidden")
        names = [name for name in _names(folder) if is_snapshot_id(name)]
        for name in names:
            there = os.path.join(self._place.location, "snapshots", name)
            if not os.path.lexists(there):
                temporary = f"{there}-tmp-1"
                shutil.copyfile(os.path.join(folder, name), temporary)
                os.chmod(temporary, 0o400)
                os.rename(temporary, there)
            self._drop_copies(name, os.path.join(folder, f"{name}.original"))
            for path in (name, f"{name}.original"):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, path))

    def _drop_copies(self, name: str, note: str) -> None:
        try:
            with open(note, "rb") as file:
                original = json.load(file)
        except (OSError, ValueError):
            return
        mine = snapshots.read_one(self._repository, name)
        live = {one.snapshot for one in self._ledger.live()}
        strangers = [one for one in on_disk(self._place.location) if one not in live and one != name]
        found, _unread = snapshots.read(self._repository, strangers)
        copies = [s.id for s in found.values() if s.original == original and s.same_backup(mine)]
        if copies:
            self._restic(self._repository.forget(copies), "putting the snapshot back as it was")

    def _record(self) -> None:
        result = self._result
        fields = {
            "set_aside": result.set_aside[:MOST_NAMED],
            "set_aside_count": len(result.set_aside),
            "folder": self._folder if result.set_aside else None,
            "fetched": result.fetched,
            "failed": result.failed,
            "lost": [one_line(str(one), 400) for one in result.lost[:MOST_NAMED]],
            "lost_count": len(result.lost),
            "undo": result.undo,
        }
        why = f"{len(result.lost)} files are lost" if result.lost else None
        self._place.append([self._place.draft(ACT, fields, why)])


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
