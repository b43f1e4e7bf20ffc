# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tier a commune needs, against tables computed by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import capacity, planning
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy

# 10 backups a month; no growth, no compression, no slack: each test adds what it is about.
BARE = {
    "growth_percent_per_year": 0,
    "change_percent_per_day": 0,
    "archive_change_percent_per_day": 0,
    "unused_percent": 0,
    "undo_days": 0,
    "reserve_percent": 0,
}
OPEN_DAYS = 120


def plan(gb: float = 100, tier: int = 1, policy: Policy = Policy(), archive_gb: float = 0, **assumed: Any):  # noqa: B008 # frozen
    sources: dict[str, Any] = {"poste": {"kind": "linux", "priority": 1, "size_gb": gb}}
    if archive_gb:
        sources["archives"] = {"kind": "path", "priority": 2, "size_gb": archive_gb}
    settings = {
        "name": "Rozoy",
        "tier": tier,
        "contract": {"start": "2024-01-01", "end": "2028-12-31"},
        "sources": sources,
        "planning": {**BARE, **assumed},
    }
    return capacity.plan(planning.commune(settings), policy, OPEN_DAYS)


def needed(found: capacity.CapacityPlan) -> float:
    return found.steps[-1].value


def test_data_that_never_changes_takes_the_space_of_one_copy():
    assert needed(plan()) == pytest.approx(100)


def test_a_full_costs_only_what_changed_in_its_month():
    # 1 - 0.99^10 = 9.5618 % a month; 12 steps between 13 fulls; 120 x 15 / 365 = 4.9315 backups in 14 days.
    assert needed(plan(change_percent_per_day=1)) == pytest.approx(100 * (1 + 12 * 0.095618 + 0.049315), 1e-5)


def test_thirteen_full_copies_would_be_the_price_without_deduplication():
    assert needed(plan(change_percent_per_day=100)) == pytest.approx(100 * (13 + 4.9315), 1e-5)


def test_archives_change_at_a_rate_of_their_own():
    # 1 - 0.999^10 = 0.99551 % a month.
    archives = 400 * (1 + 12 * 0.0099551 + 0.0049315)
    found = plan(archive_gb=400, archive_change_percent_per_day=0.1)
    assert needed(found) == pytest.approx(100 + archives, 1e-5)


def test_compression_unused_space_and_the_reserve_are_counted():
    found = plan(stored_percent=80, unused_percent=5, reserve_percent=10)
    assert needed(found) == pytest.approx(100 * 0.8 * 1.05 / 0.9)


def test_what_was_pruned_counts_until_it_cannot_be_undone():
    # 7 days at 120 open days a year: 2.3014 backups of 1 % each.
    found, without = (plan(change_percent_per_day=1, undo_days=days) for days in (7, 0))
    assert needed(found) - needed(without) == pytest.approx(2.3014, 1e-4)


def test_the_numbers_are_those_of_the_commune_s_policy():
    found = plan(change_percent_per_day=1, policy=Policy(full_months=6, other_days=29))
    # 120 x 30 / 365 = 9.8630 backups.
    assert needed(found) == pytest.approx(100 * (1 + 6 * 0.095618 + 0.098630), 1e-5)


def test_the_table_of_years_shows_the_end_of_each():
    found = plan(500, growth_percent_per_year=20)
    assert [
        (year.number, str(year.ends), round(year.needed_gb), round(year.filled, 3)) for year in found.years
    ] == [
        (1, "2024-12-31", 600, 0.6),
        (2, "2025-12-31", 720, 0.72),
        (3, "2026-12-31", 864, 0.864),
        (4, "2027-12-31", 1037, 1.037),
        (5, "2028-12-31", 1244, 1.244),
    ]


def test_a_tier_that_is_full_within_the_term_is_too_small_and_the_day_is_named():
    found = plan(500, growth_percent_per_year=20)
    assert (found.verdict, found.tier_tb, found.full_in_term) == ("too small", 4, True)
    # ln 2 / ln 1.2 = 3.8018 years: 0.8018 of the 365 days of 2027 are 292.7.
    assert found.full_on == date(2027, 10, 21)
    assert found.warnings == (
        "the tier of 1 TB is too small: full on 2027-10-21; "
        "until the end of the term (2028-12-31) 4 TB will do",
    )


def test_a_tier_that_is_full_on_the_first_day_says_already():
    found = plan(5000, tier=4)
    assert (found.verdict, found.tier_tb, found.full_on) == ("too small", 10, date(2024, 1, 1))
    assert found.warnings[0].startswith("the tier of 4 TB is too small: full already; until")


def test_a_commune_that_no_tier_holds_is_told_so():
    found = plan(20_000, tier=10)
    assert (found.verdict, found.tier_tb) == ("too small", None)
    assert "no tier does (20 TB): split the data" in found.warnings[0]


def test_a_tier_larger_than_the_term_needs_is_wasteful():
    found = plan(500, tier=4, growth_percent_per_year=10)
    assert (found.verdict, found.tier_tb) == ("wasteful", 1)
    assert found.warnings == (
        "the tier of 4 TB is wasteful: until the end of the term (2028-12-31) 1 TB will do (805 GB needed)",
    )


@pytest.mark.parametrize("tier", [1, 4, 10])
def test_a_tier_that_is_exactly_full_at_the_end_fits(tier):
    found = plan(tier * 1000, tier=tier)
    assert (found.verdict, found.tier_tb, found.full_on, found.warnings) == ("fits", tier, None, ())


def test_a_full_tier_after_the_term_is_no_matter_of_this_contract():
    found = plan(400, growth_percent_per_year=20)
    assert (found.verdict, found.full_in_term) == ("fits", False)
    assert found.full_on is not None
    assert found.full_on > date(2028, 12, 31)


def test_no_data_fits_and_is_never_full():
    found = plan(0)
    assert (found.verdict, found.tier_tb, found.full_on) == ("fits", 1, None)


def test_sizes_that_nobody_stated_are_named_where_they_decide():
    settings = {
        "name": "Rozoy",
        "tier": 4,
        "contract": {"start": "2024-01-01", "end": "2028-12-31"},
        "sources": {"poste": {"kind": "linux", "priority": 1}},
    }
    found = capacity.plan(planning.commune(settings), Policy(), OPEN_DAYS)
    assert found.warnings[-1] == "sizes are assumed for poste: write size_gb to know better"


def test_a_term_that_begins_on_29_february_has_its_years():
    settings = {
        "name": "Rozoy",
        "tier": 1,
        "contract": {"start": "2024-02-29", "end": "2026-02-27"},
        "sources": {"poste": {"kind": "linux", "priority": 1}},
    }
    found = capacity.plan(planning.commune(settings), Policy(), OPEN_DAYS)
    assert [str(year.ends) for year in found.years] == ["2025-02-27", "2026-02-27"]


def test_years_before_the_volumes_were_stated_are_not_shown():
    found = plan(volumes_on="2026-06-30")
    assert [year.number for year in found.years] == [3, 4, 5]


def test_every_step_of_the_working_adds_up():
    found = plan(
        300, archive_gb=700, change_percent_per_day=1, archive_change_percent_per_day=0.1, unused_percent=5
    )
    steps = {step.label: step.value for step in found.steps}
    copies = (
        steps["one copy of everything"]
        + steps["12 older fulls: what changed since each"]
        + steps["backups of the last 14 days"]
        + steps["pruned, but not beyond undoing"]
    )
    assert steps["in the repositories"] == pytest.approx(copies * 1.05)
    assert steps["12 older fulls: what changed since each"] == pytest.approx(
        12 * steps["replaced from one full to the next"]
    )
    assert found.years[-1].needed_gb == pytest.approx(steps["needed"])
    assert found.full_on is not None
    assert found.full_on - timedelta(days=1) < date(2028, 12, 31)
