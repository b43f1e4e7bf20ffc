# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's tunnels, as each of their two ends must hold them. Pure, from its file and the address plan.

Tunnel n runs over the commune's n-th line that names an interface, to the n-th line of the CCPP or, where
that has but one, to this one. Whatever leaves a tunnel's end is marked, and its line's own routing table
knows no way but that line: so no tunnel can run inside the other.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..backup_core.errors import InputError, shown
from .check import is_address

try:
    import netaddr
except ImportError:  # only the controller works tunnels out
    netaddr = None

SIDES = ("local", "remote")
MOST = 2
# Of the n-th line: the mark of what its tunnels send, the number of its routing table, the rule's priority.
MARK = 5100
# What WireGuard puts around a packet, over IPv6 (20 bytes less over IPv4).
OVERHEAD = 80
# eBGP, both private (RFC 6996). All communes have the same: REMOTE tells none of another.
NUMBERS = {"local": 65001, "remote": 65000}
# By tunnel. The higher one carries the traffic while it lives.
PREFERENCES = (200, 100)
_INTERFACE = re.compile(r"(?!wg-|lo$)[A-Za-z0-9][A-Za-z0-9._@-]{0,14}")


def usable(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of a commune that carry a tunnel, with their place among its uplinks as `number`."""
    lines = [{**line, "number": n} for n, line in enumerate(settings["uplinks"]) if line.get("interface")]
    return lines[:MOST]


def uplinks_of(value: object, pools: Sequence[str], where: str = "service_uplinks") -> list[dict[str, Any]]:
    """The CCPP's lines, checked: interface (None: whatever the routes say), gateway, mtu, addresses.

    InputError names the bad entry and its cure. An address inside the pools is refused: the outside of a
    tunnel would be reached through a tunnel.
    """
    if netaddr is None:
        raise InputError("the Python package netaddr is missing on the controller; install requirements.txt")
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MOST:
        raise InputError(f"{where}: {shown(value)} is not a list of one or two lines")
    lines = [_uplink(entry, f"{where}[{number}]", pools) for number, entry in enumerate(value)]
    interfaces = [line["interface"] for line in lines]
    if len(lines) == MOST and None in interfaces:
        raise InputError(
            f"{where}[{interfaces.index(None)}].interface: missing; each of two lines has one of its own"
        )
    if len(lines) == MOST and interfaces[0] == interfaces[1]:
        raise InputError(
            f"{where}[1].interface: {shown(interfaces[1])} is already that of {where}[0];"
            " write this line's own"
        )
    return lines


def _uplink(entry: object, where: str, pools: Sequence[str]) -> dict[str, Any]:
    example = "write one such as {interface: enp1s0, addresses: [198.51.100.20]}"
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: {shown(entry)} is not a line; {example}")
    unknown = set(entry) - {"interface", "gateway", "mtu", "addresses"}
    if unknown:
        raise InputError(
            f"{where}: {shown(sorted(unknown)[0])} is unknown (use interface, gateway, mtu, addresses)"
        )
    interface, gateway, mtu = entry.get("interface"), entry.get("gateway"), entry.get("mtu", 1500)
    if interface is not None and not (isinstance(interface, str) and _INTERFACE.fullmatch(interface)):
        raise InputError(f"{where}.interface: {shown(interface)} is no interface; {example}")
    if gateway is not None and not netaddr.valid_ipv4(str(gateway), netaddr.INET_PTON):
        raise InputError(f"{where}.gateway: {shown(gateway)} is not an IPv4 address")
    if isinstance(mtu, bool) or not isinstance(mtu, int) or not 1360 <= mtu <= 9000:
        raise InputError(f"{where}.mtu: {shown(mtu)} is not a number from 1360 to 9000 (bytes)")
    addresses = entry.get("addresses")
    if not isinstance(addresses, Sequence) or isinstance(addresses, str) or not addresses:
        raise InputError(
            f"{where}.addresses: {shown(addresses)} is not a list of addresses or names; {example}"
        )
    return {
        "interface": None if interface is None else str(interface),
        "gateway": None if gateway is None else str(gateway),
        "mtu": int(mtu),
        "addresses": [_outside(one, f"{where}.addresses[{n}]", pools) for n, one in enumerate(addresses)],
    }


def _outside(value: object, where: str, pools: Sequence[str]) -> str:
    if not isinstance(value, str) or not is_address(str(value)):
        raise InputError(f"{where}: {shown(value)} is not an IP address or a DNS name")
    text = str(value)
    if is_literal(text):
        _refuse_inside(text, where, pools)
    return text


def is_literal(text: str) -> bool:
    """Whether it is an address, not a name."""
    return bool(netaddr.valid_ipv4(text, netaddr.INET_PTON) or netaddr.valid_ipv6(text))


def _refuse_inside(address: str, where: str, pools: Sequence[str]) -> None:
    pool = next((one for one in pools if netaddr.IPAddress(address) in netaddr.IPNetwork(one)), None)
    if pool is not None:
        raise InputError(
            f"{where}: {address} lies inside the tunnels ({pool});"
            " write an address outside, or no tunnel can start"
        )


def keys_of(value: object, count: int, where: str) -> dict[str, list[str]]:
    """The public keys of a commune's tunnels by side, checked. InputError names the one that is missing."""
    if not isinstance(value, Mapping) or set(value) - set(SIDES):
        raise InputError(f"{where}: does not hold the public keys of local and of remote; restore the file")
    return {side: _side(value.get(side), count, f"{where}: {side}") for side in SIDES}


def _side(value: object, count: int, where: str) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise InputError(
            f"{where}: missing; run site for the commune, which asks its servers for the public keys"
        )
    if len(value) < count:
        raise InputError(
            f"{where}[{len(value)}]: the public key of tunnel {len(value) + 1} is missing;"
            " run site for the commune, which asks its servers for it"
        )
    for number, key in enumerate(value):
        if not is_key(key):
            raise InputError(
                f"{where}[{number}]: {shown(key)} is not a public key (44 characters that end in =)"
            )
    return [str(key) for key in value]


def is_key(value: object) -> bool:
    """Whether it is 32 bytes in base64, other than zeros."""
    try:
        raw = base64.b64decode(str(value), validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return False
    return len(raw) == 32 and any(raw)


def tunnels(
    settings: Mapping[str, Any], addresses: Mapping[str, Any], service_uplinks: object, side: str
) -> list[dict[str, Any]]:
    """A commune's tunnels as one side's end of each: everything but the keys."""
    if side not in SIDES:
        raise InputError(f"links: '{side}' is no side of a tunnel (use local or remote)")
    front = uplinks_of(service_uplinks, addresses["pools"])
    found = []
    for number, line in enumerate(usable(settings)):
        given, far = addresses["tunnels"][number], front[min(number, len(front) - 1)]
        gateway = line.get("gateway")
        if gateway is not None:
            _refuse_inside(
                gateway, f"{settings['slug']}: uplinks[{line['number']}].gateway", addresses["pools"]
            )
        here, there = ("local", "remote") if side == "local" else ("remote", "local")
        pinned = line["interface"] if side == "local" else far["interface"]
        place = number if side == "local" else min(number, len(front) - 1)
        found.append(
            {
                "name": f"wg-{number + 1}" if side == "local" else f"wg-{given['port']}",
                "number": number + 1,
                "kind": line["kind"],
                "paid": line["paid"],
                "port": given["port"],
                "address": given[here],
                "peer": given[there],
                "interface": pinned,
                "mark": None if pinned is None else MARK + place + 1,
                "mtu": min(line["mtu"], far["mtu"]) - OVERHEAD,
                "endpoints": far["addresses"] if side == "local" else [],
                "preference": PREFERENCES[number],
            }
        )
    return found


def tables(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a server must know of its own lines: interface, gateway, routing table."""
    return [
        {"interface": line["interface"], "gateway": line.get("gateway"), "table": MARK + number + 1}
        for number, line in enumerate(lines)
        if line.get("interface")
    ]


def both_ends(
    settings: Mapping[str, Any], addresses: Mapping[str, Any], service_uplinks: object
) -> dict[str, Any]:
    """The `lines` of a commune's server and the tunnels as `local` and `remote` must hold them.

    Without a commune's settings, the lines of the REMOTE server. Without an address plan there are none.
    """
    if not settings:
        front = uplinks_of(service_uplinks, addresses.get("pools", ())) if addresses else []
        return {"lines": tables(front), "local": [], "remote": []}
    if not addresses:
        return {"lines": [], "local": [], "remote": []}
    ends = {side: tunnels(settings, addresses, service_uplinks, side) for side in SIDES}
    return {"lines": tables(usable(settings)), **ends}


def for_agent(ends: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """One side's tunnels as the service that looks at them reads it; `keys` are the other side's."""
    wanted = ("number", "name", "kind", "paid", "peer", "port", "mtu", "endpoints")
    return [
        {**{name: end[name] for name in wanted}, "peer_key": key} for end, key in zip(ends, keys, strict=True)
    ]
