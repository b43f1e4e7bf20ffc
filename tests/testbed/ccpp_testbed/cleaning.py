# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a testbed away without a trace, also when the run that made it was killed in the middle of anything."""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from . import access, image
from .host import HERE, STATE, as_root, podman, run, say
from .topology import LABEL, Machine, Topology, existing_names

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

LEASES = Path("/var/lib/cni/networks")
NAMESPACES = Path("/run/netns")


def root(*command: str) -> subprocess.CompletedProcess[str]:
    return run(as_root(list(command)), check=False)


def listed(kind: str, name: str | None = None) -> list[str]:
    """Names of our containers, networks or volumes: of one testbed, or of all."""
    label = f"label={LABEL}" if name is None else f"label={LABEL}={name}"
    form = "{{.Names}}" if kind == "ps" else "{{.Name}}"
    command = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
    return podman(*command, "--filter", label, "--format", form, check=False).stdout.split()


def remove_testbed(name: str, *, keep_state: bool = False) -> None:
    """Remove every machine, network, lease, bridge, namespace and loop device of one testbed."""
    containers = listed("ps", name)
    if containers:
        podman("rm", "--force", "--time=0", "--volumes", *containers, check=False)
        # A container whose processes were killed from outside sometimes needs a second word.
        for left in listed("ps", name):
            podman("rm", "--force", "--time=0", "--volumes", left, check=False)
    networks = listed("network", name)
    subnets = subnets_of(networks)
    bridges = bridges_of(networks) | remembered_bridges(name)
    if networks:
        podman("network", "rm", "--force", *networks, check=False)
    remove_namespaces_with(subnets)
    for bridge in sorted(bridges - bridges_of(None)):
        root("ip", "link", "delete", bridge)
    for leases in sorted(LEASES.glob(f"ccpp-{name}-*")) if LEASES.exists() else []:
        root("rm", "-rf", str(leases))
    detach_loop_devices(access.state_directory(name))
    if not keep_state:
        shutil.rmtree(access.state_directory(name), ignore_errors=True)
        if access.state_directory(name).exists():
            root("rm", "-rf", "--one-file-system", str(access.state_directory(name)))


def known_testbeds() -> list[str]:
    """The testbeds of this checkout, and those whose own checkout is gone."""
    names = set(existing_names()) - {image.build_directory().name}
    form = "{{.Labels}}"
    for kind in (["ps", "--all"], ["network", "ls"]):
        said = podman(*kind, "--filter", f"label={LABEL}", "--format", "json", check=False).stdout
        for entry in json.loads(said or "null") or []:
            its = entry.get("Labels") or entry.get("labels") or {}
            state = Path(its.get(f"{LABEL}.state", form))
            if state.parent == STATE or not state.is_dir():
                names.add(its[LABEL])
    return sorted(names)


def clean(names: Iterable[str] = (), *, images: bool = False) -> None:
    chosen = list(names) or known_testbeds()
    for name in chosen:
        remove_testbed(name)
        say(f"removed testbed {name}")
    image.remove_build_directory()
    if images:
        image.forget()
    if listed("ps"):
        return
    root(str(HERE / "in-cgroup2"), "--forget")
    for left in NAMESPACES.glob("*-*") if NAMESPACES.exists() else []:
        # An empty file is where a network namespace was bound inside the mount namespace that is now gone.
        if left.name.startswith(("cni-", "netns-")) and not is_namespace(left):
            root("rm", "-f", str(left))


def detach_loop_devices(directory: Path) -> None:
    said = run(as_root(["losetup", "--json", "--list", "--output=NAME,BACK-FILE"]), check=False).stdout
    for device in json.loads(said or "{}").get("loopdevices", []):
        if str(device["back-file"]).startswith(f"{directory}/"):
            root("losetup", "--detach", device["name"])


def subnets_of(networks: list[str]) -> list[Subnet]:
    found = []
    for network in network_details(networks):
        found += [ipaddress.ip_network(subnet["subnet"]) for subnet in network.get("subnets") or []]
    return found


def bridges_of(networks: list[str] | None) -> set[str]:
    """The bridges of these networks; None stands for every network of podman."""
    if networks is None:
        networks = podman("network", "ls", "--format", "{{.Name}}", check=False).stdout.split()
    return {network["network_interface"] for network in network_details(networks) if network.get("network_interface")}


def network_details(networks: list[str]) -> list[dict[str, object]]:
    said = podman("network", "inspect", *networks, check=False).stdout if networks else ""
    details = json.loads(said or "[]")
    assert isinstance(details, list)
    return details


def remember_bridges(topology: Topology) -> None:
    """Note the bridges before any link exists, so that they can be removed should podman forget the networks."""
    bridges = bridges_of([network.full_name for network in topology.networks.values()])
    (access.state_directory(topology.name) / "bridges").write_text("\n".join(sorted(bridges)), encoding="utf-8")


def remembered_bridges(name: str) -> set[str]:
    noted = access.state_directory(name) / "bridges"
    return set(noted.read_text(encoding="utf-8").split()) if noted.exists() else set()


def addresses_in(namespace: Path | None) -> list[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    """Link name and address of everything in a network namespace; None is the host's own."""
    command = ["ip", "-json", "address"]
    if namespace is not None:
        command = [str(HERE / "in-cgroup2"), "nsenter", f"--net={namespace}", *command]
    links = json.loads(root(*command).stdout or "[]")
    return [(link["ifname"], ipaddress.ip_address(info["local"])) for link in links for info in link.get("addr_info", [])]


def remove_bridges_with(subnets: Iterable[Subnet]) -> None:
    """Delete bridges that no network of podman owns but that have an address in one of these subnets."""
    owned = bridges_of(None)
    for link, address in addresses_in(None):
        ours = link.startswith(("podman", "cni-podman")) and link not in owned
        if ours and any(address in subnet for subnet in subnets):
            root("ip", "link", "delete", link)


def is_namespace(path: Path) -> bool:
    said = root(str(HERE / "in-cgroup2"), "stat", "--file-system", "--format=%T", str(path)).stdout
    return said.strip() == "nsfs"


def remove_namespaces_with(subnets: list[Subnet]) -> None:
    """Delete network namespaces of containers that podman no longer knows, told by the addresses in them."""
    for path in sorted(NAMESPACES.glob("*-*")) if subnets and NAMESPACES.exists() else []:
        if path.name.startswith(("cni-", "netns-")) and any(
            address in subnet for _link, address in addresses_in(path) for subnet in subnets
        ):
            root(str(HERE / "in-cgroup2"), "umount", "--lazy", str(path))
            root("rm", "-f", str(path))


def remove_leases(machine: Machine, topology: Topology) -> None:
    for network, addresses in machine.addresses.items():
        for address in addresses:
            root("rm", "-f", str(LEASES / topology.networks[network].full_name / address))
