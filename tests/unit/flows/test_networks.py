# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of one zone are collapsed; zones that clash are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.flows import matrix, networks
from ansible_collections.ccpp.backup.plugins.module_utils.flows.networks import Networks


def locate(data: dict[str, Any], zones: Any) -> dict[str, Networks]:
    return networks.locate(matrix.parse(data).zones, zones)


def test_networks_of_one_zone_that_overlap_or_adjoin_become_one(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    zones["lan"] = ["192.168.1.0/25", "192.168.1.128/25", "192.168.1.7", "2001:db8:1::/65", "2001:db8:1::1"]
    assert locate(data, zones)["lan"] == Networks(("192.168.1.0/24",), ("2001:db8:1::/65",))


def test_what_lies_in_tunnels_and_is_not_of_the_other_end_is_another_commune_s(
    data: dict[str, Any], zones: dict[str, Any]
) -> None:
    others = locate(data, zones)["others"]
    assert others.holds("10.83.0.3")
    assert others.holds("10.83.4.2")
    assert not others.holds("10.83.0.1")
    assert not others.holds("10.84.0.1")


def test_a_zone_that_nothing_is_given_for_is_nowhere(data: dict[str, Any]) -> None:
    assert not locate(data, {"admin": "10.84.0.0/24"})["lan"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lan": ["10.84.0.0/16"]}, "firewall_zones.admin: 10.84.0.0/24 overlaps with 10.84.0.0/16 of lan;"),
        (
            {"admin": ["192.168.1.9"]},
            "firewall_zones.admin: 192.168.1.9/32 overlaps with 192.168.1.0/24 of lan;",
        ),
        (
            {"admin": ["2001:db8:1::9"]},
            "firewall_zones.admin: 2001:db8:1::9/128 overlaps with 2001:db8:1::/64",
        ),
        ({"lan": ["10.83.0.0/24"]}, "firewall_zones.others: 10.83.0.0/32 overlaps with 10.83.0.0/24 of lan;"),
        (
            {"lan": ["10.83.0.128/25"]},
            "firewall_zones.others: 10.83.0.128/25 overlaps with 10.83.0.128/25 of lan;",
        ),
        ({"lan": "any"}, "firewall_zones.lan: a place is somewhere: write its networks instead of any"),
        ({"lan": ["0.0.0.0/0"]}, "firewall_zones.lan: 0.0.0.0/0 is too wide; write networks of at least"),
        ({"lan": ["2000::/3"]}, "firewall_zones.lan: 2000::/3 is too wide; write networks of at least"),
        (
            {"lan": ["192.168.1.7/24"]},
            "firewall_zones.lan: 192.168.1.7/24 is an address in a network; write 192.168.1.0/24 or",
        ),
        (
            {"lan": ["nas.example.org"]},
            "firewall_zones.lan: 'nas.example.org' is not a network; write some like",
        ),
        ({"lan": ["10.0"]}, "firewall_zones.lan: '10.0' is not a network"),
        ({"lan": [10]}, "firewall_zones.lan: 10 is not a network"),
        ({"lan": None}, "firewall_zones.lan: null is not a list of networks"),
        (
            {"dmz": []},
            "firewall_zones: there is no zone 'dmz'; use lan, admin, names, time, mirror, "
            "relay, watchdog, signatures, inside",
        ),
        ({"link": []}, "firewall_zones: there is no zone 'link'"),
    ],
)
def test_zones_that_clash_or_are_none_are_refused(
    data: dict[str, Any], zones: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        locate(data, {**zones, **change})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_zones_are_a_mapping(data: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="firewall_zones: a list of 0 is not a mapping"):
        locate(data, [])


def test_machines_may_stand_in_any_place(data: dict[str, Any], zones: dict[str, Any]) -> None:
    found = locate(data, {**zones, "names": ["192.168.1.1"], "outside": ["10.84.0.20"]})
    assert found["names"].v4 == ("192.168.1.1/32",)


def test_without_netaddr_the_message_says_what_to_install(
    data: dict[str, Any], zones: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "netaddr", None)
    with pytest.raises(InputError, match="netaddr is missing on the controller; install requirements"):
        locate(data, zones)
