# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's whole way: workstation, LOCAL, REMOTE, and back from either, byte for byte."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ccpp_testbed import trees
from ccpp_testbed.steps import Controller

Secret = Callable[[str, str], str]

SOURCE = "--commune saint-exemple --source accueil"
FOLDERS = ("/home/mairie", "/srv/partage")
SECRETS = "/etc/ccpp-backup/secrets/saint-exemple"


def snapshots(controller: Controller, machine: str) -> list[dict[str, Any]]:
    listed = json.loads(controller.run(machine, f"ccpp-backup restore --list --json {SOURCE}"))["snapshots"]
    assert isinstance(listed, list)
    return listed


def objects(controller: Controller) -> str:
    """Everything in the workstation's repository, save locks."""
    return controller.run(
        "local", "cd /srv/backup/repositories/accueil && find . -type f ! -path './locks/*' | sort"
    )


@pytest.fixture(scope="module")
def source(controller: Controller) -> dict[str, Any]:
    """The workstation's files as they were when it made its last backup, which both servers then have."""
    controller.run("workstation", f"rm -rf {' '.join(FOLDERS)}")
    for seed, folder in enumerate(FOLDERS):
        trees.fill(controller, "workstation", folder, files=400, seed=seed)
    expected = trees.manifests(controller, "workstation", FOLDERS)
    before = len(snapshots(controller, "local"))
    controller.run("workstation", "ccpp-backup run --today-anyway")
    for _attempt in range(60):
        controller.run("local", "ccpp-backup receive")
        if len(snapshots(controller, "local")) > before:
            break
        time.sleep(0.5)
    controller.run("remote", f"ccpp-backup replicate {SOURCE}")
    return expected


@pytest.fixture
def target(controller: Controller) -> Iterator[str]:
    folder = "/var/tmp/restored-by-test"
    yield folder
    for machine in ("local", "remote", "workstation"):
        controller.run(machine, f"rm -rf {folder}")


@pytest.mark.parametrize("machine", ["local", "remote"])
def test_a_server_restores_byte_for_byte(
    controller: Controller, source: dict[str, Any], target: str, machine: str
) -> None:
    snapshot = snapshots(controller, machine)[-1]["snapshot"]
    controller.run(machine, f"ccpp-backup restore {SOURCE} --snapshot {snapshot} --target {target}")
    assert trees.differences(source, trees.manifests(controller, machine, FOLDERS, target)) == []


def test_the_workstation_restores_one_folder_for_itself(
    controller: Controller, source: dict[str, Any], target: str
) -> None:
    folder = FOLDERS[0]
    controller.run("workstation", f"ccpp-backup restore {SOURCE} --path {folder} --target {target}")
    expected = {folder: source[folder]}
    assert trees.differences(expected, trees.manifests(controller, "workstation", (folder,), target)) == []


def test_every_backup_has_a_receipt_and_a_copy(controller: Controller, source: dict[str, Any]) -> None:
    del source
    at_local, at_remote = (snapshots(controller, machine) for machine in ("local", "remote"))
    assert len(at_local) == len(at_remote) >= 2
    assert {one["outcome"] for one in at_local} == {"ok"}


@pytest.mark.parametrize("machine", ["local", "remote"])
def test_verification_finds_nothing(controller: Controller, source: dict[str, Any], machine: str) -> None:
    del source
    controller.run(machine, "ccpp-backup verify")


@pytest.mark.parametrize("machine", ["local", "remote"])
def test_verification_names_a_flipped_bit(
    controller: Controller, source: dict[str, Any], machine: str
) -> None:
    del source
    store = {"local": "/srv/backup/repositories/accueil", "remote": "/srv/backup/saint-exemple/accueil"}[
        machine
    ]
    pack = controller.run(machine, f"find {store}/data -type f | sort | tail -1").strip()
    flip = (
        "import sys; f = open(sys.argv[1], 'r+b'); f.seek(99); b = f.read(1)[0];"
        " f.seek(99); f.write(bytes([b ^ 1]))"
    )
    controller.run(machine, f'chmod u+w {pack} && python3 -c "{flip}" {pack}')
    try:
        said = controller.run(machine, "ccpp-backup verify --json 2>&1", good=(3,))
    finally:
        controller.run(machine, f'python3 -c "{flip}" {pack}; chmod u-w {pack}')
    assert pack.rpartition("/")[2] in said
    controller.run(machine, "ccpp-backup verify")


WRONG = {
    "authority": "cp /etc/ssl/certs/ca-certificates.crt {config}/ca.pem",
    "HTTP password": "sed -i 's|//accueil:[^@]*@|//accueil:wrong@|' {secrets}/accueil.location",
    "HTTP user": "sed -i 's|//accueil:|//urbanisme:|' {secrets}/accueil.location",
    "repository": "sed -i 's|/accueil/$|/urbanisme/|' {secrets}/accueil.location",
    "repository password": "echo wrong > {secrets}/accueil.password",
    "scheme": "sed -i 's|rest:https|rest:http|' {secrets}/accueil.location",
}


@pytest.fixture
def other_config(controller: Controller) -> Iterator[str]:
    """A copy of the workstation's configuration, to be spoilt."""
    config = "/run/other-config"
    controller.run(
        "workstation",
        f"rm -rf {config}; cp -a /etc/ccpp-backup {config}"
        f" && sed -i 's|/etc/ccpp-backup/|{config}/|g' {config}/communes/*.json",
    )
    yield config
    controller.run("workstation", f"rm -rf {config}")


def test_a_copy_of_the_configuration_works_as_well(controller: Controller, other_config: str) -> None:
    controller.run("workstation", f"CCPP_BACKUP_CONFIG={other_config} ccpp-backup restore --list")


@pytest.mark.parametrize("wrong", WRONG)
def test_the_client_refuses_and_writes_nothing_with_a_wrong(
    controller: Controller, source: dict[str, Any], other_config: str, wrong: str
) -> None:
    del source
    secrets = other_config + SECRETS.removeprefix("/etc/ccpp-backup")
    controller.run("workstation", WRONG[wrong].format(config=other_config, secrets=secrets))
    before = objects(controller)
    command = f"CCPP_BACKUP_CONFIG={other_config} ccpp-backup run --today-anyway 2>&1"
    said = controller.run("workstation", command, good=(1, 2))
    assert objects(controller) == before
    assert len(said.splitlines()) == 1
    assert said.startswith("ccpp-backup: ")
    assert "this is a bug" not in said


def test_daily_work_needs_no_controller(controller: Controller, source: dict[str, Any]) -> None:
    """What the machines' own timers start succeeds."""
    del source
    controller.run("local", "systemctl start ccpp-backup-receive.service")
    controller.run("local", "systemctl start ccpp-backup-verify.service")
    controller.run("remote", "systemctl start ccpp-backup-replicate.service")
    controller.run("workstation", "systemctl start ccpp-backup-run.service")


def test_a_backup_is_received_by_the_folder_that_changes_and_else_by_the_next_minute(
    controller: Controller, source: dict[str, Any]
) -> None:
    """Each of the two units while the other is stopped; nobody starts anything by hand."""
    del source

    def runs() -> str:
        return controller.run("local", "systemctl show --property=InvocationID ccpp-backup-receive.service")

    def back_up() -> str:
        said = controller.run("workstation", "ccpp-backup run --today-anyway --json")
        return str(json.loads(said)["sources"][0]["snapshot"])

    units = "ccpp-backup-receive.path ccpp-backup-receive.timer"
    try:
        controller.run("local", "systemctl stop ccpp-backup-receive.timer")
        before = runs()
        first = back_up()
        wait_until(lambda: runs() != before, 60)
        # A report that comes while the service looks waits for the next minute: no receipt is due yet.
        controller.run("local", f"systemctl stop {units} && systemctl start ccpp-backup-receive.timer")
        second = back_up()
        wait_until(
            lambda: {first, second} <= {one["snapshot"] for one in snapshots(controller, "local")}, 180
        )
    finally:
        controller.run("local", f"systemctl start {units}")
    assert {one["outcome"] for one in snapshots(controller, "local")[-2:]} == {"ok"}


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(1)
