# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blank disks for the servers of a testbed: sparse files behind loop devices.

Loop devices are the host's: they are found again by the files behind them, which lie in the testbed's state
directory, and go with it.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import access, traces
from .host import TestbedError, as_root, podman, run
from .topology import Machine, Topology

SIZE = 2**30

# /dev is made anew at every start of the machine, and udev, which would name the disks, does not run there.
NAMES = "/etc/tmpfiles.d/testbed-disks.conf"


def attach(topology: Topology, count: int) -> dict[str, list[str]]:
    """Make the files and attach those that are not attached; the servers' devices, in their order."""
    folder = access.state_directory(topology.name) / "disks"
    folder.mkdir(parents=True, exist_ok=True)
    attached = devices_behind(folder)
    servers = [machine.name for machine in topology.machines.values() if machine.server]
    found: dict[str, list[str]] = {name: [] for name in servers}
    for name in servers:
        for number in range(1, count + 1):
            file = folder / f"{name}-{number}.img"
            if not file.exists():
                with file.open("wb") as handle:
                    handle.truncate(SIZE)
            found[name].append(attached.get(str(file)) or attach_file(file))
    return found


def devices_behind(folder: Path) -> dict[str, str]:
    """Files in the folder to the loop devices in front of them."""
    said = traces.root("losetup", "--json", "--list", "--output=NAME,BACK-FILE").stdout
    return {
        str(one["back-file"]): str(one["name"])
        for one in json.loads(said or "{}").get("loopdevices", [])
        if str(one["back-file"]).startswith(f"{folder}/")
    }


def attach_file(file: Path) -> str:
    return run(as_root(["losetup", "--find", "--show", str(file)])).stdout.strip()


def name_them(machine: Machine, devices: list[str]) -> None:
    """Give the machine's disks the stable names /dev/disk/by-id/testbed-1, -2..., now and at every start."""
    lines = ["d /dev/disk/by-id 0755 root root"]
    for number, device in enumerate(devices, 1):
        lines.append(f"b {device} 0660 root disk - 7:{device.removeprefix('/dev/loop')}")
        lines.append(f"L+ /dev/disk/by-id/testbed-{number} - - - - {device}")
    script = f"cat > {NAMES} && systemd-tmpfiles --create {NAMES}"
    done = podman(
        *("exec", "--interactive", machine.full_name, "sh", "-c", script),
        check=False,
        stdin="\n".join(lines) + "\n",
    )
    if done.returncode != 0:
        raise TestbedError(f"machine {machine.full_name} does not see its disks: {done.stderr.strip()[:200]}")
