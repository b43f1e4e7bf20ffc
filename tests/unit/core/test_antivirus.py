# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an antivirus' answers add up to, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus import changes, summary
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus.clamd import (
    ScannerError,
    eicar,
    version_of,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus.record import (
    Checked,
    Problem,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus.settings import Settings
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.antivirus.verdicts import (
    CLEAN,
    ERROR,
    MOST_NAMED,
    REASONS,
    Tally,
    Verdict,
    not_scanned,
    tally_from,
    verdict_of,
    worst,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

BEGIN = datetime(2026, 11, 2, 11, tzinfo=UTC)
IDS = [f"{number:064x}" for number in range(1, 9)]
SETTINGS = Settings("/s", "/t", 10, 10, 1, "/d", ("main",), "hold", 3, 14)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("stream: OK", CLEAN),
        ("stream: Win.Test.EICAR_HDB-1 FOUND", Verdict("infected", "Win.Test.EICAR_HDB-1")),
        ("stream: Heuristics.Encrypted.Zip FOUND", not_scanned("encrypted")),
        ("stream: Heuristics.Limits.Exceeded.MaxScanSize FOUND", not_scanned("limits")),
        ("stream: Heuristics.Phishing.Email FOUND", Verdict("infected", "Heuristics.Phishing.Email")),
        ("INSTREAM size limit exceeded. ERROR", not_scanned("too-large")),
        ("stream: Can't allocate memory ERROR", not_scanned("error")),
        ("stream: OK\nstream: OK", not_scanned("error")),
        ("", not_scanned("error")),
        ("OK", not_scanned("error")),
    ],
)
def test_an_answer_means(answer: str, verdict: Verdict) -> None:
    assert verdict_of(answer) == verdict


@given(st.text())
def test_only_one_answer_means_clean(answer: str) -> None:
    assert (verdict_of(answer) == CLEAN) is (answer == "stream: OK")


VERDICTS = st.one_of(
    st.just(CLEAN),
    st.sampled_from(REASONS).map(not_scanned),
    st.just(Verdict("infected", "Eicar")),
)


@given(st.lists(VERDICTS))
def test_every_file_is_counted_once_and_the_worst_decides(verdicts: list[Verdict]) -> None:
    tally = Tally()
    for number, verdict in enumerate(verdicts):
        tally.add(f"/{number}", verdict, 2)
    assert tally.seen == len(verdicts) == tally.clean + len(tally.infected) + len(tally.not_scanned)
    assert sum(tally.reasons().values()) == len(tally.not_scanned)
    assert tally.size == 2 * len(verdicts)
    gravest = worst(verdicts) if verdicts else CLEAN
    names = {"clean": "clean", "not-scanned": "incomplete", "infected": "infected"}
    assert tally.outcome == names[gravest.kind]
    assert tally_from(tally.as_json()) == tally


def test_no_verdict_at_all_is_no_clean_one() -> None:
    assert worst([]) == not_scanned(ERROR)


@pytest.mark.parametrize(
    "broken",
    [
        {"seen": -1},
        {"clean": "1"},
        {"cut": 0},
        {"infected": {"/a": 1}},
        {"not_scanned": [1]},
        {"carried": True},
    ],
)
def test_a_damaged_record_is_none(broken: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        tally_from({**Tally().as_json(), **broken})


def test_what_did_not_change_stays_what_it_was() -> None:
    earlier, now = Tally(), Tally()
    earlier.add("/virus", Verdict("infected", "Eicar"))
    earlier.add("/secret.zip", not_scanned("encrypted"))
    earlier.add("/gone", Verdict("infected", "Eicar"))
    now.carry(earlier, ["/virus", "/secret.zip", "/harmless"])
    assert now.infected == {"/virus": "Eicar"}
    assert now.not_scanned == {"/secret.zip": "encrypted"}
    assert (now.carried, now.seen, now.outcome) == (2, 0, "infected")


def test_a_list_that_was_cut_says_so_and_loses_nothing_infected() -> None:
    tally = Tally()
    for number in range(MOST_NAMED + 1):
        tally.add(f"/{number}", not_scanned("encrypted"))
    tally.add("/virus", Verdict("infected", "Eicar"))
    assert tally.cut
    assert "/virus" in tally.infected


def node(path: str, kind: str = "file", **more: Any) -> dict[str, Any]:
    return {"struct_type": "node", "type": kind, "path": path, **more}


def test_files_alone_have_contents() -> None:
    listed = [
        {"struct_type": "snapshot", "paths": ["/srv"]},
        node("/srv", "dir"),
        node("/srv/a", size=5),
        node("/srv/empty"),
        node("/srv/lies", size=-4),
        node("/srv/link", "symlink"),
    ]
    found = [(file.path, file.size) for file in changes.files_in(listed)]
    assert found == [("/srv/a", 5), ("/srv/empty", 0), ("/srv/lies", 0)]
    with pytest.raises(ValueError, match="path"):
        list(changes.files_in([node("srv/a")]))


def test_new_and_changed_is_all_but_what_is_gone_or_only_looks_different() -> None:
    told = [("+", "/new"), ("M", "/m"), ("TM", "/t"), ("M?", "/odd"), ("-", "/gone"), ("U", "/chmod")]
    lines = [{"message_type": "change", "modifier": how, "path": path} for how, path in told]
    lines.append({"message_type": "statistics", "path": "/x", "modifier": "+"})
    assert list(changes.changed_in(lines)) == ["/new", "/m", "/t", "/odd"]


@given(
    st.lists(st.builds(changes.File, st.text(min_size=1, max_size=40), st.integers(0, 300)), max_size=60),
    st.integers(1, 200),
)
def test_portions_are_all_files_in_order_and_no_larger_than_the_room(
    files: list[changes.File], room: int
) -> None:
    made = list(changes.portions(files, room, largest=room))
    assert [file for portion in made for file in portion] == files
    assert all(made)
    for portion in made:
        assert sum(file.size for file in portion if file.size <= room) <= room


def test_a_portion_has_no_more_files_than_a_command_has_arguments() -> None:
    files = [changes.File("/" + "x" * 3000 + str(number), 0) for number in range(3 * changes.MOST_FILES)]
    made = list(changes.portions(files, 10, 10))
    assert max(len(portion) for portion in made) <= changes.MOST_FILES
    assert max(sum(len(file.path) for file in portion) for portion in made) <= changes.LONGEST_ARGUMENTS


@given(st.binary())
def test_a_name_is_told_with_one_mark_for_each_byte_that_is_no_text(name: bytes) -> None:
    told = changes.as_told(name)
    assert told.replace(changes.NO_UTF8, "") == name.decode("utf-8", "ignore").replace(changes.NO_UTF8, "")
    if changes.NO_UTF8 not in told:
        assert told.encode() == name


def test_a_pattern_is_the_name_and_any_byte_where_it_is_not_told() -> None:
    assert changes.pattern_of("/a[1]*?\\b\ufffd") == "/a\\[1\\]\\*\\?\\\\b?"


def receipt(number: int, at: datetime, kind: str = "incremental") -> Draft:
    fields = {
        "snapshot": IDS[number],
        "series": "saint-exemple/accueil",
        "received_at": at.isoformat(),
        "claimed_at": at.isoformat(),
        "kind": kind,
        "outcome": "ok",
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": [],
        "host": "x",
    }
    return Draft("receipt", "test", at, None, fields)


def scanned(number: int, at: datetime, since: int | None = None, **more: Any) -> Draft:
    counts = {"files": 1, "clean": 1, "infected": 0, "not_scanned": 0}
    fields = {"snapshot": IDS[number], "since": None if since is None else IDS[since], "outcome": "clean"}
    return Draft("scanned", "test", at, None, {**fields, **counts, **more})


def ledger(drafts: Iterable[Draft]) -> Ledger:
    return Ledger().extended(drafts)[0]


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def base_of(book: Ledger, number: int, present: Iterable[str] = IDS, lost: str = "") -> str | None:
    chosen = next(one for one in book.live() if one.snapshot == IDS[number])
    return changes.baseline(chosen, book, present, lambda one: one != lost)


def test_an_incremental_is_compared_with_the_last_scanned_one_that_is_there() -> None:
    book = ledger(
        [receipt(0, day(0)), scanned(0, day(0)), receipt(1, day(1)), receipt(2, day(2)), receipt(3, day(3))]
    )
    assert [one.snapshot for one in changes.to_scan(book, IDS)] == IDS[1:4]
    assert base_of(book, 1) == IDS[0]
    assert base_of(book, 3) == IDS[0]
    assert base_of(book, 3, present=IDS[1:]) is None
    assert base_of(book, 3, lost=IDS[0]) is None


def test_a_full_and_the_first_of_a_month_are_scanned_whole() -> None:
    book = ledger(
        [
            receipt(0, day(0)),
            scanned(0, day(0)),
            receipt(1, day(1), "full"),
            receipt(2, day(30)),
        ]
    )
    assert base_of(book, 1) is None
    assert base_of(book, 2) is None
    december = ledger([receipt(0, day(30)), scanned(0, day(30)), receipt(1, day(31))])
    assert base_of(december, 1) == IDS[0]


@pytest.mark.parametrize(
    "broken",
    [
        {"snapshot": "latest"},
        {"since": "abc"},
        {"outcome": "fine"},
        {"infected": -1},
        {"not_scanned": True},
    ],
)
def test_the_ledger_takes_no_scan_that_says_nothing(broken: dict[str, Any]) -> None:
    good = scanned(0, day(0))
    with pytest.raises(InputError):
        ledger([Draft(good.act, good.who, good.at, None, {**good.fields, **broken})])
    with pytest.raises(InputError, match="since"):
        ledger(
            [Draft(good.act, good.who, good.at, None, {k: v for k, v in good.fields.items() if k != "since"})]
        )


def test_what_is_infected_is_an_alarm_until_a_newer_scan_is_not() -> None:
    found = {"outcome": "infected", "infected": 1, "infected_files": [{"path": "/v", "signature": "Eicar"}]}
    drafts = [receipt(0, day(0)), scanned(0, day(0), **found)]
    first = summary.summary_of(ledger(drafts), IDS, None, day(0))
    assert [level for level, _text in first.reasons(day(0))] == ["alarm"]
    assert "/v with Eicar" in first.reasons(day(0))[0][1]
    assert first.as_json()["infected_files"] == 1
    drafts += [receipt(1, day(1)), scanned(1, day(1), 0, outcome="incomplete", not_scanned=2)]
    second = summary.summary_of(ledger(drafts), IDS, None, day(1))
    assert [level for level, _text in second.reasons(day(1))] == ["attention", "ok"]
    assert second.as_json()["infected_snapshots"] == 1
    assert summary.summary_of(ledger(drafts), IDS[1:], None, day(1)).infected == ()


def test_what_waits_too_long_and_what_fails_is_told() -> None:
    book = ledger([receipt(0, day(0)), receipt(1, day(2))])
    found = summary.summary_of(book, IDS, Problem(day(2), "clamd does not answer"), day(2))
    assert (found.pending, found.overdue) == (2, 1)
    assert [level for level, _text in found.reasons(day(2))] == ["attention", "attention"]
    assert [level for level, _text in found.reasons(day(4))] == ["alarm", "attention"]
    assert found.as_json()["problem"] == "clamd does not answer"
    assert found.as_json()["last_scanned"] is None


@pytest.mark.parametrize(
    ("age", "unseen", "level"),
    [
        (0, 0, "ok"),
        (3, 0, "ok"),
        (4, 0, "attention"),
        (15, 0, "alarm"),
        (0, 2, "attention"),
        (-2, 0, "attention"),
        (15, 2, "alarm"),
    ],
)
def test_old_signatures_and_a_silent_antivirus_are_told(age: int, unseen: int, level: str) -> None:
    checked = Checked(day(20) - timedelta(days=unseen), "1.4/1", day(20) - timedelta(days=age))
    judged = summary.judge(checked, SETTINGS, day(20))
    assert judged.level == level
    assert judged.as_json()["version"] == "1.4/1"


def test_an_antivirus_that_never_worked_is_no_good_one() -> None:
    judged = summary.judge(None, SETTINGS, day(0))
    assert judged.level == "attention"
    assert judged.as_json()["database_at"] is None


def test_a_version_tells_how_old_the_signatures_are() -> None:
    assert version_of("ClamAV 1.4.6") == ("1.4.6", None)
    engine, at = version_of("ClamAV 1.4.6/27500/Mon Jan  5 10:11:12 2026")
    assert (engine, at) == ("1.4.6/27500", datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC))
    for wrong in ("", "PONG", "ClamAV 1.4.6/27500/some time or other"):
        with pytest.raises(ScannerError):
            version_of(wrong)


def test_the_test_virus_is_the_one_that_everybody_knows() -> None:
    assert len(eicar()) == 68
    assert eicar().startswith(b"X5O!P%")
