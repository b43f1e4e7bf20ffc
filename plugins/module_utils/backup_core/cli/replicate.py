# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup replicate`: REMOTE's pull."""

from __future__ import annotations

import argparse

from ..config import Config, Source
from .output import Output
from .sources import Outcome, add_selection, add_wait, become_service, each_source, patience, person, place_of

HELP = "pull the communes' ledgers and new snapshots to this server (REMOTE only)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    parser.add_argument(
        "--accept-ledger",
        metavar="SHA256",
        help="take LOCAL's ledger of this hash although it does not continue the one held (a rebuilt server)",
    )


def _pulled(config: Config, source: Source) -> bool:
    return source.upstream is not None


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, replicate, shipping
    from ..workplace import Workplace

    if args.accept_ledger is not None:
        place = place_of(args)
        become_service(args, place.config)
        with locking.of_source(place.config, place.source, patience=60):
            replicate.accept(place, args.accept_ledger, person())

    def work(place: Workplace) -> Outcome:
        with (
            locking.of_source(place.config, place.source, patience(args)) as lock,
            locking.against_prune(place.config, place.source, patience(args)),
        ):
            result = replicate.replicate(place, out.progress, lock.inherited)
            unshipped = shipping.ship(place)
        warnings = [f"{one[:8]}: not copied: {why}" for one, why in result.failed.items()]
        warnings += [f"{one[:8]}: in the repository, but in no ledger" for one in result.unknown]
        warnings += [f"{one[:8]}: in the ledger, but gone from the repository" for one in result.lost]
        if result.ledger not in shipping.ORDERLY:
            warnings.append(f"LOCAL's ledger is {result.ledger}: it was kept aside, and the one held stays")
            warnings.append(f"to accept it: ccpp-backup replicate --accept-ledger {result.ledger_sha256}")
        if unshipped is not None:
            warnings.append(unshipped)
        return Outcome(
            value={
                "ledger": result.ledger,
                "copied": result.copied,
                "failed": result.failed,
                "unknown": result.unknown,
                "lost": result.lost,
                "pending": result.pending,
                "shipped": unshipped is None,
            },
            lines=[f"{len(result.copied)} snapshots copied, {result.pending} missing"],
            warnings=warnings,
            attention=result.attention or unshipped is not None,
        )

    return each_source(args, out, work, wanted=_pulled)
