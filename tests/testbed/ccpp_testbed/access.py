# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How people and Ansible reach the machines: a key of the testbed's own, known hosts, an inventory."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
from pathlib import Path

from .host import STATE, TestbedError, run
from .topology import Machine, Topology

USER = "admin"


def state_directory(name: str) -> Path:
    return STATE / name


def ensure_vault_password(name: str) -> Path:
    """A vault password of the testbed's own, made at the first call."""
    path = state_directory(name) / "vault-password"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"{os.urandom(24).hex()}\n")
    return path


def ensure_inventory(name: str) -> Path:
    """What a playbook needs even before there are machines: a vault password and an overlay, empty as yet."""
    ensure_vault_password(name)
    path = state_directory(name) / "hosts.yml"
    if not path.exists():
        path.write_text("---\nall: {}\n", encoding="utf-8")
    return path


def ensure_key(name: str) -> str:
    """The public half of the testbed's SSH key, made at the first call."""
    key = state_directory(name) / "ssh_key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.parent.chmod(0o700)
    if not key.exists() or not key.with_suffix(".pub").exists():
        key.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"testbed {name}", "-f", str(key)])
    return key.with_suffix(".pub").read_text(encoding="utf-8").strip()


def address(machine: Machine) -> str:
    return machine.addresses["admin"][0]


def write(topology: Topology, host_keys: dict[str, str]) -> None:
    """Write known_hosts, ssh_config and hosts.yml into the state directory."""
    directory = state_directory(topology.name)
    machines = topology.machines.values()
    ensure_vault_password(topology.name)
    known = directory / "known_hosts"
    key = directory / "ssh_key"
    known.write_text(
        "".join(f"{address(m)},{m.inventory_name},{m.name} {host_keys[m.name]}\n" for m in machines),
        encoding="utf-8",
    )
    # Sockets of machines that are gone must not be met again; a long path does not fit in a socket's name.
    sockets = directory / "cp"
    short = len(str(sockets)) < 50
    shared = f"  ControlMaster auto\n  ControlPersist 60\n  ControlPath {sockets}/%C\n" if short else ""
    shutil.rmtree(sockets, ignore_errors=True)
    sockets.mkdir(mode=0o700)
    (directory / "ssh_config").write_text(
        "".join(
            f"Host {m.name} {m.inventory_name}\n  HostName {address(m)}\n  HostKeyAlias {m.inventory_name}\n"
            for m in machines
        )
        + f"Host *\n  User {USER}\n  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
        "  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  BatchMode yes\n"
        f"  LogLevel ERROR\n  ConnectTimeout 5\n{shared}",
        encoding="utf-8",
    )
    arguments = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes"
    control = [f"      ansible_control_path_dir: {sockets}"] if short else []
    lines = [
        "---",
        "# Where a testbed's machines are reached and its secrets kept; goes on top of the real inventory.",
        "all:",
        "  hosts:",
    ]
    for machine in machines:
        lines += [
            f"    {machine.inventory_name}:",
            f"      ansible_host: {address(machine)}",
            f"      ansible_user: {USER}",
            f"      ansible_ssh_private_key_file: {key}",
            f"      ansible_ssh_common_args: {arguments}",
            "      ansible_python_interpreter: /usr/bin/python3",
            *control,
            # As variables of each host, because group_vars/all.yml would win over a group's.
            *(
                f"      {name}: {json.dumps(content)}"
                for name, content in variables(machine, topology).items()
            ),
            f"      secrets_directory: {directory}/secrets",
            f"      pki_directory: {directory}/pki",
            f"      kit_directory: {directory}/kits",
            f"      link_keys_directory: {directory}/links",
        ]
    groups: dict[str, list[str]] = {}
    for machine in machines:
        for group in machine.groups:
            groups.setdefault(group, []).append(machine.inventory_name)
    lines += ["  children:"] if groups else []
    for group, members in groups.items():
        lines += [f"    {group}:", "      hosts:", *(f"        {member}:" for member in members)]
    (directory / "hosts.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def variables(machine: Machine, topology: Topology) -> dict[str, object]:
    """Inventory variables: where the firewall's zones are here, and what the topology says of the machine."""
    remote = topology.machines.get("remote")
    outside = remote.addresses if remote else {}
    lan = machine.variables.get("commune_lan_address")
    town_hall = [
        str(subnet)
        for network in topology.networks.values()
        if lan and any(ipaddress.ip_address(lan) in subnet for subnet in network.subnets)
        for subnet in network.subnets
    ]
    return {
        "service_admin_networks": [str(subnet) for subnet in topology.networks["admin"].subnets],
        "service_remote_addresses": [one for name in outside if name != "admin" for one in outside[name]],
        **({"commune_lan_networks": town_hall} if town_hall else {}),
        # Its signatures come from the internet. A topology that brings a database of its own turns it on.
        "service_antivirus_enabled": False,
        **machine.variables,
    }


def ssh_command(name: str, machine: str, *command: str) -> list[str]:
    config = state_directory(name) / "ssh_config"
    if not config.exists():
        raise TestbedError(
            f"testbed {name} has no machines; start them with: tests/testbed/testbed create {name}"
        )
    return ["ssh", "-F", str(config), machine, *command]


def answers(name: str, machine: str) -> bool:
    # Without a shared connection, which might be that of a machine that is gone.
    command = [*ssh_command(name, machine)[:-1], "-o", "ControlPath=none", machine, "true"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
