# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LOCAL's repository server allows, refuses and shows, asked from the machines that may reach it."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest

Send = Callable[..., tuple[int | None, str]]
Secret = Callable[[str, str], str]

OBJECT = (
    b"garbage that somebody with the workstation's password sends, long enough not to be refused for that"
)
NAME = hashlib.sha256(OBJECT).hexdigest()
# So many connections that write at the same instant; the statuses that came back. The password is a wrong
# one: what is refused for its number never gets as far as that.
FLOOD = """
import collections, concurrent.futures, http.client, json, ssl, sys, threading
wanted = json.load(sys.stdin)
context = ssl.create_default_context(cafile="/etc/ccpp-backup/ca.pem")
all_there = threading.Barrier(wanted["count"])
def post(_number):
    connection = http.client.HTTPSConnection(wanted["host"], 8443, timeout=60, context=context)
    connection.connect()
    all_there.wait(60)
    connection.request("POST", wanted["path"], b"x" * 100, {"Authorization": "Basic eDp4"})
    return connection.getresponse().status
with concurrent.futures.ThreadPoolExecutor(wanted["count"]) as pool:
    print(json.dumps(collections.Counter(pool.map(post, range(wanted["count"])))))
"""
# What is not the user's own may also be answered as if nobody had logged in.
REFUSED = (403, 404, 405)
REFUSED_ELSEWHERE = (401, *REFUSED)


def credentials(location: str) -> dict[str, str]:
    """HTTP user and password of a location: rest:https://user:password@host:port/path/."""
    user, _colon, password = location.partition("//")[2].rpartition("@")[0].partition(":")
    return {"user": user, "password": password}


@pytest.fixture(scope="module")
def client(secret: Secret) -> dict[str, str]:
    return credentials(secret("workstation", "accueil.location"))


@pytest.fixture(scope="module")
def puller(secret: Secret) -> dict[str, str]:
    return credentials(secret("remote", "accueil.upstream.location"))


@pytest.fixture(scope="module")
def snapshot(local: Any) -> str:
    """The name of an object in the workstation's repository."""
    return str(local.check_output("ls /srv/backup/repositories/accueil/snapshots").split()[0])


def test_certificate_is_signed_by_the_services_own_authority(
    request_from: Send, lan_address: str, client: dict[str, str]
) -> None:
    status, text = request_from("workstation", "GET", lan_address, "/accueil/config", **client)
    assert status == 200, text


def test_certificate_is_not_trusted_without_that_authority(request_from: Send, lan_address: str) -> None:
    cacert = "/etc/ssl/certs/ca-certificates.crt"
    status, text = request_from("workstation", "GET", lan_address, "/accueil/config", cacert=cacert)
    assert status is None
    assert "CERTIFICATE_VERIFY_FAILED" in text


def test_certificate_is_for_this_server_only(request_from: Send, local: Any) -> None:
    """An address that the server has, but that nobody is told, is not in its certificate."""
    others = [one for one in local.interface("lan").addresses if one.startswith("fd")]
    status, text = request_from("workstation", "GET", others[0], "/accueil/config")
    assert status is None
    assert "CERTIFICATE_VERIFY_FAILED" in text


@pytest.mark.parametrize(("port", "statuses"), [(8443, (400,)), (80, (None,)), (8000, (None,))])
def test_plain_http_gets_nothing(
    request_from: Send, lan_address: str, client: dict[str, str], port: int, statuses: tuple[int | None, ...]
) -> None:
    status, text = request_from(
        "workstation", "GET", lan_address, "/accueil/config", port=port, tls=False, **client
    )
    assert status in statuses, text


@pytest.mark.parametrize("user", [None, "accueil", "replica", "nobody"])
def test_wrong_user_or_password_is_refused(request_from: Send, lan_address: str, user: str | None) -> None:
    status, _text = request_from(
        "workstation", "GET", lan_address, "/accueil/config", user=user, password="wrong"
    )
    assert status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/accueil/snapshots/{snapshot}"),
        ("DELETE", "/accueil/config"),
        ("DELETE", "/accueil/"),
        ("POST", "/accueil/config"),
        ("POST", f"/accueil/keys/{NAME}"),
        ("POST", "/accueil/snapshots/{snapshot}"),
        ("PUT", f"/accueil/data/{NAME}"),
        ("POST", "/autre/?create=true"),
        ("POST", "/accueil/?create=true"),
        ("GET", "/autre/config"),
        ("POST", f"/autre/data/{NAME}"),
        ("PUT", f"/reports/autre/{NAME}.json"),
        ("PUT", "/reports/accueil/report.json"),
        ("PUT", f"/reports/accueil/../../ledgers/{NAME}.json"),
        ("DELETE", f"/reports/accueil/{NAME}.json"),
        ("GET", f"/reports/accueil/{NAME}.json"),
        ("GET", "/ledgers/accueil.jsonl"),
        ("GET", "/replica/accueil/config"),
    ],
)
def test_a_stolen_workstation_cannot(
    request_from: Send, lan_address: str, client: dict[str, str], snapshot: str, method: str, path: str
) -> None:
    body = base64.b64encode(OBJECT).decode() if method in ("POST", "PUT") else None
    target = path.format(snapshot=snapshot)
    status, text = request_from("workstation", method, lan_address, target, body=body, **client)
    assert status in (REFUSED if path.startswith("/accueil/") else REFUSED_ELSEWHERE), text


@pytest.mark.parametrize("kind", ["snapshots", "locks", "index", "data"])
@pytest.mark.parametrize("length", ["8", "08", "0000000008", None])
def test_an_object_too_short_to_be_restics_is_refused(
    request_from: Send, lan_address: str, client: dict[str, str], kind: str, length: str | None
) -> None:
    """However its length is written, and where it is not told."""
    short = b"12345678"
    path = f"/accueil/{kind}/{hashlib.sha256(short).hexdigest()}"
    body = base64.b64encode(short).decode()
    told = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": length}
    status, _text = request_from("workstation", "POST", lan_address, path, body=body, headers=told, **client)
    assert status == 403


def test_a_flood_of_locks_is_refused_before_it_costs_anything(
    controller: Any, request_from: Send, lan_address: str, client: dict[str, str]
) -> None:
    wanted = json.dumps({"host": lan_address, "path": f"/accueil/locks/{NAME}", "count": 100})
    counted = json.loads(controller.run("workstation", f"python3 -c {shlex.quote(FLOOD)}", stdin=wanted))
    # One goes through, a burst of 50 waits its turn; all these got as far as the password.
    assert set(counted) == {"401", "503"}
    assert counted["503"] > 20
    # Who reads is not slowed down, not even from the same machine.
    status, text = request_from("workstation", "GET", lan_address, "/accueil/config", **client)
    assert status == 200, text


def test_an_object_under_a_wrong_name_is_refused(
    request_from: Send, lan_address: str, client: dict[str, str], local: Any
) -> None:
    wrong = hashlib.sha256(b"another").hexdigest()
    body = base64.b64encode(OBJECT).decode()
    status, _text = request_from(
        "workstation", "POST", lan_address, f"/accueil/data/{wrong}", body=body, **client
    )
    assert status is not None
    assert status >= 400
    assert local.run("find /srv/backup/repositories/accueil -name %s", wrong).stdout == ""


@pytest.mark.parametrize("path", ["/replica/accueil/config", "/ledgers/accueil.jsonl"])
def test_remote_may_read(request_from: Send, pull_address: str, puller: dict[str, str], path: str) -> None:
    status, text = request_from("remote", "GET", pull_address, path, **puller)
    assert status == 200, text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/replica/accueil/snapshots/{snapshot}"),
        ("POST", f"/replica/accueil/data/{NAME}"),
        ("POST", f"/replica/accueil/locks/{NAME}"),
        ("GET", "/accueil/config"),
        ("DELETE", "/accueil/snapshots/{snapshot}"),
        ("PUT", f"/reports/accueil/{NAME}.json"),
        ("PUT", "/ledgers/accueil.jsonl"),
    ],
)
def test_remote_may_only_read(
    request_from: Send, pull_address: str, puller: dict[str, str], snapshot: str, method: str, path: str
) -> None:
    body = base64.b64encode(OBJECT).decode() if method in ("POST", "PUT") else None
    target = path.format(snapshot=snapshot)
    status, text = request_from("remote", method, pull_address, target, body=body, **puller)
    assert status in (REFUSED if path.startswith("/replica/") else REFUSED_ELSEWHERE), text


def test_nothing_of_all_this_was_written(local: Any) -> None:
    assert local.run("find /srv/backup -name '%s*'", NAME).stdout == ""
    assert not local.file("/srv/backup/repositories/autre").exists
