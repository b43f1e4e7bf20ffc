# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup run`: today's backup, if it is due."""

from __future__ import annotations

import argparse

from ..config import Config, Source
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, patience

HELP = "make today's backup of what this machine reads itself, when today is an open day that has none yet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)
    parser.add_argument(
        "--today-anyway",
        action="store_true",
        help="back up now, even on a closed day or when today already has its backup",
    )
    parser.add_argument("--full", action="store_true", help="read every file again, whatever the month has")


def _read_here(config: Config, source: Source) -> bool:
    return config.site == "workstation" or (config.site == "local" and source.read_by_server)


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import backup, locking
    from ..workplace import Workplace

    def work(place: Workplace) -> Outcome:
        with locking.of_source(place.config, place.source, patience(args)) as lock:
            done = backup.run(
                place, args.today_anyway, args.full, progress=out.progress, keep_open=lock.inherited
            )
        value = {
            "action": done.decision.action,
            "why": done.decision.why,
            "snapshot": done.snapshot,
            "outcome": done.outcome,
            "unreadable": done.unreadable[:100],
            "files": done.files,
            "bytes": done.size,
            "added": done.added,
            "seconds": round(done.seconds, 3),
            "reported": done.reported,
        }
        if done.snapshot is None:
            return Outcome(value, [f"nothing to do: {done.decision.why}"])
        line = (
            f"{done.decision.action} backup {done.snapshot[:8]} {done.outcome}: {done.files} files,"
            f" {done.size / 1e6:.1f} MB ({done.added / 1e6:.1f} MB new) in {done.seconds:.1f} s"
            f" ({done.decision.why})"
        )
        warnings = [f"could not be read: {path}" for path in done.unreadable[:10]]
        if len(done.unreadable) > 10:
            warnings.append(f"... and {len(done.unreadable) - 10} more")
        if done.report_problem is not None:
            warnings.append(f"the server did not take the report: {done.report_problem}")
        return Outcome(value, [line], warnings, attention=bool(warnings))

    return each_source(args, out, work, wanted=_read_here)
