# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup links`: the tunnels between this server and the other."""

from __future__ import annotations

import argparse
import os
from datetime import datetime
from typing import TYPE_CHECKING

from ..clock import Clock
from ..config import load
from ..errors import ATTENTION, DONE, InputError
from ..times import paris, parse_instant
from . import table
from .output import Output

if TYPE_CHECKING:
    from ..links.paths import Path

HELP = "show both paths of each commune: state, since when, loss and delay, which carries the traffic"
ACTIONS = {
    "show": "say what the last look found (what happens without an action)",
    "look": "as root: look now, and mend what a restart or another address mends",
    "watch": "as root: keep the lines' routing tables and look every 15 s (ccpp-backup-links.service)",
}
HEADINGS = ("", "path", "over", "state", "since", "carries", "loss", "delay", "received", "sent")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = "; ".join(f"{name}: {what}" for name, what in ACTIONS.items())
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", metavar="ACTION", help=actions)


def execute(args: argparse.Namespace, out: Output) -> int:
    from ..links import look, paths, settings, watch

    config = load()
    if config.site == "workstation":
        raise InputError("links: a workstation has none; run it on a server")
    links = settings.load()
    if args.action != "show":
        if os.geteuid() != 0:
            raise InputError(f"links {args.action}: run it as root")
        if args.action == "watch":
            watch.watch(links, config.state_directory, out.line)
        for problem in look.lay_routes(links.lines):
            out.warning(problem)
        looker = look.Looker(links, paths.read(config.state_directory))
        watch.write(config.state_directory, looker.look())
    found = paths.judge(paths.read(config.state_directory), bool(links.tunnels), Clock(args.now).now())
    if args.json:
        out.json(found.as_json())
    else:
        table.write(out, [HEADINGS, *(row(one) for one in found.paths)], right=(6, 7, 8, 9))
        for reason in found.reasons:
            out.line(reason)
    return DONE if found.level == "ok" else ATTENTION


def row(path: Path) -> tuple[str, ...]:
    """A path as a line of the table."""
    seen = path.seen
    since = parse_instant(path.since, "since").astimezone(paris())
    return (
        path.commune,
        path.name,
        f"{path.kind}{', paid' if path.paid else ''}",
        path.state,
        _moment(since),
        "yes" if seen.carries else "-",
        "-" if seen.loss is None else f"{seen.loss:.0f} %",
        "-" if seen.delay is None else f"{seen.delay:.1f} ms",
        f"{seen.received / 1e6:.1f} MB",
        f"{seen.sent / 1e6:.1f} MB",
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
