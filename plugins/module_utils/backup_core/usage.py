# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the places in the store fill, day by day, and when they will be full. Pure, but for `read` and `write`.

What was really used says more than what arrived: it knows what retention gives back.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import combinations
from statistics import median
from typing import Any

from .files import write_durably

NAME = "usage.json"
# A month's full comes and an old one goes: with less than a month, the line through the days says little.
LEAST_DAYS = 28
# Of these many days the growth is taken.
WINDOW = 120
KEPT = 800
# Beyond the life of any server nothing is foretold.
FARTHEST = 3660

History = dict[str, dict[str, int]]
"""By place (its path), by day (YYYY-MM-DD): the bytes used when the day was last looked at."""


def noted(
    history: Mapping[str, Mapping[str, int]], places: Sequence[Mapping[str, Any]], day: date
) -> History:
    """The history with what the places hold today; what is too old, and places that are gone, left out."""
    oldest = str(day - timedelta(days=KEPT))
    after: History = {}
    for place in places:
        path = str(place["path"])
        before = {on: used for on, used in history.get(path, {}).items() if oldest <= on <= str(day)}
        after[path] = {**before, str(day): int(place["used"])}
    return after


def growth(days: Mapping[str, int], today: date) -> float | None:
    """Bytes a day, as the median of the slopes between any two weeks' days; None when too little is known.

    The median (Theil and Sen) forgives single days on which much came or went.
    """
    first = today - timedelta(days=WINDOW)
    points = [
        (when.toordinal(), used)
        for on, used in sorted(days.items())
        if first <= (when := date.fromisoformat(on)) <= today
    ]
    if not points or points[-1][0] - points[0][0] < LEAST_DAYS:
        return None
    # A point a week is enough, and 120 of them would make 7140 pairs for each of a thousand communes.
    thin = points[:: max(1, len(points) // 20)]
    if thin[-1] != points[-1]:
        thin.append(points[-1])
    slopes = [(later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in combinations(thin, 2)]
    return float(median(slopes))


def full_on(days: Mapping[str, int], limit: int, today: date) -> date | None:
    """The day on which the place is full if it goes on growing like this; None when it is not foretold."""
    pace = growth(days, today)
    if pace is None or pace <= 0 or not days:
        return None
    left = max(0.0, limit - days[max(days)]) / pace
    return today + timedelta(days=int(left)) if left <= FARTHEST else None


def read(state_directory: str) -> History:
    """What was noted so far; empty where nothing was, or it cannot be read."""
    try:
        with open(os.path.join(state_directory, NAME), "rb") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {
        str(path): found
        for path, days in value.items()
        if isinstance(days, dict) and (found := {on: n for on, n in days.items() if _good(on, n)})
    }


def _good(on: object, used: object) -> bool:
    if not isinstance(on, str) or type(used) is not int or used < 0:
        return False
    with contextlib.suppress(ValueError):
        return str(date.fromisoformat(on)) == on
    return False


def write(state_directory: str, history: Mapping[str, Mapping[str, int]]) -> None:
    path = os.path.join(state_directory, NAME)
    write_durably(path, json.dumps(history, indent=1, sort_keys=True).encode())
