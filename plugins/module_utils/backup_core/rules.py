# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of "Retention, exactly", each at its place, on whole columns.

Used through retention.plan. Rules are cited by their number in the design. A row is a snapshot, at its place
in the ledger's order; columns instead of objects, because a plan over a million receipts must answer in one
call.
"""

from __future__ import annotations

from array import array
from calendar import monthrange
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from .acts import OUTCOMES
from .errors import shown
from .opening import OpenDays
from .policy import Policy
from .times import paris_day, utc_text

Action = Literal["keep", "remove", "quarantine"]
# The key of a hold that covers every series.
EVERYTHING = "*"

# Marks of a row. Any of the first six keeps it; the other two are facts.
MONTH, RECENT, FLOOR, HELD, STALLED, CLOCK = 1, 2, 4, 8, 16, 32
KEPT = MONTH | RECENT | FLOOR | HELD | STALLED | CLOCK
FULL, QUARANTINED = 64, 128

# What to say of a month's full, by its rank (see Rules._choose_full).
_STANDING = (
    "",
    " (stands in: no ok one on an open day)",
    " (partial: the month has nothing better)",
    " (partial, on a closed day: the month has nothing better)",
    " (failed: the month has nothing better)",
    " (failed, on a closed day: the month has nothing better)",
)


class Snapshot(NamedTuple):
    """A snapshot with its receipt: `received_at` by our clock, `claimed_at` by the client's.

    claimed_at is None where it cannot be read as a time.
    """

    id: str
    series: str
    received_at: datetime
    claimed_at: datetime | None
    outcome: str


@dataclass(slots=True)
class Series:
    """What the rules need to know of one series."""

    name: str
    # Positions of the newest ok snapshots, oldest first. A deque would take ten times the memory.
    floor: list[int] = field(default_factory=list)
    count: int = 0
    removals: int = 0
    newest_ok_day: date | None = None
    # Nothing is to come: neither a floor nor a stall keeps what its dates let go.
    retired: bool = False
    # Month as year * 12 + month: the rank of its full, and its position.
    months: dict[int, tuple[int, int]] = field(default_factory=dict)
    held: str | None = None
    stalled: str | None = None


def same_day_later(day: date, months: int) -> date:
    """The same day of the month, that many months later; the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def clock_doubt(now: datetime, newest: datetime | None, synchronised: bool, policy: Policy) -> str | None:
    """Rule 7: why this clock is no ground to remove anything, or None."""
    if not synchronised:
        return "clock: the time is not synchronised"
    if newest is None:
        return None
    if now < newest - timedelta(minutes=policy.clock_back_minutes):
        distance = f"{policy.clock_back_minutes} min before"
    elif now > newest + timedelta(days=policy.clock_idle_days):
        distance = f"{policy.clock_idle_days} days after"
    else:
        return None
    return f"clock: now is more than {distance} the newest ledger entry ({utc_text(newest)})"


class Rules:
    """The columns: fill them with `add`, in ledger order; `decide` once; then ask by position.

    latest: where the clock is trusted, the last instant at which anything can have been received.
    """

    def __init__(
        self,
        open_days: OpenDays,
        policy: Policy,
        retired: Collection[str] = (),
        latest: datetime | None = None,
    ) -> None:
        self.policy = policy
        self._retired = retired
        self._latest = latest
        self.series: list[Series] = []
        self.marks = bytearray()
        self._open_days = open_days
        self._numbers: dict[str, int] = {}
        self._series_of = array("I")
        self._days = array("i")
        self._doubts: dict[int, str] = {}
        self._clock: str | None = None
        self._today = date.min
        self._known_open: dict[date, bool] = {}
        self._known_ends: dict[int, tuple[date, str]] = {}
        self._ahead = timedelta(minutes=policy.claimed_ahead_minutes)
        self._behind = timedelta(hours=policy.claimed_behind_hours)

    def add(self, snapshot: Snapshot, aside: bool) -> None:
        """The next row. `aside`: an act of the ledger put it into quarantine."""
        position = len(self.marks)
        series = self._series(snapshot.series)
        doubt = "quarantined by an act of the ledger" if aside else self._doubt(snapshot)
        if doubt is not None or snapshot.claimed_at is None:
            self._doubts[position] = str(doubt)
            self.marks.append(QUARANTINED)
            self._days.append(0)
            return
        day = paris_day(snapshot.claimed_at)
        self.marks.append(0)
        self._days.append(day.toordinal())
        series.count += 1
        self._choose_full(series, position, day, snapshot.outcome)
        if snapshot.outcome == "ok":
            series.floor.append(position)
            del series.floor[: -self.policy.floor_snapshots]
            series.newest_ok_day = day

    def _series(self, name: str) -> Series:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.series)
            self.series.append(Series(name, retired=name in self._retired))
        self._series_of.append(number)
        return self.series[number]

    def _doubt(self, snapshot: Snapshot) -> str | None:
        """Rule 1: why the claimed time is not believed, or None."""
        claimed, received = snapshot.claimed_at, snapshot.received_at
        if self._latest is not None and received > self._latest:
            return f"received_at {received.isoformat()} is of a wrong clock: it is still to come"
        if claimed is None:
            return "claimed_at cannot be read as a time"
        if claimed > received + self._ahead:
            distance = f"{self.policy.claimed_ahead_minutes} min after"
        elif claimed < received - self._behind:
            distance = f"{self.policy.claimed_behind_hours} h before"
        else:
            return None
        return f"claimed_at {claimed.isoformat()} is more than {distance} received_at {received.isoformat()}"

    def _choose_full(self, series: Series, position: int, day: date, outcome: str) -> None:
        """Rule 2, and the second half of rule 3.

        Ok before partial before failed; among equals an open day before a closed one; among equals the
        earliest in ledger order.
        """
        is_open = self._known_open.get(day)
        if is_open is None:
            is_open = self._known_open[day] = self._open_days.is_open(day)
        rank = OUTCOMES.index(outcome) * 2 + (0 if is_open else 1)
        month = day.year * 12 + day.month
        best = series.months.get(month)
        if best is None or rank < best[0]:
            series.months[month] = (rank, position)

    def decide(self, today: date, holds: Mapping[str, str], clock: str | None) -> None:
        """Apply the rules that depend on the day the question is asked."""
        self._today = today
        self._clock = clock
        guards = bytearray()
        for series in self.series:
            series.held = holds.get(series.name, holds.get(EVERYTHING))
            series.stalled = self._stall(series)
            guards.append(
                (HELD if series.held is not None else 0)
                | (STALLED if series.stalled is not None else 0)
                | (CLOCK if clock is not None else 0)
            )
            for position in () if series.retired else series.floor:
                self.marks[position] |= FLOOR
            for _rank, position in series.months.values():
                self.marks[position] |= FULL if self._month_end(position) < today else FULL | MONTH
        oldest_recent = today.toordinal() - self.policy.other_days
        for position, number in enumerate(self._series_of):
            mark = self.marks[position]
            if mark & QUARANTINED:
                continue
            mark |= guards[number] | (RECENT if self._days[position] >= oldest_recent else 0)
            self.marks[position] = mark
            if not mark & KEPT:
                self.series[number].removals += 1

    def _stall(self, series: Series) -> str | None:
        """Rule 6. A series without any ok snapshot has been without one for ever."""
        newest = series.newest_ok_day
        if series.retired:
            return None
        if newest is None:
            return "stalled: the series has no ok snapshot"
        limit = self.policy.stalled_open_days
        if self._open_days.more_than(limit, newest, self._today):
            return f"stalled: more than {limit} open days since the newest ok snapshot, of {newest}"
        return None

    def blast_radius(self) -> str | None:
        """Rule 8: one sentence naming every series the plan is too bold with, or None."""
        percent, most = self.policy.removal_percent, self.policy.removal_count
        # The last ones of a retired series are a large share of it, and no blast.
        few = self.policy.floor_snapshots
        bold = [
            f"{series.removals} of the {series.count} snapshots of {shown(series.name)}"
            for series in self.series
            if series.removals > most
            or (
                series.removals * 100 > series.count * percent
                and not (series.retired and series.removals <= few)
            )
        ]
        if not bold:
            return None
        named = ", ".join(bold[:5]) + (f" and from {len(bold) - 5} other series" if len(bold) > 5 else "")
        return (
            f"the plan would remove {named}: more than {percent} % of a series, or more than {most} from one,"
            " needs a person to confirm this very plan by its hash"
        )

    def series_name(self, position: int) -> str:
        return self.series[self._series_of[position]].name

    def action(self, position: int) -> Action:
        mark = self.marks[position]
        return "quarantine" if mark & QUARANTINED else "keep" if mark & KEPT else "remove"

    def until(self, position: int) -> date | None:
        """The last day its dates keep it; None where none does, or where they ended and a guard keeps it."""
        mark = self.marks[position]
        if mark & QUARANTINED:
            return None
        end = self._end(position)[0]
        if mark & FULL:
            end = max(end, self._month_end(position))
        return None if mark & KEPT and end < self._today else end

    def reasons(self, position: int, ids: list[str]) -> list[str]:
        """Every reason for the action, in the order of the rules."""
        mark = self.marks[position]
        if mark & QUARANTINED:
            return [self._doubts[position]]
        series = self.series[self._series_of[position]]
        if mark & KEPT:
            return self._why_kept(mark, position, series)
        if mark & FULL:
            return [f"ended: {self._month_reason(position, series)}"]
        month, (_rank, full) = self._month(position, series)
        return [f"ended: {self._end(position)[1]}", f"the full of {month} is {ids[full]}"]

    def _why_kept(self, mark: int, position: int, series: Series) -> list[str]:
        reasons: list[str] = []
        if mark & MONTH:
            reasons.append(self._month_reason(position, series))
        if mark & RECENT:
            reasons.append(self._end(position)[1])
        if mark & FLOOR:
            reasons.append(
                f"floor: one of the newest {self.policy.floor_snapshots} ok snapshots of its series"
            )
        if mark & HELD:
            reasons.append(f"hold: {series.held}")
        if mark & STALLED:
            reasons.append(str(series.stalled))
        if mark & CLOCK:
            reasons.append(str(self._clock))
        return reasons

    def _month(self, position: int, series: Series) -> tuple[str, tuple[int, int]]:
        day = date.fromordinal(self._days[position])
        return f"{day.year}-{day.month:02}", series.months[day.year * 12 + day.month]

    def _month_reason(self, position: int, series: Series) -> str:
        month, (rank, _full) = self._month(position, series)
        kept = f"kept {self.policy.full_months} months, to {self._month_end(position)} inclusive"
        return f"the full of {month}{_STANDING[rank]}, {kept}"

    def _month_end(self, position: int) -> date:
        """Rule 2: the last day the row is kept if it is its month's full."""
        return same_day_later(date.fromordinal(self._days[position]), self.policy.full_months)

    def _end(self, position: int) -> tuple[date, str]:
        """Rule 3: the last day any snapshot of the row's day is kept, and how to say so."""
        ordinal = self._days[position]
        known = self._known_ends.get(ordinal)
        if known is None:
            days = self.policy.other_days
            end = date.fromordinal(ordinal + days)
            text = f"kept {days} days after {date.fromordinal(ordinal)}, to {end} inclusive"
            known = self._known_ends[ordinal] = (end, text)
        return known
