# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers leave on the host when the process that started them was killed: found and removed here."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .host import HERE, as_root, podman, run
from .topology import Subnet, Topology

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LEASES = Path("/var/lib/cni/networks")
NAMESPACES = Path("/run/netns")
WRAPPER = str(HERE / "in-cgroup2")
# podman notes a container's network namespace within a second of making it; before, it looks lost.
GRACE = 4.0
PLUGIN = re.compile(r"\b(CNI|NETAVARK)[-_]")
CHAIN = re.compile(r"(CNI|NETAVARK)-[0-9A-Fa-f]+")


def root(*command: str) -> subprocess.CompletedProcess[str]:
    return run(as_root(list(command)), check=False)


def network_details(networks: list[str]) -> list[dict[str, Any]]:
    said = podman("network", "inspect", *networks, check=False).stdout if networks else ""
    details = json.loads(said or "[]")
    assert isinstance(details, list)
    return details


def bridges_of(networks: list[str] | None) -> set[str]:
    """The bridges of these networks; None stands for every network of podman."""
    if networks is None:
        networks = podman("network", "ls", "--format", "{{.Name}}", check=False).stdout.split()
    return {one["network_interface"] for one in network_details(networks) if one.get("network_interface")}


def links(namespace: Path | None) -> dict[str, list[Address]] | None:
    """Links but lo, with their addresses, of a network namespace (None: the host's); None if it is none."""
    command = ["ip", "-json", "address"]
    if namespace is not None:
        command = [WRAPPER, "nsenter", f"--net={namespace}", *command]
    said = root(*command)
    if said.returncode != 0:
        return None
    return {
        link["ifname"]: [
            ipaddress.ip_address(info["local"]) for info in link["addr_info"] if info.get("scope") == "global"
        ]
        for link in json.loads(said.stdout or "[]")
        if link.get("ifname", "lo") != "lo"
    }


def remove_bridges(bridges: Iterable[str], subnets: list[Subnet]) -> None:
    """Delete these bridges, and podman's with an address in the subnets, unless a network owns them."""
    owned = bridges_of(None)
    for link, addresses in (links(None) or {}).items():
        named = link.startswith(("podman", "cni-podman"))
        ours = link in bridges or any(one in subnet for one in addresses for subnet in subnets)
        if named and ours and link not in owned:
            root("ip", "link", "delete", link)


def remove_namespaces(topology: Topology) -> None:
    """Delete network namespaces that no container has and that hold no links but this testbed's."""
    lost = [path for path in unowned_namespaces() if is_of(topology, path)]
    if not lost:
        return
    time.sleep(GRACE)
    for path in set(lost) & set(unowned_namespaces()):
        root(WRAPPER, "umount", "--lazy", str(path))
        root("rm", "-f", str(path))


def unowned_namespaces() -> list[Path]:
    found = [path for path in NAMESPACES.glob("*-*") if path.name.startswith(("cni-", "netns-"))]
    if not found:
        return []
    containers = podman("ps", "--all", "--quiet", check=False).stdout.split()
    form = "{{.NetworkSettings.SandboxKey}}"
    owned = podman("inspect", "--format", form, *containers, check=False).stdout.split() if containers else []
    return [path for path in found if str(path) not in owned]


def is_of(topology: Topology, namespace: Path) -> bool:
    inside = links(namespace)
    if inside is None:
        # An empty file is where a namespace was bound inside a mount namespace that is gone.
        return namespace.is_file() and namespace.stat().st_size == 0
    return set(inside) <= set(topology.networks) and all(
        any(address in subnet for subnet in topology.subnets)
        for addresses in inside.values()
        for address in addresses
    )


def remove_leases(topology: Topology) -> None:
    for network in topology.networks.values():
        root("rm", "-rf", str(LEASES / network.full_name))


def remove_firewall_rules(subnets: list[Subnet]) -> None:
    """Delete the packet filter rules that podman's network plugins made for addresses in these subnets."""
    for family, version in (("iptables", 4), ("ip6tables", 6)):
        ours = [subnet for subnet in subnets if subnet.version == version]
        table = ""
        chains: set[tuple[str, str]] = set()
        for line in root(f"{family}-save").stdout.splitlines() if ours else []:
            if line.startswith("*"):
                table = line[1:]
            words = shlex.split(line) if line.startswith("-A") and PLUGIN.search(line) else []
            if not any(is_within(word, ours) for word in words):
                continue
            chains |= {(table, word) for word in words if CHAIN.fullmatch(word)}
            root(family, "--table", table, "--delete", *words[1:])
        for table, chain in sorted(chains):
            root(family, "--table", table, "--flush", chain)
            root(family, "--table", table, "--delete-chain", chain)


def is_within(word: str, subnets: list[Subnet]) -> bool:
    try:
        found = ipaddress.ip_network(word)
    except ValueError:
        return False
    return any(found.subnet_of(subnet) for subnet in subnets)  # type: ignore[arg-type]  # same version by the caller


def detach_loop_devices(directory: Path) -> None:
    said = root("losetup", "--json", "--list", "--output=NAME,BACK-FILE").stdout
    for device in json.loads(said or "{}").get("loopdevices", []):
        if str(device["back-file"]).startswith(f"{directory}/"):
            root("losetup", "--detach", device["name"])
