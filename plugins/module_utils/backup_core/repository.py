# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a restic repository on a server's own disk into the state wanted: initialised, with keys and modes.

Idempotent, and safe to interrupt anywhere: the next run finishes what an earlier one began. A key made on
purpose is put into the repository's ledger; any other is a stranger's (quarantine.py moves it out).
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import restic
from .commands import Repository
from .config import RepositoryAccess
from .errors import BackupError, InputError
from .files import give_to_folder_owner
from .ledger import Draft, Ledger
from .ledger_file import LedgerFile
from .locking import FileLock
from .workplace import KEY_ACT, OWN_KEY

TIMEOUT = 300.0
OWNERS_SET = "set owner and modes"
FOLDERS = ("data", "index", "keys", "locks", "snapshots")
# A config object is a nonce, a MAC and some JSON: anything shorter is no config.
SMALLEST_CONFIG = 33


@dataclass(frozen=True)
class Key:
    """A key that must open the repository: the name it is added under, and the file with its password."""

    name: str
    password_file: str


@dataclass(frozen=True)
class Wanted:
    """A repository as it should be. Modes are integers; owner and group are names, None leaves them alone."""

    location: str
    password_file: str
    ledger: str
    site: str
    who: str
    keys: tuple[Key, ...] = ()
    chunker_from: RepositoryAccess | None = None
    owner: str | None = None
    group: str | None = None
    directory_mode: int = 0o2770
    config_mode: int = 0o640

    def all_keys(self) -> tuple[Key, ...]:
        return (Key(OWN_KEY, self.password_file), *self.keys)


@dataclass
class Ensured:
    """What was done, or in check mode would be done: one sentence each."""

    actions: list[str] = field(default_factory=list)
    key_ids: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.actions)


def ensure(wanted: Wanted, check: bool = False) -> Ensured:
    """Make it so; with `check` only say what would be done. BackupError says what stands in the way."""
    _validate(wanted)
    if check:
        return _ensure(wanted, ())
    # Inherited by restic: where an earlier run was killed, its restic is waited for, not raced.
    with FileLock(f"{wanted.ledger}.setup.lock", wanted.location, patience=TIMEOUT) as lock:
        return _ensure(wanted, lock.inherited, check=False)


def _ensure(wanted: Wanted, keep_open: tuple[int, ...], check: bool = True) -> Ensured:
    done = Ensured()
    ledger_file = LedgerFile(wanted.ledger)
    state = state_of(wanted.location)
    if state in ("absent", "unfinished"):
        if check:
            return foreseen(wanted)
        done.actions.append("initialise the repository")
        _initialise(wanted, keep_open, unfinished=state == "unfinished")
    _ensure_keys(wanted, ledger_file, done, keep_open, check)
    _ensure_modes(wanted, done, check)
    return done


def foreseen(wanted: Wanted) -> Ensured:
    """What making a new repository will do: restic's own modes are never those that two writers need."""
    keys = [f"add the key {key.name}" for key in wanted.keys]
    return Ensured(actions=["initialise the repository", *keys, OWNERS_SET])


def state_of(location: str) -> str:
    """absent, unfinished (an initialisation that was cut off), or present. BackupError if data lies there
    without its config object: initialising over it would be the end of that data."""
    try:
        config_size = os.stat(os.path.join(location, "config")).st_size
    except FileNotFoundError:
        config_size = 0
    if config_size >= SMALLEST_CONFIG:
        return "present"
    holding = [name for name in ("data", "index", "snapshots") if _has_files(os.path.join(location, name))]
    if holding:
        raise BackupError(
            f"{location}: {', '.join(holding)} hold objects but config is missing: nothing was changed"
            " (bring config back from a snapshot of the disk; do not initialise)"
        )
    strange = sorted(set(_names(location)) - {*FOLDERS, "config"})
    if strange:
        raise BackupError(
            f"{location}: not a repository, yet not empty (it holds {strange[0]}): choose another place"
        )
    return "unfinished" if _names(location) else "absent"


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _has_files(folder: str) -> bool:
    return any(files for _folder, _folders, files in os.walk(folder))


def _validate(wanted: Wanted) -> None:
    if not os.path.isabs(wanted.location):
        raise InputError(f"location: {wanted.location!r} is not an absolute path")
    names = [key.name for key in wanted.all_keys()]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"keys: the name {name!r} is there twice ({OWN_KEY} is the server's own)")
    for key in wanted.all_keys():
        if not _password(key):
            raise InputError(f"{key.password_file}: empty (write the password of the key {key.name} into it)")


def _password(key: Key) -> bytes:
    try:
        with open(key.password_file, "rb") as file:
            return file.read().strip()
    except OSError as error:
        raise InputError(
            f"{key.password_file}: {error.strerror} (the password of the key {key.name})"
        ) from None


def _repository(wanted: Wanted, password_file: str) -> Repository:
    return Repository(RepositoryAccess(password_file, location=wanted.location), cache_directory=None)


def _initialise(wanted: Wanted, keep_open: tuple[int, ...], unfinished: bool) -> None:
    if unfinished:
        # Keys to nothing: without config and data they protect no byte, and restic refuses to init over them.
        for folder, _unused, files in os.walk(wanted.location):
            for name in files:
                os.unlink(os.path.join(folder, name))
    command = _repository(wanted, wanted.password_file).init(wanted.chunker_from)
    restic.checked(restic.run(command, TIMEOUT, keep_open=keep_open), f"initialising {wanted.location}")


def _ensure_keys(
    wanted: Wanted, ledger_file: LedgerFile, done: Ensured, keep_open: tuple[int, ...], check: bool
) -> None:
    ledger = ledger_file.read()
    present = set(_names(os.path.join(wanted.location, "keys")))
    todo = []
    for key in wanted.all_keys():
        registered = _registered(ledger, key, present)
        if registered is None:
            todo.append(key)
        else:
            done.key_ids[key.name] = registered
    if not todo:
        return
    # After our own init the one key there is ours. Else the list tells which of the keys exist already.
    fresh = (
        len(present) == 1 and len(todo) == len(wanted.all_keys()) and "initialise" in " ".join(done.actions)
    )
    listed = [] if fresh else _list_keys(_repository(wanted, wanted.password_file), wanted)
    for key in todo:
        if fresh and key.name == OWN_KEY:
            found: str | None = next(iter(present))
        else:
            found = _opened_by(wanted, key) if _may_exist(key, listed) else None
        if found is None:
            done.actions.append(f"add the key {key.name}")
            if check:
                continue
            found = _add_key(wanted, key, keep_open)
        elif not fresh:
            done.actions.append(f"record the key {key.name} in the ledger")
            if check:
                continue
        done.key_ids[key.name] = found
        ledger_file.append([_registration(wanted, key, found)])
        for path in (ledger_file.path, ledger_file.path + ".lock"):
            give_to_folder_owner(path)


def _registered(ledger: Ledger, key: Key, present: set[str]) -> str | None:
    """The key's id when the ledger has it, its file is there, and the password is still the one it was made
    with. This keeps a run that changes nothing from starting restic at all."""
    for entry in reversed(ledger.entries):
        if entry.act == KEY_ACT and entry.fields.get("name") == key.name:
            found = str(entry.fields.get("key"))
            same = entry.fields.get("verifier") == verifier(found, _password(key))
            if same and found in present:
                return found
    return None


def verifier(key_id: str, password: bytes) -> str:
    """Tells whether a password is that of the key; as slow to guess from as the key object itself."""
    derived = hashlib.scrypt(password, salt=bytes.fromhex(key_id), n=2**15, r=8, p=1, maxmem=2**26, dklen=8)
    return derived.hex()


def _registration(wanted: Wanted, key: Key, found: str) -> Draft:
    return Draft(
        act=KEY_ACT,
        who=wanted.who,
        at=datetime.now(UTC),
        fields={
            "key": found,
            "name": key.name,
            "site": wanted.site,
            "verifier": verifier(found, _password(key)),
        },
    )


def _list_keys(repository: Repository, wanted: Wanted) -> list[dict[str, Any]]:
    result = restic.run(repository.key_list(), TIMEOUT)
    if result.code == restic.WRONG_PASSWORD:
        raise BackupError(
            f"{wanted.location}: exists, but {wanted.password_file} does not open it"
            " (put the password it was made with back, or choose another place)"
        )
    value = restic.checked(result, f"{wanted.location}: listing the keys").json()
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _may_exist(key: Key, listed: Sequence[dict[str, Any]]) -> bool:
    return key.name == OWN_KEY or any(one.get("userName") == key.name for one in listed)


def _opened_by(wanted: Wanted, key: Key) -> str | None:
    """The id of the key that this password opens."""
    result = restic.run(_repository(wanted, key.password_file).key_list(), TIMEOUT)
    if result.code == restic.WRONG_PASSWORD:
        return None
    value = restic.checked(result, f"{wanted.location}: trying the key {key.name}").json()
    current = [one for one in value if isinstance(one, dict) and one.get("current")]
    return str(current[0]["id"]) if current else None


def _add_key(wanted: Wanted, key: Key, keep_open: tuple[int, ...]) -> str:
    """Add the key (restic opens the repository with it before it says done); returns its id."""
    folder = os.path.join(wanted.location, "keys")
    before = set(_names(folder))
    command = _repository(wanted, wanted.password_file).key_add(key.password_file, key.name, wanted.site)
    result = restic.run(command, TIMEOUT, keep_open=keep_open)
    restic.checked(result, f"{wanted.location}: adding the key {key.name}")
    new = set(_names(folder)) - before
    found = new.pop() if len(new) == 1 else _opened_by(wanted, key)
    if found is None:
        raise BackupError(f"{wanted.location}: the key {key.name} was added, but does not open it")
    return found


def _ensure_modes(wanted: Wanted, done: Ensured, check: bool) -> None:
    """Folders and config belong to whom they should. Every pack folder exists from the start, so that none is
    ever made by the one of the two writers that the other cannot follow."""
    uid = pwd.getpwnam(wanted.owner).pw_uid if wanted.owner is not None else -1
    gid = grp.getgrnam(wanted.group).gr_gid if wanted.group is not None else -1
    fixes = 0
    for path, mode in _tree(wanted):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            fixes += 1
            if check:
                continue
            os.mkdir(path)
            found = os.lstat(path)
        owner_differs = (uid != -1 and found.st_uid != uid) or (gid != -1 and found.st_gid != gid)
        mode_differs = mode is not None and stat.S_IMODE(found.st_mode) != mode
        fixes += owner_differs or mode_differs
        if check:
            continue
        if owner_differs:
            os.chown(path, uid, gid, follow_symlinks=False)
        if mode is not None and (owner_differs or mode_differs):
            # After chown, which clears the set-group-id bit.
            os.chmod(path, mode)
    if fixes:
        done.actions.append(OWNERS_SET)


def _tree(wanted: Wanted) -> Iterator[tuple[str, int | None]]:
    """Paths whose owner is ours to set, with the mode each must have (None: leave it)."""
    yield wanted.location, wanted.directory_mode
    for name in FOLDERS:
        yield os.path.join(wanted.location, name), wanted.directory_mode
    for number in range(256):
        yield os.path.join(wanted.location, "data", f"{number:02x}"), wanted.directory_mode
    yield os.path.join(wanted.location, "config"), wanted.config_mode
    keys = os.path.join(wanted.location, "keys")
    for name in sorted(_names(keys)):
        yield os.path.join(keys, name), 0o440
