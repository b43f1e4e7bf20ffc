# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement of fees, against amounts worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import fees
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.fees import (
    Contract,
    Intervention,
    Statement,
)

FIRST = date(2024, 1, 1)
LAST = date(2028, 12, 31)


def contract(first: date = FIRST, last: date = LAST, *tiers: tuple[date, int], tier: int = 1) -> Contract:
    return Contract("saint-exemple", "Saint-Exemple-sur-Noye", first, last, tiers or ((first, tier),))


def worked(minutes: int, day: date = date(2025, 3, 3)) -> list[Intervention]:
    return [Intervention(1, day, "A. Technicienne", minutes, "Remplacement d'un disque")]


def amounts(one: Statement) -> list[str]:
    return [str(amount) for amount in (one.flat, one.software, one.support, one.beyond, one.total)]


@pytest.mark.parametrize(
    ("tier", "owed"),
    [
        (1, ["100.00", "100.00", "200.00", "0.00", "400.00"]),
        (4, ["120.00", "100.00", "200.00", "0.00", "420.00"]),
        (10, ["200.00", "100.00", "200.00", "0.00", "500.00"]),
    ],
)
@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027, 2028])
def test_a_whole_year_is_a_fifth_of_the_flat_fee_and_300_euros_leap_year_or_not(
    tier: int, owed: list[str], year: int
) -> None:
    assert amounts(fees.statement(contract(tier=tier), year, [])) == owed


@pytest.mark.parametrize("year", [2023, 2029])
def test_outside_the_term_nothing_accrues(year: int) -> None:
    one = fees.statement(contract(), year, [])
    assert (one.days, one.tiers, one.included_minutes) == (0, (), 0)
    assert amounts(one) == ["0.00"] * 5


@pytest.mark.parametrize(
    ("year", "days", "included", "owed"),
    [
        # 184 of 366 days: 100 x 184/366 = 50.273, 200 x 184/366 = 100.546, 480 x 184/366 = 241.3
        (2024, 184, 242, ["50.27", "50.27", "100.55", "0.00", "201.09"]),
        (2025, 365, 480, ["100.00", "100.00", "200.00", "0.00", "400.00"]),
        (2028, 366, 480, ["100.00", "100.00", "200.00", "0.00", "400.00"]),
        # What 2024 left: 500 - 450.27, 1000 - 900.55; 480 x 182/366 = 238.7
        (2029, 181, 239, ["49.73", "49.73", "99.45", "0.00", "198.91"]),
    ],
)
def test_who_joins_in_the_middle_of_a_year_pays_its_days_and_the_last_year_what_is_left(
    year: int, days: int, included: int, owed: list[str]
) -> None:
    one = fees.statement(contract(date(2024, 7, 1), date(2029, 6, 30)), year, [])
    assert (one.days, one.included_minutes, amounts(one)) == (days, included, owed)


def test_after_a_change_of_tier_each_day_costs_what_its_own_tier_does() -> None:
    changed = contract(FIRST, LAST, (FIRST, 1), (date(2026, 4, 1), 4))
    # 90 of 365 days at 100 a year, 275 at 120: 24.658 + 90.411 = 115.069
    assert amounts(fees.statement(changed, 2026, [])) == ["115.07", "100.00", "200.00", "0.00", "415.07"]
    assert [fees.statement(changed, year, []).tiers for year in (2025, 2026, 2027)] == [(1,), (1, 4), (4,)]


@pytest.mark.parametrize(
    ("minutes", "beyond"),
    [(0, "0.00"), (479, "0.00"), (480, "0.00"), (481, "0.67"), (482, "1.33"), (483, "2.00"), (540, "40.00")],
)
def test_eight_hours_are_included_and_each_minute_beyond_costs_a_sixtieth_of_40_euros(
    minutes: int, beyond: str
) -> None:
    assert str(fees.statement(contract(), 2025, worked(minutes)).beyond) == beyond


def test_minutes_beyond_are_rounded_once_for_the_year() -> None:
    minute_by_minute = [Intervention(n, date(2025, 1, 1), "A", 1, "x") for n in range(1, 484)]
    assert str(fees.statement(contract(), 2025, minute_by_minute).beyond) == "2.00"


def test_what_is_not_used_is_not_carried_over() -> None:
    assert str(fees.statement(contract(), 2026, worked(540, date(2026, 5, 4))).beyond) == "40.00"


def test_interventions_stand_in_the_statement_of_their_own_year_by_day() -> None:
    log = [
        Intervention(1, date(2025, 12, 31), "A", 10, "x"),
        Intervention(2, date(2026, 1, 1), "A", 20, "y"),
        Intervention(3, date(2025, 1, 1), "A", 30, "z"),
    ]
    one = fees.statement(contract(), 2025, log)
    assert ([i.entry for i in one.interventions], one.worked_minutes) == ([3, 1], 40)


@given(
    first=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    years=st.integers(1, 10),
    tier=st.sampled_from([1, 4, 10]),
)
def test_the_years_of_a_contract_add_up_to_its_price(first: date, years: int, tier: int) -> None:
    try:
        last = first.replace(year=first.year + years) - timedelta(days=1)
    except ValueError:
        last = date(first.year + years, 2, 28)
    term = contract(first, last, tier=tier)
    statements = [fees.statement(term, year, []) for year in range(first.year, last.year + 1)]
    flat = {1: 500, 4: 600, 10: 1000}[tier]
    assert sum(one.flat for one in statements) == Decimal(flat * years) / 5
    assert sum(one.software for one in statements) == 100 * years
    assert sum(one.support for one in statements) == 200 * years
    assert sum(one.days for one in statements) == (last - first).days + 1
    assert all(amount >= 0 for one in statements for amount in (one.flat, one.software, one.support))


@given(changes=st.lists(st.tuples(st.dates(date(2024, 1, 2), LAST), st.sampled_from([1, 4, 10])), max_size=4))
def test_changes_of_tier_cost_no_less_than_the_smallest_and_no_more_than_the_largest(
    changes: list[tuple[date, int]],
) -> None:
    tiers = [(FIRST, 4), *sorted(dict(changes).items())]
    flat = sum(fees.statement(contract(FIRST, LAST, *tiers), year, []).flat for year in range(2024, 2029))
    prices = [{1: 500, 4: 600, 10: 1000}[tb] for _day, tb in tiers]
    assert min(prices) <= flat <= max(prices)


def test_the_totals_of_the_service_are_the_sums_of_the_statements() -> None:
    two = [fees.statement(contract(tier=tier), 2025, worked(540)) for tier in (1, 10)]
    found = {part: str(amount) for part, amount in fees.totals(two).items()}
    assert found == {
        "flat": "300.00",
        "software": "200.00",
        "support": "400.00",
        "beyond": "80.00",
        "total": "980.00",
    }
    assert set(fees.totals([]).values()) == {Decimal(0)}


SETTINGS = {
    "slug": "saint-exemple",
    "name": "Saint-Exemple-sur-Noye",
    "tier": 4,
    "contract": {"start": "2024-01-01", "end": "2028-12-31"},
}


def test_the_tiers_come_from_the_communes_file() -> None:
    earlier = {"earlier_tiers": [{"tier": 1, "until": "2026-03-31"}]}
    found = Contract.from_settings({**SETTINGS, "contract": {**SETTINGS["contract"], **earlier}})
    assert found.tiers == ((FIRST, 1), (date(2026, 4, 1), 4))
    assert Contract.from_settings(SETTINGS).tiers == ((FIRST, 4),)


@pytest.mark.parametrize("until", ["2023-12-31", "2028-12-31", "2031-01-01"])
def test_a_tier_that_ends_outside_the_term_is_refused_by_its_field(until: str) -> None:
    wrong = {**SETTINGS["contract"], "earlier_tiers": [{"tier": 1, "until": until}]}
    with pytest.raises(InputError, match=rf"saint-exemple: contract\.earlier_tiers\[0\]\.until: '{until}'"):
        Contract.from_settings({**SETTINGS, "contract": wrong})


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2027, 12, 31), None),
        (date(2028, 1, 1), "within 12 months"),
        (date(2028, 7, 1), "within 6 months"),
        (date(2028, 10, 1), "within 3 months"),
        (date(2028, 12, 31), "within 3 months"),
        (date(2029, 1, 1), "ended on 2028-12-31"),
    ],
)
def test_the_end_of_the_term_is_announced_twelve_six_and_three_months_before(
    today: date, said: str | None
) -> None:
    found = fees.term_warnings(contract(), today)
    assert found == [] if said is None else (len(found) == 1 and said in found[0])
