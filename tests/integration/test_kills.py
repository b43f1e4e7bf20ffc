# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb killed at any moment: run again, the same verbs bring everything to where it should be."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from trees import below, differences
from world import LIBRARY, World, restic_program

SEED = 20260302


def acknowledged(world: World, site: str) -> set[str]:
    """Snapshots with a receipt, and not removed since."""
    entries = world.entries(site)
    removed = {one for entry in entries if entry["act"] == "removed" for one in entry["snapshots"]}
    return {entry["snapshot"] for entry in entries if entry["act"] == "receipt"} - removed


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing_acknowledged(world: World, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    verbs = [
        ("workstation", "run", "--today-anyway"),
        ("local", "receive"),
        ("remote", "replicate"),
        ("local", "verify"),
        ("local", "retain"),
        ("remote", "retain"),
    ]
    for number in range(30):
        (world.data() / f"file {number % 5}").write_bytes(chance.randbytes(200_000))
        site, *verb = chance.choice(verbs)
        had = {place: acknowledged(world, place) for place in ("local", "remote")}
        process = world.start(site, *verb)
        # From the interpreter's start to well after a verb's usual end.
        world.sleep(chance.uniform(0.05, 1.2))
        process.kill()
        process.wait()
        if chance.random() < 0.5:
            world.kill_restic()
        world.wait_for_restic()
        for place, before in had.items():
            assert before <= acknowledged(world, place) <= world.snapshots(place), f"{number}: {site} {verb}"
    world.age_snapshots("local", 600)
    world.agent("workstation", "run", "--today-anyway", expect=None)
    world.agent("local", "receive", expect=None)
    world.agent("remote", "replicate", expect=None)
    assert acknowledged(world, "local") == world.snapshots("local")
    assert acknowledged(world, "remote") == world.snapshots("remote")
    originals = {entry["original"] for entry in world.acts("remote", "receipt")}
    assert originals == acknowledged(world, "local")
    assert world.acts("local", "missing") == []
    for site in ("local", "remote"):
        world.agent(site, "verify")
        target = tmp_path / site
        newest = world.agent_json(site, "restore", "--list")["snapshots"][-1]["snapshot"]
        world.agent(site, "restore", "--snapshot", newest, "--target", str(target))
        assert differences(world.data(), below(target, world.data())) == []


PROGRAM = """
import json, sys
from backup_core.repository import Key, Wanted, ensure
secrets, base = sys.argv[1:]
wanted = Wanted(
    location=base + "/repository", password_file=secrets + "/secret", ledger=base + "/ledger.jsonl",
    site="local", who="setup", keys=(Key("remote", secrets + "/other"),))
done = ensure(wanted)
open(base + "/actions", "w").write(json.dumps(done.actions))
"""


def ensure_in_background(secrets: Path, base: Path) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LIBRARY), "RESTIC": restic_program()}
    command = [sys.executable, "-c", PROGRAM, str(secrets), str(base)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_an_initialisation_killed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    """The module's work, in a process that is killed; the last run must find nothing left to do."""
    chance = random.Random(SEED)
    (tmp_path / "secret").write_text("secret\n", encoding="ascii")
    (tmp_path / "other").write_text("other\n", encoding="ascii")
    for number in range(6):
        base = tmp_path / str(number)
        base.mkdir()
        for _ in range(2):
            process = ensure_in_background(tmp_path, base)
            try:
                process.wait(chance.uniform(0.2, 3.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert ensure_in_background(tmp_path, base).wait() == 0
        assert ensure_in_background(tmp_path, base).wait() == 0
        assert json.loads((base / "actions").read_text(encoding="utf-8")) == []
        assert len(os.listdir(base / "repository" / "keys")) >= 2
