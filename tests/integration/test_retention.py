# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention carried out on real repositories: the guards, and what is really gone afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trees import below, differences
from world import World

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)


def at(day: float) -> str:
    return (FIRST + day * DAY).isoformat()


def history(world: World, days: list[int]) -> dict[int, str]:
    """A backup on each of these days after FIRST, with its receipt; snapshot id by day."""
    made = {}
    for day in days:
        (world.data() / "diary").write_text(f"day {day}", encoding="utf-8")
        made[day] = world.back_up_and_receive(at(day))
    return made


@pytest.fixture
def aged(world: World) -> tuple[World, dict[int, str]]:
    """Six backups; on day 17 the second and the third have had their fourteen days."""
    return world, history(world, [0, 1, 2, 10, 13, 16])


def test_what_had_its_days_goes_and_the_rest_restores(
    aged: tuple[World, dict[int, str]], tmp_path: Path
) -> None:
    world, made = aged
    answer = world.agent_json("local", "retain", now=at(17))["sources"][0]
    assert sorted(answer["removed"]) == sorted([made[1], made[2]])
    assert answer["pruned"] is True
    assert world.snapshots("local") == {made[day] for day in (0, 10, 13, 16)}
    (removed,) = world.acts("local", "removed")
    assert set(removed["snapshots"]) == {made[1], made[2]}
    assert all(removed["reasons"][one] for one in removed["snapshots"])
    world.agent("local", "verify", now=at(17))
    world.agent("local", "restore", "--date", "2026-03-18", "--target", str(tmp_path / "t"), now=at(17))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []
    world.agent("local", "restore", "--date", "2026-03-04", "--target", str(tmp_path / "u"), now=at(17))
    assert (below(tmp_path / "u", world.data()) / "diary").read_text(encoding="utf-8") == "day 0"


def test_a_dry_run_says_what_would_go_and_changes_nothing(aged: tuple[World, dict[int, str]]) -> None:
    world, made = aged
    before = world.ledger("local").read_bytes()
    said = world.agent("local", "retain", "--dry-run", now=at(17)).stdout
    assert made[1][:8] in said
    assert made[2][:8] in said
    assert len(world.snapshots("local")) == 6
    assert world.ledger("local").read_bytes() == before


@pytest.mark.parametrize("scope", [["--source", "accueil"], ["--commune", "saint-exemple"], ["--everything"]])
def test_a_hold_stops_removal_until_it_is_released(
    aged: tuple[World, dict[int, str]], scope: list[str]
) -> None:
    world, _made = aged
    world.agent("local", "hold", "place", *scope, "--why", "an incident", "--who", "mayor", now=at(17))
    assert "an incident" in world.agent("local", "retain", now=at(17), expect=4).stderr
    assert len(world.snapshots("local")) == 6
    assert world.acts("local", "held")[0]["who"] == "mayor"
    world.agent("local", "hold", "release", *scope, "--why", "over", "--who", "mayor", now=at(17))
    world.agent("local", "retain", now=at(17))
    assert len(world.snapshots("local")) == 4


def test_a_hold_that_cannot_be_read_counts_as_held(aged: tuple[World, dict[int, str]]) -> None:
    world, _made = aged
    (world.base / "local" / "state" / "holds.json").write_text("{", encoding="utf-8")
    assert "counts as held" in world.agent("local", "retain", now=at(17), expect=4).stderr
    assert len(world.snapshots("local")) == 6


def test_a_broken_chain_stops_removal(aged: tuple[World, dict[int, str]]) -> None:
    world, _made = aged
    path = world.ledger("local")
    path.write_bytes(path.read_bytes().replace(b'"outcome":"ok"', b'"outcome":"OK"', 1))
    assert "chain is broken" in world.agent("local", "retain", now=at(17), expect=4).stderr
    assert len(world.snapshots("local")) == 6


# Days after FIRST, and what retain answers: refused (4) where a right clock would have let something go.
WRONG_CLOCKS = {15: 0, 15.98: 4, 23.01: 4, 40: 4, 400: 4, -400: 0, 17 + 3653: 4, 17 - 3653: 0}


def test_a_clock_that_cannot_be_right_stops_removal_and_a_second_does_not(
    aged: tuple[World, dict[int, str]],
) -> None:
    world, made = aged
    for day, code in WRONG_CLOCKS.items():
        world.agent("local", "retain", now=at(day), expect=code)
        assert world.snapshots("local") == set(made.values()), day
    almost = (FIRST + 17 * DAY).replace(hour=23, minute=0, second=0)  # midnight at Paris
    before, after = (almost + timedelta(seconds=n) - DAY for n in (-1, 0))
    (answer,) = world.agent_json("local", "retain", now=before.isoformat())["sources"]
    assert answer["removed"] == [made[1]]
    (answer,) = world.agent_json("local", "retain", now=after.isoformat())["sources"]
    assert answer["removed"] == [made[2]]


def test_an_entry_of_the_future_stops_removal_until_a_person_trusts_the_clock(
    aged: tuple[World, dict[int, str]],
) -> None:
    world, made = aged
    world.forge_ledger("local", "verified", {}, "2035-01-01T00:00:00+00:00")
    assert "(2035-01-01T00:00:00Z)" in world.agent("local", "retain", now=at(17), expect=4).stderr
    trusting = ("retain", "--trust-clock", "the battery was replaced", "--who", "mayor")
    world.agent("local", *trusting, "--dry-run", now=at(17), expect=2)
    said = world.agent("local", *trusting, now=at(17)).stdout
    assert "entries of up to 2035-01-01T00:00:00Z are disbelieved" in said
    assert len(world.snapshots("local")) == 6
    (word,) = world.acts("local", "clock-trusted")
    assert (word["who"], word["why"]) == ("mayor", "the battery was replaced")
    world.agent("local", "retain", now=at(17))
    assert world.snapshots("local") == {made[day] for day in (0, 10, 13, 16)}


def test_a_plan_that_removes_a_lot_needs_its_hash(world: World) -> None:
    made = history(world, [0, 1, 2, 3, 4, 5, 6, 20, 21, 22])
    refused = world.agent("local", "retain", now=at(22), expect=4)
    assert "6 of the 10" in refused.stderr
    assert len(world.snapshots("local")) == 10
    plan_hash = refused.stderr.split("--confirm ")[1].split(")")[0]
    world.agent("local", "retain", "--confirm", "0" * 64, now=at(22), expect=4)
    assert len(world.snapshots("local")) == 10
    world.agent("local", "retain", "--confirm", plan_hash, now=at(22))
    assert world.snapshots("local") == {made[day] for day in (0, 20, 21, 22)}


def test_a_removal_killed_before_it_was_recorded_is_no_loss(aged: tuple[World, dict[int, str]]) -> None:
    """The chain is cut after the announcement, and the snapshots are gone: as a kill leaves it."""
    world, made = aged
    world.agent("local", "retain", "--no-prune", now=at(17))
    lines = world.ledger("local").read_bytes().splitlines(keepends=True)
    acts = [json.loads(line)["act"] for line in lines]
    assert acts[-2:] == ["removing", "removed"]
    world.ledger("local").write_bytes(b"".join(lines[:-1]))
    world.agent("local", "receive", now=at(17))
    assert world.acts("local", "missing") == []
    (removed,) = world.acts("local", "removed")
    assert set(removed["snapshots"]) == {made[1], made[2]}
    world.agent("local", "retain", now=at(17))


def test_a_live_lock_refuses_removal_and_a_dead_one_does_not(aged: tuple[World, dict[int, str]]) -> None:
    world, made = aged
    with world.held_lock():
        said = world.agent("local", "retain", now=at(17), expect=4)
        assert "a backup is running" in said.stderr
        assert len(world.snapshots("local")) == 6
    # Its holder was killed, and left it behind.
    assert any((world.repository("local") / "locks").iterdir())
    world.agent("local", "retain", now=at(17))
    assert world.snapshots("local") == {made[day] for day in (0, 10, 13, 16)}
    assert world.acts("local", "not-removed")


def test_what_has_no_receipt_is_told_and_never_removed(aged: tuple[World, dict[int, str]]) -> None:
    world, _made = aged
    world.as_server("backup", "--host", "accueil", "--time", "2026-03-02 01:00:00", str(world.data()))
    assert (
        "without a receipt" in world.agent("local", "retain", now="2027-03-20T08:00:00Z", expect=None).stderr
    )
    assert len(world.snapshots("local")) == 7


def test_remote_keeps_by_its_own_ledger_and_takes_nothing_back(
    aged: tuple[World, dict[int, str]], tmp_path: Path
) -> None:
    world, made = aged
    world.agent("remote", "replicate", now=at(16))
    world.agent("remote", "retain", now=at(17))
    originals = {entry["snapshot"]: entry["original"] for entry in world.acts("remote", "receipt")}
    left = {originals[one] for one in world.snapshots("remote")}
    assert left == {made[day] for day in (0, 10, 13, 16)}
    # LOCAL still has what REMOTE removed, and it does not come back.
    assert len(world.snapshots("local")) == 6
    answer = world.agent_json("remote", "replicate", now=at(17))["sources"][0]
    assert answer["copied"] == []
    world.agent("remote", "restore", "--target", str(tmp_path / "t"), now=at(17))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []


def test_a_local_server_that_removes_everything_takes_nothing_from_remote(
    aged: tuple[World, dict[int, str]], tmp_path: Path
) -> None:
    """LOCAL is in a thief's hands: repository emptied, ledger saying that all was removed in good order."""
    world, made = aged
    world.agent("remote", "replicate", now=at(16))
    world.as_server("forget", "--prune", *made.values())
    world.forge_ledger("local", "removed", {"snapshots": list(made.values())}, at(16))
    world.agent("remote", "replicate", now=at(17))
    world.agent("remote", "retain", now=at(17))
    assert len(world.snapshots("remote")) == 4
    world.agent("remote", "restore", "--target", str(tmp_path / "t"), now=at(17))
    assert differences(world.data(), below(tmp_path / "t", world.data())) == []


def test_receipts_that_local_dates_back_are_dated_by_remotes_pull(world: World) -> None:
    """A thief at LOCAL cannot place a receipt before what REMOTE has seen already."""
    history(world, [0, 1])
    world.agent("remote", "replicate", now=at(1))
    world.as_server("backup", "--host", "accueil", "--time", "2025-03-02 08:00:00", str(world.data()))
    (forged,) = world.snapshots("local") - {entry["snapshot"] for entry in world.acts("local", "receipt")}
    sample = world.acts("local", "receipt")[0]
    fields = {
        key: value for key, value in sample.items() if key not in ("seq", "at", "act", "who", "why", "prev")
    }
    fields.update(snapshot=forged, received_at="2025-03-02T08:01:00Z", claimed_at="2025-03-02T08:00:00Z")
    world.forge_ledger("local", "receipt", fields, "2025-03-02T08:01:00+00:00")
    world.agent("remote", "replicate", now=at(2))
    receipt = next(entry for entry in world.acts("remote", "receipt") if entry["original"] == forged)
    assert receipt["received_at"].startswith("2026-03-04")
    answer = world.agent_json("remote", "retain", now=at(2), expect=None)["sources"][0]
    assert answer["quarantined"] == [receipt["snapshot"]]
