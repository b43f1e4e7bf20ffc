# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a file, and restoring it to its place, into an archive, and after an attack."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path

from trees import below, differences
from world import World


def at(day: int) -> str:
    return f"{date(2026, 3, 2) + timedelta(days=day)}T12:00:00+01:00"


def copy_of(world: World, tmp_path: Path) -> Path:
    kept = tmp_path / "kept"
    shutil.copytree(world.data(), kept, symlinks=True)
    return kept


def test_the_file_that_was_deleted_on_tuesday_is_found_and_put_back(world: World, tmp_path: Path) -> None:
    letter = world.data() / "dossier élus" / "Lettre au préfet.txt"
    letter.write_text("first version", encoding="utf-8")
    world.back_up_and_receive(at(0))
    letter.write_text("the second version", encoding="utf-8")
    body = letter.read_bytes()
    world.back_up_and_receive(at(1))
    letter.unlink()
    world.back_up_and_receive(at(2))
    world.agent("remote", "replicate", now=at(2))
    for site in ("local", "remote", "workstation"):
        found = world.agent_json(site, "find", "lettre au PRÉFET", now=at(2))["versions"]
        assert [one["bytes"] for one in found] == [18, 13]
        assert (found[0]["last_day"], found[0]["gone_day"]) == ("2026-03-03", "2026-03-04")
    text = world.agent("local", "find", "lettre", now=at(2)).stdout
    assert "gone on 2026-03-04" in text
    assert "nothing of that name" in world.agent("local", "find", "no such thing").stdout
    found = world.agent_json("workstation", "find", "lettre", now=at(2))["versions"]
    wanted = ("--snapshot", found[0]["snapshot"], "--path", found[0]["path"])
    world.agent("workstation", "restore", *wanted, "--in-place", now=at(2))
    assert letter.read_bytes() == body
    assert not list(world.data().rglob(".ccpp-backup-restoring-*"))


def test_what_was_changed_since_is_not_replaced_unless_told(world: World, tmp_path: Path) -> None:
    world.back_up_and_receive()
    kept = copy_of(world, tmp_path)
    changed, gone = world.data() / "empty", world.data() / "dossier élus" / "note 3.txt"
    changed.write_text("written since", encoding="utf-8")
    gone.unlink()
    refused = world.agent("workstation", "restore", "--in-place", expect=4).stderr
    assert refused.count("\n") == 1
    assert "1 files are newer than in the snapshot" in refused
    assert not gone.exists()
    world.agent("workstation", "restore", "--in-place", "--overwrite", "if-newer")
    assert changed.read_text(encoding="utf-8") == "written since"
    assert gone.read_bytes() == (kept / "dossier élus" / "note 3.txt").read_bytes()
    world.agent("workstation", "restore", "--in-place", "--overwrite", "always")
    assert differences(kept, world.data()) == []
    # Nothing is newer now: nothing needs to be said.
    gone.unlink()
    world.agent("workstation", "restore", "--in-place")
    assert differences(kept, world.data()) == []


def test_a_server_does_not_write_a_workstations_files_over_its_own(world: World) -> None:
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    for site in ("local", "remote"):
        assert "did not come from this machine" in world.agent(site, "restore", "--in-place", expect=2).stderr


def test_archives_hold_all_that_their_kind_can(world: World, tmp_path: Path) -> None:
    world.back_up_and_receive()
    tar, packed = tmp_path / "a.tar.gz", tmp_path / "a.zip"
    world.agent("local", "restore", "--archive", str(tar))
    said = world.agent("local", "restore", "--archive", str(packed)).stderr
    assert "1 links and the like are not in the archive" in said
    (tmp_path / "t").mkdir()
    subprocess.run(
        ["tar", "--extract", "--same-permissions", "--file", tar, "-C", tmp_path / "t"], check=True
    )
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    with zipfile.ZipFile(packed) as zipped:
        names = {name for name in zipped.namelist() if not name.endswith("/")}
        assert zipped.testzip() is None
    assert len(names) == sum(path.is_file() and not path.is_symlink() for path in world.data().rglob("*"))
    for bad, word in (
        (str(tar), "is there already"),
        ("a.zip", "absolute"),
        (str(tmp_path / "x.rar"), "does not end in"),
    ):
        refused = world.agent("local", "restore", "--archive", bad, expect=2).stderr
        assert (word in refused, refused.count("\n")) == (True, 1)
    more = ("--archive", str(tmp_path / "y.zip"), "--overwrite", "always")
    assert "no meaning" in world.agent("local", "restore", *more, expect=2).stderr
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["a.tar.gz", "a.zip"]


def test_after_an_attack_the_last_clean_snapshot_is_meant(world: World, tmp_path: Path) -> None:
    for path in (world.data() / "dossier élus").iterdir():
        path.write_text("plain text " * 100, encoding="ascii")
    world.back_up_and_receive(at(0))
    kept = copy_of(world, tmp_path)
    (world.data() / "how to decrypt.txt").write_text("pay", encoding="ascii")
    world.back_up_and_receive(at(1))
    world.back_up_and_receive(at(2))
    world.agent("local", "inspect", now=at(2), expect=3)
    world.agent("local", "restore", "--target", str(tmp_path / "t"), now=at(2))
    assert differences(kept, below(tmp_path / "t", world.data())) == []
    assert "perhaps ATTACKED" in world.agent("local", "restore", "--list", now=at(2)).stdout
    listed = world.agent_json("local", "restore", "--list", now=at(2))["snapshots"]
    assert [one["clean"] for one in listed] == [True, False, False]
    world.agent(
        "local", "restore", "--snapshot", listed[2]["snapshot"], "--target", str(tmp_path / "u"), now=at(2)
    )
    assert (below(tmp_path / "u", world.data()) / "how to decrypt.txt").exists()
    before = ("--date", "2026-03-01", "--target", str(tmp_path / "v"))
    assert "no complete backup on or before" in world.agent("local", "restore", *before, expect=2).stderr
    for wrong in ("2026-02-30", "yesterday"):
        bad = ("--date", wrong, "--target", str(tmp_path / "v"))
        assert "--date" in world.agent("local", "restore", *bad, expect=2).stderr


def test_a_killed_restore_leaves_every_file_whole_and_is_done_again(world: World, tmp_path: Path) -> None:
    for number in range(40):
        (world.data() / f"big {number}").write_bytes(os.urandom(500_000))
    world.back_up_and_receive()
    kept = copy_of(world, tmp_path)
    for number in range(40):
        (world.data() / f"big {number}").write_bytes(b"new content %d" % number)
    olds = {f"big {number}": b"new content %d" % number for number in range(40)}
    for wait in (0.6, 0.9, 1.2):
        process = world.start("workstation", "restore", "--in-place", "--overwrite", "always")
        time.sleep(wait)
        process.kill()
        process.wait()
        world.kill_restic()
        world.wait_for_restic()
        for name, old in olds.items():
            assert (world.data() / name).read_bytes() in (old, (kept / name).read_bytes())
    for left in world.data().glob(".ccpp-backup-restoring-*"):
        then = left.stat().st_mtime - 100_000
        os.utime(left, (then, then))
    world.agent("workstation", "restore", "--in-place", "--overwrite", "always")
    os.utime(kept, ns=(world.data().stat().st_atime_ns, world.data().stat().st_mtime_ns))
    assert differences(kept, world.data()) == []
