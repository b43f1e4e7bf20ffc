# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write in a commune's file, and what they are told about it."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.commune import folder


def test_the_example_is_valid_and_short(example, lines):
    assert lines(example) == []
    assert len(example.splitlines()) < 25


def test_a_commune_that_uses_every_field_is_valid(full, lines):
    assert lines(full) == []


def test_an_insee_code_without_quotes_is_told_its_own_digits_in_quotes(example, lines):
    assert lines(example.replace('"99001"', "01004")) == [
        'insee: 01004 is a number here; write it in quotes: "01004"'
    ]


def test_a_wrong_weekday_is_named_with_its_place(example, lines):
    (line,) = lines(example.replace("tue", "sonday"))
    assert line.startswith("opening.weekdays[1]: 'sonday' is not a weekday (use mon, tue, ")


def test_a_misspelt_field_is_one_line_that_names_the_right_one(example, lines):
    assert lines(example.replace("contacts:", "contact:")) == [
        "contact: unknown field; did you mean contacts?"
    ]


def test_an_unknown_field_lists_the_known_ones(full, lines):
    full["server"]["rack"] = 3
    assert lines(full) == [
        "server.rack: unknown field; known here: address, port, lan, disks, in_service, single_disk"
    ]


def test_a_missing_field_comes_with_an_example(example, lines):
    assert lines(example.replace("tier: 1\n", "")) == ["tier: missing; write for example tier: 1"]


def test_all_mistakes_of_a_file_are_said_at_once(example, lines):
    broken = example.replace("tier: 1\n", "tier: 2\n").replace("tue", "sonday").replace("/home", "home")
    assert [line.split(":")[0] for line in lines(broken)] == [
        "tier",
        "sources.accueil.paths[0]",
        "opening.weekdays[1]",
    ]


def test_a_file_with_very_many_mistakes_says_ten_and_how_many_more(full, lines):
    full["sources"] = {f"poste-{n}": {"kind": "abacus"} for n in range(30)}
    said = lines(full)
    assert len(said) == 11
    assert said[-1] == "... and 20 more mistakes"


@pytest.mark.parametrize(
    "field", ["password", "Passphrase", "restic_token", "mot_de_passe", "private", "api_key"]
)
def test_a_secret_is_refused_and_not_repeated(full, lines, field):
    full["sources"]["accueil"][field] = "hunter2"
    (line,) = lines(full)
    assert line.startswith(f"sources.accueil.{field}: secrets never stand in a commune file")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (
            ("contract", "start"),
            "2024-02-30",
            "contract.start: '2024-02-30' is not a date; write a date of the",
        ),
        (("contract", "start"), "01/01/2024", "contract.start: '01/01/2024' is not a date"),
        (
            ("contract", "years"),
            0,
            "contract.years: 0 is too small; write a whole number of years from 1 to 10",
        ),
        (("contract", "years"), True, "contract.years: true is not a whole number"),
        (("tier",), "4 TB", "tier: '4 TB' is not a whole number; choose 1, 4 or 10 (terabytes)"),
        (("contacts", "phone"), "+44 20 7946 0000", "contacts.phone: '+44 20 7946 0000' has the wrong form"),
        (
            ("contacts", "mail"),
            "mairie",
            "contacts.mail: 'mairie' has the wrong form; write one mail address",
        ),
        (("name",), "Rozoy\n", "name: 'Rozoy\\n' has the wrong form"),
        (("name",), "{{ lookup('pipe', 'id') }}", "name: \"{{ lookup('pipe', 'id') }}\" has the wrong form"),
        (("server", "address"), "192.0.2.300", "server.address: '192.0.2.300' is not an address"),
        (("server", "address"), "a b", "server.address: 'a b' is not an address"),
        (("uplinks",), [], "uplinks: an empty list is not enough; write one entry per line to the outside"),
        (("uplinks", 0, "kind"), "fiber", "uplinks[0].kind: 'fiber' is not known here; use fibre, cable, "),
        (("uplinks", 0, "down_mbit"), "500 Mbit/s", "uplinks[0].down_mbit: '500 Mbit/s' is not a number"),
        (("sources", "accueil", "paths"), "/home", "sources.accueil.paths: '/home' is not a list"),
        (("sources", "accueil", "paths", 0), "home", "sources.accueil.paths[0]: 'home' has the wrong form"),
        (
            ("sources", "accueil", "paths", 0),
            "/a/../b",
            "sources.accueil.paths[0]: '/a/../b' has the wrong form",
        ),
        (
            ("sources", "accueil", "paths", 1),
            "/home",
            "sources.accueil.paths: a list of 2 names '/home' twice",
        ),
        (
            ("sources", "compta", "paths", 0),
            "/home",
            "sources.compta.paths[0]: '/home' has the wrong form; write",
        ),
        (
            ("sources", "compta", "paths", 0),
            "C:\\..\\x",
            "sources.compta.paths[0]: 'C:\\\\..\\\\x' has the wrong form",
        ),
        (
            ("sources", "partage", "share"),
            "//u:p@nas/x",
            "sources.partage.share: '//u:***@nas/x' has the wrong form",
        ),
        (
            ("sources", "partage", "paths"),
            ["/x"],
            "sources.partage.paths: does not belong to a source of kind smb",
        ),
        (
            ("sources", "serveur", "address"),
            "192.0.2.9",
            "sources.serveur.address: does not belong to a source",
        ),
        (("sources", "accueil", "priority"), 10, "sources.accueil.priority: 10 is too large"),
        (("sources", "compta", "address"), "192.0.2.40", None),
        (("sources", "compta", "size_gb"), "80 GB", "sources.compta.size_gb: '80 GB' is not a number; write"),
        (("workstations",), 1, "workstations: 1 is less than the 2 under sources; write all of them"),
        (("archive_gb",), -1, "archive_gb: -1 is too small; write the volume in GB"),
        (
            ("planning", "growth_percent_per_year"),
            1e9,
            "planning.growth_percent_per_year: 1000000000.0 is too",
        ),
        (("planning", "workstation"), 3, "planning.workstation: unknown field; did you mean workstation_gb?"),
        (("planning", "volumes_on"), "soon", "planning.volumes_on: 'soon' is not a date; write a date of"),
        (("recovery", "accept"), "pigeon", "recovery.accept: 'pigeon' is not known here; write courier, or"),
        (("recovery", "hours"), 0, "recovery.hours: 0 is too small; write the hours agreed on"),
        (("server", "lan"), "192.168.1.1/24", "server.lan: '192.168.1.1/24' is not an IPv4 network; write"),
        (("policy", "full_months"), 0, "policy.full_months: 0 is not a whole number from 1 to 1200"),
        (("opening", "closures", 0), "2026-02-30", "opening.closures[0]: '2026-02-30' does not exist"),
        (("opening",), {}, "opening: an empty mapping is not enough; write the weekdays of the town hall"),
        (("sources",), {}, "sources: an empty mapping is not enough; write at least one source"),
    ],
)
def test_a_bad_value_is_told_its_place_and_its_cure(full, lines, where, value, said):
    node: Any = full
    for step in where[:-1]:
        node = node[step]
    node[where[-1]] = value
    assert [line[: len(said or "")] for line in lines(full)] == ([said] if said else [])


def test_a_workstation_with_the_server_s_address_is_refused(example, lines):
    assert lines(example.replace("192.0.2.21", "192.0.2.10")) == [
        "sources.accueil.address: '192.0.2.10' is already that of server; write the workstation's own"
    ]


def test_archives_that_leave_nothing_for_a_share_without_a_size_are_refused(full, lines):
    full["sources"]["serveur"]["size_gb"] = 400
    assert lines(full) == [
        "archive_gb: 350 leaves nothing for partage, the others have 400; "
        "correct it, or write size_gb for each share and folder"
    ]


SLOW = """\
archive_gb: 2000
planning: {start_hours: 0}
uplinks: [{kind: vdsl, down_mbit: 100, up_mbit: 20}]
"""


def _slow(example: str, more: str = "") -> str:
    kept = [line for line in example.splitlines() if not line.startswith(("uplinks", "  - {kind"))]
    return "\n".join([*kept, SLOW + more])


def test_a_promise_that_no_line_can_keep_is_refused_with_what_would_make_it_one(example, lines):
    # 2050 GB at 100 Mbit/s x 90 % = 11.25 MB/s: 182,222 s, while 24 h move 0.97 TB.
    # The disk: filled at 120 MB/s in 4.75 h, two hours on the road, read over gigabit in 4.85 h.
    assert lines(_slow(example)) == [
        "recovery: when LOCAL is lost, 2.05 TB (some sizes are assumed) take 50.6 h from REMOTE, vdsl 100 "
        "(limit: line) but 24 h are promised; correct the sizes or the lines, or accept 11.6 h by a "
        "courier's disk: recovery: {accept: courier}"
    ]


def test_a_commune_that_has_accepted_the_courier_is_not_refused(example, lines):
    assert lines(_slow(example, "recovery: {accept: courier}\n")) == []


def test_a_commune_that_has_agreed_on_more_hours_is_not_refused(example, lines):
    assert lines(_slow(example, "recovery: {hours: 51}\n")) == []


@pytest.mark.parametrize(
    "name", ["local", "remote", "replica", "client", "server", "Poste", "poste_1", "1er", "a-"]
)
def test_a_source_s_name_that_cannot_be_is_refused(full, lines, name):
    full["sources"] = {name: full["sources"]["accueil"]}
    (line,) = lines(full)
    assert line.startswith(f"sources.{name}: '{name}' ")


@pytest.mark.parametrize("name", ["data", "index", "keys", "locks", "snapshots", "config"])
def test_a_source_is_not_named_like_a_part_of_a_repository(full, lines, name):
    """In /keys/config of the repository server, nobody could tell the repository from what lies in one."""
    full["sources"] = {name: full["sources"]["accueil"]}
    (line,) = lines(full)
    assert line.startswith(f"sources.{name}: '{name}' is reserved; ")
    assert line.endswith("snapshots and workstation are taken")


@pytest.mark.parametrize("name", ["reports", "ledgers", "shipped", "replica"])
def test_a_source_is_not_named_like_a_folder_that_the_server_shows_beside_repositories(full, lines, name):
    full["sources"] = {name: full["sources"]["accueil"]}
    (line,) = lines(full)
    assert line.startswith(f"sources.{name}: '{name}' is reserved; ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "Rozoy.yml",
            "the file's name 'Rozoy' is not a commune's short name; use 2 to 31 lower-case letters",
        ),
        ("rozoy le grand.yml", "the file's name 'rozoy le grand' is not a commune's short name"),
        ("rozoy-.yml", "the file's name 'rozoy-' is not a commune's short name"),
        ("ledgers.yml", "the file's name 'ledgers' is reserved by the service; use another, such as"),
        ("rozoy.yaml", "the file's name ends in .yaml; rename it to rozoy.yml"),
    ],
)
def test_a_file_s_name_that_cannot_be_a_commune_is_refused(full, lines, name, said):
    (line,) = lines(full, f"inventory/communes/{name}")
    assert line.startswith(said)


def _pair(example: str, second: str) -> list[str]:
    found = folder.validate({"communes/aa.yml": example.encode(), "communes/bb.yml": second.encode()})
    return found.lines


def test_two_communes_with_one_insee_code_are_refused(example):
    second = example.replace("Saint-Exemple-sur-Noye", "Autre")
    assert _pair(example, second) == [
        "communes/bb.yml: insee: '99001' is also that of communes/aa.yml; correct the one that is wrong"
    ]


def test_two_communes_whose_names_only_accents_tell_apart_are_refused(example):
    second = example.replace("99001", "99002").replace("Saint-Exemple-sur-Noye", "SAINT EXEMPLÉ sur Noye")
    (line,) = _pair(example, second)
    assert line.startswith("communes/bb.yml: name: 'SAINT EXEMPLÉ sur Noye' is also that of communes/aa.yml")


def test_two_communes_that_would_share_a_host_are_refused(example):
    second = example.replace("99001", "99002").replace("Saint-Exemple-sur-Noye", "Autre")
    files = {"rozoy.yml": example.replace("accueil:", "exemple-local:"), "rozoy-exemple.yml": second}
    found = folder.validate({name: text.encode() for name, text in files.items()})
    (line,) = found.lines
    assert line.startswith(
        "rozoy-exemple.yml: sources: the host 'rozoy-exemple-local' also comes from rozoy.yml;"
    )


def test_a_folder_s_other_files_are_left_alone_but_none_that_looks_like_a_commune(tmp_path):
    for name in ("aa.yml", "bb.yaml", ".cc.yml", "README.md", "dd.yml~", "commune.schema.json"):
        (tmp_path / name).touch()
    assert [path.name for path in folder.files(tmp_path)] == ["aa.yml", "bb.yaml"]


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(
        folder.InputError, match="nowhere: No such file or directory; `communes` names the folder"
    ):
        folder.files(tmp_path / "nowhere")


def test_what_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "aa.yml").mkdir()
    contents = folder.read([("aa.yml", tmp_path / "aa.yml"), ("bb.yml", pathlib.Path("/nonexistent/bb.yml"))])
    assert folder.validate(contents).lines == [
        "aa.yml: cannot be read (Is a directory); it must be a file you may read",
        "bb.yml: cannot be read (No such file or directory); it must be a file you may read",
    ]


def test_more_lines_than_anyone_reads_are_counted(example):
    found = folder.validate({f"commune-{n}.yml": b"- x\n" for n in range(60)})
    assert len(found.summary().splitlines()) == folder.SHOWN + 1
    assert found.summary().endswith("... and 20 more")


def test_defaults_are_filled_in_and_the_end_of_the_contract_is_derived(example):
    commune = folder.validate({"saint-exemple.yml": example.encode()}).communes["saint-exemple"]
    assert commune["contract"] == {"start": "2024-01-01", "years": 5, "end": "2028-12-31"}
    server = {"address": "192.0.2.10", "port": 22, "single_disk": False}
    assert commune["server"] == {**server, "life_end": "2028-12-31"}
    assert commune["policy"] == {}
    assert (commune["planning"], commune["recovery"]) == ({}, {"hours": 24})
    assert commune["workstations"] == 1
    assert "archive_gb" not in commune
    assert commune["sources"]["accueil"] == {
        "kind": "linux",
        "address": "192.0.2.21",
        "port": 22,
        "paths": ["/home", "/srv"],
        "exclude": [],
        "priority": 1,
    }


def test_a_contract_begun_on_29_february_ends_on_28_february(full):
    full["contract"] = {"start": "2024-02-29", "years": 5}
    assert folder.complete("rozoy", full)["contract"]["end"] == "2029-02-28"


def test_a_source_that_the_server_reads_has_no_port(full):
    assert "port" not in folder.complete("rozoy", full)["sources"]["partage"]


def test_filling_in_defaults_leaves_what_was_given_as_it_is(full):
    first = folder.complete("rozoy", full)
    first["sources"]["compta"]["exclude"].append("x")
    assert folder.complete("rozoy", full)["sources"]["compta"]["exclude"] == []
    assert "exclude" not in full["sources"]["compta"]


def test_one_disk_alone_is_accepted_only_where_the_file_says_so(full, lines):
    full["server"]["disks"] = ["/dev/disk/by-id/ata-EXAMPLE_1"]
    assert lines(full) == [
        "server.disks: one disk alone is no mirror (add a second one, or write single_disk: true)"
    ]
    full["server"]["single_disk"] = True
    assert lines(full) == []


def test_a_disk_is_named_by_a_path_that_stays_its_own(full, lines):
    full["server"]["disks"][1] = "/dev/sdb"
    (line,) = lines(full)
    assert line.startswith("server.disks[1]: '/dev/sdb' has the wrong form; write the disk's stable path")


def test_a_server_that_came_into_service_later_lives_five_years_from_then(full):
    full["server"]["in_service"] = "2026-02-28"
    commune = folder.validate({"rozoy.yml": json.dumps(full).encode()}).communes["rozoy"]
    assert commune["server"]["life_end"] == "2031-02-27"
