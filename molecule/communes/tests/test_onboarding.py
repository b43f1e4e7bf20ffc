# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two communes of different tiers that were onboarded at once, one of them cut off on the way."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ccpp_testbed import trees
from office import Office

TERABYTE = 150_000_000
# Of each commune: its LOCAL server, its tier, and its sources with the machine that reads each.
COMMUNES = {
    "saint-exemple": ("local", 1, {"accueil": "workstation", "partage": "local"}),
    "bourg-exemple": ("local2", 4, {"mairie": "workstation2"}),
}
SOURCES = [(slug, source) for slug, (_machine, _tier, sources) in COMMUNES.items() for source in sources]
FOLDERS = {"accueil": "/home/dossiers", "partage": "/srv/partage", "mairie": "/srv/dossiers"}


@pytest.mark.parametrize(("slug", "source"), SOURCES)
def test_every_source_has_a_verified_copy_at_the_ccpp(office: Office, slug: str, source: str) -> None:
    found = office.status("remote", slug, source)
    assert found["snapshots"] >= 1
    assert (found["newest_ok"]["verified"], found["verified_sound"]) == (True, True)


@pytest.mark.parametrize(("slug", "source"), SOURCES)
def test_the_copy_holds_what_the_machine_held(office: Office, slug: str, source: str) -> None:
    folder, target = FOLDERS[source], f"/root/{source}"
    office.run("remote", f"rm -rf {target}; install -d -o ccpp-backup {target}")
    office.run(
        "remote",
        f"cd /; ccpp-backup restore --commune {slug} --source {source} --date 2099-12-31"
        f" --path {folder} --target {target}",
    )
    expected = trees.manifests(office, COMMUNES[slug][2][source], (folder,))
    assert len(expected[folder]) > 5
    assert trees.differences(expected, trees.manifests(office, "remote", (folder,), target)) == []
    office.run("remote", f"rm -rf {target}")


def limits(office: Office, machine: str, folder: str) -> set[int]:
    """The limits of the quota groups that a folder of the store belongs to."""
    number = office.run(machine, f"btrfs inspect-internal rootid {folder}").strip()
    said = office.run(machine, "btrfs --format json qgroup show -re --raw /srv/backup")
    groups = json.loads(said)["qgroup-show"]
    return {
        group["max_referenced"] for group in groups if group["qgroupid"] in (f"0/{number}", f"1/{number}")
    } - {"none", None}


@pytest.mark.parametrize("slug", COMMUNES)
def test_each_has_the_room_of_its_own_tier_at_both_ends(office: Office, slug: str) -> None:
    machine, tier, _sources = COMMUNES[slug]
    assert limits(office, machine, "/srv/backup/repositories") == {tier * TERABYTE}
    assert limits(office, "remote", f"/srv/backup/{slug}") == {tier * TERABYTE}
    # The server takes in less, so that the agent has room to give room back.
    taken = re.findall(r" --max-size (\d+)", office.run(machine, "systemctl cat ccpp-backup-writer.service"))
    assert [0 < int(size) < tier * TERABYTE for size in taken] == [True]


def test_neither_knows_the_others_secrets(office: Office) -> None:
    for slug, (machine, _tier, _sources) in COMMUNES.items():
        assert office.run(machine, "ls /etc/ccpp-backup/secrets").split() == [slug]
        assert office.run(machine, "ls /etc/ccpp-backup/communes").split() == [f"{slug}.json"]


def test_the_servers_have_measured_themselves_and_recovery_is_planned_with_it(office: Office) -> None:
    for machine in ("local", "local2", "remote"):
        kept = json.loads(office.run(machine, "cat /var/lib/ccpp-backup/benchmark.json"))
        assert kept["disk_read_mb_s"] > 0
        assert kept["directory"] == "/srv/backup/benchmark"
        assert office.run(machine, "ls -A /srv/backup/benchmark") == ""
    measured = office.folder / "measured"
    office.playbook(
        *("ccpp.backup.benchmark", "--limit", "saint-exemple-local,remote"),
        *("-e", json.dumps({"measured_directory": str(measured)})),
    )
    assert sorted(path.name for path in measured.iterdir()) == ["remote.json", "saint-exemple-local.json"]
    (plan,) = office.ask("recovery", "--file", str(office.file("saint-exemple")))
    steps = {step["label"]: step for step in plan["steps"]}
    for label, host in (("LOCAL", "saint-exemple-local"), ("REMOTE", "remote")):
        kept = json.loads((measured / f"{host}.json").read_text(encoding="utf-8"))
        step = steps[f"disk of {label}, reading"]
        assert (step["value"], step["note"]) == (
            kept["disk_read_mb_s"],
            f"measured {kept['measured_at'][:10]}",
        )


def test_a_benchmark_that_promises_less_than_the_file_stops_the_next_run(office: Office) -> None:
    kept = office.folder / "measured" / "bourg-exemple-local.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text('{"disk_read_mb_s": 0.2}', encoding="utf-8")
    with pytest.raises(Exception, match=r"bourg-exemple\.yml: recovery: from LOCAL, .* disk of LOCAL"):
        office.check_inventory()
    Path(kept).unlink()
    office.check_inventory()
