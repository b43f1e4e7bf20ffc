# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal when restic, the disk or a person does something else than the plan.

restic is played by a few lines: the real one cannot be made to forget one snapshot too many.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import (
    clock,
    hold,
    receive,
    restic,
    retain,
    undo,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, RefusedError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = NOON + 17 * DAY


class Stage:
    """Six snapshots, two of which have had their days, and a restic that does as it is told or not."""

    def __init__(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.ids = {day: bench.snapshot(NOON + day * DAY) for day in (0, 1, 2, 10, 13, 16)}
        self.place = bench.at(NOW)
        self.calls: list[str] = []
        self.forget: Callable[[list[str]], restic.Result] = self.obey
        monkeypatch.setattr(restic, "run", self.run)

    def run(self, command: restic.Command, *_: object, **__: object) -> restic.Result:
        self.calls.append(command.name)
        if command.name == "forget":
            return self.forget([one for one in command.arguments if restic.is_snapshot_id(one)])
        return restic.Result(0)

    def obey(self, ids: list[str]) -> restic.Result:
        for one in ids:
            (self.bench.repository / "snapshots" / one).unlink()
        return restic.Result(0)

    def left(self) -> set[str]:
        return {path.name for path in (self.bench.repository / "snapshots").iterdir()}


@pytest.fixture
def stage(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(bench, monkeypatch)


def test_the_two_go_and_the_ledger_says_why(stage: Stage) -> None:
    result = retain.retain(stage.place)
    assert set(result.removed) == {stage.ids[1], stage.ids[2]}
    assert stage.left() == {stage.ids[day] for day in (0, 10, 13, 16)}
    (removed,) = stage.bench.acts("removed")
    assert set(removed["reasons"]) == set(result.removed)
    assert receive.intended_removals(stage.place.ledger()) == set()
    assert retain.prune_due(stage.place.ledger())
    assert retain.retain(stage.place).removed == []


def test_a_restic_that_says_done_and_did_nothing_is_a_failure(stage: Stage) -> None:
    stage.forget = lambda ids: restic.Result(0)
    with pytest.raises(BackupError, match="are still there"):
        retain.retain(stage.place)
    assert stage.bench.acts("removed") == []
    assert receive.missing_ids(stage.left(), stage.place.ledger()) == []


def test_a_restic_that_removes_one_too_many_is_a_loud_failure(stage: Stage) -> None:
    stage.forget = lambda ids: stage.obey([*ids, stage.ids[16]])
    with pytest.raises(BackupError, match="1 snapshots are gone that were not to go"):
        retain.retain(stage.place)
    (removed,) = stage.bench.acts("removed")
    assert set(removed["snapshots"]) == {stage.ids[1], stage.ids[2]}
    assert stage.bench.acts("missing") == [{"snapshots": [stage.ids[16]]}]


def test_a_restic_that_fails_halfway_leaves_a_true_ledger(stage: Stage) -> None:
    def half(ids: list[str]) -> restic.Result:
        stage.obey(ids[:1])
        return restic.Result(1, stderr="connection lost")

    stage.forget = half
    with pytest.raises(BackupError):
        retain.retain(stage.place)
    assert [one["snapshots"] for one in stage.bench.acts("removed")] == [[stage.ids[1]]]
    stage.forget = stage.obey
    assert retain.retain(stage.place).removed == [stage.ids[2]]


def test_a_running_backup_refuses_removal_and_cancels_what_was_announced(stage: Stage) -> None:
    stage.forget = lambda ids: restic.Result(restic.LOCKED)
    with pytest.raises(RefusedError, match="a backup is running"):
        retain.retain(stage.place)
    assert receive.intended_removals(stage.place.ledger()) == set()


def test_a_hold_placed_after_the_plan_still_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold comes while the undo snapshot is taken: between the decision and the deed."""

    def meanwhile(place: Any) -> None:
        hold.place_hold(place.config, place.clock, hold.Scope(), "mayor", "an incident")

    monkeypatch.setattr(undo, "keep", meanwhile)
    with pytest.raises(RefusedError, match="an incident"):
        retain.retain(stage.place)
    assert "forget" not in stage.calls
    assert len(stage.left()) == 6


def test_a_killed_removal_is_completed_by_receive_and_is_no_loss(stage: Stage) -> None:
    def killed(ids: list[str]) -> restic.Result:
        stage.obey(ids)
        raise KeyboardInterrupt

    stage.forget = killed
    with pytest.raises(KeyboardInterrupt):
        retain.retain(stage.place)
    result = receive.receive(stage.place)
    assert result.missing == []
    assert [set(one["snapshots"]) for one in stage.bench.acts("removed")] == [{stage.ids[1], stage.ids[2]}]


@pytest.mark.parametrize(
    "scope", [hold.Scope(), hold.Scope("saint-exemple"), hold.Scope("saint-exemple", "accueil")]
)
def test_a_hold_is_found_whatever_its_scope(stage: Stage, scope: hold.Scope) -> None:
    place = stage.place
    assert hold.place_hold(place.config, place.clock, scope, "mayor", "why", check=True)
    assert hold.reasons(place) == []
    assert hold.place_hold(place.config, place.clock, scope, "mayor", "why")
    assert hold.place_hold(place.config, place.clock, scope, "mayor", "why") == []
    assert "why" in hold.reasons(place)[0]
    result = retain.retain(place)
    assert result.removed == []
    assert result.guard is not None
    assert hold.release(place.config, place.clock, scope, "mayor", "over")
    assert hold.release(place.config, place.clock, scope, "mayor", "over") == []
    assert hold.reasons(place) == []
    assert len(retain.retain(place).removed) == 2


@pytest.mark.parametrize("body", ["", "[]", '{"everything": {}}', '{"everything": 1}', "[" * 50_000])
def test_a_hold_file_that_is_not_ours_counts_as_held(stage: Stage, body: str) -> None:
    with open(hold.file_of(stage.place.config), "w", encoding="utf-8") as file:
        file.write(body)
    assert "counts as held" in hold.reasons(stage.place)[0]
    assert retain.retain(stage.place).removed == []


def test_a_ledger_that_cannot_be_read_counts_as_held(stage: Stage) -> None:
    stage.bench.place.ledger_file()
    path = stage.place.source.ledger
    assert path is not None
    with open(path, "ab") as file:
        file.write(b"{}\n")
    assert "cannot be read" in hold.reasons(stage.place)[0]
    with pytest.raises(BackupError, match="chain is broken"):
        retain.retain(stage.place)


def test_a_system_clock_that_follows_nothing_removes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock.Clock, "synchronised", lambda self: False)
    result = retain.retain(stage.place)
    assert result.removed == []
    assert result.guard == "clock: the time is not synchronised"


def test_one_entry_of_the_future_stops_removal_until_a_person_trusts_the_clock_again(stage: Stage) -> None:
    """The server's clock stood at 2035 for a minute, and something was written down."""
    ahead = stage.bench.at(datetime(2035, 1, 1, tzinfo=UTC))
    ahead.append([ahead.draft("verified", {})])
    assert "(2035-01-01T00:00:00Z)" in str(retain.retain(stage.place).guard)
    assert retain.trust_clock(stage.place, "mayor", "battery replaced") == "2035-01-01T00:00:00Z"
    assert stage.bench.acts("clock-trusted") == [{"disbelieved": "2035-01-01T00:00:00Z"}]
    assert set(retain.retain(stage.place).removed) == {stage.ids[1], stage.ids[2]}
    assert retain.trust_clock(stage.place, "mayor", "again") is None


def test_nobody_s_word_counts_against_the_system_s_own_on_the_clock(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock.Clock, "synchronised", lambda self: False)
    with pytest.raises(RefusedError, match="not synchronised"):
        retain.trust_clock(stage.place, "mayor", "I say so")
    assert stage.bench.acts("clock-trusted") == []


def test_prune_waits_for_a_hold_and_tells_what_check_finds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    retain.retain(stage.place)
    scope = hold.Scope("saint-exemple")
    hold.place_hold(stage.place.config, stage.place.clock, scope, "mayor", "wait")
    assert "wait" in str(retain.prune(stage.place))
    assert "prune" not in stage.calls
    hold.release(stage.place.config, stage.place.clock, scope, "mayor", "over")
    assert retain.prune(stage.place) is None
    assert not retain.prune_due(stage.place.ledger())

    def damaged(command: restic.Command, *_: object, **__: object) -> restic.Result:
        return restic.Result(1, stderr="a pack is missing") if command.name == "check" else restic.Result(0)

    monkeypatch.setattr(restic, "run", damaged)
    assert "a pack is missing" in str(retain.prune(stage.place))
    monkeypatch.setattr(restic, "run", lambda *_, **__: restic.Result(restic.LOCKED))
    assert "a backup is running" in str(retain.prune(stage.place))


def test_an_undo_snapshot_that_fails_stops_everything(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: str) -> None:
        raise BackupError("btrfs subvolume snapshot: no space")

    monkeypatch.setattr(undo, "is_subvolume", lambda location: True)
    monkeypatch.setattr(undo, "_btrfs", fails)
    with pytest.raises(BackupError, match="no space"):
        retain.retain(stage.place)
    assert len(stage.left()) == 6


def test_undo_snapshots_are_taken_and_expire(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(undo, "is_subvolume", lambda location: True)
    monkeypatch.setattr(undo, "_btrfs", lambda *arguments: told.append(arguments))
    target = undo.keep(stage.place)
    assert target is not None
    assert target.endswith("/undo/saint-exemple.accueil/2026-03-19T12-00-00Z")
    for name in ("2026-03-11T12-00-00Z", "2026-03-13T12-00-00Z", "mine"):
        (stage.bench.base / "undo" / "saint-exemple.accueil" / name).mkdir()
    gone = undo.expire(stage.place)
    assert [path.rpartition("/")[2] for path in gone] == ["2026-03-11T12-00-00Z"]
    assert told[0][:3] == ("subvolume", "snapshot", "-r")
    assert told[1] == ("property", "set", gone[0], "ro", "false")
    assert told[2] == ("subvolume", "delete", gone[0])


@pytest.mark.parametrize(
    "scope", [hold.Scope(), hold.Scope("saint-exemple"), hold.Scope("saint-exemple", "accueil"), None]
)
def test_undo_snapshots_stay_while_a_hold_covers_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, scope: hold.Scope | None
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(undo, "_btrfs", lambda *arguments: told.append(arguments))
    (stage.bench.base / "undo" / "saint-exemple.accueil" / "2026-03-01T12-00-00Z").mkdir(parents=True)
    place = stage.place
    file = Path(hold.file_of(place.config))
    if scope is None:
        file.write_text("a hold that cannot be read", encoding="utf-8")
    else:
        hold.place_hold(place.config, place.clock, scope, "mayor", "an incident")
    assert undo.expire(place) == []
    assert told == []
    if scope is None:
        file.unlink()
    else:
        hold.release(place.config, place.clock, scope, "mayor", "over")
    assert len(undo.expire(place)) == 1


def test_a_plain_folder_has_no_undo(stage: Stage) -> None:
    assert undo.keep(stage.place) is None
    assert undo.expire(stage.place) == []
