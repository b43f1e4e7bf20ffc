# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets a commune has, and that none is ever made twice."""

from __future__ import annotations

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import secrets

PLAIN = secrets.Hasher(
    lambda password: f"hash of {password}", lambda password, known: known == f"hash of {password}"
)
NAMES = {
    *("client_password", "server_password", "replica_password", "remote_password"),
    *("http_password", "http_hash"),
}


def made(stored=None, sources=("accueil",)):
    return secrets.for_commune(stored or {}, sources, PLAIN)


def test_each_source_has_a_key_for_each_party_and_an_http_user():
    kept, asked = made(sources=("accueil", "compta"))
    assert {**kept, "former": {}} == asked
    assert set(asked["sources"]) == {"accueil", "compta"}
    assert all(set(of_source) == NAMES for of_source in asked["sources"].values())
    assert set(asked["replica"]) == {"http_password", "http_hash"}


def test_no_two_secrets_are_alike_and_each_is_long():
    _, asked = made(sources=("accueil", "compta"))
    passwords = [v for source in asked["sources"].values() for k, v in source.items() if k != "http_hash"]
    passwords.append(asked["replica"]["http_password"])
    assert len(set(passwords)) == 11
    assert min(map(len, passwords)) >= 43


def test_what_is_there_stays():
    first, asked = made()
    assert made(first) == (first, asked)


def test_a_new_source_gets_its_own_and_leaves_the_others_alone():
    first, _ = made()
    second, _ = made(first, ("accueil", "compta"))
    assert second["sources"]["accueil"] == first["sources"]["accueil"]
    assert second["replica"] == first["replica"]


def test_a_removed_source_keeps_its_secrets_and_they_are_handed_out_as_such():
    first, _ = made(sources=("accueil", "compta"))
    kept, asked = made(first, ("accueil",))
    assert kept == first
    assert set(asked["sources"]) == {"accueil"}
    assert asked["former"] == {"compta": first["sources"]["compta"]}


def test_what_never_had_all_its_passwords_is_no_former_source():
    first, _ = made()
    kept, asked = made({**first, "sources": {**first["sources"], "typo": {"client_password": "x"}}})
    assert set(kept["sources"]) == {"accueil", "typo"}
    assert asked["former"] == {}


def test_the_recovery_kit_gets_the_passwords_of_all_that_has_a_repository():
    first, _ = made(sources=("accueil", "compta"))
    found = secrets.kit_passwords(first, ("accueil",))
    assert found is not None
    assert set(found) == {"accueil", "compta"}
    compta = first["sources"]["compta"]
    assert found["compta"] == (compta["server_password"], compta["remote_password"])
    assert secrets.kit_passwords(first, ("accueil", "mairie")) is None


def test_a_secret_taken_out_of_the_file_is_made_anew_and_no_other():
    first, _ = made()
    old = first["sources"]["accueil"].pop("client_password")
    second, _ = made(first)
    assert second["sources"]["accueil"]["client_password"] != old
    assert {k: v for k, v in second["sources"]["accueil"].items() if k != "client_password"} == first[
        "sources"
    ]["accueil"]


def test_an_edited_password_gets_a_hash_that_fits():
    first, _ = made()
    first["replica"]["http_password"] = "edited"
    second, _ = made(first)
    assert second["replica"] == {"http_password": "edited", "http_hash": "hash of edited"}


def test_what_somebody_added_to_the_file_stays():
    first, _ = made({"note": "x", "sources": {"accueil": {"smb_password": "y"}}})
    assert first["note"] == "x"
    assert first["sources"]["accueil"]["smb_password"] == "y"


@pytest.mark.parametrize("value", ["", "two\nlines", 7, ["x"], "nul\x00"])
def test_a_damaged_secret_is_refused_and_not_shown(value):
    with pytest.raises(InputError) as caught:
        made({"sources": {"accueil": {"client_password": value}}})
    assert str(caught.value).startswith("sources.accueil.client_password: not a password on one line;")
    assert "two" not in str(caught.value)


@pytest.mark.parametrize("stored", [{"sources": []}, {"replica": "x"}, {"sources": {"accueil": 1}}])
def test_a_file_of_another_shape_is_refused(stored):
    with pytest.raises(InputError, match="is not a mapping; restore the file"):
        made(stored)


def test_the_service_has_one_passphrase_for_its_authority():
    kept, asked = secrets.for_service({})
    assert set(asked) == {"ca_passphrase"}
    assert secrets.for_service(kept) == (kept, asked)
