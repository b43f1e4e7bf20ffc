# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How places fill, and the day on which they will be full."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import usage

TODAY = date(2026, 11, 27)
DAY = timedelta(days=1)
PLACE = {"path": "/srv/backup/saint-exemple", "used": 50, "limit": 100}


def grown(days: int, pace: int, start: int = 0) -> dict[str, int]:
    """As many days of growth by so many bytes a day, the last of them today."""
    return {str(TODAY - (days - 1 - n) * DAY): start + n * pace for n in range(days)}


@given(
    st.integers(29, 400),
    st.integers(1, 10**9),
    st.integers(0, 10**12),
    st.integers(0, 3000),
)
def test_what_grows_evenly_is_full_when_the_rest_is_used_up(
    days: int, pace: int, start: int, ahead: int
) -> None:
    history = grown(days, pace, start)
    limit = history[str(TODAY)] + pace * ahead
    found = usage.full_on(history, limit, TODAY)
    assert found is not None
    assert abs((found - TODAY).days - ahead) <= 1


def test_single_days_on_which_much_came_and_went_change_little() -> None:
    random.seed(1)
    history = grown(100, 10)
    for day in random.sample(sorted(history), 10):
        history[day] += 100_000
    history[str(TODAY)] = 990
    pace = usage.growth(history, TODAY)
    assert pace is not None
    assert 5 < pace < 20


def test_less_than_four_weeks_say_nothing_and_old_growth_does_not_count() -> None:
    assert usage.full_on(grown(28, 10), 1000, TODAY) is None
    assert usage.full_on(grown(29, 10), 1000, TODAY) is not None
    assert usage.full_on(grown(29, 10), 1000, TODAY + 200 * DAY) is None


def test_what_does_not_grow_or_has_centuries_left_is_never_full() -> None:
    assert usage.full_on(grown(60, 0, 5), 100, TODAY) is None
    assert usage.full_on(grown(60, -1, 500), 1000, TODAY) is None
    assert usage.full_on(grown(60, 1), 10**9, TODAY) is None
    assert usage.full_on({}, 100, TODAY) is None


def test_what_is_over_full_is_full_today() -> None:
    assert usage.full_on(grown(60, 10), 100, TODAY) == TODAY


def test_a_day_is_noted_once_and_kept_for_two_years() -> None:
    history = usage.noted({}, [PLACE], TODAY - 801 * DAY)
    history = usage.noted(history, [PLACE], TODAY)
    history = usage.noted(history, [{**PLACE, "used": 60}], TODAY)
    assert history == {PLACE["path"]: {str(TODAY): 60}}
    assert usage.noted(history, [], TODAY) == {}
    # What a clock that was ahead had noted would stand for days that are yet to come.
    assert usage.noted({str(PLACE["path"]): {str(TODAY + DAY): 1}}, [PLACE], TODAY)[str(PLACE["path"])] == {
        str(TODAY): 50
    }


def test_the_history_is_found_again_and_nonsense_in_it_is_left_out(tmp_path: Path) -> None:
    history = {"/a": {str(TODAY): 5}}
    usage.write(str(tmp_path), history)
    assert usage.read(str(tmp_path)) == history
    for text in ("", "[]", "[" * 10**5, '{"/a": 5}', '{"/a": {"x": 5, "2026-01-01": -1, "20260101": 1}}'):
        (tmp_path / usage.NAME).write_text(text)
        assert usage.read(str(tmp_path)) == {}
    assert usage.read(str(tmp_path / "absent")) == {}
