# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds and peak memory of `ccpp-backup plan` for 10 000 to 1 000 000 receipts, and how they grow.

`python bench/plan.py [COUNT...]`. Each question is asked of the command itself, in a child process; the
answer is written as JSON. Two histories: 500 series that send on every open day, and as many series as
receipts, each silent since its only one, over 10 000 open days. Exit code 1 where the processor's time grows
faster than receipts do: what else the machine does makes the wall's clock no measure of growth.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

from _history import DAYS, measured, write_question

SERIES = 500
# A tenfold history may take eleven times as long: caches are shared with what else runs.
SLACK = 1.1


def main(counts: list[int]) -> int:
    linear = table(f"{SERIES} series that send every day", counts, silent=False)
    linear &= table(f"a series for each receipt, silent since, {DAYS} open days", counts, silent=True)
    return 0 if linear else 1


def table(title: str, counts: list[int], silent: bool) -> bool:
    """Print what each count costs; returns whether time grows no faster than the counts."""
    print(title)
    print(
        f"{'receipts':>10} {'seconds':>9} {'CPU s':>9} {'CPU us each':>12} {'peak MB':>8} {'bytes each':>11}"
    )
    costs = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for count in counts:
            question = write_question(folder, count, count if silent else SERIES, silent)
            cost = measured(question, folder / "answer")
            costs.append(cost)
            each, size = cost.processor / count * 1e6, cost.megabytes / count * 1e6
            took = f"{cost.seconds:>9.2f} {cost.processor:>9.2f} {each:>12.1f}"
            print(f"{count:>10} {took} {cost.megabytes:>8.0f} {size:>11.0f}", flush=True)
    times, growth = counts[-1] / counts[0], costs[-1].processor / costs[0].processor
    memory = costs[-1].megabytes / costs[0].megabytes
    print(
        f"{times:g} times the receipts: {growth:.1f} times the CPU seconds, {memory:.1f} times the memory\n"
    )
    return growth <= times * SLACK


if __name__ == "__main__":
    sys.exit(main([int(argument) for argument in sys.argv[1:]] or [10_000, 100_000, 1_000_000]))
