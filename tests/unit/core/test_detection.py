# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ledger knows of attacks: what was found, what a person said of it, and what is clean."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import detection
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.anomaly import (
    Level,
    Observation,
    Verdict,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.detection import Changes
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def receipt(letter: str, day: int) -> Draft:
    at = (NOON + day * DAY).isoformat()
    fields = {
        "snapshot": letter * 64,
        "series": "c/s",
        "received_at": at,
        "claimed_at": at,
        "kind": "incremental",
        "outcome": "ok",
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": [],
        "host": "s",
    }
    return Draft("receipt", "test", NOON + day * DAY, None, fields)


def observed(letter: str) -> Observation:
    return Observation(letter * 64, "incremental", 100, 1000, 5, 6, 7, 8, 2, 1, ("/n",), ("/c",), ("/i",))


def inspected(letter: str, day: int, level: Level = "clean") -> Draft:
    seen = observed(letter)
    reasons = () if level == "clean" else (f"{letter} is {level}",)
    fields = detection.entry_fields(seen, Verdict(level, reasons), None)
    return Draft(detection.ACT, "test", NOON + day * DAY, None, fields)


def cleared(letter: str, day: int) -> Draft:
    return Draft(detection.CLEARED_ACT, "test", NOON + day * DAY, "nothing", {"snapshot": letter * 64})


def ledger(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


TWO_CLEAN = (receipt("a", 0), inspected("a", 0), receipt("b", 1), inspected("b", 1))
ATTACK = (*TWO_CLEAN, receipt("c", 2), inspected("c", 2, "attacked"))
AFTER = (*ATTACK, receipt("d", 3), inspected("d", 3))
ALL = {letter * 64 for letter in "abcd"}


def test_nothing_after_an_attack_is_clean_until_a_person_says_so() -> None:
    now = detection.standing(ledger(*AFTER), ALL)
    assert (now.level, now.last_clean) == ("attacked", "b" * 64)
    assert now.first is not None
    assert now.first.fields["snapshot"] == "c" * 64
    assert detection.unclean_ids(ledger(*AFTER)) == {"c" * 64, "d" * 64}
    forgiven = ledger(*AFTER, cleared("c", 4))
    now = detection.standing(forgiven, ALL)
    assert (now.level, now.first, now.last_clean) == ("clean", None, "d" * 64)
    assert detection.unclean_ids(forgiven) == set()
    assert [level for _seen, level in detection.history(forgiven)] == ["clean"] * 4
    assert [level for _seen, level in detection.history(ledger(*AFTER))][2] == "attacked"


def test_what_is_found_again_after_it_was_cleared_counts_again() -> None:
    book = ledger(*AFTER, cleared("c", 4), inspected("c", 5, "suspect"))
    assert detection.standing(book, ALL).level == "suspect"


def test_the_last_clean_one_is_one_that_is_still_there() -> None:
    book = ledger(*AFTER, Draft("removed", "t", NOON + 4 * DAY, None, {"snapshots": ["b" * 64]}))
    assert detection.standing(book, ALL).last_clean == "a" * 64
    assert detection.standing(book, ALL - {"a" * 64}).last_clean is None
    assert "no earlier snapshot" in detection.clean_text(book, None)


def test_the_gravest_level_counts_and_the_reasons_name_the_first_finding_and_the_way_back() -> None:
    book = ledger(*TWO_CLEAN, receipt("c", 2), inspected("c", 2, "suspect"), receipt("d", 3))
    worse = book.extended([inspected("d", 3, "attacked")])[0]
    assert detection.standing(book, ALL).level == "suspect"
    now = detection.standing(worse, ALL)
    ((level, reason),) = now.reasons(worse, NOON + 3 * DAY)
    assert level == "alarm"
    assert reason.startswith(
        "cccccccc looks ATTACKED: c is suspect; the last clean one is bbbbbbbb of 2026-03-03"
    )
    assert now.as_json()["last_clean"] == "b" * 64
    ((level, reason),) = detection.standing(book, ALL - {"d" * 64}).reasons(book, NOON + 3 * DAY)
    assert (level, "is suspect" in reason) == ("attention", True)


def test_who_waits_too_long_to_be_looked_at_is_told_where_somebody_looks_at_all() -> None:
    book = ledger(*TWO_CLEAN, receipt("c", 2))
    now = detection.standing(book, ALL)
    assert (now.waiting, now.since) == (1, NOON + 2 * DAY)
    assert now.reasons(book, NOON + 2 * DAY) == []
    ((_level, reason),) = now.reasons(book, NOON + 3 * DAY)
    assert reason == "1 snapshots wait to be looked at for an attack"
    never = ledger(receipt("a", 0))
    assert detection.standing(never, ALL).reasons(never, NOON + 9 * DAY) == []


def test_what_was_seen_is_read_back_from_the_ledger_as_it_was() -> None:
    (seen, level), *_others = detection.history(ledger(*TWO_CLEAN))
    assert seen == Observation(
        "a" * 64, "incremental", 100, 1000, 5, 6, 7, 8, 2, 1, ("/n",), ("/c",), ("/i",)
    )
    assert level == "clean"


@pytest.mark.parametrize(
    ("name", "value"), [("level", "fine"), ("kind", "half"), ("files", -1), ("notes", "x"), ("snapshot", "a")]
)
def test_an_inspection_that_makes_no_sense_is_not_written(name: str, value: object) -> None:
    good = inspected("a", 0)
    with pytest.raises(InputError, match=name):
        ledger(Draft(good.act, "t", NOON, None, {**good.fields, name: value}))


def told(*changes: tuple[str, str]) -> Changes:
    found = Changes(chance=random.Random(1))
    for how, path in changes:
        found.add(path, how)
    return found


def test_changes_are_counted_by_kind_and_folders_are_no_files() -> None:
    found = told(("+", "/a"), ("+", "/new/"), ("M", "/b"), ("T", "/c"), ("-", "/d"), ("-", "/old/"))
    assert (found.new, found.changed, found.deleted, sorted(found.sample)) == (1, 2, 1, ["/a", "/b", "/c"])


def test_names_that_ransomware_leaves_are_noticed_on_what_is_new() -> None:
    found = told(("+", "/x.locked"), ("+", "/HOW_TO_DECRYPT.txt"), ("M", "/old.locked"), ("-", "/y.locked"))
    assert (found.ransom_names, found.notes) == (1, ["/HOW_TO_DECRYPT.txt"])


def test_a_canary_that_changes_or_goes_is_told_and_a_new_one_is_not() -> None:
    name = "/home/!ccpp-backup-canari.docx"
    assert told(("+", name)).canaries == []
    assert told(("M", name)).canaries == [name]
    assert told(("-", name), ("+", f"{name}.locked")).canaries == [name]


def test_the_sample_is_of_all_that_changed_each_with_the_same_chance() -> None:
    found = Changes(chance=random.Random(7))
    for number in range(10 * detection.SAMPLE):
        found.add(f"/{number}", "M")
    assert len(found.sample) == len(set(found.sample)) == detection.SAMPLE
    numbers = [int(path[1:]) for path in found.sample]
    # The mean of so many, evenly drawn, is within 4 standard errors of the middle.
    assert abs(sum(numbers) / len(numbers) - 5 * detection.SAMPLE) < 4 * 10 * detection.SAMPLE / (12000**0.5)
