# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two paths, one service: cut in every way, and no way around the tunnels."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from typing import Any

import cutting
import pytest
from ccpp_testbed import topology
from ccpp_testbed.steps import Controller
from cutting import BACK_WITHIN, CUTS, CUTS_IN_ALL, PATIENCE, REMOTE, RETURN_GAP, SLACK, Cut


def test_sixty_cuts_are_seen_switched_over_and_taken_back(
    controller: Controller, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    acts: list[tuple[Cut, float, float, float]] = []
    with cutting.watching(controller) as seen:
        for number in range(CUTS_IN_ALL):
            cut = CUTS[number % len(CUTS)]
            begun = cutting.moment(controller, cut.machine, cut.cut)
            try:
                cutting.wait_for(
                    lambda: cutting.way(controller) not in ("", first),
                    PATIENCE,
                    f"switch after a cut {cut.name}",
                )
            finally:
                mended = cutting.moment(controller, cut.machine, cut.mend)
            cutting.wait_for(
                lambda: cutting.way(controller) == first, PATIENCE, f"return after a cut {cut.name}"
            )
            time.sleep(1)
            acts.append((cut, begun, mended, time.time()))
    watch = seen[0]
    gaps = [watch.gap(begun, mended) for _cut, begun, mended, _end in acts]
    returns = [watch.gap(mended, end) for _cut, _begun, mended, end in acts]
    detected = [one for _cut, begun, *_rest in acts if (one := watch.detected(begun)) is not None]
    switched = [one for _cut, begun, *_rest in acts if (one := watch.switched(begun)) is not None]
    lines = [
        f"{len(acts)} cuts of the first path",
        f"  death told by BFD        {cutting.figures(detected)}",
        f"  route switched           {cutting.figures(switched)}",
        f"  traffic back after a cut {cutting.figures(gaps)}",
        f"  gap when it returns      {cutting.figures(returns)}",
    ]
    for cut in CUTS:
        mine = [gap for gap, (kind, *_rest) in zip(gaps, acts, strict=True) if kind is cut]
        lines.append(f"  back after one {cut.name}: {cutting.figures(mine)}")
    cutting.tell(capsys, *lines)
    assert len(watch.answers) > 100
    assert cutting.high(gaps) <= BACK_WITHIN
    assert max(returns) <= RETURN_GAP


def test_a_line_that_flaps_for_a_minute_is_survived(
    controller: Controller, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    middle = CUTS[0]
    with cutting.watching(controller) as seen:
        begun = time.time()
        while time.time() < begun + 60:
            for command in (middle.cut, middle.mend):
                controller.run(middle.machine, command)
                time.sleep(2)
        ended = time.time()
        cutting.wait_whole(controller, first)
    answers = [one for one in seen[0].answers if begun <= one <= ended]
    lost = max(0.0, 1 - len(answers) * 0.05 / (ended - begun))
    gap = seen[0].gap(begun, ended)
    cutting.tell(
        capsys, f"flapping every 2 s for a minute: longest gap {gap:.2f} s, {lost:.0%} of the pings lost"
    )
    assert answers
    assert seen[0].gap(begun, ended) <= 5 * SLACK


def test_both_paths_are_in_status_and_metrics_and_a_dead_spare_is_told(controller: Controller) -> None:
    spare = Cut(
        "spare", "router", CUTS[0].cut.replace("wan1", "wan2").replace("ccpp1", "ccpp2"), CUTS[0].mend
    )
    controller.run(spare.machine, spare.cut)
    try:
        for machine in ("local", "remote"):

            def told(machine: str = machine) -> bool:
                said = json.loads(controller.run(machine, "ccpp-backup links --json", good=(0, 3)))
                states = {one["number"]: one["state"] for one in said["paths"]}
                return states == {1: "up", 2: "down"} and "spare" in " ".join(said["reasons"])

            cutting.wait_for(told, PATIENCE, f"{machine} tells that the spare is dead")
            text = controller.run(machine, "ccpp-backup status", good=(0, 3))
            assert "the spare path (4g" in text
            controller.run(machine, "ccpp-backup status --metrics /run/links.prom", good=(0, 3))
            metrics = controller.run(machine, "cat /run/links.prom")
            assert 'ccpp_backup_link_up{commune="saint-exemple",path="2",kind="4g"' in metrics
            assert 'ccpp_backup_link_carries_traffic{commune="saint-exemple",path="1",kind="fibre"' in metrics
    finally:
        controller.run(spare.machine, spare.mend)


def test_no_tunnel_can_run_inside_the_other(controller: Controller, first: str) -> None:
    """Whatever routes lead the endpoint into the other tunnel: WireGuard keeps to its own line."""
    endpoint = topology.load("links").machines["remote"].addresses["ccpp2"][0]
    controller.run("local", f"ip route replace {endpoint}/32 dev wg-1 metric 1")
    try:
        # REMOTE even announces it, past its own filter.
        announce = f"vtysh -c 'configure terminal' -c 'ip prefix-list OWN seq 99 permit {endpoint}/32'"
        announce += f" -c 'ip route {endpoint}/32 blackhole' -c 'router bgp 65000'"
        announce += f" -c 'address-family ipv4 unicast' -c 'network {endpoint}/32'"
        controller.run("remote", announce)
        time.sleep(3)
        learnt = controller.run("local", "vtysh -c 'show bgp ipv4 unicast json'")
        assert endpoint not in learnt
        out = controller.run("local", f"ip -json route get {endpoint} mark 5102")
        assert json.loads(out)[0]["dev"] == "wan2"
        # With its own line dead, the second tunnel must die, not crawl into the first.
        controller.run("local", "ip link set wan2 down")
        dead = "vtysh -c 'show bfd peer 10.83.8.0 json' | grep -q '\"status\":\"down\"'"
        cutting.wait_for(
            lambda: not controller.run("local", f"{dead} || echo alive"), PATIENCE, "wg-2 is dead"
        )
        assert controller.run("local", f"ip route get {endpoint} mark 5102 2>&1", good=(0, 1, 2)).startswith(
            "RTNETLINK answers"
        )
    finally:
        mend = f"ip link set wan2 up; systemctl restart testbed-routes; ip route del {endpoint}/32 dev wg-1"
        controller.run("local", mend, good=(0, 1))
        withdraw = "vtysh -c 'configure terminal' -c 'router bgp 65000' -c 'address-family ipv4 unicast'"
        withdraw += f" -c 'no network {endpoint}/32'"
        withdraw += (
            f" -c exit -c exit -c 'no ip route {endpoint}/32 blackhole' -c 'no ip prefix-list OWN seq 99'"
        )
        controller.run("remote", withdraw, good=(0, 1))


def test_the_outer_ports_are_refused_inside_the_tunnels(controller: Controller, first: str) -> None:
    port = int(first.removeprefix("wg-"))
    counter = "nft -j list counter inet ccpp_backup refused_out"
    before = json.loads(controller.run("local", counter))["nftables"][-1]["counter"]["packets"]
    send = (
        f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{REMOTE}', {port}))"
    )
    controller.run("local", f"python3 -c {shlex.quote(send)}", good=(0, 1))
    after = json.loads(controller.run("local", counter))["nftables"][-1]["counter"]["packets"]
    assert after > before


def test_private_keys_are_roots_alone_and_in_no_configuration(machine_named: Callable[[str], Any]) -> None:
    for name in ("local", "remote"):
        host = machine_named(name)
        keys = host.run("find /etc/ccpp-backup/links/keys -name '*.key'").stdout.split()
        assert len(keys) == 2
        for key in keys:
            assert (host.file(key).user, host.file(key).mode) == ("root", 0o600)
        assert host.run("grep -l PrivateKey /etc/wireguard/*.conf").stdout == ""
