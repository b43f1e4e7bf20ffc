# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Erases a commune from a server: keys first, then the data, then the disks or the space they free.

What lies in a repository is encrypted by restic; once its keys and passwords are gone, nobody reads it. So
they go first, and what follows is done for the disks' sake (docs/offboarding.md tells what that is worth).
Can be stopped anywhere and started again: progress is written down before each step, and kept as its proof.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from . import departure, hold, local_ledger, locking, machine, restic
from .clock import Clock
from .config import DEFAULT_DIRECTORY, Config, Source, load
from .departure import Order, Standing
from .errors import BackupError, InputError, RefusedError, shown
from .files import make_folder, write_durably
from .ledger import Ledger, parse
from .serialise import encode
from .storage import probe, settings, wipe
from .times import utc_text
from .workplace import Workplace

STATE = "/var/lib/ccpp-backup"
# What is at work when the erasure begins, a pull say, is waited for that long (seconds).
PATIENCE = 600.0
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_LEDGER = re.compile(r"([a-z][a-z0-9-]{0,30})\.jsonl")


@dataclass
class Erasure:
    """How far an erasure is, and in the end what was erased: the server's part of the certificate."""

    commune: str
    site: str
    server: str
    agreed_on: str
    handback: str
    who: str
    begun_at: str
    sources: dict[str, dict[str, Any]]
    archive: str
    store: str
    caches: list[str] = field(default_factory=list)
    disks: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: int = 0
    subvolumes: int = 0
    discarded: bool | None = None
    erased_at: str | None = None

    @property
    def done(self) -> bool:
        return self.erased_at is not None


def folder_of(state: str) -> str:
    return os.path.join(state, "departures")


def known(commune: str, state: str = STATE) -> Erasure | None:
    """The erasure that was begun here, or None."""
    if not _SLUG.fullmatch(commune):
        raise InputError(f"commune: {shown(commune)} is not the short name of a commune")
    path = _path(state, commune)
    try:
        with open(path, "rb") as file:
            return Erasure(**json.load(file))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{path}: cannot be read ({error}): restore it, or take it away and see") from None


def _path(state: str, commune: str, suffix: str = ".json") -> str:
    return os.path.join(folder_of(state), f"{commune}{suffix}")


def refused(order: Order, config: Config, clock: Clock) -> list[str]:
    """Why nothing may be erased here; the ledgers are only read."""
    return departure.refusals(order, config.site, _standings(config, order.commune, clock), clock.today())


def erase(order: Order, clock: Clock, check: bool = False, state: str = STATE) -> tuple[Erasure, bool]:
    """Erase the commune here; what was erased, and whether anything had to be done. With `check` only say so.

    RefusedError where the order may not be carried out; nothing was touched then.
    """
    order.checked()
    with ExitStack() as held:
        if not check:
            # Whoever started it may have been cut off while it goes on here.
            lock = os.path.join(folder_of(state), "lock")
            held.enter_context(locking.FileLock(lock, f"erasure of {order.commune}", PATIENCE))
        progress = known(order.commune, state)
        configured = os.path.exists(os.path.join(DEFAULT_DIRECTORY, "communes", f"{order.commune}.json"))
        if progress is not None and progress.done and not configured:
            return progress, False
        if progress is None or progress.done:
            # A commune that came back has an earlier departure on file.
            config = load()
            config.select(order.commune)
            if not check:
                # What is received meanwhile must be seen.
                _lock(held, config, order.commune)
            reasons = refused(order, config, clock)
            if reasons:
                raise RefusedError("; ".join(reasons))
            progress = _begun(order, config, clock, state, check)
        if not check:
            _Work(progress, state).all(clock)
    return progress, True


def _lock(held: ExitStack, config: Config, commune: str) -> None:
    for source in config.select(commune):
        held.enter_context(locking.of_source(config, source, PATIENCE))
        held.enter_context(locking.of_prune(config, source, PATIENCE))


def _begun(order: Order, config: Config, clock: Clock, state: str, check: bool) -> Erasure:
    standings = _standings(config, order.commune, clock)
    archive = b"".join(
        encode(line) + b"\n" for one in standings for line in departure.reduced(one.source, one.own)
    )
    sources = config.select(order.commune)
    location = Workplace(config, sources[0], clock).location
    progress = Erasure(
        commune=order.commune,
        site=config.site,
        server=config.server,
        agreed_on=str(order.agreed_on),
        handback=order.handback,
        who=order.who,
        begun_at=utc_text(clock.now()),
        sources={one.source: departure.counted(one.own) for one in standings},
        archive=hashlib.sha256(archive).hexdigest(),
        store=os.path.dirname(os.path.dirname(location)),
    )
    stored = settings.load() if config.site == "local" else None
    if stored is not None:
        progress.disks = dict(map(_disk_of, stored.wanted.disks, [stored.uuid] * len(stored.wanted.disks)))
    if not check:
        progress.caches = [one for one in (_cache(config, source, clock) for source in sources) if one]
        make_folder(folder_of(state))
        write_durably(_path(state, order.commune, ".jsonl.gz"), gzip.compress(archive, mtime=0))
        _save(progress, state)
    return progress


def _disk_of(name: str, store: str | None) -> tuple[str, dict[str, Any]]:
    """A disk of the store, to be overwritten. One that is gone is noted: its owner has to know."""
    disk = probe.disk(name)
    if disk.path is None or not disk.size:
        return name, {"missing": True}
    if disk.uuid != store:
        raise RefusedError(f"{name}: does not hold the store, but {', '.join(disk.signatures) or 'nothing'}")
    return name, {"zeroed": 0, "discarded": None}


def _save(progress: Erasure, state: str) -> None:
    write_durably(_path(state, progress.commune), json.dumps(asdict(progress), indent=1).encode())


def _cache(config: Config, source: Source, clock: Clock) -> str | None:
    """The name of restic's cache of the repository; None where its key is gone or damaged."""
    answer = restic.run(Workplace(config, source, clock).repository().cat_config())
    try:
        found = str(json.loads(answer.stdout)["id"])
    except (ValueError, KeyError, TypeError):
        return None
    return found if re.fullmatch(r"[0-9a-f]{64}", found) else None


def _standings(config: Config, commune: str, clock: Clock) -> list[Standing]:
    """Of every source that has a ledger here, those too that the commune's file names no more."""
    configured = {source.name: source for source in config.select(commune)}
    one = next(iter(configured.values()), None)
    if one is None or one.ledger is None:
        raise InputError(f"{commune}: this machine keeps no ledger of it (run it on a server)")
    folder = os.path.dirname(one.ledger)
    listed = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    names = {found[1] for name in listed if (found := _LEDGER.fullmatch(name))}
    return [
        _standing(config, configured.get(name) or _former(one, name), clock)
        for name in sorted(names | set(configured))
    ]


def _former(one: Source, name: str) -> Source:
    def beside(path: str | None) -> str | None:
        return None if path is None else os.path.join(os.path.dirname(path), f"{name}.jsonl")

    return replace(one, name=name, ledger=beside(one.ledger), shipped=beside(one.shipped))


def _standing(config: Config, source: Source, clock: Clock) -> Standing:
    place = Workplace(config, source, clock)
    own = place.ledger_file()
    other = source.shipped if config.site == "local" else local_ledger.path_of(own.path)
    theirs = Ledger()
    if other is not None and os.path.exists(other):
        with open(other, "rb") as file:
            theirs = parse(file.read(), other)
    return Standing(source.name, own.read(), theirs, tuple(hold.reasons(place)))


class _Work:
    """The steps, in their order. Each finds what an earlier run has done already."""

    def __init__(self, progress: Erasure, state: str) -> None:
        self._progress = progress
        self._state = state

    def all(self, clock: Clock) -> None:
        progress = self._progress
        if progress.site == "local":
            machine.stop_units(store=False)
        self._keys()
        if progress.disks:
            machine.stop_units(store=True)
            for disk in progress.disks:
                self._disk(disk)
        else:
            self._trees()
            progress.discarded = machine.discard(progress.store)
        machine.discard(DEFAULT_DIRECTORY)
        if progress.site == "local":
            machine.forget(self._state)
        progress.erased_at = utc_text(clock.now())
        _save(progress, self._state)

    def _keys(self) -> None:
        """Overwrite and remove what opens the repositories, and what says how."""
        progress, slug = self._progress, self._progress.commune
        place = "repositories" if progress.site == "local" else slug
        for pattern in ("*/keys/*", "*/config"):
            progress.keys += machine.shred(glob.glob(os.path.join(progress.store, place, pattern)))
        _save(progress, self._state)
        # Without its file no timer begins anything with the commune.
        machine.remove(os.path.join(DEFAULT_DIRECTORY, "communes", f"{slug}.json"))
        secrets = os.path.join(DEFAULT_DIRECTORY, "secrets", slug)
        machine.shred(glob.glob(os.path.join(secrets, "*")))
        machine.remove(secrets)

    def _trees(self) -> None:
        for path in self._paths():
            self._progress.subvolumes += machine.remove(path)
            _save(self._progress, self._state)

    def _paths(self) -> Iterator[str]:
        progress, slug = self._progress, self._progress.commune
        store = progress.store
        if progress.site == "local":
            for name in ("undo", "quarantine", "repositories", "ledgers", "shipped", "reports"):
                yield os.path.join(store, name)
            return
        for name in ("undo", "quarantine"):
            yield from sorted(glob.glob(os.path.join(store, name, f"{slug}.*")))
        yield os.path.join(store, slug)
        yield os.path.join(store, "ledgers", slug)
        for name in ("locks", "pulls", "authentic", "runs"):
            yield from sorted(glob.glob(os.path.join(self._state, name, f"{slug}.*")))
        yield os.path.join(self._state, "journals", slug)
        for cache in progress.caches:
            yield from glob.glob(os.path.join("/var/cache/ccpp-backup", "**", cache), recursive=True)

    def _disk(self, disk: str) -> None:
        noted = self._progress.disks[disk]
        if noted.get("missing") or noted["discarded"] is not None:
            return

        def note(offset: int) -> None:
            noted["zeroed"] = offset
            _save(self._progress, self._state)

        noted["discarded"] = wipe.wipe(disk, noted["zeroed"], note)
        _save(self._progress, self._state)


def leave_workstation(check: bool = False) -> list[str]:
    """Take everything of ours off a workstation; the paths that were (or would be) removed."""
    found = machine.own_paths()
    if found and not check:
        machine.stop_units(store=True)
        machine.forget(None)
    return found


def order_from(commune: str, agreed_on: str, handback: str, who: str) -> Order:
    """The order in these texts. InputError names the one that is wrong."""
    try:
        day = date.fromisoformat(agreed_on) if re.fullmatch(r"\d{4}-\d\d-\d\d", agreed_on) else None
    except ValueError:
        day = None
    if day is None:
        raise InputError(f"agreed_on: {shown(agreed_on)} is not a day (write YYYY-MM-DD)")
    return Order(commune, day, handback, who).checked()
