# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks, HTTPS, scrubbing, and a repository found half made."""

from __future__ import annotations

import datetime
import gc
import http.server
import os
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.ccpp.backup.plugins.module_utils.backup_core import (
    files,
    locking,
    repository,
    verify,
    web,
)
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.config import RepositoryAccess
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.errors import BackupError, InputError
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.locking import BusyError, FileLock
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.memory import Memory
from ansible_collections.ccpp.backup.plugins.module_utils.backup_core.workplace import (
    own_key,
    registered_keys,
)


def test_a_lock_lets_one_in_and_outlives_its_holder_in_a_child(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "lock")
    with FileLock(path, "it") as lock:
        with pytest.raises(BusyError, match="it: another"), FileLock(path, "it"):
            pass
        waits = [sys.executable, "-c", "input()"]
        child = subprocess.Popen(waits, pass_fds=lock.inherited, stdin=subprocess.PIPE)
    with pytest.raises(BusyError), FileLock(path, "it"):
        pass
    child.communicate(b"\n")
    with FileLock(path, "it", patience=1):
        pass


def test_readers_share_and_a_remover_waits_for_them(bench: Any) -> None:
    config, source = bench.place.config, bench.place.source
    reading = locking.against_prune(config, source)
    removing = locking.of_prune(config, source)
    with locking.against_prune(config, source), reading, pytest.raises(locking.BusyError), removing:
        pass
    with locking.of_prune(config, source), pytest.raises(locking.BusyError, match="removal"), reading:
        pass


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_durably(str(path), b"one")
    files.write_durably(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_workstation_remembers_survives_and_garbage_is_forgotten(bench: Any) -> None:
    memory = Memory(bench.place)
    memory.remember("a" * 64, "partial", ["/x"])
    memory.remember("b" * 64, "ok", [])
    again = Memory(bench.place)
    assert again.outcomes() == {"a" * 64: "partial", "b" * 64: "ok"}
    assert list(again.undelivered()) == ["a" * 64, "b" * 64]
    again.delivered("a" * 64)
    assert list(Memory(bench.place).undelivered()) == ["b" * 64]
    for body in ("", "{}", "[1]", '[{"snapshot": "x"}]'):
        (bench.base / "state" / "runs" / "saint-exemple.accueil.json").write_text(body, encoding="utf-8")
        assert Memory(bench.place).outcomes() == {}


def test_the_servers_own_key_is_the_last_one_registered_for_it(bench: Any) -> None:
    for key, name in (("a", "admin"), ("b", "workstation"), ("c", "admin")):
        bench.place.append([bench.place.draft("key-registered", {"key": key * 64, "name": name})])
    ledger = bench.place.ledger()
    assert own_key(ledger) == "c" * 64
    assert len(registered_keys(ledger)) == 3
    assert bench.place.repository(ledger).access.key_hint == "c" * 64


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1/7", True),
        ("2%", True),
        ("2.5%", True),
        ("500M", True),
        ("", False),
        ("0/1", False),
        ("all", False),
    ],
)
def test_parts_of_the_data_to_read(text: str, good: bool) -> None:
    assert verify.valid_subset(text) is good


def test_a_repository_is_absent_unfinished_or_present(tmp_path: Path) -> None:
    place = tmp_path / "repository"
    assert repository.state_of(str(place)) == "absent"
    place.mkdir()
    assert repository.state_of(str(place)) == "absent"
    (place / "keys").mkdir()
    (place / "keys" / "k").write_bytes(b"k")
    assert repository.state_of(str(place)) == "unfinished"
    (place / "config").write_bytes(b"")
    assert repository.state_of(str(place)) == "unfinished"
    (place / "data" / "aa").mkdir(parents=True)
    (place / "data" / "aa" / "x").write_bytes(b"x")
    with pytest.raises(BackupError, match="do not initialise"):
        repository.state_of(str(place))
    (place / "config").write_bytes(b"c" * 40)
    assert repository.state_of(str(place)) == "present"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(BackupError, match=r"it holds holiday\.jpg"):
        repository.state_of(str(tmp_path))


@pytest.mark.parametrize("change", ["name", "empty", "absent", "relative"])
def test_a_wish_with_a_mistake_changes_nothing(tmp_path: Path, change: str) -> None:
    password = tmp_path / "password"
    password.write_text("" if change == "empty" else "secret", encoding="ascii")
    wanted = repository.Wanted(
        location="here" if change == "relative" else str(tmp_path / "r"),
        password_file=str(tmp_path / "none") if change == "absent" else str(password),
        ledger=str(tmp_path / "l"),
        site="local",
        who="test",
        keys=(repository.Key("admin", str(password)),) if change == "name" else (),
    )
    with pytest.raises(InputError):
        repository.ensure(wanted)
    assert not (tmp_path / "r").exists()


def test_check_mode_says_what_would_be_made(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret", encoding="ascii")
    file = str(tmp_path / "password")
    wanted = repository.Wanted(
        location=str(tmp_path / "r"),
        password_file=file,
        ledger=str(tmp_path / "l"),
        site="local",
        who="test",
        keys=(repository.Key("remote", file),),
        chunker_from=RepositoryAccess(file, location="/elsewhere"),
    )
    done = repository.ensure(wanted, check=True)
    assert done.actions == ["initialise the repository", "add the key remote", "set owner and modes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["password"]


@pytest.mark.parametrize(
    "address", ["", "rest:http://u:p@host/", "/local/path", "rest:https://host/", "rest:https://u@host/"]
)
def test_an_address_without_tls_or_credentials_is_refused(tmp_path: Path, address: str) -> None:
    path = tmp_path / "location"
    path.write_text(address, encoding="ascii")
    with pytest.raises(InputError):
        web.credentials_of(str(path))


def test_credentials_are_read_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "location"
    path.write_text("rest:https://accueil:p%40ss@host:8443/accueil/\n", encoding="ascii")
    found = web.credentials_of(str(path))
    assert (found.user, found.password) == ("accueil", "p@ss")
    assert "p@ss" not in repr(found)


class Server:
    """An HTTPS server of one answer, with a certificate of its own authority."""

    def __init__(self, base: Path) -> None:
        self.asked: list[tuple[str, str, str | None, bytes]] = []
        self.status, self.body, self.headers = 200, b"", {}
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.cacert = str(base / "ca.pem")
        pem = serialization.Encoding.PEM
        Path(self.cacert).write_bytes(certificate.public_bytes(pem))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (base / "key.pem").write_bytes(private)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
                self.send_response(outer.status)
                for name, value in {"Content-Length": str(len(outer.body)), **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.body)

            do_PUT = do_GET  # noqa: N815 - http.server's name

        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cacert, base / "key.pem")
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"https://localhost:{self.http.server_port}/x"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(web, "PAUSE", 0.0)
    one = Server(tmp_path)
    yield one
    one.close()
    with warnings.catch_warnings():
        # The ssl module drops, unclosed, the socket of a client that refused its certificate.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


USER = web.Credentials("accueil", "secret")


def test_a_report_is_put_with_credentials(server: Server) -> None:
    web.put(server.url, b"{}", USER, server.cacert)
    assert server.asked == [("PUT", "/x", "Basic YWNjdWVpbDpzZWNyZXQ=", b"{}")]


def test_a_document_is_got_up_to_its_limit(server: Server) -> None:
    server.body = b"x" * 100
    assert web.get(server.url, USER, server.cacert, 100) == server.body
    with pytest.raises(BackupError, match="larger than 99 bytes"):
        web.get(server.url, USER, server.cacert, 99)


def test_a_certificate_that_is_not_the_services_is_refused(server: Server) -> None:
    with pytest.raises(BackupError, match="certificate not trusted"):
        web.get(server.url, USER, None, 10)
    with pytest.raises(BackupError, match="certificate not trusted"):
        web.get(server.url.replace("localhost", "127.0.0.1"), USER, server.cacert, 10)
    assert server.asked == []


def test_a_refusal_is_told_at_once_and_a_fault_is_tried_again(server: Server) -> None:
    server.status = 403
    with pytest.raises(web.HttpError, match="403"):
        web.put(server.url, b"", USER, server.cacert)
    assert len(server.asked) == 1
    server.status = 503
    with pytest.raises(BackupError, match=r"503.*3 attempts"):
        web.put(server.url, b"", USER, server.cacert)
    assert len(server.asked) == 4


def test_credentials_do_not_follow_a_redirect(server: Server) -> None:
    server.status, server.headers = 302, {"Location": "https://elsewhere.invalid/"}
    with pytest.raises(web.HttpError, match="302"):
        web.get(server.url, USER, server.cacert, 10)


def test_a_probe_names_what_is_wrong(server: Server, tmp_path: Path) -> None:
    location = tmp_path / "location"
    port = server.http.server_port
    location.write_text(f"rest:https://accueil:secret@localhost:{port}/accueil/", encoding="ascii")
    web.probe(str(location), server.cacert)
    assert server.asked[0][:2] == ("GET", "/accueil/config")
    server.status = 401
    with pytest.raises(BackupError, match="wrong HTTP user or password") as error:
        web.probe(str(location), server.cacert)
    assert "secret" not in str(error.value)


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="not usable as certificate authority"):
        web.get("https://localhost:1/", USER, str(tmp_path / "none"), 10)
    assert os.listdir(tmp_path) == []
