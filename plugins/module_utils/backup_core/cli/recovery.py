# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `recovery`: how long a commune would wait for its data, from its file."""

from __future__ import annotations

import argparse

from .. import planning, recovery
from ..errors import ATTENTION, DONE
from ..planning import gb_text, number_text
from ..recovery import RecoveryPlan
from . import commune_file, table
from .capacity import step_row
from .output import Output

HELP = "Show in how many hours a commune's data would be back, by each path, before anything breaks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commune_file.add_arguments(parser)
    for site in ("local", "remote"):
        parser.add_argument(
            f"--measured-{site}",
            metavar="FILE",
            help=f"what `ccpp-backup benchmark --json` said on the {site.upper()} server (default: what the"
            " playbook ccpp.backup.benchmark has written into measured/ beside the communes' folder)",
        )


def execute(args: argparse.Namespace, out: Output) -> int:
    plans = [_plan(path, args) for path in args.file]
    if args.json:
        out.json([plan.as_json() for plan in plans])
    else:
        for number, plan in enumerate(plans):
            if number:
                out.line()
            _show(plan, out)
    return ATTENTION if any(plan.warnings or plan.refusal for plan in plans) else DONE


def _plan(path: str, args: argparse.Namespace) -> RecoveryPlan:
    settings = commune_file.read(path)
    local = args.measured_local or commune_file.measured(path, f"{settings['slug']}-local")
    remote = args.measured_remote or commune_file.measured(path, "remote")
    commune = commune_file.commune(settings, args.assume, local)
    stated = planning.commune(settings).assumptions
    at_remote = commune_file.adjusted(stated, args.assume, remote, "--measured-remote")
    return recovery.plan(commune, recovery.lines(settings), recovery.agreement(settings), at_remote)


def _show(plan: RecoveryPlan, out: Output) -> None:
    verdict = "refused" if plan.refusal else "holds"
    out.line(
        f"{plan.commune}: {gb_text(plan.gb)} back within {number_text(plan.agreement.hours)} h: {verdict}"
    )
    out.line()
    table.write(out, [("rate", "working", "value", "origin"), *map(step_row, plan.steps)], right=(2,))
    out.line()
    paths = [one.path.name for one in plan.forecasts]
    columns = range(2, 3 + len(paths))
    rows = [("source", "priority", "data", *paths)]
    for row in plan.rows:
        size = gb_text(row.data.gb) + ("" if row.data.stated else " ?")
        hours = (f"{row.hours[path]:.1f} h" for path in paths)
        rows.append((row.data.name, "-" if row.data.priority > 9 else str(row.data.priority), size, *hours))
    rows.append(("all is back", "", gb_text(plan.gb), *(f"{one.hours:.1f} h" for one in plan.forecasts)))
    rows.append(("in time", "", "", *("yes" if one.meets else "NO" for one in plan.forecasts)))
    rows.append(("limit", "", "", *(one.path.limits for one in plan.forecasts)))
    rows.append(("most in time", "", "", *(gb_text(one.most_gb) for one in plan.forecasts)))
    rows.append(("too slow from", "", "", *(_day(one.fails_on) for one in plan.forecasts)))
    table.write(out, rows, right=columns)
    out.line()
    if not all(row.data.stated for row in plan.rows):
        out.line("?: an assumed size")
    for warning in (*([plan.refusal] if plan.refusal else []), *plan.warnings):
        out.line(f"attention: {warning}")


def _day(day: object) -> str:
    return "-" if day is None else str(day)
