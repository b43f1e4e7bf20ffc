# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commune's server that has been taken over can do at REMOTE: nothing to what lies there, nothing to
the other communes, and nothing that REMOTE does not tell."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hostile import Hostile, hostile_servers
from quick_keys import forge_config
from trees import below, differences
from world import SLUG, World

TRICKS = (
    "headers", "body", "garbage", "oversized", "endless", "changing", "reset", "invented", "copy", "listing",
)  # fmt: skip
# What the status says of each; a ledger that changes is only found out by its second one.
SAID = {
    "headers": "no whole answer in",
    "body": "no whole answer in",
    "garbage": "LOCAL's ledger is rewritten",
    "oversized": "larger than",
    "endless": "larger than",
    "reset": "(3 attempts)",
    "invented": "100000 snapshots of LOCAL's ledger are not in its repository",
    "copy": "the time for one pull was up, 1 snapshots are missing",
    "listing": "restic list took more than",
}
# What one source may cost: time for 100 000 invented receipts on a slow machine.
SECONDS = 40


@pytest.fixture
def hostile(world: World) -> Iterator[Hostile]:
    world.back_up_and_receive()
    with hostile_servers(world) as servers:
        yield servers


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pull(world: World, *arguments: str) -> Any:
    limits = ("--source-time", str(SECONDS), "--commune-time", str(SECONDS + 3))
    return world.agent_json("remote", "replicate", *limits, *arguments, expect=None)


def test_ten_hostile_servers_at_once_keep_the_copy_of_an_honest_one_waiting_for_seconds(
    world: World, hostile: Hostile
) -> None:
    slugs = {trick: hostile.add(trick) for trick in TRICKS}
    before = size(world.base / "remote")
    began = time.time()
    done = pull(world)
    assert time.time() - began < SECONDS + 30

    (copied,) = world.acts("remote", "replicated")
    assert datetime.fromisoformat(copied["at"]).timestamp() - began < 15
    answers = {one["source"]: one for one in done["sources"]}
    assert set(answers) == {f"{slug}/accueil" for slug in (SLUG, *slugs.values())}
    assert len(answers[f"{SLUG}/accueil"]["copied"]) == 1
    # 45 MB are the ledger with the invented receipts: a chain that holds, within the limit, and held.
    assert size(world.base / "remote") - before < 60_000_000
    # What is genuine of a commune with an invented history is copied all the same, in a few calls.
    assert len(answers[f"{slugs['invented']}/accueil"]["copied"]) == 1
    assert sum(one.startswith("invented GET snapshots/") for one in hostile.asked) < 10

    found = world.agent_json("remote", "status", expect=3)
    reasons = {one["source"]: " | ".join(one["reasons"]) for one in found["sources"]}
    for trick, text in SAID.items():
        assert text in reasons[f"{slugs[trick]}/accueil"], trick
    assert "pull" not in reasons[f"{SLUG}/accueil"]


def test_an_honest_communes_next_backup_does_not_wait_for_the_end_of_a_hostile_pull(
    world: World, hostile: Hostile
) -> None:
    """The timer starts nothing while the unit is at work: the pull itself has to come back to the others."""
    hostile.add("copy")
    limits = ("--source-time", "60", "--commune-time", "63", "--again", "2")
    with world.start("remote", "replicate", *limits) as process:
        world.wait_until(lambda: len(world.acts("remote", "replicated")) == 1, process)
        (world.data() / "new").write_bytes(b"new")
        world.back_up_and_receive()
        world.wait_until(lambda: len(world.acts("remote", "replicated")) == 2, process)
        assert process.poll() is None, "the hostile pull was over before: no proof here"


def test_a_ledger_that_is_another_one_each_time_fills_no_disk(world: World, hostile: Hostile) -> None:
    slug = hostile.add("changing")
    for _ in range(12):
        pull(world, "--commune", slug)
    ledgers = world.base / "remote" / "ledgers"
    kept = list(ledgers.glob(f"{slug}.local.jsonl.evidence-*"))
    assert len(kept) == 4
    refused = json.loads((ledgers / f"{slug}.local.jsonl.refused.json").read_bytes())
    assert refused["count"] == 11
    entries = [json.loads(line) for line in (ledgers / f"{slug}.jsonl").read_bytes().splitlines()]
    assert sum(entry["act"] == "ledger-refused" for entry in entries) == 5
    found = world.agent_json("remote", "status", "--commune", slug, expect=3)["sources"][0]
    assert found["level"] == "alarm"
    assert any("LOCAL's ledger does not continue" in reason for reason in found["reasons"])


def test_foreign_keys_in_locals_repository_block_no_pull(world: World) -> None:
    """restic tries 20 keys and gives up; REMOTE names the one that was registered for it."""
    world.back_up_and_receive()
    keys = world.repository("local") / "keys"
    model = json.loads(next(keys.iterdir()).read_bytes())
    registered = {path.name for path in keys.iterdir()}
    for number in range(25):
        body = json.dumps({**model, "username": f"stranger {number}", "data": "AAAA"}).encode()
        (keys / hashlib.sha256(body).hexdigest()).write_bytes(body)
    # restic looks in the order of the folder: the registered ones go to its end.
    for name in registered:
        (keys / name).rename(world.base / name)
        (world.base / name).rename(keys / name)
    url = f"rest:https://replica:http-replica@localhost:{world.reader_port}/accueil/"
    stock = world.restic(
        "snapshots", "--no-lock", repository=url, password=world.password("accueil.pull"), check=False
    )
    done = world.agent_json("remote", "replicate")
    assert len(done["sources"][0]["copied"]) == 1
    assert stock.returncode != 0, "a folder's order let restic find its key without a hint: no proof here"


def test_a_copy_that_was_cut_off_goes_on_with_what_is_there(world: World) -> None:
    """Else a large first copy on a slow line would begin anew with every run, and fill the disk."""
    (world.data() / "big").write_bytes(os.urandom(120_000_000))
    world.back_up_and_receive()
    packs = world.repository("remote") / "data"
    process = world.start("remote", "replicate")
    for _ in range(2000):
        come = {path.name for path in packs.glob("*/*") if len(path.name) == 64}
        if len(come) >= 2 or process.poll() is not None:
            break
        world.pause()
    world.kill_restic()
    process.wait()
    assert world.snapshots("remote") == set()
    come = {path.name for path in packs.glob("*/*") if len(path.name) == 64}
    world.agent("remote", "replicate")
    assert len(world.snapshots("remote")) == 1
    assert come <= {path.name for path in packs.glob("*/*")}
    assert size(packs) < 1.02 * size(world.repository("local") / "data")
    world.agent("remote", "verify")


def test_local_knows_from_remotes_own_ledger_what_is_copied(world: World) -> None:
    world.back_up_and_receive()
    assert world.agent_json("local", "status", expect=3)["sources"][0]["pending_replication"] is None
    world.agent("remote", "replicate")
    world.agent("local", "receive")
    found = world.agent_json("local", "status", expect=3)["sources"][0]
    assert found["pending_replication"] == 0
    assert found["pending_as_of"] == world.entries("remote")[-1]["at"]
    (world.data() / "new").write_bytes(b"new")
    world.back_up_and_receive()
    said = world.agent("local", "status", expect=3).stdout
    assert "1 missing (" in said


@pytest.mark.parametrize("victim", ["repositories/accueil", "ledgers"])
def test_a_repositorys_id_leads_restic_nowhere(world: World, tmp_path: Path, victim: str) -> None:
    """restic would keep its cache of the repository there, and remove the packs that the repository lacks."""
    world.back_up_and_receive()
    world.agent("remote", "replicate")
    (world.data() / "new").write_bytes(b"new")
    world.back_up_and_receive()
    folder = world.base / "remote" / victim
    before = {path for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts}
    local = world.repository("local")
    own_key = next(e["key"] for e in world.acts("local", "key-registered") if e["name"] == "admin")
    password = world.password("accueil.local").read_bytes().strip()
    forge_config(local, own_key, password, id=f"../{victim}")
    world.agent("remote", "replicate")
    assert before <= set(folder.rglob("*"))
    assert not (folder / "version").exists()
    world.agent("remote", "verify")
    world.agent("remote", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
