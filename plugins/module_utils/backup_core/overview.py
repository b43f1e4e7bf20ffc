# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a server knows of its backups, as one JSON document: metrics and pages are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import status, storage_health, usage
from .antivirus import record, summary
from .antivirus import settings as antivirus_settings
from .clock import Clock
from .config import Commune, Config, Source
from .errors import InputError
from .links import paths, settings
from .status import Level, Status
from .storage_health import Health
from .times import utc_text
from .workplace import Workplace


@dataclass(frozen=True)
class Overview:
    """`statuses` are in the order in which they need a person, worst first; `history` is to be written."""

    statuses: Sequence[Status]
    store: Health
    links: paths.Health
    level: Level
    document: dict[str, Any]
    history: usage.History
    antivirus: summary.Server | None = None


def gather(config: Config, chosen: Sequence[Source], clock: Clock) -> Overview:
    """Look at the chosen sources and at the store, without starting restic."""
    found = [status.status_of(Workplace(config, one, clock)) for one in chosen]
    found.sort(key=lambda one: (status.ORDER[one.level], one.series))
    store = storage_health.judge(storage_health.read(config.state_directory), clock.now())
    links = links_health(config, clock)
    levels: list[Level] = [status.overall(found), store.level, links.level]
    configured = antivirus_settings.load()
    antivirus = None if configured is None else summary.judge(record.checked(config), configured, clock.now())
    if antivirus is not None:
        levels.append(antivirus.level)
    level = min(levels, key=lambda level: status.ORDER[level])
    places = store.facts.get("places") or []
    history = usage.noted(usage.read(config.state_directory), places, clock.today())
    foretold = {
        str(place["path"]): usage.full_on(history[str(place["path"])], int(place["limit"]), clock.today())
        for place in places
    }
    document = {
        "overall": level,
        "server": config.server,
        "at": utc_text(clock.now()),
        "communes": [
            commune_document(config.communes[slug]) for slug in sorted({one.commune for one in chosen})
        ],
        "sources": [one.as_json() for one in found],
        "store": store.as_json(),
        "links": links.as_json(),
        "antivirus": None if antivirus is None else antivirus.as_json(),
        "full_on": {path: str(day) for path, day in foretold.items() if day is not None},
    }
    return Overview(found, store, links, level, document, history, antivirus)


def links_health(config: Config, clock: Clock) -> paths.Health:
    """How the tunnels are that this server has, as the last look found them."""
    try:
        expected = bool(settings.load().tunnels)
        return paths.judge(paths.read(config.state_directory), expected, clock.now())
    except InputError as error:
        return paths.Health("alarm", [str(error)])


def commune_document(commune: Commune) -> dict[str, Any]:
    """Who the commune is, whom to call there, and until when its contract and its server last."""
    term = commune.term
    return {
        "commune": commune.slug,
        "name": commune.name,
        "tier": commune.tier,
        "contacts": dict(commune.contacts),
        "term": None
        if term is None
        else {"start": str(term.start), "end": str(term.end), "server_end": str(term.server_end)},
    }
