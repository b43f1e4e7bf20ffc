# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that the README prints run as they are printed, on the machine that the README names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from ccpp_testbed import access
from ccpp_testbed.host import CHECKOUT
from ccpp_testbed.steps import Controller

# What the README has a person do once, in every shell; the password file is the testbed's.
ACTIVATE = ". .venv/bin/activate"
PASSWORD = "export ANSIBLE_VAULT_PASSWORD_FILE=~/.ccpp-vault"
ON_CONTROLLER = (
    "make setup",
    "make help",
    "make commune ARGS=--help",
    "make allocate",
    "roles/agent/files/ccpp-backup capacity --file inventory/communes/saint-exemple.yml",
    "roles/agent/files/ccpp-backup recovery --file inventory/communes/saint-exemple.yml",
)
# Writes into the inventory of this checkout: tests/unit/core/test_commune_command.py answers its questions.
ASKS = "make commune"
SITE = "ansible-playbook ccpp.backup.site"
FOR_ONE = f"{SITE} --limit commune_saint_exemple"
# The machines are in line already, and stay as they are.
ON_THE_MACHINES = (
    "ansible-playbook ccpp.backup.onboard -e commune=saint-exemple",
    f"{FOR_ONE} --check --diff",
    FOR_ONE,
    SITE,
)
STATUS = "sudo ccpp-backup status"
LIST = "sudo ccpp-backup restore --source accueil --list"
DATE = "2026-11-20"
FOLDER = "/home/secretariat"
TARGET = "/root/restored"
RESTORE = f"sudo ccpp-backup restore --source accueil --date {DATE} --path {FOLDER} --target {TARGET}"
ELSEWHERE = "--commune saint-exemple"
PLAN = (
    "ccpp-backup plan --receipts receipts.jsonl --open-days days.json --policy policy.json"
    " --now 2026-11-23T20:00:00+01:00"
)
HELP = ("ccpp-backup plan --help", "ccpp-backup --help")
# Printed, and run elsewhere.
ELSEWHERE_RUN = {
    "make demo": "make demo-twice",
    "make test": "CI",
    "make clean": "by hand: it would take away what CI is working with",
    "ansible-playbook ccpp.backup.offboard -e commune=saint-exemple -e handback_to=/media/disque": (
        "molecule/communes/tests/test_zz_offboarding.py, once its scenario runs in CI"
    ),
}
PROGRAMS = ("make", ".", "export", "ansible-playbook", "roles/agent/files/ccpp-backup", "ccpp-backup", "sudo")


def printed() -> set[str]:
    """The commands of the README, without their comments: indented blocks, and what stands in backticks."""
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^    (.+?)(?: +# .*)?$", text, re.MULTILINE)
    inline = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text)]
    return {*blocks, *(one for one in inline if one.split()[0] in PROGRAMS and len(one.split()) > 1)}


def test_what_is_run_here_is_what_the_readme_prints() -> None:
    here = {ACTIVATE, PASSWORD, *ON_CONTROLLER, ASKS, *ON_THE_MACHINES, STATUS, LIST, RESTORE, PLAN, *HELP}
    assert here | set(ELSEWHERE_RUN) == printed()


@pytest.fixture(scope="module")
def shell(
    controller: Controller, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """A sysadmin's shell in the checkout. Only the environment says that the machines are the testbed's."""
    home = tmp_path_factory.mktemp("home")
    password = access.ensure_vault_password(controller.name).read_text(encoding="utf-8")
    (home / ".ccpp-vault").write_text(password, encoding="utf-8")
    inventories = ",".join(str(CHECKOUT / one) for one in controller.inventory() if one != "-i")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))
    }
    environment = kept | {"HOME": str(home), "ANSIBLE_INVENTORY": inventories, "ANSIBLE_NOCOLOR": "1"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", f"{ACTIVATE}; {PASSWORD}; {command}"],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )

    return run


Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("command", ON_CONTROLLER)
def test_the_sysadmins_machine_runs(shell: Shell, command: str) -> None:
    allocation = CHECKOUT / "inventory/allocation.yml"
    before = allocation.read_bytes()
    done = shell(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert allocation.read_bytes() == before


@pytest.mark.parametrize("command", ON_THE_MACHINES)
def test_a_playbook_changes_nothing_where_all_is_in_line(shell: Shell, command: str) -> None:
    done = shell(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"changed=(\d+)", done.stdout)) == {"0"}, done.stdout


def test_a_commune_cannot_be_asked_for_without_a_terminal(shell: Shell) -> None:
    done = shell(ASKS)
    assert done.returncode != 0
    assert "ccpp-backup: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["local", "remote"])
def test_a_server_says_how_things_stand(controller: Controller, name: str) -> None:
    assert "accueil" in as_admin(controller, name, STATUS, good=(0, 3))


@pytest.fixture(scope="module")
def day(controller: Controller) -> str:
    """The day of a backup of the folder that the README restores; both servers have it."""
    controller.run(
        "workstation", f"mkdir -p {FOLDER} && echo délibération > '{FOLDER}/conseil du 3 mars.txt'"
    )
    count = "ccpp-backup restore --list --json --commune saint-exemple --source accueil"
    before = len(json.loads(controller.run("local", count))["snapshots"])
    controller.run("workstation", "ccpp-backup run --today-anyway")
    for _attempt in range(120):
        controller.run("local", "ccpp-backup receive")
        if len(json.loads(controller.run("local", count))["snapshots"]) > before:
            break
        time.sleep(0.5)
    controller.run("remote", "ccpp-backup replicate --commune saint-exemple --source accueil")
    return str(datetime.now(ZoneInfo("Europe/Paris")).date())


@pytest.fixture
def emptied(controller: Controller) -> Iterator[None]:
    for _time in range(2):
        for name in ("local", "remote"):
            controller.run(name, f"rm -rf {TARGET}")
        if _time == 0:
            yield


@pytest.mark.parametrize(("name", "more"), [("local", ""), ("remote", f" {ELSEWHERE}")])
@pytest.mark.usefixtures("emptied")
def test_a_file_comes_back(controller: Controller, day: str, name: str, more: str) -> None:
    assert day in as_admin(controller, name, LIST + more)
    # Nothing here was backed up on the README's day: of the whole command, that alone is not as printed.
    as_admin(controller, name, RESTORE.replace(DATE, day) + more)
    assert controller.run(name, f"cat '{TARGET}{FOLDER}/conseil du 3 mars.txt'") == "délibération\n"


def test_what_will_be_kept_can_be_asked(controller: Controller) -> None:
    receipts = [
        {
            "id": f"s{number}",
            "series": "accueil",
            "kind": "incremental",
            "outcome": "ok",
            "received_at": f"2026-11-{number}T12:04:00+01:00",
            "claimed_at": f"2026-11-{number}T12:00:00+01:00",
        }
        for number in (19, 20, 23)
    ]
    files = {
        "receipts.jsonl": "".join(f"{json.dumps(one)}\n" for one in receipts),
        "days.json": json.dumps([f"2026-11-{number}" for number in (19, 20, 23)]),
        "policy.json": "{}",
    }
    for file, text in files.items():
        controller.run("local", f"cat > /home/admin/{file}", stdin=text)
    said = as_admin(controller, "local", PLAN)
    assert "3 to keep, 0 to remove, 0 in quarantine" in said


@pytest.mark.parametrize("command", HELP)
def test_help_is_there(controller: Controller, command: str) -> None:
    assert "usage: ccpp-backup" in as_admin(controller, "local", command)


def as_admin(controller: Controller, name: str, command: str, good: tuple[int, ...] = (0,)) -> str:
    """What the command prints for an administrator who came in over SSH."""
    call = access.ssh_command(controller.name, name, command)
    done = subprocess.run(call, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode in good, done.stdout + done.stderr
    return done.stdout
