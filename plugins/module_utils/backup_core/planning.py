# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planners of capacity and recovery share: a commune's data, and the numbers nobody has stated.

Gigabytes are decimal (10^9 bytes), as disks and tiers are sold; rates are in MB/s (10^6 bytes) or Mbit/s.
Every assumption is a parameter: the block `planning` of a commune's file overrides it, a measurement does so
too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from .errors import InputError, shown
from .rules import same_day_later

PUSHING = ("linux", "windows")
STATED = "stated"
# What a plan of many years leaves of the calendar: Python's dates end with the year 9999.
_FARTHEST_YEARS = 1000.0


def _assumed(default: float, least: float, most: float, unit: str, meaning: str, source: str) -> Any:
    metadata = {"least": least, "most": most, "unit": unit, "meaning": meaning, "source": source}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Assumptions:
    """Every number of the two models, by the name that the block `planning` overrides it with.

    `origins` says of the overridden ones where they come from.
    """

    growth_percent_per_year: float = _assumed(
        20, 0, 1000, "%", "growth of the data in a year, compounded", "assumption"
    )
    change_percent_per_day: float = _assumed(
        1,
        0,
        100,
        "%",
        "share of a workstation's data that one open day replaces",
        "assumption: the low end of the usual 1 to 5 %, for offices without large databases",
    )
    archive_change_percent_per_day: float = _assumed(
        0.1, 0, 100, "%", "the same for shares, folders and archives", "assumption: most of it stays as it is"
    )
    workstation_gb: float = _assumed(
        50, 0, 100_000, "GB", "data of a workstation without size_gb", "assumption"
    )
    share_gb: float = _assumed(
        100, 0, 100_000, "GB", "data of a share or folder without size_gb", "assumption"
    )
    stored_percent: float = _assumed(
        100,
        1,
        200,
        "%",
        "size in a repository, once compressed, of 100 % of data",
        "assumption: photos, PDF and office files are compressed already",
    )
    unused_percent: float = _assumed(
        5, 0, 100, "%", "unused space that prune leaves in a repository", "restic's default of --max-unused"
    )
    undo_days: float = _assumed(
        7, 0, 365, "days", "days for which what was pruned can be brought back", "assumption"
    )
    reserve_percent: float = _assumed(
        10, 0, 90, "%", "share of a tier kept free for pruning and the file system", "assumption"
    )
    lan_mbit: float = _assumed(
        1000, 0.1, 400_000, "Mbit/s", "network of the town hall", "assumption: gigabit Ethernet"
    )
    lan_goodput_percent: float = _assumed(
        94, 1, 100, "%", "of the network's rate, what files get", "1448 of 1538 bytes of an Ethernet frame"
    )
    line_goodput_percent: float = _assumed(
        90,
        1,
        100,
        "%",
        "of a line's rate, what files get through a tunnel",
        "1368 of 1518 bytes of a frame in WireGuard, MTU 1420",
    )
    remote_up_mbit: float = _assumed(
        1000, 0.1, 400_000, "Mbit/s", "line of the REMOTE server, sending", "assumption"
    )
    disk_read_mb_s: float = _assumed(
        150, 0.1, 100_000, "MB/s", "reading a repository from disk", "assumption: one hard disk, in sequence"
    )
    restic_restore_mb_s: float = _assumed(
        219, 0.1, 100_000, "MB/s", "restic restore", "measured: restic 0.18, 2 cores, idle machine"
    )
    courier_disk_mb_s: float = _assumed(
        120, 0.1, 100_000, "MB/s", "the disk that travels, reading or writing", "assumption: USB 3 hard disk"
    )
    courier_hours: float = _assumed(
        2, 0, 240, "h", "from the full disk at the CCPP to the disk plugged in at the town hall", "assumption"
    )
    start_hours: float = _assumed(1, 0, 240, "h", "from the alert to the start of the restore", "assumption")
    origins: Mapping[str, str] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, object], origin: str, where: str) -> Assumptions:
        """These assumptions with some numbers replaced. InputError names the bad one and its cure."""
        known = described()
        for name, value in values.items():
            if name not in known:
                raise InputError(f"{where}: {shown(name)} is not an assumption (use {', '.join(known)})")
            least, most = known[name]["least"], known[name]["most"]
            number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
            if not least <= number <= most:
                raise InputError(
                    f"{where}.{name}: {shown(value)} is not a number from {least} to {most}"
                    f" ({known[name]['meaning']}, in {known[name]['unit']})"
                )
        return replace(self, origins={**self.origins, **dict.fromkeys(values, origin)}, **values)  # type: ignore[arg-type]

    def origin(self, name: str) -> str:
        """Where the number comes from, for whoever reads the working."""
        return self.origins.get(name) or str(described()[name]["source"])


def described() -> dict[str, Mapping[str, Any]]:
    """Of each assumption by name: default, least, most, unit, meaning, and source of the default."""
    return _DESCRIBED


_DESCRIBED: dict[str, Mapping[str, Any]] = {
    item.name: {"default": item.default, **item.metadata} for item in fields(Assumptions) if item.metadata
}


class DataSet(NamedTuple):
    """Data that is restored as one: a source, or what will be one. `stated`: its size stands in the file.

    `change_percent`: the share of it that one open day replaces.
    """

    name: str
    kind: str
    priority: int
    gb: float
    stated: bool
    change_percent: float


class Step(NamedTuple):
    """One line of a plan's working."""

    label: str
    formula: str
    value: float
    unit: str
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "value": round(self.value, 3)}


class Commune(NamedTuple):
    """What the planners read from a commune's validated and completed file."""

    name: str
    tier_tb: int
    first_day: date
    last_day: date
    volumes_on: date
    data: tuple[DataSet, ...]
    assumptions: Assumptions

    @property
    def gb(self) -> float:
        return sum(one.gb for one in self.data)

    @property
    def term_ends(self) -> date:
        """The day after the last one of the contract."""
        return self.last_day + timedelta(days=1)

    @property
    def growth(self) -> float:
        return 1 + self.assumptions.growth_percent_per_year / 100

    def years_after(self, day: date) -> float:
        """Years from the day of the stated volumes to that day: a whole one on each anniversary."""
        whole = day.year - self.volumes_on.year
        if self._anniversary(whole) > day:
            whole -= 1
        begins = self._anniversary(whole)
        return whole + (day - begins).days / (self._anniversary(whole + 1) - begins).days

    def gb_on(self, day: date) -> float:
        """The data on a day, by compound growth."""
        return self.gb * math.pow(self.growth, self.years_after(day))

    def day_of(self, gb: float) -> date | None:
        """The first day on which the data is more than `gb`; None when it never is, or not in our time."""
        if self.gb > gb:
            return self.volumes_on
        if self.gb <= 0 or self.growth <= 1:
            return None
        years = math.log(gb / self.gb) / math.log(self.growth)
        if years > _FARTHEST_YEARS:
            return None
        begins = self._anniversary(math.floor(years))
        length = (self._anniversary(math.floor(years) + 1) - begins).days
        return begins + timedelta(days=math.floor(years % 1 * length) + 1)

    def _anniversary(self, years: int) -> date:
        return same_day_later(self.volumes_on, 12 * years)


def commune(settings: Mapping[str, Any], assumptions: Assumptions | None = None) -> Commune:
    """From the `commune_settings` of the inventory. `assumptions` take the place of the file's own."""
    contract = settings["contract"]
    planning = dict(settings.get("planning") or {})
    volumes_on = planning.pop("volumes_on", contract["start"])
    if assumptions is None:
        assumptions = Assumptions().with_values(planning, STATED, "planning")
    return Commune(
        name=settings["name"],
        tier_tb=settings["tier"],
        first_day=date.fromisoformat(contract["start"]),
        last_day=date.fromisoformat(contract["end"]),
        volumes_on=date.fromisoformat(volumes_on),
        data=data_sets(settings, assumptions),
        assumptions=assumptions,
    )


def data_sets(settings: Mapping[str, Any], assumptions: Assumptions) -> tuple[DataSet, ...]:
    """The commune's data, first restored first.

    Archives (`archive_gb`) are what shares and folders hold: those without a size share what those with one
    leave of it. What then has no place yet, and the workstations that are no sources yet, count as data too.
    """
    sources = settings["sources"].items()
    daily, rarely = assumptions.change_percent_per_day, assumptions.archive_change_percent_per_day
    archive_gb = settings.get("archive_gb")
    stated_gb = sum(s.get("size_gb", 0) for _name, s in sources if s["kind"] not in PUSHING)
    unsized = sum(1 for _name, s in sources if s["kind"] not in PUSHING and "size_gb" not in s)
    left_gb = max(0.0, (archive_gb or 0) - stated_gb)
    each_gb = assumptions.share_gb if archive_gb is None else left_gb / max(1, unsized)
    found = []
    for name, source in sources:
        pushing = source["kind"] in PUSHING
        assumed = assumptions.workstation_gb if pushing else each_gb
        stated = "size_gb" in source or (not pushing and archive_gb is not None)
        gb = float(source.get("size_gb", assumed))
        change = source.get("change_percent_per_day", daily if pushing else rarely)
        found.append(DataSet(name, source["kind"], source["priority"], gb, stated, change))
    if left_gb and not unsized:
        found.append(DataSet("(archives in no source yet)", "archive", 10, left_gb, True, rarely))
    missing = settings.get("workstations", 0) - sum(1 for _name, s in sources if s["kind"] in PUSHING)
    if missing > 0:
        gb = missing * assumptions.workstation_gb
        found.append(
            DataSet(f"({missing} workstations in no source yet)", "workstation", 10, gb, False, daily)
        )
    return tuple(sorted(found, key=lambda one: (one.priority, one.name)))


def assumed_names(data: Sequence[DataSet]) -> list[str]:
    """Names of the data whose size nobody has stated."""
    return [one.name for one in data if not one.stated]


def gb_text(gb: float) -> str:
    """A volume for a person: 4 TB, 97.2 GB, 850 GB."""
    if gb >= 1000:
        return f"{round(gb / 1000, 2):g} TB"
    return f"{gb:.0f} GB" if gb >= 100 else f"{round(gb, 1):g} GB"


def number_text(value: float) -> str:
    """A number for a person: at most three decimals, none that say nothing."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{round(value, 3):g}"
