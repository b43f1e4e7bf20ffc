# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An impossible flow is refused with one line that names flow, field, value and cure."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix
from ansible_collections.ccpp.backup.plugins.module_utils.flows.matrix import Ports


def refusal(data: Any, *flows: Any, **others: Any) -> str:
    with pytest.raises(InputError) as caught:
        matrix.parse(data, list(flows), **others)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_flow_of_the_matrix_says_why(data: dict[str, Any]) -> None:
    assert all(flow.why for flow in matrix.parse(data).flows)


def test_a_flow_between_the_servers_is_one_line_for_both(data: dict[str, Any]) -> None:
    (pull,) = [flow for flow in matrix.parse(data).flows if flow.name == "pull"]
    assert pull.peers("local", incoming=True) == ("remote",)
    assert pull.peers("remote", incoming=False) == ("local",)
    assert pull.peers("local", incoming=False) == pull.peers("remote", incoming=True) == ()


def test_a_flow_both_ways_never_goes_from_a_server_to_itself(data: dict[str, Any]) -> None:
    (ping,) = [flow for flow in matrix.parse(data).flows if flow.name == "ping"]
    assert ping.peers("local", incoming=True) == ping.peers("local", incoming=False) == ("remote",)


def test_named_ports_follow_the_inventory(data: dict[str, Any]) -> None:
    flows = {flow.name: flow for flow in matrix.parse(data, ports={"repository": 9443}).flows}
    assert flows["repository"].ports == flows["pull"].ports == (Ports(9443, 9443),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ports": 70000}, "firewall_flows: x: ports: 70000 is not a port; use 1 to 65535"),
        ({"ports": 0}, "firewall_flows: x: ports: 0 is not a port; use 1 to 65535"),
        ({"ports": "90-80"}, "firewall_flows: x: ports: '90-80' ends before it begins; write 80-90"),
        ({"ports": []}, "firewall_flows: x: ports: an empty list lets nothing through"),
        ({"ports": True}, "firewall_flows: x: ports: true is not a port"),
        ({"ports": "https"}, "'https' is not a port; use a number, a range like 51000-51999, or one of ssh"),
        ({"ports": None}, "firewall_flows: x: ports: null is not a port"),
        ({"from": "dmz"}, "firewall_flows: x: from: there is no zone 'dmz'; use one of local, remote, lan"),
        ({"to": ["local", "lan"]}, "firewall_flows: x: to: name servers or zones, not both"),
        ({"from": "admin", "to": "lan"}, "firewall_flows: x: no server is at either end"),
        ({"from": "self"}, "firewall_flows: x: self reaches itself alone"),
        ({"from": "local"}, "firewall_flows: x: a flow between servers goes from one of them to the other"),
        ({"through": "tunnels"}, "firewall_flows: x: through: only local and remote reach one another"),
        ({"through": "vpn"}, "firewall_flows: x: through: 'vpn' is unknown; use tunnels or outside"),
        ({"protocol": "sctp"}, "firewall_flows: x: protocol: 'sctp' is unknown; use tcp, udp"),
        ({"protocol": ["tcp", "icmp"]}, "firewall_flows: x: ports: tcp, icmp has no ports; leave them out"),
        ({"types": "echo-request"}, "firewall_flows: x: types: name the kinds of message for icmp"),
        ({"types": "Echo!"}, "firewall_flows: x: types: 'Echo!' is not a kind of ICMP message"),
        ({"why": " "}, "firewall_flows: x: why: ' ' is not a sentence"),
        ({"why": ""}, "firewall_flows: x: why is missing"),
        ({"name": "X Y"}, "firewall_flows: [0]: name: 'X Y': use up to 24 lower-case letters"),
        ({"name": "ssh"}, "firewall: flows: ssh is there twice"),
        ({"limit": {"per_minute": 0, "burst": 1}}, "firewall_flows: x: limit: 0: write per_minute and burst"),
        (
            {"limit": {"per_hour": 5}},
            "firewall_flows: x: limit: 'per_hour' is unknown; use per_minute, burst",
        ),
        ({"limit": 5}, "firewall_flows: x: limit: 5 is not a mapping"),
        ({"user": "root; drop"}, "firewall_flows: x: user: 'root; drop' is not a user's name"),
        ({"user": "root"}, "firewall_flows: x: user: what comes in has no user here"),
        (
            {"when": "raining"},
            "firewall_flows: x: when: there is no switch 'raining'; use pull_outside, shares",
        ),
        ({"port": 443}, "firewall_flows: x: 'port' is unknown; use name, from, to"),
    ],
)
def test_an_impossible_flow_is_refused(
    data: dict[str, Any], flow: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    assert refusal(data, {**flow, **change}).startswith(message) or message in refusal(
        data, {**flow, **change}
    )


def test_a_flow_without_ports_is_refused(data: dict[str, Any], flow: dict[str, Any]) -> None:
    del flow["ports"]
    assert (
        refusal(data, flow) == "firewall_flows: x: ports is missing; name a port, a range or a list of them"
    )


def test_only_what_reaches_a_server_can_be_limited(data: dict[str, Any], flow: dict[str, Any]) -> None:
    flow |= {"from": "local", "to": "lan", "limit": {"per_minute": 1, "burst": 1}}
    assert (
        refusal(data, flow) == "firewall_flows: x: limit: only what reaches a server is limited; leave it out"
    )


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        ("none", "firewall_flows: 'none' is not a list of flows"),
        ([7], "firewall_flows: [0]: 7 is not a mapping"),
        ([{}], "firewall_flows: [0]: name is missing; a flow has name, from, to, protocol, why"),
    ],
)
def test_what_is_no_flow_is_refused(data: dict[str, Any], flows: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        matrix.parse(data, flows)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zones": []}, "firewall: zones: a list of 0 is not a mapping"),
        ({"zones": {"local": {}}}, "firewall: zones: 'local' cannot be a zone's name"),
        (
            {"zones": {"lan": {"kind": "net"}}},
            "firewall: zones.lan.kind: 'net' is unknown; use place, machines",
        ),
        ({"zones": {"lan": {"kind": "place", "what": 5}}}, "firewall: zones.lan.what: 5 is not a sentence"),
        ({"ports": {"ssh": "22a"}}, "firewall: ports.ssh: '22a' is not a port"),
        ({"ports": 22}, "firewall: ports: 22 is not a mapping"),
        ({"switches": [3]}, "firewall: switches: 3 is not a word"),
        ({"rules": []}, "firewall: the matrix: 'rules' is unknown; use zones, ports, switches, flows"),
    ],
)
def test_a_matrix_that_is_none_is_refused(data: dict[str, Any], change: Any, message: str) -> None:
    assert refusal({**data, **change}).startswith(message)


def test_a_port_that_has_no_name_cannot_be_given_another_number(data: dict[str, Any]) -> None:
    assert refusal(data, ports={"smtp": 25}).startswith(
        "firewall_ports: 'smtp' is unknown; use ssh, repository"
    )


def test_a_switch_is_on_or_off(data: dict[str, Any]) -> None:
    known = matrix.parse(data)
    stand = known.check_switches({"shares": True}, "s")
    assert stand == {"pull_outside": False, "shares": True, "supervision": False}
    for given, message in (
        ({"rain": True}, "s: 'rain' is unknown"),
        ({"shares": 1}, "s.shares: 1 is neither"),
    ):
        with pytest.raises(InputError, match=message):
            known.check_switches(given, "s")
