# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a server, to the day on which one fails, and beyond. The tests go on from one another."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ccpp_testbed import disks, exposure, traces
from ccpp_testbed.host import CHECKOUT, TestbedError
from ccpp_testbed.steps import Controller, Recap

VARIABLES = Path(__file__).resolve().parent.parent / "vars" / "disks.yml"
FIRST, SECOND, SPARE = (f"/dev/disk/by-id/testbed-{number}" for number in (1, 2, 3))
LOCAL = "saint-exemple-local"
REPOSITORY = "/srv/backup/repositories/accueil"
RESTIC = f"RESTIC_PASSWORD=x restic --quiet --no-cache --repo {REPOSITORY}"
# What the agent's unit gives it at LOCAL.
AS_AGENT = (
    "systemd-run --quiet --wait --pipe --uid=ccpp-backup"
    " --property=AmbientCapabilities='CAP_DAC_OVERRIDE CAP_FOWNER'"
    " --property=CapabilityBoundingSet='CAP_DAC_OVERRIDE CAP_FOWNER' --property=NoNewPrivileges=yes"
    " --property=ProtectSystem=strict --property=PrivateTmp=yes"
    " --property=ReadWritePaths='/srv/backup /var/lib/ccpp-backup /var/cache/ccpp-backup'"
)


def store(controller: Controller, machine: str, action: str = "check") -> dict[str, Any]:
    """What the machine says of its disks, looked at now."""
    said = controller.run(machine, f"ccpp-backup store {action} --json", good=(0, 3))
    found: dict[str, Any] = json.loads(said)
    return found


def healed(controller: Controller, machine: str) -> dict[str, Any]:
    """What the machine says once its own looks at the disks have mended what there was to mend."""
    for _look in range(30):
        found = store(controller, machine)
        if found["level"] == "ok":
            return found
        time.sleep(1)
    raise AssertionError(found["reasons"])


@dataclass(frozen=True)
class Grown(Controller):
    """An administrator who has written a larger tier into the commune's file, in a copy of the inventory."""

    tier: int = 10

    def inventory(self) -> list[str]:
        folder = self.state / "inventory"
        shutil.copytree(CHECKOUT / "inventory", folder, dirs_exist_ok=True)
        file = folder / "communes" / "saint-exemple.yml"
        text, found = re.subn(r"(?m)^tier: \d+$", f"tier: {self.tier}", file.read_text(encoding="utf-8"))
        assert found == 1
        file.write_text(text, encoding="utf-8")
        return ["-i", str(folder), "-i", str(self.state / "hosts.yml")]


def bring_in_line(controller: Controller, host: str, tier: int = 10, **variables: Any) -> Recap:
    return Grown(controller.name, tier).playbook(
        *("ccpp.backup.storage", "--limit", host),
        *("--extra-vars", f"@{VARIABLES}", "--extra-vars", json.dumps(variables)),
    )


def back_up(controller: Controller, megabytes: int = 5) -> None:
    """A backup as it arrives at LOCAL: the repository grows."""
    controller.run("local", f"head -c {megabytes}M /dev/urandom > /root/data && {RESTIC} backup /root/data")


def image(controller: Controller, machine: str, number: int) -> Path:
    return controller.state / "disks" / f"{machine}-{number}.img"


def device(controller: Controller, machine: str, number: int) -> str:
    return disks.devices_behind(controller.state / "disks")[str(image(controller, machine, number))]


@pytest.mark.parametrize("name", ["local", "remote"])
def test_every_byte_stands_on_two_disks(controller: Controller, name: str) -> None:
    listed = json.loads(controller.run(name, "btrfs --format json filesystem df /srv/backup"))
    profiles = {
        entry["bg-profile"] for entry in listed["filesystem-df"] if entry["bg-type"] != "GlobalReserve"
    }
    assert profiles == {"RAID1"}
    assert store(controller, name)["level"] == "ok"


def test_what_looks_after_the_disks_may_do_little_else(controller: Controller) -> None:
    scores = exposure.of_our_units(controller, "local")
    assert {"ccpp-backup-store.service", "ccpp-backup-store-mend.service"} <= set(scores)
    assert max(scores.values()) < exposure.LIMIT, scores


@pytest.mark.parametrize("name", ["local", "remote"])
def test_the_store_is_mounted_for_backups_and_nothing_else(controller: Controller, name: str) -> None:
    options = controller.run(name, "findmnt --noheadings --output OPTIONS /srv/backup").strip().split(",")
    assert {"noatime", "nodev", "nosuid", "noexec", "user_subvol_rm_allowed"} <= set(options)
    assert not [one for one in options if one.startswith(("compress", "degraded"))]


@pytest.mark.parametrize("name", ["local", "remote"])
@pytest.mark.parametrize(
    "unit",
    [
        "ccpp-backup-store.service",
        "ccpp-backup-store-check.timer",
        "ccpp-backup-store-scrub.timer",
        "ccpp-backup-store-balance.timer",
    ],
)
def test_what_looks_after_the_disks_runs_by_itself(
    request: pytest.FixtureRequest, name: str, unit: str
) -> None:
    machine = request.getfixturevalue(name)
    assert machine.run("systemctl is-active %s", unit).stdout.strip() == "active"
    assert machine.run("systemctl is-enabled %s", unit).stdout.strip() == "enabled"


def test_root_notes_what_it_found_where_the_agent_cannot_lead_it_astray(controller: Controller) -> None:
    folder = "/var/lib/ccpp-backup-store"
    found = controller.run("local", f"stat --format='%U %a' {folder} {folder}/storage.json")
    assert found.splitlines() == ["root 755", "root 644"]


def test_a_commune_that_is_full_stops_no_other(controller: Controller) -> None:
    fill = "dd if=/dev/zero of=/srv/backup/{}/accueil/filling bs=1M count={} conv=fsync 2>&1"
    assert "quota exceeded" in controller.run("remote", fill.format("saint-exemple", 400), good=(1,))
    controller.run("remote", fill.format("bourg-exemple", 50))
    found = store(controller, "remote")
    assert found["level"] == "alarm"
    assert [reason.split(":")[0] for reason in found["reasons"]] == ["/srv/backup/saint-exemple"]


@pytest.mark.parametrize(("tier", "megabytes"), [(4, 100), (10, 300)])
def test_a_tier_grows_online(controller: Controller, tier: int, megabytes: int) -> None:
    """More than the tier before would have held is written into a store that stays mounted."""
    before = controller.run("remote", "findmnt --noheadings --output SOURCE,OPTIONS /srv/backup")
    recap = bring_in_line(controller, LOCAL, tier)
    assert recap.changed == 2  # at LOCAL and at REMOTE
    more = f"/srv/backup/saint-exemple/accueil/more-{tier}"
    controller.run("remote", f"dd if=/dev/zero of={more} bs=1M count={megabytes} conv=fsync")
    assert store(controller, "remote")["level"] == "ok"
    assert controller.run("remote", "findmnt --noheadings --output SOURCE,OPTIONS /srv/backup") == before


def test_more_than_the_disks_hold_cannot_be_promised(controller: Controller) -> None:
    with pytest.raises(TestbedError):
        bring_in_line(controller, LOCAL, service_terabyte=200_000_000)
    assert "the disks hold 1.07 GB, and 2.00 GB are promised" in log(controller)


def log(controller: Controller) -> str:
    text = (controller.state / "ccpp.backup.storage.log").read_text(encoding="utf-8")
    return " ".join(text.split())


# A folder that LOCAL reads itself: what it takes to make backups here, with no workstation.
FOLDER = "/srv/read-by-local"
OTHER_CONFIG = "/etc/ccpp-backup-undo"
LEDGER = "/srv/backup/ledgers/accueil.jsonl"
SOURCE = {
    "kind": "path",
    "paths": [FOLDER],
    "exclude": [],
    "priority": 1,
    "repository": {"location": REPOSITORY, "password_file": f"{OTHER_CONFIG}/password", "cacert": None},
    "ledger": LEDGER,
    "reports": None,
    "report_url": None,
    "upstream": None,
}
COMMUNE = {
    "commune": "saint-exemple",
    "name": "Saint-Exemple",
    "opening": {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "public_holidays": "none"},
    "policy": {},
    "contacts": {},
    "sources": {"accueil": SOURCE},
}
UNDO = "/srv/backup/undo/saint-exemple.accueil"
FIRST_DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def agent(controller: Controller, day: float, verb: str, good: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """What the command answers that many days after the first, as the unit would run it."""
    environment = " ".join(f"--setenv={one}" for one in at(day))
    command = f"{AS_AGENT} {environment} /usr/local/bin/ccpp-backup {verb} --source accueil --json"
    found: dict[str, Any] = json.loads(controller.run("local", command, good=good))
    return dict(found["sources"][0])


def hold(controller: Controller, day: float, action: str) -> None:
    words = "--source accueil --why exercise --who tester"
    controller.run("local", f"{' '.join(at(day))} ccpp-backup hold {action} {words}")


def at(day: float) -> list[str]:
    """The environment of a command that many days after the first."""
    now = (FIRST_DAY + timedelta(days=day)).isoformat()
    return [f"CCPP_BACKUP_CONFIG={OTHER_CONFIG}", f"CCPP_BACKUP_NOW={now}"]


@pytest.fixture
def backups(controller: Controller) -> Iterator[dict[int, str]]:
    """A repository that the agent fills on six days; on the 17th, two have had their time."""
    controller.run("local", f"{RESTIC} init && chown -R nobody: {REPOSITORY} && chmod 2770 {REPOSITORY}")
    controller.run(
        "local",
        f"install -d {OTHER_CONFIG}/communes {FOLDER} && cp /etc/ccpp-backup/agent.json {OTHER_CONFIG}/"
        f" && echo x > {OTHER_CONFIG}/password && cat > {OTHER_CONFIG}/communes/saint-exemple.json"
        " && install -d -o ccpp-backup -m 0750 /srv/backup/undo /srv/backup/ledgers",
        stdin=json.dumps(COMMUNE),
    )
    made = {}
    for day in (0, 1, 2, 10, 13, 16):
        controller.run("local", f"head -c 200k /dev/urandom > {FOLDER}/diary; echo {day} > {FOLDER}/day")
        made[day] = agent(controller, day, "run --today-anyway")["snapshot"]
    yield made
    for name in controller.run("local", f"ls {UNDO}").split():
        controller.run("local", f"btrfs subvolume delete {UNDO}/{name}")
    controller.run("local", f"rm -rf {OTHER_CONFIG} {FOLDER} {LEDGER}* {UNDO}")


def test_what_was_removed_and_pruned_can_be_had_back_from_its_undo_snapshot_for_a_week(
    controller: Controller, backups: dict[int, str]
) -> None:
    """Without being root, on a real subvolume: it stands when prune has done its work."""
    before = controller.run("local", f"cd {REPOSITORY} && find data snapshots -type f | sort").split()
    retained = agent(controller, 17, "retain")
    assert set(retained["removed"]) == {backups[1], backups[2]}
    assert retained["pruned"] is True
    undo = retained["undo"]
    assert undo.startswith(f"{UNDO}/2026-03-19T")
    left = controller.run("local", f"cd {REPOSITORY} && find data snapshots -type f | sort").split()
    assert {one.rpartition("/")[2] for one in left if one.startswith("snapshots/")} == {
        backups[day] for day in (0, 10, 13, 16)
    }
    gone = set(before) - set(left)
    assert [one for one in gone if one.startswith("data/")], "prune gave no pack back"
    controller.run("local", f"{RESTIC} check --read-data")

    # The way back: everything is still there, cannot be written, and restores.
    assert controller.run("local", f"cd {undo} && find data snapshots -type f | sort").split() == before
    assert controller.run("local", f"btrfs property get {undo} ro").strip() == "ro=true"
    controller.run("local", f"touch {undo}/more", good=(1,))
    way_back = f"RESTIC_PASSWORD=x restic --quiet --no-cache --no-lock --repo {undo}"
    controller.run("local", f"{way_back} check --read-data")
    for day in (1, 2):
        assert controller.run("local", f"{way_back} dump {backups[day]} {FOLDER}/day").split() == [str(day)]

    # It goes after its week, unless somebody holds the source.
    agent(controller, 25, "run --today-anyway")
    hold(controller, 25, "place")
    agent(controller, 25, "retain", good=(4,))
    assert "config" in controller.run("local", f"ls {undo}")
    hold(controller, 25, "release")
    assert agent(controller, 25, "retain")["removed"] == [backups[10]]
    assert undo not in controller.run("local", f"ls -d {UNDO}/*")


def test_a_disk_that_holds_something_is_refused_and_left_alone(controller: Controller) -> None:
    controller.run("local", f"mkswap --label precious {SPARE}")
    with pytest.raises(TestbedError):
        bring_in_line(controller, LOCAL, storage_disks=[FIRST, SPARE])
    assert f"{SPARE}: holds swap 'precious'; to lose that" in log(controller)
    assert "precious" in controller.run("local", f"blkid --probe {SPARE}")
    assert store(controller, "local")["level"] == "ok"


def test_a_failed_disk_is_an_alert_and_no_failure_of_backups(controller: Controller) -> None:
    back_up(controller)
    # The device is still there, and answers nothing.
    os.truncate(image(controller, "local", 2), 0)
    traces.root("losetup", "--set-capacity", device(controller, "local", 2))
    back_up(controller)
    found = store(controller, "local")
    assert found["level"] == "attention"
    assert found["reasons"][0].startswith(f"degraded: {SECOND} no longer answers")
    status = json.loads(controller.run("local", "ccpp-backup status --json", good=(3,)))
    assert status["store"]["level"] == "attention"
    assert bring_in_line(controller, LOCAL).changed == 0


def test_a_server_with_a_failed_disk_starts_and_takes_backups(controller: Controller) -> None:
    controller.run("local", "systemctl stop ccpp-backup-store")
    # Without the store, nothing is written where it would be lost to view.
    controller.run("local", "touch /srv/backup/lost", good=(1,))
    controller.run("local", "ccpp-backup store mount --patience 1")
    assert "degraded" in controller.run("local", "findmnt --noheadings --output OPTIONS /srv/backup")
    back_up(controller, 20)
    assert store(controller, "local")["disks"][1]["state"] == "missing"


def test_one_run_replaces_the_failed_disk(controller: Controller) -> None:
    named = {"storage_disks": [FIRST, SPARE], "storage_wipe": [SPARE]}
    bring_in_line(controller, LOCAL, **named)
    found = healed(controller, "local")
    assert [disk["name"] for disk in found["disks"]] == [FIRST, SPARE]
    assert (found["stray_bytes"], found["scrub"]["clean"], found["scrub"]["uncorrectable"]) == (0, True, 0)
    assert bring_in_line(controller, LOCAL, **named).changed == 0
    controller.run("local", f"{RESTIC} check --read-data")


def test_a_disk_that_was_away_is_brought_up_to_date(controller: Controller) -> None:
    controller.run("remote", "systemctl stop ccpp-backup-store")
    lost = device(controller, "remote", 2)
    traces.root("losetup", "--detach", lost)
    controller.run("remote", "ccpp-backup store mount --patience 1")
    controller.run("remote", "head -c 20M /dev/urandom > /srv/backup/bourg-exemple/accueil/while-away")
    before = controller.run("remote", "sha256sum /srv/backup/bourg-exemple/accueil/while-away")
    assert store(controller, "remote")["level"] == "attention"
    controller.run("remote", "umount /srv/backup")
    traces.root("losetup", lost, str(image(controller, "remote", 2)))
    controller.run("remote", "systemctl start ccpp-backup-store")
    found = healed(controller, "remote")
    assert found["scrub"]["corrected"] > 0
    assert controller.run("remote", "sha256sum /srv/backup/bourg-exemple/accueil/while-away") == before


def test_a_machine_set_up_anew_finds_its_store(controller: Controller) -> None:
    controller.run("remote", "systemctl stop ccpp-backup-store && rm /etc/ccpp-backup/store.json")
    bring_in_line(controller, "remote")
    assert "while-away" in controller.run("remote", "ls /srv/backup/bourg-exemple/accueil")
    assert store(controller, "remote")["level"] == "ok"
