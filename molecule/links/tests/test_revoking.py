# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys are replaced and taken back, and what the lines carried meanwhile is looked at.

Comes last: it puts other traffic on the lines, and ends with a commune that has no tunnels.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import cutting
import pytest
from ccpp_testbed import topology
from ccpp_testbed.steps import Controller
from cutting import BACK_WITHIN, LOCAL, REMOTE, WANS

SECONDS = 5


def test_keys_are_replaced_while_the_traffic_goes_on(controller: Controller) -> None:
    record = controller.state / "links" / "saint-exemple.yml"
    before = record.read_text(encoding="utf-8")
    with cutting.watching(controller) as seen:
        begun = time.time()
        controller.playbook("ccpp.backup.links_rotate", "-e", "commune=saint-exemple")
        ended = time.time()
    keys = {line for line in before.splitlines() if line.startswith("  - ")}
    assert keys.isdisjoint(record.read_text(encoding="utf-8").splitlines())
    assert seen[0].gap(begun, ended) <= 3 * BACK_WITHIN


def test_nothing_but_wireguard_was_outside(controller: Controller) -> None:
    counted = controller.run(
        "router", "systemctl kill --signal INT 'outside-*'; sleep 1; cat /run/outside.*.err"
    )
    found = {wan: controller.run("router", f"cat /run/outside.{wan}").splitlines() for wan in WANS}
    assert found == {wan: [] for wan in WANS}
    # Each of them was at work to the end.
    assert counted.count("0 packets captured") == len(WANS)


@contextlib.contextmanager
def unfiltered(controller: Controller) -> Iterator[None]:
    """Without firewalls, which let nobody measure a bare line."""
    try:
        for machine in ("local", "remote"):
            controller.run(machine, "nft delete table inet ccpp_backup")
        yield
    finally:
        for machine in ("local", "remote"):
            controller.run(machine, "systemctl restart ccpp-backup-firewall")


def rate(controller: Controller, source: str, target: str) -> float:
    """What LOCAL gets through to an address of REMOTE's, in Mbit/s."""
    controller.run("remote", f"iperf3 --server --one-off --daemon --bind {target}")
    said = controller.run("local", f"iperf3 --client {target} --bind {source} --time {SECONDS} --json")
    return float(json.loads(said)["end"]["sum_received"]["bits_per_second"]) / 1e6


def test_what_a_tunnel_carries_is_told_beside_what_its_line_does(
    controller: Controller, capsys: pytest.CaptureFixture[str]
) -> None:
    known = topology.load("links").machines
    line = (known["local"].addresses["wan1"][0], known["remote"].addresses["ccpp1"][0])
    with unfiltered(controller):
        bare = rate(controller, *line)
        tunnel = rate(controller, LOCAL, REMOTE)
    cutting.tell(
        capsys,
        f"through the tunnel {tunnel:.0f} Mbit/s, over the bare veth {bare:.0f} Mbit/s: {tunnel / bare:.0%}",
    )
    assert 0 < tunnel < bare


def test_a_revoked_commune_is_gone_from_remote_in_one_run(controller: Controller, first: str) -> None:
    controller.playbook("ccpp.backup.links_revoke", "-e", "commune=saint-exemple")
    assert "wg-" not in controller.run("remote", "ip -brief link")
    assert "saint-exemple" not in controller.run("remote", "vtysh -c 'show running-config'")
    left = "find /etc/wireguard /etc/ccpp-backup/links /etc/frr"
    left += " -name '*saint-exemple*' -o -name '*.key' -o -name 'wg-*'"
    assert controller.run("remote", left) == ""
    assert controller.run("remote", f"ping -c 1 -W 1 {LOCAL} >/dev/null 2>&1 || echo dead") == "dead\n"
