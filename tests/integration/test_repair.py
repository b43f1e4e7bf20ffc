# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage at REMOTE is mended from LOCAL; what neither has is named, file by file and day by day."""

from __future__ import annotations

import os
import random
from pathlib import Path

from trees import below, differences
from world import World


def filled(world: World) -> list[str]:
    taken = []
    for number in range(3):
        (world.data() / f"file {number}").write_bytes(os.urandom(400_000))
        (world.data() / "changing").write_text(f"state {number}", encoding="ascii")
        taken.append(world.back_up_and_receive())
    world.agent("remote", "replicate")
    return taken


def spoil(path: Path, how: int) -> None:
    path.chmod(0o600)
    if how == 0:
        path.unlink()
    elif how == 1:
        os.truncate(path, path.stat().st_size // 2)
    else:
        body = bytearray(path.read_bytes())
        body[len(body) // 3] ^= 8
        path.write_bytes(bytes(body))


def packs(world: World, site: str) -> list[Path]:
    return sorted(world.repository(site).glob("data/*/*"))


def test_every_pack_damaged_at_remote_comes_again_from_local(world: World, tmp_path: Path) -> None:
    filled(world)
    before = world.snapshots("remote")
    for number, pack in enumerate(packs(world, "remote")):
        spoil(pack, number % 3)
    spoil(next((world.repository("remote") / "index").iterdir()), 2)
    world.agent("remote", "verify", expect=3)
    done = world.agent_json("remote", "repair", "--source", "accueil")["sources"][0]
    assert sorted(done["fetched"]) == sorted(before)
    assert (done["lost"], done["failed"]) == ([], {})
    assert world.snapshots("remote") == before
    world.agent("remote", "verify")
    assert world.acts("remote", "repaired")[-1]["lost_count"] == 0
    world.agent("remote", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    # Nothing is left to do, and nothing is written twice.
    ledger = world.ledger("remote").read_bytes()
    again = world.agent_json("remote", "repair", "--source", "accueil")["sources"][0]
    assert (again["set_aside"], again["fetched"]) == ([], [])
    assert world.ledger("remote").read_bytes() == ledger


def test_what_both_sides_have_lost_is_named_by_file_and_day(world: World, tmp_path: Path) -> None:
    first, *_others = filled(world)
    (world.data() / "gone for good").write_bytes(os.urandom(500_000))
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    for site in ("local", "remote"):
        spoil(max(packs(world, site), key=lambda path: path.stat().st_size), 2)
    said = world.agent("remote", "repair", "--source", "accueil", expect=3)
    lost = [line for line in said.stderr.splitlines() if "LOST" in line]
    assert len(lost) == 1
    assert "gone for good" in lost[0]
    world.agent("remote", "verify", expect=3)
    # The older days are whole.
    originals = {entry["original"]: entry["snapshot"] for entry in world.acts("remote", "receipt")}
    world.agent("remote", "restore", "--snapshot", originals[first], "--target", str(tmp_path / "t"))
    assert (below(tmp_path / "t", world.data()) / "file 0").exists()


def test_local_sets_aside_and_a_full_backup_brings_what_the_source_still_has(
    world: World, tmp_path: Path
) -> None:
    filled(world)
    spoil(max(packs(world, "local"), key=lambda path: path.stat().st_size), 2)
    said = world.agent("local", "repair", "--source", "accueil", expect=3).stderr
    assert "LOST" in said
    assert "a full backup" in said
    world.back_up_and_receive(None, "--full")
    # Only an earlier state that the source itself no longer has stays lost.
    left = world.agent_json("local", "repair", "--source", "accueil", expect=None)["sources"][0]["lost"]
    assert all(one["path"].endswith("/changing") for one in left)
    world.agent("local", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []


def test_a_repair_that_is_killed_hides_nothing_for_good(world: World) -> None:
    chance = random.Random(3)
    filled(world)
    before = world.snapshots("remote")
    for pack in packs(world, "remote"):
        spoil(pack, 0)
    for _number in range(5):
        process = world.start("remote", "repair", "--source", "accueil")
        world.sleep(chance.uniform(0.4, 2.5))
        process.kill()
        process.wait()
        world.kill_restic()
        world.wait_for_restic()
    world.agent_json("remote", "repair", "--source", "accueil")
    assert world.snapshots("remote") == before
    world.agent("remote", "verify")


def test_what_is_to_be_repaired_must_be_named(world: World) -> None:
    for words, word in (((), "--source: missing"), (("--source", "nobody"), "not known here")):
        refused = world.agent("remote", "repair", *words, expect=2).stderr
        assert (word in refused, refused.count("\n")) == (True, 1)
