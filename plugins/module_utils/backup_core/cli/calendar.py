# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verb `calendar`: the days a town hall is open, as text, JSON, or a calendar file for its secretary."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from ..config import load
from ..errors import DONE, BackupError, InputError, shown
from ..opening import WEEKDAYS, OpeningCalendar
from ..times import paris_day, parse_day
from ..whatif import opened, read_document
from .output import Output

HELP = "List the days on which a commune's town hall is open: on each a backup is owed"

_LONGEST_DAYS = 36525
_SUMMARY = "Mairie ouverte : sauvegarde du jour"
_DESCRIPTION = "Une sauvegarde est effectuée chaque jour d'ouverture de la mairie."


class _Commune(NamedTuple):
    slug: str
    name: str
    calendar: OpeningCalendar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", metavar="DATE", help="first day (default: today)")
    parser.add_argument(
        "--to", dest="last", metavar="DATE", help="last day (default: a year after the first)"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--commune", metavar="SLUG", help="commune, where this server serves several")
    source.add_argument(
        "--opening",
        metavar="FILE",
        help="a commune's file, or its block `opening` alone (.yml or .json), instead of this server's own",
    )
    parser.add_argument(
        "--ics", metavar="FILE", help="also write the days to a calendar file (needs icalendar)"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    now = args.now if args.now is not None else datetime.now(UTC)
    first = paris_day(now) if args.first is None else parse_day(args.first, "--from")
    last = _year_after(first) if args.last is None else parse_day(args.last, "--to")
    if last < first:
        raise InputError(
            f"--to: {shown(str(last))} is before --from {first} (give the earlier day as --from)"
        )
    if (last - first).days > _LONGEST_DAYS:
        raise InputError(f"--to: {shown(str(last))} is more than 100 years after --from (ask for less)")
    commune = _configured(args.commune) if args.opening is None else _from_file(args.opening)
    days = commune.calendar.open_days(first, last)
    if args.ics is not None:
        _write_ics(args.ics, commune, days, now)
    if args.json:
        out.json([day.isoformat() for day in days])
    else:
        for day in days:
            out.line(f"{day}  {WEEKDAYS[day.weekday()]}")
    return DONE


def _year_after(first: date) -> date:
    return date.fromordinal(min(first.toordinal() + 365, date.max.toordinal()))


def _configured(slug: str | None) -> _Commune:
    communes = load().communes
    known = ", ".join(sorted(communes)) or "none"
    if slug is None and len(communes) != 1:
        raise InputError(f"--commune: needed here (known: {known}), or give --opening FILE")
    if slug is not None and slug not in communes:
        raise InputError(f"--commune: {shown(slug)} is not known here (known: {known})")
    commune = communes[next(iter(communes)) if slug is None else slug]
    return _Commune(commune.slug, commune.name, OpeningCalendar.from_mapping(commune.opening))


def _from_file(path: str) -> _Commune:
    document = _read(path)
    if not isinstance(document, Mapping):
        raise InputError(f"{path}: {shown(document)} is not a mapping (give a commune's file)")
    whole = "opening" in document
    try:
        calendar = OpeningCalendar.from_mapping(document["opening"] if whole else document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    slug = str(document.get("slug", "mairie")) if whole else "mairie"
    return _Commune(slug, str(document.get("name", slug)) if whole else slug, calendar)


def _read(path: str) -> Any:
    with opened(path) as file:
        if not path.endswith((".yml", ".yaml")):
            return read_document(file, path)
        try:
            import yaml
        except ImportError:
            raise InputError(
                f"{path}: YAML needs python3-yaml (install it, or give the block as JSON)"
            ) from None
        try:
            return yaml.safe_load(file.read(1_000_000))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not YAML: {error}") from None


def _write_ics(path: str, commune: _Commune, days: list[date], now: datetime) -> None:
    try:
        from icalendar import Calendar, Event
    except ImportError:
        raise BackupError(
            "--ics needs the Python library icalendar: install it on the machine you work from"
            " (pip install icalendar; Debian: apt install python3-icalendar)"
        ) from None
    document = Calendar()
    document.add("prodid", "-//CCPP//ccpp-backup//FR")
    document.add("version", "2.0")
    document.add("x-wr-calname", f"{commune.name} : jours d'ouverture")
    for day in days:
        event = Event()
        event.add("uid", f"{day}@{commune.slug}.ccpp-backup")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", day)  # a day without an end lasts that day (RFC 5545, 3.6.1)
        event.add("summary", _SUMMARY)
        event.add("description", _DESCRIPTION)
        event.add("transp", "TRANSPARENT")
        document.add_component(event)
    try:
        with open(path, "wb") as file:
            file.write(document.to_ical())
    except OSError as error:
        raise InputError(f"--ics: {shown(path)} cannot be written: {error.strerror}") from None
