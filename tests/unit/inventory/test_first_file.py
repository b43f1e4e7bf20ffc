# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first file of a commune: answers are judged by the schema, and the file says what was answered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import document, first_file, folder

ROOT = Path(__file__).parents[3]
ANSWERS = {
    "name": ["Nœux-l'Exemple"],
    "insee": ["99002"],
    "start": ["2026-01-01"],
    "phone": ["01 99 00 00 02"],
    "mail": ["mairie@noeux.example.org"],
    "contact": ["Secrétariat de mairie"],
    "open": ["mon, tue thu"],
    "server": ["192.0.2.40"],
    "disks": ["/dev/disk/by-id/ata-A /dev/disk/by-id/ata-B"],
    "line": ["fibre 500 200.5", "4g 50 10"],
    "source": [
        "accueil linux 192.0.2.41 /home /srv",
        r"compta windows pc-compta.example.org C:\Users 'D:\Mes données'",
        "archives path /srv/archives",
    ],
    "workstations": ["4"],
    "archive-gb": ["350"],
}


def told(answers: dict[str, list[str]], tier: str = "4") -> dict:
    content: dict = {}
    for question in (*first_file.QUESTIONS, first_file.TIER):
        for answer in {**answers, "tier": [tier]}.get(question.option, []):
            value = first_file.answered(question, answer)
            content = first_file.with_answer(content, question, value)
    return content


def without(*options: str) -> dict[str, list[str]]:
    return {option: answers for option, answers in ANSWERS.items() if option not in options}


@pytest.mark.parametrize(
    "answers",
    [ANSWERS, without("contact", "disks", "workstations", "archive-gb")],
    ids=["everything", "the least"],
)
def test_the_file_holds_what_was_answered_and_is_a_commune(answers):
    content = told(answers)
    text = first_file.text(content)
    assert document.load(text.encode()).value == content
    found = folder.validate({"noeux.yml": text.encode()})
    assert found.lines == []
    assert found.communes["noeux"]["tier"] == 4


def test_a_small_communes_file_has_under_25_lines_and_none_too_long_for_the_linter(tmp_path):
    text = first_file.text(told(ANSWERS))
    assert len(text.splitlines()) < 25
    file = tmp_path / "noeux.yml"
    file.write_text("---\n" + text, encoding="utf-8")
    config = ROOT / ".config/yamllint.yml"
    done = subprocess.run(
        ["yamllint", "--strict", "--config-file", str(config), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@settings(max_examples=200)
@given(
    name=st.text(
        st.characters(codec="utf-8", categories=["L", "N", "P", "S"], include_characters=" "), max_size=40
    )
)
def test_whatever_a_name_is_the_file_gives_it_back_or_the_answer_is_refused(name):
    question = next(one for one in first_file.QUESTIONS if one.option == "name")
    try:
        content = {**told(ANSWERS), "name": first_file.answered(question, name)}
    except InputError:
        return
    assert document.load(first_file.text(content).encode()).value == content


@pytest.mark.parametrize(
    ("option", "answer", "said"),
    [
        ("name", "a {b}", "name: 'a {b}' has the wrong form; write the commune's name on one line"),
        ("name", "", "name: '' is empty; write the commune's name"),
        ("insee", "9902", "insee: '9902' has the wrong form; write the five characters"),
        ("start", "1/1/2026", "contract.start: '1/1/2026' is not a date; write a date of the calendar"),
        ("phone", "12", "contacts.phone: '12' has the wrong form; write a French phone number"),
        ("mail", "mairie", "contacts.mail: 'mairie' has the wrong form; write one mail address"),
        ("open", "mon sonday", "opening.weekdays[1]: 'sonday' is not a weekday (use mon, tue"),
        ("server", "192.0.2.300", "server.address: '192.0.2.300' is not an address; write an IP address"),
        ("disks", "/dev/sdb", "server.disks[0]: '/dev/sdb' has the wrong form; write the disk's stable path"),
        ("line", "fibre 500", "uplinks: write kind, download and upload in Mbit/s, such as fibre 500 200"),
        ("line", "fibre fast 1", "uplinks[0].down_mbit: 'fast' is not a number; write the rate in Mbit/s"),
        ("line", "pigeon 1 1", "uplinks[0].kind: 'pigeon' is not known here; use fibre, cable"),
        ("source", "accueil", "sources: write name, kind, address and folders, such as accueil windows"),
        ("source", "accueil linux 'x", "sources: write name, kind, address and folders"),
        ("source", "accueil linux 192.0.2.1", "sources.accueil.paths: an empty list is not enough; write"),
        ("source", "accueil linux", "sources.accueil.address: '' is empty; write an IP address"),
        ("source", "Accueil path /srv", "sources.Accueil: 'Accueil' has the wrong form; use 1 to 31"),
        ("source", "a mac 192.0.2.1 /Users", "sources.a.kind: 'mac' is not known here; use linux, windows"),
        ("source", "a smb nas/x", "sources.a.share: 'nas/x' has the wrong form; write the share as //host"),
        ("workstations", "many", "workstations: 'many' is not a whole number; write how many"),
        ("archive-gb", "-1", "archive_gb: -1 is too small; write the volume in GB"),
        ("tier", "2", "tier: 2 is not known here; choose 1, 4 or 10"),
    ],
)
def test_a_bad_answer_is_one_line_with_its_cure(option, answer, said):
    question = next(q for q in (*first_file.QUESTIONS, first_file.TIER) if q.option == option)
    with pytest.raises(InputError) as raised:
        first_file.answered(question, answer)
    assert said in str(raised.value)
    assert str(raised.value).isprintable()


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"sources\.accueil: is there already; choose another name"):
        told({**ANSWERS, "source": ["accueil path /srv", "accueil path /home"]})


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Saint-Exemple-sur-Noye", "saint-exemple-sur-noye"),
        ("Nœux-l’Exemple", "noeux-l-exemple"),
        ("Œuf-Ægypte", "oeuf-aegypte"),
        ("L'Hôpital-sous-l'Exemple-de-la-Grande-Forêt", "l-hopital-sous-l-exemple-de-la"),
        ("Ÿ", "y"),
    ],
)
def test_a_short_name_is_made_from_the_name(name, slug):
    assert first_file.short_name(name) == slug


def test_the_tier_is_worked_out_from_the_answers():
    answers = (
        {**ANSWERS, "workstations": ["2"], "archive-gb": [size]} for size in ("10", "350", "1500", "9000")
    )
    plans = [first_file.capacity_plan("x", told(one)) for one in answers]
    assert [plan.tier_tb for plan in plans] == [1, 4, 10, None]
