# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks of retention share: histories, and what a child process took."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

COMMAND = pathlib.Path(__file__).resolve().parent.parent / "roles/agent/files/ccpp-backup"
LAST_DAY = date(2026, 3, 20)
NOW = "2026-03-20T20:00:00+01:00"
# Open days over which silent series fell silent: 38 years.
DAYS = 10_000
# Winter time all year: nothing measured here depends on it.
ZONE = timezone(timedelta(hours=1))


class Cost(NamedTuple):
    """What a child process took: seconds on the wall's clock and of a processor, and its peak memory."""

    seconds: float
    processor: float
    megabytes: float


class Taken(NamedTuple):
    """A snapshot of the history."""

    series: str
    at: datetime


def measured(argv: Sequence[str], output: pathlib.Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a child process, its output into a file."""
    begun = time.perf_counter()
    with open(output, "wb") as file:
        child = subprocess.Popen(argv, stdout=file, env={**os.environ, **(env or {})})
        _pid, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{argv[0]} failed with exit code {child.returncode}")
    return Cost(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def open_days(count: int) -> list[date]:
    """The last weekdays up to LAST_DAY, oldest first."""
    weeks = [LAST_DAY - timedelta(days=n) for n in range(count * 7 // 5 + 7)]
    return [day for day in weeks if day.weekday() < 5][:count][::-1]


def history(count: int, series: int) -> Iterator[Taken]:
    """`count` snapshots in ledger order: on each open day one of each series."""
    for day in open_days(-(-count // series)):
        for number in range(min(series, count)):
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)
            yield Taken(f"commune-{number:03}/accueil", noon + timedelta(seconds=number))
            count -= 1


def silent_history(count: int) -> Iterator[Taken]:
    """`count` snapshots in ledger order, each the only one of its series, spread over DAYS open days."""
    days = open_days(DAYS)
    for number in range(count):
        day = days[number * len(days) // count]
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZONE)
        yield Taken(f"commune-{number:07}/accueil", noon)


def write_question(folder: pathlib.Path, count: int, series: int, silent: bool = False) -> list[str]:
    """The files of a what-if question about such a history, and the arguments that ask it."""
    taken = silent_history(count) if silent else history(count, series)
    with open(folder / "receipts", "w", encoding="ascii") as file:
        for number, (name, at) in enumerate(taken):
            receipt = {
                "id": hashlib.sha256(str(number).encode()).hexdigest(),
                "series": name,
                "received_at": (at + timedelta(minutes=5)).isoformat(),
                "claimed_at": at.isoformat(),
                "kind": "incremental",
                "outcome": "ok",
            }
            file.write(json.dumps(receipt) + "\n")
    days = [day.isoformat() for day in open_days(DAYS if silent else -(-count // series))]
    (folder / "days").write_text(json.dumps(days), encoding="ascii")
    question = ["--receipts", str(folder / "receipts"), "--open-days", str(folder / "days"), "--now", NOW]
    return [sys.executable, str(COMMAND), "plan", *question, "--json"]
