# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup status`: can it be restored, and is it fresh."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from ..clock import Clock
from ..config import Source, load
from ..errors import ATTENTION, DONE, InputError
from ..times import paris, paris_day
from .output import Colour, Output
from .sources import add_selection

if TYPE_CHECKING:
    from ..status import Status

HELP = "show, worst first, what can be restored from this server and what is overdue"
HEADINGS = ("", "source", "last", "kind", "outcome", "due", "missed", "kept", "verified", "copied")
# Never alone: the same line says the level in words.
COLOURS: dict[str, Colour] = {"ok": "green", "attention": "yellow", "alarm": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument(
        "--metrics",
        metavar="FILE",
        help="also write them to a file in the folder of node-exporter's textfile collector (*.prom)",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import metrics, overview, refusals, usage
    from ..links import paths

    config = load()
    if config.site == "workstation":
        raise InputError(
            "status is that of a server; on a workstation, ccpp-backup restore --list shows what there is"
        )
    if args.metrics is not None and (args.commune or args.source):
        raise InputError(
            "--metrics: with --commune or --source the others would look as if they were gone"
            " (leave those options out)"
        )
    chosen = config.select(args.commune, args.source)
    _may_look(chosen)
    seen = overview.gather(config, chosen, Clock(args.now))
    if args.metrics is not None:
        usage.write(config.state_directory, seen.history)
        refused = refusals.look(config.state_directory) if config.site == "local" else None
        metrics.write(args.metrics, {**seen.document, "refused": refused})
    if args.json:
        out.json(seen.document)
        return DONE if seen.level == "ok" else ATTENTION
    lines = table([HEADINGS, *(_row(one) for one in seen.statuses)])
    out.line(lines[0])
    for one, line in zip(seen.statuses, lines[1:], strict=True):
        out.line(line, COLOURS[one.level])
    for one in seen.statuses:
        for reason in one.reasons:
            first = one.reasons[0] == reason
            out.line(f"{one.level.upper() if first else '':9} {one.series}: {reason}", COLOURS[one.level])
    for line in (seen.store.summary, *seen.store.reasons):
        said = seen.store.level.upper() if line == seen.store.summary else ""
        out.line(f"{said:9} store: {line}", COLOURS[seen.store.level])
    for reason in seen.links.reasons:
        said = seen.links.level.upper() if reason == seen.links.reasons[0] else ""
        out.line(f"{said:9} links: {reason}", COLOURS[seen.links.level])
    for path in seen.links.paths:
        out.line(f"{'':9} links: {paths.sentence(path)}")
    if seen.antivirus is not None:
        said = f"{seen.antivirus.level.upper():9} antivirus: {seen.antivirus.summary}"
        out.line(said, COLOURS[seen.antivirus.level])
    out.line(f"overall: {seen.level}", COLOURS[seen.level])
    return DONE if seen.level == "ok" else ATTENTION


def _may_look(sources: Iterable[Source]) -> None:
    """Who may not read a ledger would be told that nothing is kept, which is an alarm and not true."""
    for folder in {os.path.dirname(one.ledger) for one in sources if one.ledger is not None}:
        try:
            os.listdir(folder)
        except PermissionError:
            raise InputError(
                f"{folder}: you may not read it (run it as root: sudo ccpp-backup status)"
            ) from None
        except OSError:
            continue


def _row(one: Status) -> tuple[str, ...]:
    copied = "-" if one.pending is None else "yes" if not one.pending else f"{one.pending} missing"
    if one.pending_as_of is not None:
        # LOCAL knows no more than the ledger that REMOTE shipped last.
        copied += f" ({one.pending_as_of.astimezone(paris()):%Y-%m-%d %H:%M})"
    return (
        one.level.upper(),
        one.series,
        _day(one.last_day),
        one.last_kind or "-",
        one.last_outcome or "-",
        _day(one.due),
        str(len(one.missed)) if one.missed else "-",
        str(one.snapshots),
        "never" if one.verified_at is None else _day(paris_day(one.verified_at)),
        copied,
    )


def _day(day: date | None) -> str:
    return "-" if day is None else str(day)


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """The rows in columns as wide as they need."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
