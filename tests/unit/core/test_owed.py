# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What supervision asks of a ledger: when a backup is late, how long a copy waits, what was proved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import owed
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar

MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# Open on Monday, Tuesday, Thursday and Friday, and shut in the week of 16 March.
CALENDAR = OpeningCalendar.from_mapping(
    {"weekdays": ["mon", "tue", "thu", "fri"], "closures": ["2026-03-16..2026-03-22"]}
)


def ledger(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


def act(name: str, days: float = 0, **fields: object) -> Draft:
    return Draft(name, "test", NOON + days * DAY, None, fields)


BEGUN = ledger(act("key-registered"))


@pytest.mark.parametrize(
    ("last_ok", "owed_day"),
    [
        (date(2026, 3, 2), date(2026, 3, 3)),
        (date(2026, 3, 3), date(2026, 3, 5)),  # Wednesday is no open day
        (date(2026, 3, 6), date(2026, 3, 9)),  # nor is the week-end
        (date(2026, 3, 13), date(2026, 3, 23)),  # nor a closed week
        (date(2026, 3, 4), date(2026, 3, 5)),  # a backup on a closed day stands for none that is open
        (None, date(2026, 3, 3)),  # never one: the first open day after the ledger began
    ],
)
def test_what_is_owed_is_the_first_open_day_that_no_backup_covers(
    last_ok: date | None, owed_day: date
) -> None:
    assert owed.owed_day(BEGUN, last_ok, CALENDAR) == owed_day


def test_nothing_is_owed_without_a_ledger_or_by_a_town_hall_that_opens_no_more() -> None:
    assert owed.owed_day(Ledger(), None, CALENDAR) is None
    over = OpeningCalendar.from_mapping({"extra_days": ["2026-03-01"], "public_holidays": "none"})
    assert owed.owed_day(BEGUN, MONDAY, over) is None


def test_the_last_drill_counts_and_one_that_says_nothing_is_not_sound() -> None:
    assert owed.last_drill(BEGUN) is None
    drills = ledger(act("drilled", 0, seconds=5, sound=True), act("drilled", 1, seconds=7.5, sound=True))
    assert owed.last_drill(drills) == owed.Drill(NOON + DAY, 7.5, True)
    whole = act("drilled", 0, seconds=5, sound=True, full=True, extrapolated=9)
    both = ledger(whole, act("drilled", 1, seconds=7, sound=True, full=False, extrapolated=None))
    assert owed.last_drill(both) == owed.Drill(NOON + DAY, 7.0, True, None, NOON)
    assert owed.last_drill(ledger(whole)) == owed.Drill(NOON, 5.0, True, 9.0, NOON)
    assert owed.last_drill(ledger(act("drilled"))) == owed.Drill(NOON, 0.0, False)


def test_the_share_read_this_month_is_of_what_there_is_and_never_more_than_all() -> None:
    def share(book: Ledger, days: float) -> float | None:
        return owed.read_share(book, NOON + days * DAY)

    assert share(BEGUN, 1) is None
    whole = ledger(act("verified", 0, size=100))
    assert (share(whole, 1), share(whole, 31)) == (1.0, 0.0)
    parts = ledger(act("verified", 0, size=10, total=100), act("verified", 1, size=30, total=100))
    assert share(parts, 2) == 0.4
    assert (
        share(ledger(act("verified", 0, size=80, total=100), act("verified", 1, size=80, total=100)), 2)
        == 1.0
    )
    assert share(ledger(act("verified", 0, size=0)), 1) is None


def test_all_is_read_since_the_instant_that_the_last_verification_names() -> None:
    assert owed.read_since(BEGUN) is None
    since = NOON.isoformat()
    assert owed.read_since(ledger(act("verified", 1, read_since=since))) == NOON
    later = ledger(act("verified", 1, read_since=since), act("verified", 2, read_since=None))
    assert owed.read_since(later) is None


def test_the_month_begins_at_midnight_in_paris() -> None:
    read = ledger(Draft("verified", "test", datetime(2026, 3, 31, 21, 59, tzinfo=UTC), None, {"size": 1}))
    assert owed.read_share(read, datetime(2026, 3, 31, 21, 59, tzinfo=UTC)) == 1.0
    assert owed.read_share(read, datetime(2026, 3, 31, 22, 0, tzinfo=UTC)) == 0.0
