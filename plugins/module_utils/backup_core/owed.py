# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervision asks of a source besides its status: when it is late, and what was proved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .ledger import Entry, Ledger, Receipt
from .opening import OpenDays
from .times import paris_day, parse_instant

DRILL_ACT = "drilled"
# How far ahead a next open day is looked for: a long closure, not a town hall that never opens again.
AHEAD = timedelta(days=400)


@dataclass(frozen=True)
class Drill:
    """A restore that was measured: when, for how many seconds, and whether all was there. whole: seconds that
    all of the source would take by it; full_at: when all of it was restored last."""

    at: datetime
    seconds: float
    sound: bool
    whole: float | None = None
    full_at: datetime | None = None


def owed_day(ledger: Ledger, last_ok: date | None, calendar: OpenDays) -> date | None:
    """The first open day that no complete backup covers yet; it stays the same until one comes.

    Of a source that never had one, the first open day after its ledger began: on that day itself the town
    hall may have been about to close. None where nothing is owed: without a ledger, or in a calendar that
    has ended.
    """
    if last_ok is None and not ledger.entries:
        return None
    since = last_ok if last_ok is not None else paris_day(ledger.entries[0].at)
    return next(iter(calendar.iterate(since + timedelta(days=1), since + AHEAD)), None)


def oldest_pending(pending: Sequence[Receipt]) -> datetime | None:
    """When the oldest snapshot that waits for its copy was received."""
    return min((receipt.received_at for receipt in pending), default=None)


def last_drill(ledger: Ledger) -> Drill | None:
    last = _last(ledger, DRILL_ACT)
    if last is None:
        return None
    seconds = last.fields.get("seconds")
    measured = float(seconds) if isinstance(seconds, (int, float)) else 0.0
    whole = last.fields.get("extrapolated")
    fulls = [
        entry.at for entry in ledger.entries if entry.act == DRILL_ACT and entry.fields.get("full") is True
    ]
    return Drill(
        last.at,
        measured,
        last.fields.get("sound") is True,
        float(whole) if isinstance(whole, (int, float)) else None,
        fulls[-1] if fulls else None,
    )


def read_share(ledger: Ledger, now: datetime) -> float | None:
    """Of the bytes in the repository, the share that verifications of this calendar month have read, 0 to 1.

    None while no verification has said how many there are. Each reads all there is when it begins; where
    one entry says `total`, it read `size` of them.
    """
    last = _last(ledger, "verified")
    if last is None:
        return None
    month = paris_day(now).replace(day=1)
    read = sum(
        _bytes(entry, "size")
        for entry in ledger.entries
        if entry.act == "verified" and paris_day(entry.at) >= month
    )
    total = _bytes(last, "total") or _bytes(last, "size")
    return min(1.0, read / total) if total else None


def read_since(ledger: Ledger) -> datetime | None:
    """The instant since which every byte in the repository has been read, by the last verification's word."""
    last = _last(ledger, "verified")
    since = None if last is None else last.fields.get("read_since")
    return parse_instant(since, "read_since") if isinstance(since, str) else None


def _bytes(entry: Entry, name: str) -> int:
    value = entry.fields.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _last(ledger: Ledger, act: str) -> Entry | None:
    return next((entry for entry in reversed(ledger.entries) if entry.act == act), None)
