# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification of real repositories: every planted damage is found, on both servers, day after day."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from world import World

DUE = ("verify", "--due", "--read-data-subset", "500M")


def at(day: int) -> str:
    return f"{date(2026, 3, 2) + timedelta(days=day)}T21:00:00+01:00"


def largest(world: World, site: str, count: int = 1) -> list[Path]:
    packs = sorted(world.repository(site).glob("data/*/*"), key=lambda path: path.stat().st_size)
    return packs[-count:]


def spoil(path: Path) -> None:
    path.chmod(0o600)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 4
    path.write_bytes(bytes(body))


@pytest.mark.parametrize("site", ["local", "remote"])
def test_flips_cuts_and_losses_are_each_found(world: World, site: str) -> None:
    for number in range(12):
        (world.data() / f"file {number}").write_bytes(os.urandom(300_000))
        world.back_up_and_receive()
    world.agent("remote", "replicate")
    world.agent(site, *DUE)
    flipped, cut, gone = largest(world, site, 3)
    spoil(flipped)
    cut.chmod(0o600)
    os.truncate(cut, cut.stat().st_size // 2)
    gone.unlink()
    said = world.agent(site, "verify", expect=3).stderr
    assert flipped.name in said
    assert cut.name in said
    # No hash sees what is not there: the index knows it.
    assert "structure:" in said
    (entry,) = world.acts(site, "verified")[-1:]
    assert (entry["sound"], entry["damaged_count"]) == (False, 2)
    assert entry["structure"] is not None


def test_a_missing_object_alone_is_found(world: World) -> None:
    world.back_up_and_receive()
    largest(world, "local")[0].unlink()
    assert world.agent_json("local", *DUE, expect=3)["sources"][0]["structure"] is not None


def test_the_timers_run_reads_a_portion_and_all_when_a_months_full_comes(world: World) -> None:
    (world.data() / "big").write_bytes(os.urandom(2_000_000))
    world.back_up_and_receive(at(0))
    first = world.agent_json("local", *DUE, now=at(0))["sources"][0]
    assert first["bytes"] == first["total_bytes"]
    assert first["read_since"] is not None
    (world.data() / "new").write_bytes(os.urandom(1_000_000))
    world.back_up_and_receive(at(1))
    second = world.agent_json("local", *DUE, now=at(1))["sources"][0]
    assert second["read_since"] == first["read_since"]
    third = world.agent_json("local", "verify", "--due", now=at(2))["sources"][0]
    assert third["sound"]
    # A new month: its full is read at once, with the objects that it shares with older ones.
    world.back_up_and_receive(at(31))
    april = world.agent_json("local", *DUE, now=at(31))["sources"][0]
    assert april["bytes"] == april["total_bytes"]
    assert april["read_since"] > first["read_since"]
    status = world.agent_json("local", "status", now=at(31), expect=None)["sources"][0]
    assert status["read_since"] == april["read_since"]


def test_damage_found_by_one_run_is_still_told_by_the_next_that_reads_other_parts(world: World) -> None:
    (world.data() / "big").write_bytes(os.urandom(2_000_000))
    world.back_up_and_receive(at(0))
    (bad,) = largest(world, "local")
    spoil(bad)
    for day in (0, 1, 2):
        said = world.agent("local", "verify", "--due", "--scrub-only", now=at(day), expect=3).stderr
        assert bad.name in said
    assert world.agent_json("local", "status", now=at(2), expect=3)["overall"] == "alarm"


def test_a_repository_that_restic_cannot_open_is_recorded_as_not_sound(world: World) -> None:
    world.back_up_and_receive()
    config = world.repository("local") / "config"
    spoil(config)
    assert world.agent("local", "verify", expect=3).stderr.count("\n") == 1
    assert world.acts("local", "verified")[-1]["sound"] is False
