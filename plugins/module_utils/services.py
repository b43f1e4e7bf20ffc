# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what brings systemd units in line with what is on disk now. Pure: the module runs it.

A handler, or `state: restarted` when a task changed something, is lost with the run that is cut off between
the two; the next run finds the file as it should be and restarts nothing. So what a unit was started with, or
has read when it was reloaded, is marked, and compared with what is on disk. Where there is no mark, because
something else has started the unit, times tell: what was started before a file it reads was written still
runs with the old one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "ActiveEnterTimestamp",
    "StateChangeTimestamp",
    "InvocationID",
    "Triggers",
)
RUNNING = frozenset({"active", "reloading", "activating"})
# Units without [Install], or made by others, have nothing to enable.
ENABLED = frozenset({"enabled", "enabled-runtime", "static", "indirect", "alias", "generated", "transient"})
TIMESTAMP = re.compile(r"[A-Z][a-z]{2} (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}) UTC")


@dataclass(frozen=True)
class Wanted:
    """One unit as it should be."""

    name: str
    enabled: bool | None = None
    """Whether it starts with the machine; None leaves that as it is."""
    running: bool = True
    on_change: str = "restart"
    """What makes it read its files again: restart, reload (its unit file still restarts it) or nothing."""
    files: tuple[str, ...] = ()
    """What it reads when it starts, its unit file and drop-ins apart: those always count."""
    changed: bool = False
    """An earlier task changed something it reads; in check mode, would change."""


@dataclass(frozen=True)
class Step:
    """One call of systemctl: a verb, and the units in the order they were asked for (or none)."""

    verb: str
    units: tuple[str, ...] = ()


State = Mapping[str, str]


@dataclass(frozen=True)
class Mark:
    """What a unit has read: the start or reload of it that this is about, the digest of its unit file with
    its drop-ins, and that of each other file by its path."""

    start: str
    own: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Disk:
    """What is on disk: when a file was last changed, in seconds since 1970 (None where there is none), and a
    digest of the content of several."""

    modified: Callable[[str], float | None]
    digest: Callable[[Sequence[str]], str]


def parse_states(names: Sequence[str], output: str) -> dict[str, State]:
    """Read `systemctl show --property=... UNIT...`: a paragraph of KEY=VALUE lines for each unit.

    In the order asked, and by the name asked for, which may be an alias. ValueError when there are
    more or fewer paragraphs than names.
    """
    paragraphs = [dict(re.findall(r"(?m)^(\w+)=(.*)$", part)) for part in output.strip().split("\n\n")]
    return dict(zip(names, paragraphs, strict=True))


def parse_timestamp(text: str) -> float:
    """Seconds since 1970 of what `systemctl show --timestamp=us+utc` prints; 0 for never."""
    found = TIMESTAMP.fullmatch(text)
    if found is None:
        return 0.0
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()


def stale(
    states: Mapping[str, State], wanted: Sequence[Wanted], disk: Disk, marks: Mapping[str, Mark]
) -> bool:
    """Whether systemd knows other unit files than those on disk, of the units whose states are given.

    It says so of files that are newer than those it has read, and of no others.
    """
    return any(state.get("NeedDaemonReload") == "yes" for state in states.values()) or any(
        _read_another(unit, states.get(unit.name, {}), disk, marks.get(unit.name)) for unit in wanted
    )


def triggered(states: Mapping[str, State]) -> list[str]:
    """The units that these (timers, sockets, paths) start, of which nothing is known yet."""
    names = [name for state in states.values() for name in state.get("Triggers", "").split()]
    return [name for name in dict.fromkeys(names) if name not in states]


def _read_another(unit: Wanted, state: State, disk: Disk, known: Mark | None) -> bool:
    """Whether the unit is known to have been started with another unit file, or other drop-ins."""
    return known is not None and known.start == _start(unit, state) and known.own != disk.digest(_own(state))


def some_unknown(states: Mapping[str, State], wanted: Sequence[Wanted]) -> bool:
    """Whether there are units that systemd does not know, whose files may have come since it looked."""
    return any(states.get(unit.name, {}).get("LoadState") == "not-found" for unit in wanted)


def unknown(states: Mapping[str, State], wanted: Sequence[Wanted]) -> list[str]:
    """The units that systemd cannot load, each with its reason."""
    loads = {unit.name: states.get(unit.name, {}).get("LoadState", "not-found") for unit in wanted}
    return [f"{name} ({load})" for name, load in loads.items() if load != "loaded"]


def mark_of(unit: Wanted, state: State, disk: Disk) -> Mark:
    """What the unit reads if it is started now, `state` being what systemd knows of it."""
    return Mark("", disk.digest(_own(state)), {path: disk.digest([path]) for path in unit.files})


def kept(unit: Wanted, found: Mark, after: State, known: Mark | None) -> Mark | None:
    """The mark to keep of a unit in its state `after` the steps: `found` on disk before them, and what is
    `known` of other files. None where there is nothing to keep, or nothing new.

    What was found before a unit was started is what it has read, or older: never newer.
    """
    start = _start(unit, after)
    if unit.on_change == "nothing" or after.get("ActiveState") not in RUNNING or start is None:
        return None
    others = known.files if known is not None and known.start == start else {}
    mark = Mark(start, found.own, {**others, **found.files})
    return None if mark == known else mark


def _start(unit: Wanted, state: State) -> str | None:
    """What tells this start of a unit, or its last reload, from every other; None where nothing does."""
    invocation = state.get("InvocationID")
    if not invocation:
        return None
    return f"{invocation} {state.get('StateChangeTimestamp')}" if unit.on_change == "reload" else invocation


def _own(state: State) -> list[str]:
    """The unit file and its drop-ins."""
    return [path for path in (state.get("FragmentPath", ""), *state.get("DropInPaths", "").split()) if path]


def _newer(paths: Sequence[str], when: float, disk: Disk) -> bool:
    times = [disk.modified(path) for path in paths]
    return any(time is not None and time >= when for time in times)


def _differs(unit: Wanted, state: State, disk: Disk, known: Mark | None) -> tuple[bool, bool]:
    """Whether its unit file, and whether another file that it reads, is not as it has read it."""
    started = parse_timestamp(state.get("ActiveEnterTimestamp", ""))
    # A reload changes the state and back, which leaves its time here.
    since = parse_timestamp(state.get("StateChangeTimestamp", "")) if unit.on_change == "reload" else started
    if known is None or known.start != _start(unit, state):
        return _newer(_own(state), started, disk), _newer(unit.files, since, disk)
    found = mark_of(unit, state, disk)
    unmarked = [path for path in unit.files if path not in known.files]
    changed = any(found.files[path] != known.files[path] for path in unit.files if path in known.files)
    return found.own != known.own, changed or _newer(unmarked, since, disk)


def _refresh(unit: Wanted, state: State, disk: Disk, known: Mark | None) -> str | None:
    """The verb that makes a running unit read what has changed since it last did."""
    if unit.on_change == "nothing":
        return None
    own, files = _differs(unit, state, disk, known)
    if own:
        return "restart"
    return unit.on_change if files or unit.changed else None


def steps(
    wanted: Sequence[Wanted], states: Mapping[str, State], disk: Disk, marks: Mapping[str, Mark]
) -> list[Step]:
    """The calls of systemctl, after its daemon-reload, in their order: what stops first, what starts last."""
    chosen: dict[str, list[str]] = {
        verb: [] for verb in ("disable", "stop", "enable", "restart", "reload", "start")
    }
    for unit in wanted:
        state = states.get(unit.name, {})
        enabled = state.get("UnitFileState", "") in ENABLED
        running = state.get("ActiveState", "") in RUNNING
        if unit.enabled is True and not enabled:
            chosen["enable"].append(unit.name)
        if unit.enabled is False and state.get("UnitFileState", "").startswith("enabled"):
            chosen["disable"].append(unit.name)
        if running and not unit.running:
            chosen["stop"].append(unit.name)
        if not running and unit.running:
            chosen["start"].append(unit.name)
        if running and unit.running:
            verb = _refresh(unit, state, disk, marks.get(unit.name))
            if verb is not None:
                chosen[verb].append(unit.name)
    return [Step(verb, tuple(units)) for verb, units in chosen.items() if units]
