# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monthly report: each figure stands on an entry of the ledger, and anybody can check the signature."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli, signing, status
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.ledger import Draft, Ledger
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.opening import OpeningCalendar
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.page import frame, monthly, view
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.policy import Policy

NOW = datetime(2026, 8, 3, 8, tzinfo=UTC)
JULY = date(2026, 7, 1)
CALENDAR = OpeningCalendar.from_mapping({"weekdays": ["mon", "thu"]})
SERVICE = frame.Service("Sauvegarde des communes", "01 99 00 00 00", "support@example.org", "de 9 h à 17 h")


def receipt(day: int) -> Draft:
    at = datetime(2026, 7, day, 12, tzinfo=UTC)
    fields: dict[str, Any] = {"snapshot": f"{day:064x}", "series": "saint-exemple/accueil"}
    fields |= {"received_at": at.isoformat(), "claimed_at": at.isoformat(), "kind": "full", "outcome": "ok"}
    fields |= {"size": 1, "files": 1, "added": 1, "paths": ["/home"], "host": "accueil"}
    return Draft("receipt", "test", at, None, fields)


def act(day: int, name: str, **fields: Any) -> Draft:
    return Draft(name, "test", datetime(2026, 7, day, 21, tzinfo=UTC), None, fields)


# Open on the 2nd, 6th, 9th, 13th, 16th, 20th, 23rd, 27th and 30th; nothing came on the 20th.
BEGUN = Draft("key-registered", "test", datetime(2026, 6, 30, 9, tzinfo=UTC), None, {"key": "k", "name": "n"})
DRAFTS = [
    BEGUN,
    *(receipt(day) for day in (2, 6, 9, 13, 16, 23, 27, 30)),
    act(30, "verified", entries=9, sound=True, size=1),
    act(31, "drilled", seconds=5400.0, sound=True),
    act(31, "replicated", snapshot=f"{30:064x}"),
]
BOOK, BODY = Ledger().extended(DRAFTS)


def commune(book: Ledger = BOOK) -> view.CommuneView:
    present = frozenset(one.snapshot for one in book.live())
    facts = status.Facts("saint-exemple/accueil", book, present, replica=True)
    found = status.assess(facts, CALENDAR, Policy(), NOW)
    source = view.source_view("accueil", facts, found, CALENDAR, Policy(), NOW)
    return view.CommuneView("saint-exemple", "Saint-Exemple", {}, [source])


def report() -> str:
    return monthly.page(commune(), {"accueil": BOOK}, CALENDAR, SERVICE, JULY, NOW)


def test_each_figure_is_counted_from_the_ledger_and_names_its_entry() -> None:
    found = {
        f.what: (f.value, f.proof and f.proof.seq)
        for f in monthly.figures(commune().sources[0], BOOK, CALENDAR, JULY, NOW)
    }
    assert found == {
        "jours d'ouverture sauvegardés en entier": ("8 sur 9", 9),
        "jours manqués ou incomplets": ("20", 9),
        "sauvegardes gardées": ("8, dont 1 mensuelle", 12),
        "copies faites à la CCPP": ("1", 12),
        "vérifications sans défaut": ("1 sur 1", 10),
        "exercice de restauration (promesse : 24 h)": ("1\u202fh\u202f30, réussi", 11),
    }
    assert f"registre accueil, écriture 9, empreinte {BOOK.entries[8].digest[:16]}" in report()


def test_it_says_that_backups_are_no_legal_archiving_and_how_it_is_checked() -> None:
    assert "Il n&#x27;est pas un archivage légal" in report()
    assert "verify-report" in report()


def test_the_entries_are_found_again_in_the_same_ledger_and_in_no_other() -> None:
    assert monthly.entries_found(report(), {"accueil": BOOK}) == 6
    assert monthly.entries_found(report(), {}) == 0
    other = Ledger().extended([DRAFTS[0], receipt(1), *DRAFTS[2:]])[0]
    with pytest.raises(InputError, match="accueil: entry 9 is not the one that the report names"):
        monthly.entries_found(report(), {"accueil": other})
    with pytest.raises(InputError, match="entry 9"):
        monthly.entries_found(report(), {"accueil": Ledger().extended(DRAFTS[:3])[0]})


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    path = tmp_path / "report.html"
    path.write_text(report(), encoding="utf-8")
    signature = signing.sign(path.read_bytes(), key.read_text(), monthly.NAMESPACE)
    (tmp_path / "report.html.sig").write_bytes(signature)
    public = signing.public_key(key.read_text())
    (tmp_path / "signers").write_text(signing.signer_line(public, [monthly.NAMESPACE]))
    (tmp_path / "accueil.jsonl").write_bytes(BODY)
    return path


def verify(path: Path, *more: str) -> int:
    return cli.main(["verify-report", "--file", str(path), "--signers", str(path.parent / "signers"), *more])


def test_anybody_can_check_a_report_offline(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(signed, "--ledger", f"accueil={signed.parent / 'accueil.jsonl'}", "--json") == 0
    assert json.loads(capsys.readouterr().out)["entries_found"] == 6


def test_a_report_that_was_changed_or_signed_for_something_else_is_refused(
    signed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed.write_text(report().replace("8 sur 9", "9 sur 9"), encoding="utf-8")
    assert verify(signed) == 1
    assert "the signature is not good" in capsys.readouterr().err
    signed.write_text(report(), encoding="utf-8")
    key = (signed.parent / "key").read_text()
    (signed.parent / "report.html.sig").write_bytes(
        signing.sign(signed.read_bytes(), key, signing.CERTIFICATE)
    )
    assert verify(signed) == 1


@pytest.mark.parametrize(
    "more", [("--ledger", "accueil"), ("--ledger", "accueil=/absent"), ("--signature", "/absent")]
)
def test_what_cannot_be_read_is_one_line(
    signed: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str]
) -> None:
    assert verify(signed, *more) == 2
    assert capsys.readouterr().err.count("\n") == 1
