# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statement of fees as a PDF: what is printed is what is owed."""

from __future__ import annotations

import re
import zlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import cli, fees
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.fees import Contract, Intervention
from ansible_collections.ccpp.backup.plugins.module_utils.commune import fees_pdf

ROOT = Path(__file__).resolve().parents[3]
FIRST, LAST, TODAY = date(2024, 1, 1), date(2028, 12, 31), date(2026, 1, 5)
WORK = [Intervention(1, date(2025, 3, 3), "A. Technicienne", 481, "Remplacement d'un disque – Œuvre")]


def statement(name: str = "Saint-Exemple-sur-Noye", tier: int = 4) -> fees.Statement:
    return fees.statement(Contract("s", name, FIRST, LAST, ((FIRST, tier),)), 2025, WORK)


def test_the_same_statements_are_the_same_file_and_end_with_the_whole_service() -> None:
    body = fees_pdf.draw([statement(), statement("L'Étoile <b>")], "CCPP", TODAY)
    assert body == fees_pdf.draw([statement(), statement("L'Étoile <b>")], "CCPP", TODAY)
    assert body.startswith(b"%PDF-")
    assert body.count(b"/Type /Page\n") == 3
    assert fees_pdf.draw([statement()], "CCPP", TODAY).count(b"/Type /Page\n") == 1


def test_amounts_and_durations_are_written_as_the_french_do() -> None:
    assert fees_pdf.euros(Decimal("1234.50")) == "1\u00a0234,50\u00a0€"
    assert [fees_pdf.minutes(count) for count in (0, 479, 480, 481)] == [
        "0\u00a0h\u00a000",
        "7\u00a0h\u00a059",
        "8\u00a0h\u00a000",
        "8\u00a0h\u00a001",
    ]


def printed(body: bytes) -> str:
    """The text of all pages, in the encoding of the fonts that a PDF need not bring along."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", body, re.DOTALL)
    pages = b"".join(zlib.decompress(one) for one in streams)
    text = b" ".join(re.findall(rb"\((.*?)\) Tj", pages, re.DOTALL)).decode("windows-1252")
    return text.replace("\u00a0", " ")


def test_the_text_of_the_pdf_says_what_is_owed() -> None:
    said = printed(fees_pdf.draw([statement()], "CCPP", TODAY))
    for part in ("Décompte 2025", "Palier : 4 To", "8 h 01", "120,00 €", "0,67 €", "420,67 €", "Œuvre"):
        assert part in said


def test_the_command_writes_it_and_says_where_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(ROOT / "inventory/communes/saint-exemple.yml")
    asked = ["fees", "--year", "2025", "--file", file, "--now", "2026-01-05T10:00:00+01:00", "--pdf"]
    assert cli.main([*asked, str(tmp_path / "2025.pdf")]) == 0
    assert "400,00 €" in printed((tmp_path / "2025.pdf").read_bytes())
    assert cli.main([*asked, str(tmp_path / "absent" / "2025.pdf")]) == 2
    assert "name a file in a folder that is there" in capsys.readouterr().err
