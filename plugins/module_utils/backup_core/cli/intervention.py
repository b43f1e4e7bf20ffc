# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `intervention`: log work done for a commune, correct an entry, list them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from .. import interventions
from ..errors import DONE, InputError
from ..fees import Contract
from ..ledger_file import LedgerFile
from ..times import paris_day, parse_day
from . import commune_file, table
from .output import Output

NEEDED = {"add": ("minutes", "who", "what"), "correct": ("entry", "minutes", "who", "why"), "list": ()}

HELP = "Log the work done for a commune, which its statement of fees counts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("add", "correct", "list"))
    parser.add_argument(
        "--file",
        required=True,
        metavar="FILE",
        help="the commune's file; the log is interventions/<commune>.jsonl beside its folder",
    )
    parser.add_argument("--minutes", type=int, help="how long it took; of a correction, what takes its place")
    parser.add_argument("--who", help="who did it, or who corrects")
    parser.add_argument("--what", help="what was done")
    parser.add_argument("--day", metavar="YYYY-MM-DD", help="when it was done (default: today)")
    parser.add_argument("--entry", type=int, metavar="NUMBER", help="the entry to correct")
    parser.add_argument("--why", help="why it is corrected")


def log_of(path: str, slug: str) -> LedgerFile:
    """The log of the commune whose file is at `path`."""
    return LedgerFile(Path(path).absolute().parent.parent / "interventions" / f"{slug}.jsonl")


def execute(args: argparse.Namespace, out: Output) -> int:
    for name in NEEDED[args.action]:
        if getattr(args, name) is None:
            raise InputError(f"--{name}: needed for `intervention {args.action}` (see --help)")
    contract = Contract.from_settings(commune_file.read(args.file))
    log = log_of(args.file, contract.slug)
    if args.action != "list":
        _write(args, contract, log, args.now or datetime.now(UTC))
    found = interventions.done(log.read(), log.path)
    if args.json:
        out.json([{**vars(one), "day": one.day.isoformat()} for one in found])
    else:
        rows = [(str(one.entry), str(one.day), str(one.minutes), one.who, one.what) for one in found]
        table.write(out, [("entry", "day", "minutes", "who", "what"), *rows], right=(0, 2))
    return DONE


def _write(args: argparse.Namespace, contract: Contract, log: LedgerFile, now: datetime) -> None:
    if args.action == "add":
        day = paris_day(now) if args.day is None else parse_day(args.day, "--day")
        draft = interventions.added(contract, day, args.who, args.minutes, args.what, now)
        Path(log.path).parent.mkdir(exist_ok=True)
    else:
        # No lock is needed to look: what is in the log stays there.
        done = interventions.done(log.read(), log.path)
        draft = interventions.corrected(done, args.entry, args.minutes, args.who, args.why, now)
    log.append([draft])
