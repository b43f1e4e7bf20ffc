# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A topology file becomes machines with addresses, or one line that says what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testbed"))

from ccpp_testbed import access, topology
from ccpp_testbed.host import TestbedError

TWO_COMMUNES = """
[networks.admin]
internal = false
ipv4 = "10.103.{n}.0/24"
[networks.lan2]
ipv4 = "10.98.{n}.0/24"
ipv6 = "fd63:6370:2:{n}::/64"
[communes.bourg-exemple.variables]
commune_lan_address = "{local2.lan2}"
[machines.local2]
inventory_name = "bourg-exemple-local"
commune = "bourg-exemple"
networks = { admin = 11, lan2 = 11 }
server = true
variables = { own = "{local2.lan2.ipv6}" }
[machines.router]
inventory_name = "router"
networks = { lan2 = 2, admin = 2 }
groups = ["bystanders"]
forward = true
routes = { "10.111.{n}.0/24" = "{local2.lan2}" }
"""


def build(text: str) -> topology.Topology:
    return topology.build(text, "topology.toml", "t", "t-1234", 7)


def test_machines_have_their_addresses_in_every_network_and_their_communes_variables() -> None:
    made = build(TWO_COMMUNES)
    local2, router = made.machines["local2"], made.machines["router"]
    assert local2.addresses == {"admin": ("10.103.7.11",), "lan2": ("10.98.7.11", "fd63:6370:2:7::b")}
    assert local2.variables == {"commune_lan_address": "10.98.7.11", "own": "fd63:6370:2:7::b"}
    assert local2.server
    assert list(router.addresses) == ["lan2", "admin"]
    assert router.routes == {"10.111.7.0/24": "10.98.7.11"}
    assert router.forward
    assert not router.variables


def test_the_usual_topology_can_be_built_for_any_commune() -> None:
    made = build(topology.chosen("some-name", "bourg-exemple"))
    assert [machine.inventory_name for machine in made.machines.values()] == [
        "bourg-exemple-local",
        "remote",
        "bourg-exemple-accueil",
    ]
    assert [machine.name for machine in made.machines.values() if machine.server] == ["local", "remote"]
    assert made.machines["workstation"].variables == {
        "commune_lan_address": "10.99.7.10",
        "commune_pull_address": "10.101.7.10",
    }


@pytest.mark.parametrize("file", sorted(Path(__file__).parents[3].glob("molecule/*/topology.toml")), ids=str)
def test_every_scenarios_own_topology_can_be_built(file: Path) -> None:
    assert build(topology.chosen(file.parent.name)).machines


def test_the_inventory_overlay_has_every_machine_with_its_variables_and_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "STATE", tmp_path)
    made = build(TWO_COMMUNES)
    access.write(made, dict.fromkeys(made.machines, "ssh-ed25519 AAAA"))
    written = (tmp_path / "t" / "hosts.yml").read_text()
    assert "    bourg-exemple-local:\n      ansible_host: 10.103.7.11\n" in written
    assert '      commune_lan_address: "10.98.7.11"\n' in written
    assert written.endswith("  children:\n    bystanders:\n      hosts:\n        router:\n")


def test_what_is_left_of_a_testbed_tells_its_networks() -> None:
    made = build(TWO_COMMUNES)
    prefix = topology.LABEL
    labels = {
        prefix: "t-1234",
        f"{prefix}.name": "t",
        f"{prefix}.number": "7",
        f"{prefix}.networks": made.footprint,
    }
    left = topology.remembered(labels)
    assert left.subnets == made.subnets
    assert [network.full_name for network in left.networks.values()] == [
        "ccpp-t-1234-admin",
        "ccpp-t-1234-lan2",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "networks = { lan2 = 2, admin = 2 }",
            "networks = { lan3 = 2, admin = 2 }",
            "there is no network 'lan3'",
        ),
        (
            "networks = { lan2 = 2, admin = 2 }",
            "networks = { lan2 = 2 }",
            "machines.router: needs an inventory",
        ),
        (
            "networks = { lan2 = 2, admin = 2 }",
            "networks = { lan2 = 2, admin = 300 }",
            "300 is no host number",
        ),
        ("server = true", 'server = "yes"', "machines.local2: server: 'yes' is not a bool"),
        ("forward = true", "foreward = true", "machines.router: 'foreward' is unknown (use "),
        ('commune = "bourg-exemple"', 'commune = "ailleurs"', "there is no commune 'ailleurs'"),
        ('"{local2.lan2}" }', '"{local2.wan9}" }', "machines.router: there is no address {local2.wan9}"),
        ('"10.98.{n}.0/24"', '"10.98.{n}.1/24"', "networks.lan2: 10.98.7.1/24 has host bits set"),
        ("[networks.lan2]", "[networks.a_name_too_long]", "networks.a_name_too_long: use up to 14"),
        ("[networks.admin]", "[networks.admin", "topology.toml: "),
    ],
)
def test_a_mistake_is_one_line_with_its_place(before: str, after: str, said: str) -> None:
    assert before in TWO_COMMUNES
    with pytest.raises(TestbedError) as caught:
        build(TWO_COMMUNES.replace(before, after))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_topology_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match=r"none\.toml: cannot be read"):
        topology.chosen("t", file=tmp_path / "none.toml")
