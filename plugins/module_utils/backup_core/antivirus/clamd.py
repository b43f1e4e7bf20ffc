# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to clamd over its socket (clamd(8)). Contents go by INSTREAM: clamd may read no file of ours.

A clamd that cannot find anything says OK to everything. So nothing that it says counts unless, before and
after, it finds the EICAR test file, and the databases that must be there are there.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from ..errors import BackupError, one_line
from .settings import Settings, database_file
from .verdicts import ERROR, TOO_LARGE, UNREADABLE, Verdict, not_scanned, verdict_of

# The EICAR test file, www.eicar.org: in two halves, lest this very file be taken for it.
_EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*")
CHUNK = 1 << 18
# Longer than clamd itself takes over one file (MaxScanTime), and others may be before it.
ANSWER_TIMEOUT = 900.0
CHECK_TIMEOUT = 60.0
# clamd takes a while to read its databases when it starts.
COMES_BACK_WITHIN = 240.0
_LONGEST_ANSWER = 4096
_VERSION = re.compile(r"ClamAV ([0-9][^/\s]{0,30})(?:/(\d{1,9})/(.{10,40}))?")


class ScannerError(BackupError):
    """The antivirus cannot be trusted or reached: whatever it was asked is not scanned."""


@dataclass(frozen=True)
class Database:
    """What clamd knows. at: of its newest signatures; where the version does not tell, of the newest file."""

    version: str
    at: datetime


def eicar() -> bytes:
    return "".join(_EICAR).encode("ascii")


def version_of(answer: str) -> tuple[str, datetime | None]:
    """Engine and database as VERSION tells them, and the time of the latter. ScannerError if it is none."""
    found = _VERSION.fullmatch(answer)
    if found is None:
        raise ScannerError(f"clamd: {one_line(answer, 60)!r} is no version")
    if found[3] is None:
        return found[1], None
    try:
        at = datetime.strptime(" ".join(found[3].split()), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        raise ScannerError(f"clamd: {one_line(found[3], 60)!r} is no time") from None
    return f"{found[1]}/{found[2]}", at


class Clamd:
    """clamd at work. A new connection for each request: one file's misfortune is no other's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, patience: float = 0.0) -> Database:
        """Prove that it finds what it must find; ScannerError after `patience` seconds says why not."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._check()
            except ScannerError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(1)

    def _check(self) -> Database:
        newest = 0.0
        for name in self._settings.databases:
            path = database_file(self._settings, name)
            if path is None:
                raise ScannerError(
                    f"{self._settings.database_directory}: the database {name} is missing or empty"
                    " (systemctl start ccpp-backup-freshclam)"
                )
            newest = max(newest, os.stat(path).st_mtime)
        answer = self._ask(b"zVERSION\0", None, CHECK_TIMEOUT)
        version, at = version_of(answer)
        canary = self._ask(b"zINSTREAM\0", [eicar()], CHECK_TIMEOUT)
        if verdict_of(canary).kind != "infected":
            raise ScannerError(
                f"clamd does not find the test virus ({one_line(canary, 80)}): its databases are broken or"
                " empty (journalctl -u ccpp-backup-clamd -u ccpp-backup-freshclam)"
            )
        return Database(version, at or datetime.fromtimestamp(newest, UTC))

    def scan(self, path: str) -> Verdict:
        """The verdict on one file. ScannerError when clamd is gone or does not answer."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return not_scanned(UNREADABLE)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if os.fstat(descriptor).st_size > self._settings.largest_file:
                return not_scanned(TOO_LARGE)
            try:
                return verdict_of(self._ask(b"zINSTREAM\0", _chunks(file), ANSWER_TIMEOUT))
            except _UnreadableError:
                return not_scanned(UNREADABLE)

    def _ask(self, command: bytes, contents: Iterable[bytes] | None, timeout: float) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout)
                connection.connect(self._settings.socket)
                connection.sendall(command)
                if contents is not None:
                    _send(connection, contents)
                answer = _answer(connection)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise ScannerError(
                f"{self._settings.socket}: clamd does not answer: {reason}"
                " (systemctl status ccpp-backup-clamd)"
            ) from None
        if not answer.endswith(b"\0"):
            raise ScannerError(f"{self._settings.socket}: clamd ended in the middle of an answer")
        return answer[:-1].decode("utf-8", "replace")


class _UnreadableError(Exception):
    """The file, not clamd, is at fault."""


def _chunks(file: IO[bytes]) -> Iterable[bytes]:
    while True:
        try:
            chunk = file.read(CHUNK)
        except OSError as error:
            raise _UnreadableError from error
        if not chunk:
            return
        yield chunk


def _send(connection: socket.socket, contents: Iterable[bytes]) -> None:
    try:
        for chunk in contents:
            connection.sendall(struct.pack(">I", len(chunk)))
            connection.sendall(chunk)
        connection.sendall(bytes(4))
    except (BrokenPipeError, ConnectionResetError):
        # It has said already that this is too long for it; what it said is still to be read.
        return


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < _LONGEST_ANSWER:
        part = connection.recv(_LONGEST_ANSWER)
        if not part:
            break
        answer += part
    return answer


def scan_files(clamd: Clamd, paths: Iterable[str], threads: int) -> dict[str, Verdict]:
    """The verdict on each file.

    A file over which clamd goes down is tried once more by itself, when clamd is back; then it counts as not
    scanned.
    ScannerError when clamd does not come back: then nothing is known of any of them.
    """
    found: dict[str, Verdict] = {}
    lost: list[str] = []

    def one(path: str) -> tuple[str, Verdict | None]:
        try:
            return path, clamd.scan(path)
        except ScannerError:
            return path, None

    with ThreadPoolExecutor(threads) as pool:
        for path, verdict in pool.map(one, paths):
            if verdict is None:
                lost.append(path)
            else:
                found[path] = verdict
    for path in lost:
        clamd.check(COMES_BACK_WITHIN)
        found[path] = one(path)[1] or not_scanned(ERROR)
    clamd.check(COMES_BACK_WITHIN)
    return found
