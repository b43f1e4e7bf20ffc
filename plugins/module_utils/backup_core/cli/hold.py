# Copyright (c) 2026 CCPP
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ccpp-backup hold`: nothing is removed until a person says so."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..clock import Clock
from ..config import Config, load
from ..errors import DONE, InputError
from .output import Output
from .sources import person

if TYPE_CHECKING:
    from ..hold import Scope

HELP = "place, release or list holds: while one covers a source, nothing of it is removed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("place", "release", "list"))
    parser.add_argument("--commune", metavar="SLUG", help="the commune (of the source, or all of it)")
    parser.add_argument("--source", metavar="NAME", help="only this source of the commune")
    parser.add_argument(
        "--everything", action="store_true", help="every source on this server, also later ones"
    )
    parser.add_argument("--why", metavar="TEXT", help="the reason, for the ledger")
    parser.add_argument(
        "--who", metavar="NAME", help="the person who decides (default: who you are logged in as)"
    )


def execute(args: argparse.Namespace, out: Output) -> int:
    from .. import hold

    config = load()
    clock = Clock(args.now)
    if args.action == "list":
        return _list(args, config, clock, out)
    scope = _scope(args, config)
    if args.why is None:
        raise InputError("--why: missing (the reason goes into the ledger)")
    who = args.who or person()
    change = hold.place_hold if args.action == "place" else hold.release
    written = change(config, clock, scope, who, args.why)
    if args.json:
        out.json({"scope": scope.text, "action": args.action, "changed": bool(written)})
    else:
        done = "held" if args.action == "place" else "released"
        out.line(f"{scope.text}: {done}" if written else f"{scope.text}: was {done} already")
    return DONE


def _scope(args: argparse.Namespace, config: Config) -> Scope:
    from ..hold import Scope

    if args.everything and (args.commune is not None or args.source is not None):
        raise InputError("--everything covers every commune and source: leave --commune and --source out")
    if args.everything:
        return Scope()
    if args.source is not None:
        one = config.one(args.commune, args.source)
        return Scope(one.commune, one.name)
    if args.commune is None:
        raise InputError("what to hold: name --source, --commune or --everything")
    config.select(args.commune)
    return Scope(args.commune)


def _list(args: argparse.Namespace, config: Config, clock: Clock, out: Output) -> int:
    from .. import hold
    from ..workplace import Workplace

    found = {
        source.series: hold.reasons(Workplace(config, source, clock))
        for source in config.select(args.commune, args.source)
        if source.ledger is not None
    }
    if args.json:
        out.json({"sources": [{"source": series, "held": reasons} for series, reasons in found.items()]})
        return DONE
    for series, reasons in found.items():
        for reason in reasons:
            out.line(f"{series}: held by {reason}")
    if not any(found.values()):
        out.line("nothing is held")
    return DONE
