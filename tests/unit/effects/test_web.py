# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile LOCAL server answers is one commune's failure, told in one line, and soon over."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import web
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError

Serve = Callable[..., str]
HEAD = b"HTTP/1.1 200 OK\r\n"


class PlainHandler(urllib.request.HTTPHandler):
    """In the place of the handler for HTTPS; takes its context and has no use for it."""

    def __init__(self, context: Any) -> None:
        del context
        super().__init__()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Answer every request with the given pieces, one after the other; returns the address.

    Plain HTTP stands for HTTPS here: what is tried comes after the handshake.
    """
    monkeypatch.setattr(web, "PAUSE", 0.0)
    monkeypatch.setattr(urllib.request, "HTTPSHandler", PlainHandler)
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
    return web.get(url, web.Credentials("replica", "secret"), None, limit)


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
    ],
)
def test_an_answer_that_is_none_is_a_failure_of_ours_in_one_line(serve: Serve, answer: bytes) -> None:
    with pytest.raises(BackupError, match=r"3 attempts") as failure:
        get(serve(answer))
    assert "\n" not in str(failure.value)


def test_more_than_was_asked_for_is_refused(serve: Serve) -> None:
    with pytest.raises(BackupError, match="larger than 10 bytes"):
        get(serve(HEAD + b"Content-Length: 500\r\n\r\n" + b"x" * 500), limit=10)


def test_a_server_that_drips_is_left_at_the_deadline(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DEADLINE", 0.3)
    url = serve(HEAD + b"Content-Length: 900\r\n\r\n", *[b"x"] * 100, pause=0.05)
    began = time.monotonic()
    with pytest.raises(BackupError, match="no whole answer in"):
        get(url)
    assert time.monotonic() - began < 10
