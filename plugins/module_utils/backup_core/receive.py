# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receipts at LOCAL: what arrived in a repository is read with the server's own key and put into the ledger.

Safe to be killed anywhere: every run compares what lies on disk with the ledger and does what is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from . import amending, aside, quarantine, snapshots
from . import report as reports
from .ledger import Draft, Ledger
from .snapshots import Snapshot, on_disk
from .workplace import Workplace

REPORT_GRACE = timedelta(seconds=120)
# A flood of snapshots delays the receipts of other sources no longer than this (seconds).
LONGEST = 20.0
MISSING_ACT = "missing"
# Written before restic is told to forget: a kill in between must not look like a loss.
INTENT_ACT = "removing"
CANCELLED_ACT = "not-removed"


@dataclass
class Received:
    """What one run found in one source's repository."""

    series: str
    receipts: list[dict[str, object]] = field(default_factory=list)
    amended: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    quarantined: list[dict[str, object]] = field(default_factory=list)

    @property
    def attention(self) -> bool:
        partial = any(receipt["outcome"] != "ok" for receipt in self.receipts)
        return bool(partial or self.unreadable or self.missing or self.quarantined)


def new_ids(disk: Mapping[str, datetime], ledger: Ledger) -> list[str]:
    """What has no receipt yet, in the order of arrival. Removed ones that came back count as new."""
    known = {receipt.snapshot for receipt in ledger.live()}
    return sorted((one for one in disk if one not in known), key=lambda one: (disk[one], one))


def missing_ids(disk: Collection[str], ledger: Ledger) -> list[str]:
    """What the ledger says should be there and is not, in ledger order."""
    set_aside = ledger.quarantined_ids()
    return [r.snapshot for r in ledger.live() if r.snapshot not in disk and r.snapshot not in set_aside]


def intended_removals(ledger: Ledger) -> set[str]:
    """What a removal announced and may have done without living to record it."""
    intended: set[str] = set()
    for entry in ledger.entries:
        if entry.act == INTENT_ACT:
            intended.update(entry.snapshots)
        elif entry.act in ("removed", CANCELLED_ACT):
            intended.difference_update(entry.snapshots)
    return intended


def received_at(arrived: datetime, now: datetime, injected: bool) -> datetime:
    """The file's own time, which the server's clock wrote, unless that lies in the future."""
    return now if injected or arrived > now else arrived


def outcome_of(
    report: reports.Report | None, arrived: datetime, now: datetime, injected: bool
) -> tuple[str, str | None] | None:
    """Outcome and remark for a receipt, or None while the report may still come."""
    if report is not None:
        return told_outcome(report)
    age = now - arrived
    if not injected and timedelta(0) <= age < REPORT_GRACE:
        return None
    return "partial", "no report from the workstation"


def told_outcome(report: reports.Report) -> tuple[str, str | None]:
    """Outcome and remark, as the report tells them."""
    if report.outcome == "ok":
        return "ok", None
    shown = ", ".join(report.unreadable[:3]) or "some files"
    return "partial", f"the workstation could not read {shown}"[:500]


def receive(place: Workplace) -> Received:
    """Bring one source's ledger up to what lies in its repository. The caller holds the source's lock."""
    result = Received(place.source.series)
    swept = quarantine.sweep(place)
    result.quarantined += swept.batches
    ledger = place.ledger()
    disk = on_disk(place.location)
    gone = missing_ids(disk, ledger)
    interrupted = [one for one in gone if one in intended_removals(ledger)]
    result.missing = [one for one in gone if one not in interrupted]
    drafts = _missing_drafts(place, ledger, result.missing)
    if interrupted:
        why = "a removal that was interrupted is complete"
        drafts.append(place.draft("removed", {"snapshots": interrupted}, why))
    candidates = [one for one in new_ids(disk, ledger) if one not in swept.unjudged]
    if candidates:
        found, unread = snapshots.read(place.repository(ledger), candidates, LONGEST)
        result.waiting = [one for one in candidates if one not in found and one not in unread]
        result.unreadable = _set_aside(place, ledger, unread, result)
        now = place.clock.now()
        for one in candidates:
            if one in found:
                drafts += _receipt(place, found[one], disk[one], now, result)
    drafts += _amendments(place, ledger, result)
    if drafts:
        ledger = place.append(drafts)
    if place.source.reports is not None:
        known = {receipt.snapshot for receipt in ledger.live()}
        reports.tidy(place.source.reports, known, disk.keys() - known, time.time())
    return result


def _amendments(place: Workplace, ledger: Ledger, result: Received) -> list[Draft]:
    """What reports that came late say of receipts that wait for none any more."""
    folder = place.source.reports
    if folder is None:
        return []
    now = place.clock.now()
    drafts = []
    for report in amending.told_late(ledger, reports.ids(folder), partial(reports.read, folder), now):
        outcome, why = told_outcome(report)
        drafts.append(amending.draft(place, report.snapshot, outcome, why or "the report came late", now))
        result.amended[report.snapshot] = outcome
    return drafts


def _set_aside(
    place: Workplace, ledger: Ledger, unread: Mapping[str, str], result: Received
) -> dict[str, str]:
    """Put into quarantine what is proven to be no snapshot of ours; returns what stays unexplained."""
    suspects = [aside.Foreign("snapshot", one, "restic reads no snapshot in it") for one in unread]
    result.quarantined += aside.move(place, quarantine.proven(place, ledger, suspects))
    return {one: why for one, why in unread.items() if os.path.lexists(aside.path_of(place, "snapshot", one))}


def _receipt(
    place: Workplace, snapshot: Snapshot, arrived: datetime, now: datetime, result: Received
) -> Sequence[Draft]:
    injected = place.clock.injected is not None
    report = reports.read(place.source.reports, snapshot.id) if place.source.reports is not None else None
    judged = outcome_of(report, arrived, now, injected)
    if judged is None:
        result.waiting.append(snapshot.id)
        return []
    outcome, why = judged
    at = received_at(arrived, now, injected)
    unreported = {"reported": False} if report is None else {}
    fields = snapshots.receipt_fields(snapshot, place.source.series, at, outcome, **unreported)
    result.receipts.append(fields)
    return [place.draft("receipt", fields, why)]


def _missing_drafts(place: Workplace, ledger: Ledger, missing: Sequence[str]) -> list[Draft]:
    """One entry per loss, not one per minute."""
    told = {one for entry in ledger.entries if entry.act == MISSING_ACT for one in entry.snapshots}
    fresh = [one for one in missing if one not in told]
    if not fresh:
        return []
    why = "in the ledger and not removed by it, but no longer in the repository"
    return [place.draft(MISSING_ACT, {"snapshots": fresh}, why)]
