# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile LOCAL server answers is one commune's failure, told in one line, and soon over."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import web
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError

Serve = Callable[..., str]
HEAD = b"HTTP/1.1 200 OK\r\n"
CREDENTIALS = web.Credentials("replica", "secret")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Answer every request with the given pieces, one after the other; returns the address.

    Plain HTTP stands for HTTPS here: what is tried comes after the handshake.
    """
    monkeypatch.setattr(web, "PAUSE", 0.0)
    monkeypatch.setattr(web, "_secured", lambda _context, plain, _host: plain)
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def answer(pieces: tuple[bytes, ...], pause: float) -> None:
        while not over.is_set():
            try:
                client, _peer = listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                for piece in pieces:
                    try:
                        client.sendall(piece)
                    except OSError:
                        break
                    if over.wait(pause):
                        return

    def start(*pieces: bytes, pause: float = 0.0) -> str:
        threading.Thread(target=answer, args=(pieces, pause), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/ledgers/accueil.jsonl"

    yield start
    over.set()
    listener.close()


def get(url: str, limit: int = 1000) -> Any:
    return web.get(url, CREDENTIALS, None, limit)


def test_a_whole_answer_is_read(serve: Serve) -> None:
    assert get(serve(HEAD + b"Content-Length: 5\r\n\r\nhel", b"lo")) == b"hello"


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n",
        b"",
        HEAD + b"Content-Length: 50\r\n\r\nshort",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        HEAD + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"Content-Type: text/plain\r\n",
        HEAD + b"Content-Type: text/plain\r\n\r\nwhole or not?",
    ],
)
def test_an_answer_that_is_none_is_a_failure_of_ours_in_one_line(serve: Serve, answer: bytes) -> None:
    with pytest.raises(BackupError, match=r"3 attempts") as failure:
        get(serve(answer))
    assert "\n" not in str(failure.value)


def test_more_than_was_asked_for_is_refused(serve: Serve) -> None:
    with pytest.raises(BackupError, match="larger than 10 bytes"):
        get(serve(HEAD + b"Content-Length: 500\r\n\r\n" + b"x" * 500), limit=10)


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: 900\r\n\r\n", *[b"x"] * 400),
        (HEAD, *[b"X-Header: 1\r\n"] * 400),
        (*[b"H"] * 400,),
        (*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 400,),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 400),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 900\r\n", *[b"X: 1\r\n"] * 400),
    ],
    ids=["body", "headers", "status line", "continue", "chunks", "headers of a failure"],
)
def test_a_server_that_drips_is_left_at_the_deadline(serve: Serve, pieces: tuple[bytes, ...]) -> None:
    url = serve(*pieces, pause=0.03)
    began = time.monotonic()
    with pytest.raises(BackupError, match=r"no whole answer in 0.5 s \(1 attempts\)"):
        web.get(url, CREDENTIALS, None, 1000, patience=0.5)
    assert time.monotonic() - began < 2


def test_a_handshake_that_drips_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(web, "DEADLINE", 0.5)

    def drip() -> None:
        client, _peer = listener.accept()
        with client, contextlib.suppress(OSError):
            # The head of a TLS record of 16 kB, which never gets full.
            client.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                client.sendall(b"x")
                time.sleep(0.03)

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    with listener, pytest.raises(BackupError, match="no whole answer"):
        web.get(f"https://127.0.0.1:{listener.getsockname()[1]}/", CREDENTIALS, None, 1000, patience=0.5)
    assert time.monotonic() - began < 2


def test_a_server_that_reads_slowly_is_left_at_the_deadline(serve: Serve) -> None:
    url = serve(*[b""] * 400, pause=0.03)
    began = time.monotonic()
    with pytest.raises(BackupError, match="no whole answer"):
        web.put(url, b"x" * 30_000_000, CREDENTIALS, None, patience=0.5)
    assert time.monotonic() - began < 2


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: https://192.0.2.9/\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(web.HttpError, match="the server answers 302 Found"):
        get(serve(answer))
