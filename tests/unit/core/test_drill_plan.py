# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drill is due when, and what a measurement says of the whole."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import drilling
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.drill_plan import (
    Measured,
    full_due,
    small_due,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.in_place import Node
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

MONDAY = date(2026, 3, 2)  # of week 10
DAY = timedelta(days=1)


def drilled(day: date, full: bool = False) -> Draft:
    at = datetime.combine(day, time(19), UTC)
    return Draft("drilled", "test", at, None, {"full": full, "seconds": 1.0, "sound": True})


def ledger(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


def test_the_servers_take_turns_week_by_week_and_a_missed_day_is_made_up_for() -> None:
    assert small_due(ledger(), "remote", MONDAY)
    assert not small_due(ledger(), "local", MONDAY)
    assert small_due(ledger(), "remote", MONDAY + 6 * DAY)
    assert small_due(ledger(), "local", MONDAY + 7 * DAY)
    assert not small_due(ledger(), "remote", MONDAY + 7 * DAY)


def test_one_sample_a_week_is_enough_and_a_full_drill_is_no_sample() -> None:
    assert not small_due(ledger(drilled(MONDAY)), "remote", MONDAY + 6 * DAY)
    assert small_due(ledger(drilled(MONDAY - 14 * DAY)), "remote", MONDAY)
    assert small_due(ledger(drilled(MONDAY, full=True)), "remote", MONDAY)


def test_in_a_year_each_source_has_a_sample_a_week_from_one_server_or_the_other() -> None:
    books = {"local": ledger(), "remote": ledger()}
    for number in range(364):
        day = MONDAY + number * DAY
        for site, book in books.items():
            if small_due(book, site, day):
                books[site] = book.extended([drilled(day)])[0]
    counts = {site: len(book.entries) for site, book in books.items()}
    assert sum(counts.values()) == 52
    assert min(counts.values()) >= 25


def test_each_month_one_source_is_restored_as_a_whole_and_each_has_its_turn() -> None:
    books = {"accueil": ledger(), "compta": ledger(), "urbanisme": ledger()}
    turns = []
    for number in range(180):
        day = MONDAY + number * DAY
        name = full_due(books, day)
        if name is not None:
            turns.append(name)
            books[name] = books[name].extended([drilled(day, full=True)])[0]
    assert turns == ["accueil", "compta", "urbanisme"] * 2
    assert full_due({}, MONDAY) is None


@pytest.mark.parametrize(
    ("measured", "files", "size", "seconds"),
    [
        (Measured(10, 1000, 11.0, 1.0), 100, 10_000, 101.0),
        (Measured(10, 1000, 11.0, 1.0), 1000, 1000, 1001.0),  # many small files take longer than their bytes
        (Measured(10, 0, 11.0, 1.0), 20, 0, 21.0),
        (Measured(10, 1000, 1.0, 5.0), 10, 1000, 5.1),  # a tenth of it was work, whatever was measured before
        (Measured(0, 0, 1.0), 10, 1000, None),
    ],
)
def test_what_all_of_it_would_take(measured: Measured, files: int, size: int, seconds: float | None) -> None:
    assert measured.extrapolated(files, size) == (None if seconds is None else pytest.approx(seconds))


def test_a_sample_is_drawn_at_random_and_within_its_room() -> None:
    files = [Node(f"/{number}", 0, 1000) for number in range(2000)] + [Node("/huge", 0, 10**12)]
    drawn = drilling.sample(files, random.Random(1))
    assert len({node.path for node in drawn}) == len(drawn) >= drilling.SAMPLE - 1
    assert Node("/huge", 0, 10**12) not in drilling.sample(files[-1:], random.Random(1))
    large = [Node(f"/{number}", 0, drilling.ROOM // 3) for number in range(50)]
    assert len(drilling.sample(large, random.Random(1))) == 3
