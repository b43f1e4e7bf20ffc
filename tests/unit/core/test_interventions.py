# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of interventions and the statement of fees, as a person calls them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = ROOT / "roles/agent/files/ccpp-backup"
NOW = "2026-11-24T10:00:00+01:00"
ADD = ("--minutes", "45", "--who", "A. Technicienne", "--what", "Remplacement d'un disque")


@pytest.fixture
def commune(tmp_path: Path) -> Path:
    folder = tmp_path / "communes"
    folder.mkdir()
    return Path(shutil.copy(ROOT / "inventory/communes/saint-exemple.yml", folder))


def call(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, COMMAND, *map(str, arguments), "--now", NOW],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout or done.stderr


def statement(commune: Path, year: int = 2026) -> dict[str, object]:
    found: dict[str, object] = json.loads(call("fees", "--year", str(year), "--file", commune, "--json"))
    return found["statements"][0]  # type: ignore[index,no-any-return]


def test_an_intervention_is_logged_counted_corrected_and_taken_back(commune: Path) -> None:
    call("intervention", "add", "--file", commune, *ADD)
    call("intervention", "add", "--file", commune, "--day", "2026-03-02", "--minutes", "481", *ADD[2:])
    assert (statement(commune)["worked_minutes"], statement(commune)["beyond"]) == (526, "30.67")

    correct = ("intervention", "correct", "--file", commune, "--who", "B. Chef", "--why", "Erreur de saisie")
    call(*correct, "--entry", "2", "--minutes", "480")
    call(*correct, "--entry", "1", "--minutes", "0")
    assert (statement(commune)["worked_minutes"], statement(commune)["beyond"]) == (480, "0.00")

    log = json.loads(call("intervention", "list", "--file", commune, "--json"))
    assert [(one["entry"], one["day"], one["minutes"]) for one in log] == [
        (1, "2026-11-24", 0),
        (2, "2026-03-02", 480),
    ]
    lines = (commune.parent.parent / "interventions/saint-exemple.jsonl").read_text().splitlines()
    assert [json.loads(line)["act"] for line in lines] == ["intervention"] * 2 + ["corrected"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "--minutes", "45", "--who", "A"), "--what: needed for `intervention add`"),
        (("add", *ADD[2:], "--minutes", "0"), "--minutes: 0 is not a number of minutes from 1 to 1440"),
        (("add", *ADD, "--minutes", "1441"), "--minutes: 1441 is not a number of minutes"),
        (("add", *ADD, "--day", "2026-11-25"), "--day: '2026-11-25' has not come yet"),
        (
            ("add", *ADD, "--day", "2023-12-31"),
            "outside the contract of saint-exemple, 2024-01-01 to 2028-12-31",
        ),
        (("add", *ADD, "--day", "2026-02-30"), "--day: '2026-02-30' does not exist"),
        (("add", *ADD[:4], "--what", "a\x07b"), "--what: 'a\\x07b' is not one line"),
        (("add", *ADD[:4], "--what", " "), "--what: ' ' is not one line"),
        (
            ("correct", "--entry", "1", "--minutes", "1", "--who", "B", "--why", "x"),
            "--entry: '1' is no intervention of this log (there are: none)",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_its_option_and_not_logged(
    commune: Path, arguments: tuple[str, ...], said: str
) -> None:
    output = call("intervention", arguments[0], "--file", commune, *arguments[1:], code=2)
    assert said in output
    assert output.count("\n") == 1
    log = commune.parent.parent / "interventions/saint-exemple.jsonl"
    assert not log.exists() or log.read_text() == ""


def test_a_log_that_was_changed_by_hand_is_refused(commune: Path) -> None:
    call("intervention", "add", "--file", commune, *ADD)
    log = commune.parent.parent / "interventions/saint-exemple.jsonl"
    call("intervention", "add", "--file", commune, *ADD)
    log.write_text(log.read_text().replace('"minutes":45', '"minutes":5', 1))
    output = call("fees", "--year", "2026", "--file", commune, code=4)
    assert "line 2: the ledger's chain is broken" in output


def test_a_spreadsheet_in_french_reads_the_statement(commune: Path) -> None:
    call("intervention", "add", "--file", commune, "--minutes", "540", *ADD[2:])
    rows = list(
        csv.reader(io.StringIO(call("fees", "--year", "2026", "--file", commune, "--csv")), delimiter=";")
    )
    assert rows[0][0] == "Commune"
    assert rows[1][:6] == ["Saint-Exemple-sur-Noye", "2026", "365", "100,00", "100,00", "200,00"]
    assert rows[1][6:] == ["540", "480", "60", "40,00", "440,00"]
    assert rows[2][-1] == "440,00"


def test_a_person_sees_the_same_amounts_and_a_year_that_cannot_be_is_refused(commune: Path) -> None:
    assert "400,00" in call("fees", "--year", "2026", "--file", commune)
    assert "--year: 1999 is not a year" in call("fees", "--year", "1999", "--file", commune, code=2)


def test_a_term_that_ends_within_a_year_is_worth_attention(commune: Path) -> None:
    commune.write_text(commune.read_text().replace("{start: 2024-01-01}", "{start: 2024-01-01, years: 3}"))
    output = call("fees", "--year", "2026", "--file", commune, code=3)
    assert (
        "attention: saint-exemple: the contract and the server's term end on 2026-12-31, within 3 months"
        in output
    )
