# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines and networks a testbed has: a topology file, with the numbers of one testbed filled in."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .host import CHECKOUT, HERE, STATE, TestbedError, podman

LABEL = "ccpp.testbed"
COMMUNE = "saint-exemple"

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

# Field -> its type, in each table of a topology file.
TABLES: dict[str, type] = {"networks": dict, "communes": dict, "machines": dict}
NETWORK: dict[str, type] = {"internal": bool, "ipv4": str, "ipv6": str}
COMMUNES: dict[str, type] = {"variables": dict}
MACHINE: dict[str, type] = {
    "inventory_name": str,
    "networks": dict,
    "commune": str,
    "groups": list,
    "server": bool,
    "forward": bool,
    "routes": dict,
    "variables": dict,
}
REFERENCE = re.compile(r"\{([a-z0-9-]+)\.([a-z0-9]+)(\.ipv6)?\}")


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
    server: bool = False
    """Gets blank disks where the testbed is created with some."""
    groups: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    """Of its host in the inventory overlay."""
    forward: bool = False
    routes: dict[str, str] = field(default_factory=dict)
    """Destination -> the next machine's address."""

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

    @property
    def footprint(self) -> str:
        """Its networks in one line, for a label: enough to take them away when nothing else is left."""
        return json.dumps(
            {short: [str(subnet) for subnet in network.subnets] for short, network in self.networks.items()}
        )


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


def check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,20}", name):
        raise TestbedError(f"{name!r} is no name for a testbed (use lower-case letters, digits and dashes)")


def kept(name: str) -> Path:
    """The topology that the testbed was last created with: an edit must not hide the machines that run."""
    return STATE / name / "topology.toml"


def keep(name: str, text: str) -> None:
    kept(name).parent.mkdir(parents=True, exist_ok=True)
    kept(name).write_text(text, encoding="utf-8")


def chosen(name: str, commune: str = COMMUNE, file: Path | None = None) -> str:
    """What a new testbed of this name is made from: this file, the Molecule scenario's own, or the usual one.

    Only {n} is left open in it.
    """
    check_name(name)
    own = CHECKOUT / "molecule" / name / "topology.toml"
    path = file or (own if own.exists() else HERE / "topology.toml")
    try:
        text = path.read_text(encoding="utf-8").replace("{commune}", commune)
    except (OSError, UnicodeDecodeError) as error:
        raise TestbedError(f"{path}: cannot be read: {error}") from None
    build(text, str(path), name, key_of(name), 1)
    return text


def load(name: str, *, key: str | None = None, avoid: Collection[int] = ()) -> Topology:
    """The testbed's topology, as it was created or would be."""
    check_name(name)
    key = key or key_of(name)
    there = kept(name)
    text = there.read_text(encoding="utf-8") if there.exists() else chosen(name)
    return build(text, str(there), name, key, number_of(key, avoid))


def remembered(labels: Mapping[str, str]) -> Topology:
    """The networks of a testbed whose files are gone, from the labels of what is left of it."""
    key, name, number = labels[LABEL], labels[f"{LABEL}.name"], int(labels[f"{LABEL}.number"])
    if f"{LABEL}.networks" not in labels:
        return build((HERE / "topology.toml").read_text(encoding="utf-8"), "", name, key, number)
    networks = {
        short: Network(short, f"ccpp-{key}-{short}", True, tuple(map(ipaddress.ip_network, subnets)))
        for short, subnets in json.loads(labels[f"{LABEL}.networks"]).items()
    }
    return Topology(name, key, number, networks, {})


def build(text: str, where: str, name: str, key: str, number: int) -> Topology:
    """The topology that the text describes; TestbedError names the place of a mistake in it."""
    try:
        data = tomllib.loads(text.replace("{n}", str(number)))
    except tomllib.TOMLDecodeError as error:
        raise TestbedError(f"{where}: {error}") from None
    check(data, TABLES, where)
    networks = {
        short: read_network(value, f"{where}: networks.{short}", short, f"ccpp-{key}-{short}")
        for short, value in data.get("networks", {}).items()
    }
    addresses = {
        short: read_addresses(value, f"{where}: machines.{short}", networks)
        for short, value in data.get("machines", {}).items()
    }
    communes = data.get("communes", {})
    for slug, value in communes.items():
        check(value, COMMUNES, f"{where}: communes.{slug}")
    machines = {
        short: read_machine(
            value, f"{where}: machines.{short}", short, f"ccpp-{key}-{short}", addresses, communes
        )
        for short, value in data["machines"].items()
    }
    return Topology(name, key, number, networks, machines)


def check(value: object, fields: Mapping[str, type], where: str) -> None:
    if not isinstance(value, dict):
        raise TestbedError(f"{where}: must be a table")
    for given, content in value.items():
        if given not in fields:
            raise TestbedError(f"{where}: {given!r} is unknown (use {', '.join(fields)})")
        if not isinstance(content, fields[given]):
            raise TestbedError(f"{where}: {given}: {content!r} is not a {fields[given].__name__}")


def read_network(value: dict[str, Any], where: str, short: str, full_name: str) -> Network:
    check(value, NETWORK, where)
    # The network names the interface of each of its machines.
    if not re.fullmatch(r"[a-z][a-z0-9]{0,13}", short):
        raise TestbedError(f"{where}: use up to 14 lower-case letters and digits as its name")
    try:
        subnets = tuple(ipaddress.ip_network(value[kind]) for kind in ("ipv4", "ipv6") if kind in value)
    except ValueError as error:
        raise TestbedError(f"{where}: {error}") from None
    if not subnets:
        raise TestbedError(f"{where}: give it ipv4, ipv6 or both")
    return Network(short, full_name, value.get("internal", True), subnets)


def read_addresses(
    value: dict[str, Any], where: str, networks: Mapping[str, Network]
) -> dict[str, tuple[str, ...]]:
    check(value, MACHINE, where)
    if "inventory_name" not in value or "admin" not in value.get("networks", {}):
        raise TestbedError(f"{where}: needs an inventory_name, and the network admin among its networks")
    found = {}
    for network, number in value["networks"].items():
        if network not in networks:
            raise TestbedError(f"{where}: networks: there is no network {network!r}")
        try:
            found[network] = tuple(str(subnet[number]) for subnet in networks[network].subnets)
        except (IndexError, TypeError):
            raise TestbedError(f"{where}: networks.{network}: {number!r} is no host number there") from None
    return found


def read_machine(
    value: dict[str, Any],
    where: str,
    short: str,
    full_name: str,
    addresses: Mapping[str, Mapping[str, tuple[str, ...]]],
    communes: Mapping[str, Any],
) -> Machine:
    def resolve(text: object) -> str:
        return REFERENCE.sub(address_of, str(text))

    def address_of(found: re.Match[str]) -> str:
        given = addresses.get(found[1], {}).get(found[2], ())
        wanted = [one for one in given if (":" in one) == bool(found[3])]
        if not wanted:
            raise TestbedError(f"{where}: there is no address {found[0]}")
        return wanted[0]

    commune = value.get("commune")
    if commune is not None and commune not in communes:
        raise TestbedError(f"{where}: commune: there is no commune {commune!r}")
    shared = communes[commune].get("variables", {}) if commune is not None else {}
    return Machine(
        short,
        full_name,
        value["inventory_name"],
        dict(addresses[short]),
        server=value.get("server", False),
        groups=tuple(value.get("groups", ())),
        variables={
            name: resolve(content) for name, content in {**shared, **value.get("variables", {})}.items()
        },
        forward=value.get("forward", False),
        routes={resolve(target): resolve(via) for target, via in value.get("routes", {}).items()},
    )


def existing_names() -> list[str]:
    """The testbeds that this checkout has a state directory for."""
    return sorted(
        path.name for path in STATE.glob("*") if path.is_dir() and re.fullmatch(r"[a-z][a-z0-9-]*", path.name)
    )
