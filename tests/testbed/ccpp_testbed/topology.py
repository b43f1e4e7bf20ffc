# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines and networks a testbed has: topology.toml, with the numbers of one testbed filled in."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass

from .host import HERE, STATE, TestbedError, podman

LABEL = "ccpp.testbed"

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Network:
    name: str
    full_name: str
    internal: bool
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True)
class Machine:
    name: str
    full_name: str
    inventory_name: str
    addresses: dict[str, tuple[str, ...]]
    """Network name -> the machine's IPv4 and IPv6 address there, in the order of the interfaces."""

    def mac(self, network: str) -> str:
        """Always the same, so that no neighbour keeps an old one when a machine starts again."""
        digest = hashlib.sha256(f"{self.full_name} {network}".encode()).hexdigest()
        return ":".join(["02", "63", *(digest[start : start + 2] for start in range(0, 8, 2))])


@dataclass(frozen=True)
class Topology:
    name: str
    key: str
    number: int
    networks: dict[str, Network]
    machines: dict[str, Machine]

    @property
    def subnets(self) -> list[Subnet]:
        return [subnet for network in self.networks.values() for subnet in network.subnets]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def all_labels() -> list[dict[str, str]]:
    """The labels of every machine and network of any testbed on this host."""
    found = []
    for kind in (("ps", "--all"), ("network", "ls")):
        said = podman(*kind, "--filter", f"label={LABEL}.number", "--format", "json", check=False).stdout
        found += [
            entry.get("Labels") or entry.get("labels") or {} for entry in json.loads(said or "null") or []
        ]
    return found


def key_of(name: str) -> str:
    """The testbed's name on this host: another checkout may have a testbed of the same name."""
    return f"{name}-{hashlib.sha256(str(STATE).encode()).hexdigest()[:4]}"


def number_of(key: str, avoid: Collection[int]) -> int:
    """As the networks of this testbed have it, or one that no other testbed on this host uses."""
    numbers = {labels[LABEL]: int(labels[f"{LABEL}.number"]) for labels in all_labels()}
    if key in numbers:
        return numbers[key]
    first = int(hashlib.sha256(key.encode()).hexdigest(), 16)
    candidates = (1 + (first + step) % 250 for step in range(250))
    return next(number for number in candidates if number not in numbers.values() and number not in avoid)


def load(
    name: str, commune: str = "saint-exemple", *, key: str | None = None, avoid: Collection[int] = ()
) -> Topology:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,20}", name):
        raise TestbedError(f"{name!r} is no name for a testbed (use lower-case letters, digits and dashes)")
    key = key or key_of(name)
    number = number_of(key, avoid)
    text = (HERE / "topology.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text.replace("{n}", str(number)).replace("{commune}", commune))
    prefix = f"ccpp-{key}"
    networks = {
        short: Network(
            short,
            f"{prefix}-{short}",
            value["internal"],
            tuple(ipaddress.ip_network(value[kind]) for kind in ("ipv4", "ipv6") if kind in value),
        )
        for short, value in data["networks"].items()
    }
    machines = {
        short: Machine(
            short,
            f"{prefix}-{short}",
            value["inventory_name"],
            {
                network: tuple(str(subnet[host]) for subnet in networks[network].subnets)
                for network, host in value["networks"].items()
            },
        )
        for short, value in data["machines"].items()
    }
    return Topology(name, key, number, networks, machines)


def existing_names() -> list[str]:
    """The testbeds that this checkout has a state directory for."""
    return sorted(
        path.name for path in STATE.glob("*") if path.is_dir() and re.fullmatch(r"[a-z][a-z0-9-]*", path.name)
    )
