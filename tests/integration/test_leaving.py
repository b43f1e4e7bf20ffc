# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune gets its data back: all of it, as it was, and it can check that itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from trees import below, differences
from world import SLUG, World

SEED = 20260411


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk of the commune"
    folder.mkdir()
    return folder


def awkward_files(folder: Path) -> None:
    """Names and kinds that a careless list of checksums or a careless comparison gets wrong."""
    folder.mkdir(exist_ok=True)
    names = [
        b"\xff no UTF-8",
        "œuvre à l'été".encode(),
        b"new\nline",
        b"back\\slash",
        b"carriage\rreturn",
        b"*",
        b" ",
    ]
    for name in (*names, b"ends with a newline\n", b"-rf", b"\\n"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(os.urandom(1000))
    (folder / "nobody's").symlink_to("/nowhere\nat all")
    (folder / "empty folder").mkdir()
    os.mkfifo(folder / "pipe")
    os.link(folder / "*", folder / "second name")


def given(world: World, site: str, disk: Path, *arguments: str, **more: Any) -> dict[str, Any]:
    found = world.agent_json(site, "handback", "--commune", SLUG, "--to", str(disk), *arguments, **more)
    assert isinstance(found, dict)
    return found


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """As the commune checks it."""
    command = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)


@pytest.mark.parametrize("site", ["local", "remote"])
def test_every_file_comes_back_as_it_was_and_sha256sum_says_so(world: World, disk: Path, site: str) -> None:
    awkward_files(world.data() / "awkward")
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    done = given(world, site, disk)
    folder = Path(done["folder"])
    (part,) = done["parts"]
    assert differences(world.data(), below(folder / part["folder"], world.data())) == []
    assert checked(folder).returncode == 0
    listed = (folder / "SHA256SUMS").read_bytes().count(b"\n")
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert listed == len(files) - 1 == part["files"] + 1  # but for the list itself; with LISEZMOI.txt
    assert "sha256sum --check" in (folder / "LISEZMOI.txt").read_text(encoding="utf-8")
    assert not (folder / ".restitution").exists()
    (entry,) = world.acts(site, "handed-back")
    assert entry["sha256"] == done["sha256"]
    assert entry["snapshots"] == [part["snapshot"]]


def test_the_commune_sees_what_was_changed_lost_or_added(world: World, disk: Path) -> None:
    awkward_files(world.data() / "awkward")
    world.back_up_and_receive()
    folder = Path(given(world, "local", disk)["folder"])
    victim = next(folder.rglob("new\nline"))
    victim.write_bytes(b"another content")
    assert checked(folder).returncode == 1
    victim.unlink()
    assert checked(folder).returncode == 1


def test_handing_back_again_changes_nothing_until_there_is_a_newer_backup(world: World, disk: Path) -> None:
    world.back_up_and_receive()
    first = given(world, "local", disk)
    again = given(world, "local", disk)
    assert (first["changed"], again["changed"]) == (True, False)
    assert {**again, "changed": True} == {**first, "at": again["at"]}
    assert len(world.acts("local", "handed-back")) == 1
    (world.data() / "newer").write_text("newer", encoding="utf-8")
    world.back_up_and_receive()
    newer = given(world, "local", disk)
    assert newer["changed"]
    assert newer["sha256"] != first["sha256"]
    assert checked(Path(newer["folder"])).returncode == 0


def test_one_backup_of_each_month_can_be_handed_back_too(world: World, disk: Path) -> None:
    days = ["2026-03-02", "2026-03-20", "2026-04-01", "2026-04-03"]
    for day in days:
        (world.data() / "today").write_text(day, encoding="utf-8")
        world.back_up_and_receive(f"{day}T12:00:00Z")
    done = given(world, "local", disk, "--monthly", now="2026-04-03T18:00:00Z")
    assert [part["day"] for part in done["parts"]] == ["2026-04-03", "2026-04-01", "2026-03-02"]
    for part in done["parts"]:
        there = below(Path(done["folder"]) / part["folder"], world.data()) / "today"
        assert there.read_text(encoding="utf-8") == part["day"]
    assert checked(Path(done["folder"])).returncode == 0


def test_a_source_with_nothing_but_incomplete_backups_hands_back_the_newest_of_these(
    world: World, disk: Path
) -> None:
    world.as_client("backup", "--host", "accueil", str(world.data()))
    world.age_snapshots("local", 600)
    world.agent("local", "receive", expect=None)
    done = given(world, "local", disk)
    assert [part["outcome"] for part in done["parts"]] == ["partial"]
    assert "incomplète" in (Path(done["folder"]) / "LISEZMOI.txt").read_text(encoding="utf-8")


def test_a_damaged_backup_is_never_handed_back_as_if_it_were_sound(world: World, disk: Path) -> None:
    (world.data() / "large").write_bytes(os.urandom(2_000_000))
    world.back_up_and_receive()
    packs = [path for path in (world.repository("local") / "data").rglob("*") if path.is_file()]
    largest = max(packs, key=lambda path: path.stat().st_size)
    largest.chmod(0o600)
    body = bytearray(largest.read_bytes())
    body[len(body) // 2] ^= 1
    largest.write_bytes(bytes(body))
    done = world.agent("local", "handback", "--commune", SLUG, "--to", str(disk), expect=1)
    assert done.stderr.count("\n") == 1
    assert world.acts("local", "handed-back") == []
    assert not (disk / f"restitution-{SLUG}" / "SHA256SUMS").exists()


def test_what_the_disk_did_not_keep_is_found_by_the_comparison(world: World, disk: Path) -> None:
    """A disk that loses, changes or adds: made by hand between restoring and comparing."""
    from backup_core import restic, tree_comparison
    from backup_core.commands import Repository
    from backup_core.config import RepositoryAccess

    awkward_files(world.data() / "awkward")
    snapshot = world.back_up_and_receive()
    access = RepositoryAccess(str(world.password("accueil.local")), location=str(world.repository("local")))
    repository = Repository(access, None)
    restic.checked(restic.run(repository.restore(snapshot, str(disk))), "restore")

    def differing() -> list[str]:
        with open(disk.parent / "listing", "wb") as listing:
            return tree_comparison.compare(repository, snapshot, str(disk), listing).differences

    assert differing() == []
    there = below(disk, world.data())
    (there / "awkward" / "empty folder").rmdir()
    (there / "awkward" / "nobody's").unlink()
    (there / "awkward" / "nobody's").symlink_to("elsewhere")
    with open(there / "sparse", "r+b") as file:
        file.seek(500_000)
        file.write(b"x")
    (there / "empty").unlink()
    (there / "empty").mkdir()
    (there / "stranger").write_text("x", encoding="utf-8")
    (there / "dossier élus" / "note 3.txt").unlink()
    found = "\n".join(differing())
    for expected in (
        "empty folder: no such file",
        "nobody's: is not the same link",
        "sparse: has another content",
        "empty: is no file",
        "note 3.txt: no such file",
        ".: 1 more than the snapshot has",
    ):
        assert expected in found, found


def test_a_hand_back_killed_at_any_moment_ends_well_when_started_again(world: World, disk: Path) -> None:
    chance = random.Random(SEED)
    for number in range(40):
        (world.data() / f"file {number}").write_bytes(chance.randbytes(300_000))
    world.back_up_and_receive()
    for _kill in range(6):
        process = world.start("local", "handback", "--commune", SLUG, "--to", str(disk))
        world.sleep(chance.uniform(0.1, 1.5))
        process.kill()
        process.wait()
        if chance.random() < 0.5:
            world.kill_restic()
        listing = disk / f"restitution-{SLUG}" / "SHA256SUMS"
        assert not listing.exists() or checked(listing.parent).returncode == 0
    world.wait_for_restic()
    done = given(world, "local", disk)
    folder = Path(done["folder"])
    assert checked(folder).returncode == 0
    assert differences(world.data(), below(folder / done["parts"][0]["folder"], world.data())) == []
    assert {entry["sha256"] for entry in world.acts("local", "handed-back")} == {done["sha256"]}
    assert sorted(path.name for path in folder.iterdir()) == ["LISEZMOI.txt", "SHA256SUMS", "accueil"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--commune", SLUG, "--to", "relative"), "--to: 'relative' is not an absolute path"),
        (("--commune", SLUG, "--to", "/nowhere/at/all"), "--to: /nowhere/at/all is not there"),
        (("--commune", "ailleurs", "--to", "/tmp"), "--commune: 'ailleurs' is not known here"),
        (("--commune", SLUG, "--to", "/tmp"), f"{SLUG}: there is no backup to hand back"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(world: World, arguments: tuple[str, ...], said: str) -> None:
    done = world.agent("local", "handback", *arguments, expect=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_says_what_would_be_handed_back_and_writes_nothing(world: World, disk: Path) -> None:
    world.back_up_and_receive()
    before = json.dumps(world.entries("local"))
    done = given(world, "local", disk, "--check")
    assert [part["source"] for part in done["parts"]] == ["accueil"]
    assert list(disk.iterdir()) == []
    assert json.dumps(world.entries("local")) == before
