# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as a page of documentation."""

from __future__ import annotations

from collections.abc import Iterable

from .matrix import SERVERS, Flow, Matrix

_SERVERS = {"local": "LOCAL", "remote": "REMOTE"}
_MEANING = {
    "local": "A commune's LOCAL server in its town hall",
    "remote": "The REMOTE server at the CCPP",
}


def markdown(matrix: Matrix) -> str:
    """The zones, and the flows by the server they reach or leave: tables in Markdown."""
    lines = ["## Zones", "", "| zone | what |", "| --- | --- |"]
    lines += [f"| {_end(server)} | {what} |" for server, what in _MEANING.items()]
    lines += [f"| {zone.name} | {zone.what} |" for zone in matrix.zones.values()]
    for server in SERVERS:
        for incoming, heading in ((True, "What {} accepts"), (False, "What {} sends")):
            lines += ["", f"## {heading.format(_end(server))}", ""]
            lines += _flows((flow for flow in matrix.flows if flow.peers(server, incoming)), server, incoming)
    return "\n".join([*lines, ""])


def _flows(flows: Iterable[Flow], server: str, incoming: bool) -> list[str]:
    end = "from" if incoming else "to"
    lines = [f"| flow | {end} | through | what | why |", "| --- | --- | --- | --- | --- |"]
    for flow in flows:
        peers = ", ".join(_end(peer) for peer in flow.peers(server, incoming))
        through = "tunnels" if flow.inside else ""
        lines.append(f"| {flow.name} | {peers} | {through} | {_what(flow, incoming)} | {flow.why} |")
    return lines


def _end(name: str) -> str:
    return _SERVERS.get(name, name)


def _what(flow: Flow, incoming: bool) -> str:
    words = [f"{'/'.join(flow.protocols)} {', '.join(map(str, flow.ports or flow.types))}".strip()]
    if flow.from_ports:
        words.append(f"from port {', '.join(map(str, flow.from_ports))}")
    if flow.user and not incoming:
        words.append(f"sent by `{flow.user}`")
    if flow.limit and incoming:
        words.append(f"{flow.limit.per_minute} new a minute from one source, {flow.limit.burst} at once")
    if flow.when:
        words.append(f"only while `{flow.when}`")
    return "; ".join(words)
