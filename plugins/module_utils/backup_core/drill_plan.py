# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drill is due when, and what one measurement says of the whole. Pure.

Each week a sample of every source is restored, in weeks of an odd number from LOCAL and of an even number
from REMOTE; each month REMOTE restores one source of each commune as a whole, in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .ledger import Entry, Ledger
from .owed import DRILL_ACT
from .times import paris_day

PROMISE = 24 * 3600.0
# A measurement is never taken to be shorter than this part of it: what is not work is but estimated.
LEAST_SHARE = 0.1


def drills(ledger: Ledger, full: bool) -> list[Entry]:
    """The drills of this kind, oldest first."""
    return [e for e in ledger.entries if e.act == DRILL_ACT and bool(e.fields.get("full")) is full]


def small_due(ledger: Ledger, site: str, today: date) -> bool:
    """Whether this week is this server's, and the source has not had its drill yet."""
    week = today.isocalendar().week
    if (week % 2 == 1) != (site == "local"):
        return False
    monday = today - timedelta(days=today.weekday())
    return not any(monday <= paris_day(entry.at) <= today for entry in drills(ledger, full=False))


def full_due(ledgers: Mapping[str, Ledger], today: date) -> str | None:
    """Of one commune's sources, given in the order of their priority, the one to restore as a whole: the one
    that had its turn longest ago. None where this month has had its drill."""
    last = {
        name: max((e.at for e in drills(book, full=True)), default=None) for name, book in ledgers.items()
    }
    known = [at for at in last.values() if at is not None]
    if any(paris_day(at).replace(day=1) == today.replace(day=1) for at in known):
        return None

    def turn(name: str) -> float:
        at = last[name]
        return float("-inf") if at is None else at.timestamp()

    return min(last, key=turn, default=None)


@dataclass(frozen=True)
class Measured:
    """A restore that was timed: files and bytes of it, and seconds, of which `idle` went before any work."""

    files: int
    size: int
    seconds: float
    idle: float = 0.0

    @property
    def working(self) -> float:
        return max(self.seconds - self.idle, LEAST_SHARE * self.seconds, 0.001)

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.size / self.working

    def extrapolated(self, files: int, size: int) -> float | None:
        """Seconds that as many files and bytes would take, by whichever of both is worse."""
        if not self.files:
            return None
        parts = max(files / self.files, size / self.size if self.size else 0.0)
        return self.idle + self.working * parts
