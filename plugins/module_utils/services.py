# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what brings systemd units in line with what is on disk now. Pure: the module runs it.

A handler, or `state: restarted` when a task changed something, is lost with the run that is cut off between
the two; the next run finds the file as it should be and restarts nothing. So the units themselves are asked:
what was started, or reloaded, before a file it reads was written, still runs with the old one.
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


def needs_daemon_reload(states: Mapping[str, State], wanted: Sequence[Wanted]) -> bool:
    """Whether systemd knows other unit files than those on disk; one it does not know may have come since."""
    return any(
        state.get("NeedDaemonReload") == "yes" or state.get("LoadState") == "not-found"
        for state in (states.get(unit.name, {}) for unit in wanted)
    )


def unknown(states: Mapping[str, State], wanted: Sequence[Wanted]) -> list[str]:
    """The units that systemd cannot load, each with its reason."""
    loads = {unit.name: states.get(unit.name, {}).get("LoadState", "not-found") for unit in wanted}
    return [f"{name} ({load})" for name, load in loads.items() if load != "loaded"]


def _newer(paths: Sequence[str], when: float, modified: Callable[[str], float | None]) -> bool:
    times = [modified(path) for path in paths]
    return any(time is not None and time >= when for time in times)


def _refresh(unit: Wanted, state: State, modified: Callable[[str], float | None]) -> str | None:
    """The verb that makes a running unit read what has changed since it last did."""
    if unit.on_change == "nothing":
        return None
    started = parse_timestamp(state.get("ActiveEnterTimestamp", ""))
    own = [path for path in (state.get("FragmentPath", ""), *state.get("DropInPaths", "").split()) if path]
    if _newer(own, started, modified):
        return "restart"
    # A reload changes the state and back, which leaves its time here.
    since = parse_timestamp(state.get("StateChangeTimestamp", "")) if unit.on_change == "reload" else started
    if unit.changed or _newer(unit.files, since, modified):
        return unit.on_change
    return None


def steps(
    wanted: Sequence[Wanted], states: Mapping[str, State], modified: Callable[[str], float | None]
) -> list[Step]:
    """The calls of systemctl, after its daemon-reload, in their order: what stops first, what starts last.

    `modified` gives the time of a file's last change, in seconds since 1970; None where there is none.
    """
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
            verb = _refresh(unit, state, modified)
            if verb is not None:
                chosen[verb].append(unit.name)
    return [Step(verb, tuple(units)) for verb, units in chosen.items() if units]
