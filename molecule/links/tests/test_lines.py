# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines as providers deliver them: addresses that change at either end, packets that are too large, IPv6."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import cutting
from ccpp_testbed import topology
from ccpp_testbed.steps import Controller
from cutting import PATIENCE

OTHER_HOST = "77"
ROUTES = "systemctl restart testbed-routes.service"
# A look each half a minute, and one for each address that is tried.
LOOKS = 4 * PATIENCE


def other(address: str) -> str:
    """Another address of the same network."""
    return f"{address.rpartition('.')[0]}.{OTHER_HOST}"


def moved(old: str, new: str, line: str) -> str:
    """A command that takes one address from a line and gives it another."""
    return f"ip address del {old}/24 dev {line}; ip address add {new}/24 dev {line} && {ROUTES}"


def endpoint(controller: Controller, machine: str, interface: str) -> str:
    """Where a machine's WireGuard sends the packets of a tunnel."""
    return controller.run(machine, f"wg show {interface} endpoints").split()[-1]


def over_ipv4(controller: Controller) -> None:
    """Have the first tunnel use IPv4: while a test before killed it, LOCAL may have gone over to IPv6."""
    address = topology.load("links").machines["remote"].addresses["ccpp1"][0]
    peer, known = controller.run("local", "wg show wg-1 endpoints").split()
    port = known.rpartition(":")[2]
    controller.run("local", f"wg set wg-1 peer {peer} endpoint {address}:{port}")


@contextmanager
def dropped_in_the_middle(controller: Controller, what: str) -> Iterator[None]:
    """The first path loses those packets, in both directions, and says so to nobody."""
    ways = (("wan1", "ccpp1"), ("ccpp1", "wan1"))
    rules = "; ".join(f"add rule inet cut f iifname {a} oifname {b} {what} drop" for a, b in ways)
    chain = "add table inet cut; add chain inet cut f { type filter hook forward priority 0; }"
    controller.run("router", f"nft '{chain}; {rules}'")
    try:
        yield
    finally:
        controller.run("router", "nft delete table inet cut")


def back(controller: Controller, first: str) -> None:
    """Wait for the first path to die, which BFD takes a second for, and to live again."""
    cutting.wait_for(lambda: cutting.way(controller) != first, PATIENCE, "the first path is seen to be dead")
    cutting.wait_for(lambda: cutting.way(controller) == first, LOOKS, "the first path is back")


def test_a_commune_whose_line_gets_another_address_is_followed(controller: Controller, first: str) -> None:
    old = topology.load("links").machines["local"].addresses["wan1"][0]
    over_ipv4(controller)
    controller.run("local", moved(old, other(old), "wan1"))
    try:
        cutting.wait_for(
            lambda: endpoint(controller, "remote", first).startswith(f"{other(old)}:"),
            PATIENCE,
            "REMOTE sends to the new address",
        )
        cutting.wait_whole(controller, first)
    finally:
        controller.run("local", moved(other(old), old, "wan1"))


def test_a_name_that_gets_another_address_is_followed(controller: Controller, first: str) -> None:
    old = topology.load("links").machines["remote"].addresses["ccpp2"][0]
    assert endpoint(controller, "local", "wg-2").startswith(f"{old}:")
    controller.run("remote", moved(old, other(old), "ccpp2"))
    cutting.name_front(controller, other(old))
    try:
        cutting.wait_for(
            lambda: endpoint(controller, "local", "wg-2").startswith(f"{other(old)}:"),
            LOOKS,
            "LOCAL sends to the name's new address",
        )
        cutting.wait_whole(controller, first, LOOKS)
    finally:
        controller.run("remote", moved(other(old), old, "ccpp2"))
        cutting.name_front(controller, old)
        cutting.wait_for(
            lambda: endpoint(controller, "local", "wg-2").startswith(f"{old}:"), LOOKS, "and back again"
        )


def test_a_line_without_ipv4_is_used_with_ipv6(controller: Controller, first: str) -> None:
    over_ipv4(controller)
    with dropped_in_the_middle(controller, "meta nfproto ipv4"):
        back(controller, first)
        assert endpoint(controller, "local", "wg-1").startswith("[")


def test_large_packets_that_vanish_stop_no_copy(controller: Controller, first: str) -> None:
    # A machine that has its line cut a burst into packets would lose the whole of it here.
    for machine, line in (("local", "wan1"), ("remote", "ccpp1")):
        controller.run(machine, f"ethtool --offload {line} tx-udp-segmentation off gso off tso off")
    mtu = {"local": "/sys/class/net/wg-1/mtu", "remote": f"/sys/class/net/{first}/mtu"}
    before = {machine: int(controller.run(machine, f"cat {file}")) for machine, file in mtu.items()}
    controller.run(
        "workstation", "head -c 20M /dev/urandom > /home/large.bin; ccpp-backup run --today-anyway"
    )
    controller.run("local", "ccpp-backup receive", good=(0, 3))
    with dropped_in_the_middle(controller, "meta length > 1400"):
        controller.run("remote", "runuser -u ccpp-backup -- ccpp-backup replicate", good=(0, 3))
        status = json.loads(controller.run("remote", "ccpp-backup status --json", good=(0, 3)))
        assert status["sources"][0]["pending_replication"] == 0
        assert cutting.way(controller) == first
        for machine, file in mtu.items():
            assert int(controller.run(machine, f"cat {file}")) < before[machine]
    for machine, file in mtu.items():
        controller.run(machine, "ccpp-backup links look", good=(0, 3))
        assert int(controller.run(machine, f"cat {file}")) == before[machine]


def test_a_large_copy_waits_for_the_line_that_is_not_paid_for(controller: Controller, first: str) -> None:
    """The commune's file says: those over 50 MB, for 20 hours."""

    def pending() -> int:
        controller.run("remote", "ccpp-backup links look", good=(0, 3))
        controller.run("remote", "runuser -u ccpp-backup -- ccpp-backup replicate", good=(0, 3))
        said = json.loads(controller.run("remote", "ccpp-backup status --json", good=(0, 3)))
        return int(said["sources"][0]["pending_replication"])

    small, large = "date > /home/small.txt", "head -c 60M /dev/urandom > /home/bulky.bin"
    with dropped_in_the_middle(controller, ""):
        cutting.wait_for(lambda: cutting.way(controller) not in ("", first), PATIENCE, "the spare carries")
        for change, waiting in ((small, 0), (large, 1)):
            controller.run("workstation", f"{change}; ccpp-backup run --today-anyway")
            controller.run("local", "ccpp-backup receive", good=(0, 3))
            assert pending() == waiting, change
    cutting.wait_whole(controller, first)
    assert pending() == 0
