# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic: the one place that runs it, and what its exit codes and complaints mean."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .commands import Backup, Command, Repository, is_snapshot_id, literal_pattern
from .errors import BackupError, InputError, one_line
from .watch import Watch

__all__ = [
    "LOCKED",
    "NO_REPOSITORY",
    "OK",
    "PARTIAL",
    "WRONG_PASSWORD",
    "Backup",
    "Command",
    "Repository",
    "ResticError",
    "Result",
    "checked",
    "condensed",
    "full_environment",
    "is_snapshot_id",
    "literal_pattern",
    "message_in",
    "program",
    "read_location",
    "redact",
    "run",
    "streamed",
]

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
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@\"']*@")
_CONNECTION = ("x509:", "401 Unauthorized", "403 Forbidden", "no such host", "connection refused")
STDERR_LINES = 400
_LONGEST_LINE = 2000
# What is kept of what restic prints: another server's repository may have it print without end.
LARGEST_OUTPUT = 64 * 1024 * 1024
READ_SIZE = 1 << 20


class ResticError(BackupError):
    """restic ended with a code that is no success; `code` is restic's own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Result:
    code: int
    stdout: bytes = b""
    stderr: str = ""

    def json_lines(self) -> list[dict[str, Any]]:
        """The JSON objects that restic printed line by line; other lines are left out."""
        return [value for value in map(message_in, self.stdout.splitlines()) if value is not None]

    def json(self) -> Any:
        """The one JSON document that restic printed."""
        try:
            return json.loads(self.stdout)
        except (ValueError, RecursionError):
            raise ResticError("restic printed something that is not JSON", self.code) from None


def redact(text: str) -> str:
    """The text without user and password of any address in it."""
    return _CREDENTIALS.sub(r"\1***@", text)


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


@dataclass(frozen=True)
class _Running:
    """A restic at work. Its complaints are read by a thread, lest a full pipe stop it."""

    process: subprocess.Popen[bytes]
    stdout: IO[bytes]
    reader: threading.Thread
    errors: deque[bytes]

    def complaints(self) -> str:
        return b"".join(self.errors).decode("utf-8", "replace")


def _started(command: Command, keep_open: Iterable[int]) -> _Running:
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
    errors: deque[bytes] = deque(maxlen=STDERR_LINES)
    reader = threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True)
    reader.start()
    return _Running(process, process.stdout, reader, errors)


@contextlib.contextmanager
def streamed(command: Command, what: str, keep_open: Iterable[int] = ()) -> Iterator[IO[bytes]]:
    """restic's standard output while it works.

    Raises ResticError after the block when restic did not end well, whatever was read of it.
    """
    running = _started(command, keep_open)
    try:
        yield running.stdout
        while running.stdout.read(READ_SIZE):
            pass
        code = running.process.wait()
    except BaseException:
        _end(running.process)
        raise
    finally:
        running.stdout.close()
        running.reader.join(timeout=5)
    checked(Result(code, b"", condensed(running.complaints())), what)


def run(
    command: Command,
    timeout: float | None = None,
    on_message: Callable[[dict[str, Any]], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    keep_open: Iterable[int] = (),
    stall: float | None = None,
    doubt: Callable[[], str | None] | None = None,
) -> Result:
    """Run restic to its end. `on_message` gets every JSON object of standard output as it comes,
    `on_text` every other line.

    `keep_open` are descriptors that restic inherits: with a lock's descriptor among them the lock lives
    as long as restic does, also when this process is killed. After `timeout` seconds, after `stall` seconds
    without progress, or when `doubt` gives a reason, restic is ended, and that raises: it tries a full server
    again and again without end.
    """
    running = _started(command, keep_open)
    watch = Watch(lambda: _end(running.process), timeout, stall, doubt)
    watch.start()
    try:
        kept = []
        room = LARGEST_OUTPUT
        while line := running.stdout.readline(room + 1):
            message = message_in(line)
            if message is None or message.get("message_type") not in PASSING:
                room -= len(line)
                if room < 0:
                    raise ResticError(f"restic {command.name} printed more than {LARGEST_OUTPUT} bytes", 1)
                kept.append(line)
            watch.saw(_progress_of(line, message))
            if message is None and on_text is not None:
                on_text(one_line(line.decode("utf-8", "replace"), 100))
            elif message is not None and on_message is not None:
                on_message(message)
        code = running.process.wait()
    except BaseException:
        _end(running.process)
        raise
    finally:
        watch.stop()
        running.reader.join(timeout=5)
        running.stdout.close()
    stderr = running.complaints()
    if watch.reason is not None:
        complaint = redact(one_line(_last_complaint(stderr), 200))
        raise ResticError(
            f"restic {command.name} {watch.reason}{f': {complaint}' if complaint else ''}", code
        )
    return Result(code, b"".join(kept), condensed(stderr))


def _progress_of(line: bytes, message: dict[str, Any] | None) -> object:
    """What changes when restic gets on, without the seconds it counts."""
    if message is None:
        return line.rpartition(b"] ")[2]
    return [value for name, value in message.items() if not name.startswith("seconds_")]


def _last_complaint(stderr: str) -> str:
    said = [line for line in stderr.splitlines() if line.strip() and "received, cleaning up" not in line]
    return next((line for line in reversed(said) if "retrying" in line), said[-1] if said else "")


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
        message = message_in(line.encode())
        if message is not None and message.get("message_type") == "exit_error":
            lines = str(message.get("message", "")).splitlines()[:1]
            break
    panics = [line for line in lines if line.startswith("panic:")]
    fatal = [line for line in lines if line.startswith("Fatal:")]
    connection = [line for line in lines if any(sign in line for sign in _CONNECTION)]
    chosen = (panics or fatal or connection or lines or [""])[0].removeprefix("Fatal: ")
    return one_line(redact(chosen), 300)


def _drain(stream: IO[bytes], kept: deque[bytes]) -> None:
    for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
        kept.append(line)
    stream.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt restic so that it removes its lock; kill it when it does not listen."""
    for number, patience in ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ValueError):  # Windows knows no such signals
            process.send_signal(number)
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()


def message_in(line: bytes) -> dict[str, Any] | None:
    """The JSON object in a line that restic printed; None where there is none."""
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
