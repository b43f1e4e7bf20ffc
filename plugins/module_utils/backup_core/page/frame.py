# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all pages have in common: frame, style, how a level is shown, and the calendar as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ..status import Level
from . import words
from .html import Html, joined, tag, void
from .view import DayState

# Contrasts are 4.5 to 1 at least on the grounds they stand on (WCAG 2.2, 1.4.3), 3 to 1 for shapes.
STYLE = Html(
    ":root{color-scheme:light}*{box-sizing:border-box}"
    "body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff}"
    "header,main,footer{max-width:75rem;margin:0 auto;padding:.75rem 1rem}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.2rem;margin:1.75rem 0 .5rem}"
    "a{color:#003f8a}a:focus-visible,summary:focus-visible,.roll:focus-visible{outline:3px solid #003f8a;"
    "outline-offset:2px}.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:#fff;padding:.5rem}"
    ".say{font-size:1.25rem;border-left:.4rem solid #003f8a;padding:.5rem 1rem;background:#eef3fa}"
    ".roll{overflow-x:auto;margin:.5rem 0}table{border-collapse:collapse;width:100%}"
    "caption{text-align:left;font-weight:600;padding:.25rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #c4c4c4}"
    "thead th{border-bottom:2px solid #1a1a1a}"
    ".l{display:inline-block;padding:0 .5rem;border-radius:.2rem;font-weight:600;white-space:nowrap}"
    ".ok{background:#e1f3e5;color:#0b4a1c}.attention{background:#fff0cc;color:#5c3c00}"
    ".alarm{background:#a30d0d;color:#fff}ul{padding-left:1.25rem}dl{margin:0}dt{font-weight:600}"
    "dd{margin:0 0 .5rem}svg{max-width:100%;height:auto}footer{border-top:1px solid #c4c4c4;font-size:.9rem}"
    "@media print{.skip,nav{display:none}.roll{overflow:visible}body{font-size:10pt}a{color:inherit}"
    "tr{break-inside:avoid}.alarm{border:2px solid #a30d0d;background:#fff;color:#a30d0d}}"
)
SIGNS: dict[Level, str] = {"ok": "✓ en ordre", "attention": "! à suivre", "alarm": "✗ alarme"}
STATES: dict[DayState, str] = {
    "ok": "sauvegarde faite",
    "partial": "sauvegarde incomplète",
    "missed": "sauvegarde manquée",
    "due": "attendue aujourd'hui",
    "closed": "mairie fermée",
    "before": "avant la mise en service",
}
# Each state has a shape of its own, so that no meaning hangs on a colour.
_SHAPES: dict[DayState, str] = {
    "ok": '<rect width="11" height="11" fill="#1b7a36"/><path d="M2.5 5.5l2.2 2.5L8.5 3" fill="none" '
    'stroke="#fff" stroke-width="1.6"/>',
    "partial": '<rect width="11" height="11" fill="#8a5a00"/>'
    '<path d="M2 5.5h7" stroke="#fff" stroke-width="2"/>',
    "missed": '<rect width="11" height="11" fill="#a30d0d"/><path d="M2.5 2.5l6 6m0-6l-6 6" stroke="#fff" '
    'stroke-width="1.8"/>',
    "due": '<rect x=".75" y=".75" width="9.5" height="9.5" fill="#fff" stroke="#003f8a" stroke-width="1.5"/>',
    "closed": '<rect width="11" height="11" fill="#d6d6d6"/>',
    "before": '<rect x="4" y="4" width="3" height="3" fill="#8a8a8a"/>',
}
_LETTERS: dict[DayState, str] = {
    "ok": "o", "partial": "p", "missed": "m", "due": "d", "closed": "c", "before": "b"
}  # fmt: skip
_STEP = 13


@dataclass(frozen=True)
class Service:
    """Whom to call at the CCPP. `hours` is a sentence."""

    name: str
    phone: str
    mail: str
    hours: str


def page(title: str, service: Service, now: datetime, *content: object, home: str | None = None) -> str:
    """The whole document. `home`: where the way back to the fleet leads, on a page that has one."""
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="robots", content="noindex"),
        tag("title", f"{title} - {service.name}"),
        Html(f"<style>{STYLE}</style>"),
    )
    way = None
    if home is not None:
        way = tag("nav", tag("a", "Toutes les communes", href=home), aria_label="Navigation")
    body = tag(
        "body",
        tag("a", "Aller au contenu", href="#contenu", class_="skip"),
        tag("header", tag("p", service.name), way),
        tag("main", tag("h1", title), *content, id="contenu"),
        tag(
            "footer",
            tag(
                "p",
                f"Établi le {words.instant(now)} à partir de ce qui est dans les dépôts et les registres.",
            ),
            tag("p", f"Assistance : {service.phone}, ", mailto(service.mail), f", {service.hours}."),
        ),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='fr')}\n"


def mailto(address: str) -> Html:
    return tag("a", address, href=f"mailto:{address}")


def badge(level: Level) -> Html:
    return tag("span", SIGNS[level], class_=f"l {level}")


def heat_map(days: Mapping[date, DayState], label: str) -> Html:
    """A year of days, a column for each week from Monday on; said in words for who does not see it."""
    if not days:
        return tag("p", "Aucun jour à montrer.")
    first = min(days)
    weeks = (max(days) - first).days // 7 + 1
    cells, months = [], []
    for day in sorted(days):
        week, weekday = divmod((day - first).days, 7)
        cells.append(
            f'<use href="#{_LETTERS[days[day]]}" x="{24 + week * _STEP}" y="{16 + weekday * _STEP}"/>'
        )
        if day.day == 1:
            name = words.MONTHS[day.month - 1][:4]
            months.append(f'<text x="{24 + week * _STEP}" y="10">{tag("tspan", name)}</text>')
    shapes = "".join(f'<g id="{_LETTERS[state]}">{shape}</g>' for state, shape in _SHAPES.items())
    sides = "".join(
        f'<text x="0" y="{25 + 2 * n * _STEP}">{name}</text>' for n, name in enumerate(("lun", "mer", "ven"))
    )
    counted = ", ".join(
        f"{state} : {words.count(number, 'jour')}"
        for key, state in STATES.items()
        if (number := sum(1 for one in days.values() if one == key))
    )
    picture = Html(
        f'<svg viewBox="0 0 {26 + weeks * _STEP} {18 + 7 * _STEP}" width="{26 + weeks * _STEP}" '
        f'height="{18 + 7 * _STEP}" role="img" aria-labelledby="hm-t hm-d" font-size="9" fill="#1a1a1a">'
        f"{tag('title', label, id='hm-t')}{tag('desc', counted, id='hm-d')}"
        f"<defs>{shapes}</defs>{''.join(months)}{sides}{''.join(cells)}</svg>"
    )
    legend = tag("ul", *(tag("li", _key(state), " ", text) for state, text in STATES.items()), class_="key")
    return joined(tag("div", picture, class_="roll", tabindex="0", role="region", aria_label=label), legend)


def _key(state: DayState) -> Html:
    return Html(f'<svg width="11" height="11" viewBox="0 0 11 11" aria-hidden="true">{_SHAPES[state]}</svg>')


def listed(days: Mapping[date, DayState], state: DayState, most: int = 40) -> list[date]:
    """The newest days of a state, newest first."""
    return sorted((day for day, one in days.items() if one == state), reverse=True)[:most]
