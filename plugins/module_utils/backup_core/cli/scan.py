# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup scan`: what came is looked at by the antivirus."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import BackupError, InputError
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_ledger, patience

if TYPE_CHECKING:
    from ..antivirus.scan import Scanned
    from ..antivirus.settings import Settings
    from ..workplace import Workplace

HELP = "scan for viruses what is new or changed in the snapshots here, and all of the month's first"
MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--list", action="store_true", help="list what was found infected or not scanned, and scan nothing"
    )
    which.add_argument(
        "--again", metavar="ID", help="scan all of this snapshot once more (with --source; its id in full)"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from ..antivirus import scan, settings
    from ..commands import is_snapshot_id

    found = settings.load()
    if found is None:
        raise InputError(
            "this machine has no antivirus (set antivirus_enabled, and run the playbook ccpp.backup.site)"
        )
    if args.again is not None and (args.source is None or not is_snapshot_id(args.again)):
        raise InputError(f"--again: {args.again[:80]!r} is not a whole snapshot id with --source to it")
    configured: Settings = found

    def work(place: Workplace) -> Outcome:
        if args.list:
            return _listed(place)
        result = scan.scan(place, configured, args.again, out.progress, patience(args, 0))
        if args.again is not None and not result.scanned:
            raise BackupError(f"--again: {args.again[:8]} is not here (see ccpp-backup restore --list)")
        infected = [one for one in result.scanned if one.tally.infected]
        return Outcome(
            value={"scanned": [_value(one) for one in result.scanned]},
            lines=[_line(one) for one in result.scanned] or ["nothing new to scan"],
            warnings=[
                f"{one.snapshot[:8]}: INFECTED: {scan.named(one.tally.infected, 3)}"
                f"{'; the source is on hold' if one.held else ''} (ccpp-backup scan --list)"
                for one in infected
            ],
            attention=any(one.tally.outcome != "clean" for one in result.scanned),
        )

    return each_source(args, out, work, wanted=has_ledger)


def _value(one: Scanned) -> dict[str, Any]:
    tally = one.tally
    return {
        "snapshot": one.snapshot,
        "since": one.since,
        "outcome": tally.outcome,
        "files": tally.seen,
        "clean": tally.clean,
        "infected": len(tally.infected),
        "not_scanned": len(tally.not_scanned),
        "reasons": tally.reasons(),
        "bytes": tally.size,
        "seconds": round(one.seconds, 3),
        "held": one.held,
    }


def _line(one: Scanned) -> str:
    tally = one.tally
    what = "whole" if one.since is None else f"since {one.since[:8]}"
    line = (
        f"{one.snapshot[:8]} {tally.outcome} ({what}): {tally.seen} files, {tally.size / 1e6:.1f} MB"
        f" in {one.seconds:.1f} s; {len(tally.infected)} infected, {len(tally.not_scanned)} not scanned"
    )
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.reasons().items())
    return f"{line} ({reasons})" if reasons else line


def _listed(place: Workplace) -> Outcome:
    from ..antivirus import changes, record
    from ..errors import one_line

    records = record.Records(place.config, place.source)
    ledger = place.ledger()
    done = changes.scans(ledger)
    rows: list[dict[str, Any]] = []
    lines = []
    for receipt in ledger.live():
        if receipt.snapshot not in done:
            rows.append({"snapshot": receipt.snapshot, "outcome": None})
            lines.append(f"{receipt.snapshot[:8]} never scanned")
            continue
        findings = records.findings(receipt.snapshot)
        rows.append(
            {"snapshot": receipt.snapshot, "outcome": done[receipt.snapshot].fields["outcome"]}
            | {"infected": {} if findings is None else findings.infected}
            | {"not_scanned": {} if findings is None else findings.not_scanned}
        )
        if findings is None:
            lines.append(f"{receipt.snapshot[:8]} {rows[-1]['outcome']}, by the ledger; its list is lost")
            continue
        lines += [f"{receipt.snapshot[:8]} INFECTED {one_line(p)}: {d}" for p, d in findings.infected.items()]
        missed = list(findings.not_scanned.items())
        lines += [f"{receipt.snapshot[:8]} not scanned {one_line(p)}: {d}" for p, d in missed[:MOST_SHOWN]]
        if len(missed) > MOST_SHOWN:
            lines.append(f"{receipt.snapshot[:8]} ... and {len(missed) - MOST_SHOWN} more (--json lists all)")
    return Outcome(value={"snapshots": rows}, lines=lines or ["nothing found"])
