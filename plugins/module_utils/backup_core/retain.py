# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention carried out: the plan of retention.py with every guard, then the space given back.

Forgetting takes explicit ids in small batches, looks for a hold before each, and looks afterwards at what is
really gone: restic says "done" also where it did nothing, or too much.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from . import hold, local_ledger, restic, undo
from .errors import BackupError, RefusedError
from .ledger import CLOCK_ACT, Draft, Ledger
from .opening import OpeningCalendar
from .policy import Policy
from .receive import CANCELLED_ACT, INTENT_ACT, MISSING_ACT
from .retention import EVERYTHING, Decision, Plan, plan, snapshots_of
from .snapshots import on_disk
from .times import utc_text
from .workplace import Workplace

BATCH = 20
# What came a moment ago may still wait for its receipt.
ARRIVING = timedelta(minutes=10)
FORGET_TIMEOUT = 3600.0
PRUNE_TIMEOUT = 6 * 24 * 3600.0
GUARDS = ("hold:", "stalled:", "clock:")
PRUNED_ACT = "pruned"


@dataclass
class Retained:
    """What was decided and done for one source."""

    plan_hash: str = ""
    removed: list[str] = field(default_factory=list)
    kept: int = 0
    quarantined: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    guard: str | None = None
    undo: str | None = None
    pruned: bool | None = None
    problem: str | None = None

    @property
    def attention(self) -> bool:
        return bool(self.missing or self.unknown or self.problem)


def planned(place: Workplace, ledger: Ledger, present: Iterable[str], confirm: str | None = None) -> Plan:
    """The plan for one source as it is now."""
    commune = place.config.communes[place.source.commune]
    held = hold.reasons(place)
    return plan(
        snapshots_of(ledger),
        OpeningCalendar.from_mapping(dict(commune.opening), f"{commune.slug}: opening"),
        Policy.from_mapping(commune.policy, f"{commune.slug}: policy"),
        place.clock.now(),
        newest_entry=ledger.newest_at,
        holds={EVERYTHING: held[0]} if held else {},
        synchronised=place.clock.synchronised(),
        present=set(present),
        quarantined=ledger.quarantined_ids(),
        confirmed=confirm,
        retired=(place.source.series,) if place.source.retired else (),
    )


def retain(
    place: Workplace, confirm: str | None = None, dry_run: bool = False, keep_open: Iterable[int] = ()
) -> Retained:
    """Remove what the rule lets go. The caller holds the source's lock and its prune lock."""
    ledger = place.ledger()
    if place.source.upstream is not None and local_ledger.refused(ledger):
        raise RefusedError("LOCAL's ledger does not continue the one held here: nothing is removed")
    disk = on_disk(place.location)
    decided = planned(place, ledger, disk, confirm)
    removals = decided.removals()
    decisions = list(decided.decisions())
    result = Retained(
        plan_hash=decided.plan_hash,
        kept=len(decided.ids) - len(removals),
        quarantined=decided.quarantined(),
        missing=[one for one in decided.missing if one not in ledger.quarantined_ids()],
        unknown=[one for one in decided.unknown if place.clock.now() - disk[one] > ARRIVING],
        decisions=decisions,
        guard=guard_of(decisions),
    )
    if dry_run:
        result.guard = decided.refused or result.guard
        return result
    if decided.refused is not None:
        raise RefusedError(f"{decided.refused} (--confirm {decided.plan_hash})")
    if removals:
        reasons = {one.id: one.reasons for one in decisions if one.action == "remove"}
        _remove(place, removals, reasons, result, tuple(keep_open))
    return result


def trust_clock(place: Workplace, who: str, why: str) -> str | None:
    """Write down a person's word that this server's clock is right, after one that was wrong left entries of
    the future: these alone stop no removal any more. Returns the latest time that is disbelieved, if any.

    RefusedError where the system itself does not call its clock right.
    """
    hold.validate(who, why)
    if not place.clock.synchronised():
        raise RefusedError("the time is not synchronised: set the clock right first")
    newest, now = place.ledger().newest_at, place.clock.now()
    disbelieved = utc_text(newest) if newest is not None and newest > now else None
    fields = {"disbelieved": disbelieved}
    place.append([Draft(act=CLOCK_ACT, who=who, at=now, why=why, fields=fields)])
    return disbelieved


def guard_of(decisions: Sequence[Decision]) -> str | None:
    """The guard to which a snapshot owes that it is still there, or None."""
    for one in decisions:
        if one.action == "keep" and all(reason.startswith(GUARDS) for reason in one.reasons):
            return one.reasons[0]
    return None


def _remove(
    place: Workplace,
    removals: Sequence[str],
    reasons: dict[str, list[str]],
    result: Retained,
    keep_open: tuple[int, ...],
) -> None:
    result.undo = undo.keep(place)
    for start in range(0, len(removals), BATCH):
        batch = list(removals[start : start + BATCH])
        fields = {"snapshots": batch, "plan_hash": result.plan_hash, "undo": result.undo}
        before = set(on_disk(place.location))
        place.append([place.draft(INTENT_ACT, fields)])
        try:
            _still_free(place)
            _forget(place, batch, keep_open)
        except BackupError as error:
            gone = [one for one in batch if one not in on_disk(place.location)]
            if not gone:
                place.append([place.draft(CANCELLED_ACT, {"snapshots": batch}, str(error)[:300])])
                raise
            # Part of the batch went before restic failed: what went is recorded, then the failure is told.
            _account(place, batch, before, reasons, result)
            raise
        _account(place, batch, before, reasons, result)


def _still_free(place: Workplace) -> None:
    """The hold, looked for again where it counts."""
    held = hold.reasons(place)
    if held:
        raise RefusedError(f"held: {held[0]}")


def _forget(place: Workplace, batch: Sequence[str], keep_open: tuple[int, ...]) -> None:
    repository = place.repository(place.ledger())
    # Takes away stale locks only. Both our locks are held, so that none of our own restics is at work.
    restic.checked(
        restic.run(repository.unlock(), FORGET_TIMEOUT, keep_open=keep_open), "removing stale locks"
    )
    result = restic.run(repository.forget(batch), FORGET_TIMEOUT, keep_open=keep_open)
    if result.code == restic.LOCKED:
        raise RefusedError("a backup is running: nothing was removed (the next run tries again)")
    restic.checked(result, "forgetting")


def _account(
    place: Workplace,
    batch: Sequence[str],
    before: set[str],
    reasons: dict[str, list[str]],
    result: Retained,
) -> None:
    """Compare what is gone with what was to go; anything else is a failure, loudly."""
    gone = before - set(on_disk(place.location))
    done = [one for one in batch if one in gone]
    stray = sorted(gone - set(batch))
    left = [one for one in batch if one not in gone]
    drafts = []
    if done:
        fields = {
            "snapshots": done,
            "reasons": {one: reasons[one] for one in done},
            "plan_hash": result.plan_hash,
            "undo": result.undo,
        }
        drafts.append(place.draft("removed", fields, "retention"))
        result.removed += done
    if left:
        drafts.append(place.draft(CANCELLED_ACT, {"snapshots": left}, "restic did not remove them"))
    if stray:
        drafts.append(place.draft(MISSING_ACT, {"snapshots": stray}, "went while others were removed"))
    place.append(drafts)
    if stray:
        way_back = f"; the way back is {result.undo}" if result.undo else ""
        raise BackupError(
            f"{len(stray)} snapshots are gone that were not to go ({stray[0][:8]}...){way_back}"
        )
    if left:
        raise BackupError(f"{len(left)} snapshots were to go and are still there ({left[0][:8]}...)")


def prune_due(ledger: Ledger) -> bool:
    """Whether something was removed since space was last given back."""
    last = next((e.act for e in reversed(ledger.entries) if e.act in ("removed", PRUNED_ACT)), None)
    return last == "removed"


def prune(
    place: Workplace, progress: Callable[[str], None] | None = None, keep_open: Iterable[int] = ()
) -> str | None:
    """Give back the space of what was removed, then look whether every snapshot is whole.

    Returns what is wrong. The caller holds the prune lock, and no longer the source's: receipts go on.
    """
    inherited = tuple(keep_open)
    ledger = place.ledger()
    held = hold.reasons(place)
    if held:
        return f"space not given back: held: {held[0]}"
    repository = place.repository(ledger)
    result = restic.run(repository.prune(), PRUNE_TIMEOUT, on_text=progress, keep_open=inherited)
    if result.code == restic.LOCKED:
        return "space not given back: a backup is running (the next run tries again)"
    restic.checked(result, "prune")
    check = restic.run(repository.check(), PRUNE_TIMEOUT, keep_open=inherited)
    if check.code not in (restic.OK, 1):
        restic.checked(check, "checking after prune")
    sound = check.code == restic.OK
    problem = None if sound else f"after prune, restic check finds: {check.stderr}"
    place.append([place.draft(PRUNED_ACT, {"sound": sound, "disk_free": _free(place.location)}, problem)])
    return problem


def _free(location: str) -> int:
    disk = os.statvfs(location)
    return disk.f_bavail * disk.f_frsize
