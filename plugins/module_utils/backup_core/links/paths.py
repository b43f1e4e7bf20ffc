# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the two paths of each commune are, and what that means for a server's status. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import Any, Literal

from ..errors import InputError
from ..times import parse_instant, utc_text

Level = Literal["ok", "attention", "alarm"]
ORDER: dict[str, int] = {"alarm": 0, "attention": 1, "ok": 2}

NAME = "links.json"
# The paths are measured every few seconds.
STALE = timedelta(minutes=5)
JITTER = timedelta(seconds=5)
# Of the pings of one look, in %.
LOSSY = 20.0


@dataclass(frozen=True)
class Seen:
    """What one look found of one tunnel. `alive`: what BFD says, None where nobody answers. Loss in %, delay
    in ms, None without an answer; bytes as WireGuard counts them since the tunnel was set up."""

    alive: bool | None
    carries: bool
    loss: float | None = None
    delay: float | None = None
    received: int = 0
    sent: int = 0
    endpoint: str | None = None
    handshake: str | None = None
    mtu: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Path:
    """A tunnel's state: `up`, `down` or `unknown`, since when, and what was seen last. Times are ISO 8601."""

    commune: str
    number: int
    name: str
    kind: str
    paid: bool
    state: str
    since: str
    seen: Seen


def followed(before: Path | None, now: Path) -> Path:
    """The path as it is now; what was in this state at the last look is in it since then, give or take the
    second to which BFD counts. One that went and came back in between is in it since it came back."""
    if before is None or before.state != now.state:
        return now
    since = [parse_instant(one.since, "since") for one in (before, now)]
    return replace(now, since=before.since) if since[1] - since[0] < JITTER else now


def state_of(seen: Seen) -> str:
    if seen.alive is None:
        return "unknown"
    return "up" if seen.alive else "down"


def document(paths: Sequence[Path], now: datetime, problems: Sequence[str] = ()) -> dict[str, Any]:
    return {"at": utc_text(now), "paths": [asdict(one) for one in paths], "problems": list(problems)}


def read(state_directory: str) -> dict[str, Any]:
    """What the last look found; empty when there was none, or it cannot be read."""
    try:
        value = json.loads(FilePath(folder_of(state_directory), NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def folder_of(state_directory: str) -> str:
    """Root writes here: in the agent's own folder, a link that the agent left could lead root anywhere."""
    return f"{state_directory}-links"


def paths_of(facts: Mapping[str, Any]) -> list[Path]:
    """The paths in a document; none in one that is no such document."""
    try:
        return [Path(**{**one, "seen": Seen(**one["seen"])}) for one in facts["paths"]]
    except (KeyError, TypeError):
        return []


@dataclass
class Health:
    """The worst level, and the reasons for it, worst first."""

    level: Level = "ok"
    reasons: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level, "reasons": self.reasons, "paths": [asdict(one) for one in self.paths]}


def judge(facts: Mapping[str, Any], expected: bool, now: datetime) -> Health:
    """The health of the paths. `expected`: this server has tunnels, so that no facts are a fact."""
    if not facts:
        if expected:
            return Health(
                "alarm", ["nobody has looked at the tunnels: is ccpp-backup-links.service running?"]
            )
        return Health()
    paths = paths_of(facts)
    found = sorted(_reasons(facts, paths, now), key=lambda one: ORDER[one[0]])
    level: Level = found[0][0] if found else "ok"
    return Health(level, [one[1] for one in found], paths)


def _reasons(facts: Mapping[str, Any], paths: Sequence[Path], now: datetime) -> Iterator[tuple[Level, str]]:
    looked = parse_instant(facts.get("at"), "links.json: at")
    if now - looked > STALE:
        yield "alarm", f"nobody has looked at the tunnels since {facts['at']}"
    for text in facts.get("problems") or []:
        yield "attention", str(text)
    for commune in sorted({one.commune for one in paths}):
        yield from _of_commune(commune, [one for one in paths if one.commune == commune])


def _of_commune(commune: str, paths: Sequence[Path]) -> Iterator[tuple[Level, str]]:
    dead = [one for one in paths if one.state != "up"]
    if len(dead) == len(paths):
        since = max(one.since for one in dead)
        yield "alarm", f"{commune}: cut off, no path is alive (since {since})"
    elif len(paths) == 1:
        yield "attention", f"{commune}: has one path alone; name a second line's interface in its file"
    for one in dead if len(dead) < len(paths) else []:
        which = "spare" if one.number > 1 else "main"
        yield (
            "attention",
            f"{commune}: the {which} path ({one.kind}, {one.name}) is {one.state} since {one.since}",
        )
    for one in paths:
        if one.seen.problem:
            yield "attention", f"{commune}: {one.name}: {one.seen.problem}"
        if one.state == "up" and one.seen.loss is not None and one.seen.loss >= LOSSY:
            yield "attention", f"{commune}: the path over {one.kind} ({one.name}) loses {one.seen.loss:.0f} %"


def sentence(path: Path) -> str:
    """A path in one line, for people."""
    seen = path.seen
    words = [f"{path.commune}: {path.name} over {path.kind} is {path.state} since {path.since}"]
    words += ["carries the traffic"] if seen.carries else []
    words += [] if seen.loss is None else [f"loses {seen.loss:.0f} %"]
    words += [] if seen.delay is None else [f"{seen.delay:.1f} ms"]
    return ", ".join(words)


def paid_only(facts: Mapping[str, Any], commune: str, now: datetime) -> bool:
    """Whether all that is left of a commune's paths is paid for, by what was seen just now."""
    try:
        fresh = now - parse_instant(facts.get("at"), "links.json: at") <= STALE
    except InputError:
        return False
    paths = [one for one in paths_of(facts) if one.commune == commune]
    alive = [one for one in paths if one.state == "up"]
    return fresh and bool(alive) and all(one.paid for one in alive) and any(not one.paid for one in paths)
