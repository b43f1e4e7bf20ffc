# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is infected is found at both ends, held and kept back; signatures come from the CCPP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ccpp_testbed.steps import Controller

FOLDER = "/home/courrier"
# No file here holds the EICAR test string as it is: an antivirus would take the checkout away.
EICAR = "'X5O!P%@AP[4\\\\PZX54(P^)7CC)7}$EICAR-STANDARD' + '-ANTIVIRUS-TEST-FILE!$H+H*'"
INFECT = f"""
import pathlib, zipfile
folder, eicar = pathlib.Path("{FOLDER}"), {EICAR}
(folder / "facture.com").write_text(eicar)
zipfile.ZipFile(folder / "factures.zip", "w").writestr("facture.com", eicar)
with (folder / "lettre.txt").open("a") as letter:
    letter.write(eicar)
"""
INFECTED = {f"{FOLDER}/{name}" for name in ("facture.com", "factures.zip", "lettre.txt")}
WHICH = "--commune saint-exemple --source accueil"
SCAN = f"runuser -u ccpp-backup -- ccpp-backup scan {WHICH} --json"
RESTORED = "/root/kept-back"


def back_up(controller: Controller) -> None:
    controller.run("workstation", "ccpp-backup run --today-anyway")
    controller.run("local", f"ccpp-backup receive {WHICH}", good=(0, 3))
    controller.run("remote", f"ccpp-backup replicate {WHICH}", good=(0, 3))


def newest(controller: Controller, machine: str) -> dict[str, Any]:
    """What the newest scan of a machine found, and the newest snapshot's list."""
    controller.run(machine, SCAN, good=(0, 3))
    said = json.loads(controller.run(machine, f"ccpp-backup scan {WHICH} --list --json", good=(0, 3)))
    found: dict[str, Any] = said["sources"][0]["snapshots"][-1]
    return found


@pytest.fixture(scope="module")
def infected(controller: Controller) -> Iterator[None]:
    """A clean backup, and one with an infected file, archive, and change of an old file; both copied."""
    controller.run(
        "workstation", f"mkdir -p {FOLDER}; echo bonjour > {FOLDER}/lettre.txt; echo 1 > {FOLDER}/note"
    )
    back_up(controller)
    for machine in ("local", "remote"):
        assert newest(controller, machine)["outcome"] == "clean"
    controller.run("workstation", "python3 -", stdin=INFECT)
    back_up(controller)
    yield
    controller.run("workstation", f"rm -rf {FOLDER}")
    for machine in ("local", "remote"):
        controller.run(machine, f"rm -rf {RESTORED}")
        controller.run(machine, f"ccpp-backup hold release {WHICH} --why over --who tester", good=(0, 1, 2))


@pytest.mark.usefixtures("infected")
@pytest.mark.parametrize("machine", ["local", "remote"])
def test_what_is_infected_is_found_and_its_source_held(controller: Controller, machine: str) -> None:
    found = newest(controller, machine)
    assert found["outcome"] == "infected"
    assert set(found["infected"]) == INFECTED
    (source,) = json.loads(controller.run(machine, f"ccpp-backup hold list {WHICH} --json"))["sources"]
    assert any("antivirus" in one for one in source["held"]), source["held"]


@pytest.mark.usefixtures("infected")
@pytest.mark.parametrize("machine", ["local", "remote"])
def test_what_is_infected_is_not_restored_unless_told(controller: Controller, machine: str) -> None:
    day = controller.run(machine, "TZ=Europe/Paris date +%F").strip()
    restore = f"ccpp-backup restore {WHICH} --date {day} --path {FOLDER} --target {RESTORED}"
    said = controller.run(machine, f"{restore} 2>&1", good=(3,))
    assert all(path in said for path in INFECTED)
    assert controller.run(machine, f"ls {RESTORED}{FOLDER}").split() == ["note"]
    controller.run(machine, f"{restore}-too --infected-too", good=(3,))
    assert len(controller.run(machine, f"ls {RESTORED}-too{FOLDER}").split()) == 4
    controller.run(machine, f"rm -rf {RESTORED}-too")


def test_signatures_come_from_the_ccpp(controller: Controller) -> None:
    """A LOCAL server that has lost them gets them back from REMOTE's mirror."""
    database = "/var/lib/clamav/eicar.ndb"
    before = controller.run("local", f"cat {database}")
    controller.run("local", f"rm {database}; systemctl start ccpp-backup-freshclam.service")
    assert controller.run("local", f"cat {database}") == before
    assert "10.83.0.1" in controller.run("local", "cat /etc/clamav/ccpp-backup-freshclam.conf")


def test_signatures_that_know_nothing_never_mean_clean(controller: Controller) -> None:
    database = "/var/lib/clamav/eicar.ndb"
    before = controller.run("local2", f"cat {database}")
    again = "systemctl restart ccpp-backup-clamd.service"
    controller.run("local2", f"echo Something-Else:0:*:{'ab' * 30} > {database}; {again}")
    try:
        scan = "runuser -u ccpp-backup -- ccpp-backup scan --commune bourg-exemple --source mairie --json"
        said = controller.run("local2", f"{scan} 2>&1", good=(1,))
        assert "clean" not in said
        health = controller.run("local2", "ccpp-backup status", good=(3,))
        assert "antivirus" in health
    finally:
        controller.run("local2", f"cat > {database}; {again}", stdin=before)
