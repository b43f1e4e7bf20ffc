# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever is full to the brim is told so, and stops nobody else: a source at LOCAL, a commune at REMOTE."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from office import Office

FILL = "dd if=/dev/urandom of={} bs=1M count=400 conv=fsync 2>&1"
AT_LOCAL = "/srv/backup/repositories/accueil/data/filling"
AT_REMOTE = "/srv/backup/saint-exemple/accueil/filling"


def filled(office: Office, machine: str, path: str) -> Iterator[None]:
    assert "quota exceeded" in office.run(machine, FILL.format(path), good=(1,))
    yield
    office.run(machine, f"rm -f {path} && sync")
    # The room is there again once the file system has let go of it.
    office.run(machine, "btrfs filesystem sync /srv/backup && btrfs subvolume sync /srv/backup")


@pytest.fixture
def full_source(office: Office) -> Iterator[None]:
    yield from filled(office, "local", AT_LOCAL)


@pytest.fixture
def full_commune(office: Office) -> Iterator[None]:
    yield from filled(office, "remote", AT_REMOTE)


def count(office: Office, machine: str, slug: str, source: str) -> int:
    return int(office.status(machine, slug, source)["snapshots"])


@pytest.mark.usefixtures("full_source")
def test_a_source_that_is_full_at_local_stops_no_other_of_its_commune(office: Office) -> None:
    before = count(office, "local", "saint-exemple", "accueil")
    office.run("workstation", "head -c 3M /dev/urandom > /home/dossiers/more")
    # restic asks a server that is full again and again, for a quarter of an hour.
    said = office.run(
        "workstation", "timeout 45 ccpp-backup run --today-anyway 2>&1; echo $?; pkill -x restic; true"
    )
    assert said.splitlines()[-1] not in ("0", "3"), said
    office.run("local", "ccpp-backup receive", good=(0, 3))
    assert count(office, "local", "saint-exemple", "accueil") == before

    others = count(office, "local", "saint-exemple", "partage")
    office.run("local", "head -c 1M /dev/urandom > /srv/partage/more")
    office.run("local", "ccpp-backup run --source partage --today-anyway")
    assert count(office, "local", "saint-exemple", "partage") == others + 1


def test_once_there_is_room_again_it_goes_on(office: Office) -> None:
    before = count(office, "local", "saint-exemple", "accueil")
    office.run("workstation", "ccpp-backup run --today-anyway")
    office.run("local", "ccpp-backup receive", good=(0, 3))
    assert count(office, "local", "saint-exemple", "accueil") == before + 1


@pytest.mark.usefixtures("full_commune")
def test_a_commune_that_is_full_at_remote_stops_no_other(office: Office) -> None:
    before = count(office, "remote", "saint-exemple", "accueil")
    others = count(office, "remote", "bourg-exemple", "mairie")
    office.run("workstation2", "head -c 5M /dev/urandom > /srv/dossiers/more")
    office.run("workstation2", "ccpp-backup run --today-anyway")
    office.run("local2", "ccpp-backup receive")
    # One run of the timer for all communes, in which one goes wrong and says so.
    said = office.run("remote", "ccpp-backup replicate 2>&1; echo $?")
    assert said.splitlines()[-1] != "0", said
    assert "saint-exemple/accueil" in said
    assert count(office, "remote", "saint-exemple", "accueil") == before
    assert count(office, "remote", "bourg-exemple", "mairie") == others + 1


def test_it_catches_up_when_it_has_room_again(office: Office) -> None:
    office.run("remote", "ccpp-backup replicate --commune saint-exemple")
    pending = [
        office.status("remote", "saint-exemple", source)["pending_replication"]
        for source in ("accueil", "partage")
    ]
    assert pending == [0, 0]
