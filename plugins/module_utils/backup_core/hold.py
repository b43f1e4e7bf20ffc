# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds: while one covers a source, nothing of it is removed.

A hold on a source stands in its ledger. One on a commune or on everything also stands in a file of its own,
so that it covers sources that come later; what cannot be read counts as held.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .clock import Clock
from .config import Config, Source
from .errors import BackupError, InputError, shown
from .files import write_durably
from .ledger import Draft
from .locking import FileLock
from .times import utc_text
from .workplace import Workplace

EVERYTHING = "everything"
LONGEST = 500


@dataclass(frozen=True)
class Scope:
    """What a hold covers: one source, one commune, or everything on this server."""

    commune: str | None = None
    source: str | None = None

    @property
    def text(self) -> str:
        if self.source is not None:
            return f"source:{self.commune}/{self.source}"
        return f"commune:{self.commune}" if self.commune is not None else EVERYTHING


def file_of(config: Config) -> str:
    return os.path.join(config.state_directory, "holds.json")


def read_file(config: Config) -> dict[str, dict[str, str]]:
    """Holds on communes and on everything: scope to who, why and when. BackupError if it cannot be read."""
    path = file_of(config)
    try:
        with open(path, "rb") as file:
            value = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BackupError(f"{path}: cannot be read ({error}): everything counts as held") from None
    well_formed = isinstance(value, dict) and all(
        isinstance(hold, dict) and all(isinstance(hold.get(name), str) for name in ("who", "why", "at"))
        for hold in value.values()
    )
    if not well_formed:
        raise BackupError(f"{path}: is not of the form this command writes: everything counts as held")
    return dict(value)


def reasons(place: Workplace) -> list[str]:
    """Why the source is held, the widest hold first; empty if it is not."""
    found = []
    source = place.source
    try:
        for scope, hold in read_file(place.config).items():
            if scope in (EVERYTHING, Scope(source.commune).text):
                found.append(f"{scope}, by {hold['who']}: {hold['why']}")
    except BackupError as error:
        found.append(str(error))
    try:
        ledger = place.ledger()
    except BackupError as error:
        return [*found, f"the ledger cannot be read: {error}"]
    for one in ledger.holds():
        text = f"{one.scope}, by {one.who}: {one.why or 'no reason given'}"
        if one.scope == Scope(source.commune, source.name).text or text not in found:
            found.append(text)
    return found


def place_hold(
    config: Config, clock: Clock, scope: Scope, who: str, why: str, check: bool = False
) -> list[str]:
    """Hold what the scope covers; returns the files that were (or with `check` would be) written."""
    validate(who, why)
    return _change(config, clock, scope, who, why, "held", check)


def release(config: Config, clock: Clock, scope: Scope, who: str, why: str, check: bool = False) -> list[str]:
    """Lift the hold of exactly this scope; others that cover the same source stay."""
    validate(who, why)
    return _change(config, clock, scope, who, why, "released", check)


def validate(who: str, why: str) -> None:
    """InputError unless both may go into a ledger: a line of text each."""
    for name, value in (("--who", who), ("--why", why)):
        if not value.strip() or len(value) > LONGEST or not value.isprintable():
            raise InputError(f"{name}: {shown(value)} is not usable (one line of 1 to {LONGEST} characters)")


def _change(
    config: Config, clock: Clock, scope: Scope, who: str, why: str, act: str, check: bool
) -> list[str]:
    written: list[str] = []
    sources = config.select(scope.commune, scope.source)
    # A hold begins with the file and ends with it: killed in between, more is held than asked, never less.
    steps: Sequence[Callable[[], list[str]]] = (
        lambda: _change_file(config, clock, scope, who, why, act, check),
        lambda: _change_ledgers(config, clock, scope, sources, who, why, act, check),
    )
    for step in steps if act == "held" else reversed(steps):
        written += step()
    return written


def _change_file(
    config: Config, clock: Clock, scope: Scope, who: str, why: str, act: str, check: bool
) -> list[str]:
    if scope.source is not None:
        return []
    path = file_of(config)
    with FileLock(path + ".lock", "the list of holds", patience=30):
        holds: dict[str, Any] = dict(read_file(config))
        if (scope.text in holds) == (act == "held"):
            return []
        if act == "held":
            holds[scope.text] = {"who": who, "why": why, "at": utc_text(clock.now())}
        else:
            del holds[scope.text]
        if not check:
            write_durably(path, json.dumps(holds, indent=1).encode())
    return [path]


def _change_ledgers(
    config: Config,
    clock: Clock,
    scope: Scope,
    sources: Sequence[Source],
    who: str,
    why: str,
    act: str,
    check: bool,
) -> list[str]:
    written = []
    for source in sources:
        if source.ledger is None:
            continue
        place = Workplace(config, source, clock)
        is_held = any(one.scope == scope.text for one in place.ledger().holds())
        if is_held == (act == "held"):
            continue
        if not check:
            place.append([Draft(act=act, who=who, at=clock.now(), why=why, fields={"scope": scope.text})])
        written.append(source.ledger)
    return written
