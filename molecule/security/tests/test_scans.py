# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From every zone, in IPv4 and IPv6: what answers is what the flow matrix lists, no more and no less."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ccpp_testbed import scanning
from ccpp_testbed.reachable import Places, of_version
from ccpp_testbed.steps import Controller

PLACES = Places("security")
ALL_TCP = set(range(1, scanning.ALL_TCP + 1))
# The matrix's, the well-known ones, and some of the others: always the same, so that a failure comes again.
UDP = {*range(1, 1025), *range(50990, 53010), 1194, 1900, 3784, 3785, 3786, 4500, 5353, 11211}
UDP |= set(random.Random(5).sample(range(1025, 65536), 500))


@dataclass(frozen=True)
class Zone:
    """Who scans whom: from which addresses of the scanner's to which of the target's."""

    scanner: str
    target: str
    peers: list[str]
    addresses: list[str]
    inside: bool = False

    def expected(self, protocol: str) -> dict[str, set[int]]:
        """The ports that the matrix lists, by address of the target's."""
        ports = UDP if protocol == "udp" else ALL_TCP
        return {
            one: ports
            & PLACES.lets_in(self.target, of_version(self.peers, one), protocol, inside=self.inside)
            for one in self.addresses
        }


def on_link(scanner: str, target: str, network: str) -> Zone:
    return Zone(scanner, target, PLACES.addresses(scanner, network), PLACES.addresses(target, network))


def through_tunnels(scanner: str, target: str) -> Zone:
    return Zone(scanner, target, [PLACES.loopback(scanner)], [PLACES.loopback(target)], inside=True)


def scan(controller: Controller, target: str, zones: list[Zone]) -> None:
    """One scanner's zones together: nmap takes many addresses in little more than the time of one."""
    scanner = zones[0].scanner
    asked = [one for zone in zones for one in zone.addresses]
    tcp, udp = listening(
        controller, scanner, target, asked, sorted({one for zone in zones for one in zone.peers})
    )
    for zone in zones:
        assert {one: tcp[one] for one in zone.addresses} == zone.expected("tcp"), f"TCP from {scanner}"
        assert {one: udp[one] for one in zone.addresses} == zone.expected("udp"), f"UDP from {scanner}"


def listening(
    controller: Controller,
    scanner: str,
    target: str,
    asked: list[str],
    peers: list[str],
    arriving: bool = True,
) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
    """The TCP ports that answer and the UDP ports on which somebody hears, by address.

    `arriving`: whether all of it has to arrive at the target, or nothing at all, as its own kernel counts.
    """
    tcp: dict[str, set[int]] = {one: set() for one in asked}
    udp: dict[str, set[int]] = {one: set() for one in asked}
    wanted = (
        {"tcp": len(ALL_TCP) * len(asked), "udp": len(UDP) * len(asked)} if arriving else {"tcp": 0, "udp": 0}
    )
    with scanning.witness(controller, target, peers):
        # What got lost is tried again, and more slowly.
        for rate in (20000, 10000, 5000, 2500, 2500):
            for address, ports in scanning.tcp(controller, scanner, asked, rate=rate).items():
                tcp[address] |= ports
            for address, ports in scanning.udp(controller, scanner, target, asked, UDP).items():
                udp[address] |= ports
            tried = scanning.tried(controller, target)
            if tried == wanted:
                return tcp, udp
    raise AssertionError(f"{target} saw {tried} of {wanted}: the scan proves nothing")


@pytest.mark.parametrize(
    ("target", "networks"),
    [
        ("local", ("lan", "wan1", "wan2", "admin")),
        ("local2", ("lan2", "wan1")),
        ("remote", ("wan1", "wan2", "admin")),
    ],
)
def test_a_stranger_in_each_network_reaches_what_the_matrix_lists(
    controller: Controller, target: str, networks: tuple[str, ...]
) -> None:
    scan(controller, target, [on_link("stranger", target, network) for network in networks])


def test_a_remote_in_wrong_hands_reaches_of_a_town_hall_what_the_matrix_lists(controller: Controller) -> None:
    with scanning.taken_over(controller, "remote"):
        scan(controller, "local", [on_link("remote", "local", "wan1"), through_tunnels("remote", "local")])


def test_a_town_hall_in_wrong_hands_reaches_of_remote_what_the_matrix_lists(controller: Controller) -> None:
    with scanning.taken_over(controller, "local2"):
        scan(controller, "remote", [on_link("local2", "remote", "wan1"), through_tunnels("local2", "remote")])


@pytest.fixture
def road_between_town_halls(controller: Controller) -> Iterator[None]:
    """The second town hall's way to the first is its tunnel, WireGuard lets everything through, and REMOTE's
    kernel would forward: it is the firewalls alone that keep the communes apart."""
    there, back = PLACES.loopback("local"), PLACES.loopback("local2")
    ends = {name: allowed_in_tunnels(controller, name) for name in ("local", "local2", "remote")}
    for name, peers in ends.items():
        for interface, peer, _allowed in peers:
            controller.run(name, f"wg set {interface} peer {peer} allowed-ips 0.0.0.0/0")
    controller.run("local2", f"ip route replace {there}/32 dev wg-1 src {back}")
    controller.run("local", f"ip route replace {back}/32 dev wg-1 src {there}")
    controller.run("remote", "sysctl -w net.ipv4.ip_forward=1")
    yield
    controller.run("remote", "sysctl -w net.ipv4.ip_forward=0")
    controller.run("local2", f"ip route del {there}/32 dev wg-1")
    controller.run("local", f"ip route del {back}/32 dev wg-1")
    for name, peers in ends.items():
        for interface, peer, allowed in peers:
            controller.run(name, f"wg set {interface} peer {peer} allowed-ips {allowed}")


def allowed_in_tunnels(controller: Controller, machine: str) -> list[tuple[str, str, str]]:
    """Interface, peer and what WireGuard lets through, of each tunnel."""
    lines = controller.run(machine, "wg show all allowed-ips").splitlines()
    return [
        (interface, peer, ",".join(allowed)) for interface, peer, *allowed in (line.split() for line in lines)
    ]


@pytest.mark.usefixtures("road_between_town_halls")
@pytest.mark.parametrize("also", [(), ("remote",)], ids=["", "even-if-remote-forwards"])
def test_one_commune_never_reaches_another_through_the_tunnels(
    controller: Controller, also: tuple[str, ...]
) -> None:
    address = PLACES.loopback("local")
    with scanning.taken_over(controller, "local2", *also):
        # REMOTE's firewall stops everything; without it, LOCAL's own has to, and does.
        tcp, udp = listening(
            controller, "local2", "local", [address], [PLACES.loopback("local2")], arriving=bool(also)
        )
    assert tcp == {address: set()}
    assert udp == {address: set()}


def test_one_commune_reaches_nothing_of_another_beside_the_tunnels(controller: Controller) -> None:
    with scanning.taken_over(controller, "local2"):
        zones = [on_link("local2", "local", network) for network in ("wan1", "wan2")]
        assert not any(ports for zone in zones for ports in zone.expected("tcp").values())
        scan(controller, "local", zones)
