# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of hostile objects at once: receipts come within the minute that docs/retention.md promises."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from quick_keys import raw_keys, sealed
from trees import below, differences
from world import World

KINDS = ("keys", "locks", "snapshots", "index")
MINUTE = 60.0

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a measured figure, also where the test passes."""

    def printed(text: str) -> None:
        with capsys.disabled():
            print(f"\n    {text}", end=" ")  # noqa: T201 - a figure that a person wants to see

    return printed


def litter(world: World, kind: str, count: int) -> None:
    """What so many POSTs would leave, half of it too short for the format."""
    folder = world.repository("local") / kind
    for number in range(count):
        body = b"%08d" % number if number % 2 else os.urandom(120)
        (folder / hashlib.sha256(body).hexdigest()).write_bytes(body)


@pytest.fixture
def seal(world: World) -> Callable[[bytes], bytes]:
    """Makes authentic objects, as a thief can who has the password of a stolen workstation."""
    master = raw_keys(world.as_client("cat", "masterkey").stdout)
    return lambda body: sealed(master, body)


def plant(world: World, kind: str, body: bytes) -> Path:
    path = world.repository("local") / kind / hashlib.sha256(body).hexdigest()
    path.write_bytes(body)
    return path


def timed(act: Callable[[], object]) -> float:
    begun = time.monotonic()
    act()
    return time.monotonic() - begun


@pytest.mark.slow
def test_ten_thousand_garbage_objects_in_each_folder_delay_no_receipt(
    world: World, tmp_path: Path, say: Say
) -> None:
    genuine = world.back_up_and_receive()
    waiting = world.agent_json("workstation", "run", "--today-anyway")["sources"][0]["snapshot"]
    for kind in KINDS:
        litter(world, kind, 10_000)
    before = world.ledger("local").stat().st_size
    seconds = timed(lambda: world.agent("local", "receive", expect=3))
    say(f"40 000 garbage objects: the receipt is there after {seconds:.1f} s")
    assert seconds < MINUTE
    assert [one["snapshot"] for one in world.acts("local", "receipt")] == [genuine, waiting]
    (entry,) = world.acts("local", "quarantined")
    assert entry["count"] == 40_000
    assert world.ledger("local").stat().st_size - before < 8000
    assert world.as_client("snapshots").returncode == 0
    world.agent("local", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    after = world.ledger("local").read_bytes()
    seconds = timed(lambda: world.agent("local", "receive"))
    say(f"the next receive takes {seconds:.1f} s")
    assert seconds < 5
    assert world.ledger("local").read_bytes() == after


def test_authentic_locks_are_read_once_and_delay_no_receipt(
    world: World, seal: Callable[[bytes], bytes], say: Say
) -> None:
    """Each costs a restic to read, and a thief who has the password can make thousands."""
    waiting = world.agent_json("workstation", "run", "--today-anyway")["sources"][0]["snapshot"]
    for number in range(2000):
        lock = {"time": datetime.now(UTC).isoformat(), "exclusive": False, "hostname": "x", "pid": number}
        plant(world, "locks", seal(json.dumps(lock).encode()))
    seconds = timed(lambda: world.agent("local", "receive"))
    say(f"2 000 authentic locks: the receipt is there after {seconds:.1f} s")
    assert seconds < MINUTE
    assert [one["snapshot"] for one in world.acts("local", "receipt")] == [waiting]
    memory = world.base / "local" / "state" / "authentic" / "saint-exemple.accueil.json"
    read = json.loads(memory.read_bytes())["lock"]
    assert read
    world.agent("local", "receive")
    # The second run goes on where the first had no more time.
    again = json.loads(memory.read_bytes())["lock"]
    assert read.items() <= again.items()
    assert len(again) > len(read) or len(read) == 2000
    assert len(list((world.repository("local") / "locks").iterdir())) == 2000


def test_authentic_garbage_is_moved_too(world: World, seal: Callable[[bytes], bytes]) -> None:
    genuine = world.back_up_and_receive()
    planted = [
        plant(world, "index", seal(b"no index at all")),
        plant(world, "locks", seal(b"no lock at all")),
        plant(world, "locks", seal(b'{"time": "2026-03-02T08:00:00Z", "exclusive": true, "hostname": "x"}')),
        plant(world, "snapshots", seal(b"no snapshot at all")),
    ]
    assert world.as_client("backup", str(world.data()), check=False).returncode != 0
    world.agent("local", "receive", expect=3)
    assert [path.exists() for path in planted] == [False] * 4
    second = world.back_up_and_receive()
    assert world.snapshots("local") == {genuine, second}


def test_an_honest_flood_is_not_touched(world: World, seal: Callable[[bytes], bytes]) -> None:
    """More new objects at once than the sweep lets pass unsifted: after a server's long pause, say."""
    for number in range(12):
        (world.data() / "diary").write_text(f"day {number}", encoding="utf-8")
        world.agent("workstation", "run", "--today-anyway")
    before = {kind: sorted(os.listdir(world.repository("local") / kind)) for kind in ("snapshots", "index")}
    assert len(before["index"]) >= 12
    world.agent("local", "receive")
    after = {kind: sorted(os.listdir(world.repository("local") / kind)) for kind in ("snapshots", "index")}
    assert after == before
    assert len(world.acts("local", "receipt")) == 12
    assert world.acts("local", "quarantined") == []
