# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a pull, and what the status makes of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import pulls
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import FixedOpenDays
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.pulls import Pull
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.replicate import Replicated
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.status import Facts, Status, assess

from .conftest import NOON, Bench

QUARTER = timedelta(minutes=15)


def record(bench: Bench) -> Pull:
    return pulls.read(bench.place.config, bench.place.source)


def fail(bench: Bench, at: datetime, why: str = "no whole answer in 300 s") -> None:
    with pytest.raises(BackupError), pulls.recorded(bench.at(at)):
        raise BackupError(why)


def pull(bench: Bench, at: datetime, result: Replicated) -> None:
    with pulls.recorded(bench.at(at)) as results:
        results.append(result)


def status(bench: Bench, now: datetime) -> Status:
    """The status of a source with which all is well, but for its pull."""
    snapshot = bench.snapshot(now)
    book = bench.place.ledger()
    book = book.extended([Draft("verified", "r", now, None, {"sound": True, "entries": len(book.entries)})])[
        0
    ]
    present = frozenset(one.snapshot for one in book.live())
    assert snapshot in present
    facts = Facts("c/s", book, present, replica=True, pull=record(bench))
    return assess(facts, FixedOpenDays([]), Policy(), now)


def test_failures_are_counted_until_a_pull_is_good_again(bench: Bench) -> None:
    pull(bench, NOON, Replicated())
    for number in (1, 2, 3):
        fail(bench, NOON + number * QUARTER)
    found = record(bench)
    assert (found.failures, found.since) == (3, "2026-03-02T12:15:00Z")
    assert found.good == "2026-03-02T12:00:00Z"
    pull(bench, NOON + 4 * QUARTER, Replicated(left=7))
    found = record(bench)
    assert (found.failures, found.since, found.problem, found.left) == (0, None, None, 7)


def test_a_pull_that_was_killed_is_a_failure_for_the_next(bench: Bench) -> None:
    context = pulls.recorded(bench.place)
    context.__enter__()
    assert record(bench).ended is None
    fail(bench, NOON + QUARTER)
    assert record(bench).failures == 2
    with pulls.recorded(bench.at(NOON + 2 * QUARTER)):
        assert record(bench).problem == "no whole answer in 300 s"


@pytest.mark.parametrize(
    ("result", "problem", "partial"),
    [
        (Replicated("forked"), "LOCAL's ledger is forked", False),
        (Replicated(out_of_time=True, pending=3), "the time for one pull was up, 3 snapshots", False),
        (Replicated(failed={"a": "a damaged pack"}), "1 snapshots could not be copied: a damaged pack", True),
        (Replicated(absent=["a", "b"]), "2 snapshots of LOCAL's ledger are not in its repository", True),
    ],
)
def test_a_pull_that_ends_is_not_always_a_good_one(
    bench: Bench, result: Replicated, problem: str, partial: bool
) -> None:
    pull(bench, NOON, result)
    found = record(bench)
    assert str(found.problem).startswith(problem)
    assert found.partial is partial
    said = status(bench, NOON + QUARTER)
    assert said.level == "attention"
    assert any(problem in reason for reason in said.reasons)


def test_a_day_of_failures_is_an_alarm_and_a_snapshot_that_is_damaged_is_none(bench: Bench) -> None:
    fail(bench, NOON)
    text = "the pull from LOCAL goes wrong since 2026-03-02T12:00:00Z (1 times): no whole answer in 300 s"
    for hours, level in ((1, "attention"), (26, "attention"), (27, "alarm")):
        said = status(bench, NOON + timedelta(hours=hours))
        assert (said.level, said.reasons) == (level, [text])
    pull(bench, NOON + QUARTER, Replicated(absent=["a"]))
    assert status(bench, NOON + timedelta(days=30)).level == "attention"


def test_what_is_left_for_the_next_pull_is_said_and_alarms_nobody(bench: Bench) -> None:
    pull(bench, NOON, Replicated(left=12))
    said = status(bench, NOON + QUARTER)
    assert (said.level, said.reasons) == ("ok", ["12 snapshots are left for the next pull"])


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "[]",
        "{}",
        '{"began": 5, "failed": []}',
        '{"began": "yesterday", "failed": []}',
        '{"x": 1, "failed": []}',
        '{"failures": "many", "failed": []}',
    ],
)
def test_a_record_that_cannot_be_read_is_none(bench: Bench, garbage: str) -> None:
    folder = Path(bench.place.config.state_directory, "pulls")
    folder.mkdir()
    (folder / "saint-exemple.accueil.json").write_text(garbage, encoding="utf-8")
    assert record(bench) == Pull()


def test_a_record_is_small_however_much_fails(bench: Bench) -> None:
    pull(bench, NOON, Replicated(failed={f"{n:064x}": "x" * 300 for n in range(10_000)}))
    path = Path(bench.place.config.state_directory, "pulls", "saint-exemple.accueil.json")
    assert path.stat().st_size < 20_000
    assert len(json.loads(path.read_bytes())["failed"]) == pulls.MOST_FAILED
