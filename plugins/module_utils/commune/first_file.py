# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's first file: the few questions it takes, and the YAML that the answers make. Pure."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ..backup_core import capacity, planning
from ..backup_core.capacity import CapacityPlan
from ..backup_core.errors import InputError
from ..backup_core.opening import OpeningCalendar
from ..backup_core.policy import Policy
from . import check, document
from .defaults import complete

LONGEST_SLUG = 31
# What needs no quotes anywhere in YAML; a phone number in them looks less like one number.
_PLAIN = re.compile(r"[^\W0_](?:[\w .'/@-]*[\w.])?|/[\w./-]*")


class Question(NamedTuple):
    """One thing that only the sysadmin knows.

    `field`: where the answer goes. `read`: from what was typed to the field's value. `default`: what an empty
    answer means, None where there must be one. `many`: asked until the answer is empty, each a part of the
    field (at least one, where there is no default).
    """

    option: str
    text: str
    field: tuple[str, ...]
    read: Callable[[str], Any]
    default: str | None = None
    many: bool = False


def _words(text: str) -> list[str]:
    """Words between blanks or commas."""
    return re.findall(r"[^\s,]+", text)


def _line(text: str) -> list[dict[str, Any]]:
    """A line to the outside: fibre 500 200."""
    words = _words(text)
    if len(words) != 3:
        raise InputError("uplinks: write kind, download and upload in Mbit/s, such as fibre 500 200")
    kind, down, up = words
    return [{"kind": kind, "down_mbit": document.plain_value(down), "up_mbit": document.plain_value(up)}]


def _source(text: str) -> dict[str, Any]:
    """A source: accueil linux 192.0.2.21 /home /srv; folders with blanks in quotes."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        name, kind, *rest = lexer
    except ValueError:
        raise InputError(
            "sources: write name, kind, address and folders, such as accueil windows 192.0.2.21 C:\\Users"
        ) from None
    if kind == "smb":
        named = dict(zip(("share", "user"), rest, strict=False))
        return {name: {"kind": kind, **named}}
    if kind == "path":
        return {name: {"kind": kind, "paths": rest}}
    return {name: {"kind": kind, "address": "".join(rest[:1]), "paths": rest[1:]}}


QUESTIONS = (
    Question("name", "Name of the commune, as the mayor writes it", ("name",), str),
    Question("insee", "INSEE code", ("insee",), str),
    Question("start", "First day of the contract (YYYY-MM-DD)", ("contract", "start"), str),
    Question("phone", "Phone of the town hall", ("contacts", "phone"), str),
    Question("mail", "Mail address of the town hall", ("contacts", "mail"), str),
    Question("contact", "Person or office that answers (may be empty)", ("contacts", "name"), str, ""),
    Question("open", "Weekdays on which it is open", ("opening", "weekdays"), _words, "mon tue wed thu fri"),
    Question("server", "Address of the LOCAL server for the first contact", ("server", "address"), str),
    Question(
        "disks",
        "Its two disks for backups, as /dev/disk/by-id/... (empty: not known yet)",
        ("server", "disks"),
        _words,
        "",
    ),
    Question(
        "line",
        "A line to the outside, best one first: kind, download, upload in Mbit/s (fibre 500 200)",
        ("uplinks",),
        _line,
        many=True,
    ),
    Question(
        "source",
        "A source: name, kind, address, folders (accueil windows 192.0.2.21 C:\\Users)",
        ("sources",),
        _source,
        many=True,
    ),
    Question(
        "workstations",
        "Workstations in all, with those that are no sources yet (empty: those above)",
        ("workstations",),
        document.plain_value,
        "",
    ),
    Question(
        "archive-gb",
        "Electronic archives on shares and folders, in GB (empty: nobody has counted)",
        ("archive_gb",),
        document.plain_value,
        "",
    ),
)
TIER = Question("tier", "Tier in TB: 1, 4 or 10", ("tier",), document.plain_value)


def answered(question: Question, text: str) -> Any:
    """The value that the field gets. InputError says what is wrong with the answer, in the schema's words."""
    value = question.read(text.strip())
    if question.field[0] == "opening":
        OpeningCalendar.from_mapping({question.field[1]: value}, where="opening")
        return value
    mistakes = check.field_mistakes(value, question.field)
    if mistakes:
        raise InputError(str(mistakes[0]))
    return value


def with_answer(given: Mapping[str, Any], question: Question, value: Any) -> dict[str, Any]:
    """The file's content with one more answer; parts of a field that takes many are put together."""
    head, *rest = question.field
    if rest:
        return {**given, head: {**given.get(head, {}), rest[0]: value}}
    if not question.many:
        return {**given, head: value}
    known = given.get(head)
    if isinstance(value, dict):
        repeated = [name for name in value if name in (known or {})]
        if repeated:
            raise InputError(f"{head}.{repeated[0]}: is there already; choose another name")
        return {**given, head: {**(known or {}), **value}}
    return {**given, head: [*(known or []), *value]}


def short_name(name: str) -> str:
    """A slug for a commune of this name: Saint-Exemple-sur-Noye gives saint-exemple-sur-noye."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("œ", "oe").replace("æ", "ae"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")


def capacity_plan(slug: str, given: Mapping[str, Any]) -> CapacityPlan:
    """What the capacity planner says of the answers (all but the tier are there)."""
    settings = complete(slug, {"tier": capacity.TIERS_TB[0], **given})
    commune = planning.commune(settings)
    calendar = OpeningCalendar.from_mapping(settings["opening"])
    open_days = len(calendar.open_days(commune.first_day, commune.first_day + timedelta(days=364)))
    return capacity.plan(commune, Policy.from_mapping(settings["policy"]), open_days)


def text(given: Mapping[str, Any]) -> str:
    """The file: every answer, and what else could stand there. A test reads it back."""
    contract, contacts, server = given["contract"], given["contacts"], given["server"]
    rows = [
        "# yaml-language-server: $schema=commune.schema.json",
        "# The fields and their meaning are in that schema; `ansible-inventory --graph` checks the file.",
        f"name: {_scalar(given['name'])}",
        f"insee: {_quoted(given['insee'])}",
        f"tier: {given['tier']} # TB, as in the convention; `ccpp-backup capacity` says what is needed",
        f"contract: {_flow(contract)} # five years, unless it also says years",
        f"contacts: {_flow(contacts)}",
        "# A backup is due on these days. Also: even_weeks, odd_weeks, nth_weekdays, closures, extra_days.",
        f"opening: {_flow(given['opening'])}",
    ]
    rows += [f"{name}: {given[name]}" for name in ("workstations", "archive_gb") if name in given]
    if "disks" not in server:
        rows.append(
            "# With disks: [/dev/disk/by-id/..., ...] in it they become a mirror, and the tier its quota."
        )
    rows.append(f"server: {_flow(server)}")
    if "recovery" in given:
        rows.append(
            f"recovery: {_flow(given['recovery'])} # a disk is driven over when no line is fast enough"
        )
    rows.append("uplinks: # the best line first, in Mbit/s")
    rows += [f"  - {_flow(line)}" for line in given["uplinks"]]
    rows.append("sources: # also, for each: exclude, priority (1 is restored first), size_gb")
    rows += [f"  {name}: {_flow(source)}" for name, source in given["sources"].items()]
    return "\n".join(rows) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(value: str) -> str:
    """Text as it is where YAML takes it for that text and nothing else, also within brackets."""
    plain = _PLAIN.fullmatch(value) and document.plain_value(value) == value
    return value if plain else _quoted(value)


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'
