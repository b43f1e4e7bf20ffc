# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data the planners count, how it grows, and what may be said instead of an assumption."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import planning, undo
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.planning import Assumptions


def settings(sources: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "name": "Rozoy",
        "tier": 1,
        "contract": {"start": "2024-01-01", "years": 5, "end": "2028-12-31"},
        "sources": {name: {"priority": 5, **source} for name, source in sources.items()},
        **more,
    }


def volumes(sources: dict[str, dict[str, Any]], **more: Any) -> dict[str, float]:
    return {one.name: one.gb for one in planning.commune(settings(sources, **more)).data}


LINUX, SHARE = {"kind": "linux"}, {"kind": "smb"}


def test_a_workstation_without_a_size_counts_as_assumed():
    assert volumes({"a": LINUX, "b": {"kind": "windows", "size_gb": 80.5}}) == {"a": 50, "b": 80.5}


def test_a_share_without_a_size_counts_as_assumed_where_nobody_counted_the_archives():
    assert volumes({"a": SHARE, "b": {"kind": "path", "size_gb": 300}}) == {"a": 100, "b": 300}


def test_shares_without_a_size_share_what_the_others_leave_of_the_archives():
    sources = {"a": SHARE, "b": {"kind": "path", "size_gb": 300}, "c": {"kind": "path"}}
    assert volumes(sources, archive_gb=500) == {"a": 100, "b": 300, "c": 100}


def test_archives_without_a_place_and_workstations_that_are_no_sources_yet_count_too():
    assert volumes({"a": LINUX, "b": {"kind": "smb", "size_gb": 100}}, archive_gb=350, workstations=4) == {
        "a": 50,
        "b": 100,
        "(3 workstations in no source yet)": 150,
        "(archives in no source yet)": 250,
    }


def test_no_archives_is_not_the_same_as_nobody_knows():
    assert volumes({"a": SHARE}, archive_gb=0) == {"a": 0}


def test_data_is_in_the_order_of_its_recovery():
    sources = {"a": {**LINUX, "priority": 9}, "b": {**SHARE, "priority": 1}, "c": {**LINUX, "priority": 1}}
    assert list(volumes(sources, workstations=3)) == ["b", "c", "a", "(1 workstations in no source yet)"]


@pytest.mark.parametrize(
    ("kind", "more", "percent"),
    [
        ("linux", {}, 1),
        ("windows", {}, 1),
        ("smb", {}, 0.1),
        ("path", {}, 0.1),
        ("path", {"change_percent_per_day": 3}, 3),
    ],
)
def test_workstations_change_daily_archives_hardly_and_what_is_stated_as_stated(kind, more, percent):
    (one,) = planning.commune(settings({"a": {"kind": kind, **more}})).data
    assert one.change_percent == percent


def test_data_grows_by_whole_years_on_each_anniversary():
    commune = planning.commune(settings({"a": {"kind": "linux", "size_gb": 100}}))
    assert commune.gb_on(date(2024, 1, 1)) == 100
    assert commune.gb_on(date(2025, 1, 1)) == pytest.approx(120)
    assert commune.gb_on(date(2029, 1, 1)) == pytest.approx(100 * 1.2**5)
    # 181 of the 365 days of 2025.
    assert commune.gb_on(date(2025, 7, 1)) == pytest.approx(120 * 1.2 ** (181 / 365))
    assert commune.gb_on(date(2023, 1, 1)) == pytest.approx(100 / 1.2)


def test_growth_begins_on_the_day_of_the_volumes():
    commune = planning.commune(
        settings({"a": {"kind": "linux", "size_gb": 100}}, planning={"volumes_on": "2026-03-01"})
    )
    assert commune.gb_on(date(2027, 3, 1)) == pytest.approx(120)


def test_the_first_day_above_a_volume_is_found():
    commune = planning.commune(settings({"a": {"kind": "linux", "size_gb": 100}}))
    day = commune.day_of(150)
    # ln 1.5 / ln 1.2 = 2.2239 years: 0.2239 of the 365 days of 2026 are 81.7.
    assert day == date(2026, 3, 24)
    assert commune.gb_on(day) > 150 >= commune.gb_on(date(2026, 3, 23))
    assert commune.day_of(99) == date(2024, 1, 1)
    assert commune.day_of(1e90) is None


def test_what_does_not_grow_is_never_full():
    still = settings({"a": {"kind": "linux", "size_gb": 100}}, planning={"growth_percent_per_year": 0})
    assert planning.commune(still).day_of(101) is None
    assert planning.commune(settings({"a": {"kind": "linux", "size_gb": 0}})).day_of(1) is None


def test_undo_is_assumed_for_as_long_as_undo_snapshots_are_kept():
    assert Assumptions().undo_days == undo.KEPT.days


def test_every_assumption_says_where_it_comes_from():
    plain = Assumptions()
    assert plain.origin("restic_restore_mb_s") == "measured: restic 0.18, 2 cores, idle machine"
    changed = plain.with_values({"lan_mbit": 100}, "stated", "planning")
    assert (changed.lan_mbit, changed.origin("lan_mbit")) == (100, "stated")
    assert changed.origin("workstation_gb") == "assumption"
    again = changed.with_values({"workstation_gb": 80}, "given by --assume", "--assume")
    assert (again.origin("lan_mbit"), again.origin("workstation_gb")) == ("stated", "given by --assume")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gwroth": 1}, "planning: 'gwroth' is not an assumption (use growth_percent_per_year, change_"),
        (
            {"lan_mbit": 0},
            "planning.lan_mbit: 0 is not a number from 0.1 to 400000 (network of the town hall, in Mbit/s)",
        ),
        ({"lan_mbit": True}, "planning.lan_mbit: true is not a number from"),
        ({"lan_mbit": "1000"}, "planning.lan_mbit: '1000' is not a number from"),
        ({"lan_mbit": float("nan")}, "planning.lan_mbit: nan is not a number from"),
    ],
)
def test_an_assumption_that_cannot_be_is_refused(values, said):
    with pytest.raises(InputError) as caught:
        Assumptions().with_values(values, "stated", "planning")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("gb", "text"),
    [
        (0, "0 GB"),
        (1.24, "1.2 GB"),
        (97.25, "97.2 GB"),
        (850.4, "850 GB"),
        (1000, "1 TB"),
        (2054.9, "2.05 TB"),
    ],
)
def test_volumes_read_as_people_say_them(gb, text):
    assert planning.gb_text(gb) == text
