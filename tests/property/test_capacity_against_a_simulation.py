# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity model against a repository that really deduplicates, and what holds for all plans."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import capacity, planning
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.rules import same_day_later

CHUNKS = 1000
# Arithmetic without branches to hunt for: fewer cases than for the rules of retention.
CASES = 2000
FIRST = date(2024, 1, 1)
DAYS = 600
BARE = {"growth_percent_per_year": 0, "unused_percent": 0, "undo_days": 0, "reserve_percent": 0}


def commune(gb: float, tier: int = 1, **assumed: Any) -> planning.Commune:
    return planning.commune(
        {
            "name": "Rozoy",
            "tier": tier,
            "contract": {"start": "2024-01-01", "end": "2028-12-31"},
            "sources": {"poste": {"kind": "linux", "priority": 1, "size_gb": gb}},
            "planning": assumed,
        }
    )


def fullest(open_days: list[date], change: float, hot: int, chance: random.Random) -> float:
    """The most chunks that a repository held on a day after its first year, per chunk of data.

    Each open day replaces that share of the data, struck at random among the `hot` first chunks; the month's
    first backup is kept to the same day a year later, the others 14 days, and each chunk is stored once.
    """
    data = [(place, 0) for place in range(CHUNKS)]
    kept: list[tuple[date, bool, frozenset[tuple[int, int]]]] = []
    most = 0
    for version, day in enumerate(open_days, start=1):
        for place in chance.sample(range(hot), round(change * CHUNKS)):
            data[place] = (place, version)
        first = not kept or (kept[-1][0].year, kept[-1][0].month) != (day.year, day.month)
        kept.append((day, first, frozenset(data)))
        kept = [
            (of, full, chunks)
            for of, full, chunks in kept
            if of >= day - timedelta(days=14) or (full and same_day_later(of, 12) >= day)
        ]
        if day > FIRST + timedelta(days=400):
            most = max(most, len(frozenset().union(*(chunks for _, _, chunks in kept))))
    return most / CHUNKS


@settings(max_examples=25)
@given(
    weekdays=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri"]), min_size=1),
    change=st.sampled_from([0.0, 0.002, 0.005, 0.01, 0.02, 0.05]),
    seed=st.integers(0, 1000),
)
def test_a_repository_never_holds_much_more_nor_much_less_than_the_model_says(weekdays, change, seed):
    calendar = OpeningCalendar.from_mapping({"weekdays": sorted(weekdays), "public_holidays": "none"})
    open_days = calendar.open_days(FIRST, FIRST + timedelta(days=DAYS))
    a_year = len(calendar.open_days(FIRST, FIRST + timedelta(days=364)))
    found = capacity.plan(commune(1, change_percent_per_day=change * 100, **BARE), Policy(), a_year)
    model = found.steps[-1].value

    at_random = fullest(open_days, change, CHUNKS, random.Random(seed))
    # Months with more open days than others, and the days since the month's full: a tenth of the history.
    assert at_random - 1 <= (model - 1) * 1.1 + 0.01
    assert at_random - 1 >= (model - 1) * 0.75 - 0.01
    # Offices change the same few files again and again: never more than the model.
    assert fullest(open_days, change, max(round(change * CHUNKS), CHUNKS // 5), random.Random(seed)) <= model


rates = st.floats(0, 100)
volumes = st.floats(0.1, 50_000)


@given(
    gb=volumes,
    tier=st.sampled_from([1, 4, 10]),
    growth=st.floats(0, 200),
    change=rates,
    backups=st.integers(1, 366),
)
def test_the_verdict_the_tier_the_day_and_the_table_agree(gb, tier, growth, change, backups):
    one = commune(gb, tier, growth_percent_per_year=growth, change_percent_per_day=change)
    found = capacity.plan(one, Policy(), backups)
    last = found.years[-1]
    assert (found.verdict == "too small") == (last.filled > 1) == found.full_in_term
    assert [year.needed_gb for year in found.years] == sorted(year.needed_gb for year in found.years)
    if found.tier_tb is not None:
        assert last.needed_gb <= found.tier_tb * 1000
        assert all(
            last.needed_gb > smaller * 1000 for smaller in capacity.TIERS_TB if smaller < found.tier_tb
        )
    if found.full_in_term:
        assert found.full_on is not None
        assert found.full_on <= one.term_ends
    if found.full_on is not None:
        assert one.gb_on(found.full_on) / one.gb_on(one.term_ends) * last.needed_gb >= tier * 1000 * (
            1 - 1e-9
        )
    assert bool(found.warnings) == (found.verdict != "fits")


@settings(max_examples=CASES)
@given(gb=volumes, more=st.floats(1, 3), change=st.floats(0, 50), backups=st.integers(1, 366))
def test_more_data_more_change_and_more_backups_never_need_less(gb, more, change, backups):
    def needed(volume: float, percent: float, count: int) -> float:
        found = capacity.plan(commune(volume, change_percent_per_day=percent), Policy(), count)
        return found.steps[-1].value

    base = needed(gb, change, backups)
    assert base >= gb
    assert needed(gb * more, change, backups) >= base * (1 - 1e-12)
    assert needed(gb, min(100, change * more), backups) >= base * (1 - 1e-12)
    assert needed(gb, change, backups + 10) >= base * (1 - 1e-12)
