# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nine rules of "Retention, exactly", one by one, and what follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import FixedOpenDays
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.retention import (
    EVERYTHING,
    Decision,
    DuplicateSnapshotError,
    Plan,
    Snapshot,
    plan,
    snapshots_of,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.rules import same_day_later

# The blast radius is judged in its own tests: elsewhere it would only add a sentence.
POLICY = Policy()


def at(text: str) -> datetime:
    """An instant: the time of day defaults to noon in France's winter."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T12:00:00+01:00")


def taken(
    name: str, when: str, outcome: str = "ok", series: str = "accueil", claimed: str | None = ""
) -> Snapshot:
    """A snapshot received at `when`, claimed for the same instant unless said otherwise."""
    received = at(when)
    return Snapshot(name, series, received, received if claimed == "" else claimed and at(claimed), outcome)


def daily(first: str, last: str, series: str = "accueil") -> list[Snapshot]:
    """An ok snapshot at noon of each day, named by its date."""
    start, days = date.fromisoformat(first), (date.fromisoformat(last) - date.fromisoformat(first)).days
    names = [(start + timedelta(days=n)).isoformat() for n in range(days + 1)]
    return [taken(name if series == "accueil" else f"{series} {name}", name, series=series) for name in names]


def every_day(first: str = "2020-01-01", last: str = "2030-12-31") -> FixedOpenDays:
    start, days = date.fromisoformat(first), (date.fromisoformat(last) - date.fromisoformat(first)).days
    return FixedOpenDays(start + timedelta(days=n) for n in range(days + 1))


NEVER = FixedOpenDays([])


def decided(*args: object, **kwargs: object) -> dict[str, Decision]:
    return {decision.id: decision for decision in plan(*args, **kwargs).decisions()}  # type: ignore[arg-type]


def kept(answer: Plan) -> list[str]:
    return [decision.id for decision in answer.decisions() if decision.action == "keep"]


class TestRule1TheDayOfASnapshot:
    @pytest.mark.parametrize(
        ("claimed", "believed"),
        [
            ("2026-03-10T12:15:00+01:00", True),
            ("2026-03-10T12:15:00.000001+01:00", False),
            ("2026-03-09T00:00:00+01:00", True),
            ("2026-03-08T23:59:59.999999+01:00", False),
            ("2026-03-10T12:00:00+14:00", True),
            ("2036-03-10T12:00:00+01:00", False),
            ("0001-01-01T00:00:00+14:00", False),
            ("9999-12-31T23:59:59-14:00", False),
        ],
    )
    def test_a_claimed_time_is_believed_from_36_h_before_to_15_min_after_its_receipt_inclusive(
        self, claimed: str, believed: bool
    ) -> None:
        answer = decided([taken("a", "2026-03-10", claimed=claimed)], every_day(), POLICY, at("2026-03-10"))
        assert answer["a"].action == ("keep" if believed else "quarantine")

    def test_a_claimed_time_that_cannot_be_read_is_quarantined(self) -> None:
        answer = decided([taken("a", "2026-03-10", claimed=None)], every_day(), POLICY, at("2026-03-10"))
        assert answer["a"] == Decision(
            "a", "accueil", "quarantine", ["claimed_at cannot be read as a time"], None
        )

    def test_the_reasons_say_which_bound_was_passed(self) -> None:
        history = [
            taken("early", "2026-03-10", claimed="2026-03-01"),
            taken("late", "2026-03-10", claimed="2026-03-11"),
        ]
        answer = decided(history, every_day(), POLICY, at("2026-03-10"))
        received = "received_at 2026-03-10T12:00:00+01:00"
        assert answer["early"].reasons == [
            f"claimed_at 2026-03-01T12:00:00+01:00 is more than 36 h before {received}"
        ]
        assert answer["late"].reasons == [
            f"claimed_at 2026-03-11T12:00:00+01:00 is more than 15 min after {received}"
        ]

    def test_a_quarantined_snapshot_is_never_removed_and_never_counted(self) -> None:
        forged = [taken(f"forged {n}", "2026-03-01", claimed="2020-01-01") for n in range(100)]
        answer = plan([*forged, *daily("2026-03-01", "2026-03-20")], every_day(), POLICY, at("2026-03-20"))
        assert answer.quarantined() == [snapshot.id for snapshot in forged]
        # 2026-03-01 is the month's full; of the 19 others those of 2 to 5 March are past their 14 days.
        assert answer.removals() == ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
        assert answer.refused is None

    def test_quarantined_snapshots_do_not_widen_the_blast_radius(self) -> None:
        forged = [taken(f"forged {n}", "2026-03-01", claimed="2020-01-01") for n in range(1000)]
        history = [*forged, *daily("2026-03-01", "2026-03-10"), *daily("2026-04-01", "2026-04-03")]
        answer = plan(history, every_day(), POLICY, at("2026-04-03"))
        assert len(answer.removals()) == 9
        assert answer.refused is not None
        assert "9 of the 13 snapshots" in answer.refused

    def test_the_day_is_that_of_paris_and_not_that_of_the_offset_it_is_written_with(self) -> None:
        history = [
            taken("winter", "2026-02-28T23:30:00Z", claimed="2026-02-28T23:30:00Z"),
            taken("summer", "2026-07-31T22:00:00Z", claimed="2026-07-31T12:00:00-10:00"),
        ]
        answer = decided(history, every_day(), POLICY, at("2026-08-01"))
        assert answer["winter"].until == date(2027, 3, 1)
        assert answer["summer"].until == date(2027, 8, 1)

    @pytest.mark.parametrize(
        ("instant", "full_until"),
        [
            ("2026-03-28T22:59:59Z", date(2027, 3, 28)),  # winter: UTC+1
            ("2026-03-28T23:00:00Z", date(2027, 3, 29)),
            ("2026-03-29T21:59:59Z", date(2027, 3, 29)),  # summer since 01:00 UTC: UTC+2
            ("2026-03-29T22:00:00Z", date(2027, 3, 30)),
            ("2026-10-24T21:59:59Z", date(2027, 10, 24)),
            ("2026-10-24T22:00:00Z", date(2027, 10, 25)),
            ("2026-10-25T22:59:59Z", date(2027, 10, 25)),  # winter since 01:00 UTC
            ("2026-10-25T23:00:00Z", date(2027, 10, 26)),
        ],
    )
    def test_the_day_changes_at_midnight_of_paris_on_both_sides_of_a_clock_change(
        self, instant: str, full_until: date
    ) -> None:
        answer = decided([taken("a", instant)], every_day(), POLICY, at(instant))
        assert answer["a"].until == full_until

    def test_an_act_of_the_ledger_can_quarantine_what_a_plan_would_believe(self) -> None:
        answer = plan(
            daily("2026-03-01", "2026-03-02"),
            every_day(),
            POLICY,
            at("2026-03-02"),
            quarantined={"2026-03-01"},
        )
        first, second = answer.decisions()
        assert first == Decision(
            "2026-03-01", "accueil", "quarantine", ["quarantined by an act of the ledger"], None
        )
        assert second.reasons[0].startswith("the full of 2026-03,")


class TestRule2TheFullOfTheMonth:
    def test_it_is_the_earliest_ok_receipt_on_an_open_day_in_ledger_order(self) -> None:
        history = [
            taken("first in the ledger", "2026-03-05T12:00:00+01:00"),
            taken("earlier by its claim", "2026-03-05T12:10:00+01:00", claimed="2026-03-04"),
        ]
        answer = decided(history, every_day(), POLICY, at("2026-03-05"))
        assert answer["first in the ledger"].until == date(2027, 3, 5)
        assert answer["earlier by its claim"].until == date(2026, 3, 18)

    def test_it_is_kept_to_the_same_day_12_months_later_inclusive(self) -> None:
        history = [taken("full", "2025-03-05"), *daily("2026-03-01", "2026-03-06")]
        assert decided(history, every_day(), POLICY, at("2026-03-05"))["full"].action == "keep"
        gone = decided(history, every_day(), POLICY, at("2026-03-06"))["full"]
        assert gone == Decision(
            "full",
            "accueil",
            "remove",
            ["ended: the full of 2025-03, kept 12 months, to 2026-03-05 inclusive"],
            date(2026, 3, 5),
        )

    def test_from_29_february_it_is_kept_to_28_february(self) -> None:
        history = [taken("leap", "2024-02-29"), *daily("2025-02-24", "2025-03-01")]
        answer = decided(history, every_day(), POLICY, at("2025-02-28"))
        assert (answer["leap"].action, answer["leap"].until) == ("keep", date(2025, 2, 28))
        assert decided(history, every_day(), POLICY, at("2025-03-01"))["leap"].action == "remove"

    def test_from_28_february_of_a_year_before_a_leap_year_it_is_kept_to_28_february(self) -> None:
        answer = decided([taken("a", "2023-02-28")], every_day(), POLICY, at("2023-02-28"))
        assert answer["a"].until == date(2024, 2, 28)

    def test_from_the_31st_it_is_kept_to_the_31st(self) -> None:
        answer = decided([taken("a", "2026-01-31")], every_day(), POLICY, at("2026-01-31"))
        assert answer["a"].until == date(2027, 1, 31)

    def test_each_month_has_its_own(self) -> None:
        answer = decided(daily("2026-01-30", "2026-02-02"), every_day(), POLICY, at("2026-02-02"))
        assert [answer[name].until for name in answer] == [
            date(2027, 1, 30),
            date(2026, 2, 14),
            date(2027, 2, 1),
            date(2026, 2, 16),
        ]

    def test_the_same_month_of_another_year_is_another_month(self) -> None:
        history = [taken("2025", "2025-03-05"), taken("2026", "2026-03-04")]
        answer = decided(history, every_day(), POLICY, at("2026-03-04"))
        assert answer["2025"].until == date(2026, 3, 5)
        assert answer["2026"].until == date(2027, 3, 4)

    def test_where_the_month_has_none_on_an_open_day_the_earliest_ok_one_stands_in(self) -> None:
        answer = decided(daily("2026-03-07", "2026-03-08"), NEVER, POLICY, at("2026-03-08"))
        assert answer["2026-03-07"].until == date(2027, 3, 7)
        assert answer["2026-03-07"].reasons[0] == (
            "the full of 2026-03 (stands in: no ok one on an open day),"
            " kept 12 months, to 2027-03-07 inclusive"
        )
        assert answer["2026-03-08"].until == date(2026, 3, 22)

    def test_one_of_an_open_day_displaces_the_one_that_stands_in(self) -> None:
        answer = decided(
            daily("2026-03-07", "2026-03-09"), FixedOpenDays([date(2026, 3, 9)]), POLICY, at("2026-03-09")
        )
        assert answer["2026-03-07"].until == date(2026, 3, 21)
        assert answer["2026-03-09"].until == date(2027, 3, 9)
        assert (
            answer["2026-03-09"].reasons[0] == "the full of 2026-03, kept 12 months, to 2027-03-09 inclusive"
        )

    def test_a_later_receipt_never_displaces_one_of_an_open_day(self) -> None:
        before = decided(daily("2026-03-02", "2026-03-03"), every_day(), POLICY, at("2026-03-03"))
        forged = [
            taken(f"forged {n}", f"2026-03-{n:02}T20:00:00+01:00", claimed=f"2026-03-{n - 1:02}")
            for n in range(4, 30)
        ]
        after = decided(
            [*daily("2026-03-02", "2026-03-03"), *forged],
            every_day(),
            POLICY,
            at("2026-03-29T20:00:00+01:00"),
        )
        assert before["2026-03-02"].until == after["2026-03-02"].until == date(2027, 3, 2)
        assert after["2026-03-02"].action == "keep"

    def test_every_month_of_a_year_keeps_its_full_at_the_year_s_end(self) -> None:
        answer = plan(daily("2025-01-01", "2025-12-31"), every_day(), POLICY, at("2025-12-31"))
        fulls = [f"2025-{month:02}-01" for month in range(1, 13)]
        assert kept(answer)[:11] == fulls[:11]
        assert set(fulls) <= set(kept(answer))
        assert len(kept(answer)) == 11 + 1 + 15


class TestRule3EveryOtherSnapshot:
    def test_it_is_kept_14_days_after_its_day_inclusive(self) -> None:
        history = daily("2026-03-01", "2026-03-20")
        assert decided(history, every_day(), POLICY, at("2026-03-20"))["2026-03-06"] == Decision(
            "2026-03-06",
            "accueil",
            "keep",
            ["kept 14 days after 2026-03-06, to 2026-03-20 inclusive"],
            date(2026, 3, 20),
        )
        assert decided(history, every_day(), POLICY, at("2026-03-21"))["2026-03-06"] == Decision(
            "2026-03-06",
            "accueil",
            "remove",
            [
                "ended: kept 14 days after 2026-03-06, to 2026-03-20 inclusive",
                "the full of 2026-03 is 2026-03-01",
            ],
            date(2026, 3, 20),
        )

    def test_today_begins_at_midnight_of_paris(self) -> None:
        history = daily("2026-03-01", "2026-03-20")
        before = decided(history, every_day(), POLICY, at("2026-03-20T22:59:59Z"))["2026-03-06"]
        after = decided(history, every_day(), POLICY, at("2026-03-20T23:00:00Z"))["2026-03-06"]
        assert (before.action, after.action) == ("keep", "remove")

    @pytest.mark.parametrize("outcome", ["partial", "failed"])
    def test_one_that_is_not_ok_lives_14_days_too(self, outcome: str) -> None:
        history = [
            taken("full", "2026-03-01"),
            taken("a", "2026-03-02", outcome),
            *daily("2026-03-10", "2026-03-17"),
        ]
        assert decided(history, every_day(), POLICY, at("2026-03-16"))["a"].action == "keep"
        assert decided(history, every_day(), POLICY, at("2026-03-17"))["a"].action == "remove"

    @pytest.mark.parametrize(
        ("outcome", "opening", "standing"),
        [
            ("partial", every_day(), "(partial: the month has nothing better)"),
            ("partial", NEVER, "(partial, on a closed day: the month has nothing better)"),
            ("failed", every_day(), "(failed: the month has nothing better)"),
            ("failed", NEVER, "(failed, on a closed day: the month has nothing better)"),
        ],
    )
    def test_one_that_is_not_ok_is_the_month_s_full_while_the_month_has_nothing_better(
        self, outcome: str, opening: FixedOpenDays, standing: str
    ) -> None:
        answer = decided([taken("a", "2026-03-02", outcome)], opening, POLICY, at("2026-03-02"))
        assert answer["a"].until == date(2027, 3, 2)
        assert (
            answer["a"].reasons[0]
            == f"the full of 2026-03 {standing}, kept 12 months, to 2027-03-02 inclusive"
        )

    def test_better_is_any_ok_one_even_of_a_closed_day(self) -> None:
        history = [taken("partial", "2026-03-02", "partial"), taken("ok", "2026-03-07")]
        answer = decided(history, FixedOpenDays([date(2026, 3, 2)]), POLICY, at("2026-03-07"))
        assert answer["ok"].until == date(2027, 3, 7)
        assert answer["partial"].until == date(2026, 3, 16)

    @pytest.mark.parametrize(
        ("worse", "better"),
        [("failed", "partial"), ("failed", "ok"), ("partial", "ok")],
    )
    @pytest.mark.parametrize("opening", [every_day(), NEVER, FixedOpenDays([date(2026, 3, 2)])])
    def test_the_better_outcome_is_the_full_whichever_comes_first_and_whatever_day_is_open(
        self, worse: str, better: str, opening: FixedOpenDays
    ) -> None:
        for order in ([worse, better], [better, worse]):
            history = [taken(order[0], "2026-03-02", order[0]), taken(order[1], "2026-03-03", order[1])]
            answer = decided(history, opening, POLICY, at("2026-03-03"))
            assert answer[better].until is not None
            assert answer[better].until.year == 2027
            assert answer[worse].until is not None
            assert answer[worse].until.year == 2026


class TestRule4TheFloor:
    def test_the_newest_3_ok_ones_of_a_series_are_never_removed(self) -> None:
        history = daily("2026-01-01", "2026-01-10")
        answer = plan(history, NEVER, POLICY, at("2026-02-10"), newest_entry=at("2026-02-10"))
        assert kept(answer) == ["2026-01-01", "2026-01-08", "2026-01-09", "2026-01-10"]
        last = list(answer.decisions())[-1]
        assert last.reasons == ["floor: one of the newest 3 ok snapshots of its series"]
        assert last.until is None

    def test_newest_is_by_ledger_order_and_not_by_claimed_time(self) -> None:
        history = [
            taken("full", "2026-01-01"),
            taken("1", "2026-01-10T12:00:00+01:00"),
            taken("2", "2026-01-10T12:01:00+01:00", claimed="2026-01-09"),
            taken("3", "2026-01-10T12:02:00+01:00", claimed="2026-01-09"),
            taken("4", "2026-01-10T12:03:00+01:00", claimed="2026-01-09"),
        ]
        answer = plan(history, NEVER, POLICY, at("2026-02-10"), newest_entry=at("2026-02-10"))
        assert answer.removals() == ["1"]

    def test_neither_partial_nor_failed_nor_quarantined_ones_take_a_place_on_the_floor(self) -> None:
        others = [
            taken("partial", "2026-01-11", "partial"),
            taken("failed", "2026-01-11", "failed"),
            taken("forged", "2026-01-11", claimed="2026-02-01"),
        ]
        answer = plan(
            [*daily("2026-01-01", "2026-01-10"), *others],
            NEVER,
            POLICY,
            at("2026-02-10"),
            newest_entry=at("2026-02-10"),
        )
        assert kept(answer) == ["2026-01-01", "2026-01-08", "2026-01-09", "2026-01-10"]

    def test_each_series_has_its_own(self) -> None:
        history = [
            *daily("2026-01-01", "2026-01-05"),
            *daily("2026-01-01", "2026-01-05", series="etat-civil"),
        ]
        answer = plan(history, NEVER, POLICY, at("2026-02-10"), newest_entry=at("2026-02-10"))
        assert answer.removals() == ["2026-01-02", "etat-civil 2026-01-02"]


class TestRule5Hold:
    def test_while_a_hold_covers_the_series_nothing_of_it_is_removed(self) -> None:
        history = [
            *daily("2026-01-01", "2026-01-20"),
            *daily("2026-01-01", "2026-01-20", series="etat-civil"),
        ]
        answer = plan(
            history, every_day(), POLICY, at("2026-01-20"), holds={"accueil": "incident of 20 January"}
        )
        assert answer.removals() == [f"etat-civil 2026-01-0{n}" for n in range(2, 6)]
        by_id = {decision.id: decision for decision in answer.decisions()}
        assert by_id["2026-01-02"].reasons == ["hold: incident of 20 January"]
        assert by_id["2026-01-02"].until is None
        assert by_id["2026-01-20"].reasons[-1] == "hold: incident of 20 January"

    def test_a_hold_on_everything_covers_every_series(self) -> None:
        history = [
            *daily("2026-01-01", "2026-01-20"),
            *daily("2026-01-01", "2026-01-20", series="etat-civil"),
        ]
        answer = plan(history, every_day(), POLICY, at("2026-01-20"), holds={EVERYTHING: "incident"})
        assert answer.removals() == []
        assert all("hold: incident" in decision.reasons for decision in answer.decisions())

    def test_a_hold_on_another_series_covers_nothing_here(self) -> None:
        answer = plan(
            daily("2026-01-01", "2026-01-20"),
            every_day(),
            POLICY,
            at("2026-01-20"),
            holds={"etat-civil": "x"},
        )
        assert len(answer.removals()) == 4


class TestRule6Stalled:
    HISTORY = daily("2026-01-01", "2026-01-20")

    def test_nothing_is_removed_when_more_than_3_open_days_lie_between_the_newest_ok_one_and_today(
        self,
    ) -> None:
        assert plan(self.HISTORY, every_day(), POLICY, at("2026-01-24")).removals() != []
        answer = plan(self.HISTORY, every_day(), POLICY, at("2026-01-25"))
        assert answer.removals() == []
        second = list(answer.decisions())[1]
        assert second.reasons == [
            "stalled: more than 3 open days since the newest ok snapshot, of 2026-01-20"
        ]
        assert second.until is None

    def test_closed_days_do_not_count(self) -> None:
        opening = every_day("2026-01-01", "2026-01-20")
        assert plan(self.HISTORY, opening, POLICY, at("2026-01-27T11:00:00+01:00")).removals() != []

    def test_neither_the_day_of_the_newest_nor_today_counts(self) -> None:
        opening = FixedOpenDays(date(2026, 1, n) for n in (20, 21, 22, 23, 26))
        assert plan(self.HISTORY, opening, POLICY, at("2026-01-26")).removals() != []
        opening = FixedOpenDays(date(2026, 1, n) for n in (21, 22, 23, 24, 26))
        assert plan(self.HISTORY, opening, POLICY, at("2026-01-26")).removals() == []

    def test_a_partial_one_does_not_end_the_stall(self) -> None:
        history = [*self.HISTORY, taken("partial", "2026-01-25", "partial")]
        assert plan(history, every_day(), POLICY, at("2026-01-25")).removals() == []

    def test_the_newest_ok_one_is_that_of_ledger_order(self) -> None:
        history = [
            *self.HISTORY,
            taken("a", "2026-01-21T11:00:00+01:00"),
            taken("b", "2026-01-21T12:00:00+01:00", claimed="2026-01-20"),
        ]
        assert plan(history, every_day(), POLICY, at("2026-01-25")).removals() == []

    def test_a_series_without_any_ok_one_is_stalled(self) -> None:
        history = [taken(f"{n}", f"2026-01-{n:02}", "partial") for n in range(1, 21)]
        answer = plan(history, NEVER, POLICY, at("2026-01-20"))
        assert answer.removals() == []
        assert list(answer.decisions())[1].reasons == ["stalled: the series has no ok snapshot"]

    def test_a_series_silent_for_long_is_told_without_a_walk_through_all_the_days_since(self) -> None:
        class Looked(list[date]):
            looks = 0

            def __getitem__(self, index: Any) -> Any:
                found = super().__getitem__(index)
                self.looks += len(found) if isinstance(index, slice) else 1
                return found

        opening = every_day("1990-01-01", "2030-12-31")
        looked = Looked(opening.dates)
        object.__setattr__(opening, "dates", looked)
        answer = plan([taken("a", "1990-01-01")], opening, POLICY, at("2030-12-31"))
        assert "stalled: more than 3 open days" in " ".join(next(answer.decisions()).reasons)
        assert 0 < looked.looks < 100

    def test_one_series_stalls_without_the_others(self) -> None:
        history = [*self.HISTORY, *daily("2026-01-01", "2026-01-25", series="etat-civil")]
        answer = plan(history, every_day(), POLICY, at("2026-01-25"))
        assert answer.removals() == [f"etat-civil 2026-01-{n:02}" for n in range(2, 11)]


class TestRule7TheClock:
    HISTORY = daily("2026-01-01", "2026-01-20")

    @pytest.mark.parametrize(
        ("now", "sound"),
        [
            ("2026-01-20T11:45:00+01:00", True),
            ("2026-01-20T11:44:59.999999+01:00", False),
            ("2026-01-27T12:00:00+01:00", True),
            ("2026-01-27T12:00:00.000001+01:00", False),
            ("1970-01-01T00:00:00+00:00", False),
            ("9799-12-31T00:00:00+00:00", False),
        ],
    )
    def test_nothing_is_removed_before_the_newest_entry_less_15_min_or_7_days_after_it(
        self, now: str, sound: bool
    ) -> None:
        answer = plan(self.HISTORY, NEVER, POLICY, at(now))
        assert (answer.removals() != []) is sound
        assert any(r.startswith("clock: ") for d in answer.decisions() for r in d.reasons) is not sound

    def test_the_reasons_say_which_way_the_clock_is_wrong(self) -> None:
        early = list(plan(self.HISTORY, NEVER, POLICY, at("2026-01-19")).decisions())[1]
        assert early.reasons[-1] == (
            "clock: now is more than 15 min before the newest ledger entry (2026-01-20T11:00:00Z)"
        )
        late = list(plan(self.HISTORY, NEVER, POLICY, at("2026-01-28")).decisions())[1]
        assert late.reasons == [
            "clock: now is more than 7 days after the newest ledger entry (2026-01-20T11:00:00Z)"
        ]
        assert late.until is None

    def test_the_newest_entry_may_be_of_any_kind(self) -> None:
        answer = plan(self.HISTORY, NEVER, POLICY, at("2026-01-30"), newest_entry=at("2026-01-29"))
        assert answer.removals() != []
        answer = plan(self.HISTORY, NEVER, POLICY, at("2026-01-20"), newest_entry=at("2026-01-21"))
        assert answer.removals() == []

    def test_a_quarantined_receipt_is_an_entry_too(self) -> None:
        history = [*self.HISTORY, taken("forged", "2026-01-29", claimed="2020-01-01")]
        assert plan(history, NEVER, POLICY, at("2026-01-30")).removals() != []

    def test_the_newest_entry_is_the_latest_one_and_not_the_last_line(self) -> None:
        history = [taken("when the clock was wrong", "2027-01-01"), *self.HISTORY]
        assert plan(history, NEVER, POLICY, at("2026-01-20")).removals() == []

    def test_a_receipt_of_the_future_counts_no_more_once_a_person_trusts_the_clock_again(self) -> None:
        """The ledger's newest_at goes by that word; the plan goes by the ledger's."""
        history = [taken("when the clock was wrong", "2035-01-01"), *self.HISTORY]
        asked = (history, NEVER, POLICY, at("2026-01-20"))
        assert plan(*asked, newest_entry=at("2035-01-01")).removals() == []
        trusted = plan(*asked, newest_entry=at("2026-01-20"))
        without = plan(self.HISTORY, NEVER, POLICY, at("2026-01-20"), newest_entry=at("2026-01-20"))
        assert trusted.removals() == without.removals() != []
        assert trusted.quarantined() == ["when the clock was wrong"]
        assert next(iter(trusted.decisions())).reasons == [
            "received_at 2035-01-01T12:00:00+01:00 is of a wrong clock: it is still to come"
        ]

    def test_a_receipt_of_the_future_takes_no_place_in_the_floor(self) -> None:
        history = [*self.HISTORY, taken("when the clock was wrong", "2035-01-01")]
        trusted = plan(history, NEVER, POLICY, at("2026-01-20"), newest_entry=at("2026-01-20"))
        without = plan(self.HISTORY, NEVER, POLICY, at("2026-01-20"), newest_entry=at("2026-01-20"))
        assert trusted.removals() == without.removals() != []

    def test_a_receipt_of_the_future_keeps_no_series_from_being_stalled(self) -> None:
        history = [*self.HISTORY, taken("when the clock was wrong", "2035-01-01")]
        asked = (every_day(), POLICY, at("2026-02-20"))
        assert plan(self.HISTORY, *asked, newest_entry=at("2026-02-20")).removals() == []
        assert plan(history, *asked, newest_entry=at("2026-02-20")).removals() == []

    def test_a_receipt_that_came_within_the_quarter_of_an_hour_to_come_is_believed(self) -> None:
        history = [*self.HISTORY, taken("just now", "2026-01-22")]
        for ahead, aside in ((timedelta(minutes=15), []), (timedelta(minutes=15, seconds=1), ["just now"])):
            now = at("2026-01-22") - ahead
            assert plan(history, NEVER, POLICY, now, newest_entry=now).quarantined() == aside

    def test_nothing_is_removed_while_the_time_is_not_synchronised(self) -> None:
        answer = plan(self.HISTORY, every_day(), POLICY, at("2026-01-20"), synchronised=False)
        assert answer.removals() == []
        assert list(answer.decisions())[1].reasons == ["clock: the time is not synchronised"]

    @pytest.mark.parametrize("sign", [-1, 1])
    @pytest.mark.parametrize(
        "jump",
        [
            timedelta(seconds=1),
            timedelta(minutes=1),
            timedelta(minutes=16),
            timedelta(hours=1),
            timedelta(hours=2),
            timedelta(days=1),
            timedelta(days=8),
            timedelta(days=30),
            timedelta(days=366),
            timedelta(days=3653),
        ],
    )
    @pytest.mark.parametrize(
        "around",
        [
            "2026-03-29T02:00:00+01:00",  # summer time begins
            "2026-10-25T02:30:00+02:00",  # the hour that is there twice
            "2026-10-25T02:30:00+01:00",
            "2024-02-29T23:59:59+01:00",
            "2026-01-31T23:59:59+01:00",
            "2026-03-31T00:00:00+02:00",
        ],
    )
    def test_a_clock_that_jumps_removes_nothing_that_the_rule_keeps(
        self, around: str, jump: timedelta, sign: int
    ) -> None:
        true_now = at(around)
        first = (true_now - timedelta(days=400)).date().isoformat()
        last = (true_now - timedelta(days=1)).date().isoformat()
        history = daily(first, last)
        right = set(plan(history, every_day(), POLICY, true_now).removals())
        wrong = set(plan(history, every_day(), POLICY, true_now + sign * jump).removals())
        # A jump that rule 7 lets pass may do early what is due within its 7 days, and nothing else.
        soon = true_now + timedelta(days=7)
        due = set(plan(history, NEVER, POLICY, soon, newest_entry=soon).removals())
        assert wrong <= right | due
        assert (
            not {d.id for d in plan(history, every_day(), POLICY, true_now).decisions() if _full(d)} & wrong
        )


def _full(decision: Decision) -> bool:
    return decision.action == "keep" and decision.reasons[0].startswith("the full of")


class TestRule8TheBlastRadius:
    def test_a_plan_that_would_remove_more_than_half_of_a_series_is_refused(self) -> None:
        half = [*daily("2026-01-01", "2026-01-05"), *daily("2026-03-01", "2026-03-03")]
        answer = plan(half, NEVER, POLICY, at("2026-03-03"))
        assert (len(answer.removals()), answer.refused) == (4, None)
        more = [*daily("2026-01-01", "2026-01-06"), *daily("2026-03-01", "2026-03-03")]
        answer = plan(more, NEVER, POLICY, at("2026-03-03"))
        assert len(answer.removals()) == 5
        assert answer.refused == (
            "the plan would remove 5 of the 9 snapshots of 'accueil': more than 50 % of a series,"
            " or more than 40 from one, needs a person to confirm this very plan by its hash"
        )

    def test_a_plan_that_would_remove_more_than_40_of_a_series_is_refused(self) -> None:
        many = [taken(f"now {n}", "2026-03-03") for n in range(100)]
        answer = plan([*daily("2026-01-01", "2026-02-11"), *many], NEVER, POLICY, at("2026-03-03"))
        assert (len(answer.removals()), answer.refused) == (40, None)
        answer = plan([*daily("2026-01-01", "2026-02-12"), *many], NEVER, POLICY, at("2026-03-03"))
        assert len(answer.removals()) == 41
        assert answer.refused is not None
        assert "41 of the 143 snapshots of 'accueil'" in answer.refused

    def test_the_bounds_are_judged_series_by_series(self) -> None:
        history = [
            *daily("2026-01-01", "2026-01-06"),
            *daily("2026-03-01", "2026-03-03"),
            *daily("2026-03-01", "2026-03-15", series="etat-civil"),
        ]
        answer = plan(history, NEVER, POLICY, at("2026-03-15"))
        assert answer.refused is not None
        assert "'accueil'" in answer.refused
        assert "etat-civil" not in answer.refused

    def test_up_to_5_series_are_named_and_the_rest_counted(self) -> None:
        history = [
            snapshot
            for n in range(6)
            for snapshot in (*daily("2026-01-01", "2026-01-20", series=f"poste {n}"),)
        ]
        five = plan(
            [s for s in history if s.series != "poste 5"],
            NEVER,
            POLICY,
            at("2026-02-20"),
            newest_entry=at("2026-02-20"),
        )
        six = plan(history, NEVER, POLICY, at("2026-02-20"), newest_entry=at("2026-02-20"))
        assert five.refused is not None
        assert "of 'poste 3', 16 of the 20 snapshots of 'poste 4': more than" in five.refused
        assert six.refused is not None
        assert "of 'poste 4' and from 1 other series: more than" in six.refused
        assert "poste 5" not in six.refused

    def test_a_person_s_word_on_that_very_plan_lifts_the_refusal(self) -> None:
        history = [*daily("2026-01-01", "2026-01-20"), *daily("2026-03-01", "2026-03-03")]
        asked = plan(history, NEVER, POLICY, at("2026-03-03"))
        confirmed = plan(history, NEVER, POLICY, at("2026-03-03"), confirmed=asked.plan_hash)
        assert asked.refused is not None
        assert confirmed.refused is None
        assert confirmed.removals() == asked.removals()

    def test_the_word_on_another_plan_does_not(self) -> None:
        history = [*daily("2026-01-01", "2026-01-20"), *daily("2026-03-01", "2026-03-03")]
        asked = plan(history, NEVER, POLICY, at("2026-03-03"))
        later = plan(
            [*history, taken("new", "2026-03-04")], NEVER, POLICY, at("2026-03-04"), confirmed=asked.plan_hash
        )
        assert later.refused is not None
        assert later.refused.endswith(" by its hash (the hash confirmed is that of another plan)")

    def test_a_word_where_none_is_needed_changes_nothing(self) -> None:
        assert (
            plan(
                daily("2026-01-01", "2026-01-20"), every_day(), POLICY, at("2026-01-20"), confirmed="x"
            ).refused
            is None
        )

    def test_the_hash_is_that_of_ids_series_actions_and_dates_in_order(self) -> None:
        answer = plan(
            [taken('n"é', "2026-03-01"), taken("b", "2026-03-02", claimed="2020-01-01")],
            every_day(),
            POLICY,
            at("2026-03-02"),
        )
        import hashlib

        rows = '["n\\"\\u00e9","accueil","keep","2027-03-01"]\n["b","accueil","quarantine",null]\n'
        assert answer.plan_hash == hashlib.sha256(rows.encode()).hexdigest()

    def test_an_empty_history_has_an_empty_plan(self) -> None:
        answer = plan([], every_day(), POLICY, at("2026-03-01"))
        assert (list(answer.decisions()), answer.refused, answer.removals()) == ([], None, [])


class TestARetiredSeries:
    """Nothing is to come to it any more: its dates alone decide, without floor and stall."""

    def retired(self, snapshots: list[Snapshot], now: str, **more: Any) -> Plan:
        return plan(
            snapshots, every_day(), POLICY, at(now), newest_entry=at(now), retired=["accueil"], **more
        )

    def test_it_keeps_what_its_dates_keep_and_no_more(self) -> None:
        answer = self.retired(daily("2026-03-01", "2026-03-20"), "2026-04-03")
        assert kept(answer) == ["2026-03-01", "2026-03-20"]
        assert answer.refused is not None

    def test_a_day_later_only_the_full_of_the_month_is_left(self) -> None:
        assert kept(self.retired(daily("2026-03-01", "2026-03-20"), "2026-04-04")) == ["2026-03-01"]

    def test_the_last_one_goes_the_day_after_its_retention_without_a_persons_word(self) -> None:
        last = [taken("a", "2026-03-01")]
        assert kept(self.retired(last, "2027-03-01")) == ["a"]
        answer = self.retired(last, "2027-03-02")
        assert (answer.removals(), answer.refused) == (["a"], None)

    @pytest.mark.parametrize(("last", "removed", "refused"), [("04", 3, False), ("05", 4, True)])
    def test_as_many_as_a_floor_would_keep_need_no_persons_word(
        self, last: str, removed: int, refused: bool
    ) -> None:
        answer = self.retired(daily("2026-03-01", f"2026-03-{last}"), "2026-06-01")
        assert (len(answer.removals()), answer.refused is not None) == (removed, refused)

    def test_much_at_once_still_needs_a_persons_word(self) -> None:
        answer = self.retired(daily("2026-03-01", "2026-03-20"), "2026-06-01")
        assert answer.refused is not None
        assert "19 of the 20 snapshots" in answer.refused

    def test_a_hold_and_a_clock_in_doubt_keep_it_all_the_same(self) -> None:
        last = [taken("a", "2026-03-01")]
        assert kept(self.retired(last, "2027-03-02", holds={EVERYTHING: "an exercise"})) == ["a"]
        assert kept(self.retired(last, "2027-03-02", synchronised=False)) == ["a"]

    def test_the_other_series_keep_floor_and_stall(self) -> None:
        answer = self.retired(daily("2026-03-01", "2026-03-03", "compta"), "2027-04-01")
        assert len(kept(answer)) == 3


class TestRule9WhatIsInTheRepositoryButNotInTheLedger:
    def test_it_is_reported_and_never_removed(self) -> None:
        history = daily("2026-01-01", "2026-01-20")
        present = [snapshot.id for snapshot in history] + ["stranger"]
        answer = plan(history, every_day(), POLICY, at("2026-01-20"), present=present)
        assert answer.unknown == ["stranger"]
        assert "stranger" not in answer.removals()
        assert "stranger" not in [decision.id for decision in answer.decisions()]

    def test_what_the_ledger_has_and_the_repository_lacks_is_reported_and_is_nobody_s_full(self) -> None:
        history = daily("2026-01-01", "2026-01-20")
        answer = plan(history, every_day(), POLICY, at("2026-01-20"), present={s.id for s in history[1:]})
        assert answer.missing == ["2026-01-01"]
        assert answer.unknown == []
        assert next(answer.decisions()).until == date(2027, 1, 2)

    def test_without_a_list_of_the_repository_nothing_is_missing_or_unknown(self) -> None:
        answer = plan(daily("2026-01-01", "2026-01-20"), every_day(), POLICY, at("2026-01-20"))
        assert (answer.missing, answer.unknown) == ([], [])

    def test_a_missing_receipt_is_still_an_entry_of_the_ledger(self) -> None:
        history = daily("2026-01-01", "2026-01-20")
        answer = plan(history, NEVER, POLICY, at("2026-01-12"), present={s.id for s in history[:19]})
        assert answer.removals() == []


class TestThePlanAsAWhole:
    def test_all_the_reasons_are_given_in_the_order_of_the_rules(self) -> None:
        answer = decided(
            [taken("a", "2026-01-20")],
            every_day(),
            POLICY,
            at("2026-01-28"),
            holds={EVERYTHING: "incident"},
        )
        assert answer["a"].reasons == [
            "the full of 2026-01, kept 12 months, to 2027-01-20 inclusive",
            "kept 14 days after 2026-01-20, to 2026-02-03 inclusive",
            "floor: one of the newest 3 ok snapshots of its series",
            "hold: incident",
            "stalled: more than 3 open days since the newest ok snapshot, of 2026-01-20",
            "clock: now is more than 7 days after the newest ledger entry (2026-01-20T11:00:00Z)",
        ]

    def test_every_removal_has_a_date_in_the_past_and_every_dated_keep_one_that_is_not(self) -> None:
        today = date(2026, 3, 3)
        for decision in plan(
            daily("2025-01-01", "2026-03-03"), every_day(), POLICY, at("2026-03-03")
        ).decisions():
            assert decision.until is not None
            assert (decision.until < today) == (decision.action == "remove")

    def test_the_same_id_twice_is_refused(self) -> None:
        with pytest.raises(DuplicateSnapshotError, match="'a' is there twice") as caught:
            plan([taken("a", "2026-01-01"), taken("a", "2026-01-02")], every_day(), POLICY, at("2026-01-02"))
        assert caught.value.snapshot == "a"

    def test_decisions_and_removals_come_in_ledger_order(self) -> None:
        history = daily("2026-01-01", "2026-01-20")
        answer = plan(history, every_day(), POLICY, at("2026-01-20"))
        assert [decision.id for decision in answer.decisions()] == [snapshot.id for snapshot in history]
        assert answer.removals() == ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"]

    def test_a_month_s_full_lives_at_least_as_long_as_the_others(self) -> None:
        policy = replace(POLICY, full_months=1, other_days=60)
        answer = decided(daily("2026-01-01", "2026-01-02"), every_day(), policy, at("2026-01-02"))
        assert answer["2026-01-01"].until == date(2026, 3, 2)

    def test_with_0_days_for_the_others_only_today_s_are_kept(self) -> None:
        policy = replace(POLICY, other_days=0, floor_snapshots=1)
        answer = plan(daily("2026-01-01", "2026-01-03"), every_day(), policy, at("2026-01-03"))
        assert answer.removals() == ["2026-01-02"]

    @pytest.mark.parametrize(
        ("name", "value", "history", "now"),
        [
            ("full_months", 1, daily("2025-12-01", "2026-01-20"), "2026-01-20"),
            ("other_days", 13, daily("2026-01-01", "2026-01-20"), "2026-01-20"),
            ("floor_snapshots", 4, daily("2026-01-01", "2026-01-10"), "2026-02-17"),
            ("stalled_open_days", 2, daily("2026-01-01", "2026-01-20"), "2026-01-24"),
            ("clock_idle_days", 2, daily("2026-01-01", "2026-01-20"), "2026-01-23"),
            ("clock_back_minutes", 0, daily("2026-01-01", "2026-01-20"), "2026-01-20T11:59:00+01:00"),
            (
                "claimed_ahead_minutes",
                1,
                [taken("a", "2026-01-01", claimed="2026-01-01T12:02:00+01:00")],
                "2026-01-01",
            ),
            (
                "claimed_behind_hours",
                1,
                [taken("a", "2026-01-01", claimed="2026-01-01T10:59:00+01:00")],
                "2026-01-01",
            ),
            ("removal_percent", 10, daily("2026-01-01", "2026-01-20"), "2026-01-20"),
            ("removal_count", 3, daily("2026-01-01", "2026-01-20"), "2026-01-20"),
        ],
    )
    def test_every_number_of_the_policy_decides_something(
        self, name: str, value: int, history: list[Snapshot], now: str
    ) -> None:
        # The floor shows only where the dates have ended and neither a guard nor a stall keeps anything.
        floor = name == "floor_snapshots"
        opening = NEVER if floor else every_day("2026-01-01", "2026-01-23")
        newest = at(now) if floor else None
        before = plan(history, opening, POLICY, at(now), newest_entry=newest)
        after = plan(history, opening, replace(POLICY, **{name: value}), at(now), newest_entry=newest)
        actions = [[decision.action for decision in answer.decisions()] for answer in (before, after)]
        assert actions[0] != actions[1] or (before.refused is None) != (after.refused is None)


class TestFromALedger:
    @staticmethod
    def receipt(name: str, when: str, **changed: Any) -> Draft:
        fields = {
            "snapshot": name * 64,
            "series": "accueil",
            "received_at": at(when).isoformat(),
            "claimed_at": at(when).isoformat(),
            "kind": "full",
            "outcome": "ok",
            "size": 1,
            "files": 1,
            "added": 1,
            "paths": ["/home"],
            "host": "poste",
            **changed,
        }
        return Draft("receipt", "receive", at(when), None, fields)

    @staticmethod
    def amended(name: str, when: str) -> Draft:
        fields = {"snapshot": name * 64, "outcome": "ok", "reported_at": at(when).isoformat()}
        return Draft("amended", "receive", at(when), None, fields)

    def unreported(self, name: str, when: str) -> Draft:
        return self.receipt(name, when, outcome="partial", reported=False)

    def untils(self, *drafts: Draft) -> list[date | None]:
        ledger, _ = Ledger().extended(drafts)
        answer = plan(snapshots_of(ledger), every_day(), POLICY, at("2026-03-05"))
        return [decision.until for decision in answer.decisions()]

    def test_a_late_report_makes_the_months_full_of_the_receipt_at_its_own_place(self) -> None:
        history = self.unreported("a", "2026-03-02"), self.receipt("b", "2026-03-03")
        assert self.untils(*history) == [date(2026, 3, 16), date(2027, 3, 3)]
        assert self.untils(*history, self.amended("a", "2026-03-04")) == [date(2027, 3, 2), date(2026, 3, 17)]

    def test_a_late_report_displaces_no_receipt_before_its_own(self) -> None:
        history = self.receipt("a", "2026-03-02"), self.unreported("b", "2026-03-03")
        before = self.untils(*history)
        assert self.untils(*history, self.amended("b", "2026-03-04")) == before
        assert before == [date(2027, 3, 2), date(2026, 3, 17)]

    def test_a_report_after_more_than_four_days_changes_nothing(self) -> None:
        history = self.unreported("a", "2026-02-25"), self.receipt("b", "2026-03-01")
        early = self.amended("a", "2026-03-01T12:00:00+01:00")
        late = self.amended("a", "2026-03-01T12:00:01+01:00")
        assert self.untils(*history, late) == self.untils(*history)
        assert self.untils(*history, early) == self.untils(*history)
        ok = [d.outcome for d in snapshots_of(Ledger().extended([*history, early])[0])]
        assert ok == ["ok", "ok"]

    def test_a_late_report_ends_a_stall_and_takes_its_place_on_the_floor(self) -> None:
        history = [self.unreported(name, f"2026-03-{day:02}") for day, name in enumerate("abc", 1)]
        ledger, _ = Ledger().extended([*history, self.amended("a", "2026-03-03")])
        stalled, on_floor = "stalled: the series has no ok snapshot", "floor: one of the newest 3 ok"
        before = plan(snapshots_of(Ledger().extended(history)[0]), every_day(), POLICY, at("2026-03-03"))
        after = plan(snapshots_of(ledger), every_day(), POLICY, at("2026-03-03"))
        assert all(stalled in decision.reasons for decision in before.decisions())
        assert not any(stalled in decision.reasons for decision in after.decisions())
        floors = [any(r.startswith(on_floor) for r in d.reasons) for d in after.decisions()]
        assert floors == [True, False, False]

    def test_the_live_receipts_are_planned_in_ledger_order(self) -> None:
        removed = Draft(
            "removed", "retain", datetime(2026, 1, 3, tzinfo=UTC), None, {"snapshots": ["b" * 64]}
        )
        ledger, _ = Ledger().extended(
            [
                self.receipt("a", "2026-01-01T12:00:00+01:00"),
                self.receipt("b", "2026-01-02T12:00:00+01:00"),
                removed,
                self.receipt("c", "2026-01-03T12:00:00+01:00"),
            ]
        )
        snapshots = list(snapshots_of(ledger))
        assert [snapshot.id[0] for snapshot in snapshots] == ["a", "c"]
        assert snapshots[0] == Snapshot("a" * 64, "accueil", at("2026-01-01"), at("2026-01-01"), "ok")


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 12, 1), 12, date(2027, 12, 1)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
        (date(2026, 1, 1), 1200, date(2126, 1, 1)),
    ],
)
def test_the_same_day_months_later_is_the_month_s_last_where_it_has_no_such_day(
    day: date, months: int, later: date
) -> None:
    assert same_day_later(day, months) == later
