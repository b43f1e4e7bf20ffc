# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A year of backups in a second: every open day one snapshot, every evening the retention rule."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from .host import CHECKOUT

WINTER = timezone(timedelta(hours=1))


@dataclass(frozen=True)
class Year:
    """What a year left: the receipts kept, how many there were, and the most at one time."""

    taken: int
    kept: list[dict[str, str]]
    most: int

    def lines(self) -> str:
        return "".join(json.dumps(receipt) + "\n" for receipt in self.kept)


def core(module: str) -> Any:
    """A module of the core, as it lies in this checkout."""
    place = str(CHECKOUT / "plugins" / "module_utils")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module(f"backup_core.{module}")


def receipt(day: date, series: str, first_of_month: bool) -> dict[str, str]:
    claimed = datetime.combine(day, time(12, 35), WINTER)
    return {
        "id": hashlib.sha256(f"{series} {day}".encode()).hexdigest(),
        "series": series,
        "received_at": (claimed + timedelta(minutes=4)).isoformat(),
        "claimed_at": claimed.isoformat(),
        "kind": "full" if first_of_month else "incremental",
        "outcome": "ok",
    }


def simulate(open_days: list[date], series: str) -> Year:
    """Take a backup on every one of these days and remove, the same evening, what the plan says."""
    retention = core("retention")
    calendar, rules = core("opening").FixedOpenDays(open_days), core("policy").Policy()
    kept: list[dict[str, str]] = []
    most, month = 0, ""
    for day in open_days:
        kept.append(receipt(day, series, str(day)[:7] != month))
        month = str(day)[:7]
        most = max(most, len(kept))
        snapshots = [
            retention.Snapshot(
                one["id"],
                one["series"],
                datetime.fromisoformat(one["received_at"]),
                datetime.fromisoformat(one["claimed_at"]),
                one["outcome"],
            )
            for one in kept
        ]
        evening = datetime.combine(day, time(20, 30), WINTER)
        plan = retention.plan(snapshots, calendar, rules, evening)
        if plan.refused is None:
            gone = {decision.id for decision in plan.decisions() if decision.action == "remove"}
            kept = [one for one in kept if one["id"] not in gone]
    return Year(len(open_days), kept, most)
