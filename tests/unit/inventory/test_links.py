# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's tunnels, from its file and the address plan, and the lines and keys that are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import addresses, links
from ansible_collections.ccpp.backup.plugins.module_utils.commune.addresses import Allocation, Given, Pools

RANGES = {"loopbacks": "10.83.0.0/22", "tunnels_1": "10.83.4.0/22", "tunnels_2": "10.83.8.0/22"}
LINES = [
    {"kind": "fibre", "paid": False, "mtu": 1492, "interface": "enp1s0", "gateway": "192.0.2.1"},
    {"kind": "adsl", "paid": False, "mtu": 1500},
    {"kind": "4g", "paid": True, "mtu": 1500, "interface": "wwan0"},
    {"kind": "satellite", "paid": True, "mtu": 1500, "interface": "enp9s0"},
]
SETTINGS: dict[str, Any] = {"slug": "aa", "uplinks": LINES}
FRONT = [
    {"interface": "eno1", "addresses": ["198.51.100.20", "2001:db8::20"]},
    {"interface": "eno2", "addresses": ["backup.example.org"], "mtu": 1400},
]
KEY = "/TOE4TKtAqVsePRVR+5AA43HkAK5DSntkOCO7nYq5xU="


def plan() -> dict[str, Any]:
    allocation = Allocation("10.83.0.1", {"aa": Given("10.83.0.2", ("10.83.4.2/31", "10.83.8.6/31"))})
    commune = {"server": {"lan": "192.168.1.0/24"}}
    return addresses.of_commune(allocation, "aa", commune, Pools.from_mapping(RANGES))


def ends(front: Any = FRONT, **changed: Any) -> dict[str, Any]:
    return links.both_ends({**SETTINGS, **changed}, plan(), front)


def test_the_first_two_lines_that_name_an_interface_carry_a_tunnel_each() -> None:
    local = ends()["local"]
    assert [(one["name"], one["kind"], one["interface"], one["paid"]) for one in local] == [
        ("wg-1", "fibre", "enp1s0", False),
        ("wg-2", "4g", "wwan0", True),
    ]
    assert [one["mark"] for one in local] == [5101, 5102]
    assert ends()["lines"] == [
        {"interface": "enp1s0", "gateway": "192.0.2.1", "table": 5101},
        {"interface": "wwan0", "gateway": None, "table": 5102},
    ]


def test_both_ends_of_a_tunnel_fit_together() -> None:
    both = ends()
    for local, remote in zip(both["local"], both["remote"], strict=True):
        assert (local["address"], local["peer"]) == (remote["peer"], remote["address"])
        for name in ("port", "mtu", "kind", "paid", "preference", "number"):
            assert local[name] == remote[name]
        assert remote["name"] == f"wg-{remote['port']}"
        assert len(remote["name"]) <= 15
        assert remote["endpoints"] == []
    assert [one["endpoints"] for one in both["local"]] == [FRONT[0]["addresses"], FRONT[1]["addresses"]]
    # 80 bytes go around each packet over IPv6; the smaller of both lines counts.
    assert [one["mtu"] for one in both["local"]] == [1412, 1320]
    assert [one["interface"] for one in both["remote"]] == ["eno1", "eno2"]


def test_a_ccpp_with_one_line_has_both_tunnels_on_it_and_pins_neither() -> None:
    remote = ends([{"addresses": ["198.51.100.20"]}])["remote"]
    assert [one["mark"] for one in remote] == [None, None]
    assert links.both_ends({}, plan(), [{"addresses": ["198.51.100.20"]}])["lines"] == []
    assert [one["table"] for one in links.both_ends({}, plan(), FRONT)["lines"]] == [5101, 5102]


def test_without_an_interface_or_an_address_plan_there_are_no_tunnels() -> None:
    nothing = {"lines": [], "local": [], "remote": []}
    assert ends(uplinks=[LINES[1]]) == nothing
    assert links.both_ends(SETTINGS, {}, FRONT) == nothing
    assert links.both_ends({}, {}, []) == nothing


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ([], "service_uplinks: a list of 0 is not a list of one or two lines"),
        ("198.51.100.20", "service_uplinks: '198.51.100.20' is not a list of one or two lines"),
        (["x"], "service_uplinks[0]: 'x' is not a line; write one such as {interface: enp1s0,"),
        ([{"addresses": ["a"], "speed": 1}], "service_uplinks[0]: 'speed' is unknown (use interface,"),
        (
            [{"addresses": ["192.0.2.300"]}],
            "service_uplinks[0].addresses[0]: '192.0.2.300' is not an IP address",
        ),
        ([{"addresses": []}], "service_uplinks[0].addresses: a list of 0 is not a list of addresses"),
        ([{"addresses": ["a"], "interface": "wg-1"}], "service_uplinks[0].interface: 'wg-1' is no interface"),
        ([{"addresses": ["a"], "gateway": "x"}], "service_uplinks[0].gateway: 'x' is not an IPv4 address"),
        ([{"addresses": ["a"], "mtu": 0}], "service_uplinks[0].mtu: 0 is not a number from 1360 to 9000"),
        (
            [{"addresses": ["a"], "interface": "eno1"}, {"addresses": ["b"]}],
            "service_uplinks[1].interface: missing; each of two lines has one of its own",
        ),
        (
            [{"addresses": ["a"], "interface": "eno1"}, {"addresses": ["b"], "interface": "eno1"}],
            "service_uplinks[1].interface: 'eno1' is already that of service_uplinks[0]; write",
        ),
        (
            [{"addresses": ["10.83.0.9"]}],
            "service_uplinks[0].addresses[0]: 10.83.0.9 lies inside the tunnels (10.83.0.0/22);",
        ),
    ],
)
def test_lines_of_the_ccpp_that_cannot_be_are_refused_in_one_line(front: Any, said: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(said)) as raised:
        ends(front)
    assert "\n" not in str(raised.value)


def test_a_router_inside_the_tunnels_is_refused() -> None:
    line = {**LINES[0], "gateway": "10.83.4.1"}
    with pytest.raises(InputError, match=r"^aa: uplinks\[0\]\.gateway: 10\.83\.4\.1 lies inside the tunnels"):
        ends(uplinks=[line])


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(InputError, match="'middle' is no side of a tunnel"):
        links.tunnels(SETTINGS, plan(), FRONT, "middle")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (None, "f.yml: does not hold the public keys of local and of remote; restore the file"),
        ({"local": [KEY, KEY]}, "f.yml: remote: missing; run site for the commune"),
        ({"local": [KEY], "remote": [KEY, KEY]}, "f.yml: local[1]: the public key of tunnel 2 is missing;"),
        ({"local": [KEY, KEY], "remote": [KEY, "x"]}, "f.yml: remote[1]: 'x' is not a public key"),
        ({"local": [KEY, "A" * 43 + "="], "remote": [KEY, KEY]}, "f.yml: local[1]: 'AAA"),
    ],
)
def test_a_missing_or_broken_public_key_is_refused_in_one_line(keys: Any, said: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(said)) as raised:
        links.keys_of(keys, 2, "f.yml")
    assert "\n" not in str(raised.value)


def test_the_agent_is_told_the_other_sides_keys() -> None:
    told = links.for_agent(ends()["local"], [KEY, KEY])
    assert told[0]["peer_key"] == KEY
    assert told[1]["name"] == "wg-2"
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        links.for_agent(ends()["local"], [KEY])


def test_no_two_communes_are_given_tunnels_with_the_same_port() -> None:
    pools = Pools.from_mapping({**RANGES, "tunnels_1": "10.80.0.0/20", "tunnels_2": "10.84.0.0/20"})
    everybody = addresses.allocate(Allocation(), pools, [f"c{number}" for number in range(1000)])
    ports = {addresses.first_port(one.tunnels[0]) for one in everybody.communes.values()}
    assert sorted(ports) == list(range(51000, 53000, 2))
    with pytest.raises(InputError, match=r"pools\.tunnels_1: .* has nothing left"):
        addresses.allocate(everybody, pools, ["one-more"])


def test_two_tunnels_with_the_same_port_are_refused() -> None:
    pools = Pools.from_mapping({**RANGES, "tunnels_1": ["10.80.0.0/20"]})
    # 1000 networks of two addresses further on.
    given = {
        "aa": Given("10.83.0.2", ("10.80.0.0/31", "10.83.8.0/31")),
        "bb": Given("10.83.0.3", ("10.80.7.208/31", "10.83.8.2/31")),
    }
    lines = addresses.mistakes(Allocation("10.83.0.1", given), pools)
    assert len(lines) == 1
    assert "has the same port 52040 as communes.aa.tunnels[0]" in lines[0]
