# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate as a PDF."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from ..backup_core.errors import InputError
from ..backup_core.page.words import date_of as day
from .certificate import TITLE, Section
from .kit_pdf import printable

try:
    from fpdf import FPDF
except ImportError:  # only the controller draws
    FPDF = None  # type: ignore[assignment,misc]

_MARGIN = 18.0
_LINE = 5.0


def draw(sections: Sequence[Section], name: str, on: date) -> bytes:
    """The PDF, the same for the same arguments. InputError where the drawing package is missing."""
    if FPDF is None:
        raise InputError("the Python package fpdf2 is missing on the controller; install requirements.txt")
    pdf = FPDF(format="A4", unit="mm")
    pdf.core_fonts_encoding = "windows-1252"
    pdf.set_title(printable(f"{TITLE} : {name}"))
    pdf.set_lang("fr-FR")
    pdf.set_creation_date(datetime(on.year, on.month, on.day, tzinfo=UTC))
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(True, margin=_MARGIN)
    pdf.add_page()

    def say(text: str, family: str, style: str, points: float, height: float = _LINE) -> None:
        pdf.set_font(family, style, points)
        shown = text if family == "courier" else printable(text)
        pdf.multi_cell(0, height, shown, align="L", new_x="LMARGIN", new_y="NEXT")

    say(TITLE, "helvetica", "B", 16, 8)
    say(f"{name}, le {day(on)}", "helvetica", "", 11, 7)
    for section in sections:
        pdf.ln(3)
        say(section.title, "helvetica", "B", 12, 7)
        for paragraph in section.text:
            say(paragraph, "helvetica", "", 10)
        for line in section.fixed:
            say(line, "courier", "", 8.5)
    return bytes(pdf.output())
