# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at every tunnel, and mends what a restart or another endpoint mends. As root, with CAP_NET_ADMIN."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import BackupError
from ..times import utc_text
from . import paths, reading, routing
from .settings import Line, Links, Tunnel

TIMEOUT = 20.0
PINGS = 10
AT_A_TIME = 16
# A tunnel's packets that its line cannot carry whole: sizes to try, those of common lines.
SIZES = (1432, 1412, 1392, 1372, 1352, 1332, 1312, 1280)
# What ping puts around the bytes that it is asked to send: the headers of IPv4 and ICMP.
PING_HEADERS = 28


def ask(*command: str, good: Sequence[int] = (0,)) -> str:
    """What a command prints; BackupError where it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"{command[0]}: {error}") from None
    if done.returncode not in good:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise BackupError(f"{' '.join(command[:3])}: {said[:200] or done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def lay_routes(lines: Sequence[Line]) -> list[str]:
    """Bring each line's routing table in line with the main one; what could not be done."""
    problems = []
    for line in lines:
        for family in routing.FAMILIES:
            try:
                _lay(line, family)
            except BackupError as error:
                problems.append(f"routes over {line.interface}: {error}")
    return problems


def _lay(line: Line, family: int) -> None:
    for arguments in routing.rules(_ip(family, "rule", "show"), line, family):
        ask("ip", *arguments)
    main = _ip(family, "route", "show", "table", "main")
    present = _ip(family, "route", "show", "table", str(line.table))
    for arguments in routing.changes(present, routing.wanted(main, line, family), line.table, family):
        # An interface may go between the look and the act; the next event tells.
        ask("ip", *arguments, good=(0, 2) if arguments[2] == "del" else (0,))


def _ip(family: int, *arguments: str) -> list[dict[str, Any]]:
    # A table that nothing was ever in does not exist, which is an error.
    said = ask("ip", f"-{family}", "-json", *arguments, good=(0, 2)).strip()
    try:
        return [one for one in json.loads(said) if one] if said else []
    except ValueError:
        raise BackupError(f"ip {' '.join(arguments)}: no JSON") from None


class Looker:
    """Looks again and again, and remembers since when each path is as it is."""

    def __init__(self, links: Links, before: Mapping[str, Any]) -> None:
        self._links = links
        self._before = {one.name: one for one in paths.paths_of(before)}
        self._looks = 0
        self._sized: dict[str, datetime] = {}

    def look(self) -> dict[str, Any]:
        """One look at all the tunnels, as a document for links.json."""
        now = datetime.now(UTC)
        problems: list[str] = []
        alive: dict[str, tuple[bool, float | None]] | None = None
        peers: dict[tuple[str, str], reading.Peer] = {}
        try:
            alive = reading.bfd(ask("vtysh", "-c", "show bfd peers json"))
        except BackupError as error:
            problems.append(str(error))
        try:
            peers = reading.peers(ask("wg", "show", "all", "dump"))
        except BackupError as error:
            problems.append(str(error))
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            found = list(pool.map(lambda one: self._path(one, alive, peers, now), self._links.tunnels))
        self._looks += 1
        self._before = {one.name: one for one in found}
        return paths.document(found, now, problems)

    def _path(
        self,
        tunnel: Tunnel,
        alive: Mapping[str, tuple[bool, float | None]] | None,
        peers: Mapping[tuple[str, str], reading.Peer],
        now: datetime,
    ) -> paths.Path:
        before = self._before.get(tunnel.name)
        says, seconds = (None, None) if alive is None else alive.get(tunnel.peer, (False, None))
        peer = peers.get((tunnel.name, tunnel.peer_key))
        problem = None
        if not os.path.exists(f"/sys/class/net/{tunnel.name}"):
            problem = _start_again(tunnel)
        elif peer is None:
            problem = "the other end's key is not the one on file; run site for the commune"
        elif not says:
            problem = _follow(tunnel, peer)
        loss, delay = (before.seen.loss, before.seen.delay) if before else (None, None)
        if problem is None and (before is None or self._is_asked(tunnel)):
            loss, delay = _pinged(tunnel)
        mtu = self._size(tunnel, now) if says else _mtu(tunnel)
        seen = paths.Seen(
            alive=says,
            carries=_carries(tunnel),
            loss=loss,
            delay=delay,
            received=peer.received if peer else 0,
            sent=peer.sent if peer else 0,
            endpoint=peer.endpoint if peer else None,
            handshake=utc_text(datetime.fromtimestamp(peer.handshake, UTC))
            if peer and peer.handshake
            else None,
            mtu=mtu,
            problem=problem,
        )
        since = utc_text((now - timedelta(seconds=seconds or 0)).replace(microsecond=0))
        state = paths.state_of(seen)
        mine = (tunnel.commune, tunnel.number, tunnel.name, tunnel.kind, tunnel.paid)
        return paths.followed(before, paths.Path(*mine, state, since, seen))

    def _size(self, tunnel: Tunnel, now: datetime) -> int | None:
        """Find the largest packet that gets through: when the one of now does not, when a path has just come
        back, and once an hour, since a line may carry more again."""
        before = self._before.get(tunnel.name)
        due = self._sized.get(tunnel.name)
        present = _mtu(tunnel)
        if (
            before is not None
            and before.state == "up"
            and due is not None
            and now < due
            and (not self._is_asked(tunnel) or _fits(tunnel, present))
        ):
            return present
        self._sized[tunnel.name] = now + timedelta(hours=1)
        for size in (tunnel.mtu, *(size for size in SIZES if size < tunnel.mtu)):
            if _mtu(tunnel) != size:
                ask("ip", "link", "set", "dev", tunnel.name, "mtu", str(size))
            if _fits(tunnel, size):
                return size
        # Nothing gets through at all: that is no question of size.
        ask("ip", "link", "set", "dev", tunnel.name, "mtu", str(tunnel.mtu))
        return tunnel.mtu

    def _is_asked(self, tunnel: Tunnel) -> bool:
        """Whether pings are sent at this look: fewer where they are paid for."""
        return not tunnel.paid or self._looks % 4 == 0


def _start_again(tunnel: Tunnel) -> str:
    unit = f"ccpp-backup-link@{tunnel.name}.service"
    try:
        ask("systemctl", "--no-block", "restart", unit)
    except BackupError as error:
        return f"the interface is gone: {error}"
    return f"the interface was gone; {unit} is started again"


def _follow(tunnel: Tunnel, peer: reading.Peer) -> str | None:
    """Try the other end of a dead tunnel at the next of its addresses; a name may have got others."""
    if not tunnel.endpoints:
        return None
    addresses, unknown = _resolved(tunnel)
    target = reading.next_endpoint(peer.address, addresses)
    if target is None:
        return f"no address for {', '.join(unknown)}" if unknown else None
    if target != peer.address:
        where = reading.with_port(target, tunnel.port)
        try:
            ask("wg", "set", tunnel.name, "peer", tunnel.peer_key, "endpoint", where)
        except BackupError as error:
            return str(error)
    return None


def _resolved(tunnel: Tunnel) -> tuple[list[str], list[str]]:
    """Addresses of the other end that this line has a way to, and the names that have none now."""
    found: list[str] = []
    unknown = []
    for name in tunnel.endpoints:
        try:
            answers = socket.getaddrinfo(name, tunnel.port, type=socket.SOCK_DGRAM)
        except OSError:
            unknown.append(name)
            continue
        found += [str(one[4][0]) for one in answers]
    return [one for one in dict.fromkeys(found) if _has_way(tunnel, one)], unknown


def _has_way(tunnel: Tunnel, address: str) -> bool:
    mark = _mark(tunnel)
    try:
        ask("ip", "route", "get", address, *(("mark", str(mark)) if mark else ()))
    except BackupError:
        return False
    return True


def _mark(tunnel: Tunnel) -> int:
    try:
        said = ask("wg", "show", tunnel.name, "fwmark").strip()
        return 0 if said == "off" else int(said, 0)
    except (BackupError, ValueError):
        return 0


def _carries(tunnel: Tunnel) -> bool:
    try:
        ways = json.loads(ask("ip", "-json", "route", "get", tunnel.loopback))
    except (BackupError, ValueError):
        return False
    return any(way.get("dev") == tunnel.name for way in ways)


def _pinged(tunnel: Tunnel) -> tuple[float | None, float | None]:
    return _ping(tunnel, "-c", str(PINGS), "-i", "0.2", "-w", "4")


def _ping(tunnel: Tunnel, *options: str) -> tuple[float | None, float | None]:
    try:
        return reading.ping(ask("ping", "-n", "-q", *options, "-I", tunnel.name, tunnel.peer, good=(0, 1)))
    except BackupError:
        return 100.0, None


def _fits(tunnel: Tunnel, size: int | None) -> bool:
    """Whether a packet of that size gets to the other end and back; True where there is no size to try."""
    if size is None:
        return True
    whole = ("-M", "do", "-s", str(size - PING_HEADERS))
    return _ping(tunnel, "-c", "3", "-i", "0.2", "-w", "2", *whole)[0] != 100


def _mtu(tunnel: Tunnel) -> int | None:
    try:
        with open(f"/sys/class/net/{tunnel.name}/mtu", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
