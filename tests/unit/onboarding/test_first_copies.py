# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An onboarding ends well only where each source has a complete, verified backup at the CCPP."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.filter.first_copies import first_copies as as_filter
from ansible_collections.ccpp.backup.plugins.module_utils.commune.onboarding import FirstCopies, first_copies

BACKUP = {"day": "2026-03-02", "outcome": "ok"}
NEWEST = {"snapshot": "a" * 64, "verified": False}
SOURCES = {"accueil": {"kind": "linux"}}


def status(name: str = "accueil", **fields: Any) -> dict[str, Any]:
    """A source of which there is nothing, but for what is named."""
    empty = {
        "last_backup": None,
        "newest_ok": None,
        "verified_at": None,
        "verified_sound": None,
        "verified_snapshots": 0,
    }
    return {"source": f"saint-exemple/{name}", **empty, **fields}


SENT = status(last_backup=BACKUP, newest_ok=NEWEST)
VERIFIED = status(
    last_backup=BACKUP, newest_ok=NEWEST, verified_at="2026-03-02T12:00:00Z", verified_sound=True
) | {"verified_snapshots": 1}


def test_a_complete_and_verified_copy_keeps_the_promise() -> None:
    assert first_copies(SOURCES, [SENT], [VERIFIED]) == FirstCopies(verified=["accueil"])


def test_a_newer_copy_that_tonights_verification_will_see_breaks_it_not() -> None:
    assert VERIFIED["newest_ok"]["verified"] is False
    assert first_copies(SOURCES, [SENT], [VERIFIED]).missing == []


@pytest.mark.parametrize(
    ("local", "remote", "said"),
    [
        ([status()], [status()], "no backup has reached the LOCAL server"),
        ([], [], "no backup has reached the LOCAL server"),
        # Verified, but there was nothing in the repository then.
        (
            [SENT],
            [status(verified_at="2026-03-02T12:00:00Z", verified_sound=True)],
            "has not reached the REMOTE",
        ),
        ([SENT], [], "has not reached the REMOTE server"),
        ([SENT], [status(last_backup=BACKUP)], "its backup is partial"),
        ([SENT], [SENT], "is not verified"),
        # Verified before it came.
        ([SENT], [VERIFIED | {"verified_snapshots": 0}], "is not verified"),
        ([SENT], [VERIFIED | {"verified_snapshots": 0, "verified_sound": False}], "found damage"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(local: list[Any], remote: list[Any], said: str) -> None:
    found = first_copies(SOURCES, local, remote)
    assert (found.verified, found.waiting) == ([], [])
    assert len(found.missing) == 1
    assert found.missing[0].startswith("accueil: ")
    assert said in found.missing[0]


def test_a_workstation_that_begins_by_itself_is_named_and_fails_nothing() -> None:
    sources = {**SOURCES, "compta": {"kind": "windows"}}
    found = first_copies(sources, [SENT, status("compta")], [VERIFIED, status("compta")])
    assert (found.verified, found.missing) == (["accueil"], [])
    assert found.waiting == [
        "compta: this windows workstation has sent no backup yet; once it has, run this again"
    ]


def test_what_such_a_workstation_has_sent_must_have_a_verified_copy_too() -> None:
    sources = {**SOURCES, "compta": {"kind": "windows"}}
    sent = status("compta", last_backup=BACKUP, newest_ok=NEWEST)
    found = first_copies(sources, [SENT, sent], [VERIFIED, status("compta")])
    assert found.missing == [
        "compta: its backup has not reached the REMOTE server (ccpp-backup status says why, there)"
    ]


def test_a_commune_of_which_nothing_is_at_the_ccpp_is_not_onboarded() -> None:
    found = first_copies({"compta": {"kind": "windows"}}, [status("compta")], [status("compta")])
    assert found.missing == ["no backup of this commune is at the CCPP yet"]
    assert len(found.waiting) == 1


def test_the_filter_takes_what_status_prints() -> None:
    found = as_filter(SOURCES, {"sources": [SENT]}, {"sources": [VERIFIED]})
    assert found == {"verified": ["accueil"], "missing": [], "waiting": []}
