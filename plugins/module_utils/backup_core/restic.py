# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic: pure builders of its commands, and the one place that runs them.

No secret ever stands in argv: repository and password are handed over by files that restic reads itself.
`latest` is never used (a forged time would choose for us), nor any `--insecure-*`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .config import RepositoryAccess
from .errors import BackupError, InputError, one_line

OK = 0
PARTIAL = 3
NO_REPOSITORY = 10
LOCKED = 11
WRONG_PASSWORD = 12

# What each exit code means (restic's manual, "Exit codes"); any other is a failure of unknown kind.
MEANINGS = {
    1: "restic failed",
    PARTIAL: "some of the source could not be read",
    NO_REPOSITORY: "there is no repository at this place",
    LOCKED: "the repository is locked",
    WRONG_PASSWORD: "wrong password for the repository",
}

PASSED_ON = ("PATH", "HOME", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LOCALAPPDATA")
# Messages that are only of the moment: a long backup prints millions of them.
PASSING = ("status", "verbose_status")
SNAPSHOT_ID = re.compile(r"[0-9a-f]{64}")
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@\"']*@")
_CONNECTION = ("x509:", "401 Unauthorized", "403 Forbidden", "no such host", "connection refused")
_STDERR_KEPT = 64 * 1024


class ResticError(BackupError):
    """restic ended with a code that is no success; `code` is restic's own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Command:
    """One call of restic: arguments after the program's name, and the variables it needs."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        return next((one for one in self.arguments if not one.startswith("-")), "")


@dataclass(frozen=True)
class Result:
    code: int
    stdout: bytes = b""
    stderr: str = ""

    def json_lines(self) -> list[dict[str, Any]]:
        """The JSON objects that restic printed line by line; other lines are left out."""
        return [value for value in map(_object, self.stdout.splitlines()) if value is not None]

    def json(self) -> Any:
        """The one JSON document that restic printed."""
        try:
            return json.loads(self.stdout)
        except (ValueError, RecursionError):
            raise ResticError("restic printed something that is not JSON", self.code) from None


@dataclass(frozen=True)
class Backup:
    """What one `restic backup` reads and how its snapshot is to be named."""

    paths: tuple[str, ...]
    host: str
    full: bool
    exclude: tuple[str, ...] = ()
    time: str | None = None
    volume_snapshot: bool = False


def redact(text: str) -> str:
    """The text without user and password of any address in it."""
    return _CREDENTIALS.sub(r"\1***@", text)


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

    def init(self, chunker_from: RepositoryAccess | None = None) -> Command:
        if chunker_from is None:
            return self._command("init", "--json")
        extra = _source_environment(chunker_from)
        return self._command("init", "--json", "--copy-chunker-params", extra=extra)

    def cat_config(self) -> Command:
        return self._command("cat", "config", "--no-lock")

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
        return self._command("copy", "--no-lock", *_ids(ids), extra=_source_environment(source))

    def restore(
        self, snapshot: str, target: str, path: str | None = None, overwrite: str = "always"
    ) -> Command:
        """Everything, or one file or folder of it, below the target under its own full path."""
        arguments = ["restore", "--json", "--no-lock", "--verify", "--sparse", "--overwrite", overwrite]
        if path is not None:
            arguments.append(f"--include={literal_pattern(path)}")
        return self._command(*arguments, f"--target={target}", *_ids([snapshot]))

    def check(self, subset: str | None = None) -> Command:
        arguments = ["check", "--json", "--no-lock"]
        return self._command(*arguments, *([f"--read-data-subset={subset}"] if subset else []))

    def stats(self, snapshot: str) -> Command:
        return self._command("stats", "--json", "--no-lock", "--mode", "restore-size", *_ids([snapshot]))

    def list_locks(self) -> Command:
        return self._command("list", "locks", "--no-lock")

    def forget(self, ids: Sequence[str]) -> Command:
        if not ids:
            raise ValueError("forget without ids would mean every snapshot")
        return self._command("forget", "--json", *_ids(ids))

    def prune(self) -> Command:
        return self._command("prune")

    def unlock(self) -> Command:
        """Removes stale locks only; the caller makes sure that no restic of ours is running."""
        return self._command("unlock")


def literal_pattern(path: str) -> str:
    """The pattern that matches this path and nothing else."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", path)


def program() -> str:
    """The restic to run: the variable RESTIC names it, else PATH does."""
    named = os.environ.get("RESTIC")
    found = shutil.which(named or "restic")
    if found is None:
        raise BackupError(f"{named or 'restic'}: no such program (install the package restic, 0.18 or later)")
    return found


def full_environment(command: Command, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Nothing is inherited but what a program needs: a stray RESTIC_* variable must not redirect a backup."""
    outside = os.environ if inherited is None else inherited
    kept = {name: outside[name] for name in PASSED_ON if name in outside}
    return {**kept, **command.environment}


def run(
    command: Command,
    timeout: float | None = None,
    on_message: Callable[[dict[str, Any]], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
) -> Result:
    """Run restic to its end. `on_message` gets every JSON object of standard output as it comes,
    `on_text` every other line.

    `keep_open` are descriptors that restic inherits: with a lock's descriptor among them the lock lives
    as long as restic does, also when this process is killed. A time-out ends restic and raises.
    """
    try:
        process = subprocess.Popen(
            [program(), *command.arguments],
            env=full_environment(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(keep_open),
        )
    except OSError as error:
        raise BackupError(f"restic cannot be started: {error.strerror}") from None
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[bytes] = []
    reader = threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True)
    reader.start()
    expired = threading.Event()
    watch = threading.Timer(timeout, _expire, (process, expired)) if timeout is not None else None
    if watch is not None:
        watch.start()
    try:
        kept = []
        for line in process.stdout:
            message = _object(line) if on_message is not None else None
            if message is not None and on_message is not None:
                on_message(message)
            elif on_text is not None:
                on_text(one_line(line.decode("utf-8", "replace"), 100))
            if message is None or message.get("message_type") not in PASSING:
                kept.append(line)
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    finally:
        if watch is not None:
            watch.cancel()
        reader.join(timeout=5)
        process.stdout.close()
    if expired.is_set():
        raise ResticError(f"restic {command.name} took more than {timeout:.0f} s and was ended", code)
    return Result(code, b"".join(kept), condensed(b"".join(errors).decode("utf-8", "replace")))


def checked(result: Result, what: str, accept: Sequence[int] = (OK,)) -> Result:
    """The result, or ResticError saying in one line what could not be done and why."""
    if result.code in accept:
        return result
    meaning = MEANINGS.get(result.code, f"restic ended with the unknown code {result.code}")
    detail = result.stderr or condensed(result.stdout.decode("utf-8", "replace"))
    raise ResticError(one_line(f"{what}: {meaning}{f': {detail}' if detail else ''}", 500), result.code)


def condensed(stderr: str) -> str:
    """The one line of restic's complaints that says the reason, without credentials."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in lines:
        message = _object(line.encode())
        if message is not None and message.get("message_type") == "exit_error":
            lines = str(message.get("message", "")).splitlines()[:1]
            break
    panics = [line for line in lines if line.startswith("panic:")]
    fatal = [line for line in lines if line.startswith("Fatal:")]
    connection = [line for line in lines if any(sign in line for sign in _CONNECTION)]
    chosen = (panics or fatal or connection or lines or [""])[0].removeprefix("Fatal: ")
    return one_line(redact(chosen), 300)


def _drain(stream: IO[bytes], kept: list[bytes]) -> None:
    size = 0
    for line in stream:
        if size < _STDERR_KEPT:
            kept.append(line)
            size += len(line)
    stream.close()


def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt restic so that it removes its lock; kill it when it does not listen."""
    for number, patience in ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0)):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()


def _object(line: bytes) -> dict[str, Any] | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_location(path: str) -> str:
    """The repository's address from its file, which holds credentials: never show what this returns."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise InputError(
            f"{path}: not a text file (the role that made it writes one line, rest:https://...)"
        ) from None
