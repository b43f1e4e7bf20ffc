# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `fees`: the statement of fees of a year, for one commune or for the whole service."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from .. import fees, interventions
from ..errors import ATTENTION, DONE, InputError, shown
from ..fees import Contract, Statement
from ..times import paris_day
from . import commune_file, table
from .intervention import log_of
from .output import Output

HELP = "Show what communes owe for a year, to the cent, and whose term ends soon"

# What a commune's file may name.
FIRST_YEAR, LAST_YEAR = 2000, 2110

# What an accountant of a town hall reads, so in French; the amounts are those of `fees.totals`.
COLUMNS = (
    "Commune",
    "Année",
    "Jours",
    "Forfait",
    "Logiciel",
    "Assistance",
    "Minutes effectuées",
    "Minutes incluses",
    "Minutes au-delà",
    "Au-delà du forfait",
    "Total TTC",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file",
        nargs="+",
        required=True,
        metavar="FILE",
        help="files of communes (inventory/communes/*.yml)",
    )
    parser.add_argument("--year", type=int, required=True, metavar="YYYY", help="calendar year")
    parser.add_argument(
        "--pdf", metavar="FILE", help="also write them as a PDF in French, a page for each commune"
    )
    parser.add_argument(
        "--owner",
        metavar="NAME",
        default="Communauté de Communes du Plateau Picard",
        help="who issues the PDF (default: %(default)s)",
    )
    parser.add_argument("--csv", action="store_true", help="print a table for a spreadsheet, in French")


def execute(args: argparse.Namespace, out: Output) -> int:
    if not FIRST_YEAR <= args.year <= LAST_YEAR:
        raise InputError(f"--year: {shown(args.year)} is not a year from {FIRST_YEAR} to {LAST_YEAR}")
    contracts = [(path, Contract.from_settings(commune_file.read(path))) for path in dict.fromkeys(args.file)]
    statements = []
    for path, contract in contracts:
        log = log_of(path, contract.slug)
        done = interventions.done(log.read(), log.path)
        statements.append(fees.statement(contract, args.year, done))
    today = paris_day(args.now or datetime.now(UTC))
    warnings = [
        f"{contract.slug}: {text}"
        for _path, contract in contracts
        for text in fees.term_warnings(contract, today)
    ]
    if args.pdf is not None:
        _write_pdf(args.pdf, statements, args.owner, today)
    if args.json:
        totals = {part: str(amount) for part, amount in fees.totals(statements).items()}
        out.json(
            {"statements": [_document(one) for one in statements], "totals": totals, "warnings": warnings}
        )
    elif args.csv:
        for line in as_csv(statements).splitlines():
            out.line(line)
    else:
        table.write(
            out, [("commune", *COLUMNS[1:]), *map(_cells, statements), _sum(statements)], right=range(1, 11)
        )
        for warning in warnings:
            out.line(f"attention: {warning}")
    return ATTENTION if warnings else DONE


def _write_pdf(path: str, statements: Sequence[Statement], owner: str, today: date) -> None:
    try:
        from ...commune import fees_pdf
    except ImportError:
        raise InputError(
            "--pdf: run this command from the collection, on the administrator's machine"
        ) from None
    body = fees_pdf.draw(statements, owner, today)
    try:
        Path(path).write_bytes(body)
    except OSError as error:
        raise InputError(f"--pdf: {path}: {error.strerror} (name a file in a folder that is there)") from None


def as_csv(statements: Sequence[Statement]) -> str:
    """As French spreadsheets read it: semicolons, and a comma before the cents."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(_cells, statements))
    writer.writerow(_sum(statements))
    return stream.getvalue()


def _cells(one: Statement) -> tuple[str, ...]:
    minutes = (one.worked_minutes, one.included_minutes, one.beyond_minutes)
    amounts = (one.flat, one.software, one.support)
    return (
        one.name,
        str(one.year),
        str(one.days),
        *map(_euros, amounts),
        *map(str, minutes),
        _euros(one.beyond),
        _euros(one.total),
    )


def _sum(statements: Sequence[Statement]) -> tuple[str, ...]:
    sums = {part: _euros(amount) for part, amount in fees.totals(statements).items()}
    return (
        "Total",
        "",
        "",
        sums["flat"],
        sums["software"],
        sums["support"],
        "",
        "",
        "",
        sums["beyond"],
        sums["total"],
    )


def _euros(amount: Decimal) -> str:
    return str(amount).replace(".", ",")


def _document(one: Statement) -> dict[str, object]:
    return {
        "commune": one.slug,
        "name": one.name,
        "year": one.year,
        "days": one.days,
        "tiers_tb": list(one.tiers),
        **{part: str(getattr(one, part)) for part in ("flat", "software", "support", "beyond", "total")},
        "worked_minutes": one.worked_minutes,
        "included_minutes": one.included_minutes,
        "beyond_minutes": one.beyond_minutes,
        "interventions": [{**vars(i), "day": i.day.isoformat()} for i in one.interventions],
    }
