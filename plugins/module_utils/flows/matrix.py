# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow matrix as data (roles/firewall/vars/main.yml) becomes flows to rely on, or one clear line.

A flow goes from one end to another. An end is one of the servers, `local` (a town hall's) or `remote` (the
CCPP's), or a zone. A flow between two servers goes inside the tunnels or outside; any other goes outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..backup_core.errors import InputError, shown

SERVERS = ("local", "remote")
# What a zone is: a network of somebody's, which no other may overlap with; machines wherever they are; the
# neighbours on a link, without addresses of their own; or the server's own loopback.
KINDS = ("place", "machines", "link", "loopback")
PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "any")
LAST_PORT = 65535

_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")
_TYPE = re.compile(r"[a-z][a-z0-9-]{2,40}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_REQUIRED = ("name", "from", "to", "protocol", "why")
_FIELDS = (*_REQUIRED, "through", "ports", "from_ports", "types", "limit", "user", "when")


@dataclass(frozen=True)
class Zone:
    name: str
    kind: str
    what: str


@dataclass(frozen=True, order=True)
class Ports:
    """The ports from `first` to `last`, both among them."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last


@dataclass(frozen=True)
class Limit:
    """New connections that one source (an IPv4 address, an IPv6 /64) may open."""

    per_minute: int
    burst: int


@dataclass(frozen=True)
class Flow:
    """One line of the matrix. `inside`: through the tunnels; `when`: the switch it depends on, or None."""

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    inside: bool
    protocols: tuple[str, ...]
    ports: tuple[Ports, ...]
    from_ports: tuple[Ports, ...]
    types: tuple[str, ...]
    limit: Limit | None
    user: str | None
    when: str | None
    why: str

    def peers(self, server: str, incoming: bool) -> tuple[str, ...]:
        """Whom it lets this server hear from (incoming) or speak to."""
        own, others = (self.targets, self.sources) if incoming else (self.sources, self.targets)
        return tuple(other for other in others if other != server) if server in own else ()


@dataclass(frozen=True)
class Matrix:
    """`ports`: those that have a name; `switches`: the names of conditions that flows may depend on."""

    zones: Mapping[str, Zone]
    ports: Mapping[str, Ports]
    switches: tuple[str, ...]
    flows: tuple[Flow, ...]

    def effective(self, switches: Mapping[str, bool]) -> Iterator[Flow]:
        """The flows that hold when the switches stand like this."""
        return (flow for flow in self.flows if flow.when is None or switches.get(flow.when, False))

    def check_switches(self, given: object, where: str) -> dict[str, bool]:
        """The switches as they stand; those that nothing is said of are off."""
        mapping = _mapping(given, where, self.switches)
        for name, value in mapping.items():
            if not isinstance(value, bool):
                raise InputError(f"{where}.{name}: {shown(value)} is neither true nor false")
        return {name: bool(mapping.get(name, False)) for name in self.switches}


def parse(data: object, more: object = (), ports: object = None, where: str = "firewall") -> Matrix:
    """The matrix in this data; `more` are flows of the site's own, `ports` replace named ports.

    InputError names the flow, the field, the bad value and the cure.
    """
    mapping = _mapping(data, f"{where}: the matrix", ("zones", "ports", "switches", "flows"))
    zones = dict(_zones(mapping.get("zones"), f"{where}: zones"))
    switches = tuple(_words(mapping.get("switches", []), f"{where}: switches"))
    named = _named_ports(mapping.get("ports", {}), f"{where}: ports")
    for name, value in _mapping(ports or {}, f"{where}_ports", named).items():
        named[name] = _named_port(value, f"{where}_ports.{name}")
    context = _Context(zones, switches, named)
    lists = ((mapping.get("flows"), f"{where}: flows"), (more, f"{where}_flows"))
    flows = [flow for entries, place in lists for flow in _flows(entries, place, context)]
    _refuse_twins(flows, where)
    return Matrix(zones, named, switches, tuple(flows))


@dataclass(frozen=True)
class _Context:
    """What the lines of the matrix may refer to."""

    zones: Mapping[str, Zone]
    switches: Collection[str]
    ports: Mapping[str, Ports]


def _mapping(value: object, where: str, known: Collection[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {shown(value)} is not a mapping")
    for name in value:
        if name not in known:
            raise InputError(f"{where}: {shown(name)} is unknown; use {', '.join(known) or 'none'}")
    return value


def _words(value: object, where: str) -> list[str]:
    """One word, or a list of them, as text of no tagged kind."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        if not isinstance(entry, str) or not entry:
            raise InputError(f"{where}: {shown(entry)} is not a word")
    return [str(entry) for entry in entries]


def _sentence(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value or len(value) > 200:
        raise InputError(f"{where}: {shown(value)} is not a sentence of up to 200 characters; say why")
    return str(value)


def _zones(value: object, where: str) -> Iterator[tuple[str, Zone]]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {shown(value)} is not a mapping")
    for name, entry in value.items():
        place = f"{where}.{name}"
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in SERVERS:
            raise InputError(
                f"{where}: {shown(name)} cannot be a zone's name; use up to 24 letters and digits"
            )
        fields = _mapping(entry, place, ("kind", "what"))
        if fields.get("kind") not in KINDS:
            raise InputError(f"{place}.kind: {shown(fields.get('kind'))} is unknown; use {', '.join(KINDS)}")
        yield str(name), Zone(str(name), str(fields["kind"]), _sentence(fields.get("what"), f"{place}.what"))


def _named_ports(value: object, where: str) -> dict[str, Ports]:
    mapping = value if isinstance(value, Mapping) else _mapping(value, where, ())
    return {str(name): _named_port(entry, f"{where}.{name}") for name, entry in mapping.items()}


def _named_port(value: object, where: str) -> Ports:
    (found,) = _ports([value], where, {})
    return found


def _ports(value: object, where: str, named: Mapping[str, Ports]) -> tuple[Ports, ...]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise InputError(f"{where}: an empty list lets nothing through; name a port, or leave the flow out")
    return tuple(sorted({_port(entry, where, named) for entry in entries}))


def _port(value: object, where: str, named: Mapping[str, Ports]) -> Ports:
    if isinstance(value, str) and value in named:
        return named[value]
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text, re.ASCII)
    if not found:
        names = f", or one of {', '.join(named)}" if named else ""
        raise InputError(
            f"{where}: {shown(value)} is not a port; use a number, a range like 51000-51999{names}"
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= LAST_PORT or not 1 <= last <= LAST_PORT:
        raise InputError(f"{where}: {shown(value)} is not a port; use 1 to {LAST_PORT}")
    if last < first:
        raise InputError(f"{where}: {shown(value)} ends before it begins; write {last}-{first}")
    return Ports(first, last)


def _flows(value: object, where: str, context: _Context) -> Iterator[Flow]:
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{where}: {shown(value)} is not a list of flows")
    for number, entry in enumerate(value):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        label = str(name) if isinstance(name, str) and _NAME.fullmatch(name) else f"[{number}]"
        yield _flow(entry, f"{where}: {label}", context)


def _flow(value: object, where: str, context: _Context) -> Flow:
    fields = _mapping(value, where, _FIELDS)
    for name in _REQUIRED:
        if fields.get(name) in (None, "", []):
            raise InputError(f"{where}: {name} is missing; a flow has {', '.join(_REQUIRED)}")
    name = fields["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"{where}: name: {shown(name)}: use up to 24 lower-case letters, digits and hyphens")
    sources, targets = (_ends(fields[end], f"{where}: {end}", context) for end in ("from", "to"))
    through = fields.get("through", "outside")
    if through not in ("tunnels", "outside"):
        raise InputError(f"{where}: through: {shown(through)} is unknown; use tunnels or outside")
    flow = Flow(
        str(name),
        sources,
        targets,
        through == "tunnels",
        _protocols(fields["protocol"], f"{where}: protocol"),
        _ports(fields["ports"], f"{where}: ports", context.ports) if "ports" in fields else (),
        _ports(fields["from_ports"], f"{where}: from_ports", context.ports) if "from_ports" in fields else (),
        _types(fields.get("types", []), f"{where}: types"),
        _limit(fields.get("limit"), f"{where}: limit"),
        _user(fields.get("user"), f"{where}: user"),
        _switch(fields.get("when"), f"{where}: when", context),
        _sentence(fields["why"], f"{where}: why"),
    )
    _refuse_nonsense(flow, where, context)
    return flow


def _ends(value: object, where: str, context: _Context) -> tuple[str, ...]:
    ends = tuple(_words(value, where))
    for end in ends:
        if end not in SERVERS and end not in context.zones:
            known = ", ".join((*SERVERS, *context.zones))
            raise InputError(f"{where}: there is no zone {shown(end)}; use one of {known}")
    return ends


def _protocols(value: object, where: str) -> tuple[str, ...]:
    protocols = tuple(_words(value, where))
    for protocol in protocols:
        if protocol not in PROTOCOLS:
            raise InputError(f"{where}: {shown(protocol)} is unknown; use {', '.join(PROTOCOLS)}")
    return protocols


def _types(value: object, where: str) -> tuple[str, ...]:
    types = tuple(_words(value, where))
    for one in types:
        if not _TYPE.fullmatch(one):
            raise InputError(f"{where}: {shown(one)} is not a kind of ICMP message, such as echo-request")
    return types


def _limit(value: object, where: str) -> Limit | None:
    if value is None:
        return None
    fields = _mapping(value, where, ("per_minute", "burst"))
    numbers = [fields.get(name) for name in ("per_minute", "burst")]
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 100000:
            raise InputError(f"{where}: {shown(number)}: write per_minute and burst, each from 1 to 100000")
    per_minute, burst = (int(number) for number in numbers if isinstance(number, int))
    return Limit(per_minute, burst)


def _user(value: object, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _USER.fullmatch(value):
        raise InputError(f"{where}: {shown(value)} is not a user's name")
    return str(value)


def _switch(value: object, where: str, context: _Context) -> str | None:
    if value is None:
        return None
    if value not in context.switches:
        known = ", ".join(context.switches) or "none"
        raise InputError(f"{where}: there is no switch {shown(value)}; use {known}")
    return str(value)


def _refuse_nonsense(flow: Flow, where: str, context: _Context) -> None:
    """What every field allows by itself and no packet could follow."""
    ends = {*flow.sources, *flow.targets}
    loops = sorted(end for end in ends - set(SERVERS) if context.zones[end].kind == "loopback")
    between = ends == set(SERVERS)
    for end, words in (("from", flow.sources), ("to", flow.targets)):
        if len({word in SERVERS for word in words}) > 1:
            raise InputError(f"{where}: {end}: name servers or zones, not both; make two flows of it")
    if not ends & set(SERVERS) and len(loops) != len(ends):
        raise InputError(f"{where}: no server is at either end; put local or remote into from or to")
    if loops and len(ends) > 1:
        raise InputError(f"{where}: {loops[0]} reaches itself alone; put it into from and to")
    if {flow.sources[0], flow.targets[0]} <= set(SERVERS) and not between:
        raise InputError(f"{where}: a flow between servers goes from one of them to the other")
    if flow.inside and not between:
        raise InputError(f"{where}: through: only local and remote reach one another through the tunnels")
    has_ports = set(flow.protocols) <= {"tcp", "udp"}
    if has_ports and not flow.ports:
        raise InputError(f"{where}: ports is missing; name a port, a range or a list of them")
    if not has_ports and (flow.ports or flow.from_ports):
        raise InputError(f"{where}: ports: {', '.join(flow.protocols)} has no ports; leave them out")
    if (flow.types == ()) == any(one.startswith("icmp") for one in flow.protocols):
        raise InputError(
            f"{where}: types: name the kinds of message for icmp and icmpv6, and for these alone"
        )
    if flow.user and not set(flow.sources) <= set(SERVERS):
        raise InputError(f"{where}: user: what comes in has no user here; leave it out")
    if flow.limit and not set(flow.targets) & set(SERVERS):
        raise InputError(f"{where}: limit: only what reaches a server is limited; leave it out")


def _refuse_twins(flows: Collection[Flow], where: str) -> None:
    seen: set[str] = set()
    for flow in flows:
        if flow.name in seen:
            raise InputError(f"{where}: flows: {flow.name} is there twice; give each flow a name of its own")
        seen.add(flow.name)
