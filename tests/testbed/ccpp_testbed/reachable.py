# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the flow matrix lets one machine of a testbed reach of another: what scans are held against."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

import yaml

from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix, networks, reach

from . import access, topology
from .host import CHECKOUT


def matrix_data() -> dict[str, Any]:
    text = (CHECKOUT / "roles" / "firewall" / "vars" / "main.yml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)["__firewall_matrix"]
    return data


@dataclass(frozen=True)
class Places:
    """The machines of a testbed whose servers' zones its converge has written down (zones-HOST.json)."""

    name: str

    def addresses(self, machine: str, *names: str) -> list[str]:
        """A machine's addresses of both versions, in these networks or in all."""
        known = topology.load(self.name).machines[machine].addresses
        return [one for name in names or known for one in known[name]]

    def loopback(self, machine: str) -> str:
        """Where a server is reached through the tunnels."""
        host = topology.load(self.name).machines[machine].inventory_name
        path = CHECKOUT / "molecule" / self.name / "inventory" / "allocation.yml"
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        place = given["remote"] if host == "remote" else given["communes"][host.removesuffix("-local")]
        return str(place["loopback"])

    def lets_in(self, machine: str, peer: str, protocol: str, *, inside: bool = False) -> set[int]:
        """The ports on which the matrix has the server hear this address; `inside`: in a tunnel."""
        return self._ports(machine, peer, protocol, incoming=True, inside=inside)

    def lets_out(self, machine: str, peer: str, protocol: str, *, inside: bool = False) -> set[int]:
        """The ports of this address that the matrix has the server reach."""
        return self._ports(machine, peer, protocol, incoming=False, inside=inside)

    def _ports(self, machine: str, peer: str, protocol: str, **how: bool) -> set[int]:
        host = topology.load(self.name).machines[machine].inventory_name
        path = access.state_directory(self.name) / f"zones-{host}.json"
        given = json.loads(path.read_text(encoding="utf-8"))
        known = matrix.parse(matrix_data(), ports=given["ports"])
        places = networks.locate(known.zones, given["zones"])
        switches = known.check_switches(given["switches"], "switches")
        found = reach.ports(known, given["server"], places, switches, peer, protocol, **how)
        return {port for ports in found for port in range(ports.first, ports.last + 1)}


def of_version(addresses: list[str], like: str) -> str:
    """The one that is of the same IP version as another address."""
    version = ipaddress.ip_address(like).version
    return next(one for one in addresses if ipaddress.ip_address(one).version == version)
