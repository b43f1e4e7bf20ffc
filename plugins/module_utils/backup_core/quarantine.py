# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep: what does not belong into a repository is moved out of it (aside.py), never deleted.

With the HTTP password alone, a client of rest-server can post eight bytes into snapshots/ or locks/, and
every restic command panics from then on, restore included. So the server looks at every object it has not
seen: one too short for the format, one that is not what its name says, one that the server's own key does
not authenticate, a key that nobody registered, a lock that no honest client makes.

Single objects are read with `restic cat --no-lock` and the server's own key named, which works while
everything else panics. Each costs a key derivation, so a flood is first sifted by its seals (seal.py). Names
are hashes of contents: what was authenticated once is remembered and not read again (seen.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import aside, restic, seal
from .aside import Foreign, names, path_of
from .errors import BackupError, InputError, one_line
from .ledger import Ledger
from .scrub import hash_of
from .seen import Seen
from .times import parse_instant
from .workplace import Workplace, registered_keys

# 16 bytes of nonce, 16 of MAC, and content: anything shorter is no object of restic's.
SMALLEST = 33
# What restic reads faster than we do, although it derives a key for it.
LARGE = 16 * 1024 * 1024
# The module that adds a key writes it into the ledger a few seconds later.
KEY_GRACE = 30.0
CAT_TIMEOUT = 120.0
# More new objects at once than this is more than an honest backup makes: they are sifted first.
FEW = 8
# Receipts wait for a sweep no longer than this (seconds); the next minute's takes up what it leaves.
LONGEST = 20.0
# Objects and bytes that one sweep moves at most: each may have to be copied.
MOST_MOVED = 50_000
MOST_BYTES = 1 << 30
FORGED = "the server's own key does not authenticate it"
READ_KINDS = ("index", "lock")


@dataclass
class Swept:
    """What a sweep moved, as the ledger's entries say it, and the snapshots it did not get to."""

    batches: list[dict[str, Any]] = field(default_factory=list)
    unjudged: set[str] = field(default_factory=set)


@dataclass
class _Found:
    """What is known of a sweep's objects, kind and name each."""

    foreign: list[Foreign] = field(default_factory=list)
    genuine: list[tuple[str, str]] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)


def sweep(place: Workplace, longest: float = LONGEST) -> Swept:
    """Move out what does not belong into keys/, locks/, index/ and snapshots/. The caller holds the source's
    lock. Looks for at most `longest` seconds."""
    deadline = time.monotonic() + longest
    ledger = place.ledger()
    batches = aside.recover(place, ledger)
    kept = aside.returned(ledger)
    seen = Seen(place)
    found = _Found(foreign=[one for one in foreign_keys(place.location, ledger) if one.name not in kept])
    # A snapshot with a receipt was sound once: if it no longer is, that is damage, for verify to report.
    kept |= {receipt.snapshot for receipt in ledger.live()}
    new = [
        (kind, name)
        for kind in ("lock", "index", "snapshot")
        for name in names(place.location, kind)
        if name not in kept and not seen.knows(kind, name)
    ]
    try:
        _judge(place, ledger, new, found, deadline)
        _read(place, ledger, found, seen, deadline)
        found.foreign += [one for one in seen.overdue_locks() if one.name not in kept]
    finally:
        batches += aside.move(place, _affordable(place, found.foreign))
    for kind, name in found.genuine:
        seen.remember(kind, name)
    seen.save()
    return Swept(batches, {name for kind, name in found.left if kind == "snapshot"})


def _affordable(place: Workplace, foreign: Sequence[Foreign]) -> list[Foreign]:
    """What one sweep moves, the smallest first: a few huge objects must not keep a thousand small ones."""
    sized = []
    for one in foreign:
        with contextlib.suppress(FileNotFoundError):
            sized.append((os.stat(path_of(place, one.kind, one.name)).st_size, one))
    sized.sort(key=lambda pair: pair[0])
    chosen: list[Foreign] = []
    total = 0
    for size, one in sized[:MOST_MOVED]:
        total += size
        if chosen and total > MOST_BYTES:
            break
        chosen.append(one)
    return chosen


def foreign_keys(location: str, ledger: Ledger) -> list[Foreign]:
    """Keys that nobody registered. Without a single registered one the ledger cannot tell, and all stay."""
    registered = registered_keys(ledger)
    if not registered:
        return []
    found = []
    for name in names(location, "key"):
        if name in registered:
            continue
        path = os.path.join(location, "keys", name)
        with contextlib.suppress(FileNotFoundError):
            if not _is_key(path):
                found.append(Foreign("key", name, "not a key"))
            elif time.time() - os.stat(path).st_mtime > KEY_GRACE:
                found.append(Foreign("key", name, "a key that nobody registered"))
    return found


def _is_key(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(64 * 1024))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"kdf", "salt", "data"} <= set(value)


def _judge(
    place: Workplace, ledger: Ledger, new: Sequence[tuple[str, str]], found: _Found, deadline: float
) -> None:
    """Sort the new objects by what can be told without starting restic for each."""
    sieve = _Sieve(place, ledger) if len(new) > FEW else None
    for number, (kind, name) in enumerate(new):
        if time.monotonic() > deadline:
            found.left += new[number:]
            return
        with contextlib.suppress(FileNotFoundError):
            _look(path_of(place, kind, name), kind, name, sieve, found)


def _look(path: str, kind: str, name: str, sieve: _Sieve | None, found: _Found) -> None:
    size = os.stat(path).st_size
    if size < SMALLEST:
        found.foreign.append(Foreign(kind, name, "too short to be an object"))
        return
    if size > LARGE:
        found.unread.append((kind, name))
        return
    with open(path, "rb") as file:
        data = file.read(LARGE + 1)
    if hashlib.sha256(data).hexdigest() != name:
        # rest-server lets nobody write that, so in an index it is damage, for verify to report.
        if kind != "index":
            found.foreign.append(Foreign(kind, name, "content is not what its name says"))
    elif sieve is not None and not sieve.passes(kind, name, data):
        found.foreign.append(Foreign(kind, name, FORGED))
    elif kind in READ_KINDS:
        found.unread.append((kind, name))
    elif sieve is not None:
        found.genuine.append((kind, name))


class _Sieve:
    """Tells forged objects by their seals; made when the first one needs it.

    Our arithmetic has no last word: it must agree with restic on the config object, which restic has just
    opened, and on the first object that it would have moved.
    """

    def __init__(self, place: Workplace, ledger: Ledger) -> None:
        self._repository = place.repository(ledger)
        self._config = os.path.join(place.location, "config")
        self._seal: seal.Seal | None = None
        self._confirmed = False

    def passes(self, kind: str, name: str, data: bytes) -> bool:
        if self._seal is None:
            self._seal = self._made()
        if self._seal.holds(data):
            return True
        if not self._confirmed:
            self._confirm(kind, name)
        return False

    def _confirm(self, kind: str, name: str) -> None:
        if restic.run(self._repository.cat(kind, name), CAT_TIMEOUT).code == restic.OK:
            raise BackupError(
                f"restic reads {kind} {name[:8]}, whose seal does not hold: nothing is moved (is this a newer"
                " format than this command knows?)"
            )
        self._confirmed = True

    def _made(self) -> seal.Seal:
        result = restic.run(self._repository.cat_master_key(), CAT_TIMEOUT)
        _own_key_works(result)
        made = seal.of_master_key(result.stdout)
        with open(self._config, "rb") as file:
            if not made.holds(file.read()):
                raise BackupError(
                    f"{self._config}: restic opens it, but its seal does not hold: no object can be judged"
                    " (is this a newer format than this command knows?)"
                )
        return made


def _read(place: Workplace, ledger: Ledger, found: _Found, seen: Seen, deadline: float) -> None:
    """Have restic read the indexes and locks that may be honest, as far as there is time."""
    repository = place.repository(ledger)
    # An index that says nothing stops every restic; one sees to a lock afterwards.
    unread = sorted(found.unread)
    suspects: list[Foreign] = []

    def look(one: tuple[str, str]) -> restic.Result | None:
        if time.monotonic() > deadline:
            return None
        return restic.run(repository.cat(*one), CAT_TIMEOUT)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(look, unread))
    for (kind, name), result in zip(unread, results, strict=True):
        if result is None:
            continue
        if result.code != restic.OK:
            suspects.append(Foreign(kind, name, FORGED))
        elif kind == "lock":
            found.foreign += _judged_lock(place, name, result.stdout, seen)
        elif kind == "index":
            found.foreign += _judged_index(name, result.stdout, seen)
    found.foreign += proven(place, ledger, suspects)


def _judged_index(name: str, body: bytes, seen: Seen) -> list[Foreign]:
    try:
        sound = isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        sound = False
    if not sound:
        return [Foreign("index", name, "an index that says nothing")]
    seen.remember("index", name)
    return []


def _judged_lock(place: Workplace, name: str, body: bytes, seen: Seen) -> list[Foreign]:
    made, why = dishonest_lock(body, socket.gethostname())
    if why is not None:
        return [Foreign("lock", name, why)]
    seen.remember("lock", name, made)
    return []


def dishonest_lock(body: bytes, own_host: str) -> tuple[datetime | None, str | None]:
    """When the lock says that it was made, and why no honest client made it, or None."""
    try:
        lock: Mapping[str, Any] = json.loads(body)
        made = parse_instant(lock["time"], "time")
    except (ValueError, KeyError, TypeError, RecursionError, InputError):
        return None, "a lock that says nothing"
    if lock.get("exclusive") and lock.get("hostname") != own_host:
        host = one_line(str(lock.get("hostname")), 60)
        return made, f"an exclusive lock of {host}, which may only add"
    return made, None


def _own_key_works(result: restic.Result) -> None:
    if result.code != restic.OK:
        raise BackupError(
            f"objects cannot be authenticated, because the server's own key does not work: {result.stderr}"
        )


def proven(place: Workplace, ledger: Ledger, suspects: Sequence[Foreign]) -> list[Foreign]:
    """The suspects, if the fault is truly theirs: our key works, and each object is whole on disk.

    A wrong password or a failing disk must never empty a repository into quarantine.
    """
    if not suspects:
        return []
    _own_key_works(restic.run(place.repository(ledger).cat_config(), CAT_TIMEOUT))
    found = []
    for one in suspects:
        with contextlib.suppress(OSError):
            if hash_of(path_of(place, one.kind, one.name))[0] == one.name:
                found.append(one)
    return found
