# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs over the links outlives the death of one, and goes on by itself after that of both."""

from __future__ import annotations

import json
import shlex
import time

import cutting
from ccpp_testbed.steps import Controller
from cutting import BOTH, CUTS, PATIENCE, SLACK

SECRETS = "/etc/ccpp-backup/secrets/saint-exemple"


def start_restic(controller: Controller, unit: str, arguments: str) -> None:
    """Run restic at REMOTE against LOCAL's repository, as its pull does."""
    location = f"{SECRETS}/accueil.upstream"
    environment = (
        f"-E RESTIC_CACHE_DIR=/run/{unit} -E RESTIC_REPOSITORY_FILE={location}.location"
        f" -E RESTIC_PASSWORD_FILE={location}.password -E RESTIC_CACERT=/etc/ccpp-backup/ca.pem"
    )
    controller.run(
        "remote", f"systemd-run --quiet --unit {unit} -p RemainAfterExit=yes {environment} {arguments}"
    )


def finished(controller: Controller, unit: str) -> bool:
    said = controller.run("remote", f"systemctl show -P SubState {unit}").strip()
    assert said != "failed", controller.run("remote", f"journalctl -u {unit} -n 20 --no-pager")
    return said == "exited"


def test_a_running_copy_and_a_running_restore_survive_every_cut_of_one_path(
    controller: Controller, first: str
) -> None:
    size = 300
    controller.run("workstation", f"head -c {size}M /dev/urandom > /home/big.bin")
    controller.run("workstation", "ccpp-backup run --today-anyway")
    controller.run("local", "ccpp-backup receive", good=(0, 3))
    # Slow enough that every cut falls into it.
    slow = "add table inet slow; add chain inet slow f { type filter hook forward priority 1; };"
    slow += " add rule inet slow f iifname { wan1, wan2 } limit rate over 8 mbytes/second drop"
    controller.run("router", f"nft {shlex.quote(slow)}")
    copy = (
        "systemd-run --quiet --unit cut-copy -p RemainAfterExit=yes -p User=ccpp-backup ccpp-backup replicate"
    )
    controller.run("remote", copy)
    start_restic(
        controller, "cut-restore", "restic --no-lock restore latest --target /srv/backup/.cut-restore"
    )
    try:
        for cut in CUTS:
            controller.run(cut.machine, cut.cut)
            try:
                cutting.wait_for(lambda: cutting.way(controller) not in ("", first), PATIENCE, cut.name)
                time.sleep(2)
            finally:
                controller.run(cut.machine, cut.mend)
            cutting.wait_for(lambda: cutting.way(controller) == first, PATIENCE, f"back after {cut.name}")
        survived = [unit for unit in ("cut-copy", "cut-restore") if not finished(controller, unit)]
        assert survived, "both had come to their end before the last cut: nothing was survived"
    finally:
        controller.run("router", "nft delete table inet slow")
    for unit in ("cut-copy", "cut-restore"):
        cutting.wait_for(lambda unit=unit: finished(controller, unit), 300 * max(1.0, SLACK), f"{unit} ends")
    there = controller.run("workstation", "sha256sum < /home/big.bin").split()[0]
    restored = controller.run("remote", "sha256sum < /srv/backup/.cut-restore/home/big.bin").split()[0]
    assert restored == there
    status = json.loads(controller.run("remote", "ccpp-backup status --json", good=(0, 3)))
    assert status["sources"][0]["pending_replication"] == 0
    controller.run("remote", "rm -rf /srv/backup/.cut-restore; systemctl stop cut-copy cut-restore")


def test_after_both_paths_died_and_returned_the_next_copy_completes_by_itself(
    controller: Controller, first: str
) -> None:
    controller.run("workstation", "date > /home/after.txt; ccpp-backup run --today-anyway")
    controller.run("local", "ccpp-backup receive", good=(0, 3))
    controller.run(BOTH.machine, BOTH.cut)
    try:
        cutting.wait_for(
            lambda: not cutting.way(controller).startswith("wg-"), PATIENCE, "both paths are dead"
        )
        controller.run("remote", "ccpp-backup links look", good=(0, 3))
        said = json.loads(controller.run("remote", "ccpp-backup links --json", good=(3,)))
        assert said["level"] == "alarm"
        assert "no path is alive" in said["reasons"][0]
    finally:
        controller.run(BOTH.machine, BOTH.mend)
    cutting.wait_whole(controller, first)
    controller.run("remote", "runuser -u ccpp-backup -- ccpp-backup replicate", good=(0, 3))
    status = json.loads(controller.run("remote", "ccpp-backup status --json", good=(0, 3)))
    assert status["sources"][0]["pending_replication"] == 0
