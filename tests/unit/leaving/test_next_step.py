# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A departure goes on from where it is, whenever it was cut off, and never skips the hand-back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import leaving
from ansible_collections.ccpp.backup.plugins.module_utils.commune.leaving import Asked

TODAY = date(2026, 4, 1)
HANDED_BACK = {"handback": {"at": "2026-03-02T10:00:00Z", "sha256": "a" * 64}}
AGREED = {**HANDED_BACK, "agreed": {"agreed_on": "2026-03-31", "erased_by": "Camille Exemple"}}
DONE = {**AGREED, "done": "2026-04-01T10:00:00Z"}
FOLDER = Asked(handback_to="/media/disque")
ERASE = Asked(agreed_on="2026-03-31", erased_by="Camille Exemple")


@pytest.mark.parametrize(
    ("state", "record", "asked", "step"),
    [
        ("leaving", {}, FOLDER, leaving.HAND_BACK),
        ("leaving", HANDED_BACK, FOLDER, leaving.WAIT),
        ("leaving", HANDED_BACK, Asked(handback_to="/media/disque", again=True), leaving.HAND_BACK),
        ("leaving", {}, Asked(handback_to="/media/disque", local_lost="incendie"), leaving.HAND_BACK),
        ("leaving", HANDED_BACK, Asked(), leaving.WAIT),
        ("leaving", HANDED_BACK, ERASE, leaving.ERASE),
        ("leaving", AGREED, ERASE, leaving.ERASE),
        ("erasing", AGREED, ERASE, leaving.ERASE),
        ("erasing", AGREED, Asked(), leaving.ERASE),
        ("erasing", {**AGREED, "lost": "incendie"}, Asked(local_lost="incendie"), leaving.ERASE),
        ("left", DONE, Asked(), leaving.DONE),
        ("left", DONE, ERASE, leaving.DONE),
    ],
)
def test_the_next_step_follows_from_state_and_record(
    state: str, record: dict[str, Any], asked: Asked, step: str
) -> None:
    assert leaving.next_step(state, record, asked, TODAY) == step


@pytest.mark.parametrize(
    ("state", "record", "asked", "said"),
    [
        ("active", {}, FOLDER, "state: 'active': write state: leaving"),
        ("joining", {}, ERASE, "state: 'joining': write state: leaving"),
        ("leaving", {}, Asked(), "handback_to: missing"),
        ("leaving", {}, Asked(handback_to="disque"), "handback_to: 'disque' is not an absolute path"),
        ("leaving", {}, Asked("/media", handback_from="lokal"), "handback_from: 'lokal' is no server"),
        (
            "leaving",
            {},
            Asked("/media", "local", local_lost="vol"),
            "handback_from: 'local': that server is lost",
        ),
        ("leaving", {}, Asked("/media", local_lost=" "), "local_lost: ' ' is not a reason on one line"),
        ("erasing", AGREED, Asked(local_lost="vol"), "local_lost: 'vol': the erasure was begun without it"),
        ("leaving", {}, ERASE, "agreed_on: nothing was handed back yet"),
        (
            "leaving",
            HANDED_BACK,
            Asked("/media", agreed_on="2026-03-31"),
            "handback_to and agreed_on in one run",
        ),
        (
            "leaving",
            HANDED_BACK,
            Asked(agreed_on="2026-04-02", erased_by="C"),
            "agreed_on: 2026-04-02 is not yet",
        ),
        (
            "leaving",
            HANDED_BACK,
            Asked(agreed_on="2026-03-01", erased_by="C"),
            "agreed_on: 2026-03-01 is before",
        ),
        ("leaving", HANDED_BACK, Asked(agreed_on="demain", erased_by="C"), "agreed_on: "),
        ("leaving", HANDED_BACK, Asked(agreed_on="2026-03-31"), "erased_by: missing"),
        (
            "leaving",
            HANDED_BACK,
            Asked(agreed_on="2026-03-31", erased_by="a\nb"),
            "erased_by: 'a\\nb' is not",
        ),
        ("leaving", DONE, FOLDER, "an earlier departure is on record"),
        ("erasing", HANDED_BACK, Asked(), "state: erasing, but no erasure is on record"),
        ("erasing", AGREED, FOLDER, "handback_to: the erasure has begun"),
        ("erasing", AGREED, Asked(agreed_on="2026-03-30"), "agreed_on: '2026-03-30': the erasure was begun"),
        ("erasing", AGREED, Asked(erased_by="Dominique"), "erased_by: 'Dominique': the erasure was begun"),
        ("left", {}, Asked(), "state: left, but no departure is on record"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    state: str, record: dict[str, Any], asked: Asked, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        leaving.next_step(state, record, asked, TODAY)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_no_certificate_is_made_while_one_server_is_not_erased() -> None:
    local = {"erased": {"local": {"erased_at": "2026-04-01T09:00:00Z"}, "remote": {"erased_at": None}}}
    assert leaving.missing({}) == ["handback", "agreed", "erased.local", "erased.remote"]
    assert leaving.missing({**AGREED, **local}) == ["erased.remote"]


def test_of_a_lost_server_no_erasure_is_awaited_and_remote_hands_back() -> None:
    lost = {**AGREED, "lost": "incendie"}
    assert leaving.missing(lost) == ["erased.remote"]
    assert leaving.missing({**lost, "erased": {"remote": {"erased_at": "2026-04-01T09:00:00Z"}}}) == []
    assert Asked(local_lost="incendie").server == "remote"
    assert (Asked().server, Asked(handback_from="remote").server) == ("local", "remote")


def test_the_record_reads_back_as_it_was_written() -> None:
    assert leaving.load(leaving.text(DONE).encode(), "departure.json") == DONE
    assert leaving.load(None, "departure.json") == {}


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"strange": 1}', b"\xff"])
def test_a_damaged_record_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"^departure.json: .*restore it from version control$"):
        leaving.load(content, "departure.json")


def test_a_commune_s_file_changes_in_its_state_and_nowhere_else() -> None:
    before = "name: X\n# state: active\nstate:   leaving # since May\nserver:\n  state: leaving\n"
    after = "name: X\n# state: active\nstate:   erasing # since May\nserver:\n  state: leaving\n"
    assert leaving.with_state(before, "erasing") == after
    assert leaving.with_state('state: "leaving"\n', "left") == "state: left\n"
    with pytest.raises(InputError, match="does not stand on a line of its own"):
        leaving.with_state("{name: X, state: leaving}\n", "left")
