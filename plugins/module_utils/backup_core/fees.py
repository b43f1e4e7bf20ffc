# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune owes for a calendar year, exact to the cent (requirement R16 of the service). Pure.

Three parts, all of them TTC:

- the flat fee of the tier (500, 600 or 1 000 €) is for five years: a fifth of it for each. After a change of
  tier, each day costs what its own tier does;
- 300 € a year: 100 € of software, 200 € of support;
- the support covers 8 hours a year, or the part of them for which it was paid, to the next whole minute; each
  minute beyond costs a sixtieth of 40 €. What is not used is not carried over.

A calendar year counts whole, and where the term begins or ends within it, as the part of its days that lie
in the term; the last year takes what the first one left, so that a term of five years is five years. What is
owed since the first day is rounded as a total, half a cent upwards, and a year's share is the difference of
two such totals: the years of a contract add up to its price, whatever each of them was rounded to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .errors import InputError
from .rules import same_day_later

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Prices:
    """The convention's, in euros TTC. `flat` is that of `flat_years`, by tier in terabytes."""

    flat: Mapping[int, int] = field(default_factory=lambda: {1: 500, 4: 600, 10: 1000})
    flat_years: int = 5
    software: int = 100
    support: int = 200
    included_minutes: int = 480
    hour: int = 40


CONVENTION = Prices()


@dataclass(frozen=True)
class Contract:
    """A commune's term, both days inclusive. `tiers`: (first day, terabytes), the earliest first."""

    slug: str
    name: str
    first_day: date
    last_day: date
    tiers: tuple[tuple[date, int], ...]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Contract:
        """From the `commune_settings` of the inventory. InputError names the field that cannot be."""
        contract = settings["contract"]
        first, last = date.fromisoformat(contract["start"]), date.fromisoformat(contract["end"])
        tiers, begins = [], first
        for number, earlier in enumerate(contract.get("earlier_tiers", [])):
            until = date.fromisoformat(earlier["until"])
            if not begins <= until < last:
                raise InputError(
                    f"{settings['slug']}: contract.earlier_tiers[{number}].until: '{until}' is not a day from"
                    f" {begins} to {last - DAY} (give the tiers in order, each with its last day)"
                )
            tiers.append((begins, int(earlier["tier"])))
            begins = until + DAY
        return cls(settings["slug"], settings["name"], first, last, (*tiers, (begins, settings["tier"])))


@dataclass(frozen=True)
class Intervention:
    """Work for a commune: on which day, who, how many minutes, what. `entry` is where the log has it."""

    entry: int
    day: date
    who: str
    minutes: int
    what: str


@dataclass(frozen=True)
class Statement:
    """A commune's calendar year. Amounts in euros TTC, minutes whole; `days`: those of it in the term."""

    slug: str
    name: str
    year: int
    days: int
    tiers: tuple[int, ...]
    flat: Decimal
    software: Decimal
    support: Decimal
    worked_minutes: int
    included_minutes: int
    beyond: Decimal
    interventions: tuple[Intervention, ...]

    @property
    def beyond_minutes(self) -> int:
        return max(0, self.worked_minutes - self.included_minutes)

    @property
    def total(self) -> Decimal:
        return self.flat + self.software + self.support + self.beyond


def statement(
    contract: Contract, year: int, interventions: Iterable[Intervention], prices: Prices = CONVENTION
) -> Statement:
    """What the commune owes for `year`; nothing accrues outside its term. `interventions`: of any years."""
    first = max(contract.first_day, date(year, 1, 1))
    after = min(contract.last_day, date(year, 12, 31)) + DAY
    days = max(0, (after - first).days)
    if not days:
        first = after = contract.first_day
    done = tuple(sorted((i for i in interventions if i.day.year == year), key=lambda i: (i.day, i.entry)))
    worked = sum(intervention.minutes for intervention in done)
    years_before, years_after = years_until(contract, first), years_until(contract, after)
    included = math.ceil(prices.included_minutes * (years_after - years_before))
    return Statement(
        slug=contract.slug,
        name=contract.name,
        year=year,
        days=days,
        tiers=tuple(tb for begins, ends, tb in spans(contract) if begins < after and first < ends),
        flat=cents(flat_until(contract, after, prices)) - cents(flat_until(contract, first, prices)),
        software=cents(prices.software * years_after) - cents(prices.software * years_before),
        support=cents(prices.support * years_after) - cents(prices.support * years_before),
        worked_minutes=worked,
        included_minutes=included,
        beyond=cents(Fraction(max(0, worked - included) * prices.hour, 60)),
        interventions=done,
    )


def spans(contract: Contract) -> list[tuple[date, date, int]]:
    """The contract's tiers as (first day, day after the last, terabytes)."""
    ends = [begins for begins, _tb in contract.tiers[1:]] + [contract.last_day + DAY]
    return [(begins, end, tb) for (begins, tb), end in zip(contract.tiers, ends, strict=True)]


def flat_until(contract: Contract, day: date, prices: Prices) -> Fraction:
    """Euros of the flat fee for the days before `day`, not rounded."""
    return sum(
        (
            Fraction(prices.flat[tb], prices.flat_years)
            * (years_until(contract, min(ends, day)) - years_until(contract, begins))
            for begins, ends, tb in spans(contract)
            if begins < day
        ),
        Fraction(0),
    )


def years_until(contract: Contract, day: date) -> Fraction:
    """Years of the contract before `day`, which lies in its term or is the day after it."""
    if day > contract.last_day:
        return Fraction(day.year - contract.first_day.year)
    return _place(day) - _place(contract.first_day)


def _place(day: date) -> Fraction:
    """The day on a scale on which each calendar year is as long as any other."""
    begins = date(day.year, 1, 1)
    return day.year + Fraction((day - begins).days, (date(day.year + 1, 1, 1) - begins).days)


def cents(euros: Fraction) -> Decimal:
    """Euros, never negative, rounded to the cent, half a cent upwards."""
    return Decimal(math.floor(euros * 100 + Fraction(1, 2))).scaleb(-2)


def totals(statements: Sequence[Statement]) -> dict[str, Decimal]:
    """The whole service's sums, by part."""
    parts = ("flat", "software", "support", "beyond", "total")
    return {part: sum((getattr(one, part) for one in statements), Decimal("0.00")) for part in parts}


def term_warnings(contract: Contract, today: date, months: Sequence[int] = (12, 6, 3)) -> list[str]:
    """A sentence when the contract, and with it the server's life (R2), ends soon or has ended."""
    if today > contract.last_day:
        return [f"the contract ended on {contract.last_day}: renew it, or offboard the commune"]
    near = [count for count in months if same_day_later(today, count) > contract.last_day]
    if not near:
        return []
    return [
        f"the contract and the server's term end on {contract.last_day}, within {min(near)} months:"
        " put the renewal into the next budget"
    ]
