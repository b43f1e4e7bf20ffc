# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs that make up a path say of it. Pure: text in, facts out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BackupError


@dataclass(frozen=True)
class Peer:
    """A WireGuard peer: where it is, when it last shook hands (seconds since 1970, 0: never), bytes."""

    endpoint: str | None
    handshake: int
    received: int
    sent: int

    @property
    def address(self) -> str | None:
        """The endpoint without its port, and an IPv6 address without its brackets."""
        return None if self.endpoint is None else self.endpoint.rpartition(":")[0].strip("[]")


def peers(dump: str) -> dict[tuple[str, str], Peer]:
    """Peers by interface and public key, from `wg show all dump`: nine fields each."""
    found = {}
    for line in dump.splitlines():
        fields = line.split("\t")
        if len(fields) != 9:
            continue
        name, key, _shared, endpoint, _allowed, handshake, received, sent, _alive = fields
        where = None if endpoint == "(none)" else endpoint
        found[name, key] = Peer(where, int(handshake), int(received), int(sent))
    return found


def bfd(text: str) -> dict[str, tuple[bool, float | None]]:
    """By the peer's address, whether it is alive and for how many seconds it has been so, from FRR's
    `show bfd peers json`. BackupError where that is no such list."""
    try:
        listed = json.loads(text)
        return {str(one["peer"]): _bfd(one) for one in listed}
    except (ValueError, KeyError, TypeError):
        raise BackupError("FRR does not say which paths are alive (show bfd peers json)") from None


def _bfd(peer: dict[str, Any]) -> tuple[bool, float | None]:
    alive = peer["status"] == "up"
    seconds = peer.get("uptime" if alive else "downtime")
    return alive, None if seconds is None else float(seconds)


_LOSS = re.compile(r"([0-9.]+)% packet loss")
_DELAY = re.compile(r"= [0-9.]+/([0-9.]+)/")


def ping(text: str) -> tuple[float | None, float | None]:
    """Loss in % and mean delay in ms, from what ping(8) of iputils says at its end."""
    loss, delay = _LOSS.search(text), _DELAY.search(text)
    return (None if loss is None else float(loss[1]), None if delay is None else float(delay[1]))


def next_endpoint(current: str | None, candidates: Sequence[str]) -> str | None:
    """Where to try a dead tunnel's other end next: the one after this, in turn. None without any."""
    if not candidates:
        return None
    if current not in candidates:
        return candidates[0]
    return candidates[(candidates.index(current) + 1) % len(candidates)]


def with_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
