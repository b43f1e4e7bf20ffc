# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to keep and what to remove: `plan`, the pure function of "Retention, exactly".

A snapshot's `until` is the last day its dates keep it (rules 2 and 3), inclusive: the first day it could go
is the day after. A snapshot that stands in as its month's full may lose that place to a better one of the
same month, so `until` is what is known now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple

from .errors import InputError, shown
from .ledger import Ledger
from .opening import OpenDays
from .policy import Policy
from .rules import EVERYTHING, FULL, QUARANTINED, Action, Rules, Snapshot, clock_doubt
from .times import paris_day

__all__ = ["EVERYTHING", "Decision", "DuplicateSnapshotError", "Plan", "Snapshot", "plan", "snapshots_of"]


class Decision(NamedTuple):
    """What becomes of a snapshot, all the reasons, and the last day its dates keep it.

    `until` is None for what no date ends: quarantined ones, and those whose date is past but that the floor,
    a hold or a guard keeps. For action remove it is the past day on which its keeping ended.
    """

    id: str
    series: str
    action: Action
    reasons: list[str]
    until: date | None


class DuplicateSnapshotError(InputError):
    """The same id was given twice: to decide to keep one would be to decide to remove the other."""

    def __init__(self, snapshot: str) -> None:
        super().__init__(f"snapshot {shown(snapshot)} is there twice")
        self.snapshot = snapshot


@dataclass(slots=True)
class Plan:
    """Decisions in ledger order, with the guards that apply to the whole.

    refused: one sentence where rule 8 wants a person's word. The decisions are then still those of the plan
    that was refused, so that a person can read what there is to confirm; none of them may be carried out.
    plan_hash: SHA-256 over the id, series, action and until of every decision; what that person confirms.
    missing: ids with a receipt that are not in the repository. unknown: ids in it without a receipt (rule 9).
    """

    ids: list[str]
    refused: str | None
    plan_hash: str
    missing: list[str]
    unknown: list[str]
    _rules: Rules

    def decisions(self) -> Iterator[Decision]:
        rules = self._rules
        for position, name in enumerate(self.ids):
            yield Decision(
                name,
                rules.series_name(position),
                rules.action(position),
                rules.reasons(position, self.ids),
                rules.until(position),
            )

    def removals(self) -> list[str]:
        """The ids the plan would remove, in ledger order. To be carried out only where `refused` is None."""
        return [name for name, mark in zip(self.ids, self._rules.marks, strict=True) if not mark & ~FULL]

    def quarantined(self) -> list[str]:
        return [name for name, mark in zip(self.ids, self._rules.marks, strict=True) if mark & QUARANTINED]


def snapshots_of(ledger: Ledger) -> Iterator[Snapshot]:
    """The live receipts of a ledger, in its order, as `plan` takes them."""
    for receipt in ledger.live():
        yield Snapshot(
            receipt.snapshot, receipt.series, receipt.received_at, receipt.claimed_at, receipt.outcome
        )


def plan(
    snapshots: Iterable[Snapshot],
    open_days: OpenDays,
    policy: Policy,
    now: datetime,
    *,
    newest_entry: datetime | None = None,
    holds: Mapping[str, str] | None = None,
    synchronised: bool = True,
    present: Collection[str] | None = None,
    quarantined: Container[str] = frozenset(),
    confirmed: str | None = None,
    retired: Collection[str] = (),
) -> Plan:
    """Keep, remove or quarantine every snapshot, given in ledger order. Series do not depend on each other.

    newest_entry: time of the newest ledger entry of any kind, by Ledger.newest_at; without a ledger, that of
    the newest receipt.
    holds: reason by series; the key EVERYTHING covers all. synchronised: what the system says of its clock.
    present: ids in the repository, where it was listed; receipts of others are reported as missing and take
    no part, so that what is gone can be nobody's full. quarantined: ids an act of the ledger put aside.
    confirmed: the hash a person confirmed. retired: series that nothing is to come to any more; their dates
    alone decide, without floor and stall. Raises DuplicateSnapshotError.
    """
    latest = None
    if newest_entry is not None and clock_doubt(now, newest_entry, synchronised, policy) is None:
        # A receipt can then only be later where a person has said that later entries are of a wrong clock.
        latest = now + timedelta(minutes=policy.clock_back_minutes)
    rules = Rules(open_days, policy, retired, latest)
    ids: dict[str, None] = {}
    missing: list[str] = []
    newest: datetime | None = None
    for snapshot in snapshots:
        if newest is None or snapshot.received_at > newest:
            newest = snapshot.received_at
        if present is not None and snapshot.id not in present:
            missing.append(snapshot.id)
            continue
        if snapshot.id in ids:
            raise DuplicateSnapshotError(snapshot.id)
        ids[snapshot.id] = None
        rules.add(snapshot, snapshot.id in quarantined)
    unknown = [name for name in present or () if name not in ids]

    rules.decide(paris_day(now), holds or {}, clock_doubt(now, newest_entry or newest, synchronised, policy))
    order = list(ids)
    plan_hash = _hash(order, rules)
    refused = rules.blast_radius()
    if refused is not None and confirmed is not None:
        refused = (
            None if confirmed == plan_hash else f"{refused} (the hash confirmed is that of another plan)"
        )
    return Plan(order, refused, plan_hash, missing, unknown, rules)


def _hash(ids: list[str], rules: Rules) -> str:
    """Over one JSON list a line: id, series, action, until."""
    digest = hashlib.sha256()
    for position, name in enumerate(ids):
        until = rules.until(position)
        end = "null" if until is None else f'"{until}"'
        row = f'[{quoted(name)},{quoted(rules.series_name(position))},"{rules.action(position)}",{end}]\n'
        digest.update(row.encode("ascii"))
    return digest.hexdigest()
