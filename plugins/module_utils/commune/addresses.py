# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address plan inside the tunnels: what is given is written down, and never given again or changed.

A commune has a loopback and one /31 per tunnel, the REMOTE server a loopback of its own. They come from pools
in the inventory's source and stand in an allocation file under version control. Only `allocate` adds to it;
the inventory reads it and refuses what does not fit.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backup_core.errors import InputError, shown
from . import document

try:
    import netaddr
except ImportError:  # only the controller plans addresses, and only where the source names pools
    netaddr = None

TUNNELS = ("tunnels_1", "tunnels_2")
POOLS = ("loopbacks", *TUNNELS)
# Each tunnel has a port of its own at REMOTE; the flow matrix has the range.
FIRST_PORT, PORT_PAIRS = 51000, 1000
COMMAND = "make allocate"
# A file of thousands of communes.
MAX_BYTES = 4 * 1024 * 1024
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,29}[a-z0-9]")
_RESTORE = "restore the line from version control"
_HEADER = f"""\
# Addresses inside the tunnels. Written by `{COMMAND}` alone; keep it under version control.
# What is given never changes. A commune that has left keeps its addresses until they are released.
"""


@dataclass(frozen=True)
class Given:
    """What one commune has: its loopback, and a network of two addresses per tunnel, as text."""

    loopback: str
    tunnels: tuple[str, ...]

    def items(self) -> Iterator[tuple[str, str, str]]:
        """Pool, field and address of everything."""
        yield POOLS[0], "loopback", self.loopback
        for number, (pool, network) in enumerate(zip(TUNNELS, self.tunnels, strict=True)):
            yield pool, f"tunnels[{number}]", network


@dataclass(frozen=True)
class Allocation:
    """The allocation file. `remote`: loopback of the REMOTE server, None before the first allocation."""

    remote: str | None = None
    communes: Mapping[str, Given] = field(default_factory=dict)

    def addresses(self) -> Iterator[tuple[str, str, str]]:
        """Pool, place in the file, and address of everything that is given."""
        if self.remote is not None:
            yield POOLS[0], "remote.loopback", self.remote
        for slug, given in self.communes.items():
            for pool, name, address in given.items():
                yield pool, f"communes.{slug}.{name}", address

    def text(self) -> str:
        """The file's content, the same for the same allocation."""
        lines = [_HEADER.rstrip()]
        if self.remote is not None:
            lines.append(f"remote: {{loopback: {self.remote}}}")
        lines.append("communes:" if self.communes else "communes: {}")
        for slug, given in sorted(self.communes.items()):
            tunnels = ", ".join(given.tunnels)
            lines.append(f"  {slug}: {{loopback: {given.loopback}, tunnels: [{tunnels}]}}")
        return "\n".join(lines) + "\n"


class Pools:
    """Ranges of addresses by pool. What is asked of them is plain numbers, for a thousand communes."""

    def __init__(self, ranges: Mapping[str, list[Any]]) -> None:
        self.ranges = ranges

    @classmethod
    def from_mapping(cls, mapping: object, where: str = "pools") -> Pools:
        """From the option of the inventory's source. InputError names the bad range and its cure."""
        if netaddr is None:
            raise InputError(
                "the Python package netaddr is missing on the controller; install requirements.txt"
            )
        if not isinstance(mapping, Mapping):
            raise InputError(f"{where}: {shown(mapping)} is not a mapping; write {', '.join(POOLS)}")
        unknown = [name for name in mapping if name not in POOLS]
        if unknown:
            raise InputError(f"{where}: {shown(unknown[0])} is not a pool; use {', '.join(POOLS)}")
        ranges = {name: _ranges(mapping.get(name), f"{where}.{name}") for name in POOLS}
        _refuse_overlap(ranges, where)
        return cls(ranges)

    def holds(self, pool: str, address: str) -> bool:
        network = netaddr.IPNetwork(address)
        return any(network in one for one in self.ranges[pool])

    def free(self, pool: str, taken: set[int]) -> Iterator[int]:
        """The addresses of a pool that nobody has, lowest first; of a pool of tunnels, the even ones."""
        step = 2 if pool in TUNNELS else 1
        for one in self.ranges[pool]:
            for number in range(one.first + one.first % step, one.last + 2 - step, step):
                # As a loopback 10.0.0.0 or 10.0.0.255 is possible, but reads like a mistake.
                if number not in taken and (step == 2 or number % 256 not in (0, 255)):
                    yield number

    def overlapping(self, network: str) -> str | None:
        """The pool, with its range, that overlaps with this network."""
        lan = netaddr.IPNetwork(network)
        for pool, ranges in self.ranges.items():
            for one in ranges:
                if lan.first <= one.last and one.first <= lan.last:
                    return f"{pool} {one}"
        return None

    def listed(self) -> list[str]:
        """Every range of every pool, as text."""
        return [str(one) for ranges in self.ranges.values() for one in ranges]

    def named(self, pool: str) -> str:
        return ", ".join(str(one) for one in self.ranges[pool])


def _ranges(value: object, where: str) -> list[Any]:
    if value is None:
        raise InputError(f"{where}: missing; write a range such as 10.83.0.0/22")
    found = []
    for text in value if isinstance(value, list) else [value]:
        network = _range(text) if isinstance(text, str) else None
        if network is None:
            cure = "write a range of IPv4 addresses such as 10.83.0.0/22"
            raise InputError(f"{where}: {shown(text)} is not a range; {cure}")
        found.append(network)
    if not found:
        raise InputError(f"{where}: an empty list holds no address; write a range such as 10.83.0.0/22")
    return found


def _range(text: str) -> Any:
    """The range, or None. Plain text, since netaddr does not know a tagged string of Ansible's."""
    try:
        network = netaddr.IPNetwork(str(text), version=4)
    except (netaddr.AddrFormatError, ValueError):
        return None
    whole = "/" in text and network.ip == network.network and 8 <= network.prefixlen <= 30
    return network if whole else None


def _refuse_overlap(ranges: Mapping[str, list[Any]], where: str) -> None:
    ordered = sorted((one.first, one.last, pool, str(one)) for pool in ranges for one in ranges[pool])
    for before, after in itertools.pairwise(ordered):
        if after[0] <= before[1]:
            raise InputError(
                f"{where}.{after[2]}: {after[3]} overlaps with {before[3]} of {before[2]}; keep them apart"
            )


def first_port(network: str) -> int:
    """The port of a commune's first tunnel, whose network this is; its second tunnel has the next one.

    It follows from the address, so that it is written down with it; no two communes are given networks that
    have the same one.
    """
    parts = [int(part) for part in network.removesuffix("/31").split(".")]
    return _port(int.from_bytes(bytes(parts), "big"))


def _port(number: int) -> int:
    return FIRST_PORT + 2 * (number // 2 % PORT_PAIRS)


def load(content: bytes | None) -> Allocation:
    """The allocation in this file, None being no file yet. InputError names the place and the cure.

    An empty file is no allocation: to begin anew would give other addresses to communes that have some.
    """
    if content is None:
        return Allocation()
    if not any(line.strip() and not line.startswith(b"#") for line in content.splitlines()):
        raise InputError("the file is empty; restore it from version control")
    value = document.load(content, MAX_BYTES).value
    communes = value.get("communes", {}) if isinstance(value, dict) else None
    remote = value.get("remote", {}) if isinstance(value, dict) else None
    if not isinstance(communes, dict) or not isinstance(remote, dict) or set(value) - {"communes", "remote"}:
        raise InputError("does not hold an allocation (remote and communes); restore it from version control")
    loopback = _address(remote.get("loopback"), "remote.loopback") if remote else None
    strange = [slug for slug in communes if not _SLUG.fullmatch(slug)]
    if strange:
        raise InputError(f"communes: {shown(strange[0])} is not a commune's short name; {_RESTORE}")
    return Allocation(loopback, {slug: _given(entry, f"communes.{slug}") for slug, entry in communes.items()})


def _given(entry: object, where: str) -> Given:
    if not isinstance(entry, dict) or set(entry) != {"loopback", "tunnels"}:
        raise InputError(f"{where}: must have loopback and tunnels; {_RESTORE}")
    tunnels = entry["tunnels"]
    if not isinstance(tunnels, list) or len(tunnels) != len(TUNNELS):
        raise InputError(f"{where}.tunnels: must be {len(TUNNELS)} networks; {_RESTORE}")
    loopback = _address(entry["loopback"], f"{where}.loopback")
    return Given(loopback, tuple(_pair(one, f"{where}.tunnels[{n}]") for n, one in enumerate(tunnels)))


def _address(value: object, where: str) -> str:
    if not isinstance(value, str) or not _is_plain(value):
        raise InputError(f"{where}: {shown(value)} is not an IPv4 address; {_RESTORE}")
    return value


def _pair(value: object, where: str) -> str:
    first = value.removesuffix("/31") if isinstance(value, str) and value.endswith("/31") else ""
    if not _is_plain(first) or int(netaddr.IPAddress(first)) % 2:
        raise InputError(f"{where}: {shown(value)} is not a network of two addresses (/31); {_RESTORE}")
    return f"{first}/31"


def _is_plain(text: str) -> bool:
    """An IPv4 address in the one form that makes two of them comparable as text."""
    return netaddr.valid_ipv4(text, netaddr.INET_PTON) and str(netaddr.IPAddress(text)) == text


def mistakes(allocation: Allocation, pools: Pools) -> list[str]:
    """What is wrong in the allocation itself: clashes, and addresses out of the pools."""
    lines = []
    seen: dict[str, str] = {}
    for pool, place, address in allocation.addresses():
        if not pools.holds(pool, address):
            ranges = f"{pool} ({pools.named(pool)})"
            lines.append(f"{place}: {address} is not in the pool {ranges}; widen the pool, or {_RESTORE}")
        first = seen.setdefault(address, place)
        cure = f"take out the commune that came later and run `{COMMAND}`"
        if first != place:
            lines.append(f"{place}: {address} is also {first}; {cure}")
        elif pool == TUNNELS[0]:
            port = first_port(address)
            other = seen.setdefault(f"port {port}", place)
            if other != place:
                lines.append(f"{place}: {address} has the same port {port} as {other}; {cure}")
    return lines


@dataclass(frozen=True)
class Files:
    """How messages name the inventory's source, the allocation file, and each commune's file."""

    source: str
    allocation: str
    communes: Mapping[str, str]


def refusals(
    allocation: Allocation, pools: Pools, communes: Mapping[str, Mapping[str, Any]], files: Files
) -> list[str]:
    """Why an inventory of these communes cannot be: a line per mistake, with file, place and cure."""
    lines = [f"{files.allocation}: {text}" for text in mistakes(allocation, pools)]
    for slug, commune in communes.items():
        lan = commune["server"].get("lan")
        overlap = pools.overlapping(lan) if lan else None
        if overlap:
            cure = f"choose other pools in {files.source} before anything is allocated, or another network"
            lines.append(
                f"{files.communes[slug]}: server.lan: {lan} overlaps with the pool {overlap}; {cure}"
            )
    without = [slug for slug in communes if slug not in allocation.communes]
    if lines or (not without and allocation.remote is not None):
        return lines
    try:
        allocate(allocation, pools, without)
    except InputError as error:
        return [f"{files.source}: {error}"]
    cure = f"run `{COMMAND}` and commit {files.allocation}"
    if allocation.remote is None and not without:
        return [f"{files.allocation}: remote: has no loopback yet; {cure}"]
    return [f"{files.communes[slug]}: has no addresses in {files.allocation}; {cure}" for slug in without]


def allocate(allocation: Allocation, pools: Pools, slugs: Iterable[str]) -> Allocation:
    """The allocation with the lowest free addresses for those that have none; nobody's change."""
    taken: dict[str, set[int]] = {pool: set() for pool in POOLS}
    for pool, _unused, address in allocation.addresses():
        taken[pool].add(netaddr.IPNetwork(address).first)
    free = {pool: pools.free(pool, taken[pool]) for pool in POOLS}
    ports = {first_port(given.tunnels[0]) for given in allocation.communes.values()}
    free[TUNNELS[0]] = _without_ports(free[TUNNELS[0]], ports)

    def next_of(pool: str, owner: str) -> str:
        number = next(free[pool], None)
        if number is None:
            raise InputError(
                f"pools.{pool}: {pools.named(pool)} has nothing left for {owner};"
                " widen it, or add a range (what is given stays)"
            )
        address = str(netaddr.IPAddress(number, version=4))
        return f"{address}/31" if pool in TUNNELS else address

    remote = allocation.remote or next_of(POOLS[0], "the REMOTE server")
    communes = dict(allocation.communes)
    for slug in sorted(set(slugs) - communes.keys()):
        communes[slug] = Given(next_of(POOLS[0], slug), tuple(next_of(pool, slug) for pool in TUNNELS))
    return Allocation(remote, communes)


def _without_ports(numbers: Iterable[int], taken: set[int]) -> Iterator[int]:
    for number in numbers:
        if _port(number) not in taken:
            taken.add(_port(number))
            yield number


def release(allocation: Allocation, slug: str, present: Iterable[str]) -> Allocation:
    """The allocation without a commune that has left; its addresses may then be given to another."""
    if slug in present:
        raise InputError(
            f"{shown(slug)} is still among the communes; run ccpp.backup.offboard or take its file away"
        )
    if slug not in allocation.communes:
        raise InputError(
            f"{shown(slug)} has no addresses; known are {', '.join(sorted(allocation.communes))}"
        )
    return Allocation(
        allocation.remote, {name: given for name, given in allocation.communes.items() if name != slug}
    )


def of_commune(allocation: Allocation, slug: str, commune: Mapping[str, Any], pools: Pools) -> dict[str, Any]:
    """The variable `commune_addresses`. Of a tunnel's two addresses the lower one is REMOTE's."""
    given = allocation.communes[slug]
    return {
        "loopback": given.loopback,
        "remote_loopback": allocation.remote,
        "pools": pools.listed(),
        "lan": commune["server"].get("lan"),
        "tunnels": [
            {
                "network": network,
                "port": first_port(given.tunnels[0]) + number,
                "remote": str(netaddr.IPNetwork(network)[0]),
                "local": str(netaddr.IPNetwork(network)[1]),
            }
            for number, network in enumerate(given.tunnels)
        ],
    }
