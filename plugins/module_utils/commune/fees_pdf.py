# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements of fees as a PDF in French: one page for each commune, and one for the whole service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from ..backup_core import fees
from ..backup_core.errors import InputError
from ..backup_core.fees import CONVENTION, Statement
from .kit_pdf import day, printable

try:
    from fpdf import FPDF
except ImportError:  # only the controller draws
    FPDF = object  # type: ignore[assignment,misc]

_MARGIN = 18.0
_LINE = 6.0
# Most characters of an intervention's text on its line; the CSV and the log have all of it.
_MOST = 70


def draw(statements: Sequence[Statement], owner: str, on: date) -> bytes:
    """The PDF, the same for the same arguments. InputError where the drawing package is missing."""
    if FPDF is object:
        raise InputError("the Python package fpdf2 is missing on the controller; install requirements.txt")
    pages = _Pages(owner, on)
    for one in statements:
        pages.statement(one)
    if len(statements) > 1:
        pages.service(statements)
    return bytes(pages.output())


def euros(amount: Decimal) -> str:
    """1 234,50 € with a no-break space; the fonts have no narrow one."""
    return f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",") + "\u00a0€"


def minutes(count: int) -> str:
    """8 h 01"""
    return f"{count // 60}\u00a0h\u00a0{count % 60:02}"


class _Pages(FPDF):
    def __init__(self, owner: str, on: date) -> None:
        super().__init__(format="A4", unit="mm")
        self.core_fonts_encoding = "windows-1252"
        self._owner, self._on = owner, on
        self.set_title(printable("Décompte des participations"))
        self.set_lang("fr-FR")
        # No time of day: the same statements drawn again on the same day are the same file.
        self.set_creation_date(datetime(on.year, on.month, on.day, tzinfo=UTC))
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=_MARGIN)

    def footer(self) -> None:
        self.set_y(-_MARGIN + 4)
        self.set_font("helvetica", "", 8)
        said = f"{self._owner} – établi le {day(self._on)} – montants TTC – page {self.page_no()} sur {{nb}}"
        self.cell(0, 5, printable(said), align="C")

    def statement(self, one: Statement) -> None:
        self._begin(f"Décompte {one.year} : {one.name}")
        tiers = ", puis ".join(f"{tier} To" for tier in one.tiers) or "aucun"
        self._say(f"Jours du contrat dans l'année : {one.days}. Palier : {tiers}.")
        self._say(
            f"Interventions : {minutes(one.worked_minutes)} effectuées,"
            f" {minutes(one.included_minutes)} incluses, {minutes(one.beyond_minutes)} au-delà,"
            f" à {CONVENTION.hour}\u00a0€ l'heure."
        )
        self._amounts(
            [
                ("Forfait du palier, part de l'année", one.flat),
                ("Logiciel", one.software),
                ("Assistance", one.support),
                ("Interventions au-delà du forfait", one.beyond),
            ],
            one.total,
        )
        if one.interventions:
            self._heading("Interventions")
            with self._table((20, 22, 40, 92), ("RIGHT", "RIGHT", "LEFT", "LEFT")) as table:
                table.row(["Jour", "Durée", "Par", "Objet"])
                for work in one.interventions:
                    cells = (f"{work.day:%d/%m/%Y}", minutes(work.minutes), work.who, work.what)
                    table.row([printable(_cut(cell)) for cell in cells])

    def service(self, statements: Sequence[Statement]) -> None:
        self._begin(f"Décompte {statements[0].year} : ensemble du service")
        totals = fees.totals(statements)
        self._say(f"{len(statements)} communes.")
        self._amounts(
            [
                ("Forfaits des paliers, part de l'année", totals["flat"]),
                ("Logiciel", totals["software"]),
                ("Assistance", totals["support"]),
                ("Interventions au-delà du forfait", totals["beyond"]),
            ],
            totals["total"],
        )
        self._heading("Par commune")
        with self._table((134, 40), ("LEFT", "RIGHT")) as table:
            table.row(["Commune", "Total TTC"])
            for one in statements:
                table.row([printable(_cut(one.name)), printable(euros(one.total))])

    def _begin(self, title: str) -> None:
        self.add_page()
        self.set_font("helvetica", "", 10)
        self._say(self._owner)
        self.set_font("helvetica", "B", 15)
        self.multi_cell(0, 9, printable(title), align="L", new_x="LMARGIN", new_y="NEXT")
        self.set_font("helvetica", "", 10)

    def _amounts(self, rows: Sequence[tuple[str, Decimal]], total: Decimal) -> None:
        self.ln(3)
        with self._table((134, 40), ("LEFT", "RIGHT")) as table:
            table.row(["", "Montant TTC"])
            for name, amount in rows:
                table.row([printable(name), printable(euros(amount))])
            table.row([printable("Total dû"), printable(euros(total))])

    def _heading(self, text: str) -> None:
        self.ln(4)
        self.set_font("helvetica", "B", 11)
        self._say(text)
        self.set_font("helvetica", "", 10)

    def _say(self, text: str) -> None:
        self.multi_cell(0, _LINE, printable(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def _table(self, widths: tuple[int, ...], aligned: tuple[str, ...]):  # type: ignore[no-untyped-def]
        return self.table(col_widths=widths, text_align=aligned, line_height=_LINE)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
