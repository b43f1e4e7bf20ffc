# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic says of files without their content, as days and paths."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Receipt
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.repair import Lost, lacking

# As restic 0.18.0 prints it.
PRINTED = """
snapshot aaaaaaaa of [/tmp/rp/d] at 2026-11-28 01:35:45.54110337 +0000 UTC by root@host
  file "/d/f1": removed missing content
  file "/d/with \\"quotes\\": and more": removed missing content
would save new snapshot

snapshot bbbbbbbb of [/tmp/rp/d] at 2026-11-28 01:35:44.75419214 +0000 UTC by root@host
  dir "/d": not readable
would delete empty snapshot

snapshot cccccccc of [/tmp/rp/d] at 2026-11-28 01:35:44.75419214 +0000 UTC by root@host
  file "/d/of nobody": removed missing content

would modify 3 snapshots
"""


def receipt(letter: str, day: int) -> Receipt:
    at = datetime(2026, 3, day, 12, tzinfo=UTC)
    return Receipt(1, letter * 64, "c/s", at, at, "full", "ok", 1, 1, 1, ("/d",), "s")


def test_each_lost_file_has_its_day_and_snapshot_and_strangers_are_left_out() -> None:
    found = lacking(PRINTED.splitlines(), [receipt("a", 2), receipt("b", 3)])
    assert found == [
        Lost("a" * 64, "2026-03-02", "/d/f1"),
        Lost("a" * 64, "2026-03-02", '/d/with \\"quotes\\": and more'),
        Lost("b" * 64, "2026-03-03", "/d", True),
    ]
    assert str(found[0]) == "2026-03-02 (aaaaaaaa): /d/f1"
    assert str(found[2]) == "2026-03-03 (bbbbbbbb): /d and all that is in it"


def test_a_whole_repository_lacks_nothing() -> None:
    assert lacking(["no snapshot was modified", ""], [receipt("a", 2)]) == []
