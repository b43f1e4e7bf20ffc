# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/ccpp-backup/links/: what the role `links` wrote of the lines and the tunnels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import directory
from ..errors import InputError, shown
from ..fields import CURE, Fields, integer, read_json, text, texts


@dataclass(frozen=True)
class Line:
    """A line of this server's own: its interface, the routing table that knows no other line, and its
    router's address where nothing on the server sets a default route."""

    interface: str
    table: int
    gateway: str | None


@dataclass(frozen=True)
class Tunnel:
    """This server's end of a tunnel. `peer` is the other end's address inside, `loopback` what it leads to;
    `endpoints` where the other end may be reached, for the side that begins."""

    commune: str
    number: int
    name: str
    kind: str
    paid: bool
    peer: str
    peer_key: str
    port: int
    loopback: str
    mtu: int
    endpoints: tuple[str, ...]


@dataclass(frozen=True)
class Waiting:
    """How long copies that add more than `big` bytes wait while only a paid line is left, in seconds."""

    seconds: float = 0.0
    big: float = 0.0


@dataclass(frozen=True)
class Links:
    lines: tuple[Line, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)

    def of(self, commune: str) -> list[Tunnel]:
        return [one for one in self.tunnels if one.commune == commune]


def folder() -> Path:
    return Path(os.path.join(directory(), "links"))


def load() -> Links:
    """What the role wrote, nothing where it has not been. InputError names file, field and cure."""
    base = folder()
    lines: tuple[Line, ...] = ()
    if (base / "lines.json").exists():
        lines = _lines(read_json(base / "lines.json"), str(base / "lines.json"))
    tunnels: list[Tunnel] = []
    waiting: dict[str, Waiting] = {}
    for path in sorted((base / "communes").glob("*.json")):
        fields = Fields(read_json(path), str(path))
        slug = fields.take("commune", text)
        if slug != path.stem:
            raise InputError(f"{path}: commune: {shown(slug)} is not the file's name ({CURE})")
        loopback = fields.take("loopback", text)
        listed = fields.take("tunnels", _list)
        tunnels += [
            _tunnel(entry, slug, loopback, f"{path}: tunnels[{number}]")
            for number, entry in enumerate(listed)
        ]
        hours, big = fields.take("wait_hours", _number), fields.take("big_gb", _number)
        waiting[slug] = Waiting(hours * 3600, big * 1e9)
        fields.done()
    return Links(lines, tuple(tunnels), waiting)


def _lines(value: object, where: str) -> tuple[Line, ...]:
    found = []
    for number, entry in enumerate(_list(value, where)):
        fields = Fields(entry, f"{where}: [{number}]")
        found.append(
            Line(
                fields.take("interface", text),
                fields.take("table", integer),
                fields.take_or("gateway", text, None),
            )
        )
        fields.done()
    return tuple(found)


def _tunnel(value: object, commune: str, loopback: str, where: str) -> Tunnel:
    fields = Fields(value, where)
    tunnel = Tunnel(
        commune=commune,
        loopback=loopback,
        number=fields.take("number", integer),
        name=fields.take("name", text),
        kind=fields.take("kind", text),
        paid=fields.take("paid", _flag),
        peer=fields.take("peer", text),
        peer_key=fields.take("peer_key", text),
        port=fields.take("port", integer),
        mtu=fields.take("mtu", integer),
        endpoints=fields.take("endpoints", texts),
    )
    fields.done()
    return tunnel


def _list(value: object, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list, found {shown(value)} ({CURE})")
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise InputError(f"{where}: expected a number, found {shown(value)} ({CURE})")
    return float(value)


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where}: expected true or false, found {shown(value)} ({CURE})")
    return value
