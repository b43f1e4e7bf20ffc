# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's configuration: agent.json and communes/<slug>.json, read strictly.

A field that is unknown, missing or of the wrong type is an InputError that names file, field and cure:
a misspelt field must not silently leave a source without a backup.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .errors import InputError, shown

DEFAULT_DIRECTORY = "/etc/ccpp-backup"
SITES = ("local", "remote", "workstation")
KINDS = ("linux", "windows", "smb", "path")
CURE = "the role ccpp.backup.agent writes this file: run it again"

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,30}")

T = TypeVar("T")


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


@dataclass(frozen=True)
class Commune:
    slug: str
    name: str
    opening: Mapping[str, Any]
    policy: Mapping[str, Any]
    contacts: Mapping[str, str]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Config:
    site: str
    server: str
    state_directory: str
    cache_directory: str
    service_user: str
    communes: Mapping[str, Commune]

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


class _Fields:
    """Takes the fields of one JSON object one by one, and complains of what is left."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected an object, found {shown(value)} ({CURE})")
        self._left: dict[str, Any] = dict(value)
        self._where = where

    def name(self, field: str) -> str:
        return f"{self._where}.{field}" if ": " in self._where else f"{self._where}: {field}"

    def take(self, field: str, read: Callable[[object, str], T]) -> T:
        if field not in self._left:
            raise InputError(f"{self.name(field)}: missing ({CURE})")
        return read(self._left.pop(field), self.name(field))

    def take_or(self, field: str, read: Callable[[object, str], T], default: T) -> T:
        """The field, or the default when it is absent or null."""
        value = self._left.pop(field, None)
        return default if value is None else read(value, self.name(field))

    def done(self) -> None:
        if self._left:
            field = sorted(self._left)[0]
            raise InputError(f"{self.name(field)}: unknown field ({CURE})")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise InputError(f"{where}: expected a text, found {shown(value)} ({CURE})")
    return value


def _integer(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: expected a whole number, found {shown(value)} ({CURE})")
    return value


def _absolute(value: object, where: str) -> str:
    path = _text(value, where)
    if not os.path.isabs(path):
        raise InputError(f"{where}: {shown(path)} is not an absolute path ({CURE})")
    return path


def _url(value: object, where: str) -> str:
    url = _text(value, where)
    if not url.startswith("https://"):
        raise InputError(f"{where}: {shown(url)} is not an https:// address ({CURE})")
    return url


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list, found {shown(value)} ({CURE})")
    return tuple(_text(entry, f"{where}[{index}]") for index, entry in enumerate(value))


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, found {shown(value)} ({CURE})")
    return value


def _contacts(value: object, where: str) -> dict[str, str]:
    return {key: _text(entry, f"{where}.{key}") for key, entry in _mapping(value, where).items() if entry}


def _one_of(allowed: tuple[str, ...]) -> Callable[[object, str], str]:
    def read(value: object, where: str) -> str:
        if value not in allowed:
            raise InputError(f"{where}: {shown(value)} is none of {', '.join(allowed)} ({CURE})")
        return str(value)

    return read


def _named(pattern: re.Pattern[str]) -> Callable[[object, str], str]:
    def read(value: object, where: str) -> str:
        text = _text(value, where)
        if not pattern.fullmatch(text):
            raise InputError(f"{where}: {shown(text)} is no name (small letters, digits and hyphens; {CURE})")
        return text

    return read


def _access(value: object, where: str) -> RepositoryAccess:
    fields = _Fields(value, where)
    access = RepositoryAccess(
        location=fields.take_or("location", _absolute, None),
        location_file=fields.take_or("location_file", _absolute, None),
        password_file=fields.take("password_file", _absolute),
        cacert=fields.take_or("cacert", _absolute, None),
    )
    fields.done()
    if (access.location is None) == (access.location_file is None):
        raise InputError(f"{where}: exactly one of location and location_file must be set ({CURE})")
    return access


def _upstream(value: object, where: str) -> Upstream:
    fields = _Fields(value, where)
    upstream = Upstream(
        access=RepositoryAccess(
            location_file=fields.take("location_file", _absolute),
            password_file=fields.take("password_file", _absolute),
            cacert=fields.take_or("cacert", _absolute, None),
        ),
        ledger_url=fields.take("ledger_url", _url),
        ship_url=fields.take_or("ship_url", _url, None),
    )
    fields.done()
    return upstream


def _source(commune: str, name: str, value: object, where: str) -> Source:
    fields = _Fields(value, where)
    source = Source(
        commune=commune,
        name=_named(_SOURCE)(name, where),
        kind=fields.take("kind", _one_of(KINDS)),
        paths=fields.take("paths", _texts),
        exclude=fields.take_or("exclude", _texts, ()),
        priority=fields.take_or("priority", _integer, 1),
        repository=fields.take("repository", _access),
        ledger=fields.take_or("ledger", _absolute, None),
        reports=fields.take_or("reports", _absolute, None),
        shipped=fields.take_or("shipped", _absolute, None),
        report_url=fields.take_or("report_url", _url, None),
        upstream=fields.take_or("upstream", _upstream, None),
    )
    fields.done()
    return source


def commune_from(value: object, where: str) -> Commune:
    """One commune from its JSON value; `where` is the file's name for messages."""
    fields = _Fields(value, where)
    slug = fields.take("commune", _named(_SLUG))
    listed = fields.take("sources", _mapping)
    commune = Commune(
        slug=slug,
        name=fields.take("name", _text),
        opening=fields.take("opening", _mapping),
        policy=fields.take_or("policy", _mapping, {}),
        contacts=fields.take_or("contacts", _contacts, {}),
        sources={
            name: _source(slug, name, entry, f"{where}: sources.{name}") for name, entry in listed.items()
        },
    )
    fields.done()
    return commune


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file ({CURE})") from None
    except PermissionError:
        raise InputError(
            f"{path}: not readable for this user (run as root or as the service's user)"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error} ({CURE})") from None


def directory() -> str:
    return os.environ.get("CCPP_BACKUP_CONFIG") or DEFAULT_DIRECTORY


def load(folder: str | None = None) -> Config:
    """The whole configuration of this machine."""
    base = Path(folder if folder is not None else directory())
    where = base / "agent.json"
    fields = _Fields(_read(where), str(where))
    communes: dict[str, Commune] = {}
    for path in sorted((base / "communes").glob("*.json")):
        commune = commune_from(_read(path), str(path))
        if path.stem != commune.slug:
            raise InputError(f"{path}: commune: {shown(commune.slug)} is not the file's name ({CURE})")
        communes[commune.slug] = commune
    config = Config(
        site=fields.take("site", _one_of(SITES)),
        server=fields.take("server", _text),
        state_directory=fields.take("state_directory", _absolute),
        cache_directory=fields.take("cache_directory", _absolute),
        service_user=fields.take_or("service_user", _text, ""),
        communes=communes,
    )
    fields.done()
    return config
