# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets a commune and the service have, and how missing ones are made. Pure, but for randomness."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..backup_core.errors import InputError, shown
from . import paper
from .kit import Passwords

# Keys of LOCAL's repository for the workstation, LOCAL's agent and REMOTE's pull; key of REMOTE's repository.
REPOSITORY_SECRETS = ("client_password", "server_password", "replica_password", "remote_password")
SERVICE_SECRETS = ("ca_passphrase",)

Secrets = dict[str, Any]


@dataclass(frozen=True)
class Hasher:
    """How HTTP passwords are hashed for the servers' password files."""

    hash: Callable[[str], str]
    matches: Callable[[str, str], bool]


def for_commune(stored: Secrets, sources: Iterable[str], hasher: Hasher) -> tuple[Secrets, Secrets]:
    """(what the file must hold, what was asked for), with secrets made for what has none.

    What is there never changes, but for a hash that no longer fits its password: somebody edited it. Sources
    that are not asked for keep theirs in the file, and are returned under `former`: their backups still need
    them.

    Raises InputError when `stored` does not have this shape, without showing a value of it.
    """
    replica = _http(_block(stored, "replica"), hasher, "replica")
    kept = _block(stored, "sources")
    asked = {name: _of_source(_block(kept, name), hasher, f"sources.{name}") for name in sources}
    former = {name: _block(kept, name) for name in kept if name not in asked}
    return (
        {**stored, "replica": replica, "sources": dict(sorted({**kept, **asked}.items()))},
        {"replica": replica, "sources": asked, "former": dict(filter(_has_passwords, former.items()))},
    )


def for_service(stored: Secrets) -> tuple[Secrets, Secrets]:
    """Like `for_commune`, for the secrets that no commune owns."""
    asked = {name: _password(stored, name, "") for name in SERVICE_SECRETS}
    return {**stored, **asked}, asked


def kit_passwords(stored: Secrets, sources: Iterable[str]) -> dict[str, Passwords] | None:
    """What the recovery kit prints, for these sources and for those that left; None while one has none."""
    kept = {name: _block(_block(stored, "sources"), name) for name in _block(stored, "sources")}
    found = {
        name: Passwords(values["server_password"], values["remote_password"])
        for name, values in filter(_has_passwords, kept.items())
    }
    return found if found.keys() >= set(sources) else None


def _has_passwords(named: tuple[str, Secrets]) -> bool:
    return all(isinstance(named[1].get(name), str) for name in REPOSITORY_SECRETS)


def _of_source(stored: Secrets, hasher: Hasher, where: str) -> Secrets:
    # These end on paper, in the recovery kit; those of HTTP are not needed where restic has the disk.
    made = {name: _password(stored, name, where, paper.password) for name in REPOSITORY_SECRETS}
    return {**stored, **made, **_http(stored, hasher, where)}


def _http(stored: Secrets, hasher: Hasher, where: str) -> Secrets:
    password = _password(stored, "http_password", where)
    known = stored.get("http_hash")
    fits = isinstance(known, str) and hasher.matches(password, known)
    return {**stored, "http_password": password, "http_hash": known if fits else hasher.hash(password)}


def _random() -> str:
    return randomness.token_urlsafe(32)


def _password(stored: Secrets, name: str, where: str, new: Callable[[], str] = _random) -> str:
    value = stored.get(name)
    if value is None:
        return new()
    if not isinstance(value, str) or not value or not value.isprintable():
        place = f"{where}.{name}" if where else name
        raise InputError(f"{place}: not a password on one line; correct it or take it out to get a new one")
    return value


def _block(stored: Secrets, name: str) -> Secrets:
    block = stored.get(name)
    if block is None:
        return {}
    if not isinstance(block, dict):
        raise InputError(f"{shown(name)} is not a mapping; restore the file from its last version")
    return block
