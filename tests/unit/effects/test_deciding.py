# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a backup is due, which snapshot a restore takes, and what the status says: all pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.backup import Past, decide
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError, RefusedError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.restore import (
    Candidate,
    check_space,
    check_target,
    choose,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.status import (
    Facts,
    Status,
    assess,
    overall,
)

WEEK = OpeningCalendar.from_mapping(
    {"weekdays": ["mon", "tue", "wed", "thu", "fri"], "public_holidays": "none"}
)
MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def past(*days: int, full: bool = True, outcome: str | None = "ok") -> list[Past]:
    return [Past(MONDAY + n * DAY, full, outcome) for n in days]


@pytest.mark.parametrize(
    ("today", "history", "action"),
    [
        (MONDAY, [], "full"),
        (MONDAY - DAY, [], "none"),
        (MONDAY, past(0), "none"),
        (MONDAY + DAY, past(0), "incremental"),
        (MONDAY + DAY, past(0, outcome=None), "incremental"),
        (MONDAY + DAY, past(0, outcome="partial"), "full"),
        (MONDAY + DAY, past(0, full=False), "full"),
        (MONDAY, past(-3), "full"),
        (MONDAY, past(-1), "full"),
        (MONDAY, past(-365), "full"),
    ],
)
def test_a_run_does_what_the_calendar_and_the_month_ask_for(
    today: date, history: list[Past], action: str
) -> None:
    assert decide(today, WEEK, history).action == action


def test_a_full_on_a_closed_day_is_not_the_months() -> None:
    sunday = MONDAY - DAY  # 1 March
    assert decide(MONDAY, WEEK, [Past(sunday, True, "ok")]).action == "full"


def test_a_person_may_ask_for_more() -> None:
    assert decide(MONDAY, WEEK, past(0), today_anyway=True).action == "incremental"
    assert decide(MONDAY - DAY, WEEK, past(-3), today_anyway=True).action == "incremental"
    assert decide(MONDAY - DAY, WEEK, [], today_anyway=True).action == "full"
    assert decide(MONDAY + DAY, WEEK, past(0), full=True).action == "full"
    assert decide(MONDAY, WEEK, past(0), full=True).action == "none"


def candidate(letter: str, day: int, outcome: str | None = "ok", sound: bool = True) -> Candidate:
    return Candidate(letter * 64, MONDAY + day * DAY, outcome, 10, sound)


ALL = [candidate("a", 0), candidate("b", 2), candidate("c", 2, "partial"), candidate("d", 900, sound=False)]


def test_a_restore_takes_the_last_complete_backup_whose_time_is_believed() -> None:
    assert choose(ALL, None, None).id == "b" * 64
    assert choose(ALL, None, MONDAY + DAY).id == "a" * 64
    assert choose(ALL, "d" * 8, None).id == "d" * 64
    assert choose(ALL, "c" * 64, None).outcome == "partial"


@pytest.mark.parametrize(
    ("snapshot", "day", "said"),
    [
        ("a", None, "too short"),
        ("e" * 64, None, "is not there"),
        (None, MONDAY - DAY, "no complete backup on or before"),
    ],
)
def test_a_restore_of_nothing_says_what_to_do(snapshot: str | None, day: date | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose(ALL, snapshot, day)


def test_two_snapshots_with_one_beginning_are_not_guessed_between() -> None:
    twins = [Candidate("a" * 32 + letter * 32, MONDAY, "ok", 1) for letter in "bc"]
    with pytest.raises(InputError, match="too short"):
        choose(twins, "a" * 20, None)


def test_a_target_without_room_is_refused(tmp_path: Path) -> None:
    check_target(str(tmp_path / "new"), into_existing=False)
    check_space(str(tmp_path / "new" / "deeper"), 1)
    with pytest.raises(RefusedError, match="are needed"):
        check_space(str(tmp_path), 10**18)


def ledger(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


def receipt(day: int, outcome: str = "ok", letter: str = "a", claimed: int | None = None) -> Draft:
    at = NOON + day * DAY
    fields = {
        "snapshot": letter * 64,
        "series": "c/s",
        "received_at": at.isoformat(),
        "claimed_at": (NOON + (day if claimed is None else claimed) * DAY).isoformat(),
        "kind": "full",
        "outcome": outcome,
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": [],
        "host": "s",
    }
    return Draft("receipt", "test", at, None, fields)


def verified(day: int, sound: bool = True) -> Draft:
    return Draft("verified", "test", NOON + day * DAY, None, {"sound": sound})


def status(book: Ledger, day: int, **more: object) -> Status:
    present = frozenset(one.snapshot for one in book.live())
    facts = Facts("c/s", book, **{"present": present, **more})  # type: ignore[arg-type]
    return assess(facts, WEEK, Policy(), NOON + day * DAY)


def test_all_is_well() -> None:
    one = status(ledger(receipt(0), verified(0)), 1)
    assert (one.level, one.reasons, one.due, one.missed) == ("ok", [], MONDAY + DAY, [])


@pytest.mark.parametrize(
    ("book", "day", "more", "level", "said"),
    [
        (ledger(), 0, {}, "alarm", "no complete backup yet"),
        (ledger(receipt(0, "partial"), verified(0)), 0, {}, "alarm", "all are partial"),
        (ledger(receipt(0)), 0, {}, "attention", "never verified"),
        (ledger(receipt(0), verified(0, sound=False)), 0, {}, "alarm", "found damage"),
        (
            ledger(receipt(0), verified(0)),
            2,
            {},
            "attention",
            "no complete backup since 2026-03-02 (1 open days)",
        ),
        (ledger(receipt(0), verified(0)), 7, {}, "alarm", "no complete backup on the last 4 open days"),
        (ledger(receipt(0), verified(0)), 0, {"present": frozenset()}, "alarm", "gone from the repository"),
        (ledger(receipt(0), verified(0)), 0, {"present": None, "problem": "x"}, "alarm", "x"),
        (
            ledger(
                receipt(0),
                Draft("verified", "t", NOON, None, {"sound": True, "read_since": "2026-01-01T12:00:00Z"}),
            ),
            0,
            {},
            "attention",
            "not read for 60 days",
        ),
        (
            ledger(receipt(0), verified(0)),
            0,
            {"present": frozenset(["a" * 64, "b" * 64])},
            "attention",
            "no receipt",
        ),
        (
            ledger(receipt(0), receipt(1, letter="b", claimed=400), verified(1)),
            1,
            {},
            "attention",
            "not believed",
        ),
        (ledger(receipt(0), verified(0)), 0, {"held": ["an incident"]}, "attention", "an incident"),
        (ledger(receipt(0), verified(0)), 0, {"size": 100, "free": 5}, "attention", "left on the disk"),
        (ledger(receipt(0), verified(0)), 0, {"size": 100, "free": 1}, "alarm", "left on the disk"),
        (ledger(receipt(0), receipt(1, "partial", "b"), verified(1)), 1, {}, "attention", "is partial"),
        (
            ledger(receipt(0), verified(0), Draft("ledger-refused", "t", NOON)),
            0,
            {"replica": True},
            "alarm",
            "does not continue",
        ),
    ],
)
def test_the_status_says_what_is_wrong(
    book: Ledger, day: int, more: dict[str, object], level: str, said: str
) -> None:
    one = status(book, day, **more)
    assert one.level == level
    assert any(said in reason for reason in one.reasons), one.reasons


def test_a_verification_counts_for_the_complete_backups_that_it_looked_at() -> None:
    def looked(entries: int, sound: bool = True) -> Draft:
        return Draft("verified", "test", NOON + 5 * DAY, None, {"sound": sound, "entries": entries})

    two = (receipt(0), receipt(1, letter="b"))
    assert status(ledger(*two), 1).verified_snapshots == 0
    for book, count, newest in (
        (ledger(*two, looked(2)), 2, True),
        (ledger(receipt(0), looked(1), receipt(1, letter="b")), 1, False),
        (ledger(receipt(0, "partial"), receipt(1, letter="b"), looked(2)), 1, True),
        (ledger(*two, looked(2, sound=False)), 0, False),
        # There was nothing in the repository yet.
        (ledger(looked(0), *two), 0, False),
    ):
        one = status(book, 5)
        assert (one.verified_snapshots, one.newest_ok_verified) == (count, newest)
    assert status(ledger(*two, looked(2)), 5, present=frozenset(["b" * 64])).verified_snapshots == 1


def test_an_implausible_snapshot_does_not_make_a_stalled_series_fresh() -> None:
    book = ledger(receipt(0), verified(0), receipt(7, letter="b", claimed=400))
    one = status(book, 7)
    assert one.level == "alarm"
    assert one.last_ok_day == MONDAY


def test_a_closure_is_no_stall() -> None:
    shut = OpeningCalendar.from_mapping(
        {"weekdays": ["mon"], "closures": ["2026-03-03..2026-04-30"], "public_holidays": "none"}
    )
    book = ledger(receipt(0), verified(20))
    facts = Facts("c/s", book, frozenset(["a" * 64]))
    assert assess(facts, shut, Policy(), NOON + 30 * DAY).level == "ok"


def test_a_source_that_left_the_file_is_not_waited_for() -> None:
    book = ledger(receipt(0), verified(80))
    assert status(book, 90).level == "alarm"
    one = status(book, 90, retired=True)
    assert (one.level, one.due, one.missed, one.last_day) == ("ok", None, [], MONDAY)
    assert one.reasons == ["no longer in the commune's file: kept until its retention ends"]
    assert status(ledger(), 90, retired=True).level == "ok"
    assert status(book, 90, retired=True, present=frozenset()).level == "alarm"


def test_the_overall_level_is_the_worst_and_nothing_is_not_well() -> None:
    assert overall([]) == "attention"
    assert overall([Status("a"), Status("b", "alarm"), Status("c", "attention")]) == "alarm"


def test_the_status_is_json() -> None:
    value = status(ledger(receipt(0), verified(0)), 1).as_json()
    assert value["last_backup"] == {
        "day": "2026-03-02",
        "received_at": "2026-03-02T12:00:00Z",
        "kind": "full",
        "outcome": "ok",
    }
    assert value["due"] == "2026-03-03"
