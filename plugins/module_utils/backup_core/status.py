# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Status of a source, derived from what can be restored: the ledger, and what lies in the repository now.

Pure from `Facts` on; `facts_of` gathers them without starting restic.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from . import detection, hold, local_ledger, owed, replicate, shipping
from .antivirus import record, settings
from .antivirus.summary import Scans, summary_of
from .errors import BackupError
from .ledger import Entry, Ledger, LedgerBroken, Receipt, parse
from .opening import OpenDays, OpeningCalendar
from .policy import Policy
from .pulls import Pull
from .pulls import read as read_pull
from .receive import intended_removals
from .retention import Snapshot, plan
from .snapshots import on_disk
from .times import paris_day, parse_instant, utc_text
from .workplace import Workplace

Level = Literal["ok", "attention", "alarm"]
ORDER: dict[Level, int] = {"alarm": 0, "attention": 1, "ok": 2}

VERIFY_EVERY = timedelta(days=35)
# Once an hour is often enough for a copy, and a day without one is a day that the town hall could lose.
COPIED_WITHIN = timedelta(hours=26)
# How long a sweep's find stays on the page.
RECENT = timedelta(days=7)
LOOK_BACK = timedelta(days=60)
# Shares of the disk's size that are still free.
LITTLE_SPACE = 0.10
NO_SPACE = 0.03


@dataclass(frozen=True)
class Facts:
    """What is known of one source on this server.

    `pending`: receipts of LOCAL that REMOTE lacks. REMOTE knows from LOCAL's ledger, and has a record of its
    last pull; LOCAL knows from REMOTE's ledger as it was shipped, whose newest entry is of `shipped_at`.
    `scans` is None where the server has no antivirus.
    """

    series: str
    ledger: Ledger
    present: frozenset[str] | None
    held: Sequence[str] = ()
    pending: Sequence[Receipt] = ()
    replica: bool = False
    size: int = 0
    free: int = 0
    problem: str | None = None
    pull: Pull | None = None
    shipped_at: datetime | None = None
    chain_broken: bool = False
    retired: bool = False
    scans: Scans | None = None


@dataclass
class Status:
    """One source's state and the reasons for it, worst first."""

    series: str
    level: Level = "ok"
    reasons: list[str] = field(default_factory=list)
    last_day: date | None = None
    last_at: datetime | None = None
    last_kind: str | None = None
    last_outcome: str | None = None
    last_ok_day: date | None = None
    due: date | None = None
    missed: list[date] = field(default_factory=list)
    snapshots: int = 0
    pending: int | None = None
    pending_as_of: datetime | None = None
    newest_ok: Receipt | None = None
    newest_ok_verified: bool = False
    verified_at: datetime | None = None
    verified_sound: bool | None = None
    verified_snapshots: int = 0
    held: list[str] = field(default_factory=list)
    quarantined: int = 0
    size: int = 0
    free: int = 0
    chain_intact: bool = True
    owed_day: date | None = None
    oldest_pending_at: datetime | None = None
    pull: Pull | None = None
    drill: owed.Drill | None = None
    read_share: float | None = None
    read_since: datetime | None = None
    attack: detection.Standing = field(default_factory=detection.Standing)
    scans: Scans | None = None

    def add(self, level: Level, reason: str) -> None:
        if ORDER[level] < ORDER[self.level]:
            self.level = level
            self.reasons.insert(0, reason)
        else:
            self.reasons.append(reason)

    def as_json(self) -> dict[str, object]:
        return {
            "source": self.series,
            "level": self.level,
            "reasons": self.reasons,
            "last_backup": None
            if self.last_at is None
            else {
                "day": str(self.last_day),
                "received_at": utc_text(self.last_at),
                "kind": self.last_kind,
                "outcome": self.last_outcome,
            },
            "last_ok_day": None if self.last_ok_day is None else str(self.last_ok_day),
            "due": None if self.due is None else str(self.due),
            "missed_days": [str(day) for day in self.missed],
            "snapshots": self.snapshots,
            "pending_replication": self.pending,
            "pending_as_of": None if self.pending_as_of is None else utc_text(self.pending_as_of),
            "newest_ok": None
            if self.newest_ok is None
            else {
                "snapshot": self.newest_ok.snapshot,
                "received_at": utc_text(self.newest_ok.received_at),
                "verified": self.newest_ok_verified,
            },
            "verified_at": None if self.verified_at is None else utc_text(self.verified_at),
            "verified_sound": self.verified_sound,
            "verified_snapshots": self.verified_snapshots,
            "held": self.held,
            "quarantined": self.quarantined,
            "bytes": self.size,
            "free_bytes": self.free,
            "chain_intact": self.chain_intact,
            "owed_day": None if self.owed_day is None else str(self.owed_day),
            "oldest_pending_at": _text(self.oldest_pending_at),
            "pulled_at": None if self.pull is None else self.pull.good,
            "pull_fails_since": None if self.pull is None else self.pull.since,
            "drill": None
            if self.drill is None
            else {
                "at": utc_text(self.drill.at),
                "seconds": self.drill.seconds,
                "sound": self.drill.sound,
                "whole_seconds": self.drill.whole,
                "full_at": _text(self.drill.full_at),
            },
            "read_share": self.read_share,
            "read_since": _text(self.read_since),
            "attack": self.attack.as_json(),
            "antivirus": None if self.scans is None else self.scans.as_json(),
        }


def assess(facts: Facts, calendar: OpenDays, policy: Policy, now: datetime) -> Status:
    """The status that these facts and the calendar make."""
    status = Status(facts.series, held=list(facts.held), size=facts.size, free=facts.free, scans=facts.scans)
    status.chain_intact, status.pull = not facts.chain_broken, facts.pull
    status.drill, status.read_share = owed.last_drill(facts.ledger), owed.read_share(facts.ledger, now)
    if facts.problem is not None:
        status.add("alarm", facts.problem)
    live = facts.ledger.live()
    doubtful = _doubtful(facts.ledger, live, calendar, policy, now)
    good = _contents(status, facts, live, doubtful, now)
    sound = [r for r in live if r.snapshot not in doubtful]
    if facts.retired:
        _last(status, sound)
        status.reasons.append("no longer in the commune's file: kept until its retention ends")
    else:
        _freshness(status, sound, calendar, policy, now)
        status.owed_day = owed.owed_day(facts.ledger, status.last_ok_day, calendar)
    _verification(status, facts.ledger, good, now)
    present = {r.snapshot for r in live} if facts.present is None else facts.present
    status.attack = detection.standing(facts.ledger, present)
    for weight, found in status.attack.reasons(facts.ledger, now):
        status.add(weight, found)
    if facts.replica or facts.shipped_at is not None:
        _replication(status, facts, now)
    if facts.pull is not None:
        _pulling(status, facts.pull, now)
    if facts.replica and local_ledger.refused(facts.ledger):
        status.add("alarm", "LOCAL's ledger does not continue the one held here")
    if shipping.refused(facts.ledger):
        status.add("alarm", "REMOTE's ledger does not continue the one held here")
    if facts.held:
        status.add("attention", f"held: {facts.held[0]}")
    for level, reason in facts.scans.reasons(now) if facts.scans is not None else ():
        status.add(level, reason)
    if facts.size and facts.free < NO_SPACE * facts.size:
        status.add("alarm", f"only {facts.free / 1e9:.1f} GB left on the disk")
    elif facts.size and facts.free < LITTLE_SPACE * facts.size:
        status.add("attention", f"{facts.free / 1e9:.1f} GB left on the disk")
    return status


def _doubtful(
    ledger: Ledger, live: Sequence[Receipt], calendar: OpenDays, policy: Policy, now: datetime
) -> Collection[str]:
    rows = [Snapshot(r.snapshot, r.series, r.received_at, r.claimed_at, r.outcome) for r in live]
    aside, newest = ledger.quarantined_ids(), ledger.newest_at
    return set(plan(rows, calendar, policy, now, newest_entry=newest, quarantined=aside).quarantined())


def _contents(
    status: Status, facts: Facts, live: Sequence[Receipt], doubtful: Collection[str], now: datetime
) -> list[Receipt]:
    """What is there, against what should be; returns the complete ones of it, in ledger order."""
    ids = {receipt.snapshot for receipt in live}
    there = ids if facts.present is None else ids & facts.present
    status.snapshots = len(there)
    foreign = [entry for entry in facts.ledger.entries if entry.act == "quarantined" and not entry.snapshots]
    status.quarantined = len(doubtful) + sum(_objects(entry) for entry in foreign)
    recent = [entry for entry in foreign if now - entry.at < RECENT]
    if recent:
        count = sum(_objects(entry) for entry in recent)
        status.add("attention", f"{count} foreign objects were set aside this week, last: {recent[-1].why}")
    missing = ids - there - intended_removals(facts.ledger) - facts.ledger.quarantined_ids()
    if missing:
        status.add("alarm", f"{len(missing)} snapshots of the ledger are gone from the repository")
    if facts.present is not None and facts.present - ids:
        status.add("attention", f"{len(facts.present - ids)} snapshots in the repository have no receipt")
    if doubtful:
        status.add("attention", f"{len(doubtful)} snapshots in quarantine: their time is not believed")
    good = [one for one in live if one.outcome == "ok" and one.snapshot in there - set(doubtful)]
    status.newest_ok = good[-1] if good else None
    return good


def _objects(entry: Entry) -> int:
    """How many objects a batch of the quarantine holds."""
    count = entry.fields.get("count")
    return count if isinstance(count, int) else 1


def _freshness(
    status: Status, sound: Sequence[Receipt], calendar: OpenDays, policy: Policy, now: datetime
) -> None:
    today = paris_day(now)
    days = {receipt.day for receipt in sound}
    good = [receipt for receipt in sound if receipt.outcome == "ok"]
    _last(status, sound)
    if sound:
        first = max(min(days), today - LOOK_BACK)
        status.missed = calendar_missed(calendar, days, first, today - timedelta(days=1))
    due_today = calendar.is_open(today) and today not in days
    status.due = (
        today
        if due_today
        else next(iter(calendar.iterate(today + timedelta(days=1), today + LOOK_BACK)), None)
    )
    if not good:
        status.add("alarm", "no complete backup yet" if not sound else "no complete backup: all are partial")
        return
    status.last_ok_day = max(receipt.day for receipt in good)
    since = calendar_missed(
        calendar, set(), status.last_ok_day + timedelta(days=1), today - timedelta(days=1)
    )
    if len(since) > policy.stalled_open_days:
        status.add(
            "alarm", f"no complete backup on the last {len(since)} open days (since {status.last_ok_day})"
        )
    elif since:
        status.add("attention", f"no complete backup since {status.last_ok_day} ({len(since)} open days)")
    if status.last_outcome != "ok":
        status.add("attention", "the last backup is partial: some files could not be read")


def _last(status: Status, sound: Sequence[Receipt]) -> None:
    if sound:
        last = sound[-1]
        status.last_day, status.last_at = last.day, last.received_at
        status.last_kind, status.last_outcome = last.kind, last.outcome


def calendar_missed(calendar: OpenDays, backed_up: Collection[date], first: date, last: date) -> list[date]:
    """The open days from first to last without a backup."""
    return [day for day in calendar.iterate(first, last) if day not in backed_up]


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else utc_text(instant)


def _verification(status: Status, ledger: Ledger, good: Sequence[Receipt], now: datetime) -> None:
    last = next((entry for entry in reversed(ledger.entries) if entry.act == "verified"), None)
    if last is None:
        if status.snapshots:
            status.add("attention", "never verified")
        return
    status.verified_at = last.at
    newest = status.newest_ok
    # What came while the verification was at work was perhaps not looked at.
    covered = last.fields.get("entries", 0)
    status.verified_sound = last.fields.get("sound") is True
    verified = [one for one in good if status.verified_sound and one.seq <= covered]
    status.verified_snapshots = len(verified)
    status.newest_ok_verified = newest in verified
    if not status.verified_sound:
        status.add("alarm", "the last verification found damage")
    elif now - last.at > VERIFY_EVERY:
        status.add("attention", f"not verified for {(now - last.at).days} days")
    status.read_since = owed.read_since(ledger)
    if status.read_since is not None and now - status.read_since > VERIFY_EVERY:
        status.add("attention", f"some of the data was not read for {(now - status.read_since).days} days")


def _replication(status: Status, facts: Facts, now: datetime) -> None:
    status.pending, status.pending_as_of = len(facts.pending), facts.shipped_at
    status.oldest_pending_at = owed.oldest_pending(facts.pending)
    late = [receipt for receipt in facts.pending if now - receipt.received_at > COPIED_WITHIN]
    if late and facts.shipped_at is None:
        status.add("attention", f"{len(facts.pending)} snapshots not copied from LOCAL for more than a day")
    elif late:
        since = utc_text(facts.shipped_at) if facts.shipped_at is not None else ""
        status.add(
            "attention", f"{len(late)} snapshots of more than a day ago are not in REMOTE's ledger of {since}"
        )


def _pulling(status: Status, pull: Pull, now: datetime) -> None:
    if pull.left:
        status.reasons.append(f"{pull.left} snapshots are left for the next pull")
    if pull.problem is None or pull.since is None:
        return
    since = parse_instant(pull.since, "since")
    long = not pull.partial and now - since > COPIED_WITHIN
    text = f"the pull from LOCAL goes wrong since {utc_text(since)} ({pull.failures} times): {pull.problem}"
    status.add("alarm" if long else "attention", text)


def facts_of(place: Workplace) -> Facts:
    """Look at ledger, repository folder and disk. What cannot be read is a fact too."""
    series = place.source.series
    holds = hold.reasons(place)
    try:
        ledger = place.ledger()
    except LedgerBroken as error:
        return Facts(series, Ledger(), None, holds, problem=str(error), chain_broken=True)
    except BackupError as error:
        return Facts(series, Ledger(), None, holds, problem=str(error))
    pending: Sequence[Receipt] = ()
    problem = None
    pull, shipped_at = None, None
    if place.source.upstream is not None and place.source.ledger is not None:
        pull = read_pull(place.config, place.source)
        try:
            pending = replicate.to_copy(parse(local_ledger.read(place.source.ledger)), ledger)
        except BackupError as error:
            problem = f"LOCAL's ledger as held here: {error}"
    elif (theirs := shipping.shipped_ledger(place, ledger)) is not None:
        pending, shipped_at = replicate.to_copy(ledger, theirs), theirs.newest_at
    try:
        present = frozenset(on_disk(place.location))
        disk = shutil.disk_usage(place.location)
    except (BackupError, OSError) as error:
        return Facts(series, ledger, frozenset(), holds, problem=str(error), retired=place.source.retired)
    if not os.path.exists(os.path.join(place.location, "config")):
        problem = f"{place.location}: the repository has lost its config object"
    replica = place.source.upstream is not None
    scans = None
    if settings.load() is not None:
        trouble = record.Records(place.config, place.source).problem()
        scans = summary_of(ledger, present, trouble, place.clock.now())
    return Facts(
        series,
        ledger,
        present,
        holds,
        pending,
        replica,
        disk.total,
        disk.free,
        problem,
        pull,
        shipped_at,
        retired=place.source.retired,
        scans=scans,
    )


def status_of(place: Workplace) -> Status:
    commune = place.config.communes[place.source.commune]
    calendar = OpeningCalendar.from_mapping(dict(commune.opening), f"{commune.slug}: opening")
    policy = Policy.from_mapping(commune.policy, f"{commune.slug}: policy")
    return assess(facts_of(place), calendar, policy, place.clock.now())


def overall(statuses: Sequence[Status]) -> Level:
    """The worst level; nothing at all is nothing to be content with."""
    return min((one.level for one in statuses), key=lambda level: ORDER[level], default="attention")
