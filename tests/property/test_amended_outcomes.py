# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Late reports against an oracle that reads the ledger the way a clerk would, entry by entry.

The clerk keeps a slip for each snapshot and counts hours; what is planned from a ledger with late reports
must be what is planned from a history in which each outcome had been known at once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger, parse
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import FixedOpenDays
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.retention import (
    Snapshot,
    plan,
    snapshots_of,
)

pytestmark = pytest.mark.no_cover

START = datetime(2026, 2, 25, 12, tzinfo=UTC)
OPEN = FixedOpenDays(date(2026, 2, 20) + timedelta(days=n) for n in range(60))
# Hours from a receipt to the report on it: the four days' end lies between 96 and 97.
DELAYS = [-1, 0, 1, 20, 72, 95, 96, 97, 400, 5000]


class Event(NamedTuple):
    """act: receipt, amended or removed; hour: after START; for an amended one, the hour of its report."""

    act: str
    snapshot: int
    hour: int
    outcome: str
    reported: bool


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    hour = 0
    received: dict[int, int] = {}
    for _ in range(draw(st.integers(1, 30))):
        hour += draw(st.sampled_from([0, 1, 24, 24, 24, 48]))
        act = draw(st.sampled_from(["receipt", "receipt", "amended", "amended", "removed"]))
        snapshot = draw(st.integers(0, 12))
        outcome = draw(st.sampled_from(["ok", "partial", "partial", "failed"]))
        if act == "receipt":
            received[snapshot] = hour
            events.append(Event(act, snapshot, hour, outcome, outcome == "ok" or draw(st.booleans())))
        else:
            told = received.get(snapshot, 0) + draw(st.sampled_from(DELAYS))
            events.append(Event(act, snapshot, told, outcome, True))
    return events


class Slip(NamedTuple):
    hour: int
    outcome: str
    settled: bool


def kept_by_a_clerk(events: list[Event]) -> dict[int, Slip]:
    """The slips in the order in which they were begun."""
    slips: dict[int, Slip] = {}
    for act, snapshot, hour, outcome, reported in events:
        slip = slips.get(snapshot)
        if act == "receipt" and slip is None:
            slips[snapshot] = Slip(hour, outcome, reported)
        elif act == "removed":
            slips.pop(snapshot, None)
        elif act == "amended" and slip is not None and not slip.settled and hour - slip.hour <= 96:
            slips[snapshot] = Slip(slip.hour, outcome, True)
    return slips


def written(events: list[Event]) -> Ledger:
    drafts = []
    for act, number, hour, outcome, reported in events:
        at = START + timedelta(hours=hour)
        snapshot = f"{number:064x}"
        fields: dict[str, Any] = {"snapshot": snapshot}
        if act == "receipt":
            fields |= {"series": "a", "received_at": at.isoformat(), "claimed_at": at.isoformat()}
            fields |= {"kind": "full", "outcome": outcome, "size": 1, "files": 1, "added": 1}
            fields |= {"paths": [], "host": "s"}
            if not reported:
                fields["reported"] = False
        elif act == "amended":
            fields |= {"outcome": outcome, "reported_at": at.isoformat()}
        drafts.append(Draft(act, "test", at, None, fields))
    return parse(Ledger().extended(drafts)[1])


@settings(max_examples=settings.default.max_examples // 4)
@given(histories(), st.sampled_from([0, 24, 24 * 15, 24 * 40]))
def test_a_late_report_plans_as_if_the_outcome_had_been_known_at_once(
    events: list[Event], since: int
) -> None:
    slips = kept_by_a_clerk(events)
    now = START + timedelta(hours=max([e.hour for e in events if e.act == "receipt"], default=0) + since)
    known = [
        Snapshot(f"{n:064x}", "a", *(START + timedelta(hours=slip.hour),) * 2, slip.outcome)
        for n, slip in slips.items()
    ]
    asked = plan(snapshots_of(written(events)), OPEN, Policy(), now)
    expected = plan(known, OPEN, Policy(), now)
    assert list(asked.decisions()) == list(expected.decisions())
    assert asked.plan_hash == expected.plan_hash
    first = {n: e.outcome for e in reversed(events) for n in (e.snapshot,) if e.act == "receipt"}
    event(f"amended: {any(slip.outcome != first[n] for n, slip in slips.items())}")


@settings(max_examples=settings.default.max_examples // 20)
@given(histories(), st.integers(0, 12), st.sampled_from(DELAYS), st.sampled_from(["ok", "partial"]))
def test_a_late_report_moves_no_receipt_and_touches_no_other_snapshot(
    events: list[Event], snapshot: int, delay: int, outcome: str
) -> None:
    """Whatever a thief says of one snapshot, afterwards."""
    before = written(events).live()
    hour = next((e.hour for e in reversed(events) if e.act == "receipt" and e.snapshot == snapshot), 0)
    after = written([*events, Event("amended", snapshot, hour + delay, outcome, True)]).live()
    assert [(one.snapshot, one.seq, one.received_at) for one in after] == [
        (one.snapshot, one.seq, one.received_at) for one in before
    ]
    changed = {a.snapshot for a, b in zip(after, before, strict=True) if a.outcome != b.outcome}
    assert changed <= {f"{snapshot:064x}"}
