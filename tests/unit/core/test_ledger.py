# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's chain, what it says of snapshots, and how two copies compare."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import REFUSED, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import (
    LATE_REPORT,
    NO_HASH,
    Draft,
    Ledger,
    LedgerBroken,
    compare,
    parse,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def receipt(snapshot: str = A, **changed: Any) -> Draft:
    fields = {
        "snapshot": snapshot,
        "series": "saint-exemple/accueil",
        "received_at": "2026-03-02T12:00:00Z",
        "claimed_at": "2026-03-02T13:00:00.123456789+01:00",
        "kind": "full",
        "outcome": "ok",
        "size": 10,
        "files": 2,
        "added": 5,
        "paths": ["/home/é"],
        "host": "accueil",
        **changed,
    }
    return Draft("receipt", "receive", NOON, None, fields)


def act(name: str, **fields: Any) -> Draft:
    return Draft(name, "retain", NOON, "because", fields)


def written(*drafts: Draft) -> bytes:
    return Ledger().extended(drafts)[1]


THREE = written(receipt(A), receipt(B), act("verified", snapshot=A))


class TestTheChain:
    def test_each_line_carries_the_hash_of_the_exact_bytes_of_the_one_before(self) -> None:
        lines = THREE.splitlines()
        records = [json.loads(line) for line in lines]
        assert records[0]["prev"] == NO_HASH
        assert records[1]["prev"] == hashlib.sha256(lines[0]).hexdigest()
        assert records[2]["prev"] == hashlib.sha256(lines[1]).hexdigest()
        assert parse(THREE).head == hashlib.sha256(lines[2]).hexdigest()
        assert [record["seq"] for record in records] == [1, 2, 3]

    def test_what_is_written_reads_back_the_same(self) -> None:
        extended, data = Ledger().extended([receipt(A), act("held", scope="everything")])
        assert parse(data) == extended
        assert data.isascii()

    def test_a_ledger_grows_from_where_it_is(self) -> None:
        extended, data = parse(THREE).extended([act("removed", snapshots=[A])])
        assert parse(THREE + data) == extended
        assert extended.size == len(THREE + data)

    def test_an_empty_ledger_has_no_entries_and_no_head(self) -> None:
        empty = parse(b"")
        assert (empty.entries, empty.head, empty.newest_at, empty.size, empty.torn) == (
            (),
            NO_HASH,
            None,
            0,
            b"",
        )

    def test_times_are_written_in_utc(self) -> None:
        there = timezone(timedelta(hours=2))
        data = written(Draft("verified", "verify", datetime(2026, 7, 1, 0, 30, 0, 5, there)))
        assert json.loads(data)["at"] == "2026-06-30T22:30:00.000005Z"

    def test_the_newest_time_is_the_latest_and_not_that_of_the_last_line(self) -> None:
        early = Draft("verified", "verify", NOON - timedelta(days=9))
        assert parse(written(receipt(A), early)).newest_at == NOON

    def test_a_person_s_word_on_the_clock_voids_the_later_times_before_it_and_none_after(self) -> None:
        wrong = Draft("verified", "verify", NOON + timedelta(days=3653))
        word = Draft("clock-trusted", "mayor", NOON + timedelta(days=1), "the battery was replaced")
        assert parse(written(receipt(A), wrong)).newest_at == wrong.at
        assert parse(written(receipt(A), wrong, word)).newest_at == word.at
        assert parse(written(receipt(A), word, wrong)).newest_at == wrong.at
        assert parse(written(word, Draft("verified", "verify", NOON))).newest_at == word.at

    @pytest.mark.parametrize("cut", [1, 7, len(THREE.splitlines()[2])])
    def test_a_last_line_without_its_newline_is_torn_and_not_an_entry(self, cut: int) -> None:
        ledger = parse(THREE[:-cut])
        assert len(ledger.entries) == 2
        assert ledger.torn == THREE.splitlines(keepends=True)[2][:-cut]
        assert ledger.size + len(ledger.torn) == len(THREE) - cut

    def test_nul_bytes_that_a_crash_left_at_the_end_are_torn(self) -> None:
        ledger = parse(THREE + b"\0" * 100)
        assert (len(ledger.entries), ledger.torn) == (3, b"\0" * 100)


class TestABrokenChain:
    @pytest.mark.parametrize(
        ("data", "line", "reason"),
        [
            (b"".join(THREE.splitlines(True)[1:]), 1, "does not continue"),
            (b"".join(THREE.splitlines(True)[:1] + THREE.splitlines(True)[2:]), 2, "does not continue"),
            (b"".join(reversed(THREE.splitlines(True))), 1, "does not continue"),
            (THREE + THREE.splitlines(True)[2], 4, "does not continue"),
            (THREE.replace(b'"files":2', b'"files":3', 1), 2, "does not continue"),
            (THREE.replace(b'"seq":1', b'"seq":9', 1), 1, "seq is 9, not 1"),
            (THREE.replace(b'"seq":1', b'"seq":true', 1), 1, "seq is true, not 1"),
            (THREE.replace(b'"seq":1,', b"", 1), 1, "the field seq is missing"),
            (THREE.replace(b'"act":"receipt"', b'"act":"Receipt!"', 1), 1, "act 'Receipt!' is not a word"),
            (THREE.replace(b'"act":"receipt"', b'"act":7', 1), 1, "act 7 is not a word"),
            (THREE.replace(b'"who":"receive"', b'"who":""', 1), 1, "who '' is not a name"),
            (THREE.replace(b'"who":"receive"', b'"who":null', 1), 1, "who null is not a name"),
            (THREE.replace(b'"why":null', b'"why":1', 1), 1, "why 1 is not text"),
            (
                THREE.replace(b'"at":"2026-03-02T12:00:00Z"', b'"at":"2026-03-02"', 1),
                1,
                "at: '2026-03-02' is not",
            ),
            (
                THREE.replace(b'"kind":"full"', b'"kind":"half"', 1),
                1,
                "kind 'half' is not one of full, incremental",
            ),
            (THREE.replace(b'"why":null', b'"why":null,"why":null', 1), 1, "the field 'why' is there twice"),
            (b"\n" + THREE, 1, "not JSON"),
            (b"[]\n" + THREE, 1, "a list of 0 is not an entry"),
            (b"\0" * 50 + b"\n", 1, "not JSON"),
            (b"\xff\n", 1, "not UTF-8"),
            (b"[" * 100000 + b"\n", 1, "nested too deeply"),
            (b'{"seq":' + b"9" * 5000 + b"}\n", 1, "not usable JSON"),
        ],
    )
    def test_the_first_line_that_does_not_hold_is_named_with_the_reason(
        self, data: bytes, line: int, reason: str
    ) -> None:
        with pytest.raises(LedgerBroken) as caught:
            parse(data, "accueil.jsonl")
        assert caught.value.line == line
        assert reason in caught.value.reason
        assert str(caught.value).startswith(f"accueil.jsonl: line {line}: the ledger's chain is broken: ")
        assert caught.value.exit_code == REFUSED

    def test_any_single_byte_that_changes_is_found(self) -> None:
        for position in range(len(THREE)):
            changed = bytearray(THREE)
            changed[position] ^= 1
            try:
                ledger = parse(bytes(changed))
            except LedgerBroken:
                continue
            # The last line has no successor to vouch for it: the other server's copy does (compare).
            assert ledger.head != parse(THREE).head
            assert compare(THREE, bytes(changed)) != "equal"


class TestAppending:
    @pytest.mark.parametrize(
        ("draft", "message"),
        [
            (receipt("short"), "snapshot 'short' is not an id of 64 hexadecimal digits"),
            (receipt(A, series=None), "series null is not text"),
            (receipt(A, claimed_at=5), "claimed_at 5 is not text"),
            (receipt(A, host=5), "host 5 is not text"),
            (
                receipt(A, received_at="2026-03-02T12:00:00"),
                "received_at: '2026-03-02T12:00:00' has no offset",
            ),
            (
                receipt(A, received_at="0001-03-02T12:00:00Z"),
                "received_at: '0001-03-02T12:00:00Z' is outside",
            ),
            (receipt(A, kind="half"), "kind 'half' is not one of full, incremental"),
            (receipt(A, outcome="good"), "outcome 'good' is not one of ok, partial, failed"),
            (receipt(A, size=-1), "size -1 is not a number of 0 or more"),
            (receipt(A, files=1.0), "files 1.0 is not a number of 0 or more"),
            (receipt(A, added=True), "added true is not a number of 0 or more"),
            (receipt(A, paths="/home"), "paths '/home' is not a list of text"),
            (receipt(A, paths=[1]), "paths a list of 1 is not a list of text"),
            (receipt(A, reported="no"), "reported 'no' is not true or false"),
            (act("amended", outcome="ok", reported_at="2026-03-02T12:00:00Z"), "snapshot null is not an id"),
            (
                act("amended", snapshot=A, outcome="good", reported_at="2026-03-02T12:00:00Z"),
                "outcome 'good' is not one of ok, partial, failed",
            ),
            (act("amended", snapshot=A, outcome="ok"), "reported_at: null is not a time"),
            (act("removed"), "one of snapshot (an id) and snapshots (a list of ids) is needed"),
            (act("removed", snapshot=A, snapshots=[A]), "one of snapshot (an id) and snapshots"),
            (act("removed", snapshots=A), "one of snapshot (an id) and snapshots"),
            (act("removed", snapshots=[A, "b"]), "snapshot 'b' is not an id"),
            (act("quarantined", snapshot="b"), "snapshot 'b' is not an id"),
            (act("held"), "scope null is not text"),
            (act("released", scope=""), "scope '' is not text"),
            (act("no word"), "act 'no word' is not a word"),
            (act("verified", prev="x"), "the field prev is the ledger's own"),
            (act("verified", seq=1), "the field seq is the ledger's own"),
        ],
    )
    def test_an_entry_that_could_not_be_read_back_is_not_written(self, draft: Draft, message: str) -> None:
        with pytest.raises(InputError) as caught:
            Ledger().extended([draft])
        assert message in str(caught.value)

    def test_acts_of_later_versions_are_kept_with_their_fields(self) -> None:
        ledger = parse(written(act("drilled", seconds=12, nested={"a": [1]})))
        assert ledger.entries[0].fields == {"seconds": 12, "nested": {"a": [1]}}


class TestWhatItSaysOfSnapshots:
    def test_receipts_keep_their_order_and_their_fields(self) -> None:
        first, second = parse(THREE).receipts()
        assert (first.snapshot, second.snapshot) == (A, B)
        assert (first.seq, first.series, first.kind, first.outcome) == (
            1,
            "saint-exemple/accueil",
            "full",
            "ok",
        )
        assert (first.size, first.files, first.added, first.paths, first.host) == (
            10,
            2,
            5,
            ("/home/é",),
            "accueil",
        )
        assert first.received_at == NOON
        assert first.claimed_at == NOON + timedelta(microseconds=123456)

    def test_a_claimed_time_that_no_clock_shows_is_none(self) -> None:
        for claimed in ("", "yesterday", "0000-01-01T00:00:00Z", "2026-03-02T12:00:00", "9" * 100000):
            assert parse(written(receipt(A, claimed_at=claimed))).receipts()[0].claimed_at is None

    def test_live_ones_are_those_received_and_not_removed_since(self) -> None:
        ledger = parse(
            written(
                receipt(A), receipt(B), act("removed", snapshots=[A]), receipt(C), act("removed", snapshot=C)
            )
        )
        assert [r.snapshot for r in ledger.live()] == [B]
        assert ledger.removed_ids() == {A, C}

    def test_one_received_again_after_its_removal_is_alive_at_its_new_place(self) -> None:
        ledger = parse(
            written(receipt(A), receipt(B), act("removed", snapshot=A), receipt(A, outcome="partial"))
        )
        assert [(r.snapshot, r.outcome) for r in ledger.live()] == [(B, "ok"), (A, "partial")]
        assert ledger.removed_ids() == set()

    def test_a_second_receipt_of_a_live_snapshot_changes_nothing(self) -> None:
        ledger = parse(written(receipt(A, outcome="partial"), receipt(A, outcome="ok")))
        assert [r.outcome for r in ledger.live()] == ["partial"]
        assert len(ledger.receipts()) == 2

    def test_removing_what_was_never_received_is_no_error(self) -> None:
        assert parse(written(act("removed", snapshot=A))).live() == []

    def test_quarantined_ones_are_listed_and_objects_that_are_no_snapshot_are_not(self) -> None:
        ledger = parse(
            written(
                act("quarantined", snapshot=A),
                act("quarantined", snapshots=[B, C]),
                act("quarantined", object="keys/0123"),
            )
        )
        assert ledger.quarantined_ids() == {A, B, C}

    def test_a_hold_is_in_force_until_it_is_released(self) -> None:
        ledger = parse(
            written(
                act("held", scope="source:accueil"),
                act("held", scope="everything"),
                act("released", scope="source:accueil"),
                act("released", scope="commune:other"),
            )
        )
        (hold,) = ledger.holds()
        assert (hold.scope, hold.who, hold.why, hold.at) == ("everything", "retain", "because", NOON)

    def test_a_second_hold_does_not_change_who_placed_the_first(self) -> None:
        second = Draft("held", "someone else", NOON, "other", {"scope": "everything"})
        (hold,) = parse(written(act("held", scope="everything"), second)).holds()
        assert hold.who == "retain"


def unreported(snapshot: str) -> Draft:
    """A receipt that could not wait any longer for the workstation's report."""
    return receipt(snapshot, outcome="partial", reported=False)


def amended(snapshot: str, after: timedelta, outcome: str = "ok") -> Draft:
    return act("amended", snapshot=snapshot, outcome=outcome, reported_at=(NOON + after).isoformat())


class TestALateReport:
    HOUR = timedelta(hours=1)

    def outcomes(self, *drafts: Draft) -> list[tuple[str, str]]:
        return [(one.snapshot, one.outcome) for one in parse(written(*drafts)).live()]

    def test_it_amends_the_outcome_and_neither_the_receipt_nor_its_place(self) -> None:
        ledger = parse(written(unreported(A), receipt(B), amended(A, self.HOUR)))
        assert [(one.snapshot, one.outcome) for one in ledger.live()] == [(A, "ok"), (B, "ok")]
        assert ledger.live()[0].seq == 1
        assert ledger.receipts()[0].outcome == "partial"

    @pytest.mark.parametrize(
        ("after", "outcome"),
        [
            (-timedelta(hours=1), "ok"),
            (LATE_REPORT, "ok"),
            (LATE_REPORT + timedelta(microseconds=1), "partial"),
            (timedelta(days=400), "partial"),
        ],
    )
    def test_it_has_four_days(self, after: timedelta, outcome: str) -> None:
        assert self.outcomes(unreported(A), amended(A, after)) == [(A, outcome)]

    def test_what_the_workstation_itself_called_partial_stays_partial(self) -> None:
        assert self.outcomes(receipt(A, outcome="partial"), amended(A, self.HOUR)) == [(A, "partial")]
        told = receipt(A, outcome="partial", reported=True)
        assert self.outcomes(told, amended(A, self.HOUR)) == [(A, "partial")]

    def test_the_first_one_counts(self) -> None:
        first = amended(A, self.HOUR, "partial")
        assert self.outcomes(unreported(A), first, amended(A, 2 * self.HOUR)) == [(A, "partial")]

    def test_it_is_about_one_snapshot(self) -> None:
        assert self.outcomes(unreported(A), unreported(B), amended(B, self.HOUR)) == [
            (A, "partial"),
            (B, "ok"),
        ]
        assert self.outcomes(amended(A, self.HOUR), unreported(A)) == [(A, "partial")]
        assert self.outcomes(amended(C, self.HOUR)) == []

    def test_it_does_not_outlive_the_snapshot_it_is_about(self) -> None:
        again = [act("removed", snapshot=A), unreported(A)]
        assert self.outcomes(unreported(A), amended(A, self.HOUR), *again) == [(A, "partial")]
        assert self.outcomes(unreported(A), *again, amended(A, self.HOUR)) == [(A, "ok")]


class TestTwoCopies:
    MORE = THREE + parse(THREE).extended([act("removed", snapshot=A)])[1]
    OTHER = THREE + parse(THREE).extended([act("removed", snapshot=B)])[1]

    def test_equal_ones_are_equal(self) -> None:
        assert compare(THREE, THREE) == "equal"
        assert compare(b"", b"") == "equal"

    def test_a_copy_that_lacks_the_writer_s_newest_is_behind(self) -> None:
        assert compare(THREE, self.MORE) == "behind"
        assert compare(b"", THREE) == "behind"
        assert compare(self.MORE, THREE, writer="mine") == "ahead"

    def test_a_writer_that_lacks_what_its_copy_has_was_truncated(self) -> None:
        assert compare(self.MORE, THREE) == "truncated"
        assert compare(THREE, b"") == "truncated"
        assert compare(THREE, self.MORE, writer="mine") == "truncated"

    def test_a_common_beginning_and_different_ends_are_a_fork(self) -> None:
        assert compare(self.MORE, self.OTHER) == "forked"
        longer = self.OTHER + parse(self.OTHER).extended([act("verified")])[1]
        assert compare(self.MORE, longer) == "forked"
        assert compare(longer, self.MORE) == "forked"

    def test_nothing_in_common_is_a_rewritten_ledger(self) -> None:
        assert compare(THREE, written(receipt(B), receipt(A), act("verified", snapshot=A))) == "rewritten"

    def test_a_chain_that_does_not_hold_is_a_rewritten_ledger(self) -> None:
        assert compare(THREE, THREE.replace(b'"files":2', b'"files":3', 1)) == "rewritten"

    def test_a_line_still_being_written_does_not_count(self) -> None:
        assert compare(THREE, self.MORE[:-3]) == "equal"

    def test_an_own_copy_that_is_broken_is_said_to_be(self) -> None:
        with pytest.raises(LedgerBroken, match="own copy"):
            compare(THREE[5:], THREE)
