# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's configuration: agent.json and communes/<slug>.json, read strictly.

A field that is unknown, missing or of the wrong type is an InputError that names file, field and cure:
a misspelt field must not silently leave a source without a backup.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from .errors import InputError, shown
from .fields import CURE, Fields, absolute, integer, mapping, one_of, read_json, text, texts, url
from .times import parse_day

DEFAULT_DIRECTORY = "/etc/ccpp-backup"
SITES = ("local", "remote", "workstation")
# What a backup that looks like an attack leads to, besides the alert.
ON_ATTACK = ("hold", "alert")
RETIRED = "retired"
KINDS = ("linux", "windows", "smb", "path", RETIRED)

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class RepositoryAccess:
    """How to reach one restic repository. Exactly one of location (a local path) and location_file is set."""

    password_file: str
    location: str | None = None
    location_file: str | None = None
    cacert: str | None = None
    key_hint: str | None = None


@dataclass(frozen=True)
class Upstream:
    """LOCAL's repository and ledger, as REMOTE reads them, and where it puts its own ledger."""

    access: RepositoryAccess
    ledger_url: str
    ship_url: str | None


@dataclass(frozen=True)
class Source:
    commune: str
    name: str
    kind: str
    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    priority: int
    repository: RepositoryAccess
    ledger: str | None
    reports: str | None
    shipped: str | None
    report_url: str | None
    upstream: Upstream | None

    @property
    def series(self) -> str:
        return f"{self.commune}/{self.name}"

    @property
    def read_by_server(self) -> bool:
        """Sources that LOCAL reads itself, instead of a workstation pushing."""
        return self.kind in ("smb", "path")

    @property
    def retired(self) -> bool:
        """The commune's file no longer names it: nothing comes any more, what there is lives out its time."""
        return self.kind == RETIRED


@dataclass(frozen=True)
class Term:
    """First and last day of the contract, and the last one of the LOCAL server's life (R2)."""

    start: date
    end: date
    server_end: date


@dataclass(frozen=True)
class Commune:
    slug: str
    name: str
    opening: Mapping[str, Any]
    policy: Mapping[str, Any]
    contacts: Mapping[str, str]
    sources: Mapping[str, Source]
    tier: int | None = None
    term: Term | None = None


@dataclass(frozen=True)
class Config:
    site: str
    server: str
    state_directory: str
    cache_directory: str
    service_user: str
    communes: Mapping[str, Commune]
    on_attack: str = "hold"
    drill_directory: str = ""

    def select(self, commune: str | None = None, source: str | None = None) -> list[Source]:
        """The sources meant by --commune and --source, the most urgent first."""
        if commune is not None and commune not in self.communes:
            known = ", ".join(sorted(self.communes)) or "none"
            raise InputError(f"--commune: {shown(commune)} is not known here (known: {known})")
        sources = [
            entry
            for slug, one in sorted(self.communes.items())
            if commune is None or slug == commune
            for entry in one.sources.values()
            if source is None or entry.name == source
        ]
        if source is not None and not sources:
            known = ", ".join(sorted({s for c in self.communes.values() for s in c.sources})) or "none"
            raise InputError(f"--source: {shown(source)} is not known here (known: {known})")
        return sorted(sources, key=lambda entry: (entry.priority, entry.commune, entry.name))

    def one(self, commune: str | None, source: str | None) -> Source:
        """The one source meant; InputError when several fit."""
        found = self.select(commune, source)
        if len(found) == 1:
            return found[0]
        if not found:
            raise InputError(f"{directory()}/communes: no source is configured ({CURE})")
        names = ", ".join(entry.series for entry in found[:10])
        raise InputError(f"more than one source fits ({names}): name one with --commune and --source")


def _contacts(value: object, where: str) -> dict[str, str]:
    return {key: text(entry, f"{where}.{key}") for key, entry in mapping(value, where).items() if entry}


def _named(pattern: re.Pattern[str]) -> Callable[[object, str], str]:
    def read(value: object, where: str) -> str:
        name = text(value, where)
        if not pattern.fullmatch(name):
            raise InputError(f"{where}: {shown(name)} is no name (small letters, digits and hyphens; {CURE})")
        return name

    return read


def _access(value: object, where: str) -> RepositoryAccess:
    fields = Fields(value, where)
    access = RepositoryAccess(
        location=fields.take_or("location", absolute, None),
        location_file=fields.take_or("location_file", absolute, None),
        password_file=fields.take("password_file", absolute),
        cacert=fields.take_or("cacert", absolute, None),
    )
    fields.done()
    if (access.location is None) == (access.location_file is None):
        raise InputError(f"{where}: exactly one of location and location_file must be set ({CURE})")
    return access


def _upstream(value: object, where: str) -> Upstream:
    fields = Fields(value, where)
    upstream = Upstream(
        access=RepositoryAccess(
            location_file=fields.take("location_file", absolute),
            password_file=fields.take("password_file", absolute),
            cacert=fields.take_or("cacert", absolute, None),
        ),
        ledger_url=fields.take("ledger_url", url),
        ship_url=fields.take_or("ship_url", url, None),
    )
    fields.done()
    return upstream


def _source(commune: str, name: str, value: object, where: str) -> Source:
    fields = Fields(value, where)
    source = Source(
        commune=commune,
        name=_named(_SOURCE)(name, where),
        kind=fields.take("kind", one_of(KINDS)),
        paths=fields.take("paths", texts),
        exclude=fields.take_or("exclude", texts, ()),
        priority=fields.take_or("priority", integer, 1),
        repository=fields.take("repository", _access),
        ledger=fields.take_or("ledger", absolute, None),
        reports=fields.take_or("reports", absolute, None),
        shipped=fields.take_or("shipped", absolute, None),
        report_url=fields.take_or("report_url", url, None),
        upstream=fields.take_or("upstream", _upstream, None),
    )
    fields.done()
    return source


def _term(value: object, where: str) -> Term:
    fields = Fields(value, where)
    days = [fields.take(name, parse_day) for name in ("start", "end", "server_end")]
    fields.done()
    return Term(*days)


def commune_from(value: object, where: str) -> Commune:
    """One commune from its JSON value; `where` is the file's name for messages."""
    fields = Fields(value, where)
    slug = fields.take("commune", _named(_SLUG))
    listed = fields.take("sources", mapping)
    commune = Commune(
        slug=slug,
        name=fields.take("name", text),
        opening=fields.take("opening", mapping),
        policy=fields.take_or("policy", mapping, {}),
        contacts=fields.take_or("contacts", _contacts, {}),
        sources={
            name: _source(slug, name, entry, f"{where}: sources.{name}") for name, entry in listed.items()
        },
        tier=fields.take_or("tier", integer, None),
        term=fields.take_or("term", _term, None),
    )
    fields.done()
    return commune


def directory() -> str:
    return os.environ.get("CCPP_BACKUP_CONFIG") or DEFAULT_DIRECTORY


def load(folder: str | None = None) -> Config:
    """The whole configuration of this machine."""
    base = Path(folder if folder is not None else directory())
    where = base / "agent.json"
    fields = Fields(read_json(where), str(where))
    communes: dict[str, Commune] = {}
    for path in sorted((base / "communes").glob("*.json")):
        commune = commune_from(read_json(path), str(path))
        if path.stem != commune.slug:
            raise InputError(f"{path}: commune: {shown(commune.slug)} is not the file's name ({CURE})")
        communes[commune.slug] = commune
    config = Config(
        site=fields.take("site", one_of(SITES)),
        server=fields.take("server", text),
        state_directory=fields.take("state_directory", absolute),
        cache_directory=fields.take("cache_directory", absolute),
        service_user=fields.take_or("service_user", text, ""),
        communes=communes,
        on_attack=fields.take_or("on_attack", one_of(ON_ATTACK), "hold"),
        drill_directory=fields.take_or("drill_directory", absolute, ""),
    )
    fields.done()
    if not config.drill_directory:
        return replace(config, drill_directory=os.path.join(config.state_directory, "drill"))
    return config
