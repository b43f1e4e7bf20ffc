# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stolen workstation can do with its credentials, to stock restic and to this service."""

from __future__ import annotations

import os
import shutil
import time
import urllib.error
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trees import below, differences
from world import World

GARBAGE = b"8 bytes."
DAY = timedelta(days=1)


def back_up_daily(world: World, first: datetime, days: int) -> list[str]:
    """Genuine backups, one a day, each received on its day."""
    made = []
    for number in range(days):
        (world.data() / "diary").write_text(f"day {number}", encoding="utf-8")
        made.append(world.back_up_and_receive((first + number * DAY).isoformat()))
    return made


def forge(world: World, times: list[datetime]) -> set[str]:
    """Snapshots of nothing with any time the thief likes, through the append-only server."""
    empty = world.base / "empty"
    empty.mkdir(exist_ok=True)
    before = world.snapshots("local")
    for instant in times:
        stamp = instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        # Same host and path as the genuine ones, so that stock restic takes them for one series.
        world.as_client("backup", "--force", "--host", "accueil", "--time", stamp, str(world.data()))
    return world.snapshots("local") - before


def after_stock_forget(world: World, tmp_path: Path, *rule: str) -> set[str]:
    """What a rule of stock restic leaves, tried on a copy of the repository."""
    copy = tmp_path / "stock"
    shutil.copytree(world.repository("local"), copy)
    password = world.password("accueil.local")
    world.restic("forget", "--group-by", "host", *rule, repository=str(copy), password=password)
    return {path.name for path in (copy / "snapshots").iterdir()}


@pytest.mark.parametrize("kind", ["keys", "locks", "snapshots", "index"])
@pytest.mark.parametrize("size", [8, 200])
def test_garbage_blocks_nobody_after_the_next_receive(
    world: World, tmp_path: Path, kind: str, size: int
) -> None:
    genuine = world.back_up_and_receive()
    # Garbage of different sizes harms different commands; together they spare none.
    world.post(kind, GARBAGE if size == 8 else os.urandom(size))
    said = world.agent("local", "receive", expect=3)
    assert said.stderr.count("set aside") == 1
    assert world.as_client("snapshots").returncode == 0
    second = world.back_up_and_receive()
    assert world.snapshots("local") == {genuine, second}
    world.agent("local", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    (entry,) = world.acts("local", "quarantined")
    assert (entry["count"], entry["bytes"]) == (1, size)
    (listed,) = world.agent_json("local", "quarantine", "list")["sources"]
    (kept,) = listed["objects"]
    assert (Path(listed["folder"]) / kept["kept"]).stat().st_size == size
    world.agent("local", "verify")


def test_garbage_everywhere_makes_stock_restic_panic_and_is_gone_in_one_sweep(world: World) -> None:
    genuine = world.back_up_and_receive()
    for kind in ("locks", "snapshots", "index", "keys"):
        for number in range(5):
            world.post(kind, GARBAGE + b"%d" % number)
            world.post(kind, os.urandom(100))
    assert world.as_client("snapshots", check=False).returncode != 0
    assert world.as_server("snapshots", check=False).returncode != 0
    world.agent("local", "receive", expect=3)
    assert world.as_client("snapshots").returncode == 0
    assert world.snapshots("local") == {genuine}
    (entry,) = world.acts("local", "quarantined")
    assert entry["count"] == 40
    # A second sweep finds nothing, and the ledger does not grow.
    before = world.ledger("local").read_bytes()
    world.agent("local", "receive")
    assert world.ledger("local").read_bytes() == before


def test_a_key_that_nobody_registered_is_moved_out(world: World) -> None:
    world.back_up_and_receive()
    stolen = world.base / "stolen.password"
    stolen.write_text("lasting access\n", encoding="ascii")
    world.as_client("key", "add", "--new-password-file", str(stolen))
    opens = world.restic("cat", "config", repository=world.client_url(), password=stolen, check=False)
    assert opens.returncode == 0
    for path in (world.repository("local") / "keys").iterdir():
        os.utime(path, (time.time() - 60,) * 2)
    assert "nobody registered" in world.agent("local", "receive", expect=3).stderr
    opens = world.restic("cat", "config", repository=world.client_url(), password=stolen, check=False)
    assert opens.returncode == 12
    world.back_up_and_receive()


def test_a_hundred_foreign_keys_do_not_lock_the_server_out(world: World) -> None:
    genuine = world.back_up_and_receive()
    sample = next((world.repository("local") / "keys").iterdir()).read_bytes()
    for number in range(100):
        world.post("keys", sample.replace(b'"created"', b'"number": %d, "created"' % number))
    second = world.agent_json("workstation", "run", "--today-anyway", expect=None)
    world.agent("local", "receive", expect=None)
    assert genuine in {entry["snapshot"] for entry in world.acts("local", "receipt")}
    for path in (world.repository("local") / "keys").iterdir():
        os.utime(path, (time.time() - 60,) * 2)
    world.agent("local", "receive", expect=3)
    assert len(list((world.repository("local") / "keys").iterdir())) == 3
    (told,) = second["sources"]
    assert ("snapshot" in told) != ("error" in told)
    world.back_up_and_receive()


def test_a_lock_of_the_future_does_not_stop_retention(world: World) -> None:
    """A lock lives half an hour; one dated next year would live a year."""
    world.back_up_and_receive()
    lock = world.repository("local") / "locks"
    with world.held_lock() as path:
        body = path.read_bytes()
    # What a dead restic left behind stops stock restic, whoever left it.
    assert world.as_server("forget", "f" * 64, check=False).returncode == 11
    for left in lock.iterdir():
        left.unlink()
    world.post("locks", body)
    os.utime(next(lock.iterdir()), (time.time() - 3600,) * 2)
    # For a server that lives 40 days earlier, this lock is one of the future.
    past = (datetime.now(UTC) - 40 * DAY).isoformat()
    assert "dated in the future" in world.agent("local", "quarantine", "sweep", now=past, expect=3).stdout
    assert list(lock.iterdir()) == []


def test_deleting_the_servers_locks_loses_nothing(world: World, tmp_path: Path) -> None:
    world.back_up_and_receive()
    with world.held_lock() as path:
        world.delete("locks", path.name)
    world.back_up_and_receive()
    world.agent("local", "verify")
    world.agent("local", "restore", "--target", str(tmp_path / "t"))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []


def test_the_server_takes_back_nothing_and_overwrites_nothing(world: World) -> None:
    snapshot = world.back_up_and_receive()
    for act in (
        lambda: world.delete("snapshots", snapshot),
        lambda: world.post("snapshots", b"x" * 100, name=snapshot),
        lambda: world.post("data", b"x" * 100, name="0" * 64),
    ):
        with pytest.raises(urllib.error.HTTPError):
            act()
    assert "403 Forbidden" in world.as_client("forget", snapshot, check=False).stderr
    assert world.snapshots("local") == {snapshot}


@pytest.mark.slow
def test_attack_a_future_snapshots_make_stock_restic_lose_everything_and_us_nothing(
    world: World, tmp_path: Path
) -> None:
    genuine = set(back_up_daily(world, datetime(2026, 3, 2, 8, tzinfo=UTC), 6))
    forged = forge(world, [datetime(2027, 1, 1, 8, tzinfo=UTC) + 31 * number * DAY for number in range(15)])
    assert len(forged) == 15
    left = after_stock_forget(world, tmp_path, "--keep-daily", "14", "--keep-monthly", "12")
    assert genuine & left == set()

    now = "2026-03-09T08:00:00+00:00"
    world.agent("local", "receive", now=now, expect=3)
    answer = world.agent_json("local", "retain", now=now)["sources"][0]
    assert set(answer["quarantined"]) == forged
    assert world.snapshots("local") == genuine | forged
    assert world.agent_json("local", "status", now=now, expect=3)["overall"] != "ok"
    chosen = world.agent_json("local", "restore", "--target", str(tmp_path / "t"), now=now)
    assert chosen["snapshot"] in genuine


@pytest.mark.slow
def test_attack_b_forged_month_ends_displace_stock_restics_monthlies_and_none_of_ours(
    world: World, tmp_path: Path
) -> None:
    # Twelve months with one genuine backup each, and now one forged at the end of each of these months.
    first_days = [datetime(2025 + (4 + n) // 12, (4 + n) % 12 + 1, 3, 8, tzinfo=UTC) for n in range(12)]
    genuine = set()
    for day in first_days:
        (world.data() / "diary").write_text(str(day), encoding="utf-8")
        genuine.add(world.back_up_and_receive(day.isoformat()))
    # Work goes on, so that no guard stands in for the rule.
    lately = {world.back_up_and_receive((first_days[-1] + n * DAY).isoformat()) for n in (23, 24, 25)}
    forged = forge(world, [day + 24 * DAY for day in first_days])
    left = after_stock_forget(world, tmp_path, "--keep-within", "14d", "--keep-monthly", "12")
    assert genuine & left == set()
    assert len(left & forged) == len(genuine)  # as many are kept as should be: nobody would notice

    now = (first_days[-1] + 26 * DAY).isoformat()
    world.agent("local", "receive", now=now, expect=3)
    (answer,) = world.agent_json("local", "retain", now=now)["sources"]
    assert set(answer["quarantined"]) == forged
    assert (answer["guard"], answer["removed"]) == (None, [])
    assert world.snapshots("local") == genuine | lately | forged
