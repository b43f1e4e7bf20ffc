# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys are replaced and taken back. Comes last: it ends with a commune that has no tunnels."""

from __future__ import annotations

import time

import cutting
from ccpp_testbed.steps import Controller
from cutting import BACK_WITHIN, LOCAL, WANS


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
    assert counted.count("packets captured") == len(WANS)
    for wan in WANS:
        said = controller.run("router", f"cat /run/outside.{wan}").strip()
        assert said == "", f"{wan}: {said.splitlines()[:5]}"


def test_a_revoked_commune_is_gone_from_remote_in_one_run(controller: Controller, first: str) -> None:
    controller.playbook("ccpp.backup.links_revoke", "-e", "commune=saint-exemple")
    assert "wg-" not in controller.run("remote", "ip -brief link")
    assert "saint-exemple" not in controller.run("remote", "vtysh -c 'show running-config'")
    left = "find /etc/wireguard /etc/ccpp-backup/links /etc/frr"
    left += " -name '*saint-exemple*' -o -name '*.key' -o -name 'wg-*'"
    assert controller.run("remote", left) == ""
    assert controller.run("remote", f"ping -c 1 -W 1 {LOCAL} >/dev/null 2>&1 || echo dead") == "dead\n"
