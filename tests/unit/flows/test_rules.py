# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a server's rules."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix, networks, reach, rules, table


def render(
    data: dict[str, Any], zones: dict[str, Any], server: str = "local", flows: Any = (), **switches: bool
) -> str:
    known = matrix.parse(data, flows)
    return rules.render(known, server, networks.locate(known.zones, zones), switches)


def chain(text: str, name: str) -> list[str]:
    found = re.search(rf"\tchain {name} {{\n(.*?)\n\t}}", text, re.DOTALL)
    assert found
    return [line.strip() for line in found[1].splitlines()]


def test_only_the_table_of_our_own_is_named(data: dict[str, Any], zones: dict[str, Any]) -> None:
    text = render(data, zones)
    assert "flush" not in text
    assert set(re.findall(r"table (.*?)(?: {)?\n", text)) == {"inet ccpp_backup"}
    assert text.startswith(
        "table inet ccpp_backup\ndelete table inet ccpp_backup\ntable inet ccpp_backup {\n"
    )


@pytest.mark.parametrize("server", ["local", "remote"])
def test_everything_is_refused_that_no_rule_before_accepts(
    data: dict[str, Any], zones: dict[str, Any], server: str
) -> None:
    text = render(data, zones, server)
    for hook in ("input", "forward", "output"):
        lines = chain(text, hook)
        assert lines[0] == f"type filter hook {hook} priority filter; policy drop;"
        assert lines[-1].startswith("goto refuse_")
    assert len(chain(text, "forward")) == 2


def test_no_rule_depends_on_the_number_of_an_interface(data: dict[str, Any], zones: dict[str, Any]) -> None:
    assert not re.search(r"\b[io]if\b", render(data, zones))


def test_both_ip_versions_get_the_same_flows(data: dict[str, Any], zones: dict[str, Any]) -> None:
    lines = [line for line in chain(render(data, zones), "input") if "in_repository accept" in line]
    assert lines == [
        f'iifname != "wg-*" {family} saddr @lan_v{version} tcp dport 8443 counter name in_repository accept'
        for family, version in (("ip", 4), ("ip6", 6))
    ]


def test_what_is_limited_is_counted_before_it_is_accepted(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    lines = chain(render(data, zones), "input")
    for position, line in enumerate(lines):
        if "in_ssh accept" in line or "in_repository accept" in line:
            assert "limit rate over" in lines[position - 1]
            assert lines[position - 1].endswith("goto too_many")


def test_a_limit_holds_for_any_source_of_either_ip_version(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    flow = {"name": "x", "from": "names", "to": "local", "protocol": "tcp", "ports": 99, "why": "Because"}
    flow["limit"] = {"per_minute": 5, "burst": 6}
    lines = [line for line in chain(render(data, zones, flows=[flow]), "input") if "dport 99" in line]
    assert len(lines) == 3
    assert "@rate_x_v4 { ip saddr limit rate over 5/minute burst 6 packets }" in lines[0]
    assert "@rate_x_v6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate" in lines[1]


def test_another_commune_s_tunnel_is_refused_before_any_flow(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    text = render(data, zones)
    for hook, address in (("input", "saddr"), ("output", "daddr")):
        accepting = [line for line in chain(text, hook) if line.endswith("accept")]
        refusing = next(line for line in chain(text, hook) if f"{address} @others_v4" in line)
        position = chain(text, hook).index(refusing)
        assert [line for line in accepting if chain(text, hook).index(line) < position] == [
            line for line in accepting if '"lo"' in line or "established" in line
        ]


def test_the_pull_from_outside_is_there_while_its_switch_is_on(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    assert "pull_outside" not in render(data, zones)
    assert "ip saddr @outside_v4 tcp dport 8443 counter name in_pull_outside" in render(
        data, zones, pull_outside=True
    )


def test_a_zone_that_is_nowhere_leaves_no_rule(data: dict[str, Any], zones: dict[str, Any]) -> None:
    assert "lan" not in render(data, {**zones, "lan": []})


def test_packages_are_fetched_by_who_fetches_packages(data: dict[str, Any], zones: dict[str, Any]) -> None:
    (line,) = [line for line in chain(render(data, zones), "output") if "packages" in line]
    assert 'meta skuid "_apt" tcp dport { 80, 443 }' in line


def test_rules_that_let_no_administrator_in_are_refused(data: dict[str, Any], zones: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        render(data, {**zones, "admin": [], "inside": []})
    assert str(caught.value) == (
        "firewall: nobody could reach SSH (port 22) of a LOCAL server any more;"
        " give networks to admin, inside in firewall_zones"
    )


def test_a_server_is_local_or_remote(data: dict[str, Any], zones: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="firewall_server: 'lan' is no server; use local or remote"):
        render(data, zones, "lan")


def test_what_can_be_reached_is_told_without_the_rules(data: dict[str, Any], zones: dict[str, Any]) -> None:
    known = matrix.parse(data)
    located = networks.locate(known.zones, zones)

    def ports(peer: str, protocol: str = "tcp", **how: bool) -> str:
        return " ".join(map(str, reach.ports(known, "local", located, {}, peer, protocol, **how)))

    assert ports("192.168.1.50") == ports("2001:db8:1::50") == "8443"
    assert ports("198.51.100.20") == ""
    assert ports("198.51.100.20", "udp") == "51000-52999"
    assert ports("10.83.0.1", inside=True) == "22 179 8443"
    assert ports("10.83.0.1", inside=False) == ""
    assert ports("10.83.0.3", inside=True) == ports("10.83.0.3", "udp", inside=True) == ""
    assert ports("203.0.113.5") == ports("203.0.113.5", "udp") == ""
    assert ports("203.0.113.5", incoming=False) == "53 80 443 4460"
    assert ports("10.83.0.3", incoming=False) == ""


def test_the_page_has_every_flow_of_the_matrix(data: dict[str, Any]) -> None:
    page = table.markdown(matrix.parse(data))
    for flow in matrix.parse(data).flows:
        if flow.protocols != ("any",):
            assert f"| {flow.name} | " in page
            assert flow.why in page
