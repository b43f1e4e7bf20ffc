# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup replicate`: REMOTE's pull."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..config import Config, Source, load
from ..errors import BackupError, shown
from .output import Output
from .sources import (
    Outcome,
    add_selection,
    add_wait,
    become_service,
    each_source,
    patience,
    person,
    place_of,
    seconds,
)

if TYPE_CHECKING:
    from ..replicate import Replicated

HELP = "pull the communes' ledgers and new snapshots to this server (REMOTE only)"
SOURCE_TIME = 6 * 3600.0
COMMUNE_TIME = 12 * 3600.0
# A commune's process ends by itself when its time is up; this is for one that does not.
GRACE = 600.0
MOST_NAMED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..replicate import MOST

    add_selection(parser)
    add_wait(parser)
    parser.add_argument(
        "--most",
        metavar="N",
        type=_count,
        default=MOST,
        help=f"take at most so many snapshots of a source, the rest in the next run (default: {MOST})",
    )
    for name, default, whom in (
        ("--source-time", SOURCE_TIME, "a source"),
        ("--commune-time", COMMUNE_TIME, "a commune"),
    ):
        text = f"seconds that one run may take for {whom}; the next one goes on (default: {default:.0f})"
        parser.add_argument(name, metavar="SECONDS", type=seconds, default=default, help=text)
    parser.add_argument(
        "--again",
        metavar="SECONDS",
        type=seconds,
        help="while some communes' pulls are still at work, pull the others again every so many seconds"
        " (default: once; the timer's unit says how often)",
    )
    parser.add_argument(
        "--accept-ledger",
        metavar="SHA256",
        help="take LOCAL's ledger of this hash although it does not continue the one held (a rebuilt server)",
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) <= 100_000:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number from 1 to 100000")
    return int(text)


def _pulled(config: Config, source: Source) -> bool:
    return source.upstream is not None


def _communes(config: Config, args: argparse.Namespace) -> list[str]:
    return sorted({one.commune for one in config.select(args.commune, args.source) if one.upstream})


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import local_ledger, locking, pulls, replicate, shipping
    from ..budget import Budget
    from ..links import waiting
    from ..workplace import Workplace
    from . import beside

    if args.accept_ledger is not None:
        place = place_of(args)
        become_service(args, place.config)
        with locking.of_source(place.config, place.source, patience=60):
            local_ledger.accept(place, args.accept_ledger, person())
    config = load()
    communes = _communes(config, args)
    if len(communes) > 1 and beside.possible(args):
        become_service(args, config)
        limits = beside.Limits(args.commune_time + GRACE, args.again)
        return beside.each_commune(args, out, lambda: _communes(load(), args), limits)
    budgets = {slug: Budget(args.commune_time) for slug in communes}

    def work(place: Workplace) -> Outcome:
        whole = budgets[place.source.commune]
        before = pulls.read(place.config, place.source)
        with (
            locking.of_source(place.config, place.source, patience(args)) as lock,
            locking.against_prune(place.config, place.source, patience(args)),
            pulls.recorded(place) as results,
        ):
            if whole.spent:
                raise BackupError(f"not pulled: the commune's {args.commune_time:.0f} s of this run are over")
            budget = Budget(args.source_time, whole)
            waits = waiting.decision(place.config.state_directory, place.source.commune, place.clock.now())
            limits = replicate.Limits(args.most, budget, frozenset(before.failed), waits)
            result = replicate.replicate(place, limits, out.progress, lock.inherited)
            results.append(result)
            unshipped = shipping.ship(place, whole)
        return _outcome(result, unshipped)

    def order(config: Config, sources: list[Source]) -> list[Source]:
        """Those that used up their time come last, or they would do so before the others in every run."""
        return sorted(sources, key=lambda one: pulls.read(config, one).out_of_time)

    return each_source(args, out, work, wanted=_pulled, order=order)


def _outcome(result: Replicated, unshipped: str | None) -> Outcome:
    from .. import shipping

    warnings = _some([f"{one[:8]}: not copied: {why}" for one, why in result.failed.items()])
    warnings += _some([f"{one[:8]}: in LOCAL's ledger, but not in its repository" for one in result.absent])
    warnings += _some([f"{one[:8]}: in the repository, but in no ledger" for one in result.unknown])
    warnings += _some([f"{one[:8]}: in the ledger, but gone from the repository" for one in result.lost])
    if result.out_of_time:
        warnings.append("the time for one run is up: the next one goes on")
    if result.ledger not in shipping.ORDERLY:
        warnings.append(f"LOCAL's ledger is {result.ledger}: it was kept aside, and the one held stays")
        warnings.append(f"to accept it: ccpp-backup replicate --accept-ledger {result.ledger_sha256}")
    if unshipped is not None:
        warnings.append(unshipped)
    lines = [f"{len(result.copied)} snapshots copied, {result.pending} missing"]
    if result.waiting:
        lines.append(f"{len(result.waiting)} large snapshots wait for a line that is not paid for")
    if result.left:
        lines.append(f"{result.left} snapshots are left for the next run")
    return Outcome(
        value={
            "ledger": result.ledger,
            "copied": result.copied,
            "failed": dict(list(result.failed.items())[:MOST_NAMED]),
            "failed_count": len(result.failed),
            "absent": result.absent[:MOST_NAMED],
            "absent_count": len(result.absent),
            "unknown": result.unknown,
            "lost": result.lost,
            "pending": result.pending,
            "waiting": result.waiting,
            "left": result.left,
            "out_of_time": result.out_of_time,
            "shipped": unshipped is None,
        },
        lines=lines,
        warnings=warnings,
        attention=result.attention or unshipped is not None,
    )


def _some(texts: Sequence[str]) -> list[str]:
    more = [f"... and {len(texts) - MOST_NAMED} more"] if len(texts) > MOST_NAMED else []
    return [*texts[:MOST_NAMED], *more]
