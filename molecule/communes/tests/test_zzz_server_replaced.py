# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A LOCAL server breaks: its disks go into another machine, whose address the file gets; one run follows.

Last of all: the scenario's inventory describes the machine that is broken from here on.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ccpp_testbed import topology
from office import Office

SLUG, SOURCE = "bourg-exemple", "mairie"
STOP = "systemctl stop ccpp-backup.target 'ccpp-backup-*.socket' 'ccpp-backup-*.service' nginx.service"


@pytest.fixture(scope="module")
def renewed(office: Office) -> Office:
    """The administrator's inventory once the spare machine stands where the old server stood."""
    office.run("local2", f"{STOP}; ! mountpoint -q /srv/backup && btrfs device scan --forget")
    disks = office.run("local2", "readlink -f /dev/disk/by-id/testbed-1 /dev/disk/by-id/testbed-2").split()
    office.run("spare", "mkdir -p /dev/disk/by-id")
    for number, device in enumerate(disks, 1):
        node = f"[ -b {device} ] || mknod {device} b 7 {device.removeprefix('/dev/loop')}"
        office.run("spare", f"{node}; ln -sf {device} /dev/disk/by-id/testbed-{number}")
    spare = topology.load(office.name).machines["spare"].addresses
    moved = {
        "ansible_host": spare["admin"][0],
        "commune_lan_address": spare["lan2"][0],
        "commune_pull_address": spare["wan1"][0],
    }
    # In the commune's file it is one line, server.address; in the test bed that address is nobody's.
    office.edit(SLUG, lambda fields: fields["server"].update(address="192.0.2.12"))
    overlay = office.state / "renewed.yml"
    hosts = {"bourg-exemple-local": moved, "bourg-exemple-mairie": {"commune_lan_address": spare["lan2"][0]}}
    overlay.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return replace(office, overlays=(overlay,))


def test_one_run_sets_the_new_server_up_and_finds_the_old_ones_store(renewed: Office) -> None:
    before = renewed.status("remote", SLUG, SOURCE)["snapshots"]
    assert before >= 1
    renewed.playbook("ccpp.backup.site", "--limit", "commune_bourg_exemple")
    assert renewed.run("spare", "cat /etc/ccpp-backup/agent.json").count('"bourg-exemple-local"') == 1
    assert renewed.status("spare", SLUG, SOURCE)["snapshots"] >= before


def test_the_chain_goes_on_from_the_workstation_to_the_ccpp(renewed: Office) -> None:
    before = renewed.status("remote", SLUG, SOURCE)["snapshots"]
    renewed.run("workstation2", "ccpp-backup run --today-anyway")
    renewed.run("spare", f"ccpp-backup receive --source {SOURCE}")
    renewed.run("remote", f"ccpp-backup replicate --commune {SLUG} --source {SOURCE}")
    found = renewed.status("remote", SLUG, SOURCE)
    assert found["snapshots"] == before + 1
    assert not [reason for reason in found["reasons"] if "does not continue" in reason]
