# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What REMOTE takes LOCAL's word for, and what not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import replicate
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

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


def held(entries: int, before: datetime | None, *doubtful: str) -> Draft:
    fields = {
        "head": "0" * 64,
        "entries": entries,
        "before": before.isoformat() if before else None,
        "doubtful": list(doubtful),
    }
    return Draft(replicate.HELD_ACT, "remote", NOON, None, fields)


def shipped(book: Ledger, comparison: Any = "behind") -> replicate.Shipped:
    return replicate.Shipped(b"", book, comparison)


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
    assert replicate.outside_window(before, after, NOON + 2 * DAY) == (["b" * 64] if doubtful else [])


def test_a_week_without_a_link_makes_nothing_implausible() -> None:
    local = ledger(receipt("a", NOON), *(receipt(x, NOON + n * DAY) for n, x in enumerate("bcdef0", 1)))
    before = ledger(receipt("a", NOON))
    now = NOON + 8 * DAY
    assert replicate.outside_window(before, local, now) == []
    own = ledger(held(1, None), held(7, NOON))
    for one in local.receipts():
        assert replicate.received_at(one, shipped(local), own, now) == one.received_at


def test_a_receipt_dated_before_what_was_held_is_dated_by_it() -> None:
    local = ledger(receipt("a", NOON), receipt("b", NOON + HOUR, received=NOON - 300 * DAY))
    own = ledger(held(1, None), held(2, NOON))
    assert replicate.received_at(local.receipts()[1], shipped(local), own, NOON + 2 * HOUR) == NOON


@pytest.mark.parametrize("comparison", ["forked", "truncated", "rewritten"])
def test_a_ledger_that_does_not_continue_dates_nothing(comparison: str) -> None:
    local = ledger(receipt("a", NOON))
    own = ledger(held(1, None))
    now = NOON + DAY
    assert replicate.received_at(local.receipts()[0], shipped(local, comparison), own, now) == now


def test_a_doubtful_entry_and_one_of_the_future_are_dated_by_the_pull() -> None:
    local = ledger(receipt("a", NOON), receipt("b", NOON, received=NOON + 9 * DAY))
    own = ledger(held(2, None, "a" * 64))
    now = NOON + DAY
    assert [replicate.received_at(one, shipped(local), own, now) for one in local.receipts()] == [now, now]


def test_a_line_that_local_was_still_writing_is_left_for_next_time() -> None:
    assert replicate.whole_lines(b"one\ntwo\nthr") == b"one\ntwo\n"
    assert replicate.whole_lines(b"thr") == b""


def test_the_held_copy_lies_beside_the_own_ledger() -> None:
    assert replicate.held_path("/srv/ledgers/c/s.jsonl") == "/srv/ledgers/c/s.local.jsonl"
