# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ccpp.backup.commune_part: every machine gets what it needs of a commune, and no secret more."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.ccpp.backup.plugins.filter.commune_part import commune_part, commune_places
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import Term, commune_from

URL = "https://192.0.2.10:8443"
SETTINGS: dict[str, Any] = {
    "slug": "saint-exemple",
    "name": "Saint-Exemple-sur-Noye",
    "opening": {"weekdays": ["mon"]},
    "policy": {},
    "tier": 4,
    "contract": {"start": "2024-01-01", "end": "2028-12-31"},
    "server": {"life_end": "2029-06-30"},
    "contacts": {"phone": "01 99 00 00 01"},
    "sources": {
        "accueil": {"kind": "linux", "paths": ["/home"], "exclude": [], "priority": 1},
        "maire": {"kind": "windows", "paths": ["C:\\Users"], "exclude": [], "priority": 2},
        "partage": {"kind": "path", "paths": ["/srv/partage"], "exclude": ["*.tmp"], "priority": 3},
    },
}
SECRETS: dict[str, Any] = {
    "sources": {
        source: {
            name: f"{source}-{name}"
            for name in (
                "client_password",
                "server_password",
                "replica_password",
                "remote_password",
                "http_password",
                "http_hash",
            )
        }
        for source in SETTINGS["sources"]
    },
    "replica": {"http_password": "replica-http-password", "http_hash": "replica-http-hash"},
}


def part(site: str) -> dict[str, Any]:
    return commune_part(SETTINGS, SECRETS, site, base_url=URL, source="accueil")


@pytest.mark.parametrize("site", ["local", "remote", "workstation"])
def test_the_agent_accepts_the_settings_of_every_machine(site: str) -> None:
    text = part(site)["config"]["files"]["saint-exemple.json"]
    commune = commune_from(json.loads(text), "saint-exemple.json")
    assert (commune.name, commune.tier) == ("Saint-Exemple-sur-Noye", 4)
    assert commune.term == Term(date(2024, 1, 1), date(2028, 12, 31), date(2029, 6, 30))


@pytest.mark.parametrize("site", ["local", "remote", "workstation"])
def test_every_secret_file_that_the_settings_name_is_handed_over(site: str) -> None:
    machine = part(site)
    named = {
        value.rpartition("/")[2]
        for value in json.dumps(machine["config"]["files"]).replace('\\"', '"').split('"')
        if value.startswith("/etc/ccpp-backup/secrets/")
    }
    assert named <= set(machine["secrets"]["files"])


def test_a_workstation_is_told_its_own_source_alone() -> None:
    text = json.dumps(part("workstation"))
    for foreign in ("maire", "partage", "server_password", "replica", "remote_password"):
        assert foreign not in text


def test_the_local_server_holds_nothing_that_opens_the_copy_at_the_ccpp() -> None:
    text = json.dumps(part("local"))
    assert "remote_password" not in text
    assert "replica-http-password" not in text


def test_the_remote_server_holds_no_password_of_a_workstation() -> None:
    text = json.dumps(part("remote"))
    assert "client_password" not in text
    assert "accueil-http_password" not in text


def test_secrets_are_readable_by_their_owner_alone() -> None:
    assert part("local")["secrets"]["mode"] == "0600"
    assert part("local")["secrets"]["owner"] == "ccpp-backup"
    assert part("workstation")["secrets"]["owner"] == "root"


def test_only_workstations_that_push_get_a_user_a_report_folder_and_a_client_key() -> None:
    local = part("local")
    assert sorted(local["users"]) == ["accueil", "maire"]
    assert [len(repository["keys"]) for repository in local["repositories"]] == [2, 2, 1]
    assert "/srv/backup/reports/partage" not in [folder["path"] for folder in local["folders"]]


def test_passwords_are_quoted_in_addresses() -> None:
    secrets = json.loads(json.dumps(SECRETS))
    secrets["sources"]["accueil"]["http_password"] = "a/b@c:d"
    files = commune_part(SETTINGS, secrets, "workstation", base_url=URL, source="accueil")["secrets"]["files"]
    assert files["accueil.location"] == "rest:https://accueil:a%2Fb%40c%3Ad@192.0.2.10:8443/accueil/\n"


def test_an_unknown_site_and_a_missing_secret_are_named() -> None:
    with pytest.raises(AnsibleFilterError, match="'moon' is not a site"):
        part("moon")
    with pytest.raises(AnsibleFilterError, match="saint-exemple: 'replica' is missing"):
        commune_part(SETTINGS, {"sources": SECRETS["sources"]}, "local")


def test_at_local_the_sources_share_the_tier_and_none_may_fill_it_alone() -> None:
    (place,) = part("local")["places"]
    assert (place["path"], place["limit"]) == ("/srv/backup/repositories", 4 * 10**12)
    assert {one["path"]: one["limit"] for one in place["parts"]} == {
        f"/srv/backup/repositories/{name}": 3600 * 10**9 for name in SETTINGS["sources"]
    }
    assert part("local")["max_size"] == 3800 * 10**9


def test_at_remote_the_tier_is_the_communes_as_a_whole() -> None:
    (place,) = part("remote")["places"]
    assert (place["path"], place["limit"]) == ("/srv/backup/saint-exemple", 4 * 10**12)
    assert all("limit" not in one for one in place["parts"])
    assert [one["path"] for one in place["parts"]] == [
        one["location"] for one in part("remote")["repositories"]
    ]


def test_a_workstation_has_no_room_of_its_own() -> None:
    with pytest.raises(AnsibleFilterError, match="has no room for repositories"):
        commune_places(SETTINGS, "workstation")


def with_share(**account: str) -> tuple[dict[str, Any], dict[str, Any]]:
    settings, secrets = json.loads(json.dumps(SETTINGS)), json.loads(json.dumps(SECRETS))
    settings["sources"]["compta"] = {
        "kind": "smb",
        "share": "//nas.example.org/compta",
        "exclude": [],
        "priority": 1,
    }
    secrets["sources"]["compta"] = {**secrets["sources"]["accueil"], **account}
    return settings, secrets


def test_a_share_is_mounted_with_an_account_from_a_file_that_the_agent_alone_reads() -> None:
    settings, secrets = with_share(smb_username="sauvegarde", smb_password="a,b c=d", smb_domain="MAIRIE")
    local = commune_part(settings, secrets, "local")
    assert local["shares"] == [
        {
            "name": "compta",
            "share": "//nas.example.org/compta",
            "path": "/srv/shares/compta",
            "credentials": "/etc/ccpp-backup/secrets/saint-exemple/compta.smb",
        }
    ]
    account = local["secrets"]["files"]["compta.smb"]
    assert account == "username=sauvegarde\npassword=a,b c=d\ndomain=MAIRIE\n"
    assert (local["secrets"]["mode"], local["secrets"]["owner"]) == ("0600", "ccpp-backup")
    config = json.loads(local["config"]["files"]["saint-exemple.json"])
    assert config["sources"]["compta"]["paths"] == ["/srv/shares/compta"]
    assert "compta" not in local["users"]
    remote = json.dumps(commune_part(settings, secrets, "remote", base_url=URL))
    assert "a,b c=d" not in remote
    assert "a,b c=d" not in json.dumps({**local, "secrets": None})


@pytest.mark.parametrize(
    "account", [{}, {"smb_username": "x"}, {"smb_username": "x", "smb_password": "two\nuid=0"}]
)
def test_a_share_without_a_proper_account_is_refused_without_showing_it(account: dict[str, str]) -> None:
    with pytest.raises(AnsibleFilterError, match=r"sources\.compta\.smb_\w+: the share's account") as refused:
        commune_part(*with_share(**account), "local")
    assert "uid=0" not in str(refused.value)


def without_accueil() -> tuple[dict[str, Any], dict[str, Any]]:
    settings, secrets = json.loads(json.dumps(SETTINGS)), json.loads(json.dumps(SECRETS))
    del settings["sources"]["accueil"]
    secrets["former"] = {"accueil": secrets["sources"].pop("accueil")}
    return settings, secrets


def test_a_source_that_left_the_file_is_looked_after_at_both_ends_and_takes_nothing_in() -> None:
    settings, secrets = without_accueil()
    local = commune_part(settings, secrets, "local")
    remote = commune_part(settings, secrets, "remote", base_url=URL)
    for machine in (local, remote):
        (text,) = machine["config"]["files"].values()
        source = commune_from(json.loads(text), "saint-exemple.json").sources["accueil"]
        assert (source.retired, source.paths, source.read_by_server) == (True, (), False)
        location = source.repository.location
        assert location in [repository["location"] for repository in machine["repositories"]]
        assert location in [part["path"] for part in machine["places"][0]["parts"]]
    assert sorted(local["users"]) == ["maire"]
    assert "accueil.client.password" not in local["secrets"]["files"]
    assert "accueil.server.password" in local["secrets"]["files"]


def test_a_source_that_left_changes_no_limit_of_those_that_stay() -> None:
    settings, secrets = without_accueil()
    (alone,) = commune_places(settings, "local")
    (with_former,) = commune_places(settings, "local", former=secrets["former"])
    assert [part for part in with_former["parts"] if not part["path"].endswith("/accueil")] == alone["parts"]
    assert with_former["limit"] == alone["limit"]
