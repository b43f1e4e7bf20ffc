# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup drill`: a restore that is measured, and its proof."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_ledger, patience

if TYPE_CHECKING:
    from ..ledger import Ledger
    from ..workplace import Workplace

HELP = "restore a sample of each source into a scratch folder, measure and compare it, and keep the proof"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--full", action="store_true", help="restore all of it, not a sample (with --source)")
    which.add_argument(
        "--due",
        action="store_true",
        help="only what is due: each week a sample (odd weeks LOCAL, even ones REMOTE), each month at REMOTE"
        " one source of each commune as a whole, in turn",
    )
    which.add_argument("--proof", action="store_true", help="show the last drill, and check its signature")


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import drilling

    if args.full and args.source is None:
        raise InputError("--full: name the --source (a whole server takes days, and the room for all of it)")

    def work(place: Workplace) -> Outcome:
        if args.proof:
            entry = drilling.last(place.ledger())
            drilling.check_proof(entry)
            return _outcome(dict(entry.fields), [f"entry {entry.seq} of {entry.at:%Y-%m-%d}, signature good"])
        kinds = _due(place) if args.due else ["full" if args.full else "sample"]
        kinds = kinds if place.ledger().live() else []
        wait = patience(args)
        done = [drilling.drill(place, kind == "full", wait, out.progress) for kind in kinds]
        results = [_outcome(fields, []) for fields in done]
        if not results:
            return Outcome(value={"drills": []}, lines=["no drill is due"])
        return Outcome(
            value={"drills": [dict(one.value) for one in results]},
            lines=[line for one in results for line in one.lines],
            warnings=[line for one in results for line in one.warnings],
            attention=any(one.attention for one in results),
        )

    return each_source(args, out, work, wanted=has_ledger)


def _due(place: Workplace) -> list[str]:
    from .. import drill_plan
    from ..workplace import Workplace as At

    config, source, today = place.config, place.source, place.clock.today()
    ledger = place.ledger()
    kinds = ["sample"] if drill_plan.small_due(ledger, config.site, today) else []
    if config.site == "remote":
        books: dict[str, Ledger] = {}
        for one in config.select(source.commune):
            if has_ledger(config, one) and (book := At(config, one, place.clock).ledger()).live():
                books[one.name] = book
        if drill_plan.full_due(books, today) == source.name:
            kinds.append("full")
    return kinds


def _outcome(fields: dict[str, Any], more: list[str]) -> Outcome:
    kind = "whole" if fields["full"] else "sample"
    line = (
        f"{'sound' if fields['sound'] else 'FAILED'}: {kind} of {fields['snapshot'][:8]} of {fields['day']}:"
        f" {fields['files']} of {fields['total_files']} files, {fields['size'] / 1e6:.1f} MB in"
        f" {fields['seconds']:.1f} s ({fields['rate'] / 1e6:.1f} MB/s)"
    )
    if fields["extrapolated"] is not None:
        hours = fields["extrapolated"] / 3600
        line += f"; all {fields['total_size'] / 1e6:.1f} MB would take {hours:.2f} h of the 24 h promised"
    warnings = [f"differs: {one}" for one in fields["differences"]]
    if fields["problem"] is not None:
        warnings.append(f"the drill failed: {fields['problem']}")
    if fields["infected"]:
        warnings.append(f"{fields['infected']} restored files are infected")
    if fields["within_24_h"] is False:
        warnings.append("all of it would take more than 24 hours")
    attention = not fields["sound"] or bool(fields["infected"]) or fields["within_24_h"] is False
    return Outcome(value=fields, lines=[line, *more], warnings=warnings, attention=attention)
