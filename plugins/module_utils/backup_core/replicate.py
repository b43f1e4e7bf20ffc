# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replication at REMOTE: pull LOCAL's ledger and the snapshots it has receipts for.

One snapshot a call, oldest first: a damaged pack at LOCAL aborts a whole `restic copy`, and must cost no
more than the snapshots that need it. Nothing is copied twice, and nothing comes back that REMOTE has removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from . import restic, snapshots, storage_health, web
from .config import Upstream
from .errors import BackupError, InputError, one_line
from .files import keep_evidence, write_durably
from .ledger import Comparison, Draft, Entry, Ledger, LedgerBroken, Receipt, compare, parse, whole_lines
from .shipping import LARGEST_LEDGER, ORDERLY
from .snapshots import Snapshot, on_disk
from .times import parse_instant, utc_text
from .workplace import Workplace

COPY_TIMEOUT = 6 * 24 * 3600.0
STALL = 3600.0
AHEAD = timedelta(minutes=15)
HELD_ACT = "ledger-held"
REFUSED_ACT = "ledger-refused"
ACCEPTED_ACT = "ledger-accepted"
# Failures that the next snapshot would meet too.
HOPELESS = (restic.NO_REPOSITORY, restic.LOCKED, restic.WRONG_PASSWORD)
MOST_FAILURES = 3


@dataclass
class Replicated:
    """What one run did for one source."""

    ledger: str = "equal"
    ledger_sha256: str = ""
    copied: list[dict[str, object]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    pending: int = 0

    @property
    def attention(self) -> bool:
        return bool(self.failed or self.unknown or self.lost or self.ledger not in ORDERLY)


@dataclass(frozen=True)
class Shipped:
    """LOCAL's ledger as it came, and how it stands to the copy held here."""

    body: bytes
    ledger: Ledger
    comparison: Comparison

    @property
    def trusted(self) -> bool:
        return self.comparison in ORDERLY


def held_path(ledger_path: str) -> str:
    """Where LOCAL's ledger is kept at REMOTE, next to REMOTE's own."""
    return ledger_path.removesuffix(".jsonl") + ".local.jsonl"


def read_held(ledger_path: str) -> bytes:
    try:
        with open(held_path(ledger_path), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def outside_window(before: Ledger, after: Ledger, now: datetime) -> list[str]:
    """Receipts new in `after` whose entry's time does not lie between the last entry held so far and now:
    LOCAL's word on when they arrived is not taken."""
    earliest = before.newest_at
    suspicious = []
    for entry in after.entries[len(before.entries) :]:
        early = earliest is not None and entry.at < earliest
        if entry.act == "receipt" and (early or entry.at > now + AHEAD):
            suspicious.append(str(entry.fields["snapshot"]))
    return suspicious


def received_at(receipt: Receipt, shipped: Shipped, own: Ledger, now: datetime) -> datetime:
    """REMOTE's time of receipt: LOCAL's where that can be believed (retention, rule 1), else now."""
    # What was accepted by a person begins a new chain: only batches from there on are about this ledger.
    batches: list[Entry] = []
    for entry in own.entries:
        if entry.act == ACCEPTED_ACT:
            batches = []
        if entry.act in (HELD_ACT, ACCEPTED_ACT):
            batches.append(entry)
    batch = next((one for one in batches if int(one.fields["entries"]) >= receipt.seq), None)
    if not shipped.trusted or batch is None or receipt.snapshot in batch.fields["doubtful"]:
        return now
    if receipt.received_at > now + AHEAD:
        return now
    earliest = batch.fields["before"]
    if earliest is None:
        return receipt.received_at
    # A snapshot may have landed just before another entry that we saw sooner than its receipt.
    return max(receipt.received_at, parse_instant(earliest, "before"))


def to_copy(shipped: Ledger, own: Ledger) -> list[Receipt]:
    """What LOCAL has receipts for and REMOTE never had, in LOCAL's ledger order."""
    known = originals(own)
    set_aside = shipped.quarantined_ids()
    return [r for r in shipped.live() if r.snapshot not in known and r.snapshot not in set_aside]


def originals(own: Ledger) -> set[str]:
    """LOCAL's snapshots that REMOTE holds or has removed."""
    return {
        str(entry.fields["original"])
        for entry in own.entries
        if entry.act in ("receipt", "replicated") and "original" in entry.fields
    }


def replicate(
    place: Workplace, progress: Callable[[str], None] | None = None, keep_open: Iterable[int] = ()
) -> Replicated:
    """Bring REMOTE's repository up to LOCAL's ledger. The caller holds the source's two locks."""
    upstream = place.source.upstream
    if upstream is None or place.source.ledger is None:
        raise InputError(
            f"{place.source.series}: no upstream is configured here (run it on the REMOTE server)"
        )
    inherited = tuple(keep_open)
    result = Replicated()
    own = place.ledger()
    shipped = fetch(place, upstream)
    result.ledger = shipped.comparison
    result.ledger_sha256 = hashlib.sha256(shipped.body).hexdigest()
    own = _keep(place, own, shipped)
    disk = set(on_disk(place.location))
    live = {receipt.snapshot for receipt in own.live()}
    result.lost = sorted(live - disk)
    todo = to_copy(shipped.ledger, own)
    result.pending = len(todo)
    if not todo and disk <= live:
        return result
    held = snapshots.read_all(place.repository(own), inherited)
    orphans = [one for one in held if one.id not in live]
    source = place.upstream_repository(upstream.access)
    found, unread = snapshots.read(source, [r.snapshot for r in todo])
    series = place.source.series
    on_text = (lambda text: progress(f"{series}: {text}")) if progress is not None else None
    store = storage_health.read(place.config.state_directory)
    for receipt in todo:
        if _gave_up(result):
            result.failed.setdefault(receipt.snapshot, "not tried: the ones before failed")
            continue
        if receipt.snapshot not in found:
            result.failed[receipt.snapshot] = unread.get(receipt.snapshot, "not in LOCAL's repository")
            continue
        full = storage_health.room(store, place.location, receipt.added)
        if full is not None:
            result.failed[receipt.snapshot] = full
            continue
        original = found[receipt.snapshot]
        try:
            copy = _copy(place, upstream, own, original, held, inherited, on_text)
        except restic.ResticError as error:
            result.failed[receipt.snapshot] = one_line(str(error), 300)
            if error.code in HOPELESS:
                break
            continue
        orphans = [one for one in orphans if one.id != copy.id]
        if copy not in held:
            held.append(copy)
        own = _record(place, own, shipped, receipt, original, copy, result)
    result.pending = len(todo) - len(result.copied)
    result.unknown = [one.id for one in orphans]
    return result


def _gave_up(result: Replicated) -> bool:
    return len(result.failed) >= MOST_FAILURES and not result.copied


def fetch(place: Workplace, upstream: Upstream) -> Shipped:
    """LOCAL's ledger over HTTPS, compared with the copy held."""
    assert upstream.access.location_file is not None
    assert place.source.ledger is not None
    credentials = web.credentials_of(upstream.access.location_file)
    try:
        body = web.get(upstream.ledger_url, credentials, upstream.access.cacert, LARGEST_LEDGER)
    except web.HttpError as error:
        if error.status != 404 or read_held(place.source.ledger):
            raise
        # A commune's server that never received anything has no ledger yet.
        body = b""
    body = whole_lines(body)
    comparison = compare(read_held(place.source.ledger), body)
    try:
        ledger = parse(body, "LOCAL's ledger")
    except LedgerBroken:
        ledger = Ledger()
    return Shipped(body, ledger, comparison)


def _keep(place: Workplace, own: Ledger, shipped: Shipped) -> Ledger:
    """Hold the ledger that came, if it continues the one held; else keep it aside as evidence."""
    assert place.source.ledger is not None
    path = held_path(place.source.ledger)
    if not shipped.trusted:
        return _refuse(place, own, shipped, path)
    if shipped.comparison == "equal":
        return own
    before = parse(read_held(place.source.ledger), path)
    doubtful = outside_window(before, shipped.ledger, place.clock.now())
    newest = before.newest_at
    fields = {
        "head": shipped.ledger.head,
        "entries": len(shipped.ledger.entries),
        "before": utc_text(newest) if newest is not None else None,
        "doubtful": doubtful,
    }
    # First the entry, then the file: killed in between, the next run judges the same lines again.
    own = place.append([place.draft(HELD_ACT, fields)])
    write_durably(path, shipped.body)
    return own


def accept(place: Workplace, sha256: str, who: str) -> None:
    """Take LOCAL's ledger as it is now, because a person knows why it does not continue the one held.

    A server that was rebuilt, say. The one held is kept aside; receipts of the new one are dated by the pull.
    """
    upstream = place.source.upstream
    if upstream is None or place.source.ledger is None:
        raise InputError(
            f"{place.source.series}: no upstream is configured here (run it on the REMOTE server)"
        )
    shipped = fetch(place, upstream)
    digest = hashlib.sha256(shipped.body).hexdigest()
    if digest != sha256:
        raise InputError(f"--accept-ledger: LOCAL's ledger is {digest} now: look at it, then accept that")
    if shipped.trusted:
        raise InputError("--accept-ledger: LOCAL's ledger continues the one held: there is nothing to accept")
    parse(shipped.body, "LOCAL's ledger")
    path = held_path(place.source.ledger)
    held = read_held(place.source.ledger)
    aside = f"{path}.before-{digest[:16]}"
    write_durably(aside, held)
    receipts = [receipt.snapshot for receipt in shipped.ledger.receipts()]
    fields = {
        "sha256": digest,
        "by": who,
        "kept": os.path.basename(aside),
        "head": shipped.ledger.head,
        "entries": len(shipped.ledger.entries),
        "before": utc_text(place.clock.now()),
        "doubtful": receipts,
    }
    place.append([place.draft(ACCEPTED_ACT, fields)])
    write_durably(path, shipped.body)


def _refuse(place: Workplace, own: Ledger, shipped: Shipped, path: str) -> Ledger:
    digest, evidence = keep_evidence(path, shipped.body)
    if any(entry.act == REFUSED_ACT and entry.fields.get("sha256") == digest for entry in own.entries):
        return own
    why = f"LOCAL's ledger does not continue the one held: {shipped.comparison} (sha256 {digest})"
    fields = {"sha256": digest, "comparison": shipped.comparison, "kept": evidence}
    return place.append([place.draft(REFUSED_ACT, fields, why)])


def _copy(
    place: Workplace,
    upstream: Upstream,
    own: Ledger,
    original: Snapshot,
    held: Sequence[Snapshot],
    keep_open: tuple[int, ...],
    on_text: Callable[[str], None] | None,
) -> Snapshot:
    """The copy of one snapshot here, made now or by an earlier run that did not live to record it."""
    copies = [one for one in held if one.same_backup(original)]
    for one in copies:
        if one.original == original.id:
            return one
    before = set(on_disk(place.location))
    repository = place.repository(own)
    what = f"copying {original.id[:8]}"
    command = repository.copy(upstream.access, [original.id])
    result = restic.run(command, COPY_TIMEOUT, on_text=on_text, keep_open=keep_open, stall=STALL)
    if result.code == restic.LOCKED:
        # Both our locks are held, and restic would have kept them: whoever left this lock is dead.
        restic.checked(restic.run(repository.unlock(), 600, keep_open=keep_open), "removing a stale lock")
        result = restic.run(command, COPY_TIMEOUT, on_text=on_text, keep_open=keep_open, stall=STALL)
    restic.checked(result, what)
    new = set(on_disk(place.location)) - before
    if len(new) == 1:
        return snapshots.read_one(repository, new.pop())
    if not new and copies:
        return copies[0]
    raise restic.ResticError(f"{what}: restic said it was done, but {len(new)} snapshots came", result.code)


def _record(
    place: Workplace,
    own: Ledger,
    shipped: Shipped,
    receipt: Receipt,
    original: Snapshot,
    copy: Snapshot,
    result: Replicated,
) -> Ledger:
    if not copy.same_backup(original):
        raise BackupError(f"the copy {copy.id[:8]} of {original.id[:8]} is another backup than its original")
    link = {"original": original.id, "original_seq": receipt.seq}
    drafts: list[Draft] = []
    if all(one.snapshot != copy.id for one in own.live()):
        arrived = received_at(receipt, shipped, own, place.clock.now())
        fields = snapshots.receipt_fields(copy, place.source.series, arrived, receipt.outcome, **link)
        fields["kind"] = original.kind
        drafts.append(place.draft("receipt", fields, "pulled from LOCAL"))
    drafts.append(place.draft("replicated", {"snapshot": copy.id, **link}))
    result.copied.append({"original": original.id, "snapshot": copy.id, "size": copy.size})
    return place.append(drafts)
