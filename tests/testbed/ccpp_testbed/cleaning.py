# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a testbed away without a trace, also when the run that made it was killed in the middle."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from . import access, image, traces
from .host import HERE, has_podman, podman, require_root, say
from .topology import LABEL, Topology, all_labels, existing_names, key_of, load, remembered


def listed(kind: str, key: str | None = None) -> list[str]:
    """Names of our containers (ps) or networks: of one testbed, or of all on this host."""
    label = f"label={LABEL}" if key is None else f"label={LABEL}={key}"
    form = "{{.Names}}" if kind == "ps" else "{{.Name}}"
    command = ["ps", "--all"] if kind == "ps" else [kind, "ls"]
    return podman(*command, "--filter", label, "--format", form, check=False).stdout.split()


def remove(topology: Topology, *, keep_state: bool = False) -> None:
    """Remove the machines and networks of one testbed, and what a killed run left of them on the host."""
    # A container whose processes were killed from outside sometimes needs a second word.
    for _attempt in range(2):
        containers = listed("ps", topology.key)
        if containers:
            podman("rm", "--force", "--time=0", "--volumes", *containers, check=False)
    networks = listed("network", topology.key)
    bridges = traces.bridges_of(networks) | remembered_bridges(topology)
    if networks:
        podman("network", "rm", "--force", *networks, check=False)
    traces.remove_namespaces(topology)
    traces.remove_bridges(bridges, topology.subnets)
    traces.remove_leases(topology)
    traces.remove_firewall_rules(topology.subnets)
    if topology.key != key_of(topology.name):
        return
    state = access.state_directory(topology.name)
    traces.detach_loop_devices(state)
    if not keep_state:
        shutil.rmtree(state, ignore_errors=True)
        if state.exists():
            traces.root("rm", "-rf", "--one-file-system", str(state))


def remove_orphans() -> None:
    """Remove the testbeds whose checkout is gone."""
    orphans = {
        labels[LABEL]: labels for labels in all_labels() if not Path(labels[f"{LABEL}.state"]).is_dir()
    }
    for key, labels in orphans.items():
        remove(remembered(labels))
        traces.detach_loop_devices(Path(labels[f"{LABEL}.state"]))
        say(f"removed testbed {key}: its checkout is gone")


def clean(names: Iterable[str] = (), *, images: bool = False) -> None:
    """Remove these testbeds, or all of this checkout; with the last one also what they shared on the host."""
    image.remove_build_directory()
    if not has_podman():
        return
    require_root([])
    remove_orphans()
    started = {labels[f"{LABEL}.name"] for labels in all_labels() if is_own(labels)}
    for name in sorted(names) or sorted(started | set(existing_names())):
        remove(load(name))
        say(f"removed testbed {name}")
    if images:
        image.forget()
    if not listed("ps"):
        traces.root(str(HERE / "in-cgroup2"), "--forget")


def is_own(labels: dict[str, str]) -> bool:
    return labels[LABEL] == key_of(labels[f"{LABEL}.name"])


def remember_bridges(topology: Topology) -> None:
    """Note the bridges before they exist, so that they can be removed should podman forget the networks."""
    bridges = traces.bridges_of([network.full_name for network in topology.networks.values()])
    noted = access.state_directory(topology.name) / "bridges"
    noted.write_text("\n".join(sorted(bridges)), encoding="utf-8")


def remembered_bridges(topology: Topology) -> set[str]:
    noted = access.state_directory(topology.name) / "bridges"
    return set(noted.read_text(encoding="utf-8").split()) if noted.exists() else set()
