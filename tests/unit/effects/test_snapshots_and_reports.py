# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients say, in snapshots and reports, is hostile input."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import report, snapshots
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.receive import (
    REPORT_GRACE,
    outcome_of,
    received_at,
)

A = "a" * 64
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def described(**changed: Any) -> dict[str, Any]:
    return {
        "id": A,
        "time": "2026-03-02T13:00:00.123456789+01:00",
        "tree": "b" * 64,
        "paths": ["/home"],
        "hostname": "accueil",
        "username": "root",
        "summary": {"total_bytes_processed": 10, "total_files_processed": 2, "data_added_packed": 5},
        **changed,
    }


def test_a_snapshot_without_a_parent_is_a_full_one() -> None:
    assert snapshots.from_json(described()).kind == "full"
    assert snapshots.from_json(described(parent="c" * 64)).kind == "incremental"


@pytest.mark.parametrize(
    "changed",
    [
        {"paths": None},
        {"paths": ["x" * 10**6] * 1000},
        {"paths": [1, None, "\ud800"]},
        {"hostname": 7},
        {"summary": None},
        {
            "summary": {
                "total_bytes_processed": -1,
                "total_files_processed": 10**40,
                "data_added_packed": True,
            }
        },
        {"time": "soon"},
        {"time": 5},
    ],
)
def test_whatever_a_client_writes_becomes_a_bounded_receipt(changed: dict[str, Any]) -> None:
    snapshot = snapshots.from_json(described(**changed))
    fields = snapshots.receipt_fields(snapshot, "c/s", NOON, "ok")
    assert len(json.dumps(fields)) < 60_000
    assert all(0 <= fields[name] < 2**63 for name in ("size", "files", "added"))
    json.dumps(fields).encode("utf-8")


@pytest.mark.parametrize("changed", [{"id": "latest"}, {"id": None}, {"paths": "x"}])
def test_what_is_no_snapshot_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a snapshot"):
        snapshots.from_json(described(**changed))
    assert snapshots.listed([described(**changed), described(), "x", None]) == [
        snapshots.from_json(described())
    ]


def test_the_field_original_proves_nothing() -> None:
    one = snapshots.from_json(described())
    copy = snapshots.from_json(described(id="c" * 64, original=A))
    forged = snapshots.from_json(described(id="d" * 64, original=A, tree="e" * 64))
    assert copy.same_backup(one)
    assert not forged.same_backup(one)


@pytest.mark.parametrize("unreadable", [[], ["/a"], ["é" * 1000] * 5000, ["\ud800" * 500] * 200])
def test_a_report_is_small_and_read_back(unreadable: list[str]) -> None:
    body = report.written(A, unreadable, 3 if unreadable else 0)
    assert len(body) < report.LARGEST
    read = report.parsed(body, A)
    assert read is not None
    assert read.outcome == ("partial" if unreadable else "ok")


def report_value(**changed: Any) -> bytes:
    value = {"snapshot": A, "outcome": "ok", "unreadable": [], "exit_code": 0, **changed}
    return json.dumps({name: entry for name, entry in value.items() if entry is not ...}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 60_000,
        b" " * report.LARGEST,
        report_value(snapshot="b" * 64),
        report_value(outcome="failed"),
        report_value(outcome="ok", exit_code=3),
        report_value(outcome="ok", unreadable=["/a"]),
        report_value(unreadable=[1]),
        report_value(unreadable=["x"] * 101, outcome="partial"),
        report_value(exit_code=True),
        report_value(exit_code=...),
        report_value(more=1),
    ],
)
def test_a_bad_report_counts_as_none(body: bytes) -> None:
    assert report.parsed(body, A) is None


def test_a_report_that_is_no_plain_file_counts_as_none(tmp_path: Path) -> None:
    assert report.read(str(tmp_path), A) is None
    (tmp_path / "elsewhere").write_bytes(report_value())
    (tmp_path / f"{A}.json").symlink_to("elsewhere")
    assert report.read(str(tmp_path), A) is None
    (tmp_path / f"{A}.json").unlink()
    os.mkfifo(tmp_path / f"{A}.json")
    assert report.read(str(tmp_path), A) is None
    (tmp_path / f"{A}.json").unlink()
    (tmp_path / f"{A}.json").write_bytes(report_value())
    assert report.read(str(tmp_path), A) is not None


def test_the_outcome_waits_for_the_report_and_not_for_ever() -> None:
    good = report.Report(A, "ok", (), 0)
    assert outcome_of(good, NOON, NOON, injected=False) == ("ok", None)
    assert outcome_of(None, NOON, NOON + REPORT_GRACE / 2, injected=False) is None
    late = outcome_of(None, NOON, NOON + REPORT_GRACE, injected=False)
    assert late == ("partial", "no report from the workstation")
    # A file of the future would make it wait for ever.
    assert outcome_of(None, NOON + timedelta(days=1), NOON, injected=False) == late
    partial = outcome_of(report.Report(A, "partial", ("/a",), 3), NOON, NOON, injected=False)
    assert partial == ("partial", "the workstation could not read /a")


def test_a_receipt_is_dated_by_the_files_own_time() -> None:
    hour = timedelta(hours=1)
    assert received_at(NOON - hour, NOON, injected=False) == NOON - hour
    assert received_at(NOON + hour, NOON, injected=False) == NOON
    assert received_at(NOON - hour, NOON, injected=True) == NOON
