# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the pages show on this server, and puts them in the place of the former ones."""

from __future__ import annotations

import json
import os
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from .. import overview, status
from ..clock import Clock
from ..config import Config
from ..errors import InputError
from ..fields import Fields, read_json, text
from ..opening import OpeningCalendar
from ..policy import Policy
from ..times import paris_day
from ..workplace import Workplace
from . import commune, fleet
from .frame import Service
from .view import CommuneView, Link, SourceView, source_view

SERVICE = "service.json"
# Prometheus on the same machine; what it does not know is shown as unknown.
PROMETHEUS = "http://127.0.0.1:9090"
_QUERY = '{__name__=~"ccpp_backup_(link_up|antivirus_signatures_timestamp_seconds)"}'
_TIMEOUT = 10.0
_LARGEST = 64 * 1024 * 1024
PAGES, NEXT, LAST = "site", ".next", ".last"


def service_of(path: str) -> Service:
    """Whom to call at the CCPP. InputError names the field that is missing."""
    fields = Fields(read_json(Path(path)), path)
    service = Service(*(fields.take(name, text) for name in ("name", "phone", "mail", "hours")))
    fields.done()
    return service


def watched(address: str | None) -> list[dict[str, Any]]:
    """What Prometheus knows of links and antivirus, labels and value; empty where it cannot be asked."""
    if address is None:
        return []
    query = urllib.parse.urlencode({"query": _QUERY})
    try:
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=_TIMEOUT) as answer:
            found = json.loads(answer.read(_LARGEST))["data"]["result"]
        return [{**one["metric"], "value": float(one["value"][1])} for one in found]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return []


def gather(config: Config, clock: Clock, samples: Sequence[Mapping[str, Any]]) -> Iterator[CommuneView]:
    """The communes of this server, from their ledgers and repositories, by slug."""
    store = overview.gather(config, [], clock)
    places = {str(place["path"]): place for place in store.store.facts.get("places") or []}
    for slug, one in sorted(config.communes.items()):
        calendar = OpeningCalendar.from_mapping(dict(one.opening), f"{slug}: opening")
        policy = Policy.from_mapping(one.policy, f"{slug}: policy")
        sources = [
            _source(Workplace(config, source, clock), name, calendar, policy)
            for name, source in sorted(one.sources.items())
        ]
        path = next((path for path in places if path.endswith(f"/{slug}")), None)
        place = places[path] if path is not None else {}
        foretold = store.document["full_on"].get(path)
        mine = [sample for sample in samples if sample.get("commune") == slug]
        yield CommuneView(
            slug,
            one.name,
            one.contacts,
            sources,
            used=place.get("used"),
            limit=place.get("limit"),
            full_on=None if foretold is None else date.fromisoformat(foretold),
            links=[Link(str(s.get("link")), s["value"] == 1) for s in mine if "link" in s],
            antivirus_at=_antivirus(mine),
            term_end=None if one.term is None else one.term.end,
            server_end=None if one.term is None else one.term.server_end,
            tier=one.tier,
        )


def _source(place: Workplace, name: str, calendar: OpeningCalendar, policy: Policy) -> SourceView:
    facts, now = status.facts_of(place), place.clock.now()
    return source_view(name, facts, status.assess(facts, calendar, policy, now), calendar, policy, now)


def _antivirus(samples: Sequence[Mapping[str, Any]]) -> datetime | None:
    ages = [s["value"] for s in samples if str(s.get("__name__", "")).startswith("ccpp_backup_antivirus")]
    return datetime.fromtimestamp(min(ages), UTC) if ages else None


def write(folder: str, communes: Sequence[CommuneView], service: Service, now: datetime) -> int:
    """Make all pages beside the former ones, then take their place: nobody sees half a site. How many."""
    if not os.path.isdir(folder):
        raise InputError(f"--output: {folder} is no folder (the role ccpp.backup.supervision makes it)")
    fresh, last, site = (os.path.join(folder, name) for name in (NEXT, LAST, PAGES))
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(os.path.join(fresh, "communes"), mode=0o750)
    today = paris_day(now)
    _write(os.path.join(fresh, "index.html"), fleet.page(communes, service, today, now))
    for one in communes:
        _write(os.path.join(fresh, "communes", f"{one.slug}.html"), commune.page(one, service, today, now))
    shutil.rmtree(last, ignore_errors=True)
    if os.path.isdir(site):
        os.rename(site, last)
    os.rename(fresh, site)
    shutil.rmtree(last, ignore_errors=True)
    return len(communes) + 1


def _write(path: str, page: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)
