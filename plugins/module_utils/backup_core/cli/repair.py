# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup repair`: what can be mended is mended, and what is lost is named."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import InputError, one_line
from .output import Output
from .sources import Outcome, add_selection, add_wait, each_source, has_repository, patience

if TYPE_CHECKING:
    from ..workplace import Workplace

HELP = "set damaged objects of a source aside, at REMOTE bring them from LOCAL again, and name what is lost"
MOST_SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    add_wait(parser)


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import locking, repair

    if args.source is None:
        raise InputError("--source: missing (name the source whose repository is to be repaired)")

    def work(place: Workplace) -> Outcome:
        wait = patience(args)
        with (
            locking.of_source(place.config, place.source, wait),
            locking.of_prune(place.config, place.source, wait) as lock,
        ):
            done = repair.repair(place, out.progress, lock.inherited)
        warnings = [f"{one[:8]}: not brought from LOCAL: {why}" for one, why in done.failed.items()]
        warnings += [f"LOST: {one_line(str(one))}" for one in done.lost[:MOST_SHOWN]]
        if len(done.lost) > MOST_SHOWN:
            warnings.append(f"... and {len(done.lost) - MOST_SHOWN} more files are lost (--json lists all)")
        if done.lost and place.source.upstream is None:
            warnings.append(
                "a full backup (ccpp-backup run --full --today-anyway) brings what the source still has"
            )
        line = f"{len(done.set_aside)} objects set aside, {len(done.fetched)} snapshots completed from LOCAL"
        return Outcome(
            value={
                "set_aside": done.set_aside,
                "fetched": done.fetched,
                "failed": done.failed,
                "lost": [vars(one) for one in done.lost],
                "undo": done.undo,
            },
            lines=[f"{line}, {len(done.lost)} files lost; now: ccpp-backup verify"],
            warnings=warnings,
            attention=not done.whole,
        )

    return each_source(args, out, work, wanted=has_repository)
