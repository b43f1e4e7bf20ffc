# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at what each new snapshot did to its source, and holds the source where that looks like an attack.

restic tells what changed and what there is; the contents of a sample are unpacked into a folder of this
process alone and judged by their beginnings. What the client claims (files, sizes) is not used. Killed
anywhere, it does the same snapshot again.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import anomaly, detection, hold, locking, restic
from .anomaly import Verdict
from .antivirus import changes as scans
from .antivirus import content
from .errors import InputError, one_line
from .ledger import Ledger, Receipt
from .snapshots import on_disk
from .workplace import Workplace

# A flood of snapshots keeps other sources no longer waiting than this: seconds for each, and how many.
LONGEST = 1800.0
MOST = 20
# What is unpacked of a sample at most, in bytes; of larger files the beginning is read one by one.
ROOM = 256 * 1024 * 1024
LARGE = 4 * 1024 * 1024
MOST_LARGE = 12


@dataclass
class Inspected:
    """What was found in one snapshot. `held` says whether its source was put on hold for it."""

    snapshot: str
    verdict: Verdict
    files: int
    held: bool = False


@dataclass
class Result:
    inspected: list[Inspected] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0


def inspect(place: Workplace, patience: float = 0.0, progress: Callable[[str], None] | None = None) -> Result:
    """Look at every snapshot that came and was not looked at."""
    result = Result()
    with locking.inspecting(place.config, place.source, patience):
        todo = detection.to_inspect(place.ledger(), on_disk(place.location))
        result.left = max(0, len(todo) - MOST)
        for receipt in todo[:MOST]:
            if progress is not None:
                progress(f"{place.source.series}: looking at {receipt.snapshot[:8]}")
            try:
                result.inspected.append(_inspect(place, receipt, patience))
            except restic.ResticError as error:
                # What cannot be read stays uninspected, which supervision sees; the others are looked at.
                result.failed[receipt.snapshot] = one_line(str(error), 300)
    return result


def clear(place: Workplace, snapshot: str, who: str, why: str) -> None:
    """A person says that what was found in a snapshot was nothing. The hold stays until it is released."""
    hold.validate(who, why)
    entry = detection.inspections(place.ledger()).get(snapshot)
    if entry is None or entry.fields["level"] == "clean":
        raise InputError(f"--clear: nothing was found in {snapshot[:8]} (see ccpp-backup inspect --list)")
    draft = place.draft(detection.CLEARED_ACT, {"snapshot": snapshot, "by": who}, why)
    place.append([draft])


def _inspect(place: Workplace, receipt: Receipt, patience: float) -> Inspected:
    ledger = place.ledger()
    earlier = [one.snapshot for one in ledger.live() if one.seq < receipt.seq]
    present = on_disk(place.location)
    before = next((one for one in reversed(earlier) if one in present), None)
    with locking.against_prune(place.config, place.source, max(patience, 60.0)) as lock:
        seen = _Look(place, ledger, receipt, before, lock.inherited).observation()
    verdict = anomaly.judge(detection.history(ledger), seen)
    last_clean = detection.standing(ledger, present).last_clean
    verdict = Verdict(verdict.level, verdict.reasons, last_clean)
    done = Inspected(receipt.snapshot, verdict, seen.files)
    if verdict.level != "clean" and place.config.on_attack == "hold":
        scope = hold.Scope(place.source.commune, place.source.name)
        why = one_line(f"{verdict.level}: {receipt.snapshot[:8]}: {verdict.reasons[0]}", 300)
        why += f"; {detection.clean_text(ledger, last_clean)}"
        done.held = bool(hold.place_hold(place.config, place.clock, scope, place.who, why))
    fields = detection.entry_fields(seen, verdict, before)
    place.append([place.draft(detection.ACT, fields, "; ".join(verdict.reasons)[:1000] or None)])
    return done


class _Look:
    """One snapshot, looked at by a few calls of restic."""

    def __init__(
        self,
        place: Workplace,
        ledger: Ledger,
        receipt: Receipt,
        before: str | None,
        keep_open: tuple[int, ...],
    ) -> None:
        self._repository = place.repository(ledger)
        self._ledger = ledger
        self._receipt = receipt
        self._before = before
        self._keep_open = keep_open
        self._what = f"{place.source.series}: looking at {receipt.snapshot[:8]}"
        self._deadline = time.monotonic() + LONGEST

    def observation(self) -> anomaly.Observation:
        snapshot = self._receipt.snapshot
        changes = detection.Changes()
        if self._before is not None:
            for change in self._messages(self._repository.diff(self._before, snapshot)):
                path, how = change.get("path"), change.get("modifier")
                if change.get("message_type") == "change" and isinstance(path, str) and how != "U":
                    changes.add(path, str(how))
        files = size = 0
        sizes: dict[str, int] = {}
        wanted = set(changes.sample)
        try:
            for file in scans.files_in(self._messages(self._repository.ls(snapshot))):
                files, size = files + 1, size + file.size
                if self._before is None:
                    changes.add(file.path, "+")
                    sizes[file.path] = file.size
                elif file.path in wanted:
                    sizes[file.path] = file.size
        except ValueError:
            raise restic.ResticError(f"{self._what}: the list is not of the form restic writes", 1) from None
        sample = [scans.File(path, sizes[path]) for path in changes.sample if path in sizes]
        looked_at = self._scrambled(sample)
        return detection.observation(self._receipt, changes, files, size, looked_at, self._infected())

    def _messages(self, command: restic.Command) -> Iterator[Mapping[str, Any]]:
        for message in content.messages(command, self._what, self._keep_open):
            if time.monotonic() > self._deadline:
                raise restic.ResticError(f"{self._what} took more than {LONGEST:.0f} s", 1)
            yield message

    def _infected(self) -> Iterable[str]:
        """What the antivirus has found by now that an earlier snapshot did not hold already."""
        scan = scans.scans(self._ledger).get(self._receipt.snapshot)
        if scan is None or scan.fields["infected"] <= scan.fields.get("carried", 0):
            return ()
        named = scan.fields.get("infected_files")
        return (
            [str(one.get("path")) for one in named if isinstance(one, dict)]
            if isinstance(named, list)
            else ()
        )

    def _scrambled(self, sample: list[scans.File]) -> tuple[int, int]:
        """How many of the sample could be looked at, and how many of these look scrambled."""
        small = [file for file in sample if file.size <= LARGE]
        heads: list[tuple[str, bytes]] = []
        room = ROOM
        chosen = []
        for file in small:
            room -= file.size
            if room < 0:
                break
            chosen.append(file)
        for portion in scans.portions(chosen, ROOM, LARGE):
            heads += self._unpacked([file.path for file in portion])
        for file in [file for file in sample if file.size > LARGE][:MOST_LARGE]:
            head = self._beginning(file.path)
            heads += [] if head is None else [(file.path, head)]
        return len(heads), sum(anomaly.looks_scrambled(path, head) for path, head in heads)

    def _unpacked(self, paths: list[str]) -> list[tuple[str, bytes]]:
        patterns = [scans.pattern_of(path) for path in paths]
        heads = []
        with tempfile.TemporaryDirectory(prefix="ccpp-backup-inspect-") as folder:
            command = self._repository.restore_contents(self._receipt.snapshot, folder, patterns)
            left = max(1.0, self._deadline - time.monotonic())
            done = restic.run(command, left, keep_open=self._keep_open)
            # 1 is what files make that are damaged or impossible here; what came can be looked at.
            restic.checked(done, self._what, (restic.OK, 1))
            for path in content.regular_files(folder, own=True):
                with open(path, "rb") as file:
                    heads.append((path, file.read(anomaly.HEAD)))
        return heads

    def _beginning(self, path: str) -> bytes | None:
        """The first bytes of one large file; None where its name is one that JSON cannot tell."""
        if scans.NO_UTF8 in path:
            return None
        command = self._repository.dump_file(self._receipt.snapshot, path)
        with (
            contextlib.suppress(_EnoughError),
            restic.streamed(command, self._what, self._keep_open) as stream,
        ):
            head = stream.read(anomaly.HEAD)
            raise _EnoughError
        return head


class _EnoughError(Exception):
    """Ends a stream of which the beginning was wanted."""
