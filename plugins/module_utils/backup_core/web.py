# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two small things asked of an HTTPS server besides restic's own traffic: put a report, get a ledger.

The server's certificate is always verified; redirects are not followed (they would carry credentials on), and
no proxy of the environment is used: the servers are on the town hall's network or inside a tunnel.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass

from .errors import BackupError, InputError, one_line
from .restic import read_location, redact

ATTEMPTS = 3
PAUSE = 2.0
TIMEOUT = 30.0
# For everything, from the first connection to the last byte: a server that sends a byte now and then, of the
# handshake, of the headers or of the body, must not hold up whoever asks.
DEADLINE = 300.0
_PIECE = 256 * 1024
LARGEST_CONFIG = 64 * 1024


@dataclass(frozen=True, repr=False)
class Credentials:
    user: str
    password: str

    def header(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


class HttpError(BackupError):
    """The server answered with a status that is no success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(BackupError):
    """The answer is longer than what was to be taken."""


def credentials_of(location_file: str) -> Credentials:
    """User and password that stand in a repository's address (rest:https://user:password@host/user/)."""
    address = read_location(location_file)
    if not address.startswith("rest:https://"):
        raise InputError(f"{location_file}: does not begin with rest:https:// (run the role again)")
    parts = urllib.parse.urlsplit(address.removeprefix("rest:"))
    if not parts.username or not parts.password:
        raise InputError(f"{location_file}: holds no user and password (run the role again)")
    return Credentials(urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password))


def probe(location_file: str, cacert: str | None) -> None:
    """Ask for the repository's config object: restic itself would try a wrong name or a dead line for a
    quarter of an hour, and call wrong credentials a missing repository."""
    credentials = credentials_of(location_file)
    parts = urllib.parse.urlsplit(read_location(location_file).removeprefix("rest:"))
    host = parts.netloc.rpartition("@")[2]
    url = urllib.parse.urlunsplit(("https", host, parts.path.rstrip("/") + "/config", "", ""))
    try:
        get(url, credentials, cacert, LARGEST_CONFIG)
    except HttpError as error:
        if error.status == 401:
            raise BackupError(f"{url}: wrong HTTP user or password (in {location_file})") from None
        raise


def put(
    url: str, body: bytes, credentials: Credentials, cacert: str | None, patience: float = DEADLINE
) -> None:
    headers = {"Content-Type": "application/json"}
    _ask("PUT", url, credentials, cacert, 0, patience, body, headers)


def get(
    url: str,
    credentials: Credentials,
    cacert: str | None,
    limit: int,
    patience: float = DEADLINE,
    headers: dict[str, str] | None = None,
) -> bytes:
    """The document at the address; more than `limit` bytes, or than `patience` seconds, is an error."""
    return _ask("GET", url, credentials, cacert, limit, patience, headers=headers)


def _context(cacert: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cacert)
    except (OSError, ssl.SSLError) as error:
        raise BackupError(f"{cacert}: not usable as certificate authority: {error}") from None


def _ask(
    method: str,
    url: str,
    credentials: Credentials,
    cacert: str | None,
    limit: int,
    patience: float,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    context = _context(cacert)
    sent = {"Authorization": credentials.header(), "Connection": "close", **(headers or {})}
    where = redact(url)
    deadline = time.monotonic() + patience
    reason = ""
    tried = 0
    while tried < ATTEMPTS and time.monotonic() < deadline:
        if tried:
            time.sleep(min(PAUSE * tried, max(0.0, deadline - time.monotonic())))
        tried += 1
        try:
            with _Line(url, context, deadline) as line:
                status, phrase, answer = line.exchange(method, sent, body, limit)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                raise BackupError(f"{where}: certificate not trusted: {error.verify_message}") from None
            reason = one_line(str(error)) or type(error).__name__
            if time.monotonic() >= deadline:
                reason = f"no whole answer in {patience:g} s"
            continue
        if status >= 500:
            reason = f"the server answers {status} {phrase}"
            continue
        if not 200 <= status < 300:
            raise HttpError(f"{where}: the server answers {status} {phrase}", status)
        if len(answer) > limit > 0:
            raise TooLargeError(f"{where}: larger than {limit} bytes")
        return answer
    raise BackupError(f"{where}: {reason} ({tried} attempts)")


class _Line:
    """One connection, which is cut at the deadline whatever it is at: a time-out of the socket's own begins
    anew with every byte that comes."""

    def __init__(self, url: str, context: ssl.SSLContext, deadline: float) -> None:
        parts = urllib.parse.urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._context = context
        self._deadline = deadline
        self._open: list[socket.socket] = []
        self._cutter: threading.Timer | None = None

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._cutter is not None:
            self._cutter.cancel()
        for one in self._open:
            one.close()

    def _left(self) -> float:
        return max(0.01, self._deadline - time.monotonic())

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), min(TIMEOUT, self._left()))
        # The handshake takes the socket itself away from us: the second handle is what cuts the line.
        handle = plain.dup()
        self._open += [plain, handle]
        self._cutter = threading.Timer(self._left(), _cut, [handle])
        self._cutter.daemon = True
        self._cutter.start()
        secured = _secured(self._context, plain, self._host)
        self._open.append(secured)
        return secured

    def exchange(
        self, method: str, headers: dict[str, str], body: bytes | None, limit: int
    ) -> tuple[int, str, bytes]:
        """Status, reason phrase, and of an answer that is a success at most one byte more than `limit`."""
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.sock = self._connected()
        connection.request(method, self._path, body, headers)
        answer = connection.getresponse()
        received = _read(answer, limit) if 200 <= answer.status < 300 and limit else b""
        if time.monotonic() >= self._deadline:
            # Headers that were cut look as if they had come to their end.
            raise TimeoutError
        return answer.status, one_line(answer.reason, 100), received


def _secured(context: ssl.SSLContext, plain: socket.socket, host: str) -> socket.socket:
    return context.wrap_socket(plain, server_hostname=host)


def _cut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse, limit: int) -> bytes:
    if answer.length is None and not answer.chunked:
        raise ValueError("an answer that does not say how long it is may have been cut")
    body = bytearray()
    while len(body) <= limit:
        piece = answer.read1(min(_PIECE, limit + 1 - len(body)))
        if not piece:
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
            break
        body += piece
    return bytes(body)
