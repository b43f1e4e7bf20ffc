# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instants and days: strict ISO 8601 in, UTC out, and the town hall's day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import BackupError, InputError, shown

EXAMPLE = "2026-03-01T08:00:00+01:00"
# A server's clock outside these years is a mistake, and day arithmetic on it could leave Python's range.
FIRST_YEAR = 1970
LAST_YEAR = 9799

# datetime.fromisoformat also reads week dates, compact forms and any separator: more than people mean.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?P<offset>Z|[+-]\d\d:\d\d(?::\d\d)?)?", re.ASCII
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LONGEST = 64


@cache
def paris() -> ZoneInfo:
    """The zone every town hall of the service lives in (its rules come from the system's tzdata)."""
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        raise BackupError(
            "no time zone data for Europe/Paris: install the package tzdata (Debian: apt install tzdata)"
        ) from None


def paris_day(instant: datetime) -> date:
    """The date on the town hall's wall calendar at that instant."""
    return instant.astimezone(paris()).date()


def parse_instant(value: object, where: str) -> datetime:
    """An aware datetime from ISO 8601 with its offset. InputError begins with `where`."""
    if not isinstance(value, str):
        raise InputError(f"{where}: {shown(value)} is not a time (write {EXAMPLE})")
    match = _INSTANT.fullmatch(value) if len(value) <= _LONGEST else None
    if match is None:
        raise InputError(f"{where}: {shown(value)} is not an ISO 8601 time (write {EXAMPLE})")
    if match["offset"] is None:
        raise InputError(f"{where}: {shown(value)} has no offset from UTC (write {EXAMPLE})")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise InputError(f"{where}: {shown(value)} does not exist ({error}; write {EXAMPLE})") from None


def parse_clock(value: object, where: str) -> datetime:
    """Like parse_instant, for what one of our own clocks said: its year must be a sensible one."""
    instant = parse_instant(value, where)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise InputError(
            f"{where}: {shown(value)} is outside the years {FIRST_YEAR} to {LAST_YEAR} (check the clock)"
        )
    return instant


def parse_day(value: object, where: str) -> date:
    """A date from YYYY-MM-DD. InputError begins with `where`."""
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise InputError(f"{where}: {shown(value)} is not a date (write 2026-03-01)")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InputError(f"{where}: {shown(value)} does not exist ({error})") from None


def utc_text(instant: datetime) -> str:
    """The instant in UTC, written with a final Z, as ledgers carry it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
