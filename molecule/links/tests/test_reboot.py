# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A LOCAL server that starts anew finds both its ways by itself."""

from __future__ import annotations

import json

import cutting
from ccpp_testbed import machines, topology
from ccpp_testbed.host import podman
from ccpp_testbed.steps import Controller


def test_after_a_reboot_both_paths_are_back_and_the_next_copy_completes(
    controller: Controller, first: str
) -> None:
    started = "systemctl show --property=UserspaceTimestampMonotonic --value"
    before = controller.run("local", started)
    podman("stop", "--time=60", topology.load(controller.name).machines["local"].full_name, limit=120)
    machines.create(controller.name)
    cutting.name_front(controller, topology.load(controller.name).machines["remote"].addresses["ccpp2"][0])
    assert controller.run("local", started) != before
    cutting.wait_whole(controller, first)
    controller.run("workstation", "date > /home/rebooted.txt; ccpp-backup run --today-anyway")
    controller.run("local", "ccpp-backup receive", good=(0, 3))
    controller.run("remote", "runuser -u ccpp-backup -- ccpp-backup replicate", good=(0, 3))
    status = json.loads(controller.run("remote", "ccpp-backup status --json", good=(0, 3)))
    assert status["sources"][0]["pending_replication"] == 0
