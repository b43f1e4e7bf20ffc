# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LOCAL's ledger as REMOTE holds it: fetched with every pull, held to what it said before, and how far it is
believed. One that does not continue the one held is evidence, and dates nothing.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from . import evidence, web
from .budget import Budget
from .config import Upstream
from .errors import InputError
from .files import write_durably
from .ledger import Comparison, Entry, Ledger, LedgerBroken, Receipt, parse, standing, whole_lines
from .shipping import LARGEST_LEDGER, ORDERLY
from .times import parse_instant, utc_text
from .workplace import PULL_KEY, Workplace, key_named

AHEAD = timedelta(minutes=15)
HELD_ACT = "ledger-held"
REFUSED_ACT = "ledger-refused"
ACCEPTED_ACT = "ledger-accepted"
ACTS = (HELD_ACT, REFUSED_ACT, ACCEPTED_ACT)


@dataclass(frozen=True)
class Shipped:
    """LOCAL's ledger as it came (empty, if that was no ledger), the one held before, and how they compare."""

    body: bytes
    ledger: Ledger
    comparison: Comparison
    before: Ledger = field(default_factory=Ledger)

    @property
    def trusted(self) -> bool:
        return self.comparison in ORDERLY

    @property
    def pull_key(self) -> str | None:
        """The key that LOCAL registered for REMOTE. Without its id, restic gives up after 20 foreign ones."""
        return key_named(self.ledger, PULL_KEY) or key_named(self.before, PULL_KEY)


def path_of(ledger_path: str) -> str:
    """Where LOCAL's ledger is kept at REMOTE, next to REMOTE's own."""
    return ledger_path.removesuffix(".jsonl") + ".local.jsonl"


def read(ledger_path: str) -> bytes:
    try:
        with open(path_of(ledger_path), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def upstream_of(place: Workplace) -> Upstream:
    if place.source.upstream is None or place.source.ledger is None:
        raise InputError(
            f"{place.source.series}: no upstream is configured here (run it on the REMOTE server)"
        )
    return place.source.upstream


def fetch(place: Workplace, upstream: Upstream, budget: Budget) -> Shipped:
    """LOCAL's ledger over HTTPS, compared with the copy held."""
    assert upstream.access.location_file is not None
    assert place.source.ledger is not None
    credentials = web.credentials_of(upstream.access.location_file)
    held = read(place.source.ledger)
    try:
        body = web.get(
            upstream.ledger_url,
            credentials,
            upstream.access.cacert,
            LARGEST_LEDGER,
            budget.left(web.DEADLINE),
        )
    except web.HttpError as error:
        if error.status != 404 or held:
            raise
        # A commune's server that never received anything has no ledger yet.
        body = b""
    body = whole_lines(body)
    before = parse(held, path_of(place.source.ledger))
    try:
        ledger = parse(body, "LOCAL's ledger")
    except LedgerBroken:
        return Shipped(body, Ledger(), "rewritten", before)
    return Shipped(body, ledger, standing(before, ledger), before)


def keep(place: Workplace, own: Ledger, shipped: Shipped) -> Ledger:
    """Hold the ledger that came, if it continues the one held; else keep it aside as evidence."""
    assert place.source.ledger is not None
    path = path_of(place.source.ledger)
    if not shipped.trusted:
        return _refuse(place, own, shipped, path)
    if shipped.comparison == "equal":
        return own
    now = place.clock.now()
    newest = newest_believed(shipped.before, now)
    fields = {
        "head": shipped.ledger.head,
        "entries": len(shipped.ledger.entries),
        "before": utc_text(newest) if newest is not None else None,
        "doubtful": outside_window(shipped.before, shipped.ledger, now),
    }
    # First the entry, then the file: killed in between, the next run judges the same lines again.
    own = place.append([place.draft(HELD_ACT, fields)])
    write_durably(path, shipped.body)
    return own


def newest_believed(before: Ledger, now: datetime) -> datetime | None:
    """The time of the newest entry held so far. One that is later than now says nothing: LOCAL's clock was
    wrong when it was written, and must not make all that comes until then look backdated."""
    return max((entry.at for entry in before.entries if entry.at <= now + AHEAD), default=None)


def outside_window(before: Ledger, after: Ledger, now: datetime) -> list[str]:
    """Receipts new in `after` whose entry's time does not lie between the last entry held so far and now:
    LOCAL's word on when they arrived is not taken."""
    earliest = newest_believed(before, now)
    suspicious = []
    for entry in after.entries[len(before.entries) :]:
        early = earliest is not None and entry.at < earliest
        if entry.act == "receipt" and (early or entry.at > now + AHEAD):
            suspicious.append(str(entry.fields["snapshot"]))
    return suspicious


def received_at(receipt: Receipt, shipped: Shipped, own: Ledger, now: datetime) -> datetime:
    """REMOTE's time of receipt: LOCAL's where that can be believed (retention, rule 1), else now."""
    batch = _batch_of(receipt.seq, own)
    if not shipped.trusted or batch is None or receipt.snapshot in batch.fields["doubtful"]:
        return now
    if receipt.received_at > now + AHEAD:
        return now
    earliest = batch.fields["before"]
    if earliest is None:
        return receipt.received_at
    # A snapshot may have landed just before another entry that we saw sooner than its receipt.
    return max(receipt.received_at, parse_instant(earliest, "before"))


def in_window(entry: Entry, shipped: Shipped, own: Ledger) -> bool:
    """Whether the time of LOCAL's entry lies between the last one seen before it came, and when it came."""
    batch = _batch_of(entry.seq, own)
    if not shipped.trusted or batch is None or entry.at > batch.at + AHEAD:
        return False
    earliest = batch.fields["before"]
    return earliest is None or entry.at >= parse_instant(earliest, "before")


def _batch_of(seq: int, own: Ledger) -> Entry | None:
    """The pull with which LOCAL's entry of that number came, as our own ledger has it."""
    # What was accepted by a person begins a new chain: only batches from there on are about this ledger.
    batches: list[Entry] = []
    for entry in own.entries:
        if entry.act == ACCEPTED_ACT:
            batches = []
        if entry.act in (HELD_ACT, ACCEPTED_ACT):
            batches.append(entry)
    return next((one for one in batches if int(one.fields["entries"]) >= seq), None)


def accept(place: Workplace, sha256: str, who: str) -> None:
    """Take LOCAL's ledger as it is now, because a person knows why it does not continue the one held.

    A server that was rebuilt, say. The one held is kept aside; receipts of the new one are dated by the pull.
    """
    upstream = upstream_of(place)
    assert place.source.ledger is not None
    shipped = fetch(place, upstream, Budget())
    digest = hashlib.sha256(shipped.body).hexdigest()
    if digest != sha256:
        raise InputError(f"--accept-ledger: LOCAL's ledger is {digest} now: look at it, then accept that")
    if shipped.trusted:
        raise InputError("--accept-ledger: LOCAL's ledger continues the one held: there is nothing to accept")
    parse(shipped.body, "LOCAL's ledger")
    path = path_of(place.source.ledger)
    held = read(place.source.ledger)
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


def refused(ledger: Ledger) -> bool:
    """Whether the last thing known of LOCAL's ledger is that it was refused."""
    return next((e.act for e in reversed(ledger.entries) if e.act in ACTS), None) == REFUSED_ACT


def _refuse(place: Workplace, own: Ledger, shipped: Shipped, path: str) -> Ledger:
    now = place.clock.now()
    refusal = evidence.keep(path, shipped.body, now)
    if not evidence.to_be_told(own, ACTS, REFUSED_ACT, refusal.sha256, now):
        return own
    why = f"LOCAL's ledger does not continue the one held: {shipped.comparison} (sha256 {refusal.sha256})"
    return place.append(
        [place.draft(REFUSED_ACT, {**refusal.fields(), "comparison": shipped.comparison}, why)]
    )
