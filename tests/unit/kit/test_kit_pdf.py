# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing of a kit. That its text and its codes can be read is tested on a real machine, from the PDF."""

from __future__ import annotations

import re
import zlib
from datetime import date

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import InputError
from ansible_collections.ccpp.backup.plugins.module_utils.commune import kit, kit_pdf


def drawn_text(pdf: bytes) -> str:
    """The text of a PDF whose fonts are the standard ones, piece by piece."""
    # A compressed stream may end with any byte, so nothing but the line feed belongs to what follows.
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    pages = b"\n".join(map(zlib.decompress, filter(_is_deflated, streams)))
    pieces = re.findall(rb"\(((?:\\.|[^\\)])*)\) Tj", pages, re.DOTALL)
    return "\n".join(re.sub(rb"\\(.)", rb"\1", piece).decode("cp1252") for piece in pieces)


def _is_deflated(stream: bytes) -> bool:
    return stream[:1] == b"\x78"


def test_text_keys_commands_day_recipient_and_fingerprint_are_on_the_paper(given):
    made = kit.kit(**given)
    text = drawn_text(kit_pdf.draw(made, "Mairie, coffre", date(2026, 3, 1)))
    lines = text.splitlines()
    for block in made.blocks:
        assert kit_pdf.printable(block.title) in lines
        for line in (*block.commands, *block.key):
            assert line in lines
    assert "Établi le 1er mars 2026 pour : Mairie, coffre" in lines
    pages = [line for line in lines if line.startswith(f"Empreinte du kit : {made.fingerprint} – page ")]
    # Three pages on what is common to all sources, then one for each.
    assert len(pages) == 2 + len(given["passwords"])


def test_the_same_kit_on_the_same_day_is_the_same_file(given):
    made = kit.kit(**given)
    first, second = (kit_pdf.draw(made, "Mairie", date(2026, 11, 24)) for _time in range(2))
    assert first == second


def test_what_the_fonts_lack_is_written_as_near_as_they_can():
    assert kit_pdf.printable("Œuvre – l'été, 10 €") == "Œuvre – l’été, 10 €"
    assert kit_pdf.printable("Łódź ﬁn 漢") == "?ódz fin ?"


@pytest.mark.parametrize(
    ("on", "said"), [(date(2026, 1, 1), "1er janvier 2026"), (date(2028, 2, 29), "29 février 2028")]
)
def test_a_day_is_written_in_french(on, said):
    assert kit_pdf.day(on) == said


def test_without_the_drawing_packages_it_says_what_to_install(given, monkeypatch):
    monkeypatch.setattr(kit_pdf, "segno", None)
    with pytest.raises(InputError, match=r"fpdf2 and segno are missing .* install requirements\.txt"):
        kit_pdf.draw(kit.kit(**given), "Mairie", date(2026, 1, 1))
