# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup inspect`: does what came look like the work of ransomware."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InputError, shown
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_ledger, patience, person

if TYPE_CHECKING:
    from ..workplace import Workplace

HELP = "look at what each new snapshot did to its source, and hold the source where that looks like an attack"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--list", action="store_true", help="list what was found, and look at nothing")
    which.add_argument(
        "--clear",
        metavar="ID",
        help="say that what was found in this snapshot was nothing (with --source and --why; its id in full)",
    )
    parser.add_argument("--why", metavar="TEXT", help="with --clear: how that is known")


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import detection, inspecting
    from ..commands import is_snapshot_id

    if args.clear is not None and not is_snapshot_id(args.clear):
        raise InputError(f"--clear: {shown(args.clear)} is not a whole snapshot id (64 hexadecimal digits)")
    if args.clear is not None and (args.source is None or args.why is None):
        raise InputError("--clear: say also whose snapshot it is (--source) and how that is known (--why)")
    if args.clear is None and args.why is not None:
        raise InputError("--why: has a meaning with --clear only")
    who = person()

    def work(place: Workplace) -> Outcome:
        if args.list:
            return _listed(place)
        if args.clear is not None:
            inspecting.clear(place, args.clear, who, args.why)
            lines = [f"{args.clear[:8]} counts as clean; a hold stays until ccpp-backup hold releases it"]
            return Outcome(value={"cleared": args.clear}, lines=lines)
        result = inspecting.inspect(place, patience(args), out.progress)
        ledger = place.ledger()
        warnings = [
            f"{one.snapshot[:8]}: {one.verdict.level.upper()}: {'; '.join(one.verdict.reasons)};"
            f" {detection.clean_text(ledger, one.verdict.last_clean)}"
            f"{'; the source is on hold' if one.held else ''}"
            for one in result.inspected
            if one.verdict.level != "clean"
        ]
        unread = [f"{one[:8]}: not looked at: {why}" for one, why in result.failed.items()]
        return Outcome(
            value={
                "inspected": [
                    {
                        "snapshot": one.snapshot,
                        "level": one.verdict.level,
                        "reasons": list(one.verdict.reasons),
                        "last_clean": one.verdict.last_clean,
                        "files": one.files,
                        "held": one.held,
                    }
                    for one in result.inspected
                ],
                "failed": result.failed,
                "left": result.left,
            },
            lines=[f"{one.snapshot[:8]} {one.verdict.level}" for one in result.inspected] or ["nothing new"],
            warnings=warnings + unread,
            attention=bool(warnings or unread),
        )

    return each_source(args, out, work, wanted=has_ledger)


def _listed(place: Workplace) -> Outcome:
    from .. import detection

    ledger = place.ledger()
    done, forgiven = detection.inspections(ledger), detection.cleared(ledger)
    unclean = detection.unclean_ids(ledger)
    rows: list[dict[str, Any]] = []
    lines = []
    for receipt in ledger.live():
        entry = done.get(receipt.snapshot)
        level = None if entry is None else entry.fields["level"]
        row = {
            "snapshot": receipt.snapshot,
            "level": level,
            "cleared": receipt.snapshot in forgiven,
            "after_a_finding": receipt.snapshot in unclean,
            "reasons": [] if entry is None else entry.fields["reasons"],
        }
        rows.append(row)
        remark = "; cleared" if row["cleared"] else ""
        if level == "clean" and row["after_a_finding"]:
            remark = "; but after a finding that nobody has cleared"
        lines.append(f"{receipt.snapshot} {level or 'not looked at'}{remark}")
        lines += [f"    {one}" for one in row["reasons"]]
    return Outcome(value={"snapshots": rows}, lines=lines or ["no snapshot"])
