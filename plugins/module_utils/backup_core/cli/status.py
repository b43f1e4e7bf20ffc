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
from ..times import paris, paris_day, utc_text
from ..workplace import Workplace
from .output import Output
from .sources import add_selection

if TYPE_CHECKING:
    from ..status import Status

HELP = "show, worst first, what can be restored from this server and what is overdue"
HEADINGS = ("", "source", "last", "kind", "outcome", "due", "missed", "kept", "verified", "copied")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument(
        "--metrics",
        metavar="FILE",
        help="also write them to a file in the folder of node-exporter's textfile collector (*.prom)",
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import metrics, status, storage_health

    config = load()
    if config.site == "workstation":
        raise InputError(
            "status is that of a server; on a workstation, ccpp-backup restore --list shows what there is"
        )
    chosen = config.select(args.commune, args.source)
    _may_look(chosen)
    clock = Clock(args.now)
    found = [status.status_of(Workplace(config, one, clock)) for one in chosen]
    found.sort(key=lambda one: (status.ORDER[one.level], one.series))
    store = storage_health.judge(storage_health.read(config.state_directory), clock.now())
    level = min(status.overall(found), store.level, key=lambda level: status.ORDER[level])
    head = {"overall": level, "server": config.server, "at": utc_text(clock.now())}
    document = {**head, "sources": [one.as_json() for one in found], "store": store.as_json()}
    if args.metrics is not None:
        metrics.write(args.metrics, document)
    if args.json:
        out.json(document)
    else:
        for line in table([HEADINGS, *(_row(one) for one in found)]):
            out.line(line)
        for one in found:
            for reason in one.reasons:
                out.line(f"{one.level.upper() if one.reasons[0] == reason else '':9} {one.series}: {reason}")
        for line in (store.summary, *store.reasons):
            out.line(f"{store.level.upper() if line == store.summary else '':9} store: {line}")
        out.line(f"overall: {level}")
    return DONE if level == "ok" else ATTENTION


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
