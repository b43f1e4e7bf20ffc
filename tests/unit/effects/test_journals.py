# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a commune's server, as it comes and as it is believed."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.journals import (
    Batch,
    NotAJournalError,
    address_of,
    parse,
)


def entry(cursor: str, *fields: bytes) -> bytes:
    lines = [f"__CURSOR={cursor}".encode(), b"__REALTIME_TIMESTAMP=1", *fields]
    return b"\n".join(lines) + b"\n\n"


def binary(name: bytes, value: bytes) -> bytes:
    return name + b"\n" + len(value).to_bytes(8, "little") + value


ONE, TWO = entry("s=a;i=1", b"MESSAGE=hello"), entry("s=a;i=2", binary(b"MESSAGE", b"two\nlines"))


def test_entries_are_counted_and_the_last_cursor_is_kept() -> None:
    assert parse(ONE + TWO, None) == Batch(ONE + TWO, 2, "s=a;i=2")


def test_the_entry_that_is_known_already_is_left_out() -> None:
    assert parse(ONE + TWO, "s=a;i=1") == Batch(TWO, 1, "s=a;i=2")
    assert parse(ONE, "s=a;i=1") == Batch(b"", 0, "s=a;i=1")


def test_a_journal_that_was_rotated_away_is_taken_from_where_it_begins() -> None:
    assert parse(TWO, "s=a;i=1") == Batch(TWO, 1, "s=a;i=2")


def test_no_news_is_no_entry() -> None:
    assert parse(b"", "s=a;i=1") == Batch(b"", 0, None)


def test_a_cursor_inside_a_field_is_data() -> None:
    forged = entry("s=a;i=3", binary(b"MESSAGE", b"x\n\n__CURSOR=s=evil\n\n"))
    assert parse(ONE + forged, None).cursor == "s=a;i=3"
    assert parse(ONE + forged, None).count == 2


@pytest.mark.parametrize("cut", range(1, len(TWO) - 1))
def test_a_journal_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(NotAJournalError):
        parse(ONE + TWO[:cut], None)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502</html>",
        b"MESSAGE\n" + b"\xff" * 8 + b"\n",
        entry("a:1:1"),
        entry("x" * 501),
        entry("a\x07b"),
    ],
)
def test_what_is_no_journal_is_refused(body: bytes) -> None:
    with pytest.raises(NotAJournalError):
        parse(body, None)


def test_the_journal_is_where_the_ledgers_are() -> None:
    ledger = "https://192.0.2.10:8443/ledgers/accueil.jsonl"
    assert address_of(ledger) == "https://192.0.2.10:8443/journal/entries"
