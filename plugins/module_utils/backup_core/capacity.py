# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tier a commune needs over its contract's term (requirement R4), with the working shown.

restic stores each piece of data once per repository, so a full backup costs only what changed since the
snapshot before it. A repository holds the data of today, plus what each older snapshot that is kept still has
of data replaced since: twelve steps of a month between thirteen fulls (the day on which a full comes, the one
of a year ago is still kept), and a step of a day for each backup of the last 14 days. A step of n backups
replaces 1 - (1 - change)^n of the data, as if each struck at random: an upper bound, for offices change the
same few files again and again. The past is counted as large as the present, another upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

from .planning import PUSHING, STATED, Commune, DataSet, Step, gb_text, number_text
from .policy import Policy
from .rules import same_day_later

TIERS_TB = (1, 4, 10)
GB_A_TB = 1000
Verdict = Literal["fits", "too small", "wasteful"]


class Year(NamedTuple):
    """A year of the contract, at its end. Volumes in GB; `filled`: share of the tier, 1.0 when full."""

    number: int
    ends: date
    data_gb: float
    needed_gb: float
    filled: float

    def as_json(self) -> dict[str, Any]:
        return {
            "year": self.number,
            "ends": self.ends.isoformat(),
            "data_gb": round(self.data_gb, 1),
            "needed_gb": round(self.needed_gb, 1),
            "filled_percent": round(self.filled * 100, 1),
        }


@dataclass(frozen=True)
class CapacityPlan:
    """The answer, and how it came about.

    `tier_tb` is the smallest tier that holds the data to the last day of the term, None where none does;
    `full_on` the first day on which the chosen tier no longer does, None where that is not in our time.
    """

    commune: str
    chosen_tb: int
    tier_tb: int | None
    verdict: Verdict
    full_on: date | None
    full_in_term: bool
    steps: tuple[Step, ...]
    years: tuple[Year, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "commune": self.commune,
            "chosen_tb": self.chosen_tb,
            "tier_tb": self.tier_tb,
            "verdict": self.verdict,
            "full_on": None if self.full_on is None else self.full_on.isoformat(),
            "full_in_term": self.full_in_term,
            "steps": [step.as_json() for step in self.steps],
            "years": [year.as_json() for year in self.years],
            "warnings": list(self.warnings),
        }


def plan(commune: Commune, policy: Policy, backups_a_year: int) -> CapacityPlan:
    """The plan of one commune. `backups_a_year`: its open days in a year, a backup is due on each."""
    end_gb = commune.gb_on(commune.term_ends)
    working = _Working(commune, policy, backups_a_year)
    steps = [*_today(commune), *_at_the_end(commune, end_gb), *working.steps(end_gb)]
    needed_gb = working.needed_a_gb * end_gb
    tier_tb = next((tier for tier in TIERS_TB if needed_gb <= tier * GB_A_TB), None)
    full_on = None
    if commune.gb:
        full_on = commune.day_of(commune.tier_tb * GB_A_TB / working.needed_a_gb)
    full_in_term = needed_gb > commune.tier_tb * GB_A_TB
    verdict: Verdict = "too small" if full_in_term else "fits"
    if tier_tb is not None and tier_tb < commune.tier_tb:
        verdict = "wasteful"
    years = tuple(_years(commune, working.needed_a_gb))
    return CapacityPlan(
        commune.name,
        commune.tier_tb,
        tier_tb,
        verdict,
        full_on,
        full_in_term,
        tuple(steps),
        years,
        tuple(_warnings(commune, verdict, tier_tb, full_on, needed_gb)),
    )


def _today(commune: Commune) -> Iterator[Step]:
    groups: list[tuple[str, list[DataSet]]] = [
        ("workstations", [one for one in commune.data if one.kind in (*PUSHING, "workstation")]),
        ("shares, folders and archives", [one for one in commune.data if one.kind in ("smb", "path")]),
        ("archives in no source yet", [one for one in commune.data if one.kind == "archive"]),
    ]
    for label, group in groups:
        if group:
            formula = " + ".join(number_text(one.gb) for one in group)
            assumed = [one.name for one in group if not one.stated]
            note = f"assumed: {', '.join(assumed)}" if assumed else "stated"
            yield Step(f"data of {label}", formula, sum(one.gb for one in group), "GB", note)
    day = commune.volumes_on
    yield Step(f"data on {day}", "sum of the above", commune.gb, "GB")


def _at_the_end(commune: Commune, end_gb: float) -> Iterator[Step]:
    years = round(commune.years_after(commune.term_ends), 2)
    growth = commune.assumptions.growth_percent_per_year
    yield Step(
        f"data at the end of the term, {commune.last_day}",
        f"{number_text(commune.gb)} × (1 + {number_text(growth)} %)^{number_text(years)}",
        end_gb,
        "GB",
        f"growth: {commune.assumptions.origin('growth_percent_per_year')}",
    )


class _Working:
    """The space that one GB of data takes, from the bottom up."""

    def __init__(self, commune: Commune, policy: Policy, backups_a_year: int) -> None:
        self._assumptions = a = commune.assumptions
        self._policy = policy
        self._a_year = backups_a_year
        self._a_month = backups_a_year / 12
        # The policy keeps that many days after a snapshot's own day, both ends included.
        self._recent = backups_a_year * (policy.other_days + 1) / 365
        self._undone = backups_a_year * a.undo_days / 365
        self._stored = a.stored_percent / 100
        self._parts = _parts(commune)
        self._monthly = sum(part.share * self._month_share(part) for part in self._parts)
        self._daily = sum(part.share * part.change for part in self._parts)
        kept = 1 + policy.full_months * self._monthly + (self._recent + self._undone) * self._daily
        self._held = kept * self._stored * (1 + a.unused_percent / 100)
        self.needed_a_gb = self._held / (1 - a.reserve_percent / 100)

    def _month_share(self, part: _Part) -> float:
        return 1 - math.pow(1 - part.change, self._a_month)

    def steps(self, gb: float) -> Iterator[Step]:
        a, months, days = self._assumptions, self._policy.full_months, self._policy.other_days
        stored, monthly, daily = (gb * self._stored * share for share in (1, self._monthly, self._daily))
        yield Step("backups in a month", f"{self._a_year} open days / 12", self._a_month, "backups")
        yield Step(
            "one copy of everything",
            f"{gb_text(gb)} × {number_text(a.stored_percent)} %",
            stored,
            "GB",
            a.origin("stored_percent"),
        )
        yield from self._changes(stored)
        yield Step(
            f"{months} older fulls: what changed since each",
            f"{months} × {gb_text(monthly)}",
            months * monthly,
            "GB",
            "a full reads everything again and stores what is new",
        )
        yield Step(
            f"backups of the last {days} days",
            f"{number_text(self._recent)} backups × {gb_text(daily)}",
            self._recent * daily,
            "GB",
            f"{days} days and the day itself",
        )
        yield Step(
            "pruned, but not beyond undoing",
            f"{number_text(self._undone)} backups × {gb_text(daily)}",
            self._undone * daily,
            "GB",
            f"{number_text(a.undo_days)} days: {a.origin('undo_days')}",
        )
        yield Step(
            "in the repositories",
            f"(the copy + the three volumes above) × (1 + {number_text(a.unused_percent)} %)",
            self._held * gb,
            "GB",
            a.origin("unused_percent"),
        )
        yield Step(
            "needed",
            f"{gb_text(self._held * gb)} / (1 - {number_text(a.reserve_percent)} %)",
            self.needed_a_gb * gb,
            "GB",
            a.origin("reserve_percent"),
        )

    def _changes(self, stored_gb: float) -> Iterator[Step]:
        """What one open day, and what one month replaces."""
        volumes = [(gb_text(part.share * stored_gb), part) for part in self._parts]
        yield Step(
            "replaced by one open day",
            " + ".join(f"{number_text(part.change * 100)} % × {volume}" for volume, part in volumes),
            self._daily * stored_gb,
            "GB",
            "; ".join(f"{number_text(part.change * 100)} %: {part.origin}" for part in self._parts),
        )
        month = number_text(self._a_month)
        yield Step(
            "replaced from one full to the next",
            " + ".join(
                f"(1 - (1 - {number_text(part.change * 100)} %)^{month}) × {volume}"
                for volume, part in volumes
            ),
            self._monthly * stored_gb,
            "GB",
        )


class _Part(NamedTuple):
    """The share of the data (0 to 1) of which one open day replaces the fraction `change`."""

    change: float
    share: float
    origin: str


def _parts(commune: Commune) -> list[_Part]:
    """The data by how much of it changes, the liveliest first."""
    a = commune.assumptions
    origins = {
        a.change_percent_per_day: a.origin("change_percent_per_day"),
        a.archive_change_percent_per_day: a.origin("archive_change_percent_per_day"),
    }
    whole = commune.gb or 1.0
    volumes: dict[float, float] = {}
    for one in commune.data:
        volumes[one.change_percent] = volumes.get(one.change_percent, 0.0) + one.gb
    return [
        _Part(percent / 100, gb / whole, origins.get(percent, STATED))
        for percent, gb in sorted(volumes.items(), reverse=True)
    ]


def _years(commune: Commune, needed_a_gb: float) -> Iterator[Year]:
    number, begins = 1, commune.first_day
    while begins <= commune.last_day:
        next_begins = same_day_later(commune.first_day, 12 * number)
        ends = min(next_begins - timedelta(days=1), commune.last_day)
        # What was there before the volumes were stated is nobody's business here.
        if ends >= commune.volumes_on:
            data_gb = commune.gb_on(ends + timedelta(days=1))
            needed_gb = data_gb * needed_a_gb
            yield Year(number, ends, data_gb, needed_gb, needed_gb / (commune.tier_tb * GB_A_TB))
        number, begins = number + 1, next_begins


def _warnings(
    commune: Commune, verdict: Verdict, tier_tb: int | None, full_on: date | None, needed_gb: float
) -> Iterator[str]:
    end, chosen = f"the end of the term ({commune.last_day})", f"the tier of {commune.tier_tb} TB"
    if verdict == "too small" and full_on is not None:
        when = "already" if full_on <= commune.volumes_on else f"on {full_on}"
        cure = f"{tier_tb} TB will do" if tier_tb else f"no tier does ({gb_text(needed_gb)}): split the data"
        yield f"{chosen} is too small: full {when}; until {end} {cure}"
    if verdict == "wasteful":
        yield f"{chosen} is wasteful: until {end} {tier_tb} TB will do ({gb_text(needed_gb)} needed)"
    assumed = [one.name for one in commune.data if not one.stated]
    if verdict != "fits" and assumed:
        yield f"sizes are assumed for {', '.join(assumed)}: write size_gb to know better"
