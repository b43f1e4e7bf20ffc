# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is erased that was not handed back, as the ledgers have it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.departure import (
    Order,
    Standing,
    counted,
    reduced,
    refusals,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.erasing import order_from
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger

SHA, OTHER_SHA = "a" * 64, "b" * 64
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORDER = Order("saint-exemple", date(2026, 3, 31), SHA, "Camille Exemple")
TODAY = date(2026, 4, 1)


def receipt(number: int, hours: int) -> Draft:
    at = NOON + timedelta(hours=hours)
    fields = {
        "snapshot": f"{number:064x}",
        "series": "saint-exemple/accueil",
        "received_at": at.isoformat(),
        "claimed_at": at.isoformat(),
        "kind": "full",
        "outcome": "ok",
        "size": 1,
        "files": 1,
        "added": 1,
        "paths": ["/home/jean.dupont"],
        "host": "poste-de-jean",
    }
    return Draft("receipt", "ccpp-backup@local", at, None, fields)


def handed_back(number: int, hours: int, sha256: str = SHA) -> Draft:
    fields = {"snapshots": [f"{number:064x}"], "sha256": sha256, "folder": "/media/jean", "by": "Jean"}
    return Draft("handed-back", "ccpp-backup@local", NOON + timedelta(hours=hours), "départ", fields)


def chain(*drafts: Draft) -> Ledger:
    return Ledger().extended(drafts)[0]


def told(site: str = "local", today: date = TODAY, order: Order = ORDER, **given: Any) -> list[str]:
    standing = Standing(
        "accueil", given.get("own", Ledger()), given.get("other", Ledger()), given.get("held", ())
    )
    return refusals(order, site, [standing], today)


GOOD = chain(receipt(1, 0), receipt(2, 24), handed_back(2, 48))


@pytest.mark.parametrize("site", ["local", "remote"])
@pytest.mark.parametrize("where", ["own", "other"])
def test_what_was_handed_back_may_go_on_both_servers_whichever_handed_it_back(site: str, where: str) -> None:
    given = {"own": chain(receipt(1, 0)), where: GOOD}
    assert told(site, **given) == []


def test_a_source_that_was_never_backed_up_has_nothing_to_hand_back() -> None:
    assert told() == []


def test_every_ground_is_told_at_once() -> None:
    found = told(
        today=date(2026, 3, 30), own=chain(receipt(1, 0)), held=["commune:saint-exemple, by Ada: piratage"]
    )
    assert [line.partition(":")[0] for line in found] == ["agreed_on", *["saint-exemple/accueil"] * 2]
    assert "2026-03-31 is not yet here (today is 2026-03-30)" in found[0]
    assert "held (commune:saint-exemple, by Ada: piratage)" in found[1]
    assert "never handed back" in found[2]


@pytest.mark.parametrize(
    ("own", "other", "site", "said"),
    [
        (chain(receipt(1, 0)), Ledger(), "local", "never handed back"),
        (Ledger(), chain(receipt(1, 0)), "remote", "never handed back"),
        (chain(receipt(1, 0), handed_back(1, 1, OTHER_SHA)), Ledger(), "local", "under the checksum bbbb"),
        (chain(receipt(1, 0), handed_back(1, 1), receipt(2, 2)), Ledger(), "local", "backed up again"),
        (Ledger(), chain(receipt(1, 0), handed_back(1, 1), receipt(2, 2)), "remote", "backed up again"),
        # REMOTE handed back; LOCAL has received something since that REMOTE does not know of.
        (
            chain(receipt(1, 0), receipt(2, 9)),
            chain(receipt(1, 0), handed_back(1, 1)),
            "local",
            "backed up again",
        ),
        # The later hand-back counts, and it is not the one whose checksum is given.
        (GOOD, chain(receipt(1, 0), handed_back(1, 99, OTHER_SHA)), "local", "under the checksum bbbb"),
    ],
)
def test_what_was_not_handed_back_as_it_is_now_stays(
    own: Ledger, other: Ledger, site: str, said: str
) -> None:
    (line,) = told(site, own=own, other=other)
    assert said in line


def test_what_remote_pulls_after_the_hand_back_at_local_is_not_newer_than_it() -> None:
    assert told("remote", own=chain(receipt(1, 0), receipt(2, 72)), other=GOOD) == []


def test_the_commune_has_time_to_check_before_it_agrees() -> None:
    order = Order("saint-exemple", date(2026, 3, 3), SHA, "Camille Exemple")
    (line,) = told(order=order, own=GOOD)
    assert "2026-03-03 is before the hand-back of 2026-03-04" in line


def test_on_the_day_that_was_agreed_it_may_be_done() -> None:
    assert told(today=ORDER.agreed_on, own=GOOD) == []


def test_the_reduced_ledger_names_nobody_and_still_proves_the_chain() -> None:
    lines = list(reduced("accueil", GOOD))
    assert [line["sha256"] for line in lines][-1] == GOOD.head
    assert [line["prev"] for line in lines][1:] == [line["sha256"] for line in lines][:-1]
    text = json.dumps(lines)
    for personal in ("jean", "Jean", "dupont", "poste", "départ", "/home", "/media"):
        assert personal not in text


def test_what_is_counted_is_what_was_received_and_what_is_left() -> None:
    removed = Draft("removed", "retain", NOON + timedelta(hours=30), None, {"snapshots": [f"{1:064x}"]})
    ledger = chain(receipt(1, 0), receipt(2, 24), removed, handed_back(2, 48))
    assert counted(ledger) == {"received": 2, "erased": 1, "entries": 4, "head": ledger.head}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("agreed_on", "31/12/2026", "agreed_on: '31/12/2026' is not a day (write YYYY-MM-DD)"),
        ("agreed_on", "2026-02-30", "agreed_on: '2026-02-30' is not a day"),
        ("handback", "abc", "handback: 'abc' is not a SHA-256"),
        ("who", " ", "who: ' ' is not a person's name"),
        ("who", "a\nb", r"who: 'a\nb' is not a person's name"),
    ],
)
def test_an_order_that_is_none_is_refused_in_one_line(field: str, value: str, said: str) -> None:
    given = {"commune": "saint-exemple", "agreed_on": "2026-12-31", "handback": SHA, "who": "Camille"}
    with pytest.raises(InputError) as caught:
        order_from(**{**given, field: value})
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
