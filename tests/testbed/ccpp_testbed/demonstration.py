# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of the data on real machines: backup, receipt, copy, verification, retention, restore."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from . import machines, trees, year
from .access import state_directory
from .host import HERE, TestbedError, locked, prepare, say
from .steps import Controller, Recap, Steps, note, relative

NAME = "demo"
COMMUNE = "saint-exemple"
SOURCE = "accueil"
SERIES = f"{COMMUNE}/{SOURCE}"
FOLDERS = ("/home/mairie", "/srv/partage")
RESTORED = "/var/tmp/restored"
ONBOARDED = "/var/tmp/onboarded"
# 3: done, but something needs attention, which is so as long as there are no backups of several days.
SAID = (0, 3)


def fill(controller: Controller) -> bool:
    """Give the workstation files, or change some if it has them; whether there were none before."""
    marker = "/home/mairie/.demo"
    fresh = controller.run("workstation", f"test -e {marker} || echo fresh").strip() == "fresh"
    if fresh:
        trees.fill(controller, "workstation", FOLDERS[0])
        controller.run(
            "workstation",
            f"rm -rf {FOLDERS[1]} && mkdir -p {FOLDERS[1]}"
            f" && cp -a /usr/share/zoneinfo /usr/share/perl* /usr/share/doc {FOLDERS[1]}/ && touch {marker}",
        )
    return fresh


def latest(controller: Controller, machine: str) -> dict[str, Any]:
    said = controller.run(machine, f"ccpp-backup restore --list --json --commune {COMMUNE} --source {SOURCE}")
    snapshots = json.loads(said)["snapshots"]
    if not snapshots:
        raise TestbedError(f"{machine} holds no snapshot of {SERIES}")
    found = snapshots[-1]
    assert isinstance(found, dict)
    return found


def backup(controller: Controller) -> None:
    """Back up, and wait for the receipt: LOCAL records by itself what arrives; asking for it does no harm."""
    before = latest(controller, "local")["snapshot"]
    controller.show("workstation", "ccpp-backup run --today-anyway")
    for _attempt in range(60):
        controller.run("local", "ccpp-backup receive")
        if latest(controller, "local")["snapshot"] != before:
            note("LOCAL has written a receipt (ccpp-backup receive, which it starts when something arrives):")
            controller.show("local", f"ccpp-backup restore --source {SOURCE} --list")
            return
        time.sleep(0.5)
    raise TestbedError("LOCAL wrote no receipt within 30 s; see journalctl -u ccpp-backup-receive there")


def restore(controller: Controller, machine: str, expected: trees.Manifests) -> None:
    target = f"{RESTORED}/{SOURCE}"
    controller.run(machine, f"rm -rf {target} && mkdir -p {RESTORED}")
    command = f"ccpp-backup restore --commune {COMMUNE} --source {SOURCE} --target {target}"
    snapshot = latest(controller, machine)["snapshot"]
    controller.show(machine, f"{command} --snapshot {snapshot[:12]}")
    found = trees.differences(expected, trees.manifests(controller, machine, FOLDERS, target))
    if found:
        note("\n".join(found[:20]))
        raise TestbedError(
            f"what {machine} restored differs from the workstation's files in {len(found)} places"
        )
    entries = sum(len(folder) for folder in expected.values())
    note(f"compared with the workstation: {entries} files, folders and links are the same, byte for byte")


def retention(controller: Controller) -> None:
    today = datetime.now(UTC).date()
    first = today - timedelta(days=400)
    said = controller.run(
        "local", f"ccpp-backup calendar --from {first} --to {today + timedelta(days=30)} --json"
    )
    days = [date.fromisoformat(day) for day in json.loads(said)]
    past = [day for day in days if day <= today]
    left = year.simulate(past, SERIES)
    note(
        f"a backup on each of the {left.taken} open days since {first}, the rule applied every evening:\n"
        f"never more than {left.most} at a time, {len(left.kept)} are left. What the rule says of them:"
    )
    evening = f"{past[-1]}T20:30:00+01:00"
    for name, text in (
        ("receipts.jsonl", left.lines()),
        ("days.json", json.dumps([str(day) for day in days])),
    ):
        (controller.state / name).write_text(text, encoding="utf-8")
        controller.run("local", f"mkdir -p {RESTORED} && cat > {RESTORED}/{name}", stdin=text)
    files = f"--receipts {RESTORED}/receipts.jsonl --open-days {RESTORED}/days.json"
    controller.show("local", f"ccpp-backup plan {files} --now {evening}")


def summary(controller: Controller, steps: Steps, in_line: Recap) -> None:
    at = {machine: latest(controller, machine) for machine in ("local", "remote")}
    counts = {
        machine: len(
            json.loads(controller.run(machine, f"ccpp-backup restore --list --json --commune {COMMUNE}"))[
                "snapshots"
            ]
        )
        for machine in ("local", "remote")
    }
    state = relative(state_directory(NAME))
    here = relative(HERE)
    venv = ". .venv/bin/activate; export ANSIBLE_VAULT_PASSWORD_FILE"
    say(f"\nBacked up: {', '.join(FOLDERS)} of {COMMUNE}-{SOURCE}, {at['local']['bytes'] / 1e6:.0f} MB")
    say(f"  at LOCAL:  {counts['local']} backups in /srv/backup/repositories/{SOURCE}")
    say(f"  at REMOTE: {counts['remote']} backups in /srv/backup/{COMMUNE}/{SOURCE}")
    say("Both restored and compared with the workstation: no difference.\n")
    say("\n".join(steps.table()))
    say(f"\nThe playbook that brings every machine in line (ccpp.backup.site): {in_line}")
    inventory = f"-i inventory -i {state}/hosts.yml"
    say(
        f"""
Go on by hand:
  {here}/testbed ssh demo workstation            then: sudo ccpp-backup run --today-anyway
  {here}/testbed ssh demo local                  then: sudo ccpp-backup status
  {here}/testbed ssh demo remote                 then: sudo ccpp-backup restore --help
  {venv}=$PWD/{state}/vault-password
  ansible-playbook {inventory} ccpp.backup.site --limit commune_{COMMUNE.replace("-", "_")}
  make demo                                      again: nothing is set up twice
  make clean                                     takes it all away"""
    )


def run() -> None:
    controller = Controller(NAME)
    controller.state.mkdir(parents=True, exist_ok=True)
    controller.state.chmod(0o700)
    controller.check_inventory()
    prepare()
    steps = Steps(10)
    say(f"A commune's server, the CCPP's server and a workstation, for the commune {COMMUNE}.")
    with steps.step("Start three Debian 13 machines"):
        machines.create(NAME, COMMUNE)
    with locked(f"{NAME}-run"):
        in_line = go(controller, steps)
    summary(controller, steps, in_line)


def go(controller: Controller, steps: Steps) -> Recap:
    with steps.step("Give the workstation some thousand files"):
        note("new files" if fill(controller) else "it has them from the last run")
    with steps.step("Onboard the commune, up to its first verified copy at the CCPP"):
        known = controller.run("local", f"test ! -e {ONBOARDED} || echo known") != ""
        if known:
            note("done in an earlier run")
        else:
            controller.playbook("ccpp.backup.onboard", "-e", f"commune={COMMUNE}")
            controller.run("local", f"touch {ONBOARDED}")
    with steps.step("Bring every machine in line with the inventory"):
        recap = controller.playbook("ccpp.backup.site")
        if recap.changed and not known:
            raise TestbedError(f"the playbook changed something right after onboarding: {recap}")
    with steps.step("A day's work, and an incremental backup"):
        trees.change(controller, "workstation", FOLDERS[0], seed=time.time_ns() % 1_000_000)
        expected = trees.manifests(controller, "workstation", FOLDERS)
        backup(controller)
    with steps.step("Bring it to the REMOTE server"):
        controller.show("remote", f"ccpp-backup replicate --commune {COMMUNE}")
    with steps.step("Verify both copies, object by object"):
        controller.show("local", "ccpp-backup verify")
        controller.show("remote", f"ccpp-backup verify --commune {COMMUNE}")
    with steps.step("Restore from LOCAL, and compare"):
        restore(controller, "local", expected)
    with steps.step("Restore from REMOTE, and compare"):
        restore(controller, "remote", expected)
    with steps.step("What is kept of a year, and how things stand"):
        retention(controller)
        controller.show("local", "ccpp-backup status", SAID)
        controller.show("remote", "ccpp-backup status", SAID)
    return recap
