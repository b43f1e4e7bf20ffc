# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a testbed away without a trace, also when the run that made it was killed in the middle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from . import access, image, traces
from .host import HERE, STATE, podman, say
from .topology import LABEL, Topology, existing_names, load


def listed(kind: str, name: str | None = None) -> list[str]:
    """Names of our containers (ps) or networks: of one testbed, or of all."""
    label = f"label={LABEL}" if name is None else f"label={LABEL}={name}"
    form = "{{.Names}}" if kind == "ps" else "{{.Name}}"
    command = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
    return podman(*command, "--filter", label, "--format", form, check=False).stdout.split()


def remove_testbed(name: str, *, keep_state: bool = False) -> None:
    """Remove the machines and networks of one testbed, and what a killed run left of them on the host."""
    # A container whose processes were killed from outside sometimes needs a second word.
    for _attempt in range(2):
        containers = listed("ps", name)
        if containers:
            podman("rm", "--force", "--time=0", "--volumes", *containers, check=False)
    topology = load(name)
    networks = listed("network", name)
    bridges = traces.bridges_of(networks) | remembered_bridges(name)
    if networks:
        podman("network", "rm", "--force", *networks, check=False)
    subnets = [subnet for network in topology.networks.values() for subnet in network.subnets]
    traces.remove_namespaces(topology)
    traces.remove_bridges(bridges, subnets)
    traces.remove_all_leases(name)
    traces.remove_firewall_rules(subnets)
    traces.detach_loop_devices(access.state_directory(name))
    if not keep_state:
        shutil.rmtree(access.state_directory(name), ignore_errors=True)
        if access.state_directory(name).exists():
            traces.root("rm", "-rf", "--one-file-system", str(access.state_directory(name)))
        (STATE / f"{name}.lock").unlink(missing_ok=True)


def known_testbeds() -> list[str]:
    """The testbeds of this checkout, and those whose own checkout is gone."""
    names = set(existing_names()) - {image.build_directory().name}
    for kind in (["ps", "--all"], ["network", "ls"]):
        said = podman(*kind, "--filter", f"label={LABEL}", "--format", "json", check=False).stdout
        for entry in json.loads(said or "null") or []:
            its = entry.get("Labels") or entry.get("labels") or {}
            state = Path(its.get(f"{LABEL}.state", "/nowhere"))
            if state.parent == STATE or not state.is_dir():
                names.add(its[LABEL])
    return sorted(names)


def clean(names: Iterable[str] = (), *, images: bool = False) -> None:
    """Remove these testbeds, or all of this checkout; with the last one also what they shared on the host."""
    for name in list(names) or known_testbeds():
        remove_testbed(name)
        say(f"removed testbed {name}")
    image.remove_build_directory()
    if images:
        image.forget()
    if not listed("ps"):
        traces.root(str(HERE / "in-cgroup2"), "--forget")


def remember_bridges(topology: Topology) -> None:
    """Note the bridges before they exist, so that they can be removed should podman forget the networks."""
    bridges = traces.bridges_of([network.full_name for network in topology.networks.values()])
    noted = access.state_directory(topology.name) / "bridges"
    noted.write_text("\n".join(sorted(bridges)), encoding="utf-8")


def remembered_bridges(name: str) -> set[str]:
    noted = access.state_directory(name) / "bridges"
    return set(noted.read_text(encoding="utf-8").split()) if noted.exists() else set()
