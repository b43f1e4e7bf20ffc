# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of a repository is to be read when, and what has been read. Pure.

restic spreads its packs evenly over the 256 folders of data/: each is a part, and the unit of resuming. What
is new is read at once, a portion of the parts each day, and everything when a new month's full has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .commands import is_snapshot_id
from .ledger import Ledger
from .times import paris_day, parse_instant, utc_text

PARTS = tuple(f"{number:02x}" for number in range(256))
# Every byte is read at least so often, even where a day or two were missed.
WITHIN = timedelta(days=30)
OVERDUE = WITHIN - timedelta(days=1)
# Parts a day: 26 days for all of them, which also lets a month's last days be late.
PORTION = 10
# A day's portion, where the timer comes a little earlier than the day before.
A_DAY = timedelta(hours=20)
# Between a file's time and the moment at which it could be seen under its name.
MARGIN = timedelta(hours=1)


@dataclass
class Reading:
    """What was read of one repository.

    parts: when the last complete reading of each began. fresh_at: what came before was read since it came.
    began: of a reading of everything that has not ended yet; full: the month's full it is for, or the last
    one was. damaged: paths below the repository that were wrong when looked at last, looked at again each
    time. objects, size, seconds: read, and in no ledger yet.
    """

    parts: dict[str, datetime] = field(default_factory=dict)
    fresh_at: datetime | None = None
    began: datetime | None = None
    full: str | None = None
    damaged: set[str] = field(default_factory=set)
    objects: int = 0
    size: int = 0
    seconds: float = 0.0

    @property
    def since(self) -> datetime | None:
        """Everything was read after this instant; None where something was never read."""
        return min(self.parts.values()) if len(self.parts) == len(PARTS) else None

    def as_json(self) -> dict[str, Any]:
        return {
            "parts": {name: utc_text(at) for name, at in sorted(self.parts.items())},
            "fresh_at": _text(self.fresh_at),
            "began": _text(self.began),
            "full": self.full,
            "damaged": sorted(self.damaged),
            "objects": self.objects,
            "size": self.size,
            "seconds": round(self.seconds, 3),
        }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else utc_text(instant)


def reading_from(value: object) -> Reading:
    """What as_json gave. ValueError, KeyError or TypeError where it is not of that form."""
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping")
    parts = {str(name): parse_instant(at, "parts") for name, at in dict(value["parts"]).items()}
    if not set(parts) <= set(PARTS):
        raise ValueError("parts")
    full, damaged = value["full"], value["damaged"]
    if full is not None and not is_snapshot_id(full):
        raise ValueError("full")
    if not isinstance(damaged, list) or not all(isinstance(one, str) for one in damaged):
        raise ValueError("damaged")
    fresh_at, began = (
        None if value[name] is None else parse_instant(value[name], name) for name in ("fresh_at", "began")
    )
    numbers = int(value["objects"]), int(value["size"]), float(value["seconds"])
    return Reading(parts, fresh_at, began, full, set(damaged), *numbers)


def month_full(ledger: Ledger) -> str | None:
    """The newest month's full: of the newest month that has complete ones, the first to come.

    So a workstation that sends one full after another has everything read once a month, and no more.
    """
    fulls = [one for one in ledger.live() if one.kind == "full" and one.outcome == "ok"]
    if not fulls:
        return None
    months = [paris_day(one.received_at).replace(day=1) for one in fulls]
    return fulls[months.index(max(months))].snapshot


def begin(reading: Reading, full: str | None, now: datetime, everything: bool) -> None:
    """Begin a reading of everything where one is asked for, or due: never done, or for a new month's full."""
    if everything or not reading.parts or (full is not None and full != reading.full):
        if reading.began is None or everything or full != reading.full or reading.began > now:
            reading.began = now
        reading.full = full


def due(reading: Reading, now: datetime) -> list[str]:
    """The parts to read completely in this run, the one that was read longest ago first.

    A time in the future is that of a clock that was wrong, and counts as never.
    """

    def read_at(part: str) -> datetime | None:
        at = reading.parts.get(part)
        return None if at is None or at > now else at

    def age(part: str) -> tuple[float, str]:
        at = read_at(part)
        return (at.timestamp() if at is not None else float("-inf")), part

    ordered = sorted(PARTS, key=age)
    known = [(part, read_at(part)) for part in ordered]
    if reading.began is not None:
        return [part for part, at in known if at is None or at < reading.began]
    today = sum(1 for _part, at in known if at is not None and now - at < A_DAY)
    older = [(part, at) for part, at in known if at is None or now - at >= A_DAY]
    overdue = sum(1 for _part, at in older if at is None or now - at > OVERDUE)
    return [part for part, _at in older[: max(overdue, PORTION - today)]]


def is_new(reading: Reading, part: str, changed_at: datetime) -> bool:
    """Whether an object of a part that is not due may have come after it was read last."""
    seen = [at for at in (reading.parts.get(part), reading.fresh_at) if at is not None]
    return not seen or changed_at >= max(seen) - MARGIN


def ended(reading: Reading, began: datetime) -> None:
    """All that was due is read, and all that was new when the run began."""
    reading.fresh_at = began
    since = reading.since
    if reading.began is not None and since is not None and since >= reading.began:
        reading.began = None
