# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables rules of one server, from the flows that begin or end there. No table but its own is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ..backup_core.errors import InputError
from .matrix import SERVERS, Flow, Matrix, Ports
from .networks import INSIDE, OTHERS, OUTSIDE, Networks

TABLE = "ccpp_backup"
TUNNELS = "wg-*"
# Lines a minute that refused packets may write into the log, and at once.
_LOGGED = "limit rate 12/minute burst 30 packets"
# How long a source that opened too many connections is remembered after its last try.
_REMEMBERED = "10m"
# Sources remembered at a time: 65,536 addresses take some 8 MB.
_SOURCES = 65536
# The other sources in a /64 are the same machine's, as far as anyone can tell.
_COUNTED = {4: "ip saddr", 6: "ip6 saddr and ffff:ffff:ffff:ffff::"}
_FAMILY = {4: "ip", 6: "ip6"}
_ICMP_OF_THE_OTHER = {4: "icmpv6", 6: "icmp"}


def render(
    matrix: Matrix, server: str, networks: Mapping[str, Networks], switches: Mapping[str, bool]
) -> str:
    """What `nft -f` replaces the server's table with in one transaction. InputError if nobody gets in."""
    if server not in SERVERS:
        raise InputError(f"firewall_server: '{server}' is no server; use {' or '.join(SERVERS)}")
    flows = list(matrix.effective(switches))
    incoming = [_Side(flow, server, True, matrix, networks) for flow in flows]
    outgoing = [_Side(flow, server, False, matrix, networks) for flow in flows]
    _refuse_lock_out(incoming, server, matrix.ports.get("ssh", Ports(22, 22)).first)
    used = [side for side in (*incoming, *outgoing) if side.rules]
    body = [
        *_sets(used, networks),
        *_rates(side for side in incoming if side.rules),
        *(f"counter {side.counter} {{ }}" for side in used),
        *(f"counter {name} {{ }}" for name in ("invalid", "noise", "too_many", *_REFUSED)),
        *_chain("input", _ordered(incoming, _opening("in", networks))),
        *_chain("forward", []),
        *_chain("output", _ordered(outgoing, _opening("out", networks))),
        *_closing(),
    ]
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{", *_indented(body)]
    return "\n".join([*lines, "}", ""])


_REFUSED = ("refused_in", "refused_forward", "refused_out")


class _Side:
    """A flow as one server sees it, coming in or going out: its rules, none when it is not there."""

    def __init__(
        self, flow: Flow, server: str, incoming: bool, matrix: Matrix, networks: Mapping[str, Networks]
    ) -> None:
        self.flow = flow
        self.incoming = incoming
        self.limited = incoming and flow.limit is not None
        self.counter = f"{'in' if incoming else 'out'}_{_identifier(flow.name)}"
        self.own = not {*flow.sources, *flow.targets} & set(SERVERS)
        self.zones = [_zone(peer, flow) for peer in flow.peers(server, incoming)]
        if self.own:
            self.zones = list(flow.sources)
        self._kinds = {name: zone.kind for name, zone in matrix.zones.items()}
        self._networks = networks
        self.rules = [rule for zone in self.zones for rule in self._rules(zone)]

    @property
    def rate(self) -> str:
        return f"rate_{_identifier(self.flow.name)}"

    def _rules(self, zone: str) -> Iterator[str]:
        for protocol in self.flow.protocols:
            for where in self._places(zone, protocol):
                what = " ".join(filter(None, (where, self._message(protocol))))
                if self.limited:
                    yield from self._limit(what)
                yield f"{what} counter name {self.counter} accept"

    def _places(self, zone: str, protocol: str) -> Iterator[str]:
        """Interface and address, once for each IP version that the zone has and the protocol is of."""
        interface, address = ("iifname", "saddr") if self.incoming else ("oifname", "daddr")
        kind = self._kinds.get(zone)
        if kind == "loopback":
            yield f'{interface} "lo"'
            return
        tunnels = f'{interface} {"" if self.flow.inside else "!= "}"{TUNNELS}"'
        networks = self._networks.get(zone, Networks())
        if kind == "link" or networks.anywhere:
            yield tunnels
            return
        for version, family in _FAMILY.items():
            if networks.version(version) and protocol != _ICMP_OF_THE_OTHER[version]:
                yield f"{tunnels} {family} {address} @{zone}_v{version}"

    def _message(self, protocol: str) -> str:
        if protocol == "any":
            return ""
        if protocol.startswith("icmp"):
            return f"{protocol} type {_listed(self.flow.types)}"
        sport = f"{protocol} sport {_listed(self.flow.from_ports)} " if self.flow.from_ports else ""
        user = f'meta skuid "{self.flow.user}" ' if self.flow.user and not self.incoming else ""
        return f"{user}{sport}{protocol} dport {_listed(self.flow.ports)}"

    def _limit(self, what: str) -> Iterator[str]:
        assert self.flow.limit is not None
        rate = f"{self.flow.limit.per_minute}/minute burst {self.flow.limit.burst} packets"
        for version, source in _COUNTED.items():
            if f"{_FAMILY[10 - version]} saddr" not in what:
                meter = f"@{self.rate}_v{version} {{ {source} limit rate over {rate} }}"
                yield f"{what} update {meter} goto too_many"


def _zone(peer: str, flow: Flow) -> str:
    if peer in SERVERS:
        return INSIDE if flow.inside else OUTSIDE
    return peer


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _listed(values: tuple[Ports, ...] | tuple[str, ...]) -> str:
    words = [str(value) for value in values]
    return words[0] if len(words) == 1 else f"{{ {', '.join(words)} }}"


def _refuse_lock_out(incoming: list[_Side], server: str, ssh: int) -> None:
    """Whoever has read so far may still be wrong about an address; this is about there being none at all."""
    doors = [
        side for side in incoming if "tcp" in side.flow.protocols and any(ssh in p for p in side.flow.ports)
    ]
    if not any(side.rules for side in doors):
        zones = ", ".join(sorted({zone for side in doors for zone in side.zones})) or "any zone"
        raise InputError(
            f"firewall: nobody could reach SSH (port {ssh}) of a {server.upper()} server any more;"
            f" give networks to {zones} in firewall_zones"
        )


def _sets(used: list[_Side], networks: Mapping[str, Networks]) -> Iterator[str]:
    wanted = {OTHERS, *(zone for side in used for zone in side.zones)}
    for zone, known in networks.items():
        for version in _FAMILY:
            if zone in wanted and known.version(version):
                elements = ", ".join(known.version(version))
                kind = f"type ipv{version}_addr; flags interval;"
                yield f"set {zone}_v{version} {{ {kind} elements = {{ {elements} }} }}"


def _rates(incoming: Iterator[_Side]) -> Iterator[str]:
    for side in incoming:
        for version in _FAMILY if side.limited else ():
            kind = f"type ipv{version}_addr; size {_SOURCES}; flags dynamic, timeout; timeout {_REMEMBERED};"
            yield f"set {side.rate}_v{version} {{ {kind} }}"


def _ordered(sides: list[_Side], opening: Iterable[str]) -> list[str]:
    """The server's own loopback comes first: it carries addresses of every kind."""
    own = [rule for side in sides if side.own for rule in side.rules]
    return [*own, *opening, *(rule for side in sides if not side.own for rule in side.rules)]


def _opening(direction: str, networks: Mapping[str, Networks]) -> Iterator[str]:
    """What holds before any flow: connections that were let through, and never another commune's tunnel."""
    yield "ct state invalid counter name invalid drop"
    yield "ct state established,related accept"
    address, others = ("saddr" if direction == "in" else "daddr"), networks.get(OTHERS, Networks())
    for version, family in _FAMILY.items():
        if others.version(version):
            yield f"{family} {address} @{OTHERS}_v{version} goto refuse_{direction}"


def _chain(hook: str, rules: list[str]) -> Iterator[str]:
    refused = {"input": "refuse_in", "forward": "refuse_forward", "output": "refuse_out"}[hook]
    yield f"chain {hook} {{"
    yield f"\ttype filter hook {hook} priority filter; policy drop;"
    yield from (f"\t{rule}" for rule in rules)
    yield f"\tgoto {refused}"
    yield "}"


def _closing() -> Iterator[str]:
    """Chains that count and log what is refused. What a server itself may not send, it is told at once."""
    told = "reject with icmpx admin-prohibited"
    for chain, ending in (("refuse_in", "drop"), ("refuse_forward", "drop"), ("refuse_out", told)):
        yield f"chain {chain} {{"
        if chain == "refuse_in":
            # A town hall's network is full of announcements that are meant for nobody in particular.
            yield "\tmeta pkttype { broadcast, multicast } counter name noise drop"
        yield f'\t{_LOGGED} log prefix "ccpp-firewall {chain.replace("_", " ")}: "'
        yield f"\tcounter name {chain.replace('refuse', 'refused')} {ending}"
        yield "}"
    yield "chain too_many {"
    yield f'\t{_LOGGED} log prefix "ccpp-firewall too many: "'
    yield "\tcounter name too_many drop"
    yield "}"


def _indented(lines: list[str]) -> Iterator[str]:
    return (f"\t{line}" for line in lines)
