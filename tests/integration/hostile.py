# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's server in an attacker's hands: real TLS, a certificate that is trusted, answers made to hurt.

Each commune of `Hostile` has a trick of its own; for the rest it answers truly, from the honest commune's
repository and ledger.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from world import SLUG, World, free_port

KINDS = ("keys", "locks", "snapshots", "index", "data")
LIST_TYPE = "application/vnd.x.restic.rest.v2"
DRIP = 0.2
SEAL = "0" * 64
RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class Hostile:
    """Communes whose LOCAL servers are hostile, known to the REMOTE server of a world."""

    world: World
    port: int = field(default_factory=free_port)
    over: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    invented: int = 100_000
    _count: int = 0
    _invention: bytes = b""

    # At REMOTE

    def add(self, trick: str) -> str:
        """Make a commune at REMOTE, as onboarding did while its server was honest; returns its slug."""
        slug = f"mal-{trick}"
        base = self.world.base / "remote"
        shutil.copytree(self.world.repository("remote"), base / "repositories" / slug)
        shutil.copy(self.world.ledger("remote"), base / "ledgers" / f"{slug}.jsonl")
        config = base / "etc" / "communes"
        commune = json.loads((config / f"{SLUG}.json").read_text(encoding="utf-8"))
        source = commune["sources"]["accueil"]
        secret = self.world.base / "secrets" / f"{slug}.upstream.location"
        secret.write_text(
            f"rest:https://replica:http-replica@localhost:{self.port}/{trick}/\n", encoding="ascii"
        )
        source["repository"]["location"] = str(base / "repositories" / slug)
        source["ledger"] = str(base / "ledgers" / f"{slug}.jsonl")
        source["upstream"]["location_file"] = str(secret)
        source["upstream"]["ledger_url"] = f"https://localhost:{self.port}/{trick}/ledger"
        source["upstream"]["ship_url"] = f"https://localhost:{self.port}/{trick}/shipped"
        commune.update(commune=slug, name=f"Commune {trick}")
        (config / f"{slug}.json").write_text(json.dumps(commune), encoding="utf-8")
        return slug

    # As a server

    def answer(self, line: ssl.SSLSocket, method: str, path: str, headers: dict[str, str]) -> None:
        _, trick, rest = path.split("/", 2)
        self.asked.append(f"{trick} {method} {rest}")
        if rest in ("ledger", "shipped"):
            special = getattr(self, f"_ledger_{trick}", None)
            if special is not None:
                special(line)
            elif method == "PUT":
                line.sendall(head(0, status="201 Created"))
            else:
                whole(line, self.world.ledger("local").read_bytes())
            return
        objects = getattr(self, f"_object_{trick}", self._object)
        objects(line, rest, {**headers, "method": method})

    def _object(self, line: ssl.SSLSocket, rest: str, headers: dict[str, str]) -> None:
        """What restic's REST protocol says, from the honest repository."""
        repository = self.world.repository("local")
        kind, _, name = rest.partition("/")
        if kind in KINDS and not name:
            listed = [{"name": p.name, "size": p.stat().st_size} for p in files(repository / kind)]
            return whole(line, json.dumps(listed).encode(), LIST_TYPE)
        path = repository / kind / (f"{name[:2]}/{name}" if kind == "data" else name)
        if not path.is_file():
            return line.sendall(head(0, status="404 Not Found"))
        body = path.read_bytes()
        if headers["method"] == "HEAD":
            return line.sendall(head(len(body)))
        wanted = RANGE.fullmatch(headers.get("range", ""))
        if wanted is None:
            return whole(line, body)
        return whole(line, part(body, wanted), status="206 Partial Content")

    # Tricks with the ledger

    def _ledger_headers(self, line: ssl.SSLSocket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        self._drip(line, b"X-Wait: 1\r\n")

    def _ledger_body(self, line: ssl.SSLSocket) -> None:
        line.sendall(head(1_000_000))
        self._drip(line, b"x")

    def _ledger_garbage(self, line: ssl.SSLSocket) -> None:
        whole(line, os.urandom(200_000) + b"\n")

    def _ledger_oversized(self, line: ssl.SSLSocket) -> None:
        line.sendall(head(10**12))
        self._flood(line)

    def _ledger_endless(self, line: ssl.SSLSocket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.over.is_set():
            line.sendall(b"10000\r\n" + b"y" * 0x10000 + b"\r\n")

    def _ledger_changing(self, line: ssl.SSLSocket) -> None:
        """Another one each time, and each a chain that holds."""
        self._count += 1
        line_of = {"act": "note", "who": "thief", "why": f"{self._count} " + "z" * 500_000}
        whole(line, chained([line_of]))

    def _ledger_reset(self, line: ssl.SSLSocket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _ledger_invented(self, line: ssl.SSLSocket) -> None:
        """The honest one, and after it receipts of what there never was."""
        if not self._invention:
            honest = self.world.ledger("local").read_bytes()
            model = next(e for e in map(json.loads, honest.splitlines()) if e["act"] == "receipt")
            invented = [{**model, "snapshot": f"{number:064x}"} for number in range(self.invented)]
            self._invention = honest + chained(invented, honest)
        whole(line, self._invention)

    # Tricks with the repository

    def _object_copy(self, line: ssl.SSLSocket, rest: str, headers: dict[str, str]) -> None:
        """Everything as it should be, but the data byte by byte."""
        wanted = RANGE.fullmatch(headers.get("range", ""))
        if not rest.startswith("data/") or wanted is None:
            return self._object(line, rest, headers)
        line.sendall(head(int(wanted[2]) - int(wanted[1]) + 1, status="206 Partial Content"))
        return self._drip(line, b"d")

    def _object_listing(self, line: ssl.SSLSocket, rest: str, headers: dict[str, str]) -> None:
        """A list of snapshots that has no end."""
        if rest != "snapshots/":
            return self._object(line, rest, headers)
        line.sendall(head(10**12, LIST_TYPE) + b"[")
        number = 0
        while not self.over.wait(DRIP):
            names = (f'{{"name":"{number + one:064x}","size":500}},' for one in range(1000))
            line.sendall("".join(names).encode())
            number += 1000
        return None

    def _drip(self, line: ssl.SSLSocket, piece: bytes) -> None:
        while not self.over.wait(DRIP):
            line.sendall(piece)

    def _flood(self, line: ssl.SSLSocket) -> None:
        while not self.over.is_set():
            line.sendall(b"f" * 65536)


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def part(body: bytes, wanted: re.Match[str]) -> bytes:
    return body[int(wanted[1]) : int(wanted[2]) + 1]


def head(length: int, kind: str = "application/octet-stream", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def whole(
    line: ssl.SSLSocket, body: bytes, kind: str = "application/octet-stream", status: str = "200 OK"
) -> None:
    line.sendall(head(len(body), kind, status) + body)


def chained(records: list[dict[str, Any]], before: bytes = b"") -> bytes:
    """Lines of a ledger that continue those before."""
    lines = before.splitlines()
    prev = hashlib.sha256(lines[-1]).hexdigest() if lines else SEAL
    made = []
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    for number, record in enumerate(records, start=len(lines) + 1):
        frame = {"at": at, "who": "thief", "why": None, **record, "seq": number, "prev": prev}
        encoded = json.dumps(frame, separators=(",", ":"), sort_keys=True).encode()
        prev = hashlib.sha256(encoded).hexdigest()
        made.append(encoded + b"\n")
    return b"".join(made)


@contextmanager
def hostile_servers(world: World) -> Iterator[Hostile]:
    """They listen on one port; the first part of the path tells the commune, and with it the trick."""
    hostile = Hostile(world)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.base / "tls" / "server.pem", world.base / "tls" / "server.key")
    listener = socket.create_server(("127.0.0.1", hostile.port), backlog=100)
    thread = threading.Thread(target=_serve, args=(listener, context, hostile), daemon=True)
    thread.start()
    try:
        yield hostile
    finally:
        hostile.over.set()
        listener.close()


def _serve(listener: socket.socket, context: ssl.SSLContext, hostile: Hostile) -> None:
    while True:
        try:
            plain, _peer = listener.accept()
        except OSError:
            return
        threading.Thread(target=_one, args=(plain, context, hostile), daemon=True).start()


def _one(plain: socket.socket, context: ssl.SSLContext, hostile: Hostile) -> None:
    with suppress(OSError, ValueError), context.wrap_socket(plain, server_side=True) as line:
        reader = line.makefile("rb")
        while request := reader.readline():
            method, path, _version = request.decode("ascii").split()
            headers = dict(_headers(reader.readline))
            reader.read(int(headers.get("content-length", 0)))
            hostile.answer(line, method, path, headers)
            if path.endswith("/ledger") or headers.get("connection") == "close":
                return


def _headers(readline: Callable[[], bytes]) -> Iterator[tuple[str, str]]:
    while text := readline().decode("ascii").strip():
        name, _, value = text.partition(":")
        yield name.lower(), value.strip()
