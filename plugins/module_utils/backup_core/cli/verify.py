# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup verify`: is what lies here what was put here."""

from __future__ import annotations

import argparse

from ..errors import InputError, shown
from ..times import utc_text
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_repository, patience

# The timer comes once a day: a pull that happens to be at work then is worth waiting for.
PATIENCE = 1800.0

HELP = "hash every object of the repositories here, check their structure, and name what is damaged"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    parser.add_argument(
        "--due",
        action="store_true",
        help="read what is due: what is new, a thirtieth of the rest, and everything when a new month's full"
        " came; goes on where an earlier run was cut off (default: read everything)",
    )
    parser.add_argument(
        "--scrub-only", action="store_true", help="hash only (needs no key); leave the structure"
    )
    parser.add_argument(
        "--read-data-subset",
        metavar="SUBSET",
        help="let restic also decrypt this part of the data: n/t, a percentage or a size (2%%, 1/7, 500M)",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import verify
    from ..workplace import Workplace

    if args.read_data_subset is not None and not verify.valid_subset(args.read_data_subset):
        cure = "write 1/7, 2% or 500M"
        raise InputError(f"--read-data-subset: {shown(args.read_data_subset)} is not a part ({cure})")

    how = verify.How(
        due=args.due,
        structure=not args.scrub_only,
        subset=args.read_data_subset,
        patience=patience(args, PATIENCE),
    )

    def work(place: Workplace) -> Outcome:
        result = verify.verify(place, how, out.progress)
        warnings = [f"damaged: {one}" for one in result.damaged[:20]]
        if len(result.damaged) > 20:
            warnings.append(f"... and {len(result.damaged) - 20} more")
        if result.structure is not None:
            warnings.append(f"structure: {result.structure}")
        warnings += [f"{one[:8]}: in the ledger, but gone from the repository" for one in result.missing[:20]]
        state = "DAMAGED" if not result.sound else "sound" if result.snapshots else "nothing to verify yet"
        return Outcome(
            value={
                "snapshots": result.snapshots,
                "missing": result.missing[:100],
                "objects": result.objects,
                "bytes": result.size,
                "total_bytes": result.total,
                "read_since": None if result.since is None else utc_text(result.since),
                "seconds": round(result.seconds, 3),
                "sound": result.sound,
                "damaged": result.damaged,
                "structure": result.structure,
                "foreign": result.foreign,
            },
            lines=[
                f"{state}: {result.objects} objects, {result.size / 1e6:.1f} of {result.total / 1e6:.1f} MB"
                f" in {result.seconds:.1f} s"
            ],
            warnings=warnings,
            attention=not result.sound,
        )

    return each_source(args, out, work, wanted=has_repository)
