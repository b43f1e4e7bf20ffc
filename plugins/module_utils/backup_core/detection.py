# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger knows of attacks: what was found in each snapshot, what a person said of it since, and
which snapshot is the last clean one. Pure; the verdict itself is anomaly.py's.

A snapshot that comes after an attack shows little change of its own, and holds what the attacker left. So
nothing after the first finding is called clean, until a person says that it was nothing.
"""

from __future__ import annotations

import os.path
import random
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from .anomaly import RANSOM_EXTENSION, RANSOM_NOTE, Level, Observation, Verdict
from .errors import one_line
from .ledger import Entry, Ledger, Receipt
from .times import utc_text

ACT = "inspected"
CLEARED_ACT = "cleared"
# Files that are looked at of those that are new or changed.
SAMPLE = 1000
MOST_NAMED = 20
# A snapshot is looked at within a minute or two of its receipt.
OVERDUE = timedelta(hours=2)
# The name of a file that is planted where ransomware will find it, and nobody else has a use for it.
CANARY = re.compile(r"ccpp-backup-canari(\.[a-z0-9]{1,5})?$", re.IGNORECASE)
_COUNTS = ("files", "size", "new", "changed", "deleted", "sampled", "scrambled", "ransom_names")
_NAMES = ("notes", "canaries", "infected")


@dataclass
class Changes:
    """What one snapshot did to the files of another, told one by one. `sample`: paths to look at."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    ransom_names: int = 0
    notes: list[str] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.SystemRandom)

    def add(self, path: str, how: str) -> None:
        """`how` is restic's: + new, - gone, anything else changed. A folder's path ends with a slash."""
        if path.endswith("/"):
            return
        name = os.path.basename(path)
        if how != "+" and CANARY.search(name):
            self.canaries.append(path)
        if how == "-":
            self.deleted += 1
            return
        if how == "+":
            self.new += 1
            self.ransom_names += RANSOM_EXTENSION.search(name) is not None
            if RANSOM_NOTE.search(name) and len(self.notes) < 1000:
                self.notes.append(path)
        else:
            self.changed += 1
        self._draw(path, self.new + self.changed)

    def _draw(self, path: str, number: int) -> None:
        """Keep each of all the paths with the same chance (Vitter's algorithm R)."""
        if len(self.sample) < SAMPLE:
            self.sample.append(path)
        elif (place := self.chance.randrange(number)) < SAMPLE:
            self.sample[place] = path


def observation(
    receipt: Receipt,
    changes: Changes,
    files: int,
    size: int,
    looked_at: tuple[int, int],
    infected: Iterable[str] = (),
) -> Observation:
    """files and size: those in the snapshot, as counted here. looked_at: how many of the sample could be
    looked at, and how many of these look scrambled."""
    return Observation(
        receipt.snapshot,
        receipt.kind,
        files,
        size,
        changes.new,
        changes.changed,
        changes.deleted,
        *looked_at,
        changes.ransom_names,
        tuple(changes.notes),
        tuple(changes.canaries),
        tuple(infected),
    )


def entry_fields(seen: Observation, verdict: Verdict, before: str | None) -> dict[str, Any]:
    """What the ledger keeps of it. before: the snapshot that it was compared with."""
    return {
        "snapshot": seen.snapshot,
        "since": before,
        "kind": seen.kind,
        **{name: getattr(seen, name) for name in _COUNTS},
        **{name: [one[:300] for one in getattr(seen, name)[:MOST_NAMED]] for name in _NAMES},
        "level": verdict.level,
        "reasons": [one[:500] for one in verdict.reasons],
        "last_clean": verdict.last_clean,
    }


def _observed(fields: Mapping[str, Any]) -> Observation:
    counts = [fields[name] for name in _COUNTS]
    names = [tuple(str(one) for one in fields[name]) for name in _NAMES]
    return Observation(fields["snapshot"], fields["kind"], *counts, *names)


def inspections(ledger: Ledger) -> dict[str, Entry]:
    """The last inspection of each snapshot, in ledger order."""
    return {entry.fields["snapshot"]: entry for entry in ledger.entries if entry.act == ACT}


def cleared(ledger: Ledger) -> set[str]:
    """The snapshots of which a person said that what was found was nothing."""
    said: set[str] = set()
    for entry in ledger.entries:
        if entry.act == CLEARED_ACT:
            said.update(entry.snapshots)
        elif entry.act == ACT:
            said.difference_update(entry.snapshots)
    return said


def history(ledger: Ledger) -> list[tuple[Observation, Level]]:
    """What was seen, with the level it has now, the oldest first."""
    forgiven = cleared(ledger)
    return [
        (_observed(entry.fields), "clean" if snapshot in forgiven else entry.fields["level"])
        for snapshot, entry in inspections(ledger).items()
    ]


def to_inspect(ledger: Ledger, present: Collection[str]) -> list[Receipt]:
    """What is here and was never looked at, in ledger order."""
    done = inspections(ledger)
    return [one for one in ledger.live() if one.snapshot in present and one.snapshot not in done]


@dataclass(frozen=True)
class Standing:
    """How a source stands: the gravest level that nobody has cleared, the first finding, and the last clean
    snapshot before it. waiting: snapshots that nobody has looked at yet; since: when the oldest came, where
    this server looks at snapshots at all."""

    level: Level = "clean"
    first: Entry | None = None
    last_clean: str | None = None
    waiting: int = 0
    since: datetime | None = None

    def reasons(self, ledger: Ledger, now: datetime) -> list[tuple[Literal["attention", "alarm"], str]]:
        """What a person should know, each with its level of the status."""
        found: list[tuple[Literal["attention", "alarm"], str]] = []
        if self.first is not None:
            fields = self.first.fields
            why = fields["reasons"][0] if fields["reasons"] else ""
            what = "looks ATTACKED" if self.level == "attacked" else "is suspect"
            text = f"{fields['snapshot'][:8]} {what}: {why}; {clean_text(ledger, self.last_clean)}"
            found.append(("alarm" if self.level == "attacked" else "attention", one_line(text, 500)))
        if self.since is not None and now - self.since > OVERDUE:
            found.append(("attention", f"{self.waiting} snapshots wait to be looked at for an attack"))
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "snapshot": None if self.first is None else self.first.fields["snapshot"],
            "at": None if self.first is None else utc_text(self.first.at),
            "reasons": [] if self.first is None else self.first.fields["reasons"],
            "last_clean": self.last_clean,
            "waiting": self.waiting,
        }


def standing(ledger: Ledger, present: Collection[str]) -> Standing:
    """How the source of this ledger stands, of whose snapshots these are there."""
    done, forgiven = inspections(ledger), cleared(ledger)
    there = {one.snapshot for one in ledger.live() if one.snapshot in present}
    found = [e for name, e in done.items() if e.fields["level"] != "clean" and name not in forgiven]
    level: Level = "clean"
    if found:
        level = "attacked" if any(e.fields["level"] == "attacked" for e in found) else "suspect"
    clean = [name for name, e in done.items() if name in there and (not found or e.seq < found[0].seq)]
    waiting = to_inspect(ledger, present)
    since = min((one.received_at for one in waiting), default=None) if done else None
    last_clean = clean[-1] if clean else None
    return Standing(level, found[0] if found else None, last_clean, len(waiting), since)


def clean_text(ledger: Ledger, snapshot: str | None) -> str:
    """Which snapshot is the last clean one, and of which day, for a person."""
    found = next((one for one in ledger.live() if one.snapshot == snapshot), None)
    if found is None:
        return "no earlier snapshot is known to be clean"
    return f"the last clean one is {found.snapshot[:8]} of {found.day}"


def unclean_ids(ledger: Ledger) -> set[str]:
    """Snapshots that may hold what an attacker left: from the first finding on that nobody has cleared."""
    first = standing(ledger, ()).first
    if first is None:
        return set()
    since = next((r.seq for r in ledger.receipts() if r.snapshot == first.fields["snapshot"]), first.seq)
    return {one.snapshot for one in ledger.live() if one.seq >= since}
