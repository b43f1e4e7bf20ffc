# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the zones are, as one server sees it: networks by zone, collapsed, and refused where places clash."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..backup_core.errors import InputError, shown
from .matrix import Zone

try:
    import netaddr
except ImportError:  # only the controller works rules out
    netaddr = None

# Where the servers at the other end are; of another commune's, nothing but that it is not ours.
INSIDE, OUTSIDE, OTHERS = "inside", "outside", "others"
SERVER_ZONES = {
    INSIDE: Zone(INSIDE, "place", "The servers at the other end, inside the tunnels"),
    OUTSIDE: Zone(OUTSIDE, "machines", "The servers at the other end, outside the tunnels"),
    OTHERS: Zone(OTHERS, "place", "The other communes' tunnels"),
}
# Wider than this is no network of an organisation, but a slip: shortest prefix by IP version.
_WIDEST = {4: 8, 6: 16}


@dataclass(frozen=True)
class Networks:
    """A zone's networks as text, by IP version, in order; `anywhere`: no address is asked for."""

    v4: tuple[str, ...] = ()
    v6: tuple[str, ...] = ()
    anywhere: bool = False

    def __bool__(self) -> bool:
        return self.anywhere or bool(self.v4) or bool(self.v6)

    def version(self, version: int) -> tuple[str, ...]:
        return self.v4 if version == 4 else self.v6

    def holds(self, address: str) -> bool:
        """Whether an address (text of either version) is in the zone."""
        wanted = netaddr.IPAddress(address)
        listed = self.version(wanted.version)
        return self.anywhere or any(wanted in netaddr.IPNetwork(one) for one in listed)


def locate(zones: Mapping[str, Zone], given: object, where: str = "firewall_zones") -> dict[str, Networks]:
    """The networks of every zone that has addresses; one that nothing is given for has none.

    `given`: by zone the word `any`, an address, a network, or a list of these; for `others`, all that lies in
    tunnels, from which `inside` is taken out. Overlapping networks of one zone become one; places that
    overlap with each other are refused. InputError names zone, value and cure.
    """
    if netaddr is None:
        raise InputError("the Python package netaddr is missing on the controller; install requirements.txt")
    known = {**zones, **SERVER_ZONES}
    known = {name: zone for name, zone in known.items() if zone.kind in ("place", "machines")}
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: {shown(given)} is not a mapping; write networks by zone")
    for name in given:
        if name not in known:
            raise InputError(f"{where}: there is no zone {shown(name)}; use {', '.join(known)}")
    found = {name: _networks(zone, given.get(name, []), f"{where}.{name}") for name, zone in known.items()}
    found[OTHERS] = _without(found[OTHERS], found[INSIDE])
    _refuse_clash({name: found[name] for name, zone in known.items() if zone.kind == "place"}, where)
    return found


def _networks(zone: Zone, value: object, where: str) -> Networks:
    if value == "any":
        if zone.kind == "place":
            raise InputError(f"{where}: a place is somewhere: write its networks instead of any")
        return Networks(anywhere=True)
    return _collapsed(_network(entry, where) for entry in _entries(value, where))


def _collapsed(networks: Iterable[Any]) -> Networks:
    merged = netaddr.cidr_merge(list(networks))
    v4, v6 = (tuple(str(one) for one in merged if one.version == version) for version in (4, 6))
    return Networks(v4, v6)


def _without(networks: Networks, taken: Networks) -> Networks:
    left = netaddr.IPSet((*networks.v4, *networks.v6)) - netaddr.IPSet((*taken.v4, *taken.v6))
    return _collapsed(left.iter_cidrs())


def _entries(value: object, where: str) -> list[object]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return [value]
    raise InputError(f"{where}: {shown(value)} is not a list of networks; write some like 192.0.2.0/24")


def _network(value: object, where: str) -> Any:
    try:
        # Plain text, since netaddr does not know a tagged string of Ansible's.
        network = netaddr.IPNetwork(str(value)) if isinstance(value, str) else None
    except (netaddr.AddrFormatError, ValueError):
        network = None
    if network is None:
        cure = "write some like 192.0.2.0/24 or 2001:db8::/64 (names are not followed)"
        raise InputError(f"{where}: {shown(value)} is not a network; {cure}")
    if network.ip != network.network:
        raise InputError(
            f"{where}: {network} is an address in a network; write {network.cidr} or {network.ip}"
        )
    if network.prefixlen < _WIDEST[network.version]:
        widest = _WIDEST[network.version]
        raise InputError(f"{where}: {network} is too wide; write networks of at least /{widest}")
    return network


def _refuse_clash(places: Mapping[str, Networks], where: str) -> None:
    for version in (4, 6):
        ranges = sorted(_ranges(places, version), key=lambda entry: (entry[0], -entry[1]))
        for (_first, last, zone, network), after in itertools.pairwise(ranges):
            if after[0] <= last:
                raise InputError(
                    f"{where}.{after[2]}: {after[3]} overlaps with {network} of {zone};"
                    " an address is in one zone, or nobody can say what it may do"
                )


def _ranges(places: Mapping[str, Networks], version: int) -> Iterator[tuple[int, int, str, str]]:
    for zone, networks in places.items():
        for text in networks.version(version):
            network = netaddr.IPNetwork(text)
            yield network.first, network.last, zone, text
