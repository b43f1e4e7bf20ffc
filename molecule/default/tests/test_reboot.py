# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server must remember when it starts anew. Later tests find LOCAL as it came up by itself."""

from __future__ import annotations

import json
from typing import Any

from ccpp_testbed import machines, topology
from ccpp_testbed.host import podman
from ccpp_testbed.steps import Controller

SCOPES = {
    "source:saint-exemple/accueil": "--commune saint-exemple --source accueil",
    "commune:saint-exemple": "--commune saint-exemple",
    "everything": "--everything",
}


def held(controller: Controller) -> list[str]:
    said = controller.run("local", "ccpp-backup hold list --source accueil --json")
    (source,) = json.loads(said)["sources"]
    return list(source["held"])


def test_holds_of_every_scope_survive_a_reboot(controller: Controller, local: Any) -> None:
    started = "systemctl show --property=UserspaceTimestampMonotonic --value"
    before = controller.run("local", started)
    for scope in SCOPES.values():
        controller.run("local", f"ccpp-backup hold place {scope} --why 'an exercise' --who tester")
    podman("stop", "--time=60", topology.load(controller.name).machines["local"].full_name, limit=120)
    machines.create(controller.name)
    try:
        assert controller.run("local", started) != before
        assert sorted(held(controller)) == sorted(f"{scope}, by tester: an exercise" for scope in SCOPES)
        said = controller.run("local", "ccpp-backup retain --source accueil --dry-run --json", good=(0, 4))
        (source,) = json.loads(said)["sources"]
        reasons = [reason for one in source["decisions"] for reason in one["reasons"]]
        assert any(reason.startswith("hold: ") for reason in reasons)
    finally:
        for scope in SCOPES.values():
            controller.run("local", f"ccpp-backup hold release {scope} --why over --who tester")
    assert held(controller) == []
    assert local.run("systemctl is-active ccpp-backup-receive.path").stdout.strip() == "active"
