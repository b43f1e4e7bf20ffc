# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills on real repositories: measured, compared, signed; a damaged copy fails them, and is told."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from world import World


def at(day: int) -> str:
    return f"{date(2026, 3, 2) + timedelta(days=day)}T19:00:00+01:00"


def prepared(world: World, now: str | None = None) -> None:
    (world.data() / "locked").write_text("no mode at all", encoding="ascii")
    (world.data() / "locked").chmod(0)
    (world.data() / "big").write_bytes(os.urandom(3_000_000))
    world.back_up_and_receive(now)
    world.agent("remote", "replicate", now=now)


def scratch(world: World, site: str) -> list[Path]:
    return list((world.base / site / "state" / "drill").iterdir())


@pytest.mark.parametrize("site", ["local", "remote"])
def test_a_drill_is_measured_compared_and_signed_and_leaves_nothing(world: World, site: str) -> None:
    prepared(world)
    count = sum(path.is_file() and not path.is_symlink() for path in world.data().rglob("*"))
    for words, full in (((), False), (("--full", "--source", "accueil"), True)):
        done = world.agent_json(site, "drill", *words)["sources"][0]["drills"][0]
        assert (done["sound"], done["full"], done["problem"]) == (True, full, None)
        assert done["files"] == done["total_files"] == done["compared"] == count
        assert done["size"] == done["total_size"] > 3_000_000
        assert done["seconds"] > 0
        assert done["rate"] > 0
        assert done["within_24_h"] is True
        assert scratch(world, site) == []
    said = world.agent(site, "drill", "--proof").stdout
    assert "signature good" in said
    assert "of the 24 h promised" in said
    status = world.agent_json(site, "status", expect=None)["sources"][0]
    assert status["drill"]["sound"] is True
    assert status["drill"]["full_at"] is not None


def test_a_proof_that_was_written_by_another_is_none(world: World) -> None:
    prepared(world)
    fields = world.agent_json("local", "drill")["sources"][0]["drills"][0]
    world.forge_ledger("local", "drilled", {**fields, "files": 10**6}, "2036-01-01T00:00:00Z")
    assert "not good" in world.agent("local", "drill", "--proof", expect=1).stderr


def test_a_copy_that_is_damaged_fails_its_drill_and_status_says_so(world: World) -> None:
    prepared(world)
    for pack in world.repository("remote").glob("data/*/*"):
        if pack.stat().st_size > 1_000_000:
            pack.chmod(0o600)
            body = bytearray(pack.read_bytes())
            body[len(body) // 2] ^= 1
            pack.write_bytes(bytes(body))
    said = world.agent("remote", "drill", "--full", "--source", "accueil", expect=3)
    assert "the drill failed" in said.stderr
    assert world.acts("remote", "drilled")[-1]["sound"] is False
    assert world.agent_json("remote", "status", expect=None)["sources"][0]["drill"]["sound"] is False
    assert scratch(world, "remote") == []
    assert world.agent_json("local", "drill")["sources"][0]["drills"][0]["sound"]


def test_the_timers_take_turns(world: World) -> None:
    prepared(world, at(0))
    done = {"local": [], "remote": []}  # type: dict[str, list[tuple[int, bool]]]
    for day in (0, 1, 7, 8, 14, 31):
        for site, found in done.items():
            drills = world.agent_json(site, "drill", "--due", now=at(day))["sources"][0]["drills"]
            found += [(day, one["full"]) for one in drills]
    # Week 10 is REMOTE's; 2 April, day 31, is in week 14, and in a new month.
    assert done["local"] == [(7, False)]
    assert done["remote"] == [(0, False), (0, True), (14, False), (31, False), (31, True)]


def test_what_makes_no_sense_is_refused_in_one_line(world: World) -> None:
    for words, word in (
        (("--full",), "name the --source"),
        (("--source", "nobody"), "not known here"),
        (("--proof",), "no drill yet"),
        (("--full", "--due"), "not allowed with"),
    ):
        refused = world.agent("local", "drill", *words, expect=2).stderr
        assert (word in refused, refused.count("\n")) == (True, 1)
    assert world.agent_json("local", "drill")["sources"][0]["drills"] == []


def test_what_a_killed_drill_left_goes_with_the_next_one(world: World) -> None:
    prepared(world)
    left = world.base / "local" / "state" / "drill" / "restored" / "closed"
    left.mkdir(parents=True)
    (left / "file").write_text("x", encoding="ascii")
    left.chmod(0)
    world.agent("local", "drill")
    assert scratch(world, "local") == []
