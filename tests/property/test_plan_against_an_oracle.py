# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`plan` against an oracle written from the words of "Retention, exactly".

The oracle shares nothing with the code: whole seconds instead of datetimes, the European rule for summer time
instead of a zone's data, "is there a better one?" asked of every pair instead of one pass over columns, dates
found by counting days. A case goes the whole way, from the bytes of a receipts file to decisions.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import FixedOpenDays
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.retention import EVERYTHING, Plan, plan
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.whatif import Receipts

# Measuring coverage would double the time of 20 000 cases; the unit tests reach the same lines.
pytestmark = pytest.mark.no_cover

MINUTE, HOUR, DAY = 60, 3600, 86400
EPOCH = date(1970, 1, 1)


class Row(NamedTuple):
    """A receipt as the oracle sees it: seconds since 1970."""

    series: str
    received: int
    claimed: int
    offset: int
    outcome: str


class Case(NamedTuple):
    rows: list[Row]
    open_days: set[date]
    numbers: dict[str, int]
    now: int
    held: set[str]


@cache
def _summer(year: int) -> tuple[int, int]:
    """From the last Sunday of March to that of October, at 01:00 UTC (directive 2000/84/EC)."""
    bounds = []
    for month in (3, 10):
        day = date(year, month, 31)
        while day.strftime("%A") != "Sunday":
            day -= timedelta(days=1)
        bounds.append((day - EPOCH).days * DAY + HOUR)
    return bounds[0], bounds[1]


def town_hall_day(second: int) -> date:
    begin, end = _summer((EPOCH + timedelta(days=second // DAY)).year)
    return EPOCH + timedelta(days=(second + (2 if begin <= second < end else 1) * HOUR) // DAY)


@cache
def anniversary(day: date, months: int) -> date:
    """The last day that is not later in its month than `day` is, of the month that many months on."""
    found, probe, passed = day, day, 0
    while passed <= months:
        probe += timedelta(days=1)
        if probe.day == 1:
            passed += 1
        if passed == months and probe.day <= day.day:
            found = probe
    return found


class Verdict(NamedTuple):
    action: str
    until: date | None
    kinds: frozenset[str]


def judge(case: Case) -> tuple[list[Verdict], set[str]]:
    """Verdicts in order, and the series with which the plan is too bold."""
    rows, n = case.rows, case.numbers
    today = town_hall_day(case.now)
    believed = [
        row.claimed <= row.received + n["claimed_ahead_minutes"] * MINUTE
        and row.claimed >= row.received - n["claimed_behind_hours"] * HOUR
        for row in rows
    ]
    day = [town_hall_day(row.claimed) for row in rows]
    newest = max((row.received for row in rows), default=case.now)
    clock_wrong = not (
        newest - n["clock_back_minutes"] * MINUTE <= case.now <= newest + n["clock_idle_days"] * DAY
    )

    counted = {
        series: [i for i, row in enumerate(rows) if row.series == series and believed[i]]
        for series in {row.series for row in rows}
    }
    fine = {series: [i for i in mine if rows[i].outcome == "ok"] for series, mine in counted.items()}

    def better(i: int, j: int) -> bool:
        """Whether i is a better full for their month than j."""
        goodness = {"ok": 2, "partial": 1, "failed": 0}
        if goodness[rows[i].outcome] != goodness[rows[j].outcome]:
            return goodness[rows[i].outcome] > goodness[rows[j].outcome]
        if (day[i] in case.open_days) != (day[j] in case.open_days):
            return day[i] in case.open_days
        return i < j

    def is_full(i: int) -> bool:
        return not any(
            better(j, i)
            for j in counted[rows[i].series]
            if j != i and (day[j].year, day[j].month) == (day[i].year, day[i].month)
        )

    def stalled(series: str) -> bool:
        if not fine[series]:
            return True
        between = [d for d in case.open_days if day[fine[series][-1]] < d < today]
        return len(between) > n["stalled_open_days"]

    silent = {series: stalled(series) for series in counted}

    verdicts = []
    for i, row in enumerate(rows):
        if not believed[i]:
            verdicts.append(Verdict("quarantine", None, frozenset()))
            continue
        ends = {"other": day[i] + timedelta(days=n["other_days"])}
        if is_full(i):
            ends["full"] = anniversary(day[i], n["full_months"])
        kinds = {kind for kind, end in ends.items() if today <= end}
        if i in fine[row.series][-n["floor_snapshots"] :]:
            kinds.add("floor")
        if row.series in case.held or EVERYTHING in case.held:
            kinds.add("hold")
        if silent[row.series]:
            kinds.add("stalled")
        if clock_wrong:
            kinds.add("clock")
        last = max(ends.values())
        until = None if kinds and last < today else last
        verdicts.append(Verdict("keep" if kinds else "remove", until, frozenset(kinds)))

    bold = set()
    for series, mine in counted.items():
        gone = [i for i in mine if verdicts[i].action == "remove"]
        if len(gone) > len(mine) * n["removal_percent"] / 100 or len(gone) > n["removal_count"]:
            bold.add(series)
    return verdicts, bold


# Where days are odd: both clock changes, 29 February, the 31st, the turn of a year and of a month.
BASES = [
    int(datetime.fromisoformat(text).timestamp())
    for text in (
        "2026-03-28T22:59:00+01:00",
        "2025-10-25T23:30:00+02:00",
        "2024-02-28T12:00:00+01:00",
        "2024-02-29T23:59:59+01:00",
        "2026-01-30T08:00:00+01:00",
        "2025-12-31T23:59:30+01:00",
        "2026-06-15T12:00:00+02:00",
    )
]
# Below 0: a clock that was put right.
GAPS = [
    0,
    1,
    -HOUR,
    -40 * DAY,
    HOUR,
    DAY,
    DAY,
    DAY,
    2 * DAY,
    3 * DAY,
    13 * DAY,
    15 * DAY,
    28 * DAY,
    31 * DAY,
    200 * DAY,
]
CLAIMS = [
    *[0] * 12,
    -5 * MINUTE,
    -12 * HOUR,
    -DAY,
    -36 * HOUR,
    -36 * HOUR - 1,
    -36 * HOUR + 1,
    15 * MINUTE,
    15 * MINUTE + 1,
    30 * DAY,
    -400 * DAY,
]
OFFSETS = [0, HOUR, 2 * HOUR, -10 * HOUR, 14 * HOUR]
SINCE = [
    *[0] * 6,
    HOUR,
    HOUR,
    DAY,
    DAY,
    3 * DAY,
    4 * DAY,
    7 * DAY,
    7 * DAY + 1,
    -15 * MINUTE,
    -15 * MINUTE - 1,
    3653 * DAY,
    -3653 * DAY,
]
DEFAULTS = Policy().as_mapping()
OTHER_NUMBERS = {
    "full_months": [1, 2, 11, 13, 24],
    "other_days": [0, 1, 13, 15, 40],
    "floor_snapshots": [1, 2, 5],
    "claimed_ahead_minutes": [0, 60],
    "claimed_behind_hours": [0, 24, 72],
    "stalled_open_days": [0, 1, 10, 3660],
    "clock_back_minutes": [0, 1440],
    "clock_idle_days": [0, 30, 3660],
    "removal_percent": [0, 10, 90, 100],
    "removal_count": [0, 2, 1000],
}

# A run of receipts: so many, each that long after the one before, all alike.
runs = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 2, 5, 20]),
        st.sampled_from(GAPS),
        st.sampled_from(["a", "a", "a", "b"]),
        st.sampled_from(CLAIMS),
        st.sampled_from(OFFSETS),
        st.sampled_from(["ok", "ok", "ok", "ok", "partial", "failed"]),
    ),
    max_size=12,
)


QUIET_DAYS = st.sampled_from([0, 0, 5, 20, 30, 45])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    clock = draw(st.sampled_from(BASES))
    # Days of a quiet life before: without them few cases have anything to remove.
    rows = [Row("a", clock + n * DAY, clock + n * DAY, HOUR, "ok") for n in range(draw(QUIET_DAYS))]
    clock = rows[-1].received if rows else clock
    for count, gap, series, claim, offset, outcome in draw(runs):
        for _ in range(count):
            clock += gap
            rows.append(Row(series, clock, clock + claim, offset, outcome))
    now = clock + draw(st.sampled_from(SINCE))
    weekdays = draw(st.sampled_from([{0, 1, 2, 3, 4}, {0, 3}, {5}, set(), set(), set(range(7))]))
    odd_ones = draw(st.sets(st.integers(0, 60), max_size=4))
    numbers = dict(DEFAULTS)
    for name in draw(st.sets(st.sampled_from(sorted(OTHER_NUMBERS)), max_size=2)):
        numbers[name] = draw(st.sampled_from(OTHER_NUMBERS[name]))
    held = draw(st.sampled_from([set()] * 18 + [{"a"}, {EVERYTHING}]))
    return Case(rows, _open_days(rows, now, weekdays, odd_ones), numbers, now, held)


def _open_days(rows: list[Row], now: int, weekdays: set[int], odd_ones: set[int]) -> set[date]:
    seconds = [now, *(row.received for row in rows)]
    first, last = min(seconds) // DAY - 3, max(seconds) // DAY + 3
    every = [EPOCH + timedelta(days=n) for n in range(max(first, last - 1200), last)]
    days = {day for day in every if day.weekday() in weekdays}
    # Days before today that do not follow the week: closures and extra days.
    return days ^ {EPOCH + timedelta(days=now // DAY - n) for n in odd_ones}


def written(rows: list[Row]) -> bytes:
    lines = []
    for number, row in enumerate(rows):
        zone = timezone(timedelta(seconds=row.offset))
        receipt = {
            "id": f"s{number}",
            "series": row.series,
            "received_at": datetime.fromtimestamp(row.received, UTC).isoformat(),
            "claimed_at": datetime.fromtimestamp(row.claimed, zone).isoformat(),
            "kind": "full" if number % 2 else "incremental",
            "outcome": row.outcome,
        }
        lines.append(json.dumps(receipt) + "\n")
    return "".join(lines).encode()


def answered(case: Case, rows: list[Row] | None = None, **more: Any) -> Plan:
    data = io.BytesIO(written(case.rows if rows is None else rows))
    policy = Policy.from_mapping(case.numbers)
    holds = dict.fromkeys(case.held, "incident")
    now = datetime.fromtimestamp(case.now, UTC)
    history = Receipts(data, "receipts")
    return plan(history, FixedOpenDays(case.open_days), policy, now, holds=holds, **more)


def kinds_of(reasons: list[str]) -> frozenset[str]:
    names = {"the full of": "full", "kept": "other"}
    return frozenset(
        next((kind for start, kind in names.items() if reason.startswith(start)), reason.partition(":")[0])
        for reason in reasons
    )


# The other properties follow from the oracle's; they name what must hold, with fewer cases.
FEWER = settings(max_examples=settings.default.max_examples // 20)


@given(cases())
def test_the_plan_is_the_one_the_design_s_words_ask_for(case: Case) -> None:
    answer = answered(case)
    verdicts, bold = judge(case)
    decisions = list(answer.decisions())
    assert [(d.action, d.until) for d in decisions] == [(v.action, v.until) for v in verdicts]
    for decision, verdict in zip(decisions, verdicts, strict=True):
        if decision.action == "keep":
            assert kinds_of(decision.reasons) == verdict.kinds
        assert decision.reasons
    assert (answer.refused is not None) == bool(bold)
    assert all((f" snapshots of {series!r}" in str(answer.refused)) == (series in bold) for series in "ab")
    assert answer.removals() == [d.id for d in decisions if d.action == "remove"]
    assert answer.quarantined() == [d.id for d in decisions if d.action == "quarantine"]
    event(f"removes: {bool(answer.removals())}, refused: {bool(bold)}")


@FEWER
@given(cases())
def test_confirming_the_very_plan_changes_its_refusal_and_nothing_else(case: Case) -> None:
    asked = answered(case)
    confirmed = answered(case, confirmed=asked.plan_hash)
    assert confirmed.refused is None
    assert list(confirmed.decisions()) == list(asked.decisions())
    assert confirmed.plan_hash == asked.plan_hash


@FEWER
@given(cases())
def test_what_the_series_beside_it_holds_changes_nothing_for_a_series(case: Case) -> None:
    newest = max((row.received for row in case.rows), default=case.now)
    alone = answered(
        case,
        rows=[row for row in case.rows if row.series == "a"],
        newest_entry=datetime.fromtimestamp(newest, UTC),
    )
    together = [d for d in answered(case).decisions() if d.series == "a"]
    assert [(d.action, d.until) for d in alone.decisions()] == [(d.action, d.until) for d in together]


@FEWER
@given(cases(), st.sampled_from(CLAIMS), st.sampled_from(["ok", "partial", "failed"]))
def test_no_later_receipt_takes_from_a_month_its_full_of_an_open_day(
    case: Case, claim: int, outcome: str
) -> None:
    """Attack B: a forged claimed time, plausible or not, displaces nothing."""

    def fulls(answer: Plan) -> set[str]:
        return {
            d.id
            for d in answer.decisions()
            if d.action == "keep" and d.reasons[0].startswith("the full of") and "(" not in d.reasons[0]
        }

    received = max([case.now, *(row.received for row in case.rows)])
    forged = Row("a", received, received + claim, 0, outcome)
    asked = case._replace(now=received)
    assert fulls(answered(asked)) <= fulls(answered(asked, rows=[*case.rows, forged]))


@FEWER
@given(
    cases(),
    st.integers(0, 60),
    st.sampled_from(["a", "b"]),
    st.sampled_from([2 * DAY, 30 * DAY, 366 * DAY, 3653 * DAY]),
    st.sampled_from(CLAIMS),
    st.sampled_from(["ok", "ok", "partial"]),
)
def test_a_receipt_of_a_wrong_clock_removes_nothing_once_a_person_trusts_the_clock_again(
    case: Case, place: int, series: str, ahead: int, claim: int, outcome: str
) -> None:
    """Whatever the client claimed meanwhile: without that receipt the plan would remove as much."""
    now = max([case.now, *(row.received for row in case.rows)])
    place = min(place, len(case.rows))
    wrong = Row(series, now + ahead, now + ahead + claim, 0, outcome)
    rows = [*case.rows[:place], wrong, *case.rows[place:]]
    trusted = {"newest_entry": datetime.fromtimestamp(now, UTC)}
    asked = case._replace(now=now)
    with_it, without = answered(asked, rows=rows, **trusted), answered(asked, **trusted)
    numbers = [int(name[1:]) for name in with_it.removals()]
    assert place not in numbers
    assert [f"s{number - (number > place)}" for number in numbers] == without.removals()
    assert (with_it.refused is None) == (without.refused is None)
    assert f"s{place}" in with_it.quarantined()
