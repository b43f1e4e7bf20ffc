# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a commune's departure is: its record on the controller, and what comes next. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..backup_core.departure import LONGEST_NAME
from ..backup_core.errors import InputError, shown
from ..backup_core.times import paris_day, parse_day, parse_instant

Record = dict[str, Any]
# States of a commune's file in which `site` no longer touches its machines, and what the record then lacks.
ERASING, LEFT, LEAVING = "erasing", "left", "leaving"
SITES = ("local", "remote")
# What a run does: last backups and hand-back; say that the commune's word is awaited; erase; nothing.
HAND_BACK, WAIT, ERASE, DONE = "hand back", "wait", "erase", "done"
# What is kept of what `ccpp-backup handback --json` says.
HANDBACK_FIELDS = ("at", "by", "server", "folder", "sha256", "parts", "empty")
_FIELDS = (
    *("commune", "handback", "agreed", "lost", "gone", "erased", "workstations", "kits"),
    *("certificate", "done"),
)


@dataclass(frozen=True)
class Asked:
    """What the operator passes: the folder for the data on the server `handback_from`, and `again` to hand
    back once more; or the day from which on the commune agreed, and who has its backups erased. `local_lost`
    says why the LOCAL server can be asked for nothing any more: it burned, it was stolen."""

    handback_to: str | None = None
    handback_from: str | None = None
    again: bool = False
    agreed_on: str | None = None
    erased_by: str | None = None
    local_lost: str | None = None

    @property
    def server(self) -> str:
        """Which one hands back: LOCAL, unless it is lost."""
        return self.handback_from or ("local" if self.local_lost is None else "remote")


def load(content: bytes | None, where: str) -> Record:
    """The record in this file, None being no file yet."""
    if content is None:
        return {}
    try:
        value = json.loads(content)
    except ValueError as error:
        raise InputError(f"{where}: is no JSON ({error}); restore it from version control") from None
    if not isinstance(value, dict) or set(value) - set(_FIELDS):
        raise InputError(f"{where}: is not the record of a departure; restore it from version control")
    return value


def text(record: Record) -> str:
    """The file's content."""
    ordered = {name: record[name] for name in _FIELDS if name in record}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def next_step(state: str, record: Mapping[str, Any], asked: Asked, today: date) -> str:
    """What this run has to do. InputError, one line with its cure, where what was asked cannot be."""
    if asked.handback_to is not None and asked.agreed_on is not None:
        raise InputError(
            "handback_to and agreed_on in one run: first hand back, then let the commune check it, then erase"
        )
    if asked.local_lost is not None:
        _one_line("local_lost", asked.local_lost, "a reason")
    if state == LEFT:
        if not record.get("done"):
            raise InputError("state: left, but no departure is on record; write the state that it is in")
        return DONE
    if state not in (LEAVING, ERASING):
        raise InputError(f"state: {shown(state)}: write state: leaving into the commune's file first")
    if record.get("done"):
        raise InputError("an earlier departure is on record: move its folder elsewhere, then run this again")
    if state == ERASING:
        return _resumed(record, asked)
    if asked.agreed_on is not None:
        _agreed(record, asked, today)
        return ERASE
    if asked.handback_to is not None and (asked.again or "handback" not in record):
        return _handing_back(asked)
    if "handback" not in record:
        raise InputError("handback_to: missing; name a folder on the server, such as that of a disk")
    return WAIT


def _handing_back(asked: Asked) -> str:
    folder = asked.handback_to or ""
    if not folder.startswith("/") or not folder.isprintable():
        raise InputError(f"handback_to: {shown(folder)} is not an absolute path; name a folder on the server")
    if asked.server not in SITES:
        raise InputError(f"handback_from: {shown(asked.server)} is no server; use local or remote")
    if asked.server == "local" and asked.local_lost is not None:
        raise InputError("handback_from: 'local': that server is lost (local_lost); use remote")
    return HAND_BACK


def _resumed(record: Mapping[str, Any], asked: Asked) -> str:
    """An erasure that was begun goes on as it was agreed, and as nothing else."""
    agreed = record.get("agreed")
    if not agreed:
        raise InputError("state: erasing, but no erasure is on record; write state: leaving")
    if asked.handback_to is not None:
        raise InputError("handback_to: the erasure has begun; there is nothing left to hand back")
    begun = {**agreed, "local_lost": record.get("lost")}
    for name in ("agreed_on", "erased_by", "local_lost"):
        value = getattr(asked, name)
        if value is not None and value != begun[name]:
            with_what = "without it" if begun[name] is None else f"with {begun[name]!r}"
            raise InputError(f"{name}: {shown(value)}: the erasure was begun {with_what}")
    return ERASE


def _agreed(record: Mapping[str, Any], asked: Asked, today: date) -> None:
    if "handback" not in record:
        raise InputError("agreed_on: nothing was handed back yet; run this with handback_to first")
    day = parse_day(asked.agreed_on, "agreed_on")
    handed_back = paris_day(parse_instant(record["handback"]["at"], "handback.at"))
    if day > today:
        raise InputError(
            f"agreed_on: {day} is not yet here (today is {today}); run this on that day or later"
        )
    if day < handed_back:
        raise InputError(
            f"agreed_on: {day} is before the hand-back of {handed_back}; the commune checks first"
        )
    name = asked.erased_by
    if not name or not name.strip():
        raise InputError("erased_by: missing; name the person who has the backups erased")
    _one_line("erased_by", name, "a person's name")


def _one_line(field: str, value: str, what: str) -> None:
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise InputError(f"{field}: {shown(value)} is not {what} on one line")


def missing(record: Mapping[str, Any]) -> list[str]:
    """What a record lacks before a certificate may be made of it. Of a lost LOCAL server none is asked."""
    erased = record.get("erased", {})
    sites = [site for site in SITES if site != "local" or not record.get("lost")]
    lacking = [name for name in ("handback", "agreed") if name not in record]
    return lacking + [f"erased.{site}" for site in sites if not erased.get(site, {}).get("erased_at")]


def with_state(content: str, state: str) -> str:
    """The commune's file with another state, and not another byte changed.

    >>> with_state("name: X\\nstate: leaving  # since May\\n", "left")
    'name: X\\nstate: left  # since May\\n'
    """
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("state:"):
            old = line[len("state:") :].split("#")[0].strip()
            lines[number] = line.replace(old, state, 1)
            return "".join(lines)
    raise InputError("state: does not stand on a line of its own; write it so")
