# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports that come after their receipt, too late, about another snapshot, or by the thousand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import receive, report, restic
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import LATE_REPORT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Desk:
    """A repository whose snapshots restic describes by their file's time, and the folder of its reports."""

    def __init__(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.folder = bench.base / "reports"
        monkeypatch.setattr(restic, "run", self.run)

    def run(self, command: restic.Command, *_: object, **__: object) -> restic.Result:
        ids = [one for one in command.arguments if restic.is_snapshot_id(one)]
        snapshots = [
            {"id": one, "time": NOON.isoformat(), "tree": "t" * 64, "paths": ["/home"]} for one in ids
        ]
        return restic.Result(0, json.dumps(snapshots).encode())

    def arrives(self, label: str = "one") -> str:
        return str(self.bench.put("snapshots", label.encode().ljust(80)))

    def report(self, snapshot: str, *unreadable: str, name: str | None = None) -> Path:
        path = Path(self.folder / f"{name or snapshot}.json")
        path.write_bytes(report.written(snapshot, unreadable, 3 if unreadable else 0))
        return path

    def receive(self, after: timedelta = timedelta(0)) -> receive.Received:
        """At an instant that is injected, a receipt waits for no report."""
        return receive.receive(self.bench.at(NOON + after))

    def outcomes(self) -> dict[str, str]:
        return {one.snapshot: one.outcome for one in self.bench.place.ledger().live()}

    def left(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def desk(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(bench, monkeypatch)


def test_a_report_in_time_is_used_and_taken_away(desk: Desk) -> None:
    snapshot = desk.arrives()
    desk.report(snapshot)
    desk.receive()
    assert desk.outcomes() == {snapshot: "ok"}
    assert "reported" not in desk.bench.acts("receipt")[0]
    assert desk.left() == set()


@pytest.mark.parametrize(("unreadable", "outcome"), [([], "ok"), (["/home/locked"], "partial")])
def test_a_late_report_amends_the_outcome_by_an_act_of_its_own(
    desk: Desk, unreadable: list[str], outcome: str
) -> None:
    snapshot = desk.arrives()
    desk.receive()
    assert desk.outcomes() == {snapshot: "partial"}
    (receipt,) = desk.bench.acts("receipt")
    desk.report(snapshot, *unreadable)
    assert desk.receive(20 * HOUR).amended == {snapshot: outcome}
    assert desk.outcomes() == {snapshot: outcome}
    assert desk.bench.acts("receipt") == [receipt]
    assert desk.bench.acts("amended") == [
        {"snapshot": snapshot, "outcome": outcome, "reported_at": "2026-03-03T08:00:00Z"}
    ]
    assert desk.left() == set()


def test_only_the_first_late_report_counts(desk: Desk) -> None:
    snapshot = desk.arrives()
    desk.receive()
    desk.report(snapshot, "/home/locked")
    desk.receive(HOUR)
    desk.report(snapshot)
    assert desk.receive(2 * HOUR).amended == {}
    assert desk.outcomes() == {snapshot: "partial"}
    assert desk.left() == set()


@pytest.mark.parametrize(("after", "outcome"), [(LATE_REPORT, "ok"), (LATE_REPORT + HOUR, "partial")])
def test_an_old_receipt_is_not_amended(desk: Desk, after: timedelta, outcome: str) -> None:
    snapshot = desk.arrives()
    desk.receive()
    desk.report(snapshot)
    desk.receive(after)
    assert desk.outcomes() == {snapshot: outcome}
    assert desk.left() == set()


def test_a_report_amends_nothing_but_the_snapshot_it_is_named_after(desk: Desk) -> None:
    one, other = desk.arrives("one"), desk.arrives("other")
    desk.receive()
    desk.report(one, name=other)
    desk.receive(HOUR)
    assert desk.outcomes() == {one: "partial", other: "partial"}
    desk.report("f" * 64)
    desk.receive(2 * HOUR)
    assert desk.outcomes() == {one: "partial", other: "partial"}


def test_what_its_workstation_called_partial_is_not_amended(desk: Desk) -> None:
    snapshot = desk.arrives()
    desk.report(snapshot, "/home/locked")
    desk.receive()
    desk.report(snapshot)
    assert desk.receive(HOUR).amended == {}
    assert desk.outcomes() == {snapshot: "partial"}


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 60_000, b"x" * 100_000])
def test_a_late_report_that_is_none_is_taken_away_and_changes_nothing(desk: Desk, body: bytes) -> None:
    snapshot = desk.arrives()
    desk.receive()
    (desk.folder / f"{snapshot}.json").write_bytes(body)
    assert desk.receive(HOUR).amended == {}
    assert desk.outcomes() == {snapshot: "partial"}
    assert desk.left() == set()


def test_a_kill_between_the_entry_and_the_tidying_amends_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = desk.arrives()
    desk.receive()
    desk.report(snapshot)
    with monkeypatch.context() as patch:
        patch.setattr(report, "tidy", _killed)
        with pytest.raises(KeyboardInterrupt):
            desk.receive(HOUR)
    assert desk.receive(HOUR).amended == {}
    assert len(desk.bench.acts("amended")) == 1
    assert desk.left() == set()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_reports_expire_by_the_servers_clock_and_not_by_the_time_a_client_gives_them(
    tmp_path: Path,
) -> None:
    """nginx sets a file's time to what the header Date says."""
    for name, told in (("a", 0.0), ("b", time.time() + 10**9)):
        path = tmp_path / f"{name * 64}.json"
        path.write_bytes(b"{}")
        os.utime(path, (told, told))
    report.tidy(str(tmp_path), set(), set(), time.time())
    assert len(list(tmp_path.iterdir())) == 2
    report.tidy(str(tmp_path), set(), set(), time.time() + report.KEPT + 60)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def flooded(tmp_path: Path) -> Callable[[int, int], Path]:
    def flood(count: int, size: int) -> Path:
        for number in range(count):
            (tmp_path / f"{number:064x}.json").write_bytes(bytes(size))
        return tmp_path

    return flood


@pytest.mark.parametrize(
    ("count", "size", "left"),
    [(report.MOST_REPORTS, 10, report.MOST_REPORTS), (500, 10, report.MOST_REPORTS), (100, 65_535, 64)],
)
def test_no_source_keeps_more_reports_than_its_share(
    flooded: Callable[[int, int], Path], count: int, size: int, left: int
) -> None:
    folder = flooded(count, size)
    report.tidy(str(folder), set(), set(), time.time())
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == left
    # The newest stay.
    assert names == [f"{number:064x}.json" for number in range(count - left, count)]


def test_a_flood_does_not_push_out_the_report_that_a_receipt_waits_for(
    flooded: Callable[[int, int], Path],
) -> None:
    folder = flooded(500, 10)
    report.tidy(str(folder), set(), {f"{0:064x}"}, time.time())
    assert (folder / f"{0:064x}.json").exists()
    assert len(list(folder.iterdir())) == report.MOST_REPORTS


def test_what_is_no_report_is_tidied_all_the_same_and_folders_are_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "junk").write_bytes(b"x")
    report.tidy(str(tmp_path), set(), set(), time.time() + report.KEPT + 60)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    report.tidy(str(tmp_path / "none"), set(), set(), 0.0)
