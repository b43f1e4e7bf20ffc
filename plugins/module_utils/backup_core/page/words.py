# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Days, sizes and times as the French write them."""

from __future__ import annotations

from datetime import date, datetime

from ..times import paris

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
# A narrow no-break space stands before a unit and between thousands.
THIN = "\u202f"


def day(on: date) -> str:
    """lundi 1er mars 2027"""
    return f"{DAYS[on.weekday()]} {date_of(on)}"


def date_of(on: date) -> str:
    """1er mars 2027"""
    return f"{number_of(on)} {MONTHS[on.month - 1]} {on.year}"


def number_of(on: date) -> str:
    return "1er" if on.day == 1 else str(on.day)


def near(on: date, today: date, weekday: bool = True) -> str:
    """The day as short as can be: « mardi 14 » of this month, « mardi 14 mars » of this year."""
    words = [DAYS[on.weekday()]] if weekday else []
    words.append(number_of(on))
    if (on.year, on.month) != (today.year, today.month):
        words.append(MONTHS[on.month - 1])
    if on.year != today.year:
        words.append(str(on.year))
    return " ".join(words)


def month(first: date) -> str:
    """mars 2027"""
    return f"{MONTHS[first.month - 1]} {first.year}"


def instant(at: datetime) -> str:
    """14/03/2027 à 09:05"""
    return f"{at.astimezone(paris()):%d/%m/%Y à %H:%M}"


def size(count: float) -> str:
    """Bytes in decimal units, with three digits at most."""
    for unit, factor in (("To", 1e12), ("Go", 1e9), ("Mo", 1e6), ("ko", 1e3)):
        if count >= factor:
            value = count / factor
            return f"{decimal(value, 0 if value >= 100 else 1)}{THIN}{unit}"
    return f"{count:.0f}{THIN}o"


def decimal(value: float, places: int) -> str:
    return f"{value:,.{places}f}".replace(",", THIN).replace(".", ",")


def percent(share: float) -> str:
    return f"{decimal(100 * share, 0)}{THIN}%"


def duration(seconds: float) -> str:
    """35 s, 12 min, 3 h 05"""
    if seconds < 60:
        return f"{seconds:.0f}{THIN}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{THIN}min"
    return f"{minutes // 60}{THIN}h{THIN}{minutes % 60:02}"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 jour, 2 jours; in French 0 is singular."""
    return f"{number} {one if number < 2 else many or one + 's'}"
