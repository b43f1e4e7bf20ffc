# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand-back: a commune's data as plain files in a folder, with checksums that the commune can check.

Of each source the newest sound backup, and if asked the first one of each month that is still there. Every
file is compared with its snapshot before it counts as handed back. Can be stopped anywhere and started again:
what was compared already is not restored again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from . import checksums, handback_text, locking, restore, tree_comparison
from .clock import Clock
from .config import Config
from .errors import BackupError, InputError
from .files import write_durably
from .handback_text import Part
from .ledger import Ledger
from .restore import Candidate
from .times import utc_text
from .workplace import Workplace

ACT = "handed-back"
READ_ME = "LISEZMOI.txt"
_PARTS = ".restitution"


@dataclass
class HandedBack:
    """What lies in the folder. `sha256` is that of the list of checksums; empty as long as there is none."""

    commune: str
    server: str
    folder: str
    at: str
    by: str
    sha256: str = ""
    parts: list[Part] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    changed: bool = True

    def as_json(self) -> dict[str, Any]:
        parts = [{**asdict(part), "folder": part.folder} for part in self.parts]
        return {**asdict(self), "parts": parts}


def choose(found: Sequence[Candidate], monthly: bool) -> list[Candidate]:
    """The snapshots to hand back, newest first: the newest sound one, failing that the newest incomplete one;
    with `monthly` also the first sound one of every other month."""
    good = [one for one in found if one.sound and one.outcome in ("ok", None)]
    if not good:
        return sorted((one for one in found if one.sound), key=lambda one: one.day)[-1:]
    newest = restore.choose(found, None, None, unclean_too=True)
    firsts: dict[tuple[int, int], Candidate] = {}
    for one in sorted(good, key=lambda one: one.day) if monthly else ():
        firsts.setdefault((one.day.year, one.day.month), one)
    others = [one for one in firsts.values() if one.id != newest.id]
    return [newest, *sorted(others, key=lambda one: one.day, reverse=True)]


def planned(config: Config, clock: Clock, commune: str, target: str, who: str, monthly: bool) -> HandedBack:
    """What would be handed back; nothing is written."""
    if not os.path.isabs(target) or os.path.normpath(target) != target:
        raise InputError(f"--to: {target!r} is not an absolute path in its shortest form")
    if not os.path.isdir(target):
        raise InputError(f"--to: {target} is not there (mount the disk, or make the folder)")
    sources = config.select(commune)
    folder = os.path.join(target, f"restitution-{commune}")
    done = HandedBack(commune, config.server, folder, utc_text(clock.now()), who)
    for source in sources:
        place = Workplace(config, source, clock)
        ledger = place.ledger()
        chosen = choose(restore.candidates(place), monthly)
        if not chosen:
            done.empty.append(source.name)
        done.parts += [
            Part(source.name, one.id, _original(ledger, one.id), str(one.day), one.outcome, size=one.size)
            for one in chosen
        ]
    if not done.parts:
        raise InputError(f"{commune}: there is no backup to hand back")
    return done


def hand_back(
    config: Config,
    clock: Clock,
    commune: str,
    target: str,
    who: str,
    monthly: bool = False,
    progress: Callable[[str], None] | None = None,
) -> HandedBack:
    """Write the commune's data below the target, compare it with the snapshots, record it in the ledgers.

    Raises BackupError when a file differs from its snapshot: nothing then counts as handed back.
    """
    wanted = planned(config, clock, commune, target, who, monthly)
    lock = os.path.join(config.state_directory, "locks", f"{commune}.handback.lock")
    with locking.FileLock(lock, f"hand-back of {commune}", patience=30):
        places = {one.name: Workplace(config, one, clock) for one in config.select(commune)}
        earlier = _earlier(wanted, places)
        if earlier is not None:
            return earlier
        parts_folder = os.path.join(wanted.folder, _PARTS)
        os.makedirs(parts_folder, exist_ok=True)
        _check_space(wanted, parts_folder)
        done = [_part(places[one.source], one, wanted, parts_folder, progress) for one in wanted.parts]
        wanted.parts = done
        _finish(wanted, config, parts_folder)
        for place in places.values():
            _record(place, wanted)
        shutil.rmtree(parts_folder)
    return wanted


def _original(ledger: Ledger, snapshot: str) -> str | None:
    entries = (e for e in ledger.entries if e.act == "receipt" and e.fields["snapshot"] == snapshot)
    return next((e.fields.get("original") for e in entries), None)


def _entry(wanted: HandedBack, ledger: Ledger, source: str) -> dict[str, Any] | None:
    """The ledger's word on these very snapshots, handed back into this very folder."""
    ids = [one.snapshot for one in wanted.parts if one.source == source]
    for entry in reversed(ledger.entries):
        if entry.act == ACT and list(entry.snapshots) == ids and entry.fields["folder"] == wanted.folder:
            return {**entry.fields, "at": utc_text(entry.at)}
    return None


def _earlier(wanted: HandedBack, places: dict[str, Workplace]) -> HandedBack | None:
    """What an earlier call has handed back, if it lies there complete and the ledgers have it."""
    try:
        with open(os.path.join(wanted.folder, checksums.NAME), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return None
    parts: list[Part] = []
    entry: dict[str, Any] | None = None
    for name in dict.fromkeys(part.source for part in wanted.parts):
        entry = _entry(wanted, places[name].ledger(), name)
        if entry is None or entry["sha256"] != digest:
            return None
        parts += [Part(**part) for part in entry["parts"]]
    if entry is None:
        return None
    return HandedBack(
        wanted.commune,
        wanted.server,
        wanted.folder,
        entry["at"],
        entry["by"],
        digest,
        parts,
        wanted.empty,
        changed=False,
    )


def _check_space(wanted: HandedBack, parts_folder: str) -> None:
    missing = [part for part in wanted.parts if not os.path.exists(_listing_of(parts_folder, part))]
    there = sum(_size_of(os.path.join(wanted.folder, part.folder)) for part in missing)
    restore.check_space(wanted.folder, sum(part.size for part in missing) - there)


def _size_of(folder: str) -> int:
    return sum(
        os.lstat(os.path.join(current, name)).st_size
        for current, _unused, names in os.walk(folder)
        for name in names
    )


def _listing_of(parts_folder: str, part: Part) -> str:
    return os.path.join(parts_folder, f"{part.source}.{part.snapshot}")


def _part(
    place: Workplace,
    part: Part,
    wanted: HandedBack,
    parts_folder: str,
    progress: Callable[[str], None] | None,
) -> Part:
    """Restore and compare one snapshot. Its list of checksums is there once it was compared, never before."""
    listing = _listing_of(parts_folder, part)
    if not os.path.exists(listing):
        target = os.path.join(wanted.folder, part.folder)
        with locking.against_prune(place.config, place.source, patience=30) as lock:
            candidate = next(one for one in restore.candidates(place) if one.id == part.snapshot)
            restore.restore(
                *(place, candidate),
                restore.Where(target, overwrite="always", direct=True, space_check=False),
                progress=progress,
                keep_open=lock.inherited,
                who=wanted.by,
            )
            os.sync()
            with open(f"{listing}.new", "wb") as file:
                compared = tree_comparison.compare(
                    *(place.repository(place.ledger()), part.snapshot, target, file, f"{part.folder}/"),
                    progress=progress,
                    keep_open=lock.inherited,
                )
                file.flush()
                os.fsync(file.fileno())
        if compared.differing:
            raise BackupError(
                f"{place.source.series}: {compared.differing} of what was restored differ from the snapshot,"
                f" nothing counts as handed back: {'; '.join(compared.differences[:3])}"
            )
        counted = {"files": compared.files, "folders": compared.folders, "links": compared.links}
        _note(f"{listing}.json", Part(**{**asdict(part), **counted, "size": compared.size}))
        os.replace(f"{listing}.new", listing)
    return _noted(f"{listing}.json")


def _note(path: str, part: Part) -> None:
    write_durably(path, json.dumps(asdict(part)).encode())


def _noted(path: str) -> Part:
    with open(path, encoding="utf-8") as file:
        return Part(**json.load(file))


def _finish(wanted: HandedBack, config: Config, parts_folder: str) -> None:
    """The list of all the checksums, and what to do with it, in French."""
    read_me = handback_text.read_me(config.communes[wanted.commune].name, wanted.parts).encode()
    _write(os.path.join(wanted.folder, READ_ME), read_me)
    digest = hashlib.sha256()
    path = os.path.join(wanted.folder, checksums.NAME)
    with open(f"{path}.new", "wb") as file:
        for block in _blocks(wanted, read_me, parts_folder):
            file.write(block)
            digest.update(block)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(f"{path}.new", 0o644)
    os.replace(f"{path}.new", path)
    wanted.sha256 = digest.hexdigest()


def _write(path: str, body: bytes) -> None:
    write_durably(path, body)
    os.chmod(path, 0o644)


def _blocks(wanted: HandedBack, read_me: bytes, parts_folder: str) -> Iterator[bytes]:
    yield checksums.line(READ_ME, hashlib.sha256(read_me).hexdigest())
    for part in wanted.parts:
        with open(_listing_of(parts_folder, part), "rb") as file:
            while block := file.read(tree_comparison.BLOCK):
                yield block


def _record(place: Workplace, wanted: HandedBack) -> None:
    mine = [part for part in wanted.parts if part.source == place.source.name]
    known = _entry(wanted, place.ledger(), place.source.name)
    if not mine or (known is not None and known["sha256"] == wanted.sha256):
        return
    fields = {
        "snapshots": [part.snapshot for part in mine],
        "folder": wanted.folder,
        "sha256": wanted.sha256,
        "parts": [asdict(part) for part in mine],
        "by": wanted.by,
    }
    place.append([place.draft(ACT, fields)])
