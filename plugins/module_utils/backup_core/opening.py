# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The opening calendar of a town hall: a backup is owed on each day it is open (requirement R5).

A day is open or closed as a whole; half days count as open. Precedence: extra days, closures, public
holidays, weekly rules. French public holidays come from python3-holidays, imported only where a calendar asks
for them.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Any, Protocol

from .errors import BackupError, InputError, shown
from .times import parse_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PUBLIC_HOLIDAYS = ("metropolitan", "alsace-moselle", "none")
FIELDS = (
    "weekdays",
    "even_weeks",
    "odd_weeks",
    "nth_weekdays",
    "closures",
    "extra_days",
    "public_holidays",
    "good_friday",
)

_NTH = re.compile(r"([1-5]|last) (mon|tue|wed|thu|fri|sat|sun)", re.ASCII)
_LAST = 0
# How far a search for the next open day looks: a calendar that opens seldom, but not one that ended long ago.
_SEARCH_DAYS = 3660


class OpenDays(Protocol):
    """What retention needs to know of a calendar."""

    def is_open(self, day: date) -> bool: ...

    def iterate(self, first: date, last: date) -> Iterator[date]:
        """The open days from `first` to `last`, both included."""

    def more_than(self, limit: int, after: date, before: date) -> bool:
        """Whether more than `limit` open days lie strictly between the two days."""


@dataclass(frozen=True, slots=True)
class FixedOpenDays:
    """A calendar that is a plain list of days, as what-if questions give it."""

    dates: Sequence[date]

    def __init__(self, dates: Iterable[date]) -> None:
        object.__setattr__(self, "dates", sorted(set(dates)))

    def is_open(self, day: date) -> bool:
        index = bisect_left(self.dates, day)
        return index < len(self.dates) and self.dates[index] == day

    def iterate(self, first: date, last: date) -> Iterator[date]:
        return iter(self.open_days(first, last))

    def more_than(self, limit: int, after: date, before: date) -> bool:
        return bisect_left(self.dates, before) - bisect_right(self.dates, after) > limit

    def open_days(self, first: date, last: date) -> list[date]:
        return list(self.dates[bisect_left(self.dates, first) : bisect_right(self.dates, last)])

    def next_open_days(self, after: date, count: int) -> list[date]:
        start = bisect_right(self.dates, after)
        return list(self.dates[start : start + max(count, 0)])

    def missed_days(self, backed_up: Set[date], first: date, last: date) -> list[date]:
        return [day for day in self.iterate(first, last) if day not in backed_up]


@dataclass(frozen=True, slots=True)
class OpeningCalendar:
    """Block `opening` of a commune's file. Weekdays are 0 (Monday) to 6; ranges include both ends."""

    weekdays: frozenset[int] = frozenset()
    even_weeks: frozenset[int] = frozenset()
    odd_weeks: frozenset[int] = frozenset()
    nth_weekdays: frozenset[tuple[int, int]] = frozenset()
    closures: tuple[tuple[date, date], ...] = ()
    extra_days: tuple[tuple[date, date], ...] = ()
    public_holidays: str = "metropolitan"
    good_friday: bool = False

    @classmethod
    def from_mapping(cls, mapping: object, where: str = "opening") -> OpeningCalendar:
        """The calendar in a mapping with any of FIELDS. InputError names the bad field and its cure."""
        if not isinstance(mapping, Mapping):
            raise InputError(f"{where}: {shown(mapping)} is not a mapping (give weekdays: [mon, tue, ...])")
        for name in mapping:
            if name not in FIELDS:
                raise InputError(f"{where}: {shown(name)} is not a field (use {', '.join(FIELDS)})")
        calendar = cls(
            weekdays=_weekdays(mapping, "weekdays", where),
            even_weeks=_weekdays(mapping, "even_weeks", where),
            odd_weeks=_weekdays(mapping, "odd_weeks", where),
            nth_weekdays=_nth_weekdays(mapping, where),
            closures=_ranges(mapping, "closures", where),
            extra_days=_ranges(mapping, "extra_days", where),
            public_holidays=_choice(mapping, where),
            good_friday=_switch(mapping, where),
        )
        if not (
            calendar.weekdays
            or calendar.even_weeks
            or calendar.odd_weeks
            or calendar.nth_weekdays
            or calendar.extra_days
        ):
            raise InputError(f"{where}: the town hall never opens (give weekdays: [mon, tue, ...])")
        return calendar

    def is_open(self, day: date) -> bool:
        if _within(day, self.extra_days):
            return True
        return self._by_week(day) and not _within(day, self.closures) and day not in self._holidays(day.year)

    def iterate(self, first: date, last: date) -> Iterator[date]:
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if self.is_open(day):
                yield day

    def more_than(self, limit: int, after: date, before: date) -> bool:
        between = (day for day in self.iterate(after, before) if after < day < before)
        return next(islice(between, limit, None), None) is not None

    def open_days(self, first: date, last: date) -> list[date]:
        """The open days from `first` to `last`, both included."""
        return list(self.iterate(first, last))

    def next_open_days(self, after: date, count: int) -> list[date]:
        """The first `count` open days after that day; fewer where ten years hold no more."""
        found: list[date] = []
        if count > 0:
            until = date.fromordinal(min(after.toordinal() + _SEARCH_DAYS, date.max.toordinal()))
            for day in self.iterate(after, until):
                if day == after:
                    continue
                found.append(day)
                if len(found) == count:
                    break
        return found

    def missed_days(self, backed_up: Set[date], first: date, last: date) -> list[date]:
        """The open days from `first` to `last` that have no backup."""
        return [day for day in self.iterate(first, last) if day not in backed_up]

    def _by_week(self, day: date) -> bool:
        weekday = day.weekday()
        if weekday in self.weekdays:
            return True
        if weekday in (self.odd_weeks if day.isocalendar().week % 2 else self.even_weeks):
            return True
        nth = (day.day + 6) // 7
        if (nth, weekday) in self.nth_weekdays:
            return True
        return (_LAST, weekday) in self.nth_weekdays and day.day + 7 > monthrange(day.year, day.month)[1]

    def _holidays(self, year: int) -> frozenset[date]:
        named = frozenset() if self.public_holidays == "none" else french_holidays(year)
        if self.public_holidays == "alsace-moselle":
            named |= _second_christmas_day(year)
        return named | _good_friday(year) if self.good_friday else named


def _within(day: date, ranges: Iterable[tuple[date, date]]) -> bool:
    return any(first <= day <= last for first, last in ranges)


@cache
def french_holidays(year: int, subdivision: str | None = None) -> frozenset[date]:
    """Public holidays of metropolitan France, or with those of a subdivision (GES: Alsace and Moselle)."""
    try:
        with warnings.catch_warnings():
            # Debian 13's version announces on import that a later one may change: nothing to act on.
            warnings.simplefilter("ignore", DeprecationWarning)
            import holidays
    except ImportError:
        raise BackupError(
            "the opening calendar needs python3-holidays for the public holidays: install it"
            " (Debian: apt install python3-holidays; in a checkout: . .venv/bin/activate),"
            " or write public_holidays: none"
        ) from None
    return frozenset(holidays.country_holidays("FR", subdiv=subdivision, years=year))


def _in_the_east(year: int) -> frozenset[date]:
    return french_holidays(year, "GES") - french_holidays(year)


def _second_christmas_day(year: int) -> frozenset[date]:
    return frozenset(day for day in _in_the_east(year) if day.month == 12)


def _good_friday(year: int) -> frozenset[date]:
    """Local law makes it a holiday only in communes with a Protestant church: a switch of its own."""
    return frozenset(day for day in _in_the_east(year) if day.month != 12)


def _list(mapping: Mapping[Any, Any], name: str, where: str) -> list[tuple[str, object]]:
    """The items of a list field, each with the words an error begins with."""
    value = mapping.get(name, [])
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{where}.{name}: {shown(value)} is not a list (write [...])")
    return [(f"{where}.{name}[{index}]", item) for index, item in enumerate(value)]


def _weekdays(mapping: Mapping[Any, Any], name: str, where: str) -> frozenset[int]:
    found: set[int] = set()
    for at, item in _list(mapping, name, where):
        if item not in WEEKDAYS:
            raise InputError(f"{at}: {shown(item)} is not a weekday (use {', '.join(WEEKDAYS)})")
        number = WEEKDAYS.index(item)
        if number in found:
            raise InputError(f"{at}: {shown(item)} is there twice (keep one)")
        found.add(number)
    return frozenset(found)


def _nth_weekdays(mapping: Mapping[Any, Any], where: str) -> frozenset[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for at, item in _list(mapping, "nth_weekdays", where):
        match = _NTH.fullmatch(item) if isinstance(item, str) else None
        if match is None:
            raise InputError(
                f"{at}: {shown(item)} is not a weekday of the month (write '1 sat', '3 sat' or 'last fri')"
            )
        nth = (_LAST if match[1] == "last" else int(match[1]), WEEKDAYS.index(match[2]))
        if nth in found:
            raise InputError(f"{at}: {shown(item)} is there twice (keep one)")
        found.add(nth)
    return frozenset(found)


def _ranges(mapping: Mapping[Any, Any], name: str, where: str) -> tuple[tuple[date, date], ...]:
    return tuple(_range(item, at) for at, item in _list(mapping, name, where))


def _range(item: object, at: str) -> tuple[date, date]:
    # YAML reads an unquoted 2026-12-24 as a date already.
    if isinstance(item, date) and not isinstance(item, datetime):
        return item, item
    if not isinstance(item, str):
        raise InputError(
            f"{at}: {shown(item)} is not a date (write '2026-12-24' or '2026-08-01..2026-08-15')"
        )
    begin, dots, end = item.partition("..")
    where = f"{at}: {shown(item)}" if dots else at
    first = parse_day(begin, where)
    last = parse_day(end, where) if dots else first
    if last < first:
        raise InputError(f"{at}: {shown(item)} ends before it begins (write the earlier date first)")
    return first, last


def _choice(mapping: Mapping[Any, Any], where: str) -> str:
    value = mapping.get("public_holidays", "metropolitan")
    if value not in PUBLIC_HOLIDAYS:
        known = ", ".join(PUBLIC_HOLIDAYS)
        raise InputError(f"{where}.public_holidays: {shown(value)} is not known (use {known})")
    return str(value)


def _switch(mapping: Mapping[Any, Any], where: str) -> bool:
    value = mapping.get("good_friday", False)
    if not isinstance(value, bool):
        raise InputError(f"{where}.good_friday: {shown(value)} is not a switch (use true or false)")
    return value
