# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the retention rule. The policy is data; these are its defaults (requirements R6 to R8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .errors import InputError, shown


def _number(default: int, least: int, most: int, meaning: str) -> Any:
    return field(default=default, metadata={"least": least, "most": most, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class Policy:
    """Every number of "Retention, exactly", by the name a policy file overrides it with."""

    full_months: int = _number(12, 1, 1200, "months the month's full is kept, to the same day, inclusive")
    other_days: int = _number(14, 0, 36500, "days every other snapshot is kept after its day, inclusive")
    floor_snapshots: int = _number(3, 1, 1000, "newest ok snapshots of a series that are never removed")
    claimed_ahead_minutes: int = _number(
        15, 0, 1440, "minutes by which a claimed time may be later than its receipt"
    )
    claimed_behind_hours: int = _number(
        36, 0, 8760, "hours by which a claimed time may be earlier than its receipt"
    )
    stalled_open_days: int = _number(
        3, 0, 3660, "open days without an ok snapshot, above which a series is stalled"
    )
    clock_back_minutes: int = _number(
        15, 0, 1440, "minutes by which now may be before the newest ledger entry"
    )
    clock_idle_days: int = _number(7, 0, 3660, "days by which now may be after the newest ledger entry")
    removal_percent: int = _number(50, 0, 100, "share of a series above which a person must confirm a plan")
    removal_count: int = _number(
        40, 0, 1_000_000, "removals from a series above which a person must confirm a plan"
    )

    @classmethod
    def from_mapping(cls, mapping: object, where: str = "policy") -> Policy:
        """The defaults with what the mapping overrides. InputError names the bad field and its cure."""
        if not isinstance(mapping, Mapping):
            raise InputError(f"{where}: {shown(mapping)} is not a mapping (write names and numbers)")
        known = {item.name: item for item in fields(cls)}
        for name, value in mapping.items():
            if name not in known:
                raise InputError(
                    f"{where}: {shown(name)} is not a number of the policy (use {', '.join(known)})"
                )
            least, most = known[name].metadata["least"], known[name].metadata["most"]
            if type(value) is not int or not least <= value <= most:
                raise InputError(
                    f"{where}.{name}: {shown(value)} is not a whole number from {least} to {most}"
                    f" ({known[name].metadata['meaning']})"
                )
        return cls(**mapping)

    def as_mapping(self) -> dict[str, int]:
        return asdict(self)


def described() -> list[tuple[str, int, str]]:
    """Name, default and meaning of every number, for help texts and documentation."""
    defaults = Policy().as_mapping()
    return [(item.name, defaults[item.name], item.metadata["meaning"]) for item in fields(Policy)]
