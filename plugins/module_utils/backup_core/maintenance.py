# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a server may be worked on: its pause, and the hours in which it may restart itself. Pure.

A pause keeps what the timers start from starting. It always ends by itself, so that a playbook that was
killed cannot leave a town hall without backups.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta

from .errors import InputError, shown
from .opening import OpenDays
from .times import paris, parse_clock, utc_text

# Nobody needs longer; what is longer is a mistake, and would be found out by the backups that are missing.
LONGEST_PAUSE = timedelta(hours=12)
# A restart that was put off every night for so long wants a person.
OVERDUE = timedelta(days=7)

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_FIELDS = ("reboot", "window")


@dataclass(frozen=True)
class Pause:
    """Who asked for it and why, and until when. boot: the start of the system that it ends with, or None."""

    who: str
    why: str
    until: datetime
    boot: str | None = None

    def in_force(self, now: datetime, boot: str) -> bool:
        return now < self.until <= now + LONGEST_PAUSE and self.boot in (None, boot)

    def as_text(self) -> str:
        return json.dumps({**asdict(self), "until": utc_text(self.until)}, ensure_ascii=False) + "\n"


def parse_pause(text: str) -> Pause | None:
    """The pause that a file tells of; None when it is no such file: nothing is paused by a broken one."""
    try:
        value = json.loads(text)
        boot = value["boot"]
        return Pause(
            who=str(value["who"]),
            why=str(value["why"]),
            until=parse_clock(value["until"], "until"),
            boot=None if boot is None else str(boot),
        )
    except (ValueError, TypeError, KeyError, RecursionError, InputError):
        return None


@dataclass(frozen=True)
class Settings:
    """Whether the server restarts itself, and between which hours of the night, Europe/Paris."""

    reboot: bool = True
    first: time = time(1)
    last: time = time(5)

    @classmethod
    def from_mapping(cls, value: object, where: str) -> Settings:
        """From {"reboot": true, "window": {"from": "01:00", "to": "05:00"}}; InputError names a bad field."""
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: {shown(value)} is not a mapping (role ccpp.backup.base writes it)")
        for name in value:
            if name not in _FIELDS:
                raise InputError(f"{where}: {shown(name)} is not a field (use {', '.join(_FIELDS)})")
        reboot, window = value.get("reboot", True), value.get("window", {"from": "01:00", "to": "05:00"})
        if not isinstance(reboot, bool):
            raise InputError(f"{where}: reboot: {shown(reboot)} is neither true nor false")
        if not isinstance(window, Mapping) or set(window) != {"from", "to"}:
            raise InputError(f'{where}: window: write {{"from": "01:00", "to": "05:00"}}')
        return cls(reboot, *(_time(window[name], f"{where}: window.{name}") for name in ("from", "to")))

    def at_night(self, moment: time) -> bool:
        if self.first <= self.last:
            return self.first <= moment < self.last
        return moment >= self.first or moment < self.last


def _time(value: object, where: str) -> time:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InputError(f'{where}: {shown(value)} is not a time of day (write "01:00")')
    return time(int(found[1]), int(found[2]))


def no_reboot_now(now: datetime, settings: Settings, calendars: Iterable[OpenDays]) -> str | None:
    """Why the server may not restart itself at this instant, or None.

    It may in the night, and all day long where none of the town halls that it serves is open that day. A
    calendar knows days, not hours: on an open day, only the night is sure to be outside opening hours.
    """
    if not settings.reboot:
        return "this server does not restart itself (base_reboot is false)"
    local = now.astimezone(paris())
    if settings.at_night(local.time()):
        return None
    served = list(calendars)
    if served and not any(calendar.is_open(local.date()) for calendar in served):
        return None
    return f"outside its hours ({settings.first:%H:%M} to {settings.last:%H:%M}, or a day without opening)"
