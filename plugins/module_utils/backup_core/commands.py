# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure builders of restic's commands.

No secret ever stands in argv: repository and password are handed over by files that restic reads itself.
`latest` is never used (a forged time would choose for us), nor any `--insecure-*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .config import RepositoryAccess
from .errors import InputError, one_line

SNAPSHOT_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Command:
    """One call of restic: arguments after the program's name, and the variables it needs."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        return next((one for one in self.arguments if not one.startswith("-")), "")


@dataclass(frozen=True)
class Backup:
    """What one `restic backup` reads and how its snapshot is to be named."""

    paths: tuple[str, ...]
    host: str
    full: bool
    exclude: tuple[str, ...] = ()
    time: str | None = None
    volume_snapshot: bool = False


def is_snapshot_id(text: object) -> bool:
    return isinstance(text, str) and SNAPSHOT_ID.fullmatch(text) is not None


def _ids(ids: Sequence[str]) -> list[str]:
    """Full ids only: a prefix could mean another snapshot tomorrow, `latest` is whatever a client claims."""
    for one in ids:
        if not is_snapshot_id(one):
            raise InputError(f"{one_line(str(one), 80)!r} is not a full snapshot id (64 hexadecimal digits)")
    return list(ids)


def environment(access: RepositoryAccess, cache_directory: str | None) -> dict[str, str]:
    """Variables by which restic finds repository, password, certificate and cache."""
    variables = {"RESTIC_PASSWORD_FILE": access.password_file, "RESTIC_PROGRESS_FPS": "2", "LC_ALL": "C"}
    if cache_directory is not None:
        variables["RESTIC_CACHE_DIR"] = cache_directory
    if access.location is not None:
        variables["RESTIC_REPOSITORY"] = access.location
    if access.location_file is not None:
        variables["RESTIC_REPOSITORY_FILE"] = access.location_file
    if access.cacert is not None:
        variables["RESTIC_CACERT"] = access.cacert
    if access.key_hint is not None:
        # Goes straight to our key: garbage or a hundred foreign keys in keys/ cannot keep us from ours.
        variables["RESTIC_KEY_HINT"] = access.key_hint
    return variables


def _source_environment(access: RepositoryAccess) -> dict[str, str]:
    """Variables for the repository that `copy` and `init` read from."""
    variables = {"RESTIC_FROM_PASSWORD_FILE": access.password_file}
    if access.location is not None:
        variables["RESTIC_FROM_REPOSITORY"] = access.location
    if access.location_file is not None:
        variables["RESTIC_FROM_REPOSITORY_FILE"] = access.location_file
    if access.cacert is not None:
        variables["RESTIC_CACERT"] = access.cacert
    if access.key_hint is not None:
        variables["RESTIC_FROM_KEY_HINT"] = access.key_hint
    return variables


@dataclass(frozen=True)
class Repository:
    """Builds the commands for one repository. Nothing is run here. Without a folder nothing is cached."""

    access: RepositoryAccess
    cache_directory: str | None

    def _command(self, *arguments: str, extra: Mapping[str, str] | None = None) -> Command:
        if self.cache_directory is None:
            arguments = ("--no-cache", *arguments)
        return Command(arguments, {**environment(self.access, self.cache_directory), **(extra or {})})

    def _uncached(self) -> Repository:
        """For what reads another server's repository: restic keeps its cache in a folder named by the id that
        the repository's own config claims, follows a path in that id, and clears away there whatever the
        repository's index does not know."""
        return replace(self, cache_directory=None)

    def init(self, chunker_from: RepositoryAccess | None = None) -> Command:
        if chunker_from is None:
            return self._command("init", "--json")
        extra = _source_environment(chunker_from)
        return self._uncached()._command("init", "--json", "--copy-chunker-params", extra=extra)

    def cat_config(self) -> Command:
        return self._command("cat", "config", "--no-lock")

    def cat_master_key(self) -> Command:
        return self._command("cat", "masterkey", "--no-lock")

    def cat(self, kind: str, object_id: str) -> Command:
        return self._command("cat", kind, *_ids([object_id]), "--no-lock")

    def key_list(self) -> Command:
        return self._command("key", "list", "--json", "--no-lock")

    def key_add(self, password_file: str, user: str, host: str) -> Command:
        names = ("--user", user, "--host", host)
        return self._command("key", "add", "--new-password-file", password_file, *names)

    def snapshots(self, ids: Sequence[str] = ()) -> Command:
        return self._command("snapshots", "--json", "--no-lock", *_ids(ids))

    def backup(self, what: Backup) -> Command:
        arguments = ["backup", "--json", f"--host={what.host}"]
        if what.full:
            arguments.append("--force")
        if what.volume_snapshot:
            arguments.append("--use-fs-snapshot")
        # As arguments, not in a file: restic would replace $NAME in an exclude file.
        arguments += [f"--exclude={pattern}" for pattern in what.exclude]
        if what.time is None:
            return self._command(*arguments, "--", *what.paths)
        return self._command(*arguments, f"--time={what.time}", "--", *what.paths, extra={"TZ": "UTC"})

    def copy(self, source: RepositoryAccess, ids: Sequence[str]) -> Command:
        # --no-lock holds for the source only as far as it is served read-only; the target is ours alone.
        extra = _source_environment(source)
        return self._uncached()._command("copy", "--no-lock", *_ids(ids), extra=extra)

    def restore(
        self, snapshot: str, target: str, path: str | None = None, overwrite: str = "always"
    ) -> Command:
        """Everything, or one file or folder of it, below the target under its own full path."""
        arguments = ["restore", "--json", "--no-lock", "--verify", "--sparse", "--overwrite", overwrite]
        if path is not None:
            arguments.append(f"--include={literal_pattern(path)}")
        return self._command(*arguments, f"--target={target}", *_ids([snapshot]))

    def dump(self, snapshot: str) -> Command:
        """The snapshot as a tar archive on standard output. Devices, pipes and sockets are not in it."""
        return self._command("dump", "--no-lock", "--archive=tar", *_ids([snapshot]), "/")

    def dump_file(self, snapshot: str, path: str) -> Command:
        """The content of one file on standard output."""
        return self._command("dump", "--no-lock", *_ids([snapshot]), "--", path)

    def ls(self, snapshot: str) -> Command:
        """Every file and folder of the snapshot, one JSON object a line."""
        return self._command("ls", "--json", "--no-lock", *_ids([snapshot]))

    def find(self, pattern: str, ids: Sequence[str]) -> Command:
        """What matches, in each of these snapshots, whether letters are small or not."""
        named = [f"--snapshot={one}" for one in _ids(ids)]
        return self._command("find", "--json", "--no-lock", "--ignore-case", *named, "--", pattern)

    def diff(self, before: str, after: str) -> Command:
        """What is new, changed or gone in the second, one JSON object a line."""
        return self._command("diff", "--json", "--no-lock", *_ids([before, after]))

    def restore_contents(
        self, snapshot: str, target: str, patterns: Sequence[str], verify: bool = False
    ) -> Command:
        """The files that match (all without patterns), without attributes that only their own system takes.

        verify: read back what was written.
        """
        arguments = ["restore", "--json", "--no-lock", "--exclude-xattr=*", *(["--verify"] if verify else [])]
        arguments += [f"--include={pattern}" for pattern in patterns]
        return self._command(*arguments, f"--target={target}", *_ids([snapshot]))

    def check(self, subset: str | None = None) -> Command:
        arguments = ["check", "--json", "--no-lock"]
        return self._command(*arguments, *([f"--read-data-subset={subset}"] if subset else []))

    def stats(self, snapshot: str) -> Command:
        return self._command("stats", "--json", "--no-lock", "--mode", "restore-size", *_ids([snapshot]))

    def list_locks(self) -> Command:
        return self._command("list", "locks", "--no-lock")

    def list_snapshots(self) -> Command:
        """The ids alone: opens no snapshot, and so stumbles over none."""
        return self._command("list", "snapshots", "--no-lock")

    def forget(self, ids: Sequence[str]) -> Command:
        if not ids:
            raise ValueError("forget without ids would mean every snapshot")
        return self._command("forget", "--json", *_ids(ids))

    def prune(self) -> Command:
        return self._command("prune")

    def repair_index(self) -> Command:
        """Takes into the index what lies in the repository and is in no index; reads the packs' headers."""
        return self._command("repair", "index")

    def lacking(self, ids: Sequence[str]) -> Command:
        """Names the files of these snapshots whose content is not there; changes nothing."""
        return self._command("repair", "snapshots", "--dry-run", "--no-lock", *_ids(ids))

    def unlock(self, every: bool = False) -> Command:
        """Removes stale locks only; the caller makes sure that no restic of ours is running.

        every: all of them, where nobody but us can have left one: restic calls a dead process's lock alive
        while another process has its number.
        """
        return self._command("unlock", *(["--remove-all"] if every else []))


def literal_pattern(path: str) -> str:
    """The pattern that matches this path and nothing else."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", path)
