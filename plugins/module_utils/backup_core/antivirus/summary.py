# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger and the records say of the antivirus, as status and metrics show it. Pure.

Of a source: what was found in what is still kept, and what waits. Of the server: how old the signatures are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ..ledger import Entry, Ledger
from ..times import utc_text
from .changes import scans, to_scan
from .record import Checked, Problem
from .settings import Settings

Level = Literal["ok", "attention", "alarm"]
# An hour is enough for most; a whole one of many terabytes takes longer than a day.
SCANNED_WITHIN = timedelta(hours=26)
CHECKED_WITHIN = timedelta(hours=26)
FUTURE = timedelta(days=1)


@dataclass(frozen=True)
class Scans:
    """Of snapshots still kept. newest: the scan of the newest one that has any. infected: newest last."""

    pending: int
    overdue: int
    newest: Entry | None
    infected: tuple[Entry, ...]
    problem: Problem | None

    def as_json(self) -> dict[str, Any]:
        newest = self.newest.fields if self.newest is not None else {}
        return {
            "last_scanned": None if self.newest is None else utc_text(self.newest.at),
            "pending": self.pending,
            "infected_files": newest.get("infected"),
            "not_scanned_files": newest.get("not_scanned"),
            "infected_snapshots": len(self.infected),
            "problem": None if self.problem is None else self.problem.text,
        }

    def reasons(self, now: datetime) -> list[tuple[Level, str]]:
        """What a person should know, each with its level."""
        found: list[tuple[Level, str]] = []
        current = self.newest if self.newest is not None and self.newest in self.infected else None
        if current is not None:
            found.append(("alarm", f"{_told(current)} (ccpp-backup scan --list)"))
        earlier = [one for one in self.infected if one is not current]
        if earlier:
            found.append(
                (
                    "attention",
                    f"{len(earlier)} earlier snapshots are infected, the last: {_told(earlier[-1])}",
                )
            )
        if self.problem is not None:
            level: Level = "alarm" if now - self.problem.since > SCANNED_WITHIN else "attention"
            since = utc_text(self.problem.since)
            found.append((level, f"the antivirus scans nothing since {since}: {self.problem.text}"))
        if self.overdue:
            found.append(
                ("attention", f"{self.overdue} snapshots wait for the antivirus for more than a day")
            )
        if self.newest is not None and self.newest.fields["not_scanned"]:
            count = self.newest.fields["not_scanned"]
            found.append(("ok", f"{count} files of the last scanned backup could not be scanned"))
        return found


def _told(scan: Entry) -> str:
    fields = scan.fields
    files = fields.get("infected_files")
    first = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    shown = f", {first.get('path')} with {first.get('signature')}" if first else ""
    return f"{fields['infected']} infected files in {fields['snapshot'][:8]}{shown}"


def summary_of(ledger: Ledger, present: Iterable[str], problem: Problem | None, now: datetime) -> Scans:
    """The scans of one source's snapshots that are still there."""
    there = set(present)
    done = scans(ledger)
    waiting = to_scan(ledger, there)
    kept = [done[r.snapshot] for r in ledger.live() if r.snapshot in there and r.snapshot in done]
    return Scans(
        pending=len(waiting),
        overdue=sum(1 for one in waiting if now - one.received_at > SCANNED_WITHIN),
        newest=kept[-1] if kept else None,
        infected=tuple(one for one in kept if one.fields["infected"]),
        problem=problem,
    )


@dataclass(frozen=True)
class Server:
    """The antivirus of a server. database_at: when its signatures were made; None where it never worked."""

    level: Level
    summary: str
    version: str | None = None
    database_at: datetime | None = None
    checked_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "summary": self.summary,
            "version": self.version,
            "database_at": None if self.database_at is None else utc_text(self.database_at),
            "checked_at": None if self.checked_at is None else utc_text(self.checked_at),
        }


def judge(checked: Checked | None, settings: Settings, now: datetime) -> Server:
    """How far the antivirus of this server can be relied on."""
    if checked is None:
        return Server("attention", "never seen to find anything yet (journalctl -u ccpp-backup-scan)")
    age = now - checked.database_at
    text = f"signatures of {utc_text(checked.database_at)} ({checked.version})"
    level: Level = "ok"
    if age > timedelta(days=settings.stale_after_days):
        level, text = "alarm", f"{text} are {age.days} days old"
    elif age > timedelta(days=settings.old_after_days):
        level, text = "attention", f"{text} are {age.days} days old"
    elif age < -FUTURE:
        level, text = "attention", f"{text} are of the future"
    if now - checked.at > CHECKED_WITHIN:
        level = "alarm" if level == "alarm" else "attention"
        text += f"; not seen to find anything since {utc_text(checked.at)}"
    return Server(level, text, checked.version, checked.database_at, checked.at)
