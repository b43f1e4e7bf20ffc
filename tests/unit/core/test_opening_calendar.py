# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a town hall is open, and what a mistake in the block `opening` reads like."""

from __future__ import annotations

import builtins
from datetime import date, datetime
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import opening
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import (
    FixedOpenDays,
    OpeningCalendar,
)

ALL_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def calendar(**fields: Any) -> OpeningCalendar:
    return OpeningCalendar.from_mapping({"public_holidays": "none", **fields})


def days(found: list[date]) -> list[str]:
    return [day.isoformat() for day in found]


def opens(chosen: OpeningCalendar, first: str, last: str) -> list[str]:
    return days(chosen.open_days(date.fromisoformat(first), date.fromisoformat(last)))


class TestWeeklyRules:
    def test_weekdays_are_open_every_week(self) -> None:
        chosen = calendar(weekdays=["mon", "thu"])
        assert opens(chosen, "2026-03-02", "2026-03-15") == [
            "2026-03-02",
            "2026-03-05",
            "2026-03-09",
            "2026-03-12",
        ]

    @pytest.mark.parametrize("number", range(7))
    def test_each_weekday_is_known_by_its_name(self, number: int) -> None:
        assert opens(calendar(weekdays=[ALL_WEEK[number]]), "2026-03-02", "2026-03-08") == [
            f"2026-03-{number + 2:02}"
        ]

    def test_even_weeks_are_those_of_an_even_iso_number(self) -> None:
        chosen = calendar(even_weeks=["wed"])
        assert opens(chosen, "2026-12-21", "2027-01-24") == ["2026-12-23", "2027-01-13"]

    def test_odd_weeks_are_the_others_and_week_53_is_followed_by_week_1(self) -> None:
        chosen = calendar(odd_weeks=["sat"])
        assert opens(chosen, "2026-12-21", "2027-01-24") == ["2027-01-02", "2027-01-09", "2027-01-23"]

    def test_even_and_odd_weeks_may_open_on_different_days(self) -> None:
        chosen = calendar(even_weeks=["mon"], odd_weeks=["tue"])
        assert opens(chosen, "2026-03-02", "2026-03-15") == ["2026-03-02", "2026-03-10"]

    @pytest.mark.parametrize(
        ("nth", "expected"),
        [
            ("1 sat", ["2026-08-01"]),
            ("2 sat", ["2026-08-08"]),
            ("3 sat", ["2026-08-15"]),
            ("4 sat", ["2026-08-22"]),
            ("5 sat", ["2026-08-29"]),
            ("last sat", ["2026-08-29"]),
            ("last mon", ["2026-08-31"]),
            ("last tue", ["2026-08-25"]),
            ("1 mon", ["2026-08-03"]),
            ("5 tue", []),
        ],
    )
    def test_the_nth_weekday_of_the_month(self, nth: str, expected: list[str]) -> None:
        assert opens(calendar(nth_weekdays=[nth]), "2026-08-01", "2026-08-31") == expected

    def test_the_last_weekday_of_a_february_of_28_days_is_its_fourth(self) -> None:
        chosen = calendar(nth_weekdays=["last sat"])
        assert opens(chosen, "2026-02-01", "2026-02-28") == ["2026-02-28"]
        assert opens(chosen, "2024-02-01", "2024-02-29") == ["2024-02-24"]

    def test_the_calendar_reaches_its_very_last_day(self) -> None:
        chosen = calendar(weekdays=["mon"], nth_weekdays=["last fri"])
        assert chosen.is_open(date.max)
        assert chosen.next_open_days(date(9999, 12, 28), 5) == [date.max]


class TestClosuresAndExtraDays:
    def test_a_closure_is_a_day_or_a_range_with_both_its_ends(self) -> None:
        chosen = calendar(weekdays=ALL_WEEK, closures=["2026-08-03", "2026-08-05..2026-08-07"])
        assert opens(chosen, "2026-08-02", "2026-08-08") == ["2026-08-02", "2026-08-04", "2026-08-08"]

    def test_an_extra_day_is_open_whatever_the_rest_says(self) -> None:
        chosen = OpeningCalendar.from_mapping(
            {"weekdays": ["mon"], "closures": ["2026-05-01..2026-05-31"], "extra_days": ["2026-05-01"]}
        )
        assert opens(chosen, "2026-05-01", "2026-05-31") == ["2026-05-01"]

    def test_extra_days_may_be_a_range(self) -> None:
        chosen = calendar(extra_days=["2026-06-27..2026-06-28"])
        assert opens(chosen, "2026-06-01", "2026-06-30") == ["2026-06-27", "2026-06-28"]

    def test_a_date_that_yaml_has_read_already_is_understood(self) -> None:
        chosen = calendar(weekdays=ALL_WEEK, closures=[date(2026, 8, 3)])
        assert not chosen.is_open(date(2026, 8, 3))


class TestPublicHolidays:
    def test_metropolitan_ones_close_and_are_the_default(self) -> None:
        chosen = OpeningCalendar.from_mapping({"weekdays": ALL_WEEK})
        year = chosen.open_days(date(2026, 1, 1), date(2026, 12, 31))
        closed = {
            date.fromordinal(n) for n in range(date(2026, 1, 1).toordinal(), date(2027, 1, 1).toordinal())
        }
        assert days(sorted(closed - set(year))) == [
            "2026-01-01",
            "2026-04-06",
            "2026-05-01",
            "2026-05-08",
            "2026-05-14",
            "2026-05-25",
            "2026-07-14",
            "2026-08-15",
            "2026-11-01",
            "2026-11-11",
            "2026-12-25",
        ]

    def test_alsace_and_moselle_add_26_december_and_good_friday_only_by_its_switch(self) -> None:
        east = OpeningCalendar.from_mapping({"weekdays": ALL_WEEK, "public_holidays": "alsace-moselle"})
        assert not east.is_open(date(2026, 12, 26))
        assert not east.is_open(date(2026, 12, 25))
        assert not east.is_open(date(2026, 4, 6))
        assert east.is_open(date(2026, 4, 3))
        with_friday = OpeningCalendar.from_mapping(
            {"weekdays": ALL_WEEK, "public_holidays": "alsace-moselle", "good_friday": True}
        )
        assert not with_friday.is_open(date(2026, 4, 3))
        assert not with_friday.is_open(date(2026, 12, 26))

    @pytest.mark.parametrize("holidays", ["metropolitan", "none"])
    def test_good_friday_may_close_anywhere_without_closing_26_december(self, holidays: str) -> None:
        chosen = OpeningCalendar.from_mapping(
            {"weekdays": ALL_WEEK, "public_holidays": holidays, "good_friday": True}
        )
        assert not chosen.is_open(date(2026, 4, 3))
        assert not chosen.is_open(date(2027, 3, 26))
        assert chosen.is_open(date(2026, 12, 26))
        assert chosen.is_open(date(2026, 12, 25)) is (holidays == "none")

    def test_none_closes_nothing_and_needs_no_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _without(monkeypatch, "holidays")
        assert calendar(weekdays=ALL_WEEK).is_open(date(2026, 12, 25))

    def test_without_the_library_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _without(monkeypatch, "holidays")
        opening.french_holidays.cache_clear()
        with pytest.raises(BackupError, match="apt install python3-holidays"):
            OpeningCalendar.from_mapping({"weekdays": ["mon"]}).is_open(date(2026, 12, 21))

    def test_a_day_that_is_closed_anyway_needs_no_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _without(monkeypatch, "holidays")
        opening.french_holidays.cache_clear()
        assert not OpeningCalendar.from_mapping({"weekdays": ["mon"]}).is_open(date(2026, 12, 22))


def _without(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    importing = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return importing(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


class TestQuestions:
    CHOSEN = calendar(weekdays=["mon", "tue"])

    def test_next_open_days_come_after_the_day_given(self) -> None:
        assert days(self.CHOSEN.next_open_days(date(2026, 3, 2), 3)) == [
            "2026-03-03",
            "2026-03-09",
            "2026-03-10",
        ]

    def test_next_open_days_of_no_number_are_none(self) -> None:
        assert self.CHOSEN.next_open_days(date(2026, 3, 2), 0) == []
        assert self.CHOSEN.next_open_days(date(2026, 3, 2), -1) == []

    def test_the_search_for_open_days_ends_after_ten_years(self) -> None:
        past = calendar(extra_days=["2020-01-01", "2030-01-08"])
        assert days(past.next_open_days(date(2020, 1, 1), 2)) == ["2030-01-08"]
        assert past.next_open_days(date(2019, 12, 31), 2) == [date(2020, 1, 1)]

    def test_missed_days_are_the_open_ones_without_a_backup(self) -> None:
        done = {date(2026, 3, 2), date(2026, 3, 4)}
        assert days(self.CHOSEN.missed_days(done, date(2026, 3, 2), date(2026, 3, 9))) == [
            "2026-03-03",
            "2026-03-09",
        ]

    def test_an_interval_that_ends_before_it_begins_holds_no_day(self) -> None:
        assert self.CHOSEN.open_days(date(2026, 3, 9), date(2026, 3, 2)) == []

    def test_days_can_be_asked_for_one_by_one_without_reading_to_the_end(self) -> None:
        assert next(self.CHOSEN.iterate(date(2026, 3, 2), date.max)) == date(2026, 3, 2)

    @pytest.mark.parametrize(
        "chosen", [CHOSEN, FixedOpenDays(CHOSEN.open_days(date(2026, 1, 1), date(2026, 12, 31)))]
    )
    def test_it_tells_whether_more_than_so_many_open_days_lie_strictly_between_two(
        self, chosen: OpeningCalendar | FixedOpenDays
    ) -> None:
        # Strictly between lie 3, 9 and 10 March.
        between = date(2026, 3, 2), date(2026, 3, 16)
        assert [chosen.more_than(limit, *between) for limit in (0, 2, 3, 4)] == [True, True, False, False]
        assert not chosen.more_than(0, date(2026, 3, 2), date(2026, 3, 3))
        assert not chosen.more_than(0, date(2026, 3, 4), date(2026, 3, 9))
        assert not chosen.more_than(0, date(2026, 3, 3), date(2026, 3, 3))
        assert not chosen.more_than(0, date(2026, 3, 11), date(2026, 3, 2))


class TestFixedOpenDays:
    CHOSEN = FixedOpenDays([date(2026, 3, 9), date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 2)])

    def test_it_is_open_on_the_days_listed_and_no_other(self) -> None:
        assert [self.CHOSEN.is_open(date(2026, 3, n)) for n in (1, 2, 3, 4, 9, 10)] == [
            False,
            True,
            True,
            False,
            True,
            False,
        ]
        assert not FixedOpenDays([]).is_open(date(2026, 3, 1))

    def test_it_answers_the_same_questions(self) -> None:
        assert days(self.CHOSEN.open_days(date(2026, 3, 2), date(2026, 3, 3))) == ["2026-03-02", "2026-03-03"]
        assert list(self.CHOSEN.iterate(date(2026, 3, 3), date(2026, 3, 9))) == [
            date(2026, 3, 3),
            date(2026, 3, 9),
        ]
        assert days(self.CHOSEN.next_open_days(date(2026, 3, 2), 1)) == ["2026-03-03"]
        assert self.CHOSEN.next_open_days(date(2026, 3, 2), -1) == []
        assert days(self.CHOSEN.next_open_days(date(2026, 3, 2), 9)) == ["2026-03-03", "2026-03-09"]
        assert days(self.CHOSEN.missed_days({date(2026, 3, 3)}, date(2026, 3, 1), date(2026, 3, 8))) == [
            "2026-03-02"
        ]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"weekdays": ["mon", "tue", "sonday"]},
            "opening.weekdays[2]: 'sonday' is not a weekday (use mon, tue, wed, thu, fri, sat, sun)",
        ),
        (
            {"even_weeks": [["mon"]]},
            "opening.even_weeks[0]: a list of 1 is not a weekday (use mon, tue, wed, thu, fri, sat, sun)",
        ),
        ({"odd_weeks": ["mon", "mon"]}, "opening.odd_weeks[1]: 'mon' is there twice (keep one)"),
        ({"weekdays": "mon"}, "opening.weekdays: 'mon' is not a list (write [...])"),
        (
            {"nth_weekdays": ["6 sat"]},
            "opening.nth_weekdays[0]: '6 sat' is not a weekday of the month"
            " (write '1 sat', '3 sat' or 'last fri')",
        ),
        (
            {"nth_weekdays": [1]},
            "opening.nth_weekdays[0]: 1 is not a weekday of the month (write '1 sat', '3 sat' or 'last fri')",
        ),
        (
            {"nth_weekdays": ["1 sat", "last sat", "1 sat"]},
            "opening.nth_weekdays[2]: '1 sat' is there twice (keep one)",
        ),
        (
            {"weekdays": ["mon"], "closures": ["2026-02-30"]},
            "opening.closures[0]: '2026-02-30' does not exist (day is out of range for month)",
        ),
        (
            {"weekdays": ["mon"], "closures": ["2026-03-01", "2026-08-15..2026-08-01"]},
            "opening.closures[1]: '2026-08-15..2026-08-01' ends before it begins"
            " (write the earlier date first)",
        ),
        (
            {"extra_days": [20260628]},
            "opening.extra_days[0]: 20260628 is not a date (write '2026-12-24' or '2026-08-01..2026-08-15')",
        ),
        (
            {"extra_days": [datetime(2026, 6, 28)]},  # noqa: DTZ001 - what YAML makes of an unquoted time
            "opening.extra_days[0]: datetime.datetime(2026, 6, 28, 0, 0) is not a date"
            " (write '2026-12-24' or '2026-08-01..2026-08-15')",
        ),
        (
            {"extra_days": ["2026-06-28.."]},
            "opening.extra_days[0]: '2026-06-28..': '' is not a date (write 2026-03-01)",
        ),
        (
            {"weekdays": ["mon"], "public_holidays": "breton"},
            "opening.public_holidays: 'breton' is not known (use metropolitan, alsace-moselle, none)",
        ),
        (
            {"weekdays": ["mon"], "good_friday": "yes"},
            "opening.good_friday: 'yes' is not a switch (use true or false)",
        ),
        (
            {"weekday": ["mon"]},
            "opening: 'weekday' is not a field (use weekdays, even_weeks, odd_weeks, nth_weekdays, closures,"
            " extra_days, public_holidays, good_friday)",
        ),
        ({}, "opening: the town hall never opens (give weekdays: [mon, tue, ...])"),
        (
            {"closures": ["2026-03-01"]},
            "opening: the town hall never opens (give weekdays: [mon, tue, ...])",
        ),
        ([], "opening: a list of 0 is not a mapping (give weekdays: [mon, tue, ...])"),
    ],
)
def test_a_mistake_is_named_with_its_field_its_value_and_its_cure(block: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        OpeningCalendar.from_mapping(block)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "block",
    [
        {"weekdays": ["mon"]},
        {"even_weeks": ["mon"]},
        {"odd_weeks": ["mon"]},
        {"nth_weekdays": ["1 mon"]},
        {"extra_days": ["2026-03-01"]},
    ],
)
def test_any_one_rule_that_opens_is_enough(block: object) -> None:
    assert OpeningCalendar.from_mapping(block) is not None


def test_the_place_of_a_mistake_begins_with_the_name_given() -> None:
    with pytest.raises(InputError, match=r"^x\.yml: opening\.weekdays: "):
        OpeningCalendar.from_mapping({"weekdays": 1}, where="x.yml: opening")
