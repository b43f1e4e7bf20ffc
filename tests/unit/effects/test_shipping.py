# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""REMOTE's ledger at LOCAL: a copy that grows, and refuses what does not continue it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import shipping, web
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger_file import LedgerFile
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.status import facts_of

from .conftest import NOON, Bench

Write = Callable[..., Path]


@pytest.fixture
def bench(tmp_path: Path, write_config: Write, commune_value: dict[str, Any]) -> Bench:
    source = commune_value["sources"]["accueil"]
    source["shipped"] = str(tmp_path / "shipped.jsonl")
    (tmp_path / "location").write_text("rest:https://replica:secret@192.0.2.10:8443/replica/accueil/\n")
    source["upstream"] = {
        "location_file": str(tmp_path / "location"),
        "password_file": str(tmp_path / "password"),
        "cacert": None,
        "ledger_url": "https://192.0.2.10:8443/ledgers/accueil.jsonl",
        "ship_url": "https://192.0.2.10:8443/shipped/accueil.jsonl",
    }
    return Bench(tmp_path, write_config(commune_value=commune_value))


def remote_ledger(folder: Path, *acts: str) -> bytes:
    """What a REMOTE server with these acts in its ledger would ship."""
    file = LedgerFile(str(folder / "remote.jsonl"))
    file.append([Draft(act, "remote", NOON, None, {}) for act in acts])
    return Path(file.path).read_bytes()


def taken(bench: Bench, body: bytes) -> str | None:
    (bench.base / "shipped.jsonl").write_bytes(body)
    return shipping.take(bench.place)


def held(bench: Bench) -> bytes:
    return (bench.base / "ledgers" / "accueil.remote.jsonl").read_bytes()


def test_nothing_shipped_is_nothing_to_compare(bench: Bench) -> None:
    assert shipping.take(bench.place) is None


def test_the_copy_held_grows_with_what_is_shipped(bench: Bench, tmp_path: Path) -> None:
    first = remote_ledger(tmp_path, "one")
    assert taken(bench, first) == "behind"
    assert taken(bench, first) == "equal"
    more = remote_ledger(tmp_path, "two")
    assert taken(bench, more) == "behind"
    assert held(bench) == more


def test_a_line_still_being_written_is_left_for_the_next_time(bench: Bench, tmp_path: Path) -> None:
    whole = remote_ledger(tmp_path, "one")
    taken(bench, whole + b'{"seq":2,"at"')
    assert held(bench) == whole


@pytest.mark.parametrize("damage", ["truncated", "forked", "rewritten"])
def test_what_does_not_continue_the_copy_is_evidence_and_an_alarm(
    bench: Bench, tmp_path: Path, damage: str
) -> None:
    first = remote_ledger(tmp_path, "one")
    both = remote_ledger(tmp_path, "two")
    taken(bench, both)
    other = tmp_path / "other"
    other.mkdir()
    if damage == "forked":
        (other / "remote.jsonl").write_bytes(first)
    body = {
        "truncated": lambda: first,
        "forked": lambda: remote_ledger(other, "three"),
        "rewritten": lambda: remote_ledger(other, "four", "five"),
    }[damage]()
    assert taken(bench, body) == damage
    assert taken(bench, body) == damage
    assert held(bench) == both
    acts = [entry.act for entry in bench.place.ledger().entries]
    assert acts == [shipping.REFUSED_ACT]
    kept = bench.place.ledger().entries[0].fields["kept"]
    assert (bench.base / "ledgers" / str(kept)).read_bytes() == body
    assert shipping.refused(facts_of(bench.place).ledger)


def test_the_alarm_ends_when_the_chain_goes_on(bench: Bench, tmp_path: Path) -> None:
    first = remote_ledger(tmp_path, "one")
    both = remote_ledger(tmp_path, "two")
    taken(bench, both)
    taken(bench, first)
    assert taken(bench, both) == "equal"
    assert not shipping.refused(bench.place.ledger())


def test_a_ledger_is_shipped_once_until_it_grows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes, str]] = []
    monkeypatch.setattr(web, "put", lambda url, body, who, _ca, _patience: sent.append((url, body, who.user)))
    bench.snapshot(NOON)
    assert shipping.ship(bench.place) is None
    assert shipping.ship(bench.place) is None
    body = (bench.base / "ledgers" / "accueil.jsonl").read_bytes()
    assert sent == [("https://192.0.2.10:8443/shipped/accueil.jsonl", body, "replica")]
    bench.snapshot(NOON, label="more")
    shipping.ship(bench.place)
    assert len(sent) == 2


def test_a_ledger_that_could_not_be_shipped_is_told_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object) -> None:
        raise BackupError("no space left")

    monkeypatch.setattr(web, "put", refuse)
    bench.snapshot(NOON)
    for _attempt in range(2):
        assert shipping.ship(bench.place) == "the ledger was not shipped to LOCAL: no space left"
