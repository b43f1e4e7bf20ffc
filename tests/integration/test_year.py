# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fourteen months of one commune, day by day: the real command and the real restic with an injected clock.

After every day, what lies in the repository is compared with an oracle that shares no line with the service:
its own calendar, its own months, its own rule.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from world import World

PARIS = ZoneInfo("Europe/Paris")
# Over both changes of the clock, a 29 February, and two Augusts.
FIRST, LAST = date(2027, 7, 1), date(2028, 9, 1)
OPENING = {
    "weekdays": ["mon", "tue", "thu", "fri"],
    "even_weeks": ["wed"],
    "nth_weekdays": ["1 sat", "3 sat"],
    "closures": ["2027-08-02..2027-08-13", "2027-12-24", "2028-07-31..2028-08-18"],
    "extra_days": ["2027-08-11", "2028-06-25"],
    "public_holidays": "metropolitan",
}


def easter(year: int) -> date:
    """Gauss, as every almanac prints it."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    w = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * w) // 451
    month, day = divmod(h + w - 7 * m + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date) -> bool:
    fixed = {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)}
    return (day.month, day.day) in fixed or (day - easter(day.year)).days in (1, 39, 50)


def is_open(day: date) -> bool:
    if day in (date(2027, 8, 11), date(2028, 6, 25)):
        return True
    closed = (
        date(2027, 8, 2) <= day <= date(2027, 8, 13)
        or day == date(2027, 12, 24)
        or date(2028, 7, 31) <= day <= date(2028, 8, 18)
    )
    if closed or is_holiday(day):
        return False
    if day.weekday() == 5:
        return day.day <= 7 or 15 <= day.day <= 21
    if day.weekday() == 2:
        return int(day.strftime("%V")) % 2 == 0
    return day.weekday() in (0, 1, 3, 4)


def a_year_later(day: date) -> date:
    return (
        day.replace(year=day.year + 1, day=28)
        if (day.month, day.day) == (2, 29)
        else day.replace(year=day.year + 1)
    )


@dataclass
class Oracle:
    """What should exist. Every backup is (day, complete, id), in the order they were made."""

    made: list[tuple[date, bool, str]] = field(default_factory=list)
    exist: set[str] = field(default_factory=set)

    def backed_up(self, day: date, complete: bool, snapshot: str) -> None:
        self.made.append((day, complete, snapshot))
        self.exist.add(snapshot)

    def evening(self, today: date) -> bool:
        """What is due goes; whether something that is due stays because the commune has fallen silent."""
        complete = [(day, snapshot) for day, good, snapshot in self.made if good]
        last = complete[-1][0] if complete else date.min
        gap = [today - timedelta(days=n) for n in range(1, min((today - last).days, 60))]
        silent = not complete or sum(map(is_open, gap)) > 3
        kept = {snapshot for _, snapshot in complete[-3:]}
        kept |= {snapshot for day, _, snapshot in self.made if (today - day).days <= 14}
        for month in {(day.year, day.month) for day, _, _ in self.made}:
            of_month = [
                one for one in self.made if (one[0].year, one[0].month) == month and one[2] in self.exist
            ]
            best = sorted(of_month, key=lambda one: (not one[1], not is_open(one[0])))[:1]
            kept |= {snapshot for day, _, snapshot in best if today <= a_year_later(day)}
        overdue = bool(self.exist - kept)
        if not silent:
            self.exist &= kept
        return silent and overdue


def days() -> Iterator[date]:
    day = FIRST
    while day <= LAST:
        yield day
        day += timedelta(days=1)


@pytest.fixture
def path_world(made_once: Path, tmp_path: Path) -> World:
    """LOCAL alone, reading a folder itself: no server is needed."""
    base = tmp_path / "world"
    shutil.copytree(made_once, base, symlinks=True)
    shutil.rmtree(base / "data")
    world = World(base, kind="path", opening=OPENING)
    world.configure()
    world.data().mkdir(parents=True)
    return world


@pytest.mark.slow
def test_a_year_in_a_minute(path_world: World) -> None:
    world, oracle, chance = path_world, Oracle(), random.Random(2027)
    off_until = FIRST
    kinds: dict[tuple[int, int], list[str]] = {}
    for today in days():

        def at(hour: int, today: date = today) -> str:
            return datetime(today.year, today.month, today.day, hour, 30, tzinfo=PARIS).isoformat()

        (world.data() / f"note {today.day}").write_text(str(today), encoding="utf-8")
        # Now and then the server is off, a file cannot be read, or somebody works on a closed day.
        if chance.random() < 0.01:
            off_until = today + timedelta(days=chance.randint(2, 9))
        extra = ["--today-anyway"] if chance.random() < 0.02 else []
        complete = chance.random() > 0.04
        if today >= off_until:
            before = world.snapshots("local")
            world.set_paths([] if complete else ["/no/such/folder"])
            code, said = world.agent_here("local", "run", *extra, now=at(8))
            made = world.snapshots("local") - before
            due = is_open(today) or bool(extra)
            assert len(made) == int(due), f"{today}: {said}"
            assert code == (3 if due and not complete else 0), f"{today}: {said}"
            for snapshot in made:
                oracle.backed_up(today, complete, snapshot)
        if today.weekday() == 6:
            assert world.agent_here("local", "verify", "--scrub-only", now=at(12))[0] == 0
        more = [] if today.day == 28 else ["--no-prune"]
        code, said = world.agent_here("local", "retain", *more, now=at(22))
        assert code == (4 if oracle.evening(today) else 0), f"{today}: {said}"
        assert world.snapshots("local") == oracle.exist, f"{today}: {said}"
    for entry in world.acts("local", "receipt"):
        if entry["outcome"] == "ok" and is_open(date.fromisoformat(entry["claimed_at"][:10])):
            kinds.setdefault(tuple(map(int, entry["claimed_at"][:7].split("-"))), []).append(entry["kind"])
    assert len(kinds) >= 14
    assert all(of_month[0] == "full" for of_month in kinds.values())
    assert all("full" not in of_month[1:] for of_month in kinds.values())
    assert world.agent_here("local", "verify", now=at(23))[0] == 0
    assert len(oracle.exist) < len(oracle.made) / 4
