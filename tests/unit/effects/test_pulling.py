# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What REMOTE takes LOCAL's word for, and what not."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import amending, local_ledger, replicate
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger, whole_lines

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def receipt(letter: str, at: datetime, received: datetime | None = None, **more: Any) -> Draft:
    fields = {
        "snapshot": letter * 64,
        "series": "c/s",
        "received_at": (received or at).isoformat(),
        "claimed_at": (received or at).isoformat(),
        "kind": "full",
        "outcome": "ok",
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": [],
        "host": "s",
        **more,
    }
    return Draft("receipt", "local", at, None, fields)


def ledger(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


def held(entries: int, before: datetime | None, *doubtful: str, at: datetime = NOON) -> Draft:
    fields = {
        "head": "0" * 64,
        "entries": entries,
        "before": before.isoformat() if before else None,
        "doubtful": list(doubtful),
    }
    return Draft(local_ledger.HELD_ACT, "remote", at, None, fields)


def shipped(book: Ledger, comparison: Any = "behind") -> local_ledger.Shipped:
    return local_ledger.Shipped(b"", book, comparison)


def test_what_remote_has_had_does_not_come_again() -> None:
    local = ledger(*(receipt(letter, NOON) for letter in "abc"))
    own = ledger(
        receipt("1", NOON, original="a" * 64),
        Draft("removed", "r", NOON, None, {"snapshots": ["1" * 64]}),
        Draft("replicated", "r", NOON, None, {"snapshot": "2" * 64, "original": "b" * 64}),
    )
    assert [one.snapshot for one in replicate.to_copy(local, own)] == ["c" * 64]


def test_what_local_removed_or_set_aside_is_not_asked_for() -> None:
    local = ledger(
        *(receipt(letter, NOON) for letter in "abc"),
        Draft("removed", "l", NOON, None, {"snapshots": ["a" * 64]}),
        Draft("quarantined", "l", NOON, None, {"snapshot": "b" * 64}),
    )
    assert [one.snapshot for one in replicate.to_copy(local, Ledger())] == ["c" * 64]


@pytest.mark.parametrize(
    ("at", "doubtful"),
    [(HOUR, False), (-HOUR, True), (2 * DAY, False), (2 * DAY + HOUR, True), (-400 * DAY, True)],
)
def test_an_entry_must_lie_between_the_last_head_and_now(at: timedelta, doubtful: bool) -> None:
    before = ledger(receipt("a", NOON))
    after = before.extended([receipt("b", NOON + at)])[0]
    assert local_ledger.outside_window(before, after, NOON + 2 * DAY) == (["b" * 64] if doubtful else [])


def test_a_week_without_a_link_makes_nothing_implausible() -> None:
    local = ledger(receipt("a", NOON), *(receipt(x, NOON + n * DAY) for n, x in enumerate("bcdef0", 1)))
    before = ledger(receipt("a", NOON))
    now = NOON + 8 * DAY
    assert local_ledger.outside_window(before, local, now) == []
    own = ledger(held(1, None), held(7, NOON))
    for one in local.receipts():
        assert local_ledger.received_at(one, shipped(local), own, now) == one.received_at


def test_a_receipt_dated_before_what_was_held_is_dated_by_it() -> None:
    local = ledger(receipt("a", NOON), receipt("b", NOON + HOUR, received=NOON - 300 * DAY))
    own = ledger(held(1, None), held(2, NOON))
    assert local_ledger.received_at(local.receipts()[1], shipped(local), own, NOON + 2 * HOUR) == NOON


@pytest.mark.parametrize("comparison", ["forked", "truncated", "rewritten"])
def test_a_ledger_that_does_not_continue_dates_nothing(comparison: str) -> None:
    local = ledger(receipt("a", NOON))
    own = ledger(held(1, None))
    now = NOON + DAY
    assert local_ledger.received_at(local.receipts()[0], shipped(local, comparison), own, now) == now


def test_a_doubtful_entry_and_one_of_the_future_are_dated_by_the_pull() -> None:
    local = ledger(receipt("a", NOON), receipt("b", NOON, received=NOON + 9 * DAY))
    own = ledger(held(2, None, "a" * 64))
    now = NOON + DAY
    assert [local_ledger.received_at(one, shipped(local), own, now) for one in local.receipts()] == [now, now]


def test_what_local_wrote_with_a_clock_that_was_ahead_makes_nothing_later_implausible() -> None:
    """An entry of 2035 says nothing about when the next ones came; without it, the window is what it was."""
    before = ledger(receipt("a", NOON), Draft("verified", "l", NOON + 3000 * DAY, None, {"sound": True}))
    now = NOON + 2 * DAY
    after = before.extended([receipt("b", NOON + HOUR), receipt("c", NOON - HOUR)])[0]
    assert local_ledger.outside_window(before, after, now) == ["c" * 64]
    assert local_ledger.newest_believed(before, now) == NOON


def test_the_key_that_local_registered_for_the_pull_is_the_one_tried_first() -> None:
    def key(name: str, value: str) -> Draft:
        return Draft("key-registered", "l", NOON, None, {"name": name, "key": value})

    held_before = ledger(key("replica", "1" * 64))
    with_newer = held_before.extended([key("replica", "2" * 64), key("client", "3" * 64)])[0]
    for came, expected in (
        (with_newer, "2" * 64),
        (held_before, "1" * 64),
        (ledger(key("client", "3" * 64)), "1" * 64),
        (ledger(key("replica", "latest; rm -rf")), "1" * 64),
    ):
        assert local_ledger.Shipped(b"", came, "behind", held_before).pull_key == expected
    assert local_ledger.Shipped(b"", ledger(), "behind").pull_key is None


def test_a_run_takes_so_many_and_those_that_failed_before_come_last() -> None:
    todo = ledger(*(receipt(letter, NOON) for letter in "abcdef")).receipts()
    there = {letter * 64 for letter in "acdef"}
    limits = replicate.Limits(most=3, failed={"a" * 64, "d" * 64})
    assert [one.snapshot[0] for one in replicate.chosen(todo, there, limits)] == ["c", "e", "f"]
    more = replicate.Limits(most=4, failed={"a" * 64, "d" * 64})
    assert [one.snapshot[0] for one in replicate.chosen(todo, there, more)] == ["c", "e", "f", "a"]


def test_a_hundred_thousand_invented_receipts_are_sorted_out_in_a_second() -> None:
    book = ledger(receipt("a", NOON))
    made = [replace(book.receipts()[0], snapshot=f"{number:064x}", seq=number) for number in range(100_000)]
    began = time.monotonic()
    assert replicate.chosen(made, {"a" * 64}, replicate.Limits()) == []
    assert time.monotonic() - began < 1


def test_a_line_that_local_was_still_writing_is_left_for_next_time() -> None:
    assert whole_lines(b"one\ntwo\nthr") == b"one\ntwo\n"
    assert whole_lines(b"thr") == b""


def test_the_held_copy_lies_beside_the_own_ledger() -> None:
    assert local_ledger.path_of("/srv/ledgers/c/s.jsonl") == "/srv/ledgers/c/s.local.jsonl"


def late(letter: str, at: datetime, outcome: str = "ok") -> Draft:
    fields = {"snapshot": letter * 64, "outcome": outcome, "reported_at": at.isoformat()}
    return Draft("amended", "local", at, "the report came late", fields)


UNREPORTED = {"outcome": "partial", "reported": False}


def told(local: Ledger, own: Ledger) -> list[tuple[str, str]]:
    """What REMOTE takes over: its own snapshot's first letter, and the outcome."""
    came = shipped(local)
    found = amending.told_by_local(own, local, lambda entry: local_ledger.in_window(entry, came, own))
    return [(snapshot[0], entry.fields["outcome"]) for snapshot, entry in found]


def test_what_local_amended_after_the_pull_is_amended_here() -> None:
    local = ledger(receipt("a", NOON, **UNREPORTED), late("a", NOON + HOUR))
    copy = receipt("1", NOON, original="a" * 64, **UNREPORTED)
    own = ledger(held(1, None), copy, held(2, NOON, at=NOON + HOUR))
    assert told(local, own) == [("1", "ok")]
    # Taken over once, it is not taken over again.
    assert told(local, own.extended([late("1", NOON + HOUR)])[0]) == []


def test_what_local_amended_before_the_pull_needs_no_second_act() -> None:
    local = ledger(receipt("a", NOON, **UNREPORTED), late("a", NOON + HOUR))
    (asked,) = replicate.to_copy(local, Ledger())
    assert (asked.outcome, asked.reported) == ("ok", True)


@pytest.mark.parametrize(
    ("at", "seen", "taken"),
    [
        (NOON + 3 * DAY, NOON + 2 * DAY, True),
        (NOON + 5 * DAY, NOON + 4 * DAY, False),  # too late by LOCAL's own word
        (NOON + 3 * DAY, NOON + 200 * DAY, False),  # dated back: REMOTE had seen later entries by then
    ],
)
def test_a_stolen_local_cannot_amend_what_is_old(at: datetime, seen: datetime, taken: bool) -> None:
    local = ledger(receipt("a", NOON, **UNREPORTED), late("a", at))
    copy = receipt("1", NOON, original="a" * 64, **UNREPORTED)
    own = ledger(held(1, None), copy, held(2, seen, at=seen + DAY))
    assert told(local, own) == ([("1", "ok")] if taken else [])


def test_local_cannot_amend_from_the_future_nor_what_is_not_a_copy() -> None:
    own = ledger(held(1, None), receipt("1", NOON, original="a" * 64, **UNREPORTED), held(3, NOON))
    local = ledger(receipt("a", NOON, **UNREPORTED), late("a", NOON + DAY), late("b", NOON))
    assert told(local, own) == []


def test_local_cannot_amend_what_its_workstation_called_partial() -> None:
    own = ledger(held(1, None), receipt("1", NOON, original="a" * 64, outcome="partial"), held(2, NOON))
    local = ledger(receipt("a", NOON, **UNREPORTED), late("a", NOON))
    assert told(local, own) == []
