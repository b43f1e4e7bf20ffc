# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a commune waits for its data (requirement R13), before anything breaks.

Sources are restored one after the other, by priority; on each path the slowest part sets the rate. Two losses
must each be repaired within the promised hours: everything but the LOCAL server, restored from it, and
everything with it, restored from the REMOTE server over a line, or from a disk that somebody drives over
where the commune has accepted that. What is not counted: setting up the machines that the data goes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from .planning import Assumptions, Commune, DataSet, Step, assumed_names, gb_text, number_text

PROMISED_HOURS = 24.0
# A year: what takes longer nobody can agree to.
LONGEST_HOURS = 8760
COURIER = "courier"
_MB_A_GB = 1000
_MBIT_A_MB = 8


class Line(NamedTuple):
    """A line of the town hall to the outside. Rates in Mbit/s, as stated."""

    kind: str
    down_mbit: float


@dataclass(frozen=True)
class Agreement:
    """What the commune has agreed to: hours of waiting, and the paths beside its lines."""

    hours: float = PROMISED_HOURS
    accept: str | None = None


@dataclass(frozen=True)
class Path:
    """One way for the data. Rates in MB/s, `limits` names the part that sets the rate.

    A courier's disk is filled (`fill_mb_s`) before it leaves, whatever is restored first.
    """

    name: str
    rate_mb_s: float
    limits: str
    start_hours: float
    fill_mb_s: float | None = None

    def hours(self, before_gb: float, all_gb: float) -> float:
        """Hours from the alert until the first `before_gb` of `all_gb` are back."""
        filling = 0.0 if self.fill_mb_s is None else _moving(all_gb, self.fill_mb_s)
        return self.start_hours + filling + _moving(before_gb, self.rate_mb_s)

    def most_gb(self, hours: float) -> float:
        """The volume that is back within these hours."""
        a_gb = _moving(1, self.rate_mb_s) + (0 if self.fill_mb_s is None else _moving(1, self.fill_mb_s))
        return max(0.0, hours - self.start_hours) / a_gb


class Row(NamedTuple):
    """A source in the order of recovery, and when it is back by each path, in hours from the alert."""

    data: DataSet
    hours: Mapping[str, float]


@dataclass(frozen=True)
class Forecast:
    """A path over the whole of the data: when all is back, how much would be, and from when on
    growth makes it too slow (None: not in our time)."""

    path: Path
    hours: float
    meets: bool
    most_gb: float
    fails_on: date | None

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path.name,
            "rate_mb_s": round(self.path.rate_mb_s, 2),
            "limited_by": self.path.limits,
            "hours": round(self.hours, 2),
            "meets": self.meets,
            "most_gb": round(self.most_gb, 1),
            "fails_on": None if self.fails_on is None else self.fails_on.isoformat(),
        }


@dataclass(frozen=True)
class RecoveryPlan:
    """Forecast of each path, and of each source by each path.

    `refusal` says in one line why the promise cannot be given, None where it can; `warnings` what will end it
    within the term.
    """

    commune: str
    agreement: Agreement
    gb: float
    forecasts: tuple[Forecast, ...]
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]
    refusal: str | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "commune": self.commune,
            "promised_hours": self.agreement.hours,
            "accept": self.agreement.accept,
            "data_gb": round(self.gb, 1),
            "paths": [one.as_json() for one in self.forecasts],
            "sources": [
                {
                    "source": row.data.name,
                    "priority": row.data.priority,
                    "gb": round(row.data.gb, 1),
                    "stated": row.data.stated,
                    "hours": {name: round(hours, 2) for name, hours in row.hours.items()},
                }
                for row in self.rows
            ],
            "steps": [step.as_json() for step in self.steps],
            "refusal": self.refusal,
            "warnings": list(self.warnings),
        }


def agreement(settings: Mapping[str, Any]) -> Agreement:
    """From the `commune_settings` of the inventory."""
    given = settings.get("recovery") or {}
    return Agreement(float(given.get("hours", PROMISED_HOURS)), given.get("accept"))


def lines(settings: Mapping[str, Any]) -> tuple[Line, ...]:
    """From the `commune_settings` of the inventory."""
    return tuple(Line(line["kind"], line["down_mbit"]) for line in settings["uplinks"])


def plan(
    commune: Commune, uplinks: Sequence[Line], agreed: Agreement, at_remote: Assumptions | None = None
) -> RecoveryPlan:
    """The plan of one commune. `at_remote`: what was measured at the REMOTE server, not at LOCAL."""
    here = commune.assumptions
    there = here if at_remote is None else at_remote
    paths = (_local(here), *_lines(uplinks, here, there), _courier(here, there))
    forecasts = tuple(_forecast(path, commune, agreed) for path in paths)
    return RecoveryPlan(
        commune=commune.name,
        agreement=agreed,
        gb=commune.gb,
        forecasts=forecasts,
        rows=tuple(_rows(commune.data, [one.path for one in forecasts])),
        steps=tuple(_steps(uplinks, here, there)),
        refusal=_refusal(commune, forecasts, agreed),
        warnings=tuple(_warnings(commune, forecasts, agreed)),
    )


def _moving(gb: float, rate_mb_s: float) -> float:
    """Hours that so much takes at that rate."""
    return gb * _MB_A_GB / rate_mb_s / 3600


def _goodput(mbit: float, percent: float) -> float:
    """MB/s of files over a network or line of that many Mbit/s."""
    return mbit * percent / 100 / _MBIT_A_MB


def _slowest(**parts: float) -> tuple[float, str]:
    name = min(parts, key=parts.__getitem__)
    return parts[name], name.replace("_", " ")


def _lan(here: Assumptions) -> float:
    return _goodput(here.lan_mbit, here.lan_goodput_percent)


def _local(here: Assumptions) -> Path:
    rate, limits = _slowest(
        network=_lan(here), disk_of_LOCAL=here.disk_read_mb_s, restic=here.restic_restore_mb_s
    )
    return Path("LOCAL", rate, limits, here.start_hours)


def _lines(uplinks: Sequence[Line], here: Assumptions, there: Assumptions) -> Iterator[Path]:
    names: set[str] = set()
    for line in uplinks:
        rate, limits = _slowest(
            line=_goodput(line.down_mbit, here.line_goodput_percent),
            line_of_REMOTE=_goodput(there.remote_up_mbit, there.line_goodput_percent),
            network=_lan(here),
            disk_of_REMOTE=there.disk_read_mb_s,
            restic=here.restic_restore_mb_s,
        )
        name = f"REMOTE, {line.kind} {number_text(line.down_mbit)}"
        while name in names:
            name += "'"
        names.add(name)
        yield Path(name, rate, limits, here.start_hours)


def _courier(here: Assumptions, there: Assumptions) -> Path:
    disk = here.courier_disk_mb_s
    fill, _unused = _slowest(disk=disk, disk_of_REMOTE=there.disk_read_mb_s, restic=there.restic_restore_mb_s)
    rate, limits = _slowest(courier_disk=disk, network=_lan(here), restic=here.restic_restore_mb_s)
    return Path(COURIER, rate, limits, here.start_hours + here.courier_hours, fill)


def _forecast(path: Path, commune: Commune, agreed: Agreement) -> Forecast:
    hours = path.hours(commune.gb, commune.gb)
    most = path.most_gb(agreed.hours)
    return Forecast(path, hours, hours <= agreed.hours, most, commune.day_of(most) if commune.gb else None)


def _rows(data: Sequence[DataSet], paths: Sequence[Path]) -> Iterator[Row]:
    done, whole = 0.0, sum(one.gb for one in data)
    for one in data:
        done += one.gb
        yield Row(one, {path.name: path.hours(done, whole) for path in paths})


def _steps(uplinks: Sequence[Line], here: Assumptions, there: Assumptions) -> Iterator[Step]:
    yield _rate_step("network of the town hall", here, "lan_mbit", "lan_goodput_percent", here.lan_mbit)
    for line in uplinks:
        yield _rate_step(f"line: {line.kind}", here, None, "line_goodput_percent", line.down_mbit)
    yield _rate_step(
        "line of REMOTE, sending", there, "remote_up_mbit", "line_goodput_percent", there.remote_up_mbit
    )
    for label, site, name in (
        ("disk of LOCAL, reading", here, "disk_read_mb_s"),
        ("disk of REMOTE, reading", there, "disk_read_mb_s"),
        ("restic restore", here, "restic_restore_mb_s"),
        ("courier's disk", here, "courier_disk_mb_s"),
    ):
        yield Step(label, "", getattr(site, name), "MB/s", site.origin(name))
    yield Step("from the alert to the start", "", here.start_hours, "h", here.origin("start_hours"))
    yield Step("courier's journey", "", here.courier_hours, "h", here.origin("courier_hours"))


def _rate_step(label: str, site: Assumptions, rate: str | None, goodput: str, mbit: float) -> Step:
    percent = getattr(site, goodput)
    note = f"{'stated' if rate is None else site.origin(rate)}; {site.origin(goodput)}"
    formula = f"{number_text(mbit)} Mbit/s × {number_text(percent)} % / 8"
    return Step(label, formula, _goodput(mbit, percent), "MB/s", note)


def _refusal(commune: Commune, forecasts: Sequence[Forecast], agreed: Agreement) -> str | None:
    """Why the promise cannot be given, on one line that ends with what would make it one that can be."""
    local, *lined, courier = forecasts
    best = min(lined, key=lambda one: one.hours)
    remote = min(best, courier, key=lambda one: one.hours)
    promised = f"but {number_text(agreed.hours)} h are promised"
    volume = f"{gb_text(commune.gb)}{' (some sizes are assumed)' if assumed_names(commune.data) else ''}"
    needed = int(max(local.hours, remote.hours)) + 1
    longer = f"agree on {_agree(COURIER if remote is courier else None, needed)}"
    if needed > LONGEST_HOURS:
        longer = "shrink what is promised"
    if not local.meets:
        return (
            f"from LOCAL, {volume} take {_hours(local)} (limit: {local.path.limits}) {promised};"
            f" correct the sizes, raise what limits it, or {longer}"
        )
    if best.meets or (agreed.accept == COURIER and courier.meets):
        return None
    path = f"from {best.path.name} (limit: {best.path.limits})"
    said = f"when LOCAL is lost, {volume} take {_hours(best)} {path}"
    disk, cure = f"{_hours(courier)} by a courier's disk", "correct the sizes or the lines, or"
    if courier.meets:
        return f"{said} {promised}; {cure} accept {disk}: {_agree(COURIER, None)}"
    return f"{said} and {disk} {promised}; {cure} {longer}"


def _agree(accept: str | None, hours: int | None) -> str:
    """The block of a commune's file that makes the promise one that can be held."""
    parts = [] if accept is None else [f"accept: {accept}"]
    if hours is not None:
        parts.append(f"hours: {hours}")
    return f"recovery: {{{', '.join(parts)}}}"


def _hours(forecast: Forecast) -> str:
    return f"{forecast.hours:.1f} h"


def _warnings(commune: Commune, forecasts: Sequence[Forecast], agreed: Agreement) -> Iterator[str]:
    """What will end the promise before the term ends, though it holds now."""
    local, *lined, courier = forecasts
    remote = [*lined, courier] if agreed.accept == COURIER else lined
    lost = {"the data is lost": [local], "LOCAL is lost too": remote}
    for loss, ways in lost.items():
        best = max(ways, key=lambda one: one.most_gb)
        day = best.fails_on
        if best.meets and day is not None and day <= commune.last_day:
            yield (
                f"from {day} on, growth makes {number_text(agreed.hours)} h impossible when {loss}:"
                f" {best.path.name} brings back {gb_text(best.most_gb)} in that time"
            )
