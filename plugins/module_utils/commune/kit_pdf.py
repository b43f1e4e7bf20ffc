# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A paper recovery kit as a PDF: the same text as the kit's blocks, with a QR code beside what is typed."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime

from ..backup_core.errors import InputError
from .kit import Block, Kit

try:
    import segno
    from fpdf import FPDF
    from fpdf.enums import MethodReturnValue
except ImportError:  # only the controller draws kits
    segno = None  # type: ignore[assignment]
    FPDF = object  # type: ignore[assignment,misc]

# What the fonts that every printer has can show; nothing needs to be embedded.
_ENCODING = "windows-1252"
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
# Millimetres, but for the titles' points.
_MARGIN = 14.0
_LINE = 5.0
_PADDING = 1.5
_CODE = 34.0
_KEY_CODE = 24.0
_TITLE_SIZES = {1: 13.0, 2: 11.0}
# Width of a character of Courier of one point.
_COURIER_WIDTH = 0.6 * 25.4 / 72
# Modules around a QR code; the paper around it does the rest.
_QUIET = 2


def draw(kit: Kit, recipient: str, on: date) -> bytes:
    """The PDF, the same for the same arguments. InputError where the drawing packages are missing."""
    if segno is None:
        raise InputError(
            "the Python packages fpdf2 and segno are missing on the controller; install requirements.txt"
        )
    pages = _Pages(kit, recipient, on)
    for block in kit.blocks:
        pages.block(block)
    return bytes(pages.output())


def day(on: date) -> str:
    """A day as the French write it: 1er mars 2026."""
    return f"{'1er' if on.day == 1 else on.day} {_MONTHS[on.month - 1]} {on.year}"


def printable(text: str) -> str:
    """The text as French is printed, with what the fonts cannot show written as near as they can."""
    return "".join(map(_nearest, text.replace("'", "\u2019")))


def _nearest(character: str) -> str:
    try:
        character.encode(_ENCODING)
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
        return plain or "?"
    return character


class _Pages(FPDF):
    def __init__(self, kit: Kit, recipient: str, on: date) -> None:
        super().__init__(format="A4", unit="mm")
        self.core_fonts_encoding = _ENCODING
        self._foot = f"Empreinte du kit : {kit.fingerprint}"
        self.set_title(printable(kit.title))
        self.set_lang("fr-FR")
        # No time of day: the same kit drawn again on the same day is the same file.
        self.set_creation_date(datetime(on.year, on.month, on.day, tzinfo=UTC))
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=_MARGIN)
        self.add_page()
        issued = f"Établi le {day(on)} pour : {recipient}"
        summary = "\n".join((kit.title, issued, self._foot, *kit.contacts))
        self._code(summary, self.w - _MARGIN - _CODE, _MARGIN, _CODE)
        self.set_right_margin(_MARGIN + _CODE + 3)
        self.set_font("helvetica", "B", 16)
        self._say(kit.title, 8)
        self.set_font("helvetica", "", 10)
        self._say(issued)
        self._say(self._foot)
        self.set_right_margin(_MARGIN)
        self.set_y(max(self.get_y(), _MARGIN + _CODE - 6))

    def footer(self) -> None:
        self.set_y(-_MARGIN + 2)
        self.set_font("helvetica", "", 8)
        self.cell(0, 5, printable(f"{self._foot} – page {self.page_no()} sur {{nb}}"), align="C")

    def block(self, block: Block) -> None:
        typed = ((block.commands, 9.0, _CODE), (block.key, 13.0, _KEY_CODE))
        height = 12 + self._height_of(block.text) + sum(code + 3 for lines, _points, code in typed if lines)
        # A block is never torn apart: who types from it does not turn pages.
        if block.new_page or self.get_y() + height > self.h - _MARGIN:
            self.add_page()
        self.ln(4 if block.level == 1 else 2)
        self.set_font("helvetica", "B", _TITLE_SIZES[block.level])
        self._say(block.title, 6)
        self.set_font("helvetica", "", 10)
        for paragraph in block.text:
            self._say(paragraph)
        for lines, points, code in typed:
            if lines:
                self._typed(lines, points, code)

    def _height_of(self, text: tuple[str, ...]) -> float:
        self.set_font("helvetica", "", 10)
        said = [
            self.multi_cell(0, _LINE, printable(one), dry_run=True, output=MethodReturnValue.LINES)
            for one in text
        ]
        return _LINE * sum(len(lines) for lines in said if isinstance(lines, list))

    def _say(self, text: str, height: float = _LINE) -> None:
        self.multi_cell(0, height, printable(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def _typed(self, lines: tuple[str, ...], points: float, code: float) -> None:
        """A frame with the lines, and the code of the same text beside it."""
        self.ln(1)
        top, width = self.get_y(), self.epw - code - 3
        self.rect(self.l_margin, top, width, code)
        room = width - 2 * (_PADDING + self.c_margin)
        points = min(points, room / max(map(len, lines)) / _COURIER_WIDTH)
        self.set_font("courier", "B", points)
        step = min((code - 2 * _PADDING) / len(lines), points * 0.6)
        for number, line in enumerate(lines):
            self.set_xy(self.l_margin + _PADDING, top + _PADDING + number * step)
            self.cell(width - 2 * _PADDING, step, line)
        self._code("\n".join(lines) + "\n", self.l_margin + width + 3, top, code)
        self.set_xy(self.l_margin, top + code + 1)

    def _code(self, text: str, left: float, top: float, size: float) -> None:
        code = segno.make_qr(text, error="m", encoding="utf-8")
        rows = list(code.matrix_iter(border=_QUIET))
        module = size / len(rows)
        for down, row in enumerate(rows):
            for across, dark in enumerate(row):
                if dark:
                    # A hair wider, so that no white shows between two of them.
                    side = module * 1.02
                    self.rect(left + across * module, top + down * module, side, side, style="F")
