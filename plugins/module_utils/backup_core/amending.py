# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports that came late: a later act amends the outcome of a receipt that was written for want of one.

The receipt itself stays, and its place in the ledger's order. What may be amended, and until when, is the
ledger's to say (`ledger.amendable`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from .ledger import Draft, Entry, Ledger, amendable
from .report import Report
from .times import utc_text
from .workplace import Workplace

ACT = "amended"


def told_late(
    ledger: Ledger, reported: Iterable[str], read: Callable[[str], Report | None], now: datetime
) -> list[Report]:
    """The reports that have come by now on snapshots whose receipt could not wait for one.

    reported: ids on which something lies there; `read` opens it.
    """
    open_ones = {one.snapshot for one in ledger.live() if amendable(one, now)}
    read_ones = (read(snapshot) for snapshot in sorted(open_ones.intersection(reported)))
    return [report for report in read_ones if report is not None]


def told_by_local(own: Ledger, shipped: Ledger, believed: Callable[[Entry], bool]) -> list[tuple[str, Entry]]:
    """Of REMOTE's snapshots those that LOCAL has amended and REMOTE has not, with LOCAL's entry.

    believed: whether LOCAL's word on the time of an entry is taken.
    """
    copies = {
        str(entry.fields["original"]): str(entry.fields["snapshot"])
        for entry in own.entries
        if entry.act == "receipt" and "original" in entry.fields
    }
    live = {receipt.snapshot: receipt for receipt in own.live()}
    found = []
    for entry in shipped.entries:
        if entry.act != ACT:
            continue
        receipt = live.get(copies.get(str(entry.fields["snapshot"]), ""))
        if receipt is not None and amendable(receipt, entry.at) and believed(entry):
            found.append((receipt.snapshot, entry))
            del live[receipt.snapshot]
    return found


def take_over(place: Workplace, own: Ledger, shipped: Ledger, believed: Callable[[Entry], bool]) -> Ledger:
    """REMOTE's ledger with what LOCAL amended after the snapshot had been pulled."""
    drafts = [
        draft(place, snapshot, entry.fields["outcome"], entry.why, entry.at)
        for snapshot, entry in told_by_local(own, shipped, believed)
    ]
    return place.append(drafts) if drafts else own


def draft(place: Workplace, snapshot: str, outcome: str, why: str | None, reported_at: datetime) -> Draft:
    fields = {"snapshot": snapshot, "outcome": outcome, "reported_at": utc_text(reported_at)}
    return place.draft(ACT, fields, why)
