# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scans the snapshots of one source, oldest first, each where the last run left off.

Killed anywhere, it does again at most one portion. What clamd says of a portion counts only if it finds the
test virus before and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import hold, locking
from ..errors import BackupError, one_line
from ..ledger import Ledger, Receipt
from ..snapshots import on_disk
from ..workplace import Workplace
from . import changes, content
from .changes import File
from .clamd import Clamd, Database
from .record import Progress, Records, write_checked
from .settings import Settings
from .verdicts import Tally

MOST_IN_LEDGER = 20
# Between two portions, for whoever waits to remove snapshots: it looks five times a second.
PAUSE = 0.5


@dataclass
class Scanned:
    """What became of one snapshot. `held` says whether its source was put on hold for it."""

    snapshot: str
    since: str | None
    tally: Tally
    seconds: float
    held: bool = False


@dataclass
class Result:
    scanned: list[Scanned] = field(default_factory=list)
    left: int = 0
    database: Database | None = None


def scan(
    place: Workplace,
    settings: Settings,
    again: str | None = None,
    progress: Callable[[str], None] | None = None,
    patience: float = 0.0,
) -> Result:
    """Scan what has come and was not scanned; with `again`, all of that one snapshot. One scan at a time."""
    records = Records(place.config, place.source)
    clamd = Clamd(settings)
    with locking.scanning(place.config, patience):
        try:
            result = Result(database=clamd.check())
            assert result.database is not None
            write_checked(place.config, result.database, place.clock.now())
            content.clear(settings)
            for receipt in _chosen(place, again):
                result.scanned.append(
                    _snapshot(place, settings, clamd, receipt, records, again is not None, progress)
                )
            records.tidy({one.snapshot for one in place.ledger().live()})
            records.went_well()
        except (BackupError, OSError) as error:
            records.failed(str(error), place.clock.now())
            raise
    return result


def _chosen(place: Workplace, again: str | None) -> list[Receipt]:
    ledger, present = place.ledger(), on_disk(place.location)
    if again is None:
        return changes.to_scan(ledger, present)
    return [one for one in ledger.live() if one.snapshot == again and again in present]


def _snapshot(
    place: Workplace,
    settings: Settings,
    clamd: Clamd,
    receipt: Receipt,
    records: Records,
    whole: bool,
    tell: Callable[[str], None] | None,
) -> Scanned:
    ledger = place.ledger()
    snapshot = receipt.snapshot
    state = records.progress(snapshot)
    present = on_disk(place.location)
    if state is None or (state.since is not None and (whole or state.since not in present)):
        since = None if whole else changes.baseline(receipt, ledger, present, _usable(records))
        state = Progress(snapshot, since)
    with locking.against_prune(place.config, place.source, patience=60) as lock:
        files, unchanged = _files(place, ledger, snapshot, state.since, lock.inherited)
    total = len(files)
    for portion in changes.portions(files[state.done :], settings.room, settings.largest_file):
        began = time.monotonic()
        # Taken anew for each, so that a scan of many hours keeps no removal waiting.
        with locking.against_prune(place.config, place.source, patience=3600) as lock:
            clamd.check()
            repository = place.repository(ledger)
            verdicts = content.scan_portion(repository, snapshot, portion, settings, clamd, lock.inherited)
        for file in portion:
            state.tally.add(file.path, verdicts[file.path], file.size)
        state.done += len(portion)
        state.seconds += time.monotonic() - began
        records.write_progress(state)
        if tell is not None:
            tell(f"{place.source.series}: {snapshot[:8]}: {state.done} of {total} files scanned")
        if state.done < total:
            time.sleep(PAUSE)
    new_finds = dict(state.tally.infected)
    earlier = records.findings(state.since) if state.since is not None else None
    if earlier is not None:
        state.tally.carry(earlier, unchanged)
    done = Scanned(snapshot, state.since, state.tally, state.seconds)
    return _concluded(place, settings, clamd, records, done, new_finds)


def _usable(records: Records) -> Callable[[str], bool]:
    def usable(snapshot: str) -> bool:
        findings = records.findings(snapshot)
        return findings is not None and not findings.cut

    return usable


def _files(
    place: Workplace, ledger: Ledger, snapshot: str, since: str | None, keep_open: tuple[int, ...]
) -> tuple[list[File], list[str]]:
    """The files to scan, and the paths of those that are as they were in the snapshot `since`."""
    repository = place.repository(ledger)
    what = f"{place.source.series}: listing {snapshot[:8]}"
    try:
        files = list(changes.files_in(content.messages(repository.ls(snapshot), what, keep_open)))
    except ValueError:
        raise BackupError(f"{what}: the list is not of the form restic writes") from None
    if since is None:
        return files, []
    what = f"{place.source.series}: comparing {since[:8]} with {snapshot[:8]}"
    changed = set(changes.changed_in(content.messages(repository.diff(since, snapshot), what, keep_open)))
    unchanged = [file.path for file in files if file.path not in changed]
    return [file for file in files if file.path in changed], unchanged


def _concluded(
    place: Workplace,
    settings: Settings,
    clamd: Clamd,
    records: Records,
    done: Scanned,
    new_finds: dict[str, str],
) -> Scanned:
    """Findings first, then the hold, then the ledger: killed in between, all of it is done again."""
    database = clamd.check()
    tally = done.tally
    records.finish(done.snapshot, tally)
    if new_finds and settings.on_detection == "hold":
        scope = hold.Scope(place.source.commune, place.source.name)
        why = f"antivirus: {len(new_finds)} infected files in {done.snapshot[:8]}, {named(new_finds, 1)}"
        done.held = bool(hold.place_hold(place.config, place.clock, scope, place.who, one_line(why, 400)))
    fields = {
        "snapshot": done.snapshot,
        "since": done.since,
        "outcome": tally.outcome,
        "files": tally.seen,
        "clean": tally.clean,
        "infected": len(tally.infected),
        "not_scanned": len(tally.not_scanned),
        "carried": tally.carried,
        "reasons": tally.reasons(),
        "infected_files": [
            {"path": one_line(path, 500), "signature": signature}
            for path, signature in list(tally.infected.items())[:MOST_IN_LEDGER]
        ],
        "size": tally.size,
        "seconds": round(done.seconds, 3),
        "database": database.version,
    }
    place.append([place.draft(changes.ACT, fields)])
    records.forget_progress()
    return done


def named(infected: dict[str, str], most: int) -> str:
    """The first few infected files with what they are infected with, in one line."""
    shown = [f"{path} ({signature})" for path, signature in list(infected.items())[:most]]
    return one_line(", ".join(shown) + (", ..." if len(infected) > most else ""), 300)
