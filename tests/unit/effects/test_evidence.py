# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was refused is kept as evidence, and cannot fill the disk."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import evidence
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ACTS = ("ledger-held", "ledger-refused")


def files(folder: Path) -> list[bytes]:
    return [
        path.read_bytes() for path in sorted(folder.glob("*.evidence-*"), key=lambda p: p.stat().st_mtime_ns)
    ]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "accueil.local.jsonl")


def test_of_a_thousand_different_ones_the_first_and_the_last_are_kept(path: str, tmp_path: Path) -> None:
    for number in range(1000):
        kept = evidence.keep(path, b"%d" % number, NOON + number * QUARTER)
        assert kept.count == number + 1
        assert (tmp_path / str(kept.kept)).read_bytes() == b"%d" % number
    assert files(tmp_path) == [b"0", b"1", b"998", b"999"]
    listed = json.loads((tmp_path / "accueil.local.jsonl.refused.json").read_bytes())
    assert listed["count"] == 1000
    assert len(listed["refused"]) == evidence.LISTED
    row = listed["refused"][-5]
    assert row["sha256"] == hashlib.sha256(b"995").hexdigest()
    assert row["at"] == "2026-03-12T20:45:00Z"
    assert row["kept"] is None
    assert os.path.getsize(tmp_path / "accueil.local.jsonl.refused.json") < 100_000


def test_the_same_one_is_kept_once(path: str, tmp_path: Path) -> None:
    first = evidence.keep(path, b"x", NOON)
    assert evidence.keep(path, b"x", NOON + QUARTER) == first
    assert len(files(tmp_path)) == 1


def test_of_a_huge_one_the_beginning_is_kept(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "LARGEST_KEPT", 1000)
    kept = evidence.keep(path, b"y" * 5000, NOON)
    assert kept.sha256 == hashlib.sha256(b"y" * 5000).hexdigest()
    assert files(tmp_path) == [b"y" * 1000]
    listed = json.loads((tmp_path / "accueil.local.jsonl.refused.json").read_bytes())
    assert listed["refused"][0]["bytes"] == 5000


@pytest.mark.parametrize("garbage", [b"", b"[]", b'{"count": 1}', b'{"count": 1, "refused": [1]}', b"\xff"])
def test_a_list_that_cannot_be_read_begins_anew(path: str, tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "accueil.local.jsonl.refused.json").write_bytes(garbage)
    assert evidence.keep(path, b"z", NOON).count == 1
    assert files(tmp_path) == [b"z"]


def test_the_ledger_is_told_of_a_few_a_day_and_of_every_turn_for_the_worse() -> None:
    book = Ledger()
    told = 0
    for number in range(200):
        now = NOON + number * QUARTER
        digest = f"{number:064x}"
        if evidence.to_be_told(book, ACTS, "ledger-refused", digest, now):
            book = book.extended([Draft("ledger-refused", "r", now, None, {"sha256": digest})])[0]
            told += 1
    assert told == 3 * evidence.TOLD_A_DAY
    last = NOON + 200 * QUARTER
    assert not evidence.to_be_told(book, ACTS, "ledger-refused", f"{0:064x}", last + timedelta(days=2))
    book = book.extended([Draft("ledger-held", "r", last, None, {})])[0]
    assert evidence.to_be_told(book, ACTS, "ledger-refused", f"{0:064x}", last)
