# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup receive`: receipts for what arrived."""

from __future__ import annotations

import argparse

from ..errors import DONE
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, patience

HELP = (
    "write receipts for the snapshots that arrived at this server, and set aside what does not belong there"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import aside, locking, receive, shipping
    from ..workplace import Workplace

    def work(place: Workplace) -> Outcome:
        with locking.of_source(place.config, place.source, patience(args, 30)):
            result = receive.receive(place)
            remote = shipping.take(place)
        lines = [
            f"{receipt['snapshot']!s:.8} {receipt['kind']} {receipt['outcome']}"
            for receipt in result.receipts
        ]
        lines += [f"{one[:8]} {outcome}, by a late report" for one, outcome in result.amended.items()]
        warnings = [f"{one[:8]}: cannot be read: {why}" for one, why in result.unreadable.items()]
        warnings += [aside.told(one) for one in result.quarantined]
        warnings += [f"{one[:8]}: in the ledger, but gone from the repository" for one in result.missing]
        refused = remote is not None and remote not in shipping.ORDERLY
        if refused:
            warnings.append(f"REMOTE's ledger is {remote}: it was kept aside, and the one held stays")
        return Outcome(
            value={
                "remote_ledger": remote,
                "receipts": result.receipts,
                "amended": result.amended,
                "waiting": result.waiting,
                "unreadable": result.unreadable,
                "missing": result.missing,
                "quarantined": result.quarantined,
            },
            lines=lines
            or ["nothing new" if not result.waiting else f"{len(result.waiting)} waiting for a report"],
            warnings=warnings,
            attention=result.attention or refused,
        )

    return each_source(args, out, work, empty=DONE)
