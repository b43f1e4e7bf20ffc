# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two small things asked of an HTTPS server besides restic's own traffic: put a report, get a ledger.

The server's certificate is always verified; redirects are not followed (they would carry credentials on).
"""

from __future__ import annotations

import base64
import http.client
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import IO, Any

from .errors import BackupError, InputError, one_line
from .restic import read_location, redact

ATTEMPTS = 3
PAUSE = 2.0
TIMEOUT = 30.0
# For the whole of an answer: a server that sends a byte now and then must not hold up the other communes.
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


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


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


def put(url: str, body: bytes, credentials: Credentials, cacert: str | None) -> None:
    request = urllib.request.Request(url, data=body, method="PUT")
    request.add_header("Content-Type", "application/json")
    _ask(request, credentials, cacert, 0)


def get(url: str, credentials: Credentials, cacert: str | None, limit: int) -> bytes:
    """The document at the address; more than `limit` bytes is an error."""
    return _ask(urllib.request.Request(url), credentials, cacert, limit)


def _context(cacert: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=cacert)
    except (OSError, ssl.SSLError) as error:
        raise BackupError(f"{cacert}: not usable as certificate authority: {error}") from None


def _ask(request: urllib.request.Request, credentials: Credentials, cacert: str | None, limit: int) -> bytes:
    request.add_unredirected_header("Authorization", credentials.header())
    handler = urllib.request.HTTPSHandler(context=_context(cacert))
    # No proxy from the environment: the servers are on the town hall's network or inside a tunnel.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler, _NoRedirect())
    where = redact(request.full_url)
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * attempt)
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                body = _read(answer, limit, DEADLINE)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise HttpError(
                    f"{where}: the server answers {error.code} {error.reason}", error.code
                ) from None
            reason = f"the server answers {error.code} {error.reason}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise BackupError(f"{where}: certificate not trusted: {cause.verify_message}") from None
            reason = one_line(str(cause)) or type(cause).__name__
        else:
            if len(body) > limit > 0:
                raise BackupError(f"{where}: larger than {limit} bytes")
            return body
    raise BackupError(f"{where}: {reason} ({ATTEMPTS} attempts)")


def _read(answer: http.client.HTTPResponse, limit: int, patience: float) -> bytes:
    """At most one byte more than `limit`; TimeoutError when `patience` seconds are not enough for it."""
    deadline = time.monotonic() + patience
    body = bytearray()
    while len(body) <= limit > 0:
        piece = answer.read1(min(_PIECE, limit + 1 - len(body)))
        if not piece:
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
            break
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"no whole answer in {patience:.0f} s")
    return bytes(body)
