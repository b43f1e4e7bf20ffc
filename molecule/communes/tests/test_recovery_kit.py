# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the paper alone: a bare machine, a disk, restic, and what is printed, typed as it stands."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ccpp_testbed import paper, trees
from ccpp_testbed.steps import Controller

SLUG, SOURCE = "saint-exemple", "accueil"
FOLDER = "/home/kit-de-secours"
TARGET = "/root/restauration"
UNITS = (
    "ccpp-backup.target 'ccpp-backup-*.socket' 'ccpp-backup-*.service' 'ccpp-backup-*.timer' nginx.service"
)
# A stick with REMOTE's copy of the commune, as somebody brings it along.
STICK = "/var/tmp/stick.img"


@dataclass(frozen=True)
class Kit:
    """The codes of the paper, by what they are for."""

    text: str
    machine: str
    disk_of_local: str
    courier: str
    target: str
    arrival: str
    local: str
    local_key: str
    remote: str
    remote_key: str
    end: str


@pytest.fixture(scope="module")
def pdf(controller: Controller) -> Iterator[Path]:
    folder = controller.state / "kits"
    shutil.rmtree(folder, ignore_errors=True)
    controller.playbook(
        *("ccpp.backup.kit", "-e", f"commune={SLUG}", "-e", f"kit_directory={folder}", "-e", "kit_again=true")
    )
    (made,) = folder.glob("*.pdf")
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def kit(controller: Controller, pdf: Path) -> Kit:
    printed = paper.read(controller, "workstation", pdf)
    codes = printed.codes

    def place(what: str) -> int:
        (found,) = (number for number, code in enumerate(codes) if what in code)
        return found

    local, remote = place(f"=repositories/{SOURCE}\n"), place(f"={SLUG}/{SOURCE}\n")
    machine = place("apt-get")
    return Kit(
        printed.text,
        *(codes[machine], codes[machine + 1], codes[place(f"-name {SLUG} ")]),
        *(codes[place("read -r CIBLE")], codes[place("received_at")]),
        *(codes[local], codes[local + 1], codes[remote], codes[remote + 1]),
        codes[place("rm /root")],
    )


@pytest.fixture(scope="module")
def files(controller: Controller) -> dict[str, Any]:
    """What the workstation held at its last backup, which both servers have."""
    trees.fill(controller, "workstation", FOLDER, files=200, seed=7)
    expected = trees.manifests(controller, "workstation", (FOLDER,))
    controller.run("workstation", "ccpp-backup run --today-anyway")
    controller.run("local", f"ccpp-backup receive --source {SOURCE}")
    controller.run("remote", f"ccpp-backup replicate --commune {SLUG} --source {SOURCE}")
    return expected


@pytest.fixture
def disk(controller: Controller, files: dict[str, Any]) -> Iterator[str]:
    """One disk of LOCAL's mirror, taken out of the server and put into the bare machine."""
    del files
    device = controller.run("local", "readlink -f /dev/disk/by-id/testbed-2").strip()
    controller.run("local", f"systemctl stop {UNITS}; ! mountpoint -q /srv/backup")
    number = device.removeprefix("/dev/loop")
    controller.run("bare", f"[ -b {device} ] || mknod {device} b 7 {number}")
    controller.run("local", "btrfs device scan --forget")
    yield device
    controller.run("bare", f"umount /mnt/disque; rm -rf {TARGET} /root/cle-*", good=(0, 32))
    controller.run("local", "btrfs device scan --forget; btrfs device scan /dev/disk/by-id/testbed-*")
    controller.run(
        "local",
        "systemctl start ccpp-backup-store.service && systemctl start"
        " ccpp-backup-writer.socket ccpp-backup-reader.socket ccpp-backup.target nginx.service",
    )


@pytest.fixture
def stick(controller: Controller, files: dict[str, Any]) -> Iterator[str]:
    """A disk with REMOTE's repositories of the commune, filled at the CCPP, and now in the bare machine."""
    del files
    controller.run("remote", "apt-get install --yes e2fsprogs")
    make = f"mkdir /var/tmp/stick && cp -a /srv/backup/{SLUG} /var/tmp/stick/ && truncate -s 200M {STICK}"
    controller.run("remote", f"rm -rf /var/tmp/stick; {make} && mkfs.ext4 -q -d /var/tmp/stick {STICK}")
    content = controller.run("remote", f"gzip -c {STICK} | base64")
    controller.run("remote", f"rm -rf /var/tmp/stick {STICK}")
    controller.run("bare", f"base64 -d | gunzip > {STICK}", stdin=content)
    nodes = "for n in $(seq 0 99); do [ -b /dev/loop$n ] || mknod /dev/loop$n b 7 $n; done"
    device = controller.run("bare", f"{nodes}; losetup --find --show {STICK}").strip()
    yield device
    controller.run("bare", f"umount /mnt/disque; rm -rf {TARGET} /root/cle-*", good=(0, 32))
    controller.run("bare", f"losetup --detach {device}; rm {STICK}")


def typed(controller: Controller, *codes: str, answers: Sequence[str] = ()) -> str:
    """Type the commands on the bare machine; after each that waits for something, the next answer."""
    left = iter(answers)
    lines = []
    for line in "".join(codes).splitlines():
        lines.append(line)
        if re.match(r"read |lire ", line):
            lines += [*next(left).splitlines()]
    return controller.run("bare", "bash", stdin="\n".join(lines) + "\n")


def until(code: str, command: str) -> str:
    """The commands of a code up to and with that one."""
    return code[: code.index("\n", code.index(command)) + 1]


def test_the_file_is_for_its_owner_alone_and_git_leaves_it_alone(pdf: Path) -> None:
    assert oct(pdf.stat().st_mode)[-3:] == "600"
    assert (pdf.parent / ".gitignore").read_text() == "*\n"


def test_everything_in_a_code_is_printed_as_text_too(kit: Kit) -> None:
    printed = {" ".join(line.split()) for line in kit.text.splitlines()}
    codes = (kit.machine, kit.disk_of_local, kit.courier, kit.local, kit.local_key, kit.remote_key, kit.end)
    for code in codes:
        for line in code.splitlines():
            assert " ".join(line.split()) in printed


def restored_by_hand(
    controller: Controller, kit: Kit, reach: str, device: str, commands: str, key: str
) -> dict[str, Any]:
    """Follow the paper from the bare machine to the restored files; their description."""
    prepared = (kit.machine, reach, kit.target)
    answers = [device, TARGET, key + "\n"]
    listed = typed(controller, *prepared, until(commands, "restic snapshots"), answers=answers)
    last = re.findall(rf"^([0-9a-f]{{8}})  .*  {SOURCE} ", listed, re.MULTILINE)[-1]
    controller.run("bare", "umount /mnt/disque")
    said = typed(controller, *prepared, commands, kit.arrival, answers=[*answers, last])
    assert re.search(r'"received_at":"20\d\d-', said) or reach == kit.courier
    found = trees.manifests(controller, "bare", (FOLDER,), f"{TARGET}/{SOURCE}")
    typed(controller, kit.end)
    return found


def test_one_disk_of_the_town_halls_server_gives_everything_back(
    controller: Controller, kit: Kit, files: dict[str, Any], disk: str
) -> None:
    found = restored_by_hand(controller, kit, kit.disk_of_local, disk, kit.local, kit.local_key)
    assert trees.differences(files, found) == []


def test_a_disk_from_the_ccpp_gives_everything_back(
    controller: Controller, kit: Kit, files: dict[str, Any], stick: str
) -> None:
    found = restored_by_hand(controller, kit, kit.courier, stick, kit.remote, kit.remote_key)
    assert trees.differences(files, found) == []


def test_nothing_of_ours_was_needed_on_the_bare_machine(controller: Controller) -> None:
    found = controller.run("bare", "ls /usr/local/bin /etc/ccpp-backup /srv/backup 2>/dev/null", good=(0, 2))
    assert "ccpp" not in found
    assert controller.run("bare", "ls /root /mnt/disque").split() in (["/mnt/disque:", "/root:"], [])


def test_the_record_says_for_whom_and_when_and_no_secret(controller: Controller, kit: Kit) -> None:
    record = (controller.state / "secrets" / f"{SLUG}.kits.yml").read_text(encoding="utf-8")
    assert re.search(r'fingerprint: [0-9A-F ]{19}, for: "Saint-Exemple-sur-Noye", on: "20\d\d', record)
    for key in (kit.local_key, kit.remote_key):
        assert not any(group in record for line in key.splitlines() for group in line.split()[1:])


def test_a_kit_that_is_there_already_is_not_made_again(controller: Controller, pdf: Path) -> None:
    del pdf
    folder = controller.state / "no-kits"
    recap = controller.playbook(
        "ccpp.backup.kit", "-e", f"commune={SLUG}", "-e", json.dumps({"kit_directory": str(folder)})
    )
    assert recap.changed == 0
    assert not folder.exists()
