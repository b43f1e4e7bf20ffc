# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The opening calendar against an oracle that walks through the year the way a secretary would.

It shares nothing with the code: Easter by Gauss's formula instead of a library, weeks by counting from Monday
to Monday, and the nth weekday by counting those that came before.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import (
    FixedOpenDays,
    OpeningCalendar,
)

# Measuring coverage would double the time of 20 000 cases; the unit tests reach the same lines.
pytestmark = pytest.mark.no_cover

NAMES = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ONE_DAY = timedelta(days=1)


def easter(year: int) -> date:
    """Gauss, as corrected in 1816, for the years 1900 to 2099."""
    d = (19 * (year % 19) + 24) % 30
    e = (2 * (year % 4) + 4 * (year % 7) + 6 * d + 5) % 7
    if e == 6 and d in (28, 29):
        d -= 7
    return date(year, 3, 22) + timedelta(days=d + e)


@cache
def public_holidays(year: int, where: str, good_friday: bool) -> frozenset[date]:
    """Code du travail, L3133-1; for Alsace and Moselle L3134-13."""
    sunday = easter(year)
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    found = {date(year, month, day) for month, day in fixed}
    found |= {sunday + timedelta(days=days) for days in (1, 39, 50)}
    if where == "none":
        found = set()
    if where == "alsace-moselle":
        found.add(date(year, 12, 26))
    if good_friday:
        found.add(sunday - timedelta(days=2))
    return frozenset(found)


@cache
def week(day: date) -> int:
    """Week 1 is that of 4 January; a week begins on Monday and belongs to the year of its Thursday."""
    monday = day
    while monday.strftime("%a") != "Mon":
        monday -= ONE_DAY
    year = (monday + timedelta(days=3)).year
    first = date(year, 1, 4)
    while first.strftime("%a") != "Mon":
        first -= ONE_DAY
    return (monday - first).days // 7 + 1


@cache
def places(day: date) -> frozenset[str]:
    """What the day is in its month: {"2 sat", "last sat"} for instance."""
    name = NAMES[day.weekday()]
    before = [n for n in range(1, day.day) if date(day.year, day.month, n).weekday() == day.weekday()]
    after = day + timedelta(days=7)
    found = {f"{len(before) + 1} {name}"}
    if after.month != day.month:
        found.add(f"last {name}")
    return frozenset(found)


def named(day: date, ranges: list[str]) -> bool:
    text = day.isoformat()
    return any(r.split("..")[0] <= text <= r.split("..")[-1] for r in ranges)


def should_open(block: dict[str, Any], day: date) -> bool:
    if named(day, block["extra_days"]):
        return True
    if named(day, block["closures"]):
        return False
    if day in public_holidays(day.year, block["public_holidays"], block["good_friday"]):
        return False
    name = NAMES[day.weekday()]
    alternate = block["odd_weeks"] if week(day) in range(1, 54, 2) else block["even_weeks"]
    return name in block["weekdays"] or name in alternate or bool(places(day) & set(block["nth_weekdays"]))


FIRST = st.dates(date(2020, 1, 1), date(2060, 12, 31))
# The turn of a year, a leap day, Easter's extremes, a week 53.
ODD = st.sampled_from(
    [date(2026, 12, 20), date(2024, 2, 20), date(2035, 3, 20), date(2038, 4, 20), date(2032, 12, 20)]
)
WEEKDAYS = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)
NTH = st.lists(
    st.sampled_from([f"{n} {name}" for n in ("1", "2", "3", "4", "5", "last") for name in NAMES]),
    unique=True,
    max_size=3,
)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[dict[str, Any], date, date]:
    first = draw(st.one_of(FIRST, ODD))
    last = first + timedelta(days=draw(st.integers(0, 60)))

    def ranges() -> list[str]:
        found = []
        for start, length in draw(st.lists(st.tuples(st.integers(-5, 65), st.integers(0, 9)), max_size=3)):
            begin = first + timedelta(days=start)
            found.append(f"{begin}..{begin + timedelta(days=length)}" if length else f"{begin}")
        return found

    block = {
        "weekdays": draw(WEEKDAYS),
        "even_weeks": draw(WEEKDAYS),
        "odd_weeks": draw(WEEKDAYS),
        "nth_weekdays": draw(NTH),
        "closures": ranges(),
        "extra_days": [*ranges(), "2019-01-01"],
        "public_holidays": draw(st.sampled_from(["metropolitan", "alsace-moselle", "none"])),
        "good_friday": draw(st.booleans()),
    }
    return block, first, last


@given(blocks(), st.integers(0, 9), st.sets(st.integers(0, 60)))
def test_the_calendar_opens_when_the_secretary_says(
    asked: tuple[dict[str, Any], date, date], count: int, done: set[int]
) -> None:
    block, first, last = asked
    calendar = OpeningCalendar.from_mapping(block)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    expected = [day for day in every if should_open(block, day)]
    assert calendar.open_days(first, last) == expected
    assert list(calendar.iterate(first, last)) == expected
    assert [day for day in every if calendar.is_open(day)] == expected
    backed_up = {first + timedelta(days=n) for n in done}
    missed = [day for day in expected if day not in backed_up]
    assert calendar.missed_days(backed_up, first, last) == missed
    found = calendar.next_open_days(first - ONE_DAY, count)
    assert found[: len(expected)] == expected[:count]
    assert all(should_open(block, day) for day in found)

    fixed = FixedOpenDays(reversed(expected))
    assert fixed.open_days(first, last) == expected
    assert [day for day in every if fixed.is_open(day)] == expected
    assert fixed.next_open_days(first - ONE_DAY, count) == expected[:count]
    assert fixed.missed_days(backed_up, first, last) == missed
