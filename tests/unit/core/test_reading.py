# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a repository is read when: each day a portion and what is new, all within 30 days."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.reading import (
    PARTS,
    PORTION,
    Reading,
    begin,
    due,
    ended,
    is_new,
    month_full,
    reading_from,
)

NIGHT = datetime(2026, 3, 2, 21, tzinfo=UTC)
DAY = timedelta(days=1)
FULL, OTHER = "a" * 64, "b" * 64


def read(reading: Reading, now: datetime, most: int | None = None) -> list[str]:
    """A run that reads what is due, or only the first of it."""
    parts = due(reading, now)[:most]
    reading.parts.update(dict.fromkeys(parts, now))
    if most is None:
        ended(reading, now)
    return parts


def all_read(at: datetime = NIGHT) -> Reading:
    reading = Reading()
    begin(reading, FULL, at, everything=False)
    assert read(reading, at) == list(PARTS)
    return reading


def test_what_was_never_read_is_read_at_once_and_then_is_not_due() -> None:
    reading = all_read()
    assert (reading.began, reading.since, reading.fresh_at) == (None, NIGHT, NIGHT)
    begin(reading, FULL, NIGHT + timedelta(hours=1), everything=False)
    assert due(reading, NIGHT + timedelta(hours=1)) == []


def test_a_portion_each_day_and_no_part_twice_before_the_others() -> None:
    reading = all_read()
    seen: list[str] = []
    for day in range(1, 26):
        portion = read(reading, NIGHT + day * DAY)
        assert len(portion) == PORTION
        seen += portion
    assert len(set(seen)) == 250


@pytest.mark.parametrize("seed", range(20))
def test_everything_is_read_within_30_days_whatever_hour_and_day_is_missed(seed: int) -> None:
    chance = random.Random(seed)
    reading, now = all_read(), NIGHT
    for _run in range(400):
        # Up to two days are missed now and then, and the timer comes at another hour.
        now += chance.choice([1, 1, 1, 1, 2, 3]) * DAY + timedelta(minutes=chance.randint(-90, 90))
        read(reading, now)
        assert reading.since is not None
        # Until the next run, three days from now at most.
        assert now - reading.since <= 29 * DAY


def test_after_a_month_without_power_all_that_is_overdue_is_read_at_once() -> None:
    reading = all_read()
    assert len(due(reading, NIGHT + 40 * DAY)) == 256


def test_the_portion_is_for_the_day_however_often_it_is_asked_for() -> None:
    reading = all_read()
    tomorrow = NIGHT + DAY
    assert len(read(reading, tomorrow, most=4)) == 4
    assert len(read(reading, tomorrow + timedelta(hours=1))) == PORTION - 4
    assert read(reading, tomorrow + timedelta(hours=2)) == []


def test_a_new_months_full_has_everything_read_once() -> None:
    reading = all_read()
    later = NIGHT + DAY
    begin(reading, OTHER, later, everything=False)
    assert len(read(reading, later, most=100)) == 100
    # Cut off: the next run goes on with the rest, and does not begin anew.
    again = later + DAY
    begin(reading, OTHER, again, everything=False)
    assert len(read(reading, again)) == 156
    assert reading.began is None
    begin(reading, OTHER, again + DAY, everything=False)
    assert len(due(reading, again + DAY)) == PORTION


def test_who_asks_for_everything_gets_everything_also_when_all_is_fresh() -> None:
    reading = all_read()
    for hour in (1, 2):
        now = NIGHT + timedelta(hours=hour)
        begin(reading, FULL, now, everything=True)
        assert len(read(reading, now)) == 256


def test_times_of_a_clock_that_was_wrong_count_as_never() -> None:
    reading = all_read(NIGHT + 3650 * DAY)
    assert len(due(reading, NIGHT)) == 256
    reading.began = NIGHT + 3650 * DAY
    begin(reading, OTHER, NIGHT, everything=False)
    assert reading.began == NIGHT


def test_what_came_since_is_new_and_what_was_read_is_not() -> None:
    reading = all_read()
    assert is_new(Reading(), "00", NIGHT)
    assert not is_new(reading, "00", NIGHT - 2 * DAY)
    assert is_new(reading, "00", NIGHT + DAY)
    ended(reading, NIGHT + 2 * DAY)
    assert not is_new(reading, "00", NIGHT + DAY)


def receipt(letter: str, day: int, kind: str = "full", outcome: str = "ok") -> Draft:
    at = NIGHT + day * DAY
    fields = {
        "snapshot": letter * 64,
        "series": "c/s",
        "received_at": at.isoformat(),
        "claimed_at": at.isoformat(),
        "kind": kind,
        "outcome": outcome,
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": [],
        "host": "s",
    }
    return Draft("receipt", "test", at, None, fields)


def test_the_months_full_is_the_first_complete_one_of_the_newest_month() -> None:
    def of(*drafts: Draft) -> str | None:
        return month_full(Ledger().extended(drafts)[0])

    assert of() is None
    assert of(receipt("a", 0, kind="incremental"), receipt("b", 0, outcome="partial")) is None
    assert of(receipt("a", 0), receipt("b", 1)) == "a" * 64
    assert of(receipt("a", 0), receipt("b", 31), receipt("c", 32)) == "b" * 64


def test_what_is_kept_is_read_again_as_it_was() -> None:
    reading = all_read()
    reading.began, reading.damaged, reading.size, reading.seconds = NIGHT, {"data/00/x"}, 5, 1.5
    assert reading_from(json.loads(json.dumps(reading.as_json()))) == reading
    assert reading_from(Reading().as_json()) == Reading()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parts", {"zz": "2026-03-02T21:00:00Z"}),
        ("parts", {"00": "yesterday"}),
        ("parts", None),
        ("full", "latest"),
        ("damaged", "all"),
        ("damaged", [1]),
        ("fresh_at", 5),
        ("size", None),
    ],
)
def test_what_makes_no_sense_is_not_believed(name: str, value: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, BackupError)):
        reading_from({**all_read().as_json(), name: value})
    with pytest.raises(ValueError, match="mapping"):
        reading_from([])
