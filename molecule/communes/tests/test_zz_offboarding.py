# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune leaves, step by step, in this order; the other one on the same REMOTE server notices nothing.

Runs last (zz): the commune's machines are of no use to other tests afterwards.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from ccpp_testbed import trees
from ccpp_testbed.host import CHECKOUT, TestbedError
from ccpp_testbed.steps import Controller
from departing import PLAYBOOK, Leaving, leaving, today

SLUG, SOURCE, HOST = "saint-exemple", "accueil", "saint-exemple-local"
OTHER = "bourg-exemple"
FOLDER = "/home/depart"
DISK = "/var/tmp/disque"
RETURNED = f"{DISK}/restitution-{SLUG}"
WHO = "Camille Exemple"


@pytest.fixture(scope="module")
def admin(controller: Controller) -> Leaving:
    controller.run("local", f"rm -rf {DISK}; mkdir -p {DISK}")
    return leaving(controller, SLUG)


@pytest.fixture(scope="module")
def files(admin: Leaving) -> dict[str, Any]:
    trees.fill(admin, "workstation", FOLDER, files=60, seed=11)
    return trees.manifests(admin, "workstation", (FOLDER,))


@pytest.fixture(scope="module")
def other_before(admin: Leaving) -> str:
    return fingerprint_of_the_other(admin)


def fingerprint_of_the_other(admin: Leaving) -> str:
    """All that REMOTE holds of the other commune: names, sizes and contents."""
    folders = f"/srv/backup/{OTHER} /srv/backup/ledgers/{OTHER} /etc/ccpp-backup/secrets/{OTHER}"
    found = f"find {folders} /etc/ccpp-backup/communes/{OTHER}.json -type f ! -path '*/locks/*'"
    return admin.run("remote", f"{found} -print0 | sort -z | xargs -0 sha256sum")


def test_a_commune_that_does_not_leave_is_refused(admin: Leaving) -> None:
    with pytest.raises(TestbedError):
        admin.playbook(PLAYBOOK, "-e", f"commune={OTHER}", "-e", f"handback_to={DISK}")
    log = admin.log(PLAYBOOK)
    assert f"offboard: {OTHER}: state: 'active': write state: leaving into the commune's file first" in log


def test_nothing_is_erased_before_it_was_handed_back(admin: Leaving, other_before: str) -> None:
    del other_before
    said = admin.refused(agreed_on=str(today()), erased_by=WHO)
    assert (
        f"offboard: {SLUG}: agreed_on: nothing was handed back yet; run this with handback_to first" in said
    )
    assert admin.state_written() == "leaving"


def test_check_mode_says_what_would_be_handed_back(admin: Leaving, files: dict[str, Any]) -> None:
    del files
    admin.offboard("--check", handback_to=DISK)
    assert admin.run("local", f"ls {DISK}") == ""
    assert not (admin.departure / "departure.json").exists()


def test_everything_is_handed_back_as_plain_files_that_the_commune_can_check(
    admin: Leaving, files: dict[str, Any]
) -> None:
    admin.run("workstation", "systemctl enable --now ccpp-backup.target ccpp-backup-run.timer")
    admin.offboard(handback_to=DISK, handback_by="Dominique Exemple")
    admin.run("local", f"cd {RETURNED} && sha256sum --check --quiet --strict SHA256SUMS")
    record = admin.record()
    (part,) = (one for one in record["handback"]["parts"] if one["source"] == SOURCE)
    found = trees.manifests(admin, "local", (FOLDER,), f"{RETURNED}/{part['folder']}")
    assert trees.differences(files, found) == []
    digest = admin.run("local", f"sha256sum {RETURNED}/SHA256SUMS").split()[0]
    assert record["handback"]["sha256"] == digest
    for name, ledger in (("local", "ledgers"), ("remote", f"ledgers/{SLUG}")):
        admin.run(name, f"grep -l {digest} /srv/backup/{ledger}/{SOURCE}*.jsonl")
    units = "systemctl is-enabled ccpp-backup.target; systemctl is-active ccpp-backup-run.timer"
    assert admin.run("workstation", units, good=(3,)).split() == ["disabled", "inactive"]


def test_handing_back_again_changes_nothing(admin: Leaving) -> None:
    assert admin.offboard(handback_to=DISK).changed == 0
    assert admin.offboard().changed == 0


@pytest.mark.parametrize(
    ("days", "said"),
    [(1, "is not yet here"), (-1, "is before the hand-back")],
)
def test_the_day_is_one_that_has_come_and_after_the_hand_back(admin: Leaving, days: int, said: str) -> None:
    assert said in admin.refused(agreed_on=str(today() + timedelta(days=days)), erased_by=WHO)


@pytest.fixture
def hold(admin: Leaving) -> Iterator[None]:
    command = f"ccpp-backup hold {{}} --commune {SLUG} --why piratage --who Ada"
    admin.run("remote", command.format("place"))
    yield
    admin.run("remote", command.format("release"))


def test_a_hold_at_one_end_keeps_both_ends(admin: Leaving, hold: None) -> None:
    del hold
    said = admin.refused(agreed_on=str(today()), erased_by=WHO)
    assert f"{SLUG}/{SOURCE}: held (commune:{SLUG}, by Ada: piratage): release the hold first" in said
    assert admin.state_written() == "leaving"
    admin.run("local", f"test -f /etc/ccpp-backup/communes/{SLUG}.json")


def test_a_backup_after_the_hand_back_keeps_both_ends(admin: Leaving) -> None:
    admin.run("workstation", f"date > {FOLDER}/encore && ccpp-backup run --today-anyway")
    admin.run("local", "ccpp-backup receive")
    said = admin.refused(agreed_on=str(today()), erased_by=WHO)
    assert f"{SLUG}/{SOURCE}: was backed up again since it was handed back: hand it back again" in said
    admin.offboard(handback_to=DISK, handback_by="Dominique Exemple", handback_again=True)


def test_check_mode_of_the_erasure_touches_nothing(admin: Leaving) -> None:
    before = admin.run("local", "find /etc/ccpp-backup /srv/backup -type f | sort | sha256sum")
    admin.offboard("--check", agreed_on=str(today()), erased_by=WHO)
    assert admin.run("local", "find /etc/ccpp-backup /srv/backup -type f | sort | sha256sum") == before
    assert admin.state_written() == "leaving"


@pytest.fixture(scope="module")
def password(admin: Leaving) -> str:
    return admin.run("remote", f"cat /etc/ccpp-backup/secrets/{SLUG}/{SOURCE}.password").strip()


def test_cut_off_in_the_middle_it_goes_on_with_nothing_but_the_commune(
    admin: Leaving, password: str, other_before: str
) -> None:
    """Cut off at moments that move on, until one run gets through."""
    assert password
    assert other_before
    arguments: dict[str, Any] = {"agreed_on": str(today()), "erased_by": WHO}
    for seconds in (12, 20, 28, 36):
        if admin.state_written() != "leaving":
            arguments = {}
        command = ["ansible-playbook", *admin.inventory(), PLAYBOOK]
        command += ["-e", json.dumps({"commune": SLUG, **arguments})]
        with subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=admin.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
    admin.offboard(**({} if admin.state_written() != "leaving" else arguments))
    assert admin.state_written() == "left"
    assert admin.own_file.read_text(encoding="utf-8").startswith("state: left # convention résiliée\n")


def test_nothing_of_the_commune_is_left_at_remote(admin: Leaving, password: str) -> None:
    found = admin.run(
        "remote",
        f"find /srv/backup /etc/ccpp-backup /var/lib/ccpp-backup /var/cache/ccpp-backup -name '*{SLUG}*'",
    )
    assert sorted(found.split()) == [
        f"/var/lib/ccpp-backup/departures/{SLUG}.json",
        f"/var/lib/ccpp-backup/departures/{SLUG}.jsonl.gz",
    ]
    assert SLUG not in admin.run("remote", "btrfs subvolume list -a /srv/backup")
    # A group of quotas that is left would have no path any more.
    assert "stale" not in admin.run("remote", "btrfs qgroup show /srv/backup")
    groups = json.loads(admin.run("remote", "btrfs --format json qgroup show --raw /srv/backup"))
    places = admin.run("remote", f"ls -d /srv/backup/{OTHER}").split()
    assert sum(str(one["qgroupid"]).startswith("1/") for one in groups["qgroup-show"]) == len(places)
    assert admin.run("remote", f"grep -rlF -e {password} /etc /var/lib/ccpp-backup", good=(0, 1)) == ""


def test_local_has_neither_data_nor_keys_and_its_disks_are_blank(admin: Leaving) -> None:
    assert admin.run("local", "ls /etc/ccpp-backup", good=(0, 2)).split() in (
        [],
        ["firewall"],
        ["firewall", "links"],
    )
    assert admin.run("local", "ls /usr/local/bin /usr/local/lib | grep ccpp", good=(0, 1)) == ""
    for disk in ("testbed-1", "testbed-2"):
        admin.run(
            "local",
            f"cmp --bytes=$(blockdev --getsize64 /dev/disk/by-id/{disk}) /dev/disk/by-id/{disk} /dev/zero",
        )
    assert admin.run(
        "local", "systemctl list-units --all 'ccpp-backup*' --state=active --plain --no-legend"
    ) in (
        "",
        *re.findall(
            r".*firewall.*\n", admin.run("local", "systemctl list-units 'ccpp-backup*' --plain --no-legend")
        ),
    )
    answer = "timeout 5 bash -c '</dev/tcp/127.0.0.1/8443'"
    assert admin.run("local", f"{answer} 2>/dev/null && echo open", good=(0, 1, 124)) == ""


def test_the_workstation_has_nothing_of_the_service_but_its_own_files(admin: Leaving) -> None:
    places = "/etc/ccpp-backup /usr/local/bin/ccpp-backup /usr/local/lib/ccpp-backup /var/lib/ccpp-backup"
    assert (
        admin.run("workstation", f"ls -d {places} /etc/systemd/system/ccpp-backup* 2>/dev/null", good=(0, 2))
        == ""
    )
    admin.run("workstation", f"test -f {FOLDER}/encore")


def test_the_secrets_are_gone_and_only_those(admin: Leaving) -> None:
    kept = sorted(
        path.name for path in (admin.state / "secrets").glob("*.yml") if not path.name.endswith(".kits.yml")
    )
    assert f"{SLUG}.yml" not in kept
    assert {f"{OTHER}.yml", "service.yml"} <= set(kept)


def test_the_certificate_is_good_to_a_stock_ssh_keygen_and_says_what_was_done(admin: Leaving) -> None:
    verify = (
        "ssh-keygen -Y verify -f signers -I ccpp-backup -n certificate@ccpp-backup -s attestation.pdf.sig < "
    )
    done = subprocess.run(
        verify + "attestation.pdf",
        shell=True,
        cwd=admin.departure,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith('Good "certificate@ccpp-backup" signature for ccpp-backup'), done.stderr
    forged = (admin.departure / "attestation.pdf").read_bytes() + b" "
    (admin.departure / "forged.pdf").write_bytes(forged)
    bad = subprocess.run(
        verify + "forged.pdf", shell=True, cwd=admin.departure, capture_output=True, check=False
    )
    assert bad.returncode != 0
    (admin.departure / "forged.pdf").unlink()
    record = admin.record()
    text = admin.printed()
    assert record["handback"]["sha256"] in text
    assert WHO in text
    assert "Attestation de restitution et d’effacement des données" in text
    for disk in ("testbed-1", "testbed-2"):
        assert re.search(rf"{disk} : écrasé en entier", text)


def test_the_reduced_ledgers_prove_the_chain_and_name_nobody(admin: Leaving) -> None:
    record = admin.record()
    for site in ("local", "remote"):
        body = gzip.decompress((admin.departure / f"{site}.jsonl.gz").read_bytes())
        lines = [json.loads(line) for line in body.splitlines()]
        last = [line for line in lines if line["source"] == SOURCE][-1]
        assert last["sha256"] == record["erased"][site]["sources"][SOURCE]["head"]
        for word in (b"/home", b"Dominique", b"Camille", b"piratage"):
            assert word not in body


def test_the_other_commune_has_not_been_touched(admin: Leaving, other_before: str) -> None:
    assert fingerprint_of_the_other(admin) == other_before
    status = json.loads(admin.run("remote", "ccpp-backup status --json", good=(0, 3)))
    assert [one["commune"] for one in status["communes"]] == [OTHER]


def test_a_further_run_says_that_it_is_done_and_changes_nothing(admin: Leaving) -> None:
    assert admin.offboard().changed == 0
    log = admin.log(PLAYBOOK)
    assert f"{SLUG}: has left, nothing is to be done" in log


def test_site_no_longer_knows_its_machines_and_its_addresses_can_be_released(admin: Leaving) -> None:
    command = ["ansible-inventory", "-i", str(admin.folder), "--list"]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=admin.environment(), capture_output=True, text=True, check=True
    )
    assert HOST not in done.stdout
    source = admin.folder / "ccpp.yml"
    admin.playbook(
        "ccpp.backup.allocate", "-i", "localhost,", "-e", f"source={source}", "-e", f"release={SLUG}"
    )
    assert SLUG not in (admin.folder / "allocation.yml").read_text(encoding="utf-8")
    assert OTHER in (admin.folder / "allocation.yml").read_text(encoding="utf-8")


def test_the_record_has_the_times_in_their_order(admin: Leaving) -> None:
    record = admin.record()
    erased = record["erased"]
    times = [
        *(record["handback"]["at"], erased["local"]["begun_at"], erased["local"]["erased_at"]),
        *(erased["remote"]["erased_at"], record["done"]),
    ]
    parsed = [datetime.fromisoformat(one) for one in times]
    assert parsed == sorted(parsed)
