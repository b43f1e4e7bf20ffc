# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a commune's backups may be erased on this server: what the ledgers say of its hand-back. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from .errors import InputError, shown
from .ledger import Entry, Ledger
from .times import paris_day, utc_text

HANDED_BACK = "handed-back"
LONGEST_NAME = 200
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Order:
    """What was agreed. `handback` is the SHA-256 of the list of checksums that the commune was given; from
    `agreed_on` on, which it was told, its backups may be erased; `who` has them erased."""

    commune: str
    agreed_on: date
    handback: str
    who: str

    def checked(self) -> Order:
        """InputError where a field has no usable form."""
        if not _SHA256.fullmatch(self.handback):
            raise InputError(f"handback: {shown(self.handback)} is not a SHA-256 of 64 hexadecimal digits")
        if not self.who.strip() or len(self.who) > LONGEST_NAME or not self.who.isprintable():
            raise InputError(f"who: {shown(self.who)} is not a person's name on one line")
        return self


@dataclass(frozen=True)
class Standing:
    """What this server knows of one source: its own ledger, the other server's as it is held here, and why
    the source is held (empty if it is not)."""

    source: str
    own: Ledger
    other: Ledger
    held: Sequence[str] = ()


def refusals(order: Order, site: str, standings: Sequence[Standing], today: date) -> list[str]:
    """Why nothing may be erased on the server `site` (local or remote) today; empty if it may."""
    found = []
    if today < order.agreed_on:
        found.append(
            f"agreed_on: {order.agreed_on} is not yet here (today is {today}): run this on that day or later"
        )
    for one in standings:
        name = f"{order.commune}/{one.source}"
        found += [f"{name}: held ({reason}): release the hold first, if that is meant" for reason in one.held]
        reason = _not_handed_back(order, site, one)
        if reason is not None:
            found.append(f"{name}: {reason}")
    return found


def _not_handed_back(order: Order, site: str, one: Standing) -> str | None:
    mine, theirs = _handed_back(one.own), _handed_back(one.other)
    entry = max((e for e in (mine, theirs) if e is not None), key=lambda e: e.at, default=None)
    if entry is None:
        if not one.own.live() and not one.other.live():
            return None
        return "was never handed back (run ccpp.backup.offboard with -e handback_to=FOLDER)"
    if entry.fields["sha256"] != order.handback:
        return f"was handed back under the checksum {entry.fields['sha256'][:16]}..., not under the one given"
    if order.agreed_on < paris_day(entry.at):
        return f"agreed_on: {order.agreed_on} is before the hand-back of {paris_day(entry.at)}"
    ledger = one.own if entry is mine else one.other
    later = any(e.act == "receipt" and e.seq > entry.seq for e in ledger.entries)
    # What REMOTE receives after LOCAL's hand-back it pulled from LOCAL, whose ledger has just been asked.
    if site == "local" and entry is theirs:
        later = later or any(e.act == "receipt" and e.at > entry.at for e in one.own.entries)
    return "was backed up again since it was handed back: hand it back again" if later else None


def _handed_back(ledger: Ledger) -> Entry | None:
    found = (
        e
        for e in reversed(ledger.entries)
        if e.act == HANDED_BACK and isinstance(e.fields.get("sha256"), str)
    )
    return next(found, None)


def reduced(source: str, ledger: Ledger) -> Iterator[dict[str, Any]]:
    """The ledger as it may be kept when the data is gone: no paths, hosts, names or reasons.

    Each entry keeps the SHA-256 of its full line, and with it the whole chain's: who has the ledger can prove
    that it is this one.
    """
    for entry in ledger.entries:
        yield {
            "source": source,
            "seq": entry.seq,
            "at": utc_text(entry.at),
            "act": entry.act,
            "snapshots": list(entry.snapshots),
            "prev": entry.prev,
            "sha256": entry.digest,
        }


def counted(ledger: Ledger) -> dict[str, Any]:
    """What the certificate says of a source: snapshots ever received, and still there; the chain's head."""
    acts = Counter(entry.act for entry in ledger.entries)
    return {
        "received": acts["receipt"],
        "erased": len(ledger.live()),
        "entries": len(ledger.entries),
        "head": ledger.head,
    }
