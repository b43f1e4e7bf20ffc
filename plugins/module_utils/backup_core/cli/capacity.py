# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `capacity`: the tier that a commune needs, from its file."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from .. import capacity
from ..capacity import CapacityPlan
from ..errors import ATTENTION, DONE
from ..opening import OpeningCalendar
from ..planning import Step, gb_text, number_text
from ..policy import Policy
from . import commune_file, table
from .output import Output

HELP = "Show which tier a commune needs over its contract's term, and how that is worked out"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commune_file.add_arguments(parser)


def execute(args: argparse.Namespace, out: Output) -> int:
    plans = [_plan(commune_file.read(path), args.assume) for path in args.file]
    if args.json:
        out.json([plan.as_json() for plan in plans])
    else:
        for number, plan in enumerate(plans):
            if number:
                out.line()
            _show(plan, out)
    return ATTENTION if any(plan.warnings for plan in plans) else DONE


def _plan(settings: dict[str, Any], assumed: list[str]) -> CapacityPlan:
    commune = commune_file.commune(settings, assumed)
    calendar = OpeningCalendar.from_mapping(settings["opening"])
    # The contract's first year stands for all of them.
    year_ends = commune.first_day + timedelta(days=364)
    open_days = len(calendar.open_days(commune.first_day, year_ends))
    return capacity.plan(commune, Policy.from_mapping(settings["policy"]), open_days)


def _show(plan: CapacityPlan, out: Output) -> None:
    needed = "more than any tier" if plan.tier_tb is None else f"{plan.tier_tb} TB"
    out.line(f"{plan.commune}: {plan.chosen_tb} TB chosen, {needed} needed: {plan.verdict}")
    out.line()
    table.write(out, [("step", "working", "result", "origin"), *map(step_row, plan.steps)], right=(2,))
    out.line()
    rows = [
        (
            str(year.number),
            str(year.ends),
            gb_text(year.data_gb),
            gb_text(year.needed_gb),
            f"{year.filled * 100:.0f} %{' full' if year.filled > 1 else ''}",
        )
        for year in plan.years
    ]
    table.write(out, [("year", "ends", "data", "needed", "of the tier"), *rows], right=(0, 2, 3))
    out.line()
    when = "never, or not in our time" if plan.full_on is None else str(plan.full_on)
    out.line(f"full: {when}{'' if plan.full_in_term else ', after the term'}")
    for warning in plan.warnings:
        out.line(f"attention: {warning}")


def step_row(step: Step) -> tuple[str, str, str, str]:
    """A line of a plan's working for a person."""
    value = gb_text(step.value) if step.unit == "GB" else f"{number_text(step.value)} {step.unit}"
    return (step.label, step.formula, value, step.note)
