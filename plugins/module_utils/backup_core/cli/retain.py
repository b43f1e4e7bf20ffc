# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup retain`: remove what the rule lets go, and nothing else."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from ..errors import BackupError, InputError
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_ledger, patience, person

if TYPE_CHECKING:
    from ..retain import Retained
    from ..workplace import Workplace

# The timer comes once a day: a pull that happens to be at work then is worth waiting for.
PATIENCE = 1800.0

HELP = "remove the snapshots whose retention has ended, behind every guard, and give back their space"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would go and why, and change nothing"
    )
    parser.add_argument(
        "--confirm", metavar="HASH", help="carry out this very plan although it removes a lot"
    )
    parser.add_argument(
        "--no-prune", action="store_true", help="remove snapshots, but leave their space for later"
    )
    parser.add_argument(
        "--trust-clock",
        metavar="WHY",
        help="remove nothing now, but write into the ledger that this server's clock is right again, so that"
        " entries which it dated into the future while it was wrong stop no removal any more",
    )
    parser.add_argument(
        "--who", metavar="NAME", help="the person who says so (default: who you are logged in as)"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, retain, undo

    if args.trust_clock is not None:
        if args.dry_run or args.confirm is not None:
            raise InputError("--trust-clock removes nothing: give it without --dry-run and --confirm")
        return each_source(args, out, partial(_trusting, args), wanted=has_ledger)

    def work(place: Workplace) -> Outcome:
        with locking.of_prune(place.config, place.source, patience(args, PATIENCE)) as prune_lock:
            with locking.of_source(place.config, place.source, patience(args, 60)) as lock:
                inherited = (*prune_lock.inherited, *lock.inherited)
                result = retain.retain(place, args.confirm, args.dry_run, inherited)
            if args.dry_run:
                return _shown(result)
            if not args.no_prune and retain.prune_due(place.ledger()):
                result.problem = retain.prune(place, out.progress, prune_lock.inherited)
                result.pruned = result.problem is None
            try:
                undo.expire(place)
            except BackupError as error:
                result.problem = result.problem or str(error)
        return _shown(result)

    return each_source(args, out, work, wanted=has_ledger)


def _trusting(args: argparse.Namespace, place: Workplace) -> Outcome:
    from .. import retain

    disbelieved = retain.trust_clock(place, args.who or person(), args.trust_clock)
    said = f"entries of up to {disbelieved} are disbelieved" if disbelieved else "no entry is of the future"
    return Outcome({"disbelieved": disbelieved}, [f"the clock is trusted: {said}"])


def _shown(result: Retained) -> Outcome:
    removals = [one for one in result.decisions if one.action == "remove"]
    lines = [
        f"{len(result.removed)} removed"
        + (f", {len(removals)} would go" if not result.removed and removals else "")
        + f", {result.kept} kept (plan {result.plan_hash[:12]})"
    ]
    lines += [f"{one.id[:8]} {one.action}: {'; '.join(one.reasons)}" for one in removals]
    warnings = [f"{one[:8]}: in the ledger, but gone from the repository" for one in result.missing]
    warnings += [f"{one[:8]}: in the repository, but without a receipt" for one in result.unknown]
    if result.problem is not None:
        warnings.append(result.problem)
    refused = result.guard is not None and not result.removed
    if refused:
        warnings.insert(0, f"nothing is removed: {result.guard}")
    decisions = [
        {
            "id": one.id,
            "action": one.action,
            "reasons": one.reasons,
            "until": None if one.until is None else str(one.until),
        }
        for one in result.decisions
    ]
    value = {
        "removed": result.removed,
        "kept": result.kept,
        "quarantined": result.quarantined,
        "missing": result.missing,
        "unknown": result.unknown,
        "plan_hash": result.plan_hash,
        "guard": result.guard,
        "undo": result.undo,
        "pruned": result.pruned,
        "decisions": decisions,
    }
    return Outcome(value, lines, warnings, attention=result.attention, refused=refused)
