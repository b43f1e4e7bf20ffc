# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commune's server, the REMOTE server and a workstation as folders of one machine.

With the real restic, the real rest-server over TLS, and the real command. Only nginx and systemd are missing:
a small HTTPS server takes the reports and gives the ledgers.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from quick_keys import quicken

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))
COMMAND = ROOT / "roles" / "agent" / "files" / "ccpp-backup"
LIBRARY = ROOT / "plugins" / "module_utils"
SLUG = "saint-exemple"
# Before any instant that a test injects: a ledger knows no entry later than now.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
EVERY_DAY = {"weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "public_holidays": "none"}


def restic_program() -> str:
    return os.environ.get("RESTIC") or shutil.which("restic") or ""


def rest_server_program() -> str:
    found = shutil.which("restic-rest-server") or shutil.which("rest-server") or ""
    return os.environ.get("REST_SERVER") or found


@dataclass
class World:
    """Where everything lies, and how to run things."""

    base: Path
    sources: tuple[str, ...] = ("accueil",)
    opening: Mapping[str, Any] = field(default_factory=lambda: EVERY_DAY)
    # Kind of the sources: linux ones are pushed by a workstation, path ones are read by LOCAL itself.
    kind: str = "linux"
    writer_port: int = 0
    reader_port: int = 0
    web_port: int = 0

    # Places

    def data(self, source: str = "accueil") -> Path:
        return self.base / "data" / source

    def repository(self, site: str, source: str = "accueil") -> Path:
        return self.base / site / "repositories" / source

    def ledger(self, site: str, source: str = "accueil") -> Path:
        return self.base / site / "ledgers" / f"{source}.jsonl"

    def entries(self, site: str, source: str = "accueil") -> list[dict[str, Any]]:
        path = self.ledger(site, source)
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def acts(self, site: str, act: str, source: str = "accueil") -> list[dict[str, Any]]:
        return [entry for entry in self.entries(site, source) if entry["act"] == act]

    def password(self, name: str) -> Path:
        return self.base / "secrets" / f"{name}.password"

    # Runs

    def _environment(self, site: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.base),
            "CCPP_BACKUP_CONFIG": str(self.base / site / "etc"),
            "CCPP_BACKUP_LIB": str(LIBRARY),
            "RESTIC": restic_program(),
            "CCPP_BACKUP_DEBUG": "1",
        }

    def start(self, site: str, *arguments: str) -> subprocess.Popen[bytes]:
        """The command in the background, for a test that kills it."""
        command = [sys.executable, str(COMMAND), *arguments]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, env=self._environment(site), stdout=quiet, stderr=quiet)

    def pause(self) -> None:
        time.sleep(0.02)

    def wait_until(self, done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        """Until it is so; a process that ends before makes it never so."""
        while not done():
            assert process.poll() is None, "the process ended before"
            self.pause()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def kill_restic(self) -> None:
        """Every restic of this world, as a power cut would."""
        for path in Path("/proc").glob("[0-9]*/environ"):
            if self._of_this_world(path):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(path.parent.name), signal.SIGKILL)

    def age_snapshots(self, site: str, seconds: float) -> None:
        """As if every snapshot that lies here had come that much earlier."""
        for path in (self.repository(site) / "snapshots").iterdir():
            then = path.stat().st_mtime - seconds
            os.utime(path, (then, then))

    def wait_for_restic(self) -> None:
        """Until no restic of this world runs any more (one outlives the command that a test kills)."""
        for _ in range(600):
            if not any(self._of_this_world(path) for path in Path("/proc").glob("[0-9]*/environ")):
                return
            time.sleep(0.1)
        raise AssertionError("a restic of a killed command does not end")

    def _of_this_world(self, environ: Path) -> bool:
        try:
            return f"RESTIC_PASSWORD_FILE={self.base}/".encode() in environ.read_bytes()
        except OSError:
            return False

    def agent(
        self, site: str, *arguments: str, now: str | None = None, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """The command as this site's timers run it. `expect` is the exit code, None for any."""
        environment = self._environment(site)
        if now is not None:
            environment["CCPP_BACKUP_NOW"] = now
        done = subprocess.run(
            [sys.executable, str(COMMAND), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if expect is not None and done.returncode != expect:
            command = f"{site}: ccpp-backup {' '.join(arguments)}"
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def agent_here(self, site: str, *arguments: str, now: str) -> tuple[int, str]:
        """The same command without a process of its own, for a test that calls it a thousand times."""
        from backup_core.cli import main

        said = io.StringIO()
        kept = dict(os.environ)
        os.environ.update({**self._environment(site), "CCPP_BACKUP_NOW": now})
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                return main(list(arguments)), said.getvalue()
        finally:
            os.environ.clear()
            os.environ.update(kept)

    def agent_json(self, site: str, *arguments: str, now: str | None = None, expect: int | None = 0) -> Any:
        return json.loads(self.agent(site, *arguments, "--json", now=now, expect=expect).stdout)

    def restic(
        self, *arguments: str, repository: str, password: Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """restic itself, as an attacker or an onlooker runs it."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.base),
            "RESTIC_REPOSITORY": repository,
            "RESTIC_PASSWORD_FILE": str(password),
            "RESTIC_CACERT": str(self.base / "tls" / "ca.pem"),
            "RESTIC_CACHE_DIR": str(self.base / "onlooker-cache"),
        }
        return subprocess.run(
            [restic_program(), *arguments], env=environment, capture_output=True, text=True, check=check
        )

    def as_client(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """restic with all that the workstation has: HTTP user, repository password."""
        return self.restic(
            *arguments,
            repository=self.client_url(),
            password=self.password("accueil.workstation"),
            check=check,
        )

    def as_server(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Stock restic on LOCAL's disk, as a backup service without a ledger would use it."""
        return self.restic(
            *arguments,
            repository=str(self.repository("local")),
            password=self.password("accueil.local"),
            check=check,
        )

    @contextmanager
    def held_lock(self) -> Iterator[Path]:
        """The lock of a restic that works on the server's disk, while it works; then it is killed."""
        environment = {
            "PATH": os.environ["PATH"],
            "RESTIC_REPOSITORY": str(self.repository("local")),
            "RESTIC_PASSWORD_FILE": str(self.password("accueil.local")),
            "RESTIC_CACHE_DIR": str(self.base / "onlooker-cache"),
        }
        # Waits for its input, with the lock held.
        command = [restic_program(), "backup", "--stdin", "--host", "held"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=quiet) as process:
            try:
                yield self._lock_of(process)
            finally:
                process.kill()

    def _lock_of(self, process: subprocess.Popen[bytes]) -> Path:
        while process.poll() is None:
            found = [p for p in (self.repository("local") / "locks").iterdir() if len(p.name) == 64]
            if found:
                return found[0]
            self.pause()
        raise AssertionError("restic took no lock")

    def post(self, kind: str, body: bytes, name: str | None = None) -> str:
        """What the HTTP password alone allows: any object, as long as its name is its hash."""
        name = name or hashlib.sha256(body).hexdigest()
        request = urllib.request.Request(
            f"https://localhost:{self.writer_port}/accueil/{kind}/{name}", data=body, method="POST"
        )
        self._send(request)
        return name

    def delete(self, kind: str, name: str) -> None:
        url = f"https://localhost:{self.writer_port}/accueil/{kind}/{name}"
        self._send(urllib.request.Request(url, method="DELETE"))

    def _send(self, request: urllib.request.Request) -> None:
        request.add_header("Authorization", "Basic " + base64.b64encode(b"accueil:http-accueil").decode())
        context = ssl.create_default_context(cafile=str(self.base / "tls" / "ca.pem"))
        with urllib.request.urlopen(request, context=context):
            pass

    def snapshots(self, site: str, source: str = "accueil") -> set[str]:
        return {path.name for path in (self.repository(site, source) / "snapshots").iterdir()}

    def client_url(self, source: str = "accueil") -> str:
        return f"rest:https://{source}:http-{source}@localhost:{self.writer_port}/{source}/"

    def forge_ledger(self, site: str, act: str, fields: Mapping[str, Any], at: str) -> None:
        """An entry that continues the chain, as a thief who owns the server can write one."""
        from backup_core.ledger import Draft
        from backup_core.ledger_file import LedgerFile

        when = datetime.fromisoformat(at)
        LedgerFile(self.ledger(site)).append([Draft(act, "ccpp-backup", when, None, dict(fields))])

    # Set-up

    def write_files(self, source: str = "accueil", count: int = 20) -> None:
        folder = self.data(source)
        (folder / "dossier élus").mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / "dossier élus" / f"note {number}.txt").write_bytes(os.urandom(2000) + b"%d" % number)
        (folder / "empty").write_bytes(b"")
        (folder / "with\nnewline").write_text("x", encoding="utf-8")
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to("empty")
        with open(folder / "sparse", "wb") as file:
            file.truncate(1_000_000)

    def configure(self) -> None:
        for site in ("local", "remote", "workstation"):
            etc = self.base / site / "etc"
            (etc / "communes").mkdir(parents=True, exist_ok=True)
            for folder in ("repositories", "ledgers", "reports", "shipped", "state", "cache"):
                (self.base / site / folder).mkdir(exist_ok=True)
            agent = {
                "site": site,
                "server": f"{SLUG}-{site}",
                "state_directory": str(self.base / site / "state"),
                "cache_directory": str(self.base / site / "cache"),
                "service_user": "nobody-here",
            }
            (etc / "agent.json").write_text(json.dumps(agent), encoding="utf-8")
            commune = {
                "commune": SLUG,
                "name": "Saint-Exemple-sur-Noye",
                "opening": self.opening,
                "policy": {},
                "contacts": {},
                "sources": {name: self._source(site, name) for name in self.sources},
            }
            (etc / "communes" / f"{SLUG}.json").write_text(json.dumps(commune), encoding="utf-8")

    def set_paths(self, more: list[str]) -> None:
        """What LOCAL reads itself: the source's folder and these."""
        path = self.base / "local" / "etc" / "communes" / f"{SLUG}.json"
        commune = json.loads(path.read_text(encoding="utf-8"))
        wanted = [str(self.data()), *more]
        if commune["sources"]["accueil"]["paths"] != wanted:
            commune["sources"]["accueil"]["paths"] = wanted
            path.write_text(json.dumps(commune), encoding="utf-8")

    def _source(self, site: str, name: str) -> dict[str, Any]:
        common: dict[str, Any] = {
            "kind": self.kind,
            "paths": [str(self.data(name))],
            "exclude": ["*.tmp"],
            "priority": 1,
            "ledger": None if site == "workstation" else str(self.ledger(site, name)),
            "reports": None,
            "report_url": None,
            "upstream": None,
        }
        ca = str(self.base / "tls" / "ca.pem")
        if site == "workstation":
            common["repository"] = {
                "location_file": self._location(f"{name}.client", self.client_url(name)),
                "password_file": self._password(f"{name}.workstation"),
                "cacert": ca,
            }
            common["report_url"] = f"https://localhost:{self.web_port}/reports/{name}/"
            return common
        common["repository"] = {
            "location": str(self.repository(site, name)),
            "password_file": self._password(f"{name}.{site}"),
            "cacert": None,
        }
        if site == "local" and self.kind == "linux":
            common["reports"] = str(self.base / "local" / "reports" / name)
            Path(common["reports"]).mkdir(parents=True, exist_ok=True)
        if site == "local":
            common["shipped"] = str(self.base / "local" / "shipped" / f"{name}.jsonl")
        if site == "remote":
            url = f"rest:https://replica:http-replica@localhost:{self.reader_port}/{name}/"
            common["upstream"] = {
                "location_file": self._location(f"{name}.upstream", url),
                "password_file": self._password(f"{name}.pull"),
                "cacert": ca,
                "ledger_url": f"https://localhost:{self.web_port}/ledgers/{name}.jsonl",
                "ship_url": f"https://localhost:{self.web_port}/shipped/{name}.jsonl",
            }
        return common

    def _password(self, name: str) -> str:
        path = self.password(name)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_text(f"password-of-{name}\n", encoding="ascii")
        return str(path)

    def _location(self, name: str, url: str) -> str:
        path = self.base / "secrets" / f"{name}.location"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{url}\n", encoding="ascii")
        return str(path)

    def make_repositories(self) -> None:
        """What the module ccpp.backup.repository does on both servers."""
        from backup_core.config import RepositoryAccess
        from backup_core.repository import Key, Wanted, ensure

        os.environ["RESTIC"] = restic_program()
        for name in self.sources:
            keys = (
                Key("workstation", self._password(f"{name}.workstation")),
                Key("replica", self._password(f"{name}.pull")),
            )
            local = Wanted(
                location=str(self.repository("local", name)),
                password_file=self._password(f"{name}.local"),
                ledger=str(self.ledger("local", name)),
                site="local",
                who="setup",
                keys=keys,
            )
            remote = Wanted(
                location=str(self.repository("remote", name)),
                password_file=self._password(f"{name}.remote"),
                ledger=str(self.ledger("remote", name)),
                site="remote",
                who="setup",
                chunker_from=RepositoryAccess(
                    self._password(f"{name}.pull"), location=str(self.repository("local", name))
                ),
            )
            for wanted in (local, remote):
                ensure(wanted)
            for wanted in (local, remote):
                self._quicken(wanted)

    def _quicken(self, wanted: Any) -> None:
        """Give the repository quick keys, and its ledger their ids."""
        from backup_core.ledger import Draft
        from backup_core.ledger_file import LedgerFile

        entries = LedgerFile(wanted.ledger).read().entries
        files = {key.name: Path(key.password_file) for key in wanted.all_keys()}
        by_id = {e.fields["key"]: files[e.fields["name"]].read_bytes().strip() for e in entries}
        renamed = quicken(Path(wanted.location), by_id)
        os.unlink(wanted.ledger)
        for entry in entries:
            fields = {**entry.fields, "key": renamed[entry.fields["key"]]}
            LedgerFile(wanted.ledger).append([Draft(entry.act, entry.who, LONG_AGO, entry.why, fields)])

    def back_up_and_receive(self, now: str | None = None, *arguments: str) -> str:
        """One backup by the workstation with its receipt at LOCAL; returns the snapshot's id."""
        done = self.agent_json("workstation", "run", "--today-anyway", *arguments, now=now)
        self.agent("local", "receive", now=now)
        return str(done["sources"][0]["snapshot"])


def make_certificates(folder: Path) -> None:
    """A CA of the world's own, and a certificate for localhost."""
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    # Python 3.13 and later insist on these extensions, as roles/certificate sets them.
    authority = ("-days", "2", "-subj", "/CN=test CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", *curve, *authority, "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
    (folder / "extensions").write_text(extensions, encoding="ascii")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
    openssl("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")


def free_port() -> int:
    """One below those that the kernel gives to connections: none of these takes it before its server does."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


def _htpasswd(path: Path, users: list[str]) -> None:
    lines = []
    for user in users:
        digest = base64.b64encode(hashlib.sha1(f"http-{user}".encode()).digest()).decode()
        lines.append(f"{user}:{{SHA}}{digest}\n")
    path.write_text("".join(lines), encoding="ascii")


@contextmanager
def rest_servers(world: World) -> Iterator[None]:
    """The writer that workstations push to, and the reader that REMOTE pulls from."""
    tls = world.base / "tls"
    _htpasswd(world.base / "writer.htpasswd", list(world.sources))
    _htpasswd(world.base / "reader.htpasswd", ["replica"])
    processes = []
    try:
        for users, port, private in (
            ("writer", world.writer_port, ["--private-repos"]),
            ("reader", world.reader_port, []),
        ):
            command = [rest_server_program(), "--append-only", "--listen", f"127.0.0.1:{port}", *private]
            command += ["--path", str(world.base / "local" / "repositories")]
            command += ["--htpasswd-file", str(world.base / f"{users}.htpasswd")]
            command += ["--tls", "--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key")]
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            _wait_for(port)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def web_server(world: World) -> Iterator[None]:
    """Takes reports by PUT and gives ledgers by GET, as nginx does on a commune's server."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _user(self) -> str:
            scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(encoded).decode().partition(":") if scheme else ("", "", "")
            return user if password == f"http-{user}" else ""

        def do_PUT(self) -> None:
            _, area, place = self.path.split("/", 2)
            owner = {"reports": place.partition("/")[0], "shipped": "replica"}.get(area)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if owner is None or self._user() != owner:
                return self._answer(401)
            (world.base / "local" / area / place).write_bytes(body)
            return self._answer(201)

        def do_GET(self) -> None:
            _, area, name = self.path.split("/", 2)
            path = world.base / "local" / "ledgers" / name
            if area != "ledgers" or self._user() != "replica":
                return self._answer(401)
            return self._answer(200, path.read_bytes()) if path.exists() else self._answer(404)

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", world.web_port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.base / "tls" / "server.pem", world.base / "tls" / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def running(world: World) -> Iterator[World]:
    """The world's servers at work, and its configuration with their ports."""
    world.writer_port, world.reader_port, world.web_port = free_port(), free_port(), free_port()
    world.configure()
    with rest_servers(world), web_server(world):
        yield world
